import torch

from mmatl_lab.seeding import seeded
from mmatl_lab.world.phrases import KINDS, SUBSETS, WORDING, Grammar, Phrase, draw, matches


def test_draws_go_by_weight_and_never_to_a_weight_of_zero():
    weights = torch.tensor([0, 3, 0, 1, 4, 0])
    u = torch.rand(20_000, generator=seeded(0))
    share = torch.bincount(draw(weights.expand(20_000, 6), u), minlength=6) / 20_000
    assert (share - weights / 8).abs().max() < 0.011
    assert (share[weights == 0] == 0).all()
    ends = torch.tensor([0.0, 1 - 2**-24])  # the smallest and the largest number that torch.rand gives
    assert draw(weights.expand(2, 6), ends).tolist() == [1, 4]


def test_what_is_written_is_read_back():
    grammar = Grammar(("is there {a} {1}", "any {1s}"), ("the {1} and the {2}",))
    n = 500
    u = torch.rand(n, WORDING + 5, generator=seeded(1))
    told = SUBSETS[(u[:, 0] * 8).long()], SUBSETS[(u[:, 1] * 8).long()]
    first, second = (torch.where(told[i], KINDS[(u[:, 2 + i] * 192).long()], -1) for i in range(2))
    template = (u[:, 4] * 2).long()
    phrase = Phrase(template, first, torch.where(template[:, None] == 1, second, -1))
    assert all(torch.equal(a, b) for a, b in zip(grammar.read(grammar.write(phrase, u[:, 5:])), phrase))


def test_a_description_fits_the_kinds_that_have_all_it_tells():
    fits = matches(KINDS, torch.tensor([[-1, -1, -1], [2, -1, -1], [-1, 3, 5], [0, 3, 5]]))
    assert fits.sum(1).tolist() == [192, 64, 3, 1]
    assert (KINDS[fits[2]] == torch.tensor([[0, 3, 5], [1, 3, 5], [2, 3, 5]])).all()
