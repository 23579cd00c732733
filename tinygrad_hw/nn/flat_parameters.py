"""Parameters end to end in one long array, so that an optimizer moves all of them in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, cast
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.engine.core.node import read_data

_BUFFERS: WeakValueDictionary[int, Value] = WeakValueDictionary()  # by the ids of their arrays


class EndToEnd:
    """Which part of one array is which Value's; with a single Value, the array has its shape."""

    def __init__(self, values: Iterable[Value]) -> None:
        self.values = list(values)
        self._starts = [0, *np.cumsum([value.size for value in self.values]).tolist()]
        self.parts = [slice(*pair) for pair in pairwise(self._starts)]

    @property
    def size(self) -> int:
        """Return the number of elements of the array."""
        return int(self._starts[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the array."""
        return self.values[0].shape if len(self.values) == 1 else (self.size,)

    def join(self, parts: Sequence[Any]) -> Any:
        """Return the array that has these parts, in the order of the Values."""
        if len(parts) == 1:
            return parts[0]
        raveled = [
            ops.reshape(part, (value.size,)) for part, value in zip(parts, self.values, strict=True)
        ]
        return ops.concatenate(*raveled, axis=0, starts=tuple(self._starts))

    def split(self, array: Any) -> dict[Value, Any]:
        """Return the part of each Value, in its shape."""
        if len(self.values) == 1:
            return {self.values[0]: array}
        return {
            value: array[part].reshape(value.shape)
            for part, value in zip(self.parts, self.values, strict=True)
        }

    def take(self, array: Any, some: EndToEnd) -> Any:
        """Return the parts of some of the Values, end to end."""
        if some is self:
            return array
        parts = self.split(array)
        return some.join([parts[value] for value in some.values])

    def put(self, array: Any, some: EndToEnd, new: Any) -> Any:
        """Return the array with new parts for some of the Values."""
        return new if some is self else self.join([*(self.split(array) | some.split(new)).values()])


class FlatParameters:
    """Parameters whose data are views of one buffer, in order.

    The buffer is a place and nothing more: a parameter that is given other data (``p.data = new``)
    leaves it, and nobody writes into what it has left.

    Parameters
    ----------
    values
        The parameters. Their data are moved into a new buffer, unless they fill one already.
    take
        Whether they are moved out of a buffer that is in use, such as another model's.

    Attributes
    ----------
    values
        The parameters, as Values.
    buffer
        The buffer as a Value, for an optimizer.
    """

    def __init__(self, values: Iterable[Value], take: bool = True) -> None:
        layout = EndToEnd(values)
        self.values = layout.values
        self._views: list[Any] = [None] * len(self.values)
        if not fill_a_buffer(self.values):
            dtype = np.result_type(np.float32, *[value.dtype for value in self.values])
            if not take and any([is_in_use(value) for value in self.values]):
                self.buffer = Value.leaf(np.empty(0, dtype), constant=True)
                return
            data = np.empty(layout.size, dtype)
            for value, part in zip(self.values, layout.parts, strict=True):
                view = data[part].reshape(value.shape)
                view[...] = value.raw
                value.raw, value.saved = view, False
        else:
            data = cast(Any, self.values[0].raw).base
        self.buffer = _buffer_leaf(data)
        self._views = [value.raw for value in self.values]

    @property
    def data(self) -> npt.NDArray[Any]:
        """Return the buffer, of shape (number of parameters,)."""
        return cast("npt.NDArray[Any]", self.buffer.raw)  # as text: made anew, it takes 3 us

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the Values; the copies have a buffer of their own."""
        return FlatParameters, (self.values, self.is_whole())

    def is_whole(self) -> bool:
        """Return whether all parameters' data are in the buffer."""
        return all([v.raw is view for v, view in zip(self.values, self._views, strict=True)])


def buffer_of(value: Value) -> Value | None:
    """Return the buffer that a Value's data are a part of, as a Value; None for its own array."""
    base = getattr(value.raw, "base", None)
    is_buffer = isinstance(base, np.ndarray) and base.ndim == 1 and base.dtype == value.dtype
    return _buffer_leaf(base) if is_buffer else None


def _buffer_leaf(data: Any) -> Value:
    leaf = _BUFFERS.get(id(data))
    if leaf is None:
        leaf = _BUFFERS[id(data)] = Value.leaf(data, constant=True)
        leaf.label = "parameters"
    return leaf


def _start_in_buffer(value: Value) -> int:
    """Return where the data of a Value begin in their buffer."""
    data: Any = value.raw
    address, start = [x.__array_interface__["data"][0] for x in (data, data.base)]
    return int((address - start) // data.itemsize)


def fill_a_buffer(values: Sequence[Value]) -> bool:
    """Return whether the data of Values lie end to end in one buffer and nothing else is in it."""
    buffers = {id(getattr(value.raw, "base", None)) for value in values}
    if len(buffers) != 1 or buffer_of(values[0]) is None:
        return False
    layout = EndToEnd(values)
    found = [_start_in_buffer(value) for value in values]
    is_in_order = found == [part.start for part in layout.parts]
    return is_in_order and layout.size == cast(Any, values[0].raw).base.size


def may_move(values: Iterable[Value]) -> bool:
    """Return whether nobody holds the arrays of Values, which would then be theirs no more.

    That is: ``Value.data`` has lent none, and none is in a buffer that is in use.
    """
    return not any([is_lent(v) or is_in_use(v) for v in values])


def is_in_use(value: Value) -> bool:
    """Return whether the array of a Value is in a buffer that is in use."""
    return id(getattr(value.raw, "base", None)) in _BUFFERS


def is_lent(value: Value) -> bool:
    """Return whether somebody may hold the array of a Value: ``Value.data`` has handed it out."""
    return getattr(value, "lent", 0) > 0


def _with_parts(buffer: Value, new: Mapping[Value, Any]) -> Any:
    """Return new data for a buffer, from new data for some of the Values in it."""
    data, pieces, end = read_data(buffer), [], 0
    for value in sorted(new, key=_start_in_buffer):
        start = _start_in_buffer(value)
        pieces += [data[end:start], ops.reshape(new[value], (value.size,))]
        end = start + value.size
    pieces = [piece for piece in (*pieces, data[end:]) if piece.shape[0]]
    starts = [0, *np.cumsum([piece.shape[0] for piece in pieces]).tolist()]
    return ops.concatenate(*pieces, axis=0, starts=tuple(starts)) if pieces else data


def in_buffers(new: Mapping[Value, Any]) -> dict[Value, Any]:
    """Return new data with those of Values in a buffer as new data of the buffer."""
    whole: dict[Value, Any] = {}
    parts: dict[Value, dict[Value, Any]] = {}
    for value, data in new.items():
        buffer = buffer_of(value)
        if buffer is None:
            whole[value] = data
        else:
            parts.setdefault(buffer, {})[value] = data
    return whole | {buffer: _with_parts(buffer, some) for buffer, some in parts.items()}
