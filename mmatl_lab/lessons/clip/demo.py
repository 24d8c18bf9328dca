"""The demo of lesson 03: scenes and captions that meet in one space; emoji found by words, and words by a picture."""

from typing import TYPE_CHECKING

from mmatl_lab.data.emoji import STYLES
from mmatl_lab.lessons.pages import beside, examples, frame, output
from mmatl_lab.viz.latent_map import as_frames, latent_map_html, payload
from mmatl_lab.world import COLOURS, SHAPES, SIZES

from . import demo_emoji, demo_scenes
from .demo_parts import CSS
from .demo_scenes import FIRST, QUARTERS, SECOND

if TYPE_CHECKING:
    import gradio as gr

ABOUT_SCENES = (
    "Draw a scene, write captions, and see which of them the model finds nearest. It learnt from **drawn scenes of one "
    "or two objects** and from nothing else: a photo of yours is outside what it knows, and its answer to one shows "
    "what a model does out of its depth. Try *Who is above whom* too: the first and the last of its captions are true, "
    "the other two have the same objects or words, put together wrongly."
)
ABOUT_MAP = (
    "**Where the picture lands.** A UMAP of 192 scenes and their captions: lines join a scene to its caption, the star "
    "is your picture, dashed lines lead to the three nearest captions. (Each modality's mean is taken away first, so "
    "that no gap between the two hides the rest.) Hover a point, or click it to draw its scene."
)
ABOUT_EMOJI = (
    "Type what you look for, or bring a picture. The model learnt 1,329 emoji in three art styles, with their names "
    "and keywords as **a bag of words**, in which order means nothing. The style OpenMoji and the emoji marked *new* "
    "were never shown to it."
)
EXAMPLES = {  # name: first object, second object or None, captions
    "Shape or colour": (FIRST, None, "a large red star\na large blue star\na large red heart\na small red star"),
    "Who is above whom": (
        ("star", "red", "large", "top left"),
        ("circle", "blue", "small", "bottom left"),
        "a large red star above a small blue circle\na small blue circle above a large red star\n"
        "a large blue star above a small red circle\na tiny azure disc below a big crimson pentagram",
    ),
    "Never seen together": (
        ("circle", "orange", "medium", "bottom left"),
        None,
        "a medium orange circle in the bottom left\na medium orange square in the bottom left\n"
        "a medium yellow circle in the bottom left\na medium orange circle in the top right",
    ),
    "Words it cannot know": (FIRST, None, "a large red star\na large scarlet star\na large red badge"),
}
EMOJI_EXAMPLES = ("bird", "red heart", "sad face", "moon", "insect")


def build() -> "gr.Blocks":
    """The page; models are loaded when it is opened first, not here."""
    return frame(
        "clip",
        "Which words belong to which picture, when nobody has named the classes beforehand?",
        first="Press *Who is above whom*, and see which two of the four captions the model believes.",
        then="In the notebook you train this model and watch pictures and words meet in one space.",
        tabs={"Scenes": _scenes, "Emoji": _emoji},
    )


def _object(values: tuple) -> "list[gr.Dropdown]":
    import gradio as gr

    choices = (("Shape", SHAPES), ("Colour", COLOURS), ("Size", SIZES), ("Place", QUARTERS))
    with gr.Row():
        return [
            gr.Dropdown(list(words), value=value, label=label, min_width=110)
            for (label, words), value in zip(choices, values, strict=True)
        ]


def _set_scene(words: tuple) -> tuple:
    """Puts the words of `controls_of` into the controls, of a picture that is drawn."""
    import gradio as gr

    seen, hidden = gr.update(visible=True), gr.update(visible=False)
    return (False, None, seen, hidden, gr.update(visible=words[4]), *words)


def _example(first: tuple, second: tuple | None, captions: str) -> tuple:
    return captions, *_set_scene((*first, second is not None, *(second or SECOND)))


def _scenes(opened) -> None:
    import gradio as gr

    gr.Markdown(ABOUT_SCENES)
    left, right = beside(1, 1)
    with left:
        own = gr.Radio([("Draw one", False), ("Bring my own", True)], value=False, label="Picture")
        with gr.Group() as drawing:
            first = _object(FIRST)
            two = gr.Checkbox(False, label="A second object")
            with gr.Group(visible=False) as more:
                second = _object(SECOND)
        file = gr.File(label="A picture (PNG, JPEG, WebP, GIF, …)", visible=False, height=140)
        seen = output(css=CSS)
    controls = [*first, two, *second]
    picture, settable = [own, file, *controls], [own, file, drawing, file, more, *controls]
    with right:
        typed = EXAMPLES["Shape or colour"][2]
        text = gr.Textbox(typed, lines=4, max_lines=12, label="Captions, one a line", elem_id="captions")
        choices = {name: _example(*values) for name, values in EXAMPLES.items()}
        set_by_example = examples(choices, [text, *settable], width=120)
        compare = gr.Button("Compare", variant="primary")
        ranked = output("ranked", css=CSS)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=300):
            waiting = gr.Markdown(
                "*The map is being drawn: the first time, this takes some seconds.*", elem_id="waiting"
            )
            chart = latent_map_html(as_frames([[0, 0], [1, 1]]), visible=False)  # drawn when the page is opened
        with gr.Column(min_width=240):
            gr.Markdown(ABOUT_MAP)

    def show_map():
        try:
            known = demo_scenes.atlas()
        except (ValueError, OSError) as error:
            return gr.HTML(), f"There is no map: {error}"
        return gr.HTML(value=payload(known.frames, known.captions, known.images), visible=True), gr.update(
            visible=False
        )

    def clicked(event: gr.SelectData):
        known = demo_scenes.atlas()
        return _set_scene(demo_scenes.controls_of(known.scenes[int(known.frames.pair[event.index])]))

    own.input(lambda own: (gr.update(visible=not own), gr.update(visible=own)), own, [drawing, file])
    two.input(lambda two: gr.update(visible=two), two, more)
    triggers = (opened, own.input, *(control.input for control in controls), file.upload, file.clear, compare.click)
    changes = [trigger(None) for trigger in (*triggers, text.submit)]
    for change in (*changes, *set_by_example, chart.select(clicked, None, settable)):
        # everything on the page says what there is to say about picture and captions
        change.then(demo_scenes.preview, picture, seen, show_progress="hidden").then(
            demo_scenes.ranking, [text, *picture], ranked, show_progress="minimal"
        ).then(lambda *given: gr.HTML(query=demo_scenes.landing(*given)), picture, chart, show_progress="hidden")
    opened(show_map, None, [chart, waiting], show_progress="hidden")


def _emoji(opened) -> None:
    import gradio as gr

    gr.Markdown(ABOUT_EMOJI)
    style = gr.Radio([*STYLES, "all"], value=STYLES[0], label="Art style (openmoji was never shown to the model)")
    left, right = beside(1, 1)
    with left:
        text = gr.Textbox(EMOJI_EXAMPLES[0], label="Words", max_lines=3, elem_id="words")
        chosen = examples({words: words for words in EMOJI_EXAMPLES}, text, width=80)
        find = gr.Button("Find emoji", variant="primary")
        found = output("found", css=CSS)
    with right:
        file = gr.File(label="A picture of yours", height=140)
        named = output("named", css=CSS, waiting="")

    for trigger in (text.submit, find.click, opened, style.input, *(event.then for event in chosen)):
        trigger(demo_emoji.find_emoji, [text, style], found)
    file.upload(demo_emoji.find_words, [file, style], named)
    file.clear(lambda: "", None, named)
    style.input(lambda path, style: demo_emoji.find_words(path, style) if path else "", [file, style], named)
