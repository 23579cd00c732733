"""Interrupts: let what must not be done by half be finished before Ctrl-C is answered."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # ``signal``, at a twentieth of the cost
import threading
from typing import Any


class interrupts_deferred:  # noqa: N801 - a context manager
    """Context in which SIGINT waits: its handler runs when the block has ended.

    Python runs handlers of signals in the main thread alone, between two of its instructions, so
    other threads need nothing.
    """

    __slots__ = ("_before", "_waiting")

    def __enter__(self) -> None:
        self._waiting: list[Any] = []
        self._before: Any = None
        if threading.get_ident() == threading.main_thread().ident:
            self._before = _signal.getsignal(_signal.SIGINT)
            if callable(self._before):
                _signal.signal(_signal.SIGINT, lambda *event: self._waiting.append(event))

    def __exit__(self, *error: Any) -> None:
        if callable(self._before):
            _signal.signal(_signal.SIGINT, self._before)
            if self._waiting:
                self._before(*self._waiting[-1])
