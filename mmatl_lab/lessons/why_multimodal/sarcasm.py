r"""The procedural half of lesson 01: is a remark sarcastic? Judged from its words, its voice and the speaker's face.

Three encoders learn to perceive: whether the words praise, how far the melody rises, how the mouth is bent. Seven
listeners, one for each set of views, learn to judge from what these encoders give. Every view alone leaves a coin's
chance, the voice with the face too; the words with either of them come close to 90 %, all three to 96 %. Those ceilings
are exact (``mmatl_lab.world.sarcasm``), and so is each listener's distance to its own. They hold for whoever knows how
noisy voice and face are, so the listeners are told, and learn from remarks of every noise.

Why perception is taught: the answer is an exclusive or, so no view says anything about it, and the gradient of a fresh
encoder is nearly nothing. Trained from the answers alone, whether such networks leave chance is a matter of luck and of
the learning rate: at .002, words with face had not in 600 steps; at .001, all three views did in one of two seeds,
after 146 steps, and then came as far as those here, and in the other not in 500.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.metrics.intervals import wilson
from mmatl_lab.models.joint import mlp_head
from mmatl_lab.nn.encoders import AudioCNN, ImageCNN, TextTransformer
from mmatl_lab.nn.fusion import Add, Concat, Product
from mmatl_lab.seeding import seeded
from mmatl_lab.training import Run
from mmatl_lab.world import log_mel
from mmatl_lab.world.sarcasm import (
    MAX_WORDS,
    MODALITIES,
    NOISE,
    WORDS,
    Utterances,
    ceiling,
    draw_faces,
    sample_utterances,
    speak,
    squash,
)

NAME = "why_sarcasm"
SUBSETS = (
    *(("text",), ("voice",), ("face",)),
    *(("voice", "face"), ("text", "voice"), ("text", "face")),
    MODALITIES,
)
FUSIONS = ("concat", "add", "product")
NUM_TEST = 10_000
LOW_NOISE = 0.4
TRAINING_NOISES = (0.1, 3.0)  # of voice and face in training, drawn for each remark evenly on a logarithmic scale
TRAINING_AMBIGUITY = 0.1
EVALUATION_SEED = 90_212  # of the remarks that every number is measured on; no training run uses it


@dataclass(frozen=True)
class SarcasmPreset:
    num_steps: int
    batch_size: int = 256
    lr: float = 2e-3
    width: int = 64  # of each view's vector
    channels: tuple[int, ...] = (16, 32, 64)  # of the voice's and the face's convolutions
    fusion: str = "concat"


class Judgement(NamedTuple):
    perceived: dict[str, Tensor]  # by view, (B,): log-odds that the words praise; b(v) of the voice; b(f) of the face
    logits: dict[str, Tensor]  # by listener, (B, 2): sincere, sarcastic


class Listener(nn.Module):
    """A fusion of the vectors of the ``modalities`` and of the noises, and a head: logits of sincere and sarcastic."""

    def __init__(self, modalities: Iterable[str], preset: SarcasmPreset):
        super().__init__()
        self.modalities = (*modalities, "noise")
        self.fusion = make_fusion(preset.fusion, [preset.width] * len(self.modalities))
        self.head = mlp_head(self.fusion.out_dim, 2)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Vectors (B, D) by view -> (B, 2)."""
        return self.head(self.fusion([features[view] for view in self.modalities]))


def make_fusion(name: str, dims: Sequence[int]) -> nn.Module:
    """The fusion called ``name``.

    Raises:
        ValueError: for another name than those of FUSIONS.
    """
    if name not in FUSIONS:
        raise ValueError(f"there is no fusion {name!r} here: choose one of {', '.join(FUSIONS)}.")
    return {"concat": lambda: Concat(dims), "add": lambda: Add(dims), "product": lambda: Product(dims, 128)}[name]()


