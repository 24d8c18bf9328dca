"""Errata of the fusions: of the formula survey, and of the code guide."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nn.fusion import GatedFusion, LateFusion, SelfAttentionFusion, WeightedFusion
from ..seeding import drawn_from
from .cone import NUM_SEEDS, summarise
from .ledger import Dependence, Measured, erratum, percent

CODE = "The guide prints code; the formula is what this code computes."
CLASSES = 8
NOISES = (0.9, 0.5, 0.9)  # of three modalities, each a one-hot code of the label with Gaussian noise
BEST = 1  # the place of the clearest
SHARPEST = (0.02, 0.2, 0.35, NOISES[BEST], 0.7)
LABELS = {
    "accuracy": "accuracy (share of examples)",
    "sum_of_probabilities": "Z, the sum of the fused 'probabilities'",
    "largest_weight": "largest weight (of a sum of 1)",
    "smallest_weight": "smallest weight (of a sum of 1)",
    "importance_of_useful": "importance of the only useful modality (of a sum of 1)",
    "widths_that_work": "hidden sizes that work (share of 1 to 64)",
}


def views_of(label: Tensor, noises: tuple[float, ...], generator: torch.Generator) -> list[Tensor]:
    """Each modality (B, 8): a one-hot code of the label, and noise."""
    code = F.one_hot(label, CLASSES).float()
    return [code + sigma * torch.randn(code.shape, generator=generator) for sigma in noises]


def learn(loss: Callable[[list[Tensor], Tensor], Tensor], parameters, noises, seed: int, num_steps: int = 300) -> None:
    """Adam at .02 on fresh examples, 256 a step."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(parameters, lr=0.02)
    for _ in range(num_steps):
        label = torch.randint(CLASSES, (256,), generator=generator)
        optimizer.zero_grad()
        loss(views_of(label, noises, generator), label).backward()
        optimizer.step()


