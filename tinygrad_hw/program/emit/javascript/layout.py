"""Layout: where the elements of an array lie in memory, and loops over them.

Shapes are known when a program is written. So a transpose, a slice or a broadcast array is no array
of its own in JavaScript, but another way to walk through the same one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_hw.program.record.tracer import CaptureError

Strides = tuple[int, ...]
ARRAYS = {  # whole numbers of 64 bits are exact up to 2**53 as JavaScript's numbers
    **{"bool": "Uint8Array", "float32": "Float32Array", "float64": "Float64Array"},
    **{"int8": "Int8Array", "int16": "Int16Array", "int32": "Int32Array", "int64": "Float64Array"},
    **{"uint8": "Uint8Array", "uint16": "Uint16Array", "uint32": "Uint32Array"},
    **{"uint64": "Float64Array", "object": "Float64Array"},  # objects: the numbers of math.erfc
}


def typed_array(dtype: Any) -> str:
    """Return the name of JavaScript's typed array for a dtype; raise CaptureError if none is."""
    name = np.dtype(dtype).name
    if name not in ARRAYS:
        raise CaptureError(f"{name} has no typed array in JavaScript; use float64 or float32")
    return ARRAYS[name]


@dataclass(frozen=True)
class View:
    """An array: a typed array in JavaScript, and where in it each element is.

    Attributes
    ----------
    buffer, length
        The name of the typed array, and how many elements it has.
    dtype, shape
        As of the NumPy array.
    strides
        How far an element is from the next, in elements, along each axis.
    offset
        Where the first element is.
    """

    buffer: str
    length: int
    dtype: Any
    shape: tuple[int, ...]
    strides: Strides
    offset: int = 0

    @property
    def size(self) -> int:
        """Return the number of elements."""
        return math.prod(self.shape)

    @property
    def positions(self) -> Any:
        """Return where in the typed array each element is, as an array of the view's shape."""
        positions: Any = np.full(self.shape, self.offset)
        for axis, (n, stride) in enumerate(zip(self.shape, self.strides, strict=True)):
            steps = np.arange(n) * stride
            positions += steps.reshape((n, *[1] * (len(self.shape) - axis - 1)))
        return positions

    def at(self, positions: Any) -> View | None:
        """Return the view with its elements at these positions, or None if no strides fit."""
        shape = positions.shape
        if not positions.size:
            return self.seen(shape, row_major(shape), 0)
        first = positions[(0,) * positions.ndim]
        strides = tuple(
            [
                int(np.take(positions, 1, axis)[(0,) * (positions.ndim - 1)] - first)
                if n > 1
                else 0
                for axis, n in enumerate(shape)
            ]
        )
        view = self.seen(shape, strides, int(first))
        return view if np.array_equal(view.positions, positions) else None

    def stretched(self, shape: tuple[int, ...]) -> View:
        """Return the view broadcast to a shape."""
        new = len(shape) - len(self.shape)
        strides = [0 if n == 1 else s for n, s in zip(self.shape, self.strides, strict=True)]
        return self.seen(shape, (*[0] * new, *strides), self.offset)

    def seen(self, shape: tuple[int, ...], strides: Strides, offset: int) -> View:
        """Return another view of the same typed array."""
        return View(self.buffer, self.length, self.dtype, shape, strides, offset)

    @property
    def is_dense(self) -> bool:
        """Return whether the elements are all that the typed array has, row by row."""
        pairs = zip(self.shape, self.strides, row_major(self.shape), strict=True)
        return (
            self.size == self.length
            and not self.offset
            and all([n == 1 or s == wanted for n, s, wanted in pairs])
        )


def row_major(shape: Sequence[int]) -> Strides:
    """Return the strides of an array whose last axis varies fastest."""
    return tuple([math.prod(shape[axis + 1 :]) for axis in range(len(shape))])


def dense(buffer: str, dtype: Any, shape: tuple[int, ...]) -> View:
    """Return the view of all of a typed array."""
    return View(buffer, math.prod(shape), dtype, shape, row_major(shape))


@dataclass(frozen=True)
class Axis:
    """One loop: how often it runs, and how far each array goes on in one turn."""

    size: int
    strides: Strides


def axes_of(shape: Sequence[int], strides: Sequence[Strides]) -> list[Axis]:
    """Return as few loops as run through arrays of one shape, in row-major order.

    Axes of length 1 need none. Two that every array walks through without a gap are one.
    """
    axes: list[Axis] = []
    for size, *steps in zip(shape, *strides, strict=True):
        if size == 1:
            continue
        if axes and all([a == b * size for a, b in zip(axes[-1].strides, steps, strict=True)]):
            axes[-1] = Axis(axes[-1].size * size, tuple(steps))
        else:
            axes.append(Axis(size, tuple(steps)))
    return axes


def loops(axes: Sequence[Axis], names: Sequence[str], body: Sequence[str]) -> list[str]:
    """Return the lines of a body inside loops, one for each axis."""
    lines = list(body)
    for axis, name in reversed(list(zip(axes, names, strict=True))):
        head = f"for (let {name} = 0; {name} < {axis.size}; {name}++) {{"
        lines = [head, *(f"  {line}" for line in lines), "}"]
    return lines


def place(offset: int, axes: Sequence[Axis], names: Sequence[str], array: int) -> str:
    """Return the index of an array's element, by the names of the loops' counters."""
    terms = [
        name if (stride := axis.strides[array]) == 1 else f"{stride} * {name}"
        for axis, name in zip(axes, names[: len(axes)], strict=True)
        if axis.strides[array]
    ]
    return " + ".join([*([str(offset)] if offset or not terms else []), *terms])


class Kernel:
    """A JavaScript function of typed arrays and numbers, in the making.

    Attributes
    ----------
    arguments
        What it is called with: names in the program, each with the name of a parameter.
    lines
        Its body.
    """

    def __init__(self) -> None:
        self.arguments: dict[str, str] = {}
        self.lines: list[str] = []

    def parameter(self, argument: str) -> str:
        """Return the name of the parameter that stands for an argument."""
        return self.arguments.setdefault(argument, f"a{len(self.arguments)}")

    @property
    def text(self) -> str:
        """Return the parameters and the body."""
        body = "".join([f"  {line}\n" for line in self.lines])
        return f"({', '.join(self.arguments.values())}) {{\n{body}}}\n"


COUNTERS = tuple("ijklmnopqrstuvw")
