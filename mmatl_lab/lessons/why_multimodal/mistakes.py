"""The known mistakes of lesson 01's exercises: a sentence for each, and a formula that makes them.

Every formula gives the right answer for an empty `wrong`, and with names of mistakes what these would give.
"""

import math

import torch
from torch import Tensor

Names = frozenset[str]

WITNESSES = {
    "no root": "The square root is missing: $1/\\sigma_v^2 + 1/\\sigma_f^2$ is the precision of both together, and Φ "
    "takes its root.",
    "sigmas": "You added the noises: two witnesses are worth more than one, so add their precisions, 1/σ² each.",
    "variances": "You added the variances: two witnesses are worth more than one, so add their precisions, 1/σ² each.",
    "mean noise": "You averaged the noises: a second witness adds its precision 1/σ², however noisy it is.",
    "reciprocals": "You added 1/σ: what adds up is the precision, 1/σ².",
    "not squared": "The noises are not squared: a precision is 1/σ².",
    "mean precision": "You averaged the precisions: the second witness comes on top, so add them.",
    "equal weights": "This is the accuracy of v + f, in which both witnesses have the same say: the ideal listener "
    "trusts each by its precision.",
    "better": "You took the better witness alone: the other one still adds its precision.",
    "voice only": "You used the voice alone: the face adds its precision.",
    "face only": "You used the face alone: the voice adds its precision.",
    "variance": "You put the variance of both together into Φ, so more noise would mean more accuracy: divide 1 by it.",
    "noise": "You put the noise of both together into Φ, so more noise would mean more accuracy: divide 1 by it.",
    "twice": "You doubled what goes into Φ: the means ±1 lie 2 apart, but the border between them is only 1 away.",
    "mean accuracy": "You averaged the two accuracies: together the witnesses are better than either.",
    "both right": "You multiplied the two accuracies: that is how often both witnesses are right.",
    "either right": "This is how often at least one witness is right: where they differ, you do not know which.",
    "no Φ": "You returned what goes into Φ: it can exceed 1, an accuracy cannot.",
    "density": "You used the density of the normal distribution: Φ is its integral, `torch.special.ndtr`.",
    "sigmoid": "You used a sigmoid: the noise is normal, so its integral is Φ, `torch.special.ndtr`.",
    "erf": "`erf(x / √2)` is the share between -x and x: Φ(x) = (1 + erf(x / √2)) / 2.",
    "erf no root": "You left out a √2: Φ(x) = (1 + erf(x / √2)) / 2.",
    "errors": "You returned the share of errors: the accuracy is 1 minus it.",
}
NEUTRAL = {
    "ignored": "Neutral words make no difference in your answer: they hide t, and then nobody can tell.",
    "no coin": "You count the neutral remarks as lost: a guess is right in half of them.",
    "swapped": "You swapped the shares: `ambiguity` is the share of the neutral remarks.",
    "won": "You count the neutral remarks as won: a guess is right in half of them.",
    "scaled": "You shrank the accuracy itself: a share of the remarks is left to a coin, the others stay as they are.",
}


def best_accuracy(voice_noise: Tensor, face_noise: Tensor, ambiguity: Tensor, wrong: Names) -> Tensor:
    v, f, a = voice_noise.double(), face_noise.double(), ambiguity.double()
    both = 1 / v**2 + 1 / f**2
    reach = {
        "no root": both,
        "sigmas": 1 / (v + f),
        "variances": 1 / (v**2 + f**2).sqrt(),
        "mean noise": 2 / (v + f),
        "reciprocals": 1 / v + 1 / f,
        "not squared": (1 / v + 1 / f).sqrt(),
        "mean precision": (both / 2).sqrt(),
        "equal weights": 2 / (v**2 + f**2).sqrt(),
        "better": 1 / torch.minimum(v, f),
        "voice only": 1 / v,
        "face only": 1 / f,
        "variance": 1 / both,
        "noise": 1 / both.sqrt(),
        "twice": 2 * both.sqrt(),
    }
    d = _chosen(reach, wrong, both.sqrt())
    Phi = torch.special.ndtr
    one, two = Phi(1 / v), Phi(1 / f)
    clear = {
        "mean accuracy": (one + two) / 2,
        "both right": one * two,
        "either right": 1 - (1 - one) * (1 - two),
        "no Φ": d,
        "density": (-(d**2) / 2).exp() / math.sqrt(2 * math.pi),
        "sigmoid": d.sigmoid(),
        "erf": (d / math.sqrt(2)).erf(),
        "erf no root": (1 + d.erf()) / 2,
        "errors": Phi(-d),
    }
    p = _chosen(clear, wrong, Phi(d))
    mixed = {
        "ignored": p,
        "no coin": (1 - a) * p,
        "swapped": a * p + (1 - a) / 2,
        "won": (1 - a) * p + a,
        "scaled": (1 - a / 2) * p,
    }
    return _chosen(mixed, wrong, (1 - a) * p + a / 2)


