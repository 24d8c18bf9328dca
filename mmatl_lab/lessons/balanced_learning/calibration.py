r"""Calibrated fusion, which is ours: each modality has a temperature that depends on how unusual its input is.

Entropy is overconfident off the training distribution, so dynamic weights trust a corrupted modality. Here the fused
answer is a product of experts, $\sum_m \log \mathrm{softmax}(z_m / T_m(x_m))$, with

$$ \log T_m = b_m + w_m \cdot \big(u(x_m),\; u(h_m),\; e_m\big), \qquad
   u(v) = \log \frac1D \sum_d \Big(\frac{v_d - \mu_d}{\sigma_d}\Big)^2, $$

a linear function of the entropy and of how unusual the input and the features are ($\mu, \sigma$: their moments on
clean validation data). It is fitted by likelihood on validation data, which are made noisy for it. With $w_m = 0$,
fitted on clean data, it is temperature scaling (Guo et al. 2017, arXiv:1706.04599).

How it was found: on one half of the validation data, fitted on the other half. A hidden layer, longer fitting, more
noisy copies and a penalty on $\log T$ were no better there, and neither was the fused loss alone.
"""

import itertools
import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.models.balanced import Balanced
from mmatl_lab.models.balanced.fusion import calibrated_fusion, entropy, fixed_fusion
from mmatl_lab.seeding import seeded

from .examples import Examples

MOST_NOISE = 4.0  # in validation data, in units of the modality's own spread
COPIES, NUM_STEPS = 3, 150


class Calibration(nn.Module):
    """The temperatures of a model's modalities.

    Args:
        model: trained, in evaluation mode. clean: validation views, for the moments.
        by_sample: False gives each modality one temperature.
    """

    def __init__(self, model: Balanced, clean: Mapping[str, Tensor], *, by_sample: bool = True):
        super().__init__()
        self.model, self.by_sample = [model], by_sample  # in a list: its weights are no part of this module
        with torch.no_grad():
            answer = model(clean)
        self.moments = {}
        for name, h in zip(model.modalities, answer.features):
            self.moments[name] = [(v.mean(0), v.std(0).clamp(min=1e-2)) for v in (clean[name], h)]
        self.bias = nn.Parameter(torch.zeros(len(model.modalities)))
        self.weight = nn.Parameter(torch.zeros(len(model.modalities), 3))

    def signs(self, views: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """What the temperatures depend on, (N, B, 3), and the logits, (N, B, C)."""
        answer = self.model[0](views)
        signs = []
        for name, h, z in zip(self.model[0].modalities, answer.features, answer.logits):
            unusual = [
                ((v - mean) / std).square().mean(-1).clamp(min=1e-4).log()
                for v, (mean, std) in zip((views[name], h), self.moments[name])
            ]
            signs.append(torch.stack([*unusual, entropy(z)], -1))
        return torch.stack(signs), answer.logits

    def temperatures(self, signs: Tensor) -> Tensor:
        """(N, B, 3) -> T (N, B)."""
        log_t = self.bias[:, None].expand(signs.shape[:2])
        if self.by_sample:
            log_t = log_t + torch.einsum("nbs,ns->nb", signs, self.weight)
        return log_t.clamp(-3, 6).exp()

    @staticmethod
    def say(logits: Tensor, temperatures: Tensor) -> Tensor:
        """Each modality's share of what is told: log C - entropy of its calibrated answer, (N, B), sums to 1 over N."""
        told = math.log(logits.shape[-1]) - entropy(logits / temperatures[..., None])
        return told / told.sum(0).clamp(min=1e-9)

    def forward(self, views: Mapping[str, Tensor], present: Tensor | None = None) -> Tensor:
        """Inputs by the name of the modality -> log-probabilities up to a constant, (B, C)."""
        signs, logits = self.signs(views)
        return calibrated_fusion(logits, self.temperatures(signs), present)


@torch.enable_grad()
def calibrate(model: Balanced, validation: Examples, *, by_sample: bool = True, seed: int = 0) -> Calibration:
    """Fit the temperatures of a trained model on validation data.

    Args:
        by_sample: False fits one temperature for each modality, on clean data.
        seed: of the noise that validation data are made noisy with.
    """
    generator = seeded(seed, 41)
    calibration = Calibration(model, validation.views, by_sample=by_sample)
    with torch.no_grad():
        versions = [validation.views]
        versions += [noisy(validation.views, generator) for _ in range(COPIES if by_sample else 0)]
        signs, logits = (torch.cat(parts, 1) for parts in zip(*map(calibration.signs, versions)))
    label = validation.label.repeat(len(versions))
    optimizer = torch.optim.Adam(calibration.parameters(), lr=0.05)
    for _ in range(NUM_STEPS):
        t = calibration.temperatures(signs)
        alone = sum(F.cross_entropy(z / t_m[:, None], label) for z, t_m in zip(logits, t))
        loss = F.cross_entropy(calibrated_fusion(logits, t), label) + alone
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return calibration.requires_grad_(False)


def best_weights(logits: Tensor, label: Tensor, parts: int = 10) -> tuple[float, ...]:
    """The constants of fixed fusion, in tenths, that are right most often on validation data.

    Args:
        logits: (N, B, C). label: (B,). parts: into how many the sum of 1 is cut; of equals the most even weights win.
    """
    found = []
    for places in itertools.product(range(1, parts), repeat=len(logits)):
        if sum(places) == parts:
            weights = tuple(x / parts for x in places)
            hits = (fixed_fusion(logits, weights).argmax(-1) == label).sum().item()
            found.append((hits, -max(weights), weights))
    return max(found)[-1]


def noisy(views: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """The views with noise in each modality and sample, by chance none, a little or much of it."""
    made = {}
    for name, x in views.items():
        severity = MOST_NOISE * torch.rand(len(x), 1, generator=generator)
        severity = severity * (torch.rand(len(x), 1, generator=generator) < 0.7)
        made[name] = x + severity * x.std() * torch.randn(x.shape, generator=generator)
    return made
