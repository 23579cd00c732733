"""Simplifying does what one would do by hand, and keeps the value."""

import mpmath
import pytest
from fifty_digits import NAMES, anything, exactly, of_tree, otherwise_skip, points
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.engine import ops
from tinygrad_hw.symbolic import Apply, Formula, names_in, read_formula, substitute

pytestmark = pytest.mark.usefixtures("fifty_digits")


@settings(max_examples=200)
@given(anything, points)
def test_simplifying_keeps_the_value(text: str, values: dict[str, float]) -> None:
    expected = otherwise_skip(exactly, text, values)
    found = otherwise_skip(of_tree, read_formula(text), values)
    assert abs(found - expected) <= mpmath.mpf(10) ** -30 * (1 + abs(expected))


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("a + 0", "a"),
        ("0 + a", "a"),
        ("a * 1", "a"),
        ("1 * a * 1", "a"),
        ("a * 0", 0.0),
        ("a / 1", "a"),
        ("0 / a", 0.0),
        ("a ** 1", "a"),
        ("a ** 0", 1.0),
        ("-(-a)", "a"),
        ("+a", "a"),
        ("2 + 3", 5.0),
        ("1 + a + 2", read_formula("a + 3")),
        ("2 * a * 4", read_formula("8 * a")),
        ("a / 4", read_formula("0.25 * a")),
        ("-(a - b)", read_formula("b - a")),
        ("a - (b - c)", read_formula("a - b + c")),
        ("(a * b) * c", read_formula("a * (b * c)")),
        ("1 / (1 + exp(-a))", read_formula("sigmoid(a)")),
        ("1 / (exp(-a) + 1)", read_formula("sigmoid(a)")),
        ("1 / (1 + exp(a))", read_formula("sigmoid(-a)")),
        ("2 * (a - b)**2 / 2", read_formula("(a - b)**2")),
    ],
)
def test_simplified_as_one_would_by_hand(text: str, simple: Formula) -> None:
    found = read_formula(text)
    assert found == simple or set_of_terms(found) == set_of_terms(simple)


def set_of_terms(formula: Formula) -> object:
    """A sum's terms in no order."""
    if isinstance(formula, Apply) and formula.operation is ops.add:
        return frozenset(formula.operands)
    return formula


def test_replacing_simplifies_anew() -> None:
    assert substitute(read_formula("a*b + c"), {"b": 0.0}) == "c"
    assert substitute(read_formula("(a + b)**2 * c"), {read_formula("a + b"): "s"}) == read_formula(
        "s**2 * c"
    )
    assert substitute("a", {"a": "b", "b": "c"}) == "b"  # at once, and not one after the other


@given(anything, st.sampled_from(NAMES), points)
def test_putting_a_number_for_a_name_keeps_the_value(
    text: str, name: str, values: dict[str, float]
) -> None:
    formula = read_formula(text)
    expected = otherwise_skip(of_tree, formula, values)
    put = substitute(formula, {name: values[name]})
    found = otherwise_skip(of_tree, put, values)
    assert abs(found - expected) <= mpmath.mpf(10) ** -12 * (1 + abs(expected)) * 1000
    assert name not in names_in(put)
