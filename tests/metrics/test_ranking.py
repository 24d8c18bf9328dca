import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from mmatl_lab.metrics import retrieval
from mmatl_lab.metrics.ranking import rank_metrics
from mmatl_lab.metrics.retrieval import hits_at_k

CASES = 200


def case(seed, levels=None, keys=12):
    """Similarities of one query (1, M), and which keys are right (1, M): 1 to M - 1 of them."""
    generator = torch.Generator().manual_seed(seed)
    similarity = torch.randn(1, keys, generator=generator)
    if levels:
        similarity = torch.randint(levels, (1, keys), generator=generator).float()
    right = torch.rand(1, keys, generator=generator).argsort() < 1 + seed % (keys - 1)
    return similarity, right


def scores(similarity, right, k=3):
    """Our numbers for one query."""
    found = rank_metrics(similarity, k=k, ids=(torch.ones(1), right[0].float()))
    return {
        "hit": found.hits[k].item(),
        "rank": found.rank.item(),
        "rr": found.reciprocal_rank.item(),
        "ap": found.average_precision.item(),
        "ndcg": found.ndcg[k].item(),
    }


def by_definition(similarity, right, k=3):
    """The same by sorting, as the mean over all orders of the keys: small cases only."""
    orders = torch.tensor(list(itertools.permutations(range(similarity.shape[1]))))  # (M!, M)
    ranked = similarity[0][orders].argsort(dim=1, descending=True, stable=True)
    right = right[0][orders].gather(1, ranked).double()  # (M!, M), best first
    place = torch.arange(1, right.shape[1] + 1).double()
    first = right.argmax(1) + 1
    discount = 1 / (place + 1).log2()
    return {
        "hit": right[:, :k].any(1).double().mean().item(),
        "rank": first.double().mean().item(),
        "rr": (1 / first.double()).mean().item(),
        "ap": ((right.cumsum(1) / place * right).sum(1) / right.sum(1)).mean().item(),
        "ndcg": ((right * discount)[:, :k].sum(1).mean() / discount[: min(k, int(right[0].sum()))].sum()).item(),
    }


@pytest.mark.parametrize("levels", [2, 3, None], ids=["many ties", "some ties", "no ties"])
def test_each_score_is_its_definition_averaged_over_the_orders_of_the_ties(levels):
    for seed in range(CASES // 3 + 1):
        similarity, right = case(seed, levels, keys=6)
        assert scores(similarity, right) == pytest.approx(by_definition(similarity, right), abs=1e-9)


def test_without_ties_they_are_those_of_torchmetrics():
    from torchmetrics.functional import retrieval as oracle

    for seed in range(CASES):
        similarity, right = case(seed)
        ours, pair = scores(similarity, right), (similarity[0].exp(), right[0])  # it drops right keys below 0
        assert ours["ap"] == pytest.approx(oracle.retrieval_average_precision(*pair).item(), abs=1e-6)
        assert ours["rr"] == pytest.approx(oracle.retrieval_reciprocal_rank(*pair).item(), abs=1e-6)
        assert ours["ndcg"] == pytest.approx(oracle.retrieval_normalized_dcg(*pair, top_k=3).item(), abs=1e-6)
        assert ours["hit"] == oracle.retrieval_hit_rate(*pair, top_k=3).item()


@pytest.mark.parametrize("levels", [3, None], ids=["ties", "no ties"])
def test_ndcg_is_that_of_scikit_learn_with_and_without_ties(levels):
    from sklearn.metrics import ndcg_score

    for seed in range(CASES):
        similarity, right = case(seed, levels)
        expected = ndcg_score(right.numpy(), similarity.numpy(), k=3)
        assert scores(similarity, right)["ndcg"] == pytest.approx(expected, abs=1e-9)


def test_average_precision_is_that_of_scikit_learn_but_for_ties():
    from sklearn.metrics import average_precision_score

    for seed in range(CASES):
        similarity, right = case(seed)
        expected = average_precision_score(right[0].numpy(), similarity[0].numpy())
        assert scores(similarity, right)["ap"] == pytest.approx(expected, abs=1e-9)
    tied, right = torch.zeros(1, 4), torch.tensor([[True, False, False, False]])
    assert average_precision_score(right[0].numpy(), tied[0].numpy()) == 1 / 4  # the end of the tie
    assert scores(tied, right)["ap"] == pytest.approx(np.mean([1, 1 / 2, 1 / 3, 1 / 4]))


def test_hits_are_those_of_hits_at_k_and_several_k_come_in_one_pass():
    generator = torch.Generator().manual_seed(0)
    similarity = torch.randint(4, (30, 20), generator=generator).float()
    ids = torch.arange(30) % 5, torch.arange(20) % 5
    found = rank_metrics(similarity, k=(1, 5, 20), ids=ids)
    for k, hits in found.hits.items():
        assert torch.allclose(hits, hits_at_k(similarity, k=k, ids=ids))
    assert list(found.summary()) == ["R@1", "R@5", "R@20", "mAP", "MRR", "median rank", "nDCG@1", "nDCG@5", "nDCG@20"]


@pytest.mark.parametrize("n", [10, 1000])
def test_constant_vectors_get_chance_and_a_perfect_ranking_gets_one(n):
    constant = torch.ones(n, 2)
    found = rank_metrics(constant, constant, k=1)
    assert found.rank[0] == pytest.approx((n + 1) / 2) and found.hits[1][0] == pytest.approx(1 / n)
    harmonic = sum(1 / i for i in range(1, n + 1)) / n
    assert found.reciprocal_rank[0] == pytest.approx(harmonic) and found.average_precision[0] == pytest.approx(harmonic)
    perfect = rank_metrics(torch.eye(n), k=1).summary()
    assert list(perfect.values()) == pytest.approx([1] * len(perfect))


class Largest(TorchDispatchMode):
    """The largest tensor that is made inside."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for x in out if isinstance(out, tuple | list) else [out]:
            if isinstance(x, torch.Tensor):
                self.numbers = max(self.numbers, x.numel())
        return out


def test_memory_is_bounded_by_the_block_and_the_blocks_change_nothing(monkeypatch):
    vectors = F.normalize(torch.randn(300, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    keys, ids = vectors + 0.3, torch.arange(300) % 7
    whole = rank_metrics(vectors, keys, ids=ids)
    monkeypatch.setattr(retrieval, "BLOCK", 3000)
    with Largest() as seen:
        parts = rank_metrics(vectors, keys, ids=ids)
    assert seen.numbers <= 2 * 3000  # one row more than right keys
    assert torch.allclose(whole.average_precision, parts.average_precision) and torch.equal(whole.rank, parts.rank)


def test_what_cannot_be_ranked_is_told_in_a_sentence():
    similarity = torch.eye(4)
    with pytest.raises(ValueError, match="K counts the nearest of 4 keys, got 10: give 1 to 4"):
        rank_metrics(similarity, k=10)
    with pytest.raises(ValueError, match="1 queries have no right key among 4, the first is query 2"):
        rank_metrics(similarity, k=1, ids=(torch.tensor([0, 1, 9, 3]), torch.arange(4)))
    with pytest.raises(ValueError, match="hold NaN, which has no rank"):
        rank_metrics(similarity.log() * 0, k=1)
