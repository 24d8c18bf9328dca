"""The demo of lesson 01: set the words, the tone and the face, hear it, and see what each model believes."""

from typing import TYPE_CHECKING

from mmatl_lab.data.smartwatch import ARMS, EXERCISES, NUM_PERSONS
from mmatl_lab.lessons.pages import dial
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
    "views. Beside each stands the ideal listener, who knows how these remarks are made and gets the same views: no "
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
    import gradio as gr

    with gr.Blocks(analytics_enabled=False, title="What is meant is not what is said") as page:
        with gr.Tab("Sarcasm"):
            _sarcasm(page)
        with gr.Tab("Noise") as tab:
            _noise(tab)
        with gr.Tab("Watch") as tab:
            _watch(tab)
    return page


def _sarcasm(page: "gr.Blocks") -> None:
    import gradio as gr

    words, tone, face = EXAMPLES["Sarcastic"]
    gr.Markdown(ABOUT_SARCASM)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            text = gr.Textbox(words, label="Words", max_lines=2, max_length=MAX_CHARACTERS, elem_id="remark")
            menu = gr.Dropdown(list(REMARKS), value=None, label="Or choose an everyday remark")
            tone = dial(-STRONGEST, STRONGEST, tone, step=0.1, label="Tone: falling (−) to rising (+)")
            face = dial(-STRONGEST, STRONGEST, face, step=0.1, label="Face: frown (−) to smile (+)")
            say = gr.Button("Say it", variant="primary")
            with gr.Row():
                examples = [gr.Button(name, size="sm", min_width=130) for name in EXAMPLES]
            with gr.Accordion("All words that are known", open=False):
                gr.Markdown(" · ".join(sorted(filter(None, WORDS))))
        with gr.Column(scale=3, min_width=320):
            stage = gr.HTML(css_template=CSS, elem_id="stage")
            verdict = gr.HTML(css_template=CSS, elem_id="verdict")

    controls, shown = [text, tone, face], [stage, verdict]
    live = {"show_progress": "hidden", "trigger_mode": "always_last"}
    page.load(demo_sarcasm.judge, controls, shown)
    for trigger in (tone.change, face.change, text.submit, text.blur):
        trigger(demo_sarcasm.judge, controls, shown, **live)
    say.click(demo_sarcasm.judge, controls, shown, **live).then(None, js=SPEAK)
    menu.input(lambda words: words, menu, text, show_progress="hidden").then(
        demo_sarcasm.judge, controls, shown, **live
    )
    for button, example in zip(examples, EXAMPLES.values(), strict=True):
        button.click(lambda example=example: (*example, None), None, [*controls, menu], show_progress="hidden").then(
            demo_sarcasm.judge, controls, shown, **live
        )


def _noise(tab: "gr.Tab") -> None:
    import gradio as gr

    gr.Markdown(ABOUT_NOISE)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            dials = [
                dial(0, NOISIEST, NOISE, step=0.1, label="Noise of the voice, σ"),
                dial(0, NOISIEST, NOISE, step=0.1, label="Noise of the face, σ"),
                dial(0, 1, 0, step=0.05, label="Share of remarks whose words are neutral"),
                gr.Checkbox(True, label="Tell the models the noises"),
            ]
        with gr.Column(scale=3, min_width=320):
            measured = gr.HTML(css_template=CSS, elem_id="measured")
    for trigger in (tab.select, *(each.change for each in dials)):
        trigger(demo_noise.measure, dials, measured, show_progress="hidden", trigger_mode="always_last")


def _watch(tab: "gr.Tab") -> None:
    import gradio as gr

    gr.Markdown(ABOUT_WATCH)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            persons = [str(1 + person) for person in range(NUM_PERSONS)]
            person, exercise, arm = next(iter(WATCH_EXAMPLES.values()))
            recording = [
                gr.Dropdown(persons, value=person, label="Person"),
                gr.Dropdown(list(EXERCISES), value=exercise, label="Exercise"),
                gr.Radio(list(ARMS), value=arm, label="Arm with the watch"),
            ]
            moment = dial(0, 100, 50, step=1, label="Moment of the recording, %")
            with gr.Row():
                examples = [gr.Button(name, size="sm", min_width=180) for name in WATCH_EXAMPLES]
        with gr.Column(scale=3, min_width=320):
            felt = gr.HTML(css_template=CSS + demo_watch.CSS, elem_id="felt")
    chosen = [*recording, moment]
    for trigger in (tab.select, *(each.change for each in chosen)):
        trigger(demo_watch.recognise, chosen, felt, show_progress="hidden", trigger_mode="always_last")
    for button, example in zip(examples, WATCH_EXAMPLES.values(), strict=True):
        button.click(lambda example=example: example, None, recording, show_progress="hidden")
