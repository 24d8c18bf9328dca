"""The tables of the notebook, made from the studies that the package carries: means over seeds with 95 % intervals."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmatl_lab.metrics.intervals import student
from mmatl_lab.training import paired
from mmatl_lab.viz.tables import Bar, Table

from . import study, unique
from .tasks import DATA

if TYPE_CHECKING:
    from pandas import DataFrame

    from mmatl_lab.training.study import Difference

CHECKED = ("none", "conditional_gan", "fgsm", "pgd", "none_continuous", "pgd_continuous")
TITLES = {  # the games of `study.METHODS`, as the notebook calls them
    "none": "no alignment",
    "none_continuous": "no alignment, continuous codes",
    "printed": "as printed",
    "weak": "weak discriminator",
    "reversal_continuous": "gradient reversal, continuous codes",
    "reversal_mmd_continuous": "gradient reversal and MMD, continuous codes",
    "none_noise": "no alignment, noisy codes",
    "reversal_noise": "gradient reversal, noisy codes",
    "gradient_reversal": "gradient reversal",
    "confusion": "confusion",
    "inverted": "inverted labels",
    "wasserstein_gp": "Wasserstein critic",
    "mmd": "MMD",
    "sliced_wasserstein": "sliced Wasserstein",
    "reversal_mmd": "gradient reversal and MMD",
    "conditional": "the same, class by class (CDAN)",
}


def mean(values: Sequence[float], form: str = ".3f") -> str:
    """``0.571 [0.552, 0.590]``: the mean and Student's interval; fewer than five seeds are told, and one has none."""
    if len(values) == 1:
        return f"{values[0]:{form}} (one seed)"
    low, high = student(values)
    seeds = f" ({len(values)} seeds)" if len(values) < 5 else ""
    return f"{sum(values) / len(values):{form}} [{low:{form}}, {high:{form}}]{seeds}"


def _values(frame: "DataFrame", metric: str, **chosen) -> list[float]:
    for column, value in chosen.items():
        frame = frame[frame[column] == value]
    return frame.sort_values("seed")[metric].tolist()


def games(frame: "DataFrame", methods: Sequence[str], data: str = "scenes2") -> Table:
    """L_dis, what a fresh probe reads, and the mean accuracy of the modalities alone, for some games on a task.

    The first of the methods is the control; the others' probes are compared with its, seed by seed. Noisy codes are
    probed with their noise. The loss of a Wasserstein critic is no cross-entropy and is left out.
    """
    rows = []
    for method in methods:
        metric = "probe_noisy" if method.endswith("_noise") else "probe"
        found = {name: _values(frame, name, data=data, method=method) for name in ("L_dis", metric, "accuracy")}
        if not found[metric]:
            continue  # a try that was not made
        share = sum(found[metric]) / len(found[metric])
        less = "" if method == methods[0] else _change(frame, metric, data, method, methods[0])
        loss = "–" if method == "wasserstein_gp" else mean(found["L_dis"], ",.3f")
        rows.append((TITLES[method], loss, Bar(share), mean(found[metric]), mean(found["accuracy"]), less))
    return Table(("training", "L_dis (nats)", "", "fresh probe", "task accuracy", "change of the probe"), rows)


def _change(frame: "DataFrame", metric: str, data: str, method: str, control: str) -> str:
    """A difference seed by seed, with its interval; nothing where fewer than two seeds have both."""
    if len(study.shared(frame, data, method, control)) < 2:
        return ""
    return _signed(study.gain(frame, data, method, control, metric))


def _signed(difference: "Difference") -> str:
    return f"{difference.mean:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"


def numbers_of_modalities(frame: "DataFrame", tasks: Sequence[str]) -> Table:
    """The best game beside no alignment, task by task; what alignment costs is a difference seed by seed."""
    rows = []
    for data in tasks:
        N = len(DATA[data].modalities)
        probe, before = (_values(frame, "probe", data=data, method=m) for m in ("reversal_mmd", "none"))
        if not probe:
            continue  # a task that the study does not hold
        cost = _change(frame, "accuracy", data, "reversal_mmd", "none")
        rows.append((
            data, str(N), f"{math.log(N):.3f}", mean(_values(frame, "L_dis", data=data, method="reversal_mmd")),
            f"{1 / N:.2f}", mean(probe), mean(before), cost,
        ))  # fmt: skip
    columns = ("task", "N", "ln N", "L_dis", "chance", "probe, aligned", "probe, not aligned", "change of accuracy")
    return Table(columns, rows)


def transferred(frame: "DataFrame", data: str, labels: int = 64) -> Table:
    """Accuracy on the modality without labels, for each method, and its gain over no alignment, seed by seed."""
    from . import transfer

    rows, same = [], {"data": data, "labelled": "source", "labels": labels}
    for method, chosen in transfer.METHODS.items():
        found = transfer.values(frame, data, method, labels=labels)
        if not found:
            continue  # a control that this task was not trained with
        renamed = transfer.values(frame, data, method, "permuted", labels=labels)
        gained = ""
        if method != "none":
            gained = _signed(paired(frame, "target", same | {"method": method}, same | {"method": "none"}))
        probe = transfer.values(frame, data, method, "probe", labels=labels)
        share = sum(found) / len(found)
        rows.append((chosen.title, Bar(share), mean(found), gained, f"{sum(renamed) / len(renamed):.3f}",
                     f"{sum(probe) / len(probe):.3f}"))  # fmt: skip
    best = transfer.values(frame, data, "none", labelled="both", labels=labels)
    rows.append(("labels in both modalities", Bar(sum(best) / len(best)), mean(best), "", "", ""))
    return Table(("training", "", "accuracy without labels", "gain", "if classes are renamed", "fresh probe"), rows)


