"""Formulas are typeset as they are meant."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw.formatting import formula, typeset

NAMES = {"x": 1.25, "w_12": 0.75, "out_h1": 1.5}


def read_back(markup: str) -> str:
    """Return the Python of a formula as it is seen: what is raised is an exponent."""
    text = re.sub(r"</?var>|<sub>(\w*)</sub>", r"\1", markup.replace("<sub>", "<sub>_"))
    for seen, meant in (
        *(("<sup>", "**("), ("</sup>", ")"), ("·", "*"), ("×", "*"), ("−", "-"), ("\n", " ")),
    ):
        text = text.replace(seen, meant)
    return html.unescape(text)


formulas = st.recursive(
    st.sampled_from([*NAMES, "0.5", "2", "1.5", "3"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", "*", " - ", " / ", "/"]), inner).map("".join),
        inner.map("({})".format),
        inner.map("-({})".format),
        inner.map("abs({})".format),
        st.tuples(
            st.sampled_from([*NAMES, "2", "abs(x - 2)"]),
            st.sampled_from(["**", " ** ", "**-", "**+-"]),
            st.one_of(
                st.sampled_from([*NAMES, "0.5", "2", "x**2", "abs(x)"]), inner.map("({})".format)
            ),
        ).map("".join),
    ),
    max_leaves=6,
)


@given(formulas)
def test_a_formula_reads_as_what_it_computes(source: str) -> None:
    known = {**NAMES, "abs": abs}
    try:
        meant = eval(source, {}, known)  # of our own making
    except (OverflowError, ZeroDivisionError):
        return
    seen = eval(read_back(formula(source)), {}, known)
    assert seen == pytest.approx(meant, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("source", "markup"),
    [
        ("x**2", "<var>x</var><sup>2</sup>"),
        ("x**0.5", "<var>x</var><sup>0.5</sup>"),
        ("x ** -1 * y", "<var>x</var><sup>−1</sup> · <var>y</var>"),
        ("2**(n + 1)", "2<sup><var>n</var> + 1</sup>"),
        ("x**(a)**2", "<var>x</var><sup>(<var>a</var>)<sup>2</sup></sup>"),
        ("0.5 · (y - a)^2", "0.5 · (<var>y</var> − <var>a</var>)<sup>2</sup>"),
        ("x^-0.5", "<var>x</var><sup>−0.5</sup>"),
        ("1e-3*x", "1×10<sup>−3</sup> · <var>x</var>"),
        ("out_h1 * w", "out<sub>h1</sub> · <var>w</var>"),
        ("<b>&", "&lt;<var>b</var>&gt;&amp;"),
        ("x**(", "<var>x</var><sup></sup>"),
    ],
)
def test_a_formula_is_typeset(source: str, markup: str) -> None:
    assert formula(source) == markup


def test_a_power_in_a_sentence_is_raised() -> None:
    text = typeset("made without (y - a3)^2, or w^10. And 10^-4 stays")
    assert "</sub>)<sup>2</sup>, or w<sup>10</sup>. And" in text
    assert "</data>^<data" in text


def test_partials_in_a_formula_are_typeset_as_such() -> None:
    text = formula("-dE/dz * delta/dt + dE/dz1", ["dE/dz", "dE/dz1"])
    e = '<span class="slope">d<var>E</var>/d<var>z</var>'
    assert text.startswith(f"−{e}</span> · ")
    assert text.endswith(f" + {e}<sub>1</sub></span>")
    assert "<var>δ</var>/dt" in text


def test_a_power_of_a_thousand_powers_is_typeset() -> None:
    text = formula("w" + "**x" * 3_000)
    assert text.count("<sup>") == text.count("</sup>") == 20
    assert text.count("<var>x</var>") == 3_000
