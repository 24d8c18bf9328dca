"""The models of the lesson as boxes and arrows."""

from mmatl_lab.viz.diagram import Diagram

SHAPES = {"image": "(B, 196)", "audio": "(B, 400)"}


def joint() -> Diagram:
    """An encoder and a head for each modality, whose logits are added."""
    d = Diagram(
        "Joint training",
        "Image and audio each go through an encoder and a head of their own. The logits are added, and one loss "
        "trains everything.",
    )
    logits = []
    for name, shape in SHAPES.items():
        h = d.box("MLP", d.input(name, shape), out="(B, D)", module=f"encoders.{name}")
        logits.append(d.box("Linear", h, out="(B, 10)", module=f"heads.{name}"))
    d.box("loss", d.box("sum", *logits, out="(B, 10)"))
    return d


def mla() -> Diagram:
    """Encoders that take turns at one shared head."""
    d = Diagram(
        "MLA",
        "Image and audio each go through an encoder. They take turns at one shared head: each turn has its own loss. "
        "At test time the two answers are joined by fixed or dynamic weights.",
    )
    features = [
        d.box("MLP", d.input(name, shape), out="(B, D)", module=f"encoders.{name}") for name, shape in SHAPES.items()
    ]
    head = d.box("shared Linear\none modality a turn", *features, out="(B, 10)", module="heads.shared")
    d.box("loss\nof that modality", head)
    d.box("weights\nat test time", head, out="(B, 10)")
    return d
