"""Enclosures hold every value of a formula, and little more."""

from collections.abc import Iterator, Mapping

import mpmath
import numpy as np
import pytest
from fifty_digits import NAMES, NoNumberError, anything, exactly, long_ones
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinygrad_hw.symbolic import Formula, compute, names_in, read_formula
from tinygrad_hw.worksheet.rounding.enclosure import MOST_PIECES, enclose
from tinygrad_hw.worksheet.rounding.intervals import Interval, point

pytestmark = pytest.mark.usefixtures("fifty_digits")

ULP = 2.0**-52


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
            [float(i >> k & 1) for k in range(len(box))]
            if i < 2 ** len(box)
            else rng.random(len(box))
        )
        yield {
            name: min(max(x.low + (x.high - x.low) * share, x.low), x.high)
            for (name, x), share in zip(box.items(), shares, strict=True)
        }


@settings(max_examples=200)
@example("a**2 / 2", {name: point(1e-290) for name in NAMES})
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


@pytest.mark.parametrize(
    "formula", [pytest.param(formula, id=name) for name, formula in long_ones()]
)
def test_long_formulas_are_enclosed_without_recursion(formula: Formula) -> None:
    values = dict.fromkeys(names_in(formula), 1.0)
    assert compute(formula, values) in enclose(formula, dict.fromkeys(values, point(1.0)))
