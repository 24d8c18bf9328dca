"""The five questions at the end of the lesson."""

from ...quiz import question

question(
    "fusion.linear",
    "A linear layer follows a concatenation. Which other fusion computes the same functions?",
    ("a product of projections", "an addition of projections", "a gate"),
    answer="an addition of projections",
    why="$W[e_1; e_2] = W_1 e_1 + W_2 e_2$: the columns of $W$ are the two projections.",
)
question(
    "fusion.sum-of-scores",
    "Which of these can answer an exclusive or of two modalities with a linear head?",
    ("weighted fusion", "late fusion, a product of experts", "the product of projections"),
    answer="the product of projections",
    why="The other two are a sum of one score for each modality. Only a product has a term for both together.",
)
question(
    "fusion.normaliser",
    "Late fusion without its normaliser $Z$ ends with one weight at 1. Why?",
    (
        "its loss is linear in the weights",
        "its learning rate is too large",
        "the best expert has the largest gradient at first",
    ),
    answer="its loss is linear in the weights",
    why="A linear function on a simplex is smallest at a corner, whatever the learning rate. $\\log Z$ bends it.",
)
question(
    "fusion.when-gate",
    "Where is a gate worth its parameters?",
    (
        "wherever one modality is better than the others on average",
        "where something in the example tells which modality to trust",
        "where all modalities show the same thing",
    ),
    answer="where something in the example tells which modality to trust",
    why="Better on average only asks for a larger fixed weight. A gate can weigh each example in its own way.",
)
question(
    "fusion.importance",
    "How do you find out how much a trained model relies on a modality?",
    (
        "read its weight in the fusion",
        "read the attention that it gets, the mean over many examples",
        "exchange it with another example's and see what is lost",
    ),
    answer="exchange it with another example's and see what is lost",
    why="Weights and attention depend on the lengths of vectors, which can change without changing answers.",
)