VERDICT = "You returned the verdict: return the probability, which says how sure you can be."
_ADDED = (
    "You added the words to the log-odds: then praise speaks for or against sarcasm whatever the voice says. Words "
    "turn around what a voice tells, so multiply by t."
)
LISTENER = {
    "sincere": "This is the probability of a sincere remark: sarcastic means m = -t.",
    "no text": "The words are missing: this is how likely something bad is meant, whatever was said.",
    "added": _ADDED,
    "subtracted": _ADDED,
    "half": "Your log-odds are half as large as they should be: $\\log p(v|1) - \\log p(v|{-1}) = 2v/\\sigma^2$, and "
    "the log-odds of two witnesses add up, they are not averaged.",
    "not squared": "You divided by σ: the log-odds of a normal witness are 2v/σ².",
    "no noise": "The noises have no effect: a noisy witness counts less, by 1/σ².",
    "multiplied": "You multiplied by σ²: a noisy witness counts less, so divide.",
    "swapped": "You swapped the noises: σ_v belongs to the voice, σ_f to the face.",
    "mean": "You averaged the probabilities of two listeners: independent witnesses that agree make you surer than "
    "either, so their log-odds add up.",
    "product": "You multiplied two probabilities of sarcasm without normalising: divide by the sum over both answers.",
    "witnesses": "You multiplied the voice with the face: given what is meant they are independent, so their log-odds "
    "add up.",
    "voice only": "The face is missing.",
    "face only": "The voice is missing.",
    "log-odds": "You returned log-odds: a sigmoid makes a probability of them.",
    "normal": "You used Φ: Bayes' rule makes a probability of log-odds by the sigmoid.",
    "neutral as praise": "Your answer takes neutral words (0) for praise: they tell nothing, so the answer is 1/2.",
    "neutral as blame": "Your answer takes neutral words (0) for blame: they tell nothing, so the answer is 1/2.",
}


def p_sarcastic(
    valence: Tensor, voice: Tensor, face: Tensor, voice_noise: float, face_noise: float, wrong: Names
) -> Tensor:
    t = valence.double()
    if "neutral as praise" in wrong or "neutral as blame" in wrong:
        t = t.where(t != 0, torch.tensor(1.0 if "neutral as praise" in wrong else -1.0).double())
    sigma = (face_noise, voice_noise) if "swapped" in wrong else (voice_noise, face_noise)
    power = _chosen({"not squared": -1, "no noise": 0, "multiplied": 2}, wrong, -2)
    factor = 1 if "half" in wrong else 2
    v, f = (factor * x.double() * s**power for x, s in zip((voice, face), sigma, strict=True))
    odds = _chosen({"voice only": v, "face only": f, "witnesses": v * f}, wrong, v + f)
    z = _chosen({"no text": -odds, "added": -t - odds, "subtracted": t - odds}, wrong, -t * odds)
    z = -z if "sincere" in wrong else z
    one, two = (-t * v).sigmoid(), (-t * f).sigmoid()
    result = {"mean": (one + two) / 2, "product": one * two, "log-odds": z, "normal": torch.special.ndtr(z)}
    return _chosen(result, wrong, z.sigmoid())


