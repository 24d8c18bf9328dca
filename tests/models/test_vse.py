import pytest
import torch

from mmatl_lab.errata.retrieval import mended_triplet
from mmatl_lab.models.vse import MARGIN, VSE, VSEConfig, triplet_loss


def similarity(b=7, seed=0):
    return torch.randn(b, b, generator=torch.Generator().manual_seed(seed)).tanh()


def by_loops(s, margin, negatives, classes):
    """The definition: for each pair and direction the violations of its negatives, summed or the largest."""
    total = 0.0
    for i in range(len(s)):
        for row in (s[i], s[:, i]):
            found = [max(0.0, (margin - s[i, i] + row[j]).item()) for j in range(len(s)) if classes[j] != classes[i]]
            total += sum(found) if negatives == "all" else max(found, default=0.0)
    return total / len(s)


@pytest.mark.parametrize("negatives", ["all", "hardest"])
@pytest.mark.parametrize("classes", [None, torch.tensor([0, 1, 1, 2, 3, 0, 4])])
def test_it_is_its_definition(negatives, classes):
    for seed in range(5):
        s = similarity(seed=seed)
        known = torch.arange(7) if classes is None else classes
        found = triplet_loss(s, negatives=negatives, caption_class=classes).item()
        assert found == pytest.approx(by_loops(s, MARGIN, negatives, known.tolist()), abs=1e-5)


def test_it_is_zero_exactly_where_each_pair_wins_by_the_margin():
    s = torch.eye(4) * 0.5
    assert triplet_loss(s, margin=0.5) == 0 and triplet_loss(s, margin=0.6) == pytest.approx(0.2)


def test_the_guide_with_everything_mended_is_vse_and_directions_are_treated_alike():
    s = similarity()
    assert mended_triplet(s, torch.eye(7, dtype=torch.bool), 5, margin=0.2) == pytest.approx(triplet_loss(s).item())
    assert triplet_loss(s) == pytest.approx(triplet_loss(s.T).item())


def test_the_hardest_negative_alone_has_a_gradient():
    s = similarity(seed=3).requires_grad_()
    triplet_loss(s).backward()
    others = ~torch.eye(7, dtype=torch.bool)
    assert (s.grad[others] != 0).sum() <= 14  # one for each pair and direction
    assert s.grad.diagonal().le(0).all() and s.grad[others].ge(0).all()


def test_heads_give_unit_vectors():
    model = VSE.from_config(VSEConfig(5, 3, hidden_dim=8, out_dim=4))
    out = model(torch.randn(6, 5), torch.randn(6, 3))
    assert out.image.shape == out.text.shape == (6, 4)
    assert torch.allclose(torch.cat(out).norm(dim=1), torch.ones(12))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: triplet_loss(torch.ones(3, 4)), r"two or more pairs, got \(3, 4\)"),
        (lambda: triplet_loss(torch.ones(1, 1)), r"got \(1, 1\)"),
        (lambda: triplet_loss(torch.ones(3, 3), negatives="some"), "'all' or 'hardest', got 'some'"),
    ],
)
def test_bad_input_is_one_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()
