r"""The learning rate as a function of the step alone, so that a resumed run needs no scheduler state."""

import math

SCHEDULES = ("cosine", "one-cycle", "constant")
WARMUP = {"cosine": 0.05, "one-cycle": 0.3, "constant": 0.05}  # fraction of the steps on the way up


def learning_rate(step: int, num_steps: int, lr: float, schedule: str = "cosine") -> float:
    r"""Learning rate of step ``step`` (from 0) out of ``num_steps``, with peak ``lr``.

    - ``"cosine"``: linear warm-up over the first 5 % of the steps, then
      :math:`\eta_t = \tfrac{1}{2}\,\eta\,(1 + \cos \pi p)`, where :math:`p` runs from 0 to 1 (Loshchilov & Hutter 2017,
      arXiv:1608.03983).
    - ``"one-cycle"``: half a cosine from lr/25 up to lr over 30 % of the steps, half a cosine down to lr/250,000 over
      the rest (Smith & Topin 2018, arXiv:1708.07120; the numbers of ``torch.optim.lr_scheduler.OneCycleLR``, momentum
      left alone).
    - ``"constant"``: linear warm-up over 5 %, then lr.

    Raises:
        ValueError: for an unknown schedule, or an lr that is not above 0.
    """
    if not lr > 0:
        raise ValueError(f"lr is {lr}: give a number above 0")
    if schedule not in SCHEDULES:
        raise ValueError(f"unknown schedule {schedule!r}: choose one of {', '.join(SCHEDULES)}")
    if schedule == "one-cycle":
        top, last = WARMUP[schedule] * num_steps - 1, num_steps - 1
        if step <= top:
            return _half_cosine(lr / 25, lr, step / top)
        return _half_cosine(lr, lr / 250_000, (step - top) / (last - top))
    warm = max(1, round(WARMUP[schedule] * num_steps))
    if step < warm:
        return lr * (step + 1) / warm
    return lr if schedule == "constant" else _half_cosine(lr, 0.0, (step - warm) / (num_steps - warm))


def _half_cosine(start: float, end: float, p: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * p)) / 2
