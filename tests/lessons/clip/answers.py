"""Answers to the CLIP lesson's exercises, as learners write them, beside those that the known mistakes give."""

import math

import torch
import torch.nn.functional as F


def both(logits):
    target = torch.arange(len(logits))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def off(tokens):
    return ~torch.eye(len(tokens), dtype=torch.bool)


def equal(tokens):
    return (tokens[:, None, :] == tokens[None, :, :]).all(2)


def best(s, r):
    return s.masked_fill(~r, -torch.inf).amax(1, keepdim=True)


def before(s, r):
    return (s >= best(s, r)) & ~r


def recall_by_loops(s, r, k):
    hits = 0
    for scores, right_keys in zip(s.tolist(), r.tolist()):
        best = max(x for x, is_right in zip(scores, right_keys) if is_right)
        hits += sum(x >= best for x, is_right in zip(scores, right_keys) if not is_right) < k
    return hits / len(s)


def recall_by_argmax(s, r, k):
    found = torch.zeros(len(s), dtype=torch.bool)
    for _ in range(k):
        place = s.argmax(1, keepdim=True)
        found, s = found | r.gather(1, place)[:, 0], s.scatter(1, place, -torch.inf)
    return found.float().mean()


def step(axis=1, scale=torch.exp, calls=("zero", "backward", "step"), read=torch.Tensor.item):
    def training_step(model, optimizer, images, tokens):
        out = model.image_encoder(images), model.text_encoder(tokens)
        image, text = (F.normalize(x, dim=axis) for x in out)
        value = both(scale(model.logit_scale) * image @ text.T)
        for name in calls:
            {"zero": optimizer.zero_grad, "backward": value.backward, "step": optimizer.step}[name]()
        return read(value)

    return training_step


def gradient_by_autograd(u, v, a):
    a = a.clone().requires_grad_()
    return torch.autograd.grad(both(a.exp() * u @ v.T), a)[0]


def gradient_by_differences(u, v, a):
    s, a = u.double() @ v.double().T, a.double()
    return (both((a + 1e-6).exp() * s) - both((a - 1e-6).exp() * s)) / 2e-6


def halved(x, w):
    return F.conv2d(x, w, stride=2, padding=1)


def encode(images, w1, w2, w3):
    conv1, conv2 = (torch.nn.Conv2d(w.shape[1], w.shape[0], 3, 2, 1, bias=False) for w in (w1, w2))
    with torch.no_grad():
        conv1.weight.copy_(w1)
        conv2.weight.copy_(w2)
    return F.linear(F.gelu(conv2(F.gelu(conv1(images)))).flatten(2).amax(2), w3)


