"""The recorded graph, walked without recursion: a chain of a million nodes is not an error."""

from __future__ import annotations

from tinygrad_hw.engine.node import Node


def topological_order(root: Node) -> list[Node]:
    """Every node that the root was made from, inputs before results, the root last.

    Depth first, in the order of the operands, so that the same program always gives the same order.
    """
    order: list[Node] = []
    seen: set[int] = set()
    stack: list[Node | None] = [root]
    while stack:
        node = stack.pop()
        if node is None:  # all inputs of the node below this marker are in the order
            finished = stack.pop()
            assert finished is not None
            order.append(finished)
        elif id(node) not in seen:
            seen.add(id(node))
            stack += (node, None)
            stack += reversed(node.inputs)
    return order
