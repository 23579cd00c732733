"""What a student may hold of a number: in their head, on paper, in the calculator.

A written 0.9997 may be carried on as 0.9997, as 0.99966 or with all digits. A marker that is to be
fair carries all of these at once: intervals that hold every honest way of working, and beside them
three single numbers, one for each common habit, that tell what the digits would then be *exactly*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tinygrad_hw.symbolic.formula import Apply, Formula, compute, names_in
from tinygrad_hw.worksheet.rounding.enclosure import enclose, scratch
from tinygrad_hw.worksheet.rounding.intervals import Interval, point
from tinygrad_hw.worksheet.rounding.written_number import Written, cut, rounded

HABITS = ("as written", "with all digits", "with a guard digit", "with a guard digit, cut")


@dataclass(frozen=True, slots=True)
class Carried:
    """One number, as it may be carried on.

    Attributes
    ----------
    honest
        What it may be if all before it was done right, however it was rounded.
    tight
        The same for a student who keeps to one habit: what is carried rounds to what is written.
    own, own_tight
        The same for what this student wrote, slips included.
    points
        The one number for each of ``HABITS``, slips included.
    clean
        Whether there was no slip on the way to it.
    """

    honest: Interval
    tight: Interval
    own: Interval
    own_tight: Interval
    points: tuple[float, ...]
    clean: bool = True

    @property
    def full(self) -> float:
        """What it is for someone who carries all digits."""
        return self.points[1]

    def changed(self, change: Callable[[Interval], Interval]) -> Carried:
        """The same with all its intervals changed in one way."""
        honest, tight = change(self.honest), change(self.tight)
        own, own_tight = change(self.own), change(self.own_tight)
        return Carried(honest, tight, own, own_tight, self.points, self.clean)

    def fits(self, written: Written) -> bool:
        """Whether one of the habits gives just these digits."""
        return any(written.is_honest_for(p) for p in self.points)

    def allows(self, written: Written) -> bool:
        """Whether any habit could, in the student's own work."""
        return written.could_come_out_of(self.own_tight)


def known(number: float) -> Carried:
    """A given number: there is nothing to be rounded."""
    x = point(number)
    return Carried(x, x, x, x, (number,) * len(HABITS))


def evaluate(
    formula: Formula, inputs: Mapping[str, Carried], rounding: tuple[str, int] | None = None
) -> Carried:
    """Compute a formula in every way at once.

    With a ``rounding``, what is not written on the way, such as the terms of a sum, may have been
    rounded to it too.
    """
    if isinstance(formula, str):
        return inputs[formula]
    if isinstance(formula, float):
        return known(formula)
    used = {name: inputs[name] for name in _names(formula)}
    honest = enclose(formula, {name: x.honest for name, x in used.items()})
    tight = honest
    if any(x.tight is not x.honest for x in used.values()):
        tight = enclose(formula, {name: x.tight for name, x in used.items()})
    own, own_tight = honest, tight
    clean = all(x.clean for x in used.values())
    if not clean:
        own = enclose(formula, {name: x.own for name, x in used.items()})
        own_tight = enclose(formula, {name: x.own_tight for name, x in used.items()})
    if rounding and isinstance(formula, Apply):
        box = {name: x.honest for name, x in used.items()}
        error = scratch(formula, box, lambda size: unit_of(size, rounding))
        if error:
            honest, own = honest.widened(error, error), own.widened(error, error)
    points = tuple(
        compute(formula, {name: x.points[i] for name, x in used.items()})
        for i in range(len(HABITS))
    )
    result = Carried(honest, tight, own, own_tight, points, clean)
    return result if all(map(math.isfinite, (honest.low, honest.high))) else _without_pole(result)


def _without_pole(x: Carried) -> Carried:
    """Of a number that rounding might take beyond all bounds, keep what the habits make of it.

    1 / (1 - a) for an ``a`` that is written as 1.00: an interval that holds everything would let
    everything pass.
    """
    finite = [p for p in x.points if math.isfinite(p)]
    if not finite:
        return x
    return x.changed(lambda _: point(finite[0]).hull(*finite))


@lru_cache(maxsize=4096)
def _names(formula: Formula) -> tuple[str, ...]:
    return tuple(names_in(formula))


