"""Which augmentation buys the unseen style? Each is left out in turn, with the same short budget and several seeds.

python -m mmatl_lab.lessons.clip.ablation clip_emoji_ablation.json
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from mmatl_lab.data.augment import Augmentation
from mmatl_lab.data.emoji import load_emoji
from mmatl_lab.metrics.intervals import student
from mmatl_lab.training import Run

from . import emoji
from .emoji import EmojiPreset

EVERYTHING = "nothing"  # left out
NOTHING = "everything"
WITHOUT = (EVERYTHING, "drawing", "affine", "flip", "grey", "gain", "hue", "background", "words", NOTHING)
MEASURED = ("emoji_seen_r1", "emoji_unseen_concepts_r1", "emoji_unseen_style_r1")


def preset_without(name: str, num_steps: int) -> EmojiPreset:
    """The full preset, shorter, with one change of the data left out.

    Raises:
        ValueError: for a name that is not in WITHOUT.
    """
    if name not in WITHOUT:
        raise ValueError(f"there is no augmentation {name!r}: choose one of {', '.join(WITHOUT)}.")
    preset = EmojiPreset(num_steps)
    if name == "words":
        return replace(preset, dropped_words=0.0)
    if name == NOTHING:
        none = dict.fromkeys(vars(preset.augmentation), 0.0)
        return replace(preset, augmentation=Augmentation(**none), dropped_words=0.0)
    return preset if name == EVERYTHING else replace(preset, augmentation=preset.augmentation.without(name))


def ablate(
    num_steps: int = 200, seeds: tuple[int, ...] = (0, 1, 2), without: tuple[str, ...] = WITHOUT, **run_settings
) -> dict:
    """R@1 of models trained without one augmentation each.

    Args:
        num_steps: of each training. seeds: of weights and data; every variant is trained on each.
        without: names of WITHOUT; the first is what the others are compared with.
        run_settings: for ``Run``, such as ``device``.

    Returns:
        ``{"num_steps", "seeds", "rows": [{"without", metric: [a value each seed], "change": mean change of the unseen
        style's R@1 against the first row, "low", "high": its 95 % interval over the seeds}]}``.
    """
    data, rows = load_emoji(), []
    for name in without:
        row: dict = {"without": name} | {metric: [] for metric in MEASURED}
        for seed in seeds:
            preset = preset_without(name, num_steps)
            model = emoji.make_model(preset, seed=seed)
            run = Run(model, "ablation", num_steps, lr=preset.lr, seed=seed, save=False, **run_settings)
            emoji.fit(run, data, data.split(), preset)
            metrics = emoji.evaluate(model)[0]
            for metric in MEASURED:
                row[metric].append(metrics[metric])
        rows.append(row)
        # The seeds share weights and data between variants, so their differences are compared pair by pair.
        pairs = zip(row["emoji_unseen_style_r1"], rows[0]["emoji_unseen_style_r1"], strict=True)
        change = [value - reference for value, reference in pairs]
        row["change"] = sum(change) / len(change)
        row["low"], row["high"] = student(change)
    return {"num_steps": num_steps, "seeds": list(seeds), "rows": rows}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(ablate(), indent=1) + "\n")
