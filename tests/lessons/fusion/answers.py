"""Answers to the exercises of lesson 02, as learners write them, beside those that the known mistakes give."""

import torch


def product_by_loops(log_p, w):
    rows = []
    for example in log_p.exp():
        p = torch.ones(example.shape[1])
        for expert, weight in zip(example, w):
            p = p * expert**weight
        rows.append((p / p.sum()).tolist())
    return rows


def products_by_loops(one, other):
    return [[a * b for a in [*x, 1.0] for b in [*y, 1.0]] for x, y in zip(one.tolist(), other.tolist())]


def ones(e):
    return torch.cat([e, torch.ones(len(e), 1)], 1)


def weights_by_loops(scores, mask):
    found = torch.zeros_like(scores)
    for row, (s, here) in enumerate(zip(scores, mask)):
        found[row, here] = s[here].softmax(0)
    return found


def kept_by_loops(u, spare, p):
    rows = (u >= p).tolist()
    for row, place in zip(rows, spare.tolist()):
        if not any(row):
            row[place] = True
    return rows


def across_by_loops(h, other, scores, V):
    out = h.clone()
    for b in range(len(h)):
        for i in range(h.shape[1]):
            alpha = scores[b, i].softmax(0)
            out[b, i] += sum(a * (V @ x) for a, x in zip(alpha, other[b]))
    return out


WRONG = {
    "fusion.2": [
        ("without its normaliser", lambda log_p, w: (log_p.exp() ** w[:, None]).prod(1)),
        ("entries of the probabilities differ", lambda log_p, w: (2 * w[:, None] * log_p).sum(1).softmax(1)),
    ],
    "fusion.1": [
        ("The ones are missing", lambda a, b: torch.einsum("bi,bj->bij", a, b).flatten(1)),
        ("entries of the products differ", lambda a, b: torch.einsum("bi,bj->bij", ones(a), ones(b) ** 2).flatten(1)),
    ],
    "fusion.3": [
        ("sigmoid of each score", lambda a, s: (torch.sigmoid(s) * torch.tanh(a)).sum(1)),
        ("entries of the fused vectors differ", lambda a, s: (s.softmax(1) * a.sigmoid()).sum(1)),
    ],
    "fusion.5": [
        ("do not sum to 1", lambda s, m: torch.where(m, s.softmax(1), 0.0)),
        ("entries of the weights differ", lambda s, m: (2 * s).masked_fill(~m, -torch.inf).softmax(1)),
    ],
    "fusion.6": [
        ("Some rows are empty", lambda u, spare, p: u > p),
        ("the mask", lambda u, spare, p: u >= p / 3),
    ],
    "fusion.4": [
        ("The residual is missing", lambda h, x, s, V: torch.einsum("bij,bjd,ed->bie", s.softmax(2), x, V)),
        ("entries of the tokens differ", lambda h, x, s, V: h + (2 * s).softmax(-1) @ (x @ V.T)),
    ],
}
RIGHT = {
    "fusion.2": [
        product_by_loops,
        lambda log_p, w: torch.einsum("m,bmc->bc", w, log_p).log_softmax(1).exp(),
        lambda log_p, w: (q := (log_p.exp() ** w[:, None]).prod(1)) / q.sum(1, keepdim=True),
    ],
    "fusion.1": [
        products_by_loops,
        lambda a, b: torch.einsum("bi,bj->bij", ones(a), ones(b)).reshape(len(a), -1),
        lambda a, b: torch.bmm(ones(a)[:, :, None], ones(b)[:, None]).flatten(1),
    ],
    "fusion.3": [
        lambda a, s: torch.einsum("bmd,bmd->bd", s.softmax(1), a.tanh()),
        lambda a, s: (s.exp() * a.tanh()).sum(1) / s.exp().sum(1),
        lambda a, s: [[(z.softmax(0) @ x.tanh()).item() for z, x in zip(t.T, y.T)] for t, y in zip(s, a)],
    ],
    "fusion.5": [
        weights_by_loops,
        lambda s, m: s.exp() * m / (s.exp() * m).sum(1, keepdim=True),
        lambda s, m: torch.where(m, s, -1e30).softmax(1),
    ],
    "fusion.6": [
        kept_by_loops,
        lambda u, spare, p: torch.where((u < p).all(1, True), torch.arange(u.shape[1]) == spare[:, None], u >= p),
        lambda u, spare, p: (u >= p) | ((u < p).all(1)[:, None] & (spare[:, None] == torch.arange(u.shape[1]))),
    ],
    "fusion.4": [
        across_by_loops,
        lambda h, x, s, V: h + torch.einsum("bij,bjd,ed->bie", s.softmax(2), x, V),
        lambda h, x, s, V: torch.baddbmm(h, s.softmax(-1), x @ V.T),
    ],
}
