"""The schedule: which instructions a program needs, in which order, and where results live."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinygrad_hw.program.buffers import Buffer, assign_buffers
from tinygrad_hw.program.instructions import (
    Fusion,
    Instruction,
    ancestors,
    base_of,
    is_array_constant,
    operands_of,
)
from tinygrad_hw.program.variable import Variable


@dataclass(frozen=True)
class Interface:
    """Inputs, outputs and checks of a program.

    Attributes
    ----------
    name
        The name of the function that is emitted.
    inputs
        The Variables that are passed in every run, in order.
    outputs
        The Variables that the user's function returns, in order; its caller may change them.
    effects
        The Variables returned after them: new gradients, then new numbers of Values.
    guards
        Conditions, each with the truth value that it must have.
    finite
        The Variables that must be finite, since the rule 0 · inf = 0 was not recorded.
    """

    name: str
    inputs: list[Variable]
    outputs: list[Variable]
    effects: list[Any]
    guards: list[tuple[Variable, bool]]
    finite: list[Variable]

    @property
    def results(self) -> list[Any]:
        """Return everything that the program returns, in order."""
        return [*self.outputs, *self.effects]


@dataclass(frozen=True)
class Schedule:
    """A program, independent of the language that it is emitted in.

    Attributes
    ----------
    instructions
        The instructions in order; those from ``commit_index`` on may change Values.
    commit_index
        The number of instructions before the last check.
    buffers
        The buffer of each result that has one.
    updates
        For each array that the program changes: its input, and the Variable that it becomes.
    built_in_place
        The parts of concatenations that are computed in the result's buffer: pairs of the
        concatenation and an offset.
    data_dependent
        The Variables that must have the shapes that they had when they were recorded.
    """

    instructions: list[Instruction]
    commit_index: int
    updates: list[tuple[Variable, Variable]]
    data_dependent: set[Variable]
    buffers: dict[Variable, Buffer]
    built_in_place: set[tuple[Variable, int]]

    def is_fixed(self, variable: Variable) -> bool:
        """Return whether a Variable is in the same memory in every run."""
        base = base_of(variable)
        return base in self.buffers or is_array_constant(base)


def make_schedule(
    checked: list[Variable],
    updates: list[tuple[Variable, Variable]],
    returned: list[Variable],
    data_dependent: list[Variable],
    fusable: Callable[[Variable], bool] | None = None,
) -> Schedule:
    """Put the instructions in order, and assign buffers to their results.

    Parameters
    ----------
    checked
        The Variables needed before anything is changed: guards' conditions, gradients, results.
    updates
        The arrays that the program changes, and what they become.
    returned
        The Variables still needed when the program has ended.
    data_dependent
        The Variables that must have the shapes that they had when they were recorded.
    fusable
        Returns whether an instruction may run in a loop with others; None fuses nothing.
    """
    before = ancestors([*checked, *data_dependent])
    after = ancestors([new for _, new in updates]) - before
    by_number = operator.attrgetter("number")
    first, last = ([v for v in sorted(s, key=by_number) if v.function] for s in (before, after))
    last = _numbers_first(last)
    parts: list[list[Instruction]] = [list(first), list(last)]
    if fusable is not None:
        parts = [_fuse(first, fusable), _fuse(last, fusable)]
    instructions, commit_index = parts[0] + parts[1], len(parts[0])
    _find_outputs(instructions, [*checked, *(new for _, new in updates)])
    buffers, built_in_place = assign_buffers(instructions, commit_index, updates, returned)
    return Schedule(
        instructions, commit_index, updates, set(data_dependent), buffers, built_in_place
    )


def _numbers_first(instructions: list[Variable]) -> list[Variable]:
    """Move numbers before changes of arrays: if computing one fails, nothing has been changed."""
    later, early = set(instructions), []
    for variable in instructions:
        if not variable.shape and later.isdisjoint(variable.needs):
            later.remove(variable)
            early.append(variable)
    return early + [variable for variable in instructions if variable in later]


def _fuse(instructions: list[Variable], fusable: Callable[[Variable], bool]) -> list[Instruction]:
    """Fuse pointwise instructions of one shape, as far as their operands allow."""
    if not any(map(fusable, instructions)):
        return list(instructions)
    key_of: dict[Any, tuple[int, int, int]] = {}  # places of instructions in the new order
    producer_of: dict[Variable, Instruction] = {}
    groups: dict[tuple[int, ...], list[Fusion]] = {}
    phases: dict[str, int] = {}
    for number, variable in enumerate(instructions):
        producers = [producer_of[x] for x in operands_of(variable) if x in producer_of]
        earliest = max([key_of[producer] for producer in producers], default=(-1, 0, 0))
        instruction: Instruction = variable
        if fusable(variable):
            open_groups = groups.setdefault(variable.shape, [])
            fitting = [g for g in open_groups if key_of[g] >= earliest]
            if not fitting:
                fitting = [Fusion([])]
                open_groups += fitting
            instruction = fitting[0]
            fitting[0].members.append(variable)
        producer_of[variable] = instruction
        begin = phases.setdefault(variable.phase, number)
        if instruction not in key_of:
            early = max((earliest[0], earliest[1] + 1, number), (begin, -1, number))
            is_number = not variable.shape and variable.function is not operator.getitem
            key_of[instruction] = early if is_number else (number, 0, number)
    return [
        x.members[0] if isinstance(x, Fusion) and len(x.members) == 1 else x
        for x in sorted(key_of, key=lambda x: key_of[x])
    ]


def _find_outputs(instructions: list[Instruction], wanted: list[Variable]) -> None:
    """Find for each fusion which of its results are needed outside of it."""
    outside = {base_of(variable) for variable in wanted}
    for instruction in instructions:
        outside |= {base_of(x) for x in operands_of(instruction)}
    for instruction in instructions:
        if isinstance(instruction, Fusion):
            instruction.outputs = [member for member in instruction.members if member in outside]
