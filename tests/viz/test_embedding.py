import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmatl_lab.viz import embedding
from mmatl_lab.viz.embedding import pca, place, turned, umap_embed


def clusters(n=90, d=16, seed=0):
    """Three far clusters: (n, d) and which of them a row belongs to."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(n) % 3
    return torch.randn(n, d, generator=generator) + 12 * torch.eye(3, d)[label], label.numpy()


def test_umap_is_the_same_for_the_same_seed_and_another_for_another():
    x, _ = clusters()
    once = umap_embed(x, seed=3)
    assert once.shape == (90, 2) and once.dtype == np.float32
    assert (umap_embed(x, seed=3) == once).all()
    assert (umap_embed(x, seed=4) != once).any()


def test_umap_leaves_the_global_generators_alone():
    x, _ = clusters()
    torch.manual_seed(0)
    np.random.seed(0)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(0)
    np.random.seed(0)
    umap_embed(x)
    assert (torch.rand(1), np.random.rand()) == expected


def test_umap_leaves_the_number_of_threads_alone():
    # In a process of its own: only the first map of a process changes it.
    code = (
        "import torch; torch.set_num_threads(1); from mmatl_lab.viz.embedding import umap_embed; "
        "umap_embed(torch.randn(40, 4)); assert torch.get_num_threads() == 1, torch.get_num_threads()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_umap_keeps_clusters_apart():
    x, label = clusters()
    points = umap_embed(x)
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert (label[distance.argmin(1)] == label).all()


def test_umap_of_clusters_is_quiet(recwarn):
    umap_embed(clusters()[0])
    assert not recwarn.list


@pytest.mark.parametrize("n", [3, 4, 5, 16])
def test_umap_of_few_points(n):
    points = umap_embed(torch.randn(n, 8, generator=torch.Generator().manual_seed(0)))
    assert points.shape == (n, 2) and np.isfinite(points).all()


@pytest.mark.parametrize("copies", [40, 2])
def test_umap_of_duplicates_is_finite(copies):
    x = torch.randn(3, 8, generator=torch.Generator().manual_seed(0)).repeat(copies, 1)
    assert np.isfinite(umap_embed(x)).all()
    assert np.isfinite(umap_embed(torch.ones(30, 8))).all()


def test_a_neighbourhood_begins_with_the_point_itself(monkeypatch):
    """As UMAP asks of a precomputed one, also among duplicates."""
    seen = {}
    import umap

    real = umap.UMAP

    def spy(**options):
        seen.update(options)
        return real(**options)

    monkeypatch.setattr(umap, "UMAP", spy)
    umap_embed(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)).repeat(20, 1))
    index, distance = seen["precomputed_knn"]
    assert (index[:, 0] == np.arange(100)).all()
    assert all(len(set(row)) == len(row) for row in index)
    assert (np.diff(distance, axis=1) >= 0).all()


def test_above_2000_points_the_rest_is_placed_among_their_neighbours(monkeypatch):
    monkeypatch.setattr(embedding, "MAX_POINTS", 60)
    x, label = clusters(150)
    with pytest.warns(UserWarning, match="UMAP of 150 points is slow: a random 60 were embedded"):
        points = umap_embed(x, seed=1)
    assert points.shape == (150, 2)
    centres = np.stack([points[label == k].mean(0) for k in range(3)])
    assert (np.linalg.norm(points[:, None] - centres, axis=-1).argmin(1) == label).all()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(5), r"shape \(N, D\) with N ≥ 3, got \(5,\)"),
        (torch.rand(2, 4), r"N ≥ 3, got \(2, 4\)"),
        (torch.tensor([[1.0, float("nan")], [1, 2], [3, 4]]), "1 of 3 latents hold NaN or infinity"),
        (np.full((4, 2), np.inf), "4 of 4 latents hold NaN"),
    ],
)
def test_bad_latents_get_a_sentence(x, message):
    with pytest.raises(ValueError, match=message):
        umap_embed(x)


@given(st.integers(0, 10**6), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_pca_keeps_the_largest_variance_and_fills_its_range(seed, d):
    x = np.random.default_rng(seed).normal(size=(30, d)).astype(np.float32)
    points = pca(x)
    assert points.shape == (30, 2)
    assert np.abs(points).max() == pytest.approx(10, rel=1e-4)
    spread = np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
    ours = (points**2).sum(0)
    expected = np.pad(spread, (0, 2))[:2]
    assert ours[1] / ours[0] == pytest.approx(expected[1] / expected[0], rel=1e-2, abs=1e-4)


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=25, deadline=None)
def test_turning_undoes_any_rotation_mirror_and_shift(seed, mirror):
    rng = np.random.default_rng(seed)
    before = rng.normal(size=(20, 2))
    before -= before.mean(0)
    angle = rng.uniform(0, 7)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirror:
        rotation[0] *= -1
    assert np.allclose(turned(before @ rotation + rng.normal(size=2), before), before, atol=1e-5)


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_a_new_latent_lands_among_its_neighbours(seed):
    rng = np.random.default_rng(seed)
    latents, points = rng.normal(size=(40, 6)), rng.normal(size=(40, 2))
    queries = rng.normal(size=(3, 6))
    placed = place(queries, latents, points, k=4)
    near = np.linalg.norm(queries[:, None] - latents[None], axis=-1).argsort(1)[:, :4]
    for spot, index in zip(placed, near):
        assert (points[index].min(0) - 1e-5 <= spot).all() and (spot <= points[index].max(0) + 1e-5).all()
    assert np.allclose(place(queries, latents, points, k=1), points[near[:, 0]], atol=1e-5)


def test_the_nearer_neighbour_weighs_more_and_duplicates_weigh_the_same():
    latents, points = np.array([[0.0], [1.0], [9.0]]), np.array([[0, 0], [1, 0], [9, 0]], np.float32)
    assert place([[0.1]], latents, points, k=2)[0, 0] < 0.5
    assert np.allclose(place(np.zeros((1, 4)), np.zeros((3, 4)), points, k=3), points.mean(0))


def test_place_says_which_shapes_it_got():
    with pytest.raises(ValueError, match=r"got \(2, 3\), \(5, 4\) and \(5, 2\)"):
        place(torch.rand(2, 3), torch.rand(5, 4), np.zeros((5, 2)))
