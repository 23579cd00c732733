"""Formulas on vectors and matrices expand to scalar ones that give NumPy's values."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw.symbolic import ExpressionError, compute, is_name, read_expression, read_formula
from tinygrad_hw.symbolic.arrays import ARRAY_FUNCTIONS, element_names, expand_formula

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "x": RANDOM.uniform(0.5, 1.5, 2),
    "v": RANDOM.uniform(0.5, 1.5, 3),
    "W": RANDOM.uniform(0.5, 1.5, (3, 2)),
    "X": RANDOM.uniform(0.5, 1.5, (4, 2)),
    "s": np.asarray(0.7),
}
SHAPES = {name: array.shape for name, array in ARRAYS.items() if array.ndim}
VALUES = {
    element: float(x)
    for name, array in ARRAYS.items()
    for element, x in zip(element_names(name, array.shape), array.flat, strict=True)
}


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


NUMPY = {"softmax": softmax, "sum": np.sum, "mean": np.mean, "exp": np.exp, "ln": np.log}
NUMPY |= {"tanh": np.tanh, "max": lambda *x: np.max(x[0]) if len(x) == 1 else np.maximum(*x)}


def value_of(source: str) -> np.ndarray:
    """Return the value of what a formula expands to, as an array."""
    shape, formulas = expand_formula(source, SHAPES)
    trees = [read_formula(read_expression(formula).source) for formula in formulas]
    return np.array([compute(tree, VALUES) for tree in trees]).reshape(shape)


@pytest.mark.parametrize(
    "source",
    [
        "W @ x + v",
        "x @ W.T",
        "X @ W.T + v",
        "W.T @ (W @ x)",
        "x @ x",
        "softmax(W @ x - v)",
        "softmax(X @ W.T)",
        "-sum(v*ln(softmax(W @ x)))",
        "mean((X - x)**2) / 2",
        "sum(tanh(X)) - 2*x**-2",
        "max(v) * max(x, 1) - max(X)",
        "s*(W - 1) / x",
        "-x**2 - (x - (x + 1))",
        "softmax([s, 2*s, 1])",
        "[x, 2*x] @ x",
    ],
)
def test_the_values_are_numpy_s(source: str) -> None:
    right = eval(
        source.replace("[s, 2*s, 1]", "A([s, 2*s, 1])").replace("[x, 2*x]", "A([x, 2*x])"),
        {"A": np.array, **NUMPY, **ARRAYS},
    )
    np.testing.assert_allclose(value_of(source), right, rtol=1e-12)


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(inner, st.sampled_from("+-*@"), inner).map(
        lambda parts: f"({' '.join(parts)})"
    )


matrices = st.recursive(st.sampled_from(["A", "A.T", "(A - s)", "(2*A)"]), joined, max_leaves=6)


@given(matrices)
def test_any_operations_together_are_numpy_s(source: str) -> None:
    array = np.array([[0.5, -1.0], [0.25, 2.0]])
    values = dict(zip(element_names("A", (2, 2)), array.flat, strict=True)) | {"s": 0.7}
    shape, formulas = expand_formula(source, {"A": (2, 2)})
    right = eval(source, {"A": array, "s": 0.7})
    found = [compute(read_formula(formula), values) for formula in formulas]
    np.testing.assert_allclose(np.reshape(found, shape), right, rtol=1e-9, atol=1e-9)


def test_elements_are_counted_from_1_row_by_row() -> None:
    assert expand_formula("[x[2], W[3,1], W[2] @ x]", SHAPES) == (
        (3,),
        ["x_2", "W_31", "W_21*x_1 + W_22*x_2"],
    )
    assert element_names("W", (2, 2)) == ["W_11", "W_12", "W_21", "W_22"]
    assert element_names("W", (1, 11))[-1] == "W_1_11"
    assert len(set(element_names("W", (12, 12)))) == 144


def test_a_formula_on_numbers_stays_as_it_is_written() -> None:
    assert expand_formula("2*(a + s)^2", SHAPES) == ((), ["2*(a + s)**2"])


def test_the_functions_of_arrays_take_no_names_away() -> None:
    assert all(map(is_name, ARRAY_FUNCTIONS))
    assert expand_formula("sum + mean*x[1]", SHAPES) == ((), ["sum + mean*x_1"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("W @ v", "contains 'W @ v': a 3×2 matrix @ a vector of 3, which do not fit"),
        ("x + v", "contains 'x + v': a vector of 2 + a vector of 3, which do not fit"),
        ("s @ x", "contains 's @ x': a number @ a vector of 2, which do not fit"),
        ("max(x, v)", "gives max() a vector of 2 and a vector of 3, which do not fit"),
        (
            "x[0]",
            "contains 'x[0]', and there a vector of 2 stands before the brackets; elements are c",
        ),
        ("W[3,3]", "contains 'W[3,3]', and there a 3×2 matrix stands before"),
        ("x[s]", "there a vector of 2 stands before the brackets"),
        ("x[True]", "there a vector of 2 stands before the brackets"),
        ("[x, v]", "contains '[x, v]'; a list is of numbers, or of rows of one length"),
        ("[[x], [x]]", "a list is of numbers, or of rows"),
        ("sum(s)", "gives sum() something other than one vector or matrix"),
        ("softmax(x, x)", "gives softmax() something other than one vector"),
        ("x.real", "contains 'x.real'; allowed on vectors and matrices are + - * / ** @ .T"),
        ("x if s else x", "allowed on vectors and matrices are"),
        (
            "softmax(softmax(softmax(softmax(softmax(v)))))",
            "expands to a formula of more than",
        ),
    ],
)
def test_what_cannot_be_expanded_is_said(source: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)):
        expand_formula(source, SHAPES)


def test_what_is_too_large_for_hand_work_is_refused_before_it_is_made() -> None:
    large = {"A": (31, 31)}
    with pytest.raises(ExpressionError, match="multiplies matrices too large for hand work"):
        expand_formula("A @ A", large)
    with pytest.raises(ExpressionError, match="expands to too much for hand work"):
        expand_formula("+".join(["A*B"] * 100), {"A": (30, 30), "B": (30, 30)})
    with pytest.raises(ExpressionError, match="expands to too much for hand work"):
        expand_formula("A", {"A": (40, 40)})
