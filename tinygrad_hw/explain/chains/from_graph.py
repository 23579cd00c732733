"""The formulas of a recorded graph: of a node, and of its local derivatives.

A formula goes back to the nodes that have a name; unnamed nodes between are written out.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from tinygrad_hw.engine import ANY_NUMBER, ops
from tinygrad_hw.engine.core.chain_rule import pull
from tinygrad_hw.engine.core.data import StandIn
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.engine.numpy_api.elementwise import heaviside
from tinygrad_hw.explain.graph.dust import sum_without_dust
from tinygrad_hw.symbolic import (
    EXTREMES,
    Apply,
    Formula,
    add,
    cancel,
    differentiate,
    divide,
    is_call_of,
    leaves,
    multiply,
    names_in,
    node_count,
    operands_of,
    power,
    substitute,
    walk,
)

LONGEST = 40  # names, numbers and operations in one formula that is read
LONGEST_SUM = 200  # in a sum that is differentiated, one term after the other


def is_named(node: Node) -> bool:
    """Return whether a node has a label."""
    return bool(node.label)


class Formulas:
    """The formulas of the nodes of a graph, each built once for all that it is a part of.

    Parameters
    ----------
    longest
        The most names, numbers and operations in one formula.
    """

    def __init__(self, longest: int = LONGEST) -> None:
        self.longest = longest
        self._built: dict[int, Formula | None] = {}  # by the node's id
        self._quotients: dict[Formula, dict[str, Formula]] = {}  # by denominator, then by name

    def of(self, node: Node) -> Formula | None:
        """Return the formula of a node over the named nodes below it.

        None where it would be too long, or has in it an array or an operation with
        attributes.
        """
        for inner in topological_order(node, stop=self._is_known):
            if id(inner) not in self._built and (inner is node or not is_named(inner)):
                self._built[id(inner)] = self._build(inner)
        formula = self._built[id(node)]
        if formula is not None and is_named(node) and is_call_of(formula, ops.div):
            self._quotients.setdefault(operands_of(formula)[1], {})[str(node.label)] = formula
        return formula

    def quotients_like(self, formula: Formula | None) -> dict[str, Formula]:
        """Return the named quotients, of those built, with the denominator of this one.

        The results of a softmax are such.
        """
        if formula is None or not is_call_of(formula, ops.div):
            return {}
        return self._quotients.get(operands_of(formula)[1], {})

    def _is_known(self, node: Node) -> bool:
        return is_named(node) or id(node) in self._built

    def _build(self, node: Node) -> Formula | None:
        if node.operation is None:
            return _constant(node)
        operands: list[Formula] = []
        for operand in node.inputs:
            tree = str(operand.label) if is_named(operand) else self._built[id(operand)]
            if tree is None:
                return None
            operands.append(tree)
        tree = apply(node, operands)
        return None if tree is None or node_count(tree) > self.longest else tree


def _constant(node: Node) -> Formula | None:
    """Return a number as a formula; None in a program that is being captured.

    A leaf without a name, which a formula cannot speak of, is a number too, as it is in micrograd.
    """
    is_number = node.constant or not is_named(node)
    is_number = is_number and not node.shape and not isinstance(node.raw, StandIn)
    return float(node.raw) if is_number else None


def apply(node: Node, operands: list[Formula]) -> Formula | None:
    """Return the formula of one operation, simplified; None where it has attributes."""
    operation: Operation = node.operation
    if operation is ops.affine:
        half = len(operands) // 2
        pairs = zip(operands[:half], operands[half:-1], strict=True)
        return add(*(multiply(w, x) for w, x in pairs), operands[-1])
    if operation is ops.add:
        return add(*operands)
    if operation is ops.sub:
        return add(operands[0], multiply(-1.0, operands[1]))
    if operation is ops.mul:
        return multiply(*operands)
    if operation is ops.div:
        return divide(operands[0], operands[1])
    if operation is ops.pow:
        return power(operands[0], operands[1])
    if operation is ops.square:
        return power(operands[0], 2.0)
    if operation is ops.reciprocal:
        return divide(1.0, operands[0])
    if operation is ops.neg:
        return multiply(-1.0, operands[0])
    if operation is ops.pos:
        return operands[0]
    has_attributes = operation.defaults or operation.arity == ANY_NUMBER
    return None if has_attributes else Apply(operation, tuple(operands))


def local_formulas(node: Node, operands: list[Node], formulas: Formulas) -> list[Formula | None]:
    """Return the derivative of a node by each of the named nodes in its formula.

    In it the node's own name stands where its formula would: a4 · (1 - a4) for a sigmoid's. So do
    those of other results of a softmax: -p1 · p2.
    """
    formula = formulas.of(node)
    terms = () if formula is None else _terms(formula)
    if formula is None or any(node_count(term) > LONGEST for term in terms):
        return [None] * len(operands)
    uses: dict[str, list[Formula]] = {}  # the terms that have a name in them
    for term in terms:
        for name in names_in(term):
            uses.setdefault(name, []).append(term)
    itself: dict[Formula, Formula] = {}
    if isinstance(formula, Apply) and node.label:
        itself[formula] = str(node.label)
        if formula.operation is ops.relu and isinstance(formula.operands[0], Apply):
            # [h > 0] is the slope of h = relu(z), where z has no name
            is_positive = Apply(ops.relu, (Apply(ops.sign, formula.operands),))
            itself[is_positive] = Apply(ops.relu, (Apply(ops.sign, (str(node.label),)),))
    similar = formulas.quotients_like(formula)
    similar = {n: x for n, x in similar.items() if is_call_of(operands_of(x)[0], ops.exp)}
    slopes: list[Formula | None] = []
    for operand in operands:
        name = str(operand.label)
        try:
            slope = add(*(differentiate(term, name) for term in uses.get(name, [])))
            slope = cancel(substitute(slope, itself), similar)
            slope = _slope_of_extreme(node, formula, name) or slope
        except (TypeError, ValueError, SyntaxError):  # the rule is not a formula
            slopes.append(None)
            continue
        slopes.append(slope if node_count(slope) <= LONGEST else None)
    return slopes


def _slope_of_extreme(node: Node, formula: Formula, name: str) -> Formula | None:
    """Return [a > max(b, c)], the derivative of max(a, b, c) by one of these names.

    None of another formula, and where three are equal: each max of two shares by itself.
    """
    operation = formula.operation if isinstance(formula, Apply) else None
    if operation not in EXTREMES:
        return None
    parts = leaves(formula, operation)
    others = [part for part in parts if part != name]
    inside = [part for other in others for part in walk(other)]
    if len(others) < 2 or len({*others}) + 1 != len(parts) or name in inside:
        return None
    below = topological_order(node, stop=is_named)
    if sum(x.raw == node.raw for x in below if x.operation is not operation) > 2:
        return None
    rest = reduce(lambda a, b: Apply(operation, (a, b)), others)
    larger, smaller = (name, rest) if operation is ops.maximum else (rest, name)
    return Apply(heaviside, (add(larger, multiply(-1.0, smaller)), 0.5))


def _terms(formula: Formula) -> tuple[Formula, ...]:
    """Return the terms of a sum, or of a number times a sum, as the mean over a batch is."""
    parts = operands_of(formula)
    if is_call_of(formula, ops.add):
        return parts
    if is_call_of(formula, ops.div) and isinstance(parts[1], float):
        return tuple(divide(term, parts[1]) for term in _terms(parts[0]))
    if is_call_of(formula, ops.mul) and isinstance(parts[0], float) and len(parts) == 2:
        return tuple(multiply(parts[0], term) for term in _terms(parts[1]))
    return (formula,)


def local_derivatives(node: Node) -> list[tuple[Node, float]]:
    """Differentiate a scalar by the named nodes right below it, through the unnamed ones between.

    The engine's own pull, with an upstream of 1, stopped at names. Constants are left out, and what
    rounding leaves of a sum that is 0 is 0.
    """
    interior = topological_order(node, stop=is_named)
    trace = current().trace
    send = trace.pulling(pull)
    totals: dict[int, Any] = {id(node): 1.0}
    named: dict[int, tuple[Node, list[Any]]] = {}  # with the contributions to each
    for inner in reversed(interior):
        upstream = totals.get(id(inner))
        if upstream is None or inner.operation is None or (is_named(inner) and inner is not node):
            continue
        for operand, edge in zip(inner.inputs, send(inner, upstream), strict=True):
            if edge is None:
                continue
            totals[id(operand)] = totals.get(id(operand), 0.0) + edge[1]
            if is_named(operand):
                named.setdefault(id(operand), (operand, []))[1].append(edge[1])
    trace.end_pass()
    return [
        (operand, plain(totals[key]) if len(terms) == 1 else _local_sum(totals[key], terms))
        for key, (operand, terms) in named.items()
    ]


def _local_sum(total: Any, terms: list[Any]) -> float:
    """Return a sum, in a program that is being captured the stand-in; 0 where it is dust."""
    is_dust = not isinstance(total, StandIn) and sum_without_dust(list(map(float, terms))) == 0.0
    return 0.0 if is_dust else plain(total)


def plain(number: Any) -> float:
    """Return a number as a float; in a program that is being captured, the stand-in for one."""
    return number if isinstance(number, StandIn) else float(number)  # type: ignore[return-value]
