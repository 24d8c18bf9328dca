"""Errata of the formula survey."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.clip import clip_loss, zero_shot_logits
from .cone import NUM_SEEDS, TAU, dependences, learn, lost_side, starts, summarise
from .ledger import Dependence, Measured, erratum, percent

LABELS = {
    "image_to_text": "image → text accuracy (share of images)",
    "text_to_image": "text → image accuracy (share of texts)",
    "text_to_image_texts_learn": "text → image accuracy where texts learn too (share of texts)",
    "loss_of_two_pairs": "loss of two pairs, one text wrong (nats)",
    "accuracy": "accuracy (share of images)",
    "given_to_long_class": "given to the long class (share of images)",
    "accuracy_unrelated_classes": "accuracy with unrelated classes (share of images)",
}
LENGTHS = (1.0, 1.2, 1.5, 2.0, 3.0)  # of the long class vector
SHARED = (0.0, 0.5, 1.0, 1.25)  # times what a class vector has of its own


def printed_clip_loss(image: Tensor, text: Tensor, tau: Tensor) -> Tensor:
    """The loss as printed: each image among the texts, and nothing the other way. (B, D), (B, D) unit -> scalar."""
    return -(image @ text.T / tau).log_softmax(dim=1).diagonal().mean()


def four_vectors() -> tuple[Tensor, Tensor]:
    """Two images at −40° and 31°, two texts at 0° and 60°: every image finds its text, and one text the wrong image."""
    degrees = torch.tensor([[-40.0, 31.0], [0.0, 60.0]]).deg2rad()
    image, text = torch.stack([degrees.cos(), degrees.sin()], dim=-1)
    return image, text


@erratum(
    "clip-one-sided",
    document="survey",
    title="The survey prints one half of CLIP's loss: images find their texts, and texts need not find their images.",
    printed=r"L = -\frac1N \sum_i \log \frac{e^{S_{ii}/\tau}}{\sum_j e^{S_{ij}/\tau}}",
    right=r"L = -\frac{1}{2N} \sum_i \left( \log \frac{e^{S_{ii}/\tau}}{\sum_j e^{S_{ij}/\tau}}"
    r" + \log \frac{e^{S_{ii}/\tau}}{\sum_j e^{S_{ji}/\tau}} \right)",
    symbols=r"$S_{ij}$ is the cosine similarity of image $i$ and text $j$, $\tau$ the temperature, $N$ the number of "
    r"pairs in the batch, and $L$ the loss.",
    source="Radford et al. 2021, arXiv:2103.00020, figure 3",
    quoted="The survey's formula is quoted.",
)
def one_sided(seed: int = 0) -> Measured:
    """Each image's softmax forgives it any similarity that it has to *all* texts. So nothing keeps an image that lies
    near every text from being the nearest of every text.

    64 pairs of free vectors, texts in a cone (mean cosine .9) and frozen, as when a trained text encoder is kept;
    τ = .01; five seeds. Where the texts learn too, the harm is smaller, and is given beside it. The harm needs a cone
    and a small τ, which is measured; it does not need a rate (.002 to .1), a number of steps (100 to 3,000) or a
    number of pairs (4 to 128), which was tried once.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    losses = {"printed": printed_clip_loss, "right": lambda u, v, tau: clip_loss(u, v, -tau.log())}
    frozen, shares = lost_side(losses, seeds)
    numbers = {}
    for form, loss in losses.items():
        free = learn(loss, *starts(seeds), torch.full([NUM_SEEDS], TAU)).recall
        numbers[form] = summarise([{"image_to_text": one.i2t, "text_to_image": one.t2i,
                                    "text_to_image_texts_learn": two.t2i}
                                   for one, two in zip(frozen[form], free, strict=True)])  # fmt: skip
    printed, right = numbers["printed"], numbers["right"]

    image, text = four_vectors()
    tau = torch.tensor(0.005)
    printed["loss_of_two_pairs"] = printed_clip_loss(image, text, tau).item()
    right["loss_of_two_pairs"] = clip_loss(image, text, -tau.log()).item()
    sentence = (
        f"Trained with the printed loss, {percent(printed['image_to_text'])} of the images find their text and "
        f"{percent(printed['text_to_image'])} of the texts their image; with both directions "
        f"{percent(right['image_to_text'])} and {percent(right['text_to_image'])} (64 pairs, texts frozen; where the "
        f"texts learn too, {percent(printed['text_to_image_texts_learn'])}). Two pairs of which one text is wrong cost "
        f"{printed['loss_of_two_pairs']:.3f} as printed and {right['loss_of_two_pairs']:.2f} in both directions."
    )
    return Measured(printed, right, sentence, LABELS, dependences("text_to_image", "texts", shares, seeds))


