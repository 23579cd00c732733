"""Formulas on vectors and matrices expand to scalar ones that give NumPy's values."""

import re
from functools import reduce

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


def softmax(z: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum(axis, keepdims=True)


def largest(first: np.ndarray, *others: np.ndarray, **options: int) -> np.ndarray:
    return reduce(np.maximum, others, first) if others else np.asarray(first.max(**options))


def concat(*parts: np.ndarray, axis: int = 0) -> np.ndarray:
    return np.concatenate([np.atleast_1d(part) for part in parts], axis)


NUMPY = {"softmax": softmax, "sum": np.sum, "mean": np.mean, "exp": np.exp}
NUMPY |= {"ln": np.log, "tanh": np.tanh, "max": largest, "min": np.min, "concat": concat}


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
        "sum(X, axis=0) + x",
        "mean(W, axis=1) * v",
        "(X - mean(X, axis=1, keepdims=True)) / max(X, axis=1, keepdims=True)",
        "max(W, axis=0) - min(W, axis=0)",
        "softmax(W, axis=0)",
        "softmax(X @ W.T, axis=1)",
        "sum(v, axis=0)",
        "concat(x, v, s, 1)",
        "concat(X, W)",
        "concat(W, 2*W, axis=1)",
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


def test_a_range_has_both_its_ends() -> None:
    v, W = ARRAYS["v"], ARRAYS["W"]
    for source, right in {
        "v[1:2]": v[:2],
        "v[2:]": v[1:],
        "v[:2]": v[:2],
        "v[3:3]": v[2:],
        "W[:,2]": W[:, 1],
        "W[2:3]": W[1:],
        "W[2:3,1]": W[1:, 0],
        "W[1:2,1:2] @ x": W[:2] @ ARRAYS["x"],
        "(W @ x)[1:2]": (W @ ARRAYS["x"])[:2],
    }.items():
        np.testing.assert_allclose(value_of(source), right, rtol=1e-12)


def test_a_convolution_does_not_turn_the_kernel_over() -> None:
    """As in books on networks; in others that is a correlation."""
    x, v, X = (ARRAYS[name] for name in "xvX")
    np.testing.assert_allclose(value_of("conv(v, x)"), np.correlate(v, x, "valid"), rtol=1e-12)
    np.testing.assert_allclose(value_of("conv(v, v)"), [v @ v], rtol=1e-12)
    K = ARRAYS["W"][:2]
    right = [[np.sum(X[i : i + 2] * K)] for i in range(3)]
    np.testing.assert_allclose(value_of("conv(X, W[1:2])"), right, rtol=1e-12)
    right = [[0.7 * row[0] + row[1]] for row in X]
    np.testing.assert_allclose(value_of("conv(X, [[s, 1]])"), right, rtol=1e-12)


def test_a_column_and_a_row_do_not_become_a_matrix_by_themselves() -> None:
    """As x and b are, where a book's x is a column and b is written as a list."""
    shapes = {"W": (2, 2), "x": (2, 1), "b": (2,), "c": (2, 1)}
    message = "'W @ x + b': a 2×1 matrix + a vector of 2, which do not fit"
    with pytest.raises(ExpressionError, match=re.escape(message)):
        expand_formula("W @ x + b", shapes)
    with pytest.raises(ExpressionError, match=r"max\(\) a 2×1 matrix and a vector of 2, which do"):
        expand_formula("max(x, b)", shapes)
    assert expand_formula("W @ x + c", shapes)[0] == (2, 1)
    assert expand_formula("W + c", shapes)[0] == expand_formula("W + b", shapes)[0] == (2, 2)


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
        ("x[1:3]", "contains 'x[1:3]', and there a vector of 2 stands before the brackets"),
        ("v[2:1]", "counted from 1, and z[1:2] has two"),
        ("v[1:3:2]", "contains 'v[1:3:2]'"),
        ("sum(x, axis=1)", "contains 'sum(x, axis=1)', which has no axis 1; that of a matrix is 0"),
        ("tanh(W, axis=0)", "which has no axis 0"),
        ("max(W, W, axis=0)", "which has no axis 0"),
        ("sum(W, axis=2)", "contains 'sum(W, axis=2)'; allowed"),
        ("sum(W, keepdims=True)", "contains 'sum(W, keepdims=True)'; allowed"),
        ("concat(x, W)", "contains 'concat(x, W)': a vector of 2 and a 3×2 matrix, which do not"),
        ("conv(v, W)", "contains 'conv(v, W)': a vector of 3 and a 3×2 matrix, which do not fit"),
        ("conv(x, v)", "which do not fit"),
        ("conv(W)", "gives conv() something other than two vectors or matrices"),
        ("dot(x, x)", "uses 'dot' as a function; known are sigmoid"),
        ("W · x", "contains ·; write * for a product by element, @ of matrices"),
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
    with pytest.raises(ExpressionError, match="multiplies matrices too large for hand work"):
        expand_formula("conv(A, B)", {"A": (30, 30), "B": (15, 15)})
