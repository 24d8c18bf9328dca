r"""Attacks on the input: small changes that raise a model's loss as much as they can, one step or many.

An attacker who may change each number of an input $x$ by at most $\epsilon$ looks for

$$ x' = \arg\max_{\|x' - x\|_\infty \le \epsilon} \ell(x') . $$

FGSM takes one step along the sign of the gradient (Goodfellow et al. 2015, arXiv:1412.6572); PGD takes many short ones,
each followed by the projection $\Pi$ back to the allowed box (Madry et al. 2018, arXiv:1706.06083):

$$ x' = x + \epsilon\, \mathrm{sign}\, \nabla_x \ell(x), \qquad
   x^{k+1} = \Pi_\epsilon\big(x^k + \alpha\, \mathrm{sign}\, \nabla_x \ell(x^k)\big). $$
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

Views = Mapping[str, Tensor]
Bounds = Mapping[str, tuple[float, float]]


def fgsm(
    loss: Callable[[Views], Tensor],
    views: Views,
    epsilon: float,
    *,
    modalities: Sequence[str] | None = None,
    bounds: Bounds | None = None,
    random_start: bool = False,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """One step of length epsilon along the sign of the gradient; arguments as of :func:`pgd`.

    With a random start it may be trained against without the model learning to hide its gradient (Wong et al. 2020,
    arXiv:2001.03994).
    """
    options = {"modalities": modalities, "bounds": bounds, "random_start": random_start, "generator": generator}
    return pgd(loss, views, epsilon, steps=1, step_size=(1.25 if random_start else 1.0) * epsilon, **options)


def pgd(
    loss: Callable[[Views], Tensor],
    views: Views,
    epsilon: float,
    *,
    steps: int = 10,
    step_size: float | None = None,
    restarts: int = 1,
    modalities: Sequence[str] | None = None,
    bounds: Bounds | None = None,
    random_start: bool = True,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """Projected gradient ascent from one random start or several; each sample keeps the one with the highest loss.

    Args:
        loss: views -> (B,), one loss a sample, which the attacker raises. The model's own weights get no gradient.
        views: inputs by modality, (B, ...) each.
        epsilon: the largest change of a number, 0 or more.
        steps, step_size: how many, and of what length; 2.5 epsilon / steps by default, so that every point of the box
            can be reached.
        restarts: random starts.
        modalities: those that are attacked; by default all whose numbers are floating point.
        bounds: (low, high) of a modality's numbers by its name, such as (0, 1) for pictures; others have none.
        random_start: begin at a random point of the box instead of at x.
        generator: on the CPU, for the random starts.

    Returns:
        The views, those that are attacked replaced; none of them carries a gradient.

    Raises:
        ValueError: a negative epsilon, fewer than one step or restart, a modality that is missing or whose numbers are
            no floating point numbers, or a random start without a generator.
    """
    names = [n for n, x in views.items() if x.is_floating_point()] if modalities is None else list(modalities)
    _check(views, names, epsilon, steps, restarts, random_start and generator is None and epsilon > 0)
    step_size = 2.5 * epsilon / steps if step_size is None else step_size
    clean = {name: views[name].detach() for name in names}
    best, best_loss = dict(clean), None
    for _ in range(restarts):
        found = dict(clean)
        if random_start:
            found = {
                n: x + epsilon * (2 * torch.rand(x.shape, generator=generator) - 1).to(x) for n, x in found.items()
            }
            found = _project(found, clean, epsilon, bounds)
        for _ in range(steps):
            found = {name: x.detach().requires_grad_() for name, x in found.items()}
            with torch.enable_grad():
                gradients = torch.autograd.grad(loss({**views, **found}).sum(), list(found.values()))
            found = {n: x.detach() + step_size * g.sign() for (n, x), g in zip(found.items(), gradients)}
            found = _project(found, clean, epsilon, bounds)
        if restarts == 1:
            return {**views, **found}
        with torch.no_grad():
            reached = loss({**views, **found})
        better = torch.ones_like(reached, dtype=torch.bool) if best_loss is None else reached > best_loss
        best_loss = reached if best_loss is None else torch.maximum(reached, best_loss)
        best = {n: torch.where(better.view(-1, *[1] * (x.dim() - 1)), found[n], x) for n, x in best.items()}
    return {**views, **best}


def _project(found: Views, clean: Views, epsilon: float, bounds: Bounds | None) -> dict[str, Tensor]:
    """The nearest point of the box of width 2 epsilon around the clean views, and within their bounds."""
    inside = {n: torch.maximum(torch.minimum(x, clean[n] + epsilon), clean[n] - epsilon) for n, x in found.items()}
    return {n: x.clamp(*bounds[n]) if bounds and n in bounds else x for n, x in inside.items()}


def _check(views: Views, names: Sequence[str], epsilon: float, steps: int, restarts: int, no_generator: bool) -> None:
    if epsilon < 0 or steps < 1 or restarts < 1:
        raise ValueError(
            f"an attack has epsilon >= 0, steps >= 1 and restarts >= 1, got {epsilon}, {steps} and {restarts}"
        )
    for name in names:
        if name not in views:
            raise ValueError(f"there is no modality {name!r} to attack: choose from {', '.join(views)}")
        if not views[name].is_floating_point():
            raise ValueError(f"{name} holds {views[name].dtype}, which has no gradient: attack another modality")
    if no_generator:
        raise ValueError("a random start needs generator=")
