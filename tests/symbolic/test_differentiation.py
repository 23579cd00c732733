"""Derivatives of formulas: right to fifty digits, and as a student writes them."""

import math

import mpmath
import pytest
from fifty_digits import (
    NAMES,
    anything,
    exactly,
    long_ones,
    of_tree,
    otherwise_skip,
    points,
    smooth,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinygrad_hw.engine import Value
from tinygrad_hw.explain import formula_text
from tinygrad_hw.symbolic import (
    Formula,
    compute,
    differentiate,
    names_in,
    read_expression,
    read_formula,
)

pytestmark = pytest.mark.usefixtures("fifty_digits")


@settings(max_examples=150)
@given(smooth, st.sampled_from(NAMES), points)
def test_derivatives_are_those_of_fifty_digits(
    text: str, name: str, values: dict[str, float]
) -> None:
    expected_value = otherwise_skip(exactly, text, values)
    slope = differentiate(read_formula(text), name)
    found = otherwise_skip(of_tree, slope, values)

    def along(x: mpmath.mpf) -> mpmath.mpf:
        return exactly(text, values | {name: x})

    expected = otherwise_skip(mpmath.diff, along, mpmath.mpf(values[name]))
    assume(mpmath.isfinite(expected))
    scale = 1 + abs(expected) + abs(expected_value)
    assert abs(found - expected) <= mpmath.mpf(10) ** -12 * scale


@settings(max_examples=150)
@given(anything, points)
def test_derivatives_are_the_engines(text: str, values: dict[str, float]) -> None:
    """At kinks as well; held against what the engine finds by its own, stabler rules."""
    nodes = {name: Value(x, name) for name, x in values.items()}
    result = read_expression(text).evaluate(nodes)
    assume(math.isfinite(result.data) and not result.constant)
    result.backward()
    for name, node in nodes.items():
        slope = differentiate(read_formula(text), name)
        engine = 0.0 if node.grad is None else float(node.grad)
        exact = otherwise_skip(of_tree, slope, values)
        assume(math.isfinite(engine))
        assume(abs(engine) < 1e100)
        assert abs(float(exact) - engine) <= 1e-7 * (1 + abs(engine))


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        ("w*a + b", "a"),
        ("sigmoid(w)", "sigmoid(w) · (1 - sigmoid(w))"),
        ("tanh(w)", "1 - tanh(w)^2"),
        ("w**2", "2 · w"),
        ("(a - w)**2 / 2", "-(a - w)"),
        ("7", "0"),
        ("b", "0"),
        ("w", "1"),
        ("exp(w)", "exp(w)"),
        ("log(w)", "1 / w"),
    ],
)
def test_a_derivative_as_a_student_writes_it(text: str, slope: str) -> None:
    found = differentiate(read_formula(text), "w")
    values = {"w": 0.7, "a": 0.3, "b": -0.2}
    wanted = read_formula(slope.replace("·", "*").replace("^", "**"))
    assert compute(found, values) == pytest.approx(compute(wanted, values), rel=1e-14)
    assert len(formula_text(found)) <= len(slope)


@pytest.mark.parametrize(
    "formula", [pytest.param(formula, id=name) for name, formula in long_ones()]
)
def test_long_formulas_are_differentiated_without_recursion(formula: Formula) -> None:
    values = dict.fromkeys(names_in(formula), 1.0)
    assert abs(compute(differentiate(formula, "a"), values)) in (0.0, 3000.0)
