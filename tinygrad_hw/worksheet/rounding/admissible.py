"""What a number may be when the next one is worked out from it: every honest way of rounding.

A written 0.9997 may be used further as 0.9997, as 0.99966 or with all its digits. A fair marker
follows all of these at once: intervals that hold every honest way of working, and beside them one
single number for each common habit, which tells what the digits would then be *exactly*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tinygrad_hw.symbolic import Apply, Formula, compute, names_in
from tinygrad_hw.worksheet.rounding.enclosure import bound_unwritten_rounding, enclose
from tinygrad_hw.worksheet.rounding.intervals import Interval, point
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber, round_number, truncate

HABITS = ("as written", "with all digits", "with a guard digit", "with a guard digit, cut")


@dataclass(frozen=True, slots=True)
class Admissible:
    """The admissible values of one number.

    Attributes
    ----------
    honest
        What it may be if all before it was done right, however it was rounded.
    tight
        The same for a student who keeps to one habit: the value used rounds to the one written.
    own, own_tight
        The same for what this student wrote, slips included.
    by_habit
        The one number for each of ``HABITS``, slips included.
    free_of_slips
        Whether there was no slip on the way to it.
    """

    honest: Interval
    tight: Interval
    own: Interval
    own_tight: Interval
    by_habit: tuple[float, ...]
    free_of_slips: bool = True

    @property
    def unrounded(self) -> float:
        """The number for someone who keeps all digits."""
        return self.by_habit[1]

    def map_intervals(self, change: Callable[[Interval], Interval]) -> Admissible:
        """Return the same with each interval changed by a function."""
        honest, tight = change(self.honest), change(self.tight)
        own, own_tight = change(self.own), change(self.own_tight)
        return Admissible(honest, tight, own, own_tight, self.by_habit, self.free_of_slips)

    def matches_a_habit(self, written: WrittenNumber) -> bool:
        """Whether one of the habits gives just these digits."""
        return any(written.is_honest_for(number) for number in self.by_habit)

    def can_give(self, written: WrittenNumber) -> bool:
        """Whether some honest rounding gives these digits, in the student's own work."""
        return written.is_reachable_from(self.own_tight)


def known_number(number: float) -> Admissible:
    """Return the admissible values of a given number, which nobody rounds."""
    x = point(number)
    return Admissible(x, x, x, x, (number,) * len(HABITS))


def known_digits(written: WrittenNumber) -> Admissible:
    """Return the admissible values of a number of which only its written digits are known."""
    x = written.preimage()
    return Admissible(x, x, x, x, (written.value,) * len(HABITS))