WRONG = {
    "clip.1": [
        ("Also: You took the mean", lambda x, a, b, c: F.relu(halved(F.relu(halved(x, a)), b)).mean((2, 3)) @ c.T),
        ("transpose it", lambda x, a, b, c: encode(x, a, b, c).T),
        ("2 times too large", lambda x, a, b, c: 2 * encode(x, a, b, c)),
    ],
    "clip.2": [
        ("Also: You applied a softmax", lambda x, y: (F.normalize(x, dim=0) @ F.normalize(y, dim=0).T).softmax(1)),
        ("with its own text only", F.cosine_similarity),
        ("matrix is 2 times too large", lambda x, y: 2 * F.normalize(x) @ F.normalize(y).T),
    ],
    "clip.3": [
        ("Also: You multiplied by τ", lambda x, y, t: F.cross_entropy(x @ y.T * t, torch.arange(len(x)))),
        ("hides what it should keep finite", lambda x, y, t: both((x @ y.T / t).clamp(max=10))),
        ("it has no gradient", lambda x, y, t: both(x @ y.T / t).detach()),
        ("e^(1/τ)", lambda x, y, t: both((x @ y.T / t).exp().log())),
    ],
    "clip.4": [
        ("keep the matrix whole", lambda logits, tokens: logits[equal(tokens)]),
        ("e⁰ = 1", lambda logits, tokens: logits * ~(equal(tokens) & off(tokens))),
        ("entries of what a softmax", lambda z, tokens: 2 * z.masked_fill(equal(tokens) & off(tokens), -9e9)),
    ],
    "clip.6": [
        ("Also: Your class vectors are shorter than 1", lambda p: p.mean(1)),
        ("would be right with the opposite sign", lambda p: -F.normalize(F.normalize(p, dim=-1).sum(1), dim=-1)),
    ],
    "clip.5": [
        ("The order of the columns decides", recall_by_argmax),
        ("count the right keys, too", lambda s, r, k: ((s >= best(s, r)).sum(1) - 1 < k).float().mean()),
        ("Return one number", lambda s, r, k: before(s, r).sum(1) < k),
    ],
    "clip.8": [
        ("2 bugs are left.", step(calls=("backward", "step"), scale=lambda a: a)),
        ("2 bugs are left.", step(axis=0, calls=("backward", "step"))),
        ("3 bugs are left.", step(axis=0, scale=lambda a: a, calls=("backward", "step"))),
        ("no weight has moved", step(calls=())),
        ("Not right yet:", step(scale=lambda a: 1.5 * a.exp())),
    ],
    "clip.7": [("3 times too large", lambda u, v, a: 3 * gradient_by_autograd(u, v, a))],
}
RIGHT = {
    "clip.1": [
        encode,
        lambda x, a, b, c: F.gelu(halved(F.gelu(halved(x, a)), b)).flatten(2).max(2).values @ c.T,
        lambda x, a, b, c: torch.einsum("bk,dk->bd", F.gelu(halved(F.gelu(halved(x, a)), b)).amax((2, 3)), c),
    ],
    "clip.2": [
        lambda image, text: F.cosine_similarity(image[:, None], text[None, :], dim=-1),
        lambda image, text: F.normalize(image.double(), dim=1) @ F.normalize(text.double(), dim=1).T,
        lambda image, text: [[float(torch.dot(u, v) / (u.norm() * v.norm())) for v in text] for u in image],
    ],
    "clip.3": [
        lambda image, text, t: both((image.double() / t) @ text.double().T),
        lambda x, y, t: -((x @ y.T / t).log_softmax(1) + (x @ y.T / t).log_softmax(0)).trace() / (2 * len(x)),
        lambda image, text, t: both((1 - torch.cdist(image, text) ** 2 / 2) / t),  # the cosine of unit vectors
    ],
    "clip.4": [
        lambda logits, tokens: logits.masked_fill(equal(tokens) & off(tokens), -1e9),
        lambda logits, tokens: torch.where(equal(tokens).fill_diagonal_(False), float("-inf"), logits),
        lambda logits, tokens: [
            [-math.inf if i != j and a == b else logits[i, j] for j, b in enumerate(tokens.tolist())]
            for i, a in enumerate(tokens.tolist())
        ],
    ],
    "clip.6": [
        lambda p: F.normalize(F.normalize(p, dim=2).sum(1), dim=1),  # the length of the sum does not matter
        lambda p: F.normalize(torch.einsum("ctd,ct->cd", p.double(), 1 / p.double().norm(dim=2)), dim=-1),
        lambda p: torch.stack([sum(v / v.norm() for v in x) / sum(v / v.norm() for v in x).norm() for x in p]),
    ],
    "clip.5": [
        recall_by_loops,
        lambda s, r, k: (before(s.double(), r).sum(1) + 1 <= k).double().mean().item(),
        lambda s, r, k: torch.tensor([recall_by_loops(s, r, k)]),
    ],
    "clip.8": [step(calls=("backward", "step", "zero")), step(axis=-1), step(read=lambda value: value)],
    "clip.7": [gradient_by_autograd, gradient_by_differences, lambda *case: gradient_by_autograd(*case).item()],
}