def either(first: Carried, *others: Carried) -> Carried:
    """A number that may have been come by in several ways; the first is the usual one."""
    if not others:
        return first
    return Carried(
        first.honest.hull(*(x.honest for x in others)),
        first.tight.hull(*(x.tight for x in others)),
        first.own.hull(*(x.own for x in others)),
        first.own_tight.hull(*(x.own_tight for x in others)),
        first.points,
        first.clean and all(x.clean for x in others),
    )


def blurred(x: Carried) -> Carried:
    """Take a number for none of few digits: it is beside one, by less than a float can tell."""
    little = 1e-10 * x.honest.size
    return x.changed(lambda interval: interval.widened(little, little))


def unwritten(expected: Carried, rounding: tuple[str, int] | None) -> Carried:
    """What is carried of a number that was not written: it may have been rounded all the same."""
    if rounding is None:
        return expected
    return expected.changed(lambda interval: _rounded_away(interval, rounding))


def _rounded_away(x: Interval, rounding: tuple[str, int]) -> Interval:
    """Widen by what rounding or cutting can take away; nothing where there are no more digits."""
    exactly = x.exactly
    if exactly is not None and rounded(exactly, *rounding).value == exactly:
        return x
    unit = unit_of(x.size, rounding)
    return x.widened(unit, unit / 2)


def unit_of(number: float, rounding: tuple[str, int]) -> float:
    """What one more in the last digit that is asked for is worth."""
    kind, count = rounding
    if kind == "decimals":
        return float(f"1e-{count}")
    if not number or not math.isfinite(number):
        return 0.0
    return 10.0 ** (math.floor(math.log10(abs(number))) + 1 - count)


def honest(expected: Carried, written: Written) -> Carried:
    """What is carried of a number that was worked out as it should be."""
    wide, narrow = _wide(expected.honest, written), _narrow(expected.tight, written)
    points = _points(expected.points, written)
    if expected.clean or not written.could_come_out_of(expected.own):
        return Carried(wide, narrow, wide, narrow, points)
    # With a slip before it that these digits do not show: it may still be in those not written.
    own = wide.hull(_wide(expected.own, written))
    return Carried(
        wide, narrow, own, narrow.hull(_narrow(expected.own_tight, written)), points, clean=False
    )


def following(expected: Carried, own: Carried, written: Written) -> Carried:
    """What is carried of a number that is right but for a slip before it."""
    return Carried(
        expected.honest,
        expected.tight,
        _wide(own.own, written),
        _narrow(own.own_tight, written),
        _points(own.points, written),
        clean=False,
    )


def wrong(expected: Carried, written: Written, imagined: Carried | None = None) -> Carried:
    """What is carried of a number that is wrong: for those who come after, there is the right one.

    ``imagined`` is what the number was by the slip that explains it, where one does.
    """
    if imagined is None:
        any_such = written.could_come_from()
        own, points = any_such, (written.value,) * len(HABITS)
    else:
        own = _narrow(imagined.own_tight, written)
        points = _points(imagined.points, written)
    return Carried(expected.honest, expected.tight, own, own, points, clean=False)


def _wide(x: Interval, written: Written) -> Interval:
    if written.value == x.exactly:
        return x
    if written.digits == 0:
        return x.hull(0.0)
    # a guard digit that was not written: rounded, or cut off
    return x.hull(written.value).widened(written.unit / 10, written.unit / 20)


def _narrow(x: Interval, written: Written) -> Interval:
    if written.value == x.exactly:
        return x
    source = written.could_come_from()
    kept = x.common(source) if x.meets(source) else x
    if written.digits == 0:
        return kept.hull(0.0)
    guards = [*written.guarded(kept.low), *written.guarded(kept.high)]
    return kept.hull(written.value, *guards)


def _points(expected: Iterable[float], written: Written) -> tuple[float, ...]:
    """Go on from what is held by each habit where that fits what is written, else from that."""
    _, full, guarded, chopped = expected
    grid = written.unit / 10
    if grid and abs(guarded) / grid < 2**52 and abs(chopped) / grid < 2**52:  # false for nan too
        guarded, chopped = round(guarded / grid) * grid, cut(chopped, grid)
    return tuple(
        x if written.is_honest_for(x) else written.value
        for x in (written.value, full, guarded, chopped)
    )
