"""How a classifier stands up to attacks on its inputs, and whether its gradient can be trusted to find them.

A model may look robust because its gradient leads an attack astray (gradient masking; Athalye et al. 2018,
arXiv:1802.00420, section 3.1). So an accuracy under one attack says little. :func:`attack_all` runs several, among them
such that need no gradient of the model, and :meth:`Attacked.suspicions` compares them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmatl_lab.nn.attacks import Bounds, Views, fgsm, pgd

Logits = Callable[[Views], Tensor]  # views -> (B, C)
STEPS, STRONG_STEPS, RESTARTS = 20, 100, 5
TOLERANCE = 0.02  # of a share of examples, which a weaker attack may be ahead by chance


def right(logits: Logits, views: Views, label: Tensor) -> Tensor:
    """(B,) bool: whether each example is classified rightly."""
    with torch.no_grad():
        return logits(views).argmax(1) == label


def under_attack(
    logits: Logits,
    views: Views,
    label: Tensor,
    epsilon: float,
    *,
    source: Logits | None = None,
    steps: int = STEPS,
    restarts: int = 1,
    modalities: Sequence[str] | None = None,
    bounds: Bounds | None = None,
    generator: torch.Generator,
) -> Tensor:
    """(B,) bool: whether each example is classified rightly, as it is and as PGD changes it.

    Args:
        logits: the model under attack. source: the model whose gradient the attack follows: another one for a transfer
            attack; None takes the model itself. A source that cannot be fooled gives a weak attack.
        views: (B, ...) by modality; label: (B,).
        epsilon, steps, restarts, modalities, bounds, generator: as of :func:`mmatl_lab.nn.attacks.pgd`; one step
            without a random start is FGSM.

    Raises:
        ValueError: as of ``pgd``.
    """
    loss = _loss(source or logits, label)
    known = {"modalities": modalities, "bounds": bounds}
    if steps == 1 and restarts == 1:
        found = fgsm(loss, views, epsilon, **known)
    else:
        found = pgd(loss, views, epsilon, steps=steps, restarts=restarts, generator=generator, **known)
    return right(logits, views, label) & right(logits, found, label)


class Attacked(NamedTuple):
    """What several attacks of one size left right.

    Attributes:
        clean: (B,) bool, without an attack.
        noise: with random signs times epsilon, the best of five draws for the attacker; it needs no gradient.
        one_step, many_steps, strong: FGSM, PGD, PGD with more steps and restarts.
        transfer: by the other models' gradients, all of them together.
        unbounded: PGD without a limit worth the name, which has to fool every model.
    """

    clean: Tensor
    noise: Tensor
    one_step: Tensor
    many_steps: Tensor
    strong: Tensor
    transfer: Tensor
    unbounded: Tensor

    @property
    def worst(self) -> Tensor:
        """(B,) bool: right under every attack of size epsilon. Its mean is the accuracy to report."""
        return self.noise & self.one_step & self.many_steps & self.strong & self.transfer

    def accuracies(self) -> dict[str, float]:
        """The share of right examples by attack, ``worst`` among them."""
        return {name: hits.float().mean().item() for name, hits in (self._asdict() | {"worst": self.worst}).items()}

    def suspicions(self, tolerance: float = TOLERANCE) -> list[str]:
        """A sentence for each sign of a masked gradient; none is no proof that there is no better attack."""
        a = self.accuracies()
        signs = (
            (a["many_steps"] > a["one_step"] + tolerance, "one step fools more examples than many"),
            (a["many_steps"] > a["noise"] + tolerance, "random noise fools more examples than the gradient"),
            (a["many_steps"] > a["transfer"] + tolerance, "another model's gradient fools more than its own"),
            (a["many_steps"] > a["strong"] + 2 * tolerance, "more steps and restarts find much more"),
            (a["unbounded"] > tolerance, "an attack without a limit does not fool all"),
        )
        return [sentence for suspicious, sentence in signs if suspicious]


def attack_all(
    logits: Logits,
    views: Views,
    label: Tensor,
    epsilon: float,
    *,
    others: Sequence[Logits],
    unbounded: float,
    modalities: Sequence[str] | None = None,
    bounds: Bounds | None = None,
    generator: torch.Generator,
    strong_steps: int = STRONG_STEPS,
    restarts: int = RESTARTS,
) -> Attacked:
    """Every attack of :class:`Attacked`.

    Args:
        others: models that the transfer attacks follow, best of them one that was not trained against attacks.
        unbounded: an epsilon so large that no input can be told any more, such as the range of its numbers.
        strong_steps, restarts: of the strong attack.
        The rest as of :func:`under_attack`.

    Raises:
        ValueError: no other model, or as of ``pgd``.
    """
    if not others:
        raise ValueError("a transfer attack needs another model: give one in others=")
    known = {"modalities": modalities, "bounds": bounds, "generator": generator}

    def attack(**options) -> Tensor:
        return under_attack(logits, views, label, **({"epsilon": epsilon} | known | options))

    clean = right(logits, views, label)
    names = [n for n, x in views.items() if x.is_floating_point()] if modalities is None else modalities
    noise = clean.clone()
    for _ in range(RESTARTS):
        noisy = {n: _noisy(x, epsilon, (bounds or {}).get(n), generator) if n in names else x for n, x in views.items()}
        noise &= right(logits, noisy, label)
    return Attacked(
        clean=clean,
        noise=noise,
        one_step=attack(steps=1),
        many_steps=attack(),
        strong=attack(steps=strong_steps, restarts=restarts),
        transfer=torch.stack([attack(source=source) for source in others]).all(0),
        unbounded=attack(epsilon=unbounded, steps=strong_steps),
    )


def _loss(logits: Logits, label: Tensor) -> Callable[[Views], Tensor]:
    return lambda views: F.cross_entropy(logits(views), label, reduction="none")


def _noisy(x: Tensor, epsilon: float, bounds: tuple[float, float] | None, generator: torch.Generator) -> Tensor:
    signs = torch.randint(2, x.shape, generator=generator).to(x) * 2 - 1
    x = x + epsilon * signs
    return x if bounds is None else x.clamp(*bounds)
