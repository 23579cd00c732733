"""The contents of a page: two views of one graph, the chains, and the program that computes them.

The graph is first computed again from a plan, which has names for its nodes. The numbers of the
page are read off that copy. The same function, captured, is the program that the page runs when a
slider moves: no rule and no formula is written twice.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import numpy as np

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.data import StandIn
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.core.trace import Group
from tinygrad_hw.explain.chains.chain import Chain, Factor
from tinygrad_hw.explain.chains.from_graph import is_named
from tinygrad_hw.explain.chains.scalar_chains import explain_all
from tinygrad_hw.explain.graph.folding import (
    MOST_NODES,
    fold,
    is_parameter,
    outermost,
    unfold,
)
from tinygrad_hw.explain.graph.graphviz import DrawError
from tinygrad_hw.explain.graph.labels import name_of
from tinygrad_hw.explain.stepper.frames import Steps
from tinygrad_hw.formatting import printable, shorten
from tinygrad_hw.program import capture


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan of one node: a number that may have a slider, or an operation."""

    name: str
    constant: bool
    group: Group | None
    number: float
    moves: int | None  # index among the numbers with sliders; None without one
    operation: Operation | None
    operands: tuple[int, ...]
    attributes: dict[str, Any]


class Content:
    """All names, chains and numbers of a page.

    Attributes
    ----------
    folded, unfolded
        The two views; one and the same where there is nothing to fold.
    chains
        The chain of each named node by its name.
    factors
        The key of each factor in ``numbers``, by its ``identity``.
    numbers
        All numbers by key, as in ``Steps.numbers``, with ``a`` (folded), ``b`` (unfolded) or ``f``
        (factors of chains) before it.
    """

    def __init__(self, plan: list[Planned], given: list[Any]) -> None:
        root = _computed(plan, given)
        self.folded = Steps(fold(root, most_boxes=MOST_NODES))
        self.unfolded = self.folded
        if self.folded.layout.folded:
            self.unfolded = Steps(unfold(root, MOST_NODES))
        named = [node for node in self.unfolded.nodes if is_named(node) and not node.constant]
        self.chains: dict[str, Chain] = {}
        if self.folded.layout.gradients:
            self.chains = explain_all(cast(Value, root), cast(list[Value], named))
        self.factors: dict[tuple[str, str, bool], str] = {}
        self.numbers: dict[str, Any] = {}
        for prefix, view in (("a", self.folded), ("b", self.unfolded)):
            self.numbers |= {prefix + key: number for key, number in view.numbers.items()}
        for chain in self.chains.values():
            self._note((chain.root, chain.target, True), chain.value)
            for path in chain.paths:
                for factor in path:
                    self._note(identity(factor), factor.value)

    def _note(self, what: tuple[str, str, bool], value: Any) -> None:
        self.numbers.setdefault(self.factors.setdefault(what, f"f{len(self.factors)}"), value)


def identity(factor: Factor) -> tuple[str, str, bool]:
    """Return the key of a factor: dE/da may be a total or a local derivative."""
    return factor.numerator, factor.denominator, factor.total


def planned(root: Node) -> list[Planned]:
    """Return the plan by which a graph of numbers is computed.

    Raises
    ------
    TypeError
        If the root is no Value.
    DrawError
        If there is an array in the graph, or there are more nodes than a page can show.
    """
    if not isinstance(root, Node):
        raise TypeError(f"a page is of a Value, such as a loss; got {type(root).__name__}")
    order = topological_order(root)
    if len(order) > MOST_NODES:
        raise DrawError(
            f"{len(order):,} nodes are too many for a page, {MOST_NODES:,} at most: compute parts "
            "of it under no_grad() or with detach(), or make the page of a Value that less leads to"
        )
    for node in order:
        if node.shape:
            name = f"{name_of(node)} is" if name_of(node) else "there is"
            raise DrawError(
                f"a page is of numbers, and {name} an array of shape {node.shape}; steps() and "
                "explain() tell of arrays"
            )
    places = {id(node): i for i, node in enumerate(order)}
    names = _unique_names(order)
    plan: list[Planned] = []
    moved = 0
    for node, name in zip(order, names, strict=True):
        moves = node.operation is None and bool(name) and math.isfinite(node.raw)
        plan.append(
            Planned(
                name,
                node.constant,
                node.group,
                float(node.raw),
                moved if moves else None,
                node.operation,
                tuple(places[id(operand)] for operand in node.inputs),
                node.attributes,
            )
        )
        moved += moves
    return plan


