"""Errata of D1, the formula survey."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.clip import clip_loss, zero_shot_logits
from .cone import NUM_SEEDS, learn, start, summarise
from .ledger import Measured, erratum, percent

TAU = torch.tensor(0.01)  # where CLIP's temperature ends: its scale is clamped at 100


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
    document="D1",
    title="CLIP's loss is printed for one direction: images find their texts, texts need not find their images.",
    printed=r"L = -\frac1N \sum_i \log \frac{e^{S_{ii}/\tau}}{\sum_j e^{S_{ij}/\tau}}",
    right=r"L = -\frac{1}{2N} \sum_i \left( \log \frac{e^{S_{ii}/\tau}}{\sum_j e^{S_{ij}/\tau}}"
    r" + \log \frac{e^{S_{ii}/\tau}}{\sum_j e^{S_{ji}/\tau}} \right)",
    source="Radford et al. 2021, arXiv:2103.00020, figure 3",
    also="The same letter stands for an image and for its vector; here $u_i$ is the vector of image $i$.",
)
def one_sided(seed: int = 0) -> Measured:
    """Each image's softmax forgives it any similarity that it has to *all* texts, so nothing keeps an image that lies
    near every text from being the nearest of every text.

    64 pairs of free vectors, texts in a cone (mean cosine .9) and frozen, as when a trained text encoder is kept;
    τ = .01; five seeds. Where the texts learn too, the harm is smaller, and is given beside it.
    """
    runs = {"printed": [], "right": []}
    losses = {"printed": lambda u, v: printed_clip_loss(u, v, TAU), "right": lambda u, v: clip_loss(u, v, -TAU.log())}
    for s in range(seed, seed + NUM_SEEDS):
        for form, loss in losses.items():
            recall = learn(loss, *start(s), frozen_text=True)
            free = learn(loss, *start(s))
            runs[form].append({"i2t_accuracy": recall.i2t, "t2i_accuracy": recall.t2i,
                               "t2i_accuracy_texts_learn": free.t2i})  # fmt: skip
    printed, right = summarise(runs["printed"]), summarise(runs["right"])

    image, text = four_vectors()
    tau = torch.tensor(0.005)
    printed["loss_of_four_vectors"] = printed_clip_loss(image, text, tau).item()
    right["loss_of_four_vectors"] = clip_loss(image, text, -tau.log()).item()
    sentence = (
        f"Trained with the printed loss, {percent(printed['i2t_accuracy'])} of the images find their text and "
        f"{percent(printed['t2i_accuracy'])} of the texts their image; with both directions "
        f"{percent(right['i2t_accuracy'])} and {percent(right['t2i_accuracy'])} (64 pairs, texts frozen; where the "
        f"texts learn too, {percent(printed['t2i_accuracy_texts_learn'])}). Two pairs of which one text is wrong cost "
        f"{printed['loss_of_four_vectors']:.3f} as printed and {right['loss_of_four_vectors']:.2f} in both directions."
    )
    return Measured(printed, right, sentence)


@erratum(
    "clip-zero-shot",
    document="D1",
    title="Zero-shot classification is printed without normalisation: the longest class vector takes the predictions.",
    printed=r"P(y|I) = \frac{e^{f_I(I) \cdot f_T(T_y)/\tau}}{\sum_c e^{f_I(I) \cdot f_T(T_c)/\tau}}",
    right=r"P(y|I) = \frac{e^{u \cdot v_y/\tau}}{\sum_c e^{u \cdot v_c/\tau}}, \quad"
    r" u = \frac{f_I(I)}{\|f_I(I)\|},\; v_c = \frac{f_T(T_c)}{\|f_T(T_c)\|}",
    source="Radford et al. 2021, arXiv:2103.00020, figure 3 and section 3.1.2",
)
def zero_shot(seed: int = 0) -> Measured:
    """Ten classes whose vectors share most of their direction, as prompts of one template do (mean cosine .6), one of
    them three times longer; 1,000 images; five seeds. Where class vectors share nothing, little is lost, which is
    given beside it.
    """
    runs = {"printed": [], "right": []}
    for s in range(seed, seed + NUM_SEEDS):
        vectors, image, label = _classes(s, shared=1.25)
        apart = _classes(s, shared=0.0)
        forms = {"printed": lambda x: x, "right": lambda x: F.normalize(x, dim=-1)}
        for form, scale in forms.items():
            guess = zero_shot_logits(image, scale(vectors), -TAU.log()).argmax(1)
            guess_apart = zero_shot_logits(apart[1], scale(apart[0]), -TAU.log()).argmax(1)
            runs[form].append({"accuracy": _share(guess == label), "share_of_long_class": _share(guess == 0),
                               "accuracy_unrelated_classes": _share(guess_apart == apart[2])})  # fmt: skip
    printed, right = summarise(runs["printed"]), summarise(runs["right"])
    sentence = (
        f"With one of ten class vectors three times longer, {percent(printed['share_of_long_class'])} of the pictures "
        f"are given to its class (a tenth belongs to it) and {percent(printed['accuracy'])} are right; normalised, "
        f"{percent(right['accuracy'])} are. Where class vectors share no direction, little is lost: "
        f"{percent(printed['accuracy_unrelated_classes'])} are right without it."
    )
    return Measured(printed, right, sentence)


def _classes(seed: int, shared: float, classes: int = 10, width: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    """Class vectors (C, D), the first three times longer, unit images (1000, D), and their classes (1000,)."""
    generator = torch.Generator().manual_seed(seed)
    common = F.normalize(torch.randn(width, generator=generator), dim=0)
    vectors = F.normalize(shared * common + torch.randn(classes, width, generator=generator) / math.sqrt(width), dim=1)
    label = torch.arange(1000) % classes
    noise = torch.randn(1000, width, generator=generator) / math.sqrt(width)
    image = F.normalize(vectors[label] + 0.5 * noise, dim=1)
    length = torch.ones(classes, 1)
    length[0] = 3
    return length * vectors, image, label


def _share(right: Tensor) -> float:
    return right.float().mean().item()
