"""The boxes and edges of a drawing, and the gradients that pass along the edges.

Unfolded, every node is a box and every operand an edge. Folded, unnamed nodes between named ones
are multiplied out, and boxes are neurons: a node, its activation, and the parameters that nothing
else uses. Either way the numbers are those of one ``backward_steps``, and the cost is linear in the
graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_hw.engine import BackwardEdge, backward_steps
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.trace import Group
from tinygrad_hw.explain.graph.dust import sum_without_dust
from tinygrad_hw.explain.graph.graphviz import DrawError

MOST_NODES = 2000  # in boxes, and twice as many edges
MOST_BOXES = 400  # where each node has a box of its own; nobody reads more


@dataclass(slots=True)
class Edge:
    """An edge of the drawing, from an operand to a node that is computed from it.

    ``local`` is d node / d operand, or a multilinear operation's sentence for it; it is None where
    it is no single number or array. ``contribution`` is what the edge adds to the operand's
    gradient. Both are None where the operand is a constant or nothing is differentiated.
    """

    operand: Node
    node: Node
    local: Any = None
    contribution: Any = None

    @property
    def flows(self) -> bool:
        """Whether a gradient passes along this edge."""
        return self.contribution is not None


@dataclass(slots=True, eq=False)
class Box:
    """Nodes drawn together: results in the order of computation, then parameters."""

    group: Group | None = None
    results: list[Node] = field(default_factory=list)
    parameters: list[Node] = field(default_factory=list)

    @property
    def nodes(self) -> list[Node]:
        """All rows, from the top down."""
        return self.results + self.parameters


@dataclass(slots=True)
class Layout:
    """A drawing before it has a shape: boxes and edges in the order of computation.

    ``gradients`` holds d root / d node by the node's id. It is empty where the root is a constant
    or no scalar: then nothing is differentiated, and no gradient is made up. ``folded`` is False
    where every operation is a box and every operand an edge.
    """

    root: Node
    boxes: list[Box]
    edges: list[Edge]
    gradients: dict[int, Any]
    folded: bool

    @property
    def homes(self) -> dict[int, Box]:
        """The box of each node, by the node's id."""
        return {id(node): box for box in self.boxes for node in box.nodes}

    @property
    def is_dense(self) -> bool:
        """Whether there are too many edges for numbers at them, as between wide layers."""
        homes = self.homes
        between = sum(homes[id(e.node)] is not homes[id(e.operand)] for e in self.edges)
        return between > max(60, 3 * len(self.boxes))


def is_parameter(node: Node) -> bool:
    """Return whether a node is a parameter: neither computed nor a constant."""
    return node.operation is None and not node.constant


def unfold(root: Node, most: int = MOST_BOXES) -> Layout:
    """Lay out every recorded node as a box and every operand as an edge; ``a * a`` has two.

    Raises
    ------
    DrawError
        If there are more nodes than ``most``, or twice as many edges.
    """
    order = topological_order(root)
    _check_size(len(order), sum(len(node.inputs) for node in order), "draw it folded", most)
    return _scalar_layout(root, order)


def fold(root: Node, most: int = MOST_NODES, most_boxes: int = MOST_BOXES) -> Layout:
    """Lay out neurons, groups and named nodes; the nodes between them are multiplied out.

    A graph in which no result but the root has a name or a group has nothing to fold onto, and
    is unfolded.

    Raises
    ------
    DrawError
        If there are more nodes than ``most`` or, where there is nothing to fold onto, than
        ``most_boxes``; or twice as many edges.
    """
    advice = 'label the results that matter, or compute parts inside `with group("name"):`'
    order = topological_order(root)
    if not any(n.operation and (n.label or n.group) for n in order if n is not root):
        _check_size(len(order), sum(len(node.inputs) for node in order), advice, most_boxes)
        return _scalar_layout(root, order)
    owners = owners_of(order)
    drawn = [node for node in order if owners[id(node)] is node]
    edges = _edges(order, owners)
    _check_size(len(drawn), len(edges), advice, most)
    gradients = _multiply_out(root, owners, edges)
    edge_list = list(edges.values())
    _settle(edge_list, gradients)
    return Layout(root, _boxes(drawn, edge_list), edge_list, gradients, folded=True)


