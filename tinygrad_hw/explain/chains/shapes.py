"""Formulas of arrays with their shapes, true when read literally.

Unlike formulas of numbers, they give the axis of a sum, multiply a number in the place of an array
by ones, and write the backward pass of a linear operation as its transpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_hw.engine import Composite, ops
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.symbolic import (
    Apply,
    Formula,
    Literal,
    Partial,
    is_call_of,
    multiply,
    node_count,
    operands_of,
    walk,
)

Shape = tuple[int, ...]

SIMPLE = 3  # the size of the largest factor in a matrix product that needs no name: 1 / D


@dataclass(frozen=True, slots=True)
class ShapedApply(Apply):
    """An operation whose result has a shape that its operands alone do not tell.

    Attributes
    ----------
    shape
        The shape of the result.
    is_open
        Whether nothing in the formula says the shape. Then it is that of the equation's left side,
        and the operation may stand only where an array of that shape does.
    """

    shape: Shape = ()
    is_open: bool = False


@lru_cache(maxsize=1024)
def named_operation(name: str) -> Operation:
    """Return an operation that has nothing but a name: ``cumsumᵀ``."""
    return Composite(name, lambda *x: x)


SPREAD = named_operation("spread")


# --- Shapes ---------------------------------------------------------------------------------------


def shape_text(shape: Shape) -> str:
    """Write a shape: (784×128)."""
    return f"({'×'.join(map(str, shape))})" if shape else "a number"


def shape_in(formula: Formula, shapes: Mapping[str, Shape]) -> Shape:
    """Return the shape of a formula as NumPy reads it, given the shapes of its names."""
    if isinstance(formula, Partial):
        return shapes[formula.denominator]
    if isinstance(formula, Literal | ShapedApply):
        return formula.shape
    if isinstance(formula, str):
        return shapes[formula]
    parts = [shape_in(part, shapes) for part in operands_of(formula)]
    return np.broadcast_shapes(*parts)


def is_open(formula: Formula) -> bool:
    """Return whether a part of a formula has a shape that only the equation's left side tells."""
    return any(isinstance(part, ShapedApply) and part.is_open for part in walk(formula))


def is_simple(formula: Formula) -> bool:
    """Return whether a formula is short enough for a factor in a product of matrices."""
    if not isinstance(formula, Apply):
        return True
    return node_count(formula) <= SIMPLE and not any(
        isinstance(x, ShapedApply) for x in walk(formula)
    )


def ones(shape: Shape) -> Formula:
    """Return a matrix of ones: 1(4×3)."""
    return Literal(f"1{shape_text(shape)}", shape) if shape else 1.0


# --- Sums and their transposes --------------------------------------------------------------------


def sum_to(formula: Formula, from_shape: Shape, shape: Shape) -> Formula:
    """Sum a formula over the axes that broadcasting had added or stretched."""
    if from_shape == shape:
        return formula
    if not shape:
        return ShapedApply(ops.sum, (formula,))
    added = len(from_shape) - len(shape)
    if added:
        axes = axis_literal(tuple(range(added)))
        formula = ShapedApply(ops.sum, (formula, axes), from_shape[added:])
    stretched = tuple(i for i, n in enumerate(shape) if n != from_shape[i + added])
    if stretched:
        keepdims = Literal("keepdims=True")
        formula = ShapedApply(ops.sum, (formula, axis_literal(stretched), keepdims), shape)
    return formula


def axis_literal(axis: Any) -> Literal:
    """Write an axis, or several, as an argument."""
    one = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    return Literal(f"axis={one!r}")


def spread(formula: Formula, node: Node, shape: Shape) -> Formula:
    """Broadcast the result of a reduction back to the shape of its operand."""
    if not node.shape or len(node.shape) == len(shape):
        return formula
    return ShapedApply(SPREAD, (formula, axis_literal(node.attributes["axis"])), shape, True)


# --- Products and transposes of matrices ----------------------------------------------------------


def transpose_of(formula: Formula, shape: Shape) -> Formula:
    """Return the transpose, which has this shape; of a stack, that of each matrix. Xᵀᵀ is X."""
    if isinstance(formula, float):
        return formula
    if is_call_of(formula, ops.transpose):
        return operands_of(formula)[0]
    return ShapedApply(ops.transpose, (formula,), shape)


def swaps_last_axes(node: Node) -> bool:
    """Return whether a transpose swaps the last two axes and leaves the others in their order."""
    axes, n = node.attributes["axes"], len(node.shape)
    order = list(range(n))[::-1] if axes is None else [int(i) % n for i in axes]
    return n > 1 and order == [*range(n - 2), n - 1, n - 2]


def is_identity(node: Node) -> bool:
    """Return whether an operation returns its operand, perhaps in another precision."""
    is_flat = node.operation is ops.transpose and len(node.shape) < 2
    return is_flat or node.operation in (ops.pos, ops.astype)


def is_plain_product(node: Node) -> bool:
    """Return whether Xᵀ and Yᵀ are the transposes of X · Y: not for a stack and a vector."""
    ranks = [len(x.shape) for x in node.inputs]
    return min(ranks) > 1 or max(ranks) < 3


def matrix_product_back(node: Node, position: int, upstream: Formula, other: Formula) -> Formula:
    """Return upstream · Yᵀ or Xᵀ · upstream; a vector is a row left and a column right.

    So an outer product is vᵀ · upstream, and of a number there is nothing to transpose.
    """
    x, shape = node.inputs[1 - position].shape, node.inputs[position].shape
    if not node.shape:
        return multiply(upstream, other)
    flipped = transpose_of(other, (*x[:-2], *x[:-3:-1]))
    pair = (upstream, flipped) if position == 0 else (flipped, upstream)
    product_shape = (*node.shape[:-2], *shape[-2:]) if len(shape) > 1 else shape
    return sum_to(ShapedApply(ops.matmul, pair, product_shape), product_shape, shape)


def factors_of(formula: Formula) -> tuple[Formula, ...]:
    """Return the two factors of a product of matrices, possibly times a number; else nothing."""
    if is_call_of(formula, ops.mul):
        formula = operands_of(formula)[-1]
    return operands_of(formula) if is_call_of(formula, ops.matmul) else ()


def shapes_of_factors(factors: tuple[Formula, ...], shapes: Mapping[str, Shape]) -> str:
    """Write the shapes of two factors; for an outer product (3×1)(1×2)."""
    left, right = [shape_in(factor, shapes) for factor in factors]
    if len(left) == len(right) == 1:
        left, right = (*left, 1), (1, *right)
    return shape_text(left) + shape_text(right)