def missing(frame: "DataFrame", data: str = "digits", labels: int = 64) -> Table:
    """Labels of whole events, and the source modality missing at test: each method of `transfer.MISSING`."""
    from . import transfer

    rows, same = [], {"data": data, "labelled": "both", "labels": labels}
    for method in transfer.MISSING:
        found = transfer.values(frame, data, method, labelled="both", labels=labels)
        gained = ""
        if method != "none":
            gained = _signed(paired(frame, "target", same | {"method": method}, same | {"method": "none"}))
        title = transfer.METHODS[method].title
        rows.append((title, Bar(sum(found) / len(found)), mean(found), gained))
    return Table(("training", "", "accuracy, one modality missing", "gain"), rows)


def coins(frame: "DataFrame") -> Table:
    """For each label of the coins: exact ceilings, and what training reached with and without alignment."""
    rows = []
    for label, (_, asks, _) in unique.LABELS.items():
        for alignment, title in unique.ALIGNMENTS.items():
            best = 1.0 if alignment == "none" else unique.aligned_ceiling(label)
            found = {m: _values(frame, m, label=label, alignment=alignment) for m in ("fused", "alone", "modality")}
            rows.append((asks, title, f"{best:.2f}", mean(found["fused"]), mean(found["alone"]),
                         mean(found["modality"])))  # fmt: skip
    return Table(("label", "codes", "ceiling", "both together", "the better one alone", "modality told"), rows)


def checks(frame: "DataFrame", variants: Sequence[str] = CHECKED) -> Table:
    """Accuracy under every attack of the check for masked gradients, means over the seeds, and what is suspicious."""
    from . import robustness

    names = ("clean", "noise", "one_step", "many_steps", "strong", "transfer", "unbounded")
    rows = []
    for variant in variants:
        numbers = (_values(frame, f"check_{name}", variant=variant) for name in names)
        said = sorted({each for each in _values(frame, "suspicions", variant=variant) if each})
        means = (f"{sum(found) / len(found):.3f}" for found in numbers)
        rows.append((robustness.VARIANTS[variant].title, *means, "; ".join(said) or "nothing"))
    columns = ("trained", "clean", "noise", "one step", "many steps", "more, with restarts", "others' gradients",
               "no limit", "suspicious")  # fmt: skip
    return Table(columns, rows)


def robust(frame: "DataFrame", variants: Sequence[str] = ("printed", "conditional_gan", "fgsm", "pgd")) -> Table:
    """What each variant gains over no task adversary: on clean, noisy and attacked test data, seed by seed."""
    from . import robustness

    epsilon = robustness.halving(frame)
    asked = {"clean_fused": "clean", f"noise@{robustness.SIGMAS[-1]}": f"noise, σ = {robustness.SIGMAS[-1]}"}
    asked |= {f"pgd_{name}@{epsilon}": f"PGD, {words}, ε = {epsilon:g}" for name, words in
              (("image", "picture"), ("audio", "sound"), ("both", "both"))}  # fmt: skip
    plain = tuple(f"{sum(v) / len(v):.3f}" for v in (_values(frame, m, variant="none") for m in asked))
    rows = [(robustness.VARIANTS["none"].title, *plain)]
    for variant in variants:
        gains = (robustness.gain(frame, metric, variant) for metric in asked)
        rows.append(
            (robustness.VARIANTS[variant].title, *(f"{g.mean:+.3f} [{g.low:+.3f}, {g.high:+.3f}]" for g in gains))
        )
    return Table(("trained", *asked.values()), rows)


def adversary(frame: "DataFrame") -> Table:
    """Accuracy, loss and calibration of few labels with and without the task discriminator."""
    titles = {"plain": "no task discriminator", "discriminator": "λ_task = 0.1"}
    metrics = {"accuracy": "accuracy", "nll": "loss on the test (nats)", "ece": "calibration error"}
    rows = []
    for name, title in titles.items():
        cells = []
        for metric in metrics:
            if name == "plain":
                cells.append(mean(_values(frame, metric, adversary=name)))
            else:
                cells.append(_signed(paired(frame, metric, {"adversary": name}, {"adversary": "plain"})))
        rows.append((title, *cells))
    return Table(("trained", *metrics.values()), rows)


def uses(frame: "DataFrame") -> Table:
    """Classification, retrieval and generation with five modalities, with and without alignment."""
    asked = {
        "accuracy": "classification, one modality alone",
        "accuracy_fused": "classification, all five",
        "retrieval": "retrieval, all pairs of modalities",
        "generation": "generation, from the other four",
    }
    rows = []
    for metric, words in asked.items():
        before, after = (_values(frame, metric, data="scenes5", method=m) for m in ("none", "reversal_mmd"))
        rows.append((words, mean(before), mean(after), _change(frame, metric, "scenes5", "reversal_mmd", "none")))
    return Table(("use", "not aligned", "aligned", "difference"), rows)
