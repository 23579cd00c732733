"""The straight line: which instructions a program needs, in which order, and where results live.

Instructions that nothing needs are left out. What the others give gets a place in memory that is
made once: a buffer of its own, the buffer of something that nothing needs any more, the very array
that a parameter is, or a slice of the buffer in which several gradients stand side by side.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import ops
from tinygrad_hw.program.variable import Variable


@dataclass(eq=False)
class Place:
    """Memory for results: a buffer, an array that a Value is, or a slice of another place."""

    like: Any  # an array of its shape, dtype and layout
    array: Variable | None = None  # the input whose array it is
    whole: Place | None = None
    start: int = 0
    busy_until: int = -1

    @property
    def key(self) -> Any:
        """Places of one key can stand for each other."""
        return self.like.shape, self.like.dtype, self.like.strides


@dataclass(eq=False)
class Fused:
    """Pointwise instructions of one shape that run as one loop.

    ``outputs`` are those whose results are needed outside of it.
    """

    members: list[Variable]
    outputs: list[Variable] = field(default_factory=list)

    @property
    def operands(self) -> list[Variable]:
        """What it needs that it does not make."""
        own = set(self.members)
        found = {
            operand: None
            for member in self.members
            for operand in member.needs
            if operand not in own
        }
        return list(found)


Step = Variable | Fused


@dataclass
class Line:
    """A program before it is written down in some language.

    Attributes
    ----------
    steps
        The instructions in order; those after ``checked`` may change what Values hold.
    checked
        How many instructions come before the last guard has been passed.
    places
        Where each result lives that has a fixed place.
    written
        For each array that the program changes: its input, and the variable that it becomes.
    made_inside
        Of what is concatenated, that which is made where it will stand: the whole, and where.
    shaped
        What must have the shape that it had when it was recorded.
    """

    steps: list[Step]
    checked: int
    places: dict[Variable, Place] = field(default_factory=dict)
    written: list[tuple[Variable, Variable]] = field(default_factory=list)
    made_inside: set[tuple[Variable, int]] = field(default_factory=set)
    shaped: set[Variable] = field(default_factory=set)

    def fixed(self, variable: Variable) -> bool:
        """Whether it is in the same memory in every run."""
        variable = root(variable)
        return variable in self.places or is_array_constant(variable)


def is_view(variable: Variable) -> bool:
    """Whether it is another way to look at its operand, which costs nothing."""
    return variable.view_of is not None


def is_array_constant(variable: Variable) -> bool:
    """Whether it is an array that is part of the program."""
    return variable.constant and isinstance(variable.value, np.ndarray)


def root(variable: Variable) -> Variable:
    """What a view of a view is a view of."""
    while variable.view_of is not None:
        variable = variable.view_of
    return variable


def is_elementwise(variable: Variable) -> bool:
    """Whether each element of the result needs that element of the operands only."""
    return isinstance(variable.function, np.ufunc) and variable.function is not np.matmul


def needed(outputs: Iterable[Variable]) -> set[Variable]:
    """Everything that the outputs are made from, themselves included."""
    found: set[Variable] = set()
    stack = list(outputs)
    while stack:
        variable = stack.pop()
        if variable not in found:
            found.add(variable)
            stack += variable.needs
    return found


def straighten(
    checked: list[Variable],
    written: list[tuple[Variable, Variable]],
    kept: list[Variable],
    shaped: list[Variable],
    fusable: Callable[[Variable], bool] | None = None,
) -> Line:
    """Put the instructions in order, and give their results places.

    Parameters
    ----------
    checked
        What must be known before anything is changed: conditions of guards, gradients, results.
    written
        The arrays that the program changes, and what they become.
    kept
        What is still looked at when the program has ended.
    shaped
        What must have the shape that it had when it was recorded.
    fusable
        Which instructions may run in one loop with others; none, if it is not given.
    """
    before = needed([*checked, *shaped])
    after = needed([new for _, new in written]) - before
    by_number = operator.attrgetter("number")
    first, last = ([v for v in sorted(s, key=by_number) if v.function] for s in (before, after))
    last = _numbers_first(last)
    parts: list[list[Step]] = [list(first), list(last)]
    if fusable is not None:
        parts = [_fused(first, fusable), _fused(last, fusable)]
    line = Line(parts[0] + parts[1], len(parts[0]), written=written, shaped=set(shaped))
    _find_outputs(line, [*checked, *(new for _, new in written)])
    _Placing(line, kept).run()
    return line


def _numbers_first(steps: list[Variable]) -> list[Variable]:
    """Work out the numbers before an array is changed: should one fail, nothing has happened."""
    later, early = set(steps), []
    for variable in steps:
        if not variable.shape and later.isdisjoint(variable.needs):
            later.remove(variable)
            early.append(variable)
    return early + [variable for variable in steps if variable in later]


def _fused(steps: list[Variable], fusable: Callable[[Variable], bool]) -> list[Step]:
    """Bring pointwise instructions of one shape together, as far as their operands allow."""
    if not any(map(fusable, steps)):
        return list(steps)
    key_of: dict[Any, tuple[int, int, int]] = {}  # of a step: where it stands in the new order
    maker_of: dict[Variable, Step] = {}
    groups: dict[tuple[int, ...], list[Fused]] = {}
    phases: dict[str, int] = {}
    for number, variable in enumerate(steps):
        makers = [maker_of[x] for x in operands_of(variable) if x in maker_of]
        earliest = max([key_of[maker] for maker in makers], default=(-1, 0, 0))
        step: Step = variable
        if fusable(variable):
            open_groups = groups.setdefault(variable.shape, [])
            fitting = [g for g in open_groups if key_of[g] >= earliest]
            if not fitting:
                fitting = [Fused([])]
                open_groups += fitting
            step = fitting[0]
            fitting[0].members.append(variable)
        maker_of[variable] = step
        begin = phases.setdefault(variable.phase, number)
        if step not in key_of:
            early = max((earliest[0], earliest[1] + 1, number), (begin, -1, number))
            is_number = not variable.shape and variable.function is not operator.getitem
            key_of[step] = early if is_number else (number, 0, number)
    return [
        step.members[0] if isinstance(step, Fused) and len(step.members) == 1 else step
        for step in sorted(key_of, key=lambda step: key_of[step])
    ]


def _find_outputs(line: Line, wanted: list[Variable]) -> None:
    outside = {root(variable) for variable in wanted}
    for step in line.steps:
        outside |= {root(x) for x in operands_of(step)}
    for step in line.steps:
        if isinstance(step, Fused):
            step.outputs = [member for member in step.members if member in outside]


def phase_of(step: Step) -> str:
    """The part of the program in which a step begins."""
    return step.members[0].phase if isinstance(step, Fused) else step.phase


def operands_of(step: Step) -> list[Variable]:
    """What a step needs."""
    if isinstance(step, Fused):
        return step.operands
    return step.needs


def made_by(step: Step) -> list[Variable]:
    """What a step gives to others."""
    return step.outputs if isinstance(step, Fused) else [step]


class _Placing:
    """Give each array that an instruction makes a place, in the order of the program."""

    def __init__(self, line: Line, kept: list[Variable]) -> None:
        self.line = line
        self.index = {made: i for i, step in enumerate(line.steps) for made in made_by(step)}
        self.last_use: dict[Variable, int] = {}
        self.free: dict[Any, list[Place]] = {}
        self.busy: list[Place] = []
        self.targets = {new: old for old, new in line.written}
        end = len(line.steps)
        for i, step in enumerate(line.steps):
            for operand in operands_of(step):
                self.last_use[root(operand)] = i
        for variable in [*kept, *(new for _, new in line.written)]:
            self.last_use[root(variable)] = end
        for variable, i in list(
            self.last_use.items()
        ):  # what is made within it lasts as long as it
            if is_concatenation(variable):
                for operand in variable.operands:
                    self.last_use[root(operand)] = max(self.last_use[root(operand)], i)

    def run(self) -> None:
        line = self.line
        for old, _ in line.written:
            line.places[old] = Place(old.value, array=old, busy_until=self.last_use.get(old, -1))
        self._side_by_side()
        for i, step in enumerate(line.steps):
            self._release(i)
            for variable in made_by(step):
                if variable not in line.places and has_out(variable):
                    self._put(i, step, variable)

    def _put(self, i: int, step: Step, variable: Variable) -> None:
        place = self._of_target(i, step, variable) or self._in_place(i, step, variable)
        place = place or self._any(variable)
        place.busy_until = self.last_use.get(variable, i)
        self.line.places[variable] = place
        if place.array is None and place.whole is None and place not in self.busy:
            self.busy.append(place)

    def _release(self, now: int) -> None:
        for place in [place for place in self.busy if place.busy_until < now]:
            self.busy.remove(place)
            self.free.setdefault(place.key, []).append(place)

    def _any(self, variable: Variable) -> Place:
        place = Place(variable.value)
        free = self.free.get(place.key)
        return free.pop() if free else place

    def _of_target(self, i: int, step: Step, variable: Variable) -> Place | None:
        """The array that it becomes, once nothing needs what is there."""
        old = self.targets.get(variable)
        if old is None or i < self.line.checked or old.value.strides != variable.value.strides:
            return None
        place = self.line.places[old]
        is_free = place.busy_until < i or (place.busy_until == i and is_elementwise(variable))
        return place if is_free and not self._is_seen_otherwise(step, old) else None

    @staticmethod
    def _is_seen_otherwise(step: Step, array: Variable) -> bool:
        """Whether a loop reads the array through a view too: it must not write into it then."""
        others = (x for x in operands_of(step) if x is not array)
        return isinstance(step, Fused) and any(root(x) is array for x in others)

    def _in_place(self, i: int, step: Step, variable: Variable) -> Place | None:
        """The place of an operand that nothing else needs."""
        if not isinstance(step, Fused) and not is_elementwise(variable):
            return None
        wanted = Place(variable.value).key
        for operand in operands_of(step):
            place = self.line.places.get(operand)
            if place is None or place.whole is not None or place.key != wanted:
                continue
            may_change = place.array is None or i >= self.line.checked
            is_last = place.busy_until == i and self.last_use.get(operand) == i
            if may_change and is_last and not self._is_seen_otherwise(step, operand):
                return place
        return None

    def _side_by_side(self) -> None:
        """Make what is concatenated where it will stand."""
        for i, variable in enumerate(self.line.steps):
            if isinstance(variable, Fused) or not is_concatenation(variable):
                continue
            old = self.targets.get(variable)
            if old is not None and old in self.last_use:
                continue
            whole = self.line.places[old] if old is not None else Place(variable.value)
            whole.busy_until = len(self.line.steps)
            self.line.places[variable] = whole
            start = 0
            for operand in variable.operands:
                source, size = root(operand), operand.size
                fits = (
                    operand.value.flags.c_contiguous
                    and operand.value.ctypes.data == source.value.ctypes.data
                    and has_out(source)
                    and source not in self.line.places
                    and source not in self.targets
                    and source.size == size
                    and source.value.flags.c_contiguous
                    and self.index.get(source, i) < i
                )
                if fits:
                    self.line.places[source] = Place(source.value, whole=whole, start=start)
                    self.line.made_inside.add((variable, start))
                start += size


def is_concatenation(variable: Variable) -> bool:
    """Whether it puts flat arrays one after the other."""
    return (
        variable.function is ops.concatenate
        and variable.ndim == 1
        and all(isinstance(x, Variable) and x.ndim == 1 for x in variable.operands)
    )


def has_out(variable: Variable) -> bool:
    """Whether the instruction can write its result into memory that is there already."""
    value = variable.value
    if not isinstance(value, np.ndarray) or variable.constant or is_view(variable):
        return False
    if value.dtype.kind not in "fiub":
        return False
    if not (value.flags.c_contiguous or value.flags.f_contiguous):
        return False
    function = variable.function
    name = getattr(function, "__name__", "")
    owner = function if isinstance(function, np.ufunc) else getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        known = getattr(np, owner.__name__, None) is owner
        return known and (owner is function or name == "reduce")
    return function in (np.where, ops.broadcast_to, ops.astype)
