"""A bank of wrong answers to the CLIP lesson's exercises, as learners write them, with a piece of the right message.

They are written out in full and share no code with the formulas by which the checks recognise them.
"""

import math

import torch
import torch.nn.functional as F

WRONG = {id: [] for id in (f"clip.{n}" for n in range(1, 8))}
RIGHT = {id: [] for id in WRONG}


def wrong(id, message):
    """Put a function into the bank: `message` has to be part of what the learner reads."""
    return lambda function: WRONG[id].append((function, message)) or function


def right(id):
    return lambda function: RIGHT[id].append(function) or function


# clip.1: similarity matrix ------------------------------------------------------------------------------------------
wrong("clip.1", "You did not normalise")(lambda image, text: image @ text.T)
wrong("clip.1", "over the batch axis (dim=0)")(
    lambda image, text: F.normalize(image, dim=0) @ F.normalize(text, dim=0).T
)
wrong("clip.1", "normalised the images only")(lambda image, text: F.normalize(image, dim=1) @ text.T)
wrong("clip.1", "normalised the texts only")(lambda image, text: image @ F.normalize(text, dim=1).T)
wrong("clip.1", "keepdim=True")(lambda image, text: (image / image.norm(dim=1)) @ (text / text.norm(dim=1)).T)
wrong("clip.1", "norm of the whole matrix")(lambda image, text: (image / image.norm()) @ (text / text.norm()).T)
wrong("clip.1", "squared length")(
    lambda image, text: (image / (image**2).sum(1, keepdim=True)) @ (text / (text**2).sum(1, keepdim=True)).T
)
wrong("clip.1", "sum of absolute values")(
    lambda image, text: F.normalize(image, p=1, dim=1) @ F.normalize(text, p=1, dim=1).T
)
wrong("clip.1", "Rows and columns are swapped")(
    lambda image, text: F.normalize(text, dim=-1) @ F.normalize(image, dim=-1).T
)
wrong("clip.1", "with its own text only")(lambda image, text: F.cosine_similarity(image, text))
wrong("clip.1", "You applied a softmax")(
    lambda image, text: (F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).T).softmax(dim=-1)
)
wrong("clip.1", "You computed distances")(
    lambda image, text: torch.cdist(F.normalize(image, dim=-1), F.normalize(text, dim=-1))
)
wrong("clip.1", "Also: ")(lambda image, text: (F.normalize(image, dim=0) @ F.normalize(text, dim=0).T).softmax(1))
wrong("clip.1", "is not right yet: at [0, 0] yours is")(
    lambda image, text: 2 * (F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).T)
)
wrong("clip.1", "writes into a tensor")(lambda image, text: image.div_(image.norm(dim=1, keepdim=True)) @ text.T)

right("clip.1")(lambda image, text: F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).T)
right("clip.1")(lambda image, text: F.cosine_similarity(image[:, None], text[None, :], dim=-1))
right("clip.1")(
    lambda image, text: (
        torch.einsum("id,jd->ij", image, text) / torch.outer(image.square().sum(1).sqrt(), text.square().sum(1).sqrt())
    )
)
right("clip.1")(lambda image, text: F.normalize(image.double(), dim=1) @ F.normalize(text.double(), dim=1).T)


@right("clip.1")
def similarity_by_loops(image, text):
    return [[float(torch.dot(u, v) / (u.norm() * v.norm())) for v in text] for u in image]


# clip.2: contrastive loss -------------------------------------------------------------------------------------------
def both(logits):
    target = torch.arange(len(logits))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def own(logits):
    return torch.arange(len(logits))