def _check_size(nodes: int, edges: int, advice: str, most: int) -> None:
    """Raise an error for too large a drawing, before any work is done."""
    if nodes > most or edges > 2 * most:
        raise DrawError(
            f"{nodes} nodes and {edges} edges are too many to read, {most} and {2 * most} "
            f"at most: {advice}, or draw a Value that less leads to"
        )


@np.errstate(all="ignore")  # what overflows is drawn as inf
def _scalar_layout(root: Node, order: list[Node]) -> Layout:
    edges = {
        (id(node), position): Edge(operand, node)
        for node in order
        for position, operand in enumerate(node.inputs)
    }
    gradients = _seeded(root)
    for step in _steps(root):
        edge = edges[id(step.node), step.position]
        edge.local, edge.contribution = step.local, step.contribution
        gradients[id(step.operand)] = step.total
    _settle(edges.values(), gradients)
    boxes = [Box(results=[node]) for node in order]
    return Layout(root, boxes, list(edges.values()), gradients, folded=False)


def _settle(edges: Iterable[Edge], gradients: dict[int, Any]) -> None:
    """Write 0 for each gradient that is 0 but for rounding, and for what it would pass on.

    Parameters
    ----------
    edges
        The edges of a drawing, results in the order of computation; their contributions change.
    gradients
        d root / d node by the node's id, which change too. Arrays stay as they are.
    """
    arriving: dict[int, list[Edge]] = {}  # by the operand
    leaving: dict[int, list[Edge]] = {}  # by the result, in the order of computation
    for edge in edges:
        leaving.setdefault(id(edge.node), []).append(edge)
        if edge.flows:
            arriving.setdefault(id(edge.operand), []).append(edge)
    computed = list(leaving)
    leaves = [key for key in arriving if key not in leaving]
    for key in [*reversed(computed), *leaves]:
        terms = [edge.contribution for edge in arriving.get(key, [])]
        if not all(isinstance(term, float) for term in terms) or sum_without_dust(terms):
            continue
        if terms and gradients[key] != 0.0:  # a 0 keeps its sign
            gradients[key] = 0.0
            for edge in filter(lambda edge: edge.flows, leaving.get(key, [])):
                edge.contribution = 0.0


# --- The nodes that are drawn, and the gradients between them -------------------------------------


def owners_of(order: list[Node]) -> dict[int, Node]:
    """Return the owner of each node, by id: the node that it is drawn as a part of, or itself.

    A node used by the parts of two owners is drawn. So each belongs to one owner, and following
    the parts of all owners costs no more than following the graph.
    """
    owners: dict[int, Node] = {}
    users: dict[int, Node | None] = {}  # the one owner among the users; None where there are more
    for node in reversed(order):
        user = users.get(id(node))
        owner = user if user is not None and _is_part(node, user) else node
        owners[id(node)] = owner
        for operand in node.inputs:
            users[id(operand)] = owner if users.get(id(operand), owner) is owner else None
    return owners


def _is_part(node: Node, owner: Node) -> bool:
    """Return whether a node is drawn as a part of its only user.

    Numbers can, since their derivatives multiply to a number. Arrays can where a group says what
    they were computed for.
    """
    if node.label:
        return False
    if node.operation is None:
        return node.constant and not node.shape
    group = outermost(node.group)
    if group is not outermost(owner.group):
        return False
    return group is not None or not (node.shape or any(operand.shape for operand in node.inputs))


def outermost(group: Group | None) -> Group | None:
    """Return the outermost of nested groups; a neuron's composites are parts of it."""
    while group and group.parent:
        group = group.parent
    return group


def _edges(order: list[Node], owners: dict[int, Node]) -> dict[tuple[int, int], Edge]:
    """Return the edges by the ids of result and operand, results in the order of computation."""
    operands: dict[int, dict[int, Node]] = {id(owner): {} for owner in order}
    for node in order:
        for operand in node.inputs:
            if owners[id(operand)] is operand:
                operands[id(owners[id(node)])][id(operand)] = operand
    return {
        (id(node), key): Edge(operand, node)
        for node in order
        for key, operand in operands[id(node)].items()
    }


