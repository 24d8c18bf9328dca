"""The models of the lesson as boxes and arrows."""

from mmatl_lab.viz.diagram import Diagram


def mmatl() -> Diagram:
    """All five components, for two modalities."""
    d = Diagram(
        "MMATL",
        "Audio and sensor each go through an encoder. The alignment discriminator guesses the modality of each code. "
        "The transfer module joins the codes, the task model answers, and the task discriminator judges the answer.",
    )
    e = [
        d.box(f"E_{i}", d.input(name, "(B, F)"), out="(B, D)", module=f"encoders.{name}")
        for i, name in ((1, "audio"), (2, "sensor"))
    ]
    d.box("D_a\nwhich modality?", *e, out="(2B, 2)", module="alignment_discriminator")
    t = d.box("T\nof a set", *e, out="(B, H)", module="transfer")
    answer = d.box("f", t, out="(B, C)", module="task")
    d.box("D_t\ntrue?", answer, t, out="(B,)", module="task_discriminator")
    return d


def reversal() -> Diagram:
    """Where the gradient turns round."""
    d = Diagram(
        "Reversed gradient",
        "A code goes to the alignment discriminator through a reversal, which leaves it as it is and turns the sign of "
        "its gradient, and to the task without one.",
    )
    e = d.box("E_i", d.input("input", "(B, F)"), out="(B, D)")
    d.box("D_a", d.box("reversal\n× 1 forward, × −λ back", e, out="(B, D)"), out="(B, N)")
    d.box("T, then f", e, out="(B, C)")
    return d
