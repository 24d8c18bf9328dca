"""The exercises of lesson 01: what senses are worth, how their vectors are fused, and how an honest test is made."""

from ...progress import prediction
from . import evaluation, fusion, information, sarcasm  # noqa: F401  # importing them registers the exercises

prediction(
    "why_multimodal.pairs",
    "Take two of the three senses. Which pair leaves the best accuracy at chance, one half?",
    ("words + voice", "words + face", "voice + face", "none of them"),
    answer="voice + face",
    why="Both tell what is meant and neither tells what is said; sarcasm is whether the two differ.",
)

prediction(
    "why_multimodal.adding",
    "Three ideal classifiers, one for each sense, say how likely sarcasm is, and you add up their log-odds. How often "
    "is the sum right?",
    ("as often as a coin", "three times in four", "as often as the three senses together allow"),
    answer="as often as a coin",
    why="From a single sense both answers are equally likely, so each classifier says 1/2: log-odds of 0.",
)

prediction(
    "why_multimodal.sensor",
    "A watch measures shaking and gravity (accelerometer) and turning (gyroscope). Which of these names the exercise "
    "best, on people whom no model was trained on?",
    ("accelerometer alone", "gyroscope alone", "both"),
    answer="both",
    why="How the arm is held and how it turns are two different things, and exercises differ in either.",
)
