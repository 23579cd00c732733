"""A marked number: its verdict, and all that is said of it."""

from __future__ import annotations

from dataclasses import dataclass

from tinygrad_hw.worksheet.rounding.written_number import MOST_DIGITS


@dataclass(frozen=True, slots=True)
class MarkedNumber:
    """One number that was asked for, with its verdict.

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
    trusted_digits, cancellation
        How many digits the numbers before it can support, and in words which difference of nearly
        equal numbers cost digits, if any did.
    step
        The update that it belongs to, counted from 1.
    formula
        How it is worked out.
    slip_explains_every_digit
        Whether the slip gives the number to its last digit.
    matches_a_habit
        Whether a habit of rounding gives the number to its last digit; also true after a slip,
        which makes that hard to say.
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
    cancellation: str = ""
    step: int = 1
    hint: str = ""
    formula: str = ""
    slip_explains_every_digit: bool = False
    matches_a_habit: bool = True
