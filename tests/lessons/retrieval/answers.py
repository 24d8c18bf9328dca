"""Answers to the exercises of lesson 04, as learners write them, beside those that the known mistakes give."""

import torch


def rank_by_loops(s):
    found = []
    for i, row in enumerate(s.tolist()):
        others = row[:i] + row[i + 1 :]
        found.append(1 + sum(x > row[i] for x in others) + sum(x == row[i] for x in others) / 2)
    return found


def precision_by_loops(right):
    found = []
    for row in right.tolist():
        so_far, total = 0, 0.0
        for place, one in enumerate(row, 1):
            so_far += one
            total += one * so_far / place
        found.append(total / so_far)
    return found


def distances_by_loops(queries, keys):
    return [[((q @ q - (q - k) @ (q - k)) / 2).item() for k in keys] for q in queries]


def triplet_by_loops(s, margin):
    total = 0.0
    for i in range(len(s)):
        others = [j for j in range(len(s)) if j != i]
        for row in (s[i], s[:, i]):
            total += max(0.0, margin - s[i, i].item() + max(row[j].item() for j in others))
    return total / len(s)


def ceiling_by_loops(shape, size):
    seen = list(zip(shape.tolist(), size.tolist()))
    return sum(1 / seen.count(one) for one in seen) / len(seen)


def counts_by_loops(s, k):
    counts = [0] * s.shape[1]
    for row in s:
        for j in row.argsort(descending=True)[:k].tolist():
            counts[j] += 1
    return counts


def csls_by_sorting(s, k):
    query = s.sort(1, descending=True).values[:, :k].mean(1, keepdim=True)
    key = s.sort(0, descending=True).values[:k].mean(0, keepdim=True)
    return (s - query) + (s - key)


def with_itself(s, margin):
    d = s.diagonal()
    return ((margin - d + s.amax(1)).clamp(min=0) + (margin - d + s.amax(0)).clamp(min=0)).mean()


WRONG = {
    "retrieval.1": [
        (
            "Ranks begin at 1",
            lambda s: (s > s.diagonal()[:, None]).sum(1) + ((s == s.diagonal()[:, None]).sum(1) - 1) / 2,
        ),
        ("entries of the ranks differ", lambda s: 1.3 + torch.arange(len(s))),
    ],
    "retrieval.2": [
        ("all places", lambda r: (r.cumsum(1) / torch.arange(1, r.shape[1] + 1)).mean(1)),
        ("entries of the average precisions differ", lambda r: 0.01 + torch.arange(len(r)) / 97),
    ],
    "retrieval.3": [
        ("that is the dot product alone", lambda q, k: q @ k.T),
        ("entries of the similarities differ", lambda q, k: q @ k.T - k.square().sum(1) / 3),
    ],
    "retrieval.4": [
        ("its own hardest negative", with_itself),
        ("the loss", lambda s, m: s.sum()),
    ],
    "retrieval.5": [
        ("chance among the groups", lambda shape, size: 1 / len((shape * 3 + size).unique())),
        ("the ceiling", lambda shape, size: 0.987),
    ],
    "retrieval.6": [
        ("Those are shares", lambda s, k: torch.tensor(counts_by_loops(s, k)) / len(s)),
        ("entries of the counts differ", lambda s, k: torch.arange(s.shape[1])),
    ],
    "retrieval.7": [
        ("hubs must lose", lambda s, k: 2 * s + s.topk(k, 1).values.mean(1)[:, None] + s.topk(k, 0).values.mean(0)),
        ("entries of the similarities differ", lambda s, k: 3 * s),
    ],
}


RIGHT = {
    "retrieval.1": [
        rank_by_loops,
        lambda s: (s > s.diagonal()[:, None]).sum(1) + (s == s.diagonal()[:, None]).sum(1) / 2 + 0.5,
        lambda s: torch.stack([0.5 + (row > row[i]).sum() + (row == row[i]).sum() / 2 for i, row in enumerate(s)]),
    ],
    "retrieval.2": [
        precision_by_loops,
        lambda r: torch.stack([(torch.arange(1, int(x.sum()) + 1) / (x.nonzero()[:, 0] + 1)).mean() for x in r]),
        lambda r: ((r.cumsum(1) / r.new_ones(r.shape, dtype=torch.long).cumsum(1)) * r).sum(1) / r.sum(1),
    ],
    "retrieval.3": [
        distances_by_loops,
        lambda q, k: (q.square().sum(1)[:, None] - torch.cdist(q, k).square()) / 2,
        lambda q, k: torch.cat([q, -q.new_ones(len(q), 1)], 1) @ torch.cat([k, k.square().sum(1)[:, None] / 2], 1).T,
    ],
    "retrieval.4": [
        triplet_by_loops,
        lambda s, m: sum(
            (x - x.diagonal()[:, None] + m).clamp(min=0).fill_diagonal_(0).amax(1).mean() for x in (s, s.T)
        ),
        lambda s, m: torch.tensor(triplet_by_loops(s.double(), m)),
    ],
    "retrieval.5": [
        ceiling_by_loops,
        lambda shape, size: len((shape * 3 + size).unique()) / len(shape),
        lambda shape, size: len(set(zip(shape.tolist(), size.tolist()))) / len(shape),
    ],
    "retrieval.6": [
        counts_by_loops,
        lambda s, k: torch.zeros_like(s).scatter(1, s.topk(k).indices, 1.0).sum(0).long(),
        lambda s, k: (s >= s.topk(k).values[:, -1:]).sum(0),
    ],
    "retrieval.7": [
        csls_by_sorting,
        lambda s, k: 2 * s - s.topk(k, 1).values.sum(1, keepdim=True) / k - s.T.topk(k, 1).values.mean(1)[None],
        lambda s, k: 2 * s.double() - s.double().topk(k, 1).values.mean(1)[:, None] - s.double().topk(k, 0)[0].mean(0),
    ],
}
