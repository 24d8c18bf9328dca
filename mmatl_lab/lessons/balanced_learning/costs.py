"""What a training step of each method costs beside its plain counterpart's, by the lesson's own loop on the digits.

    python -m mmatl_lab.lessons.balanced_learning.costs

measures it and writes ``assets/results/balanced_learning_costs.json``; do that on a machine that does nothing else.
"""

import json
import time
from collections.abc import Callable

from mmatl_lab import paths

from .study import VARIANTS
from .systems import make_system, settings_of
from .tasks import load

# Joint training is the plain counterpart of OGM, independent training that of QMF, and MLA without P that of MLA.
PLAIN = {"ogm": "normal", "ogm_ge": "normal", "qmf": "independent", "mla": "mla_unmodified"}
FILE = "results/balanced_learning_costs.json"


def training(method: str, num_steps: int, data: str = "digits") -> Callable[[], object]:
    """A training of one of the study's VARIANTS, to be timed."""
    kind, options = VARIANTS[method]
    system, settings = make_system(data, kind), settings_of(data, kind, num_steps=num_steps, options=options)
    task = load(data)
    return lambda: system.trained(settings, needed={"task": task})


def ratios(method: str, *, rounds: int = 7, num_steps: int = 100) -> list[float]:
    """Time of the method over that of its plain counterpart, one number a round; both are trained in every round."""
    ways, found = [training(name, num_steps) for name in (method, PLAIN[method])], []
    for _ in range(rounds + 1):  # the first one warms up
        times = []
        for way in ways:
            start = time.process_time()  # of this process, whatever else the machine does
            way()
            times.append(time.process_time() - start)
        found.append(times[0] / times[1])
    return found[1:]


def shipped() -> dict[tuple[str, str], list[float]]:
    """The ratios that the package carries, by method and plain counterpart."""
    found = json.loads(paths.asset(FILE).read_text(encoding="utf-8"))
    return {(method, PLAIN[method]): found[method] for method in PLAIN}


if __name__ == "__main__":
    measured = {method: [round(x, 4) for x in ratios(method)] for method in PLAIN}
    (paths.bundle() / "assets" / FILE).write_text(json.dumps(measured) + "\n", encoding="utf-8")
