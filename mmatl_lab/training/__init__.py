"""The helper of the visible training loop, checkpoints with a card, what this machine can do; each loaded when used."""

from importlib import import_module

_WHERE = {
    "Run": "run",
    "learning_rate": "schedule",
    "EMA": "ema",
    "check_seed": "checks",
    "Checkpoint": "checkpoint",
    "CheckpointError": "checkpoint",
    "load_checkpoint": "checkpoint",
    "save_checkpoint": "checkpoint",
    "unfinished": "resume",
    "Machine": "hardware",
    "PRESETS": "hardware",
    "SHIPPED": "hardware",
    "default_preset": "hardware",
    "machine": "hardware",
    "Study": "study",
    "paired": "study",
    "folds": "splits",
    "train_seeds": "ensemble",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
