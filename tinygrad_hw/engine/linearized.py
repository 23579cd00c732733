"""Linearized operations: functions of whole matrices, such as an inverse, or of whole images.

Their derivative is neither a factor, as of a pointwise operation, nor the operation itself, as of a
linear one. At a point it is a linear map, and a rule is the transpose of that map.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.chain_rule import pull
from tinygrad_hw.engine.core.compile_rule import compile_rule
from tinygrad_hw.engine.core.data import StandIn, is_finite, shape_of
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Linear, Pointwise, Rule
from tinygrad_hw.engine.core.trace import setting


class Linearized(Linear):
    """An operation that is linear only to the first order, in the neighborhood of a point.

    A rule is the transpose of its derivative there: over ``upstream``, ``out`` (the result) and the
    operands, the contribution to its operand. It must be linear in ``upstream``: it may not ask
    what numbers ``upstream`` holds.

    Forward mode follows from the same rule, as the transpose of the transpose: the rule is recorded
    once on an upstream gradient that is a node of its own, and a tangent is pulled back to that.

    Parameters
    ----------
    ndim
        Number of last dimensions that are one matrix, or one image; those before are a batch.
    """

    __slots__ = ()

    def __init__(self, name: str, compute: Any, *rules: Rule, ndim: int = 2, **options: Any):
        super().__init__(name, compute, *rules, **options)
        self.ndim = ndim

    def _compiled(self, rule: Rule) -> Any:
        if self.arity == ANY_NUMBER:
            raise ValueError(f"{self.name}: a Linearized operation has a rule for each operand")
        if not isinstance(rule, str):
            return rule
        parameters = ["upstream", "out", *self.operand_names(), *self.defaults]
        return compile_rule(self.name, rule, parameters)

    def transposed(self, node: Node, position: int, out: Any, upstream: Any, operands: Any) -> Any:
        """Apply the rule for one operand; a matrix that upstream is 0 for gets exactly 0."""
        back = self.rules[position](upstream, out, *operands, **node.attributes)
        return _zero_where_nothing_arrives(back, upstream, node.inputs[0].shape[: -self.ndim])

    def moved(self, node: Node, out: Any, tangents: Sequence[Any], operands: Any) -> Any:
        """Apply the derivative to the tangents of all operands."""
        kind: Any = type(node)
        zero = np.zeros(node.shape, np.result_type(raw(out)))
        total = None
        with setting(recording=True):
            probe = kind(zero)
            for position, tangent in enumerate(tangents):
                row = self.rules[position](probe, out, *operands, **node.attributes)
                if shape_of(row) != shape_of(tangent):
                    raise ValueError(
                        f"the derivative of {self.name} by operand {position} has shape "
                        f"{shape_of(row)}, the operand {shape_of(tangent)}"
                    )
                part = _pulled_to(probe, row, tangent)
                if part is not None:
                    batch = node.inputs[0].shape[: -self.ndim]
                    part = _zero_where_nothing_arrives(part, tangent, batch)
                    total = part if total is None else total + part
        return zero[()] if total is None else total


# A record that is 0 and says, in its derivative, that none exists.
NO_SLOPE = Pointwise("no_slope", lambda x: 0.0 * x, math.nan)


def _pulled_to(leaf: Node, root: Any, upstream: Any) -> Any:
    """Return upstream · d root / d leaf, by the chain rule; None if there is no way to the leaf."""
    if not isinstance(root, Node):
        return None
    order = topological_order(root)
    between = {id(leaf)}
    for node in order:
        if any([id(x) in between for x in node.inputs]):
            between.add(id(node))
    totals = {id(root): upstream}
    for node in reversed(order):
        if id(node) not in between or node is leaf:
            continue
        edges = pull(node, totals[id(node)], between)
        for operand, edge in zip(node.inputs, edges, strict=True):
            if edge is not None:
                so_far = totals.get(id(operand))
                totals[id(operand)] = edge[1] if so_far is None else so_far + edge[1]
    return totals.get(id(leaf))


def _zero_where_nothing_arrives(derivative: Any, arriving: Any, batch: tuple[int, ...]) -> Any:
    """Make inf and nan 0 for those matrices of a batch for which what arrives is 0 throughout."""
    if isinstance(raw(derivative), StandIn) or is_finite(raw(derivative)):
        return derivative
    axes = tuple(range(len(batch), len(shape_of(arriving))))
    silent = np.logical_not(np.any(raw(arriving) != 0, axis=axes))
    inner = len(shape_of(derivative)) - len(batch)
    return ops.where(np.reshape(silent, batch + (1,) * inner), 0.0, derivative)
