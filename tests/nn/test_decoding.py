"""Decoding against complete enumeration of a small language, and against the formulas."""

import itertools
import math

import pytest
import torch

from mmatl_lab.nn.attention import Cache
from mmatl_lab.nn.decoding import Decoded, State, beam_search, greedy, keep_top_k, keep_top_p, sample
from mmatl_lab.seeding import seeded

V, START, END, LONGEST = 6, 4, 5, 4


class Table:
    """p(next | last two tokens, row): a language whose sentences can all be counted."""

    end = END

    def __init__(self, rows=3, seed=0, spread=2.0):
        self.logits = spread * torch.randn(rows, V, V, V, generator=seeded(seed))
        self.logits[..., [0, START]] = -torch.inf  # never said

    def begin(self, rows):
        return torch.full([len(rows)], START), State(row=rows, before=torch.zeros_like(rows))

    def step(self, tokens, state):
        logits = self.logits[state["row"], state["before"], tokens]
        state["before"] = tokens
        return logits

    def sentences(self, row, max_len=LONGEST):
        """Every sentence with its log-probability and its number of tokens; one that is cut off has no end token."""
        log_p = self.logits.log_softmax(-1)
        for n in range(max_len + 1):
            for words in itertools.product(range(1, START), repeat=n):
                said = words if n == max_len else (*words, END)
                history = [0, START, *said]
                total = sum(log_p[row, a, b, c].item() for a, b, c in zip(history, history[1:], history[2:]))
                yield list(words), total, len(said)


ROWS = torch.arange(3)


def words(decoded: Decoded):
    return [[t for t in row if t] for row in decoded.tokens.tolist()]


def by_hand(table, row, choose):
    history = [0, START]
    while len(history) < 2 + LONGEST and history[-1] != END:
        history.append(choose(table.logits[row, history[-2], history[-1]]))
    return [t for t in history[2:] if t != END]


@pytest.mark.parametrize("seed", range(5))
def test_greedy_takes_the_most_probable_word_each_time(seed):
    table = Table(seed=seed)
    out = greedy(table, ROWS, LONGEST)
    assert words(out) == [by_hand(table, row, lambda z: int(z.argmax())) for row in range(3)]
    for row, said in enumerate(words(out)):
        known = {tuple(sentence): (total, n) for sentence, total, n in table.sentences(row)}
        assert (out.log_prob[row].item(), out.length[row].item()) == pytest.approx(known[tuple(said)], abs=1e-5)
        assert out.finished[row] == (len(said) < LONGEST)


@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_beam_as_wide_as_the_language_finds_its_best_sentences(seed, penalty):
    table = Table(seed=seed)
    out = beam_search(table, ROWS, LONGEST, width=300, length_penalty=penalty, num_results=3)
    for row in range(3):
        best = sorted(table.sentences(row), key=lambda s: -s[1] / s[2] ** penalty)[:3]
        assert words(out)[3 * row : 3 * row + 3] == [sentence for sentence, *_ in best]
        found = out.log_prob[3 * row : 3 * row + 3].tolist()
        assert found == pytest.approx([total for _, total, _ in best], abs=1e-4)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_no_beam_scores_below_greedy_and_a_beam_of_one_is_greedy(width, penalty):
    table, rows = Table(rows=200, spread=1.0), torch.arange(200)
    one, beam = greedy(table, rows, LONGEST), beam_search(table, rows, LONGEST, width=width, length_penalty=penalty)
    assert (beam.log_prob / beam.length**penalty >= one.log_prob / one.length**penalty - 1e-6).all()
    if width == 1:
        assert words(beam) == words(one)
    else:
        assert (beam.log_prob > one.log_prob + 1e-6).any()


def test_the_results_of_a_beam_are_different_sentences_best_first():
    out = beam_search(Table(rows=50), torch.arange(50), LONGEST, width=4, num_results=4)
    assert (out.log_prob.view(50, 4).diff(dim=1) <= 1e-6).all()
    assert all(len({tuple(s) for s in words(out)[i : i + 4]}) == 4 for i in range(0, 200, 4))