ZEROS = (
    "The table has zeros, and your answer is not a number: 0 · log 0 counts as 0, but torch says nan. Leave out what "
    "never happens, or use `torch.special.xlogy`."
)
EMPTY = (
    "A value of X never occurs, and your answer is not a number: p(x) = 0 makes 0 / 0. Leave out what never happens "
    "before you divide."
)
_SHARE = "You divided by an entropy, which makes a share: the information itself is asked for, in bits."
BITS = {
    "nats": "This is in nats: bits need the logarithm to base 2, `log2`.",
    "sign": "The sign is reversed: information is never below 0.",
    "no weights": "The logarithms are not weighted: each counts with its probability p(x, y).",
    "mean": "You took the mean over the table: the sum with the weights p(x, y) is the mean already.",
    "independent weights": "You weighted with p(x) p(y): each logarithm counts with what happens, p(x, y).",
    "joint entropy": "This is the entropy of the pair, -Σ p log p: divide p(x, y) by p(x) p(y) inside the logarithm.",
    "entropy x": "This is the entropy of X: what X tells of Y is at most that.",
    "entropy y": "This is the entropy of Y: what Y tells of X is at most that.",
    "given x": "This is what is left unknown of Y when X is known (or minus it): p(y) is missing in the denominator.",
    "given y": "This is what is left unknown of X when Y is known (or minus it): p(x) is missing in the denominator.",
    "entry by entry": "Your marginals are multiplied entry by entry: keepdim=True, or `torch.outer`, makes a table of "
    "all p(x) p(y).",
    "crossed": "Your marginals are crossed: row x has the probability `joint.sum(dim=1)[x]`.",
    "terms": "You returned a table: the information is the sum of its entries.",
    "share joint": _SHARE,
    "share x": _SHARE,
    "share y": _SHARE,
}


def shared_bits(joint: Tensor, wrong: Names) -> Tensor:
    log = torch.log if "nats" in wrong else torch.log2
    x, y = joint.sum(1), joint.sum(0)

    def entropy(p: Tensor) -> Tensor:
        return -(p[p > 0] * log(p[p > 0])).sum()

    table = {
        "given x": lambda: x[:, None],
        "given y": lambda: y[None, :],
        "entry by entry": lambda: x * y,
        "crossed": lambda: y[:, None] * x[None, :],
    }
    independent = _chosen(table, wrong, lambda: x[:, None] * y[None, :])().expand_as(joint)
    there = joint > 0
    p, q = joint[there], independent[there]
    weights = {"no weights": torch.ones_like(p), "independent weights": q}
    terms = torch.zeros_like(joint).masked_scatter(there, _chosen(weights, wrong, p) * log(p / q))
    value = terms if "terms" in wrong else terms.mean() if "mean" in wrong else terms.sum()
    h = {"joint": entropy(joint), "x": entropy(x), "y": entropy(y)}
    value = _chosen({"joint entropy": h["joint"], "entropy x": h["x"], "entropy y": h["y"]}, wrong, value)
    value = value / _chosen({f"share {of}": h[of] for of in h}, wrong, 1)
    return -value if "sign" in wrong else value


PROJECTED = {
    "raw": "You added the vectors themselves, whole, cut or padded: number 3 of a text and number 3 of a face have "
    "nothing to do with each other. Project each with its own W first.",
    "no transpose": "You multiplied by W: examples stand in rows, so $W e$ is `e @ W.T`.",
    "no transpose text": "You multiplied the texts by W_text: examples stand in rows, so $W e$ is `e @ W.T`.",
    "no transpose face": "You multiplied the faces by W_face: examples stand in rows, so $W e$ is `e @ W.T`.",
    "swapped": "You swapped the matrices: W_text belongs to the texts.",
    "columns": "Your examples stand in columns, (D, B): transpose the result.",
    "mean": "You took the mean of the projections: add them.",
    "stacked": "You wrote the projections one after the other, which is a concatenation of 2 D numbers: add them.",
    "concat": "You wrote the vectors one after the other, which is a concatenation: project each, then add.",
    "product": "You multiplied the projections: that is another fusion, add them here.",
    "text only": "The faces are missing.",
    "face only": "The texts are missing.",
    "one matrix": "You added the vectors first and projected the sum: each modality has a matrix of its own.",
}


