r"""The audio view: one second of mono sound at 8 kHz, and its spectrogram.

| factor | heard as |
|---|---|
| shape | timbre: the strengths of eight harmonics (a circle is a sine, a square a square wave, ...) |
| size | pitch: the smaller, the higher |
| motion | loudness over time, which follows the path (``mmatl_lab.world.motion``) at every sample |
| angle | where in its period the tone starts: not heard, but the waveforms of equal things differ |

Colour and place are silent. Loudness by motion, with $s$ the part of the way that is done: still $1$; left $1 - s$
and right $s$ in 4 pulses, down $1 - s$ and up $s$ in 10, evenly spaced along the way; circle $(1 + \cos 2\pi s) / 2$;
grow the fourth power of the radius, up to $1$; bounce silent until it hits its floor, then at once loud and dying away:
a click.

**Mixing.** A tone's highest peak is 1, every object's sound is multiplied by 1/4, and the sounds of all objects are
added. So four objects stay within [-1, 1] without clipping, an object is as loud alone as in company, and the sound of
a scene is the sum of the sounds of its objects alone.

Tones begin on whole samples, so one object has 8 · 8 · (18 + 26 + 38) = 5,248 different sounds without noise.
"""

import math
from functools import cache

import torch
from torch import Tensor

from .motion import HITS, SECONDS, displacements, progress
from .noise import add_noise
from .scene import MAX_OBJECTS, MOTIONS, SHAPES, Scenes

RATE = 8000  # samples per second
GAIN = 1 / MAX_OBJECTS
PERIODS = (18, 26, 38)  # samples, of the three sizes: 444, 308 and 211 Hz, with no low harmonic in common
HARMONICS = {  # amplitudes of the sines at 1, 2, ... times the pitch; the eighth of the highest is below RATE / 2
    "circle": (1,),
    "square": (1, 0, 1 / 3, 0, 1 / 5, 0, 1 / 7),
    "triangle": (1, 0, -1 / 9, 0, 1 / 25, 0, -1 / 49),
    "star": (1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6, 1 / 7, 1 / 8),  # sawtooth
    "heart": (1, 1),
    "cross": (1, 0, 1, 1),
    "ring": (1, 0, 0, 0, 1, 0, 1),  # hollow, like a bell
    "crescent": (0, 1, 1, 1),  # a part is missing: the fundamental
}
_DECAY = 0.06  # seconds in which a bounce's sound falls to 1/e

WINDOW, HOP = 250, 125  # samples: 32 Hz between frequencies, 64 frames a second, 4 for each of 16 video frames
MELS = 40


@cache
def _tones(device: str) -> Tensor:
    """(shapes, sizes, shifts, samples): each tone from each of the places of its period where it may start (a view)."""
    periods = torch.tensor(PERIODS)
    sample = torch.arange(RATE + max(PERIODS) - 1)
    phase = 2 * math.pi * (sample % periods[:, None]) / periods[:, None]  # (3, N)
    tones = torch.stack(
        [sum(a * (n * phase).sin() for n, a in enumerate(HARMONICS[shape], 1)) for shape in SHAPES]
    )  # (8, 3, N)
    tones = GAIN * tones / tones.abs().amax(-1, keepdim=True)
    return tones.to(device).unfold(-1, RATE, 1)


@cache
def _envelopes(device: str) -> Tensor:
    """(motions + 1, samples) in [0, 1]; the last one is silence."""
    times = torch.arange(int(SECONDS * RATE), dtype=torch.float64) / RATE
    s = progress(times)
    scale = displacements(times).scale[MOTIONS.index("grow")]

    def pulses(n):
        return (1 - (2 * math.pi * n * s).cos()) / 2

    since = torch.stack([times - hit for hit in HITS])
    since = torch.where(since < 0, math.inf, since).amin(0)  # from the last hit, infinite before the first
    of = {
        "still": torch.ones_like(s),
        "left": (1 - s) * pulses(4),
        "right": s * pulses(4),
        "up": s * pulses(10),
        "down": (1 - s) * pulses(10),
        "circle": (1 + (2 * math.pi * s).cos()) / 2,
        "bounce": (-since / _DECAY).exp(),
        "grow": (scale / scale.max()) ** 4,
    }
    return torch.stack([*(of[motion] for motion in MOTIONS), torch.zeros_like(s)]).float().to(device)