wrong("clip.2", "classify the text of each image (the rows)")(
    lambda image, text, t: F.cross_entropy(image @ text.T / t, own(image))
)
wrong("clip.2", "classify the image of each text (the columns)")(
    lambda image, text, t: F.cross_entropy(text @ image.T / t, own(image))
)
wrong("clip.2", "You multiplied by τ")(lambda image, text, t: both(image @ text.T * t))
wrong("clip.2", "τ has no effect")(lambda image, text, t: both(image @ text.T))
wrong("clip.2", "divided by τ and then multiplied again")(lambda image, text, t: both(image @ text.T / t * t))
wrong("clip.2", "the loss itself is not scaled")(lambda image, text, t: both(image @ text.T / t) * t)
wrong("clip.2", "divided by τ twice")(lambda image, text, t: both((image / t) @ (text / t).T))
wrong("clip.2", "You added the two directions")(lambda image, text, t: 2 * both(image @ text.T / t))
wrong("clip.2", "summed over the batch")(lambda image, text, t: both(image @ text.T / t) * len(image))
wrong("clip.2", "sign is reversed")(lambda image, text, t: -both(image @ text.T / t))
wrong("clip.2", "over the whole matrix")(
    lambda image, text, t: -(image @ text.T / t).flatten().log_softmax(0).view(len(image), -1).diag().mean()
)
wrong("clip.2", "averaged over all pairs")(
    lambda image, text, t: (
        -((image @ text.T / t).log_softmax(1).mean() + (image @ text.T / t).log_softmax(0).mean()) / 2
    )
)
wrong("clip.2", "column 0")(
    lambda image, text, t: (
        (
            F.cross_entropy(image @ text.T / t, torch.zeros(len(image), dtype=torch.long))
            + F.cross_entropy(text @ image.T / t, torch.zeros(len(image), dtype=torch.long))
        )
        / 2
    )
)
wrong("clip.2", "gave probabilities to the cross-entropy")(
    lambda image, text, t: (
        (
            F.cross_entropy((image @ text.T / t).softmax(1), own(image))
            + F.cross_entropy((text @ image.T / t).softmax(1), own(image))
        )
        / 2
    )
)
wrong("clip.2", "it has no gradient")(lambda image, text, t: both(image @ text.T / t).item())
wrong("clip.2", "it has no gradient")(lambda image, text, t: both(image @ text.T / t).detach())
wrong("clip.2", "a part of the loss is detached")(lambda image, text, t: both(image @ text.detach().T / t))


@wrong("clip.2", "e^(1/τ) = e^200 is more than float32 holds")
def loss_by_exponentials(image, text, t):
    e = torch.exp(image @ text.T / t)
    return -(torch.log(e.diag() / e.sum(1)) + torch.log(e.diag() / e.sum(0))).mean() / 2


@wrong("clip.2", "a probability is rounded to 0")
def loss_by_the_logarithm_of_a_softmax(image, text, t):
    logits = image @ text.T / t
    return -(logits.softmax(1).diag().log() + logits.softmax(0).diag().log()).mean() / 2


@wrong("clip.2", "a number added inside the logarithm")
def loss_with_a_small_number_inside(image, text, t):
    logits = image @ text.T / t
    return -((logits.softmax(1).diag() + 1e-9).log() + (logits.softmax(0).diag() + 1e-9).log()).mean() / 2


@wrong("clip.2", "left the right pair out of the denominator")
def loss_without_the_positive(image, text, t):
    logits = image @ text.T / t
    others = logits - torch.diag(torch.full((len(logits),), torch.inf))
    return (others.logsumexp(0) + others.logsumexp(1) - 2 * logits.diag()).mean() / 2


@wrong("clip.2", "Also: You multiplied by τ")
def loss_with_two_mistakes(image, text, t):
    return F.cross_entropy(image @ text.T * t, torch.arange(len(image)))


right("clip.2")(lambda image, text, t: both(image @ text.T / t))
right("clip.2")(lambda image, text, t: both((image.double() / t) @ text.double().T))
right("clip.2")(
    lambda image, text, t: (
        -((image @ text.T / t).log_softmax(1) + (image @ text.T / t).log_softmax(0)).trace() / (2 * len(image))
    )
)


@right("clip.2")
def loss_by_logsumexp(image, text, t):
    s = torch.einsum("id,jd->ij", image, text).div(t)
    return 0.5 * (s.logsumexp(0) + s.logsumexp(1)).mean() - s.diagonal().mean()


