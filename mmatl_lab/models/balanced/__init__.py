"""Balanced multimodal learning: joint training, and the methods that keep it from starving a modality.

One file a system, all for N >= 2 modalities: ``base`` (the model, joint training, independent heads), ``ogm`` (OGM and
OGM-GE), ``qmf`` (QMF), ``mla`` with its gradient modification in ``projection``, and test-time ``fusion``. Each system
is a module with a ``step``, which trains it on one batch, and a ``fuse``, which joins the modalities' logits.

    model = MLA(encoders, dim=64, num_classes=10)
    for step, generator in run:
        views, label, index = ...
        model.step(run, views, label, index=index, generator=generator)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmatl_lab.nn.encoders import Part

from .base import Answer, Balanced, Independent, Joint
from .fusion import confidence, confidence_fusion, dynamic_fusion, entropy, fixed_fusion, sum_fusion
from .mla import MLA
from .ogm import OGM, OGMGE, modulation
from .projection import GradientModification
from .qmf import QMF, LossHistory, rank_loss

__all__ = [
    "METHODS",
    "MLA",
    "OGM",
    "OGMGE",
    "QMF",
    "Answer",
    "Balanced",
    "BalancedConfig",
    "GradientModification",
    "Independent",
    "Joint",
    "LossHistory",
    "build",
    "confidence",
    "confidence_fusion",
    "dynamic_fusion",
    "entropy",
    "fixed_fusion",
    "modulation",
    "rank_loss",
    "sum_fusion",
]

METHODS = {"normal": Joint, "independent": Independent, "ogm": OGM, "ogm_ge": OGMGE, "qmf": QMF, "mla": MLA}


@dataclass(frozen=True)
class BalancedConfig:
    """A method, and an encoder for each modality in the order of the modalities.

    ``options`` are the method's own arguments by name, such as ``{"order": "current"}`` of MLA.
    """

    method: str
    encoders: Mapping[str, Part]
    num_classes: int
    dim: int = 64  # D of each modality's features
    options: Mapping[str, Any] = field(default_factory=dict)


def build(config: BalancedConfig) -> Balanced:
    """The model of a config, with fresh weights.

    Raises:
        ValueError: an unknown method, or options that it does not take.
    """
    if config.method not in METHODS:
        raise ValueError(f"there is no method {config.method!r}: choose one of {', '.join(METHODS)}")
    encoders = {name: part.build(out_dim=config.dim) for name, part in config.encoders.items()}
    try:
        return METHODS[config.method](encoders, dim=config.dim, num_classes=config.num_classes, **config.options)
    except TypeError as error:
        raise ValueError(f"the method {config.method!r} was given an option that it does not take: {error}") from error
