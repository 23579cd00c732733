"""Joining and splitting arrays."""

from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.core.operation import NOT_A_VALUE
from tinygrad_hw.engine.numpy_api.shaping import (
    as_arrays,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    expand_dims,
    ravel,
    squeeze,
)

__all__ = [  # each stands for NumPy's function of its name
    "append", "array_split", "block", "column_stack", "concatenate", "dsplit", "dstack",
    "hsplit", "hstack", "insert", "pad", "split", "stack", "unstack", "vsplit", "vstack",
]  # fmt: skip

# --- Joining --------------------------------------------------------------------------------------


def concatenate(arrays: Any, axis: int | None = 0, *, dtype: Any = None) -> Any:
    """Join arrays along an axis that they have; flatten them if the axis is None."""
    if axis is None:
        arrays, axis = [ravel(x) for x in arrays], 0
    arrays = as_arrays(*arrays)
    lengths = [shape_of(x)[axis] if -x.ndim <= axis < x.ndim else 0 for x in arrays]
    joined = ops.concatenate(*arrays, axis=axis, starts=(0, *np.cumsum(lengths).tolist()))
    return joined if dtype is None else ops.astype(joined, dtype)


def stack(arrays: Any, axis: int = 0, *, dtype: Any = None) -> Any:
    """Join arrays of one shape along a new axis."""
    arrays = as_arrays(*arrays)
    if len({shape_of(x) for x in arrays}) > 1:
        shapes = ", ".join([f"{getattr(x, 'label', None) or 'unnamed'} {x.shape}" for x in arrays])
        raise ValueError(f"stack needs arrays of one shape, got {shapes}")
    return concatenate([expand_dims(x, axis) for x in arrays], axis, dtype=dtype)


def vstack(arrays: Any, *, dtype: Any = None) -> Any:
    """Join arrays as rows, one below the other."""
    return concatenate([atleast_2d(x) for x in arrays], 0, dtype=dtype)


def hstack(arrays: Any, *, dtype: Any = None) -> Any:
    """Join arrays side by side: vectors end to end, others along their second axis."""
    parts = [atleast_1d(x) for x in arrays]
    return concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1, dtype=dtype)


def dstack(arrays: Any) -> Any:
    """Join arrays along the third axis."""
    return concatenate([atleast_3d(x) for x in arrays], 2)


def column_stack(arrays: Any) -> Any:
    """Join vectors as the columns of a matrix; matrices side by side."""
    arrays = as_arrays(*arrays)
    return concatenate([x if x.ndim > 1 else ops.reshape(x, (-1, 1)) for x in arrays], 1)


def append(x: Any, values: Any, axis: int | None = None) -> Any:
    """Return x with values added at the end; both flattened if the axis is None."""
    return concatenate([x, values], axis)


def insert(x: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Return x with values put in before the given indices; flattened if the axis is None."""
    x, values = as_arrays(x, values)
    if isinstance(obj, Node):
        raise TypeError(NOT_A_VALUE)
    places = np.insert(ops.flat_indices(x), obj, ops.flat_indices(values) + x.size, axis)
    return ops.astype(ops.take(concatenate([x, values], None), places), x.dtype)


def block(arrays: Any) -> Any:
    """Join nested lists of blocks: the innermost along the last axis, their lists before it."""
    depth = _depth(arrays)
    if depth == 0:
        return ops.pos(*as_arrays(arrays))
    ndim = max(depth, *[x.ndim for x in _leaves(arrays)])

    def joined(part: Any, level: int) -> Any:
        if level == depth:
            [x] = as_arrays(part)
            return ops.reshape(x, (1,) * (ndim - x.ndim) + shape_of(x))
        return concatenate([joined(inner, level + 1) for inner in part], level - depth)

    return joined(arrays, 0)


def _depth(arrays: Any) -> int:
    """Return how deeply the lists of blocks are nested, which is the same everywhere."""
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(part) for part in arrays}
    if len(depths) != 1:
        raise ValueError("lists of blocks are nested to one depth, and none of them is empty")
    return 1 + depths.pop()


def _leaves(arrays: Any) -> list[Any]:
    if isinstance(arrays, list):
        return [leaf for part in arrays for leaf in _leaves(part)]
    return as_arrays(arrays)


# --- Splitting ------------------------------------------------------------------------------------


def _split(function: Any, x: Any, indices_or_sections: Any, axis: Any) -> list[Any]:
    """Split x where a function of NumPy's splits the indices along the axis."""
    if not isinstance(indices_or_sections, int):
        indices_or_sections = np.asarray(indices_or_sections)
    parts = function(np.arange(shape_of(x)[axis]), indices_or_sections)
    starts = [int(part[0]) if len(part) else 0 for part in parts]
    return [
        ops.slice_axis(x, axis, start, start + len(part))
        for start, part in zip(starts, parts, strict=True)
    ]


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Split along an axis, into n equal parts or before each index."""
    return _split(np.split, x, indices_or_sections, axis)


def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Split along an axis, into n parts of nearly one length or before each index."""
    return _split(np.array_split, x, indices_or_sections, axis)


def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Split along the first axis, of at least two."""
    return split(_with_dimensions(x, 2), indices_or_sections, 0)


def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Split along the second axis; a vector along its only one."""
    return split(x, indices_or_sections, 1 if len(shape_of(_with_dimensions(x, 1))) > 1 else 0)


def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Split along the third axis."""
    return split(_with_dimensions(x, 3), indices_or_sections, 2)


def _with_dimensions(x: Any, least: int) -> Any:
    if len(shape_of(x)) < least:
        raise ValueError(f"expected {least} dimensions or more, got shape {shape_of(x)}")
    return x


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Split along an axis into arrays without it."""
    n = shape_of(_with_dimensions(x, 1))[axis]
    return tuple([squeeze(part, axis) for part in split(x, n, axis)]) if n else ()


# --- Padding --------------------------------------------------------------------------------------


def pad(x: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = None) -> Any:
    """Add elements at the ends of each axis: a constant, or copies ("edge", "reflect", …)."""
    shape = shape_of(x)
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(i, pad_width.get(i - len(shape), 0)) for i in range(len(shape))]
        pad_width = [np.broadcast_to(pair, 2).tolist() for pair in pad_width]
    if mode in ("edge", "reflect", "symmetric", "wrap") and constant_values is None:
        return ops.pad(x, pad_width, mode)
    if mode != "constant":
        raise ValueError(
            f"pad with mode {mode!r} is not differentiated here; "
            "constant, edge, reflect, symmetric and wrap are"
        )
    zeros: Any = np.zeros(shape, np.result_type(raw(x)))
    around = np.pad(zeros, pad_width, constant_values=constant_values or 0)
    before = np.broadcast_to(pad_width, (len(shape), 2))[:, 0].tolist()
    inside = tuple([slice(start, start + n) for start, n in zip(before, shape, strict=True)])
    padded = ops.scatter(x, inside, around.shape)
    return padded + around if around.any() else padded
