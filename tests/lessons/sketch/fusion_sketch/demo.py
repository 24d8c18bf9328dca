"""The demo: set the two signs and read what each fusion answers."""

from mmatl_lab.lessons.pages import answering, beside, dial, frame, live, loader, output

from .fusions import FUSIONS

load = loader("fusion_sketch")


@answering
def answer(sound: float, sight: float) -> str:
    import torch

    inputs = {"sound": torch.tensor([[float(sound)]]), "sight": torch.tensor([[float(sight)]])}
    beliefs = {name: load(f"fusion_sketch_{name}")(inputs).softmax(1)[0, 1].item() for name in FUSIONS}
    return "".join(f"<p>{name}: they differ with probability {p:.2f}</p>" for name, p in beliefs.items())


def signs(opened) -> None:
    left, right = beside()
    with left:
        dials = [dial(-2, 2, 1, step=0.1, label=name) for name in ("sound", "sight")]
    with right:
        shown = output()
    live([opened, *(d.change for d in dials)], answer, dials, shown)


def build():
    return frame("fusion_sketch", "Do the signs differ?", first="Turn one.", then="See why.", tabs={"Signs": signs})
