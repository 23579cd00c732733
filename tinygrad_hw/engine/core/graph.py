"""The recorded graph, walked without recursion: a chain of a million nodes is not an error."""

from __future__ import annotations

from collections.abc import Callable

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
