r"""A fresh probe: can a network that is trained anew tell from which group a vector is?

What a discriminator says during a game tells how well it plays, not how alike the groups are: one that is too weak
shows $\ln N$ for groups that lie far apart. So the encoders are frozen, and an MLP with fresh weights is trained on
some of their vectors until it is done, and scored on others. $1/N$ is chance.

The probe is a lower bound: a network that finds no difference does not prove that there is none.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmatl_lab.seeding import drawn_from


def fresh_probe(
    fit: Sequence[Tensor], test: Sequence[Tensor], *, seed: int = 0, steps: int = 600, hidden_dim: int = 128
) -> Tensor:
    """Train an MLP with two hidden layers to name the group of a vector, and test it on others.

    Args:
        fit: a tensor (n_k, D) for each of N groups, to train on. Each group has the same weight.
        test: as many, of vectors that ``fit`` does not have, such as those of other scenes.
        seed: of its weights and batches.
        steps: of AdamW on batches of 256 vectors, with a one-cycle learning rate up to 3e-3.
        hidden_dim: width of the hidden layers.

    Returns:
        (sum of the test's rows,) bool, in the order of the groups: whether the probe was right.

    Raises:
        ValueError: fewer than two groups, other groups in ``test``, or a group without a vector.
    """
    if len(fit) < 2 or len(fit) != len(test) or not all(len(x) for x in (*fit, *test)):
        raise ValueError(
            f"a probe needs vectors of two groups or more, the same for fit and test, got {[len(x) for x in fit]} and "
            f"{[len(x) for x in test]}"
        )
    fit, test = [x.detach() for x in fit], [x.detach() for x in test]
    device, N = fit[0].device, len(fit)
    every = torch.cat(fit)
    centre, spread = every.mean(0), every.std(0).clamp(min=1e-6)
    size = 256 // N
    label = torch.arange(N, device=device).repeat_interleave(size)
    with drawn_from(seed):
        probe = nn.Sequential(
            *(nn.Linear(every.shape[1], hidden_dim), nn.ReLU()),
            *(nn.Linear(hidden_dim, hidden_dim), nn.ReLU()),
            nn.Linear(hidden_dim, N),
        ).to(device)
        optimizer = torch.optim.AdamW(probe.parameters(), lr=3e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps)
        for _ in range(steps):
            x = torch.cat([group[torch.randint(len(group), (size,)).to(device)] for group in fit])
            loss = F.cross_entropy(probe((x - centre) / spread), label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        answers = [probe((x - centre) / spread).argmax(1) for x in test]
    return torch.cat([answer == k for k, answer in enumerate(answers)])
