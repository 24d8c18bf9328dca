import pytest
import torch
from torch import nn

from mmatl_lab.nn.fusion import Add, Concat, Product

DIMS = (5, 3, 4)
FUSIONS = {
    "concat": lambda dims: Concat(dims),
    "add": lambda dims: Add(dims, 16),
    "product": lambda dims: Product(dims, 16),
}
every = pytest.mark.parametrize("make", FUSIONS.values(), ids=FUSIONS.keys())


def features(n=6, dims=DIMS, seed=0):
    torch.manual_seed(seed)
    return [torch.randn(n, dim) for dim in dims]


@every
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_list_of_vectors_becomes_one_of_the_dimension_it_says(make, count):
    fusion = make(DIMS[:count])
    assert fusion(features()[:count]).shape == (6, fusion.out_dim)


@every
def test_examples_stay_apart_and_every_modality_and_parameter_is_used(make):
    fusion, e = make(DIMS), features()
    assert torch.allclose(fusion(e)[2:3], fusion([x[2:3] for x in e]), atol=1e-6)
    e = [x.requires_grad_() for x in e]
    fusion(e)[1].square().sum().backward()
    for x in e:
        assert (x.grad[1] != 0).all() and x.grad[0].abs().sum() == 0
    assert all(p.grad.abs().sum() > 0 for p in fusion.parameters())


def test_addition_as_it_is_needs_equal_dims_and_no_parameters():
    e = features(dims=(4, 4))
    assert torch.equal(Add((4, 4))(e), e[0] + e[1]) and not list(Add((4, 4)).parameters())
    with pytest.raises(ValueError, match="5, 3 numbers cannot be added: give out_dim="):
        Add((5, 3))


def test_a_linear_layer_on_a_concatenation_is_an_addition_of_projections():
    e, linear, add = features(), nn.Linear(12, 7, bias=False), Add(DIMS, 7)
    for project, weight in zip(add.project, linear.weight.split(DIMS, 1)):
        project.weight.data = weight
    assert torch.allclose(linear(Concat(DIMS)(e)), add(e), atol=1e-6)


def test_the_product_is_tensor_fusion_of_low_rank():
    """Oracle: the outer product of [e; 1] of all modalities, contracted with a tensor of rank one for each output."""
    e, product = features(), Product(DIMS, 7)
    outer = torch.ones(6, 1, 1, 1)
    tensor = torch.ones(7, 1, 1, 1)
    for axis, (x, project) in enumerate(zip(e, product.project)):
        shape = [-1 if i == axis else 1 for i in range(3)]
        outer = outer * torch.cat([x, torch.ones(6, 1)], 1).view(6, *shape)
        tensor = tensor * torch.cat([project.weight, project.bias[:, None]], 1).view(7, *shape)
    assert torch.allclose(product(e), torch.einsum("bijk,dijk->bd", outer, tensor), atol=1e-5)


@every
def test_only_the_product_gives_a_linear_head_the_sign_of_two_modalities_together(make):
    """XOR, y = t m: the share of y's variance that the best linear head on the fused vectors explains."""
    torch.manual_seed(1)
    t, m = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).T[..., None]
    fused = torch.cat([make((1, 1))([t, m]).detach(), torch.ones(4, 1)], 1).double()
    y = (t * m).double()
    explained = (fused @ torch.linalg.pinv(fused) @ y).square().mean()
    assert explained == pytest.approx(1.0 if make is FUSIONS["product"] else 0.0, abs=1e-6)
