"""One partial derivative as a person writes it: paths of factors between named nodes.

    dE/dw7 = dE/da4 · da4/dz4 · dz4/dw7

Nodes with a label are named; what lies unnamed between two of them is multiplied out, so that a
factor is the derivative of one name by the next. Where the paths are too many or too long to be
written down, a chain is written with *totals* instead, each of which is a chain of its own: the
cost stays linear in the graph, whatever the number of paths.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tinygrad_hw.engine import Value, backward_steps
from tinygrad_hw.engine.core.chain_rule import pull
from tinygrad_hw.engine.core.data import Traced
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.chains.from_graph import is_named, local_formulas
from tinygrad_hw.explain.notation.display import Displayed
from tinygrad_hw.formatting.numbers import number
from tinygrad_hw.symbolic import Formula

MOST_FACTORS = 60  # in all paths together; more than anybody would write out


@dataclass(frozen=True, slots=True)
class Factor:
    """d numerator / d denominator.

    Attributes
    ----------
    value
        Exact, with all digits.
    total
        False where the denominator stands in the numerator's own formula; True where the factor is
        itself a sum over paths, given by a chain of its own.
    tree
        The formula of a local derivative, as a student would write it; None for a total, and where
        it would be too long to be read.
    """

    numerator: str
    denominator: str
    value: float
    total: bool = False
    tree: Formula | None = field(default=None, compare=False)

    @property
    def printed(self) -> str:
        """The value as it is printed, in four significant figures."""
        return number(self.value)

    @property
    def formula(self) -> str:
        """The formula as text; empty where there is none."""
        from tinygrad_hw.explain.notation.text import TEXT

        return "" if self.tree is None else TEXT.formula(self.tree)

    def __str__(self) -> str:
        return f"d{self.numerator}/d{self.denominator}"


@dataclass(frozen=True, slots=True)
class Chain(Displayed):
    """A partial derivative: the sum over ``paths`` of the product of their factors.

    It prints as text, and in a notebook shows itself typeset.

    Attributes
    ----------
    value
        The gradient as the engine computed it, with all digits.
    totals
        The chains that this one refers to, in an order in which each can be worked out.
    printed
        What the factors give as they are printed, to one who computes with them; None where the
        exact ones are multiplied.
    """

    root: str
    target: str
    paths: tuple[tuple[Factor, ...], ...]
    value: float
    totals: tuple[Chain, ...] = ()
    printed: float | None = None

    @property
    def result(self) -> float:
        """What the chain ends in: the exact value, or the product of the printed factors."""
        return self.value if self.printed is None else self.printed

    @property
    def name(self) -> str:
        """What the partial is called: dE/dw7."""
        return f"d{self.root}/d{self.target}"


def explain_number(root: Value, target: Value, *, printed: bool = False) -> Chain:
    """Explain the derivative of a labelled number by a labelled number; see ``chains``.

    With ``printed`` the factors are multiplied as they are printed, in place of the exact ones.
    """
    explained = list(chains(root, [target]).values())
    if printed:
        explained = _with_printed_factors(explained)
    *totals, last = explained
    return dataclasses.replace(last, totals=tuple(totals))


def _with_printed_factors(explained: list[Chain]) -> list[Chain]:
    """Work the chains out as somebody does who has the printed factors only."""
    known: dict[str, str] = {}
    finished = []
    for chain in explained:
        paths = tuple(tuple(_with_total(x, known) for x in path) for path in chain.paths)
        result = sum(math.prod(float(x.printed) for x in path) for path in paths)
        known[chain.target] = number(result)
        finished.append(dataclasses.replace(chain, paths=paths, printed=result))
    return finished


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
    nodes = [*topological_order(root), *targets]
    check_names(nodes, [root, *targets])
    for node in nodes:
        if node.label and node.shape and not node.constant:
            raise ValueError(
                f"{node.label} is an array of shape {node.shape}; explain() writes matrices"
            )
    explainer = _Explainer(root)
    for target in targets:
        explainer.explain(target)
    return explainer.chains


def _with_total(factor: Factor, known: dict[str, str]) -> Factor:
    if not factor.total:
        return factor
    return dataclasses.replace(factor, value=float(known[factor.denominator]))


class _Explainer:
    def __init__(self, root: Node) -> None:
        self.root = root
        self.totals: dict[int, Any] = {id(root): 1.0}
        for step in backward_steps(root):
            self.totals[id(step.operand)] = step.total
        self.consumers: dict[int, list[tuple[Node, float, Formula | None]]] = {}  # of a named node
        self.paths_to: dict[int, int] = {id(root): 1}  # how many, counted up to a bound
        self.factors_to: dict[int, int] = {id(root): 0}  # in all of them together
        for node in reversed(topological_order(root)):
            if is_named(node) and id(node) in self.totals:
                self._follow(node)
        self.chains: dict[str, Chain] = {}

    def _follow(self, node: Node) -> None:
        """Note the derivatives of a named node by the named nodes that it is made from."""
        uses = local_derivatives(node)
        trees = local_formulas(node, [operand for operand, _ in uses])
        for (operand, local), tree in zip(uses, trees, strict=True):
            self.consumers.setdefault(id(operand), []).append((node, local, tree))
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
        consumers = [consumer for consumer, *_ in self.consumers[id(node)]]
        return [c for c in consumers if c is not self.root and str(c.label) not in self.chains]

    def _chain(self, node: Node) -> Chain:
        if self._is_short(node):
            paths = self._paths(node)
        else:
            paths = [self._through(*use, node) for use in self.consumers[id(node)]]
        value = plain(self.totals.get(id(node), 0.0))
        return Chain(str(self.root.label), str(node.label), tuple(paths), value)

    def _through(
        self, consumer: Node, local: float, tree: Formula | None, node: Node
    ) -> tuple[Factor, ...]:
        last = Factor(str(consumer.label), str(node.label), local, tree=tree)
        if consumer is self.root:
            return (last,)
        total = plain(self.totals[id(consumer)])
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
            for consumer, local, tree in self.consumers.get(id(here), []):
                factor = Factor(str(consumer.label), str(here.label), local, tree=tree)
                pending.append((consumer, (factor, *tail)))
        return finished


def local_derivatives(node: Node) -> list[tuple[Node, float]]:
    """Differentiate a scalar by the named nodes it was made from, through the unnamed ones between.

    The engine's own pull, with an upstream of 1, stopped at names. Constants are left out.
    """
    interior = topological_order(node, stop=is_named)
    totals: dict[int, Any] = {id(node): 1.0}
    named: dict[int, Node] = {}
    for inner in reversed(interior):
        upstream = totals.get(id(inner))
        if upstream is None or inner.operation is None or (is_named(inner) and inner is not node):
            continue
        for operand, edge in zip(inner.inputs, pull(inner, upstream), strict=True):
            if edge is not None:
                totals[id(operand)] = totals.get(id(operand), 0.0) + edge[1]
                if is_named(operand):
                    named[id(operand)] = operand
    return [(operand, plain(totals[key])) for key, operand in named.items()]


def plain(number: Any) -> float:
    """A float of any number; in a program that is being captured, what stands for one."""
    return number if isinstance(number, Traced) else float(number)  # type: ignore[return-value]


def check_names(nodes: list[Node], named: list[Node]) -> None:
    """A chain is written with names, so each must stand for one number."""
    if any(not node.label for node in named):
        raise ValueError("a chain is written between labelled Values; give each its label")
    owners: dict[str, Node] = {}
    for node in nodes:
        if node.label and owners.setdefault(node.label, node) is not node:
            raise ValueError(
                f"two Values are labelled {node.label!r}; give each a label of its own"
            )
