r"""The procedural half of lesson 01: is a remark sarcastic? Judged from its words, its voice and the speaker's face.

Three encoders learn to perceive: whether the words praise, how far the melody rises, how the mouth is bent. Seven
classifiers, one for each set of modalities, learn to judge from what these encoders give. Each modality alone leaves
the chance of a coin, and so does the voice with the face. The words with either of them come close to 90 %, all three
to 96 %. Those ceilings are exact (``mmatl_lab.world.sarcasm``), and so is the distance of each classifier to its own.
They hold for whoever knows how noisy voice and face are. So the classifiers are given the noise as an input, and train
on remarks of every noise.

Why perception is taught: the answer is an exclusive or, so no single modality is correlated with it, and the gradient
of a fresh encoder is nearly zero. Trained from the answers alone, such networks leave chance only by luck: at a
learning rate of .002, words with face had not in 600 steps; at .001, all three modalities did in one of two seeds,
after 146 steps, and in the other not in 500.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.lessons.recipe import System
from mmatl_lab.lessons.results import Result
from mmatl_lab.models.joint import mlp_head
from mmatl_lab.nn.encoders import AudioCNN, ImageCNN, TextTransformer
from mmatl_lab.nn.fusion import Add, Concat, Product
from mmatl_lab.seeding import seeded
from mmatl_lab.threads import calm_threads
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

SINGLE, PAIRS = (("text",), ("voice",), ("face",)), (("voice", "face"), ("text", "voice"), ("text", "face"))
SUBSETS = (*SINGLE, *PAIRS, MODALITIES)
FUSIONS = {"concat": Concat, "add": Add, "product": lambda dims: Product(dims, 128)}
NUM_TEST = 2_000  # remarks in each of the draws that every number is measured on
NUM_DRAWS = 5
LOW_NOISE = 0.4
TRAINING_NOISES = (0.1, 3.0)  # of voice and face in training, drawn for each remark evenly on a logarithmic scale
TRAINING_AMBIGUITY = 0.1
TOLERANCE = 0.02  # how near to its ceiling each set of modalities must come
EVALUATION_SEED = 90_212  # of the remarks that every number is measured on; no training run uses it


@dataclass(frozen=True)
class SarcasmConfig:
    """``dim``: length of each modality's vector. ``channels``: of the convolutions over voice and face."""

    dim: int = 64
    channels: tuple[int, ...] = (16, 32, 64)
    fusion: str = "concat"


@dataclass(frozen=True)
class SarcasmSettings:
    num_steps: int
    batch_size: int = 256
    lr: float = 2e-3
    model: SarcasmConfig = field(default_factory=SarcasmConfig)


PRESETS = {
    "quick": SarcasmSettings(30, batch_size=64),
    "full": SarcasmSettings(600),
    "gpu": SarcasmSettings(3_000, batch_size=1024, model=SarcasmConfig(128, (32, 64, 128))),
}


class Judgement(NamedTuple):
    """By modality, (B,): log-odds that the words praise, b(v), b(f). By classifier, (B, 2): sincere, sarcastic."""

    perceived: dict[str, Tensor]
    logits: dict[str, Tensor]


