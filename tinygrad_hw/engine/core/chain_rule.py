"""The chain rule at one node: from an operation's record to a derivative.

``pull`` sends an upstream gradient back through one node, by the rule in its operation's record;
``push`` sends tangents forward by the same rule. Beside the rule, both do what all operations need:
they broadcast, take 0 · inf for 0, and keep float32 as float32.

Both work on plain data, or on nodes where the upstream gradient (or a tangent) is one: then they
record, and what they return can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import numerics, ops
from tinygrad_hw.engine.core.data import StandIn, dtype_of, is_finite, shape_of
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Linear, Pointwise, with_call_context

Contribution = tuple[Any, Any]
# The product of the chain rule: 0 · inf is 0, whichever factor is which, and each of them stays.
TIMES = Pointwise("mul", numerics.product, "y", "x")
AT_TIP: dict[Any, Callable[..., Any]] = {}  # operation: contribution, see ``transforms.tips``


def pull(
    node: Node, upstream: Any, wanted: Container[int] | None = None
) -> list[Contribution | None]:
    """Send an upstream gradient back through the operation that made ``node``.

    Parameters
    ----------
    node
        A node with an operation.
    upstream
        d root / d node, of the node's shape. If it is a Node, the rules record.
    wanted
        Ids of the inputs to send it to; None for all.

    Returns
    -------
    list
        For each input the pair (local derivative, contribution), or None where it is constant. The
        local derivative is a number or an array for a pointwise operation, and for a multilinear
        one its formula as text. The contribution has the input's shape.
    """
    out, operands = _rule_arguments(node, isinstance(upstream, Node))
    if isinstance(node.operation, Pointwise):
        if node.operation.reduces:
            upstream = _with_reduced_axes(node, upstream)
            out = _with_reduced_axes(node, out)
        back = _multiply_back
    else:
        back = _transpose_back
    try:
        return [
            None
            if operand.constant or (wanted is not None and id(operand) not in wanted)
            else back(node, position, operand, out, operands, upstream)
            for position, operand in enumerate(node.inputs)
        ]
    except (ValueError, IndexError, TypeError) as error:
        name = f"the derivative of {node.operation.name}"
        raise with_call_context(error, name, node.inputs, node.attributes) from None


def push(node: Node, tangents: Sequence[Any]) -> Any:
    """Send the tangents of a node's inputs forward, and return the node's own.

    Parameters
    ----------
    node
        A node with an operation.
    tangents
        d input / d t for each input, of its shape; None for 0. Where one is a Node, the rules
        record.

    Returns
    -------
    The sum over the inputs of local derivative × tangent, of the node's shape; None if all tangents
    are None.
    """
    if all([tangent is None for tangent in tangents]):
        return None
    return _cast_like(_push(node, tangents), node)


def _push(node: Node, tangents: Sequence[Any]) -> Any:
    out, operands = _rule_arguments(node, any([isinstance(tangent, Node) for tangent in tangents]))
    if isinstance(node.operation, Linear):  # in all operands at once
        moved = [
            np.zeros_like(raw(x))[()] if tangent is None else tangent
            for x, tangent in zip(operands, tangents, strict=True)
        ]
        return node.operation.moved(node, out, moved, operands)
    if isinstance(node.operation, Pointwise) and node.operation.reduces:
        out = _with_reduced_axes(node, out)
    total = None
    for position, tangent in enumerate(tangents):
        if tangent is None:
            continue
        if isinstance(node.operation, Pointwise):
            local = _local_derivative(node, position, out, operands, tangent)
            part = _times(tangent, local)
            if shape_of(part) != node.shape:
                part = _tangent_in_shape_of_result(node, part)
        else:
            part = _apply_linear(
                node, partial(_apply_to_tangent, node, position), tangent, operands
            )
        total = part if total is None else total + part
    return total


def _tangent_in_shape_of_result(node: Node, part: Any) -> Any:
    """Return a tangent, of an operand's shape or broadcast with it, in the result's shape."""
    if node.shape == ():
        return ops.sum(part)
    if node.operation.reduces and len(shape_of(part)) == len(node.inputs[0].shape):
        keepdims = len(node.shape) == len(shape_of(part))
        return ops.sum(part, node.attributes["axis"], keepdims)
    return ops.broadcast_to(part, node.shape)


def _rule_arguments(node: Node, recording: bool) -> tuple[Any, tuple[Any, ...]]:
    """Return the result and the operands for a rule: as nodes, if the rule is to record."""
    if not recording:
        return node.raw, node.arguments
    for operand, argument in zip(node.inputs, node.arguments, strict=True):
        if operand.raw is argument or np.array_equal(operand.raw, argument, equal_nan=True):
            continue
        name = operand.label or "an operand"
        raise ValueError(
            f"{name} was given new data after {node.operation.name} had computed with it; "
            "compute the result again before differentiating it twice"
        )
    return node, node.inputs


def _with_reduced_axes(node: Node, reduced: Any) -> Any:
    return ops.with_reduced_axes(reduced, node.inputs[0].shape, node.attributes["axis"])


def _local_derivative(
    node: Node, position: int, out: Any, operands: tuple[Any, ...], other_factor: Any
) -> Any:
    """Return the partial derivative of a pointwise operation by one operand."""
    try:
        local = node.operation.derivative(position, out, operands, node.attributes)
    except (ZeroDivisionError, OverflowError):  # Python's numbers; NumPy's give inf and a warning
        kind = np.result_type(out).type
        out, *strong = [kind(x) if type(x) is float else x for x in (out, *operands)]
        local = node.operation.derivative(position, out, tuple(strong), node.attributes)
    if isinstance(other_factor, Node) and isinstance(local, np.ndarray | np.floating):
        return _cast_like(local, node)  # else the recorded graph is float64
    return local


def _multiply_back(
    node: Node, position: int, operand: Node, out: Any, operands: tuple[Any, ...], upstream: Any
) -> Contribution:
    """Return upstream × local derivative, summed to the operand's shape if it was broadcast."""
    local = _local_derivative(node, position, out, operands, upstream)
    if type(upstream) is float:
        upstream = np.float64(upstream)  # which gives inf or nan, with NumPy's warning
    is_sign = type(local) is int and local in (1, -1)
    contribution = upstream if is_sign else _times(upstream, local)
    if node.operation in AT_TIP and isinstance(upstream, Node):
        contribution = AT_TIP[node.operation](node, position, upstream, contribution)
    if shape_of(contribution) != operand.shape:
        whole = np.broadcast_shapes(shape_of(upstream), operand.shape)
        if shape_of(contribution) != whole:
            contribution = ops.broadcast_to(contribution, whole)
        contribution = ops.sum_to(contribution, operand.shape)
    if is_sign and local == -1:
        contribution = -contribution
    return local, _cast_like(contribution, operand)


