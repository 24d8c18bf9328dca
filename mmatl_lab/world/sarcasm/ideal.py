r"""The ideal observer: the exact probability of sarcasm given any modalities, and the best accuracy of any model.

Given what is meant, voice and face are independent. All else about a speaker is independent of t, m, v and f.
Since $\log p(v \mid m = 1) - \log p(v \mid m = -1) = 2 v / \sigma_v^2$, the log-odds of m given the modalities are

$$ \Lambda = \frac{2 v}{\sigma_v^2} + \frac{2 f}{\sigma_f^2} \quad \text{(those terms whose modality is given)}. $$

Sarcastic means m = -t, so with words whose valence t is seen, $P(s) = \operatorname{sigmoid}(-t \Lambda)$.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from .utterances import MODALITIES, NOISE, Utterances, check_dials

_LEAST = 1e-6  # smallest noise that is used, so that 1 / σ² stays finite


def belief(utterances: Utterances, modalities: str | Iterable[str] = MODALITIES) -> Tensor:
    """(B,) the posterior P(sarcastic | modalities), computed with the true standard deviations of the noise.

    No model can be more accurate. ``belief(utterances.told(...))`` is the posterior with other assumed noises.

    Args:
        modalities: names of MODALITIES.

    Raises:
        ValueError: an unknown modality.
    """
    modalities = _checked(modalities)
    log_odds = torch.zeros(len(utterances), dtype=torch.float64, device=utterances.device)  # Λ
    for view, noise in (("voice", utterances.voice_noise), ("face", utterances.face_noise)):
        if view in modalities:
            log_odds += 2 * getattr(utterances, view).double() * noise.double().clamp(min=_LEAST) ** -2
    t = utterances.valence if "text" in modalities else 0
    return (-t * log_odds).sigmoid().float()


def ceiling(
    modalities: str | Iterable[str] = MODALITIES,
    voice_noise: float = NOISE,
    face_noise: float = NOISE,
    ambiguity: float = 0.0,
) -> float:
    r"""The best accuracy that any model can reach at telling sarcasm from the ``modalities``, in closed form.

    Without the text, s is independent of what is observed: t is a fair coin that only the text shows, so m = t and
    m = -t are equally probable whatever m is. The text alone shows t but not m. Both cases give 1/2.

    With the text and voice or face, the ideal observer guesses $-t\,\mathrm{sign}(\Lambda)$ and is right where Λ has
    the sign of m. Given m, $m \Lambda \sim \mathcal{N}(2 d^2, 4 d^2)$ with $d^2 = 1/\sigma_v^2 + 1/\sigma_f^2$ (those
    terms whose modality is given), so that this happens with probability $\Phi(d)$. Neutral words, of probability a,
    leave a coin:

    $$ A^* = (1 - a)\,\Phi\left(\sqrt{1/\sigma_v^2 + 1/\sigma_f^2}\right) + a / 2. $$

    Args:
        modalities: names of MODALITIES; none is the blind ceiling.
        voice_noise, face_noise, ambiguity: as in ``sample_utterances``.

    >>> round(ceiling(["text", "voice"], voice_noise=1.0), 4)
    0.8413

    Raises:
        ValueError: an unknown modality, a noise below 0, an ambiguity outside [0, 1].
    """
    modalities = _checked(modalities)
    check_dials(voice_noise, face_noise, ambiguity)
    if "text" not in modalities:
        return 0.5
    d = math.sqrt(
        sum(_precision(noise) for view, noise in (("voice", voice_noise), ("face", face_noise)) if view in modalities)
    )
    return (1 - ambiguity) * (1 + math.erf(d / math.sqrt(2))) / 2 + ambiguity / 2


def _precision(noise: float) -> float:
    return max(noise, _LEAST) ** -2


def _checked(modalities: str | Iterable[str]) -> set[str]:
    modalities = {modalities} if isinstance(modalities, str) else set(modalities)
    if unknown := sorted(modalities - set(MODALITIES)):
        raise ValueError(f"modalities must be among {', '.join(MODALITIES)}; got {', '.join(map(str, unknown))}.")
    return modalities
