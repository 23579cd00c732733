"""Loops: reductions, windows on images, and nests of loops as text that share their outer loops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.array_operations import WINDOWED, is_apart, is_tiled
from tinygrad_hw.program.variable import Variable

DTYPES = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(bool))
LONGEST_SUM = 4096  # terms; of more, NumPy's pairwise sum loses fewer digits than a loop's
SUM = "{0} + {1}"
PLUS = """\
@njit(fastmath={"reassoc"})
def plus(a, b):  # in whichever order is fastest
    return a + b


"""


class Reduction:
    """A sum, maximum, minimum or count of a compiled function: over last axes, or over others.

    Attributes
    ----------
    operand
        What is reduced.
    axes
        The axes that are reduced, in order.
    start
        The number to begin with.
    step
        The next number, of the one so far ``{0}`` and an element ``{1}``.
    """

    _STEPS: ClassVar[dict[Any, tuple[float, str]]] = {
        np.add: (-0.0, SUM),
        np.maximum: (-math.inf, "{1} if {1} > {0} or {1} != {1} else {0}"),
        np.minimum: (math.inf, "{1} if {1} < {0} or {1} != {1} else {0}"),
    }

    @classmethod
    def step_of(cls, ufunc: Any) -> str:
        """Return the step of the reduction by a function of two."""
        return cls._STEPS[ufunc][1]

    def __init__(self, variable: Variable, axes: tuple[int, ...], start: Any, step: str) -> None:
        self.operand: Variable = variable.operands[0]
        self.axes, self.start, self.step = axes, start, step

    @classmethod
    def of(cls, variable: Variable) -> Reduction | None:
        """Return the reduction that an instruction is, or None."""
        function, options = variable.function, variable.options
        operand = variable.operands[0] if variable.operands else None
        if not isinstance(operand, Variable) or not operand.shape or not operand.size:
            return None
        if operand.dtype not in DTYPES:
            return None
        if function is np.count_nonzero and not options:
            return cls(variable, tuple(range(operand.ndim)), 0, "{0} + (1 if {1} else 0)")
        ufunc: Any = getattr(function, "__self__", None)
        is_known = getattr(function, "__name__", "") == "reduce" and ufunc in cls._STEPS
        if not is_known or not options.keys() <= {"axis", "keepdims", "dtype"}:
            return None
        if variable.dtype not in DTYPES[:2] or (ufunc is not np.add and "dtype" in options):
            return None
        axis = options.get("axis", 0)
        every = range(operand.ndim)
        axes = tuple(every) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(sorted(i % operand.ndim for i in axes))
        reduction = cls(variable, axes, *cls._STEPS[ufunc])
        if reduction.is_over_last and axes != tuple(every)[-len(axes) :]:
            return None
        too_long = math.prod(operand.shape[i] for i in axes) > LONGEST_SUM
        return None if reduction.is_over_last and ufunc is np.add and too_long else reduction

    @property
    def is_over_last(self) -> bool:
        """Return whether the last axis is reduced: an element of the result is made at once."""
        return self.operand.ndim - 1 in self.axes


# --- Windows on images ----------------------------------------------------------------------------

MOST_PLACES = 16  # in a window that is pooled: for each there is a line in the loop


def is_windowed(variable: Variable) -> bool:
    """Return whether an instruction on windows can be loops of a compiled function."""
    if variable.function not in WINDOWED or variable.dtype not in DTYPES[:2]:
        return False
    is_pooled = variable.function in (ops.max_pool, ops.max_unpool)
    if is_pooled and math.prod(variable.options["size"]) > MOST_PLACES:
        return False
    arrays = [*variable.operands, *map(variable.options.get, ("like", "maxima"))]
    of_it = [x for x in arrays if x is not None]
    return all(isinstance(x, Variable) and x.shape and x.dtype == variable.dtype for x in of_it)


def loops_of_windows(
    variable: Variable, element: Callable[..., str]
) -> Iterator[tuple[Variable, list[str]]]:
    """Yield the loops of an instruction on windows, in order.

    Each is over the elements of an array, which comes first; then what is done for each.

    Parameters
    ----------
    variable
        The instruction.
    element
        Returns the text of an element, of an array and an index, and notes whether it is written.
    """
    function, options, x = variable.function, variable.options, variable.operands[0]
    strides = options["strides"]
    if function is ops.windows:
        pixel = element(x, _pixel(variable, strides))
        yield variable, [f"{element(variable, _every(variable), True)} = {pixel}"]
    elif function is ops.fold:
        yield variable, [f"{element(variable, _every(variable), True)} = 0.0"]
        pixel = element(variable, _pixel(x, strides), True)
        yield x, [f"{pixel} += {element(x, _every(x))}"]
    elif function is ops.max_pool:
        places = _places(variable, options)
        first, *others = [element(x, place) for place in places]
        m = f"m{variable.dtype.itemsize}"
        steps = [f"{m} = {Reduction.step_of(np.maximum).format(m, other)}" for other in others]
        written = element(variable, _every(variable), True)
        yield variable, [f"{m} = {first}", *steps, f"{written} = {m}"]
    else:
        yield from _unpooling(variable, element)


def _unpooling(
    variable: Variable, element: Callable[..., str]
) -> Iterator[tuple[Variable, list[str]]]:
    """Yield the loops that give each number to the maximum of its window."""
    options, x = variable.options, variable.operands[0]
    like, maxima, size, strides = [options[k] for k in ("like", "maxima", "size", "strides")]
    if not is_tiled(variable.shape, size, strides):
        yield variable, [f"{element(variable, _every(variable), True)} = 0.0"]
    kind, bits = f"np.{variable.dtype.name}", variable.dtype.itemsize  # a name for each dtype
    zero, one = f"{kind}(0.0)", f"{kind}(1.0)"
    every, places = _every(maxima), _places(maxima, options)
    lines = [f"m{bits} = {element(maxima, every)}"]
    for i, place in enumerate(places):
        x_i = f"x{i}_{bits}"
        lines.append(f"{x_i} = {element(like, place)}")
        lines.append(f"e{i} = ({x_i} >= m{bits}) | ({x_i} != {x_i})")  # a nan is a maximum
    count = " + ".join([f"({one} if e{i} else {zero})" for i in range(len(places))])
    lines.append(f"q{bits} = {element(x, every)} / ({count})")
    sign = "=" if is_apart(size, strides) else "+="
    for i, place in enumerate(places):
        lines.append(f"{element(variable, place, True)} {sign} q{bits} if e{i} else {zero}")
    yield maxima, lines


def _every(like: Variable) -> tuple[str, ...]:
    """Return the index of an element in loops over all elements of an array."""
    return tuple(["0" if n == 1 else f"i{axis}" for axis, n in enumerate(like.shape)])


def _pixel(windows: Variable, strides: Sequence[int]) -> tuple[str, ...]:
    """Return the index of a pixel, in loops over all elements of windows."""
    n, row, column, down, right, channel = _every(windows)
    return n, _moved(row, strides[0], down), _moved(column, strides[1], right), channel


def _places(pooled: Variable, options: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the indices of the pixels of one window, in loops over what is pooled."""
    (rows, columns), (down, right) = options["size"], options["strides"]
    n, row, column, channel = _every(pooled)
    return [
        (n, _moved(row, down, str(i)), _moved(column, right, str(j)), channel)
        for i, j in itertools.product(range(rows), range(columns))
    ]


