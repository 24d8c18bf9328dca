"""The demo of lesson 01: set the words, the tone and the face, hear it, and see what each model believes."""

from typing import TYPE_CHECKING

from mmatl_lab.data.smartwatch import ARMS, EXERCISES, NUM_PERSONS
from mmatl_lab.lessons.pages import beside, dial, examples, frame, live, output
from mmatl_lab.world.sarcasm import NOISE, WORDS

from . import demo_noise, demo_sarcasm, demo_watch
from .demo_sarcasm import STRONGEST
from .noise_table import NOISES

if TYPE_CHECKING:
    import gradio as gr

ABOUT_SARCASM = (
    "A remark is sarcastic if its words contradict what the speaker means. The meaning is never said: it is **heard in "
    "the tone** and **seen in the face**. Seven classifiers of the same kind learned from the same remarks, each from "
    "other modalities. Beside each stands the ideal classifier, which knows how these remarks are made and gets the "
    "same modalities: no model can do better."
)
ABOUT_NOISE = (
    "Tone and face follow what is meant, plus noise. The larger the noise, the more often a sincere remark sounds bad "
    "by accident. The models learned at all noise levels and are told how noisy voice and face are. **Predict first:** "
    f"if nobody tells them, they take both noises for {NOISE}. Make the voice as noisy as possible. Is the model with "
    "all three modalities still right more often than the one without the voice?"
)
ABOUT_WATCH = (
    "Ten people did seven exercises with a watch on one wrist. It measured acceleration with gravity (accelerometer) "
    "and rotation (gyroscope). For each person there are models that learned from the nine others only. Some exercises "
    "look alike to one sensor and different to the other."
)
EXAMPLES = {  # name: words, tone, face
    "Sarcastic": ("wow what a wonderful day", -1.2, -1.0),
    "Meant": ("wow what a wonderful day", 1.2, 1.0),
    "A joke": ("oh what an awful trip", 1.4, 1.2),
    "Poker face": ("the food was really lovely", -1.0, 0.0),
    "Torn": ("yes great idea", -1.6, 1.0),
    "Neutral words": ("this place sure is interesting", -2.0, -2.0),
}
NOISES_TO_TRY = {  # name: noise of the voice, of the face, share of neutral words, told
    "Noisy voice, told": (NOISES[-1], NOISE, 0, True),
    "Noisy voice, not told": (NOISES[-1], NOISE, 0, False),
    "No noise at all": (0, 0, 0, True),
    "Half of the words neutral": (NOISE, NOISE, 0.5, True),
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
        first=(
            "The speaker praises the day and means it. Let the same words be said in a falling tone, with a frown, and "
            "see which models change their minds.",
            "Say it sarcastically",
        ),
        then="In the notebook you train these classifiers and compare ways to fuse what they see.",
        tabs={"Sarcasm": _sarcasm, "Noise": _noise, "Watch": _watch},
    )


def _sarcasm(here) -> None:
    import gradio as gr

    words, tone, face = EXAMPLES["Meant"]
    gr.Markdown(ABOUT_SARCASM)
    left, right = beside()
    with left:
        text = gr.Textbox(words, label="Words", max_lines=2, max_length=demo_sarcasm.MAX_CHARACTERS, elem_id="remark")
        menu = gr.Dropdown(list(REMARKS), value=None, label="Or choose an everyday remark")
        tone = dial(-STRONGEST, STRONGEST, tone, step=0.1, label="Tone: falling (−) to rising (+)")
        face = dial(-STRONGEST, STRONGEST, face, step=0.1, label="Face: frown (−) to smile (+)")
        say = gr.Button("Say it", variant="primary")
        controls = [text, tone, face]
        set_by_example = examples({name: (*values, None) for name, values in EXAMPLES.items()}, [*controls, menu], here)
        with gr.Accordion("All words that are known", open=False):
            gr.Markdown(" · ".join(sorted(filter(None, WORDS))))
    with right:
        shown = output("stage", css=demo_sarcasm.CSS)

    chosen = menu.input(lambda words: words, menu, text, show_progress="hidden")
    after = [event.then for event in (chosen, *set_by_example)]
    live([here.opened, tone.change, face.change, text.submit, text.blur, *after], demo_sarcasm.judge, controls, shown)
    say.click(demo_sarcasm.judge, controls, shown, show_progress="hidden").then(None, js=SPEAK)


def _noise(here) -> None:
    import gradio as gr

    gr.Markdown(ABOUT_NOISE)
    left, right = beside()
    with left:
        dials = [
            dial(0, NOISES[-1], NOISE, step=0.2, label="Noise of the voice, σ"),
            dial(0, NOISES[-1], NOISE, step=0.2, label="Noise of the face, σ"),
            dial(0, 1, 0, step=0.25, label="Share of remarks whose words are neutral"),
            gr.Checkbox(True, label="Tell the models the noises"),
        ]
        examples(NOISES_TO_TRY, dials, here, width=180)
        drawn = output("curves", waiting="")
    with right:
        measured = output("measured")
    triggers = [here.opened, *(each.change for each in dials)]
    live(triggers, demo_noise.measure, dials, measured)
    live(triggers, demo_noise.curves, dials, drawn)


def _watch(here) -> None:
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
        examples(WATCH_EXAMPLES, recording, here, width=180)
    with right:
        felt = output("felt")
    chosen = [*recording, moment]
    live([here.opened, *(each.change for each in chosen)], demo_watch.recognise, chosen, felt)
