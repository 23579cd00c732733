"""Modes: settings of the engine that hold for a ``with`` block and are always put back.

Each thread has its own, so one thread may evaluate under ``no_grad`` while another trains.
"""

import linecache
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


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
    anomaly: bool | str = False  # or a line: watched already, on behalf of what stands there
    group: Group | None = None
    recorder: Any = None  # what takes down every computation while a program is captured


state = _State()


@contextmanager
def setting(**wanted: Any) -> Iterator[None]:
    """Hold some of this thread's settings for a block, whatever ends the block."""
    before = {name: getattr(state, name) for name in wanted}
    vars(state).update(wanted)
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


@contextmanager
def anomaly() -> Iterator[None]:
    """Stop at the first operation that makes an inf or a nan, forward or backward.

    Raises FloatingPointError inside the block, naming the operation, its inputs and the line of
    your program that created it. Costs time: for looking, not for training.
    """
    with setting(anomaly=True), np.errstate(all="ignore"):  # the error says more than a warning
        yield


_OURS = (os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep, "<rule of ")


def frames_of_ours() -> int:
    """How many frames of the stack, from the caller's on, are of this package."""
    depth, frame = 0, sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith(_OURS):
        depth, frame = depth + 1, frame.f_back
    return depth


def calling_line() -> str:
    """The innermost line on the stack that is not our own: ``(loss.py:7: x / y)``."""
    frame = sys._getframe(frames_of_ours())
    path, number = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(path, number).strip()
    return f"({os.path.basename(path)}:{number}{': ' if source else ''}{source})"
