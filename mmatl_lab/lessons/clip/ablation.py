"""Which change of the training pictures buys the unseen style? Each is left out in turn, at one budget, on three seeds.

    python -m mmatl_lab.lessons.clip.ablation assets/results/clip_emoji_ablation.json

writes what the lesson shows (45 minutes on 2 CPU cores, a training at a time; started again, it goes on).
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from mmatl_lab import paths
from mmatl_lab.data.augment import Augmentation
from mmatl_lab.metrics.intervals import student

from . import emoji
from .emoji import EMOJI, EmojiSettings

EVERYTHING = "nothing"  # left out
NOTHING = "everything"
WITHOUT = (EVERYTHING, "drawing", "affine", "colours", "background", "words", NOTHING)
SEEDS = (0, 1, 2)
NUM_STEPS = 400  # of each variant; the full recipe, with nothing left out, has as many as it is shipped with
STYLE, CONCEPTS = "emoji_unseen_style_r1", "emoji_unseen_concepts_r1"


def preset_without(name: str, num_steps: int) -> EmojiSettings:
    """The full preset, shorter, with one change of the data left out.

    Raises:
        ValueError: for a name that is not in WITHOUT.
    """
    if name not in WITHOUT:
        raise ValueError(f"there is no augmentation {name!r}: choose one of {', '.join(WITHOUT)}.")
    preset = EmojiSettings(num_steps)
    if name == "words":
        return replace(preset, dropped_words=0.0)
    if name == NOTHING:
        none = dict.fromkeys(vars(preset.augmentation), 0.0)
        return replace(preset, augmentation=Augmentation(**none), dropped_words=0.0)
    return preset if name == EVERYTHING else replace(preset, augmentation=preset.augmentation.without(name))


def measure(without: str, num_steps: int, seed: int) -> dict:
    """Train one variant and evaluate it: ``{"without", "num_steps", "seed", metric: value}``."""
    model = EMOJI.trained(preset_without(without, num_steps), seed=seed)
    metrics = {result.name: result.value for result in emoji.evaluate(model)}
    return {"without": without, "num_steps": num_steps, "seed": seed} | metrics


def plan() -> list[tuple[str, int, int]]:
    """All (without, num_steps, seed): every variant at the short budget, then the full recipe."""
    short = [(without, NUM_STEPS, seed) for without in WITHOUT for seed in SEEDS]
    return short + [(EVERYTHING, EmojiSettings().num_steps, seed) for seed in SEEDS]


def results() -> list[dict]:
    """The trainings that the package carries, one dict each as in ``measure``."""
    return json.loads(paths.asset("results/clip_emoji_ablation.json").read_text())


def values(runs: list[dict], without: str, metric: str = STYLE, num_steps: int = NUM_STEPS) -> list[float]:
    """One metric of one variant, in the order of the seeds."""
    chosen = [run for run in runs if (run["without"], run["num_steps"]) == (without, num_steps)]
    return [run[metric] for run in sorted(chosen, key=lambda run: run["seed"])]


def change(runs: list[dict], without: str, metric: str = STYLE) -> tuple[float, float, float]:
    """(mean, low, high) of what leaving something out changes, with a 95 % interval over the seeds.

    The variants share weights and data of a seed, so they are compared seed by seed.
    """
    pairs = zip(values(runs, without, metric), values(runs, EVERYTHING, metric), strict=True)
    differences = [left_out - reference for left_out, reference in pairs]
    return (sum(differences) / len(differences), *student(differences))


def main(file: Path) -> None:
    """Do what of the plan is not yet in ``file``, which is written anew after each training."""
    runs = json.loads(file.read_text()) if file.exists() else []
    done = {(run["without"], run["num_steps"], run["seed"]) for run in runs}
    for task in plan():
        if task not in done:
            runs.append(measure(*task))
            temporary = file.with_suffix(".part")
            temporary.write_text(json.dumps(runs, indent=1) + "\n")
            temporary.replace(file)
            print(*task, f"{runs[-1][STYLE]:.3f}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
