"""Late fusion: a classifier for each modality, and one answer from all of theirs."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .base import Fusion, masked_softmax

RULES = ("product", "mixture")


class LateFusion(Fusion):
    r"""A classifier for each modality, whose answers $p_m = \mathrm{softmax}(z_m)$ are combined by one of two rules.

    $$ \text{product of experts:} \quad \log p = \sum_m w_m \log p_m - \log Z, \quad
       Z = \sum_y \prod_m p_m(y)^{w_m}, \quad w_m = e^{a_m} $$
    $$ \text{mixture:} \quad p = \sum_m w_m\, p_m, \quad w = \mathrm{softmax}(a) $$

    A product is what independent evidence asks for: one expert can rule a class out. A mixture is a vote. Without Z the
    product is no distribution. Both are sums of one score for each modality (of logits, or of probabilities), so no
    modality can reverse what another one means. Experts that are missing do not vote. The result is the logarithm of
    probabilities, (B, C), which a cross-entropy takes as logits. (Hinton 2002, doi:10.1162/089976602760128018; Genest
    and Zidek 1986, doi:10.1214/ss/1177013825, who call them logarithmic and linear opinion pools.)

    Args:
        dims: $n_m$ of each modality. out_dim: C, the number of classes.
        hidden_dim: width of each classifier's hidden layer; None: one linear layer.
        rule: one of RULES.

    Raises:
        ValueError: another rule.
    """

    def __init__(self, dims: Sequence[int], out_dim: int, hidden_dim: int | None = None, rule: str = "product"):
        super().__init__(dims, out_dim)
        if rule not in RULES:
            raise ValueError(f"there is no rule {rule!r}: choose one of {', '.join(RULES)}.")
        self.rule = rule
        self.classifiers = nn.ModuleList(_classifier(n, out_dim, hidden_dim) for n in dims)
        self.scores = nn.Parameter(torch.zeros(len(dims)))

    def each(self, features: list[Tensor]) -> Tensor:
        """(B, M, C), the logarithms of each modality's own probabilities."""
        logits = [classify(e) for classify, e in zip(self.classifiers, features, strict=True)]
        return torch.stack(logits, 1).log_softmax(-1)

    def weights(self, features: list[Tensor], mask: Tensor | None = None) -> Tensor:
        """(B, M): w, of the product divided by its sum."""
        _, mask = self.present(features, mask)
        return masked_softmax(self.scores.expand(mask.shape), mask)

    def fuse(self, features: list[Tensor], mask: Tensor) -> Tensor:
        log_p = self.each(features)
        if self.rule == "product":
            w = self.scores.exp() * mask  # (B, M)
            return (w[..., None] * log_p).sum(1).log_softmax(-1)
        log_w = self.scores.expand(mask.shape).masked_fill(~mask, -torch.inf).log_softmax(1)
        return (log_w[..., None] + log_p).logsumexp(1)


def _classifier(in_dim: int, num_classes: int, hidden_dim: int | None) -> nn.Module:
    if hidden_dim is None:
        return nn.Linear(in_dim, num_classes)
    return nn.Sequential(nn.Linear(in_dim, hidden_dim), nn.GELU(), nn.Linear(hidden_dim, num_classes))
