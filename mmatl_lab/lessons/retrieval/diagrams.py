"""The models of the lesson as boxes and arrows."""

from mmatl_lab.viz.diagram import Diagram

from .five import MODALITIES

SHAPES = {
    "image": "(B, 3, 32, 32)",
    "text": "(B, L)",
    "audio": "(B, 40, 64)",
    "video": "(B, T, 3, 32, 32)",
    "sensor": "(B, 50, 6)",
}
ENCODERS = {"image": "ImageCNN", "text": "BagOfWords", "audio": "AudioCNN", "video": "VideoCNN", "sensor": "SensorCNN"}


def heads() -> Diagram:
    """VSE++ on the features of frozen encoders; F and E are the lengths of the features, D that of the vectors."""
    d = Diagram("VSE++", "Features of an image and of a text each go through a head of two layers and become unit "
                "vectors; all pairs are compared by their dot product.")  # fmt: skip
    sides = []
    for name, width in (("image", "F"), ("text", "E")):
        features = d.input(f"{name} features", f"(B, {width})", modality=name)
        x = d.box("Linear, ReLU, Linear", features, out="(B, D)", module=f"{name}_head")
        sides.append(d.box("x / |x|", x, out="(B, D)", output=name))
    d.box("u · v\nall pairs", *sides, out="(B, B)")
    return d


def five() -> Diagram:
    """Five encoders into one space; only pairs with the image are trained."""
    d = Diagram("Five modalities in one space", "Image, text, audio, video and sensor each go through an encoder into "
                "one space. The image is the bridge: each other modality is compared with it alone.")  # fmt: skip
    z = {}
    for name in MODALITIES:
        x = d.input(name, SHAPES[name])
        z[name] = d.box(f"{ENCODERS[name]}\nunit length", x, out="(B, D)", module=f"encoders.{name}")
    for name in MODALITIES[1:]:
        d.box(f"loss: image and {name}", z["image"], z[name])
    return d
