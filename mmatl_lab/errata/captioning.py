"""Errata on captions: how the code guide writes and trains them, and how both documents score them."""

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..metrics.caption import bleu, ngrams
from ..models.captioning import ShowTell, caption_loss, shifted
from ..nn.decoding import State, greedy
from ..seeding import drawn_from, seeded
from .ledger import Dependence, Measured, erratum, percent

CODE = "The guide prints code; the formula is what this code computes."
NUM_SEEDS = 5
KEPT = (0.0, 0.5, 0.8, 1.0)  # factors of the state after every word
STEPS = (10, 40, 120)  # of training, after which is measured
LENGTHS = (5, 10, 20, 40)  # words of the long caption
REPEATS = (1, 2, 4, 8)  # of one word
NUM_VALUES = 8  # colours, and shapes
VOCAB_SIZE = 2 + 2 * NUM_VALUES + 2  # padding, 'a', colours, shapes, start, end
LABELS = {
    "exact": "captions written exactly (share)",
    "loss": "training loss at the end (nats a word)",
    "first": "BLEU-4 of the system that has the long caption right (0 to 1)",
    "second": "BLEU-4 of the system that has the short captions right (0 to 1)",
    "precision": "precision of a caption that repeats one word (share of its words)",
}


class Forgetful:
    """A decoder that loses its LSTM's state after every word, as the guide's loop does; the weights stay the same.

    Args:
        kept: the factor of the state after every word; 0 loses it, 1 keeps it.
    """

    def __init__(self, model: ShowTell, kept: float = 0.0):
        self.model, self.end, self.kept = model, model.end, kept

    def begin(self, images: Tensor) -> tuple[Tensor, State]:
        return self.model.begin(images)

    def step(self, tokens: Tensor, state: State) -> Tensor:
        state["h"], state["c"] = self.kept * state["h"], self.kept * state["c"]
        return self.model.step(tokens, state)


def unshifted_loss(model: ShowTell, images: Tensor, captions: Tensor) -> Tensor:
    """The loss whose targets are the words that are read at the same place: the word at t is to be said at t."""
    inputs, _ = shifted(captions, model.start, model.end)
    return caption_loss(model.logits(model.encode(images), inputs), inputs.masked_fill(inputs == model.start, 0))


