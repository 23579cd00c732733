"""Where results live: what is still looked at is not written over, compiled or not."""

import numpy as np
import pytest

from tinygrad_hw import Value, capture
from tinygrad_hw.nn import SGD

SHAPE = 20, 20
X = np.random.default_rng(0).normal(size=SHAPE)
OVERLAPS = {
    "transpose": lambda e: (e + e.T) * 2,
    "column": lambda e: np.exp((e - e[:, :1]) * 0.1),
    "row": lambda e: np.tanh(e * e[0]) + 1,
    "reversed": lambda e: (e * e[::-1] - 1) / 3,
    "flipped twice": lambda e: np.square(e) + np.flip(e) * np.flip(e, 0),
    "plain array": lambda e: np.exp(e * 0.1 + np.full(SHAPE, 0.5)) * 2.0,
    "truths": lambda e: ((e > 0) + (e > -1)) * (e * 2),
    "reciprocal": lambda e: (1 / (e * e + 1)) * 3 + np.reciprocal(e * e + 2),
    "number to a power": lambda e: 2.0 ** (e * 0.01) * 3,
}


@pytest.mark.parametrize("name", OVERLAPS)
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_an_array_beside_views_of_itself(name, jit, kind):
    if jit:
        pytest.importorskip("numba")

    def f(x):
        e = Value(x @ x, constant=True)
        return OVERLAPS[name](e)

    program = capture(f, jit=jit)
    for k in (1.0, 0.5, -0.25):
        x = (X * k).astype(kind)
        found, expected = program(x).data, f(x).data
        assert found.dtype == expected.dtype
        # float32's exp of another library is another last bit, and a sum of 20 may cancel
        rounding = {"rtol": 0, "atol": 0} if not jit else {"rtol": 3e-5, "atol": 1e-5}
        np.testing.assert_allclose(found, expected, **rounding)


def test_a_power_that_is_an_argument():
    program = capture(lambda x, p: Value(x) ** p)
    for p in (2.0, 3.0, 0.5):
        np.testing.assert_array_equal(
            program(np.array([1.0, 4.0]), p).data, np.array([1, 4.0]) ** p
        )


def test_a_plain_array_is_what_it_was_when_it_was_used():
    def f(x):
        b = np.zeros(3)
        y = x + b
        b += 1
        return y, x + b

    program = capture(f)
    for _ in range(2):
        y, z = program(np.arange(3.0))
        np.testing.assert_array_equal([y, z], [[0, 1, 2], [1, 2, 3]])


def test_what_is_returned_of_a_parameter_is_from_before_the_update():
    w, optimizer = Value(np.arange(4.0).reshape(2, 2)), SGD(0.5)

    def step():
        w.grad = None
        before = w.reshape(4)
        (w * w).sum().backward()
        optimizer.apply([w])
        return before

    program = capture(step)
    for k in range(4):
        expected = np.arange(4.0) * (k == 0)
        np.testing.assert_array_equal(program().data, expected)


def test_a_value_that_is_a_part_of_a_larger_array_is_itself():
    v, w = Value(np.ones(3)), Value(np.full(3, 5.0))
    SGD().build([v, w])
    program = capture(lambda p: (p * 2).sum())
    assert [program(p).item() for p in (v, w, v)] == [6.0, 30.0, 6.0]


def test_functions_given_are_told_apart():
    program = capture(lambda x, h: h(x))
    for k in range(5):
        assert program(2.0, lambda v, k=k: v * k) == 2.0 * k
