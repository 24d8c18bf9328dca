"""A bank of wrong answers to the exercises of lesson 01, as learners write them, with a piece of the right message.

They are written out in full and share no code with the formulas by which the checks recognise them.
"""

import math
from statistics import NormalDist

import torch
import torch.nn.functional as F

WRONG = {id: [] for id in (f"why_multimodal.{n}" for n in range(1, 7))}
RIGHT = {id: [] for id in WRONG}
ndtr = torch.special.ndtr


def wrong(number, message):
    """Put a function into the bank: `message` has to be part of what the learner reads."""
    return lambda function: WRONG[f"why_multimodal.{number}"].append((function, message)) or function


def right(number):
    return lambda function: RIGHT[f"why_multimodal.{number}"].append(function) or function


# 1: two witnesses ---------------------------------------------------------------------------------------------------
def mixed(p, a):
    return (1 - a) * p + a / 2


def d(v, f):
    return (v**-2 + f**-2).sqrt()


wrong(1, "The square root is missing")(lambda v, f, a: mixed(ndtr(1 / v**2 + 1 / f**2), a))
wrong(1, "You added the noises")(lambda v, f, a: mixed(ndtr(1 / (v + f)), a))
wrong(1, "You added the variances")(lambda v, f, a: mixed(ndtr((v * v + f * f) ** -0.5), a))
wrong(1, "You averaged the noises")(lambda v, f, a: mixed(ndtr(1 / torch.stack([v, f]).mean(0)), a))
wrong(1, "You added 1/σ")(lambda v, f, a: mixed(ndtr(1 / v + 1 / f), a))
wrong(1, "The noises are not squared")(lambda v, f, a: mixed(ndtr((1 / v + 1 / f) ** 0.5), a))
wrong(1, "You averaged the precisions")(lambda v, f, a: mixed(ndtr(((v**-2 + f**-2) / 2).sqrt()), a))
wrong(1, "in which both witnesses have the same say")(lambda v, f, a: mixed(ndtr(2 / (v**2 + f**2).sqrt()), a))
wrong(1, "the better witness alone")(lambda v, f, a: mixed(torch.maximum(ndtr(1 / v), ndtr(1 / f)), a))
wrong(1, "You used the voice alone")(lambda v, f, a: mixed(ndtr(1 / v), a))
wrong(1, "You used the face alone")(lambda v, f, a: mixed(ndtr(1 / f), a))
wrong(1, "You put the variance")(lambda v, f, a: mixed(ndtr(1 / (v**-2 + f**-2)), a))
wrong(1, "You put the noise")(lambda v, f, a: mixed(ndtr(v * f / (v**2 + f**2).sqrt()), a))
wrong(1, "the border between them is only 1 away")(lambda v, f, a: mixed(ndtr(2 * d(v, f)), a))
wrong(1, "You averaged the two accuracies")(lambda v, f, a: mixed((ndtr(1 / v) + ndtr(1 / f)) / 2, a))
wrong(1, "how often both witnesses are right")(lambda v, f, a: mixed(ndtr(1 / v) * ndtr(1 / f), a))
wrong(1, "at least one witness is right")(lambda v, f, a: mixed(1 - ndtr(-1 / v) * ndtr(-1 / f), a))
wrong(1, "You returned what goes into Φ")(lambda v, f, a: d(v, f))
wrong(1, "density of the normal distribution")(
    lambda v, f, a: mixed(torch.distributions.Normal(0, 1).log_prob(d(v, f)).exp(), a)
)
wrong(1, "You used a sigmoid")(lambda v, f, a: mixed(torch.sigmoid(d(v, f)), a))
wrong(1, "share between -x and x")(lambda v, f, a: mixed(torch.erf(d(v, f) / 2**0.5), a))
wrong(1, "You left out a √2")(lambda v, f, a: mixed(0.5 + torch.erf(d(v, f)) / 2, a))
wrong(1, "share of errors")(lambda v, f, a: mixed(ndtr(-d(v, f)), a))
wrong(1, "Neutral words make no difference")(lambda v, f, a: ndtr(d(v, f)))
wrong(1, "count the neutral remarks as lost")(lambda v, f, a: (1 - a) * ndtr(d(v, f)))
wrong(1, "count the neutral remarks as won")(lambda v, f, a: (1 - a) * ndtr(d(v, f)) + a)
wrong(1, "You swapped the shares")(lambda v, f, a: a * ndtr(d(v, f)) + (1 - a) / 2)
wrong(1, "You shrank the accuracy itself")(lambda v, f, a: ndtr(d(v, f)) * (1 - a / 2))
wrong(1, "Also: You returned the share of errors")(lambda v, f, a: mixed(1 - ndtr(1 / v**2 + 1 / f**2), a))
wrong(1, "is not right yet: at [0] yours is")(lambda v, f, a: mixed(ndtr(d(v, f)), a) - 0.01)

