"""What a bridge passes on: text, audio and sensor around the image or the video, and text and audio paired directly.

    python -m mmatl_lab.lessons.retrieval.bridge

runs the study and writes ``assets/results/retrieval_bridge.json`` (started again, it goes on).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from mmatl_lab.training import Study, paired
from mmatl_lab.world import ceilings

from ..results import Result
from .five import FIVE, GALLERY, PRESETS, TOLD, ceiling, five_config, gallery, kinds_told, recall_table

if TYPE_CHECKING:
    from pandas import DataFrame

    from mmatl_lab.training.study import Difference

NAME = "retrieval_bridge"
NUM_STEPS = 300
SEEDS = range(3)
OTHERS = ("text", "audio", "sensor")
CONFIGS = {  # four modalities each: the bridge and the others
    "image": five_config("image", modalities=("image", *OTHERS)),
    "video": five_config("video", modalities=("video", *OTHERS)),
    # the control, trained on the missing pair
    "image, text with audio": five_config("image", ("text", "audio"), modalities=("image", *OTHERS)),
}


def cell(bridge: str, seed: int) -> dict[str, float]:
    """Train once; R@1 of each pair of modalities in the gallery of this seed, and text → audio by kind."""
    settings = replace(PRESETS["full"], num_steps=NUM_STEPS, model=CONFIGS[bridge])
    model = FIVE.trained(settings, seed=seed)
    found = {f"{a}>{b}": values[0] for (a, b), values in recall_table(model, range(seed, seed + 1)).items()}
    return found | {"kind": kinds_told(model, seed).mean().item()}


def study() -> Study:
    """Every bridge from each seed."""
    return Study(NAME, cell, {"bridge": list(CONFIGS), "seed": SEEDS})


def results() -> "DataFrame":
    """The study that the package carries: one row a training."""
    return Study.shipped(NAME)


def values(frame: "DataFrame", bridge: str, metric: str) -> list[float]:
    """One metric of one bridge, in the order of the seeds."""
    return frame[frame["bridge"] == bridge].sort_values("seed")[metric].tolist()


def gain(frame: "DataFrame", metric: str, bridge: str, over: str) -> "Difference":
    """How much better one bridge is than another, seed by seed."""
    return paired(frame, metric, {"bridge": bridge}, {"bridge": over})


def study_results(frame: "DataFrame") -> list[Result]:
    """Text → audio and sensor → audio under each bridge, with their exact ceilings; control: chance."""
    found = []
    for bridge in CONFIGS:
        for a, b in (("text", "audio"), ("audio", "text"), ("sensor", "audio")):
            via = None if "with" in bridge and {a, b} == {"text", "audio"} else bridge.partition(",")[0]
            best = sum(ceiling(gallery(seed), a, b, via) for seed in SEEDS) / len(SEEDS)
            label = f"bridge {bridge}: {a} → {b}, of {GALLERY:,}"
            name = f"bridge_{bridge.replace(', ', '_').replace(' ', '_')}_{a}_{b}"
            known = {"control": 1 / GALLERY, "ceiling": best}
            if bridge == "image" and a != "sensor":
                known["at_least"] = 10 / GALLERY
            found.append(Result.from_values(name, label, values(frame, bridge, f"{a}>{b}"), **known))
    return found


def kind_results(frame: "DataFrame") -> list[Result]:
    """How often the first sound that a text finds has its shape and size, under each bridge; control: chance."""
    known = {"control": ceilings.accuracy(TOLD), "ceiling": 1.0}
    found = []
    for bridge in CONFIGS:
        name = f"bridge_{bridge.replace(', ', '_').replace(' ', '_')}_kind"
        found.append(Result.from_values(name, f"bridge {bridge}", values(frame, bridge, "kind"), **known))
    return found


if __name__ == "__main__":
    study().ship()
