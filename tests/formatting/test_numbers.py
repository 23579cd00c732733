import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw.formatting.numbers import bracketed, number, updated_number


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (-6.4034e-7, "-6.403e-07"),
        (0.9819962649, "0.9820"),
        (6.0, "6"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (1234.5678, "1235"),
        (3.9989939, "3.999"),
        (123456.7, "1.235e+05"),
        (1e-5, "1e-05"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_four_significant_figures(x: float, text: str) -> None:
    assert number(x) == text


@given(st.floats(-1e300, 1e300))
def test_never_loses_more_than_the_fifth_figure_nor_shows_a_false_zero(x: float) -> None:
    shown = float(number(x))
    assert abs(shown - x) <= abs(x) * 5.0001e-4
    assert (shown == 0) == (x == 0)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (1.0, 1.0000000640343, "1.00000006403"),
        (-0.5, -0.4964862, "-0.496486"),
        (0.0, 0.00061784, "0.0006178"),
        (0.5, 0.5, "0.5"),
        (1.0, 1e30, "1e+30"),
        (0.0, 12345.6789, "1.235e+04"),
        (3.0, 1.0, "1"),
        (0.0, 1e-20, "1e-20"),
        (1.0, 1 + 2**-52, "1.0000000000000002"),
        (0.123456, 0.123456, "0.123456"),
        (-1 / 3, -1 / 3, "-0.3333333333333333"),
        (12345.0, 12345.0, "12345"),
        (-0.0, 0.0, "0"),
        (1.23456e-310, 1.23456e-310, "1.23456e-310"),
        (1.23456e-310, 1.23457e-310, "1.23457e-310"),
        (5e-324, 1.5e-323, "1.482e-323"),
        (-1.23456e308, 1.23456e308, "1.235e+308"),
    ],
)
def test_an_update_shows_four_figures_of_the_change(old: float, new: float, text: str) -> None:
    assert updated_number(old, new) == text


def test_brackets_round_negative_numbers() -> None:
    assert (bracketed(-2.0), bracketed(2.0)) == ("(-2)", "2")