def made(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    with drawn_from(seed):
        return make()


# Late fusion


def printed_late_fusion(log_p: Tensor, w: Tensor) -> Tensor:
    """The fused 'log-probabilities' as printed: Σ_m w_m log p_m, (B, M, C), (M,) -> (B, C), without normalising."""
    return (w[:, None] * log_p).sum(1)


@erratum(
    "late-fusion-unnormalised",
    document="guide",
    title="The guide's late fusion averages log-probabilities without normalising, so all weight goes to one modality.",
    printed=r"\log p = \sum_m w_m \log p_m, \quad w = \mathrm{softmax}(a), \quad L = -\log p(y)",
    right=r"\log p = \sum_m w_m \log p_m - \log Z, \quad Z = \sum_{y} \prod_m p_m(y)^{w_m}",
    symbols=r"$p_m$ are the probabilities that expert $m$ gives, $p$ the fused ones, $w_m$ the weight of expert $m$, "
    r"$a$ the learned scores behind $w$, $y$ a label, $Z$ what makes the sum over $y$ one, and $L$ the loss.",
    source="Hinton 2002, doi:10.1162/089976602760128018; Genest and Zidek 1986, doi:10.1214/ss/1177013825",
    quoted=CODE,
    also="A mixture, the sum of w_m p_m, needs no Z and is right as well; here a product is better, because the "
    "modalities are independent given the label.",
)
def unnormalised_late_fusion(seed: int = 0) -> Measured:
    r"""Three modalities show one of 8 labels with noises of .9, .5 and .9; linear experts and the weights learn
    together from the fused loss; five seeds, 20,000 test examples.

    By Hölder's inequality $Z \le 1$, and $-\sum_m w_m \log p_m(y)$ is linear in w. So its smallest value on the simplex
    is at a vertex: the loss is least where only the expert with the smallest own loss is asked.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    printed, right = (summarise([_late(form, NOISES, s) for s in seeds]) for form in ("printed", "right"))
    by_noise = {form: tuple(_late(form, (NOISES[0], sigma, NOISES[2]), seed)["accuracy"] for sigma in SHARPEST)
                for form in ("printed", "right")}  # fmt: skip
    sentence = (
        f"Trained as printed, one weight goes to {printed['largest_weight']:.2f}, Z is "
        f"{printed['sum_of_probabilities']:.2f}, and the accuracy is {printed['accuracy']:.3f}; normalised it is "
        f"{right['accuracy']:.3f}, with a largest weight of {right['largest_weight']:.2f} (of a sum of 1)."
    )
    depends = Dependence("noise of the clearest modality", "accuracy", SHARPEST, by_noise["printed"], by_noise["right"])
    return Measured(printed, right, sentence, LABELS, (depends,))


def _late(form: str, noises: tuple[float, ...], seed: int) -> dict[str, float]:
    fusion = made(lambda: LateFusion([CLASSES] * len(noises), CLASSES), seed)

    def fused(views: list[Tensor]) -> Tensor:
        if form == "right":
            return fusion(views)
        return printed_late_fusion(fusion.each(views), fusion.scores.softmax(0))

    learn(lambda views, label: F.nll_loss(fused(views), label), fusion.parameters(), noises, seed)
    generator = torch.Generator().manual_seed(10_000 + seed)
    label = torch.randint(CLASSES, (20_000,), generator=generator)
    with torch.no_grad():
        log_p = fused(views_of(label, noises, generator))
        w = fusion.scores.softmax(0)
    return {
        "accuracy": (log_p.argmax(1) == label).float().mean().item(),
        "sum_of_probabilities": log_p.exp().sum(1).mean().item(),
        "largest_weight": w.max().item(),
        "smallest_weight": w.min().item(),
    }


# Weights as importance

FACTORS = (0.001, 0.1, 1.0, 10.0, 1000.0)


@erratum(
    "weights-as-importance",
    document="guide",
    title="The weights that the guide's weighted fusion learns are no importance: any others give the same answers.",
    printed=r"\text{importance}_m = w_m, \quad e_g = \sum_m w_m\, \mathrm{ReLU}(W_m e_m + b_m)",
    right=r"\text{importance}_m = \text{accuracy} - \text{accuracy without } m",
    symbols=r"$e_m$ is the vector of modality $m$, $W_m$ and $b_m$ its layer, $w_m$ its learned weight, and $e_g$ "
    "the fused vector.",
    source="Neyshabur et al. 2015, arXiv:1506.02617, on the scale invariance of ReLU networks",
    quoted=CODE + " It names them 'learnable weights'; that they say which modality matters is what a reader infers.",
    inferred=True,
)
def weights_as_importance(seed: int = 0) -> Measured:
    r"""One modality shows the label, the other is noise alone. A weighted fusion with a linear head learns; five seeds.
    Then $W_1, b_1$ are multiplied by c and $w_1$ is divided by c (and the head by what the sum of w changes): not one
    answer differs. The weight of the only useful modality can be made anything.

    The right measure here is the accuracy that is lost with another example's modality in its place, as a share of
    what is lost by that for either.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    runs = [_importance(1.0, s) for s in seeds]
    printed, right = (summarise([{"importance_of_useful": run[side]} for run in runs]) for side in (0, 1))
    extreme = _importance(1000.0, seed)
    sentence = (
        f"The only useful modality has a learned weight of {printed['importance_of_useful']:.2f}. With its layer a "
        f"thousand times as large it has {extreme[0]:.4f}, and every answer is the same. Left out, it costs "
        f"{percent(right['importance_of_useful'])} of what both cost."
    )
    at_one = _importance(1.0, seed)
    moved = [tuple(abs(_importance(c, seed)[side] - at_one[side]) for c in FACTORS) for side in (0, 1)]
    depends = Dependence("factor c on the layer", "change of the importance, answers unchanged", FACTORS, *moved)
    return Measured(printed, right, sentence, LABELS, (depends,))


def _importance(factor: float, seed: int) -> tuple[float, float]:
    """Share of the useful modality: by its weight, and by what is lost without it."""
    noises = (0.5, 0.5)
    model = made(lambda: nn.ModuleList([WeightedFusion([CLASSES] * 2, 16), nn.Linear(16, CLASSES)]), seed)
    fusion, head = model

    def given(views: list[Tensor]) -> list[Tensor]:
        return [views[0], views[1][torch.randperm(len(views[1]), generator=torch.Generator().manual_seed(seed))]]

    learn(lambda x, y: F.cross_entropy(head(fusion(given(x))), y), model.parameters(), noises, seed, 150)
    generator = torch.Generator().manual_seed(10_000 + seed)
    label = torch.randint(CLASSES, (10_000,), generator=generator)
    x = given(views_of(label, noises, generator))
    with torch.no_grad():
        before = head(fusion(x))
        rescale(fusion, head, 0, factor)
        assert torch.allclose(head(fusion(x)), before, rtol=1e-3, atol=1e-3)
        lost = []
        for m in range(2):
            views = [v if k != m else v[torch.randperm(len(v), generator=generator)] for k, v in enumerate(x)]
            right = (before.argmax(1) == label).float().mean() - (head(fusion(views)).argmax(1) == label).float().mean()
            lost.append(max(right.item(), 0.0))
    return fusion.weights(x)[0, 0].item(), lost[0] / max(sum(lost), 1e-9)


def rescale(fusion: WeightedFusion, head: nn.Linear, place: int, factor: float) -> None:
    """Make one modality's layer ``factor`` times as large and its weight as much smaller; the head's answers stay."""
    w = fusion.scores.detach().softmax(0)
    fusion.project[place].weight.mul_(factor)
    fusion.project[place].bias.mul_(factor)
    fusion.scores[place] -= math.log(factor)
    changed = fusion.scores.detach().softmax(0)
    other = 1 - place
    head.weight.mul_(w[other] / changed[other])


# The gate without its tanh

BURST = 10.0
SIZES = (0.0, 0.6, 3.0, BURST, 30.0)  # of the burst's numbers; .6 is the noise of training


@erratum(
    "gate-without-tanh",
    document="survey",
    title="The survey's gated fusion leaves out the tanh: a burst in one modality costs more than it need.",
    printed=r"g = \sigma(W_g [h_1, h_2] + b_g), \quad h_{\text{fusion}} = g \odot h_1 + (1 - g) \odot h_2",
    right=r"h_m = \tanh(W_m e_m), \quad h_{\text{fusion}} = g \odot h_1 + (1 - g) \odot h_2",
    symbols=r"$e_m$ is the vector of modality $m$ and $W_m$ its layer, $h_1$ and $h_2$ what is fused, $g$ the gates, "
    r"$W_g$ and $b_g$ their layer, $\sigma$ the logistic function, $h_{\text{fusion}}$ the fused vector, and $\odot$ "
    "the product number by number.",
    source="Arevalo et al. 2017, arXiv:1702.01992, section 3.1",
    quoted="The survey's two lines are quoted; they do not say how h_1 and h_2 come about: here by linear layers.",
    also="Of the same passage: 'hierarchical' fusion over two inputs is one more layer (a hierarchy needs two local "
    "fusions), and cross-modal attention adds the other's tokens themselves, without values.",
)
def gate_without_tanh(seed: int = 0) -> Measured:
    """Two modalities of equal noise. In the test, noise of standard deviation 10 is added to the second modality of one
    in five examples, a burst; nothing of the kind was in training. Five seeds; the same gates, layers and heads.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    printed, right = (summarise([{"accuracy": _gated(form, s)[BURST]} for s in seeds]) for form in ("printed", "right"))
    by_size = {form: tuple(_gated(form, seed).values()) for form in ("printed", "right")}
    sentence = (
        f"With a burst of {BURST:g} in one in five second modalities, the gate without tanh is right in "
        f"{percent(printed['accuracy'])}, with it in {percent(right['accuracy'])}."
    )
    depends = Dependence("size of the burst", "accuracy", SIZES, by_size["printed"], by_size["right"])
    return Measured(printed, right, sentence, LABELS, (depends,))


def _gated(form: str, seed: int) -> dict[float, float]:
    model = made(lambda: nn.ModuleList([GatedFusion([CLASSES] * 2, 16), nn.Linear(16, CLASSES)]), seed)
    fusion, head = model

    def fused(views: list[Tensor]) -> Tensor:
        if form == "right":
            return head(fusion(views))
        h = torch.stack([project(e) for project, e in zip(fusion.project, views, strict=True)], -1)
        return head((fusion.gates(views) * h).sum(-1))

    noises = (0.6, 0.6)
    learn(lambda views, label: F.cross_entropy(fused(views), label), model.parameters(), noises, seed, 200)
    generator = torch.Generator().manual_seed(10_000 + seed)
    label = torch.randint(CLASSES, (10_000,), generator=generator)
    (one, other), hit = views_of(label, noises, generator), torch.rand(10_000, 1, generator=generator) < 0.2
    burst = hit * torch.randn(other.shape, generator=generator)
    with torch.no_grad():
        answers = {size: fused([one, other + size * burst]).argmax(1) for size in SIZES}
    return {size: (answer == label).float().mean().item() for size, answer in answers.items()}


# Attention with eight heads

HEADS = (1, 2, 4, 8)


@erratum(
    "eight-heads",
    document="guide",
    title="The guide's attention fusion fixes eight heads: seven of eight hidden sizes raise an error.",
    printed=r"\text{heads} = 8, \quad d = D / 8",
    right=r"d = \lceil D / \text{heads} \rceil, \quad \text{then } W^O : \text{heads} \cdot d \to D",
    symbols=r"$D$ is the hidden size, $d$ the width of one head, and $W^O$ the matrix behind the heads.",
    source="Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2: the width of a head is free, W^O brings it to D",
    quoted=CODE,
    also="The guide's code imports neither nn nor F nor np where it uses them. Its shapes are right (the sequence "
    "comes first); the residual and the norm of Vaswani et al. are left out, and the modality embedding is there only "
    "as the bias of each encoder.",
)
def eight_heads(seed: int = 0) -> Measured:
    """All hidden sizes from 1 to 64 are tried with eight heads, and with 1, 2 and 4."""
    printed = {heads: _works(lambda D, heads=heads: nn.MultiheadAttention(D, heads)) for heads in HEADS}
    right = {heads: _works(lambda D, heads=heads: SelfAttentionFusion([3, 2], D, heads)) for heads in HEADS}
    sentence = (
        f"Of the hidden sizes 1 to 64, {percent(printed[8])} work with eight heads as printed, and "
        f"{percent(right[8])} where a head has ⌈D / 8⌉ numbers."
    )
    depends = Dependence("number of heads", "widths_that_work", HEADS, *(tuple(x.values()) for x in (printed, right)))
    numbers = ({"widths_that_work": x[8]} for x in (printed, right))
    return Measured(*numbers, sentence, LABELS, (depends,))


def _works(make: Callable[[int], nn.Module]) -> float:
    works = 0
    for D in range(1, 65):
        try:
            make(D)
        except (AssertionError, ValueError):
            continue
        works += 1
    return works / 64
