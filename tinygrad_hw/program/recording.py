"""Recording: one run of a function as plain data, and the comparison of two of them."""

from __future__ import annotations

import hashlib
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.value import Value
from tinygrad_hw.program.instructions import ancestors
from tinygrad_hw.program.variable import LARGE, Variable


@dataclass(frozen=True, eq=False)
class Result:
    """One leaf of the function's result.

    Attributes
    ----------
    variable
        Its Variable; None if the leaf is the same in every run.
    returned
        The leaf, where it is the same in every run or a Value from outside the function.
    as_value, label
        Whether the leaf is a Value, and its label.
    zero_dimensional
        Whether the leaf is an array of no dimensions, with which programs compute as with a number.
    """

    variable: Variable | None
    returned: Any = None
    as_value: bool = False
    label: str | None = None
    zero_dimensional: bool = False

    def to_caller(self, computed: Any) -> Any:
        """Return the leaf for the caller, from the data that a run computed."""
        data = owned_copy(self.returned) if self.variable is None else computed
        if not self.as_value:
            return np.asarray(data) if self.zero_dimensional else data
        value = Value.leaf(data, constant=True)
        value.label = self.label
        return value


@dataclass(frozen=True, eq=False)
class BoundValue:
    """A Value from outside that a function uses.

    Attributes
    ----------
    node, constant
        The Value, and whether it was a constant.
    position
        The first leaf of the arguments that is the Value; None where it comes from elsewhere.
    raw
        Its data when it was recorded: an array is the Value's own.
    data, gradient
        The Variables for its data and for its gradient before the run; None where it had none.
    new, new_gradient
        What the function makes of them: a Variable, which is ``data`` or ``gradient`` where they
        stay the same, or None for no gradient.
    gradient_read, gradient_cleared
        Whether the function asks for the gradient before the run, or sets it to None.
    """

    node: Node
    constant: bool
    position: int | None
    raw: Any
    data: Variable
    gradient: Variable | None
    new: Variable
    new_gradient: Variable | None
    gradient_read: bool
    gradient_cleared: bool

    @property
    def is_array(self) -> bool:
        """Return whether the Value's data are an array."""
        return self.data.kind.is_array

    @property
    def is_view(self) -> bool:
        """Return whether its data are a part of a larger array."""
        return self.data.function is not None

    @property
    def is_changed(self) -> bool:
        """Return whether the function gives the Value new data."""
        return self.new is not self.data

    @property
    def is_differentiated(self) -> bool:
        """Return whether the function gives the Value another gradient."""
        return self.new_gradient is not None and self.new_gradient is not self.gradient


@dataclass(frozen=True, eq=False)
class Recording:
    """One run of a function: what was computed, from what, and what became of it.

    Attributes
    ----------
    name
        The function's name, as an identifier.
    leaves
        For each leaf of the arguments its input; None where a leaf is the same in every run.
    values
        The Values from outside that the run used.
    arrays
        The arrays that these hold or view, each with its input.
    results, structure
        The leaves of the function's result, and the containers around them.
    branches
        Each condition whose truth was asked for, with the answer.
    data_dependent
        The Variables whose shapes depend on data, or for which Python may raise.
    guarded, guarded_forward
        Whether there are products in which 0 · inf is 0: at all, and outside of backward passes.
    given
        The numbers that NumPy was given to pick elements from plain arrays.
    only_this_run
        Why no program can be made of this run, though one may of another; None if one can.
    obstacle
        Why no program can be made of any run; None if one can.
    """

    name: str
    leaves: tuple[Variable | None, ...]
    values: tuple[BoundValue, ...]
    arrays: tuple[tuple[Any, Variable], ...]
    results: tuple[Result, ...]
    structure: Any
    branches: tuple[tuple[Variable, bool], ...]
    data_dependent: tuple[Variable, ...]
    guarded: bool
    guarded_forward: bool
    given: tuple[Any, ...]
    only_this_run: str | None
    obstacle: str | None

    @property
    def ends(self) -> list[Variable]:
        """Return the Variables that the run was for: results, effects and conditions."""
        found = [x.variable for x in self.results if x.variable is not None]
        for value in self.values:
            found += [value.new] if value.is_changed else []
            if value.is_differentiated and value.new_gradient is not None:
                found.append(value.new_gradient)
        return [*found, *(condition for condition, _ in self.branches), *self.data_dependent]

    @property
    def instructions(self) -> list[Variable]:
        """Return what the ends are computed from, in the order of the run."""
        return sorted(ancestors(self.ends), key=lambda variable: variable.number)

    def __str__(self) -> str:
        lines = [f"recording of {self.name}", *(f"  {x}" for x in self.instructions)]
        lines += [f"  branch %{x.number} is {truth}" for x, truth in self.branches]
        for value in self.values:
            name = value.node.label or f"%{value.data.number}"
            lines += [f"  {name} becomes %{value.new.number}"] if value.is_changed else []
            if value.is_differentiated and value.new_gradient is not None:
                lines.append(f"  {name}.grad becomes %{value.new_gradient.number}")
        results = [
            repr(x.returned) if x.variable is None else f"%{x.variable.number}"
            for x in self.results
        ]
        return "\n".join([*lines, f"  return {', '.join(results)}"])


