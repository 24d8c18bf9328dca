"""Errata of attention as a fusion: of the formula survey, and of the code guide."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nn.fusion import cross_modal_attention
from ..seeding import drawn_from
from .cone import NUM_SEEDS, summarise
from .ledger import Dependence, Measured, erratum, percent

LABELS = {
    "accuracy": "accuracy (share of examples)",
    "spread_left": "what is left of the differences between modalities (share of their size)",
}

FORMS = ("printed", "right")

# Values

CODES, DIM = 8, 16
OVERLAPS = (0.0, 0.6, 0.9, 1.0)  # cosine between the vectors of both modalities for the same code


@erratum(
    "attention-without-values",
    document="survey",
    title="The survey's cross-modal attention adds the other's tokens as they are: who said what is lost.",
    printed=r"h_i \leftarrow h_i + \sum_j \alpha_{ij} g_j",
    right=r"h_i \leftarrow h_i + \sum_j \alpha_{ij} V g_j",
    symbols=r"$h_i$ are the tokens of one modality, $g_j$ those of the other, $\alpha_{ij}$ the attention of token $i$ "
    r"to token $j$, and $V$ a learned matrix.",
    source="Vaswani et al. 2017, arXiv:1706.03762, section 3.2.1",
    quoted="The formula is quoted, with g for the other modality's h.",
    also="With scores by dot products a factor 1/√d is missing too; the survey's score is an MLP's and needs none. "
    "'Hierarchical' fusion of two inputs in the same section is one more layer: a hierarchy needs two local fusions.",
)
def attention_without_values(seed: int = 0) -> Measured:
    """Each modality has one token, a code of one of eight numbers. Which number is larger? The same MLP reads the
    fused token under both forms; five seeds, 4,000 test examples. Both modalities write numbers in similar vectors.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    printed, right = (summarise([_which_is_larger(form, OVERLAPS[-1], s) for s in seeds]) for form in FORMS)
    sentence = (
        f"Where both modalities use the same vectors, {percent(printed['accuracy'])} of the answers are right without "
        f"values (chance 50 %), {percent(right['accuracy'])} with them."
    )
    by_overlap = (tuple(_which_is_larger(form, c, seed)["accuracy"] for c in OVERLAPS) for form in FORMS)
    depends = Dependence("cosine between the modalities' vectors", "accuracy", OVERLAPS, *by_overlap)
    return Measured(printed, right, sentence, LABELS, (depends,))


def _which_is_larger(form: str, overlap: float, seed: int) -> dict[str, float]:
    with drawn_from(seed):
        value = nn.Linear(DIM, DIM, bias=False)
        score = nn.Sequential(nn.Linear(2 * DIM, DIM), nn.Tanh(), nn.Linear(DIM, 1))
        head = nn.Sequential(nn.Linear(DIM, 32), nn.ReLU(), nn.Linear(32, 2))
    model = nn.ModuleList([value, score, head])

    def scores(h: Tensor, g: Tensor) -> Tensor:
        pairs = torch.cat([h[:, :, None].expand(-1, -1, g.shape[1], -1), g[:, None].expand(-1, h.shape[1], -1, -1)], -1)
        return score(pairs).squeeze(-1)

    def answer(one: Tensor, other: Tensor) -> Tensor:
        rest = (1 - overlap**2) ** 0.5
        h = F.pad(F.one_hot(one, CODES).float(), (0, CODES))[:, None]  # (B, 1, D)
        g = torch.cat([overlap * F.one_hot(other, CODES), rest * F.one_hot(other, CODES)], 1)[:, None]
        read = value if form == "right" else nn.Identity()
        return head(cross_modal_attention(h, g, scores, read).squeeze(1))

    def draw(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        one = torch.randint(CODES, (n,), generator=generator)
        return one, (one + torch.randint(1, CODES, (n,), generator=generator)) % CODES

    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(120):
        one, other = draw(128, generator)
        loss = F.cross_entropy(answer(one, other), (one > other).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    one, other = draw(4_000, generator)
    with torch.no_grad():
        return {"accuracy": (answer(one, other).argmax(1) == (one > other)).float().mean().item()}


# The residual

LAYERS = (0, 1, 2, 4, 8)
WIDTH, HEADS = 32, 4


@erratum(
    "attention-without-residual",
    document="guide",
    title="The guide's attention fusion has no residual and no norm: each layer makes the modalities more alike.",
    printed=r"t \leftarrow \mathrm{Attention}(t)",
    right=r"t \leftarrow t + \mathrm{Attention}(\mathrm{LN}(t))",
    symbols=r"$t$ are the tokens, one of each modality, and $\mathrm{LN}$ is layer normalisation.",
    source="Vaswani et al. 2017, arXiv:1706.03762, section 3.1; Dong et al. 2021, arXiv:2103.03404",
    quoted="The guide prints code with one such layer, in the right order of axes; the formula is what it computes.",
    also="The modality embedding of the guide's tokens is there only as the bias of each encoder.",
)
def attention_without_residual(seed: int = 0) -> Measured:
    """Three modalities with vectors by chance, layers of four heads as they are at the start of a training; five seeds.
    Measured is how far the tokens are from their mean, relative to their size, and to what it was at first.
    """
    seeds = range(seed, seed + NUM_SEEDS)
    printed, right = (summarise([_spread(form, 1, s) for s in seeds]) for form in FORMS)
    sentence = (
        f"After one layer without residual {percent(printed['spread_left'])} of the differences between the modalities "
        f"are left, with it {percent(right['spread_left'])}."
    )
    by_depth = (tuple(_spread(form, n, seed)["spread_left"] for n in LAYERS) for form in FORMS)
    depends = Dependence("number of layers", "spread_left", LAYERS, *by_depth)
    return Measured(printed, right, sentence, LABELS, (depends,))


@torch.no_grad()
def _spread(form: str, num_layers: int, seed: int) -> dict[str, float]:
    with drawn_from(seed):
        t = torch.randn(200, 3, WIDTH)
        layers = [nn.MultiheadAttention(WIDTH, HEADS, batch_first=True) for _ in range(num_layers)]

    def spread(t: Tensor) -> float:
        return ((t - t.mean(1, keepdim=True)).norm() / t.norm()).item()

    first = spread(t)
    for layer in layers:
        x = F.layer_norm(t, (WIDTH,)) if form == "right" else t
        t = layer(x, x, x, need_weights=False)[0] + (t if form == "right" else 0)
    return {"spread_left": spread(t) / first}
