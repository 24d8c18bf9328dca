"""Balanced multimodal learning: why joint training starves a modality, and what helps."""
