"""The lesson's tasks, systems and options, and the calibration."""

import pandas as pd
import pytest
import torch

from mmatl_lab.lessons.balanced_learning import costs, study
from mmatl_lab.lessons.balanced_learning.calibration import best_weights, calibrate
from mmatl_lab.lessons.balanced_learning.examples import Examples, corrupt
from mmatl_lab.lessons.balanced_learning.recipe import RECIPE
from mmatl_lab.lessons.balanced_learning.systems import accuracies, configure, make_system, settings_of
from mmatl_lab.lessons.balanced_learning.tasks import DATA, digits, load, smartwatch
from mmatl_lab.lessons.balanced_learning.traces import EVERY, forgetting, protecting, traced
from mmatl_lab.models.balanced import METHODS
from mmatl_lab.models.balanced.fusion import fixed_fusion
from mmatl_lab.seeding import seeded


@pytest.mark.parametrize("name", DATA)
def test_a_task_has_the_modalities_and_classes_of_its_source(name):
    source, task = DATA[name], load(name)
    for part in task:
        assert {m: x.shape[1] for m, x in part.views.items()} == dict(source.modalities)
        assert all(len(x) == len(part.label) and x.isfinite().all() for x in part.views.values())
        assert part.label.max() < len(source.classes)
    assert len(task.train.label) <= source.num_train and source.weak in source.modalities


@pytest.mark.parametrize("name", DATA)
def test_the_parts_share_nothing_and_a_seed_decides_them(name):
    task, again, other = DATA[name].make(0), DATA[name].make(0), DATA[name].make(1)
    first = next(iter(task.train.views))
    assert torch.equal(task.train.views[first], again.train.views[first])
    assert task.train.views[first].shape != other.train.views[first].shape or not torch.equal(
        task.train.views[first], other.train.views[first]
    )
    rows = [{tuple(row) for row in part.views[first].tolist()} for part in task]
    assert not (rows[0] & rows[1] or rows[0] & rows[2] or rows[1] & rows[2])


def test_no_person_leaves_more_windows_to_train_on_than_the_source_says():
    sizes = [len(smartwatch(person).train.label) for person in range(10)]
    assert max(sizes) == DATA["smartwatch"].num_train  # QMF keeps a loss for each of them


def test_the_contrast_scales_the_pictures_alone():
    dim, bright = digits(0), digits(0, contrast=1.0)
    assert torch.allclose(bright.train.views["image"] * 0.2, dim.train.views["image"], atol=1e-5)
    assert torch.equal(bright.train.views["audio"], dim.train.views["audio"])


def test_a_corruption_touches_one_modality():
    views = {"image": torch.randn(6, 10), "audio": torch.randn(6, 8)}
    noisy = corrupt(views, "image", 2.0, generator=seeded(0))
    assert noisy["audio"] is views["audio"] and not torch.equal(noisy["image"], views["image"])
    gaps = corrupt(views, "audio", 0.5, kind="gaps", generator=seeded(0))
    assert ((gaps["audio"] == 0).sum(1) == 4).all()
    assert torch.equal(corrupt(views, "audio", 1.0, kind="gaps", generator=seeded(0))["audio"], torch.zeros(6, 8))


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (lambda: load("cifar"), "no data 'cifar': choose one of digits"),
        (lambda: smartwatch(10), "0 to 9, got 10"),
        (lambda: corrupt({"a": torch.zeros(2, 2)}, "b", 1, generator=seeded(0)), "no modality 'b'"),
        (lambda: corrupt({"a": torch.zeros(2, 2)}, "a", 1, kind="fog", generator=seeded(0)), "kind is"),
        (lambda: settings_of("digits", "boosting"), "no method 'boosting'"),
        (lambda: settings_of("cifar", "mla"), "no data 'cifar'"),
        (lambda: configure({"method": "ogm", "fusion": "fixed"}), "belongs to mla"),
        (lambda: RECIPE.configured({"methd": "mla"}), "no option --methd: it has --method"),
        (lambda: RECIPE.configured({"method": "x"}), "--method is one of normal"),
        (lambda: RECIPE.configured({"epochs": "0"}), "--epochs is a whole number above 0, got '0'"),
    ],
)
def test_bad_input_gets_a_sentence(bad, sentence):
    with pytest.raises(ValueError, match=sentence):
        bad()


def test_the_options_describe_one_system():
    system = configure({"data": "scenes3", "method": "mla", "fusion": "fixed", "epochs": 3, "batch-size": 100})
    settings = system.settings("full")
    assert system.name == "balanced_scenes3_mla_fixed" and system.settings("quick") == settings
    assert system.settings("gpu").num_steps == settings.num_steps
    assert (settings.num_steps, settings.batch_size, settings.model.options["fusion"]) == (120, 100, "fixed")
    assert len(system.make(settings).modalities) == 3
    assert configure({}).name == "balanced_digits_mla"


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_and_is_saved_with_its_options(method, tmp_path):
    recipe = RECIPE.configured({"method": method, "data": "smartwatch", "epochs": "1"})
    path = recipe.train("quick", folder=tmp_path)[f"balanced_smartwatch_{method}"]
    model, card = recipe.load(path.stem, folder=tmp_path)
    assert card["command"].endswith(f"--method {method} --data smartwatch --epochs 1")
    assert accuracies(model, load("smartwatch").test)["fused"] > 0.3
    assert [result.value for result in recipe.evaluate(folder=tmp_path).results]


