"""numba: consecutive loops over arrays as one compiled function, where numba is installed.

A loop reads its operands once, keeps intermediate results in registers, and writes its results
once. float32 stays float32, as in NumPy. Divisions, roots and sums of two equal NumPy's to the last
bit; ``exp`` and other functions are those of the C library and may differ in the last bit, and so
may a sum along the last axis, whose terms are added in another order.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.errors import InputError
from tinygrad_hw.program.emit.primitives import PRIMITIVES
from tinygrad_hw.program.instructions import Fusion, Instruction, operands_of, results_of
from tinygrad_hw.program.variable import Kind, Variable, kind_of

SWITCH = "TINYGRAD_HW_JIT"  # in the environment: 0 turns compilation off
SMALLEST = 256  # elements; loops over fewer are not worth their compilation
LARGEST_OF_MATH = 2048  # elements; over more, NumPy's vector instructions outdo a loop of calls
LONGEST_SUM = 4096  # terms; of more, NumPy's pairwise sum loses fewer digits than a loop's

SUM = "{0} + {1}"
PLUS = """\
@njit(fastmath={"reassoc"})
def plus(a, b):  # in whichever order is fastest
    return a + b


"""
_DTYPES = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(bool))
_OF_MATH = {p.numpy for p in PRIMITIVES if p.loop.startswith("math.")} - {np.sqrt, np.isfinite}
_INFIX = {p.numpy for p in PRIMITIVES if p.infix and p.loop}
_PATTERNS: dict[Any, str] = {
    **{p.numpy: p.loop for p in PRIMITIVES if p.loop},
    ops.broadcast_to: "{0}",
    ops.astype: "{0}",
}


def is_wanted(jit: bool | None) -> bool:
    """Return whether to compile: as asked for; by default, if numba is installed.

    Raises
    ------
    InputError
        If it is asked for and numba is not installed.
    """
    if jit is False or os.environ.get(SWITCH) == "0":
        return False
    found = importlib.util.find_spec("numba") is not None
    if jit and not found:
        raise InputError("jit needs numba, which is not installed: pip install 'tinygrad_hw[fast]'")
    return found


def is_fusable(variable: Variable) -> bool:
    """Return whether an instruction can be a line of a compiled loop with others."""
    return variable.size >= SMALLEST and _is_pointwise(variable)


def is_loop(instruction: Instruction) -> bool:
    """Return whether an instruction can be a loop of a compiled function."""
    if not isinstance(instruction, Variable):
        return isinstance(instruction, Fusion)
    return _is_pointwise(instruction) or _Reduction.of(instruction) is not None


def are_worth_compiling(loops: Sequence[Variable | Fusion]) -> bool:
    """Return whether a compiled function of these loops is faster than calls of NumPy."""
    first = loops[0]
    sizes = [x.size for loop in loops for x in (*results_of(loop), *operands_of(loop))]
    if len(loops) > 1 or isinstance(first, Fusion):
        return max(sizes) >= SMALLEST
    return not _is_pointwise(first) and max(sizes) > LARGEST_OF_MATH


def _is_pointwise(variable: Variable) -> bool:
    function = variable.function
    if not variable.kind.is_array or variable.dtype not in _DTYPES:
        return False
    if function not in _PATTERNS or (function in _OF_MATH and variable.size > LARGEST_OF_MATH):
        return False
    return all(_is_loop_operand(operand, variable) for operand in variable.operands[:3])


class _Reduction:
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
        np.maximum: (-math.inf, "{0} if {0} >= {1} or {0} != {0} else {1}"),
        np.minimum: (math.inf, "{0} if {0} <= {1} or {0} != {0} else {1}"),
    }

    def __init__(self, variable: Variable, axes: tuple[int, ...], start: Any, step: str) -> None:
        self.operand: Variable = variable.operands[0]
        self.axes, self.start, self.step = axes, start, step

    @classmethod
    def of(cls, variable: Variable) -> _Reduction | None:
        """Return the reduction that an instruction is, or None."""
        function, options = variable.function, variable.options
        operand = variable.operands[0] if variable.operands else None
        if not isinstance(operand, Variable) or operand.dtype not in _DTYPES or not operand.size:
            return None
        if function is np.count_nonzero and not options and operand.ndim:
            return cls(variable, tuple(range(operand.ndim)), 0, "{0} + (1 if {1} else 0)")
        ufunc: Any = getattr(function, "__self__", None)
        is_known = getattr(function, "__name__", "") == "reduce" and ufunc in cls._STEPS
        if not is_known or not options.keys() <= {"axis", "keepdims", "dtype"}:
            return None
        if variable.dtype not in _DTYPES[:2] or (ufunc is not np.add and "dtype" in options):
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


def _is_loop_operand(operand: Any, variable: Variable) -> bool:
    known = operand.kind if isinstance(operand, Variable) else kind_of(operand)
    if known.python:
        return True
    kind = known.dtype
    is_whole = kind.kind in "iu" and kind.isnative and variable.function is ops.astype
    return kind in _DTYPES or is_whole


class Kernel:
    """The text of one compiled function, and what it is called with.

    Parameters
    ----------
    loops
        The loops, in order.
    memory_key
        Returns equal keys for a result and an operand that are one array in memory.

    Attributes
    ----------
    body
        The function's text, from the brackets on.
    arguments
        The arrays and numbers that it is called with.
    returned
        The numbers that it returns.
    helpers
        The text of functions that it calls.
    """

    def __init__(
        self, loops: Sequence[Variable | Fusion], memory_key: Callable[[Any], Any]
    ) -> None:
        self.arguments: list[Any] = []
        self.returned: list[Variable] = []
        self._names: dict[Any, str] = {}
        self._memory_key = memory_key
        self._loads = self._results = 0  # so many names of each kind
        lines: list[str] = []
        for loop in loops:
            if isinstance(loop, Fusion):
                lines += self._pointwise(loop.members, loop.outputs)
            elif reduction := _Reduction.of(loop):
                lines += self._reduction(loop, reduction)
            else:
                lines += self._pointwise([loop], [loop])
        if self.returned:
            lines.append(f"return {', '.join([f'r{i}' for i in range(len(self.returned))])}")
        names = ", ".join(f"a{i}" for i in range(len(self.arguments)))
        self.body = "\n".join([f"({names}):", *(f"    {line}" for line in lines)])
        self.helpers = PLUS if "plus(" in self.body else ""

    # --- One loop ---------------------------------------------------------------------------------

    def _pointwise(self, members: list[Variable], outputs: list[Variable]) -> list[str]:
        """Return a loop over the elements of results of one shape."""
        shape = members[0].shape
        loaded: dict[Any, str] = {}
        loads: list[str] = []
        body: list[str] = []
        for member in members:
            operands = [self._operand(x, member, loaded, loads) for x in member.operands[:3]]
            loaded[member] = f"t{self._results}"
            self._results += 1
            body.append(f"{loaded[member]} = {_expression(member, operands)}")
        body += [f"{self._element(out, len(shape))} = {loaded[out]}" for out in outputs]
        return self._nest(outputs[0], range(len(shape)), [*loads, *body])

    def _reduction(self, variable: Variable, reduction: _Reduction) -> list[str]:
        """Return a loop over the elements of an operand, into fewer of a result."""
        source, axes = reduction.operand, reduction.axes
        kept = [i for i in range(source.ndim) if i not in axes]
        element = self._element(source, source.ndim)
        if source.dtype != variable.dtype and variable.dtype.kind == "f":
            element = f"np.{variable.dtype.name}({element})"
        is_count = isinstance(reduction.start, int)
        start = "0" if is_count else f"np.{variable.dtype.name}({_number(reduction.start)})"
        if variable.shape:
            of_axis = iter([f"i{i}" for i in kept])
            keeps = variable.ndim == source.ndim
            index = [
                "0" if keeps and i in axes else self._index(source, i, next(of_axis))
                for i in (range(source.ndim) if keeps else kept)
            ]
            result = f"{self._argument(variable)}[{', '.join(index) or '()'}]"
        else:
            result = f"r{len(self.returned)}"
            self.returned.append(variable)
        so_far = f"s{self._results}" if variable.shape and reduction.is_over_last else result
        self._results += 1
        step = reduction.step
        if reduction.is_over_last and step == SUM:
            step = "plus({0}, {1})"
        line = f"{so_far} = {step.format(so_far, element)}"
        if not reduction.is_over_last:
            first = self._nest(source, kept, [f"{so_far} = {start}"])
            return first + self._nest(source, range(source.ndim), [line])
        inner = [f"{so_far} = {start}", *self._nest(source, axes, [line])]
        inner += [f"{result} = {so_far}"] if so_far != result else []
        return self._nest(source, kept, inner)

    def _nest(self, like: Variable, axes: Sequence[int], lines: list[str]) -> list[str]:
        """Return lines in loops over axes of an array; the first axis has as many rows as it has.

        The other axes' lengths are written out: a loop of a known length is compiled better.
        """
        nest: list[str] = []
        for axis in axes:
            length = like.shape[axis]
            if length != 1:
                count = length if axis else f"{self._argument(like)}.shape[0]"
                nest.append(f"{'    ' * len(nest)}for i{axis} in range({count}):")
        return [*nest, *("    " * len(nest) + line for line in lines)]

    # --- Operands ---------------------------------------------------------------------------------

    def _argument(self, operand: Any) -> str:
        key = self._memory_key(operand)
        if key not in self._names:
            self._names[key] = f"a{len(self.arguments)}"
            self.arguments.append(operand)
        return self._names[key]

    def _element(self, variable: Variable, ndim: int) -> str:
        """Return ``a2[i1]``: the element of an operand for an element of an array of ``ndim``."""
        first = ndim - variable.ndim
        index = [self._index(variable, i, f"i{first + i}") for i in range(variable.ndim)]
        return f"{self._argument(variable)}[{', '.join(index)}]"

    @staticmethod
    def _index(variable: Variable, axis: int, name: str) -> str:
        return "0" if variable.shape[axis] == 1 else name

    def _operand(
        self, operand: Any, member: Variable, loaded: dict[Any, str], loads: list[str]
    ) -> str:
        if isinstance(operand, Variable) and operand in loaded:
            return loaded[operand]
        kind = operand.kind if isinstance(operand, Variable) else kind_of(operand)
        if not kind.shape:
            is_variable = isinstance(operand, Variable) and not operand.constant
            number = operand.value if isinstance(operand, Variable) else operand
            text = self._argument(operand) if is_variable else _number(number)
            return text if kind.dtype == bool else f"np.{_dtype(operand, kind, member)}({text})"
        loaded[operand] = f"x{self._loads}"
        self._loads += 1
        loads.append(f"{loaded[operand]} = {self._element(operand, member.ndim)}")
        return loaded[operand]


def _number(value: Any) -> str:
    return (
        repr(value)
        if isinstance(value, bool | int)
        else repr(float(value)).replace("inf", "np.inf").replace("nan", "np.nan")
    )


def _dtype(operand: Any, of: Kind, member: Variable) -> str:
    """Return a number's dtype: NumPy's its own, Python's that of the other operands."""
    if of.python is None:
        return of.dtype.name
    kinds = [x.dtype for x in member.operands if isinstance(x, Variable) and x is not operand]
    kinds = [kind for kind in kinds if kind.kind == "f"] or [member.dtype]
    kind = np.result_type(*kinds)
    return kind.name if kind.kind == "f" else "float64"


def _expression(member: Variable, operands: list[str]) -> str:
    function = member.function
    if member.dtype == np.bool_ and function in (np.add, np.multiply):  # of booleans
        function = {np.add: np.bitwise_or, np.multiply: np.bitwise_and}[function]
    if function is np.reciprocal:  # an integer 1 would make float64 of float32
        return f"np.{member.dtype.name}(1.0) / {operands[0]}"
    if function in _INFIX:
        operands = _numbers(member, operands)
    text = _PATTERNS[function].format(*operands)
    if function is np.where or function is ops.astype:
        kind = member.dtype.name
        if member.dtype.kind == "f":
            options = [f"np.{kind}({x})" for x in operands]
            text = (
                options[0]
                if function is ops.astype
                else f"{options[1]} if {operands[0]} else {options[2]}"
            )
    return text


def _numbers(member: Variable, operands: list[str]) -> list[str]:
    """Return operands with masks as ones and zeros of the result's dtype."""
    if member.dtype.kind != "f":
        return operands
    return [
        f"np.{member.dtype.name}({text})" if isinstance(x, Variable) and x.dtype == bool else text
        for text, x in zip(operands, member.operands, strict=True)
    ]
