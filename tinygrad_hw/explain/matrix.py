"""The derivative of a scalar by an array, as equations between matrices, with their shapes.

    ∂E/∂W1 = Xᵀ · ∂E/∂z1        (784×128) = (784×32)(32×128)

Each equation goes from one named array to the next; what arrives from above is named and used
again, so the cost is linear in the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_hw.engine import ANY_NUMBER, ops
from tinygrad_hw.engine.autodiff import accumulate
from tinygrad_hw.engine.graph import topological_order
from tinygrad_hw.engine.node import Node
from tinygrad_hw.engine.operation import Linear, Pointwise
from tinygrad_hw.explain.derivation import LONGEST, apply, is_named
from tinygrad_hw.explain.display import Displayed
from tinygrad_hw.explain.formula import (
    Apply,
    Formula,
    Partial,
    is_made_by,
    operands_of,
    product,
    read_formula,
    replace,
    size_of,
    total,
)
from tinygrad_hw.explain.numbers import number


@dataclass(frozen=True, slots=True)
class Equation:
    """One gradient in terms of those above it.

    Attributes
    ----------
    partial
        What is computed.
    terms
        What it is the sum of; more than one where it is used more than once.
    shapes
        Of both sides: ``(784×128) = (784×32)(32×128)``.
    """

    partial: Partial
    terms: tuple[Formula, ...]
    shapes: str


@dataclass(frozen=True, slots=True)
class MatrixChain(Displayed):
    """The equations from a scalar down to an array; ``value`` is the gradient, an array.

    It prints as text, and in a notebook shows itself typeset.
    """

    root: str
    target: str
    equations: tuple[Equation, ...]
    value: Any

    @property
    def size(self) -> str:
        """The largest element of the gradient, printed."""
        return number(float(np.max(np.abs(self.value), initial=0.0)))


def explain_array(root: Node, target: Node) -> MatrixChain:
    """Explain the derivative of a labelled scalar by a labelled Value, one of them from arrays."""
    order = topological_order(root)
    totals: dict[int, Any] = {id(root): 1.0}
    accumulate(order, totals)
    leads = {id(target)}  # nodes that depend on the target
    for node in order:
        if any(id(operand) in leads for operand in node.inputs):
            leads.add(id(node))
    terms: dict[int, list[Formula]] = {}
    for node in reversed(order):
        if id(node) in leads and node is not target and (is_named(node) or node is root):
            for operand, term in _passed_on(node, root):
                if id(operand) in leads:
                    terms.setdefault(id(operand), []).append(term)
    nodes = {id(node): node for node in order}
    equations = [
        Equation(
            Partial(str(root.label), str(nodes[key].label)),
            tuple(arriving),
            _shapes(nodes[key].shape, arriving, root, nodes),
        )
        for key, arriving in terms.items()
    ]
    value = totals.get(id(target), np.zeros(target.shape))
    return MatrixChain(str(root.label), str(target.label), tuple(equations), value)


def _passed_on(node: Node, root: Node) -> Iterator[tuple[Node, Formula]]:
    """What a named node passes on to each named operand, as a formula of its own gradient."""
    interior = topological_order(node, stop=is_named)
    trees = _trees(interior, node)
    start: Formula = 1.0 if node is root else Partial(str(root.label), str(node.label))
    arriving: dict[int, list[Formula]] = {id(node): [start]}
    named: dict[int, Node] = {}
    for inner in reversed(interior):
        if inner.operation is None or (is_named(inner) and inner is not node):
            continue
        upstream = total(*arriving.get(id(inner), [0.0]))
        for position, operand in enumerate(inner.inputs):
            if not operand.constant:
                passed = _contribution(inner, position, upstream, trees)
                arriving.setdefault(id(operand), []).append(passed)
                if is_named(operand):
                    named[id(operand)] = operand
    return ((operand, total(*arriving[key])) for key, operand in named.items())


def _trees(interior: list[Node], node: Node) -> dict[int, Formula]:
    """The formula of each inner node; a word in its place where that is too long."""
    trees: dict[int, Formula] = {}
    for inner in interior:
        tree: Formula | None = None
        if is_named(inner):
            tree = str(inner.label)
        elif inner.operation is None:
            tree = "constant" if inner.shape else float(inner.raw)
        elif inner.operation.arity != ANY_NUMBER or inner.operation is ops.affine:
            tree = apply(inner, [trees[id(x)] for x in inner.inputs])
        if tree is None or size_of(tree) > LONGEST:
            tree = f"{inner.operation.name}(…)"
        trees[id(inner)] = tree
    trees[id(node)] = str(node.label)
    return trees


def _contribution(
    node: Node, position: int, upstream: Formula, trees: dict[int, Formula]
) -> Formula:
    """What an operation sends to one operand: upstream with its rule's formula."""
    operation = node.operation
    operands = [trees[id(x)] for x in node.inputs]
    shape = node.inputs[position].shape
    if isinstance(operation, Pointwise):
        passed = product(upstream, _local(node, position, operands, trees))
        is_spread = node.operation.reduces or shape == node.shape
        return passed if is_spread else Apply(ops.sum, (passed,))
    if operation is ops.matmul:
        other = Apply(ops.transpose, (operands[1 - position],))
        return Apply(ops.matmul, (upstream, other) if position == 0 else (other, upstream))
    if operation is ops.transpose:
        return Apply(ops.transpose, (upstream,))
    if operation is ops.sum:
        return upstream
    if operation is ops.mean:
        share = max(int(np.prod(shape)), 1) / max(int(np.prod(node.shape)), 1)
        return product(1 / share, upstream)
    return Apply(operation, (upstream,)) if isinstance(operation, Linear) else upstream


def _local(
    node: Node, position: int, operands: list[Formula], trees: dict[int, Formula]
) -> Formula:
    """The local derivative as a formula, or its name."""
    operation = node.operation
    if operation.arity == ANY_NUMBER:
        return f"{operation.name}′"
    known: dict[Formula, Formula] = {"out": trees[id(node)]}
    known.update(zip("xyz", operands, strict=False))
    try:
        local = replace(read_formula(str(operation.formulas[position])), known)
    except (TypeError, ValueError):
        return f"{operation.name}′"
    return local if size_of(local) <= LONGEST else f"{operation.name}′"


def _shapes(
    shape: tuple[int, ...], terms: list[Formula], root: Node, nodes: dict[int, Node]
) -> str:
    """The shapes of an equation: of a product of matrices those of its factors."""
    text = shape_text(shape)
    [term, *others] = terms
    if others:
        return text
    if is_made_by(term, ops.matmul):
        known = {str(node.label): node.shape for node in nodes.values() if node.label}
        parts = [_shape_of(part, known) for part in operands_of(term)]
        if None not in parts:
            return f"{text} = " + "".join(shape_text(part) for part in parts if part is not None)
    return f"{text}, summed over the rest" if is_made_by(term, ops.sum) else text


def _shape_of(part: Formula, known: dict[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    if isinstance(part, Partial):
        return known[part.denominator]
    if is_made_by(part, ops.transpose):
        inner = _shape_of(operands_of(part)[0], known)
        return None if inner is None else inner[::-1]
    return known.get(part) if isinstance(part, str) else None


def shape_text(shape: tuple[int, ...]) -> str:
    """Write a shape: (784×128)."""
    return f"({'×'.join(map(str, shape))})" if shape else "a number"
