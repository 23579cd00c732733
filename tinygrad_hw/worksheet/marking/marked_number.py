"""One marked number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinygrad_hw.worksheet.rounding.admissible import Admissible

VERDICTS = ("exact", "rounded", "follows", "wrong", "missing")
MOST_DIGITS = 16  # of a float
NEARLY = 0.01  # of a digit; half a unit is half a unit, whatever the floats make of it


@dataclass(frozen=True, slots=True)
class Item:
    """One number that was asked for, and what became of it.

    Attributes
    ----------
    part, name, of
        "forward", "factor", "partial", "updated" or "table"; its name; for a factor, the partial
        that it belongs to.
    printed, exact
        As it was written ("" where it is missing), and at full precision.
    verdict
        "exact": the exact value rounds to what was written. "rounded": an honest way of working
        gives it. "follows": right but for a slip before it. "wrong": none of these. "missing".
    note
        "truncated" where a number was cut and not rounded.
    slip, candidates, explanation, hint
        The likeliest slip's id, the ids of all that the numbers cannot tell apart, what happened in
        words, and a nudge that gives nothing away.
    trusted_digits, lost
        How many digits the numbers before it can support, and in words where they were lost.
    step
        Of which update, counted from 1.
    formula
        How it is worked out.
    is_sharp, is_usual
        Whether the slip gives the number to its last digit; whether a habit of rounding does,
        or a slip before it makes that hard to say.
    """

    part: str
    name: str
    of: str | None
    printed: str
    exact: float
    verdict: str
    note: str = ""
    slip: str | None = None
    candidates: tuple[str, ...] = ()
    explanation: str = ""
    trusted_digits: int = MOST_DIGITS
    lost: str = ""
    step: int = 1
    hint: str = ""
    formula: str = ""
    is_sharp: bool = False
    is_usual: bool = True


def trusted_digits(held: Admissible, exact: float) -> int:
    """How many digits of a number are sure, given how the ones before it were carried."""
    error = max(abs(held.tight.low - exact), abs(held.tight.high - exact))
    if not math.isfinite(error):
        return 0
    if held.tight.short_decimal is not None or error <= 1e-14 * abs(exact):
        return MOST_DIGITS
    if exact == 0:
        return 0
    leading = math.floor(math.log10(abs(exact))) + 1
    return max(0, min(MOST_DIGITS, math.floor(leading - math.log10(2 * error) + NEARLY)))
