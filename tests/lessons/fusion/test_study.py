"""The comparison: equal size, what is shipped, and what is claimed of it."""

import pytest
import torch

from mmatl_lab.lessons.fusion import methods, scores, study
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


def test_the_shipped_study_is_whole(frame):
    whole = study.study()
    columns = ["fusion", "task", "head", "dropout", "num_steps", "seed"]
    asked = {tuple(config[c] for c in columns) for config in whole.configs}
    assert {tuple(row) for row in frame[columns].itertuples(index=False)} == asked


def test_no_fusion_beats_a_ceiling_and_additive_ones_stay_at_chance_on_xor(frame):
    for key, column in scores.COLUMNS.items():
        for fusion in METHODS:
            values = column.values(frame, fusion)
            assert len(values) == 5 and sum(values) / 5 < column.ceiling + 0.01, (key, fusion)
    xor = scores.COLUMNS["xor"]
    for fusion in ADDITIVE:
        assert abs(sum(xor.values(frame, fusion)) / 5 - 0.5) < 0.02
    reached = [fusion for fusion in INTERACTING if sum(xor.values(frame, fusion)) / 5 > xor.ceiling - 0.02]
    assert {"product", "early", "intermediate", "gated", "self_attention", "bilinear"} <= set(reached)


def test_the_gate_beats_fixed_weights_and_modality_dropout_stays_near_the_ceiling(frame):
    results = {result.name: result for result in scores.study_results(frame)}
    for fixed in ("weighted", "late_product", "late_mixture"):
        assert results[f"gate_gain_over_{fixed}"].low > 0.05
    dropout = scores.COLUMNS["dropout"]
    near = [f for f in METHODS if sum(dropout.values(frame, f)) / 5 > dropout.ceiling - 0.05]
    assert len(near) >= len(METHODS) - 2
