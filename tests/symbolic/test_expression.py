import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw import Value
from tinygrad_hw.symbolic import ExpressionError, is_name, read_expression

NAMES = {"x": 1.5, "y": -0.5, "z": 2.0}


def evaluate(source: str) -> float:
    return read_expression(source).evaluate({k: Value(v, k) for k, v in NAMES.items()}).item()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x", 1.5),
        ("7", 7.0),
        ("-x + +y", -2.0),
        ("x*y - z/4", -1.25),
        ("2**-1", 0.5),
        ("-2**2", -4.0),
        ("2**3**2", 512.0),
        ("(x - y)**2 / 2", 2.0),
        ("3/2", 1.5),  # every number is a float
        ("sigmoid(0)", 0.5),
        ("tanh(x)", math.tanh(1.5)),
        ("relu(y) + relu(x)", 1.5),
        ("exp(log(z))", 2.0),
        ("sqrt(abs(-4))", 2.0),
        ("softplus(0)", math.log(2)),
        ("  x  ", 1.5),
        ("z^2", 4.0),
        ("-z^2^x", -(2.0**2.0**1.5)),
        ("ln(z) - log(z)", 0.0),
        ("log10(1000)", 3.0),
        ("sin(x)**2 + cos(x)**2", 1.0),
        ("tan(y)", math.tan(-0.5)),
        ("max(x, y)", 1.5),
        ("min(x, y, z)", -0.5),
        ("max(x, y, z, 7)", 7.0),
    ],
)
def test_value(source: str, expected: float) -> None:
    assert evaluate(source) == pytest.approx(expected, rel=1e-15)


numbers = st.floats(0.25, 4).map(lambda x: f"{x!r}")
trees = st.recursive(
    numbers | st.sampled_from(sorted(NAMES)),
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*"), inner).map("({0[0]}{0[1]}{0[2]})".format)
        | inner.map("-({})".format)
    ),
    max_leaves=20,
)


@given(trees)
def test_agrees_with_python_on_arithmetic(source: str) -> None:
    assert evaluate(source) == eval(source, {}, NAMES)


def test_what_is_printed_and_pasted_is_read() -> None:
    for typeset, plain in {
        "x − y": "x - y",
        "−x × y": "-x * y",
        "x·y ⋅ 2": "x * y * 2",
        "(x - y)² / 2": "(x - y)**2 / 2",
        "x²³ + 2*x⁴": "x**23 + 2*x**4",
        "x³ + y^2": "x**3 + y**2",
    }.items():
        assert read_expression(typeset).instructions == read_expression(plain).instructions


def test_operands_before_operations_and_names_once() -> None:
    expression = read_expression("x*y + x")
    assert expression.names == ("x", "y")
    result = expression.evaluate({k: Value(v, k) for k, v in NAMES.items()})
    result.backward()
    assert [node.label for node in result.inputs[0].inputs] == ["x", "y"]


def test_a_name_alone_is_a_node_of_its_own() -> None:
    x = Value(2.0, "x")
    result = read_expression("x").evaluate({"x": x})
    assert result is not x
    result.backward()
    assert x.grad == 1.0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("__import__('os')", r"uses '__import__' as a function; known are sigmoid, tanh"),
        ("x.real", "contains 'x.real'; allowed are"),
        ("x[0]", r"contains 'x\[0\]'; allowed are"),
        ("x if y else z", "contains 'x if y else z'"),
        ("lambda: x", "contains 'lambda: x'"),
        ("x < y", "contains 'x < y'"),
        ("x and y", "contains 'x and y'"),
        ("x // y", "contains 'x // y'"),
        ("x % y", "contains 'x % y'"),
        ("x @ y", "contains 'x @ y'"),
        ("~x", "contains '~x'"),
        ("(x, y)", r"contains '\(x, y\)'"),
        ("[x for x in y]", "contains"),
        ("f'{x}'", "contains"),
        ("(x := 2)", "contains"),
        ("'x'", "contains 'x', which is not a number"),
        ("True", "contains 'True', which is not a number"),
        ("1j", "contains '1j', which is not a number"),
        ("...", "contains 'Ellipsis', which is not a number"),
        ("1e999", "a number too large"),
        ("9" * 5000, "is not arithmetic|a number too large"),
        ("sigmoid(x, y)", r"gives sigmoid\(\) something other than one operand"),
        ("max(x)", r"gives max\(\) something other than two operands or more"),
        ("max(x, *y)", r"gives max\(\) something other than two"),
        ("min(x, key=y)", r"gives min\(\) something other than two"),
        ("sin(x, y)", r"gives sin\(\) something other than one operand"),
        ("sigmoid()", r"gives sigmoid\(\) something"),
        ("sigmoid(*x)", r"gives sigmoid\(\) something"),
        ("sigmoid(x=y)", r"gives sigmoid\(\) something"),
        ("(sigmoid)(x)(y)", "a product is written with \\*"),
        ("", "is not arithmetic"),
        ("x +", "is not arithmetic"),
        ("x = y", "is not arithmetic"),
        ("import os", "is not arithmetic"),
        ("x\0y", "a character that cannot be seen"),
        ("(" * 1000 + "x" + ")" * 1000, "is not arithmetic"),
        ("-" * 9000 + "x", "is not arithmetic: it is too long or nested too deeply"),
        ("(" * 10**5 + "x" + ")" * 10**5, "is 200,001 characters long; the limit is 10,000"),
        ("2(3)", r"contains '2\(3\)'; a product is written with \*"),
        ("2x", r"is not arithmetic: invalid decimal literal .*; a product is written with \*"),
        ("x(y + 1)", r"uses 'x' as a function; known are .*; a product is written with \*"),
        ("sinh(x)", "uses 'sinh' as a function; known are .*, softmax, sum, mean, concat, conv$"),
        ("0,5*x", r"contains '0,5\*x'; a decimal point is no comma"),
        ("1if 2else 3", "contains|not arithmetic"),
        (r"'\d'", "is not a number"),
        ("x # \x1b[2J", "contains a # or a character that cannot be seen"),
        ("x\u202e", "contains a # or a character that cannot be seen"),
    ],
)
def test_refused(source: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        read_expression(source)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.text(max_size=60) | st.text(alphabet="xyz0123456789+-*/()., e", max_size=60))
def test_any_text_is_read_or_refused(source: str) -> None:
    try:
        expression = read_expression(source)
    except ExpressionError:
        return
    values = {name: Value(1.5, name) for name in expression.names}
    with np.errstate(all="ignore"):
        assert isinstance(expression.evaluate(values), Value)


def test_long_sums_do_not_recurse() -> None:
    assert evaluate("+".join(["x"] * 900)) == 900 * 1.5


def test_a_tower_of_powers_is_a_float() -> None:
    with np.errstate(all="ignore"):
        assert evaluate("9**9**9") == math.inf


@pytest.mark.parametrize(
    ("text", "good"),
    [("w1", True), ("ŷ", True), ("sigmoid", False), ("1w", False), ("a b", False), ("ﬁ", False)],
)
def test_is_name(text: str, good: bool) -> None:
    assert is_name(text) is good