@right("clip.2")
def loss_by_hand_with_the_maximum_subtracted(image, text, t):
    total = 0
    for s in (image @ text.T / t, text @ image.T / t):
        top = s.max(dim=1, keepdim=True).values
        total = total + ((s - top).exp().sum(1).log() + top[:, 0] - s.diag()).mean()
    return total / 2


@right("clip.2")
def loss_by_one_hot_targets(image, text, t):
    s = image @ text.T / t
    one_hot = torch.eye(len(s))
    return (F.cross_entropy(s, one_hot) + F.cross_entropy(s.T, one_hot)) / 2


# clip.3: false negatives --------------------------------------------------------------------------------------------
def equal(tokens):
    return (tokens[:, None, :] == tokens[None, :, :]).all(2)


def off(tokens):
    return ~torch.eye(len(tokens), dtype=torch.bool)


wrong("clip.3", "still negatives of each other")(lambda logits, tokens: logits)
wrong("clip.3", "masked the diagonal too")(lambda logits, tokens: logits.masked_fill(equal(tokens), -torch.inf))
wrong("clip.3", "e⁰ = 1")(lambda logits, tokens: logits.masked_fill(equal(tokens) & off(tokens), 0.0))
wrong("clip.3", "e⁰ = 1")(lambda logits, tokens: logits * ~(equal(tokens) & off(tokens)))
wrong("clip.3", "captions that differ")(lambda logits, tokens: logits.masked_fill(~equal(tokens), -torch.inf))
wrong("clip.3", "share a single token, padding included")(
    lambda logits, tokens: logits.masked_fill((tokens[:, None] == tokens[None]).any(-1) & off(tokens), -torch.inf)
)
wrong("clip.3", "share a single word")(
    lambda logits, tokens: logits.masked_fill(
        ((tokens[:, None] == tokens[None]) & (tokens != 0)).any(-1) & off(tokens), -torch.inf
    )
)
wrong("clip.3", "compared the first token only")(
    lambda logits, tokens: logits.masked_fill((tokens[:, :1] == tokens[:, :1].T) & off(tokens), -torch.inf)
)
wrong("clip.3", "without their order")(
    lambda logits, tokens: logits.masked_fill(equal(tokens.sort(dim=1).values) & off(tokens), -torch.inf)
)
wrong("clip.3", "half only")(lambda logits, tokens: logits.masked_fill(equal(tokens).triu(diagonal=1), -torch.inf))
wrong("clip.3", "half only")(lambda logits, tokens: logits.masked_fill(equal(tokens).tril(diagonal=-1), -torch.inf))
wrong("clip.3", "You returned probabilities")(
    lambda logits, tokens: logits.masked_fill(equal(tokens) & off(tokens), -torch.inf).softmax(1)
)
wrong("clip.3", "keep the matrix whole")(lambda logits, tokens: logits[equal(tokens)])
wrong("clip.3", "writes into a tensor")(
    lambda logits, tokens: logits.masked_fill_(equal(tokens) & off(tokens), -torch.inf)
)


@wrong("clip.3", "token numbers")
def mask_by_sums(logits, tokens):
    total = tokens.sum(1)
    return logits.masked_fill((total[:, None] == total) & off(tokens), -torch.inf)


right("clip.3")(lambda logits, tokens: logits.masked_fill(equal(tokens) & off(tokens), -torch.inf))
right("clip.3")(lambda logits, tokens: logits.masked_fill(equal(tokens) & off(tokens), -1e9))
right("clip.3")(lambda logits, tokens: torch.where(equal(tokens).fill_diagonal_(False), float("-inf"), logits))
right("clip.3")(
    lambda logits, tokens: (
        logits.double()
        + torch.where((torch.cdist(tokens.float(), tokens.float(), p=1) == 0) & off(tokens), -math.inf, 0.0)
    )
)


@right("clip.3")
def mask_by_loops(logits, tokens):
    result, rows = logits.clone(), tokens.tolist()
    for i in range(len(rows)):
        for j in range(len(rows)):
            if i != j and rows[i] == rows[j]:
                result[i, j] = -math.inf
    return result


