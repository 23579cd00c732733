"""gradcheck must catch wrong rules and accept right ones; it is only worth as much."""

import math
import re

import numpy as np
import pytest

from tinygrad_hw.engine import GradientError, check_grads, grad, gradcheck, jvp, ops
from tinygrad_hw.engine.core.operation import Linear, Multilinear, Pointwise

VECTOR = np.array([0.7, -1.3, 0.4])
POSITIVE = np.array([0.7, 1.3, 2.4])
MATRIX = np.array([[0.5, -1.2, 0.3], [0.9, 0.1, -0.7], [1.1, 0.6, 0.2]])
OTHER = np.array([[-0.4, 0.8, 1.3], [0.2, -0.9, 0.5], [0.7, 0.3, -1.1]])
WIDE = np.array([[0.5, -1.2, 0.3], [0.9, 0.1, -0.7]])


def wrong(record, *rule, **attributes):
    """Return the record with another rule for its derivative."""
    broken = type(record)(
        record.name, record.compute, *rule, defaults=record.defaults, arity=record.arity
    )
    return lambda *operands: broken(*operands, **attributes)


def identity(transpose):
    """Return a linear operation that gives back its operand, with this transpose."""
    return Multilinear("identity", lambda x: x * 1.0, transpose)


def first_only(upstream, x, **_):
    out = np.zeros(np.shape(x))
    out.flat[0] = np.ravel(upstream)[0]
    return out


adding = Linear("adding", np.add, "sum_to(upstream, shape_of(x))", "sum_to(upstream, shape_of(y))")
whole = lambda upstream, *_: upstream  # noqa: E731 - a rule, written as rules are

PLANTED = {
    "sign": (wrong(ops.exp, lambda out, x: -out), 0.5),
    "sign of an integer partial": (wrong(ops.sub, 1, 1), 0.5, 0.25),
    "sign in a tensor": (wrong(ops.tanh, lambda out, x: out**2 - 1), VECTOR),
    "missing factor": (wrong(ops.sqrt, lambda out, x: 1 / out), 2.0),
    "missing exponent": (wrong(ops.pow, lambda out, x, p: x ** (p - 1), 1), 1.5, 3.0),
    "missing factor in a tensor": (wrong(ops.sigmoid, lambda out, x: 1 - out), VECTOR),
    "factor of 2": (wrong(ops.log, lambda out, x: 2 / x), POSITIVE),
    "swapped operands": (wrong(ops.mul, lambda o, x, y: x, lambda o, x, y: y), 0.5, 0.75),
    "swapped operands of a tensor": (
        wrong(ops.div, lambda o, x, y: -o / y, lambda o, x, y: 1 / y),
        VECTOR,
        POSITIVE,
    ),
    "second operand only": (wrong(ops.mul, lambda o, x, y: y, lambda o, x, y: y), VECTOR, POSITIVE),
    "result for operand": (wrong(ops.log, lambda out, x: 1 / out), 2.0),
    "zero": (wrong(ops.softplus, lambda out, x: 0 * x), 0.5),
    "one": (wrong(ops.softplus, 1), 0.5),
    "mask inverted": (wrong(ops.relu, lambda out, x: x < 0), VECTOR),
    "mask of the smallest": (wrong(ops.max, lambda out, x, **_: x == np.min(x)), VECTOR),
    "mask missing": (wrong(ops.max, lambda out, x, **_: np.ones_like(x)), VECTOR),
    "branches swapped": (
        wrong(
            ops.select,
            lambda o, x, y, condition: ~condition,
            lambda o, x, y, condition: condition,
            condition=np.array([True, False, True]),
        ),
        VECTOR,
        POSITIVE,
    ),
    "constant slightly off": (wrong(ops.exp, lambda out, x: 1.00001 * out), VECTOR),
    "offset slightly off": (wrong(ops.exp, lambda out, x: out + 1e-5), 0.5),
    "off far from 0": (wrong(ops.exp, lambda out, x: 1.00001 * out), 20.0),
    "nan": (wrong(ops.exp, lambda out, x: out * np.nan), 0.5),
    "infinity": (wrong(ops.exp, lambda out, x: out * np.inf), 0.5),
    "transpose missing": (
        wrong(ops.matmul, lambda u, x, y: u @ y, lambda u, x, y: x.T @ u),
        MATRIX,
        OTHER,
    ),
    "transpose missing on the right": (
        wrong(ops.matmul, lambda u, x, y: u @ y.T, lambda u, x, y: x @ u),
        MATRIX,
        OTHER,
    ),
    "factors in the wrong order": (
        wrong(ops.matmul, lambda u, x, y: y.T @ u, lambda u, x, y: x.T @ u),
        MATRIX,
        OTHER,
    ),
    "gradient transposed": (identity(lambda u, x: u.T), MATRIX),
    "transposed by the same axes": (
        wrong(ops.transpose, lambda u, x, axes: np.transpose(u, axes), axes=(2, 0, 1)),
        np.arange(8.0).reshape(2, 2, 2),
    ),
    "order reversed, hidden in a plain sum": (identity(lambda u, x: u[::-1]), VECTOR),
    "averaged, hidden in a plain sum": (identity(lambda u, x: 0 * u + u.mean()), VECTOR),
    "first element only": (wrong(ops.sum, first_only, axis=None), VECTOR),
    "all but the last element": (wrong(ops.exp, lambda o, x: o * [1, 1, 0]), VECTOR),
    "one row instead of their sum": (
        wrong(adding, lambda u, x, y: u[0], whole),
        VECTOR,
        WIDE,
    ),
    "broadcast-sum dropped, a row": (wrong(adding, whole, whole), VECTOR, WIDE),
    "broadcast-sum dropped, a column": (wrong(adding, whole, whole), WIDE[:, :1], WIDE),
    "broadcast-sum dropped, one element": (wrong(adding, whole, whole), VECTOR[:1], VECTOR),
    "broadcast-sum dropped, a scalar": (wrong(adding, whole, whole), 0.5, VECTOR),
    "dimension of length 1 too many": (identity(lambda u, x: u[None]), VECTOR),
    "dimension lost": (identity(lambda u, x: u[0]), VECTOR[None]),
    "count forgotten": (
        wrong(ops.mean, lambda u, x, **_: u * np.ones_like(x), axis=None),
        VECTOR,
    ),
    "count of the wrong axis": (
        wrong(ops.mean, lambda u, x, **_: u[:, None] * np.ones_like(x) / 2, axis=1),
        WIDE,
    ),
    "spread along the wrong axis": (
        wrong(ops.sum, lambda u, x, **_: u * np.ones_like(x), axis=1),
        MATRIX,
    ),
    "index off by one": (
        wrong(ops.getitem, lambda u, x, index: ops.scatter(u, index + 1, x.shape), index=1),
        VECTOR,
    ),
    "repeated index counted once": (
        wrong(ops.getitem, lambda u, x, index: np.isin(range(3), index) * u[0], index=[0, 0]),
        VECTOR,
    ),
    "diagonal of softmax only": (
        wrong(
            Pointwise("softmax", lambda x: np.exp(x) / np.exp(x).sum(), 1),
            lambda out, x: out * (1 - out),
        ),
        VECTOR,
    ),
    "half of a product": (lambda x: x * x.detach(), 1.5),
    "an argument detached": (lambda x, y: x * y.detach(), 1.5, 2.5),
}


