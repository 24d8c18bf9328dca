"""The exercises of the CLIP lesson: from filling in a formula to designing an experiment."""

from ...progress import prediction
from ...quiz import question
from . import encoder, evaluation, loss, training  # noqa: F401  # importing them registers the exercises

prediction(
    "clip.one-sided",
    "You keep the texts' vectors fixed and train the images with the first half of the loss alone, until every image "
    "finds its text. How many of the texts find their image?",
    ("all of them", "nearly all of them", "about half of them"),
    answer="about half of them",
    why="The softmax of an image compares texts only. An image that is similar to all texts costs "
    "nothing there, so some images win texts that are not theirs. If the texts learn, too, "
    "more of them find their image.",
)

prediction(
    "clip.binding",
    "What does a model need to prefer its own caption to the one with the two objects exchanged?",
    ("such captions as hard negatives", "a causal text encoder", "both", "neither: it can always tell"),
    answer="both",
    why="Without such negatives the loss never asks where an object stands. With attention in both directions this "
    "text encoder did not learn to tell the two captions apart in the same number of steps.",
)

prediction(
    "clip.ablation",
    "Every training picture is changed at random. Which of these four changes helps most with OpenMoji, the "
    "unseen style?",
    ("line drawings", "other colours", "coloured backgrounds", "fewer words"),
    answer="line drawings",
    why="OpenMoji is a style of thin outlines, and line drawings make the seen styles look like it. Colours and "
    "backgrounds are not what sets it apart. Turning and shifting, which is no option here, helps about as much.",
)

question(
    "clip.q-negatives",
    "A batch holds 64 pairs. How many negatives does one picture have in the contrastive loss?",
    ("one, drawn at random", "64 minus the number of classes", "63, the captions of the other pairs", "none"),
    answer="63, the captions of the other pairs",
    why="Every picture meets every caption of its batch, so the other 63 captions are its negatives, unless two "
    "captions are true of the same picture. That is why the batch size matters.",
)
question(
    "clip.q-temperature",
    "You make the temperature τ much smaller and change nothing else. What happens to the softmax?",
    (
        "It becomes flatter: all captions get nearly the same probability",
        "It becomes sharper: small differences of cosines decide",
        "Nothing, since the softmax is normalised",
    ),
    answer="It becomes sharper: small differences of cosines decide",
    why="The cosines are divided by τ, so a small τ makes differences between logits large. Then a small lead over the "
    "other captions is enough for a loss near 0.",
)
question(
    "clip.q-directions",
    "Text → image R@1 is poor, image → text R@1 is good. Which defect fits best?",
    (
        "The loss has lost its columns",
        "The batch is too large for the learning rate",
        "The vectors have been divided by their lengths",
        "The temperature is learned",
    ),
    answer="The loss has lost its columns",
    why="The rows of the similarity matrix ask for the caption of a picture, the columns for the picture of a caption. "
    "A loss of the rows alone leaves the columns to chance.",
)
question(
    "clip.q-binding",
    "A model prefers the right caption to the same caption with its two objects exchanged in half of the cases. "
    "What does it know?",
    (
        "Nothing at all about the pictures that it is shown",
        "Which objects there are and where they are",
        "The grammar of captions, not their words",
        "Which words fit, but not which object is where",
    ),
    answer="Which words fit, but not which object is where",
    why="Both captions hold the same words, so half is what guessing gets. The same model can be excellent at "
    "retrieval if other captions differ in their words.",
)
question(
    "clip.q-split",
    "Emoji concepts are held out one by one, and R@1 is higher than with whole families held out. Why?",
    (
        "More concepts are tested, so chance plays a smaller part",
        "Some held-out concepts have a trained relative",
        "The model was trained for longer on this split",
    ),
    answer="Some held-out concepts have a trained relative",
    why="It is the same model. A test concept with a trained variant is answered from that variant, so the easier "
    "split measures something else and needs its own name beside its number.",
)
