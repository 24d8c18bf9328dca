"""The choices of the emoji model are made on validation concepts and a validation style, which the tests never see.

    python -m mmatl_lab.lessons.clip.validation

trains without both and scores each ridge on them (an hour on 2 CPU cores; started again, it goes on).
"""

import torch

from mmatl_lab.data.emoji import TRAINED_STYLES, VALIDATION_STYLE, EmojiSplit, load_emoji
from mmatl_lab.metrics.retrieval import hits_at_k
from mmatl_lab.threads import calm_threads
from mmatl_lab.training import Study

from .emoji import EMOJI, RIDGE, EmojiSettings, embed, embed_words, tokenizer

STYLES = tuple(style for style in TRAINED_STYLES if style != VALIDATION_STYLE)
RIDGES = (0.01, 0.03, RIDGE, 0.3, 1.0)
SEEDS = (0, 1, 2)


@calm_threads()
def cell(ridge: float, num_steps: int, seed: int) -> dict[str, float]:
    """Train on the training concepts in the other styles, and score what was kept apart.

    Returns:
        R@1 from picture to text: ``concepts``, of the validation concepts in the trained styles, and ``style``, of the
        training concepts in the validation style.
    """
    data = load_emoji()
    whole = data.split()
    split = EmojiSplit(whole.train, whole.validation[:0], whole.validation, whole.validation)  # no test concept
    needed = {"split": split, "styles": STYLES, "ridge": ridge}
    model = EMOJI.trained(EmojiSettings(num_steps), seed=seed, needed=needed)
    text = embed_words(model, data, tokenizer(data, split)).cpu()

    def recall(style: str, concepts: torch.Tensor) -> float:
        return hits_at_k(embed(model, data, style).cpu()[concepts], text[concepts]).mean().item()

    concepts = sum(recall(style, whole.validation) for style in STYLES) / len(STYLES)
    return {"concepts": concepts, "style": recall(VALIDATION_STYLE, whole.train)}


def study() -> Study:
    """Every ridge on every seed, trained as long as the shipped model."""
    return Study(
        "clip_emoji_validation", cell, {"ridge": RIDGES, "num_steps": [EmojiSettings().num_steps], "seed": SEEDS}
    )


if __name__ == "__main__":
    print(study().run().groupby("ridge")[["concepts", "style"]].agg(["mean", "min", "max"]).to_string())