@pytest.mark.parametrize("name", PLANTED)
def test_wrong_rule_is_caught(name):
    function, *points = PLANTED[name]
    with pytest.raises(GradientError, match="argument"), np.errstate(invalid="ignore"):
        gradcheck(function, *points)


RIGHT = {
    "exp": (wrong(ops.exp, lambda out, x: out), 0.5),
    "exp, inside the tolerance": (wrong(ops.exp, lambda out, x: out * (1 + 1e-8)), VECTOR),
    "matmul": (
        wrong(ops.matmul, lambda u, x, y: u @ y.T, lambda u, x, y: x.T @ u),
        MATRIX,
        OTHER,
    ),
    "broadcast sum": (wrong(adding, *adding.rules), VECTOR, WIDE),
    "broadcast scalar": (wrong(adding, *adding.rules), np.array(0.5), VECTOR),
    "identity": (identity(whole), MATRIX),
    "cubic": (lambda x: x**3 - 2 * x, 100.0),
    "large and small numbers": (lambda x: x * 1e8, np.array([10.0, 1e-6])),
    "integers": (lambda x, y: x * y, 3, [1, 2]),
    "a neuron": (lambda w, x, b: (w * x + b).sigmoid(), 0.5, 2, -0.3),
    "an unused argument": (lambda x, y: x * 2, 1.0, VECTOR),
    "no elements": (lambda x: x * 2, np.zeros(0)),
    "no arguments matter but one element": (lambda x: x[1] ** 2, VECTOR),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_rule_is_accepted(name):
    function, *points = RIGHT[name]
    assert 0 <= gradcheck(function, *points) <= 1e-6


def test_error_names_argument_element_and_both_numbers():
    def function(x, y):
        weights = np.zeros(y.shape)
        weights[1, 2] = 1
        return (x * 3).sum() + (y.exp() * weights).sum() + (y.detach() * weights * 10).sum()

    with pytest.raises(GradientError) as caught:
        gradcheck(function, VECTOR, WIDE)
    text = str(caught.value)
    assert "argument 1" in text
    assert "[1, 2]" in text
    numbers = [float(number) for number in re.findall(r"-?\d+\.\d+", text)]
    scale = numbers[0] / math.exp(WIDE[1, 2])  # of the random weight on the result
    assert 0.5 <= scale <= 1.5
    assert numbers == pytest.approx([scale * math.exp(-0.7), scale * (math.exp(-0.7) + 10)])
    assert "\n" not in text


def test_error_names_a_scalar_argument():
    with pytest.raises(GradientError, match=r"argument 0\b(?!\[)"):
        gradcheck(wrong(ops.exp, lambda out, x: -out), 0.5)


def test_error_names_the_only_wrong_element():
    with pytest.raises(GradientError, match=r"argument 0\[2\]: of the sum of all results"):
        gradcheck(wrong(ops.exp, lambda out, x: out * [1, 1, 2]), VECTOR)


def test_gradient_error_is_an_assertion_error():
    assert issubclass(GradientError, AssertionError)


def test_tolerance_decides():
    function = wrong(ops.exp, lambda out, x: out * 1.001)
    assert gradcheck(function, 0.5, tolerance=1e-2) == pytest.approx(1e-3, rel=0.01)
    with pytest.raises(GradientError):
        gradcheck(function, 0.5, tolerance=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_every_seed_finds_a_hidden_slip(seed):
    with pytest.raises(GradientError):
        gradcheck(identity(lambda u, x: u[::-1]), VECTOR, seed=seed)


def test_points_are_left_as_they_were():
    point = VECTOR.copy()
    gradcheck(lambda x: x**2, point)
    np.testing.assert_array_equal(point, VECTOR)


@pytest.mark.parametrize("function", [lambda x: x.detach() * 2, lambda x: x.data, lambda x: 3.0])
def test_result_that_does_not_depend_on_the_arguments_is_refused(function):
    with pytest.raises(GradientError, match="depend"):
        gradcheck(function, 1.0)


def test_function_that_is_nowhere_finite_is_an_error():
    with np.errstate(all="ignore"), pytest.raises(GradientError):
        gradcheck(lambda x: x.log(), -1.0)


# --- Of any order, and HIPS autograd's check_grads ------------------------------------------------


def wrong_from(order):
    """The exponential; its derivative of that order is the first one wrong by a tenth."""
    if order == 1:
        return wrong(ops.exp, lambda out, x: 1.1 * out)
    return wrong(ops.exp, lambda out, x: wrong_from(order - 1)(x))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_a_derivative_of_any_order_is_checked(order):
    function, found = wrong_from(order), r"^argument 0: "
    found += ["backward", "second derivative", "third derivative", "4th derivative"][order - 1]
    for lower in range(1, order):
        gradcheck(function, 0.3, order=lower)
    with pytest.raises(GradientError, match=found):
        gradcheck(function, 0.3, order=order)
    with pytest.raises(GradientError, match=found):
        check_grads(function, order=order)(0.3)


def test_check_grads_takes_structures_and_several_arguments():
    def function(p, scale, name):
        assert name == "constant"
        return {"y": np.tanh(p["w"] @ VECTOR) * scale, "z": [p["b"] ** 2]}

    point = {"w": MATRIX.astype(np.float32), "b": 3}
    check_grads(function, argnum=(0, 1))(point, 2.0, "constant")
    check_grads(function, argnum=-2, modes=["rev"], order=3)(point, 2.0, name="constant")


def test_check_grads_checks_second_derivatives_and_the_first_argument_unless_told():
    half_wrong = wrong(ops.mul, lambda out, x, y: y, lambda out, x, y: 2 * x)
    check_grads(half_wrong, order=1)(1.5, 2.5)
    with pytest.raises(GradientError, match="argument 0: backward"):
        check_grads(half_wrong, 1)(1.5, 2.5)
    with pytest.raises(GradientError, match="argument 1: backward"):  # the second of those chosen
        check_grads(half_wrong, argnum=[0, 1])(1.5, 2.5)
    with pytest.raises(GradientError, match="second derivative"):
        check_grads(wrong_from(2))(0.3)


def test_check_grads_finds_the_wrong_part_of_a_structure():
    broken = wrong(ops.exp, lambda out, x: out * [1, 1, 2])
    with pytest.raises(GradientError, match=r"argument 1\[2\]: of the sum of all results"):
        check_grads(lambda pair: (pair[0] ** 2, broken(pair[1])))((MATRIX, VECTOR))


def test_check_grads_refuses_other_modes():
    with pytest.raises(ValueError, match=r"modes are 'fwd' and 'rev', got \['reverse'\]"):
        check_grads(np.sin, modes=["reverse"])


@pytest.mark.parametrize("check", [gradcheck, lambda f, x: check_grads(f)(x)])
def test_a_derivative_inside_of_the_function_is_differentiated(check):
    check(lambda x: x * grad(lambda y: x * y**2)(2.0), 1.0)  # 4 x²
    check(lambda x: x * jvp(lambda y: np.sin(x * y), 2.0, 1.0)[1], 0.7)

    def detached(x):
        return x * grad(lambda y: x.detach() * y**2)(2.0)

    with pytest.raises(GradientError, match=r"backward\(\) gives 4, central differences give 8"):
        check(detached, 1.0)