def _moved(window: str, stride: int, place: str) -> str:
    """Return the row, or the column, of a place in a window."""
    first = window if stride == 1 else f"{window} * {stride}"
    return first if place == "0" else f"{first} + {place}"


Access = tuple[str, tuple[str, ...], bool]  # an argument, an index, whether it is written


@dataclass
class Nest:
    """Loops in each other, and what they do.

    Attributes
    ----------
    axes
        The loops from the outside in: each an index and the number of its rounds.
    body
        Lines, and nests inside the innermost of these loops.
    accesses
        By memory: which elements are read and written there.
    """

    axes: tuple[tuple[str, str], ...]
    body: list[str | Nest]
    accesses: dict[Any, set[Access]]

    def lines(self) -> list[str]:
        """Return the text."""
        heads = [f"{'    ' * i}for {x} in range({n}):" for i, (x, n) in enumerate(self.axes)]
        body = [line for x in self.body for line in ([x] if isinstance(x, str) else x.lines())]
        return [*heads, *("    " * len(heads) + line for line in body)]

    def joined(self, other: Nest) -> Nest | None:
        """Return one nest that shares the outer loops with a later one, if that changes no result.

        So what a row of one makes is still in the nearest memory when the other needs it. In a
        round of the shared loops the later one may only need what was made in this round.
        """
        depth = min(len(self.axes), len(other.axes))
        pairs = zip(self.axes[:depth], other.axes[:depth], strict=True)
        shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        if shared == len(self.axes) == len(other.axes) and all(
            isinstance(x, str) for x in self.body
        ):
            shared -= 1  # two plain loops are compiled better one after the other
        indices = [x for x, _ in self.axes[:shared]]
        for memory in self.accesses.keys() & other.accesses.keys():
            for first in self.accesses[memory]:
                for second in other.accesses[memory]:
                    if (first[2] or second[2]) and not _are_of_one_round(first, second, indices):
                        return None
        if not shared:
            return None
        body: list[str | Nest] = []
        for nest in (self, other):
            inner = Nest(nest.axes[shared:], nest.body, {})
            body += [inner] if inner.axes else nest.body
        accesses = {
            memory: self.accesses.get(memory, set()) | other.accesses.get(memory, set())
            for memory in self.accesses.keys() | other.accesses.keys()
        }
        return Nest(self.axes[:shared], body, accesses)


def _are_of_one_round(first: Access, second: Access, indices: list[str]) -> bool:
    """Return whether two accesses are to one array, at the same index of each shared loop."""
    if first[0] != second[0]:
        return False
    return all(
        i in first[1] and [x == i for x in first[1]] == [x == i for x in second[1]] for i in indices
    )
