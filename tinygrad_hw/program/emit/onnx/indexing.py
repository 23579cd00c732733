"""Indexing: ``x[index]`` and its transpose, which adds numbers at an index, as ONNX nodes.

Numbers and slices are a ``Slice``, one array of whole numbers is a ``Gather`` along its axis. Any
other index becomes the places of its elements in the flattened array: computed now, if they are
the same in every run, else by nodes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_hw.program.emit.onnx.graph import (
    Graph,
    dtype_of,
    mapped,
    refuse,
    shape_of,
)
from tinygrad_hw.program.variable import Variable, variables


def index_parts(index: Any, ndim: int) -> list[Any]:
    """Return an index as one part for each dimension, and None for each new one.

    An ellipsis becomes whole slices, a mask the places where it holds.
    """
    parts: list[Any] = []
    for given in index if isinstance(index, tuple) else (index,):
        part = given.value if isinstance(given, Variable) and given.constant else given
        is_array = isinstance(part, list | np.ndarray) and np.ndim(part) > 0
        if is_array and np.asarray(part).dtype.kind == "b":
            parts += np.nonzero(part)
        else:
            parts.append(np.asarray(part) if is_array else part)
    missing = ndim - sum(part is not None and part is not ... for part in parts)
    at = next((i for i, part in enumerate(parts) if part is ...), len(parts))
    return [*parts[:at], *[slice(None)] * missing, *parts[at + 1 :]]


def is_basic(parts: list[Any]) -> bool:
    """Return whether an index has numbers and slices only, the same in every run."""
    return all(
        part is None or (isinstance(part, slice | int | np.integer) and not isinstance(part, bool))
        for part in parts
    )


def places(shape: tuple[int, ...], parts: list[Any]) -> Any:
    """Return the places of the elements at an index in the flattened array.

    Among arrays, numbers count as arrays without dimensions. The dimensions that arrays broadcast
    to come where the arrays are, or first if a slice is between them: NumPy's rule.
    """
    is_array = [part is not None and not isinstance(part, slice) for part in parts]
    arrays = [part for part, found in zip(parts, is_array, strict=True) if found]
    joint = np.broadcast_shapes(*[shape_of(part) for part in arrays])
    first = is_array.index(True)
    last = len(parts) - is_array[::-1].index(True)
    begin = first if all(is_array[first:last]) else 0
    after = sum(not found for found in is_array[begin:])  # dimensions behind those of the arrays
    ndim = len(parts) - len(arrays) + len(joint)
    total: Any = 0
    axis = dimension = 0
    for part, found in zip(parts, is_array, strict=True):
        stride = math.prod(shape[axis + 1 :])
        if found:
            whole = part.astype(np.int64) if hasattr(part, "astype") else part
            whole = np.where(whole < 0, whole + shape[axis], whole)
            total = total + np.reshape(whole, shape_of(part) + (1,) * after) * stride
        elif part is not None:
            chosen = np.arange(shape[axis])[part]
            position = dimension + (len(joint) if dimension >= begin else 0)
            total = total + chosen.reshape((-1,) + (1,) * (ndim - position - 1)) * stride
        axis += part is not None
        dimension += not found
    return total


def write_getitem(graph: Graph, variable: Variable, x: Any, index: Any) -> str:
    """Write ``x[index]``."""
    if any(part.dtype == bool for part in variables(index) if not part.constant):
        refuse(variable.function, "the shape of x[mask] depends on a computed mask")
    shape = shape_of(x)
    parts = index_parts(index, len(shape))
    if is_basic(parts):
        return _slice(graph, variable, x, [part for part in parts if part is not None])
    whole = [part == slice(None) if isinstance(part, slice) else False for part in parts]
    if whole.count(False) == 1 and isinstance(parts[whole.index(False)], Variable | np.ndarray):
        axis = whole.index(False)
        return graph.node("Gather", graph.tensor(x), graph.tensor(parts[axis], np.int64), axis=axis)
    where = _written_places(graph, shape, index, parts, variable.shape)
    return graph.node("Gather", graph.flat(x), where, axis=0)


def _slice(graph: Graph, variable: Variable, x: Any, parts: list[Any]) -> str:
    shape = shape_of(x)
    tensor = graph.tensor(x)
    starts, ends, axes, steps = [], [], [], []
    for axis, (part, n) in enumerate(zip(parts, shape, strict=True)):
        start, end, step = _range(part, n)
        if (start, end, step) != (0, n, 1):
            starts.append(start)
            ends.append(end if end >= 0 else -n - 1)  # before the first element
            axes.append(axis)
            steps.append(step)
    if axes:
        tensor = graph.node("Slice", tensor, *map(graph.constant, (starts, ends, axes, steps)))
    sliced = tuple([len(range(*_range(part, n))) for part, n in zip(parts, shape, strict=True)])
    return tensor if sliced == variable.shape else graph.reshaped(tensor, variable.shape)


def _range(part: Any, n: int) -> tuple[int, int, int]:
    """Return the start, the end and the step of a number or a slice."""
    if isinstance(part, slice):
        return part.indices(n)
    start = int(part) % n
    return start, start + 1, 1


def _written_places(
    graph: Graph, shape: tuple[int, ...], index: Any, parts: list[Any], result: tuple[int, ...]
) -> str:
    """Return the tensor of the places of an index's elements, in the shape of the result."""
    if all(part.constant for part in variables(parts)):
        flat = np.arange(math.prod(shape)).reshape(shape)
        return graph.constant(flat[mapped(lambda x: x.value, index)].reshape(result))
    found = [part for part in parts if isinstance(part, Variable)]

    def of_parts(*stand_ins: Any) -> Any:
        given = iter(stand_ins)
        filled = [next(given) if isinstance(part, Variable) else part for part in parts]
        return np.reshape(np.broadcast_to(places(shape, filled), result), result)

    return graph.inlined(of_parts, found, np.int64)


def write_scatter(
    graph: Graph, variable: Variable, x: Any, index: Any, shape: tuple[int, ...]
) -> str:
    """Write zeros with x added at an index."""
    dtype = dtype_of(variable)
    parts = index_parts(index, len(shape))
    if is_basic(parts):
        ranges = [
            _range(part, n)
            for part, n in zip([p for p in parts if p is not None], shape, strict=True)
        ]
        if all(step == 1 for _, _, step in ranges):
            region = tuple([max(end - start, 0) for start, end, _ in ranges])
            return _padded(graph, x, dtype, region, [r[0] for r in ranges], shape)
    where = _written_places(graph, shape, index, parts, shape_of(x))
    size = math.prod(shape)
    added = graph.node(
        "ScatterElements",
        graph.constant(np.zeros(size), dtype),
        graph.reshaped(where, (-1,)),
        graph.reshaped(graph.tensor(x, dtype), (-1,)),
        axis=0,
        reduction="add",
    )
    return added if len(shape) == 1 else graph.reshaped(added, shape)


def _padded(
    graph: Graph,
    x: Any,
    dtype: Any,
    region: tuple[int, ...],
    starts: list[int],
    shape: tuple[int, ...],
) -> str:
    tensor = graph.tensor(x, dtype)
    if shape_of(x) != region:
        tensor = graph.reshaped(tensor, region)
    ends = [n - start - m for n, start, m in zip(shape, starts, region, strict=True)]
    if not any([*starts, *ends]):
        return tensor
    return graph.node("Pad", tensor, graph.constant([*starts, *ends]))
