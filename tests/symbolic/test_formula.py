"""Formulas as trees: what they enclose, their derivatives, what simplifying keeps, and the text."""

import math
import re
from collections.abc import Callable, Iterator, Mapping

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core import ops
from tinygrad_hw.explain import formula_text
from tinygrad_hw.symbolic import (
    Apply,
    Formula,
    add,
    compute,
    differentiate,
    divide,
    multiply,
    names_in,
    power,
    read_expression,
    read_formula,
    substitute,
)
from tinygrad_hw.worksheet.rounding.enclosure import MOST_PIECES, enclose
from tinygrad_hw.worksheet.rounding.intervals import Interval, point

ULP = 2.0**-52
NAMES = "abc"


@pytest.fixture(autouse=True)
def fifty_digits() -> Iterator[None]:
    mpmath.mp.dps = 50
    with np.errstate(all="ignore"):
        yield


# --- A second opinion: the text, evaluated with fifty digits --------------------------------------


def mp_sigmoid(x: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-x))


WORDS = {
    "sigmoid": mp_sigmoid,
    "tanh": mpmath.tanh,
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sqrt": mpmath.sqrt,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "abs": abs,
    "sign": mpmath.sign,
    "mpf": mpmath.mpf,
}


class NoNumberError(Exception):
    """The expression has no finite real value there."""


def exactly(text: str, values: Mapping[str, float]) -> mpmath.mpf:
    """Evaluate a text of the sheet language; Python's own grammar, fifty digits."""
    code = re.sub(r"(?<![\w.])(\d+\.?\d*(?:e[+-]?\d+)?)", r"mpf('\1')", text)
    known = {name: mpmath.mpf(x) for name, x in values.items()}
    try:
        result = eval(code, {"__builtins__": {}, "max": max}, WORDS | known)
    except (ZeroDivisionError, OverflowError, ValueError, TypeError):
        raise NoNumberError from None
    if isinstance(result, mpmath.mpc) or not mpmath.isfinite(result) or abs(result) > 1e200:
        raise NoNumberError
    return result


def of_tree(formula: Formula, values: Mapping[str, float]) -> mpmath.mpf:
    """Evaluate a tree with fifty digits."""
    if isinstance(formula, str):
        return mpmath.mpf(values[formula])
    if isinstance(formula, float):
        return mpmath.mpf(formula)
    operands = [of_tree(operand, values) for operand in formula.operands]
    try:
        if formula.operation is ops.add:
            result = mpmath.fsum(operands)
        elif formula.operation is ops.mul:
            result = mpmath.fprod(operands)
        elif formula.operation is ops.div:
            result = operands[0] / operands[1]
        elif formula.operation is ops.pow:
            result = mpmath.power(*operands)
        else:
            result = WORDS[formula.operation.name](*operands)
    except (ZeroDivisionError, OverflowError, ValueError, TypeError):
        raise NoNumberError from None
    if isinstance(result, mpmath.mpc) or not mpmath.isfinite(result):
        raise NoNumberError
    return result


def otherwise_skip(function: Callable[..., mpmath.mpf], *arguments: object) -> mpmath.mpf:
    try:
        return function(*arguments)
    except NoNumberError:
        assume(False)
        raise


# --- Random formulas ------------------------------------------------------------------------------

constants = st.sampled_from(["0", "1", "2", "4", "0.5", "0.25", "3", "8"])
leaves = st.sampled_from(NAMES) | st.sampled_from(NAMES) | constants
SMOOTH = ("sigmoid", "tanh", "exp", "softplus")
KINKED = ("relu", "abs")
PARTLY = ("log", "sqrt")  # defined on a part of the line


def texts(functions: tuple[str, ...], most: int = 8) -> st.SearchStrategy[str]:
    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return (
            st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner)
            | st.builds("({} / {})".format, inner, st.sampled_from(["2", "4", "a", "(1 + b**2)"]))
            | st.builds("({} / {})".format, inner, inner)
            | st.builds("(-{})".format, inner)
            | st.builds("({})**{}".format, inner, st.sampled_from(["2", "3", "-1", "0", "1"]))
            | st.builds("{}({})".format, st.sampled_from(functions), inner)
            | st.builds("(1 / (1 + exp(-({}))))".format, inner)
        )

    return st.recursive(leaves, larger, max_leaves=most)


anything = texts(SMOOTH + KINKED + PARTLY)
smooth = texts(SMOOTH + PARTLY)
points = st.fixed_dictionaries(
    {name: st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3) for name in NAMES}
)