def audio(scenes: Scenes, *, noise: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
    """One second of sound: (B, 8000) float32 in [-1, 1], on the scenes' device.

    Args:
        noise: standard deviation of white Gaussian noise, added before clamping to [-1, 1].
        generator: where the noise comes from, on the CPU; needed when ``noise`` is not 0.

    Raises:
        ValueError: a negative noise, or noise without a CPU generator.
    """
    tones, envelopes = _tones(str(scenes.device)), _envelopes(str(scenes.device))
    periods = torch.tensor(PERIODS, device=scenes.device)[scenes.size]
    shift = (torch.remainder(scenes.angle * (3 / math.pi), 1) * periods).long().clamp(max=periods - 1)
    motion = torch.where(scenes.mask, scenes.motion, len(MOTIONS))  # (B, K)
    wave = torch.zeros(len(scenes), RATE, device=scenes.device)
    for k in range(motion.shape[1]):
        wave.addcmul_(tones[scenes.shape[:, k], scenes.size[:, k], shift[:, k]], envelopes[motion[:, k]])
    return wave if noise == 0 else add_noise(wave, noise, generator).clamp_(-1, 1)


def stft(waveform: Tensor, window: int = WINDOW, hop: int = HOP) -> Tensor:
    r"""Short-time Fourier transform: (..., N) -> (..., window // 2 + 1, ceil(N / hop)), complex.

    $$ X_{f,i} = \frac{1}{\sum_n h_n} \sum_{n=0}^{W-1} h_n\, x_{iH + n - \lfloor W/2 \rfloor}\, e^{-2\pi j f n / W},
       \qquad h_n = \tfrac12 - \tfrac12 \cos(2\pi n / W) $$

    Frame i is centred on sample iH, and beyond the ends there is silence. Row f is the frequency f / W times the sample
    rate. A sine of amplitude A and of such a frequency has |X| = A / 2 there (``scipy.signal.stft`` scales alike).

    Args:
        window: W, samples in a frame. hop: H, samples from one frame to the next.

    Raises:
        ValueError: a waveform without samples, or not of floats; a window or hop below 1.
    """
    if waveform.dim() == 0 or waveform.shape[-1] == 0 or not waveform.is_floating_point():
        raise ValueError(f"expected floats (..., N) with N at least 1, got {waveform.dtype} {tuple(waveform.shape)}.")
    if window < 1 or hop < 1:
        raise ValueError(f"window and hop must be at least 1 sample, got {window} and {hop}.")
    hann = torch.hann_window(window, dtype=waveform.dtype, device=waveform.device)
    rows = waveform.reshape(-1, waveform.shape[-1])
    X = torch.stft(rows, window, hop, window=hann / hann.sum(), pad_mode="constant", return_complex=True)
    return X[..., : -(-waveform.shape[-1] // hop)].reshape(*waveform.shape[:-1], window // 2 + 1, -1)


def hertz_to_mel(hertz: Tensor) -> Tensor:
    """m = 2595 log10(1 + f / 700): equal steps sound equally far apart (O'Shaughnessy 1987; Young et al., HTK Book)."""
    return 2595 * (1 + hertz / 700).log10()


def mel_to_hertz(mel: Tensor) -> Tensor:
    """The inverse of ``hertz_to_mel``."""
    return 700 * (10 ** (mel / 2595) - 1)


def mel_filters(n_mels: int = MELS, window: int = WINDOW, sample_rate: int = RATE) -> Tensor:
    """(n_mels, window // 2 + 1): triangles of height 1 over the frequencies, evenly spaced in mel from 0 Hz to half
    the sample rate.

    Each begins at the peak of the one before and ends at the peak of the one after, so at every frequency between the
    first and the last peak they sum to 1.
    """
    frequency = torch.arange(window // 2 + 1, dtype=torch.float64) * sample_rate / window
    top = hertz_to_mel(torch.tensor(sample_rate / 2, dtype=torch.float64))
    edge = mel_to_hertz(torch.linspace(0, 1, n_mels + 2, dtype=torch.float64) * top)[:, None]
    rising = (frequency - edge[:-2]) / (edge[1:-1] - edge[:-2])
    falling = (edge[2:] - frequency) / (edge[2:] - edge[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float()


def log_mel(waveform: Tensor, n_mels: int = MELS, *, sample_rate: int = RATE) -> Tensor:
    r"""Log-mel spectrogram in [0, 1]: (..., N) samples -> (..., n_mels, ceil(N / H)), 64 frames a second.

    $$ L_{m,i} = 1 + \tfrac18 \log_{10} \max\Big(\sum_f M_{m,f}\, |X_{f,i}|^2,\; 10^{-8}\Big) $$

    with X from ``stft`` and M from ``mel_filters``: 0 is 80 dB or more below full scale, and a waveform in [-1, 1]
    never exceeds 1. Frame i is centred on sample i · H: frames 0, 4, 8, ... on the frames of a video with T = 16.

    Args:
        sample_rate: samples a second. A window lasts 1/32 s and H samples last 1/64 s, rounded to whole samples. The
            mel bands reach up to half the sample rate, so resample first where features of several rates must agree.

    Raises:
        ValueError: as ``stft``, or a sample rate below 64.
    """
    if sample_rate < 64:
        raise ValueError(f"sample_rate must be at least 64 samples a second, one for each frame, got {sample_rate}.")
    window, hop = (round(samples * sample_rate / RATE) for samples in (WINDOW, HOP))
    X = stft(waveform, window, hop)  # (..., window // 2 + 1, T)
    mel = mel_filters(n_mels, window, sample_rate).to(waveform) @ (X.real.square() + X.imag.square())
    return 1 + mel.clamp(min=1e-8).log10() / 8
