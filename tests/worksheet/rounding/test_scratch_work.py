"""Numbers worked out with every step rounded, against decimal arithmetic of so many digits."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinygrad_hw.symbolic import read_formula
from tinygrad_hw.worksheet.marking.mark_sheet import mark
from tinygrad_hw.worksheet.rounding.scratch_work import StepRounding, results_in_steps
from tinygrad_hw.worksheet.rounding.written_number import read_number
from tinygrad_hw.worksheet.sheet.reader import parse_sheet

DECIMAL = {"half up": ROUND_HALF_UP, "half even": ROUND_HALF_EVEN, "cut": ROUND_DOWN}
numbers = st.decimals("-9", "9", allow_nan=False, places=3)


@pytest.mark.parametrize("way", DECIMAL)
@settings(max_examples=40)
@given(numbers, numbers, numbers, st.integers(2, 5))
@example(Decimal(0), Decimal("-0.731"), Decimal("1.125"), 5)  # 0.822375 is 82237.49999999999e-5
def test_steps_are_those_of_decimal_arithmetic(
    way: str, w: Decimal, x: Decimal, b: Decimal, figures: int
) -> None:
    """Decimal rounds the result of every operation to the digits of its context."""
    context = Context(prec=figures, rounding=DECIMAL[way])
    values = {name: [float(number)] for name, number in {"w": w, "x": x, "b": b}.items()}
    rounding = StepRounding("figures", figures, way)
    for formula, last in (
        ("w*x + b", context.add(context.multiply(w, x), b)),
        ("w*x*b", context.multiply(context.multiply(w, x), b)),
        (
            "w*x + x*b + b",
            context.add(context.add(context.multiply(w, x), context.multiply(x, b)), b),
        ),
        ("x*(1 - x)", context.multiply(x, context.subtract(Decimal(1), x))),
    ):
        results = results_in_steps(read_formula(formula), values, rounding)
        assert rounding.gives(results, read_number(str(last))), (formula, results)


def test_a_sigmoid_may_be_worked_out_by_its_power_of_e() -> None:
    """e^-0.7 = 0.497, 1 + 0.497 = 1.50, 1 / 1.50 = 0.667, where 0.668 is exact."""
    rounding = StepRounding("figures", 3, "half up")
    results = results_in_steps(read_formula("sigmoid(z)"), {"z": [0.7]}, rounding)
    assert [float(f"{x:.3g}") for x in results] == [0.668, 0.668, 0.667]


def test_decimals_are_rounded_too() -> None:
    """1.05 * 0.33 is 0.3465; in two decimals 0.35, and 0.35 * 1.5 = 0.525; exactly 0.51975."""
    values = {"a": [1.05], "b": [0.33], "c": [1.5]}
    rounding = StepRounding("decimals", 2, "half up")
    assert rounding.gives(
        results_in_steps(read_formula("a*b*c"), values, rounding), read_number("0.53")
    )


def test_what_has_no_value_gives_none() -> None:
    rounding = StepRounding("figures", 3, "cut")
    for formula, x in (("1/x", 0.0), ("sigmoid(x)", -1e4), ("exp(x)", 1e4), ("log(x)", -1.0)):
        results_in_steps(read_formula(formula), {"x": [x]}, rounding)  # raises nothing


SUM = """\
[given]
x1 = 1.23
x2 = 4.56
x3 = 7.89
[parameters]
w1 = 0.123
w2 = 0.234
w3 = 0.345
[forward]
z = "w1*x1 + w2*x2 + w3*x3"
y = "w1*x3 + w2*x1 + w3*x2"
E = "z*y"
[update]
loss = "E"
rate = 0.1
[answers.forward]
z = "{z}"
y = "{y}"
"""


def test_the_sheet_shows_the_habit_and_need_not_say_how_many_figures() -> None:
    """0.15 + 1.1 + 2.7 = 4.0 and 0.97 + 0.29 + 1.6 = 2.9; exactly 3.94 and 2.83."""
    for z, y, expected in (("4.0", "2.9", "rounded"), ("4.0", "2.8", "wrong")):
        items = mark(parse_sheet(SUM.format(z=z, y=y))).items
        assert items[0].verdict == expected, (z, y)
        assert items[1].verdict == ("rounded" if y == "2.9" else "exact")
