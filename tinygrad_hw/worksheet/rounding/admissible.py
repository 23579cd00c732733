"""Admissible values: those that a number may have in the further work, by honest rounding.

A written 0.9997 may be used further as 0.9997, as 0.99966 or with all its digits. A fair marker
follows all of these at once, with intervals that hold the results of every honest way of working.
For each common habit of rounding there is one number as well, which says *exactly* what the digits
would be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from tinygrad_hw.symbolic import Apply, Formula, compute, names_in
from tinygrad_hw.worksheet.rounding.enclosure import (
    bound_unwritten_rounding,
    enclose,
    enclose_roughly,
)
from tinygrad_hw.worksheet.rounding.intervals import Interval, point
from tinygrad_hw.worksheet.rounding.scratch_work import StepRounding, results_in_steps
from tinygrad_hw.worksheet.rounding.written_number import (
    WrittenNumber,
    last_place_unit,
    round_number,
    truncate,
)

HABITS = ("as written", "with all digits", "with a guard digit", "with a guard digit, cut")


@dataclass(frozen=True, slots=True)
class Admissible:
    """The admissible values of one number.

    Attributes
    ----------
    honest
        The values if all the work before is right, in whatever way it was rounded.
    tight
        The values if each number is used further as one that rounds to the written one.
    own, own_tight
        The same from the numbers that this student wrote, slips included.
    by_habit
        The number for each of ``HABITS``, slips included.
    free_of_slips
        Whether there is no slip in the work before.
    in_steps
        The numbers for a student who rounds every intermediate result, slips included: as many as
        there are orders of the steps. None where the student does not, or where it is written.
    """

    honest: Interval
    tight: Interval
    own: Interval
    own_tight: Interval
    by_habit: tuple[float, ...]
    free_of_slips: bool = True
    in_steps: tuple[float, ...] = ()

    @property
    def unrounded(self) -> float:
        """The number for a student who keeps all digits."""
        return self.by_habit[1]

    def map_intervals(self, change: Callable[[Interval], Interval]) -> Admissible:
        """Return the same with each interval changed by a function."""
        honest, tight = change(self.honest), change(self.tight)
        own, own_tight = change(self.own), change(self.own_tight)
        return replace(self, honest=honest, tight=tight, own=own, own_tight=own_tight)

    def matches_a_habit(self, written: WrittenNumber) -> bool:
        """Whether one of the habits of rounding gives just these digits."""
        return self.is_in_steps(written) or any(map(written.is_honest_for, self.by_habit))

    def is_in_steps(self, written: WrittenNumber) -> bool:
        """Whether rounding every intermediate result gives just these digits."""
        return any(map(written.is_honest_for, self.in_steps))

    def can_give(self, written: WrittenNumber) -> bool:
        """Whether some honest rounding gives these digits, in the student's own work."""
        return written.is_reachable_from(self.own_tight)


def known_number(number: float) -> Admissible:
    """Return the admissible values of a given number, which is not rounded."""
    x = point(number)
    return Admissible(x, x, x, x, (number,) * len(HABITS))


def known_digits(written: WrittenNumber) -> Admissible:
    """Return the admissible values of a number that is known by its written digits alone."""
    x = written.preimage()
    return Admissible(x, x, x, x, (written.value,) * len(HABITS))


