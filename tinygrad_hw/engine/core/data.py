"""Plain data: the numbers and arrays that a node holds, and their properties."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Number: TypeAlias = float | np.floating[Any]
Data: TypeAlias = Number | Array


class StandIn:
    """Base class of what stands in for data while a program is captured: see ``program.record``.

    The engine computes with a stand-in as with data, and does not look inside.
    """

    __slots__ = ("value",)

    value: Any  # the data of this one run
    dtype: Any
    astype: Callable[[Any], Any]


def as_array(data: Any) -> Array:
    """Return data as an array, which need not be a copy; see ``refuse_other_rules``."""
    refuse_other_rules(data)
    return np.asarray(data)


def refuse_other_rules(data: Any) -> None:
    """Raise TypeError for np.matrix and masked arrays, also in lists: their rules are not ours."""
    if type(data) is np.ndarray:
        return
    if isinstance(data, list | tuple) and not set(map(type, data)) <= {float, int}:
        for part in data:
            refuse_other_rules(part)
    elif isinstance(data, np.matrix):
        raise TypeError("expected an array, got np.matrix, whose * is another; pass np.asarray(m)")
    elif "numpy.ma" in sys.modules and isinstance(data, np.ma.MaskedArray):
        raise TypeError("expected an array, got a masked one; pass m.filled(number), or np.where")


def shape_of(data: Any) -> tuple[int, ...]:
    """Return the shape of a node, an array or a number; () for one of Python's numbers."""
    shape: tuple[int, ...] = getattr(data, "shape", ())
    return shape


def dtype_of(data: Any) -> Any:
    """Return the dtype of an array or scalar; ``float`` itself for one of Python's numbers."""
    data = data.value if isinstance(data, StandIn) else data
    return float if type(data) is float else np.result_type(data)


def is_finite(data: Any) -> bool:
    """Return whether no element is inf or nan; of a stand-in, which may be either, False."""
    if isinstance(data, np.ndarray):
        if data.dtype == bool or np.isfinite(np.vdot(data, data)):  # faster, unless it overflows
            return True
        return bool(np.isfinite(data).all())
    return not isinstance(data, StandIn) and math.isfinite(data)


def lock(data: Any) -> Any:
    """Return data as they are, an array read-only: other nodes compute with it, too."""
    if isinstance(data, np.ndarray):
        data.flags.writeable = False
    return data
