r"""Clouds of points in the plane, one for each modality, that encoders can only shift: the smallest alignment game.

A shift cannot make a cloud small, so no task loss has to keep the codes apart, and what is seen is a property of the
two adversarial losses. Modality i has the codes $e_i = c_i + b_i + \varepsilon$ with a fixed centre $c_i$, a learned
shift $b_i$ and standard normal noise. The centres are the corners of a regular polygon. Runs that differ in their seed
or their distance are played side by side, as one batch.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NUM_STEPS = 200
POINTS = 32  # of each modality in a step
PROBE_POINTS = 500  # that the probe is fitted to, of each modality; it is tested on 4,000


class Networks(nn.Module):
    """R networks of one shape with ReLU between their layers: (R, B, in) -> (R, B, out)."""

    def __init__(self, widths: tuple[int, ...], runs: int, generator: torch.Generator):
        super().__init__()
        pairs = list(zip(widths, widths[1:], strict=False))
        self.weights = nn.ParameterList(
            torch.randn(runs, i, o, generator=generator) * math.sqrt(2 / i) for i, o in pairs
        )
        self.biases = nn.ParameterList(torch.zeros(runs, 1, o) for _, o in pairs)

    def forward(self, x: Tensor) -> Tensor:
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, F.relu(x) if layer else x, weight)
        return x


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Of each run: (R, B, C), (R, B) -> (R,)."""
    return F.cross_entropy(logits.mT, target, reduction="none").mean(1)


def printed_align_enc(logits: Tensor) -> Tensor:
    r"""$\sum_i \log D(e_i) + \sum_i \sum_{j \neq i} \log(1 - D(e_j))$: logits (R, N, B) of a D with one output -> (R,).

    Each modality is $j$ in N − 1 of the sums, so this is $\sum_i [\log D(e_i) + (N - 1) \log(1 - D(e_i))]$.
    """
    others = logits.shape[1] - 1
    return (F.logsigmoid(logits) + others * F.logsigmoid(-logits)).mean(2).sum(1)


def printed_align_dis(logits: Tensor) -> Tensor:
    r"""$\sum_i \log(1 - D(e_i)) + \sum_i \sum_{j \neq i} \log D(e_j)$: logits (R, N, B) -> (R,)."""
    return printed_align_enc(-logits)


class Played(NamedTuple):
    """What a game leaves; S = `NUM_STEPS`."""

    centres: Tensor  # (S + 1, R, N, 2) of the clouds, before each step and at the end
    discriminator_loss: Tensor  # (S, R)
    encoder_loss: Tensor  # (S, R), what the encoders minimise
    probe: Tensor  # (R,) accuracy of a fresh network that tells the modality of new points


def play(form: str, num_modalities: int, distance: Tensor, seed: int) -> Played:
    """Play the game of alignment, R runs at once.

    Args:
        form: 'printed', with the note's two losses; or 'right', with an N-way discriminator and reversed gradients.
        num_modalities: N.
        distance: (R,) between neighbouring centres at the start.
        seed: of the points and the networks.
    """
    N, R = num_modalities, len(distance)
    generator = torch.Generator().manual_seed(seed)
    angle = 2 * math.pi * torch.arange(N) / N
    corners = torch.stack([angle.cos(), angle.sin()], 1) / (2 * math.sin(math.pi / N))  # (N, 2), sides of length 1
    start = distance[:, None, None] * corners  # (R, N, 2)
    shift = torch.zeros(R, N, 2, requires_grad=True)
    D = Networks((2, 32, 1 if form == "printed" else N), R, generator)
    encoders = torch.optim.Adam([shift], lr=0.04, betas=(0.5, 0.99))
    discriminator = torch.optim.Adam(D.parameters(), lr=0.01, betas=(0.5, 0.99))

    def codes(points: int) -> tuple[Tensor, Tensor]:
        noise = torch.randn(R, N, points, 2, generator=generator)
        e = (start + shift)[:, :, None] + noise  # (R, N, B, 2)
        return e.flatten(1, 2), torch.arange(N).repeat_interleave(points).expand(R, -1)

    def losses(e: Tensor, modality: Tensor) -> tuple[Tensor, Tensor]:
        """Of the discriminator and of the encoders, (R,) each."""
        logits = D(e)
        if form == "printed":
            logits = logits.view(R, N, -1)
            return printed_align_dis(logits), printed_align_enc(logits)
        loss = cross_entropy(logits, modality)
        return loss, -loss

    centres, dis, enc = [], [], []
    for step in range(NUM_STEPS):
        encoders.param_groups[0]["lr"] = 0.04 * (1 - step / NUM_STEPS)
        centres.append((start + shift).detach())
        for _ in range(1 if form == "printed" else 3):
            e, modality = codes(POINTS)
            loss = losses(e.detach(), modality)[0]
            _update(discriminator, loss)
        e, modality = codes(POINTS)
        adversarial = losses(e, modality)[1]
        _update(encoders, adversarial)
        dis.append(loss.detach())
        enc.append(adversarial.detach())
    centres.append((start + shift).detach())
    with torch.no_grad():
        seen, new = codes(PROBE_POINTS), codes(8 * PROBE_POINTS)
    return Played(torch.stack(centres), torch.stack(dis), torch.stack(enc), _probe(*seen, *new, generator))


def _update(optimizer: torch.optim.Optimizer, losses: Tensor) -> None:
    optimizer.zero_grad()
    losses.sum().backward()
    optimizer.step()


def _probe(e: Tensor, modality: Tensor, new_e: Tensor, new_modality: Tensor, generator: torch.Generator) -> Tensor:
    """Accuracy on new codes of a fresh network for each run, fitted to others: (R,)."""
    mean, std = e.mean(1, keepdim=True), e.std(1, keepdim=True)
    probe = Networks((2, 32, int(modality.max()) + 1), len(e), generator)
    optimizer = torch.optim.Adam(probe.parameters(), lr=0.02)
    for _ in range(150):
        _update(optimizer, cross_entropy(probe((e - mean) / std), modality))
    with torch.no_grad():
        return (probe((new_e - mean) / std).argmax(2) == new_modality).float().mean(1)
