"""The chain rule, once: from an operation's record to gradients.

``pull`` sends an upstream gradient through one node, by the rule in its operation's record. The
whole backward pass is ``pull`` in reverse topological order; ``backward_steps`` is the same pass
told edge by edge, and ``backward`` the tight loop that keeps only the totals.

``pull`` works on plain data, or on nodes where the upstream gradient is one: then it records, and
what it returns can be differentiated again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.graph import topological_order
from tinygrad_hw.engine.node import Data, Node, shape_of, to_data
from tinygrad_hw.engine.operation import Multilinear, Pointwise

Contribution = tuple[Any, Any]


def pull(node: Node, upstream: Any) -> list[Contribution | None]:
    """Send an upstream gradient back through the operation that made ``node``.

    Parameters
    ----------
    node
        A node with an operation.
    upstream
        d root / d node, of the node's shape. Given as a Node, the rules record.

    Returns
    -------
    list
        For each input the pair (local derivative, contribution), or None where it is constant. The
        local derivative is a number or an array for a pointwise operation, and for a multilinear
        one the sentence that stands for it. The contribution has the input's shape.
    """
    recording = isinstance(upstream, Node)
    if recording:
        _check_unchanged(node)
    operands: tuple[Any, ...] = node.inputs if recording else node.arguments
    out: Any = node if recording else node.raw
    operation = node.operation
    if isinstance(operation, Pointwise):
        if operation.reduces:
            keep = node.attributes["axis"], node.attributes["keepdims"]
            shape = shape_of(operands[0])
            upstream = ops.with_reduced_axes(upstream, shape, *keep)
            out = ops.with_reduced_axes(out, shape, *keep)
        return [
            None if operand.constant else _multiply_back(node, position, out, operands, upstream)
            for position, operand in enumerate(node.inputs)
        ]
    assert isinstance(operation, Multilinear)
    return [
        None
        if operand.constant
        else (formula, _in_kind(transpose(upstream, *operands, **node.attributes), operand))
        for operand, transpose, formula in zip(
            node.inputs, operation.transposes, operation.formulas, strict=True
        )
    ]


def _check_unchanged(node: Node) -> None:
    """Refuse to record a derivative with data that the node was not computed from."""
    for operand, argument in zip(node.inputs, node.arguments, strict=True):
        if operand.raw is argument or np.array_equal(operand.raw, argument, equal_nan=True):
            continue
        name = operand.label or "an operand"
        assert node.operation is not None
        raise ValueError(
            f"{name} was given new data after {node.operation.name} had computed with it; "
            "compute the result again before differentiating it twice"
        )


def _multiply_back(
    node: Node, position: int, out: Any, operands: tuple[Any, ...], upstream: Any
) -> Contribution:
    """Upstream × local derivative, summed to the operand's shape where it was broadcast."""
    assert isinstance(node.operation, Pointwise)
    partial, attributes = node.operation.partials[position], node.attributes
    try:
        local = partial if isinstance(partial, int) else partial(out, *operands, **attributes)
    except (ZeroDivisionError, OverflowError):  # Python's numbers; NumPy's give inf and a warning
        assert callable(partial)
        kind = np.result_type(out).type
        exact = [kind(x) if type(x) is float else x for x in (out, *operands)]
        local = partial(*exact, **attributes)
    if not _is_finite(local):
        local = _silence(local, upstream)
    if partial == 1:
        contribution = upstream
    elif partial == -1:
        contribution = -upstream
    else:
        contribution = upstream * local
    operand = node.inputs[position]
    return local, _in_kind(ops.sum_to(contribution, operand.shape), operand)


def _in_kind(contribution: Any, operand: Node) -> Any:
    """Give a float32 operand a float32 contribution, whatever float64 constant it met on the way.

    A Python number receives Python numbers; a contribution that is a node is left alone.
    """
    if type(contribution) is float or isinstance(contribution, Node):
        return contribution
    if type(operand.raw) is float:
        return float(contribution) if shape_of(contribution) == () else contribution
    dtype = np.result_type(operand.raw)
    return contribution if contribution.dtype == dtype else contribution.astype(dtype)


