"""Copies of graphs, and graphs as bytes: what ``copy`` and ``pickle`` do with a Value.

Left alone, Python would go from a result to its operands one call inside the other, and a chain of
a thousand operations would be too deep for its stack. Here a graph is walked in topological order.
An operation is shared by copies; it is pickled by its name, and found again in the table or in its
module.
"""

from __future__ import annotations

import copy
import copyreg
import importlib
import operator
import pickle
import sys
import threading
from functools import cache
from types import MemberDescriptorType
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from tinygrad_hw.engine import numpy_api
from tinygrad_hw.engine.core.data import lock
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import NO_ATTRIBUTES, Node
from tinygrad_hw.engine.core.operation import Multilinear, Operation
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.engine.linearized import Linearized

N = TypeVar("N", bound=Node)


def shallow_copy(self: N) -> N:
    """Return another node with the same history; the data of a leaf are its own."""
    current().trace.read(self, "a copy")
    if self.operation is None:
        data = self.raw.copy() if isinstance(self.raw, np.ndarray) else self.raw
        return _with_state(type(self).leaf(data, constant=self.constant), _state(self))
    history = self.operation, self.inputs, self.arguments, self.attributes
    return _with_state(
        _result(type(self), self.raw, *history, *_kind_of_result(self)), _state(self)
    )


def deep_copy(self: N, memo: dict[int, Any]) -> N:
    """Return a copy of the node and of all that it was computed from."""
    current().trace.read(self, "a copy")
    for old in topological_order(self, stop=lambda old: id(old) in memo):
        if id(old) in memo:
            continue
        data = _deep_copied(old.raw, memo)
        if old.operation is None:
            new = type(old).leaf(data, constant=old.constant, saved=old.saved)
        else:
            new = _result(
                type(old),
                data,
                old.operation,
                tuple([memo[id(operand)] for operand in old.inputs]),
                tuple([_deep_copied(argument, memo) for argument in old.arguments]),
                _deep_copied(old.attributes, memo),
                *_kind_of_result(old),
            )
        memo[id(old)] = _with_state(new, _deep_copied(_state(old), memo))
    copied: N = memo[id(self)]
    return copied


def _deep_copied(x: Any, memo: dict[int, Any]) -> Any:
    """Do as ``copy.deepcopy``, and quickly for what most nodes have."""
    return x if type(x) is float or (type(x) is dict and not x) else copy.deepcopy(x, memo)


def reduce(self: Node) -> tuple[Any, ...]:
    """Return how ``pickle`` makes a node again: a leaf from its data, a result from its graph."""
    current().trace.read(self, "a pickle")
    if self.operation is None:
        return _load_leaf, (type(self), self.raw, self.constant, self.saved, _state(self))
    graph = _Graph.with_result(self)
    return operator.getitem, (graph, graph.positions[id(self)])


class _Graph:
    """Results that are pickled together, as one list; loaded, the list itself.

    An instance lives as long as the pickle that it is written to. Other results of the same graph
    in the same pickle are found in it, so that what they share is shared again when loaded.
    """

    def __init__(self, root: Node) -> None:
        others = _being_pickled.graphs
        order = topological_order(root, stop=lambda node: id(node) in others)
        self.results = [x for x in order if x.operation and id(x) not in others]
        self.positions: dict[int, int] = {id(x): i for i, x in enumerate(self.results)}
        others.update(dict.fromkeys(self.positions, self))

    @classmethod
    def with_result(cls, node: Node) -> _Graph:
        """Return the graph that has the result among its own, or a new one."""
        return _being_pickled.graphs.get(id(node)) or cls(node)

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_results, ([self._record(node) for node in self.results],)

    def _record(self, node: Node) -> tuple[Any, ...]:
        """Return a result as plain data: inputs by position, None for an argument that is theirs.

        Leaves, and results of other graphs, stand for themselves: ``pickle`` writes each once.
        """
        inputs = tuple([self.positions.get(id(operand), operand) for operand in node.inputs])
        arguments = tuple(
            [
                None if argument is operand.raw else argument
                for argument, operand in zip(node.arguments, node.inputs, strict=True)
            ]
        )
        history = node.operation, inputs, arguments, node.attributes
        return type(node), node.raw, *history, *_kind_of_result(node), _state(node)