def test_a_length_penalty_favours_longer_sentences():
    table, rows = Table(rows=100, spread=1.0), torch.arange(100)
    short, long = (beam_search(table, rows, 8, width=8, length_penalty=alpha).length for alpha in (0.0, 1.0))
    assert (long >= short).all() and long.float().mean() > short.float().mean() + 1


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ({}, lambda z: z),
        ({"temperature": 0.5}, lambda z: z / 0.5),
        ({"top_k": 2}, lambda z: keep_top_k(z[None], 2)[0]),
        ({"top_p": 0.8}, lambda z: keep_top_p(z[None], 0.8)[0]),
    ],
    ids=["plain", "temperature", "top_k", "top_p"],
)
def test_samples_follow_the_distribution(options, change):
    table, n = Table(rows=1, spread=1.0), 20_000
    out = sample(table, torch.zeros(n, dtype=torch.long), LONGEST, generator=seeded(1), **options)
    expected = Table(rows=1, spread=1.0)
    expected.logits = torch.stack([change(z) for z in table.logits.flatten(0, 2)]).view_as(table.logits)
    counts = {}
    for said in words(out):
        counts[tuple(said)] = counts.get(tuple(said), 0) + 1
    for sentence, total, _ in expected.sentences(0):
        p = math.exp(total)
        assert abs(counts.get(tuple(sentence), 0) / n - p) < 5 * math.sqrt(p * (1 - p) / n) + 1e-9
    known = {tuple(sentence): total for sentence, total, _ in table.sentences(0)}  # of the model, not of the sampling
    assert out.log_prob[:50].tolist() == pytest.approx([known[tuple(s)] for s in words(out)[:50]], abs=1e-4)


def test_sampling_near_temperature_0_and_from_one_word_is_greedy():
    table = Table()
    for options in ({"temperature": 1e-3}, {"top_k": 1}, {"top_p": 1e-6}):
        found = sample(table, ROWS, LONGEST, generator=seeded(0), **options)
        assert words(found) == words(greedy(table, ROWS, LONGEST))


def test_top_p_keeps_the_smallest_set_that_reaches_p():
    logits = torch.randn(50, 9, generator=seeded(2))
    for p in (0.1, 0.5, 0.9, 1.0):
        kept = keep_top_p(logits, p).isfinite()
        for row, keep in zip(logits.softmax(1), kept):
            assert row[keep].sum() >= p - 1e-5 and row[keep].sum() - row[keep].min() < p
            assert row[keep].min() >= row[~keep].max() if (~keep).any() else p > 0.9
    assert (keep_top_k(logits, 4).isfinite().sum(1) == 4).all() and torch.equal(keep_top_k(logits, 99), logits)


def test_a_state_keeps_and_repeats_rows():
    cache, k = Cache(), torch.randn(3, 2, 5, 4)
    cache.append(k, -k)
    state = State(cache, h=torch.arange(3))
    state.select(torch.tensor([2, 2, 0]))
    assert state["h"].tolist() == [2, 2, 0] and torch.equal(cache.keys, k[[2, 2, 0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: greedy(t, ROWS, 0), "max_len must be at least 1, got 0"),
        (lambda t: sample(t, ROWS, temperature=0, generator=seeded(0)), "temperature must be above 0, got 0"),
        (lambda t: sample(t, ROWS, temperature=-1.0, generator=seeded(0)), "temperature must be above 0, got -1.0"),
        (lambda t: sample(t, ROWS, top_k=0, generator=seeded(0)), "top_k must be at least 1, got 0"),
        (lambda t: sample(t, ROWS, top_p=0, generator=seeded(0)), "top_p must lie above 0"),
        (lambda t: sample(t, ROWS, top_p=1.5, generator=seeded(0)), "at most 1, got 1.5"),
        (lambda t: beam_search(t, ROWS, width=0), "a width of 1 or more, got 0"),
        (lambda t: beam_search(t, ROWS, width=2, num_results=3), "between 1 and the width 2, got 3"),
        (lambda t: beam_search(t, ROWS, length_penalty=-1), "length_penalty must be 0 or more, got -1"),
        (lambda t: beam_search(t, ROWS, 0), "max_len must be at least 1, got 0"),
    ],
)
def test_bad_input_gets_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call(Table())
