"""The ablation of the training pictures: what is left out, and how the variants are compared."""

import pytest
from pandas import DataFrame

from mmatl_lab.lessons.clip import ablation
from mmatl_lab.lessons.clip.emoji import EmojiSettings


def test_it_leaves_out_what_it_says():
    full = EmojiSettings(5)
    assert ablation.settings_without("nothing", 5) == full
    assert ablation.settings_without("drawing", 5).augmentation.drawing == 0
    affine = ablation.settings_without("affine", 5).augmentation
    assert (affine.rotate, affine.scale, affine.shift) == (0, 0, 0) and affine.drawing == full.augmentation.drawing
    colours = ablation.settings_without("colours", 5).augmentation
    assert (colours.grey, colours.gain, colours.hue) == (0, 0, 0) and colours.background == full.augmentation.background
    assert ablation.settings_without("words", 5).dropped_words == 0
    assert set(vars(ablation.settings_without("everything", 5).augmentation).values()) == {0}
    with pytest.raises(ValueError, match="there is no augmentation 'edges'"):
        ablation.settings_without("edges", 5)


def test_it_compares_seed_by_seed():
    rows = [("nothing", 1, 0.4), ("drawing", 0, 0.1), ("nothing", 0, 0.3), ("drawing", 1, 0.2)]
    steps = ablation.NUM_STEPS
    frame = DataFrame([{"without": w, "num_steps": steps, "seed": s, ablation.STYLE: value} for w, s, value in rows])
    assert ablation.values(frame, "nothing") == [0.3, 0.4]
    assert ablation.change(frame, "drawing") == pytest.approx((-0.2, -0.2, -0.2, 2))


def test_the_carried_results_are_those_of_the_plan():
    frame = ablation.results()
    columns = ["without", "num_steps", "seed"]
    assert frame[columns].to_dict("records") == ablation.study().configs
    assert frame[[ablation.STYLE, ablation.CONCEPTS]].notna().all(axis=None)
