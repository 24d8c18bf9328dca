r"""How spoken words sound: a waveform made as the vocal tract makes it, noise of a chosen level, and mixtures.

A source is shaped by a filter (Fant 1960; Klatt 1980). The source of vowels is a train of glottal pulses, which has all
harmonics of the pitch below half the sampling rate, in closed form:

$$ \sum_{k=1}^{K} \cos k\varphi = \frac{\sin (K + 1/2)\varphi}{2 \sin (\varphi / 2)} - \frac12. $$

Their filter has a resonance for each of three formants, $\prod_i 1 / (1 - 2 r_i \cos\theta_i z^{-1} + r_i^2 z^{-2})$
with $\theta_i = 2\pi F_i / f_s$ and $r_i = e^{-\pi B_i / f_s}$. The source of fricatives and bursts is noise in a band.
The filters change a hundred times a second, each frame fading into the next.
"""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ...seeding import seeded
from ..audio import RATE
from ..motion import SECONDS
from ..noise import add_noise
from .phonemes import PHONEMES
from .spoken import Speech, glide, sample_speech

VOICES = 6  # that talk at once in a babble
_BANDWIDTHS = (60.0, 90.0, 150.0)  # of the three formants in Hz
_TILT = 300.0  # Hz above which the voice loses 6 dB an octave, what lips and glottis leave of a pulse
_FORMANT_GLIDE, _LEVEL_GLIDE = 0.05, 0.015  # seconds from one phoneme's target to the next
_SAMPLES = int(SECONDS * RATE)
_HOP = RATE // 100  # samples from frame to frame; a frame lasts twice as long
_FFT = 4 * _HOP  # leaves room for what rings on after the frame


@cache
def _tables(device: str) -> dict[str, Tensor]:
    """By phoneme, silence first.

    release (P,): seconds. sound (P, 2, 6): three formants, damping, level of the voice and of the noise, while the
    phoneme is held and while it is released. band (P, frequencies): the shape of the noise.
    """
    hz = torch.fft.rfftfreq(_FFT, 1 / RATE)
    release, sound, band = [0.0], [[[500.0, 1500.0, 2500.0, 1, 0, 0]] * 2], [torch.zeros_like(hz)]
    for _, formants, voice, (level, centre, width), seconds, damping in PHONEMES.values():
        release.append(seconds)
        held = [*formants, damping, voice, 0.0 if seconds else level]
        sound.append([held, [*formants, damping, 0.5 if voice else 0.0, level]])
        band.append((-0.5 * ((hz - centre) / width) ** 2).exp())
    tables = {"release": torch.tensor(release), "sound": torch.tensor(sound), "band": torch.stack(band)}
    return {name: table.to(device) for name, table in tables.items()}


def speak(speech: Speech, *, generator: torch.Generator) -> Tensor:
    """The sound of spoken words: (B, 8000) float32 at 8 kHz, on the speech's device; the largest sample is ±1/2.

    Args:
        generator: a CPU generator for the noise of fricatives and bursts, so that a word said twice by the same speaker
            is not the same waveform.
    """
    waveform = torch.empty(len(speech), _SAMPLES, device=speech.device)
    for i in range(0, len(speech), 32):  # few enough to stay in the processor's cache
        part = speech[i : i + 32]
        noise = torch.randn(len(part), _SAMPLES, generator=generator).to(speech.device)
        waveform[i : i + 32] = _speak(part, noise)
    return waveform


