"""Answers to the exercises of lesson 01, as learners write them, beside those that the known mistakes give."""

import math
from statistics import NormalDist

import torch
import torch.nn.functional as F

ndtr = torch.special.ndtr


def odds(v, f, v_noise, f_noise):
    return 2 * v / v_noise**2 + 2 * f / f_noise**2


def accuracy_by_loops(v, f, a):
    rows = zip(v.tolist(), f.tolist(), a.tolist())
    return [(1 - c) * NormalDist().cdf(math.hypot(1 / x, 1 / y)) + c * 0.5 for x, y, c in rows]


def classifier_by_densities(t, v, f, v_noise, f_noise):
    def likelihood(m):
        return torch.exp(-((v - m) ** 2) / (2 * v_noise**2) - (f - m) ** 2 / (2 * f_noise**2))

    return likelihood(-t) / (likelihood(-t) + likelihood(t))  # t = 0: one half


def table(p):
    return p.sum(1)[:, None] * p.sum(0)[None, :]


def entropy(p):
    return -torch.special.xlogy(p, p).sum() / math.log(2)


def bits_by_loops(p):
    rows, columns = p.sum(1).tolist(), p.sum(0).tolist()
    cells = [(c, a * b) for row, a in zip(p.tolist(), rows) for c, b in zip(row, columns)]
    return sum(c * math.log2(c / q) for c, q in cells if c > 0)


def evaluation(split="person", known="train", best=False, correction=1, channels=slice(None)):
    def honest_accuracy(sensor, exercise, person, recording, held_out, fit):
        sensor = sensor[..., channels]
        test = (person if split == "person" else recording)[:, None].eq(held_out).any(1)
        x = torch.cat([sensor.mean(1), sensor.std(1)], 1)
        rows = ~test if known == "train" else test | ~test
        x = (x - x[rows].mean(0)) / x[rows].std(0, correction=correction)
        right = torch.stack([(fit(x[~test], exercise[~test], seed)(x) == exercise).float() for seed in range(3)])
        runs = torch.stack([right[:, person == p].mean(1) for p in held_out], 1)
        return runs.max(0).values if best else runs.mean(0)

    return honest_accuracy


def accuracy_of_the_test_windows_alone(sensor, exercise, person, recording, held_out, fit):
    def features(rows):
        return torch.cat([sensor[rows].mean(1), sensor[rows].std(1)], 1)

    train = torch.tensor([p not in held_out.tolist() for p in person.tolist()])
    mean, std = features(train).mean(0), features(train).std(0)
    models = [fit((features(train) - mean) / std, exercise[train], seed) for seed in range(3)]
    windows = [((features(person == p) - mean) / std, exercise[person == p]) for p in held_out]
    return [sum(float((model(x) == y).float().mean()) for model in models) / 3 for x, y in windows]


WRONG = {
    "why_multimodal.1": [
        ("Also: You divided by σ:", lambda t, v, f, sv, sf: torch.sigmoid(2 * t * (v / sv + f / sf))),
        ("returned the verdict", lambda t, v, f, sv, sf: torch.sigmoid(-t * odds(v, f, sv, sf)).round()),
        ("returned the verdict", lambda t, v, f, sv, sf: t * odds(v, f, sv, sf) > 0),
        ("returned the verdict", lambda t, v, f, sv, sf: torch.sigmoid(-t * odds(v, f, sv, sf)) > 0.8),
        ("entries of the probabilities differ", lambda t, *case: torch.sigmoid(-3 * t * odds(*case))),
        ("(24, 2), expected (24,)", lambda t, *x: torch.stack([t * odds(*x), -t * odds(*x)], 1).softmax(1)),
    ],
    "why_multimodal.2": [
        ("Also: You returned the share of errors", lambda v, f, a: (1 - a) * (1 - ndtr(v**-2 + f**-2)) + a / 2),
        ("0.01 too small", lambda v, f, a: torch.tensor(accuracy_by_loops(v, f, a)) - 0.01),
    ],
    "why_multimodal.3": [
        ("This is $H(Y|X)$", lambda p: -(p * torch.log2(p / p.sum(1, keepdim=True))).sum()),
        ("The sign is reversed", lambda p: entropy(p) - entropy(p.sum(0)) - entropy(p.sum(1))),
        ("Also: The sign is reversed", lambda p: (p * torch.log(table(p) / p)).sum()),
        ("0 · log 0 counts as 0", lambda p: (p * p.log2()).sum() - (table(p) * table(p).log2()).sum()),
        ("entries of the information differ", lambda p: (p * torch.log2((p + 0.01) / (table(p) + 0.01))).sum()),
    ],
    "why_multimodal.4": [
        ("Also: You took the mean", lambda e, f, U, W: (U @ e.T + W @ f.T) / 2),
        ("added the vectors themselves", lambda e, f, *_: F.pad(e, (0, 9 - e.shape[1]))[:, : f.shape[1]] + f),
        ("entries of the fused vectors differ", lambda e, f, U, W: (e @ U.T + f @ W.T).relu()),
    ],
    "why_multimodal.5": [
        ("You multiplied t with m", lambda t, m: 1e-6 * (t != m).float()),
        ("what is meant never changes your verdict", lambda t, m: t),
        ("one for each remark", lambda t, m: (t - m - 1).sum()),
    ],
    "why_multimodal.6": [
        ("2 bugs are left. Means and deviations", evaluation(known="all", best=True)),
        ("2 bugs are left. `held_out` holds persons", evaluation(split="recording", best=True)),
        ("2 bugs are left. Means and deviations", evaluation(known="all", split="recording")),
        ("Not right yet:", evaluation(channels=slice(4))),
    ],
}
RIGHT = {
    "why_multimodal.1": [
        classifier_by_densities,
        lambda t, *case: 1 / (1 + torch.exp(t.double() * odds(*case))),
        lambda t, *case: torch.stack([t * odds(*case), 0 * t], 1).softmax(1)[:, 1],
    ],
    "why_multimodal.2": [
        accuracy_by_loops,
        lambda v, f, a: 0.5 + (1 - a) * torch.erf((v**2 + f**2).sqrt() / (v * f) / math.sqrt(2)) / 2,
        lambda v, f, a: (1 - a) * torch.distributions.Normal(0, 1).cdf((v**-2 + f**-2) ** 0.5) + a / 2,
    ],
    "why_multimodal.3": [
        bits_by_loops,
        lambda p: entropy(p.sum(0)) + entropy(p.sum(1)) - entropy(p),
        lambda p: torch.nansum(p.double() * torch.log2(p.double() / table(p.double()))),
        lambda p: (p * torch.log2((p + 1e-12) / (table(p) + 1e-12))).sum().item(),
    ],
    "why_multimodal.4": [
        lambda e, f, U, W: F.linear(e, U) + F.linear(f, W),
        lambda e, f, U, W: torch.cat([e, f], 1) @ torch.cat([U, W], 1).T,
        lambda e, f, U, W: [(U @ x + W @ y).tolist() for x, y in zip(e, f)],
    ],
    "why_multimodal.5": [
        lambda t, m: 1 - t - m,
        lambda t, m: [a + b + 1 for a, b in zip(t.tolist(), m.tolist())],
        lambda t, m: torch.where(t > 0, 2.0, -1.0) + torch.where(m > 0, -2.5, 0.5),
        lambda t, m: t.double() - m,  # a score of 0 is a sincere remark
    ],
    "why_multimodal.6": [evaluation(), evaluation(correction=0), accuracy_of_the_test_windows_alone],
}
