"""NumPy: a program as Python, with ``out=`` on arrays, with operators on Python's numbers.

The text that a reader sees is the text that runs.
"""

from __future__ import annotations

import operator
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.program.buffers import Buffer
from tinygrad_hw.program.emit.expressions import ExpressionWriter
from tinygrad_hw.program.emit.loading import compiled
from tinygrad_hw.program.emit.loops import DTYPES
from tinygrad_hw.program.emit.numba import Kernel
from tinygrad_hw.program.emit.runtime import Changed, NotFinite, all_finite
from tinygrad_hw.program.instructions import (
    Region,
    base_of,
    is_concatenation,
    is_rearrangement,
    is_view,
    operands_of,
    phase_of,
    results_of,
)
from tinygrad_hw.program.schedule import Schedule
from tinygrad_hw.program.variable import AFTER, BACKWARD, FORWARD, Variable, kind_of

WIDTH = 92  # of a line of the source, without its indentation
LONG = 1000  # instructions; in longer programs of numbers, a sum of products is one expression
TERMS = 40  # the most in such a sum
HEADINGS = {FORWARD: "forward", BACKWARD: "backward", AFTER: "update"}


@dataclass(frozen=True, eq=False)
class Listing:
    """A program as text, and what it needs to run.

    Attributes
    ----------
    text
        What a reader sees: the compiled loops, the buffers, the function.
    text_to_run
        The buffers and the function.
    namespace
        The names that the text uses and does not define, with what they stand for.
    names
        The name of each Variable that has one.
    """

    text: str
    text_to_run: str
    namespace: dict[str, Any]
    names: dict[Variable, str]

    def __str__(self) -> str:
        return self.text


def emit(schedule: Schedule) -> Listing:
    """Return a program as Python."""
    return PythonWriter(schedule).listing()


