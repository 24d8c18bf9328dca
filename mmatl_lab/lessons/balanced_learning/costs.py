"""What a step of each method costs beside its plain counterpart's, measured in turns in one run.

python -m mmatl_lab.lessons.balanced_learning.costs
"""

import time

from .study import VARIANTS
from .systems import SGD, draw, make_system, settings_of
from .tasks import load

PLAIN = {"ogm": "normal", "ogm_ge": "normal", "qmf": "independent", "mla": "mla_unmodified"}


def step_costs(data: str = "digits", *, rounds: int = 9, num_steps: int = 60) -> dict[str, float]:
    """Time of a method's step over that of its plain counterpart: the median over rounds that take turns.

    Plain counterparts: joint training of OGM, independent training of QMF, MLA without its modification of MLA.
    """
    names = sorted({*PLAIN, *PLAIN.values()})
    seconds = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            seconds[name].append(_seconds(data, name, num_steps))
    ratios = {
        name: sorted(a / b for a, b in zip(seconds[name], seconds[plain], strict=True)) for name, plain in PLAIN.items()
    }
    return {name: values[len(values) // 2] for name, values in ratios.items()}


def _seconds(data: str, name: str, num_steps: int) -> float:
    method, options = VARIANTS[name]
    settings = settings_of(data, method, num_steps=num_steps, options=options)
    system, train = make_system(data, method, settings), load(data).train
    model = system.make(settings)
    run = system.run(model, settings, save=False, quiet=True, optimizer=SGD)
    start = 0.0
    for step, generator in run:
        if step == num_steps // 6:  # the first steps are warm-up
            start = time.perf_counter()
        index, batch = draw(train, settings.batch_size, generator)
        model.step(run, batch.views, batch.label, index=index, generator=generator)
    return time.perf_counter() - start


if __name__ == "__main__":
    for name, ratio in step_costs().items():
        print(f"{name:7s} {ratio:.2f} x {PLAIN[name]}")
