"""The recorded graph, walked without recursion: a chain of a million nodes is not an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_hw.engine.core.node import Node


def topological_order(*roots: Node, stop: Callable[[Node], bool] | None = None) -> list[Node]:
    """Return all nodes that the roots depend on, inputs before results, a single root last.

    Depth first, in the order of the operands, so that the same program always gives the same order.
    A node below the roots for which ``stop`` holds is listed, but its inputs are not.
    """
    order: list[Node] = []
    seen: set[int] = set()
    first = {id(root) for root in roots}
    stack: list[Node | None] = [*reversed(roots)]
    while stack:
        node = stack.pop()
        if node is None:  # all inputs of the node below this marker are in the order
            finished = stack.pop()
            assert finished is not None
            order.append(finished)
        elif id(node) not in seen:
            seen.add(id(node))
            stack += (node, None)
            if stop is None or id(node) in first or not stop(node):
                stack += reversed(node.inputs)
    return order


def order_on_floats(root: Node) -> list[Node]:
    """Return what ``topological_order`` does, from a lean root, in a third of the time.

    Nodes are marked, by their ``visited``, and their totals set to 0 as they are met: this is for
    one backward pass at a time. Below a node that is not lean the order does not go.
    """
    order: list[Node] = []
    this_pass = object()
    path: list[
        Any
    ] = []  # nodes whose operands are being visited, with iterators over many operands
    node: Node | None = root
    while True:
        while node is not None and node.visited is not this_pass:  # down the first operands
            node.visited = this_pass
            node.total = -0.0  # which changes no number that is added to it, and 0.0 changes -0.0
            path.append(node)
            if node.first is None and node.back is not None:
                path.append(iter(node.inputs))
            node = node.first
        if not path:
            return order
        try:
            node = path[-1].second
        except AttributeError:
            node = next(path[-1], None)
            if node is None:
                path.pop()
            continue
        if node is None or node.visited is this_pass:
            order.append(path.pop())
            node = None
