"""What the numbers of a whole sheet say together: one slip in many updates, one sign in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.rounding.written_number import read_number
from tinygrad_hw.worksheet.sheet.parts import PARTIAL, TABLE, UPDATED, place

# Got wrong once, for all updates.
ONE_RULE = ("ascent", "rate-forgotten", "momentum-forgotten", "change-alone")


def look_at_the_whole(numbers: Sequence[MarkedNumber]) -> tuple[MarkedNumber, ...]:
    """Return the numbers of a sheet, marked by what they say together.

    The rule for updates that is got wrong in the same way again is charged where it first was. And
    where every gradient follows from a slip that turned its sign, each is noted as ``turned``: the
    slip is charged once, but nobody should hand in a descent that goes uphill.
    """
    return tuple(_charge_one_rule_once(_note_turned_gradients(numbers)))


def _charge_one_rule_once(numbers: Sequence[MarkedNumber]) -> Iterator[MarkedNumber]:
    first: dict[str, MarkedNumber] = {}
    for number in numbers:
        slips = [slip for slip in number.candidates if slip in ONE_RULE]
        if number.verdict != "wrong" or number.part not in (UPDATED, TABLE) or not slips:
            yield number
        elif again := next((slip for slip in slips if slip in first), None):
            where = place(first[again])
            if first[again].step != number.step:
                where += f", step {first[again].step}"
            text = f"{number.explanation} That is charged at {where}, for all."
            yield replace(number, verdict="follows", slip=again, explanation=text)
        else:
            first |= dict.fromkeys(slips, number)
            yield number


def _note_turned_gradients(numbers: Sequence[MarkedNumber]) -> list[MarkedNumber]:
    gradients = [x for x in numbers if x.part == PARTIAL and x.verdict != "missing" and x.exact]
    follow = [number for number in gradients if number.verdict == "follows"]
    if len(follow) < 2 or not all(map(_has_wrong_sign, gradients)):
        return list(numbers)
    explanation = " But every gradient has the wrong sign, so that each step goes uphill."
    return [
        replace(number, note="turned", explanation=number.explanation + explanation)
        if number.part == PARTIAL and number.verdict == "follows" and number.exact
        else number
        for number in numbers
    ]


def _has_wrong_sign(number: MarkedNumber) -> bool:
    written = read_number(number.printed)
    return written.digits != 0 and written.negative == (number.exact > 0)
