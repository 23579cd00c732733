"""Modes: settings of the engine that hold for a ``with`` block and are always put back.

Each thread has its own, so one thread may evaluate under ``no_grad`` while another trains.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Group:
    """A named set of nodes: all that was recorded inside one ``with group(name)`` block.

    Groups nest through ``parent``. They fold a drawing into neurons, and a composite operation
    into one box. Two blocks of the same name are two groups: identity is what counts.
    """

    __slots__ = ("name", "parent")

    def __init__(self, name: str, parent: "Group | None") -> None:
        self.name = name
        self.parent = parent


class _State(threading.local):
    recording = True
    nested = False  # inside a function that grad, jvp, ... is differentiating
    anomaly: Any = False  # an AnomalyDetector, which checks every result for inf and nan
    group: Group | None = None
    recorder: Any = None  # a Recorder, which records every call while a program is captured


state = _State()


@contextmanager
def setting(**new: Any) -> Iterator[None]:
    """Change some of this thread's settings for a block; restore them, also after an error."""
    before = {name: getattr(state, name) for name in new}
    vars(state).update(new)
    try:
        yield
    finally:
        vars(state).update(before)


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: results inside the block are constants with no history."""
    with setting(recording=False):
        yield


@contextmanager
def group(name: str) -> Iterator[Group]:
    """Put every node recorded inside the block into one named group."""
    inner = Group(name, parent=state.group)
    with setting(group=inner):
        yield inner
