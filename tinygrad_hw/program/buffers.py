"""Buffers: the memory of a program's results, the same in every run.

Each array result gets a buffer, which is allocated once: a new one, the buffer of a result that is
no longer needed, the array of a parameter itself, or a slice of a buffer that holds several
gradients side by side. Who shares memory with whom also says which instructions may change places,
so that loops stand together and are compiled as one function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tinygrad_hw.program.instructions import (
    Fusion,
    Instruction,
    Region,
    base_of,
    has_out,
    is_concatenation,
    is_elementwise,
    is_view,
    operands_of,
    phase_of,
    results_of,
)
from tinygrad_hw.program.variable import Kind, Variable


@dataclass(eq=False)
class Buffer:
    """Memory for results.

    Attributes
    ----------
    kind
        Its shape, dtype and layout.
    owner
        The input whose array it is, if it is the array of a Value.
    parent, offset
        The flat buffer of which it is a slice, if it is one, and where the slice begins.
    live_until
        The index of the last instruction that needs its contents.
    """

    kind: Kind
    owner: Variable | None = None
    parent: Buffer | None = None
    offset: int = 0
    live_until: int = -1

    @property
    def key(self) -> Any:
        """Return a key that is equal for buffers that can replace each other."""
        return self.kind


def assign_buffers(
    instructions: list[Instruction],
    commit_index: int,
    updates: list[tuple[Variable, Variable]],
    returned: list[Variable],
) -> tuple[dict[Variable, Buffer], set[tuple[Variable, int]]]:
    """Return the buffer of each result that has one, and the parts that are built in place.

    Parameters
    ----------
    instructions, commit_index, updates
        As in ``Schedule``.
    returned
        The Variables still needed when the program has ended.
    """
    assignment = _BufferAssignment(instructions, commit_index, updates, returned)
    assignment.run()
    return assignment.buffers, assignment.built_in_place


class _BufferAssignment:
    """The assignment of buffers to array results, in the order of the program."""

    def __init__(
        self,
        instructions: list[Instruction],
        commit_index: int,
        updates: list[tuple[Variable, Variable]],
        returned: list[Variable],
    ) -> None:
        self.instructions, self.commit_index, self.updates = instructions, commit_index, updates
        self.buffers: dict[Variable, Buffer] = {}
        self.built_in_place: set[tuple[Variable, int]] = set()
        self.index_of = {
            result: i
            for i, instruction in enumerate(instructions)
            for result in results_of(instruction)
        }
        self.last_use: dict[Variable, int] = {}
        self.uses: dict[Variable, int] = {}
        self.free: dict[Any, list[Buffer]] = {}
        self.ending: dict[int, dict[int, Buffer]] = {}  # by the last use, then by id
        self.target_of = {new: old for old, new in updates}
        end = len(instructions)
        for i, instruction in enumerate(instructions):
            for operand in operands_of(instruction):
                self.last_use[base_of(operand)] = i
                self.uses[base_of(operand)] = self.uses.get(base_of(operand), 0) + 1
        for variable in [*returned, *(new for _, new in updates)]:
            self.last_use[base_of(variable)] = end
            self.uses[base_of(variable)] = self.uses.get(base_of(variable), 0) + 1
        for variable, i in list(self.last_use.items()):
            if is_concatenation(variable):  # parts built in place live as long as it
                for operand in variable.operands:
                    self.last_use[base_of(operand)] = max(self.last_use[base_of(operand)], i)

    def run(self) -> None:
        for old, _ in self.updates:
            last_use = self.last_use.get(old, -1)
            self.buffers[old] = Buffer(old.kind, owner=old, live_until=last_use)
        self._concatenate_in_place()
        for i, instruction in enumerate(self.instructions):
            self._release(i)
            for variable in results_of(instruction):
                if variable not in self.buffers and has_out(variable):
                    self._assign(i, instruction, variable)

    def _assign(self, i: int, instruction: Instruction, variable: Variable) -> None:
        buffer = self._target_buffer(i, instruction, variable)
        buffer = buffer or self._operand_buffer(i, instruction, variable)
        buffer = buffer or self._free_or_new_buffer(variable)
        buffer.live_until = self.last_use.get(variable, i)
        self.buffers[variable] = buffer
        if buffer.owner is None and buffer.parent is None:
            self.ending.setdefault(buffer.live_until, {})[id(buffer)] = buffer

    def _release(self, now: int) -> None:
        for buffer in self.ending.pop(now - 1, {}).values():
            if buffer.live_until < now:  # else another result has taken it over since
                self.free.setdefault(buffer.key, []).append(buffer)

    def _free_or_new_buffer(self, variable: Variable) -> Buffer:
        buffer = Buffer(variable.kind)
        free = self.free.get(buffer.key)
        return free.pop() if free else buffer

    def _target_buffer(self, i: int, instruction: Instruction, variable: Variable) -> Buffer | None:
        """Return the buffer of the array that is updated, if nothing needs its old contents."""
        old = self.target_of.get(variable)
        if old is None or i < self.commit_index:
            return None
        if old.kind.strides != variable.kind.strides:
            return None
        buffer = self.buffers[old]
        is_free = buffer.live_until < i or (buffer.live_until == i and is_elementwise(variable))
        return buffer if is_free and not self._is_read_through_view(instruction, old) else None

    @staticmethod
    def _is_read_through_view(instruction: Instruction, array: Variable) -> bool:
        """Return whether a loop also reads the array through a view, so must not write into it."""
        others = (x for x in operands_of(instruction) if x is not array)
        return isinstance(instruction, Fusion) and any(base_of(x) is array for x in others)

    def _operand_buffer(
        self, i: int, instruction: Instruction, variable: Variable
    ) -> Buffer | None:
        """Return the buffer of an operand that nothing else needs."""
        if not isinstance(instruction, Fusion) and not is_elementwise(variable):
            return None
        wanted = Buffer(variable.kind).key
        for operand in operands_of(instruction):
            buffer = self.buffers.get(operand)
            if buffer is None or buffer.parent is not None or buffer.key != wanted:
                continue
            may_change = buffer.owner is None or i >= self.commit_index
            is_last = buffer.live_until == i and self.last_use.get(operand) == i
            if may_change and is_last and not self._is_read_through_view(instruction, operand):
                return buffer
        return None

    def _concatenate_in_place(self) -> None:
        """Give the parts of a concatenation slices of its buffer, so that they are built in it."""
        for i, variable in enumerate(self.instructions):
            if not isinstance(variable, Variable) or not is_concatenation(variable):
                continue
            old = self.target_of.get(variable)
            if old is not None and old in self.last_use:
                continue
            whole = self.buffers[old] if old is not None else Buffer(variable.kind)
            whole.live_until = len(self.instructions)
            self.buffers[variable] = whole
            start = 0
            for operand in variable.operands:
                source, size = base_of(operand), operand.size
                fits = (
                    size > 0  # else the part after it, of the same offset, counts as built too
                    and operand.kind.is_c_contiguous
                    and has_out(source)
                    and source not in self.buffers
                    and source not in self.target_of
                    and source.size == size
                    and source.kind.is_c_contiguous
                    and self.index_of.get(source, i) < i
                )
                if fits:
                    self.buffers[source] = Buffer(source.kind, parent=whole, offset=start)
                    self.built_in_place.add((variable, start))
                    self._begin_in_place(source)
                start += size

    def _begin_in_place(self, part: Variable) -> None:
        """Let one of a sum's terms be computed where the sum will be, if nothing else needs it."""
        if not is_elementwise(part):
            return
        for operand in part.needs:
            is_new = has_out(operand) and operand not in self.buffers and operand in self.index_of
            is_alike = operand.kind == part.kind and operand not in self.target_of
            if is_new and is_alike and self.uses[operand] == 1:
                self.buffers[operand] = self.buffers[part]
                return


