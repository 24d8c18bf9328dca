"""The demo of lesson 03: scenes and captions that meet in one space; emoji found by words, and words by a picture."""

from typing import TYPE_CHECKING

from mmatl_lab.data.emoji import STYLES
from mmatl_lab.lessons.pages import beside, examples, frame, live, output
from mmatl_lab.lessons.scene_menus import NONE, scene_menus
from mmatl_lab.viz.latent_map import as_frames, latent_map_html, payload

from . import demo_emoji, demo_scenes

if TYPE_CHECKING:
    import gradio as gr

ABOUT_SCENES = (
    "Draw a scene, write captions, and see which of them the model finds nearest. It learned from **drawn scenes of "
    "one or two objects** and from nothing else. A photo of yours is outside its training data: its answer shows what "
    "a model does then."
)
ABOUT_MAP = (
    "**Where the picture lands.** A UMAP of 192 scenes and their captions. Lines join a scene to its caption. The star "
    "is your picture; dashed lines lead to the three nearest captions. The mean of each modality is subtracted first, "
    "so that the gap between the two does not hide the rest. Hover over a point, or click it to draw its scene."
)
ABOUT_EMOJI = (
    "Type what you look for, or bring a picture. The model learned 1,329 emoji in three art styles, with their names "
    "and keywords as **a bag of words**: their order means nothing. It has never seen the style OpenMoji, nor the "
    "emoji marked *new*."
)
STAR, CIRCLE = ("star", "red", "large", "top left"), ("circle", "blue", "small", "bottom right")
NOBODY = (NONE, *CIRCLE[1:])
EXAMPLES = {  # name: captions, controls
    "Who is above whom": (
        "a large red star above a small blue circle\na small blue circle above a large red star\n"
        "a large blue star above a small red circle\na tiny azure disc below a big crimson pentagram",
        *(*STAR, "circle", "blue", "small", "bottom left", None),
    ),
    "Shape or colour": (
        "a large red star\na large blue star\na large red heart\na small red star",
        *(*STAR, *NOBODY, None),
    ),
    "Never seen together": (
        "a medium orange circle in the bottom left\na medium orange square in the bottom left\n"
        "a medium yellow circle in the bottom left\na medium orange circle in the top right",
        *("circle", "orange", "medium", "bottom left", *NOBODY, None),
    ),
    "Words it cannot know": ("a large red star\na large scarlet star\na large red badge", *STAR, *NOBODY, None),
}
EMOJI_EXAMPLES = ("bird", "red heart", "sad face", "moon", "insect")


def build() -> "gr.Blocks":
    """The page; models are loaded when it is opened first, not here."""
    return frame(
        "clip",
        "Which words belong to which picture, when nobody has named the classes beforehand?",
        first=(
            "Two objects and four captions: the first and the last are true, the other two put the same objects or "
            "words together wrongly. Which two does the model believe?",
            "Who is above whom?",
        ),
        then="In the notebook you train this model and watch pictures and words meet in one space.",
        tabs={"Scenes": _scenes, "Emoji": _emoji},
    )


def _scenes(here) -> None:
    import gradio as gr

    gr.Markdown(ABOUT_SCENES)
    captions, *values = EXAMPLES["Shape or colour"]
    left, right = beside(5, 4)
    with left:
        menus = scene_menus(values)
        with gr.Accordion("Or bring a picture of yours", open=False):
            file = gr.File(label="PNG, JPEG, WebP, GIF, …", height=140)
        seen = output()
    controls = [*menus, file]
    with right:
        text = gr.Textbox(captions, lines=4, max_lines=12, label="Captions, one a line", elem_id="captions")
        set_by_example = examples(EXAMPLES, [text, *controls], here, width=120)
        compare = gr.Button("Compare", variant="primary")
        ranked = output("ranked")
    left, right = beside(2, 1)
    with left:
        waiting = gr.Markdown("*The map is being drawn: the first time, this takes some seconds.*", elem_id="waiting")
        chart = latent_map_html(as_frames([[0, 0], [1, 1]]), visible=False)  # drawn when the page is opened
    with right:
        gr.Markdown(ABOUT_MAP)

    def show_map():
        try:
            known = demo_scenes.atlas()
        except (ValueError, OSError) as error:
            return gr.HTML(), f"There is no map: {error}"
        return gr.HTML(payload(known.frames, known.captions, known.images), visible=True), gr.update(visible=False)

    def clicked(event: gr.SelectData):
        known = demo_scenes.atlas()
        return demo_scenes.controls_of(known.scenes[int(known.frames.pair[event.index])])

    changes = [here.opened, *(menu.input for menu in menus), file.upload, file.clear, compare.click, text.submit]
    changes += [event.then for event in (*set_by_example, chart.select(clicked, None, controls))]
    live(changes, demo_scenes.preview, controls, seen)
    live(changes, demo_scenes.ranking, [text, *controls], ranked)
    live(changes, lambda *given: gr.HTML(query=demo_scenes.landing(*given)), controls, chart)
    here.opened(show_map, None, [chart, waiting], show_progress="hidden")


def _emoji(here) -> None:
    import gradio as gr

    gr.Markdown(ABOUT_EMOJI)
    style = gr.Radio([*STYLES, "all"], value=STYLES[0], label="Art style (the model has never seen openmoji)")
    left, right = beside(1, 1)
    with left:
        text = gr.Textbox(EMOJI_EXAMPLES[0], label="Words", max_lines=3, elem_id="words")
        chosen = examples({words: words for words in EMOJI_EXAMPLES}, text, here, width=80)
        find = gr.Button("Find emoji", variant="primary")
        found = output("found")
    with right:
        file = gr.File(label="A picture of yours", height=140)
        named = output("named", waiting=demo_emoji.NO_PICTURE)

    asked = (text.submit, find.click, here.opened, style.input, *(event.then for event in chosen))
    live(asked, demo_emoji.find_emoji, [text, style], found)
    live([file.upload, file.clear, style.input], demo_emoji.find_words, [file, style], named)
