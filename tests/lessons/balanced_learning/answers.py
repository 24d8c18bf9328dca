"""Answers to the exercises on balanced learning, as learners write them, beside those of the known mistakes."""

import math

import torch
import torch.nn.functional as F


def residual_by_autograd(logits, label):
    z = logits.sum(0).requires_grad_()
    return torch.autograd.grad(F.cross_entropy(z, label, reduction="sum"), z)[0]


def residual_by_index(logits, label):
    p = torch.stack(list(logits)).sum(0).softmax(1).clone()
    p[torch.arange(len(label)), label] -= 1
    return p


def right_probability(logits, label):
    return logits.softmax(-1).gather(2, label.expand(len(logits), -1)[..., None]).squeeze(-1).sum(1)


def coefficients_by_loops(logits, label, alpha):
    s = right_probability(logits, label).tolist()
    found = []
    for m in range(len(s)):
        others = [x for i, x in enumerate(s) if i != m]
        ratio = s[m] / (sum(others) / len(others))
        found.append(1 - math.tanh(alpha * ratio) if ratio > 1 else 1.0)
    return torch.tensor(found)


def rank_by_loops(c, kappa):
    total = 0.0
    for i in range(len(c)):
        j = (i + 1) % len(c)
        gap = float(kappa[i] - kappa[j])
        total += max(0.0, math.copysign(1, gap) * float(c[i] - c[j]) + abs(gap))
    return total / len(c)


def updated_by_inverse(P, r, alpha):
    return torch.linalg.inv(torch.linalg.inv(P.double()) + torch.outer(r, r).double() / alpha)


def weights_by_exp(logits, present):
    e = torch.distributions.Categorical(logits=logits).entropy()
    w = (e.amax(0) - e).exp() * present
    return w / w.sum(0)


def weights_by_loops(logits, present):
    w = torch.zeros(logits.shape[:2])
    for m in range(len(logits)):
        for b in range(logits.shape[1]):
            p = logits[m, b].softmax(0)
            w[m, b] = torch.exp((p * p.log()).sum()) if present[m, b] else 0.0
    return w / w.sum(0)


WRONG = {
    "balanced_learning.1": [
        ("You averaged the logits", lambda z, y: z.mean(0).softmax(-1) - F.one_hot(y, z.shape[-1])),
        ("The label is missing", lambda z, y: z.sum(0).softmax(1)),
        ("The sign is reversed", lambda z, y: F.one_hot(y, z.shape[-1]) - z.sum(0).softmax(1)),
    ],
    "balanced_learning.2": [
        (
            "You returned tanh",
            lambda z, y, a: 1 - coefficients_by_loops(z, y, a) + (coefficients_by_loops(z, y, a) == 1),
        ),
    ],
    "balanced_learning.3": [
        ("You took the sum", lambda c, kappa: rank_by_loops(c, kappa) * len(c)),
    ],
    "balanced_learning.4": [
        ("You left alpha out", lambda P, r, alpha: P - torch.outer(P @ r, P @ r) / (r @ P @ r)),
        ("You used r in place", lambda P, r, alpha: P - torch.outer(r, r) / (alpha + r @ r)),
    ],
    "balanced_learning.5": [
        ("Missing modalities get a weight", lambda z, present: weights_by_exp(z, torch.ones_like(present))),
    ],
    "balanced_learning.6": [
        ("do not sum to 1", lambda z, T: (z / T[..., None]).log_softmax(-1).sum(0)),
        ("The temperatures are missing", lambda z, T: z.log_softmax(-1).sum(0).log_softmax(-1)),
    ],
}

RIGHT = {
    "balanced_learning.1": [
        residual_by_autograd,
        residual_by_index,
        lambda z, y: torch.softmax(sum(z), 1) - torch.eye(z.shape[-1])[y],
    ],
    "balanced_learning.2": [
        coefficients_by_loops,
        lambda z, y, a: coefficients_by_loops(z.double(), y, a),
        lambda z, y, a: coefficients_by_loops(z - z.amax(-1, keepdim=True), y, a),
    ],
    "balanced_learning.3": [
        rank_by_loops,
        lambda c, kappa: torch.tensor(rank_by_loops(c, kappa)),
        lambda c, kappa: F.margin_ranking_loss(
            torch.zeros(len(c)),
            (kappa - kappa.roll(-1)).sign() * (c - c.roll(-1)) + (kappa - kappa.roll(-1)).abs(),
            torch.ones(len(c)),
        ),
    ],
    "balanced_learning.4": [
        updated_by_inverse,
        lambda P, r, alpha: P - (P @ r[:, None]) @ (P @ r[:, None]).T / (alpha + (r[None] @ P @ r[:, None]).item()),
        lambda P, r, alpha: P - torch.einsum("i,j->ij", P @ r, P @ r).div(alpha + (r * (P @ r)).sum()),
    ],
    "balanced_learning.5": [
        weights_by_exp,
        weights_by_loops,
        lambda z, present: weights_by_exp(z - z.mean(-1, keepdim=True), present),
    ],
    "balanced_learning.6": [
        lambda z, T: (z / T.unsqueeze(-1)).sum(0).log_softmax(-1),
        lambda z, T: torch.stack([F.softmax(a / t[:, None], 1) for a, t in zip(z, T)]).prod(0).log().log_softmax(1),
        lambda z, T: F.normalize((z / T[..., None]).softmax(-1).prod(0), p=1, dim=1).log(),
    ],
}
