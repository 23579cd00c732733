"""Array functions: NumPy's functions that are not elementwise, as ONNX nodes."""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.program.emit.onnx.graph import Graph, as_number, dtype_of, refuse, shape_of
from tinygrad_hw.program.emit.onnx.indexing import write_getitem, write_scatter
from tinygrad_hw.program.emit.primitives import PRIMITIVES, REDUCTIONS, Reduction
from tinygrad_hw.program.instructions import arguments_of
from tinygrad_hw.program.record.simplify import as_kind
from tinygrad_hw.program.variable import Variable, variables

_BY_UFUNC = {r.ufunc: r for r in REDUCTIONS}
_BY_NAME = {r.numpy: r for r in REDUCTIONS}
_OF_TWO = {p.numpy: p.onnx for p in PRIMITIVES}


@cache
def _signature(function: Any) -> inspect.Signature:
    return inspect.signature(function)


def _operand_and_options(variable: Variable) -> tuple[Any, dict[str, Any]]:
    """Return the first operand of a call of NumPy's, and all else by NumPy's names for it."""
    bound = _signature(variable.function).bind(*variable.operands, **variable.options)
    bound.apply_defaults()
    options = dict(bound.arguments)
    return options.pop(next(iter(options))), options


# --- Reductions -----------------------------------------------------------------------------------


def reduction_of(function: Any) -> Reduction | None:
    """Return the reduction that a function is, or None."""
    if function in _BY_NAME:
        return _BY_NAME[function]
    owner = getattr(function, "__self__", None)
    is_reduce = isinstance(owner, np.ufunc) and function.__name__ == "reduce"
    return _BY_UFUNC.get(owner) if is_reduce else None


def write_reduction(graph: Graph, variable: Variable, reduction: Reduction) -> str:
    """Write a sum, a product, an extreme, or whether all or any elements are true."""
    if variable.function is reduction.numpy:
        x, options = _operand_and_options(variable)
    else:
        options = arguments_of(variable)
        x = options.pop("a")
    given = {name: option for name, option in options.items() if option is not np._NoValue}
    initial, mask = given.get("initial"), given.get("where", True)
    is_logical = reduction.ufunc in (np.logical_and, np.logical_or)
    result = np.dtype(bool) if is_logical else dtype_of(variable)
    computed = as_number(result)
    tensor = graph.cast(graph.tensor(x, result), result, computed)
    is_extreme = math.isinf(reduction.neutral)  # no whole number is infinite
    neutral = initial if is_extreme else reduction.neutral
    if mask is not True:
        tensor = graph.node(
            "Where", graph.tensor(mask, bool), tensor, graph.tensor(neutral, computed)
        )
    axis, ndim = given.get("axis", 0), len(shape_of(x))
    axes = range(ndim) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, ndim)
    if any(shape_of(x)[i] == 0 for i in axes):  # of no elements
        size = graph.constant(np.array(variable.shape, np.int64))
        tensor = graph.node("Expand", graph.tensor(neutral, computed), size)
    elif axes:
        keepdims = int(given.get("keepdims") is True)
        tensor = graph.node(reduction.onnx, tensor, graph.constant(list(axes)), keepdims=keepdims)
    if initial is not None:
        tensor = graph.node(_OF_TWO[reduction.ufunc], tensor, graph.tensor(initial, computed))
    return graph.cast(graph.cast_back(tensor, result), result, dtype_of(variable))


def write_cumsum(graph: Graph, variable: Variable) -> str:
    """Write the running sum along an axis."""
    x, options = _operand_and_options(variable)
    axis, dtype = options["axis"], dtype_of(variable)
    tensor = graph.flat(x, dtype) if axis is None else graph.tensor(x, dtype)
    return graph.node("CumSum", tensor, graph.constant(axis or 0))


def write_extreme_index(graph: Graph, variable: Variable) -> str:
    """Write the index of the first extreme element along an axis."""
    x, options = _operand_and_options(variable)
    axis = options["axis"]
    dtype = as_number(dtype_of(x))
    tensor = graph.flat(x, dtype) if axis is None else graph.tensor(x, dtype)
    keepdims = options["keepdims"] is True
    name = "ArgMax" if variable.function is np.argmax else "ArgMin"
    tensor = graph.node(name, tensor, axis=axis or 0, keepdims=int(keepdims and axis is not None))
    if keepdims and axis is None:
        tensor = graph.reshaped(tensor, variable.shape)
    return graph.cast(tensor, np.int64, dtype_of(variable))


