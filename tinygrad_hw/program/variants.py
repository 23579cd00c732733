"""Variants: the recordings of a function for one kind of arguments, and their programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from types import CodeType
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.transforms.pytree import leaves_of, unflatten
from tinygrad_hw.program.emit.runtime import Changed, NotFinite
from tinygrad_hw.program.guards import Environment, ValueGuard
from tinygrad_hw.program.program import Program
from tinygrad_hw.program.record.run import record
from tinygrad_hw.program.recording import Comparer, Fingerprint, Recording, Result

MOST = 16  # recordings in a row that are new, and programs, before a function is run as it is
PLAINLY = "it is run as it is from now on"
is_run_as_it_is: ContextVar[bool] = ContextVar("is_run_as_it_is", default=False)


class Variant:
    """A recording with what was around it, and its program once a second one has been equal.

    ``environment`` is None for a pure function that gets no Values as arguments.
    """

    __slots__ = ("_values", "environment", "fingerprint", "program", "recording")

    def __init__(
        self, recording: Recording, fingerprint: Fingerprint, environment: Environment | None
    ) -> None:
        self.recording, self.fingerprint = recording, fingerprint
        self.environment = environment
        self._values = ValueGuard(recording, environment.values if environment else ())
        self.program: Program | None = None

    def is_current(self) -> bool:
        """Return whether what the function read is as it was."""
        return self.environment is None or self.environment.unchanged()

    def holds(self, leaves: Sequence[Any], gradients: bool = True) -> bool:
        """Return whether everything that is compared is as it was, for the leaves of a call."""
        return self.is_current() and self._values.fits(leaves, gradients)

    def is_comparable(self, leaves: Sequence[Any]) -> bool:
        """Return whether a recording that is made now should be equal."""
        return self.holds(leaves) and not self._values.have_moved()


class Variants:
    """What is known of a function for one kind of arguments.

    Attributes
    ----------
    calls, captures
        The numbers of calls and of recordings.
    known
        The recordings, each for other branches or for another world around the function.
    is_plain
        Whether the function is run as it is from now on.
    last
        The program or recording that ran last.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        comparer: Comparer,
        tell: Callable[..., None],
        jit: bool | None,
        pure: bool,
    ) -> None:
        self._function, self._comparer, self._tell = function, comparer, tell
        self._jit, self._pure = jit, pure
        self.calls = self.captures = 0
        self.known: list[Variant] = []
        self.is_plain = False
        self.last: Program | Recording | None = None
        self._codes: set[CodeType] | None = None  # of the functions that were called
        self._notes_calls = True
        self._misses = 0  # recordings in a row that were equal to none before
        self._unexplained = 0  # those of them for which no guard has seen a reason

    def run(self, call: Any) -> Any:
        """Run the function as it is, record it, or replay a program of it."""
        self.calls += 1
        if self.is_plain or self.calls == 1:
            return self._run_as_it_is(call)
        is_power_of_two = self.calls & (self.calls - 1) == 0
        if is_power_of_two and not self._pure:
            return self._record(call)
        leaves = list(leaves_of(call))
        for variant in self.known:
            if variant.program is None or not variant.holds(leaves):
                continue
            if variant.program.schedule.updates and "raise" in np.geterr().values():
                return self._run_as_it_is(call)  # an error could stop an update halfway
            if variant.program.replay.writes_into(leaves):
                return self._run_as_it_is(call)
            try:
                result = variant.program.replay.run(leaves)
            except Changed:
                continue
            except (NotFinite, ArithmeticError, ValueError, IndexError):
                return self._run_as_it_is(call)  # Python raises for inf or nan
            self.last = variant.program
            return result
        return self._record(call)

    def _run_as_it_is(self, call: Any) -> Any:
        """Run the function, and captured ones in it as they are; results have no history."""
        token = is_run_as_it_is.set(True)
        try:
            returned = self._function(*call[0], **call[1])
        finally:
            is_run_as_it_is.reset(token)
        leaves = [*leaves_of(returned)]
        if not any(isinstance(x, Node) and x.operation for x in leaves):
            return returned
        return unflatten(returned, map(_without_history, leaves))

    def _record(self, call: Any) -> Any:
        """Run the function and record it; compare the recording with those before."""
        leaves = list(leaves_of(call))
        current = [variant for variant in self.known if variant.is_current()]
        comparable = [variant for variant in current if variant.is_comparable(leaves)]
        # Where something has changed, other functions may be called than those that are known.
        notes_calls = self._notes_calls or not current
        notes_calls = notes_calls and (not self._pure or any(map(_is_value, leaves)))
        around = current[0].environment if current else None
        if self.known and not current and not self._pure:  # something else has changed before
            around = Environment(self._function, call, self._codes)
        recording, outcome = record(self._function, call, note_calls=notes_calls)
        if outcome.codes is not None:
            self._codes = (self._codes or set()) | outcome.codes
            self._notes_calls = False
        self.captures += 1
        outcome.commit()
        if recording.obstacle is not None:
            self._give_up(recording.obstacle)
        elif around is not None and not around.unchanged():
            self._give_up(f"it changes {around.what_changed()} itself")
        elif recording.only_this_run is not None:
            self._misses += 1
            if self._misses >= MOST:
                self._give_up(f"{recording.only_this_run} whenever it is recorded")
        else:
            self._compare(comparable, recording, call)
        return outcome.returned

    def _compare(self, comparable: list[Variant], recording: Recording, call: Any) -> None:
        environment = None
        if not self._pure or any(value.position is not None for value in recording.values):
            environment = Environment(self._function, call, self._codes, self._pure)
        if environment is not None and environment.obstacle:
            self._give_up(environment.obstacle)
            return
        arrays = environment.arrays if environment else set()
        fingerprint = self._comparer.fingerprint(recording, arrays)
        for variant in self.known:
            if variant.fingerprint == fingerprint:
                if recording.given and recording.given == variant.recording.given:
                    return  # an array may have been known again by chance
                self._confirm(variant, environment)
                return
        self.last = recording
        self._notes_calls = True  # in the next one: these may be other functions
        self._misses += 1
        stale = [x for x in comparable if not fingerprint.is_other_branch(x.fingerprint)]
        self.known = [variant for variant in self.known if variant not in stale]
        self._unexplained += bool(stale)
        reason = "something is new whenever it is recorded (an integer, a closure, a branch?)"
        if stale:
            reason = f"{fingerprint.difference(stale[0].fingerprint)}, when it is recorded again"
        if self._unexplained > 2 or self._misses >= MOST or len(self.known) >= MOST:
            self._give_up(reason)
        elif stale:
            self._tell(f"{reason}; it is captured anew")
        self.known.append(Variant(recording, fingerprint, environment))

    def _confirm(self, variant: Variant, environment: Environment | None) -> None:
        """Make a program of a recording that was equal to an earlier one."""
        variant.environment = environment
        self._misses = self._unexplained = 0
        if variant.program is None:
            variant.program = Program.of(variant.recording, self._jit)
        self.last = variant.program

    def _give_up(self, reason: str) -> None:
        self.is_plain = True
        self._tell(f"{reason}; {PLAINLY}", always=True)


def _is_value(leaf: Any) -> bool:
    return isinstance(leaf, Node)


def _without_history(leaf: Any) -> Any:
    """Return a leaf of a result; a Value that was computed as a constant with its label."""
    if not isinstance(leaf, Node) or leaf.operation is None:
        return leaf
    return Result(None, leaf.raw, True, leaf.label).to_caller(None)