@np.errstate(all="ignore")
def _multiply_out(
    root: Node, owners: dict[int, Node], edges: dict[tuple[int, int], Edge]
) -> dict[int, Any]:
    """Follow the backward pass, carrying d owner / d part through the parts that are not drawn."""
    factors: dict[int, Any] = {}
    gradients = _seeded(root)
    for step in _steps(root):
        key, owner, local = id(step.operand), owners[id(step.node)], step.local
        gradients[key] = step.total
        if step.node is not owner:
            local = _product(factors[id(step.node)], local)
        edge = edges.get((id(owner), key))
        if edge is None:  # to a part
            factors[key] = _sum(factors[key], local) if key in factors else local
        elif edge.flows:  # along a second way
            edge.local = _sum(edge.local, local)
            edge.contribution = edge.contribution + step.contribution
        else:
            edge.local, edge.contribution = local, step.contribution
    return gradients


def _product(factor: Any, local: Any) -> Any:
    """Multiply two derivatives; None where they are not numbers."""
    return factor * local if _is_number(factor) and _is_number(local) else None


def _sum(before: Any, local: Any) -> Any:
    """Add the derivatives along two ways; None where they are not numbers."""
    return before + local if _is_number(before) and _is_number(local) else None


def _is_number(derivative: Any) -> bool:
    return not (derivative is None or isinstance(derivative, str) or shape_of(derivative))


def _seeded(root: Node) -> dict[int, Any]:
    return {} if root.constant or root.shape else {id(root): 1.0}


def _steps(root: Node) -> Iterator[BackwardEdge]:
    """Run the backward pass; nothing for a root that has none."""
    return backward_steps(root) if _seeded(root) else iter(())


# --- The nodes of each box ------------------------------------------------------------------------


def _boxes(drawn: list[Node], edges: list[Edge]) -> list[Box]:
    """Group nodes into boxes: a group; or a result with its steps, activation and parameters."""
    operands: dict[int, list[Node]] = {id(node): [] for node in drawn}
    users: dict[int, list[Node]] = {id(node): [] for node in drawn}
    for edge in edges:
        operands[id(edge.node)].append(edge.operand)
        users[id(edge.operand)].append(edge.node)

    def is_neuron(node: Node) -> bool:
        return any(is_parameter(p) and len(users[id(p)]) == 1 for p in operands[id(node)])

    def joins(node: Node, user: Node) -> bool:
        """Return whether a result belongs in the box of its only user."""
        if user.group or not node.label:
            return user.group is None
        return bool(user.label) and len(operands[id(user)]) == 1 and is_neuron(node)

    groups: dict[Group, Box] = {}
    homes: dict[int, Box] = {}
    for node in reversed(drawn):  # users first
        group = outermost(node.group)
        using = {id(homes[id(user)]): homes[id(user)] for user in users[id(node)]}
        if node.operation is None:
            box = using.popitem()[1] if is_parameter(node) and len(using) == 1 else Box()
        elif group:
            box = groups.setdefault(group, Box(group))
        else:
            alone = len(users[id(node)]) == 1 and joins(node, users[id(node)][0])
            box = using.popitem()[1] if alone else Box()
        homes[id(node)] = box
    for node in drawn:
        box = homes[id(node)]
        (box.parameters if is_parameter(node) else box.results).append(node)
    return list({id(homes[id(node)]): homes[id(node)] for node in drawn}.values())


def columns(layout: Layout) -> Iterable[list[Box]]:
    """List the boxes that stand in one column: the neurons of a layer, and likewise constants.

    The boxes are grouped by their distance from the root: in a net, by layers. There are no columns
    where no box has several rows.
    """
    if all(len(box.nodes) == 1 for box in layout.boxes):
        return []
    homes = layout.homes
    between = [e for e in layout.edges if homes[id(e.node)] is not homes[id(e.operand)]]
    distance = {id(box): 0 for box in layout.boxes}
    for _ in layout.boxes:  # at most; as a rule the second round changes nothing
        before = dict(distance)
        for edge in reversed(between):
            here, below = id(homes[id(edge.node)]), id(homes[id(edge.operand)])
            distance[below] = max(distance[below], distance[here] + 1)
        if distance == before:
            break
    found: dict[tuple[int, bool], list[Box]] = {}
    for box in layout.boxes:
        constant = box.nodes[0].constant
        if constant or len(box.nodes) > 1:
            found.setdefault((distance[id(box)], constant), []).append(box)
    return found.values()
