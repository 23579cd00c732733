"""Formulas as text: they mean what the tree means, and look as on paper."""

import re
from collections.abc import Mapping

import mpmath
import pytest
from fifty_digits import anything, exactly, long_ones, of_tree, otherwise_skip, points
from hypothesis import given, settings

from tinygrad_hw.explain import formula_text
from tinygrad_hw.symbolic import Formula, add, divide, multiply, power, read_formula

pytestmark = pytest.mark.usefixtures("fifty_digits")


def read_back(text: str, values: Mapping[str, float]) -> mpmath.mpf:
    return exactly(text.replace("·", "*").replace("^", "**").replace("σ", "sigmoid"), values)


@settings(max_examples=200)
@given(anything, points)
def test_what_is_written_means_the_same(text: str, values: dict[str, float]) -> None:
    formula = read_formula(text)
    expected = otherwise_skip(of_tree, formula, values)
    found = otherwise_skip(read_back, formula_text(formula), values)
    assert abs(found - expected) <= mpmath.mpf(10) ** -9 * (1 + abs(expected))


ON_PAPER: list[tuple[Formula, str]] = [
    (read_formula("a*(1 - a)"), "a · (1 - a)"),
    (add("a", multiply(-1.0, "y")), "a - y"),
    (add(multiply(-1.0, "y"), "a"), "a - y"),
    (6.0, "6"),
    (-0.5, "-0.5"),
    (multiply(2.0, "a"), "2 · a"),
    (multiply(-1.0, "a", "b"), "-a · b"),
    (power("a", 2.0), "a^2"),
    (power(read_formula("1 - a"), 2.0), "(1 - a)^2"),
    (power("a", -1.0), "a^(-1)"),
    (read_formula("sigmoid(z)"), "σ(z)"),
    (read_formula("tanh(a + b)"), "tanh(a + b)"),
    (divide("a", read_formula("1 + b")), "a / (b + 1)"),
    (divide("a", multiply("b", "c")), "a / (b · c)"),
    (divide("a", divide("b", "c")), "a / (b / c)"),
    (power(multiply("a", "b"), 2.0), "(a · b)^2"),
    (power(divide("a", "b"), 2.0), "(a / b)^2"),
    (power(power("a", 2.0), 3.0), "(a^2)^3"),
    (power("a", power("b", 2.0)), "a^(b^2)"),
    (power("a", multiply("b", "c")), "a^(b · c)"),
]


@pytest.mark.parametrize(("formula", "text"), ON_PAPER, ids=[text for _, text in ON_PAPER])
def test_written_as_on_paper(formula: Formula, text: str) -> None:
    values = {"a": 0.7, "b": 0.3, "c": 1.7, "y": 0.9, "z": -0.2}
    written = formula_text(formula)
    assert read_back(written, values) == pytest.approx(of_tree(formula, values))
    assert re.sub(r"[() ]", "", written) == re.sub(r"[() ]", "", text)


@pytest.mark.parametrize(
    "formula", [pytest.param(formula, id=name) for name, formula in long_ones()]
)
def test_long_formulas_are_written_without_recursion(formula: Formula) -> None:
    assert formula_text(formula).count("w") in (0, 3000)
