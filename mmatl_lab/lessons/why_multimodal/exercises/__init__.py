"""The exercises of lesson 01: what modalities are worth, how vectors are fused, and how an honest test is made."""

from ...progress import prediction
from ...quiz import question
from . import evaluation, fusion, information, sarcasm  # noqa: F401  # importing them registers the exercises

prediction(
    "why_multimodal.pairs",
    "Take two of the three modalities. For which pair is the best possible accuracy only chance, one half?",
    ("words + voice", "words + face", "voice + face", "none of them"),
    answer="voice + face",
    why="Both tell what is meant and neither tells what is said; sarcasm is whether the two differ.",
)

prediction(
    "why_multimodal.adding",
    "Three ideal classifiers, one for each modality, say how likely sarcasm is, and you add up their log-odds. How "
    "often is the sum right?",
    ("as often as a coin", "three times in four", "as often as the three modalities together allow"),
    answer="as often as a coin",
    why="From a single modality both answers are equally likely, so each classifier says 1/2: log-odds of 0.",
)

prediction(
    "why_multimodal.sensor",
    "A watch measures shaking and gravity (accelerometer) and turning (gyroscope). Which of these names the exercise "
    "best, on people whom no model was trained on?",
    ("accelerometer alone", "gyroscope alone", "both"),
    answer="both",
    why="How the arm is held and how it turns are two different things, and exercises differ in both.",
)

question(
    "why_multimodal.q-ceiling",
    "A model reaches 50 % accuracy on sarcasm from the face alone. What does that say about the model?",
    (
        "It is broken, since it should beat a coin",
        "It needs more training data",
        "Nothing bad: the ceiling of the face alone is 50 %",
        "Its encoder does not see the mouth",
    ),
    answer="Nothing bad: the ceiling of the face alone is 50 %",
    why="A number means something only beside its ceiling. From the face alone nobody can know whether the words "
    "contradict what is meant, however well the mouth is read.",
)
question(
    "why_multimodal.q-synergy",
    "The words tell 0 bits about the answer, the melody tells 0 bits, and both together tell 1 bit. What is this?",
    ("Synergy", "Redundancy of the two", "Unique information of the melody"),
    answer="Synergy",
    why="What only both together tell is synergy. Redundancy would be told by either of them, and unique information "
    "by one of them alone.",
)
question(
    "why_multimodal.q-late",
    "Three ideal classifiers see one modality each, and their log-odds are added. When can the sum reach the ceiling?",
    (
        "Always, if each classifier is trained for long enough",
        "If the classifiers share one encoder",
        "Never on any task",
        "If the modalities are independent given the answer",
    ),
    answer="If the modalities are independent given the answer",
    why="By Bayes' rule, the log-odds of independent pieces of evidence add up, if both answers are equally likely at "
    "first. In an exclusive or the modalities depend on each other given the answer, and the sum stays at chance.",
)
question(
    "why_multimodal.q-people",
    "Windows of one person are alike. Which split of the data measures how well the watch works for a new wearer?",
    (
        "Windows drawn at random for the test",
        "Whole people held out",
        "The last tenth of each recording",
    ),
    answer="Whole people held out",
    why="With any of the other splits the classifier has seen other windows of the same person. It then measures how "
    "well it knows its wearers, which is higher.",
)
question(
    "why_multimodal.q-noise",
    "A third modality becomes very noisy at test time, and nobody tells the classifier. What can happen?",
    (
        "The accuracy stays the same, since the noise has the mean 0",
        "The accuracy can fall below that of the other two modalities alone",
        "The classifier falls to chance at once",
    ),
    answer="The accuracy can fall below that of the other two modalities alone",
    why="It gives the noisy modality the weight that was right for the usual noise. Told the noise, or with a gate "
    "that finds it out, the classifier loses nothing against two modalities.",
)