right(1)(lambda v, f, a: mixed(ndtr(d(v, f)), a))
right(1)(lambda v, f, a: 0.5 + (1 - a) * torch.erf((v**2 + f**2).sqrt() / (v * f) / math.sqrt(2)) / 2)
right(1)(lambda v, f, a: mixed(torch.distributions.Normal(0, 1).cdf((v**-2 + f**-2) ** 0.5), a))


@right(1)
def accuracy_by_loops(v, f, a):
    rows = zip(v.tolist(), f.tolist(), a.tolist(), strict=True)
    return [(1 - c) * NormalDist().cdf(math.hypot(1 / x, 1 / y)) + c * 0.5 for x, y, c in rows]


@right(1)
def accuracy_of_the_best_mixture(v, f, a):
    weight = f**2 / (v**2 + f**2)  # of the voice: the mixture with the least noise
    noise = ((weight * v) ** 2 + ((1 - weight) * f) ** 2).sqrt()
    return a / 2 + (1 - a) * ndtr(1 / noise)


# 2: the ideal listener ----------------------------------------------------------------------------------------------
def odds(v, f, sv, sf):
    return 2 * v / sv**2 + 2 * f / sf**2


wrong(2, "probability of a sincere remark")(lambda t, v, f, sv, sf: torch.sigmoid(t * odds(v, f, sv, sf)))
wrong(2, "The words are missing")(lambda t, v, f, sv, sf: torch.sigmoid(-odds(v, f, sv, sf)))
wrong(2, "You added the words")(lambda t, v, f, sv, sf: torch.sigmoid(-(t + odds(v, f, sv, sf))))
wrong(2, "You added the words")(lambda t, v, f, sv, sf: torch.sigmoid(t - odds(v, f, sv, sf)))
wrong(2, "half as large as they should be")(lambda t, v, f, sv, sf: torch.sigmoid(-t * (v / sv**2 + f / sf**2)))
wrong(2, "You divided by σ:")(lambda t, v, f, sv, sf: torch.sigmoid(-2 * t * (v / sv + f / sf)))
wrong(2, "The noises have no effect")(lambda t, v, f, sv, sf: torch.sigmoid(-2 * t * (v + f)))
wrong(2, "You multiplied by σ²")(lambda t, v, f, sv, sf: torch.sigmoid(-2 * t * (v * sv**2 + f * sf**2)))
wrong(2, "You swapped the noises")(lambda t, v, f, sv, sf: torch.sigmoid(-t * odds(v, f, sf, sv)))
wrong(2, "You averaged the probabilities")(
    lambda t, v, f, sv, sf: (torch.sigmoid(-2 * t * v / sv**2) + torch.sigmoid(-2 * t * f / sf**2)) / 2
)
wrong(2, "without normalising")(
    lambda t, v, f, sv, sf: torch.sigmoid(-2 * t * v / sv**2) * torch.sigmoid(-2 * t * f / sf**2)
)
wrong(2, "You multiplied the voice with the face")(
    lambda t, v, f, sv, sf: torch.sigmoid(-t * (2 * v / sv**2) * (2 * f / sf**2))
)
wrong(2, "The face is missing")(lambda t, v, f, sv, sf: torch.sigmoid(-2 * t * v / sv**2))
wrong(2, "The voice is missing")(lambda t, v, f, sv, sf: torch.sigmoid(-2 * t * f / sf**2))
wrong(2, "You returned log-odds")(lambda t, v, f, sv, sf: -t * odds(v, f, sv, sf))
wrong(2, "You used Φ")(lambda t, v, f, sv, sf: ndtr(-t * odds(v, f, sv, sf)))
wrong(2, "You returned the verdict")(lambda t, v, f, sv, sf: t * odds(v, f, sv, sf) < 0)
wrong(2, "You returned the verdict")(lambda t, v, f, sv, sf: (1 - torch.sign(t * odds(v, f, sv, sf))) / 2)
wrong(2, "You returned the verdict")(lambda t, v, f, sv, sf: torch.sigmoid(-t * odds(v, f, sv, sf)).round())
wrong(2, "(0) for blame")(
    lambda t, v, f, sv, sf: torch.where(t > 0, torch.sigmoid(-odds(v, f, sv, sf)), torch.sigmoid(odds(v, f, sv, sf)))
)
wrong(2, "(0) for praise")(
    lambda t, v, f, sv, sf: torch.where(t < 0, torch.sigmoid(odds(v, f, sv, sf)), torch.sigmoid(-odds(v, f, sv, sf)))
)
wrong(2, "Also: You divided by σ:")(lambda t, v, f, sv, sf: torch.sigmoid(2 * t * (v / sv + f / sf)))
wrong(2, "is not right yet")(lambda t, v, f, sv, sf: torch.sigmoid(-3 * t * odds(v, f, sv, sf)))
wrong(2, "The shape of the probabilities is (24, 2)")(
    lambda t, v, f, sv, sf: torch.stack([t * odds(v, f, sv, sf), -t * odds(v, f, sv, sf)], 1).softmax(1)
)

