"""Second derivatives where a first one is a convention: right where there is one, else nan.

The right values are closed forms, and second differences hold them for the smooth ones.
"""

import numpy as np
import pytest

from tinygrad_hw import Value, capture, grad, hessian, hvp, jacobian, jvp

TWICE = 2 * np.eye(2)
ZERO = np.zeros((2, 2))
OF_VARIANCE = np.array([[0.5, -0.5], [-0.5, 0.5]])


def twice(f, v):
    """f(‖v‖, ‖v‖), of two calls."""
    return f(np.linalg.norm(v), np.linalg.norm(v))


SMOOTH = {  # function, its Hessian at 0
    "norm ** 2": (lambda v: np.linalg.norm(v) ** 2, TWICE),
    "square(norm)": (lambda v: np.square(np.linalg.norm(v)), TWICE),
    "norm * norm, of two calls": (lambda v: twice(np.multiply, v), TWICE),
    "norm ** 3": (lambda v: np.linalg.norm(v) ** 3, ZERO),
    "norm ** 4": (lambda v: np.linalg.norm(v) ** 4, ZERO),
    "cos(norm)": (lambda v: np.cos(np.linalg.norm(v)), -np.eye(2)),
    "exp(-norm ** 2)": (lambda v: np.exp(-(np.linalg.norm(v) ** 2)), -TWICE),
    "sqrt(1 + norm ** 2)": (lambda v: np.sqrt(1 + np.linalg.norm(v) ** 2), np.eye(2)),
    "norm ** 2 of a map": (
        lambda v: np.linalg.norm(np.array([[1.0, 2.0], [0.0, 3.0], [1.0, 1.0]]) @ v) ** 2,
        2 * np.array([[2.0, 3.0], [3.0, 14.0]]),
    ),
    "hypot ** 2": (lambda v: np.hypot(v[0], v[1]) ** 2, TWICE),
    "hypot beside 0": (lambda v: np.sum(np.hypot(v, 0.0) ** 2), TWICE),
    "std ** 2": (lambda v: np.std(v) ** 2, OF_VARIANCE),
    "var": (np.var, OF_VARIANCE),
    "abs ** 2": (lambda v: np.sum(np.abs(v) ** 2), TWICE),
    "exp(abs) - abs": (lambda v: np.sum(np.exp(np.abs(v)) - np.abs(v)), np.eye(2)),
    "abs": (lambda v: np.sum(np.abs(v)), ZERO),
    "lengths of rows": (
        lambda v: np.sum(np.linalg.norm(np.stack([v, v + 1, 3 * v]), axis=1) ** 2),
        11 * TWICE,
    ),
    "lengths of rows, kept": (
        lambda v: np.sum(np.linalg.norm(np.stack([v, v + 1]), axis=-1, keepdims=True) ** 2),
        2 * TWICE,
    ),
    "norm of the lengths of rows": (
        lambda v: np.linalg.norm(np.linalg.norm(np.stack([v, 2 * v]), axis=1)) ** 2,
        5 * TWICE,
    ),
    "a length not taken": (
        lambda v: np.where(np.sum(v * v) > 0, np.linalg.norm(v), 0.0) + np.sum(v * v),
        TWICE,
    ),
    "an angle not taken": (
        lambda v: np.where(v[0] > 0, np.arctan2(v[0], v[1]), 0.0) + np.sum(v * v),
        TWICE,
    ),
}
ROUGH = {
    "norm": np.linalg.norm,
    "norm ** 1.5": lambda v: np.linalg.norm(v) ** 1.5,
    "norm + norm ** 2": lambda v: np.linalg.norm(v) + np.linalg.norm(v) ** 2,
    "norm * sum": lambda v: np.linalg.norm(v) * np.sum(v),
    "norm * hypot": lambda v: np.linalg.norm(v) * np.hypot(v[0], 2 * v[1]),
    "norm of order 1.5": lambda v: np.linalg.norm(v, 1.5),
    "norm of order 3": lambda v: np.linalg.norm(v, 3),
    "norm of order 3, squared": lambda v: np.linalg.norm(v, 3) ** 2,
    "hypot": lambda v: np.hypot(v[0], v[1]),
    "arctan2": lambda v: np.arctan2(v[0], v[1]),
    "arctan2 ** 2": lambda v: np.arctan2(v[0], v[1]) ** 2,
    "std": np.std,
    "sum of lengths ** 2": lambda v: (
        np.sum(np.linalg.norm(np.stack([v, v * np.array([1.0, 2.0])]), axis=1)) ** 2
    ),
}
EACH = np.eye(2)
HESSIANS = {  # all the orders of the two modes
    "jacobian of grad": lambda f, x: hessian(f)(x),
    "reverse over reverse": lambda f, x: [grad(lambda x, i=i: grad(f)(x)[i])(x) for i in (0, 1)],
    "forward over reverse": lambda f, x: [hvp(f, x, e.astype(x.dtype)) for e in EACH],
    "reverse over forward": lambda f, x: [
        grad(lambda x, e=e: jvp(f, x, e.astype(x.dtype))[1])(x) for e in EACH
    ],
    "forward over forward": lambda f, x: [
        [jvp(lambda x, e=e: jvp(f, x, e)[1], x, d)[1] for d in EACH.astype(x.dtype)]
        for e in EACH.astype(x.dtype)
    ],
}
of_each_order = pytest.mark.parametrize("way", HESSIANS)


