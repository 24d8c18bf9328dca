"""The demo of lesson 03: scenes and captions that meet in one space; emoji found by words, and words by a picture."""

from typing import TYPE_CHECKING

from mmatl_lab.data.emoji import STYLES
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
    "Type what you look for, or bring a picture. The model learnt 1,386 emoji in three art styles, with their names "
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
    import gradio as gr

    with gr.Blocks(analytics_enabled=False, title="Pictures and words in one space") as page:
        with gr.Tab("Scenes"):
            _scenes(page)
        with gr.Tab("Emoji") as tab:
            _emoji(tab)
    return page


def _object(quarters: list[str], values: tuple) -> "list[gr.Dropdown]":
    import gradio as gr

    choices = (("Shape", SHAPES), ("Colour", COLOURS), ("Size", SIZES), ("Place", quarters))
    with gr.Row():
        return [
            gr.Dropdown(list(words), value=value, label=label, min_width=110)
            for (label, words), value in zip(choices, values, strict=True)
        ]


def _scenes(page: "gr.Blocks") -> None:
    import gradio as gr

    gr.Markdown(ABOUT_SCENES)
    with gr.Row(equal_height=False):
        with gr.Column():
            own = gr.Radio([("Draw one", False), ("Bring my own", True)], value=False, label="Picture")
            with gr.Group() as drawing:
                first = _object(list(QUARTERS), FIRST)
                two = gr.Checkbox(False, label="A second object")
                with gr.Group(visible=False) as more:
                    second = _object(list(QUARTERS), SECOND)
            file = gr.File(label="A picture (PNG, JPEG, WebP, GIF, …)", visible=False, height=140)
            seen = gr.HTML(css_template=CSS)
        with gr.Column():
            text = gr.Textbox(
                EXAMPLES["Shape or colour"][2], lines=4, max_lines=12, label="Captions, one a line", elem_id="captions"
            )
            with gr.Row():
                examples = [gr.Button(name, size="sm", min_width=120) for name in EXAMPLES]
            compare = gr.Button("Compare", variant="primary")
            ranked = gr.HTML(css_template=CSS, elem_id="ranked")
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=360):
            waiting = gr.Markdown(
                "*The map is being drawn. The first time this takes some seconds.*", elem_id="waiting"
            )
            chart = latent_map_html(as_frames([[0, 0], [1, 1]]), visible=False)  # drawn when the page is opened
        with gr.Column(min_width=240):
            gr.Markdown(ABOUT_MAP)

    controls = [*first, two, *second]
    picture = [own, file, *controls]

    def answer(event) -> None:
        """After `event`, everything on the page says what there is to say about picture and captions."""
        event.then(demo_scenes.preview, picture, seen, show_progress="hidden").then(
            demo_scenes.ranking, [text, *picture], ranked, show_progress="minimal"
        ).then(lambda *given: gr.HTML(query=demo_scenes.landing(*given)), picture, chart, show_progress="hidden")

    def show_map():
        try:
            known = demo_scenes.atlas()
        except (ValueError, OSError) as error:
            return gr.HTML(), f"There is no map: {error}"
        drawn = payload(known.frames, known.captions, known.images)
        return gr.HTML(value=drawn, visible=True), gr.Markdown(visible=False)

    def set_scene(words):
        """Puts the words of `controls_of` into the controls."""
        return (False, None, gr.Group(visible=True), gr.File(visible=False), gr.Group(visible=words[4]), *words)

    def example(name: str):
        one, other, captions = EXAMPLES[name]
        return captions, *set_scene((*one, other is not None, *(other or SECOND)))

    def clicked(event: gr.SelectData):
        known = demo_scenes.atlas()
        return set_scene(demo_scenes.controls_of(known.scenes[int(known.frames.pair[event.index])]))

    own.input(lambda own: (gr.Group(visible=not own), gr.File(visible=own)), own, [drawing, file])
    two.input(lambda two: gr.Group(visible=two), two, more)
    settable = [own, file, drawing, file, more, *controls]
    for trigger in (own.input, *(control.input for control in controls), file.upload, file.clear, compare.click):
        answer(trigger(None))
    answer(text.submit(None))
    for button, name in zip(examples, EXAMPLES, strict=True):
        answer(button.click(lambda name=name: example(name), None, [text, *settable]))
    answer(chart.select(clicked, None, settable))
    answer(page.load(None))
    page.load(show_map, None, [chart, waiting], show_progress="hidden")


def _emoji(tab: "gr.Tab") -> None:
    import gradio as gr

    gr.Markdown(ABOUT_EMOJI)
    style = gr.Radio([*STYLES, "all"], value=STYLES[0], label="Art style (openmoji was never shown to the model)")
    with gr.Row(equal_height=False):
        with gr.Column():
            text = gr.Textbox(EMOJI_EXAMPLES[0], label="Words", max_lines=3, elem_id="words")
            with gr.Row():
                examples = [gr.Button(words, size="sm", min_width=100) for words in EMOJI_EXAMPLES]
            find = gr.Button("Find emoji", variant="primary")
            found = gr.HTML(css_template=CSS, elem_id="found")
        with gr.Column():
            file = gr.File(label="A picture of yours", height=140)
            named = gr.HTML(css_template=CSS, elem_id="named")

    for trigger in (text.submit, find.click, tab.select):
        trigger(demo_emoji.find_emoji, [text, style], found)
    for button in examples:
        button.click(lambda words: words, button, text).then(demo_emoji.find_emoji, [text, style], found)
    file.upload(demo_emoji.find_words, [file, style], named)
    file.clear(lambda: "", None, named)
    style.input(demo_emoji.find_emoji, [text, style], found)
    style.input(lambda path, style: demo_emoji.find_words(path, style) if path else "", [file, style], named)
