"""Find the chains of scalars in a recorded graph.

Nodes with a label are named; unnamed nodes between two named ones are multiplied out, so that a
factor is the derivative of one name by the next. Where the paths are too many or too long to be
written down, a chain is written with *totals* instead, each of which is a chain of its own: the
cost is linear in the graph, for any number of paths.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from itertools import combinations
from typing import Any

from tinygrad_hw.engine import Value, backward_steps
from tinygrad_hw.engine.core.data import StandIn
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.chains.chain import Chain, Factor
from tinygrad_hw.explain.chains.from_graph import (
    LONGEST_SUM,
    Formulas,
    is_named,
    local_derivatives,
    local_formulas,
    plain,
)
from tinygrad_hw.explain.chains.simplification import ChainSimplifier
from tinygrad_hw.explain.graph.dust import sum_without_dust
from tinygrad_hw.formatting import number
from tinygrad_hw.symbolic import Formula

MOST_FACTORS = 24  # in all paths of one chain together


def explain_scalar(root: Value, target: Value, *, printed: bool = False) -> Chain:
    """Explain the derivative of a labelled number by a labelled number; see ``explain_all``.

    With ``printed`` the factors are multiplied as they are printed, in place of the exact ones.
    """
    explained = list(explain_all(root, [target]).values())
    if printed:
        explained = _with_printed_factors(explained)
    *totals, last = explained
    return dataclasses.replace(last, totals=tuple(totals))


def _with_printed_factors(explained: list[Chain]) -> list[Chain]:
    """Compute the chains from the printed factors alone."""
    known: dict[str, str] = {}
    finished = []
    for chain in explained:
        paths = tuple(tuple(_with_total(x, known) for x in path) for path in chain.paths)
        result = sum(math.prod(float(x.printed) for x in path) for path in paths)
        known[chain.target] = number(result)
        finished.append(dataclasses.replace(chain, paths=paths, printed=result))
    return finished


def explain_all(root: Value, targets: Iterable[Value]) -> dict[str, Chain]:
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
    nodes = [*topological_order(root), *targets]
    check_names(nodes, [root, *targets])
    for node in nodes:
        if node.label and node.shape and not node.constant:
            raise ValueError(
                f"{node.label} is an array of shape {node.shape}; explain() writes matrices"
            )
    explainer = _ChainFinder(root)
    for target in targets:
        explainer.explain(target)
    return explainer.chains


def _with_total(factor: Factor, known: dict[str, str]) -> Factor:
    if not factor.total:
        return factor
    return dataclasses.replace(factor, value=float(known[factor.denominator]))


class _ChainFinder:
    def __init__(self, root: Node) -> None:
        self.root = root
        self.formulas = Formulas(LONGEST_SUM)
        self.order = topological_order(root)
        self.places = {id(node): i for i, node in enumerate(self.order)}
        self.simplifier = ChainSimplifier(self.order, self.formulas)
        self.totals: dict[int, Any] = {id(root): 1.0}
        for step in backward_steps(root):
            self.totals[id(step.operand)] = step.total
        self.consumers: dict[int, list[tuple[Node, float, Formula | None]]] = {}  # of a named node
        self.paths_to: dict[int, int] = {id(root): 1}  # how many, counted up to a bound
        self.factors_to: dict[int, int] = {id(root): 0}  # in all of them together
        for node in reversed(self.order):
            if is_named(node) and id(node) in self.totals:
                self._follow(node)
        self.chains: dict[str, Chain] = {}

    def _follow(self, node: Node) -> None:
        """Record the derivatives of a named node by the named nodes in its formula."""
        uses = local_derivatives(node)
        trees = local_formulas(node, [operand for operand, _ in uses], self.formulas)
        for (operand, local), tree in zip(uses, trees, strict=True):
            self.consumers.setdefault(id(operand), []).append((node, local, tree))
            paths = self.paths_to[id(node)]
            factors = self.factors_to[id(node)] + paths
            for count, more in ((self.paths_to, paths), (self.factors_to, factors)):
                count[id(operand)] = min(count.get(id(operand), 0) + more, MOST_FACTORS + 1)

    def _is_short(self, node: Node) -> bool:
        """Return whether all the paths to a node can be written out."""
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
        consumers = [consumer for consumer, *_ in self.consumers[id(node)]]
        return [c for c in consumers if c is not self.root and str(c.label) not in self.chains]

    def _chain(self, node: Node) -> Chain:
        if self._is_short(node):
            paths = _with_direct_paths(self._paths(node), node)
        else:
            direct = self._consumers_above_another(node)
            uses = reversed(self.consumers[id(node)])  # in the order of the forward computation
            paths = [self._through(*use, node, direct) for use in uses]
        value = plain(self.totals.get(id(node), 0.0))
        simplified, ones = self.simplifier.simplified(paths, self.chains)
        if not isinstance(value, StandIn):
            products = [math.prod(factor.value for factor in path) for path in paths]
            is_zero = simplified == 0.0 or sum_without_dust(products) == 0.0
            value = 0.0 if is_zero else value
        root, target = str(self.root.label), str(node.label)
        return Chain(root, target, tuple(paths), value, simplified=simplified, ones=ones)

    def _through(
        self, consumer: Node, local: float, tree: Formula | None, node: Node, direct: set[int]
    ) -> tuple[Factor, ...]:
        is_direct = id(consumer) in direct
        last = Factor(str(consumer.label), str(node.label), local, tree=tree, direct=is_direct)
        if consumer is self.root:
            return (last,)
        total = self.chains[str(consumer.label)].value
        return (Factor(str(self.root.label), str(consumer.label), total, total=True), last)

    def _consumers_above_another(self, node: Node) -> set[int]:
        """Return the consumers of a node that depend on another of its consumers, by id."""
        consumers = {id(consumer) for consumer, *_ in self.consumers[id(node)]}
        highest = max(self.places[key] for key in consumers)
        seen: set[int] = set()
        pending = list(consumers) if len(consumers) > 1 else []
        while pending:
            for above, *_ in self.consumers.get(pending.pop(), []):
                if id(above) not in seen and self.places[id(above)] <= highest:
                    seen.add(id(above))
                    pending.append(id(above))
        return consumers & seen

    def _paths(self, node: Node) -> list[tuple[Factor, ...]]:
        """List every path from the root to the node, in the order of the forward computation."""
        finished = []
        pending: list[tuple[Node, tuple[Factor, ...]]] = [(node, ())]
        while pending:
            here, tail = pending.pop()
            if here is self.root:
                finished.append(tail)
                continue
            for consumer, local, tree in self.consumers.get(id(here), []):
                factor = Factor(str(consumer.label), str(here.label), local, tree=tree)
                pending.append((consumer, (factor, *tail)))
        return finished


def _with_direct_paths(paths: list[tuple[Factor, ...]], target: Node) -> list[tuple[Factor, ...]]:
    """Mark the factors beside which another of these paths leads from the same name to the same."""
    longer: set[tuple[str, str]] = set()
    for path in paths:
        names = [*(factor.numerator for factor in path), str(target.label)]
        longer |= {(names[i], names[j]) for i, j in combinations(range(len(names)), 2) if j > i + 1}
    return [
        tuple(
            dataclasses.replace(x, direct=True) if (x.numerator, x.denominator) in longer else x
            for x in path
        )
        for path in paths
    ]


def check_names(nodes: list[Node], named: list[Node]) -> None:
    """Raise an error unless all names are there and each belongs to one node."""
    if any(not node.label for node in named):
        raise ValueError("a chain is written between labelled Values; give each its label")
    owners: dict[str, Node] = {}
    for node in nodes:
        if node.label and owners.setdefault(node.label, node) is not node:
            raise ValueError(
                f"two Values are labelled {node.label!r}; give each a label of its own"
            )
