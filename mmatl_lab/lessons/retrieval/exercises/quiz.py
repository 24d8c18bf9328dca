"""The five questions at the end of the lesson."""

from ...quiz import question

question(
    "retrieval.q-ties",
    "A model has collapsed: all its vectors are equal. What should its R@1 among 1,000 keys be?",
    (
        "0, since nothing is found",
        "1 / 1,000, since any key may come first",
        "1, since the right key ties with all others for rank 1",
    ),
    answer="1 / 1,000, since any key may come first",
    why="The order among equals is arbitrary, so a fair score is the expectation under a random order. An argsort "
    "gives whatever the order of the rows gives.",
)
question(
    "retrieval.q-lengths",
    "When do Euclidean distance and cosine rank the keys of every query alike?",
    ("when all keys have the same length", "when all queries have the same length", "always"),
    answer="when all keys have the same length",
    why="$-\\frac12 \\lVert q - k \\rVert^2 = q^\\top k - \\frac12 \\lVert k \\rVert^2$ plus a number of the query "
    "alone. Only the keys' lengths can change an order.",
)
question(
    "retrieval.q-emergent",
    "Text and sound are trained with the image alone. What can a text find in sounds?",
    (
        "what text and sound both tell",
        "nothing, as they never met in a loss",
        "what text, sound and image all show",
    ),
    answer="what text, sound and image all show",
    why="Each learns to agree with the image on what both show. What the image does not show is lost on the way.",
)
question(
    "retrieval.q-hubs",
    "CSLS subtracts the mean similarity of a key to its nearest queries. What does it not change?",
    (
        "how often a hub is found",
        "the order of two keys that have the same mean",
        "the key that comes first",
    ),
    answer="the order of two keys that have the same mean",
    why="The same number is subtracted from both, and a query's own mean is the same for all of its keys.",
)
question(
    "retrieval.q-index",
    "An approximate index finds 95 % of the exact ten neighbours. How does R@1 of the model change?",
    (
        "it falls by 5 points or less",
        "not by any rule: it depends on which neighbours are missed",
        "it stays",
    ),
    answer="not by any rule: it depends on which neighbours are missed",
    why="Recall of an index compares with exact search, R@1 with the truth. Measure both on your own vectors.",
)
