r"""Adversarial task training: L_task_model and L_task_dis, as printed and well-posed.

``conditional_gan``: $D_t$ sees the answer and $t$ (Mirza & Osindero 2014, arXiv:1411.1784; Luc et al. 2016,
arXiv:1611.08408), the truth is smoothed, $\tilde y$, so that sharpness alone does not betray it, and the task model's
loss is the non-saturating one:

$$ L_\text{task\_dis} = -\log D_t(\tilde y, \mathrm{sg}[t]) - \log\big(1 - D_t(\mathrm{sg}[f(t)], \mathrm{sg}[t])\big),
   \qquad L_\text{task\_model} = -\log D_t(f(t), \mathrm{sg}[t]) . $$

``printed``: $L_\text{task\_model} = \log D_t(f(t)) + \log(1 - D_t(y))$ and
$L_\text{task\_dis} = \log(1 - D_t(f(t))) + \log D_t(y)$, both minimised: $D_t$ learns to call the truth false, without
a lower bound, and $f$ has no gradient from its second term.

``fgsm`` and ``pgd`` are another mechanism, which the note's claim of robustness needs: training on attacked inputs,
$L_\text{task\_model} = \mathrm{CE}(f(T(E(x'))), y)$ with $x'$ of :mod:`mmatl_lab.nn.attacks` (Goodfellow et al. 2015;
Madry et al. 2018). They have no discriminator.
"""

import torch.nn.functional as F
from torch import Tensor

from .parts import TaskDiscriminator, frozen, one_hot

ADVERSARIES = ("none", "conditional_gan", "fgsm", "pgd", "printed")
SMOOTHING = 0.1


def adversary_dis(D_t: TaskDiscriminator, logits: Tensor, t: Tensor, y: Tensor, *, printed: bool = False) -> Tensor:
    """The task discriminator's loss; it reaches nothing but D_t.

    Args:
        logits: (B, C) of f(t). t: (B, H). y: (B,) the truth. printed: the note's form.
    """
    t, answer = t.detach(), logits.detach().softmax(1)
    truth = one_hot(y, logits.shape[1], 0.0 if printed else SMOOTHING)
    on_truth, on_answer = D_t(truth, t), D_t(answer, t)  # (B,) each
    if printed:
        return (F.logsigmoid(-on_answer) + F.logsigmoid(on_truth)).mean()
    return -(F.logsigmoid(on_truth) + F.logsigmoid(-on_answer)).mean()


def adversary_model(D_t: TaskDiscriminator, logits: Tensor, t: Tensor, y: Tensor, *, printed: bool = False) -> Tensor:
    """The task model's adversarial loss; it reaches f and, through f(t), what t was made by; arguments as above."""
    with frozen(D_t):
        on_answer = D_t(logits.softmax(1), t.detach())
        if printed:
            return (F.logsigmoid(on_answer) + F.logsigmoid(-D_t(one_hot(y, logits.shape[1]), t.detach()))).mean()
        return -F.logsigmoid(on_answer).mean()
