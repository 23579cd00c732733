"""What cancels, and that a shortened formula has the same value."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.explain import formula_text
from tinygrad_hw.symbolic import cancel, compute, differentiate, node_count, read_formula


@pytest.mark.parametrize(
    ("written", "simplified"),
    [
        ("1/(1-a)*(1-y) - 1/a*y", "(a - y) / (a · (1 - a))"),
        ("(1/(1-a)*(1-y) - 1/a*y)*(a*(1-a))*x", "(a - y) · x"),
        ("-4*(1/3)*(y-m)", "4/3 · (m - y)"),
        ("2*(1/3)*((y-a)*x*w+b)", "2/3 · ((y - a) · x · w + b)"),
        ("0.6666666666666666*x", "2/3 · x"),
        ("-0.5*2*(1/3)*(y-a)", "(a - y) / 3"),
        ("2*(y-a)*(1/6)", "(y - a) / 3"),
        ("(-y)/p", "-y / p"),
        ("a/b*b", "a"),
        ("x**2/x", "x"),
        ("x*exp(z)/exp(z)**2", "x / exp(z)"),
        ("(x+y)*(1/3) + x/3", "(2 · x + y) / 3"),
        ("y/p*p - y", "0"),
        ("-0.25*(1/p)*y", "-0.25 · y / p"),
        ("3*(1/p)*y", "3 · y / p"),
        # What is as short as it is stays as it is written.
        ("x*y*w + c - a*x", "x · y · w + c - a · x"),
        ("(a4 - y)*(a4*(1 - a4))*1", "(a4 - y) · a4 · (1 - a4)"),
        ("x/0*x", "x / 0 · x"),
        ("5e-324*x/x", "4.940656458e-324 · x / x"),
    ],
)
def test_what_cancels(written: str, simplified: str) -> None:
    assert formula_text(cancel(read_formula(written))) == simplified


def test_a_softmax_is_written_in_its_results() -> None:
    total = "(exp(z1) + exp(z2))"
    softmax = {f"p{i}": read_formula(f"exp(z{i})/{total}") for i in (1, 2)}
    by_itself, by_another = (differentiate(softmax["p1"], z) for z in ("z1", "z2"))
    assert formula_text(cancel(by_itself, softmax)) == "p1 · (1 - p1)"
    assert formula_text(cancel(by_another, softmax)) == "-p1 · p2"


def test_names_that_add_up_to_1_fall_away_where_their_sum_is_a_factor() -> None:
    formula = read_formula("p*y1 + p*y2 + p*y3 - y1")
    assert formula_text(cancel(formula, ones=[frozenset({"y1", "y2", "y3"})])) == "p - y1"
    for others in ({"y1", "y2"}, {"y1", "y2", "y3", "y4"}):
        assert cancel(formula, ones=[frozenset(others)]) != read_formula("p - y1")


ATOMS = st.sampled_from(["a", "b", "c", "x", "2", "0.5", "3", "(1/3)", "0.1", "-1"])


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def two(sign: str) -> Callable[[tuple[str, str]], str]:
        return lambda pair: f"({pair[0]} {sign} {pair[1]})"

    pairs = st.tuples(inner, inner)
    return st.one_of(
        *(pairs.map(two(sign)) for sign in "+-*/*/"),
        st.tuples(inner, st.sampled_from(["2", "3", "(-1)", "0"])).map(
            lambda p: f"({p[0]})**{p[1]}"
        ),
        inner.map(lambda p: f"exp({p})"),
        inner.map(lambda p: f"(1 - {p})"),
    )


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.recursive(ATOMS, compound, max_leaves=10))
@np.errstate(all="ignore")
def test_a_shortened_formula_has_the_same_value(source: str) -> None:
    values = {"b": 1.31, "c": 0.77, "x": 1.93, "a": 1.31 / 0.77}
    formula = read_formula(source)
    before = compute(formula, values)
    for known in ({}, {"a": read_formula("b/c")}):
        shortened = cancel(formula, known)
        assert node_count(shortened) <= node_count(formula) + 4  # a long number is a quotient
        if math.isfinite(before):
            after = compute(shortened, values)
            assert after == pytest.approx(before, rel=1e-6, abs=1e-9), formula_text(shortened)
