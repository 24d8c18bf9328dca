"""The model of the demo, its dials, figures and diagrams, and the notebook's loop."""

import re
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmatl_lab import paths
from mmatl_lab.lessons.fusion import diagrams, dials, figures, tasks, views
from mmatl_lab.lessons.fusion.methods import METHODS
from mmatl_lab.lessons.fusion.views import CONDITIONS, VIEWS_SYSTEM, ViewsConfig, ViewsFusions, ViewsSettings
from mmatl_lab.nn import fusion as fusions
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.diagram import check_diagram

from ..notebooks import cell_with, same_weights, trained_by_cell

SMALL = ViewsSettings(2, batch_size=16, model=ViewsConfig(16, (8, 8, 8)))


@pytest.fixture(scope="module")
def model():
    return VIEWS_SYSTEM.make(SMALL)


def test_views_of_one_seed_are_the_same_and_noise_is_per_view():
    scenes = views.sample_scenes(8, 1, generator=seeded(0))
    clear, noisy = torch.zeros(8, 3), torch.zeros(8, 3)
    noisy[:, 1] = 1.0
    one, other = (views.make_views(scenes, noise, generator=seeded(1)) for noise in (clear, noisy))
    assert torch.equal(one["image"], other["image"]) and torch.equal(one["audio"], other["audio"])
    assert (one["text"] != other["text"]).any() and torch.equal(one["text"] == 0, other["text"] == 0)


def test_a_missing_view_has_no_influence_on_any_fusion(model):
    noise, present = views.condition("no_text", 12)
    seen, present, _ = views.test_views(noise, present)
    other = seen | {"text": torch.randint(1, 100, seen["text"].shape)}
    one, two = (model.examine(x, present) for x in (seen, other))
    assert set(one.logits) == set(METHODS)
    for name in METHODS:
        assert torch.equal(one.logits[name], two.logits[name])
    for weights in one.weights.values():
        assert (weights[:, 1] == 0).all() and torch.allclose(weights.sum(1), torch.ones(12))


def test_the_loop_of_the_notebook_trains_what_the_library_trains(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))

    class Choice:
        preset = "quick"

        @staticmethod
        def weights(system):
            return None

    system = replace(VIEWS_SYSTEM, presets={"quick": SMALL})
    names = {"VIEWS_SYSTEM": system, "choice": Choice, "paths": paths, "views": views, "tasks": tasks, "torch": torch,
             "F": F, "LivePlot": lambda **_: None}  # fmt: skip
    cell = cell_with("fusion", "VIEWS_SYSTEM.run(model").replace("plot=plot, ", "")
    assert same_weights(trained_by_cell(cell, names, "model"), system.trained(SMALL))


def test_it_is_measured_under_every_condition(model):
    results = views.evaluate(model, 20, 2)
    assert len(results) == len(CONDITIONS) * len(METHODS)
    assert all(0 <= result.value <= 1 for result in results)


def test_dials_measure_once_and_refuse_nothing_at_all(model):
    measure = dials.ViewsMeasurement(model, 16)
    rows = measure((1.0, 0.3, 0.3), (True, True, False))
    assert measure((1.0, 0.3, 0.3), (True, True, False)) is rows and len(rows) == len(METHODS)
    gated = {label: weights for label, _, weights in rows}["gated"]
    assert gated[2] == 0 and sum(gated) == pytest.approx(1)
    assert "gated" in str(dials.table(rows))
    with pytest.raises(ValueError, match="all three views are left out: switch at least one on"):
        measure((0, 0, 0), (False, False, False))


def test_figures_say_what_they_show(model):
    import matplotlib.pyplot as plt

    figure, alt = figures.plot_weights(model, (0.0, 1.0))
    assert "gated: picture" in alt
    plt.close(figure)
    figure, alt = figures.plot_views()
    assert "without noise" in alt
    plt.close(figure)
    latents, shape, drowned = figures.fused_latents(model, "gated", 30)
    assert latents.shape == (30, 16) and len(shape) == len(drowned) == 30


class All(nn.Module):
    """One fusion of each diagram, of three vectors of ten numbers."""

    def __init__(self):
        super().__init__()
        dims, D = [10, 10, 10], 24
        self.concat, self.add, self.product = fusions.Concat(dims), fusions.Add(dims, D), fusions.Product(dims, D)
        self.early, self.intermediate = fusions.EarlyFusion(dims, D), fusions.IntermediateFusion(dims, D)
        self.late, self.gated = fusions.LateFusion(dims, 7), fusions.GatedFusion(dims, D)
        self.attention = fusions.SelfAttentionFusion(dims, D)
        self.hierarchical = fusions.HierarchicalFusion(dims, D)

    def forward(self, vectors):
        return [fusion(vectors) for fusion in self.children()]


DIAGRAMS = (diagrams.side_by_side, diagrams.products, diagrams.places, diagrams.gate, diagrams.attention,
            diagrams.hierarchy)  # fmt: skip


@pytest.mark.parametrize("diagram", DIAGRAMS)
def test_the_fusions_have_the_shapes_of_their_diagrams(diagram):
    model, vectors = All(), {name: torch.randn(5, 10) for name in diagrams.THREE}
    e = list(vectors.values())
    values = {"softmax U": model.gated.gates(e)}
    for k, (local, group) in enumerate(zip(model.hierarchical.local, model.hierarchical.groups), 1):
        values[f"Local {k}"] = F.gelu(local(torch.cat([e[m] for m in group], 1)))
    sizes = check_diagram(diagram(), model, vectors, lambda: model(list(vectors.values())), values)
    assert sizes["B"] == 5 and sizes.get("D", 24) == 24


def test_the_views_model_has_the_shapes_of_its_diagram():
    model = ViewsFusions(ViewsConfig(24, (8, 8, 8)))
    seen, present, _ = views.test_views(*views.condition("clear", 5))
    assert check_diagram(diagrams.views(), model, seen, lambda: model(seen, present)) == {"B": 5, "D": 24}


@pytest.mark.parametrize("diagram", [*DIAGRAMS, diagrams.views])
def test_letters_are_not_shrunk_in_a_notebook(diagram):
    assert int(re.search(r'width="(\d+)"', diagram().to_svg())[1]) <= 700
