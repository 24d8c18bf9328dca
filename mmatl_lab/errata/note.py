"""Errata of the MMATL note: its adversarial alignment, its task discriminator, and its joint optimisation."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .clouds import Networks, cross_entropy, play, printed_align_dis, printed_align_enc
from .cone import NUM_SEEDS, summarise
from .ledger import Dependence, Measured, erratum, percent

DISTANCES = (0.0, 2.0, 4.0, 16.0)
DISTANCE = 4.0  # at which the numbers are taken
NUMBERS = (2, 3, 5, 10, 1000)
CLASSES = 4
LABELS = {
    "discriminator_loss": "loss of the discriminator (nats)",
    "encoder_loss": "adversarial loss of the encoders (nats)",
    "probe": "accuracy of a fresh modality probe (share of points)",
    "opposed": "where encoders and discriminator oppose each other (share of the range of D)",
    "true_label": "D of the true labels (a probability)",
    "prediction": "D of the predictions (a probability)",
    "accuracy": "accuracy of the task model (share of examples)",
    "wrong_found": "wrong answers that D scores below the true label (share of pairs)",
    "fused": "accuracy from both modalities (share of examples)",
    "single": "accuracy from one modality (share of examples)",
}
SYMBOLS = (
    r"$D_a$ is the alignment discriminator, $e_i$ the code of modality $i$, $N$ the number of modalities, $L$ a loss "
    r"that its player minimises, and $\mathrm{sg}$ stops the gradient."
)


def _games(num_modalities: int, distances: tuple[float, ...], seed: int) -> tuple[dict, dict]:
    """The mean numbers at `DISTANCE` under both forms, and the probe's accuracy at each distance."""
    distance = torch.tensor(distances).repeat_interleave(NUM_SEEDS)
    numbers, probes = {}, {}
    for form in ("printed", "right"):
        played = play(form, num_modalities, distance, seed)
        runs = {"discriminator_loss": played.discriminator_loss[-1], "encoder_loss": played.encoder_loss[-1],
                "probe": played.probe}  # fmt: skip
        chosen = (distance == DISTANCE).nonzero().flatten().tolist()
        numbers[form] = summarise([{name: x[run].item() for name, x in runs.items()} for run in chosen])
        probes[form] = tuple(played.probe.view(-1, NUM_SEEDS).mean(1).tolist())
    return numbers, probes


@erratum(
    "alignment-losses",
    document="note",
    title="The note gives encoders and alignment discriminator one and the same loss, unbounded below: nothing aligns.",
    printed=r"L_\text{align,enc} = \sum_i \log D_a(e_i) + \sum_{j \neq i} \log(1 - D_a(e_j)), \quad "
    r"L_\text{align,dis} = \sum_i \log(1 - D_a(e_i)) + \sum_{j \neq i} \log D_a(e_j)",
    right=r"L_\text{align,dis} = -\frac{1}{N} \sum_i \log D_a(\mathrm{sg}[e_i])_i, \quad "
    r"L_\text{align,enc} = \frac{1}{N} \sum_i \log D_a(e_i)_i",
    symbols=SYMBOLS + r" As printed, $D_a$ gives one probability; as it should be, one for each modality: $D_a(e)_i$.",
    source="Ganin and Lempitsky 2015, arXiv:1409.7495 (reversed gradients); Tzeng et al. 2017, arXiv:1702.05464",
    quoted="Both losses are quoted. That the second sum runs over all pairs of i and j is inferred.",
    also="Constant codes are aligned, too, so the loss of the task has to stay beside the alignment.",
)
def alignment_without_adversary(seed: int = 0) -> Measured:
    """Two clouds of points, which their encoders can only shift; five seeds, 200 steps. The numbers are those at a
    distance of 4.

    For two modalities both printed losses are the sum of log D(e_i)(1 − D(e_i)): swapping the modalities changes
    nothing, so D cannot learn which is which, and with D near 0 or 1 the sum has no lower bound. The probe is a fresh
    network, fitted to 500 points of each modality and tested on 4,000 others. From a distance of 16 the right game
    does not bring them together within its 200 steps, either.
    """
    numbers, probes = _games(2, DISTANCES, seed)
    printed, right = numbers["printed"], numbers["right"]
    sentence = (
        f"As printed, both losses fall below {max(printed['discriminator_loss'], printed['encoder_loss']):,.0f} and a "
        f"fresh probe tells the modality of {percent(printed['probe'])} of the points. With an adversary, the "
        f"discriminator's loss ends at {right['discriminator_loss']:.3f} (ln 2 is 0.693), and the probe is right for "
        f"{percent(right['probe'])}."
    )
    depends = Dependence("distance between the modalities", "probe", DISTANCES, probes["printed"], probes["right"])
    return Measured(printed, right, sentence, LABELS, (depends,))


