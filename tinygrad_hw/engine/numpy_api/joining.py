"""Joining and splitting arrays."""

from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.engine.numpy_api.shaping import as_arrays, expand_dims, ravel


def concatenate(arrays: Any, axis: int | None = 0) -> Any:
    """Join arrays along an axis that they have; flatten them if the axis is None."""
    if axis is None:
        arrays, axis = [ravel(x) for x in arrays], 0
    arrays = as_arrays(*arrays)
    lengths = [shape_of(x)[axis] if -x.ndim <= axis < x.ndim else 0 for x in arrays]
    return ops.concatenate(*arrays, axis=axis, starts=(0, *np.cumsum(lengths).tolist()))


def stack(arrays: Any, axis: int = 0) -> Any:
    """Join arrays of one shape along a new axis."""
    arrays = as_arrays(*arrays)
    if len({shape_of(x) for x in arrays}) > 1:
        shapes = ", ".join([f"{getattr(x, 'label', None) or 'unnamed'} {x.shape}" for x in arrays])
        raise ValueError(f"stack needs arrays of one shape, got {shapes}")
    return concatenate([expand_dims(x, axis) for x in arrays], axis)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Split along an axis, into n equal parts or before each index."""
    if not isinstance(indices_or_sections, int):
        indices_or_sections = np.asarray(indices_or_sections)
    parts = np.split(np.arange(shape_of(x)[axis]), indices_or_sections)
    starts = [int(part[0]) if len(part) else 0 for part in parts]
    return [
        ops.slice_axis(x, axis, start, start + len(part))
        for start, part in zip(starts, parts, strict=True)
    ]


def pad(x: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = None) -> Any:
    """Add elements at the ends of each axis: a constant, or copies ("edge", "reflect", …)."""
    if mode in ("edge", "reflect", "symmetric", "wrap") and constant_values is None:
        return ops.pad(x, pad_width, mode)
    if mode != "constant":
        raise ValueError(
            f"pad with mode {mode!r} is not differentiated here; "
            "constant, edge, reflect, symmetric and wrap are"
        )
    shape = shape_of(x)
    zeros: Any = np.zeros(shape, np.result_type(raw(x)))
    around = np.pad(zeros, pad_width, constant_values=constant_values or 0)
    before = np.broadcast_to(pad_width, (len(shape), 2))[:, 0].tolist()
    inside = tuple([slice(start, start + n) for start, n in zip(before, shape, strict=True)])
    padded = ops.scatter(x, inside, around.shape)
    return padded + around if around.any() else padded