@right("clip.3")
def mask_by_unique_numbers(logits, tokens):
    caption_class = torch.unique(tokens, dim=0, return_inverse=True)[1]
    hidden = (caption_class[:, None] == caption_class) ^ torch.eye(len(tokens), dtype=torch.bool)
    return logits.masked_fill(hidden, -torch.inf)


# clip.4: class vectors ----------------------------------------------------------------------------------------------
wrong("clip.4", "averaged before you normalised")(lambda p: F.normalize(p.mean(1), dim=-1))
wrong("clip.4", "shorter than 1")(lambda p: F.normalize(p, dim=-1).mean(1))
wrong("clip.4", "over the templates (dim=1)")(lambda p: F.normalize(F.normalize(p, dim=1).mean(1), dim=-1))
wrong("clip.4", "over the classes (dim=0)")(lambda p: F.normalize(F.normalize(p, dim=0).mean(1), dim=-1))
wrong("clip.4", "averaged over the classes (dim=0)")(lambda p: F.normalize(F.normalize(p, dim=-1).mean(0), dim=-1))
wrong("clip.4", "averaged over the features")(lambda p: F.normalize(F.normalize(p, dim=-1).mean(-1), dim=-1))
wrong("clip.4", "first template only")(lambda p: F.normalize(p, dim=-1)[:, 0])
wrong("clip.4", "maximum over the templates")(lambda p: F.normalize(F.normalize(p, dim=-1).amax(1), dim=-1))
wrong("clip.4", "kept all the templates")(lambda p: F.normalize(p, dim=-1))
wrong("clip.4", "Also: Your class vectors are shorter than 1")(lambda p: p.mean(1))

right("clip.4")(lambda p: F.normalize(F.normalize(p, dim=-1).mean(1), dim=-1))
right("clip.4")(lambda p: F.normalize(F.normalize(p, dim=2).sum(1), dim=1))  # the length of the sum does not matter
right("clip.4")(lambda p: F.normalize(torch.einsum("ctd,ct->cd", p.double(), 1 / p.double().norm(dim=2)), dim=-1))


@right("clip.4")
def class_vectors_by_loops(p):
    rows = [torch.stack([v / v.norm() for v in templates]).mean(0) for templates in p]
    return torch.stack([row / row.norm() for row in rows])


# clip.5: recall at k ------------------------------------------------------------------------------------------------
def ranks(s, r):
    return ((s >= s.masked_fill(~r, -torch.inf).amax(1, keepdim=True)) & ~r).sum(1)


wrong("clip.5", "count a tie as won")(
    lambda s, r, k: (((s > s.masked_fill(~r, -torch.inf).amax(1, keepdim=True)) & ~r).sum(1) < k).float().mean()
)
wrong("clip.5", "The order of the columns decides")(
    lambda s, r, k: r.gather(1, torch.argsort(s, dim=1, descending=True, stable=True)[:, :k]).any(1).float().mean()
)
wrong("clip.5", "The order of the columns decides")(
    lambda s, r, k: r.gather(1, s.topk(k, dim=1).indices).any(1).float().mean()
)
wrong("clip.5", "goes with rank ≤ K")(lambda s, r, k: (ranks(s, r) + 1 < k).float().mean())
wrong("clip.5", "K + 1 keys count")(lambda s, r, k: (ranks(s, r) <= k).float().mean())
wrong("clip.5", "along the columns (dim=0)")(lambda s, r, k: (ranks(s.T, r.T) < k).float().mean())
wrong("clip.5", "least similar keys")(lambda s, r, k: (ranks(-s, r) < k).float().mean())
wrong("clip.5", "key i as the answer of query i")(
    lambda s, r, k: (ranks(s, torch.eye(*s.shape).bool()) < k).float().mean()
)
wrong("clip.5", "You returned a count")(lambda s, r, k: (ranks(s, r) < k).sum())
wrong("clip.5", "You returned per cent")(lambda s, r, k: 100 * (ranks(s, r) < k).float().mean())
wrong("clip.5", "share of queries that miss")(lambda s, r, k: (ranks(s, r) >= k).float().mean())
wrong("clip.5", "nearest key only, whatever K is")(lambda s, r, k: (ranks(s, r) < 1).float().mean())
wrong("clip.5", "Return one number")(lambda s, r, k: ranks(s, r) < k)
wrong("clip.5", "share of right keys that were found")(
    lambda s, r, k: (r.gather(1, s.topk(k).indices).sum(1) / r.sum(1)).mean()
)
wrong("clip.5", "share of the first K that are right")(lambda s, r, k: r.gather(1, s.topk(k).indices).float().mean())
wrong("clip.5", "wanted all right keys")(
    lambda s, r, k: (r.gather(1, s.topk(k).indices).sum(1) == r.sum(1)).float().mean()
)


