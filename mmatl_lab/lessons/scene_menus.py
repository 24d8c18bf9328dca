"""A scene of one or two objects that a visitor of a demo draws with menus."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmatl_lab.world import COLOURS, SHAPES, SIZES, Scenes, held_out_combinations, scene_of

from . import page_html as html

if TYPE_CHECKING:
    import gradio as gr

QUARTERS = {"top left": (-0.5, 0.5), "top right": (0.5, 0.5), "bottom left": (-0.5, -0.5), "bottom right": (0.5, -0.5)}
NONE = "none"
MENUS = {"shape": SHAPES, "colour": COLOURS, "size": SIZES, "place": tuple(QUARTERS)}


def scene_menus(values: Sequence[str]) -> "list[gr.Dropdown]":
    """Eight menus: shape, colour, size and place of the first object and of the second, whose shape may be NONE."""
    import gradio as gr

    menus = []
    for name, given, shapes in (("First", values[:4], SHAPES), ("Second", values[4:8], (NONE, *SHAPES))):
        with gr.Row():
            for (menu, words), value in zip((MENUS | {"shape": shapes}).items(), given, strict=True):
                menus.append(gr.Dropdown([*words], value=value, label=f"{name} {menu}", min_width=150))
    return menus


def scene_of_menus(*menus: str | None) -> tuple[Scenes, list[str]]:
    """The scene of the eight menus' values, a batch of one, and what there is to know about it, in sentences.

    Raises:
        ValueError: a menu is empty.
    """
    html.checked_choices(*menus)
    objects = [dict(zip(MENUS, given)) for given in (menus[:4], menus[4:]) if given[0] != NONE]
    notes = [
        f"The combination {o['colour']} {o['shape']} was held out of training: the model has never seen one"
        for o in objects
        if held_out_combinations()[SHAPES.index(o["shape"]), COLOURS.index(o["colour"])]
    ]
    places = [o.pop("place") for o in objects]
    if len({*places}) < len(places):
        notes.append("In training no two objects stood in the same quarter: the second hides the first here")
    return scene_of(*(o | dict(zip("xy", QUARTERS[at])) for o, at in zip(objects, places))), notes


def menus_of(scene: Scenes) -> tuple[str, ...]:
    """The eight menus' values that draw a scene (a batch of one), but for exact places."""

    def words(k: int) -> tuple[str, ...]:
        quarter = list(QUARTERS)[2 * int(scene.row[0, k]) + int(scene.column[0, k])]
        shape = SHAPES[scene.shape[0, k]] if scene.mask[0, k] else NONE
        return shape, COLOURS[scene.colour[0, k]], SIZES[scene.size[0, k]], quarter

    return *words(0), *words(1)