@erratum(
    "clip-zero-shot",
    document="survey",
    title="The survey prints zero-shot classification without normalisation: the longest class vector takes all.",
    printed=r"P(y|I) = \frac{e^{f_I(I) \cdot f_T(T_y)/\tau}}{\sum_c e^{f_I(I) \cdot f_T(T_c)/\tau}}",
    right=r"P(y|I) = \frac{e^{u \cdot v_y/\tau}}{\sum_c e^{u \cdot v_c/\tau}}, \quad"
    r" u = \frac{f_I(I)}{\|f_I(I)\|},\; v_c = \frac{f_T(T_c)}{\|f_T(T_c)\|}",
    symbols=r"$I$ is an image, $T_c$ the text that names class $c$, $y$ one of the classes, $P(y|I)$ its probability, "
    r"$f_I$ and $f_T$ the encoders, $u$ and $v_c$ their unit vectors, and $\tau$ the temperature.",
    source="Radford et al. 2021, arXiv:2103.00020, figure 3 and section 3.1.2",
    quoted="The survey's formula is quoted. The survey normalises the vectors a few lines above it, for the loss only.",
)
def zero_shot(seed: int = 0) -> Measured:
    """Ten classes whose vectors share most of their direction, as prompts of one template do (mean cosine .6), one of
    them three times longer; 1,000 images; five seeds. Where class vectors share nothing, little is lost, which is
    given beside it.
    """
    seeds = range(seed, seed + NUM_SEEDS)

    def accuracy(form: str, shared: float, length: float) -> float:
        return sum(_predicted(form, s, shared, length)["accuracy"] for s in seeds) / NUM_SEEDS

    runs = {form: [_predicted(form, s, 1.25, 3.0)
                   | {"accuracy_unrelated_classes": _predicted(form, s, 0.0, 3.0)["accuracy"]}
                   for s in seeds] for form in ("printed", "right")}  # fmt: skip
    printed, right = summarise(runs["printed"]), summarise(runs["right"])
    depends = (
        Dependence("length of the long class vector", "accuracy", LENGTHS,
                   *(tuple(accuracy(form, 1.25, length) for length in LENGTHS) for form in ("printed", "right"))),
        Dependence("mean cosine between two classes", "accuracy", tuple(x**2 / (1 + x**2) for x in SHARED),
                   *(tuple(accuracy(form, shared, 3.0) for shared in SHARED) for form in ("printed", "right"))),
    )  # fmt: skip
    sentence = (
        f"With one of ten class vectors three times longer, {percent(printed['given_to_long_class'])} of the pictures "
        f"are given to its class (a tenth belongs to it) and {percent(printed['accuracy'])} are right; normalised, "
        f"{percent(right['accuracy'])} are. Where class vectors share no direction, little is lost: "
        f"{percent(printed['accuracy_unrelated_classes'])} are right without it."
    )
    return Measured(printed, right, sentence, LABELS, depends)


def _predicted(form: str, seed: int, shared: float, length: float) -> dict[str, float]:
    """The accuracy of one form, and how often it says the long class."""
    vectors, image, label = _classes(seed, shared, length)
    weights = vectors if form == "printed" else F.normalize(vectors, dim=-1)
    guess = zero_shot_logits(image, weights, -torch.tensor(TAU).log()).argmax(1)
    return {"accuracy": _share(guess == label), "given_to_long_class": _share(guess == 0)}


def _classes(
    seed: int, shared: float, length: float, classes: int = 10, width: int = 64
) -> tuple[Tensor, Tensor, Tensor]:
    """Class vectors (C, D), the first longer, unit images (1000, D), and their classes (1000,)."""
    generator = torch.Generator().manual_seed(seed)
    common = F.normalize(torch.randn(width, generator=generator), dim=0)
    vectors = F.normalize(shared * common + torch.randn(classes, width, generator=generator) / math.sqrt(width), dim=1)
    label = torch.arange(1000) % classes
    noise = torch.randn(1000, width, generator=generator) / math.sqrt(width)
    image = F.normalize(vectors[label] + 0.5 * noise, dim=1)
    vectors[0] *= length
    return vectors, image, label


def _share(right: Tensor) -> float:
    return right.float().mean().item()
