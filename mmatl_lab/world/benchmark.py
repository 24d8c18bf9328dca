"""How fast views are made: ``python -m mmatl_lab.world.benchmark`` prints examples a second, the best of 20 batches."""

import time
from functools import partial

import torch

from ..seeding import seeded
from .audio import audio, log_mel
from .image import render
from .scene import sample_scenes
from .sensor import sensor
from .video import video

REPEATS = 20


def rate(make) -> tuple[float, float]:
    """Examples a second by the clock, and by the processor time of all threads together."""
    examples = len(make())  # and the tables, which are made once, are there
    best = [float("inf"), float("inf")]
    for _ in range(REPEATS):
        wall, busy = time.perf_counter(), time.process_time()
        make()
        best = [min(best[0], time.perf_counter() - wall), min(best[1], time.process_time() - busy)]
    return examples / best[0], examples / best[1]


def main() -> None:
    print(f"{torch.get_num_threads()} threads; per second, and per second of one core's time")
    for label, num_objects in (("1 object", 1), ("1 to 4 objects", (1, 4))):
        scenes = sample_scenes(256, num_objects, generator=seeded(0))
        waveform = audio(scenes)
        views = {
            "images of 32 px, batch 256": partial(render, scenes),
            "one-second clips, batch 256": partial(audio, scenes),
            "log-mel spectrograms of them": partial(log_mel, waveform),
            "videos of 16 frames of 32 px, batch 64": partial(video, scenes[:64]),
            "sensor traces, batch 256": partial(sensor, scenes),
        }
        for name, make in views.items():
            by_clock, by_core = rate(make)
            print(f"{label:15}{name:40}{by_clock:>12,.0f}{by_core:>12,.0f}")


if __name__ == "__main__":
    main()