class Compiler(Protocol):
    """What may become a compiled loop: an emitter's answer."""

    def is_fusable(self, variable: Variable) -> bool:
        """Return whether an instruction can be a line of a compiled loop with others."""

    def is_loop(self, instruction: Instruction) -> bool:
        """Return whether an instruction can be a loop of a compiled function."""

    def are_worth_compiling(self, loops: Sequence[Variable | Fusion]) -> bool:
        """Return whether these loops are compiled as one function."""


def group_loops(
    instructions: Sequence[Instruction], buffers: dict[Variable, Buffer], compiler: Compiler
) -> list[Instruction]:
    """Return the instructions with loops as regions; between them others move, where they can."""
    grouping = _Grouping(buffers, compiler)
    for instruction in instructions:
        grouping.add(instruction)
    grouping.close()
    return grouping.instructions


class _Grouping:
    """The grouping of loops, in the order of the program: one region is open at a time.

    An instruction that is no loop runs before the open region, unless it needs its results or its
    memory. Views of its results, and what is only about the numbers that it returns, come after it.
    """

    def __init__(self, buffers: dict[Variable, Buffer], compiler: Compiler) -> None:
        self.buffers, self.compiler = buffers, compiler
        self.instructions: list[Instruction] = []
        self.loops: list[Variable | Fusion] = []
        self.numbers: set[Variable] = set()
        self.later: list[Instruction] = []
        self.read: set[int] = set()
        self.written: set[int] = set()

    def add(self, instruction: Instruction) -> None:
        if not isinstance(instruction, Region) and self._is_loop(instruction):
            if not self.numbers.isdisjoint(operands_of(instruction)):
                self.close()
            self.loops.append(instruction)
            self.numbers.update(x for x in results_of(instruction) if not x.shape)
            self.read.update(map(self._memory, operands_of(instruction)))
            self.written.update(map(self._memory, results_of(instruction)))
        elif self._is_about_numbers(instruction):
            self.later.append(instruction)
            self.numbers.update(results_of(instruction))
        elif isinstance(instruction, Variable) and _is_fixed_view(instruction):
            is_later = self._memory(instruction) in self.written
            (self.later if is_later else self.instructions).append(instruction)
        else:
            if self._must_follow(instruction):
                self.close()
            self.instructions.append(instruction)

    def close(self) -> None:
        """End the open region, if there is one."""
        if self.loops and self.compiler.are_worth_compiling(self.loops):
            self.instructions.append(Region(self.loops))
        else:
            self.instructions += self.loops
        self.instructions += self.later
        self.loops, self.later = [], []
        for known in (self.numbers, self.read, self.written):
            known.clear()

    def _is_loop(self, instruction: Instruction) -> bool:
        """Return whether it is a loop whose results are numbers, or always in the same memory."""
        results = results_of(instruction)
        is_in_memory = all(not x.shape or x in self.buffers for x in results)
        return is_in_memory and self.compiler.is_loop(instruction)

    def _is_about_numbers(self, instruction: Instruction) -> bool:
        """Return whether it computes with numbers alone, some of the open region."""
        operands = operands_of(instruction)
        if self.numbers.isdisjoint(operands):
            return False
        return not any(x.shape for x in (*operands, *results_of(instruction)))

    def _must_follow(self, instruction: Instruction) -> bool:
        """Return whether an instruction must run after the open region."""
        if not self.loops:
            return False
        if phase_of(instruction) != phase_of(self.loops[-1]):
            return True  # for the reader: what a phase begins with is not among the one before
        if any(is_concatenation(x) for x in results_of(instruction)):
            return True
        reads = {self._memory(x) for x in operands_of(instruction)}
        writes = {self._memory(x) for x in results_of(instruction)}
        if not self.numbers.isdisjoint(operands_of(instruction)):
            return True
        return not (self.written.isdisjoint(reads | writes) and self.read.isdisjoint(writes))

    def _memory(self, variable: Variable) -> int:
        base = base_of(variable)
        return id(self.buffers.get(base, base))


def _is_fixed_view(variable: Variable) -> bool:
    """Return whether a Variable is always the same part of its operand."""
    return is_view(variable) and all(x.constant or x is variable.view_of for x in variable.needs)
