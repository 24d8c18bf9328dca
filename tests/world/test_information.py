"""Hand-computed gates, properties on random tables, and a slow general optimiser as oracle."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import entropy

from mmatl_lab.world import information
from mmatl_lab.world.information import decompose, mutual_information


def gate(rule, n: int = 2) -> torch.Tensor:
    """(n, n, Y) of y = rule(x1, x2) for independent uniform sources."""
    x1, x2 = torch.cartesian_prod(torch.arange(n), torch.arange(n)).T
    y = rule(x1, x2)
    joint = torch.zeros(n, n, int(y.max()) + 1)
    joint[x1, x2, y] = 1 / n**2
    return joint


SAME = torch.zeros(2, 2, 2)
SAME[0, 0, 0] = SAME[1, 1, 1] = 0.5
AND = (0.311278, 0.0, 0.0, 0.5)  # 3/4 log2(4/3) = .311 in each input, .811 in both
GATES = {
    "XOR": (gate(lambda a, b: a ^ b), (0, 0, 0, 1)),
    "AND": (gate(lambda a, b: a & b), AND),
    "OR": (gate(lambda a, b: a | b), AND),
    "pair": (gate(lambda a, b: 2 * a + b), (0, 1, 1, 0)),  # I_min calls this one bit of redundancy and one of synergy
    "first": (gate(lambda a, b: a), (0, 1, 0, 0)),
    "sum": (gate(lambda a, b: a + b), (0.5, 0, 0, 1)),
    "sum modulo 3": (gate(lambda a, b: (a + b) % 3, 3), (0, 0, 0, math.log2(3))),
    "same": (SAME, (1, 0, 0, 0)),
    "nothing": (torch.full((2, 3, 2), 1 / 12), (0, 0, 0, 0)),
    "constant": (torch.full((2, 2, 1), 1 / 4), (0, 0, 0, 0)),
}


@pytest.mark.parametrize("name", GATES)
def test_gates_by_hand(name):
    joint, expected = GATES[name]
    assert decompose(joint) == pytest.approx(expected, abs=1e-6)


@st.composite
def tables(draw, largest: int = 4):
    """(X1, X2, Y) from flat to spiked, some with zeros, some with the ties and borders of small whole numbers."""
    shape = [draw(st.integers(1, largest)) for _ in range(3)]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    if draw(st.booleans()):
        joint = torch.randint(0, draw(st.integers(2, 4)), shape, generator=generator).double()
    else:
        joint = torch.rand(shape, generator=generator, dtype=torch.float64) ** draw(st.sampled_from([1, 5, 30]))
    assume(joint.sum() > 0)
    return joint / joint.sum()


@settings(max_examples=40, deadline=None)
@given(tables())
def test_the_parts_add_up_to_what_the_sources_tell(joint):
    parts = decompose(joint)
    assert min(parts) >= 0
    assert parts.redundancy + parts.unique_first == pytest.approx(mutual_information(joint.sum(1)), abs=1e-8)
    assert parts.redundancy + parts.unique_second == pytest.approx(mutual_information(joint.sum(0)), abs=1e-8)
    assert sum(parts) == pytest.approx(mutual_information(joint.flatten(0, 1)), abs=1e-8)


@settings(max_examples=20, deadline=None)
@given(tables(), st.randoms())
def test_names_and_order_of_values_and_sources_do_not_matter(joint, random):
    parts = decompose(joint)
    for axis, n in enumerate(joint.shape):
        joint = joint.index_select(axis, torch.tensor(random.sample(range(n), n)))
    swapped = decompose(joint.transpose(0, 1))
    assert swapped == pytest.approx((parts[0], parts[2], parts[1], parts[3]), abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(tables(3))
def test_a_coin_thrown_beside_a_source_tells_nothing(joint):
    with_coin = torch.cat([0.3 * joint, 0.7 * joint])
    assert decompose(with_coin) == pytest.approx(decompose(joint), abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(tables(3), st.integers(0, 2**32))
def test_a_source_that_is_the_other_one_made_worse_has_nothing_unique(joint, seed):
    """Blackwell: the property that BROJA was made for; the target is told by x1, and x2 is a noisy copy of x1."""
    p = joint.sum(1)  # (X1, Y)
    channel = torch.rand(len(p), 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).softmax(1)
    parts = decompose(torch.einsum("xy,xz->xzy", p, channel))
    assert parts.unique_second == pytest.approx(0, abs=1e-6)
    assert parts.synergy == pytest.approx(0, abs=1e-6)  # given x1, the copy tells nothing more


def union_by_slsqp(joint: np.ndarray) -> float:
    """The definition, minimised by a method that knows nothing of it: bits in all couplings with the same pairs."""
    X1, X2, Y = joint.shape
    keep = [np.broadcast_to(np.eye(X1)[:, None, :, None, None] * np.eye(Y)[:, None, None, :], (X1, Y, X1, X2, Y))]
    keep.append(np.broadcast_to(np.eye(X2)[:, None, None, :, None] * np.eye(Y)[:, None, None, :], (X2, Y, X1, X2, Y)))
    keep = np.concatenate([k.reshape(-1, joint.size) for k in keep])[:-Y]  # the last rows follow from the others

    def bits(q):
        q = q.reshape(joint.shape)
        return (q * np.log2(q / (q.sum(2, keepdims=True) * q.sum((0, 1))))).sum()

    def gradient(q):
        q = q.reshape(joint.shape)
        return np.log2(q / (q.sum(2, keepdims=True) * q.sum((0, 1)))).ravel() - 1 / math.log(2)

    start = joint.sum(1)[:, None] * joint.sum(0)[None] / joint.sum((0, 1))
    constraint = {"type": "eq", "fun": lambda q: keep @ (q - joint.ravel()), "jac": lambda q: keep}
    found = minimize(
        bits, start.ravel(), jac=gradient, method="SLSQP", constraints=constraint,
        bounds=[(1e-12, 1)] * joint.size, options={"ftol": 1e-12, "maxiter": 500},
    )  # fmt: skip
    assert found.success
    return found.fun


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 2, 2), (2, 3, 3), (3, 3, 3)])
def test_a_general_optimiser_finds_the_same(shape):
    for seed in range(3):
        joint = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) ** 3
        joint /= joint.sum()
        parts = decompose(joint)
        union = parts.redundancy + parts.unique_first + parts.unique_second
        assert union == pytest.approx(union_by_slsqp(joint.numpy()), abs=1e-5)


@given(tables())
@settings(max_examples=15, deadline=None)
def test_mutual_information_is_the_divergence_from_independence(joint):
    table = joint.sum(1)
    independent = table.sum(1, keepdim=True) * table.sum(0)
    assert mutual_information(table) == pytest.approx(entropy(table.ravel(), independent.ravel(), base=2), abs=1e-9)


def test_mutual_information_by_hand():
    assert mutual_information(torch.eye(8) / 8) == pytest.approx(3)
    assert mutual_information(torch.ones(4, 2) / 8) == 0
    # A bit through a channel that flips it one time in ten: 1 - h(.1).
    flip = 1 + 0.1 * math.log2(0.1) + 0.9 * math.log2(0.9)
    assert mutual_information(torch.tensor([[0.45, 0.05], [0.05, 0.45]])) == pytest.approx(flip)


def test_bad_tables_get_a_sentence():
    with pytest.raises(ValueError, match=r"\(X1, X2, Y\), got the shape \(2, 2\)"):
        decompose(torch.eye(2) / 2)
    with pytest.raises(ValueError, match="divide counts by their sum"):
        decompose(torch.ones(2, 2, 2))
    with pytest.raises(ValueError, match="at least 0"):
        mutual_information(torch.tensor([[1.5, -0.5]]))
    with pytest.raises(ValueError, match="the sum nan"):
        mutual_information(torch.tensor([[1.0, math.nan]]))
    with pytest.raises(ValueError, match="group values"):
        decompose(torch.rand(40, 40, 40).softmax(0) / 1600)


def test_a_solver_that_does_not_converge_says_so(monkeypatch):
    monkeypatch.setattr(information, "_MAX_STEPS", 5)
    with pytest.raises(ArithmeticError, match="did not converge in 5 steps"):
        decompose(GATES["AND"][0])
