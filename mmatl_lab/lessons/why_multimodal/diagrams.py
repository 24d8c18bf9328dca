"""The models of the lesson as boxes and arrows."""

from mmatl_lab.viz.diagram import Diagram

ENCODERS = {"text": "Transformer", "voice": "AudioCNN", "face": "ImageCNN", "noise": "Linear, GELU"}
SHAPES = {"text": "(B, 8)", "voice": "(B, 40, 64)", "face": "(B, 3, 32, 32)", "noise": "(B, 2)"}
PERCEIVED = {"text": "praise", "voice": "rise", "face": "smile"}


def sarcasm() -> Diagram:
    """The encoders, what they learn to perceive, and the classifier of all three modalities."""
    d = Diagram(
        "Sarcasm classifier",
        "Text, voice, face and the noise each go through an encoder; a head judges from their vectors side by side. "
        "From each vector alone a layer says what is plainly there: praise, a rising voice, a smile.",
    )
    vectors = {
        name: d.box(encoder, d.input(name, SHAPES[name]), out="(B, D)", module=f"encoders.{name}")
        for name, encoder in ENCODERS.items()
    }
    for name, perceived in PERCEIVED.items():
        d.box(perceived, vectors[name], out="(B, 1)", module=f"perceive.{name}")
    together = d.box("Concat", *vectors.values(), out="(B, 4D)", module="classifiers.text_voice_face.fusion")
    d.box("MLP", together, out="(B, 2)", module="classifiers.text_voice_face.head")
    return d


def watch() -> Diagram:
    """Two of the watch's classifiers: each sensor summarised alone and side by side, and both summarised at once."""
    d = Diagram(
        "Watch classifiers",
        "Side by side, each sensor is summarised and encoded alone, and the head gets both vectors. Together, all six "
        "axes are summarised at once, so that the summary holds how the two sensors move against each other.",
    )
    side = []
    for sensor in ("accelerometer", "gyroscope"):
        summary = d.input(sensor, "(B, 54)", modality=sensor)
        side.append(d.box("Encoder", summary, out="(B, D)", module=f"side_by_side.encoders.{sensor}"))
    side = d.box("Concat", *side, out="(B, 2D)", module="side_by_side.fusion")
    both = d.box("Encoder", d.input("both", "(B, 117)"), out="(B, 2D)", module="both.encoders.both")
    for name, vector in (("side_by_side", side), ("both", both)):
        d.box("Linear", vector, out="(B, 7)", module=f"{name}.head")
    return d
