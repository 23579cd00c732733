"""A program of numbers for many points at once, against the same function called for each."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


# --- Drawn functions ------------------------------------------------------------------------------

UNARY = {
    "-{}": lambda a: -a,
    "tanh": np.tanh,
    "exp(a / 4)": lambda a: np.exp(a / 4),
    "a²": lambda a: a**2,
    "3 ** a": lambda a: 3.0 ** (a / 4),
    "leaky_relu": lambda a: a.leaky_relu() if isinstance(a, Value) else np.maximum(a, 0.1 * a),
    "elu": lambda a: a.elu() if isinstance(a, Value) else np.maximum(a, -1.0),
    "relu": lambda a: a.relu() if isinstance(a, Value) else np.maximum(a, 0.0),
    "maximum": lambda a: np.maximum(a, -0.4),
    "abs": abs,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "where": lambda a: np.where(a > 0.2, a * 2, a - 1),
    "1.0 *": lambda a: a * 1.0,
    "plain branch": lambda a: a * 3 if a > 0 else a / 3,
}
BINARY = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, np.maximum, np.hypot]
BINARY += [lambda a, b: a / (b * b + 1), lambda a, b: np.arctan2(a, b * b + 1)]


def drawn_loss(draw, values):
    """Return a random function of one number and of Values, whose gradients it adds to."""
    constants = draw.choice([2.0, 0.5, np.float64(0.3)]), draw.choice([True, False])
    names = list(UNARY) if draw.random() < 0.4 else [n for n in UNARY if n != "plain branch"]
    steps = [(draw.choice(names), draw.choice(BINARY)) for _ in range(draw.randint(1, 5))]
    places = [draw.randrange(10) for _ in steps for _ in range(2)]

    def loss(x):
        known = [*values, x, constants[0]]
        chosen = iter(places)
        for name, combine in steps:
            a, b = [known[-1 - next(chosen) % len(known)] for _ in range(2)]
            known.append(combine(UNARY[name](a), b))
        out = known[-1] * values[0] if constants[1] else known[-1] + values[0] * 1.0
        out.backward()
        return out, known[-1], values[0]

    return loss


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32))
def test_gradients_are_the_sums_over_single_calls(seed):
    draw = random.Random(seed)
    kinds = [draw.choice([float, float, np.float64, np.float32]) for _ in range(2)]
    values = [Value(kind(draw.choice([0.7, -0.4, 1.5, -2.0]))) for kind in kinds]
    loss = drawn_loss(draw, values)
    points = np.array([1.0, -2.0, 0.5, 3.0][: draw.choice([1, 2, 4, 4])])
    each = [loss(float(x)) for x in points]
    right = [value.grad for value in values]
    for value in values:
        value.grad = None
    found = capture(loss).batch(points)
    rounding = 1e-5 if np.float32 in kinds else 1e-10
    for k, column in enumerate(found):
        expected = [
            float(result[k].data if isinstance(result[k], Value) else result[k]) for result in each
        ]
        np.testing.assert_allclose(column, expected, rtol=rounding, atol=rounding)
    for value, gradient in zip(values, right, strict=True):
        assert (value.grad is None) == (gradient is None)
        if gradient is not None:
            np.testing.assert_allclose(value.grad, gradient, rtol=rounding, atol=rounding)


def test_points_for_which_python_raises_raise():
    program = capture(lambda x: 1.0 / x)
    np.testing.assert_array_equal(program.batch(np.array([1.0, 2.0])), [1.0, 0.5])
    with pytest.raises(ZeroDivisionError):
        program.batch(np.array([1.0, 0.0, 2.0]))


def test_points_on_two_branches_add_up_although_gradients_are_cleared():
    w = Value(3.0)

    def loss(x):
        w.grad = None
        result = w * x if x > 0 else w * w * x
        result.backward()
        return result

    found = capture(loss).batch(np.array([1.0, -2.0, 4.0]))
    np.testing.assert_array_equal(found, [3.0, -18.0, 12.0])
    assert w.grad == 1.0 - 12.0 + 4.0
    capture(loss).batch(np.array([1.0, 2.0]))
    assert w.grad == -7.0 + 3.0


def test_a_gradient_that_is_returned_too():
    w = Value(3.0)

    def loss(x):
        w.grad = None
        (w * x).backward()
        return w.grad * 2, w.grad

    doubled, gradient = capture(loss).batch(np.array([1.0, 2.0]))
    np.testing.assert_array_equal([doubled, gradient], [[2.0, 4.0], [1.0, 2.0]])
    assert w.grad == 3.0