class _BeingPickled(threading.local):
    """Graphs of the pickles that this thread is writing, by the ids of their results."""

    def __init__(self) -> None:
        self.graphs: WeakValueDictionary[int, _Graph] = WeakValueDictionary()


_being_pickled = _BeingPickled()


def _load_leaf(kind: type[N], data: Any, constant: bool, saved: bool, state: dict[str, Any]) -> N:
    if isinstance(data, np.ndarray) and data.base is not None:
        data = data.copy()  # NumPy leaves it in the pickle's bytes: it would be taken for a view
    return _with_state(kind.leaf(data, constant=constant, saved=saved), state)


def _load_results(records: list[tuple[Any, ...]]) -> list[Node]:
    results: list[Node] = []
    for kind, data, operation, positions, saved, attributes, constant, lean, state in records:
        inputs = tuple([x if isinstance(x, Node) else results[x] for x in positions])
        arguments = tuple(
            [
                operand.raw if argument is None else argument
                for argument, operand in zip(saved, inputs, strict=True)
            ]
        )
        history = operation, inputs, arguments, attributes
        results.append(_with_state(_result(kind, data, *history, constant, lean), state))
    return results


def _kind_of_result(node: Node) -> tuple[bool, bool]:
    """Return whether a result is a constant, and whether it is lean."""
    return node.constant, node.back is not None


def _result(
    kind: type[N],
    data: Any,
    operation: Any,
    inputs: tuple[Any, ...],
    arguments: tuple[Any, ...],
    attributes: dict[str, Any],
    constant: bool,
    lean: bool,
) -> N:
    if lean:
        return kind.lean(data, operation, inputs, arguments)
    node = kind.leaf(data, constant=constant, saved=True)
    node.set_call(operation, inputs, arguments, attributes or NO_ATTRIBUTES)
    return node


@cache
def _names(kind: type) -> list[str]:
    """Return the names of a node's state, including the slots that a subclass of Node adds."""
    slots = [vars(base).items() for base in kind.__mro__ if not issubclass(Node, base)]
    own = [name for of in slots for name, x in of if isinstance(x, MemberDescriptorType)]
    return ["label", "grad", "group", "line", *own]


def _state(node: Node) -> dict[str, Any]:
    """Return what a new node does not have: its names, its gradient, a subclass's attributes."""
    kind: Any = type(node)
    found = [(name, getattr(node, name, None)) for name in _names(kind)]
    return {k: x for k, x in found if x is not None} | getattr(node, "__dict__", {})


def _with_state(node: N, state: dict[str, Any]) -> N:
    node.group = None  # not that of the ``with`` block around the copy
    for name, x in state.items():
        setattr(node, name, x)
    if node.operation:
        lock(node.grad)
    return node


# --- Operations -----------------------------------------------------------------------------------


def _reduce_operation(operation: Operation) -> tuple[Any, ...]:
    if numpy_api.TABLE.get(operation.name) is operation:
        return _find_operation, (None, operation.name)
    for module, contents in list(sys.modules.items()):
        for name, x in list(getattr(contents, "__dict__", {}).items()):
            if x is operation:
                return _find_operation, (module, name)
    raise pickle.PicklingError(
        f"operation {operation.name} is neither in the table nor in a module, where it could be "
        "found again when loaded; make it a global of its module, or pickle v.detach()"
    )


def _find_operation(module: str | None, name: str) -> Any:
    if module is None:
        return numpy_api.TABLE[name]
    return getattr(importlib.import_module(module), name)


for _kind in {Multilinear, Linearized, *map(type, numpy_api.TABLE.values())}:
    copyreg.pickle(_kind, _reduce_operation)
