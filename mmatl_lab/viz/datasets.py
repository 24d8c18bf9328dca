"""A picture of each real data set: what is in it, at a glance. A function a set, called as the set is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .style import BLUE, GREEN, VERMILLION, picture_grid, use_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES = (BLUE, VERMILLION, GREEN)  # of the three directions of a sensor


def emoji() -> Figure:
    """Twelve concepts in all four styles."""
    import torch

    from ..data.emoji import STYLES, load_emoji, on_background

    data = load_emoji()
    concepts = torch.arange(12) * (len(data) // 12) + 5
    pictures = torch.cat([on_background(data.style(style)[concepts]) for style in STYLES])
    titles = [data.names[i] for i in concepts.tolist()]
    return picture_grid(pictures, titles * len(STYLES), columns=12, title=f"Emoji: {', '.join(STYLES)}, a row each")


def clipart() -> Figure:
    """Forty-eight pictures with their titles."""
    import torch

    from ..data.clipart import load_clipart
    from ..data.emoji import on_background

    data = load_clipart()
    chosen = torch.linspace(0, len(data) - 1, 48).long()
    titles = [data.titles[i] for i in chosen.tolist()]
    return picture_grid(on_background(data.images[chosen]), titles, columns=12, title="Clip art and its titles")


def digits() -> Figure:
    """Written digits, above the same digits spoken, as log-mel spectrograms of four voices."""
    import matplotlib.pyplot as plt
    import torch

    from ..data.digits import NUM_DIGITS, load_digits

    use_style()
    data = load_digits()
    written = torch.arange(NUM_DIGITS) * 500 + torch.arange(3)[:, None]  # (3, 10); each digit has 500 in a row
    voices = (0, 30, 47, 99)
    figure, axes = plt.subplots(len(written) + len(voices), NUM_DIGITS, figsize=(11, 7.2))
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.grid(False)
    for row, places in zip(axes, written.tolist()):
        for ax, i in zip(row, places):
            ax.imshow(data.images[i].numpy(), cmap="gray")
    for row, voice in zip(axes[len(written) :], voices):
        for digit, ax in enumerate(row):
            ax.imshow(
                data.spectrograms[NUM_DIGITS * voice + digit].numpy(), origin="lower", aspect="auto", vmin=0, vmax=1
            )
        row[0].set_ylabel(f"{data.voice_names[voice]}\n{data.accents[voice]}", rotation=0, ha="right", va="center")
    for digit, ax in enumerate(axes[0]):
        ax.set_title(str(digit), loc="center")
    axes[0, 0].set_ylabel("MNIST", rotation=0, ha="right", va="center")
    figure.suptitle("Digits written and spoken (synthetic voices; 0.6 s across, 0 to 4 kHz upwards)", fontsize=12)
    return figure


def smartwatch() -> Figure:
    """Eight seconds of each exercise, as the first person's right arm did it."""
    import matplotlib.pyplot as plt
    import torch

    from ..data.smartwatch import ACCELEROMETER, EXERCISES, GYROSCOPE, RATE, load_smartwatch

    use_style()
    data = load_smartwatch()
    seconds = torch.arange(8 * RATE) / RATE
    figure, axes = plt.subplots(len(EXERCISES), 2, figsize=(10, 10), sharex=True, sharey="col")
    for i, (exercise, row) in enumerate(zip(EXERCISES, axes)):
        mine = (data.person == 0) & (data.exercise == i) & (data.arm == 1)
        recording = data.recordings[int(mine.nonzero()[0])][: len(seconds)]
        for ax, sensor in zip(row, (ACCELEROMETER, GYROSCOPE)):
            for values, axis, colour, line in zip(recording[:, sensor].T, "xyz", AXES, ("-", "--", ":")):
                ax.plot(seconds.numpy(), values.numpy(), label=axis, color=colour, linestyle=line, linewidth=1.5)
        row[0].set_ylabel(exercise.replace(" ", "\n"), rotation=0, ha="right", va="center")
    axes[0, 0].set_title("Accelerometer, m/s²")
    axes[0, 1].set_title("Gyroscope, rad/s")
    axes[0, 1].legend(ncols=3, loc="upper right", borderaxespad=0)
    for ax in axes[-1]:
        ax.set_xlabel("seconds")
    return figure