def add_projected(text: Tensor, face: Tensor, W_text: Tensor, W_face: Tensor, wrong: Names) -> Tensor:
    W_t, W_f = (W_face, W_text) if "swapped" in wrong else (W_text, W_face)
    plain = "no transpose" in wrong
    a = text @ (W_t if plain or "no transpose text" in wrong else W_t.T)
    b = face @ (W_f if plain or "no transpose face" in wrong else W_f.T)
    made = {
        "raw": lambda: text + face,
        "mean": lambda: (a + b) / 2,
        "stacked": lambda: torch.cat([a, b], 1),
        "concat": lambda: torch.cat([text, face], 1),
        "product": lambda: a * b,
        "text only": lambda: a,
        "face only": lambda: b,
        "one matrix": lambda: (text + face) @ W_t.T,
    }
    result = _chosen(made, wrong, lambda: a + b)()
    return result.T if "columns" in wrong else result


MULTIPLIED = (
    "You multiplied t with m, or compared them: that solves it, and it is what no sum can do. Here each sense has a "
    "say of its own, f(t) + g(m)."
)
NO_SUM = (
    "Your score is not a sum f(t) + g(m): what m adds to it depends on t. For a sum, the scores of (1, 1) and (-1, -1) "
    "add up to those of (1, -1) and (-1, 1)."
)


def not_enough(score: Tensor, right: int) -> str:
    """Why a sum with the scores of (1, 1), (1, -1), (-1, 1), (-1, -1) judges fewer than three kinds rightly."""
    if right < 2:
        return "One of four is right: sarcastic is where t and m differ. With g(-m) in place of g(m) you have three."
    verdict = (score > 0).tolist()
    if len(set(verdict)) == 1:
        return "Two of four: you say the same of all remarks, which is a coin's accuracy. More is possible."
    if verdict[0] == verdict[1]:
        return "Two of four: what is meant never changes your verdict, and a single sense is a coin. More is possible."
    return "Two of four: the words never change your verdict, and a single sense is a coin. More is possible."


FLATTERING = {
    "statistics": "Means and deviations are fitted too, and here they still know the people held out.",
    "recording": "`held_out` holds persons, and they are compared with the numbers of recordings: the people held out "
    "are still trained on.",
    "luckiest": "The best of three runs is reported, chosen on the people held out: take the mean.",
}
_POOLED = "The people held out are averaged: give the accuracy on each, from which an interval can be made."
NEW_BUGS = {
    "inverted": "The people held out are among those to whom the model is fitted.",
    "own statistics": "The people held out are normalised by means and deviations of their own: a model in use meets "
    "one window at a time, so take those of the others.",
    "raw": "The features are no longer normalised.",
    "one run": "Only the first seed is reported: take the mean over the three.",
    "all runs": "Every run is reported by itself: take the mean over the three seeds.",
    "one number": _POOLED,
    "pooled": _POOLED,
    "everyone": "The accuracy is that of everyone: give it for the people held out.",
}


def accuracy(
    sensor: Tensor, exercise: Tensor, person: Tensor, recording: Tensor, held_out: Tensor, fit, wrong: Names
) -> Tensor:
    test = torch.isin(recording if "recording" in wrong else person, held_out)
    train = test if "inverted" in wrong else ~test
    x = torch.cat([sensor.mean(1), sensor.std(1)], 1)
    known = torch.ones_like(test) if "statistics" in wrong else train
    scaled = (x - x[known].mean(0)) / x[known].std(0)
    if "own statistics" in wrong:
        scaled[test] = (x[test] - x[test].mean(0)) / x[test].std(0)
    x = x if "raw" in wrong else scaled
    right = torch.stack([(fit(x[train], exercise[train], seed)(x) == exercise).double() for seed in range(3)])
    if "pooled" in wrong:
        return right[:, torch.isin(person, held_out)].mean()
    people = torch.arange(int(person.max()) + 1) if "everyone" in wrong else held_out
    runs = torch.stack([right[:, person == p].mean(1) for p in people], 1)  # (3, P)
    if "all runs" in wrong:
        return runs
    result = _chosen({"luckiest": runs.amax(0), "one run": runs[0]}, wrong, runs.mean(0))
    return result.mean() if "one number" in wrong else result


def _chosen(made: dict, wrong: Names, right):
    """What the first mistake of `made` that is in `wrong` makes; `right` where none is."""
    return next((made[name] for name in made if name in wrong), right)
