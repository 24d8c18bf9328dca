"""The demo's remarks: said in a tone and with a face, drawn, heard, judged by seven models and an ideal one."""

from collections.abc import Iterable

import torch
from torch import Tensor

from mmatl_lab.lessons import page_html as html
from mmatl_lab.lessons.pages import loader
from mmatl_lab.viz.audio import player
from mmatl_lab.viz.style import SEQUENTIAL
from mmatl_lab.world.audio import stft
from mmatl_lab.world.sarcasm import RATE, Utterances, belief, draw_faces, speak, squash, utterance_of
from mmatl_lab.world.sarcasm.remarks import valence_of

from . import sarcasm
from .sarcasm import SUBSETS

load = loader("why_multimodal")
STRONGEST = 3.0  # tone and face: about one remark in a hundred has a stronger one
MAX_CHARACTERS = 200  # of a remark
FACE_SIZE = 256
WINDOW, HOP, TOP = 512, 64, 2_000  # samples, samples, hertz: of the spectrogram, so fine that the pitch shows
CAN_TELL = tuple(views for views in SUBSETS if "text" in views and len(views) > 1)
CAN_GUESS = tuple(views for views in SUBSETS if views not in CAN_TELL)
CSS = """
.stage { display: flex; flex-wrap: wrap; gap: 16px; }
.stage > :last-child { flex: 1 1 240px; } .stage > :last-child img { width: 100%; height: 204px; }
audio { width: 100%; height: 40px; display: block; margin-bottom: 12px; }
"""


def label(modalities: Iterable[str]) -> str:
    """``"words + voice"`` of ``("text", "voice")``."""
    return " + ".join("words" if view == "text" else view for view in modalities)


def remark(words: str | None, tone: float | None, face: float | None) -> Utterances:
    """The utterance that the controls describe; ValueError, one sentence, when they describe none."""
    words = html.checked_text(words, "wow great food", MAX_CHARACTERS)
    html.checked_dials({"tone": tone, "face": face}, -STRONGEST, STRONGEST)
    return utterance_of(words, tone, face)


def spectrogram(waveform: Tensor) -> Tensor:
    """(3, F, T) colours of the loudness, over 60 dB, of a sound (N,) at each frequency up to TOP; the lowest last."""
    from matplotlib import colormaps

    loudness = stft(waveform, WINDOW, HOP)[: TOP * WINDOW // RATE].abs()
    shade = (1 + (loudness.clamp(min=1e-9).log10() + 1) / 3).clamp(0, 1)  # the loudest overtones have about 1/10
    return torch.from_numpy(colormaps[SEQUENTIAL](shade.flip(0).numpy())[..., :3]).permute(2, 0, 1)


def stage(utterance: Utterances) -> str:
    """The speaker's face, the voice to hear and its spectrogram, as HTML."""
    (waveform,) = speak(utterance)
    pitch, tone, change = utterance.pitch.item(), utterance.voice.item(), squash(utterance.voice).item() / 2
    goes = f"{'rises' if tone > 0 else 'falls'} from {pitch * (1 - change):.0f} to {pitch * (1 + change):.0f}"
    heard = f"a voice that {goes if tone else f'stays at {pitch:.0f}'} Hz"
    looks = {1: "smiling", 0: "with a straight mouth", -1: "frowning"}[int(utterance.face.sign())]
    face = html.picture_html(draw_faces(utterance, FACE_SIZE)[0], f"a face, {looks}", FACE_SIZE)
    sound = html.picture_html(spectrogram(waveform), f"spectrogram of {heard}", FACE_SIZE, 204)
    below = f"A{heard[1:]}, one pulse a word; drawn up to {TOP // 1000} kHz, for one second."
    return (
        f'<div class="stage">{html.captioned(face, "The models see it at 32 × 32 pixels.")}'
        f"{html.captioned(player(waveform, heard) + sound, below)}</div>"
    )


def sentence(utterance: Utterances) -> str:
    """What the ideal classifier makes of the remark, in words."""
    t, tone, face = utterance.valence.item(), utterance.voice.item(), utterance.face.item()
    words = {1: "praise", 0: "are neutral", -1: "blame"}[t]
    voice = "rises" if tone > 0 else "falls" if tone < 0 else "stays level"
    mouth = "smiles" if face > 0 else "frowns" if face < 0 else "stays straight"
    seen = f"The words {words}, the voice {voice} and the face {mouth}."
    if t == 0:
        if valence_of(utterance.text.T).any():  # of each word alone
            return f"{seen} Praise and blame cancel out, so there is nothing to contradict: nobody can tell."
        return f"{seen} Neutral words leave nothing to contradict: nobody can tell whether they are meant."
    sides = {name: t * value for name, value in (("voice", tone), ("face", face)) if value}
    against, agreeing = ([name for name, side in sides.items() if side * sign > 0] for sign in (-1, 1))
    if not sides:
        return f"{seen} Neither voice nor face takes a side: nobody can tell."
    if tone == -face:
        return f"{seen} Voice and face say opposite things, equally strongly: nobody can tell."
    if against and agreeing:
        stronger = max(sides, key=lambda name: abs(sides[name]))
        why = f"The {against[0]} contradicts the words, the {agreeing[0]} does not; the {stronger} is stronger."
    else:
        who = "Both" if len(sides) == 2 else f"The {next(iter(sides))} alone"
        s = "" if len(sides) == 2 else "s"
        why = f"{who} contradict{s} the words." if against else f"{who} agree{s} with the words."
    p = belief(utterance).item()
    sure = html.percent(max(p, 1 - p)).replace(">", "more than ")
    return f"{seen} {why} The ideal classifier is {sure} sure {'of sarcasm' if p > 0.5 else 'that it is meant'}."


@html.answering
def beliefs(utterance: Utterances) -> str:
    """P(sarcastic) of each trained classifier above that of the ideal one, who gets the same views, as HTML."""
    found = sarcasm.predict_proba(load("why_sarcasm"), utterance)

    def row(views: tuple[str, ...]) -> html.Row:
        model, exact = found[sarcasm.name_of(views)].item(), belief(utterance, views).item()
        return html.Row(label(views), (model, exact), f"{html.percent(model)} · ideal {html.percent(exact)}")

    misled = not utterance.valence.any() and any((p - 0.5).abs() > 0.25 for p in found.values())
    surprise = "some models are sure all the same: they have hardly ever heard words like these together"
    keys = html.legend("P(sarcastic)", ("trained model", "ideal classifier"), "← meant, sarcastic →", "┊ a coin, 50%")
    return (
        f'{keys}<p class="group">Words and how they are said: these can tell, where words take a side</p>'
        f"{html.bars([*map(row, CAN_TELL)], coin=True)}"
        f'<p class="group">Something is missing: these can only guess</p>{html.bars([*map(row, CAN_GUESS)], coin=True)}'
        + (html.note(surprise) if misled else "")
    )


@html.answering
def judge(words: str | None, tone: float | None, face: float | None) -> str:
    """The stage, and what everybody believes, as HTML."""
    utterance = remark(words, tone, face)
    return f"{stage(utterance)}{html.verdict(sentence(utterance))}{beliefs(utterance)}"