def write_sort(graph: Graph, variable: Variable) -> str:
    """Write the elements in ascending order along an axis, or their indices."""
    x, options = _operand_and_options(variable)
    shape, axis, dtype = shape_of(x), options["axis"], as_number(dtype_of(x))
    tensor = graph.flat(x, dtype) if axis is None else graph.tensor(x, dtype)
    shape, axis = ((math.prod(shape),), 0) if axis is None else (shape, axis % len(shape))
    made = graph.node(
        "TopK", tensor, graph.constant([shape[axis]]), outputs=2, axis=axis, largest=0
    )
    if variable.function is np.argsort:
        return graph.cast(made, np.int64, dtype_of(variable))
    return graph.cast_back(graph.nodes[-1].output[0], dtype_of(variable))


# --- The same elements elsewhere ------------------------------------------------------------------


def write_cast(graph: Graph, variable: Variable) -> str:
    """Write a conversion to another dtype."""
    return graph.tensor(variable.operands[0], dtype_of(variable))


def write_reshape(graph: Graph, variable: Variable) -> str:
    """Write the same elements in another shape."""
    if variable.function in (np.reshape, np.ravel):
        x, options = _operand_and_options(variable)
        order = _order(x, options["order"])
    else:
        x, order = variable.operands[0], "C"
    if order == "F":
        reverse = list(range(len(shape_of(x))))[::-1]
        turned = graph.node("Transpose", graph.tensor(x), perm=reverse)
        turned = graph.reshaped(turned, variable.shape[::-1])
        return graph.node("Transpose", turned, perm=list(range(variable.ndim))[::-1])
    return graph.reshaped(graph.tensor(x), variable.shape)


def _order(x: Any, order: str) -> str:
    """Return the order of elements; "A" and "K" ask for that of the memory."""
    if order in ("C", "F") or not isinstance(x, Variable) or x.kind.is_c_contiguous:
        return "F" if order == "F" else "C"
    if order == "K" and not x.kind.is_f_contiguous:
        refuse(np.ravel, "with order='K' it depends on memory")
    return "F" if x.kind.is_f_contiguous else "C"


def write_transpose(graph: Graph, variable: Variable) -> str:
    """Write another order of the axes, which an array of the shape (0, 1, …) tells."""
    x, *others = variable.operands
    numbered = np.empty(range(len(shape_of(x))))
    order = variable.function(numbered, *others, **variable.options).shape
    return graph.node("Transpose", graph.tensor(x), perm=list(order))


def write_broadcast(graph: Graph, variable: Variable) -> str:
    """Write an array repeated to a larger shape."""
    tensor = graph.tensor(variable.operands[0], dtype_of(variable))
    if shape_of(variable.operands[0]) == variable.shape:
        return tensor
    return graph.node("Expand", tensor, graph.constant(np.array(variable.shape, np.int64)))


def write_picked(graph: Graph, variable: Variable) -> str:
    """Write elements picked from an array; where they are does not depend on its numbers."""
    x, *others = variable.operands
    if variables((others, variable.options)):
        refuse(variable.function, "what it picks depends on computed numbers")
    indices = np.arange(math.prod(shape_of(x))).reshape(shape_of(x))
    if not indices.size and variable.size:
        refuse(variable.function, "there is nothing to pick from")
    chosen = variable.function(indices, *others, **variable.options)
    return graph.node("Gather", graph.flat(x), graph.constant(chosen), axis=0)


def write_pad(graph: Graph, variable: Variable) -> str:
    """Write elements added at the ends of each axis."""
    _, options = _operand_and_options(variable)
    if options["mode"] in ("edge", "reflect", "symmetric", "wrap"):
        return write_picked(graph, variable)
    dtype = dtype_of(variable)
    return graph.inlined(numpy_api.pad, variable.operands, dtype, variable.options)


def write_triangle(graph: Graph, variable: Variable) -> str:
    """Write zeros above or below a diagonal."""
    x, *others = variable.operands
    kept = variable.function(np.ones(shape_of(x), bool), *others, **variable.options)
    dtype = dtype_of(variable)
    return graph.where(graph.constant(kept, bool), x, 0, dtype)


def write_concatenate(graph: Graph, variable: Variable) -> str:
    """Write arrays joined along an axis."""
    if variable.function is ops.concatenate:
        parts, axis = variable.operands, variable.options["axis"]
    else:
        parts, options = _operand_and_options(variable)
        axis = options["axis"]
    dtype = dtype_of(variable)
    if axis is None:
        return graph.node("Concat", *[graph.flat(x, dtype) for x in parts], axis=0)
    return graph.node("Concat", *[graph.tensor(x, dtype) for x in parts], axis=int(axis))


