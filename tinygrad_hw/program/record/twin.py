"""Twins: the private leaves that stand for Values while one run is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.trace import PLAIN, Trace, setting
from tinygrad_hw.program.record.tracer import CaptureError, Tracer, refusal
from tinygrad_hw.program.variable import Variable


class Twin:
    """The private leaf that stands for a Value while one run is recorded.

    Nobody else sees it: another thread goes on computing with the Value itself.

    Attributes
    ----------
    node, leaf
        The Value and the leaf, whose data and gradient are Tracers.
    raw, grad
        The Value's data and gradient before the run.
    data, gradient
        The Tracers for these; ``gradient`` is None where it had none.
    gradient_read, gradient_cleared
        Whether the function asks for the gradient that the Value had, or sets it to None.
    """

    __slots__ = (
        *("data", "grad", "gradient", "gradient_cleared", "gradient_read", "leaf", "node", "raw"),
    )

    def __init__(self, node: Node, leaf: Node, data: Tracer, gradient: Tracer | None) -> None:
        self.node, self.leaf = node, leaf
        self.raw, self.grad = node.raw, Node.grad.fget(node)
        self.data, self.gradient = data, gradient
        self.gradient_read = self.gradient_cleared = False

    @property
    def new(self) -> Tracer:
        """Return the data that the run has given the Value so far."""
        return cast(Tracer, self.leaf.raw)

    @property
    def new_gradient(self) -> Any:
        """Return the gradient that the Value has now: a Tracer, a plain one, or None."""
        return getattr(self.leaf, "_grad", None)


class TwinTrace(Trace):
    """Trace that keeps what becomes of Values to itself, until the run has ended.

    Parameters
    ----------
    without_gradients
        Whether to begin as if no Value had a gradient yet.

    Attributes
    ----------
    twins
        The Values that the run uses, by their ids.
    only_this_run, obstacle
        As in ``Recording``.
    refused
        The first error for what no program can repeat, even if the function has caught it.
    """

    def __init__(self, without_gradients: bool) -> None:
        self._without_gradients = without_gradients
        self.twins: dict[int, Twin] = {}
        self.only_this_run: str | None = None
        self.obstacle: str | None = None
        self.refused: CaptureError | None = None
        self.given: list[tuple[Any, Tracer]] = []  # the arrays among the arguments
        self._arrays: dict[int, tuple[Any, Tracer]] = {}  # those that Values hold or view
        self._registered: dict[int, Node] = {}  # Values that the function creates, by id

    def input(self, value: Any) -> Tracer:
        """Return the Tracer of a new input."""
        raise NotImplementedError

    def constant(self, data: Any) -> Tracer:
        """Return a Tracer that is the same in every run."""
        raise NotImplementedError

    def twin(self, node: Node) -> Node:
        """Return the leaf that stands for a Value from outside; any other node itself."""
        if node.operation is not None or isinstance(node.raw, Tracer) or self.is_registered(node):
            return node
        known = self.twins.get(id(node))
        return self._new_twin(node).leaf if known is None else known.leaf

    def _new_twin(self, node: Node) -> Twin:
        gradient = None if self._without_gradients else Node.grad.fget(node)
        traced = None if gradient is None else self.input(gradient)
        data = self._data_of(node)
        leaf = type(node).__new__(type(node))
        Node.begin(leaf, data, node.constant, saved=True)  # type: ignore[arg-type]
        if node.label:
            leaf.label = node.label
        if traced is not None:
            leaf._grad = traced  # type: ignore[assignment]
        twin = self.twins[id(node)] = Twin(node, leaf, data, traced)
        return twin

    def _data_of(self, node: Node) -> Tracer:
        """Return the input for a Value's data, or the part of a larger array's input."""
        data = node.raw
        base = getattr(data, "base", None)
        if not isinstance(data, np.ndarray):
            tracer = self.input(data)
        elif isinstance(base, np.ndarray) and base.ndim == 1 and data.flags.c_contiguous:
            tracer = _part(self.array_input(base), data, base)
        else:
            tracer = self.array_input(data)
        if node.label:
            tracer.variable.names.append(node.label)
        return tracer

    def array_input(self, array: Any) -> Tracer:
        """Return the input for an array in memory, one for all its views."""
        if id(array) not in self._arrays:
            self._arrays[id(array)] = (array, self.input(array))
        return self._arrays[id(array)][1]

    @property
    def array_inputs(self) -> list[tuple[Any, Variable]]:
        """Return the arrays that Values hold or view, with their inputs."""
        return [(array, tracer.variable) for array, tracer in self._arrays.values()]

    def add(self, node: Node) -> None:
        """Register a Value that the function creates; its plain data become a constant."""
        self._registered[id(node)] = node
        if not isinstance(node.raw, Tracer):
            node.raw = self.constant(node.raw)  # type: ignore[assignment]
        for operand in node.inputs:  # a plain one is a number that the function computes with
            if not isinstance(operand.raw, Tracer):
                self._registered[id(operand)] = operand

    def is_registered(self, node: Node) -> bool:
        """Return whether the function has created a Value, and did not get it from outside."""
        return id(node) in self._registered

    def read(self, node: Node, by: str) -> Any:
        """Raise CaptureError: a number that the user's program takes out stays what it is."""
        raise refusal(
            f"{by} of {node.label or 'a Value'} is read while a program is captured: the program "
            "would hold this one number for ever; compute with the Value itself, return it and "
            "look at it outside, and let an optimizer change parameters"
        )

    def gradient(self, node: Node) -> Any:
        """Return the gradient of a Value's twin."""
        leaf = self.twin(node)
        if leaf is not node and not self.twins[id(node)].gradient_cleared:
            self.twins[id(node)].gradient_read = True
        return super().gradient(leaf)

    def set_gradient(self, node: Node, gradient: Any) -> None:
        """Set the gradient of a Value's twin; a program sets it to None in every run, too."""
        leaf = self.twin(node)
        leaf._grad = gradient
        if leaf is not node and gradient is node.no_gradient:
            self.twins[id(node)].gradient_cleared = True

    def store(self, leaf: Node, data: Any) -> None:
        """Record that a leaf gets new data."""
        new = data if isinstance(data, Tracer) else self.constant(data)
        self.twin(leaf).raw = new  # type: ignore[assignment]
        for twin in self.twins.values() if isinstance(leaf.raw, np.ndarray) else ():  # its views
            if leaf.raw is not twin.raw and getattr(twin.raw, "base", None) is leaf.raw:
                twin.leaf.raw = _part(new, twin.raw, leaf.raw)
        for array, tracer in self.given if isinstance(leaf.raw, np.ndarray) else ():
            if np.may_share_memory(array, leaf.raw):
                self._change_argument(array, tracer, leaf, new)

    def _change_argument(self, array: Any, tracer: Tracer, leaf: Node, new: Tracer) -> None:
        """Let an argument that is the array of a Value change with it, as in a plain run."""
        name = leaf.label or "a Value"
        self.obstacle = f"it is given the array of {name}, which it changes; pass a copy of it"
        if not (array.flags.c_contiguous and leaf.raw.flags.c_contiguous):  # type: ignore[union-attr]
            raise refusal(
                f"an argument is a part of the array of {name}, which changes; pass a copy"
            )
        part = _part(new.reshape(-1), array, leaf.raw)
        tracer.variable, tracer.value = part.variable, part.value

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Let lasting state be made as without a recorder; no program may repeat that."""
        self.only_this_run = "it sets up lasting state"
        with setting(trace=PLAIN):
            yield
        for twin in self.twins.values():
            if twin.node.raw is not twin.raw and twin.new is twin.data:  # moved
                twin.raw, twin.data = twin.node.raw, self._data_of(twin.node)
                twin.leaf.raw = twin.data  # type: ignore[assignment]


def _part(tracer: Tracer, view: Any, base: Any) -> Any:
    """Return the part of a flat array that a view of another one has."""
    start = (view.ctypes.data - base.ctypes.data) // view.itemsize
    return tracer[start : start + view.size].reshape(view.shape)
