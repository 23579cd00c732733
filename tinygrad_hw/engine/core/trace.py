"""Trace: how operations are carried out, and the modes of the engine around it.

Every thread and asyncio task has its own. A mode holds for a ``with`` block and is put back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ContextDecorator, nullcontext
from contextvars import ContextVar
from typing import Any


class Group:
    """A named set of nodes: all that was recorded inside one ``with group(name)`` block.

    Groups nest through ``parent``. They fold a drawing into neurons, and a composite operation
    into one box. Two blocks of the same name are two groups: identity is what counts.
    """

    __slots__ = ("name", "parent")

    def __init__(self, name: str, parent: Group | None) -> None:
        self.name = name
        self.parent = parent


class Trace:
    """How operations are carried out: by this one at once, and with nothing else.

    Subclasses, in rooms of their own, record a program or look for the first nan.
    """

    def evaluate(self, operation: Any, arguments: tuple[Any, ...], attributes: Any) -> Any:
        """Return the result of an operation on data."""
        return operation.evaluate(arguments, attributes)

    def twin(self, node: Any) -> Any:
        """Return the leaf that stands for a node while a program is recorded; here, itself."""
        return node

    def add(self, node: Any) -> None:
        """Be told of a new node."""

    def read(self, node: Any, by: str) -> Any:
        """Return the data of a node to the user's program, which asks ``by`` an attribute."""
        return node.raw

    def constant(self, data: Any) -> Any:
        """Return data that do not depend on the program's input."""
        return data

    def gradient(self, node: Any) -> Any:
        """Return a node's gradient."""
        return getattr(node, "_grad", node.no_gradient)

    def set_gradient(self, node: Any, gradient: Any) -> None:
        """Set a node's gradient for the user's program, or for a backward pass."""
        node._grad = gradient

    def store(self, leaf: Any, data: Any) -> None:
        """Write new data into a leaf, in place where they are an array."""
        if getattr(leaf.raw, "shape", ()):
            if leaf.saved:  # a graph holds the array, and nobody else
                leaf.raw, leaf.saved = leaf.raw.copy(), False
            leaf.raw[...] = data
        else:
            leaf.raw = data

    def set_up(self) -> AbstractContextManager[Any]:
        """Return a context in which lasting state, such as an optimizer's, is made."""
        return nullcontext()

    def pulling(self, pull: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function that sends gradients back through a node, for one backward pass."""
        return pull

    def pushing(self, push: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function that sends tangents forward through a node."""
        return push

    def end_pass(self) -> None:
        """Be told that a backward pass is over."""

    def name_gradients(self, root: Any, order: Sequence[Any]) -> None:
        """Be told that a backward pass has left the gradients of a root on its nodes."""


class Modes:
    """What holds for one thread or task at a time; never changed, but replaced.

    ``recording``: whether results remember what they were computed from. ``nested``: whether a
    function runs that ``grad``, ``jvp``, ... is differentiating. ``lean``: whether operators may
    compute on Python's floats without asking the trace.
    """

    __slots__ = ("group", "lean", "nested", "recording", "trace")

    def __init__(self, trace: Trace, recording: bool, nested: bool, group: Group | None) -> None:
        self.trace = trace
        self.recording = recording
        self.nested = nested
        self.group = group
        self.lean = recording and type(trace) is Trace


PLAIN = Trace()
_modes: ContextVar[Modes] = ContextVar("modes", default=Modes(PLAIN, True, False, None))  # noqa: B039 - never changed
current = _modes.get


class setting(ContextDecorator):  # noqa: N801 - a context manager
    """Change some of the modes for a block; restore them, also after an error."""

    def __init__(self, **new: Any) -> None:
        self._new = new

    def _recreate_cm(self) -> setting:
        return setting(**self._new)

    def __enter__(self) -> Any:
        self._before = before = current()
        names = ("trace", "recording", "nested", "group")
        _modes.set(Modes(**{name: getattr(before, name) for name in names} | self._new))
        return current().group

    def __exit__(self, *error: object) -> None:  # a generator, left by Ctrl-C, would end any time
        _modes.set(self._before)


def no_grad() -> setting:
    """Compute without recording: results inside the block are constants with no history."""
    return setting(recording=False)


def group(name: str) -> setting:
    """Put every node recorded inside the block into one named group."""
    return setting(group=Group(name, parent=current().group))
