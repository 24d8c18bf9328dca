"""The demo of lesson 01: set the words, the tone and the face, hear it, and see what each model believes."""

from typing import TYPE_CHECKING

from mmatl_lab.data.smartwatch import ARMS, EXERCISES, NUM_PERSONS
from mmatl_lab.lessons.pages import beside, dial, examples, frame, live, output
from mmatl_lab.world.sarcasm import NOISE, WORDS

from . import demo_noise, demo_sarcasm, demo_watch
from .demo_noise import NOISIEST
from .demo_parts import CSS
from .demo_sarcasm import MAX_CHARACTERS, STRONGEST

if TYPE_CHECKING:
    import gradio as gr

ABOUT_SARCASM = (
    "A remark is sarcastic where its words contradict what is meant; and what is meant is never said, it is **heard in "
    "the tone** and **seen in the face**. Seven models of one build have learnt from the same remarks, each from other "
    "views. Beside each stands the ideal classifier, who knows how these remarks are made and gets the same views: no "
    "model can know better."
)
ABOUT_NOISE = (
    "Tone and face follow what is meant, plus noise: the larger it is, the more often a good word sounds bad by "
    "accident. The models learnt at all noises, and are told how noisy voice and face are. **Predict first:** untick "
    f"the box, so that they take both noises for {NOISE}, and make the voice as noisy as it gets. Is the model that "
    "gets all three still right more often than the one without the voice?"
)
ABOUT_WATCH = (
    "Ten people did seven exercises with a watch on either wrist, which felt gravity and shaking (accelerometer) and "
    "turning (gyroscope). For every person there are models that learnt from the nine others only. Some movements look "
    "alike to one sensor and not to the other."
)
EXAMPLES = {  # name: words, tone, face
    "Meant": ("wow what a wonderful day", 1.2, 1.0),
    "Sarcastic": ("wow what a wonderful day", -1.2, -1.0),
    "A joke": ("oh what an awful trip", 1.4, 1.2),
    "Poker face": ("the food was really lovely", -1.0, 0.0),
    "Torn": ("yes great idea", -1.6, 1.0),
    "Neutral words": ("this place sure is interesting", -2.0, -2.0),
}
REMARKS = (
    *("wow what a wonderful day", "the food was really lovely", "oh i truly loved the concert", "yes great idea"),
    *("gosh this hotel sure is perfect", "oh what an awful trip", "honestly i just hated the film"),
    *("look terrible service", "the weather was truly miserable", "well this party sure is disappointing"),
    *("this place sure is interesting", "i really noticed the gift", "well what a different song"),
)
WATCH_EXAMPLES = {  # name: person, exercise, arm; what the shipped models make of them
    "Two know more than one": ("9", "internal rotation", "right"),
    "Gravity tells": ("4", "external rotation", "right"),
    "Turning tells": ("4", "forward elevation", "right"),
    "One misleads the other": ("4", "external rotation", "left"),
    "All are fooled": ("3", "abduction", "left"),
}
SPEAK = "() => document.querySelector('#stage audio')?.play().catch(() => {})"  # a browser may forbid it: no error


def build() -> "gr.Blocks":
    """The page; models are loaded when it is opened first, not here."""
    return frame(
        "why_multimodal",
        "What can a model know from one modality, and what only from several together?",
        first="Move the tone from falling to rising: the same words, and the verdict turns.",
        then="In the notebook you train these classifiers and compare ways to fuse what they see.",
        tabs={"Sarcasm": _sarcasm, "Noise": _noise, "Watch": _watch},
    )


def _sarcasm(opened) -> None:
    import gradio as gr

    words, tone, face = EXAMPLES["Sarcastic"]
    gr.Markdown(ABOUT_SARCASM)
    left, right = beside()
    with left:
        text = gr.Textbox(words, label="Words", max_lines=2, max_length=MAX_CHARACTERS, elem_id="remark")
        menu = gr.Dropdown(list(REMARKS), value=None, label="Or choose an everyday remark")
        tone = dial(-STRONGEST, STRONGEST, tone, step=0.1, label="Tone: falling (−) to rising (+)")
        face = dial(-STRONGEST, STRONGEST, face, step=0.1, label="Face: frown (−) to smile (+)")
        say = gr.Button("Say it", variant="primary")
        controls = [text, tone, face]
        set_by_example = examples({name: (*values, None) for name, values in EXAMPLES.items()}, [*controls, menu])
        with gr.Accordion("All words that are known", open=False):
            gr.Markdown(" · ".join(sorted(filter(None, WORDS))))
    with right:
        shown = [output("stage", css=CSS), output("verdict", css=CSS, waiting="")]

    chosen = menu.input(lambda words: words, menu, text, show_progress="hidden")
    after = [event.then for event in (chosen, *set_by_example)]
    live([opened, tone.change, face.change, text.submit, text.blur, *after], demo_sarcasm.judge, controls, shown)
    say.click(demo_sarcasm.judge, controls, shown, show_progress="hidden").then(None, js=SPEAK)


def _noise(opened) -> None:
    import gradio as gr

    gr.Markdown(ABOUT_NOISE)
    left, right = beside()
    with left:
        dials = [
            dial(0, NOISIEST, NOISE, step=0.1, label="Noise of the voice, σ"),
            dial(0, NOISIEST, NOISE, step=0.1, label="Noise of the face, σ"),
            dial(0, 1, 0, step=0.05, label="Share of remarks whose words are neutral"),
            gr.Checkbox(True, label="Tell the models the noises"),
        ]
    with right:
        measured = output("measured", css=CSS)
    opened(demo_noise.prepare)
    live([opened, *(each.change for each in dials)], demo_noise.measure, dials, measured)


def _watch(opened) -> None:
    import gradio as gr

    gr.Markdown(ABOUT_WATCH)
    person, exercise, arm = next(iter(WATCH_EXAMPLES.values()))
    left, right = beside()
    with left:
        recording = [
            gr.Dropdown([str(1 + n) for n in range(NUM_PERSONS)], value=person, label="Person"),
            gr.Dropdown(list(EXERCISES), value=exercise, label="Exercise"),
            gr.Radio(list(ARMS), value=arm, label="Arm with the watch"),
        ]
        moment = dial(0, 100, 50, step=1, label="Moment of the recording, %")
        examples(WATCH_EXAMPLES, recording, width=180)
    with right:
        felt = output("felt", css=CSS + demo_watch.CSS)
    chosen = [*recording, moment]
    live([opened, *(each.change for each in chosen)], demo_watch.recognise, chosen, felt)
