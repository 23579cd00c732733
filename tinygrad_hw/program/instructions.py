"""Instructions: properties of recorded calls, and calls that run as one loop or one function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.array_operations import WINDOWED
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.program.variable import Variable


@dataclass(eq=False)
class Fusion:
    """Pointwise instructions of one shape that run as one loop.

    Attributes
    ----------
    members
        The instructions, in order.
    outputs
        The members whose results are needed outside the loop.
    """

    members: list[Variable]
    outputs: list[Variable] = field(default_factory=list)

    @property
    def operands(self) -> list[Variable]:
        """Return the operands that the loop does not compute itself."""
        own = set(self.members)
        found = {
            operand: None
            for member in self.members
            for operand in member.needs
            if operand not in own
        }
        return list(found)


@dataclass(frozen=True, eq=False)
class Region:
    """Consecutive loops that are compiled as one function.

    Attributes
    ----------
    loops
        The loops, in order: pointwise instructions, fused or not, and reductions.
    """

    loops: list[Variable | Fusion]

    @property
    def outputs(self) -> list[Variable]:
        """Return the results of the loops, those included that only a later loop needs."""
        return [result for loop in self.loops for result in results_of(loop)]

    @property
    def operands(self) -> list[Variable]:
        """Return what the loops read, in the order in which they do."""
        return list(dict.fromkeys(x for loop in self.loops for x in operands_of(loop)))


Instruction = Variable | Fusion | Region


def members_of(instruction: Instruction) -> list[Variable]:
    """Return the recorded calls that an instruction is made of, in order."""
    if isinstance(instruction, Region):
        return [member for loop in instruction.loops for member in members_of(loop)]
    return instruction.members if isinstance(instruction, Fusion) else [instruction]


def phase_of(instruction: Instruction) -> str:
    """Return the phase in which an instruction begins."""
    return members_of(instruction)[0].phase


def operands_of(instruction: Instruction) -> Sequence[Variable]:
    """Return the Variables that an instruction needs."""
    return instruction.needs if isinstance(instruction, Variable) else instruction.operands


def results_of(instruction: Instruction) -> list[Variable]:
    """Return the Variables that an instruction computes for others."""
    return [instruction] if isinstance(instruction, Variable) else instruction.outputs


def is_view(variable: Variable) -> bool:
    """Return whether a Variable is a view of its operand, which costs nothing."""
    return variable.view_of is not None


def is_array_constant(variable: Variable) -> bool:
    """Return whether a Variable is an array that is the same in every run."""
    return variable.constant and variable.kind.is_array


def base_of(variable: Variable) -> Variable:
    """Return the Variable whose memory a view shares; a Variable that is no view itself."""
    while variable.view_of is not None:
        variable = variable.view_of
    return variable


def is_elementwise(variable: Variable) -> bool:
    """Return whether each element of the result needs that element of the operands only."""
    return isinstance(variable.function, np.ufunc) and variable.function is not np.matmul


def ancestors(
    outputs: Iterable[Variable],
    needs: Callable[[Variable], Iterable[Variable]] = attrgetter("needs"),
) -> set[Variable]:
    """Return everything that the outputs are computed from, themselves included."""
    found: set[Variable] = set()
    stack = list(outputs)
    while stack:
        variable = stack.pop()
        if variable not in found:
            found.add(variable)
            stack += needs(variable)
    return found


def is_concatenation(variable: Variable) -> bool:
    """Return whether a Variable is a concatenation of flat arrays."""
    return (
        variable.function is ops.concatenate
        and variable.ndim == 1
        and all(isinstance(x, Variable) and x.ndim == 1 for x in variable.operands)
    )


def has_out(variable: Variable) -> bool:
    """Return whether an instruction can write its result into a buffer."""
    kind = variable.kind
    if not kind.is_array or variable.constant or is_view(variable):
        return False
    if kind.dtype.kind not in "fiub":
        return False
    if not (kind.is_c_contiguous or kind.is_f_contiguous):
        return False
    function = variable.function
    name = getattr(function, "__name__", "")
    owner = function if isinstance(function, np.ufunc) else getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        known = getattr(np, owner.__name__, None) is owner
        return known and (owner is function or name == "reduce")
    is_known = function in (np.where, ops.broadcast_to, ops.astype, *WINDOWED)
    return is_known or is_rearrangement(variable)


def is_rearrangement(variable: Variable) -> bool:
    """Return whether an instruction is a reshape that must copy: of a transposed array."""
    if variable.function is not np.reshape or is_view(variable):
        return False
    source = variable.operands[0]
    if not isinstance(source, Variable) or not source.shape or not variable.size:
        return False
    return variable.kind.is_c_contiguous and variable.options.get("order", "C") == "C"


_OF_REDUCE = ("a", "axis", "dtype", "out", "keepdims", "initial", "where")


def arguments_of(variable: Variable) -> dict[str, Any]:
    """Return an instruction's arguments by NumPy's names; an operation's own are its attributes."""
    function, operands = variable.function, variable.operands
    if isinstance(function, Operation):
        return variable.options
    if isinstance(getattr(function, "__self__", None), np.ufunc):  # a reduction
        return dict(zip(_OF_REDUCE[: len(operands)], operands, strict=True)) | variable.options
    return dict(inspect.signature(function).bind(*operands, **variable.options).arguments)
