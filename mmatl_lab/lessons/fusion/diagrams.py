"""A diagram for each family of fusions; the boxes are the modules that the lesson builds."""

from mmatl_lab.viz.diagram import Diagram, Node

THREE = ("text", "voice", "face")


def _vectors(d: Diagram, shape: str = "(B, n)", names=THREE) -> list[Node]:
    return [d.input(name, shape) for name in names]


def side_by_side() -> Diagram:
    """Concatenation and addition."""
    d = Diagram("Concatenation and addition", "The vectors of three modalities go side by side into one long vector; "
                "or each is projected to D numbers, and the three are added.")  # fmt: skip
    vectors = _vectors(d)
    d.box("Concat", *vectors, out="(B, 3n)", module="concat")
    parts = [d.box(f"W{m}", e, out="(B, D)", module=f"add.project.{m}") for m, e in enumerate(vectors)]
    d.box("+", *parts, out="(B, D)", module="add")
    return d


def products() -> Diagram:
    """Product and low-rank bilinear fusion."""
    d = Diagram("Product", "Each vector is projected to D numbers, and the three rows are multiplied number by number; "
                "the bilinear fusion does so R times and adds the results.")  # fmt: skip
    vectors = _vectors(d)
    factors = [d.box(f"W{m}, b{m}", e, out="(B, D)", module=f"product.project.{m}") for m, e in enumerate(vectors)]
    d.box("⊙", *factors, out="(B, D)", module="product")
    return d


def places() -> Diagram:
    """Early, intermediate, late: where the modalities meet."""
    d = Diagram("Early, intermediate and late fusion", "Early: one encoder takes all raw inputs at once. Intermediate: "
                "a layer for each modality, then one of all. Late: a classifier for each, whose answers are "
                "combined.")  # fmt: skip
    inputs = _vectors(d)
    d.box("Early\none MLP", *inputs, out="(B, D)", module="early")
    hidden = [d.box("Layer", x, out="(B, D)", module=f"intermediate.project.{m}") for m, x in enumerate(inputs)]
    d.box("Intermediate\none layer", *hidden, out="(B, D)", module="intermediate")
    answers = [d.box("Classifier", x, out="(B, C)", module=f"late.classifiers.{m}") for m, x in enumerate(inputs)]
    d.box("Late\nproduct or mixture", *answers, out="(B, C)", module="late")
    return d


def gate() -> Diagram:
    """Gated fusion."""
    d = Diagram("Gated fusion", "All vectors together decide the gates; each vector goes through a layer and a tanh; "
                "the sum of the vectors, weighted by the gates, is the fused vector.")  # fmt: skip
    vectors = _vectors(d)
    hidden = [d.box(f"tanh W{m}", e, out="(B, D)", module=f"gated.project.{m}") for m, e in enumerate(vectors)]
    gates = d.box("softmax U", *vectors, out="(B, D, 3)")
    d.box("Σ g ⊙ h", *hidden, gates, out="(B, D)", module="gated")
    return d


def attention() -> Diagram:
    """Modalities as tokens."""
    d = Diagram("Attention over modalities", "Each vector becomes a token of width D. The tokens attend to each other, "
                "the result is added to them, and their mean is the fused vector.")  # fmt: skip
    vectors = _vectors(d)
    tokens = [d.box(f"W{m}, b{m}", e, out="(B, D)", module=f"attention.tokens.project.{m}")
              for m, e in enumerate(vectors)]  # fmt: skip
    attended = d.box("Attention", *tokens, out="(B, 3, D)", module="attention.attention")
    d.box("+ tokens,\nmean", attended, out="(B, D)", module="attention")
    return d


def hierarchy() -> Diagram:
    """Fusions of pairs, then of these."""
    d = Diagram("Hierarchical fusion", "Each pair of modalities is fused, and the three results are fused again.")
    text, voice, face = _vectors(d)
    pairs = ((text, voice), (text, face), (voice, face))
    local = [d.box(f"Local {k}", *pair, out="(B, D)") for k, pair in enumerate(pairs, 1)]
    d.box("Global", *local, out="(B, D)", module="hierarchical")
    return d


def views() -> Diagram:
    """The model of the demo: shared encoders, and one fusion of many behind them."""
    d = Diagram("All fusions on three views", "A picture, a caption and a sound go through an encoder each; every "
                "fusion gets the three vectors, and a linear layer names the shape.")  # fmt: skip
    shapes = {"image": ("(B, 3, 32, 32)", "ImageCNN"), "text": ("(B, 12)", "Transformer"),
              "audio": ("(B, 40, 64)", "AudioCNN")}  # fmt: skip
    vectors = [d.box(encoder, d.input(name, shape), out="(B, D)", module=f"encoders.{name}")
               for name, (shape, encoder) in shapes.items()]  # fmt: skip
    fused = d.box("Gated", *vectors, out="(B, D)", module="fusions.gated")
    d.box("Linear", fused, out="(B, 8)", module="heads.gated")
    return d
