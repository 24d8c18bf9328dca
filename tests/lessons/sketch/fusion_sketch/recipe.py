"""The systems of the sketch: one for each fusion, and one comparison that takes them all."""

from mmatl_lab.lessons import Recipe, Result

from .fusions import FUSIONS, make_system


def evaluate_all(models) -> list[Result]:
    sizes = [sum(p.numel() for p in model.parameters()) for model in models.values()]
    return [Result("size_ratio", "largest model over the smallest", max(sizes) / min(sizes), at_most=2)]


SYSTEMS = tuple(make_system(name) for name in FUSIONS)
MINUTES = {"shipped": 0.1, "quick": 0.1, "full": 1, "gpu": 1}
RECIPE = Recipe("fusion_sketch", "Two signs, one question", MINUTES, SYSTEMS, evaluate_all)
