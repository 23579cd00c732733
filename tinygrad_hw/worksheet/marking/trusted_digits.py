"""The digits of a number that can be trusted, and the cancellation that cost the others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from tinygrad_hw.engine import ops
from tinygrad_hw.explain import formula_text
from tinygrad_hw.symbolic import Formula, compute, is_call_of, names_in, operands_of
from tinygrad_hw.worksheet.rounding.admissible import Admissible
from tinygrad_hw.worksheet.rounding.written_number import MOST_DIGITS
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.student_work import BEFORE, MOMENTUM, RATE
from tinygrad_hw.worksheet.solution.dependencies import PRIME

SLACK = 0.01  # of a digit, so that floating-point error does not cost one


def trusted_digits(value: Admissible, exact: float) -> int:
    """Return the number of sure digits of a number, by the rounding of the numbers before it."""
    error = max(abs(value.tight.low - exact), abs(value.tight.high - exact))
    if not math.isfinite(error):
        return 0
    if value.tight.short_decimal is not None or error <= 1e-14 * abs(exact):
        return MOST_DIGITS
    if exact == 0:
        return 0
    leading = math.floor(math.log10(abs(exact))) + 1
    unit = math.log10(2) + math.log10(error)  # 2 * error could be too large for a float
    return max(0, min(MOST_DIGITS, math.floor(leading - unit + SLACK)))


def cancellation(case: Case, earlier: Mapping[str, str]) -> str:
    """Describe the difference of nearly equal numbers that cost digits; "" if none did.

    The difference is in the number's own formula, or it cost its least certain input digits.
    ``earlier`` has the descriptions by the names of the numbers before.
    """
    here = _own_cancellation(case) if case.part in (FORWARD, FACTOR) else ""
    if here:
        return here
    sure = {
        name: trusted_digits(case.inputs[name], case.work.dependencies.value(name))
        for name in names_in(case.formula)
        if name not in (RATE, MOMENTUM, BEFORE)
    }
    return earlier.get(min(sure, key=sure.__getitem__, default="").strip(PRIME), "")


def _own_cancellation(case: Case) -> str:
    for part in _sums(case.formula):
        if all(case.inputs[name].tight.short_decimal is not None for name in names_in(part)):
            continue
        values = {name: case.inputs[name].unrounded for name in names_in(part)}
        largest = max(abs(compute(term, values)) for term in operands_of(part))
        result = abs(compute(part, values))
        if not result or largest < 10 * result:
            continue
        if not math.isfinite(largest / result):  # a term is too large for a float, as exp(1000) is
            continue
        places = math.floor(math.log10(largest / result))
        digits = "a digit" if places == 1 else f"{places} digits"
        return f"{formula_text(part)}, a difference of nearly equal numbers, costs {digits}"
    return ""


def _sums(formula: Formula) -> Iterator[Formula]:
    """Yield every sum in a formula, outer ones first."""
    if is_call_of(formula, ops.add):
        yield formula
    for operand in operands_of(formula):
        yield from _sums(operand)
