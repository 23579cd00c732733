"""Evidence of a slip in the numbers beside: each function yields its findings in words."""

from __future__ import annotations

from collections.abc import Iterator

from tinygrad_hw.worksheet.rounding.admissible import Admissible, evaluate, known_digits
from tinygrad_hw.worksheet.sheet.parts import TABLE, UPDATED
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.digit_slips import change_sign, move_point, transpose_digits


def too_few_digits(case: Case) -> Iterator[str]:
    """Find a number with too few digits to show anything of its value."""
    if case.shows_no_digit:
        if case.part in (UPDATED, TABLE):
            yield "too few digits were kept to see the change at all"
        else:
            yield "too few digits were kept to see any of it"


def product_is_right(case: Case) -> Iterator[str]:
    """Find a wrong factor whose product is right, so that another number was multiplied."""
    product = case.written_product()
    if product is None:
        return
    result, formula, inputs = product
    with_right = evaluate(formula, {**inputs, case.name: case.expected})
    with_written = evaluate(formula, {**inputs, case.name: known_digits(case.written)})
    is_right = result.is_reachable_from(with_right.tight)
    if not is_right or result.is_reachable_from(with_written.own_tight):
        return
    candidates = (
        *case.work.written_factors(case.name),
        *move_point(case.written),
        *transpose_digits(case.written),
        *change_sign(case.written),
    )
    products = [evaluate(formula, {**inputs, case.name: known_digits(x)}) for x in candidates]
    # to the last digit, or else within rounding
    for gives in (Admissible.matches_a_habit, Admissible.can_give):
        for candidate, product_with_it in zip(candidates, products, strict=True):
            if gives(product_with_it, result):
                yield f"the product {result} beside it was made with {candidate}"
                return
    yield f"the product {result} beside it is right, so it was made with another number"


def differs_from_original(case: Case) -> Iterator[str]:
    """Find an entry of the table that is no copy of the number that was worked out."""
    if case.original is not None:
        yield f"beside its partial it was worked out as {case.original}"
