"""Ctrl-C, the notebook's stop button and a scheduler's SIGTERM end the loop between two steps, not inside one."""

import signal
import threading
from types import FrameType


class StopSignals:
    """While it is entered, the first SIGINT or SIGTERM only sets :attr:`received`; a second does what it did before.

    Python lets only the main thread handle signals, so that elsewhere this does nothing.

    Args:
        outermost: while it is entered, others leave the signals to it: a study ends between two trainings, not inside
            one, whose numbers would be those of half a training.
    """

    def __init__(self, outermost: bool = False):
        self.received, self.outermost = False, outermost
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if getattr(getattr(signal.getsignal(number), "__self__", None), "outermost", False):
                    continue
                self._before[number] = signal.signal(number, self._handle) or signal.SIG_DFL
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Give the signals back, unless another has taken them since; doing it twice does no harm."""
        if threading.current_thread() is threading.main_thread():
            for number, before in self._before.items():
                if signal.getsignal(number) == self._handle:
                    signal.signal(number, before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            self.close()
            signal.raise_signal(number)
        self.received = True
