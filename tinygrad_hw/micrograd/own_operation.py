"""Operations of a program's own, made as micrograd and microgpt make them.

In micrograd such an operation is a result with a function, ``out._backward``, that adds to the
gradients of the operands; in microgpt it is a result with the derivative by each operand as a
number. Here each becomes a record like those of the table, and what differs from one result to the
next stands in the node's attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from tinygrad_hw.engine.core.node import Node, to_data
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Multilinear, Operation, Pointwise


class Backward:
    """The function ``_backward`` of one result, as contributions to the result's operands.

    The function reads ``grad`` of the result and adds to those of the operands, so both are set for
    its time: what it adds to a 0 is the contribution.
    """

    __slots__ = ("function", "node", "pending", "upstream")

    def __init__(self, node: Node, function: Callable[[], Any]) -> None:
        self.node = node
        self.function = function
        self.upstream: Any = None
        self.pending: dict[int, Any] = {}  # contributions that were not asked for yet, by position

    def __repr__(self) -> str:
        return "_backward"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "_backward is a function of the Values that it was written with: it would add to their "
            "gradients, not to those of their copies; copy the leaves and compute again"
        )

    def contribution(self, position: int, upstream: Any) -> Any:
        """Return the contribution to one operand; the function runs once for all operands."""
        if position not in self.pending or upstream is not self.upstream:
            self.upstream = upstream
            self.pending = self._run(upstream)
        return self.pending.pop(position)

    def _run(self, upstream: Any) -> dict[int, Any]:
        operands = {id(x): x for x in self.node.inputs}.values()
        before = [(x, x.grad) for x in (self.node, *operands)]
        try:
            self.node.grad = upstream
            for x in operands:
                x.grad = np.zeros(x.shape)[()]
            self.function()
            added = {id(x): to_data(x.grad) for x in operands}
        finally:
            for x, grad in before:
                x.grad = grad
        # An operand that is given twice gets all of it through its first edge.
        return {
            position: added.pop(id(x), np.zeros(x.shape)[()])
            for position, x in enumerate(self.node.inputs)
        }


@lru_cache(maxsize=256)
def with_backward(sign: str) -> Operation:
    """Return the operation of results that have a ``_backward`` of their own."""

    def contribution(upstream: Any, position: int, _: Any, backward: Backward | None) -> Any:
        _refuse_second_order(sign, upstream)
        return upstream * 0.0 if backward is None else backward.contribution(position, upstream)

    return Multilinear(
        sign, _cannot_compute(sign), contribution, arity=ANY_NUMBER, defaults={"backward": None}
    )


@lru_cache(maxsize=256)
def with_local_gradients(sign: str) -> Operation:
    """Return the operation of results that hold the derivative by each operand as a number."""

    def local(out: Any, position: int, _: Any, local_gradients: tuple[float, ...]) -> float:
        _refuse_second_order(sign, out)
        return local_gradients[position]

    return Pointwise(
        sign, _cannot_compute(sign), local, arity=ANY_NUMBER, defaults={"local_gradients": ()}
    )


def _cannot_compute(sign: str) -> Callable[..., Any]:
    def compute(*_: Any, **__: Any) -> Any:
        raise TypeError(
            f"{sign} is a result given by its number: it cannot be computed again, "
            "as forward mode and a page do; write it with operations of the table, such as v.tanh()"
        )

    return compute


def _refuse_second_order(sign: str, recorded: Any) -> None:
    if isinstance(recorded, Node):
        raise TypeError(
            f"{sign} has a first derivative alone, as the program gave it; "
            "for second ones compute it with operations of the table, such as v.tanh()"
        )
