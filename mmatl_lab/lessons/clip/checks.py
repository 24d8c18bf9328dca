"""What is checked in the exercises of the CLIP lesson, on inputs drawn anew each time.

A check returns what it found right, or raises `Wrong` with the sentence of the mistake.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...metrics.retrieval import block_hits
from ...models.clip import CLIP
from ..attempt import Attempt, Wrong
from ..diagnose import as_tensor, diagnose, find_mistakes, same
from . import mistakes


def similarity_matrix(attempt: Attempt, generator: torch.Generator) -> str:
    # a square one first: there a forgotten keepdim and a product pair by pair run without an error
    for b, c, d in [(6, 6, 6), (5, 7, 4)]:
        image = 3 * torch.randn(b, d, generator=generator)
        text = torch.randn(c, d, generator=generator) + 0.5
        diagnose(
            attempt(image, text),
            lambda wrong, image=image, text=text: mistakes.similarity(image, text, wrong),
            mistakes.SIMILARITY,
            what="the similarity matrix",
        )
    return "Right for square and oblong batches, whatever the lengths of the vectors."


def contrastive_loss(attempt: Attempt, generator: torch.Generator) -> str:
    cases = [(*_pairs(generator), tau) for tau in (0.9, 0.5, 0.2)]  # together, so that no two mistakes look alike
    losses = [attempt(image.requires_grad_(), text.requires_grad_(), tau) for image, text, tau in cases]
    values = torch.stack([as_tensor(value, "the loss").reshape(-1) for value in losses]).squeeze(1)

    def reference(wrong: frozenset[str]) -> Tensor:
        return torch.stack([mistakes.loss(*case, wrong) for case in cases])

    diagnose(values, reference, mistakes.LOSS, what="the loss at τ = .9, .5 and .2")
    image, text = _pairs(generator)
    for u, v, why in [(image, image, mistakes.OVERFLOW), (image, text, mistakes.UNDERFLOW)]:
        value = as_tensor(attempt(u, v, 0.005), "the loss")
        if not value.isfinite().all():
            raise Wrong(f"At τ = .005 your loss is {float(value):g}: {why}")
        right = mistakes.loss(u.double(), v.double(), 0.005, frozenset())
        if (value - right).abs() > 1e-3 + 1e-4 * right:  # float32 keeps five digits of logits up to 200
            raise Wrong(f"At τ = .005 your loss is {float(value):.4g}, expected {float(right):.4g}: {mistakes.CAPPED}")
    if not all(isinstance(value, Tensor) and value.requires_grad for value in losses):
        raise Wrong(
            "The value is right, but nothing can be learned from it, since it has no gradient: return the tensor, "
            "without `.item()`, `.detach()`, `float()` or `no_grad`."
        )
    for case, value, right in zip(cases, losses, reference(frozenset()), strict=True):
        ours = torch.autograd.grad(right, case[:2], retain_graph=True)
        theirs = torch.autograd.grad(value, case[:2], allow_unused=True, materialize_grads=True)
        if not all(same(a, b) for a, b in zip(ours, theirs, strict=True)):
            raise Wrong("The value is right, but its gradient is not: a part of the loss is detached.")
    return "Right at τ = .9, .5, .2 and .005, and so is its gradient."


def mask_false_negatives(attempt: Attempt, generator: torch.Generator) -> str:
    a, b, c, d, e, f, g, h, i = (10 + 10 * torch.randperm(9, generator=generator)).tolist()
    # nearly the first: one word in its place, the same words in another order, the same sum of numbers
    near = [(a, e, f, g), (e, b, h, i), (b, a, c, d), (a + 1, b - 1, c + 1, d - 1)]
    captions = [(a, b, c, d), *near, (h, f, c, a)]
    tokens = torch.tensor([(*captions[n], 0, 0) for n in (0, 1, 1, 2, 3, 4, 5, 5)])  # 0 pads, as in a real batch
    tokens = tokens[torch.randperm(8, generator=generator)]
    logits = 3 * torch.randn(8, 8, generator=generator)
    value = as_tensor(attempt(logits, tokens), "the logits")
    if value.shape != logits.shape:
        raise Wrong(
            f"The shape of your logits is {tuple(value.shape)}, expected {tuple(logits.shape)}: keep the matrix whole "
            "and hide entries in it."
        )
    diagnose(
        _probabilities(value),
        lambda wrong: _probabilities(mistakes.mask(logits, tokens, wrong)),
        mistakes.MASK,
        what="what a softmax makes of your logits",
    )
    return "Right: equal captions are hidden, and captions of the same words in another order are not."


def class_vectors(attempt: Attempt, generator: torch.Generator) -> str:
    for c, t, d in [(4, 3, 6), (2, 5, 8)]:
        lengths = 0.5 + 3 * torch.rand(c, t, 1, generator=generator)
        prompts = lengths * (torch.randn(c, t, d, generator=generator) + 0.5)
        diagnose(
            attempt(prompts),
            lambda wrong, prompts=prompts: mistakes.zero_shot(prompts, wrong),
            mistakes.ZERO_SHOT,
            what="the class vectors",
        )
    return "Right: every template has the same say, and every class vector has length 1."


def recall_at_k(attempt: Attempt, generator: torch.Generator) -> str:
    # how often the right key has rank 0, 1, … 8: uneven, so that every mistake gives other numbers
    ranks = torch.repeat_interleave(torch.arange(9), torch.tensor([10, 2, 8, 4, 2, 6, 4, 4, 8]))
    n, m, ks = len(ranks), 15, (1, 2, 3, 5)
    plain = torch.rand(n, m, generator=generator).argsort(1).float()  # no two alike in a row
    tied = torch.randint(4, (n, m), generator=generator).float()
    one = plain == m - 1 - ranks[:, None]
    several = one | (torch.rand(n, m, generator=generator) < 0.15)

    def find(similarity: Tensor, relevant: Tensor, known: dict[str, str], otherwise: str | None, what: str) -> None:
        def reference(wrong: frozenset[str]) -> Tensor:
            if "expected" in wrong:
                return torch.stack([block_hits(similarity, relevant, k).mean() for k in ks])
            return torch.stack([mistakes.recall(similarity, relevant, k, wrong) for k in ks])

        values = [as_tensor(attempt(similarity, relevant, k), "the recall") for k in ks]
        if values[0].dim() > 0:
            raise Wrong(f"Return one number, the mean over the queries: yours has shape {tuple(values[0].shape)}.")
        value = torch.stack(values)
        if otherwise and not same(value, reference(frozenset())) and not find_mistakes(value, reference, known, 1):
            raise Wrong(otherwise)
        diagnose(value, reference, known, what=f"the recall with {what} (K = 1, 2, 3, 5)", together=1)

    known = mistakes.RECALL_SEVERAL | mistakes.RECALL
    find(plain, one, known, None, "one right key")
    find(plain, several, known, None, "several right keys")
    find(tied, several, mistakes.RECALL_TIES, mistakes.RECALL_ORDER, "ties")
    find(torch.ones(n, m), one, mistakes.RECALL_TIES, mistakes.RECALL_ORDER, "all similarities equal")
    return "Right with one right key, with several and with ties, and 0 where all similarities are equal."


def training_step(attempt: Attempt, generator: torch.Generator) -> str:
    images, tokens = (torch.randn(3, 6, d, generator=generator) for d in (5, 7))  # three batches of six pairs
    start = CLIP(nn.Linear(5, 4), nn.Linear(7, 4))

    def trained(step) -> tuple[Tensor, Tensor]:
        """Losses and weights after three steps."""
        model = copy.deepcopy(start)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = [as_tensor(step(model, optimizer, x, y), "the loss") for x, y in zip(images, tokens, strict=True)]
        return torch.stack(losses), nn.utils.parameters_to_vector(model.parameters()).detach().double()

    def reference(wrong: frozenset[str]) -> Tensor:
        return torch.cat(trained(lambda *inputs: mistakes.step(*inputs, wrong)))

    losses, weights = trained(attempt)
    if same(weights, nn.utils.parameters_to_vector(start.parameters()).detach()):
        raise Wrong(
            "After three steps no weight has moved: `optimizer.step()` comes after `loss.backward()`, and "
            "`optimizer.zero_grad()` does not stand between them."
        )
    known = mistakes.PLANTED | mistakes.NEW_BUGS
    value = torch.cat([losses.reshape(-1), weights])
    left = () if same(value, reference(frozenset())) else find_mistakes(value, reference, known, together=4)
    if left:
        axes = sum(name.endswith("axis") for name in left)
        count = len(left) - (axes == 2)  # both axes are one bug
        raise Wrong(f"{'One bug is' if count == 1 else f'{count} bugs are'} left. {known[left[0]]}")
    diagnose(value, reference, {}, what="what three steps leave (losses, then weights)")
    return "All three bugs are mended, and there is no new one: losses and weights after three steps are right."


def logit_scale_gradient(attempt: Attempt, generator: torch.Generator) -> str:
    cases = [(*_pairs(generator), torch.tensor(1 / tau).log()) for tau in (0.5, 0.3, 0.1)]
    diagnose(
        torch.stack([as_tensor(attempt(*case), "the derivative").reshape(-1) for case in cases]).squeeze(1),
        lambda wrong: torch.stack([mistakes.scale_gradient(*case, wrong) for case in cases]),
        mistakes.GRADIENT,
        what="the derivative at τ = .5, .3 and .1",
    )
    return (
        "Right. Its sign is that of (similarity the softmax expects) − (similarity of the right pair): while the right "
        "pairs win, the loss asks for a sharper softmax, and when they lose, for a softer one."
    )


def _pairs(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Unit vectors of six images and texts that have not met."""
    image, text = F.normalize(torch.randn(2, 6, 4, generator=generator), dim=-1)
    return image, text


def _probabilities(logits: Tensor) -> Tensor:
    """What the loss sees of logits, by columns and by rows: any number low enough does for −∞."""
    return torch.stack([logits.double().softmax(0), logits.double().softmax(1)])