class SarcasmClassifier(nn.Module):
    """A fusion of the vectors of some ``modalities`` and of the noise, and a head: logits of sincere and sarcastic."""

    def __init__(self, modalities: Iterable[str], config: SarcasmConfig):
        super().__init__()
        self.modalities = (*modalities, "noise")
        self.fusion = make_fusion(config.fusion, [config.dim] * len(self.modalities))
        self.head = mlp_head(self.fusion.out_dim, 2)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Vectors (B, D) by modality -> (B, 2)."""
        return self.head(self.fusion([features[name] for name in self.modalities]))


def make_fusion(name: str, dims: Sequence[int]) -> nn.Module:
    """The fusion called ``name``.

    Raises:
        ValueError: for another name than those of FUSIONS.
    """
    if name not in FUSIONS:
        raise ValueError(f"there is no fusion {name!r} here: choose one of {', '.join(FUSIONS)}.")
    return FUSIONS[name](dims)


class SarcasmClassifiers(nn.Module):
    """An encoder for each modality and for the noise, what each shows, and a classifier for each of SUBSETS."""

    def __init__(self, config: SarcasmConfig):
        super().__init__()
        dim = config.dim
        self.encoders = nn.ModuleDict(
            {
                "text": TextTransformer(dim, len(WORDS), MAX_WORDS, num_layers=1, hidden_dim=dim),
                "voice": AudioCNN(dim, config.channels),
                "face": ImageCNN(dim, config.channels, stem=8),
                "noise": nn.Sequential(nn.Linear(2, dim), nn.GELU()),
            }
        )
        self.perceive = nn.ModuleDict({name: nn.Linear(dim, 1) for name in MODALITIES})
        self.classifiers = nn.ModuleDict({name_of(subset): SarcasmClassifier(subset, config) for subset in SUBSETS})

    def encode(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What ``model_inputs`` gives -> vectors (B, D) by modality, and that of the noise."""
        return {name: encoder(inputs[name]) for name, encoder in self.encoders.items()}

    def forward(self, inputs: Mapping[str, Tensor]) -> Judgement:
        features = self.encode(inputs)
        perceived = {name: layer(features[name])[:, 0] for name, layer in self.perceive.items()}
        return Judgement(perceived, {name: classify(features) for name, classify in self.classifiers.items()})


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
    """The sum of the classifiers' cross-entropies, a scalar."""
    return sum(F.cross_entropy(z, utterances.sarcastic.long()) for z in logits.values())


def name_of(modalities: Iterable[str]) -> str:
    """``"text_voice"`` of ``("text", "voice")``."""
    return "_".join(modalities)


def model_inputs(utterances: Utterances) -> dict[str, Tensor]:
    """What there is to read, hear and see: tokens (B, 8), log-mels (B, 40, 64) and pictures (B, 3, 32, 32).

    And what is known beforehand: ``noise`` (B, 2), the logarithms of σ_v and σ_f. A ceiling holds for whoever knows how
    far the voice and the face can be trusted, so the classifiers are told.
    """
    return {name: make(utterances) for name, make in INPUTS.items()}


def _noise_input(utterances: Utterances) -> Tensor:
    noise = torch.stack([utterances.voice_noise, utterances.face_noise], 1)
    return noise.clamp(min=TRAINING_NOISES[0]).log()


INPUTS = {
    "text": lambda utterances: utterances.text,
    "voice": lambda utterances: log_mel(speak(utterances)),
    "face": draw_faces,
    "noise": _noise_input,
}


def training_utterances(n: int, *, generator: torch.Generator) -> Utterances:
    """Remarks of all noises, from voices and faces as clear as day to hardly any use; a tenth have neutral words."""
    low, high = TRAINING_NOISES
    voice_noise, face_noise = (low * (high / low) ** torch.rand(n, 2, generator=generator)).T
    dials = {"voice_noise": voice_noise, "face_noise": face_noise, "ambiguity": TRAINING_AMBIGUITY}
    return sample_utterances(n, **dials, generator=generator)


@cache
def training_ceiling() -> float:
    """The best accuracy with all modalities on ``training_utterances``: the mean over a fine grid of noises."""
    low, high = TRAINING_NOISES
    noises = [low * (high / low) ** ((i + 0.5) / 50) for i in range(50)]
    return sum(ceiling(MODALITIES, v, f, TRAINING_AMBIGUITY) for v in noises for f in noises) / len(noises) ** 2


def fit(run: Run, settings: SarcasmSettings) -> None:
    """The loop: the encoders learn what is plainly there, the classifiers what is meant."""
    for _, generator in run:
        utterances = training_utterances(settings.batch_size, generator=generator)[run.shard].to(run.device)
        perceived, logits = run.model(model_inputs(utterances))
        loss = perception_loss(perceived, utterances) + judgement_loss(logits, utterances)
        run.step(loss, accuracy=accuracy(logits[name_of(MODALITIES)], utterances))


def accuracy(logits: Tensor, utterances: Utterances) -> Tensor:
    """Share of utterances that a classifier's logits (B, 2) judge rightly, a scalar."""
    return (logits.argmax(1) == utterances.sarcastic.long()).float().mean()