def trained(num_steps=80):
    settings = settings_of("digits", "mla", num_steps=num_steps)
    return make_system("digits", "mla").trained(settings)


def test_the_calibration_trusts_a_noisy_modality_less_and_leaves_the_model_alone():
    model, task = trained(), load("digits")
    before = [p.clone() for p in model.parameters()]
    fitted = calibrate(model, task.validation)
    noisy = corrupt(task.test.views, "audio", 4.0, generator=seeded(1))
    clean, loud = (fitted.temperatures(fitted.signs(views)[0])[1].log().mean() for views in (task.test.views, noisy))
    assert loud > clean + 0.3
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters()))
    assert fitted(task.test.views).shape == (1_000, 10)


def test_without_samples_a_calibration_is_one_temperature_for_each_modality():
    model, task = trained(20), load("digits")
    fitted = calibrate(model, task.validation, by_sample=False)
    signs, _ = fitted.signs(task.test.views)
    T = fitted.temperatures(signs)
    assert torch.equal(T, T[:, :1].expand_as(T))


def test_a_trace_has_a_number_for_each_modality_at_each_look():
    trace = traced("digits", "mla", load("digits"), num_steps=2 * EVERY + 1)
    assert trace.steps == [0, EVERY, 2 * EVERY]
    for what, names in (("accuracy", {"fused", "image", "audio"}), ("gradient", {"image", "audio"})):
        assert set(trace.curves[what]) == names
        assert all(len(values) == 3 and all(v >= 0 for v in values) for values in trace.curves[what].values())


def test_P_protects_as_many_directions_as_there_are_classes():
    model, task = trained(), load("digits")
    with torch.no_grad():
        P = protecting(model.encode("image", task.train.views))
    assert (torch.linalg.eigvalsh(P) < 0.1).sum() <= 10
    found = forgetting(model, task, 100)
    assert found["picture, with P"][-1] > found["picture, without P"][-1]
    assert found["picture, with P"][-1] > found["picture, with P"][0] - 0.03


def test_rates_are_chosen_on_validation_and_gains_are_paired():
    rows = [
        {"data": "digits", "method": m, "lr": lr, "seed": s, "validation": v}
        for m, lr, s, v in [("a", 0.1, 0, 0.5), ("a", 0.2, 0, 0.6), ("b", 0.1, 0, 0.9), ("b", 0.2, 0, 0.3)]
    ]
    assert study.best_rates(pd.DataFrame(rows)) == {("digits", "a"): 0.2, ("digits", "b"): 0.1}
    frame = pd.DataFrame(
        [
            {"data": "digits", "method": m, "seed": s, "test_fused": 0.1 * s + g}
            for m, g in (("a", 0.3), ("b", 0.1))
            for s in range(3)
        ]
    )
    assert study.gain(frame, "digits", "a", "b").value == pytest.approx(0.2)
    frame["weighted@clean"] = frame.test_fused + 0.05
    assert study.gain(frame, "digits", "a", "b", "weighted@clean", "test_fused").value == pytest.approx(0.25)


def test_every_method_is_studied_on_every_task_from_five_seeds_or_more():
    frame = study.results()
    assert set(METHODS) <= set(study.VARIANTS)
    for data, seeds in study.SEEDS.items():
        assert len(seeds) >= 5
        for method in study.VARIANTS:
            assert len(study.values(frame, data, method)) == len(seeds)
            assert len(study.values(frame, data, method, study.weak(data))) == len(seeds)


def test_the_presets_differ_in_what_they_train():
    system = make_system("digits", "mla")
    quick, full, gpu = (system.settings(preset) for preset in ("quick", "full", "gpu"))
    assert quick.num_steps < full.num_steps < gpu.num_steps and gpu.batch_size > full.batch_size
    sizes = [sum(p.numel() for p in system.make(settings).parameters()) for settings in (quick, full, gpu)]
    assert sizes[0] == sizes[1] < sizes[2]
    assert gpu.model.options["steps_per_epoch"] == 3_000 // gpu.batch_size


def test_the_weights_that_validation_chooses_are_the_best_of_all_tenths():
    generator = seeded(0)
    label = torch.randint(4, (400,), generator=generator)
    code = torch.nn.functional.one_hot(label, 4)
    sharp, blurred = (code + s * torch.randn(code.shape, generator=generator) for s in (0.5, 2.0))
    z = torch.stack([blurred, sharp])
    weights = best_weights(z, label)
    assert sum(weights) == pytest.approx(1) and weights[1] > weights[0]

    def accuracy(weights):
        return (fixed_fusion(z, weights).argmax(-1) == label).float().mean()

    assert all(accuracy(weights) >= accuracy((k / 10, 1 - k / 10)) for k in range(1, 10))
    assert best_weights(torch.stack([sharp] * 2), label) == (0.5, 0.5)  # of equals the most even


def test_the_steps_costs_are_shipped_for_every_method_with_a_plain_counterpart():
    found = costs.shipped()
    assert {method for method, _ in found} == set(METHODS) - {"normal", "independent"}
    assert all(len(ratios) >= 5 and min(ratios) > 0.5 for ratios in found.values())
    assert len(costs.ratios("ogm", rounds=2, num_steps=1)) == 2


def test_examples_are_taken_in_rows():
    every = Examples({"image": torch.arange(6.0).view(3, 2)}, torch.tensor([4, 5, 6]))
    some = every.rows(torch.tensor([2, 0]))
    assert some.label.tolist() == [6, 4] and some.views["image"].tolist() == [[4, 5], [0, 1]]