def _transpose_back(
    node: Node, position: int, operand: Node, out: Any, operands: tuple[Any, ...], upstream: Any
) -> Contribution:
    """Apply the transpose of a linear operation to the upstream gradient."""
    operation = node.operation
    transposed = partial(operation.transposed, node, position, out)
    contribution = _apply_linear(node, transposed, upstream, operands)
    if shape_of(contribution) != operand.shape:
        raise ValueError(f"by operand {position} its shape is {shape_of(contribution)}")
    formula = operation.formulas[0 if operation.arity == ANY_NUMBER else position]
    return formula, _cast_like(contribution, operand)


def _apply_to_tangent(node: Node, position: int, tangent: Any, operands: tuple[Any, ...]) -> Any:
    """Apply the operation itself, with a tangent in one operand's place."""
    moved = (*operands[:position], tangent, *operands[position + 1 :])
    return node.operation(*moved, **node.attributes)


def _apply_linear(
    node: Node, linear: Callable[..., Any], vector: Any, operands: tuple[Any, ...]
) -> Any:
    """Apply a linear map that multiplies a vector with the operands, where 0 · inf is 0.

    A zero times an infinite number would make nan of a whole sum. A sum whose terms are all 0 or
    finite is therefore computed from finite numbers alone.
    """
    is_plain = isinstance(node.operation, Linear) or isinstance(node.raw, StandIn)
    if is_plain or (is_finite(node.raw) and is_finite(raw(vector))):
        return linear(vector, operands)
    finite = [ops.where(np.isfinite(raw(x)), x, 0.0) for x in (vector, *operands)]
    with np.errstate(invalid="ignore"):
        terms, finite_terms = [
            linear((raw(v) != 0) * 1.0, tuple([(raw(x) != 0) * 1.0 for x in others]))
            for v, *others in ((vector, *operands), finite)
        ]
        alone = linear(finite[0], tuple(finite[1:]))
        return ops.where(terms == finite_terms, alone, linear(vector, operands))


def _cast_like(derivative: Any, node: Node) -> Any:
    """Cast a derivative to its node's dtype, so that float32 stays float32 beside any constant.

    The derivative by a Python number is a Python number.
    """
    if type(derivative) is float:
        return derivative
    if isinstance(derivative, Node | StandIn):
        kind = dtype_of(node.raw)
        return derivative if dtype_of(raw(derivative)) is kind else ops.astype(derivative, kind)
    if type(node.raw) is float:
        return float(derivative) if shape_of(derivative) == () else derivative
    dtype = np.result_type(node.raw)
    return derivative if derivative.dtype == dtype else derivative.astype(dtype)


def _times(derivative: Any, local: Any) -> Any:
    """Return upstream gradient or tangent × local derivative, where 0 times inf or nan is 0."""
    if type(local) is int and local in (1, -1):
        return derivative if local == 1 else -derivative
    finite = is_finite(raw(local)) and is_finite(raw(derivative))
    return derivative * local if finite else TIMES(derivative, local)
