"""The comparison: equal size, what is shipped, and what is claimed of it."""

import pytest
import torch

from mmatl_lab.lessons.fusion import methods, real, scores, study, wall
from mmatl_lab.lessons.fusion.methods import ADDITIVE, BUDGET, HEADS, INTERACTING, METHODS, fitted_width, make_model
from mmatl_lab.lessons.fusion.tasks import TASKS, without
from mmatl_lab.seeding import seeded

XOR = TASKS["xor"]


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_all_models_have_about_the_same_number_of_parameters(task):
    for head in HEADS:
        for name in METHODS:
            width = fitted_width(name, task.dims, task.num_classes, head)
            size = methods.num_parameters(make_model(name, task.dims, task.num_classes, width, head))
            assert abs(size / BUDGET - 1) < 0.12, (name, head, size)


@pytest.mark.parametrize("name", METHODS)
def test_a_missing_modality_does_not_matter_and_every_encoder_gets_a_gradient(name):
    model = make_model(name, XOR.dims, 2, 16)
    batch = without(XOR.draw(8, generator=seeded(0)), 1)
    broken = batch.inputs | {"voice": torch.full_like(batch.inputs["voice"], torch.nan)}
    assert torch.equal(model(batch.inputs, batch.present), model(broken, batch.present))
    whole = XOR.draw(8, generator=seeded(0))
    methods.joint_loss(model, whole.inputs, whole.label, whole.present).backward()
    if not METHODS[name].raw:
        for encoder in model.encoders.values():
            assert all(p.grad.abs().sum() > 0 for p in encoder.parameters())


@pytest.mark.parametrize("name", METHODS)
def test_additive_fusions_are_additive_with_a_linear_head_and_the_others_are_not(name):
    """Log-odds f(a, b, c): f(a, b) + f(a', b') = f(a, b') + f(a', b) for a sum of one function for each modality."""
    torch.manual_seed(0)
    model, batch = make_model(name, XOR.dims, 2, 16), XOR.draw(2, generator=seeded(1))

    def odds(text, voice):
        places = {"text": text, "voice": voice, "face": 0}
        z = model({m: 20 * batch.inputs[m][[place]] for m, place in places.items()})  # large: far from linear
        return (z.exp()[0, 1] if name == "late_mixture" else z[0, 1] - z[0, 0]).item()

    gap = abs(odds(0, 0) + odds(1, 1) - odds(0, 1) - odds(1, 0))
    assert (gap < 1e-4) == (name in ADDITIVE)


def test_what_is_unknown_gets_a_sentence():
    with pytest.raises(ValueError, match="there is no fusion 'concatenate' here: choose one of concat, add"):
        make_model("concatenate", XOR.dims, 2, 8)
    with pytest.raises(ValueError, match="there is no head 'big': choose one of linear, mlp"):
        make_model("add", XOR.dims, 2, 8, "big")
    with pytest.raises(ValueError, match="hierarchical needs 3 modalities, got 2: image, audio"):
        make_model("hierarchical", {"image": 4, "audio": 4}, 2, 8)
    with pytest.raises(ValueError, match="there is no fusion 'atention' here"):
        study.Comparison("shipped").add("atention")


def test_a_short_study_is_kept_and_gives_a_growing_table(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    one = study.study(["add"], ["xor", "missing"], seeds=(0, 1), num_steps=2)
    frame = one.run()
    assert len(frame) == 2 * 2 + 2 and set(frame.dropout) == {0.0, study.DROPOUT}
    assert frame[frame.task == "missing"].accuracy_without_2.notna().all()
    table = scores.scoreboard(frame)
    assert [row[0] for row in table.rows] == ["addition", "ceiling", "chance"]


def test_independent_experts_are_trained_each_alone():
    model = study.train(study.INDEPENDENT, TASKS["missing"], num_steps=2, seeds=[0])[0]
    batch = TASKS["missing"].draw(6, generator=seeded(2))
    alone = torch.eye(3, dtype=torch.bool)[[1]].expand(6, -1)
    own = model.fusion.each(model.features(batch.inputs))[:, 1]
    assert torch.allclose(model(batch.inputs, alone), (model.fusion.scores[1].exp() * own).log_softmax(1), atol=1e-5)


# What is shipped


@pytest.fixture(scope="module")
def frame():
    return study.results()


@pytest.mark.parametrize("module", [study, real], ids=lambda module: module.NAME)
def test_the_shipped_studies_are_whole(module):
    shipped = module.results()
    whole = module.study()
    columns = list(whole.configs[0])
    asked = {tuple(config[c] for c in columns) for config in whole.configs}
    assert {tuple(row) for row in shipped[columns].itertuples(index=False)} == asked


def test_no_fusion_beats_a_ceiling_and_only_those_that_interact_solve_xor(frame):
    for key, column in scores.COLUMNS.items():
        for fusion in METHODS:
            values = column.values(frame, fusion)
            assert len(values) == 5 and sum(values) / 5 < column.ceiling + 0.01, (key, fusion)
    xor = scores.COLUMNS["xor"]
    for fusion in ADDITIVE:
        assert abs(sum(xor.values(frame, fusion)) / 5 - 0.5) < 0.02
    for fusion in INTERACTING:
        assert sum(xor.values(frame, fusion)) / 5 > xor.ceiling - 0.02, fusion


def test_the_gate_beats_fixed_weights_that_are_told_and_modality_dropout_stays_near_the_ceiling(frame):
    results = {result.name: result for result in scores.study_results(frame)}
    for fixed in scores.FIXED:
        assert results[f"gate_gain_swapped_told_over_{fixed}"].low > 0.05
        assert f"gate_gain_noisy_over_{fixed}" in results and f"gate_gain_swapped_over_{fixed}" in results
    dropout = scores.COLUMNS["dropout"]
    far = [f for f in METHODS if sum(dropout.values(frame, f)) / 5 < dropout.ceiling - 0.05]
    assert far == ["late_mixture"]


def test_choices_for_a_person_rest_on_nothing_of_that_person(monkeypatch):
    data, inputs = real._windows()
    marked = {name: x.masked_fill((data.person == 3)[:, None], torch.nan) for name, x in inputs.items()}
    monkeypatch.setattr(real, "_windows", lambda: (data, marked))
    trial = real.watch_task.__wrapped__(3, validation=True)
    for batch in (trial.test(), trial.draw(500, generator=seeded(0))):
        assert all(x.isfinite().all() for x in batch.inputs.values())
    assert len(trial.test().label) == len(real.watch_task(4).test().label)


def test_recordings_are_compared_pair_by_pair():
    table = scores.recordings(real.results())
    assert {row[0] for row in table.rows} == {scores.LABELS[fusion] for fusion in real.results().fusion}
    results = {result.name: result for result in scores.real_results(real.results())}
    gain = results["watch_concat_minus_independent"]
    assert gain.value == pytest.approx(results["watch_concat"].value - results["watch_independent"].value, abs=1e-6)
    assert gain.over == "10 people"


def test_the_wall_has_a_number_for_each_fusion_and_task(frame):
    figure = wall.plot_wall(frame)
    said = {text.get_text() for text in figure.axes[0].texts}
    assert {method.label for method in METHODS.values()} <= said
    assert set(wall.FORMULAS) | {study.SINGLE} == set(scores.LABELS) and set(wall.HEADS) == set(scores.COLUMNS)
    assert all(column.title in wall.describe_wall(frame) for column in scores.COLUMNS.values())
