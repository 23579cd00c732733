"""The schedule: which instructions a program needs, in which order, and where results live."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tinygrad_hw.program.buffers import Buffer, Compiler, assign_buffers, group_loops
from tinygrad_hw.program.instructions import (
    Fusion,
    Instruction,
    ancestors,
    base_of,
    is_array_constant,
    operands_of,
)
from tinygrad_hw.program.recording import BoundValue, Recording
from tinygrad_hw.program.variable import BACKWARD, Variable


@dataclass(frozen=True, eq=False)
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
    effects: list[Variable]
    guards: list[tuple[Variable, bool]]
    finite: list[Variable]

    @property
    def results(self) -> list[Any]:
        """Return everything that the program returns, in order."""
        return [*self.outputs, *self.effects]


@dataclass(frozen=True, eq=False)
class Schedule:
    """A recording in the order in which it runs, independent of the language that it is emitted in.

    Attributes
    ----------
    recording
        What is scheduled.
    interface
        The inputs, outputs and checks.
    instructions
        The instructions in order; those from ``commit_index`` on may change Values.
    commit_index
        The number of instructions before the last check.
    updates
        For each array that the program changes: its input, and the Variable that it becomes.
    data_dependent
        The Variables that must have the shapes that they had when they were recorded.
    buffers
        The buffer of each result that has one.
    built_in_place
        The parts of concatenations that are computed in the result's buffer: pairs of the
        concatenation and an offset.
    used
        All Variables that the program computes with.
    read, accumulating
        The Values outside the arguments whose data, and the Values whose gradients, are inputs.
    gradients, cleared, numbers
        The Values that get a gradient, lose theirs, or become another number.
    """

    recording: Recording
    interface: Interface
    instructions: list[Instruction]
    commit_index: int
    updates: list[tuple[Variable, Variable]]
    data_dependent: set[Variable]
    buffers: dict[Variable, Buffer]
    built_in_place: set[tuple[Variable, int]]
    used: set[Variable]
    read: list[BoundValue]
    accumulating: list[BoundValue]
    gradients: list[BoundValue]
    cleared: list[BoundValue]
    numbers: list[BoundValue]

    def is_fixed(self, variable: Variable) -> bool:
        """Return whether a Variable is the same part of the same memory in every run."""
        while variable.view_of is not None:
            if any(not x.constant for x in variable.needs if x is not variable.view_of):
                return False  # a row whose number is computed
            variable = variable.view_of
        return variable in self.buffers or is_array_constant(variable)

    def __str__(self) -> str:
        lines = [f"schedule of {self.interface.name}"]
        for i, instruction in enumerate(self.instructions):
            if i == self.commit_index and self.updates:
                lines.append("  -- from here on, Values are changed --")
            lines.append(f"  {instruction}")
        names = {id(buffer): f"buffer {i}" for i, buffer in enumerate(self.buffers.values())}
        lines += [f"  %{x.number} is in {names[id(buffer)]}" for x, buffer in self.buffers.items()]
        return "\n".join(lines)


def schedule(recording: Recording, compiler: Compiler | None = None) -> Schedule:
    """Put the instructions of a recording in order, and assign buffers to their results.

    Parameters
    ----------
    recording
        What is scheduled.
    compiler
        Says what becomes compiled loops; None compiles nothing.
    """
    values = recording.values
    outputs = [x.variable for x in recording.results if x.variable is not None]
    changed = [value for value in values if value.is_changed]
    updates = [(v.data, v.new) for v in changed if v.is_array and not v.is_view]
    numbers = [value for value in changed if not value.is_array]
    gradients = [value for value in values if value.is_differentiated]
    effects = [v.new_gradient for v in gradients if v.new_gradient is not None]
    effects += [value.new for value in numbers]
    new_arrays = [new for _, new in updates]
    finite = _ends_of_backward(recording, [*outputs, *effects, *new_arrays])
    conditions = [condition for condition, _ in recording.branches]
    checked = [*outputs, *effects, *conditions, *finite, *recording.data_dependent]
    used = ancestors([*checked, *new_arrays])
    shared = {old for old, _ in updates}
    read = [
        value
        for value in values
        if value.data in used and not value.is_view and value.data not in shared
        if value.position is None
    ]
    accumulating = [value for value in values if value.gradient in used]
    interface = Interface(
        recording.name,
        [
            *(leaf for leaf in recording.leaves if leaf is not None),
            *(value.data for value in read),
            *(value.gradient for value in accumulating if value.gradient is not None),
        ],
        outputs,
        effects,
        list(recording.branches),
        finite,
    )
    instructions, commit_index = _in_order(checked, new_arrays, compiler)
    buffers, built_in_place = assign_buffers(
        instructions, commit_index, updates, [*outputs, *effects[: len(gradients)]]
    )
    if compiler is not None:
        parts = instructions[:commit_index], instructions[commit_index:]
        first, last = [group_loops(part, buffers, compiler) for part in parts]
        instructions, commit_index = first + last, len(first)
    return Schedule(
        recording,
        interface,
        instructions,
        commit_index,
        updates,
        set(recording.data_dependent),
        buffers,
        built_in_place,
        used,
        read,
        accumulating,
        gradients,
        [
            v
            for v in values
            if v.new_gradient is None and (v.gradient_cleared or v.gradient is not None)
        ],
        numbers,
    )


def _ends_of_backward(recording: Recording, ends: list[Variable]) -> list[Variable]:
    """Return the results of backward passes that a replay checks to be finite.

    The rule 0 · inf = 0 changes nothing while local derivatives are finite. If one is not, one of
    these results is not finite either, and the function itself is run.
    """
    if not recording.guarded:
        return []
    found = dict.fromkeys(x for x in ends if x.phase == BACKWARD or recording.guarded_forward)
    for variable in ancestors(ends):
        if variable.phase != BACKWARD:
            found.update(dict.fromkeys(x for x in variable.needs if x.phase == BACKWARD))
    floats = [x for x in found if x.dtype.kind == "f" and not x.constant]
    return sorted(floats, key=lambda x: x.number)


def _in_order(
    checked: list[Variable],
    new_arrays: list[Variable],
    compiler: Compiler | None,
) -> tuple[list[Instruction], int]:
    """Return the instructions in order, and how many come before the changes of Values."""
    before = ancestors(checked)
    after = ancestors(new_arrays) - before
    by_number = operator.attrgetter("number")
    first, last = ([v for v in sorted(s, key=by_number) if v.function] for s in (before, after))
    last = _numbers_first(last)
    parts: list[list[Instruction]] = [list(first), list(last)]
    if compiler is not None:
        wanted = {*checked, *new_arrays}
        for i, part in enumerate((first, last)):
            ordered, user_of = _late(part, compiler.is_fusable, wanted)
            parts[i] = _fuse(ordered, compiler.is_fusable, user_of)
    instructions = parts[0] + parts[1]
    _find_outputs(instructions, [*checked, *new_arrays])
    return instructions, len(parts[0])


def fuse(
    instructions: list[Variable], fusable: Callable[[Variable], bool], wanted: list[Variable]
) -> list[Instruction]:
    """Fuse pointwise instructions of one shape; ``wanted`` is needed when all of them have run."""
    fused = _fuse(instructions, fusable)
    _find_outputs(fused, wanted)
    return fused


def _numbers_first(instructions: list[Variable]) -> list[Variable]:
    """Move numbers before changes of arrays: if computing one fails, nothing has been changed."""
    later, early = set(instructions), []
    for variable in instructions:
        if not variable.shape and later.isdisjoint(variable.needs):
            later.remove(variable)
            early.append(variable)
    return early + [variable for variable in instructions if variable in later]


def _late(
    instructions: list[Variable], fusable: Callable[[Variable], bool], wanted: set[Variable]
) -> tuple[list[Variable], dict[Variable, Variable]]:
    """Move what is made of inputs for a single loop over the same elements to just before it.

    So it can be a line of that loop, and needs no memory of its own.

    Returns
    -------
    All instructions, and the loop that each of those moved is for.
    """
    users: dict[Variable, list[Variable]] = {}
    for variable in instructions:
        for operand in variable.needs:
            users.setdefault(operand, []).append(variable)
    user_of: dict[Variable, Variable] = {}
    waiting: dict[Variable, list[Variable]] = {}
    ordered: list[Variable] = []
    for variable in instructions:
        if fusable(variable) and variable not in wanted and len(users.get(variable, ())) == 1:
            [user] = users[variable]
            is_alike = (user.shape, user.phase) == (variable.shape, variable.phase)
            of_inputs = [x in user_of or base_of(x).function is None for x in variable.needs]
            if fusable(user) and is_alike and all(of_inputs):
                user_of[variable] = user
                waiting.setdefault(user, []).append(variable)
                continue
        reversed_order = [variable]
        for moved in reversed_order:
            reversed_order += waiting.pop(moved, [])[::-1]
        ordered += reversed_order[::-1]
    return ordered, user_of


def _fuse(
    instructions: list[Variable],
    fusable: Callable[[Variable], bool],
    user_of: Mapping[Variable, Variable] = MappingProxyType({}),
) -> list[Instruction]:
    """Fuse pointwise instructions of one shape, as far as their operands allow.

    What is for another loop, by ``user_of``, waits for what that needs.
    """
    if not any(map(fusable, instructions)):
        return list(instructions)
    key_of: dict[Any, tuple[int, int, int]] = {}  # places of instructions in the new order
    producer_of: dict[Variable, Instruction] = {}
    groups: dict[tuple[int, ...], list[Fusion]] = {}
    phases: dict[str, int] = {}
    for number, variable in enumerate(instructions):
        needs, user = [*operands_of(variable)], variable
        while user in user_of:
            user = user_of[user]
            needs += operands_of(user)
        producers = [producer_of[x] for x in needs if x in producer_of]
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