@erratum(
    "alignment-beyond-two",
    document="note",
    title="For three modalities, the note's encoders and discriminator oppose each other over a third of D's range.",
    printed=r"L_\text{align,enc} = \sum_i \log D_a(e_i) + \sum_{j \neq i} \log(1 - D_a(e_j))",
    right=r"L_\text{align,dis} = -\frac{1}{N} \sum_i \log D_a(\mathrm{sg}[e_i])_i = -L_\text{align,enc}",
    symbols=SYMBOLS + r" As it should be, $D_a(e)_i$ is the probability that it gives to modality $i$.",
    source="Ganin and Lempitsky 2015, arXiv:1409.7495, with a discriminator of N classes",
    quoted="The formulas are for N modalities; the text calls more than two modalities future work.",
    also="Even where the players oppose each other, D has the same target for every modality, so that the game cannot "
    "align, however many modalities there are.",
)
def alignment_beyond_two(seed: int = 0) -> Measured:
    """Three clouds; five seeds. The printed slopes in D's logit are 1 − N·D for the encoders and (N − 1) − N·D for the
    discriminator, which oppose each other only where D lies between 1/N and (N − 1)/N. Where they do, D still gets the
    same target for every modality, and learns nothing that tells them apart.
    """
    numbers, _ = _games(3, (DISTANCE,), seed)
    printed, right = numbers["printed"], numbers["right"]
    printed["opposed"], right["opposed"] = opposed(3), 1.0
    sentence = (
        f"Three modalities as printed: the two players oppose each other over {percent(printed['opposed'])} of the "
        f"range of D, the losses leave it for {printed['discriminator_loss']:,.0f}, and a fresh probe is right for "
        f"{percent(printed['probe'])}. With an N-way discriminator the loss ends at "
        f"{right['discriminator_loss']:.3f} (ln 3 is 1.099), and the probe is right for {percent(right['probe'])}."
    )
    shares = tuple(opposed(N) for N in NUMBERS)
    depends = Dependence("number of modalities", "opposed", NUMBERS, shares, (1.0,) * len(NUMBERS))
    return Measured(printed, right, sentence, LABELS, (depends,))


def opposed(num_modalities: int) -> float:
    """Share of the range of D in which the printed losses of encoders and discriminator have slopes of other signs.

    The slopes are those of the code, taken by autograd at 10,000 values of D.
    """
    D = (torch.arange(10_000) + 0.5) / 10_000
    logits = D.logit().view(-1, 1, 1).expand(-1, num_modalities, 1).clone().requires_grad_()
    slopes = [torch.autograd.grad(loss(logits).sum(), logits)[0] for loss in (printed_align_enc, printed_align_dis)]
    return (slopes[0] * slopes[1] < 0).float().mean().item()


# The task discriminator


