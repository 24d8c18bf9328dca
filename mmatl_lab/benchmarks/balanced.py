"""What a step of each balanced method costs beside its plain counterpart's."""

from mmatl_lab.lessons.balanced_learning.costs import PLAIN, training

from .comparison import Comparison, seconds


def method_step(method: str, num_steps: int = 300) -> Comparison:
    """The training of a method over that of its plain counterpart, by the lesson's own loop, on the digits."""
    plain = PLAIN[method]
    ways = (training(name, num_steps) for name in (method, plain))
    slow, fast = (1000 * s / num_steps for s in seconds(*ways, rounds=5))
    numbers = {f"{method} ms/step": slow, f"{plain} ms/step": fast}
    return Comparison(f"a step of {method} against one of {plain}", slow / fast, numbers, at_most=1.3)
