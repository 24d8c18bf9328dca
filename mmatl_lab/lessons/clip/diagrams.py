"""The models of the lesson as boxes and arrows."""

from mmatl_lab.viz.diagram import Diagram


def clip() -> Diagram:
    """CLIP, up to the loss: D is the length of the vectors, L that of the longest caption."""
    d = Diagram("CLIP", "Images and texts each go through an encoder, become unit vectors, and all pairs are compared.")
    image, text = d.input("image", "(B, 3, 32, 32)"), d.input("text", "(B, L)")
    image = d.box("ImageCNN", image, out="(B, D)", module="image_encoder")
    text = d.box("Transformer", text, out="(B, D)", module="text_encoder")
    u = d.box("u = x / |x|", image, out="(B, D)", output="image")
    v = d.box("v = x / |x|", text, out="(B, D)", output="text")
    d.box("u · v / τ\nall pairs", u, v, out="(B, B)")
    return d
