"""The executable errata: what the documents print, what is right, and the difference as a number measured in seconds.

One module for each document, such as `survey.py`, or for one matter of several documents, such as `fusion.py`; entries
register themselves, and no list elsewhere is edited.

    from mmatl_lab import errata
    for entry in errata.entries():
        print(entry.summary())
    errata.get("clip-one-sided").measure()
"""

import importlib
import pkgutil

from mmatl_lab.spelling import unknown

from .ledger import DOCUMENTS, Dependence, Erratum, Measured, registered

__all__ = ["DOCUMENTS", "Dependence", "Erratum", "Measured", "entries", "get"]


def entries() -> list[Erratum]:
    """All entries, document by document."""
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    order = list(DOCUMENTS)

    def place(entry: Erratum) -> tuple[int, bool, str]:
        module = entry.experiment.__module__.rpartition(".")[2]
        return order.index(entry.document), module != entry.document, module  # a document's own module first

    return sorted(registered.values(), key=place)  # stable: as in each module


def get(id: str) -> Erratum:
    """The entry called `id`, such as `"clip-one-sided"`.

    Raises:
        ValueError: for an unknown one, with the nearest known.
    """
    known = {entry.id: entry for entry in entries()}
    if id not in known:
        raise ValueError(unknown("erratum", id, known))
    return known[id]
