"""FlatParameters: all parameters of a model in one buffer, and all their gradients in another.

An optimizer then works on two long arrays, however many layers there are. The data of each layer's
Value are a view of a part of the buffer.
"""

from __future__ import annotations

import copy
import warnings
import weakref
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.engine.core.data import StandIn
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.core.trace import current

_OWNERS: weakref.WeakValueDictionary[int, FlatParameters] = weakref.WeakValueDictionary()


class FlatParameters:
    """Parameters in one contiguous buffer, in order.

    Attributes
    ----------
    values
        The parameters, as Values. Their data become views of ``data``.
    buffer
        The buffer as a Value, for an optimizer.
    data, gradients
        The two buffers, of shape (number of parameters,) and the parameters' dtype.
    """

    def __init__(self, values: Iterable[Value]) -> None:
        self.values = list(values)
        dtype = np.result_type(np.float32, *[value.dtype for value in self.values])
        sizes = [value.size for value in self.values]
        self.data: npt.NDArray[Any] = np.empty(sum(sizes), dtype)
        self.gradients: npt.NDArray[Any] = np.zeros(sum(sizes), dtype)
        self.buffer = _constant_leaf(self.data, "parameters")
        self._gradient_buffer = _constant_leaf(self.gradients, "gradients")
        self._starts = [0, *np.cumsum(sizes).tolist()]
        self._slices = [slice(*pair) for pair in pairwise(self._starts)]
        self._views = self._split(self.data)
        self._gradient_views = self._split(self.gradients)
        self._warned = False
        self._has_gradient = [True] * len(self.values)  # for each, in this step
        self.set([value.raw for value in self.values])
        _OWNERS[id(self.data)] = self

    @classmethod
    def of(cls, values: Sequence[Value]) -> FlatParameters:
        """Return the FlatParameters that hold these Values, or new ones."""
        trace = current().trace
        for value in values:  # one of them may have been given new data
            owner = _OWNERS.get(id(getattr(value.raw, "base", None)))
            if owner is not None and [*map(id, owner.values)] == [*map(id, values)]:
                if not owner.is_collected():
                    with trace.set_up():
                        owner.collect()
                return owner
        with trace.set_up():
            return cls(values)

    def __deepcopy__(self, memo: dict[int, Any]) -> FlatParameters:
        """Copy the Values into a buffer of their own."""
        values, buffer = copy.deepcopy((self.values, self.buffer), memo)
        copied = memo[id(self)] = _with_buffer(values, buffer)
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the Values; loaded, they have a buffer of their own."""
        return _with_buffer, (self.values, self.buffer)

    def _split(self, flat: Any) -> list[Any]:
        return [
            flat[part].reshape(value.shape)
            for part, value in zip(self._slices, self.values, strict=True)
        ]

    def set(self, arrays: Iterable[npt.ArrayLike]) -> None:
        """Write arrays of the parameters' shapes into the buffer."""
        for value, view, array in zip(self.values, self._views, arrays, strict=True):
            view[...] = array
            value.raw = view
            value.saved = False  # an operation that records with it saves a copy

    def is_collected(self) -> bool:
        """Return whether all parameters' data are in the buffer."""
        return all(v.raw is view for v, view in zip(self.values, self._views, strict=True))

    def collect(self) -> None:
        """Copy parameters' new data, set from outside, into the buffer."""
        for value, view in zip(self.values, self._views, strict=True):
            if value.raw is not view:
                view[...] = value.raw
                value.raw = view
            value.saved = False

    def gather_gradients(self) -> Any:
        """Collect the gradients of a backward pass in one array; each ``grad`` becomes a view.

        A parameter that the loss does not depend on has no gradient. Its data stay unchanged in
        this step, even with momentum; a warning says so, once.
        """
        missing = [value for value in self.values if value.grad is None]
        if missing and not self._warned:
            self._warned = True
            names = [f"{value.label or ''} {value.shape}" for value in missing]
            warnings.warn(
                f"the loss does not depend on {', '.join(names)}: no gradient, and not trained",
                stacklevel=4,
            )
        self._has_gradient = [value.grad is not None for value in self.values]
        flat = ops.concatenate(
            *[
                np.zeros(value.size, self.data.dtype)
                if value.grad is None
                else ops.reshape(value.grad, (value.size,))
                for value in self.values
            ],
            axis=0,
            starts=tuple(self._starts),
        )
        current().trace.store(self._gradient_buffer, flat)
        if isinstance(flat, StandIn):
            return flat
        for value, view in zip(self.values, self._gradient_views, strict=True):
            value.grad = None if value.grad is None else view
        return self.gradients

    def update(self, new: Any) -> None:
        """Write new data, one array for all parameters; skip parameters without a gradient."""
        if not all(self._has_gradient):
            sizes = [value.size for value in self.values]
            new = ops.where(np.repeat(self._has_gradient, sizes), new, read_data(self.buffer))
        current().trace.store(self.buffer, new)


def _with_buffer(values: list[Value], buffer: Value) -> FlatParameters:
    """Return the FlatParameters of copied Values; an optimizer knows them by the buffer."""
    flat = FlatParameters(values)
    flat.buffer = buffer
    buffer.raw = flat.data
    return flat


def _constant_leaf(array: npt.NDArray[Any], label: str) -> Value:
    value = Value.leaf(array, constant=True)
    value.label = label
    return value
