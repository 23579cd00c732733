"""Slips of the update: each function yields formulas that may have been computed instead."""

from __future__ import annotations

from collections.abc import Iterator

from tinygrad_hw.symbolic import add, multiply, names_in, substitute
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.slip import Alternative
from tinygrad_hw.worksheet.slips.student_work import MOMENTUM, RATE

USUAL_RATES = (0.1, 0.5, 0.01, 0.05, 0.2, 0.001)


def ascend(case: Case) -> Iterator[Alternative]:
    """Add the gradient in place of subtracting it."""
    uphill = substitute(case.formula, {case.gradient: multiply(-1.0, case.gradient)})
    yield Alternative(uphill, "added in place of subtracted", rule="the sign")


def forget_rate(case: Case) -> Iterator[Alternative]:
    """Subtract the gradient without the learning rate, or add it."""
    detail = f"{case.gradient} was not multiplied by the rate"
    for rate, also in ((1.0, ""), (-1.0, ", and added in place of subtracted")):
        without = substitute(case.formula, {RATE: rate})
        yield Alternative(without, detail + also, rule=f"the rate{also}")


def use_another_rate(case: Case) -> Iterator[Alternative]:
    """Take another learning rate, a usual one; with a zero too many, it is ``shift_change``."""
    own = case.work.sheet.rate or 0.0
    if case.original or case.written.is_reachable_from(case.expected.honest):
        return  # a copy is made with no rate; and a list of rates is no reason to doubt a number
    for rate in USUAL_RATES:
        if f"{rate:e}"[0] != f"{own:e}"[0]:
            detail = f"the rate {rate:g} in place of {own:g}"
            yield Alternative(substitute(case.formula, {RATE: rate}), detail, rule=detail)


def confuse_momentum(case: Case) -> Iterator[Alternative]:
    """Leave out the share of the change before, subtract it, or multiply it by the rate, too."""
    if MOMENTUM in names_in(case.formula):
        for momentum, detail in (
            (0.0, "the momentum is not in it"),
            (multiply(-1.0, MOMENTUM), "the change before was subtracted, not added"),
            (multiply(RATE, MOMENTUM), "the change before was multiplied by the rate, too"),
        ):
            confused = substitute(case.formula, {MOMENTUM: momentum})
            yield Alternative(confused, detail, rule=detail)


def give_change_alone(case: Case) -> Iterator[Alternative]:
    """Give the change, the gradient or the old value in place of the new value."""
    change = add(case.formula, multiply(-1.0, case.name))
    yield Alternative(change, "only the change", rule="the change")
    yield Alternative(multiply(-1.0, change), "only the change", rule="the change")
    yield Alternative(case.gradient, f"{case.gradient} itself", rule="the gradient")
    yield Alternative(case.name, f"{case.name} as it was before", rule="the old value")


def shift_change(case: Case) -> Iterator[Alternative]:
    """Write the change with its point or its zeros in the wrong place."""
    for places in (1, -1, 2, -2, 3, -3):
        moved = substitute(case.formula, {case.gradient: multiply(10.0**places, case.gradient)})
        distance = f"{abs(places)} place{'s' * (abs(places) > 1)}"
        side = "left" if places > 0 else "right"
        detail = f"the change is {distance} too far to the {side}"
        yield Alternative(moved, detail, rule=f"{places} places")