def evaluate(
    formula: Formula,
    inputs: Mapping[str, Admissible],
    rounding: tuple[str, int] | None = None,
    step_rounding: StepRounding | None = None,
) -> Admissible:
    """Compute a formula in every honest way at once.

    Parameters
    ----------
    formula
        The formula to compute.
    inputs
        The admissible values of the names in the formula.
    rounding
        ``("figures", n)`` or ``("decimals", n)`` if intermediate results that are not written, such
        as the terms of a sum, may have been rounded too.
    step_rounding
        How this student rounds them, if that is known.
    """
    if isinstance(formula, str):
        return inputs[formula]
    if isinstance(formula, float):
        return known_number(formula)
    used = {name: inputs[name] for name in _names(formula)}
    honest = enclose(formula, {name: x.honest for name, x in used.items()})
    tight = honest
    if any(x.tight is not x.honest for x in used.values()):
        tight = enclose(formula, {name: x.tight for name, x in used.items()})
    own, own_tight = honest, tight
    free_of_slips = all(x.free_of_slips for x in used.values())
    if not free_of_slips:
        own = enclose(formula, {name: x.own for name, x in used.items()})
        own_tight = enclose(formula, {name: x.own_tight for name, x in used.items()})
    if rounding and isinstance(formula, Apply):
        box = {name: x.honest for name, x in used.items()}
        error = bound_unwritten_rounding(
            formula, box, lambda magnitude: last_place_unit(magnitude, rounding)
        )
        if error:
            honest, own = honest.widened(error, error), own.widened(error, error)
    by_habit = working_by_habit(formula, used)
    in_steps = working_in_steps(formula, used, step_rounding) if step_rounding else ()
    result = Admissible(honest, tight, own, own_tight, by_habit, free_of_slips, in_steps)
    return _without_pole(result)


def may_give(formula: Formula, inputs: Mapping[str, Admissible], written: WrittenNumber) -> bool:
    """Return whether a formula may give these digits in the student's own work.

    One rough interval says so, where ``evaluate`` finds four close ones.
    """
    box = {name: inputs[name].own_tight for name in _names(formula)}
    return written.is_reachable_from(enclose_roughly(formula, box))


def working_by_habit(formula: Formula, inputs: Mapping[str, Admissible]) -> tuple[float, ...]:
    """Return what a formula gives for each of ``HABITS``."""
    names = _names(formula)
    return tuple(
        compute(formula, {name: inputs[name].by_habit[i] for name in names})
        for i in range(len(HABITS))
    )


def working_in_steps(
    formula: Formula, inputs: Mapping[str, Admissible], rounding: StepRounding
) -> tuple[float, ...]:
    """Return what a formula gives from the written numbers with each step rounded."""
    values = {name: inputs[name].in_steps or inputs[name].by_habit[:1] for name in _names(formula)}
    return results_in_steps(formula, values, rounding)


def _without_pole(x: Admissible) -> Admissible:
    """Narrow an unbounded interval to the numbers of the habits, if any of these is finite.

    Such is 1 / (1 - a) for an ``a`` that is written as 1.00: with an interval that holds all
    numbers, any answer would pass. After a slip, where no habit gives a number, that is what is
    right without the slip.
    """
    if _is_bounded(x.honest) and _is_bounded(x.own) and _is_bounded(x.own_tight):
        return x
    finite = [number for number in x.by_habit if math.isfinite(number)]
    if not _is_bounded(x.honest):
        return x.map_intervals(lambda _: point(finite[0]).hull(*finite)) if finite else x
    if not finite:
        return replace(x, own=x.honest, own_tight=x.tight)
    own = point(finite[0]).hull(*finite)
    return replace(x, own=own, own_tight=own)


def _is_bounded(x: Interval) -> bool:
    return math.isfinite(x.low) and math.isfinite(x.high)


@lru_cache(maxsize=4096)
def _names(formula: Formula) -> tuple[str, ...]:
    return tuple(names_in(formula))


def union(first: Admissible, *others: Admissible) -> Admissible:
    """Return the admissible values of a number that may be worked out in several ways.

    ``first`` is the usual way; the numbers by habit are taken from it.
    """
    if not others:
        return first
    return Admissible(
        first.honest.hull(*(x.honest for x in others)),
        first.tight.hull(*(x.tight for x in others)),
        first.own.hull(*(x.own for x in others)),
        first.own_tight.hull(*(x.own_tight for x in others)),
        first.by_habit,
        first.free_of_slips and all(x.free_of_slips for x in others),
        first.in_steps,
    )


def without_short_decimals(x: Admissible) -> Admissible:
    """Widen the intervals a little, so that they stand for no decimal of few digits."""
    margin = 1e-10 * x.honest.magnitude
    return x.map_intervals(lambda interval: interval.widened(margin, margin))


