"""The exercise on encoders: the learner writes a small one before meeting the library's."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ...exercise import exercise, mistakes


def _images_and_weights(generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    # Wider and taller images than squares: a side that is taken for another shows.
    for b, c1, c2, d, h, w in [(3, 4, 5, 6, 16, 16), (2, 6, 4, 5, 16, 24)]:
        shapes = [(b, 3, h, w), (c1, 3, 3, 3), (c2, c1, 3, 3), (d, c2)]
        # Small weights: of large numbers GELU changes none, so a forgotten one would not show.
        sizes = (1.0, 0.2, 0.2, 1.0)
        yield tuple(size * torch.randn(shape, generator=generator) for size, shape in zip(sizes, shapes))


@exercise(
    "clip.1",
    "Write an image encoder",
    task=r"Two convolutions with the weights `w1` and `w2`, each with stride 2 and padding 1, each followed by the "
    "activation function GELU. Then take the maximum over all places of the map, which tells *what* is in the "
    "picture wherever it is. Last, "
    r"multiply by the matrix `w3` to get $D$ numbers for each picture. There are no biases.",
    minutes=8,
    difficulty=1,
    hints=(
        "`F.conv2d(x, w, stride=2, padding=1)` halves the height and the width of the map.",
        "After two of them, a batch of pictures (B, 3, 32, 32) is a batch of maps (B, C₂, 8, 8). Which two axes are "
        "the places?",
        "`x.amax((2, 3))` has shape (B, C₂), and `w3` has shape (D, C₂): multiply by `w3.T`.",
    ),
    cases=_images_and_weights,
    answer="the vectors of the pictures",
    passed="Right for square and oblong pictures. With more stages, these lines are the encoder that you train.",
)
def encode_image(images: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor:
    """Pictures (B, 3, H, W), weights (C1, 3, 3, 3), (C2, C1, 3, 3) and (D, C2) -> vectors (B, D).

    >>> w1, w2, w3 = torch.ones(4, 3, 3, 3), torch.ones(5, 4, 3, 3), torch.ones(6, 5)
    >>> encode_image(torch.ones(2, 3, 8, 8), w1, w2, w3).shape
    torch.Size([2, 6])
    """
    # BEGIN SOLUTION
    x = F.gelu(F.conv2d(images, w1, stride=2, padding=1))  # (B, C1, H/2, W/2)
    x = F.gelu(F.conv2d(x, w2, stride=2, padding=1))  # (B, C2, H/4, W/4)
    return x.amax((2, 3)) @ w3.T  # (B, D)
    # END SOLUTION


def _conv(x: Tensor, w: Tensor) -> Tensor:
    return F.conv2d(x, w, stride=2, padding=1)


def _max(x: Tensor) -> Tensor:
    return x.amax((2, 3))


def _in_parts(images, w1, w2, w3, conv=_conv, act=(F.gelu, F.gelu), pool=_max, last=lambda x: x) -> Tensor:
    return last(pool(act[1](conv(act[0](conv(images, w1)), w2))) @ w3.T)


def _same(x: Tensor) -> Tensor:
    return x


mistakes(
    encode_image,
    "No GELU stands between the layers: without it two convolutions are one linear map.",
    dict(act=(_same, _same)),
    "The first GELU is missing: it follows each of the two convolutions.",
    dict(act=(_same, F.gelu)),
    "The second GELU is missing: it follows each of the two convolutions.",
    dict(act=(F.gelu, _same)),
    "This is ReLU, which cuts off all that is below 0: the task asks for GELU, `F.gelu`.",
    dict(act=(F.relu, F.relu)),
    "You took the mean over the places: the task asks for the maximum.",
    dict(pool=lambda x: x.mean((2, 3))),
    "You took the sum over the places: the task asks for the maximum.",
    dict(pool=lambda x: x.sum((2, 3))),
    "You read the map at one place only: the maximum runs over all of them.",
    dict(pool=lambda x: x[:, :, 0, 0]),
    "The stride is missing: with stride=2 a convolution halves the map.",
    dict(conv=lambda x, w: F.conv2d(x, w, padding=1)),
    "The padding is missing: with padding=1 the convolution also sees the places at the border in full.",
    dict(conv=lambda x, w: F.conv2d(x, w, stride=2)),
    "A GELU follows the last layer: a vector may point in any direction, so its numbers are left as they are.",
    dict(last=F.gelu),
    "The vectors are divided by their lengths already: that is the next step, and the encoder leaves it out.",
    dict(last=F.normalize),
    base=_in_parts,
)
