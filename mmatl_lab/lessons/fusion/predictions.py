"""What the notebook asks before it shows."""

from ..progress import prediction

prediction(
    "fusion.add",
    "Words, voice and face go through an encoder each. Their vectors are added, and a linear layer decides whether the "
    "remark is sarcastic. How good does this model get? The ceiling is 96 %.",
    ("about 50 %, chance", "about 75 %", "about 96 %"),
    answer="about 50 %, chance",
    why="A linear layer on a sum is a sum of one score for each modality. Sarcasm is whether words and tone disagree, "
    "an exclusive or, and no sum of scores can say that.",
)

prediction(
    "fusion.late",
    "Late fusion as printed averages the experts' log-probabilities with learned weights of sum 1, and is trained by "
    "the fused log-probability of the right class. Where do the weights go?",
    ("all become equal", "each goes to its expert's accuracy", "one goes to 1, the others to 0"),
    answer="one goes to 1, the others to 0",
    why="Without a normaliser the loss is linear in the weights, and a linear function on a simplex is smallest at a "
    "corner: only the best expert is asked.",
)

prediction(
    "fusion.gate",
    "One of three modalities belongs to another scene, and a fourth input says which. By how many points does a gate "
    "beat one fixed weight for each modality?",
    ("by less than 2", "by about 10", "by about 40"),
    answer="by about 10",
    why="Fixed weights must treat all three alike, but the two good ones mostly outvote the swapped one. The gate can "
    "shut the swapped one out.",
)

prediction(
    "fusion.weight",
    "A weighted fusion has learned the weights 0.8, 0.1 and 0.1. What do you know about the first modality?",
    ("it carries most of the information", "leaving it out costs most", "neither follows"),
    answer="neither follows",
    why="The layer before the weight has a scale of its own. A weight ten times smaller with a layer ten times larger "
    "gives the same answers.",
)