@wrong("clip.5", "first right key of each query only")
def recall_of_the_first_right_key(s, r, k):
    first = r.float().argmax(1, keepdim=True)
    return ((s > s.gather(1, first)).sum(1) < k).float().mean()


@wrong("clip.5", "by its probability")
def recall_under_a_random_order(s, r, k):
    total = 0.0
    for scores, right_keys in zip(s, r, strict=True):
        best = scores[right_keys].max()
        above, tied = int((scores > best).sum()), int((scores == best).sum())
        wrong_tied = tied - int(((scores == best) & right_keys).sum())
        slots = min(k - above, tied)
        if slots > 0:
            total += 1 - math.comb(wrong_tied, slots) / math.comb(tied, slots)
    return total / len(s)


right("clip.5")(lambda s, r, k: (ranks(s, r) < k).float().mean())
right("clip.5")(lambda s, r, k: (ranks(s.double(), r) + 1 <= k).double().mean().item())


@right("clip.5")
def recall_by_loops(s, r, k):
    hits = 0
    for scores, right_keys in zip(s.tolist(), r.tolist(), strict=True):
        best = max(x for x, is_right in zip(scores, right_keys, strict=True) if is_right)
        hits += sum(x >= best for x, is_right in zip(scores, right_keys, strict=True) if not is_right) < k
    return hits / len(s)


@right("clip.5")
def recall_by_sorting_with_right_keys_last_among_equals(s, r, k):
    order = torch.argsort(r.int(), dim=1, stable=True)  # wrong keys first, then a stable sort keeps them first
    s, r = s.gather(1, order), r.gather(1, order)
    return r.gather(1, s.argsort(dim=1, descending=True, stable=True)[:, :k]).any(1).float().mean()


# clip.6: find the bugs ----------------------------------------------------------------------------------------------
def step(image_axis=1, text_axis=1, scale=torch.exp, loss=both, before=("zero",), after=("backward", "step")):
    """A training step from its parts, in the order in which they are given."""

    def training_step(model, optimizer, images, tokens):
        image = F.normalize(model.image_encoder(images), dim=image_axis)
        text = F.normalize(model.text_encoder(tokens), dim=text_axis)
        value = loss(scale(model.logit_scale) * image @ text.T)
        parts = {"zero": optimizer.zero_grad, "backward": value.backward, "step": optimizer.step}
        for name in (*before, *after):
            parts[name]()
        return value.item()

    return training_step


def rows_only(logits):
    return F.cross_entropy(logits, torch.arange(len(logits)))


WRONG["clip.6"] += [
    (step(image_axis=0), "One bug is left. The numbers of one picture lie along dim=1"),
    (step(text_axis=0), "One bug is left. The numbers of one text lie along dim=1"),
    (step(image_axis=0, text_axis=0), "One bug is left."),
    (step(scale=lambda x: x), "One bug is left. The logits are multiplied by a logarithm"),
    (step(before=()), "One bug is left. At the second step the gradients of the first are still there"),
    (step(before=(), scale=lambda x: x), "2 bugs are left."),
    (step(image_axis=0, text_axis=0, before=()), "2 bugs are left."),
    (step(image_axis=0, scale=lambda x: x, before=()), "3 bugs are left."),
    (step(scale=lambda x: (-x).exp()), "multiplied by τ"),
    (step(loss=rows_only), "has lost one direction"),
    (step(loss=lambda logits: 2 * both(logits)), "sum of the two directions"),
    (step(scale=lambda x: x.detach().exp()), "The temperature does not learn"),
    (step(before=("backward",), after=("zero", "step")), "no weight has moved"),
    (step(before=("zero",), after=("backward",)), "no weight has moved"),
    (step(scale=lambda x: x.exp() * 1.5), "is not right yet"),
]

