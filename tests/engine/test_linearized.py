"""Operations given by the transpose of their derivative at a point, as a user writes them too."""

import numpy as np
import pytest

from tinygrad_hw import capture
from tinygrad_hw.engine import (
    ANY_NUMBER,
    Linearized,
    Value,
    anomaly,
    grad,
    gradcheck,
    hvp,
    jacobian,
    jvp,
    no_grad,
)

X, Y = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[0.5, -1.0], [2.0, 1.0]])
cube = Linearized(
    "cube",
    lambda x: x @ x @ x,
    "upstream @ x.mT @ x.mT + x.mT @ upstream @ x.mT + x.mT @ x.mT @ upstream",
)
sandwich = Linearized(  # linear in y only
    "sandwich",
    lambda x, y, times: times * x @ y @ x,
    lambda upstream, out, x, y, times: times * (upstream @ (y @ x).mT + (x @ y).mT @ upstream),
    "times * (x.mT @ upstream @ x.mT)",
    defaults={"times": 2.0},
)


@pytest.mark.parametrize(("function", "points"), [(cube, [X]), (sandwich, [X, Y])])
def test_backward_forward_and_second_order_come_from_one_rule(function, points):
    gradcheck(function, *points, order=2)


def test_forward_mode_is_the_derivative_itself():
    moved = jvp(cube, X, Y)[1]
    np.testing.assert_allclose(moved, Y @ X @ X + X @ Y @ X + X @ X @ Y, rtol=1e-13)
    with no_grad():
        np.testing.assert_array_equal(jvp(cube, X, Y)[1], moved)
    moved = jvp(lambda x: sandwich(x, Y, times=3.0), X, Y)[1]
    np.testing.assert_allclose(moved, 3 * (Y @ Y @ X + X @ Y @ Y), rtol=1e-13)


def test_jacobians_by_rows_and_by_columns_are_equal():
    columns = jacobian(lambda t: cube(X * t))(2.0)
    rows = jacobian(lambda x: np.sum(cube(x)))(X * 2.0)
    assert np.sum(rows * X) == pytest.approx(np.sum(columns))


def test_the_rule_may_use_the_result():
    root = Linearized("root", lambda x: x**0.5, "upstream * (0.5 / out)")
    assert grad(root)(4.0) == 0.25
    assert jvp(root, 4.0, 3.0)[1] == 0.75
    assert hvp(root, 4.0, 1.0) == pytest.approx(-1 / 32)


def test_captured_and_in_forward_mode():
    program = capture(lambda x: jvp(cube, x, Y)[1])
    for scale in (1.0, 2.0, 3.0, 4.0):
        np.testing.assert_allclose(program(scale * X), jvp(cube, scale * X, Y)[1], rtol=1e-13)


def test_a_rule_of_another_shape_is_an_error_that_names_it():
    wrong = Linearized("wrong", lambda x: x @ x, "upstream[0]")
    with pytest.raises(ValueError, match=r"derivative of wrong\(A \(2, 2\)\): .*shape is \(2,\)"):
        wrong(Value(X, label="A")).backward(np.ones((2, 2)))

    with pytest.raises(
        ValueError, match=r"wrong by operand 0 has shape \(2,\), the operand \(2, 2\)"
    ):
        jvp(wrong, X, Y)


def test_an_operation_of_any_number_of_operands_is_refused():
    with pytest.raises(ValueError, match=r"^many: a Linearized operation has a rule for each"):
        Linearized("many", lambda *x: x[0], "upstream", arity=ANY_NUMBER)


def test_a_derivative_may_be_zero():
    ranks = Linearized("ranks", lambda x: np.linalg.matrix_rank(x) * 1.0, "np.zeros_like(x)")
    np.testing.assert_array_equal(grad(ranks)(X), np.zeros((2, 2)))
    assert jvp(ranks, X, Y)[1] == 0.0
    first = Linearized("first", lambda x, y: x, "upstream", lambda upstream, out, x, y: 0.0 * Y)
    np.testing.assert_array_equal(jvp(first, (X, Y), (Y, X))[1], Y)


def test_anomaly_names_the_derivative_that_is_nan():
    vectors = np.linalg.eigh(Value(np.eye(2), label="A")).eigenvectors
    with (
        np.errstate(divide="ignore", invalid="ignore"),
        anomaly(),
        pytest.raises(FloatingPointError, match="eigh"),
    ):
        np.sum(vectors * Y).backward()
