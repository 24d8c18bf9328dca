import pytest
import torch
import torch.nn.functional as F
from scipy.stats import skew

from mmatl_lab.metrics.nearest import by_distance, csls, k_occurrence, nearest, principal_axes, shortlist, skewness


def vectors(n, d, seed=0, unit=False):
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return F.normalize(x, dim=1) if unit else x


def test_nearest_are_those_of_the_whole_matrix_whatever_the_block(monkeypatch):
    queries, keys = vectors(50, 8), vectors(70, 8, seed=1)
    expected = (queries @ keys.T).topk(5)
    for block in (1 << 20, 100):
        monkeypatch.setattr("mmatl_lab.metrics.retrieval.BLOCK", block)
        found = nearest(queries, keys, 5)
        assert torch.equal(found.indices, expected.indices) and torch.allclose(found.values, expected.values)
    assert nearest(queries[:0], keys, 5).indices.shape == (0, 5)


def test_distances_rank_as_longer_vectors_do_and_as_the_cosine_only_for_equal_lengths():
    queries, keys = vectors(40, 6), vectors(60, 6, seed=1)
    order = torch.cdist(queries, keys).argsort(1)
    assert torch.equal(nearest(*by_distance(queries, keys), 60).indices, order)
    assert not torch.equal(nearest(queries, keys, 60).indices, order)
    unit = F.normalize(keys, dim=1)
    assert torch.equal(nearest(queries, unit, 60).indices, torch.cdist(queries, unit).argsort(1))


def test_csls_ranks_as_its_definition():
    queries, keys = vectors(30, 5, unit=True), vectors(40, 5, seed=1, unit=True)
    cosine = queries @ keys.T
    own, others = cosine.topk(4, 1).values.mean(1), cosine.topk(4, 0).values.mean(0)
    expected = 2 * cosine - own[:, None] - others
    longer = csls(queries, keys, 4)
    assert torch.equal(nearest(*longer, 40).indices, expected.argsort(1, descending=True))
    assert torch.allclose(2 * longer[0] @ longer[1].T - own[:, None], expected, atol=1e-5)


def test_hubs_grow_with_the_dimension_and_csls_flattens_them():
    skews = {}
    for d in (3, 100):
        x = vectors(500, d)
        counts = k_occurrence(*by_distance(x, x), 10)
        assert counts.sum() == 5000
        skews[d] = skewness(counts)
    assert skews[100] > skews[3] + 1
    # a cone: all queries share a direction, so the keys that point there are found by all
    queries, keys = F.normalize(vectors(400, 64, unit=True) + 0.05, dim=1), vectors(400, 64, seed=1, unit=True)
    assert skewness(k_occurrence(*csls(queries, keys), 10)) < 0.75 * skewness(k_occurrence(queries, keys, 10))


def test_skewness_is_scipys():
    x = vectors(1, 200)[0].exp()
    assert skewness(x) == pytest.approx(skew(x.double().numpy())) and skewness(torch.ones(5)) == 0


def test_a_shortlist_of_everything_is_exact_and_rotated_vectors_need_a_short_one():
    keys = vectors(300, 4) @ vectors(4, 32, seed=1) + 0.1 * vectors(300, 32, seed=2)
    queries = keys[:50] + 0.1 * vectors(50, 32, seed=3)
    exact = nearest(queries, keys, 5).indices
    assert torch.equal(shortlist(queries, keys, dims=1, size=300).indices[:, :5], exact)
    axes = principal_axes(keys)
    assert torch.allclose(queries @ axes @ (keys @ axes).T, queries @ keys.T, atol=1e-3)
    found = shortlist(queries @ axes, keys @ axes, dims=4, size=20, k=5).indices
    assert (found[:, :, None] == exact[:, None]).any(1).float().mean() > 0.95


@pytest.mark.parametrize("call", [nearest, k_occurrence])
def test_a_k_beyond_the_keys_is_told(call):
    with pytest.raises(ValueError, match="K counts the nearest of 7 keys, got 8: give 1 to 7"):
        call(vectors(3, 4), vectors(7, 4), 8)


def test_a_shortlist_that_is_too_short_is_told():
    with pytest.raises(ValueError, match="size of the shortlist in 10 to 20, got 4 and 5"):
        shortlist(vectors(3, 4), vectors(20, 4), dims=4, size=5)
