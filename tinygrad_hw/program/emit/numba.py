"""numba: consecutive loops over arrays as one compiled function, where numba is installed.

A loop reads its operands once, keeps intermediate results in registers, and writes its results
once. float32 stays float32, as in NumPy. Divisions, roots and sums of two equal NumPy's to the last
bit; ``exp`` and other functions are those of the C library and may differ in the last bit, and so
may a sum along the last axis, whose terms are added in another order.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.errors import InputError
from tinygrad_hw.program.emit.loops import (
    DTYPES,
    PLUS,
    SUM,
    Access,
    Nest,
    Reduction,
    is_windowed,
    loops_of_windows,
)
from tinygrad_hw.program.emit.primitives import ON_BOOLEANS, PRIMITIVES
from tinygrad_hw.program.instructions import (
    Fusion,
    Instruction,
    base_of,
    is_rearrangement,
    operands_of,
    results_of,
)
from tinygrad_hw.program.variable import Kind, Variable, kind_of

SWITCH = "TINYGRAD_HW_JIT"  # in the environment: 0 turns compilation off
SMALLEST = 256  # elements; loops over fewer are not worth their compilation
LARGEST_OF_MATH = 2048  # elements; over more, NumPy's vector instructions outdo a loop of calls

_OF_MATH = {p.numpy for p in PRIMITIVES if p.loop.startswith("math.")} - {np.sqrt, np.isfinite}
_COMPARISONS = {np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal}
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
    if is_rearrangement(instruction) and instruction.dtype in DTYPES:
        return bool(instruction.operands[0].dtype == instruction.dtype)
    if _is_pointwise(instruction) or is_windowed(instruction):
        return True
    return Reduction.of(instruction) is not None


def are_worth_compiling(loops: Sequence[Variable | Fusion]) -> bool:
    """Return whether a compiled function of these loops is faster than calls of NumPy."""
    first = loops[0]
    sizes = [x.size for loop in loops for x in (*results_of(loop), *operands_of(loop))]
    if len(loops) > 1 or isinstance(first, Fusion):
        return max(sizes) >= SMALLEST
    return not _is_pointwise(first) and max(sizes) > LARGEST_OF_MATH


def _is_pointwise(variable: Variable) -> bool:
    function = variable.function
    if not variable.shape or variable.dtype not in DTYPES:
        return False
    if function not in _PATTERNS or (function in _OF_MATH and variable.size > LARGEST_OF_MATH):
        return False
    return all(_is_loop_operand(operand, variable) for operand in variable.operands[:3])


def _is_loop_operand(operand: Any, variable: Variable) -> bool:
    known = operand.kind if isinstance(operand, Variable) else kind_of(operand)
    if known.python:
        return True
    kind = known.dtype
    is_whole = kind.kind in "iu" and kind.isnative
    return kind in DTYPES or (is_whole and _takes_integers(variable, kind))


def _takes_integers(variable: Variable, dtype: Any) -> bool:
    """Return whether an instruction converts integers, or compares two arrays of them."""
    is_alike = all(isinstance(x, Variable) and x.shape and x.dtype == dtype for x in variable.needs)
    is_comparison = variable.function in _COMPARISONS and len(variable.needs) == 2
    return variable.function is ops.astype or (is_comparison and is_alike)


class Kernel:
    """The text of one compiled function, and what it is called with.

    Parameters
    ----------
    loops
        The loops, in order.
    memory_key
        Returns equal keys for a result and an operand that are one array in memory.
    checked
        Arrays that must be finite: the function returns whether they are, and else does nothing.

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
        self,
        loops: Sequence[Variable | Fusion],
        memory_key: Callable[[Any], Any],
        checked: Sequence[Variable] = (),
    ) -> None:
        self.arguments: list[Any] = []
        self.returned: list[Variable] = []
        self._names: dict[Any, str] = {}
        self._memory_key = memory_key
        self._loads = self._results = 0  # so many names of each kind
        self._starts: list[str] = []  # of the numbers that are returned
        self._starts_of_flat: list[str] = []
        self._rows: dict[int, str] = {}  # by length: an array that has as many rows
        self._nests: list[Nest] = []
        self._accesses: dict[Any, set[Access]] = {}  # of the loop that is being written
        for loop in loops:
            if isinstance(loop, Fusion):
                self._pointwise(loop.members, loop.outputs)
            elif reduction := Reduction.of(loop):
                self._reduction(loop, reduction)
            elif is_rearrangement(loop):
                self._rearrangement(loop)
            elif is_windowed(loop):
                for like, lines in loops_of_windows(loop, self._element):
                    self._add(self._axes(like, range(like.ndim)), lines)
            else:
                self._pointwise([loop], [loop])
        check = self._check(checked) if checked else []
        starts = [f"r{i} = {start}" for i, start in enumerate(self._starts)]
        lines = [
            *check,
            *starts,
            *self._starts_of_flat,
            *(line for nest in self._nests for line in nest.lines()),
        ]
        if self.returned:
            lines.append(f"return {', '.join([f'r{i}' for i in range(len(self.returned))])}")
        elif checked:
            lines.append("return True")
        names = ", ".join(f"a{i}" for i in range(len(self.arguments)))
        self.body = "\n".join([f"({names}):", *(f"    {line}" for line in lines)])
        self.helpers = PLUS if "plus(" in self.body else ""

    def _check(self, arrays: Sequence[Variable]) -> list[str]:
        """Return lines that end the function if an array is not finite."""
        lines = ["is_finite = True"]
        for array in arrays:
            every = range(array.ndim)
            element = self._element(array, self._index(array, every))
            line = f"is_finite = is_finite & math.isfinite({element})"
            lines += Nest(self._axes(array, every), [line], {}).lines()
        return [*lines, "if not is_finite:", "    return False"]

    # --- One loop ---------------------------------------------------------------------------------

    def _pointwise(self, members: list[Variable], outputs: list[Variable]) -> None:
        """Write a loop over the elements of results of one shape."""
        every = range(members[0].ndim)
        axes = self._axes(outputs[0], every)
        loaded: dict[Any, str] = {}
        loads: dict[str, tuple[str, ...]] = {}
        lines: list[str | Nest] = []
        for member in members:
            operands = [self._operand(x, member, loaded, loads) for x in member.operands[:3]]
            loaded[member] = f"t{self._results}"
            self._results += 1
            lines.append(f"{loaded[member]} = {_expression(member, operands)}")
        for out in outputs:
            lines.append(f"{self._element(out, self._index(out, every), True)} = {loaded[out]}")
        # What is the same in every round of the innermost loop is read before it.
        first = [line for line, index in loads.items() if axes and axes[-1][0] not in index]
        lines = [*(line for line in loads if line not in first), *lines]
        if first:
            axes, lines = axes[:-1], [*first, Nest(axes[-1:], lines, {})]
        self._add(axes, lines)

    def _reduction(self, variable: Variable, reduction: Reduction) -> None:
        """Write a loop over the elements of an operand, into fewer of a result."""
        source, axes = reduction.operand, reduction.axes
        every = range(source.ndim)
        kept = [i for i in every if i not in axes]
        element = self._element(source, self._index(source, every))
        if source.dtype != variable.dtype and variable.dtype.kind == "f":
            element = f"np.{variable.dtype.name}({element})"
        is_count = isinstance(reduction.start, int)
        start = "0" if is_count else f"np.{variable.dtype.name}({_number(reduction.start)})"
        if variable.shape:
            places = every if variable.ndim == source.ndim else kept
            result = self._element(variable, self._index(variable, places), True)
        else:
            result = f"r{len(self.returned)}"
            self.returned.append(variable)
            self._starts.append(start)
        step, all_axes = reduction.step, self._axes(source, every)
        if reduction.is_over_last and step == SUM:
            step = "plus({0}, {1})"
        if not variable.shape:
            self._add(all_axes, [f"{result} = {step.format(result, element)}"])
        elif not reduction.is_over_last:
            line = f"{result} = {step.format(result, element)}"
            accesses = self._accesses
            self._accesses = {memory: x for memory, x in accesses.items() if any(w for *_, w in x)}
            self._add(self._axes(source, kept), [f"{result} = {start}"], is_start=True)
            self._accesses = accesses
            self._add(all_axes, [line])
        else:
            so_far = f"s{self._results}"
            self._results += 1
            inner = Nest(
                self._axes(source, axes), [f"{so_far} = {step.format(so_far, element)}"], {}
            )
            lines: list[str | Nest] = [f"{so_far} = {start}", inner, f"{result} = {so_far}"]
            self._add(self._axes(source, kept), lines)

    def _rearrangement(self, variable: Variable) -> None:
        """Write a loop over the elements of an operand, in whose order the result lies flat."""
        source = variable.operands[0]
        index = self._index(source, range(source.ndim))
        place = "0"
        for i, length in zip(index, source.shape, strict=True):
            place = i if place == "0" else f"{place} * {length} + {i}"
            place = f"({place})" if " " in place else place
        flat = f"f{self._results}"
        self._results += 1
        self._starts_of_flat.append(f"{flat} = {self._argument(variable)}.reshape(-1)")
        memory = self._memory_key(base_of(variable))
        self._accesses.setdefault(memory, set()).add((flat, (), True))
        place = place.removeprefix("(").removesuffix(")")
        line = f"{flat}[{place}] = {self._element(source, index)}"
        self._add(self._axes(source, range(source.ndim)), [line])

    def _add(
        self,
        axes: tuple[tuple[str, str], ...],
        body: Sequence[str | Nest],
        is_start: bool = False,
    ) -> None:
        """Add loops: with the loops before them, if they can share some.

        A reduction's start, if it can, goes before them.
        """
        nest = Nest(axes, list(body), self._accesses)
        self._accesses = {}
        last = self._nests.pop() if self._nests else None
        if last is None:
            self._nests.append(nest)
        elif is_start and last.accesses.keys().isdisjoint(nest.accesses):
            self._nests += [nest, last]
        else:
            joined = last.joined(nest)
            self._nests += [joined] if joined else [last, nest]

    def _axes(self, like: Variable, axes: Sequence[int]) -> tuple[tuple[str, str], ...]:
        """Return loops over axes of an array; the first axis has as many rows as it has.

        The other axes' lengths are written out: a loop of a known length is compiled better.
        """
        loops = [(i, like.shape[i]) for i in axes if like.shape[i] != 1]
        rows = self._rows.setdefault(like.shape[0], f"{self._argument(like)}.shape[0]")
        return tuple([(f"i{i}", str(length) if i else rows) for i, length in loops])

    # --- Operands ---------------------------------------------------------------------------------

    def _argument(self, operand: Any) -> str:
        key = self._memory_key(operand)
        if key not in self._names:
            self._names[key] = f"a{len(self.arguments)}"
            self.arguments.append(operand)
        return self._names[key]

    def _index(self, variable: Variable, axes: Sequence[int]) -> tuple[str, ...]:
        """Return an index of an array whose last axes are such of the loops around it."""
        of_loops = axes[len(axes) - variable.ndim :]
        pairs = zip(variable.shape, of_loops, strict=True)
        return tuple(["0" if length == 1 else f"i{axis}" for length, axis in pairs])

    def _element(self, variable: Variable, index: tuple[str, ...], is_written: bool = False) -> str:
        """Return ``a2[i1]``: an element of an argument."""
        argument = self._argument(variable)
        memory = self._memory_key(base_of(variable))
        self._accesses.setdefault(memory, set()).add((argument, index, is_written))
        return f"{argument}[{', '.join(index)}]"

    def _operand(
        self,
        operand: Any,
        member: Variable,
        loaded: dict[Any, str],
        loads: dict[str, tuple[str, ...]],
    ) -> str:
        """Return an operand's text, and add the line that loads it, with its index."""
        if isinstance(operand, Variable) and operand in loaded:
            return loaded[operand]
        kind = operand.kind if isinstance(operand, Variable) else kind_of(operand)
        if not kind.shape:
            is_variable = isinstance(operand, Variable) and not operand.constant
            number = operand.value if isinstance(operand, Variable) else operand
            text = self._argument(operand) if is_variable else _number(number)
            return text if kind.dtype == bool else f"np.{_dtype(operand, kind, member)}({text})"
        name = loaded[operand] = f"x{self._loads}"
        self._loads += 1
        index = self._index(operand, range(member.ndim))
        loads[f"{name} = {self._element(operand, index)}"] = index
        return name


def _number(value: Any) -> str:
    if isinstance(value, np.bool_ | np.integer):
        value = value.item()
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
    if member.dtype == np.bool_:
        function = ON_BOOLEANS.get(function, function)
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
