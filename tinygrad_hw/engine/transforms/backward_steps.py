"""The backward pass edge by edge, for whoever explains it: what ``backward`` does, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tinygrad_hw.engine.core.backward import seed_of_root
from tinygrad_hw.engine.core.chain_rule import pull
from tinygrad_hw.engine.core.data import lock
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.trace import current


class BackwardEdge(NamedTuple):
    """One edge of a backward pass, with its derivatives.

    ``total`` is the gradient of ``operand`` so far in this pass, this contribution included.
    """

    node: Node
    operand: Node
    position: int
    upstream: Any
    local: Any
    contribution: Any
    total: Any


def backward_steps(root: Node, seed: Any = None) -> Iterator[BackwardEdge]:
    """Yield the edges of the backward pass, without writing any ``grad``.

    Parameters
    ----------
    root
        The node to differentiate.
    seed
        The upstream gradient of the root, of its shape; 1 for a scalar.
    """
    totals: dict[int, Any] = {id(root): seed_of_root(root, seed)}
    trace = current().trace
    send = trace.pulling(pull)
    for node in reversed(topological_order(root)):
        upstream = totals.get(id(node))
        if upstream is None or node.operation is None or node.constant:
            continue
        for position, edge in enumerate(send(node, upstream)):
            if edge is not None:
                operand = node.inputs[position]
                local, contribution = edge
                so_far = totals.get(id(operand))
                total = contribution if so_far is None else so_far + contribution
                totals[id(operand)] = total
                for part in (upstream, local, contribution, total):
                    lock(part)
                yield BackwardEdge(node, operand, position, upstream, local, contribution, total)
    trace.end_pass()
