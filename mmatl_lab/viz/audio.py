"""Sound to see and to hear: waveform and log-mel spectrogram, with a player under each."""

from __future__ import annotations

import base64
import html
import io
import wave
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..world.audio import HOP, MELS, RATE, hertz_to_mel, log_mel
from .picture import Picture
from .style import SEQUENTIAL, look, present, use_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

HERTZ = (250, 500, 1000, 2000, 3500)  # marked on the frequency axis, which is even in mel


def show_sound(waveform: Tensor, titles: str | Sequence[str] = (), *, alt: str = "") -> None:
    """Shows sounds side by side, a player under each; arguments as for ``Sound``. A terminal prints the alt text."""
    present(Sound(waveform, titles, alt=alt))


class Sound:
    """Sounds side by side, each as a waveform above its spectrogram, with a player under it.

    The players make all of them louder by one factor, up to full scale; the figure keeps their true level.

    Args:
        waveform: (N,) or (B, N) floats in [-1, 1] at 8 kHz, such as ``world.audio(scenes)`` gives them.
        titles: one for each sound.
        alt: what a person would conclude from it; by default when and at which frequency each sound is strongest.

    Raises:
        ValueError: another shape, or a number of titles other than B.
    """

    def __init__(self, waveform: Tensor, titles: str | Sequence[str] = (), *, alt: str = "") -> None:
        if waveform.dim() not in (1, 2) or not waveform.numel():
            raise ValueError(f"expected sound of shape (N,) or (B, N), got {tuple(waveform.shape)}")
        self.waveform = waveform.detach().cpu().float().reshape(-1, waveform.shape[-1])  # (B, N)
        titles = (titles,) if isinstance(titles, str) else tuple(titles)
        if titles and len(titles) != len(self.waveform):
            raise ValueError(f"expected one title for each of {len(self.waveform)} sounds, got {len(titles)}")
        self.titles = titles or ("",) * len(self.waveform)
        self.alt = alt or "; ".join(map(_described, self.waveform, self.titles)) + "."

    def picture(self) -> Picture:
        """The figure, without the players."""
        import matplotlib.pyplot as plt

        use_style()
        number = len(self.waveform)
        width = 1.2 + (5.3 if number == 1 else 3.5 * number)
        rows = {"figsize": (width, 3.4), "height_ratios": (1, 2)}
        figure, axes = plt.subplots(2, number, sharex=True, sharey="row", squeeze=False, **rows)
        for upper, lower, waveform, title in zip(*axes, self.waveform, self.titles):
            draw_waveform(upper, waveform)
            spectrogram = draw_spectrogram(lower, waveform)
            upper.set(title=title, xlabel="")
        for ax in axes[:, 1:].flat:
            ax.set_ylabel("")
        figure.colorbar(spectrogram, ax=axes[1], label="dB", pad=0.02, ticks=(-80, -40, 0))
        picture = Picture.of(figure, self.alt)
        plt.close(figure)
        return picture

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        picture = self.picture()
        data, metadata = picture._repr_mimebundle_()
        cell = f'<div style="display:inline-block;width:{100 / len(self.titles):.4g}%">'
        loudest = max(self.waveform.abs().max().item(), 1e-6)  # silence stays silent
        players = "".join(cell + player(w / loudest, t) + "</div>" for w, t in zip(self.waveform, self.titles))
        data["text/html"] = f'<div style="max-width:{picture.width}px">{data["text/html"]}<div>{players}</div></div>'
        return data, metadata

    def __repr__(self) -> str:
        return self.alt


def draw_waveform(ax: Axes, waveform: Tensor) -> None:
    """Draws a sound (N,) at 8 kHz over the seconds, in the colour of audio."""
    seconds = torch.arange(len(waveform)) / RATE
    ax.plot(seconds.numpy(), waveform.detach().cpu().numpy(), color=look("audio").colour, linewidth=0.8)
    ax.set(xlim=(0, len(waveform) / RATE), xlabel="time (s)", ylabel="amplitude")


def draw_spectrogram(ax: Axes, waveform: Tensor) -> AxesImage:
    """Draws the log-mel spectrogram of a sound (N,) at 8 kHz, from -80 dB (dark) to full scale, 0 dB.

    Returns:
        What a colour bar is made from: ``figure.colorbar(draw_spectrogram(ax, waveform), ax=ax, label="dB")``.
    """
    decibel = 80 * (log_mel(waveform.detach().cpu()) - 1)  # (MELS, T)
    last = decibel.shape[1] - 0.5
    extent = (-HOP / 2 / RATE, last * HOP / RATE, -0.5, MELS - 0.5)  # frame i is centred on sample i * HOP
    options = {"cmap": SEQUENTIAL, "vmin": -80, "vmax": 0, "interpolation": "nearest"}
    image = ax.imshow(decibel.numpy(), extent=extent, origin="lower", aspect="auto", **options)
    mel = hertz_to_mel(torch.tensor([*HERTZ, RATE / 2]))
    rows = (MELS + 1) * mel[:-1] / mel[-1] - 1  # band m peaks at (m + 1) / (MELS + 1) of the highest mel
    ax.set_yticks(rows.tolist(), [f"{hertz:,}" for hertz in HERTZ])
    ax.set(xlim=(0, len(waveform) / RATE), xlabel="time (s)", ylabel="frequency (Hz)")
    ax.grid(False)
    return image


def player(waveform: Tensor, title: str = "") -> str:
    """HTML that plays a sound (N,) in [-1, 1] at 8 kHz on any page.

    The address is on the audio tag itself: JupyterLab takes it off a source tag until a notebook is trusted.
    """
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((waveform.clamp(-1, 1) * 32767).round().short().numpy().astype("<i2").tobytes())
    address = f"data:audio/wav;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return f'<audio controls title="{html.escape(title or "sound")}" style="width:98%" src="{address}"></audio>'


def _described(waveform: Tensor, title: str) -> str:
    """Length, loudest moment and strongest frequency of a sound, for its alt text."""
    seconds = len(waveform) / RATE
    name = title or "a sound"
    if not waveform.abs().max() > 1e-4:
        return f"{name}: {seconds:.1f} s of silence"
    power = waveform.square()
    smooth = torch.nn.functional.avg_pool1d(power[None], min(400, len(power)), stride=1)[0]  # 50 ms
    moment = (smooth.argmax() + min(400, len(power)) / 2) / RATE
    strongest = torch.fft.rfft(waveform).abs().argmax() * RATE / len(waveform)
    return f"{name}: {seconds:.1f} s, loudest at {moment:.2f} s, strongest at {strongest:.0f} Hz"