def small_captions(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Vectors that tell everything, (n, 32), and captions such as 'a red star a blue ring', (n, 6) tokens."""
    colour, shape = (torch.randint(NUM_VALUES, (n, 2), generator=generator) for _ in range(2))
    vector = nn.functional.one_hot(torch.stack([colour, shape + NUM_VALUES], 2), 2 * NUM_VALUES).sum(2)
    words = torch.stack([torch.ones_like(colour), 2 + colour, 2 + NUM_VALUES + shape], 2)
    return vector.flatten(1).float(), words.flatten(1)


class Trained(NamedTuple):
    model: ShowTell
    loss: float  # the last
    exact: tuple[float, ...]  # after each of STEPS


@cache
def train_small(seed: int, *, shift: bool = True) -> Trained:
    """A small captioner of two objects."""
    with drawn_from(seed):
        model, shares = ShowTell(nn.Linear(4 * NUM_VALUES, 32), VOCAB_SIZE, 32, 64), []
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
        for step in range(STEPS[-1]):
            images, captions = small_captions(64, seeded(seed, step))
            loss = caption_loss(*model(images, captions)) if shift else unshifted_loss(model, images, captions)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if step + 1 in STEPS:
                shares.append(exact(model))
    return Trained(model.eval(), loss.item(), tuple(shares))


def exact(decoder, n: int = 500) -> float:
    """The share of the captions that are written exactly as they should be, of pictures that training never saw."""
    images, captions = small_captions(n, seeded(90_512))
    written = greedy(decoder, images, captions.shape[1] + 2)
    width = max(written.tokens.shape[1], captions.shape[1])
    one, other = (nn.functional.pad(x, (0, width - x.shape[1])) for x in (written.tokens, captions))
    return ((one == other).all(1) & written.finished).float().mean().item()


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


@erratum(
    "caption-state",
    document="guide",
    title="The guide drops the LSTM's state at each word of a caption: the same weights, which write all captions "
    "right with it, write hardly any.",
    printed=r"h_t = \mathrm{LSTM}([E y_{t-1}; f(x)],\; 0)",
    right=r"h_t, c_t = \mathrm{LSTM}([E y_{t-1}; f(x)],\; (h_{t-1}, c_{t-1}))",
    symbols=r"$y_{t-1}$ is the last word, $E$ gives its vector, $f(x)$ is the picture's vector, $h_t$ and $c_t$ are "
    "the state of the LSTM, and 0 is a state of zeros.",
    source="Vinyals et al. 2015, arXiv:1411.4555, section 3.1",
    quoted=CODE,
    also="The guide has no end token, and returns logits in training and words otherwise, so there is no validation "
    "loss. Its code for captions of videos does the same.",
)
def state(seed: int = 0) -> Measured:
    """A captioner of two-object captions, trained with the state and then decoded with and without; five seeds.
    Without the state a word is chosen by the picture and the last word alone: after the 'a' of either object both
    objects are equally right, and nothing tells that the caption is over.
    """
    models = [train_small(s).model for s in range(seed, seed + NUM_SEEDS)]
    right = _mean([exact(model) for model in models])
    shares = tuple(_mean([exact(Forgetful(model, kept)) for model in models]) for kept in KEPT)
    sentence = (
        f"The same weights write {percent(right)} of the captions exactly with their state, and {percent(shares[0])} "
        "without it."
    )
    depends = Dependence("share of the state that is kept after each word", "exact", KEPT, shares, (right,) * len(KEPT))
    return Measured({"exact": shares[0]}, {"exact": right}, sentence, LABELS, (depends,))


@erratum(
    "caption-shift",
    document="guide",
    title="The guide's captioner reads and is to say the same word at the same place: it learns to copy, and its loss "
    "falls to 0.",
    printed=r"L = -\sum_t \log p(y_t | y_{\le t}, x)",
    right=r"L = -\sum_t \log p(y_{t+1} | y_{\le t}, x)",
    symbols=r"$y_{\le t}$ are the words up to place $t$, $x$ is the picture, $p$ are the captioner's "
    r"probabilities, and $L$ is the loss.",
    source="Sutskever et al. 2014, arXiv:1409.3215; Vinyals et al. 2015, arXiv:1411.4555, section 3.1",
    quoted="The guide prints the model and no loss. Its output at each place belongs to the caption's word at this "
    "place, which is the one that is read there.",
    inferred=True,
)
def shift(seed: int = 0) -> Measured:
    """Two-object captions, five seeds. A captioner that copies what it reads writes its start token's copy for ever.
    After a few steps neither form has learnt anything, and there is no difference in what is written.
    """
    runs = {form: [train_small(s, shift=form == "right") for s in range(seed, seed + NUM_SEEDS)]
            for form in ("printed", "right")}  # fmt: skip
    shares = {form: tuple(map(_mean, zip(*(run.exact for run in runs[form])))) for form in runs}
    printed, right = ({"exact": shares[form][-1], "loss": _mean([run.loss for run in runs[form]])} for form in runs)
    sentence = (
        f"Unshifted, the loss ends at {printed['loss']:.3f} nats a word, and {percent(printed['exact'])} of the "
        f"captions are written right. Shifted, it ends at {right['loss']:.3f}, and {percent(right['exact'])} are."
    )
    depends = Dependence("number of training steps", "exact", STEPS, shares["printed"], shares["right"])
    return Measured(printed, right, sentence, LABELS, (depends,))


def mean_of_sentences(candidates: list[str], references: list[list[str]], epsilon: float = 0.1) -> float:
    """The guide's score: the mean of each caption's own BLEU-4, with ε in place of a count of 0 (NLTK's method 1)."""
    scores = []
    for text, refs in zip(candidates, references):
        words = text.split()
        logs = 0.0
        for n in range(1, 5):
            most = max((ngrams(ref.split(), n) for ref in refs), key=lambda grams: (ngrams(words, n) & grams).total())
            logs += math.log(((ngrams(words, n) & most).total() or epsilon) / max(len(words) - n + 1, 1)) / 4
        wanted = min((abs(len(ref.split()) - len(words)), len(ref.split())) for ref in refs)[1]
        scores.append(math.exp(min(0.0, 1 - wanted / len(words)) + logs))
    return sum(scores) / len(scores)


def _two_systems(long_words: int) -> tuple[list[str], list[str], list[list[str]]]:
    """One system gets one long caption right and nine short ones wrong in a word each; the other the reverse."""
    short, long = "a b c d e", " ".join(f"w{i}" for i in range(long_words))
    references = [[long]] + [[short]] * 9
    broken = " ".join(word if i % 5 else "x" for i, word in enumerate(long.split()))
    return [long] + ["a b x d e"] * 9, [broken] + [short] * 9, references


@erratum(
    "bleu-mean",
    document="guide",
    title="The guide averages the BLEU of single captions: this is another number than the BLEU of the corpus, and it "
    "can rank two systems the other way round.",
    printed=r"\frac1M \sum_i \mathrm{BLEU}(c_i, S_i)",
    right=r"\mathrm{BP} \cdot \exp\Big(\frac14 \sum_{n=1}^4 \log \frac{\sum_i \text{shared}_n(c_i, S_i)}"
    r"{\sum_i \text{ngrams}_n(c_i)}\Big)",
    symbols=r"$c_i$ is the caption of picture $i$ of $M$, $S_i$ are its references, BP is the brevity penalty of the "
    r"corpus, $n$ a length, $\text{shared}_n$ counts the caption's n-grams that a reference has, clipped, and "
    r"$\text{ngrams}_n$ all of them.",
    source="Papineni et al. 2002, ACL P02-1040, section 2.3",
    quoted=CODE + " It adds a small number to counts of 0.",
    also="pycocoevalcap takes dictionaries, first the references and then the captions, and its METEOR needs Java; the "
    "guide gives it lists.",
)
def corpus_bleu(seed: int = 0) -> Measured:
    """Two systems on ten captions, one long and nine short. The first has every word of the long one right, the second
    every word of the short ones. Nothing is drawn. Where all captions are equally long, there is hardly a difference.
    """
    numbers = {"printed": mean_of_sentences, "right": bleu}
    found = {form: [] for form in numbers}
    for length in LENGTHS:
        *systems, references = _two_systems(length)
        for form, score in numbers.items():
            found[form].append([score(candidates, references) for candidates in systems])
    printed, right = ({"first": found[form][-1][0], "second": found[form][-1][1]} for form in numbers)
    sentence = (
        f"One caption of {LENGTHS[-1]} words and nine of 5: the mean of the captions gives the two systems "
        f"{printed['first']:.2f} and {printed['second']:.2f}, the corpus {right['first']:.2f} and "
        f"{right['second']:.2f}. The other one is better."
    )
    sides = (tuple(second for _, second in found[form]) for form in numbers)
    depends = Dependence("words of the long caption", "second", LENGTHS, *sides)
    return Measured(printed, right, sentence, LABELS, (depends,))


def unclipped(text: str, references: list[str]) -> float:
    """The share of the words of ``text`` that are in a reference, however often: p_1 without clipping."""
    known = {word for ref in references for word in ref.split()}
    words = text.split()
    return sum(word in known for word in words) / len(words)


@erratum(
    "bleu-clipped",
    document="survey",
    title="The survey does not define the precisions of BLEU: without clipped counts, one word said again and again "
    "is perfect.",
    printed=r"p_n = \frac{\#\{\text{n-grams of } c \text{ that are in a reference}\}}{\#\{\text{n-grams of } c\}}",
    right=r"p_n = \frac{\sum_g \min(\mathrm{count}_c(g),\, \max_s \mathrm{count}_s(g))}"
    r"{\sum_g \mathrm{count}_c(g)}",
    symbols=r"$p_n$ is the precision of n-grams of length $n$, $c$ is the caption, $s$ one of its references, $g$ an "
    r"n-gram, and $\mathrm{count}_c(g)$ how often it is in the caption.",
    source="Papineni et al. 2002, ACL P02-1040, section 2.1",
    quoted="The survey prints BLEU with BP and $p_n$ and defines neither; the plain share is inferred.",
    also="It says neither what BP is, nor what to do where no n-gram is shared and log 0 would stand in the sum.",
    inferred=True,
)
def clipped(seed: int = 0) -> Measured:
    """A caption that repeats one word, as a captioner without an end token does, against a reference that has the word
    twice. Where the word is said no more often than in the reference, nothing is clipped.
    """
    reference = "a small red circle above a star"
    printed = tuple(unclipped(" ".join(["a"] * n), [reference]) for n in REPEATS)
    right = tuple(_precision(["a"] * n, reference.split()) for n in REPEATS)
    sentence = (
        f"The caption {' '.join(['a'] * REPEATS[-1])!r} has a precision of {printed[-1]:.2f} without clipping, and "
        f"{right[-1]:.2f} with it."
    )
    depends = Dependence("times that the word is said", "precision", REPEATS, printed, right)
    return Measured({"precision": printed[-1]}, {"precision": right[-1]}, sentence, LABELS, (depends,))


def _precision(words: list[str], reference: list[str]) -> float:
    return (ngrams(words, 1) & ngrams(reference, 1)).total() / len(words)