def moved(plan: list[Planned]) -> list[Planned]:
    """Return the nodes that have sliders, in order."""
    return [node for node in plan if node.moves is not None]


def fixed(plan: list[Planned]) -> list[Planned]:
    """Return the same plan without sliders."""
    return [dataclasses.replace(node, moves=None) for node in plan]


def _unique_names(order: list[Node]) -> list[str]:
    """Return a name for each node, numbered where two share one.

    Parameters and the root always have one, and the result of a group has the group's.
    """
    taken = {name_of(node) for node in order}
    of_groups = _results_of_groups(order)
    counters: dict[str, Iterator[int]] = {}  # by what stands before a number

    def numbered(before: str, after: str, first: int) -> str:
        """Return the first name of this form that no node has; numbers once taken stay taken."""
        numbers = counters.setdefault(before, count(first))
        return next(x for i in numbers if (x := f"{before}{i}{after}") not in taken)

    used: set[str] = set()
    names = []
    for node in order:
        name = name_of(node) or of_groups.get(id(node), "")
        if not name and node is order[-1]:
            name = "result"
        elif not name and is_parameter(node):
            name = numbered("p", "", 1)
        if name in used:
            name = numbered(f"{name} (", ")", 2)
        if name:
            used.add(name)
            taken.add(name)
        names.append(name)
    return names


def _results_of_groups(order: list[Node]) -> dict[int, str]:
    """Return the group's name for each node that is used outside its group, by id."""
    return {
        id(operand): shorten(printable(group.name))
        for node in order
        for operand in node.inputs
        if operand.operation is not None
        if (group := outermost(operand.group)) and outermost(node.group) is not group
    }


def _computed(plan: list[Planned], given: list[Any]) -> Node:
    """Compute the graph of a plan from other numbers."""
    values: list[Any] = []
    for node in plan:
        if node.operation is None:
            number = node.number if node.moves is None else given[node.moves]
            value = Value(number, constant=node.constant)
        else:
            operands = [values[i] for i in node.operands]
            value = node.operation(*operands, **node.attributes)
        value.label = node.name or None
        value.group = node.group
        values.append(value)
    root: Node = values[-1]
    return root


def content_of(plan: list[Planned]) -> Content:
    """Compute everything with the numbers of the plan."""
    with np.errstate(all="ignore"):  # what overflows is shown as inf
        return Content(plan, [node.number for node in moved(plan)])


def program_of(plan: list[Planned]) -> tuple[str, list[int]]:
    """Return a JavaScript function that computes all numbers of a page from those with sliders.

    Returns
    -------
    str
        ``function page({ given_1, … }) { … return { …, results: […] }; }``
    list of int
        For each key of ``Content.numbers``, in order, its place in the results.
    """
    places: list[int] = []

    def page(given: list[float]) -> list[Any]:
        different: dict[Any, int] = {}
        results: list[Any] = []
        places.clear()
        for number in Content(plan, given).numbers.values():
            key = number if isinstance(number, StandIn) else ("constant", float(number))
            if key not in different:
                different[key] = len(results)
                results.append(_as_number(number))
            places.append(different[key])
        return results

    program = capture(page, jit=False)
    with np.errstate(all="ignore"):
        program.record([node.number for node in moved(plan)])
        text = program.javascript
    return text, list(places)


def _as_number(number: Any) -> Any:
    """Return a number, also for a truth value such as the derivative of a relu."""
    if not isinstance(number, StandIn):
        return float(number)
    is_truth = np.result_type(number.value).kind == "b"
    return number * 1.0 if is_truth else number  # type: ignore[operator]