RIGHT["clip.6"] += [step(), step(before=("backward",), after=("step", "zero")), step(image_axis=-1, text_axis=-1)]


@right("clip.6")
def step_that_returns_a_tensor(model, optimizer, images, tokens):
    out = model(images, tokens)
    logits = out.logit_scale.exp() * out.image @ out.text.T
    model.zero_grad()
    value = both(logits)
    value.backward()
    optimizer.step()
    return value


# clip.7: what moves the temperature ---------------------------------------------------------------------------------
def halves(image, text, logit_scale):
    z = logit_scale.exp() * image @ text.T
    return ((z.softmax(1) * z).sum(1) - z.diag()).mean(), ((z.softmax(0) * z).sum(0) - z.diag()).mean()


wrong("clip.7", "a factor $e^a$ is missing")(lambda u, v, a: sum(halves(u, v, a)) / 2 / a.exp())
wrong("clip.7", "derived by τ itself")(lambda u, v, a: -sum(halves(u, v, a)) / 2 * a.exp())
wrong("clip.7", "sign is reversed")(lambda u, v, a: -sum(halves(u, v, a)) / 2)
wrong("clip.7", "the columns (softmax over dim=0) are missing")(lambda u, v, a: halves(u, v, a)[0])
wrong("clip.7", "the rows (softmax over dim=1) are missing")(lambda u, v, a: halves(u, v, a)[1])
wrong("clip.7", "added the two directions")(lambda u, v, a: sum(halves(u, v, a)))
wrong("clip.7", "summed over the batch")(lambda u, v, a: sum(halves(u, v, a)) / 2 * len(u))


@wrong("clip.7", "The right pair is missing")
def gradient_without_the_right_pair(u, v, a):
    z = a.exp() * u @ v.T
    return ((z.softmax(1) * z).sum(1).mean() + (z.softmax(0) * z).sum(0).mean()) / 2


@wrong("clip.7", "does not know the temperature")
def gradient_with_a_blunt_softmax(u, v, a):
    s = u @ v.T
    z = a.exp() * s
    return ((s.softmax(1) * z).sum(1) + (s.softmax(0) * z).sum(0) - 2 * z.diag()).mean() / 2


@wrong("clip.7", "weighted the right pairs only")
def gradient_of_the_diagonal(u, v, a):
    z = a.exp() * u @ v.T
    return (((z.softmax(1) + z.softmax(0)) / 2 - 1) * z).diag().mean()


right("clip.7")(lambda u, v, a: sum(halves(u, v, a)) / 2)
right("clip.7")(lambda u, v, a: sum(halves(u.double(), v.double(), a.double())) / 2)


@right("clip.7")
def gradient_by_one_hot(u, v, a):
    s = torch.einsum("id,jd->ij", u, v)
    p = (s * a.exp()).softmax(1) + (s * a.exp()).softmax(0) - 2 * torch.eye(len(s))
    return a.exp() * (p * s).sum() / (2 * len(s))


@right("clip.7")
def gradient_by_differences(u, v, a):
    u, v, a = u.double(), v.double(), a.double()
    return (both((a + 1e-6).exp() * u @ v.T) - both((a - 1e-6).exp() * u @ v.T)) / 2e-6


@right("clip.7")
def gradient_by_autograd(u, v, a):
    a = a.clone().requires_grad_()
    return torch.autograd.grad(both(a.exp() * u @ v.T), a)[0]