def evaluate(
    formula: Formula, inputs: Mapping[str, Admissible], rounding: tuple[str, int] | None = None
) -> Admissible:
    """Compute a formula in every way at once.

    With a ``rounding``, intermediate results that are not written, such as the terms of a sum, may
    have been rounded to it too.
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
    by_habit = tuple(
        compute(formula, {name: x.by_habit[i] for name, x in used.items()})
        for i in range(len(HABITS))
    )
    result = Admissible(honest, tight, own, own_tight, by_habit, free_of_slips)
    return result if all(map(math.isfinite, (honest.low, honest.high))) else _without_pole(result)


def _without_pole(x: Admissible) -> Admissible:
    """Narrow a number that rounding might take to infinity to what the habits make of it.

    1 / (1 - a) for an ``a`` that is written as 1.00: an interval that holds everything would let
    everything pass.
    """
    finite = [number for number in x.by_habit if math.isfinite(number)]
    if not finite:
        return x
    return x.map_intervals(lambda _: point(finite[0]).hull(*finite))


@lru_cache(maxsize=4096)
def _names(formula: Formula) -> tuple[str, ...]:
    return tuple(names_in(formula))


def union(first: Admissible, *others: Admissible) -> Admissible:
    """Return the values of a number that may be worked out in several ways, the usual one first."""
    if not others:
        return first
    return Admissible(
        first.honest.hull(*(x.honest for x in others)),
        first.tight.hull(*(x.tight for x in others)),
        first.own.hull(*(x.own for x in others)),
        first.own_tight.hull(*(x.own_tight for x in others)),
        first.by_habit,
        first.free_of_slips and all(x.free_of_slips for x in others),
    )


def without_short_decimals(x: Admissible) -> Admissible:
    """Widen a number, by less than a float can tell, so that it is no decimal of few digits."""
    little = 1e-10 * x.honest.magnitude
    return x.map_intervals(lambda interval: interval.widened(little, little))


def admissible_if_unwritten(expected: Admissible, rounding: tuple[str, int] | None) -> Admissible:
    """Return the values of a number that was not written: it may have been rounded all the same."""
    if rounding is None:
        return expected
    return expected.map_intervals(lambda interval: _widen_by_rounding(interval, rounding))


def _widen_by_rounding(x: Interval, rounding: tuple[str, int]) -> Interval:
    """Widen by what rounding or cutting can take away; by nothing where no digits are beyond it."""
    short = x.short_decimal
    if short is not None and round_number(short, *rounding).value == short:
        return x
    unit = last_place_unit(x.magnitude, rounding)
    return x.widened(unit, unit / 2)


def last_place_unit(number: float, rounding: tuple[str, int]) -> float:
    """Return the unit of the last digit that is asked for, in a number of this magnitude."""
    kind, count = rounding
    if kind == "decimals":
        return float(f"1e-{count}")
    if not number or not math.isfinite(number):
        return 0.0
    return 10.0 ** (math.floor(math.log10(abs(number))) + 1 - count)


def admissible_if_honest(expected: Admissible, written: WrittenNumber) -> Admissible:
    """Return the values of a number that was worked out as it should be."""
    wide = _with_guard_digit(expected.honest, written)
    narrow = _with_these_digits(expected.tight, written)
    by_habit = _by_habit(expected.by_habit, written)
    if expected.free_of_slips or not written.is_reachable_from(expected.own):
        return Admissible(wide, narrow, wide, narrow, by_habit)
    # With a slip before it that these digits do not show: it may still be in those not written.
    own = wide.hull(_with_guard_digit(expected.own, written))
    own_tight = narrow.hull(_with_these_digits(expected.own_tight, written))
    return Admissible(wide, narrow, own, own_tight, by_habit, free_of_slips=False)


def admissible_if_following(
    expected: Admissible, source: Admissible, written: WrittenNumber
) -> Admissible:
    """Return the values of a number that is right but for a slip before it.

    ``source`` is what the number follows from: ``expected``, or the same number written before.
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
    """Return the values of a wrong number; in honest work the right one stands in its place.

    ``made_by_slip`` is the number that the slip gives, where one explains it.
    """
    if made_by_slip is None:
        known = known_digits(written)
        own, by_habit = known.own, known.by_habit
    else:
        own = _with_these_digits(made_by_slip.own_tight, written)
        by_habit = _by_habit(made_by_slip.by_habit, written)
    return Admissible(expected.honest, expected.tight, own, own, by_habit, free_of_slips=False)


def _with_guard_digit(x: Interval, written: WrittenNumber) -> Interval:
    """Add the written value, and room for a guard digit that was not written."""
    if written.value == x.short_decimal:
        return x
    if written.digits == 0:
        return x.hull(0.0)
    return x.hull(written.value).widened(written.unit / 10, written.unit / 20)


def _with_these_digits(x: Interval, written: WrittenNumber) -> Interval:
    """Narrow to what is written with these digits, guard digits included."""
    if written.value == x.short_decimal:
        return x
    preimage = written.preimage()
    narrowed = x.intersection(preimage) if x.overlaps(preimage) else x
    if written.digits == 0:
        return narrowed.hull(0.0)
    ends = (narrowed.low, narrowed.high)
    return narrowed.hull(written.value, *(y for x in ends for y in written.guard_digit_values(x)))


def _by_habit(expected: Iterable[float], written: WrittenNumber) -> tuple[float, ...]:
    """Return each habit's number where it has these digits, else the written number."""
    _, unrounded, guarded, guarded_cut = expected
    grid = written.unit / 10
    # the comparisons are false for nan too
    if grid and abs(guarded) / grid < 2**52 and abs(guarded_cut) / grid < 2**52:
        guarded, guarded_cut = round(guarded / grid) * grid, truncate(guarded_cut, grid)
    return tuple(
        number if written.is_honest_for(number) else written.value
        for number in (written.value, unrounded, guarded, guarded_cut)
    )