@of_each_order
@pytest.mark.parametrize("name", SMOOTH)
def test_second_derivative_at_a_tip_is_that_of_the_smooth_function(name, way):
    function, expected = SMOOTH[name]
    with np.errstate(all="ignore"):
        found = HESSIANS[way](function, np.zeros(2))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


KINKED = {"abs", "exp(abs) - abs", "a length not taken", "an angle not taken"}


@pytest.mark.parametrize("name", sorted(SMOOTH.keys() - KINKED))
def test_the_smooth_functions_have_these_second_differences(name):
    function, expected = SMOOTH[name]
    h = 1e-3
    slopes = [
        [
            function(a + b) - function(a - b) - function(b - a) + function(-a - b)
            for b in (h * EACH[0], h * EACH[1])
        ]
        for a in (h * EACH[0], h * EACH[1])
    ]
    np.testing.assert_allclose(np.array(slopes) / (4 * h * h), expected, atol=2e-2)


@of_each_order
@pytest.mark.parametrize("name", ROUGH)
def test_second_derivative_at_a_tip_is_nan_where_there_is_none(name, way):
    with np.errstate(all="ignore"):
        found = np.array(HESSIANS[way](ROUGH[name], np.zeros(2)))
    assert np.isnan(found).all()


@pytest.mark.parametrize("name", [*SMOOTH, *ROUGH])
def test_the_first_derivative_at_a_tip_is_what_it_was(name):
    """Whether recorded or not, in both modes: a convention is one number."""
    function = SMOOTH[name][0] if name in SMOOTH else ROUGH[name]
    x = np.zeros(2)
    with np.errstate(all="ignore"):
        plain = grad(function)(x)
        np.testing.assert_array_equal(grad(function)(Value(x)).data, plain)
        np.testing.assert_array_equal([jvp(function, x, e)[1] for e in EACH], plain)
        recorded = [jvp(function, Value(x), e)[1].data for e in EACH]
        np.testing.assert_allclose(recorded, plain, atol=1e-15)


def test_only_the_rows_at_their_tip_have_no_second_derivative():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    with np.errstate(all="ignore"):
        found = hessian(lambda x: np.sum(np.linalg.norm(x, axis=1)))(x)
    right = np.array([[16.0, -12.0], [-12.0, 9.0]]) / 125
    np.testing.assert_allclose(found[0, :, 0], right, rtol=1e-14)
    assert np.isnan(found[1, :, 1]).all()
    np.testing.assert_array_equal(found[0, :, 1], ZERO)
    np.testing.assert_array_equal(found[1, :, 0], ZERO)


def test_the_limit_is_a_derivative_of_what_it_is_made_of():
    """The third derivative of w ‖v‖², by v, v and w, is 2 I."""

    def by_v(w):
        return hessian(lambda v: w * np.linalg.norm(v) ** 2)(np.zeros(2))

    np.testing.assert_array_equal(jacobian(by_v)(3.0), TWICE)


@of_each_order
def test_float32_stays_float32_at_a_tip(way):
    found = HESSIANS[way](lambda v: np.linalg.norm(v) ** 2, np.zeros(2, np.float32))
    assert {np.result_type(x) for x in np.ravel(found)} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(found, TWICE)


def test_scalars_have_the_same_second_derivatives():
    def function(x):
        return np.hypot(x, 0.0) ** 2 + abs(x) ** 2

    assert grad(grad(function))(0.0) == hvp(function, 0.0, 1.0) == 4.0
    assert np.isnan(grad(grad(lambda x: np.hypot(x, 0.0)))(0.0))


def test_a_captured_program_has_the_second_derivative_of_the_point_that_it_is_given():
    @capture(jit=False)
    def curvature(v):
        return hvp(lambda v: np.linalg.norm(v) ** 2 + np.linalg.norm(v - 1) ** 4, v, EACH[0])

    def eagerly(v):
        return hvp(lambda v: np.linalg.norm(v) ** 2 + np.linalg.norm(v - 1) ** 4, v, EACH[0])

    for v in ([0.5, 2.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [3.0, 1.0], [1.0, 1.0]):
        np.testing.assert_allclose(curvature(np.array(v)), eagerly(np.array(v)), rtol=1e-12)


def test_a_length_in_a_length():
    def cube(x, y, z):
        return np.hypot(np.hypot(x, y), z) ** 2

    point, right = (0.0, 0.0, 0.0), 2 * np.eye(3)
    found = [grad(lambda *x, i=i: grad(cube, i)(*x), (0, 1, 2))(*point) for i in range(3)]
    np.testing.assert_array_equal(found, right)
    np.testing.assert_array_equal([hvp(cube, point, tuple(move)) for move in np.eye(3)], right)


@pytest.mark.parametrize("length", [abs, lambda x: np.hypot(x, 0.0)], ids=["abs", "hypot"])
def test_a_captured_program_of_scalars_replays_at_the_tip(length):
    captured = capture(jit=False)(grad(grad(lambda x: length(x) ** 2)))
    assert [captured(x) for x in (1.0, 2.0, 0.0, 3.0, 0.0, -1.0, 0.0)] == [2.0] * 7