class PythonWriter(ExpressionWriter):
    """Writer of a program as Python.

    Attributes
    ----------
    loops
        The compiled loops by name, each with its text from the brackets on.
    definitions
        The lines that make the buffers, before the function.
    body
        The lines of the function.
    """

    def __init__(self, schedule: Schedule) -> None:
        interface = schedule.interface
        namespace = {
            "np": np,
            "finite": all_finite,
            "Changed": Changed,
            "NotFinite": NotFinite,
        }
        super().__init__(namespace, {interface.name})
        self.schedule, self.interface = schedule, interface
        self._owners = {id(buffer): v for v, buffer in reversed(schedule.buffers.items())}
        self.loops: dict[str, str] = {}
        self._checked: dict[Region, list[Variable]] = {}  # what a region finds to be finite first
        self._helpers: dict[str, None] = {}  # the texts of functions that loops call
        self.definitions: list[str] = []
        self.body: list[str] = []
        self._names_of_buffers: dict[int, list[tuple[str, bool]]] = {}  # by id; is it a label?
        self._value_arrays = {self.name_of(old): old for old, _ in schedule.updates}
        for variable in interface.inputs:
            self.name_of(variable)
        self._single_use = self._used_once() if len(schedule.instructions) > LONG else set()
        self._saved: dict[int, str] = {}
        self._terms: dict[Any, int] = {}
        self._write_body()

    def listing(self) -> Listing:
        """Return the whole program."""
        loops = [f"@njit\ndef {name}{body}\n\n\n" for name, body in self.loops.items()]
        text = self.text_to_run
        for old, _ in self.schedule.updates:
            self.name_of(old)
        loops = [*self._helpers, *loops]
        return Listing("".join(loops) + text, text, self.namespace, self.names)

    @property
    def text_to_run(self) -> str:
        """Return the buffers and the function; the loops are in its namespace."""
        comments = [
            f"# {name}: {v.kind}, the Values' own" for name, v in self._value_arrays.items()
        ] + [
            f"# {name}: {kind_of(x)}, the same in every run"
            for name, x in self.namespace.items()
            if isinstance(x, np.ndarray)
        ]
        parameters = [self.name_of(v) for v in self.interface.inputs]
        head = _wrapped(f"def {self.interface.name}(", parameters, "):").replace("\n    ", "\n")
        body = [f"    {line}" if line else "" for line in self.body or ["pass"]]
        return "\n".join([*comments, *self.definitions, "", head, *body]).lstrip("\n") + "\n"

    def _used_once(self) -> set[Any]:
        """Return the products and sums without a label that only one sum needs."""
        uses: dict[Any, int] = {}
        in_sum: set[Any] = set()
        for instruction in self.schedule.instructions:
            is_sum = isinstance(instruction, Variable) and instruction.function is operator.add
            for operand in operands_of(instruction):
                uses[operand] = uses.get(operand, 0) + 1
                # (a + b) + c, never a + (b + c)
                is_first = is_sum and instruction.operands[0] is operand
                if is_first or (is_sum and operand.function is operator.mul):
                    in_sum.add(operand)
        conditions = [condition for condition, _ in self.interface.guards]
        for output in (*self.interface.results, *self.interface.finite, *conditions):
            uses[output] = 2
        return {
            x
            for x in in_sum
            if uses[x] == 1 and not x.names and x.function in (operator.mul, operator.add)
        }

    # --- The body ---------------------------------------------------------------------------------

    def _write_body(self) -> None:
        phase = None
        guards = self._write_input_guards()
        for i, instruction in enumerate(self.schedule.instructions):
            if i == self.schedule.commit_index:
                self._begin_commit(i)
            now = phase_of(instruction)
            is_no_step = isinstance(instruction, Variable) and is_view(instruction)
            if now != phase and HEADINGS.get(now) and not is_no_step:
                phase = now
                self.body += [*([""] if self.body else []), f"# {HEADINGS[now]}"]
            if isinstance(instruction, Region):
                self._call(instruction)
            elif isinstance(instruction, Variable):
                self._statement(instruction)
            for result in results_of(instruction):
                self._other_names(result)
                if result in guards:
                    self._guard(result, guards[result])
        if self.schedule.commit_index == len(self.schedule.instructions):
            self._begin_commit(self.schedule.commit_index)
        self._commit()
        first = {x: i for i, x in reversed([*enumerate(self.interface.results)])}
        results = [
            self._saved.get(i) or self._result(i, x, first[x] == i)
            for i, x in enumerate(self.interface.results)
        ]
        self.body.append(_wrapped("return (", results, "," * (len(results) == 1) + ")"))

    def _result(self, i: int, result: Any, is_first: bool) -> str:
        """Return a result as text, copied if it is in a buffer: the caller may change it."""
        text = self.text(result)
        if not result.kind.is_array or result.constant:
            return text if not result.kind.is_array else f"{text}.copy()"
        base = base_of(result)
        buffer = self.schedule.buffers.get(base)
        is_slice = buffer is not None and buffer.parent is not None
        is_effect = i >= len(self.interface.outputs)
        is_new = buffer is None and base.function is not None and result is base and is_first
        return text if is_new or (is_slice and is_effect) else f"{text}.copy()"

    def _other_names(self, variable: Variable) -> None:
        """Write the other labels of a partial: ``dE_db = dE_dz``, since dz_db is 1."""
        if variable.shape or len(self.schedule.instructions) > LONG:
            return
        for label in dict.fromkeys(variable.names[1:]):
            if label.startswith("d") and label != variable.names[0]:
                self.body.append(f"{self._identifiers.choose([label])} = {self.name_of(variable)}")

    def _write_input_guards(self) -> dict[Any, bool]:
        """Write the guards of inputs, and return all guards."""
        for condition, truth in self.interface.guards:
            if condition.function is None:
                self._guard(condition, truth)
        return dict(self.interface.guards)

    def _guard(self, condition: Variable, truth: bool) -> None:
        wanted = f"not {self.text(condition)}" if truth else self.text(condition)
        self.body += [f"if {wanted}:", "    raise Changed"]

    def _begin_commit(self, index: int) -> None:
        """Write the check of gradients, and copies of results in an array about to be changed."""
        gradients = self._wholes(self.interface.finite)
        region = self._first_of_commit(index)
        if region and gradients and all(x.shape and x.dtype in DTYPES for x in gradients):
            self._checked[region] = gradients  # its first loop looks at them
        elif gradients:
            names = [self.text(gradient) for gradient in gradients]
            self.body += [_wrapped("if not finite(", names, "):"), "    raise NotFinite"]
        changed = {old for old, _ in self.schedule.updates}
        for i, result in enumerate(self.interface.outputs):
            if isinstance(result, Variable) and base_of(result) in changed:
                self._saved[i] = self._identifiers.choose([])
                self.body.append(f"{self._saved[i]} = {self.text(result)}.copy()")

    def _first_of_commit(self, index: int) -> Region | None:
        """Return the region that is the first to change an array, if it returns no number."""
        for instruction in self.schedule.instructions[index:]:
            if isinstance(instruction, Region):
                return instruction if all(x.shape for x in instruction.outputs) else None
            if any(x.shape and not self._is_no_work(x) for x in results_of(instruction)):
                return None
        return None

    def _is_no_work(self, variable: Variable) -> bool:
        """Return whether an array is a view, or was built in its place part by part."""
        parts = [start for whole, start in self.schedule.built_in_place if whole is variable]
        is_built = is_concatenation(variable) and len(parts) == len(variable.operands)
        return is_built or is_view(variable)

    def _wholes(self, gradients: list[Variable]) -> list[Variable]:
        """Return gradients; for slices that fill a buffer only what is in the whole buffer."""
        found = [(x, self.schedule.buffers.get(x)) for x in dict.fromkeys(map(base_of, gradients))]
        owners = {x: self._owner_of(b.parent) for x, b in found if b is not None and b.parent}
        sizes = dict.fromkeys(owners.values(), 0)
        for x, whole in owners.items():
            sizes[whole] += x.size
        full = {x: whole for x, whole in owners.items() if sizes[whole] == whole.size}
        return list(dict.fromkeys([full.get(base_of(x), x) for x in gradients]))

    def _owner_of(self, buffer: Buffer) -> Variable:
        return self._owners[id(buffer)]

    def _commit(self) -> None:
        """Write copies into the Values' arrays, of updates that were computed elsewhere."""
        late = [
            (old, new)
            for old, new in self.schedule.updates
            if self.schedule.buffers.get(new) is not self.schedule.buffers[old] and new is not old
        ]
        arrays = {old for old, _ in self.schedule.updates}
        copies = {}
        for old, new in late:
            if base_of(new) in arrays and len(late) > 1:  # it may be overwritten before its turn
                copies[old] = self._identifiers.choose([])
                self.body.append(f"{copies[old]} = {self.text(new)}.copy()")
        for old, new in late:
            self.body.append(f"np.copyto({self.name_of(old)}, {copies.get(old) or self.text(new)})")

    # --- One instruction --------------------------------------------------------------------------

    def _statement(self, variable: Variable) -> None:
        """Write an instruction: a view, a term of a later sum, a new result, or one in a buffer."""
        buffer = self.schedule.buffers.get(variable)
        if is_view(variable):
            line = f"{self.name_of(variable)} = {self._view(variable)}"
            (self.definitions if self.schedule.is_fixed(variable) else self.body).append(line)
        elif variable in self._single_use and self._becomes_term(variable):
            self._inlined[variable] = self.expression(variable)
        elif buffer is None:
            line = f"{self.name_of(variable)} = {self.expression(variable)}"
            self.body.append(self._with_comment(line, variable))
            if variable.shape and variable in self.schedule.data_dependent:
                wanted = f"{self.name_of(variable)}.shape != {variable.shape}"
                self.body += [f"if {wanted}:", "    raise Changed"]
        else:
            self._define(variable, buffer)
            self._write_into_buffer(variable)

    def _becomes_term(self, variable: Variable) -> bool:
        """Return whether a product or sum fits into the sum that needs it: up to TERMS."""
        terms = sum(self._terms.get(x, 1) for x in variable.operands)
        if variable.function is not operator.mul and terms >= TERMS:
            return False
        self._terms[variable] = terms
        return True

    def _write_into_buffer(self, variable: Variable) -> None:
        out = self.name_of(variable)
        operands = [self._operand(x, variable) for x in variable.operands]
        function = variable.function
        if is_concatenation(variable):
            start = 0
            for operand, text in zip(variable.operands, operands, strict=True):
                if (variable, start) not in self.schedule.built_in_place:
                    self.body.append(f"np.copyto({out}[{start}:{start + operand.size}], {text})")
                start += operand.size
            return
        if function is np.where:
            self.body.append(f"np.copyto({out}, {operands[2]})")
            line = f"np.copyto({out}, {operands[1]}, where={operands[0]})"
        elif function in (ops.broadcast_to, ops.astype):
            unsafe = "" if function is ops.broadcast_to else ', casting="unsafe"'
            line = f"np.copyto({out}, {operands[0]}{unsafe})"
        elif is_rearrangement(variable):
            line = f"np.copyto({out}.reshape{variable.operands[0].shape or '(())'}, {operands[0]})"
        else:
            arguments = [*operands, *self._options(variable.options), f"out={out}"]
            line = f"{self._callable(function)}({', '.join(arguments)})"
        self.body.append(self._with_comment(line, variable))

    def _call(self, region: Region) -> None:
        """Write a call of a compiled function."""
        made: dict[tuple[int, ...], dict[str, None]] = {}
        for result in region.outputs:
            if result.shape:
                self._define(result, self.schedule.buffers[result])
                made.setdefault(result.shape, {})[self.name_of(result)] = None
        checked = self._checked.get(region, [])
        kernel = Kernel(region.loops, self._memory_key, checked)
        function = compiled(kernel.body, kernel.arguments, kernel.helpers)
        name = self._global(function, ["loop"])
        self.loops[name] = kernel.body
        self._helpers[kernel.helpers] = None
        call = _wrapped(f"{name}(", [self.text(x) for x in kernel.arguments], ")")
        returned = [self.name_of(x) for x in kernel.returned]
        if returned:
            call = f"{', '.join(returned)} = {call}"
        if checked:
            call = f"if not {call}:"
        arrays = [f"{', '.join(names)} {shape}" for shape, names in made.items()]
        self.body.append(f"{call}  # makes {'; '.join(arrays)}" if arrays else call)
        if checked:
            self.body.append("    raise NotFinite")
        for variable, text in zip(kernel.returned, returned, strict=True):
            if variable.kind.is_scalar:  # numba returns one of Python's numbers
                self.body.append(f"{text} = np.{variable.dtype.name}({text})")

    def _memory_key(self, operand: Any) -> Any:
        """Return a key that is equal for two operands that are one array in memory."""
        buffer = self.schedule.buffers.get(operand) if isinstance(operand, Variable) else None
        return id(operand) if buffer is None else id(buffer)

    def _define(self, variable: Variable, buffer: Buffer) -> None:
        """Name the buffer of a result, and write its definition if it has none yet.

        A result without a label takes a name of its buffer, but never one that is a label: that
        stands for other numbers.
        """
        known = self._names_of_buffers.setdefault(id(buffer), [])
        if not variable.names and variable not in self.names:
            unlabeled = next((name for name, is_label in known if not is_label), None)
            if unlabeled:
                self.names[variable] = unlabeled
                return
        name = self.name_of(variable)
        first = known[0][0] if known else self.names.get(buffer.owner)
        if variable is buffer.owner or (buffer.owner is not None and is_concatenation(variable)):
            self.names[variable] = self.names[buffer.owner]
            return
        known.append((name, bool(variable.names)))
        if first:
            self.definitions.append(f"{name} = {first}  # where {first} is needed no more")
        elif buffer.parent is not None:
            whole = self._owner_of(buffer.parent)
            if whole not in self.names:
                self._define(whole, buffer.parent)
            part = f"{self.name_of(whole)}[{buffer.offset}:{buffer.offset + variable.size}]"
            shape = "" if variable.ndim == 1 else f".reshape{variable.shape or '(())'}"
            self.definitions.append(f"{name} = {part}{shape}")
        else:
            order = "" if variable.kind.is_c_contiguous else ', order="F"'
            dtype = variable.dtype
            kind = "bool" if dtype.kind == "b" else f"np.{dtype.name}"
            self.definitions.append(f"{name} = np.empty({variable.shape}, {kind}{order})")


def _wrapped(begin: str, parts: list[str], end: str) -> str:
    """Return a call, on several lines if it is too long for one."""
    line = f"{begin}{', '.join(parts)}{end}"
    if len(line) <= WIDTH:
        return line
    lines = textwrap.wrap(", ".join(parts), WIDTH - 4, break_long_words=False)
    return "\n".join([begin, *(f"        {line}" for line in lines), f"    {end}"])