def _speak(speech: Speech, noise: Tensor) -> Tensor:
    tables, phonemes = _tables(str(speech.device)), speech.phonemes
    times = torch.arange(_SAMPLES // _HOP + 1, device=speech.device) * (_HOP / RATE)  # (M,) middles of the frames

    # Each phoneme is two segments: held, then released, which takes from the time of the next.
    end = speech.bounds[:, 1:]
    released = end + tables["release"][phonemes] / speech.tempo[:, None]
    changes = torch.stack([end, released], 2).flatten(1)
    bounds = torch.cat([speech.onset[:, None], changes], 1).cummax(1).values  # (B, 7)
    sound = tables["sound"][phonemes].flatten(1, 2)  # (B, 6, 6)
    share = glide(times, bounds, _LEVEL_GLIDE)  # (B, M, 6)
    voice = share @ sound[..., 4:5]  # (B, M, 1)
    half = _FORMANT_GLIDE / 2  # before and after the word the formants stay where they are
    inside = times.clamp(bounds[:, :1] + half, bounds[:, -1:] - half)
    formants, damping = (glide(inside, bounds, _FORMANT_GLIDE) @ sound[..., :4]).split([3, 1], -1)

    vowel = voice * _tract(formants * speech.tract[:, None, None], damping)  # (B, M, frequencies)
    hiss = (share * sound[:, None, :, 5]) @ tables["band"][phonemes].repeat_interleave(2, 1)
    spectrum = _frames(_pulses(speech)) * vowel + _frames(noise) * hiss
    filtered = torch.fft.irfft(spectrum, _FFT).unflatten(-1, (4, _HOP))  # (B, M, 4, hop)
    M = len(times)
    waveform = filtered.new_zeros(len(speech), M + 3, _HOP)
    for i in range(4):
        waveform[:, i : i + M] += filtered[:, :, i]
    waveform = waveform.flatten(1)[:, _HOP : _HOP + _SAMPLES]
    return waveform * (0.5 / waveform.abs().amax(1, keepdim=True))


def _frames(x: Tensor) -> Tensor:
    """(B, N) -> (B, M, frequencies): the spectra of frames whose windows sum to 1 everywhere."""
    window = torch.hann_window(2 * _HOP, device=x.device)
    return torch.fft.rfft(F.pad(x, (_HOP, _HOP)).unfold(-1, 2 * _HOP, _HOP) * window, _FFT)


def _pulses(speech: Speech) -> Tensor:
    """(B, N): glottal pulses of power 1, whose frequency falls by 3/10 of the mean pitch in a second."""
    s = torch.arange(_SAMPLES, device=speech.device) / RATE - speech.onset[:, None]
    turns = speech.pitch[:, None] * (1.1 * s - 0.15 * s * s)  # the phase over 2 pi
    turns = turns - turns.round()
    K = (0.95 * RATE / 2 / (1.1 * speech.pitch)).floor()[:, None]  # harmonics that stay below half the sampling rate
    kernel = (K + 0.5) * torch.sinc((2 * K + 1) * turns) / torch.sinc(turns) - 0.5
    return kernel * (2 / K).sqrt()


def _tract(formants: Tensor, damping: Tensor) -> Tensor:
    """(B, M, frequencies) complex: three resonances in a row, 1 at frequency 0, with the tilt of the voice."""
    r = (-math.pi / RATE * damping * formants.new_tensor(_BANDWIDTHS)).exp()  # (B, M, 3)
    first, second = -2 * r * (2 * math.pi / RATE * formants).cos(), r * r
    p = torch.ones_like(damping)  # the product of the three, a polynomial in z^-1, lowest power first
    for a, b in zip(first.split(1, -1), second.split(1, -1)):
        p = F.pad(p, (0, 2)) + a * F.pad(p, (1, 1)) + b * F.pad(p, (2, 0))  # (B, M, 7) in the end
    hz = torch.fft.rfftfreq(_FFT, 1 / RATE, device=p.device)
    angle = torch.arange(7, device=p.device)[:, None] * (2 * math.pi / RATE * hz)
    re, im = p @ angle.cos(), p @ angle.sin()  # of the conjugate of the polynomial at each frequency
    scale = p.sum(-1, keepdim=True) / (1 + (hz / _TILT) ** 2).sqrt() / (re * re + im * im)
    return torch.complex(re * scale, im * scale)


def mix(signal: Tensor, other: Tensor, snr_db: float | Tensor = 0.0) -> Tensor:
    r"""``signal`` plus ``other``, so loud that the signal-to-noise ratio of each clip is exactly ``snr_db``.

    $$ s + g\,o, \qquad 10 \log_{10} \frac{\sum_t s_t^2}{\sum_t (g\,o_t)^2} = \text{snr\_db} $$

    Powers are those of the whole clip, of which a word fills about half. Two voices mixed this way are a task of source
    separation; the second source is the mixture less the first.

    Args:
        signal, other: (B, N) each, on one device.
        snr_db: decibels, one number or (B,).

    Raises:
        ValueError: shapes that differ, or a silent clip, for which no level gives the ratio.
    """
    if signal.shape != other.shape or signal.dim() != 2:
        raise ValueError(f"expected two waveforms (B, N), got {tuple(signal.shape)} and {tuple(other.shape)}.")
    power, unwanted = signal.square().sum(1), other.square().sum(1)
    if not ((power > 0) & (unwanted > 0)).all():
        raise ValueError("a clip is silent, so it has no signal-to-noise ratio; leave silent clips out.")
    snr_db = torch.as_tensor(snr_db, dtype=signal.dtype, device=signal.device)
    gain = (power / unwanted).sqrt() * 10 ** (-snr_db / 20)
    return signal + gain[:, None] * other


def noisy(waveform: Tensor, snr_db: float | Tensor, *, kind: str = "white", generator: torch.Generator) -> Tensor:
    """(B, N): each clip with noise of its own, at exactly ``snr_db`` decibels as in ``mix``.

    Args:
        waveform: (B, N); for babble N is at most 8000.
        kind: "white", equally strong at all frequencies, or "babble", six voices that talk at once.
        generator: a CPU generator.

    Raises:
        ValueError: another shape or kind, a clip too long for babble, or a silent clip.
    """
    if waveform.dim() != 2:
        raise ValueError(f"expected waveforms (B, N), got {tuple(waveform.shape)}.")
    B, N = waveform.shape
    if kind == "white":
        noise = add_noise(torch.zeros(B, N), 1.0, generator)
    elif kind == "babble":
        if N > _SAMPLES:
            raise ValueError(f"babble lasts at most {_SAMPLES} samples, got clips of {N}; cut them.")
        tape = _tape()
        u = torch.rand(B, VOICES, 2, generator=generator)
        word, start = (u[..., 0] * len(tape)).long(), (u[..., 1] * _SAMPLES).long()
        pieces = tape.unfold(1, N, 1)  # (words, starts, N), a view
        noise = sum(pieces[word[:, v], start[:, v]] for v in range(VOICES))
    else:
        raise ValueError(f"kind must be white or babble, got {kind!r}.")
    return mix(waveform, noise.to(waveform), snr_db)


@cache
def _tape() -> Tensor:
    """(256, 16000): what babble is cut from, words said twice, so that any second of a row holds one whole word."""
    generator = seeded(VOICES)
    words = speak(sample_speech(256, generator=generator), generator=generator)
    return torch.cat([words, words], 1)