def write_filled(graph: Graph, variable: Variable) -> str:
    """Write an array of one number in the shape of another."""
    _, options = _operand_and_options(variable)
    fill = {np.ones_like: 1}.get(variable.function, options.get("fill_value", 0))
    tensor = graph.tensor(fill, dtype_of(variable))
    return graph.node("Expand", tensor, graph.constant(np.array(variable.shape, np.int64)))


# --- By index -------------------------------------------------------------------------------------


def write_take(graph: Graph, variable: Variable) -> str:
    """Write the elements at indices along an axis."""
    x, options = _operand_and_options(variable)
    axis, mode = options["axis"], options["mode"]
    tensor = graph.flat(x) if axis is None else graph.tensor(x)
    n = math.prod(shape_of(x)) if axis is None else shape_of(x)[axis]
    inside = {"wrap": lambda i: i % n, "clip": lambda i: np.minimum(np.maximum(i, 0), n - 1)}
    if mode in inside:
        indices = graph.inlined(inside[mode], [options["indices"]], np.int64)
    else:
        indices = graph.tensor(options["indices"], np.int64)
    return graph.node("Gather", tensor, indices, axis=axis or 0)


def write_take_along_axis(graph: Graph, variable: Variable) -> str:
    """Write the elements at indices along an axis, for each row its own."""
    x, options = _operand_and_options(variable)
    axis, indices = options["axis"], options["indices"]
    if axis is None:
        refuse(variable.function, "with axis=None it has no operator")
    axis %= variable.ndim
    shapes = [list(variable.shape) for _ in (x, indices)]
    shapes[0][axis] = shape_of(x)[axis]
    tensors = []
    for operand, shape in zip((x, indices), shapes, strict=True):
        dtype = dtype_of(x) if operand is x else np.int64
        tensor = graph.tensor(operand, dtype)
        if shape_of(operand) != tuple(shape):
            tensor = graph.node("Expand", tensor, graph.constant(shape))
        tensors.append(tensor)
    return graph.node("GatherElements", *tensors, axis=axis)


def _getitem(graph: Graph, variable: Variable) -> str:
    operands = variable.operands
    index = operands[1] if len(operands) > 1 else variable.options["index"]
    return write_getitem(graph, variable, operands[0], index)


def _scatter(graph: Graph, variable: Variable) -> str:
    return write_scatter(
        graph, variable, variable.operands[0], variable.options["index"], variable.shape
    )


# --- Products -------------------------------------------------------------------------------------


def write_einsum(graph: Graph, variable: Variable) -> str:
    """Write Einstein's sum of products."""
    dtype = as_number(dtype_of(variable))
    tensors = [graph.tensor(x, dtype) for x in variable.operands]
    product = graph.node("Einsum", *tensors, equation=variable.options["subscripts"])
    return graph.cast_back(product, dtype_of(variable))


WRITERS: dict[Any, Callable[[Graph, Variable], str]] = {
    **dict.fromkeys((ops.astype, as_kind, float, np.astype), write_cast),
    **dict.fromkeys((np.copy, np.real, np.real_if_close, np.conjugate), write_cast),
    **dict.fromkeys((np.reshape, np.ravel, np.squeeze, np.expand_dims), write_reshape),
    **dict.fromkeys((np.atleast_1d, np.atleast_2d, np.atleast_3d), write_reshape),
    **dict.fromkeys((np.transpose, np.swapaxes, np.moveaxis, np.rollaxis), write_transpose),
    **dict.fromkeys((np.matrix_transpose, np.permute_dims), write_transpose),
    **dict.fromkeys((ops.broadcast_to, np.broadcast_to), write_broadcast),
    **dict.fromkeys((np.flip, np.flipud, np.fliplr, np.rot90, np.roll, np.repeat), write_picked),
    **dict.fromkeys((np.tile, np.diagonal, np.resize, np.delete), write_picked),
    **dict.fromkeys((np.triu, np.tril), write_triangle),
    **dict.fromkeys((ops.concatenate, np.concatenate), write_concatenate),
    **dict.fromkeys((np.zeros_like, np.ones_like, np.full_like, np.empty_like), write_filled),
    **dict.fromkeys((np.argmax, np.argmin), write_extreme_index),
    **dict.fromkeys((np.sort, np.argsort), write_sort),
    np.pad: write_pad,
    np.cumsum: write_cumsum,
    np.take: write_take,
    np.take_along_axis: write_take_along_axis,
    **dict.fromkeys((operator.getitem, ops.getitem), _getitem),
    ops.scatter: _scatter,
    ops.einsum: write_einsum,
}
