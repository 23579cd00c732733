"""A printed figure beside ours: in as many digits, and how far apart the two are.

The distance is no mark: a figure may be far off because an honest rounding went before it. The
verdict on a figure is given by ``worksheet.marking``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from tinygrad_hw.formatting import FIGURES, number, updated_number
from tinygrad_hw.worksheet import WrittenNumber, read_number


def distance(printed: str, ours: float, old: float | None = None) -> str:
    """Say in words how far a printed figure is from our exact value.

    "" where our value, rounded or cut to as many digits, is the printed figure, and where the
    figure cannot be read.

    Parameters
    ----------
    printed
        The figure as it was written.
    ours
        Our value at full precision.
    old
        For an updated parameter, the value before: the distance is then relative to the step, since
        1.00000001 and 1.00000006 are the same to seven figures and six times apart.
    """
    written = _read(printed)
    if written is None or not math.isfinite(ours) or written.is_honest_for(ours):
        return ""
    start = Fraction(repr(old or 0.0))
    their_step, our_step = Fraction(str(written)) - start, Fraction(repr(ours)) - start
    if our_step == 0:
        return f"off by {number(float(their_step))}"
    if old is None and replace(written, place=written.place - 1).is_honest_for(ours):
        return "ten times ours"
    return _ratio_text(float(their_step / our_step), old is not None)


def write_like(printed: str, ours: float, old: float | None = None) -> str:
    """Write our value as the printed figure is written, in no fewer digits.

    >>> write_like("-5.7261e-7", -6.402524e-7), write_like("0.018", 0.01800399)
    ('-6.4025e-07', '0.01800')
    """
    written = _read(printed)
    figures = max(FIGURES, min(written.figures, 17)) if written else FIGURES
    if "e" in printed.lower() and ours:
        return format(ours, f".{figures - 1}e")
    return number(ours, figures) if old is None else updated_number(old, ours)


def _read(printed: str) -> WrittenNumber | None:
    """Read a printed figure; None where there is none."""
    try:
        return read_number(printed)
    except ValueError:
        return None


def _ratio_text(ratio: float, of_step: bool) -> str:
    ours = "our step" if of_step else "ours"
    if ratio == 0:
        return "no step at all" if of_step else "zero"
    if not 0.5 < ratio < 2:
        return f"{number(ratio, 3)} times {ours}"
    percent = 100 * (ratio - 1)
    text = number(percent, 3 if abs(percent) >= 10 else 2)
    return f"{text if percent < 0 else '+' + text} %{' of the step' if of_step else ''}"
