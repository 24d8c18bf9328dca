"""What a step of each balanced method costs beside its plain counterpart's."""

from mmatl_lab.lessons.balanced_learning.study import VARIANTS
from mmatl_lab.lessons.balanced_learning.systems import make_system, settings_of
from mmatl_lab.lessons.balanced_learning.tasks import load

from .comparison import Comparison, seconds

# Joint training is the plain counterpart of OGM, independent training that of QMF, and MLA without P that of MLA.
PLAIN = {"ogm": "normal", "ogm_ge": "normal", "qmf": "independent", "mla": "mla_unmodified"}
DATA = "digits"


def method_step(method: str, num_steps: int = 300) -> Comparison:
    """The training of a method over that of its plain counterpart, by the lesson's own loop, on the digits."""

    def train(name: str) -> None:
        kind, options = VARIANTS[name]
        settings = settings_of(DATA, kind, num_steps=num_steps, options=options)
        make_system(DATA, kind, settings).trained(settings, needed={"task": load(DATA)})

    plain = PLAIN[method]
    slow, fast = (1000 * s / num_steps for s in seconds(lambda: train(method), lambda: train(plain), rounds=5))
    numbers = {f"{method} ms/step": slow, f"{plain} ms/step": fast}
    return Comparison(f"a step of {method} against one of {plain}", slow / fast, numbers, at_most=1.3)