def admissible_if_unwritten(expected: Admissible, rounding: tuple[str, int] | None) -> Admissible:
    """Return the admissible values of a number that is not written, but may have been rounded."""
    if rounding is None:
        return expected
    return expected.map_intervals(lambda interval: _widen_by_rounding(interval, rounding))


def _widen_by_rounding(x: Interval, rounding: tuple[str, int]) -> Interval:
    """Widen by the most that rounding or cutting changes; by nothing if the number is short."""
    short = x.short_decimal
    if short is not None and round_number(short, *rounding).value == short:
        return x
    unit = last_place_unit(x.magnitude, rounding)
    return x.widened(unit, unit / 2)


def admissible_if_honest(expected: Admissible, written: WrittenNumber) -> Admissible:
    """Return the admissible values of a written number that is honest."""
    wide = _with_guard_digit(expected.honest, written)
    narrow = _with_these_digits(expected.tight, written)
    by_habit = _by_habit(expected.by_habit, written)
    if expected.free_of_slips or not written.is_reachable_from(expected.own):
        return Admissible(wide, narrow, wide, narrow, by_habit)
    # These digits show no slip, but a slip before may still be in the digits that are not written.
    own = wide.hull(_with_guard_digit(expected.own, written))
    own_tight = narrow.hull(_with_these_digits(expected.own_tight, written))
    return Admissible(wide, narrow, own, own_tight, by_habit, free_of_slips=False)


def admissible_if_following(
    expected: Admissible, source: Admissible, written: WrittenNumber
) -> Admissible:
    """Return the admissible values of a written number that is right but for an earlier slip.

    ``source`` is the number that it follows from: ``expected``, or the same number written before.
    """
    return Admissible(
        expected.honest,
        expected.tight,
        _with_guard_digit(source.own, written),
        _with_these_digits(source.own_tight, written),
        _by_habit(source.by_habit, written),
        free_of_slips=False,
    )


def admissible_if_wrong(
    expected: Admissible, written: WrittenNumber, made_by_slip: Admissible | None = None
) -> Admissible:
    """Return the admissible values of a written number that is wrong.

    In honest work the right number stands in its place. ``made_by_slip`` is the number that the
    slip gives, if a slip explains the written one.
    """
    if made_by_slip is None:
        known = known_digits(written)
        own, by_habit = known.own, known.by_habit
    else:
        own = _with_these_digits(made_by_slip.own_tight, written)
        by_habit = _by_habit(made_by_slip.by_habit, written)
    return Admissible(expected.honest, expected.tight, own, own, by_habit, free_of_slips=False)


def _with_guard_digit(x: Interval, written: WrittenNumber) -> Interval:
    """Widen to the written value, with a margin for a guard digit that was not written."""
    if written.value == x.short_decimal:
        return x
    if written.digits == 0:
        return x.hull(0.0)
    return x.hull(written.value).widened(written.unit / 10, written.unit / 20)


def _with_these_digits(x: Interval, written: WrittenNumber) -> Interval:
    """Narrow to the numbers that are written with these digits, guard digits included."""
    if written.value == x.short_decimal:
        return x
    preimage = written.preimage()
    narrowed = x.intersection(preimage) if x.overlaps(preimage) else x
    if written.digits == 0:
        return narrowed.hull(0.0)
    ends = (narrowed.low, narrowed.high)
    return narrowed.hull(written.value, *(y for x in ends for y in written.guard_digit_values(x)))


def _by_habit(expected: Iterable[float], written: WrittenNumber) -> tuple[float, ...]:
    """Return each habit's number if it is written with these digits, else the written number."""
    _, unrounded, guarded, guarded_cut = expected
    grid = written.unit / 10
    # the comparisons are false for nan too
    if grid and abs(guarded) / grid < 2**52 and abs(guarded_cut) / grid < 2**52:
        guarded, guarded_cut = round(guarded / grid) * grid, truncate(guarded_cut, grid)
    return tuple(
        number if written.is_honest_for(number) else written.value
        for number in (written.value, unrounded, guarded, guarded_cut)
    )
