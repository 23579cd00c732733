"""A marked number: one answer with its verdict and the explanation of it."""

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
        The text as it was written ("" where the number is missing), and the exact value.
    verdict
        "exact": the exact value rounds to the written number. "rounded": an honest way of working
        gives it. "follows": right but for a slip before it. "wrong": none of these. "missing".
    note
        "figures" where a right number shows fewer figures, or decimals, than the sheet asks for;
        "again" where a rule was got wrong again, which is charged where it first was;
        "turned" where a gradient follows from a slip and has the wrong sign, as all of them have;
        "truncated" where a number was cut and not rounded; "unreadable" where what was written is
        no number: it counts as missing, and the explanation says where it is and why.
    slip, candidates, rules, explanation, hint
        The likeliest slip's id, the ids of all slips that the numbers cannot tell apart, the rules
        that these get wrong, the explanation in words, and a nudge that does not give it away.
    trusted_digits, cancellation
        The number of digits that the numbers before can support, and in words the difference of
        nearly equal numbers that cost digits, if any did.
    step
        The update that the number belongs to, counted from 1.
    formula
        The formula that the number is worked out by, as text.
    slip_explains_every_digit
        Whether the slip gives the number to its last digit.
    matches_a_habit
        Whether a habit of rounding gives the number to its last digit; true after a slip, since
        that cannot be told then.
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
    rules: tuple[str, ...] = ()
    explanation: str = ""
    trusted_digits: int = MOST_DIGITS
    cancellation: str = ""
    step: int = 1
    hint: str = ""
    formula: str = ""
    slip_explains_every_digit: bool = False
    matches_a_habit: bool = True
