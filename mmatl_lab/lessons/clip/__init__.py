"""CLIP: one space for pictures and sentences."""
