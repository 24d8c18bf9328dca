"""Five modalities in one space: what is trained, and how much two modalities can know of each other."""

import pytest
import torch

from mmatl_lab.lessons import get
from mmatl_lab.lessons.retrieval import bridge, five
from mmatl_lab.metrics.retrieval import hits_at_k
from mmatl_lab.models.imagebind import ImageBind
from mmatl_lab.seeding import seeded
from mmatl_lab.world import SHAPES, SIZES, ceilings

from ..notebooks import cell_with, loaded_by_cell, same_weights, trained_by_cell


def test_only_pairs_with_the_bridge_are_trained_but_for_the_control():
    for name, config in bridge.CONFIGS.items():
        centre = name.partition(",")[0]
        strange = [pair for pair in config.pairs if centre not in pair]
        assert strange == ([("text", "audio")] if "with" in name else [])
        assert set(config.encoders) == {centre, *bridge.OTHERS}
    assert five.PRESETS["full"].model.pairs == tuple(("image", other) for other in five.MODALITIES[1:])


@pytest.mark.parametrize(
    ("a", "b", "bridge", "factors"),
    [
        ("text", "audio", "image", ("shape", "size")),
        ("text", "audio", None, ("shape", "size")),
        ("sensor", "audio", "image", ()),
        ("sensor", "audio", "video", ("motion",)),
        ("audio", "video", "image", ("shape", "size")),
        ("text", "video", "image", ("shape", "colour", "size", "row", "column")),
    ],
)
def test_what_can_be_passed_on_is_what_all_three_show(a, b, bridge, factors):
    assert five.shared(a, b, bridge) == five.shared(b, a, bridge) == factors


def test_the_ceiling_is_reached_by_who_knows_the_shared_factors_and_by_nobody_better():
    scenes = five.gallery(0)
    group = five.group_of(scenes, five.TOLD)
    assert len(group.unique()) == len(SHAPES) * len(SIZES)
    known = torch.nn.functional.one_hot(group).float()
    assert hits_at_k(known, known).mean().item() == pytest.approx(five.ceiling(scenes, "text", "audio", "image"))
    assert five.ceiling(scenes, "text", "sensor", "image") == pytest.approx(1 / len(scenes))
    assert ceilings.retrieval(group) == pytest.approx(24 / 1000)


def test_views_fit_their_encoders_and_depend_on_the_generator_for_words_alone():
    model, scenes = ImageBind.from_config(five.five_config(channels=(8, 8, 8), out_dim=6)), five.gallery(0, 3)
    for name in five.MODALITIES:
        one, other = (five.view(scenes, name, generator=seeded(n)) for n in (0, 1))
        assert torch.equal(one, other) == (name != "text")
        assert model.encode(name, one).shape == (3, 6)


def test_the_shipped_model_finds_sounds_by_words_and_not_by_movements():
    model = get("retrieval").recipe.load("retrieval_five")[0]
    scenes = five.gallery(7, 300)
    z = {name: five.embed(model, scenes, name) for name in ("text", "audio", "sensor")}
    kind = five.group_of(scenes, five.TOLD)
    assert hits_at_k(z["text"], z["audio"], ids=kind).mean() > 0.6  # chance is 1 / 24
    assert hits_at_k(z["sensor"], z["audio"], ids=kind).mean() < 0.12


def test_the_shipped_study_has_all_its_cells():
    frame = bridge.results()
    assert sorted(zip(frame["bridge"], frame["seed"])) == sorted(
        (config["bridge"], config["seed"]) for config in bridge.study().configs
    )
    assert bridge.gain(frame, "sensor>audio", "video", "image").n == len(bridge.SEEDS)


def test_scenes_of_a_gallery_are_not_those_of_another():
    assert not torch.equal(five.gallery(0).shape, five.gallery(1).shape)


def test_the_loop_of_the_notebook_trains_the_same_model(tmp_path, monkeypatch):
    monkeypatch.setenv("MMATL_LAB_RUNS", str(tmp_path))
    exec(cell_with("retrieval", "import matplotlib"), space := {})
    small = five.FiveSettings(2, batch_size=6)
    space["choice"].choose("quick")
    cell = cell_with("retrieval", "space_run = five.FIVE.run(")
    short = cell.replace("five.FIVE.settings(choice.preset)", "five.FiveSettings(2, batch_size=6)")
    assert short != cell and same_weights(trained_by_cell(short, space, "space"), five.FIVE.trained(small))
    shipped = loaded_by_cell(cell, space, "space_run", "space")
    assert same_weights(shipped, get("retrieval").recipe.load("retrieval_five")[0])
