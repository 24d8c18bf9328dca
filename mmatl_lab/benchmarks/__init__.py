"""Every comparison that the package claims, one small function each; ``mmatl-lab bench`` runs them."""

from collections.abc import Callable
from functools import partial

from . import attention, balanced, clip, clip_hf, decoding, start, training, world
from .comparison import Comparison, Unavailable

__all__ = ["BENCHMARKS", "Comparison", "Unavailable"]

BENCHMARKS: dict[str, Callable[[], Comparison]] = {
    "clip-step": clip.clip_step,
    "rendering": clip.rendering,
    "clip-hf-float32": partial(clip_hf.against_hugging_face, "float32"),
    "clip-hf-bfloat16": partial(clip_hf.against_hugging_face, "bfloat16"),
    "views": world.views,
    "attention-16": partial(attention.against_sdpa, 16),
    "attention-64": partial(attention.against_sdpa, 64),
    "decoding-transformer": partial(decoding.with_cache, "transformer"),
    "decoding-lstm": partial(decoding.with_cache, "LSTM"),
    "run-overhead": training.run_overhead,
    "seeds-head-64": partial(training.seeds_together, "a fusion head, 64 hidden"),
    "seeds-head-256": partial(training.seeds_together, "a fusion head, 256 hidden"),
    "seeds-summary": partial(training.seeds_together, "a summary classifier"),
    "seeds-cnn": partial(training.seeds_together, "a small CNN"),
    "step-ogm": partial(balanced.method_step, "ogm"),
    "step-ogm-ge": partial(balanced.method_step, "ogm_ge"),
    "step-qmf": partial(balanced.method_step, "qmf"),
    "step-mla": partial(balanced.method_step, "mla"),
    "import": start.import_time,
    "command": start.command_time,
}
