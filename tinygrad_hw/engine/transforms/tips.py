"""Second derivatives at the tip of a length, where its first one is a convention.

The length n = ‖x‖ has no slope at x = 0: by convention the engine gives 0, and so the contribution
u · x / n of an upstream gradient u is 0 there. But n² is smooth, and its contribution is 2 x. So a
contribution that is recorded, to be differentiated again, has a term of its own at the tip: k · x,
where k is the limit of u / n. That is du/dn, by l'Hôpital's rule, if u is 0 and depends on x
through n alone; else the term is 0 with a slope of nan. Of |x|, whose sides are straight, the
derivative of the contribution is du/dn in any case, as a mean of both sides.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core import numerics
from tinygrad_hw.engine.core.chain_rule import AT_TIP, push
from tinygrad_hw.engine.core.data import dtype_of, shape_of
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.linearized import NO_SLOPE


def tip_of(node: Node) -> Any:
    """Return the mask of where a result is the tip of a length; None if it is so nowhere."""
    if node.operation not in AT_TIP:
        return None
    if node.attributes.get("ord", 2) < 0:  # 0 where one element is: each has its rule
        return None
    length = ops.hypot(*node.arguments) if node.operation is ops.arctan2 else node.raw
    tip = length == 0
    return tip if np.any(tip) else None


def add_term_at_tip(node: Node, position: int, upstream: Node, contribution: Any) -> Any:
    """Return a recorded contribution with the term for tips: 0, with a derivative of its own.

    ``upstream`` has the result's shape, with the reduced dimensions as length 1.
    """
    tip = tip_of(node)
    if tip is None:
        return contribution
    with np.errstate(all="ignore"):
        slope, known = _limit_of_ratio(upstream, node, tip)
        tip = tip if shape_of(tip) == upstream.shape else np.reshape(tip, upstream.shape)
        known = tip & known
        x = node.inputs[position]
        term = ops.where(known, slope, 0.0) * ops.where(known, x, 0.0)
        if np.all(known == tip):
            return contribution + term
        unknown = tip & np.logical_not(known)
        rough = [NO_SLOPE(ops.where(unknown, x, 1.0)) for x in node.inputs]
        if node.operation is ops.norm:
            total = ops.sum(rough[0], node.attributes["axis"], keepdims=True)
            rough = [ops.broadcast_to(ops.reshape(total, upstream.shape), node.inputs[0].shape)]
        steep = NO_SLOPE(rough[0] if len(rough) == 1 else rough[0] + rough[1])
        return contribution + term + steep + upstream * steep  # by upstream, too, it is not known


def _limit_of_ratio(upstream: Node, node: Node, tip: Any) -> tuple[Any, Any]:
    """Return the limits of upstream / node at its tips, and the mask of those that are known."""
    order = topological_order(upstream, stop=lambda x: _is_same(x, node))
    own = {id(x) for x in topological_order(*node.inputs) if not x.constant}
    by_itself = not any([id(x) in own for x in order])
    slopes = []
    for step in (0.0, 1.0):  # they agree if each element of upstream depends on its own length
        size = math.prod(node.shape)
        steps = np.reshape(1 + step * np.arange(size) / size, node.shape)
        weights = numerics.cast(steps, dtype_of(node.raw))
        per_step = numerics.cast(np.reshape(steps, upstream.shape), dtype_of(node.raw))
        moved: dict[int, Any] = {}
        for x in order:
            if _is_same(x, node):
                moved[id(x)] = type(node).leaf(weights * tip, constant=True)
            elif x.operation is not None:
                moved[id(x)] = push(x, [moved.get(id(operand)) for operand in x.inputs])
        moving = moved.get(id(upstream))
        slopes.append(0.0 if moving is None else moving / per_step)
    first, second = map(raw, slopes)
    known = np.isfinite(first) & (abs(first - second) <= 1e-5 * abs(first))
    if node.operation is not ops.abs:
        euclidean = node.operation is ops.hypot or node.attributes.get("ord") == 2
        known = known & (raw(upstream) == 0) & by_itself & (euclidean | (moving is None))
    return slopes[0], known


def _is_same(x: Node, node: Node) -> bool:
    """Return whether a node is the same length as another: the same call of the same operands."""
    return x is node or (
        x.operation is node.operation
        and all([a is b for a, b in zip(x.inputs, node.inputs, strict=True)])
        and x.attributes == node.attributes
    )


AT_TIP.update(dict.fromkeys((ops.abs, ops.norm, ops.hypot, ops.arctan2), add_term_at_tip))
