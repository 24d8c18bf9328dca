"""One encoder for each kind of input; each gives one vector (B, D) per example."""

from .image import ImageCNN, ImageViT
from .text import BagOfWords, TextTransformer

__all__ = ["BagOfWords", "ImageCNN", "ImageViT", "TextTransformer"]
