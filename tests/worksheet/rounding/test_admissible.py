"""Which values a number may have when the next one is worked out from it."""

import math
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tinygrad_hw.symbolic import read_formula
from tinygrad_hw.worksheet.rounding.admissible import (
    Admissible,
    admissible_if_following,
    admissible_if_honest,
    admissible_if_unwritten,
    admissible_if_wrong,
    evaluate,
    known_digits,
    known_number,
    last_place_unit,
    union,
    without_short_decimals,
)
from tinygrad_hw.worksheet.rounding.written_number import read_number

SIGMOID, SLOPE = read_formula("sigmoid(z)"), read_formula("a*(1 - a)")


def activation(z: float) -> Admissible:
    return evaluate(SIGMOID, {"z": known_number(z)})


def test_a_given_number_has_no_width() -> None:
    x = known_number(0.1)
    assert x.honest == x.own == x.tight == x.own_tight
    assert x.honest.low == x.honest.high == x.unrounded == 0.1


@given(st.floats(-6, 6), st.integers(2, 6), st.sampled_from([ROUND_HALF_UP, ROUND_DOWN]))
def test_every_honest_way_on_is_admitted(z: float, figures: int, rounding: str) -> None:
    """Who writes a in some figures may use it as written, unrounded, or with a guard digit."""
    exact = 1 / (1 + math.exp(-z))
    assume(0.001 < exact < 0.999)
    cut = Context(prec=figures, rounding=rounding).create_decimal(Decimal(exact))
    guarded = Context(prec=figures + 1, rounding=rounding).create_decimal(Decimal(exact))
    a = admissible_if_honest(activation(z), read_number(str(cut)))
    slope = evaluate(SLOPE, {"a": a})
    for used in (float(cut), exact, float(guarded)):
        assert used in a.honest
        assert used * (1 - used) in slope.honest


def test_an_exact_number_stays_a_point() -> None:
    x = evaluate(read_formula("w*x"), {"w": known_number(0.5), "x": known_number(2.0)})
    assert admissible_if_honest(x, read_number("1.0")).honest == x.honest


def test_an_unwritten_number_may_be_rounded_as_the_sheet_asks() -> None:
    a = activation(0.7)
    assert admissible_if_unwritten(a, None) is a
    rounded = admissible_if_unwritten(a, ("figures", 2))
    assert 0.67 in rounded.honest
    assert 0.67 not in a.honest


def test_after_a_slip_what_is_right_and_what_was_written_part() -> None:
    a = activation(0.7)
    wrong = admissible_if_wrong(a, read_number("0.95"))
    assert not wrong.free_of_slips
    assert a.unrounded in wrong.honest
    assert a.unrounded not in wrong.own
    assert 0.95 in wrong.own
    slope = evaluate(SLOPE, {"a": wrong})
    follows = admissible_if_following(slope, slope, read_number("0.0475"))
    assert follows.honest == slope.honest
    assert 0.95 * 0.05 in follows.own


def test_what_the_slip_gives_is_known_to_more_digits_than_were_written() -> None:
    a = activation(0.7)
    made = evaluate(read_formula("1 - a"), {"a": a})
    wrong = admissible_if_wrong(a, read_number("0.33"), made)
    assert wrong.unrounded == made.unrounded
    assert wrong.own.high - wrong.own.low < 0.005


def test_the_union_holds_both_and_has_the_digits_of_the_first() -> None:
    first, second = known_number(1.0), known_digits(read_number("1.3"))
    both = union(first, second)
    assert both.by_habit == first.by_habit
    assert all(x in both.honest for x in (1.0, 1.3))
    assert union(first) is first


def test_a_widened_number_is_no_short_decimal() -> None:
    x = known_number(5.7)
    assert x.honest.short_decimal == 5.7
    assert without_short_decimals(x).honest.short_decimal is None


@pytest.mark.parametrize(
    ("number", "rounding", "unit"),
    [
        (2.58, ("figures", 3), 0.01),
        (-0.0258, ("figures", 2), 0.001),
        (2.58, ("decimals", 4), 0.0001),
        (0.0, ("figures", 3), 0.0),
    ],
)
def test_the_unit_of_the_last_digit(number: float, rounding: tuple[str, int], unit: float) -> None:
    assert last_place_unit(number, rounding) == pytest.approx(unit)