def _is_finite(local: Any) -> bool:
    data = ops.raw(local)
    if isinstance(data, np.ndarray):
        return data.dtype == bool or bool(np.isfinite(data).all())
    return math.isfinite(data)


def _silence(local: Any, upstream: Any) -> Any:
    """Make an infinite or nan local derivative 0 where nothing comes from upstream: 0 · inf is 0.

    Only there: a finite one must stay, since the second derivative needs it.
    """
    silent = (ops.raw(upstream) == 0) & ~np.isfinite(ops.raw(local))
    return ops.where(silent, 0.0, local) if np.any(silent) else local


class Step(NamedTuple):
    """What one edge received during a backward pass.

    ``total`` is the gradient of ``operand`` so far in this pass, this contribution included.
    """

    node: Node
    operand: Node
    position: int
    upstream: Any
    local: Any
    contribution: Any
    total: Any


def backward_steps(root: Node, seed: Any = None) -> Iterator[Step]:
    """Tell the backward pass edge by edge, without writing any ``grad``.

    Parameters
    ----------
    root
        The node to differentiate.
    seed
        The upstream gradient of the root, of its shape; 1 for a scalar.
    """
    totals: dict[int, Any] = {id(root): _seed(root, seed)}
    for node in reversed(topological_order(root)):
        upstream = totals.get(id(node))
        if upstream is None or node.operation is None or node.constant:
            continue
        for position, edge in enumerate(pull(node, upstream)):
            if edge is not None:
                operand = node.inputs[position]
                local, contribution = edge
                before = totals.get(id(operand))
                total = contribution if before is None else before + contribution
                totals[id(operand)] = total
                yield Step(node, operand, position, upstream, local, contribution, total)


def backward(root: Node, seed: Any = None) -> None:
    """Write d root / d node into ``grad`` of every node that the root depends on.

    Leaves accumulate over several calls, as in PyTorch; gradients of inner nodes are computed
    afresh. Nothing is written until the pass is complete.

    Raises
    ------
    ValueError
        If the root is not a scalar and no seed is given, or the seed has another shape.
    """
    order = topological_order(root)
    totals: dict[int, Any] = {id(root): _seed(root, seed)}
    for node in reversed(order):
        upstream = totals.get(id(node))
        if upstream is None or node.operation is None or node.constant:
            continue
        for operand, edge in zip(node.inputs, pull(node, upstream), strict=True):
            if edge is not None:
                contribution = edge[1]
                key = id(operand)
                before = totals.get(key)
                totals[key] = contribution if before is None else before + contribution
    _write(order, totals)


def _write(order: list[Node], totals: dict[int, Any]) -> None:
    """Hand the totals to the nodes.

    An addition passes its upstream gradient on as it is and a reshape passes a view, so several
    nodes may share memory; a leaf's gradient must be its own, safe to change in place.
    """
    shared: set[int] = set()
    for node in reversed(order):  # results before leaves
        gradient = totals.get(id(node))
        if node.operation is not None:
            node.grad = gradient
        elif gradient is not None and node.grad is not None:
            node.grad = node.grad + gradient
        elif isinstance(gradient, np.ndarray):
            owned = gradient.base is None and id(gradient) not in shared
            node.grad = gradient if owned else gradient.copy()
        elif gradient is not None:
            node.grad = gradient
        shared.add(id(gradient))


def _seed(root: Node, seed: Any) -> Data:
    if root.constant:
        raise ValueError(
            "the root is a constant: nothing to differentiate in what it was made from"
        )
    if seed is None:
        if root.shape:
            raise ValueError(
                f"backward() of a Value of shape {root.shape} needs a seed of that shape; "
                "or reduce it to a scalar first, with sum() or mean()"
            )
        return 1.0 if type(root.raw) is float else np.ones_like(root.raw)[()]
    given = np.asarray(to_data(seed), dtype=np.result_type(root.raw))[()]
    if shape_of(given) != root.shape:
        raise ValueError(
            f"the seed has shape {shape_of(given)}, the root {root.shape}; give equals"
        )
    return given
