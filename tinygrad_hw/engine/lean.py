"""Lean operators: what ``Operation.record`` does, for Python's floats and in a fifth of the time.

A program in scalars makes a node with each operator, so the node is written out here: a call would
cost a third more. What is not a finite float, computed from floats, goes to ``record``.
"""

from __future__ import annotations

from collections.abc import Callable
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
        if type(self.raw) is float and (type(other) is float or type(other) is int):
            number = type(self).leaf(to_data(other), constant=self.numbers_are_constant)
            return apply(number, self)
        return operation.record(type(self), (other, self), NO_ATTRIBUTES)

    return apply, reflected


def method(operation: Operation) -> Callable[[Node], Node]:
    """Return an operation of one operand as a method, ``v.exp()``."""
    back, compute, new = operation.back, operation.of_floats, object.__new__

    def apply(self: Node) -> Node:
        if type(self.raw) is float and not self.constant and (modes := current()).lean:
            try:
                x = self.raw
                data = compute(x)
                if type(data) is float and data - data == 0.0:
                    node: Node = new(type(self))
                    node.raw = data
                    node.constant = False
                    node.operation = operation
                    node.back = back
                    node.first = self
                    node.second = None
                    node.x = x
                    node.group = modes.group
                    node.visited = None
                    return node
            except (ArithmeticError, ValueError):  # NumPy has an inf or a nan
                pass
        return operation.record(type(self), (self,), NO_ATTRIBUTES)

    return apply
