"""What the notebook asks before it shows."""

from ...progress import prediction

prediction(
    "mmatl.printed",
    "Encoders and discriminator each minimise their loss as the note prints it, for two modalities. Where is the "
    "discriminator's loss after 200 steps?",
    ("near ln 2 = 0.69", "near 0", "below -1,000"),
    answer="below -1,000",
    why="For two modalities both losses are the same sum, the mean of log D(e)(1 − D(e)). Nobody opposes its fall: D "
    "goes to 0 or 1 for all codes, and the logarithm has no lower bound.",
)

prediction(
    "mmatl.loss",
    "A game with the right losses, but a small discriminator: 16 hidden units, one step for each step of the encoders, "
    "and a quarter of their learning rate. Its loss stays at 0.69, which is ln 2. How often does a fresh probe name "
    "the modality?",
    ("in nearly 100 % of the codes", "in about 75 %", "in about 50 %, chance"),
    answer="in nearly 100 % of the codes",
    why="A loss of ln 2 says that this discriminator cannot tell. It may be weak, or always a step behind. Only a "
    "fresh probe that is trained to its end says what can be told.",
)

prediction(
    "mmatl.binary",
    "Now the codes are six numbers that are −1 or 1. Both modalities have labels, and one T and one f serve both. The "
    "control has no alignment loss at all. How often does a fresh probe tell the modality of its codes?",
    ("in nearly 100 % of them", "in about two thirds of them", "in half of them, chance"),
    answer="in about two thirds of them",
    why="T and f must give a class the same answer, whichever modality its code comes from. With so few codes to "
    "choose from, both modalities share most of them: the task itself aligns.",
)

prediction(
    "mmatl.unique",
    "Two modalities see a fair coin r. Each also sees a coin of its own, u₁ or u₂. The label is u₁ xor u₂: 1 if they "
    "differ. The codes of both modalities must have one distribution. What is the best accuracy from both codes?",
    ("1/2, chance", "3/4", "1"),
    answer="1",
    why="Each code may be its own coin. Both coins are fair, so the codes have one distribution, and the two together "
    "give the label.",
)

prediction(
    "mmatl.unlabelled",
    "Only one modality has labels. Adversarial alignment without pairs makes the codes of both look alike. How good is "
    "the accuracy on the modality without labels?",
    ("near that of training with all labels", "half-way there", "no better than without alignment"),
    answer="no better than without alignment",
    why="The clouds lie on each other, but nothing says which class lies on which. Any exchange of equally frequent "
    "classes looks the same to the discriminator.",
)

prediction(
    "mmatl.robust",
    "An attack moves every number of picture and sound by a small step. What does the repaired task discriminator "
    "D_t(y, t) gain against it, compared with training without one?",
    ("most of what is lost", "some points", "no gain is shown"),
    answer="no gain is shown",
    why="The task discriminator judges answers to clean inputs. It never sees an attacked one. Training on attacked "
    "inputs does.",
)