right(2)(lambda t, v, f, sv, sf: torch.sigmoid(-t * odds(v, f, sv, sf)))
right(2)(lambda t, v, f, sv, sf: 1 / (1 + torch.exp(2 * t.double() * (v.double() / sv**2 + f.double() / sf**2))))


@right(2)
def listener_by_densities(t, v, f, sv, sf):
    def likelihood(m):
        return torch.exp(-((v - m) ** 2) / (2 * sv**2) - (f - m) ** 2 / (2 * sf**2))

    return likelihood(-t) / (likelihood(-t) + likelihood(t))  # t = 0: one half


@right(2)
def listener_one_witness_after_the_other(t, v, f, sv, sf):
    good = torch.full_like(v, 0.5)
    for x, sigma in ((v, sv), (f, sf)):
        one, other = (torch.distributions.Normal(m, sigma).log_prob(x).exp() for m in (1.0, -1.0))
        good = good * one / (good * one + (1 - good) * other)
    return torch.where(t == 0, torch.tensor(0.5), torch.where(t > 0, 1 - good, good))


@right(2)
def listener_by_softmax(t, v, f, sv, sf):
    half = t * (v / sv**2 + f / sf**2)
    return torch.stack([half, -half], 1).softmax(1)[:, 1]


# 3: information -----------------------------------------------------------------------------------------------------
def table(p):
    return p.sum(1)[:, None] * p.sum(0)[None, :]


def entropy(p):
    return -torch.special.xlogy(p, p).sum() / math.log(2)


