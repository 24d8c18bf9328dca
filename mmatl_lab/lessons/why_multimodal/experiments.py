"""The two experiments of lesson 01: what noise does to each classifier, and how three fusions compare."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmatl_lab.seeding import drawn_from, seeded
from mmatl_lab.threads import calm_threads
from mmatl_lab.training import Run, check_seed
from mmatl_lab.world.sarcasm import MODALITIES, NOISE, ceiling, sample_utterances

from .sarcasm import (
    EVALUATION_SEED,
    FUSIONS,
    SarcasmClassifier,
    SarcasmClassifiers,
    SarcasmConfig,
    accuracy,
    judge,
    judgement_loss,
    model_inputs,
    parts_of,
)


@calm_threads()
def noise_curve(
    model: SarcasmClassifiers, noises: Sequence[float], n: int = 4_000, *, told: bool = True
) -> dict[str, list[float]]:
    """Accuracy at each noise of the voice, that of the face being NOISE, and ``"<classifier> ceiling"`` beside it.

    Args:
        told: whether the classifiers are told the noise of the voice; otherwise they assume NOISE. With one noisy
            modality the answer is a sign and needs no such knowledge; with two it matters which is to be trusted.
    """
    found: dict[str, list[float]] = {}
    for noise in noises:
        utterances = sample_utterances(n, voice_noise=noise, generator=seeded(EVALUATION_SEED, 3))
        judged = judge(model, utterances if told else utterances.told(NOISE, NOISE))
        for name, logits in judged.logits.items():
            found.setdefault(name, []).append(accuracy(logits, utterances).item())
            found.setdefault(f"{name} ceiling", []).append(ceiling(name.split("_"), voice_noise=noise))
    return found


@calm_threads()
def compare_fusions(
    model: SarcasmClassifiers, num_steps: int, seeds: Sequence[int] = (0, 1, 2)
) -> dict[str, list[float]]:
    """Accuracy with all three modalities of each of FUSIONS, and of ``"adding answers"``, one number a seed.

    New classifiers learn from the vectors that the model's encoders give, so that only the fusions differ. Adding
    answers is what one does without a fusion: the log-odds of the three single classifiers, added up.
    """
    device = next(model.parameters()).device
    model.eval()
    test = sample_utterances(4_000, generator=seeded(EVALUATION_SEED, 4)).to(device)
    with torch.no_grad():
        vectors = [model.encode(model_inputs(part)) for part in parts_of(test)]
    features = {name: torch.cat([part[name] for part in vectors]) for name in model.encoders}
    dim = features["text"].shape[1]
    found: dict[str, list[float]] = {name: [] for name in (*FUSIONS, "adding answers")}
    for seed in seeds:
        check_seed(seed, (EVALUATION_SEED,))
        with drawn_from(seed):
            fused = {name: SarcasmClassifier(MODALITIES, SarcasmConfig(dim, fusion=name)) for name in FUSIONS}
            single = {name: SarcasmClassifier([name], SarcasmConfig(dim)) for name in MODALITIES}
        classifiers = nn.ModuleDict(fused | single)
        options = {"seed": seed, "save": False, "quiet": True, "device": device.type}  # where the encoders are
        run = Run(_Heads(classifiers), "fusions", num_steps, lr=2e-3, **options)
        for _, generator in run:
            utterances = sample_utterances(256, generator=generator).to(device)
            with torch.no_grad():
                inputs = model.encode(model_inputs(utterances))
            run.step(judgement_loss(run.model(inputs), utterances))
        with torch.no_grad():
            logits = {name: classify(features) for name, classify in classifiers.items()}
        logits["adding answers"] = sum(logits[name].log_softmax(1) for name in MODALITIES)
        for name, values in found.items():
            values.append(accuracy(logits[name], test).item())
    return found


class _Heads(nn.Module):
    """Several classifiers of the same vectors, by name."""

    def __init__(self, classifiers: nn.ModuleDict):
        super().__init__()
        self.classifiers = classifiers

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: classify(features) for name, classify in self.classifiers.items()}
