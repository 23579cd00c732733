"""A program of numbers for many points at once, against the same function called for each."""

import random

import numpy as np
import pytest

from tinygrad_hw import Value, capture
from tinygrad_hw.micrograd import MLP
from tinygrad_hw.nn import SGD

POINTS = np.random.default_rng(3).normal(size=(40, 2))
LABELS = np.where(POINTS[:, 0] * POINTS[:, 1] > 0, 1, -1)


@pytest.fixture
def model():
    random.seed(5)
    return MLP(2, [6, 4, 1])


def hinge(model):
    def loss(x, label):
        score = model(x)
        loss = (1 - label * score).relu()
        loss.backward()
        return {"loss": loss, "score": score}

    return loss


def test_two_moons(model):
    """micrograd's loss: equal to the sum over points, called one by one and not captured."""
    one = hinge(model)
    each = [one(list(point), label) for point, label in zip(POINTS, LABELS, strict=True)]
    expected = [p.grad for p in model.parameters()]
    model.zero_grad()
    found = capture(one).batch([POINTS[:, 0], POINTS[:, 1]], LABELS)
    for name in ("loss", "score"):
        wanted = [result[name].data for result in each]
        np.testing.assert_allclose(found[name], wanted, rtol=1e-12, atol=1e-14)
    got = [p.grad for p in model.parameters()]
    assert got == pytest.approx(expected, rel=1e-11, abs=1e-12)
    assert all(type(gradient) is float for gradient in got)


def test_gradients_are_added_to_those_that_are_there(model):
    program = capture(hinge(model))
    arguments = [POINTS[:, 0], POINTS[:, 1]], LABELS
    program.batch(*arguments)
    once = [p.grad for p in model.parameters()]
    program.batch(*arguments)
    assert [p.grad for p in model.parameters()] == pytest.approx([2 * g for g in once], rel=1e-12)


def test_new_data_of_a_parameter_are_used():
    w = Value(2.0)
    program = capture(lambda x: w * x)
    np.testing.assert_array_equal(program.batch(np.arange(3.0)), [0, 2, 4])
    w.data = 5.0
    np.testing.assert_array_equal(program.batch(np.arange(3.0)), [0, 5, 10])


def test_a_number_is_the_same_for_all_points():
    w = Value(3.0)

    def loss(x, scale):
        (w * scale).backward()
        return w * x * scale, w * scale

    varied, same = capture(loss).batch(np.array([1.0, 2.0]), 10.0)
    np.testing.assert_array_equal(varied, [30, 60])
    np.testing.assert_array_equal(same, [30, 30])
    assert w.grad == 20


def test_points_that_take_different_branches():
    w = Value(1.5)

    def loss(x):
        out = w * x if x > 0 else w * w * x
        out.backward()
        return out

    x = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(capture(loss).batch(x), [1.5, -4.5, 4.5], rtol=1e-15)
    assert w.grad == pytest.approx(1 + 3 + 2 * 1.5 * -2)


def test_every_function_of_numbers():
    w = Value(0.7)

    def loss(x):
        parts = [(w * x).sigmoid(), np.tanh(w + x), np.exp(w * x), (w * x).softplus(), w**x]
        out = sum(parts) / (1 + x**2) - np.maximum(w, x) * np.sqrt(x * x + w)
        out.backward()
        return out

    x = np.linspace(0.2, 2, 7)
    expected = [loss(float(point)).data for point in x]
    slope, w.grad = w.grad, None
    np.testing.assert_allclose(capture(loss).batch(x), expected, rtol=1e-13)
    assert w.grad == pytest.approx(slope, rel=1e-12)


def test_an_update_is_refused():
    w, optimizer = Value(1.0), SGD(0.1)
    optimizer.build([w])

    def step(x):
        w.grad = None
        (w * x).backward()
        optimizer.apply([w])

    with pytest.raises(ValueError, match=r"step changes Values: take the update out of batch\(\)"):
        capture(step).batch(np.ones(3))
    assert w.data == 1.0


@pytest.mark.parametrize(
    "arguments", [(1.0, 2.0), (np.ones(3), np.ones(4)), (np.ones((2, 2)), 1.0)]
)
def test_other_shapes_are_refused(arguments):
    with pytest.raises(
        ValueError, match="batch needs arrays of one length for numbers, got shapes"
    ):
        capture(lambda x, y: x * y).batch(*arguments)


def test_the_gradient_goes_to_the_value_that_is_given():
    def loss(x, w):
        out = x * w
        out.backward()
        return out

    program, values = capture(loss), (Value(2.0), Value(5.0))
    for w in values:
        np.testing.assert_array_equal(program.batch(np.array([1.0, 2.0]), w), [w.data, 2 * w.data])
    assert [w.grad for w in values] == [3.0, 3.0]


def test_a_branch_on_the_number_itself():
    found = capture(lambda x: x * 2 if x else 5.0 + x).batch(np.array([1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(found, [2, 5, 4])


def test_a_long_sum_is_added_up_in_its_own_order():
    """A long program is written in fewer lines, which must not change the order of its sums."""
    numbers = np.random.default_rng(1).normal(size=1500) * 10.0 ** np.arange(-6, 9).repeat(100)
    values = [Value(x) for x in numbers.tolist()]

    def loss(x):
        total = 0.0
        for k, value in enumerate(values):
            total = total + value * x if k % 3 else 0.1 * k + (total + value)
        return total * x

    program = capture(loss)
    for x in (0.3, 1.7, -2.9):
        assert program(x).data == loss(x).data


def test_no_points_are_refused():
    with pytest.raises(ValueError, match="batch got no points"):
        capture(lambda x: x * 2).batch(np.zeros(0))
