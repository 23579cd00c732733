"""Formulas computed with floats."""

import math

import pytest
from fifty_digits import anything, exactly, long_ones, otherwise_skip, points
from hypothesis import assume, given, settings

from tinygrad_hw.engine import Value
from tinygrad_hw.symbolic import Formula, compute, names_in, read_expression, read_formula

pytestmark = pytest.mark.usefixtures("fifty_digits")


@settings(max_examples=100)
@given(anything, points)
def test_computing_agrees_with_the_engine(text: str, values: dict[str, float]) -> None:
    """Where no digits are lost: there a form that is simplified may be the better one."""
    expected = otherwise_skip(exactly, text, values)
    engine = float(read_expression(text).evaluate({n: Value(x, n) for n, x in values.items()}).data)
    assume(abs(engine - float(expected)) <= 1e-13 * abs(float(expected)))
    assert compute(read_formula(text), values) == pytest.approx(float(expected), rel=1e-9)


def test_what_cannot_be_computed_is_nan() -> None:
    for text in ("1/a", "log(-1 - a**2)", "a**-1", "exp(1000)*a", "sqrt(a - 1)"):
        assert not math.isfinite(compute(read_formula(text), {"a": 0.0}))


@pytest.mark.parametrize(
    "formula", [pytest.param(formula, id=name) for name, formula in long_ones()]
)
def test_long_formulas_are_computed_without_recursion(formula: Formula) -> None:
    values = dict.fromkeys(names_in(formula), 1.0)
    assert abs(compute(formula, values)) in (1.0, 3000.0)
