"""What the numbers of a whole sheet say together: one rule got wrong in many, one sign in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.rounding.written_number import read_number
from tinygrad_hw.worksheet.sheet.parts import PARTIAL, place

AGAIN, TURNED = "again", "turned"  # notes
ALL_ZERO = "held-constant"  # a rule that leaves 0; by no other does a 0 alone say anything


def look_at_the_whole(numbers: Sequence[MarkedNumber]) -> tuple[MarkedNumber, ...]:
    """Return the numbers of a sheet, marked by what they say together.

    A rule that is got wrong in the same way again, such as the derivative of an activation, is
    charged where it first was. And where every gradient has the wrong sign because of a slip
    before, each is noted as ``turned``: the slip is charged once, but nobody should hand in a
    descent that goes uphill.
    """
    return tuple(_note_turned_gradients([*_charge_each_rule_once(numbers)]))


def _charge_each_rule_once(numbers: Sequence[MarkedNumber]) -> Iterator[MarkedNumber]:
    wrong = [number for number in numbers if number.verdict == "wrong"]
    shown = {rule for number in wrong if not _is_zero(number) for rule in number.rules}
    first: dict[str, MarkedNumber] = {}
    for number in numbers:
        rules = [x for x in number.rules if x in shown or x.startswith(ALL_ZERO)]
        if number.verdict != "wrong":
            yield number
        elif again := next((rule for rule in rules if rule in first), None):
            where = place(first[again])
            if first[again].step != number.step:
                where += f", step {first[again].step}"
            text = f"{number.explanation} That is charged at {where}, for all."
            slip = again.partition(":")[0]
            yield replace(number, verdict="follows", note="again", slip=slip, explanation=text)
        else:
            first |= dict.fromkeys(rules, number)
            says = bool(rules) or not _is_zero(number)
            yield replace(
                number, slip_explains_every_digit=says and number.slip_explains_every_digit
            )


def _is_zero(number: MarkedNumber) -> bool:
    return not read_number(number.printed).digits


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
    is_negative = read_number(number.printed).negative
    return not _is_zero(number) and is_negative == (number.exact > 0)
