"""How fast the world makes its views."""

from functools import partial

from mmatl_lab.seeding import seeded
from mmatl_lab.world import sample_scenes
from mmatl_lab.world.audio import audio, log_mel
from mmatl_lab.world.image import render
from mmatl_lab.world.sensor import sensor
from mmatl_lab.world.video import video

from .comparison import Comparison, seconds


def views() -> Comparison:
    """Seconds of a video of 16 frames over those of 16 images; examples a second of each view, 1 to 4 objects."""
    scenes = sample_scenes(256, (1, 4), generator=seeded(0))
    waveform = audio(scenes)
    makes = {
        "images/s": partial(render, scenes),
        "sounds/s": partial(audio, scenes),
        "log-mels/s": partial(log_mel, waveform),
        "videos/s": partial(video, scenes[:64]),
        "traces/s": partial(sensor, scenes),
    }
    found = seconds(*makes.values(), rounds=5)
    rates = {name: (64 if name == "videos/s" else 256) / time for name, time in zip(makes, found)}
    what = "a video of 16 frames against 16 images, 32 pixels, 1 to 4 objects"
    return Comparison(what, rates["images/s"] / (16 * rates["videos/s"]), rates)