wrong(3, "This is in nats")(lambda p: (p[p > 0] * torch.log(p[p > 0] / table(p)[p > 0])).sum())
wrong(3, "The sign is reversed")(lambda p: -(p[p > 0] * torch.log2(p[p > 0] / table(p)[p > 0])).sum())
wrong(3, "The sign is reversed")(lambda p: entropy(p) - entropy(p.sum(0)) - entropy(p.sum(1)))
wrong(3, "The logarithms are not weighted")(lambda p: torch.log2(p / table(p)).sum())
wrong(3, "You took the mean over the table")(lambda p: (p * torch.log2(p / table(p))).mean())
wrong(3, "You weighted with p(x) p(y)")(lambda p: (table(p) * torch.log2(p / table(p))).sum())
wrong(3, "This is the entropy of the pair")(entropy)
wrong(3, "This is the entropy of X")(lambda p: entropy(p.sum(dim=1)))
wrong(3, "This is the entropy of Y")(lambda p: entropy(p.sum(dim=0)))
wrong(3, "p(y) is missing in the denominator")(lambda p: (p * torch.log2(p / p.sum(1, keepdim=True))).sum())
wrong(3, "left unknown of Y when X is known")(lambda p: entropy(p) - entropy(p.sum(1)))
wrong(3, "p(x) is missing in the denominator")(lambda p: (p * torch.log2(p / p.sum(0, keepdim=True))).sum())
wrong(3, "multiplied entry by entry")(lambda p: (p * torch.log2(p / (p.sum(1) * p.sum(0)))).sum())
wrong(3, "Your marginals are crossed")(lambda p: (p * torch.log2(p / torch.outer(p.sum(0), p.sum(1)))).sum())
wrong(3, "the sum of its entries")(lambda p: p * torch.log2(p / table(p)))
wrong(3, "makes a share")(lambda p: (p * torch.log2(p / table(p))).sum() / entropy(p))
wrong(3, "makes a share")(lambda p: (p * torch.log2(p / table(p))).sum() / entropy(p.sum(0)))
wrong(3, "0 · log 0 counts as 0")(lambda p: (p * torch.log2(p / table(p))).sum())
wrong(3, "0 · log 0 counts as 0")(lambda p: (p * p.log2()).sum() - (table(p) * table(p).log2()).sum())
wrong(3, "p(x) = 0 makes 0 / 0")(lambda p: torch.special.xlogy(p, p / table(p)).sum() / math.log(2))
wrong(3, "Also: The sign is reversed")(lambda p: (p * torch.log(table(p) / p)).sum())
wrong(3, "is not right yet")(lambda p: (p * torch.log2((p + 0.01) / (table(p) + 0.01))).sum())

right(3)(lambda p: (p[p > 0] * torch.log2(p[p > 0] / table(p)[p > 0])).sum())
right(3)(lambda p: entropy(p.sum(0)) + entropy(p.sum(1)) - entropy(p))
right(3)(lambda p: torch.nansum(p.double() * torch.log2(p.double() / table(p.double()))))
right(3)(lambda p: (p * torch.log2((p + 1e-12) / (table(p) + 1e-12))).sum().item())


@right(3)
def bits_by_loops(p):
    total, rows, columns = 0.0, p.sum(1).tolist(), p.sum(0).tolist()
    for row, px in zip(p.tolist(), rows, strict=True):
        for pxy, py in zip(row, columns, strict=True):
            total += pxy * math.log2(pxy / (px * py)) if pxy > 0 else 0
    return total


# 4: adding what does not fit ----------------------------------------------------------------------------------------
def padded(x, width):
    return F.pad(x, (0, width - x.shape[1]))


