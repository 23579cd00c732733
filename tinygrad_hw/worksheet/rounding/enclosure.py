"""Enclosures: the interval of a formula's values, and the error of rounding inside a formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from tinygrad_hw.engine import ops
from tinygrad_hw.symbolic import Apply, Formula, differentiate, names_in, node_count, operands_of
from tinygrad_hw.worksheet.rounding.intervals import EXTENSIONS, Interval, point

MOST_PIECES = 32  # of one interval, where a formula is not monotone in the name
MOST_PARTS = 40  # of a formula times its repeated names; beyond, interval arithmetic alone


def cost_of(formula: Formula) -> int:
    """Estimate the cost of enclosing a formula, as a number of parts to compute."""
    return node_count(formula) * (1 + 12 * len(_repeated(formula)))


def enclose(formula: Formula, box: Mapping[str, Interval]) -> Interval:
    """Return an interval that holds all values of a formula for names within their intervals.

    Interval arithmetic is tight for a name that occurs once. Where one that is not a point occurs
    more often, as in a(1 - a), the derivative by that name decides: where it keeps its sign, the
    ends of the name's interval give the ends of the result; elsewhere the interval is halved.
    """
    natural = enclose_roughly(formula, box)
    repeated = [name for name in _repeated(formula) if not box[name].is_point]
    if not repeated or node_count(formula) * len(repeated) > MOST_PARTS:
        return natural
    return _monotone(formula, box, repeated, MOST_PIECES).intersection(natural)


def _monotone(
    formula: Formula, box: Mapping[str, Interval], names: list[str], pieces: int
) -> Interval:
    lowest, highest, undecided = dict(box), dict(box), []
    for name in names:
        slope = enclose_roughly(differentiate(formula, name), box)
        if slope.low >= 0:
            lowest[name], highest[name] = point(box[name].low), point(box[name].high)
        elif slope.high <= 0:
            lowest[name], highest[name] = point(box[name].high), point(box[name].low)
        else:
            undecided.append(name)
    if not undecided or pieces < 2:
        low, high = enclose_roughly(formula, lowest), enclose_roughly(formula, highest)
        return Interval(low.low, high.high)
    widest = max(undecided, key=lambda name: box[name].high - box[name].low)
    x = box[widest]
    halves = (Interval(x.low, x.middle), Interval(x.middle, x.high))
    parts = [_monotone(formula, {**box, widest: half}, names, pieces // 2) for half in halves]
    return parts[0].hull(parts[1])


@lru_cache(maxsize=4096)
def _repeated(formula: Formula) -> tuple[str, ...]:
    return tuple(name for name, times in names_in(formula).items() if times > 1)


def enclose_roughly(formula: Formula, box: Mapping[str, Interval]) -> Interval:
    """Evaluate a formula in interval arithmetic, each occurrence of a name by itself.

    The interval has that of ``enclose`` in it, and is found much sooner.
    """
    if isinstance(formula, str):
        return box[formula]
    if isinstance(formula, float):
        return Interval(formula, formula)
    operands = [enclose_roughly(operand, box) for operand in formula.operands]
    extension: Callable[..., Interval] = EXTENSIONS[formula.operation]
    return extension(*operands)


def bound_unwritten_rounding(
    formula: Formula, box: Mapping[str, Interval], unit: Callable[[float], float]
) -> float:
    """Bound the error of rounding intermediate results: terms of a sum, products on the way.

    Parameters
    ----------
    unit
        Gives the unit of the last digit of a number from its magnitude. Each intermediate result is
        off by less; the rounding of the formula's own result is not counted.
    """
    if not isinstance(formula, Apply):
        return 0.0
    magnitudes = [enclose_roughly(operand, box).magnitude for operand in formula.operands]
    errors = [
        bound_unwritten_rounding(operand, box, unit)
        + (unit(magnitude) if is_intermediate(operand) else 0.0)
        for operand, magnitude in zip(formula.operands, magnitudes, strict=True)
    ]
    if formula.operation not in (ops.mul, ops.div, ops.pow):
        return sum(errors)  # of the functions that a sheet knows only exp and log can be steeper
    relative = sum(
        e / magnitude for e, magnitude in zip(errors, magnitudes, strict=True) if magnitude
    )
    magnitude = enclose_roughly(formula, box).magnitude
    if formula.operation is ops.mul:  # one rounding for each multiplication but the last
        relevant = sum(magnitude not in (0.0, 1.0) for magnitude in magnitudes)
        return relative * magnitude + max(relevant - 2, 0) * unit(magnitude)
    return relative * magnitude * (magnitudes[1] if formula.operation is ops.pow else 1)


def is_intermediate(formula: Formula) -> bool:
    """Whether a part of a formula is an intermediate result; a negated number is none."""
    operands = operands_of(formula)
    return bool(operands) and not (operands[0] == -1.0 and not operands_of(operands[-1]))
