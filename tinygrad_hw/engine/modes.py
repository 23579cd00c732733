"""Modes: settings of the engine that hold for a ``with`` block and are always put back.

Each thread has its own, so one thread may evaluate under ``no_grad`` while another trains.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
    group: Group | None = None


state = _State()


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: results inside the block are constants with no history."""
    before = state.recording
    state.recording = False
    try:
        yield
    finally:
        state.recording = before


@contextmanager
def group(name: str) -> Iterator[Group]:
    """Put every node recorded inside the block into one named group."""
    before = state.group
    state.group = Group(name, parent=before)
    try:
        yield state.group
    finally:
        state.group = before