@torch.no_grad()
def judge(model: SarcasmClassifiers, utterances: Utterances) -> Judgement:
    """What the model, not in training, makes of any number of utterances, on the CPU."""
    device = next(model.parameters()).device
    model.eval()
    parts = [model(model_inputs(part.to(device))) for part in parts_of(utterances)]
    whole = [{name: torch.cat([p[i][name].float().cpu() for p in parts]) for name in parts[0][i]} for i in (0, 1)]
    return Judgement(*whole)


def predict_proba(model: SarcasmClassifiers, utterances: Utterances) -> dict[str, Tensor]:
    """P(sarcastic), (B,), of each classifier by name."""
    return {name: z.softmax(1)[:, 1] for name, z in judge(model, utterances).logits.items()}


def parts_of(utterances: Utterances, n: int = 500) -> list[Utterances]:
    """Consecutive parts of ``n`` utterances, so that memory stays bounded."""
    return [utterances[start : start + n] for start in range(0, len(utterances), n)]


@calm_threads()
def evaluate(model: SarcasmClassifiers, n: int = NUM_TEST, num_draws: int = NUM_DRAWS) -> list[Result]:
    """Accuracy of each classifier on ``num_draws`` fresh draws of ``n`` remarks, and what the encoders perceive.

    ``sarcasm_text_voice`` is the accuracy of the classifier of words and voice, and so on; ``sarcasm_clear`` that of
    all three at LOW_NOISE. ``hears_melody`` and ``sees_mouth`` are R², ``reads_valence`` an accuracy: they show that a
    classifier at chance does not lack perception. Controls: the same answers against the labels of other remarks.
    """
    usual = [_measure(model, NOISE, n, draw) for draw in range(num_draws)]
    clear = [_measure(model, LOW_NOISE, n, draw) for draw in range(num_draws)]
    rows = [(f"sarcasm_{name_of(subset)}", subset, NOISE, usual, None) for subset in SUBSETS]
    rows.append(("sarcasm_clear", MODALITIES, LOW_NOISE, clear, 0.95))
    results = []
    for name, subset, noise, found, bound in rows:
        best = ceiling(subset, voice_noise=noise, face_noise=noise)
        hits, control = zip(*(draw[name_of(subset)] for draw in found))
        known = {"control": sum(control) / len(control), "ceiling": best, "at_least": bound or best - TOLERANCE}
        label = " + ".join(subset) + (f", noise {LOW_NOISE}" if noise == LOW_NOISE else "")
        results.append(Result.from_values(name, label, hits, of=f"draws of {n:,} remarks", **known))
    for name, label in PERCEIVED.items():
        results.append(Result.from_values(name, label, [draw[name] for draw in usual], of=f"draws of {n:,} remarks"))
    return results


PERCEIVED = {
    "reads_valence": "valence read from the words (accuracy)",
    "hears_melody": "melody heard in the voice (R²)",
    "sees_mouth": "mouth seen in the face (R²)",
}


def _measure(model: SarcasmClassifiers, noise: float, n: int, draw: int) -> dict:
    """By classifier (accuracy, accuracy against the labels of other remarks), and by name what is perceived."""
    utterances = sample_utterances(n, voice_noise=noise, face_noise=noise, generator=seeded(EVALUATION_SEED, 1, draw))
    shuffled = utterances.sarcastic[torch.randperm(n, generator=seeded(EVALUATION_SEED, 2, draw))]
    perceived, logits = judge(model, utterances)
    found = {
        name: tuple((z.argmax(1) == label).float().mean().item() for label in (utterances.sarcastic, shuffled))
        for name, z in logits.items()
    }
    return found | {
        "reads_valence": ((perceived["text"] > 0) == (utterances.valence > 0)).float().mean().item(),
        "hears_melody": r_squared(perceived["voice"], squash(utterances.voice)),
        "sees_mouth": r_squared(perceived["face"], squash(utterances.face)),
    }


def r_squared(found: Tensor, true: Tensor) -> float:
    """1 - mean squared error / variance: 1 is exact, 0 the best constant."""
    return (1 - (found - true).square().mean() / true.var(correction=0)).item()


SARCASM = System(
    "why_sarcasm",
    PRESETS,
    build=SarcasmClassifiers,
    fit=fit,
    evaluate=evaluate,
    options={"ceiling": lambda settings: {"accuracy": training_ceiling()}, "control": {"accuracy": 0.5}},
    reserved=(EVALUATION_SEED,),
)
