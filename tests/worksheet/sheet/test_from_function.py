"""A sheet from a Python function has the function's own numbers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw import Value
from tinygrad_hw.micrograd import MLP
from tinygrad_hw.symbolic import read_expression
from tinygrad_hw.worksheet import sheet_from
from tinygrad_hw.worksheet.sheet.model import Sheet, SheetError
from tinygrad_hw.worksheet.solution.solve import solve


def neuron(x: Any, y: Any, w: Any, b: Any) -> Any:
    z = w * x + b
    z.label = "z"
    a = z.sigmoid()
    a.label = "a"
    return (y - a) ** 2 / 2


def sources(sheet: Sheet) -> dict[str, str]:
    return {name: expression.source for name, expression in sheet.forward.items()}


def started(function: Callable[..., Any]) -> dict[str, str]:
    return sources(sheet_from(function, {"x": 2}, {"w": 0.5}, rate=0.1))


def test_labels_become_names_and_the_rest_is_written_in() -> None:
    sheet = sheet_from(
        neuron, {"x": 2, "y": 1}, {"w": 0.5, "b": -0.3}, rate=0.5, figures=4, title="One neuron"
    )
    assert sources(sheet) == {"z": "w*x + b", "a": "sigmoid(z)", "E": "(y - a)**2 / 2"}
    assert (sheet.given, sheet.parameters) == ({"x": 2, "y": 1}, {"w": 0.5, "b": -0.3})
    assert (sheet.loss, sheet.rate, sheet.rounding) == ("E", 0.5, ("figures", 4))
    assert sheet.title == "One neuron"
    assert solve(sheet).partials["dE/dw"] == pytest.approx(-0.14714, abs=1e-5)


def test_what_is_used_twice_or_is_long_gets_a_name() -> None:
    def twice(x: Any, w: Any) -> Any:
        d = w * x - 1
        return d * d

    def long(x: Any, w: Any) -> Any:
        total = w
        for _ in range(100):
            total = total + w * x
        return total

    assert started(twice) == {"t1": "w*x - 1", "E": "t1*t1"}
    assert all(len(source) < 250 for source in started(long).values())


def test_names_that_are_taken_or_impossible() -> None:
    def function(E: Any, t1: Any) -> Any:
        twice = E * t1
        twice.label = "not a name"
        result = twice + twice
        result.label = "lambda"
        return result

    sheet = sheet_from(function, {"E": 2}, {"t1": 0.5}, rate=0.1)
    assert sources(sheet) == {"t2": "E*t1", "E1": "t2 + t2"}

    def labelled(x: Any, w: Any) -> Any:
        result = w * x
        result.label = "loss"
        return result

    assert started(labelled) == {"loss": "w*x"}


def test_brackets_stand_only_where_they_change_something() -> None:
    assert started(lambda x, w: -(w**2) + (-w) ** 2 - (x - w)) == {"E": "-w**2 + (-w)**2 - (x - w)"}
    assert started(lambda x, w: w / (x * w) * (w / x)) == {"E": "(w / (x*w))*(w / x)"}
    assert started(lambda x, w: (w**x) ** -2.0 * -3) == {"E": "(w**x)**(-2)*(-3)"}
    assert started(lambda x, w: np.square(np.abs(+w)) + x * 1e-7) == {"E": "abs(w)**2 + x*1e-07"}


pieces = st.sampled_from(["x", "w", "b", "2", "0.25"])
formulas = st.recursive(
    pieces,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(
            "({0[0]}){0[1]}({0[2]})".format
        )
        | inner.map("-({})".format)
        | inner.map("({})**2".format)
        | st.tuples(st.sampled_from(["sigmoid", "tanh", "relu", "abs", "softplus"]), inner).map(
            "{0[0]}({0[1]})".format
        )
    ),
    max_leaves=12,
)


@given(formulas.map(lambda formula: f"w*({formula}) + ({formula})"), st.booleans())
def test_the_sheet_computes_what_the_function_does(formula: str, shared: bool) -> None:
    numbers = {"x": 1.5, "w": -0.5, "b": 0.75}
    expression = read_expression(formula)

    def function(**values: Any) -> Any:
        result = expression.evaluate(values)
        return result * result if shared else result

    with np.errstate(all="ignore"):
        expected = function(**{name: Value(x) for name, x in numbers.items()}).item()
        if not np.isfinite(expected):
            return
        sheet = sheet_from(function, {"x": 1.5}, {"w": -0.5, "b": 0.75}, rate=0.1)
        assert sheet.evaluate()["E"].item() == expected


def test_a_neuron_of_nn_is_written_as_a_sum() -> None:
    def function(x1: Any, x2: Any, w1: Any, w2: Any, b: Any) -> Any:
        layer = MLP(2, [1, 1]).layers[0]
        layer.neurons[0].w, layer.neurons[0].b = [w1, w2], b
        return layer([x1, x2])

    sheet = sheet_from(function, {"x1": 6, "x2": 1}, {"w1": 0.4, "w2": -0.3, "b": 0.1}, rate=0.1)
    assert sources(sheet) == {"E": "relu(w1*x1 + w2*x2 + b)"}
    assert sheet.evaluate()["E"].item() == pytest.approx(2.2)


def test_numpys_functions_have_a_sheets_names() -> None:
    def function(x: Value, w: Value) -> Value:
        return np.maximum(np.minimum(w, 2.0), x) + np.log(np.sin(w)) + np.log10(w)  # type: ignore[no-any-return]

    sheet = sheet_from(function, {"x": 0.5}, {"w": 1.0}, rate=0.1)
    assert sources(sheet) == {"E": "max(min(w, 2), x) + log(sin(w)) + log10(w)"}
    assert sheet.evaluate()["E"].item() == pytest.approx(1 + math.log(math.sin(1)))


outer = Value(3.0, label="outer")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x, w: np.sinh(w * x),
            r"uses sinh, which a sheet has not; it has \+ - \* / \*\* and",
        ),
        (lambda x, w: w * np.hypot(x, 1), "uses hypot, which a sheet has not"),
        (lambda x, w: np.sum(w * np.ones(3)), "uses an array|gives an array|uses sum"),
        (lambda x, w: w * np.ones(3), "one number"),
        (lambda x, w: 3.0, r"returns 3\.0; return a Value that is one number"),
        (lambda x, w: w, "computes nothing"),
        (lambda x, w: w * outer, "uses outer, which it was not given"),
        (lambda x, w: w * Value(2.0), "uses a Value, which it was not given"),
        (lambda x, w: w * float("inf"), "uses the number inf"),
        (lambda x, w, q: w * x, "missing a required argument: 'q'; it is called with .*: x, w"),
        (lambda x: x * 2, "unexpected keyword argument 'w'"),
    ],
)
def test_what_no_sheet_can_be_started_from(function: Callable[..., Any], message: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(SheetError, match=message) as caught:
        started(function)
    assert "\n" not in str(caught.value)


def test_two_values_of_one_label_and_a_number_that_is_bad() -> None:
    def function(x: Any, w: Any) -> Any:
        first, second = w * x, w + x
        first.label = second.label = "h"
        return first * second

    with pytest.raises(SheetError, match="two values are labelled h; give each a label of its own"):
        started(function)
    with pytest.raises(SheetError, match="w should be a finite number"):
        sheet_from(lambda x, w: w * x, {"x": 1}, {"w": float("nan")}, rate=0.1)
    with pytest.raises(SheetError, match="figures should be a whole number"):
        sheet_from(lambda x, w: w * x, {"x": 1}, {"w": 1}, rate=0.1, figures=0)
