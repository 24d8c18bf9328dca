"""The demo: set the two signs and read what each fusion answers."""

from mmatl_lab.lessons.page_html import Row, answering, bars
from mmatl_lab.lessons.pages import beside, dial, examples, frame, live, loader, output

from .fusions import FUSIONS

load = loader("fusion_sketch")


@answering
def answer(sound: float, sight: float) -> str:
    import torch

    inputs = {"sound": torch.tensor([[float(sound)]]), "sight": torch.tensor([[float(sight)]])}
    beliefs = {name: load(f"fusion_sketch_{name}")(inputs).softmax(1)[0, 1].item() for name in FUSIONS}
    return bars([Row(name, [p], f"P(they differ) {p:.2f}") for name, p in beliefs.items()], coin=True)


def signs(here) -> None:
    left, right = beside()
    with left:
        dials = [dial(-2, 2, 1, step=0.1, label=name) for name in ("sound", "sight")]
        examples({"Opposite": (1, -1), "Alike": (1, 1)}, dials, here)
    with right:
        shown = output()
    live([here.opened, *(d.change for d in dials)], answer, dials, shown)


def build():
    first = "Sound and sight disagree: which fusion notices?", "Let them disagree"
    return frame("fusion_sketch", "Do the signs differ?", first=first, then="See why.", tabs={"Signs": signs})