class Listeners(nn.Module):
    """An encoder for each view and for the noises, what each view shows, and a listener for each of SUBSETS."""

    def __init__(self, preset: SarcasmPreset):
        super().__init__()
        self.encoders = nn.ModuleDict(
            {
                "text": TextTransformer(preset.width, len(WORDS), MAX_WORDS, num_layers=1, hidden_dim=preset.width),
                "voice": AudioCNN(preset.width, preset.channels),
                "face": ImageCNN(preset.width, preset.channels, stem=8),
                "noise": nn.Sequential(nn.Linear(2, preset.width), nn.GELU()),
            }
        )
        self.perceive = nn.ModuleDict({view: nn.Linear(preset.width, 1) for view in MODALITIES})
        self.listener = nn.ModuleDict({name_of(modalities): Listener(modalities, preset) for modalities in SUBSETS})

    def encode(self, views: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What ``show`` gives -> vectors (B, D) by view, and that of the noises."""
        return {view: encoder(views[view]) for view, encoder in self.encoders.items()}

    def forward(self, views: Mapping[str, Tensor]) -> Judgement:
        features = self.encode(views)
        perceived = {view: layer(features[view])[:, 0] for view, layer in self.perceive.items()}
        return Judgement(perceived, {name: listener(features) for name, listener in self.listener.items()})


def perception_loss(perceived: Mapping[str, Tensor], utterances: Utterances) -> Tensor:
    """How far the encoders are from what is plainly there, a scalar; what is meant does not enter.

    Cross-entropy of praise or blame (neutral words are left out), mean squared errors of b(v) and b(f). The errors are
    small numbers beside a cross-entropy, hence the factor.
    """
    loaded = (utterances.valence != 0).float()
    praise = F.binary_cross_entropy_with_logits(perceived["text"], (utterances.valence > 0).float(), weight=loaded)
    voice = F.mse_loss(perceived["voice"], squash(utterances.voice))
    face = F.mse_loss(perceived["face"], squash(utterances.face))
    return praise + 20 * (voice + face)


def judgement_loss(logits: Mapping[str, Tensor], utterances: Utterances) -> Tensor:
    """The sum of the listeners' cross-entropies, a scalar."""
    return sum(F.cross_entropy(z, utterances.sarcastic.long()) for z in logits.values())


def name_of(modalities: Iterable[str]) -> str:
    """``"text_voice"`` of ``("text", "voice")``."""
    return "_".join(modalities)


def make_model(preset: SarcasmPreset, *, seed: int = 0) -> Listeners:
    """The listeners of a preset, with weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Listeners(preset)


def show(utterances: Utterances) -> dict[str, Tensor]:
    """What there is to read, hear and see: tokens (B, 8), log-mels (B, 40, 64) and pictures (B, 3, 32, 32).

    And what is known beforehand: ``noise`` (B, 2), the logarithms of σ_v and σ_f. A ceiling holds for whoever knows how
    far the voice and the face can be trusted, so listeners are told.
    """
    noise = torch.stack([utterances.voice_noise, utterances.face_noise], 1)
    return {
        "text": utterances.text,
        "voice": log_mel(speak(utterances)),
        "face": draw_faces(utterances),
        "noise": noise.clamp(min=TRAINING_NOISES[0]).log(),
    }


def training_utterances(n: int, *, generator: torch.Generator) -> Utterances:
    """Remarks of all noises, from voices and faces as clear as day to hardly any use; a tenth have neutral words."""
    low, high = TRAINING_NOISES
    voice_noise, face_noise = (low * (high / low) ** torch.rand(n, 2, generator=generator)).T
    dials = {"voice_noise": voice_noise, "face_noise": face_noise, "ambiguity": TRAINING_AMBIGUITY}
    return sample_utterances(n, **dials, generator=generator)


@cache
def training_ceiling() -> float:
    """The best accuracy with all views on ``training_utterances``: the mean over a fine grid of noises."""
    low, high = TRAINING_NOISES
    noises = [low * (high / low) ** ((i + 0.5) / 50) for i in range(50)]
    return sum(ceiling(MODALITIES, v, f, TRAINING_AMBIGUITY) for v in noises for f in noises) / len(noises) ** 2


def train(preset: SarcasmPreset, *, folder: Path, resume: bool = False, seed: int = 0, card: dict) -> Path:
    """Train and save ``why_sarcasm``; returns the file."""
    model = make_model(preset, seed=seed)
    settings = {"lr": preset.lr, "seed": seed, "ceiling": {"all_three": training_ceiling()}}
    run = Run(model, NAME, preset.num_steps, folder=folder, resume=resume, card=card, **settings)
    for _, generator in run:
        utterances = training_utterances(preset.batch_size, generator=generator)[run.shard].to(run.device)
        perceived, logits = run.model(show(utterances))
        loss = perception_loss(perceived, utterances) + judgement_loss(logits, utterances)
        run.step(loss, all_three=accuracy(logits[name_of(MODALITIES)], utterances))
    return run.save(evaluate(model)[0], dtype=torch.bfloat16)


def accuracy(logits: Tensor, utterances: Utterances) -> Tensor:
    """Share of utterances that a listener's logits (B, 2) judge rightly, a scalar."""
    return (logits.argmax(1) == utterances.sarcastic.long()).float().mean()


def answers(model: Listeners, utterances: Utterances) -> dict[str, Tensor]:
    """P(sarcastic), (B,), of each listener by name."""
    return judge(model, utterances)[1]


@torch.no_grad()
def judge(model: Listeners, utterances: Utterances) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(perceived by view, P(sarcastic) by listener), each (B,); in parts, so that memory stays bounded."""
    device = next(model.parameters()).device
    model.eval()
    parts = [model(show(part.to(device))) for part in _parts(utterances)]
    perceived = {view: torch.cat([part.perceived[view].float().cpu() for part in parts]) for view in MODALITIES}
    belief = {
        name: torch.cat([part.logits[name].float().softmax(1)[:, 1].cpu() for part in parts]) for name in model.listener
    }
    return perceived, belief


def accuracies(model: Listeners, utterances: Utterances, *, told: bool = True) -> dict[str, float]:
    """Share of the utterances that each listener judges rightly; listeners who are not told go by NOISE for both."""
    belief = answers(model, utterances if told else utterances.told(NOISE, NOISE))
    return {name: ((p > 0.5) == utterances.sarcastic).float().mean().item() for name, p in belief.items()}


def _parts(utterances: Utterances, n: int = 500) -> list[Utterances]:
    return [utterances[start : start + n] for start in range(0, len(utterances), n)]


def evaluate(model: Listeners, n: int = NUM_TEST) -> tuple[dict, dict, dict]:
    """(metrics, controls, ceilings) of trained listeners, on ``n`` remarks that no training run has heard.

    ``sarcasm_text_voice`` is the accuracy of the listener who reads the words and hears the voice, and so on, with its
    95 % interval; ``sarcasm_clear`` that of all three views at LOW_NOISE. ``hears_melody`` and ``sees_mouth`` are R² of
    what the encoders perceive, ``reads_valence`` an accuracy: that a listener is at chance is not for want of senses.
    Controls: the same answers against the labels of other remarks; for R² the constant answer.
    """
    metrics, controls, ceilings = {}, {}, {}
    for noise in (NOISE, LOW_NOISE):
        dials = {"voice_noise": noise, "face_noise": noise}
        utterances = sample_utterances(n, **dials, generator=seeded(EVALUATION_SEED, 1))
        shuffled = utterances.sarcastic[torch.randperm(n, generator=seeded(EVALUATION_SEED, 2))]
        perceived, belief = judge(model, utterances)
        subsets = {f"sarcasm_{name_of(modalities)}": modalities for modalities in SUBSETS}
        for name, modalities in subsets.items() if noise == NOISE else [("sarcasm_clear", MODALITIES)]:
            guess = belief[name_of(modalities)] > 0.5
            hits = (guess == utterances.sarcastic).float()
            low, high = wilson(hits.sum().item(), n)
            metrics |= {name: hits.mean().item(), f"{name}_low": low, f"{name}_high": high}
            controls[name] = (guess == shuffled).float().mean().item()
            ceilings[name] = ceiling(modalities, **dials)
        if noise == NOISE:
            metrics["reads_valence"] = ((perceived["text"] > 0) == (utterances.valence > 0)).float().mean().item()
            metrics["hears_melody"] = r_squared(perceived["voice"], squash(utterances.voice))
            metrics["sees_mouth"] = r_squared(perceived["face"], squash(utterances.face))
    return metrics, controls, ceilings


def r_squared(found: Tensor, true: Tensor) -> float:
    """1 - mean squared error / variance: 1 is exact, 0 the best constant."""
    return (1 - (found - true).square().mean() / true.var(correction=0)).item()


def noise_curve(
    model: Listeners, noises: Sequence[float], n: int = 4_000, *, told: bool = True
) -> dict[str, list[float]]:
    """Accuracy at each noise of the voice, that of the face being NOISE, and ``"<listener> ceiling"`` beside it.

    Args:
        told: whether the listeners are told the noise of the voice; otherwise they take it for NOISE. With one noisy
            view the answer is a sign and needs no such knowledge; with two it must be known which is to be trusted.
    """
    found: dict[str, list[float]] = {}
    for noise in noises:
        utterances = sample_utterances(n, voice_noise=noise, generator=seeded(EVALUATION_SEED, 3))
        for name, share in accuracies(model, utterances, told=told).items():
            found.setdefault(name, []).append(share)
            found.setdefault(f"{name} ceiling", []).append(ceiling(name.split("_"), voice_noise=noise))
    return found


def compare_fusions(model: Listeners, num_steps: int, seeds: Sequence[int] = (0, 1, 2)) -> dict[str, list[float]]:
    """Accuracy with all three views of each of FUSIONS, and of ``"adding answers"``, one number a seed.

    New listeners learn from the vectors that the model's encoders give, so that the fusions alone differ. Adding
    answers is what one does without a fusion: the log-odds of the three single listeners, added up.
    """
    device = next(model.parameters()).device
    model.eval()
    test = sample_utterances(4_000, generator=seeded(EVALUATION_SEED, 4)).to(device)
    with torch.no_grad():
        vectors = [model.encode(show(part)) for part in _parts(test)]
    features = {view: torch.cat([part[view] for part in vectors]) for view in model.encoders}
    width = features["text"].shape[1]
    found: dict[str, list[float]] = {name: [] for name in (*FUSIONS, "adding answers")}
    for seed in seeds:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            built = {name: Listener(MODALITIES, SarcasmPreset(1, width=width, fusion=name)) for name in FUSIONS}
            single = {view: Listener([view], SarcasmPreset(1, width=width)) for view in MODALITIES}
        learners = nn.ModuleDict(built | single).to(device)
        optimizer = torch.optim.AdamW(learners.parameters(), lr=2e-3)
        for step in range(num_steps):
            utterances = sample_utterances(256, generator=seeded(seed, 78, step)).to(device)
            with torch.no_grad():
                features = model.encode(show(utterances))
            loss = judgement_loss({name: learner(features) for name, learner in learners.items()}, utterances)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            logits = {name: learner(features) for name, learner in learners.items()}
        logits["adding answers"] = sum(logits[view].log_softmax(1) for view in MODALITIES)
        for name, values in found.items():
            values.append(accuracy(logits[name], test).item())
    return found
