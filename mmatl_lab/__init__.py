"""mmatl_lab: learn multimodal learning by building, training and breaking its systems."""

__version__ = "0.1.0"