def _answers(noise: Tensor, examples: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Labels (R, B), and representations t (R, B, C): one-hot codes of the labels with noise of each run, (R,)."""
    label = torch.randint(CLASSES, (len(noise), examples), generator=generator)
    code = F.one_hot(label, CLASSES).float()
    return label, code + noise[:, None, None] * torch.randn(code.shape, generator=generator)


TASK = dict(
    document="note",
    symbols=r"$D_t$ is the task discriminator, $f$ the task model, $t$ the representation that it is given, $y$ the "
    r"true label as a one-hot vector, and $L$ a loss that its player minimises.",
)
AIMS = (0.01, 0.1, 0.5, 0.9, 0.99)


@erratum(
    "task-discriminator-unbounded",
    title="The note's task discriminator minimises a sum without lower bound, steepest where it is already right.",
    printed=r"L_\text{task,dis} = \log(1 - D_t(f(t))) + \log D_t(y), \quad "
    r"L_\text{task,model} = \log D_t(f(t)) + \log(1 - D_t(y))",
    right=r"L_\text{task,dis} = -\log D_t(y, t) - \log(1 - D_t(f(t), t)), \quad "
    r"L_\text{task,model} = -\log D_t(f(t), t)",
    source="Mirza and Osindero 2014, arXiv:1411.1784; Goodfellow et al. 2014, arXiv:1406.2661 (non-saturating loss)",
    quoted="Both losses are quoted.",
    also="The second term of the task model's loss does not contain f, so it has no gradient for f. The note expects "
    "robustness to noisy inputs of this loss; adversarial examples (FGSM, PGD) are another mechanism.",
    **TASK,
)
def task_discriminator_unbounded(seed: int = 0) -> Measured:
    """Four classes, a linear task model with the loss of the task and 0.1 times its adversarial loss; five seeds, 500
    steps. As it should be, the true labels are smoothed by .1.

    The dependence is exact: for the logit of D, the printed term log D has the slope 1 − D. It is minimised by D → 0,
    so the slope grows with what D has reached. The slope of the right one shrinks.
    """
    printed, right = (summarise(_task_game(form, seed)) for form in ("printed", "right"))
    sentence = (
        f"As printed, the discriminator's loss is {printed['discriminator_loss']:,.0f} after 500 steps, and D takes "
        f"true labels and predictions for the same ({printed['true_label']:.2f} and {printed['prediction']:.2f} on "
        f"average). As it should be, the loss is {right['discriminator_loss']:.2f}, never below 0, and D is "
        f"{right['true_label']:.2f} and {right['prediction']:.2f}."
    )
    depends = Dependence("probability that D gives to what it is trained for", "slope of its loss in the logit", AIMS,
                         AIMS, tuple(1 - p for p in AIMS))  # fmt: skip
    return Measured(printed, right, sentence, LABELS, (depends,))


def _task_game(form: str, seed: int) -> list[dict[str, float]]:
    generator = torch.Generator().manual_seed(seed)
    f = Networks((CLASSES, CLASSES), NUM_SEEDS, generator)
    D = Networks((CLASSES if form == "printed" else 2 * CLASSES, 32, 1), NUM_SEEDS, generator)
    model, discriminator = (torch.optim.Adam(x.parameters(), lr=0.01) for x in (f, D))
    noise = torch.full((NUM_SEEDS,), 0.5)

    def score(answer: Tensor, t: Tensor) -> Tensor:
        return D(answer if form == "printed" else torch.cat([answer, t], 2)).squeeze(2)

    for _ in range(500):
        label, t = _answers(noise, 64, generator)
        y = F.one_hot(label, CLASSES).float()
        y = y if form == "printed" else 0.9 * y + 0.1 / CLASSES
        logits = f(t)
        p = logits.softmax(2)
        true, predicted = score(y, t), score(p.detach(), t)
        loss = F.logsigmoid(-predicted) + F.logsigmoid(true)
        loss = loss if form == "printed" else -loss
        discriminator.zero_grad()
        loss.mean(1).sum().backward()
        discriminator.step()
        again = score(p, t)
        adversarial = F.logsigmoid(again) + F.logsigmoid(-score(y, t)) if form == "printed" else -F.logsigmoid(again)
        model.zero_grad()
        (cross_entropy(logits, label) + 0.1 * adversarial.mean(1)).sum().backward()
        model.step()
    label, t = _answers(noise, 4_000, generator)
    with torch.no_grad():
        right = (f(t).argmax(2) == label).float().mean(1)
        found = {"discriminator_loss": loss.mean(1), "true_label": true.sigmoid().mean(1),
                 "prediction": predicted.sigmoid().mean(1), "accuracy": right}  # fmt: skip
    return [{name: x[run].item() for name, x in found.items()} for run in range(NUM_SEEDS)]


NOISES = (0.1, 0.5, 1.0, 3.0, 300.0)


@erratum(
    "task-discriminator-blind",
    title="The note's task discriminator never sees the input: it cannot tell a wrong answer from a right one.",
    printed=r"D_t(y) \text{ against } D_t(f(t))",
    right=r"D_t(y, t) \text{ against } D_t(f(t), t)",
    source="Mirza and Osindero 2014, arXiv:1411.1784; on one-hot against soft: Arjovsky and Bottou 2017, "
    "arXiv:1701.04862",
    quoted="That D_t has one argument is quoted.",
    also="A one-hot label and a softmax differ in their support alone, so this discriminator rewards sharp answers, "
    "right or wrong.",
    **TASK,
)
def task_discriminator_blind(seed: int = 0) -> Measured:
    """Four classes; the answers are one-hot, and all wrong. Both discriminators learn with the right loss, 300 steps;
    only one is given t. Five seeds, 5,000 pairs of a true and a wrong answer.
    """
    noise = torch.tensor(NOISES).repeat_interleave(NUM_SEEDS)
    found = {form: _wrong_found(form, noise, seed).view(len(NOISES), NUM_SEEDS) for form in ("printed", "right")}
    clear = NOISES.index(0.5)
    printed, right = (summarise([{"wrong_found": x} for x in found[form][clear].tolist()]) for form in found)
    sentence = (
        f"Without t, the discriminator scores the wrong answer below the true label in "
        f"{percent(printed['wrong_found'])} of the pairs: chance. Given t, it does in {percent(right['wrong_found'])}."
    )
    means = {form: tuple(x.mean(1).tolist()) for form, x in found.items()}
    depends = Dependence("noise of t", "wrong_found", NOISES, means["printed"], means["right"])
    return Measured(printed, right, sentence, LABELS, (depends,))


def _wrong_found(form: str, noise: Tensor, seed: int) -> Tensor:
    """Share of pairs in which D scores the wrong answer below the true one, ties as one half: (R,)."""
    generator = torch.Generator().manual_seed(seed)
    D = Networks((CLASSES if form == "printed" else 2 * CLASSES, 32, 1), len(noise), generator)
    optimizer = torch.optim.Adam(D.parameters(), lr=0.01)

    def scores(examples: int) -> tuple[Tensor, Tensor]:
        label, t = _answers(noise, examples, generator)
        wrong = (label + torch.randint(1, CLASSES, label.shape, generator=generator)) % CLASSES
        one_hot = (F.one_hot(x, CLASSES).float() for x in (label, wrong))
        true, false = (D(x if form == "printed" else torch.cat([x, t], 2)).squeeze(2) for x in one_hot)
        return true, false

    for _ in range(300):
        true, false = scores(64)
        optimizer.zero_grad()
        (-F.logsigmoid(true) - F.logsigmoid(-false)).mean(1).sum().backward()
        optimizer.step()
    with torch.no_grad():
        true, false = scores(5_000)
    return ((true > false).float() + (true == false).float() / 2).mean(1)


# The joint optimisation

SHARES = (0.0, 0.25, 0.5, 1.0)
NUISANCE = 20  # numbers of each modality that say nothing
WIDTH = 4  # of a code


@erratum(
    "transfer-one-argument",
    document="note",
    title="The note trains its encoders through T with one argument: what only all tell together, none learns.",
    printed=r"L_\text{enc} = \sum_i L_\text{task}(f(T(E_i(x_i))), y_i)",
    right=r"L_\text{enc} = L_\text{task}(f(T(E_1(x_1), \ldots, E_N(x_N))), y)",
    symbols=r"$E_i$ is the encoder of modality $i$, $x_i$ its input, $N$ the number of modalities, $T$ the transfer "
    r"module, $f$ the task model, $y$ the label, $L_\text{task}$ the loss of the task.",
    source="Baltrušaitis et al. 2019, arXiv:1705.09406, on joint representations; Neverova et al. 2016, "
    "arXiv:1501.00102: modality dropout",
    quoted="The loss is quoted, with its y_i where y stands elsewhere. T is defined with N arguments: that the missing "
    "ones are zeros is inferred.",
    also="The note does not say which optimiser steps what, in which order, and what is detached.",
)
def transfer_one_argument(seed: int = 0) -> Measured:
    """Two modalities share a bit r and each has a bit of its own. An indicator, which both show, says whether the label
    is r or the exclusive or of the two own bits, which neither modality tells alone. Encoders of four numbers; five
    seeds, 400 steps. T and f learn from both modalities either way.

    As it should be, the encoders learn from the fused loss, and a modality is left out of one example in five, so that
    T can be asked for one modality.
    """
    share = torch.tensor(SHARES).repeat_interleave(NUM_SEEDS)
    found = {form: _transfer(form, share, seed) for form in ("printed", "right")}
    half = SHARES.index(0.5)
    printed, right = (
        summarise([{name: x.view(-1, NUM_SEEDS)[half, run].item() for name, x in found[form].items()}
                   for run in range(NUM_SEEDS)])
        for form in ("printed", "right")
    )  # fmt: skip
    sentence = (
        f"Half of the labels need both modalities. As printed, the accuracy from both is {printed['fused']:.3f}, no "
        f"more than one modality tells; with the fused loss it is {right['fused']:.3f}."
    )
    means = {form: tuple(x["fused"].view(-1, NUM_SEEDS).mean(1).tolist()) for form, x in found.items()}
    depends = Dependence("share of labels that need both", "fused", SHARES, means["printed"], means["right"])
    return Measured(printed, right, sentence, LABELS, (depends,))


def _transfer(form: str, share: Tensor, seed: int) -> dict[str, Tensor]:
    """Accuracy from both modalities and from the first, (R,) each."""
    generator = torch.Generator().manual_seed(seed)
    R = len(share)
    encoders = [Networks((3 + NUISANCE, WIDTH), R, generator) for _ in range(2)]
    head = Networks((2 * WIDTH, 64, 2), R, generator)  # f after T: the concatenation
    of_encoders, of_head = [p for E in encoders for p in E.parameters()], list(head.parameters())
    optimizer = torch.optim.Adam([*of_encoders, *of_head], lr=0.01)

    def draw(examples: int) -> tuple[list[Tensor], Tensor]:
        shared, *own = torch.randint(2, (3, R, examples), generator=generator)
        both = torch.rand(R, examples, generator=generator) < share[:, None]
        bits = (torch.stack([shared, bit, both], 2) * 2.0 - 1 for bit in own)
        x = [torch.cat([b, torch.randn(R, examples, NUISANCE, generator=generator)], 2) for b in bits]
        return [E(view) for E, view in zip(encoders, x, strict=True)], torch.where(both, own[0] ^ own[1], shared)

    def logits(e: list[Tensor]) -> Tensor:
        return head(torch.cat(e, 2))

    for _ in range(400):
        e, label = draw(128)
        if form == "printed":
            alone = [logits([code if i == k else torch.zeros_like(code) for k, code in enumerate(e)]) for i in range(2)]
            of_enc = sum(cross_entropy(z, label).sum() for z in alone)
            of_task = cross_entropy(logits([code.detach() for code in e]), label).sum()
            gradients = torch.autograd.grad(of_enc, of_encoders) + torch.autograd.grad(of_task, of_head)
        else:
            kept = torch.rand(2, R, 128, 1, generator=generator) < 0.9  # one in five examples lacks a modality
            loss = cross_entropy(logits([code * k for code, k in zip(e, kept, strict=True)]), label).sum()
            gradients = torch.autograd.grad(loss, [*of_encoders, *of_head])
        for parameter, gradient in zip([*of_encoders, *of_head], gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
    with torch.no_grad():
        e, label = draw(2_000)
        z = {"fused": logits(e), "single": logits([e[0], torch.zeros_like(e[1])])}
    return {name: (x.argmax(2) == label).float().mean(1) for name, x in z.items()}
