"""Answers to the exercises of the MMATL lesson, as learners write them, beside those of the known mistakes."""

import copy
import math

import torch
import torch.nn.functional as F


def best_by_loops(p):
    n, k = p.shape
    total = 0.0
    for i in range(n):
        for value in range(k):
            if p[i, value] > 0:
                total -= float(p[i, value]) * math.log(float(p[i, value] / p[:, value].sum()))
    return total / n


def best_by_entropies(p):
    """H(modality | code) = ln N + H(code | modality) - H(code)."""
    entropy = torch.special.entr
    return math.log(len(p)) + entropy(p).sum(1).mean() - entropy(p.mean(0)).sum()


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(context, x, strength):
        context.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(context, gradient):
        return -context.strength * gradient, None


def reverse_by_hook(x, strength):
    y = x.view_as(x)
    y.register_hook(lambda gradient: -strength * gradient)
    return y


def who_by_loops(logits, present):
    losses = [-logits[b, i].log_softmax(0)[i] for b, i in present.nonzero().tolist()]
    return sum(losses) / len(losses)


def step(sign=-1.0, clear=True, cut=False, together=False):
    """The step of mmatl.5, written another way."""

    def align_step(parts, encoder_optimizer, discriminator_optimizer, x, y):
        codes = [E(view) for E, view in zip(parts.encoders, x)]
        names = [torch.full((len(y),), i) for i in range(len(x))]
        if clear:
            discriminator_optimizer.zero_grad()
        of_dis = sum(F.cross_entropy(parts.discriminator(e.detach()), n) for e, n in zip(codes, names)) / len(x)
        of_dis.backward()
        discriminator_optimizer.step()
        frozen = copy.deepcopy(parts.discriminator) if together else parts.discriminator
        of_enc = sum(F.cross_entropy(frozen(e), n) for e, n in zip(codes, names)) / len(x)
        task = sum(F.cross_entropy(parts.head(e.detach() if cut else e), y) for e in codes) / len(x)
        encoder_optimizer.zero_grad()
        (task + sign * of_enc).backward()
        encoder_optimizer.step()
        return of_dis.item()

    return align_step


def probed_by_hand(aligned, unaligned, noise, modality, fit, removed=lambda a, u, c: 1 - (a - c) / (u - c)):
    even = torch.arange(len(modality)) % 2 == 0
    found = []
    for e in (aligned, unaligned):
        probe = fit((e + noise)[even], modality[even])
        found.append((probe((e + noise)[~even]) == modality[~even]).double().mean().item())
    return [*found, removed(*found, 1 / len(modality.unique()))]


def front_by_loops(task, probe):
    def beats(a, b):
        return task[a] >= task[b] and probe[a] <= probe[b] and (task[a] > task[b] or probe[a] < probe[b])

    runs = range(len(task))
    return [not any(beats(a, b) for a in runs) for b in runs]


def front_by_sorting(task, probe):
    """Along falling task accuracy, each run on the front has a lower probe than all before it, or ties."""
    return torch.tensor(
        [bool(((task < t) | (probe > p) | ((task == t) & (probe == p))).all()) for t, p in zip(task, probe)]
    )


def attack(sign=1, low=0.0, high=1.0, size=1.0):
    def fgsm(model, x, label, epsilon):
        x = x.detach().clone()
        x.requires_grad_(True)
        loss = -model(x).log_softmax(1)[torch.arange(len(x)), label].sum()
        loss.backward()
        return torch.clip(x.detach() + sign * size * epsilon * torch.sign(x.grad), low, high)

    return fgsm


def attack_by_formula(model, x, label, epsilon):
    """For a linear model the gradient is (p - y) W; W comes from the answers to unit vectors."""
    units = torch.eye(x.shape[1])
    W = (model(units) - model(torch.zeros(1, x.shape[1]))).T
    gradient = (model(x).softmax(1) - F.one_hot(label, len(W))) @ W
    return (x + epsilon * gradient.sign()).clamp(0, 1)


