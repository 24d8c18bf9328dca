"""The known mistakes of the CLIP lesson's exercises: a sentence for each, and a formula that makes them.

Every formula gives the right answer for an empty `wrong`, and with names of mistakes what these would give.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

Names = frozenset[str]

SIMILARITY = {
    "raw": "You did not normalise: a dot product grows with the lengths of the vectors, a cosine does not.",
    "raw text": "You normalised the images only: the texts need length 1 too.",
    "raw image": "You normalised the texts only: the images need length 1 too.",
    "batch axis": "You normalised over the batch axis (dim=0): the vector of *one* picture is a row, so take its "
    "length over the features, dim=1.",
    "keepdim": "Your norms have shape (B,), so they divide the columns: keepdim=True gives (B, 1), one for each row.",
    "whole": "You divided by the norm of the whole matrix: each row has its own length, so the norm needs dim=1.",
    "squared": "You divided by the squared length: the norm is the square root of the sum of squares.",
    "l1": "You divided by the sum of absolute values: the length is the square root of the sum of squares.",
    "swapped": "Rows and columns are swapped: row i belongs to image i, column j to text j.",
    "pairs": "You compared each image with its own text only: every image meets every text, which is a matrix product.",
    "softmax": "You applied a softmax: this matrix holds cosines, the softmax comes with the loss.",
    "distance": "You computed distances: a cosine is a dot product of unit vectors, and 1 for equal directions.",
}


def similarity(image: Tensor, text: Tensor, wrong: Names) -> Tensor:
    u, v = (_scaled(x, wrong, f"raw {name}") for name, x in (("image", image), ("text", text)))
    s = torch.cdist(u, v) if "distance" in wrong else u @ v.T
    s = s.softmax(1) if "softmax" in wrong else s
    return s.T if "swapped" in wrong else s.diagonal() if "pairs" in wrong else s


def _scaled(x: Tensor, wrong: Names, raw: str) -> Tensor:
    if "raw" in wrong or raw in wrong:
        return x
    if "l1" in wrong:
        return x / x.abs().sum(1, keepdim=True)
    if "whole" in wrong:
        return x / x.norm()
    length = x.norm(dim=0 if "batch axis" in wrong else 1, keepdim="keepdim" not in wrong)
    return x / (length**2 if "squared" in wrong else length)


OVERFLOW = (
    "e^(1/τ) = e^200 is more than float32 holds (e^88.7), so the exponentials overflow before the logarithm takes them "
    "back. `F.cross_entropy`, `log_softmax` and `logsumexp` subtract the largest logit first."
)
UNDERFLOW = "a probability is rounded to 0, and log 0 = −∞. `F.cross_entropy` and `log_softmax` stay in the logarithms."
CAPPED = "a number added inside the logarithm, or a clamp, hides what it should keep finite."

LOSS = {
    "i2t only": "One direction only: you classify the text of each image (the rows). Add the image of each text (the "
    "columns), and take the mean.",
    "t2i only": "One direction only: you classify the image of each text (the columns). Add the text of each image "
    "(the rows), and take the mean.",
    "multiplied": "You multiplied by τ: a small temperature sharpens, so divide by it.",
    "no temperature": "τ has no effect: it is missing, or you divided by τ and then multiplied again. Divide the "
    "similarities by it once.",
    "loss times τ": "You divided by τ and then multiplied again: the loss itself is not scaled.",
    "twice": "You divided by τ twice.",
    "added": "You added the two directions: take their mean, so that guessing costs ln B.",
    "summed": "You summed over the batch: take the mean, so that the loss does not grow with B.",
    "sign": "The sign is reversed: this falls when the right pairs become less likely.",
    "whole": "Your softmax runs over the whole matrix: each row, and each column, is a classification of its own.",
    "all pairs": "You averaged over all pairs: only the diagonal holds the right ones.",
    "no positive": "You left the right pair out of the denominator: it is one of the B classes.",
    "first": "You take column 0 as the right answer of every row: row i belongs to column i, `torch.arange(B)`.",
    "softmax twice": "You gave probabilities to the cross-entropy: it takes logits and applies the softmax itself.",
}


def loss(image: Tensor, text: Tensor, tau: float, wrong: Names) -> Tensor:
    power = 1 if "multiplied" in wrong else 0 if "no temperature" in wrong else -2 if "twice" in wrong else -1
    logits = image @ text.T * tau**power
    halves = [_direction(logits, wrong), _direction(logits.T, wrong)]
    halves = halves[:1] if "i2t only" in wrong else halves[1:] if "t2i only" in wrong else halves
    value = sum(halves) / (1 if "added" in wrong else len(halves))
    return value * (-1 if "sign" in wrong else 1) * (tau if "loss times τ" in wrong else 1)


def _direction(logits: Tensor, wrong: Names) -> Tensor:
    logits = logits.softmax(1) if "softmax twice" in wrong else logits
    if "no positive" in wrong:
        own = torch.eye(len(logits), dtype=torch.bool)
        log_p = logits - logits.masked_fill(own, -torch.inf).logsumexp(1, keepdim=True)
    else:
        log_p = logits.flatten().log_softmax(0).view_as(logits) if "whole" in wrong else logits.log_softmax(1)
    chosen = log_p if "all pairs" in wrong else log_p[:, 0] if "first" in wrong else log_p.diagonal()
    return -chosen.sum() if "summed" in wrong else -chosen.mean()


MASK = {
    "nothing": "Equal captions are still negatives of each other.",
    "diagonal": "You masked the diagonal too: every caption equals itself, and then no right answer is left.",
    "zero": "You set the entries to 0: e⁰ = 1, so they still count. −∞ takes them out of the sum.",
    "inverted": "You masked the captions that differ: those are the true negatives.",
    "any": "You mask captions that share a single token, padding included: all tokens have to be equal, `all(dim=-1)`.",
    "any word": "You mask captions that share a single word: all tokens have to be equal, `all(dim=-1)`.",
    "first": "You compared the first token only: all tokens have to be equal, `all(dim=-1)`.",
    "order": "You compared the words without their order: 'red on blue' is not 'blue on red'.",
    "sum": "You compared sums of token numbers: different captions can have equal sums. Compare token by token.",
    "upper half": "You masked the upper half only: if j says the same as i, then i says the same as j.",
    "lower half": "You masked the lower half only: if j says the same as i, then i says the same as j.",
    "softmax": "You returned probabilities: return logits, the softmax comes with the loss.",
}


def mask(logits: Tensor, tokens: Tensor, wrong: Names) -> Tensor:
    equal = tokens[:, None] == tokens[None, :]  # (B, B, L)
    ordered = tokens.sort(1).values
    same = {
        "any": equal.any(-1),
        "any word": (equal & (tokens > 0)).any(-1),
        "first": equal[..., 0],
        "order": (ordered[:, None] == ordered[None, :]).all(-1),
        "sum": tokens.sum(1)[:, None] == tokens.sum(1)[None, :],
    }
    same = next((same[name] for name in same if name in wrong), equal.all(-1))
    own = torch.eye(len(tokens), dtype=torch.bool)
    hidden = ~same & ~own if "inverted" in wrong else same if "diagonal" in wrong else same & ~own
    hidden = hidden.triu() if "upper half" in wrong else hidden.tril() if "lower half" in wrong else hidden
    result = logits if "nothing" in wrong else logits.masked_fill(hidden, 0 if "zero" in wrong else -torch.inf)
    return result.softmax(1) if "softmax" in wrong else result


ZERO_SHOT = {
    "no first": "You averaged before you normalised: a long prompt vector has the larger say. Normalise each first.",
    "no last": "Your class vectors are shorter than 1: the mean of unit vectors has to be normalised again.",
    "templates axis": "You normalised over the templates (dim=1): the vector of one prompt lies along the last axis.",
    "classes axis": "You normalised over the classes (dim=0): the vector of one prompt lies along the last axis.",
    "over classes": "You averaged over the classes (dim=0): the templates are axis 1.",
    "over features": "You averaged over the features: the templates are axis 1.",
    "single": "You used the first template only: average over all of them.",
    "largest": "You took the maximum over the templates: take the mean.",
    "kept": "You kept all the templates: average over axis 1, so that (C, D) is left.",
}


def zero_shot(prompts: Tensor, wrong: Names) -> Tensor:
    axis = 0 if "classes axis" in wrong else 1 if "templates axis" in wrong else 2
    x = prompts if "no first" in wrong else F.normalize(prompts, dim=axis)
    if "single" in wrong:
        x = x[:, 0]
    elif "kept" not in wrong:
        axis = 0 if "over classes" in wrong else 2 if "over features" in wrong else 1
        x = x.amax(axis) if "largest" in wrong else x.mean(axis)
    return x if "no last" in wrong else F.normalize(x, dim=-1)


RECALL = {
    "from one": "You count the right key itself among those before it: a rank from 1 goes with rank ≤ K.",
    "one too many": "You let K + 1 keys count: a rank from 0 goes with rank < K.",
    "columns": "You searched along the columns (dim=0): a query is a row, its keys lie along dim=1.",
    "lowest": "You took the least similar keys: the most similar come first.",
    "diagonal": "You took key i as the answer of query i: `relevant` says which keys are right.",
    "count": "You returned a count: divide by the number of queries.",
    "percent": "You returned per cent: return a share between 0 and 1.",
    "misses": "You returned the share of queries that miss.",
    "first only": "You looked at the nearest key only, whatever K is.",
}
RECALL_SEVERAL = {
    "share": "You returned the share of right keys that were found: one right key among the first K is enough.",
    "precision": "You returned the share of the first K that are right: one right key among them is enough.",
    "all": "You wanted all right keys among the first K: one is enough.",
    "first right": "You looked at the first right key of each query only: any of them will do.",
}
RECALL_TIES = {
    "won": "You count a tie as won, so embeddings that are all equal reach 1: a wrong key that is as similar stands "
    "before the right one (`>=`).",
    "expected": "You count a tie by its probability, as the library does by default: here it counts as lost.",
}
RECALL_ORDER = (
    "The order of the columns decides a tie, as it does in `topk`, `argsort` and `argmax`: a wrong key that is as "
    "similar stands before the right one, so count the wrong keys with `>=`."
)


def recall(similarity: Tensor, relevant: Tensor, k: int, wrong: Names) -> Tensor:
    s, r = (similarity.T, relevant.T) if "columns" in wrong else (similarity, relevant)
    s = -s if "lowest" in wrong else s
    r = torch.eye(*s.shape, dtype=torch.bool) if "diagonal" in wrong else r
    r = F.one_hot(r.int().argmax(1), s.shape[1]).bool() if "first right" in wrong else r
    k = 1 if "first only" in wrong else k - 1 if "from one" in wrong else k + 1 if "one too many" in wrong else k
    found = ((s[:, None] > s[:, :, None]).sum(-1) < k) & r  # (N, M) right keys among the first k
    best = s.masked_fill(~r, -torch.inf).amax(1, keepdim=True)
    before = (s > best if "won" in wrong else s >= best) & ~r
    hits = (before.sum(1) < k).double()
    if "share" in wrong:
        hits = found.sum(1) / r.sum(1)
    elif "precision" in wrong:
        hits = found.sum(1) / k
    elif "all" in wrong:
        hits = (found == r).all(1).double()
    value = hits.sum() if "count" in wrong else hits.double().mean()
    return 1 - value if "misses" in wrong else 100 * value if "percent" in wrong else value


PLANTED = {
    "image axis": "The numbers of one picture lie along dim=1: over which axis is `image` normalised?",
    "text axis": "The numbers of one text lie along dim=1: over which axis is `text` normalised?",
    "logarithm": "The logits are multiplied by a logarithm: `logit_scale` is log 1/τ.",
    "kept gradients": "At the second step the gradients of the first are still there.",
}
NEW_BUGS = {
    "inverse": "The logits are multiplied by τ: `logit_scale.exp()` is 1/τ, which multiplies them.",
    "i2t only": "The loss has lost one direction: both cross-entropies belong to it.",
    "added": "The loss is the sum of the two directions: take their mean.",
    "scale detached": "The temperature does not learn: its gradient is cut off.",
}


def step(model, optimizer, images: Tensor, tokens: Tensor, wrong: Names) -> float:
    image = F.normalize(model.image_encoder(images), dim=0 if "image axis" in wrong else 1)
    text = F.normalize(model.text_encoder(tokens), dim=0 if "text axis" in wrong else 1)
    scale = model.logit_scale.detach() if "scale detached" in wrong else model.logit_scale
    scale = scale if "logarithm" in wrong else (-scale).exp() if "inverse" in wrong else scale.exp()
    logits, target = scale * image @ text.T, torch.arange(len(image))
    value = F.cross_entropy(logits, target)
    if "i2t only" not in wrong:
        value = (value + F.cross_entropy(logits.T, target)) / (1 if "added" in wrong else 2)
    if "kept gradients" not in wrong:
        optimizer.zero_grad()
    value.backward()
    optimizer.step()
    return value.item()


GRADIENT = {
    "no scale": "You derived by 1/τ: $a$ is its logarithm, so a factor $e^a$ is missing.",
    "by τ": "You derived by τ itself: $a = \\log 1/τ$, so $∂L/∂a = −τ\\, ∂L/∂τ$.",
    "sign": "The sign is reversed: what the softmax expects comes first, the right pair is subtracted.",
    "i2t only": "One direction only: the columns (softmax over dim=0) are missing.",
    "t2i only": "One direction only: the rows (softmax over dim=1) are missing.",
    "added": "You added the two directions: the loss is their mean.",
    "summed": "You summed over the batch: the loss is a mean.",
    "no right": "The right pair is missing: softmax minus one-hot, so subtract the mean of the diagonal.",
    "blunt": "Your softmax does not know the temperature: it runs over $e^a S$, not over $S$.",
    "diagonal": "You weighted the right pairs only: the softmax averages over all the columns of a row.",
}


def scale_gradient(image: Tensor, text: Tensor, logit_scale: Tensor, wrong: Names) -> Tensor:
    similarity, factor = image @ text.T, logit_scale.exp()
    logits = similarity if "no scale" in wrong or "by τ" in wrong else factor * similarity
    sharp = similarity if "blunt" in wrong else factor * similarity
    rows, columns = sharp.softmax(1) * logits, sharp.softmax(0) * logits
    if "diagonal" in wrong:
        rows, columns = rows.diagonal()[:, None], columns.diagonal()[None, :]
    right = 0 if "no right" in wrong else logits.diagonal()
    halves = [rows.sum(1) - right, columns.sum(0) - right]
    halves = [half.sum() if "summed" in wrong else half.mean() for half in halves]
    halves = halves[:1] if "i2t only" in wrong else halves[1:] if "t2i only" in wrong else halves
    value = sum(halves) / (1 if "added" in wrong else len(halves))
    value = -value * factor**2 if "by τ" in wrong else value  # ∂L/∂τ = −(1/τ²) ∂L/∂(1/τ)
    return -value if "sign" in wrong else value
