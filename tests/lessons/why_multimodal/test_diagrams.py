"""The diagrams say what the models do."""

import re

import pytest
import torch
from torch import nn

from mmatl_lab.lessons.why_multimodal import diagrams, sarcasm, smartwatch
from mmatl_lab.seeding import seeded
from mmatl_lab.viz.diagram import check_diagram
from mmatl_lab.world.sarcasm import sample_utterances


def test_the_sarcasm_classifiers_have_the_shapes_of_their_diagram():
    model = sarcasm.SarcasmClassifiers(sarcasm.SarcasmConfig(24, (8, 8, 8)))
    inputs = sarcasm.model_inputs(sample_utterances(5, generator=seeded(0)))
    assert check_diagram(diagrams.sarcasm(), model, inputs, lambda: model(inputs)) == {"B": 5, "D": 24}


def test_the_watch_classifiers_have_the_shapes_of_their_diagram():
    builds = {b: smartwatch.make_classifier(b, smartwatch.WatchConfig(dim=24)) for b in ("side_by_side", "both")}
    model = nn.ModuleDict(builds).eval()
    inputs = smartwatch.model_inputs(torch.randn(5, 50, 6))
    sizes = check_diagram(diagrams.watch(), model, inputs, lambda: [classify(inputs) for classify in model.values()])
    assert sizes == {"B": 5, "D": 24}


@pytest.mark.parametrize("diagram", [diagrams.sarcasm, diagrams.watch])
def test_letters_are_not_shrunk_in_a_notebook(diagram):
    assert int(re.search(r'width="(\d+)"', diagram().to_svg())[1]) <= 700