def attack_one_by_one(model, x, label, epsilon):
    return torch.cat([attack()(model, x[i : i + 1], label[i : i + 1], epsilon) for i in range(len(x))])


WRONG = {
    "mmatl.1": [
        ("You returned ln N whatever p is", lambda p: math.log(p.shape[0])),
        ("to base 2", lambda p: best_by_loops(p) / math.log(2)),
        ("Not right yet", lambda p: 3 * best_by_loops(p)),
    ],
    "mmatl.2": [
        ("No gradient arrives", lambda x, strength: x.detach() * 1.0),
        ("Not right yet", lambda x, strength: x.detach() + strength**2 * (x.detach() - x)),
    ],
    "mmatl.3": [
        ("Missing modalities count", lambda z, present: who_by_loops(z, torch.ones_like(present))),
        ("Not right yet", lambda z, present: 1.5 * who_by_loops(z, present) + 1),
    ],
    "mmatl.5": [
        ("3 bugs are left.", step(sign=1, clear=False, cut=True)),
        ("2 bugs are left.", step(clear=False, cut=True)),
        ("One bug is left. The encoders minimise", step(sign=1)),
        ("Not right yet", step(sign=-3.0)),
    ],
    "mmatl.4": [
        (
            "the share that is left",
            lambda a, u, noise, m, fit: probed_by_hand(a, u, noise, m, fit, lambda a, u, c: (a - c) / (u - c)),
        ),
        ("Not right yet", lambda a, u, noise, m, fit: probed_by_hand(a, u, 3 * noise, m, fit)),
    ],
    "mmatl.7": [
        ("You concatenated", lambda e, z: torch.cat([e, z.softmax(1).detach()], dim=1)),
        ("A gradient flows into the logits", lambda e, z: torch.einsum("bd,bc->bdc", e, z.softmax(1)).flatten(1)),
        ("Not right yet", lambda e, z: 2 + torch.einsum("bd,bc->bdc", e, z.detach().softmax(1)).flatten(1)),
    ],
    "mmatl.6": [
        ("Better in one number is not enough", lambda t, p: [not any((t > a) | (p < b)) for a, b in zip(t, p)]),
        ("Not right yet", lambda t, p: t > t.median()),
    ],
    "mmatl.8": [
        ("Your inputs lower the loss", attack(sign=-1)),
        ("Some inputs leave [0, 1]", attack(low=-9, high=9)),
        ("Not right yet", attack(size=0.5)),
    ],
}

RIGHT = {
    "mmatl.1": [best_by_loops, best_by_entropies, lambda p: best_by_entropies(p.double()).item()],
    "mmatl.2": [Reverse.apply, reverse_by_hook, lambda x, strength: x.detach() - strength * (x - x.detach())],
    "mmatl.3": [
        who_by_loops,
        lambda z, present: -z.log_softmax(2).diagonal(dim1=1, dim2=2)[present].mean(),
        lambda z, present: (z.logsumexp(2) - torch.einsum("bii->bi", z))[present].double().mean().item(),
    ],
    "mmatl.5": [step(), step(together=True), lambda *case: torch.tensor(step()(*case))],
    "mmatl.4": [
        probed_by_hand,
        lambda *case: torch.tensor(probed_by_hand(*case)),
        lambda a, u, noise, m, fit: probed_by_hand(a, u, noise, m, fit, lambda a, u, c: (u - a) / (u - c)),
    ],
    "mmatl.7": [
        lambda e, z: torch.einsum("bd,bc->bdc", e, z.detach().softmax(1)).flatten(1),
        lambda e, z: torch.bmm(e.unsqueeze(2), F.softmax(z.detach(), dim=1).unsqueeze(1)).reshape(len(e), -1),
        lambda e, z: torch.stack([torch.outer(a, b.softmax(0)).flatten() for a, b in zip(e, z.detach())]),
    ],
    "mmatl.6": [front_by_loops, front_by_sorting, lambda t, p: torch.tensor(front_by_loops(t.tolist(), p.tolist()))],
    "mmatl.8": [attack(), attack_by_formula, attack_one_by_one],
}
