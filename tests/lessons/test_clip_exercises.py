"""Every exercise of the CLIP lesson: its stub, its solution, the mistakes it names and the answers it accepts."""

import doctest
import inspect
import runpy
import time
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mmatl_lab.lessons import check
from mmatl_lab.lessons.clip import exercises as clip
from mmatl_lab.lessons.diagnose import same
from mmatl_lab.lessons.exercise import exercises
from mmatl_lab.metrics import retrieval
from mmatl_lab.models.clip import CLIP, clip_loss, zero_shot_weights

BANK = runpy.run_path(str(Path(__file__).with_name("wrong_answers.py")))
EXERCISES = exercises("clip")
CHECKED = [e for e in EXERCISES if e.checker is not None]
SEEDS = range(15)


def name(value):
    return getattr(value, "id", None) or getattr(value, "__name__", None)


@pytest.fixture(params=EXERCISES, ids=name)
def exercise(request):
    return request.param


def run(source):
    """What a learner's cell defines."""
    space = {"torch": torch, "F": F, "Tensor": torch.Tensor}
    exec(compile(source, "<cell>", "exec"), space)
    return space


def test_there_are_enough_and_they_go_from_easy_to_hard():
    assert [e.id for e in EXERCISES] == [f"clip.{n}" for n in range(1, 9)]
    assert EXERCISES[0].difficulty == 1 and EXERCISES[-1].difficulty == 3 and EXERCISES[-1].rubric
    assert all(2 <= len(e.hints) <= 3 and 1 <= e.difficulty <= 3 and 3 <= e.minutes <= 30 for e in EXERCISES)


def test_stub_and_solution_have_one_signature(exercise):
    stub = run(exercise.stub)[exercise.name]
    assert inspect.signature(stub) == inspect.signature(exercise.solution)
    assert inspect.getdoc(stub).startswith(inspect.getdoc(exercise.solution).split("\n")[0].rstrip("."))


def test_the_stub_is_the_solution_minus_lines(exercise):
    if exercise.start is None:
        kept = [line for line in exercise.stub.split("\n") if "# your code" not in line]
        solution = iter(exercise.solution_source.split("\n"))
        assert all(line in solution for line in kept)  # in this order
        assert len(kept) < len(exercise.solution_source.split("\n"))


def test_the_cell_as_it_is_handed_out_is_not_attempted(exercise):
    found = []
    run_in = {"torch": torch, "F": F, "Tensor": torch.Tensor, "check": lambda *args: found.append(check(*args))}
    exec(compile(exercise.cell, "<cell>", "exec"), run_in)
    assert [v.status for v in found] == ["not attempted"]


def test_the_solution_passes_as_a_learner_would_paste_it(exercise):
    pasted = run(exercise.solution_source)[exercise.name]
    assert {check(exercise.id, pasted, seed=seed).status for seed in SEEDS} == {"open" if exercise.rubric else "passed"}


def test_the_expected_output_is_what_the_solution_gives(exercise):
    parser, space = doctest.DocTestParser(), run(exercise.solution_source)
    test = parser.get_doctest(inspect.getdoc(exercise.solution), space, exercise.id, None, 0)
    assert exercise in [e for e in EXERCISES if e.expected or e.start]  # an example, unless there is code to start from
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert result.failed == 0


@pytest.mark.parametrize(
    ("id", "function", "message"), [(id, *wrong) for id, bank in BANK["WRONG"].items() for wrong in bank]
)
def test_a_wrong_answer_is_rejected_with_its_mistake(id, function, message):
    for seed in SEEDS:
        verdict = check(id, function, seed=seed)
        assert verdict.status == "wrong" and message in verdict.message, (seed, verdict.message)


@pytest.mark.parametrize(("id", "function"), [(id, right) for id, bank in BANK["RIGHT"].items() for right in bank])
def test_another_right_answer_is_accepted(id, function):
    for seed in SEEDS:
        verdict = check(id, function, seed=seed)
        assert verdict.passed, (seed, verdict.message)


