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


def qmf() -> Diagram:
    """An encoder and a head for each modality, whose logits are weighted by their confidence."""
    d = Diagram(
        "QMF",
        "Image and audio each go through an encoder and a head of their own. Each modality's logits give its "
        "confidence, and the logits are added with the confidences as weights.",
    )
    told = []
    for name, shape in SHAPES.items():
        z = d.box("MLP, Linear", d.input(name, shape), out="(B, 10)", module=f"heads.{name}")
        told += [z, d.box(f"confidence\nof the {name}", z, out="(B,)")]
    d.box("Σ c z", *told, out="(B, 10)")
    return d


def calibrated() -> Diagram:
    """The fusion of `calibration`: the trained model stands still, and a linear function gives the temperatures."""
    d = Diagram(
        "Calibrated fusion",
        "The trained encoder and head of each modality stand still. From how unusual the input and the features are, "
        "and from the entropy, a linear function gives a temperature for each sample. The logits are divided by it, "
        "and the modalities' probabilities are multiplied.",
    )
    told = []
    for name, shape in SHAPES.items():
        x = d.input(name, shape)
        z = d.box("MLP, Linear\ntrained before", x, out="(B, 10)")
        told += [z, d.box(f"temperature\nof the {name}", x, z, out="(B,)")]
    d.box("product of\nexperts", *told, out="(B, 10)")
    return d
