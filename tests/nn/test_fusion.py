"""What is true of every fusion: shapes, missing modalities, gradients, permutations, errors."""

import pytest
import torch
from torch import nn

from mmatl_lab.nn import fusion as fusions
from mmatl_lab.nn.fusion import Add, EarlyFusion, GatedFusion, IntermediateFusion

from .fusions import DIMS, FUSIONS, features, made, masks

every = pytest.mark.parametrize("make", FUSIONS.values(), ids=FUSIONS.keys())
WEIGHED = ("weighted", "late", "late mixture", "self-attention", "cross-modal attention", "cross-attention", "gated")


def test_all_are_tried_here():
    classes = {type(make(DIMS)) for make in FUSIONS.values()}
    assert classes == {
        value
        for name in fusions.__all__
        if isinstance(value := getattr(fusions, name), type) and value is not fusions.Fusion
    }


@every
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_list_of_vectors_becomes_one_of_the_dimension_it_says(make, count):
    if make is FUSIONS["hierarchical"] and count < 3:
        return
    fusion = make(DIMS[:count])
    out = fusion(features()[:count])
    assert out.shape == (6, fusion.out_dim) and out.isfinite().all()


@every
def test_examples_stay_apart_and_every_modality_and_parameter_is_used(make):
    fusion, e = made(make), features()
    assert torch.allclose(fusion(e)[2:3], fusion([x[2:3] for x in e]), atol=1e-6)
    e = [x.requires_grad_() for x in e]
    head = torch.randn(fusion.out_dim, generator=torch.Generator().manual_seed(5))
    (fusion(e)[1] * head).square().sum().backward()
    for x in e:
        assert (x.grad[1] != 0).any() and x.grad[0].abs().sum() == 0
    dead = [name for name, p in fusion.named_parameters() if p.grad is None or p.grad.abs().sum() == 0]
    assert dead == []


@every
def test_what_stands_in_place_of_a_missing_modality_does_not_matter_nan_included(make):
    fusion, e, mask = made(make), features(), masks()
    results = []
    for value in (torch.nan, torch.inf, 7.0, 0.0):
        given = [torch.where(mask[:, m, None], x, value).requires_grad_() for m, x in enumerate(e)]
        fusion.zero_grad()
        out = fusion(given, mask)
        out.square().sum().backward()
        results.append([out.detach(), *(x.grad for x in given), *(p.grad.clone() for p in fusion.parameters())])
        for m, x in enumerate(given):
            assert x.grad[~mask[:, m]].abs().sum() == 0
    for others in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], others, strict=True))
    assert all(x.isfinite().all() for x in results[0])


@every
def test_a_full_mask_is_no_mask_and_a_missing_modality_is_missed(make):
    fusion, e = made(make), features()
    full = torch.ones(6, 3, dtype=torch.bool)
    assert torch.equal(fusion(e), fusion(e, full))
    for m in range(3):
        lacking = full.clone()
        lacking[:, m] = False
        assert not torch.allclose(fusion(e), fusion(e, lacking), atol=1e-4)


@every
def test_the_order_of_the_modalities_is_only_an_order(make):
    """The same parameters in another order, and the modalities in that order: the same result."""
    if make is FUSIONS["hierarchical"]:
        return
    fusion, e, mask, order = made(make), features(), masks(), [2, 0, 1]
    other = made(make, [DIMS[m] for m in order], seed=4)
    other.load_state_dict(permuted(fusion, order))
    out, expected = other([e[m] for m in order], mask[:, order]), fusion(e, mask)
    if make is FUSIONS["concat"]:
        parts = expected.split(DIMS, 1)
        expected = torch.cat([parts[m] for m in order], 1)
    assert torch.allclose(out, expected, atol=1e-5)


def permuted(fusion, order):
    """Parameters of a fusion of the modalities in another order: lists are reordered, inputs of all are, too."""
    state = {}
    lists = {n for n, module in fusion.named_modules() if isinstance(module, nn.ModuleList) and len(module) == 3}
    joint_inputs = {
        "early": {"encoder.0.weight"},
        "gated": {f"gate.{m}.weight" for m in range(3)},
        "intermediate": {"join.weight"},
    }
    for name, value in fusion.state_dict().items():
        if name == "scores":
            value = value[order]
        sizes = None
        if isinstance(fusion, EarlyFusion) and name in joint_inputs["early"]:
            sizes = DIMS
        elif isinstance(fusion, GatedFusion) and name in joint_inputs["gated"]:
            sizes = DIMS
        elif isinstance(fusion, IntermediateFusion) and name in joint_inputs["intermediate"]:
            sizes = (fusion.out_dim,) * 3
        if sizes:
            parts = value.split(sizes, 1)
            value = torch.cat([parts[m] for m in order], 1)
        prefix, _, rest = name.partition(".")
        inner = "tokens.project" if name.startswith("tokens.project") else prefix
        if inner in lists:
            place, _, rest = name.removeprefix(f"{inner}.").partition(".")
            name = f"{inner}.{order.index(int(place))}.{rest}"
        state[name] = value
    return state


@pytest.mark.parametrize("name", WEIGHED)
def test_weights_are_shares_and_those_of_missing_modalities_are_zero(name):
    fusion, e, mask = made(FUSIONS[name]), features(), masks()
    w = fusion.weights(e, mask)
    assert torch.allclose(w.sum(1), torch.ones(6)) and (w >= 0).all() and (w[~mask] == 0).all()
    assert (w[mask] > 0).all()


@every
def test_only_mixing_fusions_have_weights(make):
    name = next(name for name, made in FUSIONS.items() if made is make)
    assert (make(DIMS).weights(features()) is not None) == (name in WEIGHED)


@every
def test_several_seeds_can_be_trained_as_one(make):
    from mmatl_lab.training import train_seeds

    if list(make(DIMS).parameters()) == []:
        return

    def batch(generator):
        present = torch.rand(8, 3, generator=generator) < 0.7
        present[:, 0] = True
        return [torch.randn(8, n, generator=generator) for n in DIMS], present

    models = train_seeds(lambda: make(DIMS), batch, lambda model, b: model(*b).square().mean(), [0, 1], 2)
    assert all(p.isfinite().all() for model in models for p in model.parameters())


@every
@pytest.mark.parametrize(
    ("given", "mask", "sentence"),
    [
        (features()[:2], None, r"takes 3 features .*\(B, 5\), \(B, 3\), \(B, 4\), got \(6, 5\), \(6, 3\)\."),
        ([], None, "takes 3 features .*, got none"),
        (features(dims=(5, 4, 4)), None, r"\(B, 3\), .* got \(6, 5\), \(6, 4\)"),
        ([features()[0], features(5)[1], features()[2]], None, r"got \(6, 5\), \(5, 3\)"),
        (features(), masks().int(), r"expected a bool mask \(6, 3\).* got torch.int32 \(6, 3\)"),
        (features(), masks()[:, :2], r"expected a bool mask \(6, 3\).* got torch.bool \(6, 2\)"),
        (features(), masks() & torch.tensor([[1, 1, 0]]).bool(), "example 4 has no modality at all: leave it out"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(make, given, mask, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(DIMS)(given, mask)


@pytest.mark.parametrize("dims", [(), (4, 0)])
def test_widths_below_one_get_a_sentence(dims):
    with pytest.raises(ValueError, match="needs one width of at least 1 a modality"):
        Add(dims, 3)
