"""The backward pass: the chain rule at every node, in reverse topological order."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.chain_rule import pull
from tinygrad_hw.engine.core.data import Data, StandIn, dtype_of, lock, shape_of
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node, to_data
from tinygrad_hw.engine.core.trace import current


def backward(root: Node, seed: Any = None) -> None:
    """Write d root / d node into ``grad`` of every node that the root depends on.

    Leaves accumulate over several calls, as in PyTorch; gradients of inner nodes are computed
    afresh. Nothing is written until the pass is complete.

    Raises
    ------
    ValueError
        If the root is not a scalar and no seed is given, or the seed has another shape.
    """
    order = topological_order(root)
    totals = {id(root): seed_of_root(root, seed)}
    accumulate(order, totals)
    _store_gradients(order, totals)
    current().trace.name_gradients(root, order)


def accumulate(
    order: list[Node], totals: dict[int, Any], wanted: Container[int] | None = None
) -> None:
    """Accumulate d root / d node in ``totals``, from the end of ``order`` to its beginning.

    ``totals`` has d root / d node by the node's id: at the start for the roots, at the end for all
    nodes. If some are ``wanted``, it loses the others on the way, and ``order`` its nodes.
    """
    trace = current().trace
    send = trace.pulling(pull)
    for i in range(len(order) - 1, -1, -1):
        node = order[i] if wanted is None else order.pop()
        upstream = totals.get(id(node)) if wanted is None else totals.pop(id(node), None)
        if upstream is None or node.operation is None or node.constant:
            continue
        edges = send(node, upstream, wanted)
        for operand, edge in zip(node.inputs, edges, strict=True):
            if edge is not None:
                key = id(operand)
                so_far = totals.get(key)
                totals[key] = edge[1] if so_far is None else so_far + edge[1]
    trace.end_pass()


def _store_gradients(order: list[Node], totals: dict[int, Any]) -> None:
    """Store the totals as the gradients of the nodes.

    An addition passes its upstream gradient on as it is and a reshape passes a view, so several
    nodes may share memory; a leaf's gradient must be its own, safe to change in place.
    """
    shared: set[int] = set()
    for node in reversed(order):  # results before leaves
        gradient = totals.get(id(node))
        if node.operation is not None:
            node.grad = node.no_gradient if gradient is None else lock(gradient)
        elif gradient is not None and node.grad is not None:
            node.grad = node.grad + gradient
        elif isinstance(gradient, np.ndarray):
            owned = gradient.base is None and id(gradient) not in shared
            node.grad = gradient if owned else gradient.copy()
        elif gradient is not None:
            node.grad = gradient
        shared.add(id(gradient))


def seed_of_root(root: Node, seed: Any) -> Data:
    """Return the upstream gradient that a backward pass begins with, by default 1."""
    if root.constant:
        raise ValueError(
            "the root is a constant: nothing to differentiate in what it was made from"
        )
    if seed is None:
        if root.shape:
            raise ValueError(
                f"backward() of a Value of shape {root.shape} needs a seed of that shape; "
                "or reduce it to a scalar first, with sum() or mean()"
            )
        seed = 1.0
    return seed_for(root, seed)


def seed_for(node: Node, seed: Any) -> Data:
    """Return the user's seed, an upstream gradient or a tangent, in the node's dtype.

    Raises
    ------
    ValueError
        If the seed has another shape than the node.
    """
    data = to_data(seed)
    if shape_of(data) != node.shape:
        raise ValueError(
            f"the seed has shape {shape_of(data)}, the root {node.shape}; give it the root's shape"
        )
    kind = dtype_of(node.raw)
    if isinstance(data, StandIn):
        return data
    cast: Data = float(data) if kind is float else np.asarray(data, kind)[()]
    constant: Data = current().trace.constant(cast)
    return constant
