"""One encoder for each kind of input. ``encoder(x)`` is one vector for each example, (B, D).

Most also give one vector for each word, patch, frame or time step: ``encoder.sequence(x)`` is a ``Sequence`` of
features (B, L, D) and a bool mask (B, L), True where there is something; ``encoder(x)`` is its mean. Sounds, videos and
sensor traces of different lengths go into one batch with ``mask=`` (B, T): padding changes neither a result nor a
gradient, NaN included.

The cost of one example with D = 128 and the default arguments (a multiplication and an addition are 2 FLOP):

    encoder           of                       parameters     MFLOP
    ImageCNN          3 x 32 x 32                 944,640      25.6
    ImageGrid         3 x 32 x 32                 414,208      25.5
    ImageViT          3 x 32 x 32                 824,320     101.5
    TextTransformer   16 words of 120             432,768      12.6
    BagOfWords        16 words of 120              15,360       0.0
    AudioCNN          40 bands x 64 frames        176,000      18.2
    VideoCNN          16 x 3 x 32 x 32            447,112      75.7
    VideoTransformer  16 x 3 x 32 x 32            598,272     146.8
    SensorCNN         100 steps x 6 axes          240,576      10.5
    MLPEncoder        64 numbers                   24,832       0.0
    SummaryEncoder    117 numbers of 6 axes        15,104       0.0
"""

from .audio import AudioCNN
from .features import MLPEncoder
from .image import ImageCNN, ImageGrid, ImageViT
from .part import Part
from .sensor import SensorCNN, SummaryEncoder, summarise
from .sequence import Sequence
from .text import BagOfWords, TextTransformer
from .video import VideoCNN, VideoTransformer

__all__ = [
    "AudioCNN",
    "BagOfWords",
    "ImageCNN",
    "ImageGrid",
    "ImageViT",
    "MLPEncoder",
    "Part",
    "SensorCNN",
    "Sequence",
    "SummaryEncoder",
    "TextTransformer",
    "VideoCNN",
    "VideoTransformer",
    "summarise",
]
