"""What the notebook asks before it shows."""

from ..progress import prediction

prediction(
    "retrieval.printed",
    "The code guide's triplet loss is trained as printed for 300 steps. The loss falls to 0. How many of 1,000 images "
    "find their text?",
    ("about 1 in 1,000", "about half", "nearly all"),
    answer="about 1 in 1,000",
    why="The sign is turned: the loss is smallest where the pairs are less similar than the negatives. A loss of 0 "
    "says that an aim was reached, not which.",
)

prediction(
    "retrieval.mend",
    "Five mistakes are mended one after the other: the sign, the broadcast, the masked entries, the mean, and the "
    "missing direction. After which one does the model begin to work?",
    ("the sign", "the masked entries", "the mean over pairs only", "the second direction"),
    answer="the mean over pairs only",
    why="Until then nearly all entries of the mean are no pairs. They only push negatives down, and swamp the few that "
    "pull pairs together.",
)

prediction(
    "retrieval.emergent",
    "Text is trained with images, and sounds with images, never text with sounds. The best possible R@1 from text "
    "to sound is 24 in 1,000, and chance is 1. What does the model reach?",
    ("1 to 3: chance", "4 to 9", "10 or more"),
    answer="10 or more",
    why="Both agree with the image on shape and size, so they agree with each other on these: emergent alignment.",
)

prediction(
    "retrieval.sensor",
    "The sensor and the sound both tell the motion, exactly. The image shows no motion. How well does a sensor trace "
    "find its sound when both were trained with images alone?",
    ("as well as text finds sound", "half as well", "not better than chance"),
    answer="not better than chance",
    why="The image is the only teacher of both, and it shows no motion. With video as the bridge it could be.",
)

prediction(
    "retrieval.dimension",
    "Points are drawn at random. Each asks for its ten nearest neighbours. Where is one point found by more than 60 "
    "others?",
    ("in 2 dimensions", "in 100 dimensions", "in both"),
    answer="in 100 dimensions",
    why="In high dimensions a point that lies a little nearer to the centre is nearer to nearly all others: a hub.",
)
