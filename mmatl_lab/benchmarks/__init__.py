"""Every comparison that the package claims, one small function each; ``mmatl-lab bench`` runs them."""

from collections.abc import Callable
from functools import partial

from .clip import clip_step, rendering
from .comparison import Comparison, Unavailable
from .start import command_time, import_time
from .training import run_overhead, seeds_together

__all__ = ["BENCHMARKS", "Comparison", "Unavailable"]

BENCHMARKS: dict[str, Callable[[], Comparison]] = {
    "clip-step": clip_step,
    "rendering": rendering,
    "run-overhead": run_overhead,
    "seeds-head-64": partial(seeds_together, "a fusion head, 64 hidden"),
    "seeds-head-256": partial(seeds_together, "a fusion head, 256 hidden"),
    "seeds-summary": partial(seeds_together, "a summary classifier"),
    "seeds-cnn": partial(seeds_together, "a small CNN"),
    "import": import_time,
    "command": command_time,
}