wrong(4, "You added the vectors themselves")(lambda e, f, U, W: e + f)
wrong(4, "You added the vectors themselves")(
    lambda e, f, U, W: e[:, : min(e.shape[1], f.shape[1])] + f[:, : min(e.shape[1], f.shape[1])]
)
wrong(4, "You added the vectors themselves")(
    lambda e, f, U, W: padded(e, max(e.shape[1], f.shape[1])) + padded(f, max(e.shape[1], f.shape[1]))
)
wrong(4, "You multiplied by W:")(lambda e, f, U, W: e @ U + f @ W)
wrong(4, "You multiplied the texts by W_text")(lambda e, f, U, W: e @ U + f @ W.T)
wrong(4, "You multiplied the faces by W_face")(lambda e, f, U, W: e @ U.T + f @ W)
wrong(4, "You swapped the matrices")(lambda e, f, U, W: e @ W.T + f @ U.T)
wrong(4, "Your examples stand in columns")(lambda e, f, U, W: U @ e.T + W @ f.T)
wrong(4, "You took the mean")(lambda e, f, U, W: torch.stack([e @ U.T, f @ W.T]).mean(0))
wrong(4, "concatenation of 2 D numbers")(lambda e, f, U, W: torch.cat([e @ U.T, f @ W.T], dim=1))
wrong(4, "project each, then add")(lambda e, f, U, W: torch.cat([e, f], dim=-1))
wrong(4, "You multiplied the projections")(lambda e, f, U, W: (e @ U.T) * (f @ W.T))
wrong(4, "The faces are missing")(lambda e, f, U, W: F.linear(e, U))
wrong(4, "The texts are missing")(lambda e, f, U, W: F.linear(f, W))
wrong(4, "projected the sum")(lambda e, f, U, W: (e + f) @ U.T)
wrong(4, "is not right yet")(lambda e, f, U, W: (e @ U.T + f @ W.T).relu())
wrong(4, "Also: You took the mean")(lambda e, f, U, W: (U @ e.T + W @ f.T) / 2)

right(4)(lambda e, f, U, W: F.linear(e, U) + F.linear(f, W))
right(4)(lambda e, f, U, W: torch.cat([e, f], 1) @ torch.cat([U, W], 1).T)
right(4)(lambda e, f, U, W: (U @ e.T + W @ f.T).T)
right(4)(lambda e, f, U, W: torch.einsum("bn,dn->bd", e, U) + torch.einsum("bm,dm->bd", f, W))
right(4)(lambda e, f, U, W: [(U @ x + W @ y).tolist() for x, y in zip(e, f, strict=True)])


# 5: how far a sum gets ----------------------------------------------------------------------------------------------
wrong(5, "You multiplied t with m")(lambda t, m: -t * m)
wrong(5, "You multiplied t with m")(lambda t, m: 1e-6 * (t != m).float())
wrong(5, "You multiplied t with m")(lambda t, m: (t - m).abs())
wrong(5, "is not a sum f(t) + g(m)")(lambda t, m: t - m - t * m)
wrong(5, "is not a sum f(t) + g(m)")(lambda t, m: torch.maximum(t, -m))
wrong(5, "You returned the verdict")(lambda t, m: t > m)
wrong(5, "you say the same of all remarks")(lambda t, m: torch.zeros_like(t))
wrong(5, "you say the same of all remarks")(lambda t, m: t - m + 5)
wrong(5, "what is meant never changes your verdict")(lambda t, m: t)
wrong(5, "what is meant never changes your verdict")(lambda t, m: 2 * t - m)
wrong(5, "the words never change your verdict")(lambda t, m: -m)
wrong(5, "g(-m) in place of g(m)")(lambda t, m: t + m)
wrong(5, "g(-m) in place of g(m)")(lambda t, m: m - t + 1)
wrong(5, "one for each remark")(lambda t, m: (t - m - 1).sum())
wrong(5, "Two remarks of one kind")(lambda t, m: (t - m - 1).cumsum(0))

right(5)(lambda t, m: t - m - 1)
right(5)(lambda t, m: m - t - 0.5)
right(5)(lambda t, m: 1 - t - m)
right(5)(lambda t, m: [a + b + 1 for a, b in zip(t.tolist(), m.tolist(), strict=True)])
right(5)(lambda t, m: torch.where(t > 0, 2.0, -1.0) + torch.where(m > 0, -2.5, 0.5))
right(5)(lambda t, m: (t == 1).int() - (m == 1).int())
right(5)(lambda t, m: t.double() - m)  # a score of 0 is a sincere remark


