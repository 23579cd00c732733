"""Formulas of arrays, with the shape of each part: what is written is right when read literally.

What a formula of numbers need not say stands here: a sum has its axis, a number where an array is
meant is multiplied by ones, and a linear map that goes back is called the transpose that it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.operation import Composite, Operation
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

SIMPLE = 3  # the size of what still stands in a matrix product without a name: 1 / D


@dataclass(frozen=True, slots=True)
class ShapedApply(Apply):
    """An operation whose result has a shape that its operands alone do not tell.

    Attributes
    ----------
    shape
        Of the result.
    is_open
        Whether nothing in the formula says the shape: then it is that of the equation's left side,
        and it may stand only where an array of that shape does.
    """

    shape: Shape = ()
    is_open: bool = False


@lru_cache(maxsize=1024)
def named_operation(name: str) -> Operation:
    """An operation that has nothing but a name: ``cumsumᵀ``."""
    return Composite(name, lambda *x: x)


SPREAD = named_operation("spread")


# --- Shapes ---------------------------------------------------------------------------------------


def shape_text(shape: Shape) -> str:
    """Write a shape: (784×128)."""
    return f"({'×'.join(map(str, shape))})" if shape else "a number"


def shape_in(formula: Formula, shapes: Mapping[str, Shape]) -> Shape:
    """The shape that a formula has when NumPy reads it; ``shapes`` has those of the names."""
    if isinstance(formula, Partial):
        return shapes[formula.denominator]
    if isinstance(formula, Literal | ShapedApply):
        return formula.shape
    if isinstance(formula, str):
        return shapes[formula]
    parts = [shape_in(part, shapes) for part in operands_of(formula)]
    return np.broadcast_shapes(*parts)


def is_open(formula: Formula) -> bool:
    """Whether a part of it has a shape that only the left side of an equation says."""
    return any(isinstance(part, ShapedApply) and part.is_open for part in walk(formula))


def is_simple(formula: Formula) -> bool:
    """Whether it can be a factor in a product of matrices and be read at a glance."""
    if not isinstance(formula, Apply):
        return True
    return node_count(formula) <= SIMPLE and not any(
        isinstance(x, ShapedApply) for x in walk(formula)
    )


def ones(shape: Shape) -> Formula:
    """A matrix of ones: 1(4×3)."""
    return Literal(f"1{shape_text(shape)}", shape) if shape else 1.0


# --- Sums and what undoes them --------------------------------------------------------------------


def sum_to(formula: Formula, given: Shape, shape: Shape) -> Formula:
    """Sum over the axes that broadcasting had added or stretched, each said."""
    if given == shape:
        return formula
    if not shape:
        return ShapedApply(ops.sum, (formula,))
    added = len(given) - len(shape)
    if added:
        axes = axis_phrase(tuple(range(added)))
        formula = ShapedApply(ops.sum, (formula, axes), given[added:])
    stretched = tuple(i for i, n in enumerate(shape) if n != given[i + added])
    if stretched:
        kept = Literal("keepdims=True")
        formula = ShapedApply(ops.sum, (formula, axis_phrase(stretched), kept), shape)
    return formula


def axis_phrase(axis: Any) -> Literal:
    """Say an axis, or several."""
    one = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    return Literal(f"axis={one!r}")


def spread(formula: Formula, node: Node, shape: Shape) -> Formula:
    """Give what a reduction has left for each row to all of that row; it broadcasts if it can."""
    if not node.shape or len(node.shape) == len(shape):
        return formula
    return ShapedApply(SPREAD, (formula, axis_phrase(node.attributes["axis"])), shape, True)


# --- Products and transposes of matrices ----------------------------------------------------------


def transpose_of(formula: Formula, shape: Shape) -> Formula:
    """Its transpose, of this shape; of a stack, that of each matrix. Xᵀᵀ is X."""
    if isinstance(formula, float):
        return formula
    if is_call_of(formula, ops.transpose):
        return operands_of(formula)[0]
    return ShapedApply(ops.transpose, (formula,), shape)


def swaps_last_axes(node: Node) -> bool:
    """Whether a transpose exchanges the last two axes and leaves the others in their order."""
    axes, n = node.attributes["axes"], len(node.shape)
    order = list(range(n))[::-1] if axes is None else [int(i) % n for i in axes]
    return n > 1 and order == [*range(n - 2), n - 1, n - 2]


def is_identity(node: Node) -> bool:
    """Whether an operation gives what it was given, in another precision perhaps."""
    is_flat = node.operation is ops.transpose and len(node.shape) < 2
    return is_flat or node.operation in (ops.pos, ops.astype)


def is_plain_product(node: Node) -> bool:
    """Whether Xᵀ and Yᵀ say the transposes of X · Y: not for a stack and a vector."""
    ranks = [len(x.shape) for x in node.inputs]
    return min(ranks) > 1 or max(ranks) < 3


def matrix_product_back(node: Node, position: int, upstream: Formula, other: Formula) -> Formula:
    """Upstream · Yᵀ or Xᵀ · upstream; with a vector, which is a row left and a column right.

    So an outer product is vᵀ · upstream, and of a number there is nothing to transpose.
    """
    x, shape = node.inputs[1 - position].shape, node.inputs[position].shape
    if not node.shape:
        return multiply(upstream, other)
    flipped = transpose_of(other, (*x[:-2], *x[:-3:-1]))
    pair = (upstream, flipped) if position == 0 else (flipped, upstream)
    whole = (*node.shape[:-2], *shape[-2:]) if len(shape) > 1 else shape
    return sum_to(ShapedApply(ops.matmul, pair, whole), whole, shape)


def factors_of(formula: Formula) -> tuple[Formula, ...]:
    """The two factors of a product of matrices, be it times a number; else nothing."""
    if is_call_of(formula, ops.mul):
        formula = operands_of(formula)[-1]
    return operands_of(formula) if is_call_of(formula, ops.matmul) else ()


def shapes_of_factors(factors: tuple[Formula, ...], shapes: Mapping[str, Shape]) -> str:
    """Their shapes behind each other; of an outer product (3×1)(1×2)."""
    left, right = [shape_in(factor, shapes) for factor in factors]
    if len(left) == len(right) == 1:
        left, right = (*left, 1), (1, *right)
    return shape_text(left) + shape_text(right)