@pytest.mark.parametrize("exercise", CHECKED, ids=name)
def test_the_bank_is_large_enough(exercise):
    assert len({message for _, message in BANK["WRONG"][exercise.id]}) >= 6
    assert len(BANK["RIGHT"][exercise.id]) >= 3


@pytest.mark.parametrize("exercise", CHECKED, ids=name)
def test_a_check_takes_less_than_two_seconds(exercise):
    for function in (exercise.solution, BANK["WRONG"][exercise.id][-1][0]):
        check(exercise.id, function)  # what the first call imports is not counted
        started = time.perf_counter()
        check(exercise.id, function)
        assert time.perf_counter() - started < 2


# what the exercises define is what the library computes -------------------------------------------------------------


def pairs(n=8, d=5, seed=0):
    return F.normalize(torch.randn(2, n, d, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_the_loss_is_the_librarys():
    image, text = pairs()
    expected = clip_loss(image, text, torch.tensor(1 / 0.1).log())
    assert torch.allclose(clip.contrastive_loss(image, text, 0.1), expected)


def test_the_mask_is_the_librarys():
    image, text = pairs()
    tokens = torch.randint(1, 3, (8, 2), generator=torch.Generator().manual_seed(0))
    meaning = torch.unique(tokens, dim=0, return_inverse=True)[1]
    logits, target = clip.mask_false_negatives(10 * image @ text.T, tokens), torch.arange(8)
    loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    assert torch.allclose(loss, clip_loss(image, text, torch.tensor(10.0).log(), meaning=meaning))


def test_the_class_vectors_are_the_librarys():
    model = CLIP(torch.nn.Identity(), torch.nn.Linear(6, 4))
    tokens = torch.randn(6, 6)
    expected = zero_shot_weights(model, tokens, 2)
    assert torch.allclose(clip.class_vectors(model.text_encoder(tokens).view(2, 3, 4)), expected, atol=1e-6)


def test_the_recall_is_the_librarys():
    image, text = pairs(40)
    ids = torch.arange(40) // 3
    relevant = ids[:, None] == ids
    for similarity in (image @ text.T, (2 * image @ text.T).round()):
        for k in (1, 5):
            expected = retrieval.recall_at_k(similarity, k=k, ids=ids, ties="lost")
            assert clip.recall_at_k(similarity, relevant, k) == pytest.approx(expected)


def test_the_derivative_is_autograds():
    image, text = pairs()
    logit_scale = torch.tensor(2.0, requires_grad=True)
    (expected,) = torch.autograd.grad(clip_loss(image, text, logit_scale), logit_scale)
    assert torch.allclose(clip.logit_scale_gradient(image, text, logit_scale.detach()), expected)


def test_the_bugs_are_worth_finding():
    """The broken step trains, and worse than the mended one: what the exercise says."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(64, 12, generator=generator)
    torch.manual_seed(0)
    losses = {}
    for step in (clip.broken_step, clip.training_step):
        torch.manual_seed(1)
        model = CLIP(torch.nn.Linear(12, 8), torch.nn.Linear(12, 8))
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        losses[step] = [step(model, optimizer, images, images @ torch.linspace(-1, 1, 12).diag()) for _ in range(100)]
        with torch.no_grad():
            out = model(images, images @ torch.linspace(-1, 1, 12).diag())
        losses[step].append(retrieval.recall_at_k(out.image, out.text))
    assert losses[clip.broken_step][-2] < losses[clip.broken_step][0]  # its loss even falls
    assert losses[clip.broken_step][-1] < losses[clip.training_step][-1]


def test_same_knows_infinities():
    assert same(torch.tensor([1.0, -torch.inf]), torch.tensor([1.0, -torch.inf]))
    assert not same(torch.tensor([torch.inf]), torch.tensor([-torch.inf]))
