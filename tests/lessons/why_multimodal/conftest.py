"""The demo's models: with weights by chance, or ideal ones."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: several threads only fight each other here

from functools import partial

import pytest
import torch
from torch import nn

from mmatl_lab.lessons.recipe import Recipe
from mmatl_lab.lessons.why_multimodal import (
    demo_noise,
    dials,
    noise_table,
    sarcasm,
    smartwatch,
)
from mmatl_lab.world.sarcasm import (
    MODALITIES,
)

from .reading import forget


@pytest.fixture
def models(monkeypatch):
    """The demo's models have weights by chance."""
    made = {
        "why_sarcasm": sarcasm.SarcasmClassifiers(sarcasm.SarcasmConfig(16, (8, 8, 8))).eval(),
        "why_smartwatch": smartwatch.WatchClassifiers(smartwatch.WatchConfig(dim=8)).eval(),
    }
    monkeypatch.setattr(Recipe, "load", lambda recipe, name: (made[name], {"name": name}))
    monkeypatch.setattr(noise_table, "table", dict)  # what is measured beforehand is of the shipped model
    forget()
    yield made
    forget()


class Ideal(nn.Module):
    """Classifiers that believe what is right at the noises that they are told; encoders that lose nothing."""

    def __init__(self):
        super().__init__()
        self.encoders = nn.ModuleDict({name: nn.Identity() for name in (*MODALITIES, "noise")})
        self.perceive = nn.Linear(1, 1)  # says on which device the model is
        self.classifiers = {
            sarcasm.name_of(modalities): partial(self.judge, modalities) for modalities in sarcasm.SUBSETS
        }

    def judge(self, modalities, x):
        """Logits (n, 2) of sincere and sarcastic: the log-odds are -t Λ, Λ = 2v/σ_v² + 2f/σ_f² of what is given."""
        evidence = sum(
            (
                2 * x[name] / x["noise"][:, i].clamp(min=1e-3) ** 2
                for i, name in enumerate(("voice", "face"))
                if name in modalities
            ),
            torch.zeros(len(x["text"])),
        )
        log_odds = -x["text"] * evidence if "text" in modalities else torch.zeros(len(x["text"]))
        return torch.stack([torch.zeros_like(log_odds), log_odds], 1)


@pytest.fixture
def ideal(monkeypatch):
    raw = {
        "text": lambda u: u.valence.float(),
        "voice": lambda u: u.voice,
        "face": lambda u: u.face,
        "noise": lambda u: torch.stack([u.voice_noise, u.face_noise], 1),
    }
    monkeypatch.setattr(dials, "INPUTS", raw)
    measure = dials.NoiseMeasurement(Ideal(), demo_noise.NUM_REMARKS)
    monkeypatch.setattr(demo_noise, "measurement", lambda: measure)
    monkeypatch.setattr(noise_table, "table", dict)