def owned_copy(data: Any) -> Any:
    """Return a copy of an array, for the caller to change; a number as it is."""
    return data.copy() if isinstance(data, np.ndarray) else data


class Comparer:
    """Comparison of recordings of one function: equal ones have equal fingerprints."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self._kept_alive: list[Any] = []  # objects known by their ids

    def fingerprint(self, recording: Recording, outside: Container[int] = ()) -> Fingerprint:
        """Return the fingerprint of a recording.

        ``outside`` has the ids of the arrays that the function reads; others it has made itself.
        """
        known: dict[Variable, int] = {}
        inputs = self._inputs(recording, outside)
        for variable in recording.instructions:
            known[variable] = self._number(self._key(variable, known, inputs))
        answers: list[tuple[int, Any, Any]] = [
            (x.number, known[x], truth) for x, truth in recording.branches
        ]
        for x in recording.data_dependent:  # a shape is an answer, too
            asked = (x.function, self._operands((x.operands, x.options), known))
            answers.append((x.number, self._number(asked), x.kind))
        path = tuple([answer[1:] for answer in sorted(answers, key=lambda answer: answer[0])])
        ends = tuple([known[x] for x in recording.ends])
        rest = self._number(
            (
                repr(recording.structure),
                *((x.as_value, x.label, self._returned(x, recording)) for x in recording.results),
                *((_source(v), v.constant) for v in recording.values if _matters(v)),
            )
        )
        self._kept_alive.append([v.node for v in recording.values])
        return Fingerprint(path, (*ends, rest), known)

    def _number(self, key: Any) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _inputs(self, recording: Recording, outside: Container[int]) -> dict[Variable, Any]:
        """Return where each input comes from."""
        sources: dict[Variable, Any] = {}
        viewed = {id(getattr(value.raw, "base", None)) for value in recording.values}
        held = {id(value.raw) for value in recording.values} | viewed
        for array, variable in recording.arrays:
            is_known = id(array) in held or id(array) in outside
            sources[variable] = ("array", id(array)) if is_known else self._plain(array)
        for value in recording.values:
            if not value.is_view and (value.position is not None or id(value.raw) not in viewed):
                sources[value.data] = ("data", _source(value))
            if value.gradient is not None:
                sources[value.gradient] = ("gradient", _source(value))
        for i, leaf in enumerate(recording.leaves):
            if leaf is not None:
                sources[leaf] = ("argument", i)
        return sources

    def _key(self, variable: Variable, known: dict[Variable, int], inputs: Any) -> Any:
        if variable.constant:
            return ("constant", variable.kind, self._plain(variable.value))
        if variable.function is None:
            return ("input", variable.kind, inputs.get(variable))
        self._kept_alive.append(variable.function)
        operands = self._operands((variable.operands, variable.options), known)
        return (variable.function, variable.kind, operands, variable.phase)

    def _returned(self, result: Result, recording: Recording) -> Any:
        """Return a key for what a run returns that it has not computed: often a Value it got."""
        of = [_source(value) for value in recording.values if value.node is result.returned]
        return ("value", of[0]) if of else self._plain(result.returned)

    def _operands(self, tree: Any, known: dict[Variable, int]) -> Any:
        if isinstance(tree, Variable):
            return ("variable", known[tree])
        if isinstance(tree, tuple | list):
            return (type(tree), *[self._operands(part, known) for part in tree])
        if isinstance(tree, dict):
            return tuple([(name, self._operands(part, known)) for name, part in tree.items()])
        if isinstance(tree, slice):
            return (slice, self._operands((tree.start, tree.stop, tree.step), known))
        return self._plain(tree)

    def _plain(self, value: Any) -> Any:
        """Return a key that is equal for what is the same to the last bit."""
        if isinstance(value, np.ndarray):
            shape = value.shape, value.dtype.str, value.strides
            if value.nbytes <= LARGE and not value.dtype.hasobject:
                return ("array", *shape, value.tobytes())
            return ("array", *shape, hashlib.sha256(value.tobytes()).digest())
        if isinstance(value, float | int | complex | str | np.generic):
            return (type(value), repr(value))
        if isinstance(value, tuple | list):
            return (type(value), *map(self._plain, value))
        if isinstance(value, dict):
            return (dict, *((name, self._plain(part)) for name, part in value.items()))
        self._kept_alive.append(value)
        return ("object", id(value))


def _source(value: BoundValue) -> tuple[str, int]:
    """Return where a Value comes from: its place in the arguments, or itself."""
    if value.position is not None:
        return "argument", value.position
    return "outside", id(value.node)


def _matters(value: BoundValue) -> bool:
    return value.is_changed or value.is_differentiated or value.gradient_cleared


class Fingerprint:
    """What makes two recordings equal.

    Attributes
    ----------
    path
        The conditions whose truth was asked for, and the instructions whose shape depends on data,
        with the answers.
    ends
        Results and effects.
    """

    __slots__ = ("_known", "ends", "path")

    def __init__(self, path: Any, ends: Any, known: dict[Variable, int]) -> None:
        self.path, self.ends, self._known = path, ends, known

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fingerprint):
            return NotImplemented
        return bool(self.path == other.path and self.ends == other.ends)

    def __hash__(self) -> int:
        return hash((self.path, self.ends))

    def is_other_branch(self, other: Fingerprint) -> bool:
        """Return whether the first difference is the answer to one condition."""
        common = min(len(self.path), len(other.path))
        for mine, theirs in zip(self.path[:common], other.path[:common], strict=True):
            if mine != theirs:
                return bool(mine[0] == theirs[0])  # the condition
        return False

    def difference(self, before: Fingerprint) -> str:
        """Return what differs first from an earlier recording, and where it comes from."""
        old = set(before._known.values())
        new = set(self._known.values())
        added = [x for x, number in self._known.items() if number not in old]
        gone = [x for x, number in before._known.items() if number not in new]
        if not added and not gone:
            return "what becomes of the results differs"
        constants = [x for x in added if x.constant], [x for x in gone if x.constant]
        if all(constants):
            (now, *_), (then, *_) = constants
            return f"the constant {_short(then.value)} of {then.site} is {_short(now.value)} now"
        first = min([*added, *gone], key=lambda x: x.number)
        others = [x for x in (gone if first in added else added) if x.site == first.site]
        if others:
            now, then = (first, others[0]) if first in added else (others[0], first)
            return f"in {first.site}, {_called(then)} is {_called(now)} now"
        return f"{_called(first)} of {first.site} is {'new' if first in added else 'gone'}"


def _called(variable: Variable) -> str:
    return str(variable).partition("= ")[2]


def _short(value: Any) -> str:
    return " ".join(repr(value).split())[:60]
