"""The demo of lesson 04: any modality asks, any modality answers; with the neighbours, the hubs and a map."""

from typing import TYPE_CHECKING

from mmatl_lab.lessons.pages import beside, dial, examples, frame, live, output

from .demo_search import DEFAULT, NUM_QUERIES, answer
from .five import MODALITIES

if TYPE_CHECKING:
    import gradio as gr

EXAMPLES = {  # name: text, scene, what asks, what answers, hubs pushed down
    "Hear a small ring": ("a small ring", 1, "text", "audio", False),
    "A picture asks for its video": (DEFAULT, 7, "image", "video", False),
    "A sound asks for words": (DEFAULT, 12, "audio", "text", False),
    "A movement asks for a sound": (DEFAULT, 5, "sensor", "audio", False),
    "A word the model has not learnt": ("a small bouncing ring", 1, "text", "audio", False),
}
ABOUT = (
    "The model was trained on pairs with an image only: image and text, image and sound, image and video, image and "
    "sensor. What asks and what answers below may never have met. Captions tell shape, colour, size and place. Sounds "
    "tell shape, size and motion."
)


def build() -> "gr.Blocks":
    """The page; the model is loaded when it is opened first."""
    return frame(
        "retrieval",
        "What finds what, if text and sound have never met?",
        first=("Ask for a sound in words. The model has never heard a sound while it read.", "Hear a small ring"),
        then="In the notebook you train this space, and compute exactly how much each pair can know of the other.",
        tabs={"Search": _search},
    )


def _search(here) -> None:
    import gradio as gr

    gr.Markdown(ABOUT)
    left, right = beside()
    with left:
        asks = gr.Radio([*MODALITIES], value="image", label="What asks")
        text = gr.Textbox(DEFAULT, label="Words (where text asks)", max_lines=2, elem_id="words")
        scene = dial(1, NUM_QUERIES, 3, step=1, label="Scene (where something else asks)")
        finds = gr.Radio([*MODALITIES], value="text", label="What answers")
        csls = gr.Checkbox(False, label="Push hubs down (CSLS)")
        controls = [text, scene, asks, finds, csls]
        chosen = examples(EXAMPLES, controls, here, width=180)
    with right:
        found = output("found")
    changes = [here.opened, text.submit, scene.change, asks.input, finds.input, csls.input]
    live([*changes, *(event.then for event in chosen)], answer, controls, found)
