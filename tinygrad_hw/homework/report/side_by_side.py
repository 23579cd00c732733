"""A printed figure beside ours: in as many digits, and how far apart the two are.

The distance is no mark: a figure may be far off because an honest rounding went before it. What is
right and what is wrong, ``worksheet.marking`` says.
"""

from __future__ import annotations

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, InvalidOperation

from tinygrad_hw.formatting.numbers import FIGURES, number, updated

ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)
_EXACT = Context(prec=1000)  # a float may have that many digits; quantize must not run out


def distance(printed: str, ours: float, old: float | None = None) -> str:
    """Tell in words how far a printed figure is from our exact value.

    "" where ours, rounded or cut to as many digits, is the printed figure, or there is no figure.

    Parameters
    ----------
    printed
        The figure as it was written.
    ours
        Our value at full precision.
    old
        For an updated parameter, the value before: the distance is then told of the step, since
        1.00000001 and 1.00000006 are the same to seven figures and six times apart.
    """
    written = read(printed)
    if written is None or not math.isfinite(ours) or _same_digits(written, ours):
        return ""
    start = Decimal(repr(old)) if old is not None else Decimal(0)
    step = Decimal(repr(ours)) - start
    if step == 0:
        return f"off by {number(float(written - start))}"
    if old is None and _same_digits(written.scaleb(-1), ours):
        return "ten times ours"
    return _distance(float((written - start) / step), old is not None)


def beside(printed: str, ours: float, old: float | None = None) -> str:
    """Write our value as the printed one beside it is written, in no fewer digits.

    >>> beside("-5.7261e-7", -6.402524e-7), beside("0.018", 0.01800399)
    ('-6.4025e-07', '0.01800')
    """
    figures = figures_of(printed)
    if "e" in printed.lower() and ours:
        return format(ours, f".{figures - 1}e")
    return number(ours, figures) if old is None else updated(old, ours)


def read(printed: str) -> Decimal | None:
    """Read a written figure; None if it is not a finite number."""
    try:
        value = Decimal(printed)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def figures_of(printed: str) -> int:
    """Count its significant figures: at least ``FIGURES``, so that ours never shows fewer."""
    value = read(printed)
    return FIGURES if value is None else max(FIGURES, min(len(value.as_tuple().digits), 17))


def _same_digits(written: Decimal, ours: float) -> bool:
    unit, exact = Decimal(1).scaleb(int(written.as_tuple().exponent)), Decimal(ours)
    try:
        return any(exact.quantize(unit, rounding, _EXACT) == written for rounding in ROUNDINGS)
    except InvalidOperation:  # more decimals than any float has
        return exact == written


def _distance(ratio: float, of_step: bool) -> str:
    ours = "our step" if of_step else "ours"
    if ratio == 0:
        return "no step at all" if of_step else "zero"
    if not 0.5 < ratio < 2:
        return f"{number(ratio, 3)} times {ours}"
    percent = 100 * (ratio - 1)
    text = number(percent, 3 if abs(percent) >= 10 else 2)
    return f"{text if percent < 0 else '+' + text} %{' of the step' if of_step else ''}"