@st.composite
def boxes(draw: st.DrawFn) -> dict[str, Interval]:
    """An interval for each name, as a written number of some digits has."""
    box = {}
    for name in NAMES:
        middle = draw(st.floats(-3, 3))
        width = draw(st.sampled_from([0.0, 1e-6, 1e-3, 0.05, 1.0]))
        box[name] = Interval(middle - width, middle + width)
    return box


def samples(box: Mapping[str, Interval], count: int) -> Iterator[dict[str, float]]:
    """Points of a box: its corners first, then some within."""
    rng = np.random.default_rng(7)
    for i in range(count):
        shares = (
            [float(i >> k & 1) for k in range(len(box))] if i < 2 ** len(box) else rng.random(3)
        )
        yield {
            name: min(max(x.low + (x.high - x.low) * share, x.low), x.high)
            for (name, x), share in zip(box.items(), shares, strict=False)
        }


# --- Reading and simplifying ----------------------------------------------------------------------


@settings(max_examples=200)
@given(anything, points)
def test_simplifying_keeps_the_value(text: str, values: dict[str, float]) -> None:
    expected = otherwise_skip(exactly, text, values)
    found = otherwise_skip(of_tree, read_formula(text), values)
    assert abs(found - expected) <= mpmath.mpf(10) ** -30 * (1 + abs(expected))


@settings(max_examples=100)
@given(anything, points)
def test_computing_agrees_with_the_engine(text: str, values: dict[str, float]) -> None:
    """Where no digits are lost: there a form that is simplified may be the better one."""
    expected = otherwise_skip(exactly, text, values)
    engine = float(read_expression(text).evaluate({n: Value(x, n) for n, x in values.items()}).data)
    assume(abs(engine - float(expected)) <= 1e-13 * abs(float(expected)))
    assert compute(read_formula(text), values) == pytest.approx(float(expected), rel=1e-9)


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


def test_names_and_how_often() -> None:
    assert names_in(read_formula("a*(1 - a) + b/a + 3")) == {"a": 3, "b": 1}
    assert names_in(2.0) == {}


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


def test_what_cannot_be_computed_is_nan() -> None:
    for text in ("1/a", "log(-1 - a**2)", "a**-1", "exp(1000)*a", "sqrt(a - 1)"):
        assert not math.isfinite(compute(read_formula(text), {"a": 0.0}))


# --- Differentiating ------------------------------------------------------------------------------


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


# --- Enclosing ------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(anything, boxes())
def test_every_value_is_enclosed(text: str, box: dict[str, Interval]) -> None:
    enclosure = enclose(read_formula(text), box)
    for values in samples(box, 16):
        try:
            exact = exactly(text, values)
        except NoNumberError:
            continue
        assert mpmath.mpf(enclosure.low) <= exact <= mpmath.mpf(enclosure.high)


@pytest.mark.parametrize(
    "text", ["a*b + c", "a - b*c", "sigmoid(a)*b", "(a - b)**3 + c", "exp(a) + tanh(b) - c/4"]
)
@given(box=boxes())
def test_names_that_occur_once_do_not_widen(text: str, box: dict[str, Interval]) -> None:
    corners = [exactly(text, values) for values in samples(box, 8)]
    enclosure = enclose(read_formula(text), box)
    slack = (
        60 * ULP * (1 + max(abs(x) for x in corners) + sum(x.magnitude**3 for x in box.values()))
    )
    assert enclosure.low >= float(min(corners)) - slack
    assert enclosure.high <= float(max(corners)) + slack


ONE_NAME: list[tuple[str, list[float], tuple[float, float]]] = [
    ("a*(1 - a)", [0.5], (-2.0, 3.0)),  # where it turns, and where it is drawn from
    ("1 - a**2", [0.0], (-2.0, 2.0)),
    ("1 - a*a", [0.0], (-2.0, 2.0)),
    ("a/(1 + a)", [], (0.0, 5.0)),
    ("a**2 - a", [0.5], (-2.0, 3.0)),
    ("sigmoid(a)*(1 - sigmoid(a))", [0.0], (-6.0, 6.0)),
    ("exp(a)/(1 + exp(a))", [], (-6.0, 6.0)),
    ("(1 - a)**2/2 + a", [0.0], (-2.0, 2.0)),
    ("a - a", [], (-3.0, 3.0)),
    ("a*a*a - 3*a", [-1.0, 1.0], (-2.5, 2.5)),
    ("a*exp(-a)", [1.0], (-1.0, 4.0)),
    ("a + 1/a", [1.0], (0.2, 4.0)),
]