# 6: find the bugs ---------------------------------------------------------------------------------------------------
def evaluation(split="person", fitted="train", known="train", end="mean", scale=True, correction=1, windows="each"):
    """The function from its parts."""

    def honest_accuracy(sensor, exercise, person, recording, held_out, fit):
        test = (person if split == "person" else recording)[:, None].eq(held_out).any(1)
        x = torch.cat([sensor.mean(1), sensor.std(1)], 1)
        rows = {"train": ~test, "test": test, "all": test | ~test}
        if scale:
            x = (x - x[rows[known]].mean(0)) / x[rows[known]].std(0, correction=correction)
        runs = []
        for seed in (0, 1, 2):
            model = fit(x[rows[fitted]], exercise[rows[fitted]], seed)
            right = (model(x) == exercise).float()
            if windows == "each":
                runs.append(torch.stack([right[person == p].mean() for p in held_out]))
            else:
                runs.append(right[test].mean())
        runs = torch.stack(runs)
        return {"mean": runs.mean(0), "best": runs.max(0).values, "first": runs[0], "all": runs}[end]

    return honest_accuracy


def normalised_apart(sensor, exercise, person, recording, held_out, fit):
    test = torch.isin(person, held_out)
    x = torch.cat([sensor.mean(1), sensor.std(1)], 1)
    x = torch.where(test[:, None], (x - x[test].mean(0)) / x[test].std(0), (x - x[~test].mean(0)) / x[~test].std(0))
    runs = []
    for seed in range(3):
        right = (fit(x[~test], exercise[~test], seed)(x) == exercise).float()
        runs.append(torch.stack([right[person == p].mean() for p in held_out]))
    return torch.stack(runs).mean(0)


WRONG["why_multimodal.6"] += [
    (evaluation(known="all"), "One bug is left. Means and deviations are fitted too"),
    (evaluation(split="recording"), "One bug is left. `held_out` holds persons"),
    (evaluation(end="best"), "One bug is left. The best of three runs is reported"),
    (evaluation(known="all", end="best"), "2 bugs are left. Means and deviations"),
    (evaluation(split="recording", end="best"), "2 bugs are left. `held_out` holds persons"),
    (evaluation(known="all", split="recording"), "2 bugs are left. Means and deviations"),
    (evaluation(known="all", split="recording", end="best"), "3 bugs are left."),
    (evaluation(scale=False), "no longer normalised"),
    (evaluation(fitted="test", known="test"), "The people held out are among those"),
    (evaluation(fitted="all"), "The people held out are among those"),
    (normalised_apart, "means and deviations of their own"),
    (evaluation(end="first"), "Only the first seed"),
    (evaluation(end="all"), "Every run is reported by itself"),
    (evaluation(windows="together"), "The people held out are averaged"),
    (lambda *inputs: evaluation()(*inputs).mean(), "The people held out are averaged"),
    (lambda sensor, *others: evaluation()(sensor[:, :4], *others), "is not right yet"),
]

RIGHT["why_multimodal.6"] += [evaluation(), evaluation(correction=0)]


@right(6)
def accuracy_of_the_test_windows_alone(sensor, exercise, person, recording, held_out, fit):
    def features(rows):
        return torch.cat([sensor[rows].mean(1), sensor[rows].std(1)], 1)

    train = torch.tensor([p not in held_out.tolist() for p in person.tolist()])
    mean, std = features(train).mean(0), features(train).std(0)
    models = [fit((features(train) - mean) / std, exercise[train], seed) for seed in range(3)]
    result = []
    for p in held_out:
        x = (features(person == p) - mean) / std
        result.append(sum(float((model(x) == exercise[person == p]).float().mean()) for model in models) / 3)
    return result
