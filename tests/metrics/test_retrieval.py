import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from mmatl_lab.metrics import retrieval
from mmatl_lab.metrics.retrieval import hits_at_k, recall_at_k, recall_both


def unit(*shape, seed=0):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def by_sorting(similarity, relevant, k, orders=3000):
    """R@K of each query by drawing an order among equals many times and looking at the first K."""
    generator = torch.Generator().manual_seed(0)
    hits = torch.zeros(len(similarity), dtype=torch.float64)
    for _ in range(orders):
        order = torch.randperm(similarity.shape[1], generator=generator)
        first = similarity[:, order].argsort(dim=1, descending=True, stable=True)[:, :k]
        hits += relevant[:, order].gather(1, first).any(1)
    return hits / orders


@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(2, 4))
@settings(max_examples=15, deadline=None)
def test_ties_give_the_probability_under_a_random_order(seed, k, levels):
    generator = torch.Generator().manual_seed(seed)
    similarity = torch.randint(levels, (6, 8), generator=generator).float()  # few levels: many ties
    query_ids, key_ids = torch.arange(6) % 3, torch.randint(3, (8,), generator=generator)
    key_ids[:3] = torch.arange(3)
    ours = hits_at_k(similarity, k=k, ids=(query_ids, key_ids))
    drawn = by_sorting(similarity, query_ids[:, None] == key_ids, k)
    assert (ours - drawn).abs().max() < 5 * 0.5 / math.sqrt(3000)  # five standard errors of the drawn share


@given(st.integers(0, 10**6), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_without_ties_it_is_the_hit_rate_of_torchmetrics(seed, k):
    from torchmetrics.functional.retrieval import retrieval_hit_rate

    image, text = unit(20, 5, seed=seed), unit(30, 5, seed=seed + 1)
    ids = torch.arange(20) % 10, torch.arange(30) % 10  # three right texts for each image
    expected = [retrieval_hit_rate(s, i == ids[1], top_k=k) for s, i in zip(image @ text.T, ids[0], strict=True)]
    for ties in ("expected", "lost"):
        assert recall_at_k(image, text, k=k, ids=ids, ties=ties) == pytest.approx(torch.stack(expected).mean().item())
        assert recall_at_k(image @ text.T, k=k, ids=ids, ties=ties) == pytest.approx(
            torch.stack(expected).mean().item()
        )


@pytest.mark.parametrize("k", [1, 5, 100])
def test_constant_embeddings_get_chance_and_nothing_more(k):
    image, text = unit(1, 8).expand(100, 8), unit(1, 8, seed=1).expand(100, 8)
    assert recall_both(image, text, k=k) == pytest.approx((k / 100, k / 100))
    assert recall_at_k(image, text, k=k, ties="lost") == (1.0 if k == 100 else 0.0)


def test_constant_embeddings_with_several_right_answers_get_their_chance():
    ids = torch.arange(12) // 3  # three right among twelve
    expected = 1 - math.comb(9, 4) / math.comb(12, 4)
    assert recall_at_k(torch.ones(12, 12), k=4, ids=ids) == pytest.approx(expected, abs=1e-12)


def test_equal_captions_are_right_answers_of_each_other():
    text = unit(3, 8)[[0, 0, 1, 2]]
    image = unit(3, 8)[[0, 0, 1, 2]]
    assert recall_at_k(image, text) == pytest.approx(3 / 4)  # two rows, each the right one half of the time
    assert recall_at_k(image, text, ids=torch.tensor([7, 7, 8, 9])) == 1.0


def test_directions_are_not_the_same():
    image = unit(2, 4)
    text = torch.stack([image[0], image[0] + 0.5 * image[1]])
    similarity = F.normalize(image, dim=1) @ F.normalize(text, dim=1).T
    both = recall_both(image, F.normalize(text, dim=1))
    assert both.i2t == (similarity.argmax(1) == torch.arange(2)).double().mean()
    assert both.t2i == (similarity.argmax(0) == torch.arange(2)).double().mean()


def test_a_pair_of_ids_is_swapped_for_the_way_back():
    image, ids = unit(6, 8), (torch.arange(6), torch.tensor([5, 3, 1, 0, 2, 4]))
    assert recall_both(image, image[ids[1]], ids=ids) == (1.0, 1.0)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_permuting_keys_and_monotone_maps_change_nothing_and_k_only_adds(seed):
    generator = torch.Generator().manual_seed(seed)
    similarity = torch.randint(5, (9, 9), generator=generator).float()
    order = torch.randperm(9, generator=generator)
    recalls = [recall_at_k(similarity, k=k) for k in range(1, 10)]
    assert recalls == pytest.approx(
        [recall_at_k(similarity[:, order], k=k, ids=(torch.arange(9), order)) for k in range(1, 10)]
    )
    assert recalls == pytest.approx([recall_at_k(similarity.exp(), k=k) for k in range(1, 10)])
    assert all(b >= a - 1e-12 for a, b in zip(recalls, recalls[1:], strict=False)) and recalls[-1] == pytest.approx(1)


class Largest(TorchDispatchMode):
    """The most numbers in any tensor made inside."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.numbers = max(self.numbers, result.numel())
        return result


def test_memory_is_bounded_by_the_block_and_the_blocks_change_nothing(monkeypatch):
    image, text = unit(3000, 16), unit(3000, 16, seed=1)
    whole = hits_at_k(image, text, k=5)
    monkeypatch.setattr(retrieval, "BLOCK", 100_000)  # the whole matrix has 9,000,000 numbers
    with Largest() as largest:
        blocks = hits_at_k(image, text, k=5)
    assert largest.numbers <= 100_000
    assert torch.equal(blocks, whole)


def test_half_precision_is_compared_in_single():
    image = unit(50, 8).bfloat16()
    assert recall_at_k(image, image, ties="lost") == recall_at_k(image.float(), image.float(), ties="lost")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: recall_at_k(unit(3, 4), 5), TypeError, "as k=5"),
        (lambda: recall_at_k(unit(3, 4), unit(3, 5)), ValueError, r"got \(3, 4\) and \(3, 5\)"),
        (lambda: recall_at_k(unit(3, 4), unit(3, 4), k=0), ValueError, "got 0"),
        (lambda: recall_at_k(unit(3, 4), unit(3, 4), ties="won"), ValueError, "'won'"),
        (lambda: recall_at_k(unit(3, 4), unit(2, 4)), ValueError, "1 queries have no right key among 2.*query 2"),
        (lambda: recall_at_k(unit(3, 4), unit(2, 4), ids=torch.arange(3)), ValueError, "as a pair"),
        (lambda: recall_at_k(unit(0, 4), unit(2, 4)), ValueError, "at least one query"),
        (lambda: recall_at_k(unit(3, 4) * torch.nan, unit(3, 4)), ValueError, "hold NaN"),
    ],
)
def test_bad_input_is_one_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()