@pytest.mark.parametrize(("text", "turns", "domain"), ONE_NAME, ids=[case[0] for case in ONE_NAME])
@given(data=st.data())
def test_a_repeated_name_hardly_widens(
    text: str, turns: list[float], domain: tuple[float, float], data: st.DataObject
) -> None:
    """A few units in the last place where the function goes one way, else 1/32 of a's width.

    Of a wide interval it may not be seen that the function goes one way.
    """
    low = data.draw(st.floats(*domain))
    width = data.draw(st.sampled_from([0.0, 1e-13, 1e-8, 5e-5, 5e-3, 0.3, 2.0]))
    x = Interval(low, min(low + width, domain[1]))
    inside = [x.low, x.high, *(turn for turn in turns if x.low <= turn <= x.high)]
    exact = [exactly(text, {"a": number}) for number in inside]
    enclosure = enclose(read_formula(text), {"a": x})
    assert mpmath.mpf(enclosure.low) <= min(exact)
    assert max(exact) <= mpmath.mpf(enclosure.high)
    steepest = 1 + max(abs(exactly(slope_of(text), {"a": end})) for end in inside)
    slack = 1e-11 * (1 + x.magnitude**3)  # a number is one whose width is less than 1e-12 of it
    width = x.high - x.low
    if width > 0.01 or any(x.low - width <= turn <= x.high + width for turn in turns):
        slack += float(steepest) * width / 32
    assert enclosure.low >= float(min(exact)) - slack
    assert enclosure.high <= float(max(exact)) + slack


def slope_of(text: str) -> str:
    """A bound of the slopes of the parts of a function of ``a``."""
    return {"a + 1/a": "1 + 1/a**2", "a*exp(-a)": "(1 + abs(a))*exp(-a)"}.get(
        text, "3 + 3*a*a + 2*abs(a)"
    )


@given(st.floats(0.001, 0.999), st.integers(3, 6))
def test_the_sigmoids_slope_from_a_written_activation(a: float, figures: int) -> None:
    """As it is needed: a is known to half a unit, and a(1 - a) is as well known as that allows."""
    unit = 10.0**-figures
    box = Interval(max(a - unit / 2, 0.0), min(a + unit / 2, 1.0))
    enclosure = enclose(read_formula("a*(1 - a)"), {"a": box})
    ends = [x * (1 - x) for x in (box.low, box.high)] + [0.25] * (0.5 in box)
    slack = 1e-14 + (unit / 32 if 0.5 in box else 0)
    assert enclosure.low >= min(ends) - slack
    assert enclosure.high <= max(ends) + slack


def test_two_repeated_names() -> None:
    box = {"a": Interval(1.0, 2.0), "b": Interval(3.0, 4.0)}
    enclosure = enclose(read_formula("(a - b)/(a + b)"), box)
    assert enclosure.low == pytest.approx(-0.6, rel=1e-12)
    assert enclosure.high == pytest.approx(-0.2, rel=1e-12)


def test_points_give_points() -> None:
    box = {"a": point(0.3), "b": point(0.7)}
    assert enclose(read_formula("a*(1 - a) + b*a"), box).is_point
    assert MOST_PIECES >= 32


# --- Long ones ------------------------------------------------------------------------------------


def long_ones() -> list[tuple[str, Formula]]:
    many = [f"w{i}" for i in range(3000)]
    return [
        ("a sum of one name", add(*["a"] * 3000)),
        ("a product", multiply(*many)),
        ("a difference of products", add(*(multiply(-1.0, x, "a") for x in many))),
    ]


@pytest.mark.parametrize(
    "formula", [pytest.param(formula, id=name) for name, formula in long_ones()]
)
def test_long_sums_and_products_do_not_recurse(formula: Formula) -> None:
    values = dict.fromkeys(names_in(formula), 1.0)
    assert abs(compute(formula, values)) in (1.0, 3000.0)
    box = dict.fromkeys(values, point(1.0))
    assert compute(formula, values) in enclose(formula, box)
    assert abs(compute(differentiate(formula, "a"), values)) in (0.0, 3000.0)
    assert formula_text(formula).count("w") in (0, 3000)


@pytest.mark.parametrize("sign", ["+", "-", "*"])
def test_a_long_text_is_read_without_recursion(sign: str) -> None:
    text = f" {sign} ".join(["a"] * 900)
    read_expression(text)
    assert names_in(read_formula(text)) == {"a": 900}


# --- Writing --------------------------------------------------------------------------------------


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
