"""Robustness: what the study keeps, and what its readers make of it."""

from dataclasses import replace

import pandas as pd
import pytest

from mmatl_lab.lessons.mmatl import robustness as r
from mmatl_lab.lessons.mmatl.systems import make_system
from mmatl_lab.metrics.attacks import right


@pytest.fixture
def frame():
    """Two variants and two seeds; the accuracy falls with epsilon, twice as fast in the first."""
    rows = []
    for variant, slope in (("none", 20), ("pgd", 10)):
        for seed in (1, 0):
            attacked = {f"pgd_both@{e}": 0.9 + 0.01 * seed - slope * e for e in r.EPSILONS}
            rows.append({"variant": variant, "seed": seed, "clean_fused": 0.9 + 0.01 * seed} | attacked)
    return pd.DataFrame(rows)


def test_a_curve_begins_at_the_clean_accuracy_and_its_lists_follow_the_seeds(frame):
    curve = r.curve(frame, "none")
    assert curve[0] == [0.9, 0.91] and len(curve) == 1 + len(r.EPSILONS)
    assert curve[2] == pytest.approx([0.5, 0.51])


def test_the_epsilon_at_which_half_is_lost_is_that_of_the_plain_model(frame):
    assert r.halving(frame) == 0.03  # .305 of .905; at .02 it is .505
    gain = r.gain(frame, "pgd_both@0.03", "pgd")
    assert gain.mean == pytest.approx(0.3) and gain.n == 2
    assert r.halving(frame.assign(**{f"pgd_both@{e}": 0.8 for e in r.EPSILONS})) == r.EPSILONS[-1]


def test_a_cell_has_every_number_and_its_attacks_only_take_away(monkeypatch):
    def untrained(variant, seed):
        return make_system("digits").make(r.settings(variant), seed=seed).eval()

    monkeypatch.setattr(r, "trained", untrained)
    monkeypatch.setattr(r, "TESTED", 60)
    monkeypatch.setattr(r, "CHECKED", 20)
    monkeypatch.setattr(r, "EPSILONS", (0.02,))
    found = r.cell("pgd", 0)
    some = r.examples(60)
    clean = right(r.logits_of(untrained("pgd", 0)), some.views, some.label).float().mean()
    assert {f"{kind}_{m}@0.02" for kind in ("fgsm", "pgd") for m in r.MODALITIES} <= set(found)
    assert all(found[name] <= clean for name in found if name.startswith(("pgd", "fgsm")))
    assert found["check_worst"] <= min(found[f"check_{a}"] for a in ("noise", "one_step", "strong", "transfer"))
    assert isinstance(found["suspicions"], str)


@pytest.mark.parametrize("variant", r.VARIANTS)
def test_each_variant_takes_a_step(variant):
    settings = replace(r.settings(variant), num_steps=1)
    system = replace(make_system("digits"), needs=())
    model = system.trained(settings, needed={"task": r._kept(0)})
    assert model.config.task_adversary == r.VARIANTS[variant].task_adversary


def test_training_on_attacks_helps_as_the_lesson_says():
    frame = r.results()
    assert len(frame) == len(r.study().configs)
    at = r.halving(frame)
    assert r.gain(frame, f"pgd_both@{at}", "pgd").low > 0.15
    for variant in ("pgd", "pgd_continuous"):
        assert (frame[frame.variant == variant].suspicions == "").all()
