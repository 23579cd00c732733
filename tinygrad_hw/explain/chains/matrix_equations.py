"""Find the equations between matrices that lead from a scalar to an array in a recorded graph.

Gradients from above are named and used again, so the cost is linear in the graph. An array without
a label is written out where that is short, and else gets an automatic name.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.backward import accumulate
from tinygrad_hw.engine.core.data import StandIn
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.operation import Pointwise
from tinygrad_hw.explain.chains.array_formulas import ArrayFormulas
from tinygrad_hw.explain.chains.from_graph import LONGEST, is_named
from tinygrad_hw.explain.chains.matrix_chain import Equation, MatrixChain
from tinygrad_hw.explain.chains.shapes import (
    ShapedApply,
    axis_literal,
    factors_of,
    is_identity,
    is_open,
    is_plain_product,
    is_simple,
    matrix_product_back,
    ones,
    shape_text,
    shapes_of_factors,
    spread,
    sum_to,
    swaps_last_axes,
    transpose_of,
)
from tinygrad_hw.symbolic import (
    Apply,
    Formula,
    Literal,
    Partial,
    add,
    cancel,
    divide,
    is_call_of,
    multiply,
    node_count,
    operands_of,
)


def explain_array(root: Node, target: Node) -> MatrixChain:
    """Explain the derivative of a labelled scalar by a labelled Value where there are arrays.

    The equations are written twice: an array that turns out to need a name the first time has it
    everywhere the second time.
    """
    order = topological_order(root)
    totals: dict[int, Any] = {id(root): 1.0}
    accumulate(order, totals)
    value = totals.get(id(target), np.zeros(target.shape)[()])
    first = _EquationWriter(order, root, target, ())
    first.write()
    writer = _EquationWriter(order, root, target, first.formulas.marked)
    writer.write()
    equations = writer.defined()
    if not target.shape and target is not root and equations[-1].terms:
        equations[-1] = dataclasses.replace(equations[-1], result=float(value))
    return MatrixChain(str(root.label), str(target.label), tuple(equations), value)


class _EquationWriter:
    """A writer of the equations from the root to the target, each after those that it uses."""

    def __init__(self, order: list[Node], root: Node, target: Node, marked: Iterable[int]) -> None:
        self.root, self.target = root, target
        self.formulas = ArrayFormulas([*order, target], marked)
        self.constants = {str(x.label): x for x in order if x.label and x.constant}
        self.equations: list[Equation] = []
        self.leads = {id(target)}  # nodes that depend on the target
        for node in order:
            if any(id(operand) in self.leads for operand in node.inputs):
                self.leads.add(id(node))
        self.path = [node for node in reversed(order) if id(node) in self.leads]
        self.softmaxes = _softmaxes(order)
        self.remarks: dict[int, str] = {}  # of equations, by the node

    def write(self) -> None:
        """Pass every gradient on, from the root down to the target."""
        arriving: dict[int, list[Formula]] = {id(self.root): [1.0]}
        for node in self.path:
            terms = arriving.pop(id(node), None)
            if terms is None:  # within a softmax
                continue
            if node is self.target:
                break
            upstream = self._upstream(node, terms)
            if self._is_through_softmax(node):
                term = self._passed_through_softmax(node, upstream, add(*terms))
                arriving.setdefault(id(self.softmaxes[id(node)].scores), []).append(term)
                continue
            for position, operand in enumerate(node.inputs):
                if id(operand) in self.leads:
                    term = self._passed_on(node, position, upstream)
                    arriving.setdefault(id(operand), []).append(term)
        else:
            terms = []
        self._add(self.target, terms)

    def _upstream(self, node: Node, terms: list[Formula]) -> Formula:
        """Return the gradient of a node as its name, or written out."""
        if node is self.root:
            return 1.0
        upstream = add(*terms)
        if isinstance(upstream, Apply) and self._needs_name(node, upstream):
            self.formulas.name(node)
        if not self.formulas.is_named(node):
            return upstream
        self._add(node, terms)
        return Partial(str(self.root.label), self.formulas.name(node))

    def _needs_name(self, node: Node, upstream: Apply) -> bool:
        """Return whether the gradient of a node cannot be written out in those of its operands."""
        if node_count(upstream) > LONGEST:
            return True
        if self._is_through_softmax(node):
            return self._is_cross_entropy(node, upstream) is None
        for position, operand in enumerate(node.inputs):
            if id(operand) not in self.leads:
                continue
            if isinstance(node.operation, Pointwise):
                whole = node_count(upstream) + node_count(self.formulas.local(node, position))
                if whole > LONGEST or (operand.shape != node.shape and is_open(upstream)):
                    return True
            elif node.operation in (ops.sum, ops.mean, ops.broadcast_to):
                if is_open(upstream):
                    return True
            elif not (is_identity(node) or self._is_factor(upstream, node)):
                return True
        return False

    def _is_factor(self, upstream: Formula, node: Node) -> bool:
        """Return whether a gradient can stand in or before a product of matrices."""
        shape = self.formulas.shape(upstream)
        return not shape or (shape == node.shape and is_simple(upstream))

    def _full(self, formula: Formula, shape: tuple[int, ...]) -> Formula:
        """Return a formula of this shape, multiplied by ones where it would be broadcast."""
        return formula if self.formulas.shape(formula) == shape else multiply(formula, ones(shape))

    # --- The contribution of an operation to one operand ------------------------------------------

    def _passed_on(self, node: Node, position: int, upstream: Formula) -> Formula:
        """Return what a node contributes to the gradient of an operand."""
        shape = node.inputs[position].shape
        if upstream == 0.0 or is_identity(node):
            return upstream
        if isinstance(node.operation, Pointwise):
            return self._multiplied(node, position, upstream)
        if node.operation is ops.broadcast_to:
            return sum_to(self._full(upstream, node.shape), node.shape, shape)
        if node.operation in (ops.sum, ops.mean):
            return self._shared(node, upstream)
        if self.formulas.shape(upstream):
            return self._transposed(node, position, upstream)
        return multiply(upstream, self._transposed(node, position, ones(node.shape)))

    def _multiplied(self, node: Node, position: int, upstream: Formula) -> Formula:
        """Return upstream times the local derivative, summed where the operand was broadcast."""
        shape = node.inputs[position].shape
        if node.operation.reduces:
            upstream = self._spread(node, upstream, shape)
        passed = _product(upstream, self.formulas.local(node, position))
        if node.operation.reduces:
            return passed
        whole = np.broadcast_shapes(node.shape, shape)
        return passed if whole == shape else sum_to(self._full(passed, whole), whole, shape)

    # --- Through a softmax ------------------------------------------------------------------------

    def _is_through_softmax(self, node: Node) -> bool:
        """Return whether a node is a softmax between the root and the target."""
        softmax = self.softmaxes.get(id(node))
        return softmax is not None and not softmax.inside & {id(self.target)}

    def _passed_through_softmax(self, node: Node, upstream: Formula, gradient: Formula) -> Formula:
        """Return what a softmax contributes to the gradient of its scores.

        That is P ⊙ (∂E/∂P - sum(∂E/∂P ⊙ P)), and P - Y where ∂E/∂P is -Y / P.
        """
        softmax = self.softmaxes[id(node)]
        result = self.formulas.name(node)
        found = self._is_cross_entropy(node, gradient)
        if found is not None:
            number, targets = found
            self.remarks[id(softmax.scores)] = f"{targets} adds up to 1 along axis {softmax.axis}"
            return multiply(number, add(result, multiply(-1.0, targets)))
        upstream = self._full(upstream, node.shape)
        shape = list(node.shape)
        shape[softmax.axis] = 1
        options = axis_literal(softmax.axis), Literal("keepdims=True")
        total = ShapedApply(ops.sum, (multiply(upstream, result), *options), tuple(shape))
        return multiply(result, add(upstream, multiply(-1.0, total)))

    def _is_cross_entropy(self, node: Node, gradient: Formula) -> tuple[float, str] | None:
        """Return c and Y where the gradient of a softmax P is -c · Y / P; else None.

        Y are constants that add up to 1 along the axis of the softmax.
        """
        number, quotient = 1.0, gradient
        if is_call_of(gradient, ops.mul) and len(operands_of(gradient)) == 2:
            first, quotient = operands_of(gradient)
            number = first if isinstance(first, float) else math.nan
        above, below = operands_of(quotient) if is_call_of(quotient, ops.div) else (0.0, 0.0)
        targets = self.constants.get(above) if isinstance(above, str) else None
        if below != self.formulas.tree(node) or targets is None or math.isnan(number):
            return None
        if targets.shape != node.shape or isinstance(targets.raw, StandIn):
            return None
        totals = np.sum(targets.raw, axis=self.softmaxes[id(node)].axis)
        return (-number, str(above)) if np.allclose(totals, 1.0, rtol=1e-12, atol=0) else None

    def _shared(self, node: Node, upstream: Formula) -> Formula:
        """Return what a sum or a mean passes to each of its terms."""
        shape = node.inputs[0].shape
        passed = self._spread(node, upstream, shape)
        if node.operation is ops.sum:
            return passed
        count = max(int(np.prod(shape)), 1) / max(int(np.prod(node.shape)), 1)
        return multiply(divide(1.0, count), passed)

    def _spread(self, node: Node, upstream: Formula, shape: tuple[int, ...]) -> Formula:
        if not self.formulas.shape(upstream):
            return upstream
        return spread(self._full(upstream, node.shape), node, shape)

    def _transposed(self, node: Node, position: int, upstream: Formula) -> Formula:
        """Return a linear operation's transpose, applied to a gradient of the node's shape."""
        if node.operation is ops.transpose and swaps_last_axes(node):
            return transpose_of(upstream, node.inputs[0].shape)
        if node.operation is ops.matmul and is_plain_product(node):
            other = node.inputs[1 - position]
            if node_count(upstream) + node_count(self.formulas.tree(other)) > LONGEST:
                self.formulas.shorten([other])
            return matrix_product_back(node, position, upstream, self.formulas.tree(other))
        return self.formulas.transposed(node, position, upstream)

    # --- Equations --------------------------------------------------------------------------------

    def _add(self, node: Node, terms: list[Formula]) -> None:
        """Add an equation; equal terms are counted, zeros left out."""
        counted: dict[Formula, float] = {}
        for term in terms:
            if term != 0.0:
                counted[term] = counted.get(term, 0.0) + 1.0
        whole = tuple(
            self._full(_with_one_number(multiply(times, term)), node.shape)
            for term, times in counted.items()
        )
        partial = Partial(str(self.root.label), self.formulas.name(node))
        written = whole or tuple(terms[:1])
        shapes = self._shapes(node, whole)
        if remark := self.remarks.get(id(node)):
            shapes += f", since {remark}"
        self.equations.append(Equation(partial, written, shapes))

    def _shapes(self, node: Node, terms: tuple[Formula, ...]) -> str:
        """Write the shapes of an equation; for a product of matrices those of its factors."""
        text = shape_text(node.shape)
        if len(terms) == 1 and (factors := factors_of(terms[0])):
            return f"{text} = {shapes_of_factors(factors, self.formulas.shapes)}"
        summed = node.shape and len(terms) == 1 and is_call_of(terms[0], ops.sum)
        return f"{text}, summed over the rest" if summed else text

    def defined(self) -> list[Equation]:
        """Return the equations, each with the definitions of the names that are new in it."""
        return [
            dataclasses.replace(
                equation,
                where=tuple(self.formulas.definitions([equation.partial, *equation.terms])),
            )
            for equation in self.equations
        ]


@dataclass(frozen=True)
class _Softmax:
    """A softmax, recorded as exp(Z - logsumexp(Z)) or as exp(Z) / sum(exp(Z)).

    Attributes
    ----------
    scores, axis
        Z, and the axis along which its results add up to 1, counted from the first.
    inside
        The ids of the nodes between, which have no names and are used for nothing else.
    """

    scores: Node
    axis: int
    inside: frozenset[int]


def _softmaxes(order: list[Node]) -> dict[int, _Softmax]:
    """Find the softmaxes in a graph, by the ids of their results."""
    users: dict[int, set[int]] = {}
    for node in order:
        for operand in node.inputs:
            users.setdefault(id(operand), set()).add(id(node))
    found: dict[int, _Softmax] = {}
    for node in order:
        inside = _parts_of_softmax(node)
        if not inside or not inside[0].attributes["keepdims"]:
            continue
        scores, axis = inside[1].inputs[0], inside[0].attributes["axis"]
        ids = frozenset(map(id, inside))
        is_own = all(not is_named(x) and users[id(x)] <= {*ids, id(node)} for x in inside)
        if isinstance(axis, int) and is_own:
            found[id(node)] = _Softmax(scores, axis % len(scores.shape), ids)
    return found


def _parts_of_softmax(node: Node) -> tuple[Node, ...]:
    """Return the sum or logsumexp in a softmax, then what is made from its scores; else nothing."""
    if node.operation is ops.exp and node.inputs[0].operation is ops.sub:
        [difference] = node.inputs
        scores, total = difference.inputs
        if total.operation is ops.logsumexp and total.inputs[0] is scores:
            return total, difference
    if node.operation is ops.div and node.inputs[1].operation is ops.sum:
        power, total = node.inputs
        other = total.inputs[0]
        if power.operation is other.operation is ops.exp and power.inputs[0] is other.inputs[0]:
            return total, power, other
    return ()


def _product(upstream: Formula, slope: Formula) -> Formula:
    """Return a gradient times a slope: Y / P for Y ⊙ 1 / P."""
    factors = operands_of(upstream) if is_call_of(upstream, ops.mul) else (upstream,)
    numbers = [x for x in factors if isinstance(x, float)]
    others = [x for x in factors if not isinstance(x, float)]
    if others and is_call_of(slope, ops.div) and operands_of(slope)[0] == 1.0:
        return multiply(*numbers, divide(multiply(*others), operands_of(slope)[1]))
    return multiply(upstream, slope)


def _with_one_number(term: Formula) -> Formula:
    """Write the numbers of a product as one: 2/3 for 2 · 1/3."""
    factors = operands_of(term) if is_call_of(term, ops.mul) else ()
    numbers = [x for x in factors if all(isinstance(part, float) for part in operands_of(x) or [x])]
    if len(numbers) < 2:
        return term
    return multiply(cancel(multiply(*numbers)), *(x for x in factors if x not in numbers))
