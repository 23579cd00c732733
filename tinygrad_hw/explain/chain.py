"""One partial derivative as a person writes it: paths of factors between named nodes.

    dE/dw7 = dE/da4 · da4/dz4 · dz4/dw7

Nodes with a label are named; what lies unnamed between two of them is multiplied out, so that a
factor is the derivative of one name by the next. Where the paths are too many or too long to be
written down, a chain is written with *totals* instead, each of which is a chain of its own: the
cost stays linear in the graph, whatever the number of paths.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tinygrad_hw.engine import Value, backward_steps
from tinygrad_hw.engine.chainrule import pull
from tinygrad_hw.engine.graph import topological_order
from tinygrad_hw.engine.node import Node

MOST_FACTORS = 60  # in all paths together; more than anybody would write out


@dataclass(frozen=True, slots=True)
class Factor:
    """d numerator / d denominator, and its exact value.

    ``total`` is False where the denominator stands in the numerator's own formula; True where the
    factor is itself a sum over paths, given by a chain of its own.
    """

    numerator: str
    denominator: str
    value: float
    total: bool = False

    def __str__(self) -> str:
        return f"d{self.numerator}/d{self.denominator}"


@dataclass(frozen=True, slots=True)
class Chain:
    """A partial derivative: the sum over ``paths`` of the product of their factors.

    ``value`` is the gradient as the engine computed it, with all digits.
    """

    root: str
    target: str
    paths: tuple[tuple[Factor, ...], ...]
    value: float

    def __str__(self) -> str:
        return f"d{self.root}/d{self.target}"


def chains(root: Value, targets: Iterable[Value]) -> dict[str, Chain]:
    """Explain the derivatives of a labelled scalar by labelled scalars.

    Parameters
    ----------
    root
        A labelled scalar.
    targets
        Labelled nodes to differentiate by.

    Returns
    -------
    dict
        The chain of each target by its label and, before the first that needs it, that of every
        total used in another chain. A target that the root does not depend on has no paths and the
        value 0; that of the root itself has one path without factors.

    Raises
    ------
    ValueError
        If the root or a target has no label, two named nodes share one, or one is an array.
    """
    targets = list(targets)
    _check_names([*topological_order(root), *targets], [root, *targets])
    explainer = _Explainer(root)
    for target in targets:
        explainer.explain(target)
    return explainer.chains


class _Explainer:
    def __init__(self, root: Node) -> None:
        self.root = root
        self.totals: dict[int, Any] = {id(root): 1.0}
        for step in backward_steps(root):
            self.totals[id(step.operand)] = step.total
        self.consumers: dict[int, list[tuple[Node, float]]] = {}  # named node -> who uses it
        self.paths_to: dict[int, int] = {id(root): 1}  # how many, counted up to a bound
        self.factors_to: dict[int, int] = {id(root): 0}  # in all of them together
        for node in reversed(topological_order(root)):
            if _is_named(node) and id(node) in self.totals:
                self._follow(node)
        self.chains: dict[str, Chain] = {}

    def _follow(self, node: Node) -> None:
        """Note the derivatives of a named node by the named nodes that it is made from."""
        for operand, local in local_derivatives(node):
            self.consumers.setdefault(id(operand), []).append((node, local))
            paths = self.paths_to[id(node)]
            factors = self.factors_to[id(node)] + paths
            for count, more in ((self.paths_to, paths), (self.factors_to, factors)):
                count[id(operand)] = min(count.get(id(operand), 0) + more, MOST_FACTORS + 1)

    def _is_short(self, node: Node) -> bool:
        """Whether all the paths to a node can be written out."""
        return self.factors_to.get(id(node), 0) <= MOST_FACTORS

    def explain(self, target: Node) -> None:
        pending = [target]  # a stack: what a chain refers to is explained before it
        while pending:
            node = pending[-1]
            name = str(node.label)
            missing = [] if name in self.chains else self._totals_missing(node)
            if missing:
                pending += missing
                continue
            pending.pop()
            if name not in self.chains:
                self.chains[name] = self._chain(node)

    def _totals_missing(self, node: Node) -> list[Node]:
        if self._is_short(node):
            return []
        consumers = [consumer for consumer, _ in self.consumers[id(node)]]
        return [c for c in consumers if c is not self.root and str(c.label) not in self.chains]

    def _chain(self, node: Node) -> Chain:
        if self._is_short(node):
            paths = self._paths(node)
        else:
            paths = [self._through(c, node, local) for c, local in self.consumers[id(node)]]
        value = float(self.totals.get(id(node), 0.0))
        return Chain(str(self.root.label), str(node.label), tuple(paths), value)

    def _through(self, consumer: Node, node: Node, local: float) -> tuple[Factor, ...]:
        last = Factor(str(consumer.label), str(node.label), local)
        if consumer is self.root:
            return (last,)
        total = float(self.totals[id(consumer)])
        return (Factor(str(self.root.label), str(consumer.label), total, total=True), last)

    def _paths(self, node: Node) -> list[tuple[Factor, ...]]:
        """List every path from the root to the node, in the order of the forward computation."""
        finished = []
        pending: list[tuple[Node, tuple[Factor, ...]]] = [(node, ())]
        while pending:
            here, tail = pending.pop()
            if here is self.root:
                finished.append(tail)
                continue
            for consumer, local in self.consumers.get(id(here), []):
                pending.append(
                    (consumer, (Factor(str(consumer.label), str(here.label), local), *tail))
                )
        return finished


def local_derivatives(node: Node) -> list[tuple[Node, float]]:
    """Differentiate a scalar by the named nodes it was made from, through the unnamed ones between.

    The engine's own pull, with an upstream of 1, stopped at names. Constants are left out.
    """
    interior = topological_order(node, stop=_is_named)
    totals: dict[int, Any] = {id(node): 1.0}
    named: dict[int, Node] = {}
    for inner in reversed(interior):
        upstream = totals.get(id(inner))
        if upstream is None or inner.operation is None or (_is_named(inner) and inner is not node):
            continue
        for operand, edge in zip(inner.inputs, pull(inner, upstream), strict=True):
            if edge is not None:
                totals[id(operand)] = totals.get(id(operand), 0.0) + edge[1]
                if _is_named(operand):
                    named[id(operand)] = operand
    return [(operand, float(totals[key])) for key, operand in named.items()]


def _is_named(node: Node) -> bool:
    return bool(node.label)


def _check_names(nodes: list[Node], named: list[Node]) -> None:
    """A chain is written with names, so each must stand for one number."""
    if any(not node.label for node in named):
        raise ValueError("a chain is written between labelled Values; give each its label")
    owners: dict[str, Node] = {}
    for node in nodes:
        if node.label and owners.setdefault(node.label, node) is not node:
            raise ValueError(
                f"two Values are labelled {node.label!r}; give each a label of its own"
            )
        if node.label and node.shape and not node.constant:
            raise ValueError(
                f"{node.label} is an array of shape {node.shape}; chains are of scalars so far"
            )
