"""The quiz of the lesson."""

from ...quiz import question

question(
    "mmatl.lnN",
    "The loss of an N-way modality discriminator is ln N at its best. What does that say?",
    (
        "the codes of the modalities have the same distribution",
        "every picture has the same code as the sound that belongs to it",
        "the codes are constant",
        "the encoders have stopped learning",
    ),
    answer="the codes of the modalities have the same distribution",
    why="At its best, the discriminator pays ln N minus the Jensen–Shannon divergence of the modalities. Equal "
    "distributions say nothing about pairs: those may be exchanged.",
)

question(
    "mmatl.weak",
    "In your own training, the discriminator's loss is ln N from the first step on. What do you do first?",
    (
        "stop, since the modalities are aligned",
        "raise the weight of the alignment until the loss moves",
        "train a fresh probe on the frozen codes",
        "remove the loss of the task",
    ),
    answer="train a fresh probe on the frozen codes",
    why="The discriminator may be too weak, or its learning rate too small. A probe that is fitted afterwards, on its "
    "own data, says whether the modality can still be read.",
)

question(
    "mmatl.swapped",
    "After alignment without pairs, a classifier trained on sounds takes small pictures for large ones and large ones "
    "for small ones. What happened?",
    (
        "the discriminator was too weak to align the modalities",
        "two classes lie on each other's place",
        "the pictures have too much noise",
        "the probe was overfitted",
    ),
    answer="two classes lie on each other's place",
    why="The two clouds match as wholes, so the discriminator is content. Only pairs or labels of both modalities say "
    "which class is which.",
)

question(
    "mmatl.noise",
    "A probe reads the modality from 78 % of noisy codes after alignment. Which number belongs beside it?",
    (
        "the loss of the discriminator",
        "the accuracy of the task without noise",
        "the probe on aligned codes of the training data",
        "the probe on unaligned codes with the same noise",
    ),
    answer="the probe on unaligned codes with the same noise",
    why="Noise alone makes codes harder to read. The difference between both probes is what the alignment did.",
)

question(
    "mmatl.masking",
    "A model resists FGSM. Then an attack with more steps and random restarts brings its accuracy to 0. What was the "
    "first result?",
    (
        "a sign that FGSM was too weak here",
        "proof of robustness to small changes of the input",
        "an error of the second attack",
    ),
    answer="a sign that FGSM was too weak here",
    why="Robustness to one attack may only mean that its gradient points nowhere useful, which is called gradient "
    "masking. So the strongest attack counts.",
)
