"""Lean programs: operators and a backward pass for Python's floats, in a fifth of the time.

``operators`` and ``method`` do what ``Operation.record`` does, ``backward`` what ``core.backward``
does, by the same rules. A program in scalars makes a node with each operator, so the node is
written out here: a call would cost a third more. What is not finite, or no float, takes the general
way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

from tinygrad_hw.engine.core.node import NO_ATTRIBUTES, Node, to_data
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.core.trace import current


def operators(
    operation: Operation, compute: Callable[[Any, Any], Any]
) -> tuple[Callable[[Node, Any], Node], Callable[[Node, Any], Node]]:
    """Return a Python operator and its reflection, for ``v + 2`` and ``2 + v``."""
    back, new = operation.back, object.__new__

    def apply(self: Node, other: Any) -> Node:
        if type(self.raw) is float and (modes := current()).lean:
            x, cls = self.raw, type(self)
            if type(other) is float:
                other = cls.leaf(other, constant=cls.numbers_are_constant)
            if type(other) is not cls or type(y := other.raw) is not float:
                return operation.record(cls, (self, other), NO_ATTRIBUTES)
            try:
                data = compute(x, y)
                if data - data == 0.0 and not (self.constant and other.constant):
                    node: Node = new(cls)
                    node.raw = data
                    node.constant = False
                    node.operation = operation
                    node.back = back
                    node.first = self
                    node.second = other
                    node.x = x
                    node.y = y
                    node.group = modes.group
                    node.visited = None
                    return node
            except (ArithmeticError, ValueError):  # NumPy has an inf or a nan
                pass
        return operation.record(type(self), (self, other), NO_ATTRIBUTES)

    def reflected(self: Node, other: Any) -> Node:
        is_number = type(other) is float or type(other) is int
        if is_number and type(self.raw) is float and current().lean:
            number = type(self).leaf(to_data(other), constant=self.numbers_are_constant)
            return apply(number, self)
        return operation.record(type(self), (other, self), NO_ATTRIBUTES)

    return apply, reflected


def method(operation: Operation) -> Callable[[Node], Node]:
    """Return an operation of one operand as a method, ``v.exp()``."""
    compute = operation.of_floats

    def apply(self: Node) -> Node:
        if type(self.raw) is float and not self.constant and current().lean:
            try:
                data = compute(self.raw)
                if type(data) is float and isfinite(data):
                    return type(self).lean(data, operation, (self,), (self.raw,))
            except (ArithmeticError, ValueError):  # NumPy has an inf or a nan
                pass
        return operation.record(type(self), (self,), NO_ATTRIBUTES)

    return apply


_LEAN_PASS = threading.Lock()


def backward(root: Node) -> bool:
    """Do what ``core.backward`` does, for floats alone; return False if that is not enough."""
    with _pass_from(root, 1.0) as order:
        for node in order:
            if node.back is not None:
                node._grad = node.total
            elif not node.constant:
                before = getattr(node, "_grad", node.no_gradient)
                node._grad = node.total if before is None else before + node.total
        return bool(order)


def gradients(root: Node, seed: Any, leaves: Sequence[Node]) -> list[float | None] | None:
    """Return seed · d root / d leaf for each leaf, None for 0; None if floats are not enough."""
    with _pass_from(root, seed) as order:
        if not order:
            return None
        return [leaf.total if leaf.visited is root.visited else None for leaf in leaves]


@contextmanager
def _pass_from(root: Node, seed: Any) -> Iterator[list[Node]]:
    """Give the nodes that a pass has reached, with their totals; none if floats are not enough.

    Totals are in the nodes, not in a dict, so there is one such pass at a time; whoever comes
    meanwhile takes the general one. So does what meets an inf, a nan or what Python raises for
    them: nobody has seen a total before all are known to be finite.
    """
    lean = root.back is not None and type(seed) is float and current().lean
    if not (lean and _LEAN_PASS.acquire(blocking=False)):
        yield []
        return
    try:
        yield _totals(root, seed)
    finally:
        _LEAN_PASS.release()


def _totals(root: Node, seed: float) -> list[Node]:
    order = topological_order(root)
    root.total = seed
    leaves = []
    try:
        for node in reversed(order):
            if node.back is not None:
                node.back(node)
            elif not node.constant:
                leaves.append(node)
    except (ArithmeticError, ValueError):
        return []
    if not all([x.operation is None and type(x.raw) is float for x in leaves]):
        return []
    return order if isfinite(sum([leaf.total for leaf in leaves])) else []


def topological_order(root: Node) -> list[Node]:
    """Return what ``core.graph`` does, from a lean root; below a node that is not lean it stops.

    Nodes are marked, by their ``visited``, and their totals set to 0 as they are met.
    """
    order: list[Node] = []
    this_pass = object()
    path: list[Any] = []  # open nodes, after each of many operands an iterator over them
    node: Node | None = root
    while True:
        while node is not None and node.visited is not this_pass:  # down the first operands
            node.visited = this_pass
            node.total = -0.0  # which changes no number that is added to it, and 0.0 changes -0.0
            path.append(node)
            if node.first is None and node.back is not None:
                path.append(_unvisited(node.inputs, order, this_pass))
            node = node.first
        if not path:
            return order
        try:
            node = path[-1].second
        except AttributeError:  # an iterator over the other operands of a node of many
            node = next(path[-1], None)
            if node is None:
                path.pop()
            continue
        if node is None or node.visited is this_pass:
            order.append(path.pop())
            node = None


def _unvisited(operands: tuple[Node, ...], order: list[Node], this_pass: object) -> Iterator[Node]:
    """Return the results among operands that are to be visited; visit the leaves at once."""
    for operand in operands:
        if operand.back is None and operand.visited is not this_pass:
            operand.visited = this_pass
            operand.total = -0.0
            order.append(operand)
    return iter([x for x in operands if x.visited is not this_pass])
