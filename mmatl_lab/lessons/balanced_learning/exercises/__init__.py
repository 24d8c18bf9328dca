"""The exercises of the lesson on balanced learning, its predictions and its quiz."""

from ...progress import prediction
from ...quiz import question
from . import fusing, training  # noqa: F401  # importing them registers the exercises

prediction(
    "balanced_learning.picture",
    "The digits are seen (dim pictures) and heard. Compare two trainings: each modality alone, and both jointly. How "
    "does joint training change the picture's own accuracy?",
    ("it rises by more than ten points", "it changes by less than ten points", "it falls by more than ten points"),
    answer="it falls by more than ten points",
    why="The sound is learnt first and makes the joint answer nearly right. The residual that all encoders learn from "
    "becomes small while the picture's encoder still has much to learn.",
)

prediction(
    "balanced_learning.control",
    "A control trains every modality of the digits alone and adds the logits. How good is its fused answer, compared "
    "with that of joint training? Each has the best of three learning rates.",
    ("about two points below", "level with it", "about two points above"),
    answer="about two points above",
    why="Each modality has a loss of its own here, so both are learnt as well as they can be alone. Their errors "
    "differ, so the sum of good logits is better still.",
)

prediction(
    "balanced_learning.entropy",
    "The voice is drowned in noise. Dynamic fusion weighs each modality by its entropy. Is it better than the picture "
    "alone?",
    ("yes, it ignores the voice", "about the same", "no, it is far worse"),
    answer="no, it is far worse",
    why="A network can be certain about inputs unlike any it was trained on. With the noise the voice's weight "
    "does not fall.",
)

question(
    "balanced_learning.residual",
    "Why does the slower encoder stop learning in joint training?",
    (
        "its learning rate is too small",
        "its gradient has the wrong sign",
        "the common residual is nearly zero",
        "its features are orthogonal to the head",
    ),
    answer="the common residual is nearly zero",
    why="All heads get the same gradient p - y. It vanishes as soon as one modality makes p right.",
)

question(
    "balanced_learning.adam",
    "You train with Adam and add OGM's constant factor k = 0.2 to one encoder's gradient. What changes?",
    (
        "hardly anything",
        "that encoder learns five times slower",
        "that encoder stops learning",
        "all encoders slow down",
    ),
    answer="hardly anything",
    why="Adam divides a gradient by its own running size, so a constant factor cancels.",
)

question(
    "balanced_learning.projection",
    "What does MLA's matrix P do to the head's gradient?",
    (
        "it scales it by the modality's accuracy",
        "it removes directions of features seen before",
        "it adds noise",
    ),
    answer="it removes directions of features seen before",
    why="Along a direction r that P was updated with, at most alpha / (alpha + |r|^2) of the gradient is left.",
)

question(
    "balanced_learning.guard",
    "The released code changes the gradient only if the parameter is called module.weight. The head's is called "
    "weight. What does the change do?",
    (
        "it raises an error",
        "it changes the bias instead",
        "it changes every layer that has a weight",
        "nothing, as it never runs",
    ),
    answer="nothing, as it never runs",
    why="A guard that never matches never runs. Training gives the same weights, bit for bit, as without it.",
)

question(
    "balanced_learning.temperature",
    "A modality's temperature is raised to a very large number. What happens to its influence in a product of experts?",
    ("it decides alone", "it has no influence", "it favours the first class", "it reverses the order"),
    answer="it has no influence",
    why="Its probabilities become the same for all classes, so the product does not change with them.",
)
