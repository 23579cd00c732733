"""Arguments and results of captured functions, and modes around them."""

import pickle

import numpy as np
import pytest
from captured_functions import (
    CALLS,
    RECORDINGS,
    assert_replayed_as_it_is,
    assert_same,
    captured,
    in_turn,
    number,
    same,
)

from tinygrad_hw.engine import (
    Value,
    anomaly,
    grad,
    hessian,
    hvp,
    jvp,
    no_grad,
    numpy_api,
    value_and_grad,
)
from tinygrad_hw.program import capture

pytestmark = pytest.mark.usefixtures("something_is_replayed", "no_mode_is_left_on")

# --- Arguments and results ------------------------------------------------------------------------


def test_results_are_the_callers_own():
    w = Value(np.ones(3), label="w")
    constant = np.zeros(3)

    def f(x):
        w.grad = None
        y = w * x
        y.sum().backward()
        return y, x, x * 2, w.grad, x[::-1], constant + 1, np.zeros(3), Value(np.zeros(3)), y.T

    c = captured(f)
    x = np.arange(3.0)
    c(x)
    for _ in range(CALLS):
        found = c(x)
        wanted = [number(part) * 1.0 for part in f(x)]
        for part, correct in zip(found, wanted, strict=True):
            assert_same(part, correct)
        kept = [number(part).copy() for part in found]
        c(x + 1)
        for part, before in zip(found, kept, strict=True):
            assert_same(part, before)
            if number(part) is not x:
                array = part.data if isinstance(part, Value) else part
                array += 100  # ours: no later run sees it
    np.testing.assert_array_equal(x, [0, 1, 2])
    np.testing.assert_array_equal(w.data, 1)


def test_values_come_back_constant_with_their_label():
    def f(x):
        y = Value(x, label="x") * 2
        y.label = "twice"
        return y

    c = captured(f)
    for x in (*[1.0, 2.0] * 3, *[np.ones(2)] * 6):
        found = c(x)
        assert isinstance(found, Value)
        assert (found.constant, found.label, found.operation) == (True, "twice", None)


def test_a_value_handed_through_is_that_value():
    w = Value([1.0, 2.0], label="w")
    c = captured(lambda v: (v, v * 2, w))
    for x in in_turn([1.0, 2.0, 3.0]):
        given = Value(x)
        v, twice, closed_over = c(given)
        assert v is given
        assert twice.data == 2 * x
        assert closed_over is w or same(closed_over, w)
        w.data = w.data + 1


def test_nested_arguments_and_results():
    def f(pair, *rest, scale=2.0, **options):
        a, (b, more) = pair
        total = a * scale + b["x"] @ more[0]
        return {"total": total, "parts": [a * 2, (b["x"] - 1, None, "text")], **options}, len(rest)

    c = captured(f)
    for i in range(CALLS):
        x = np.arange(3.0) + i
        given = (float(i), ({"x": x}, [x * 2]))
        found, wanted = (
            c(given, 1, 2, scale=i + 0.5, extra=7),
            f(given, 1, 2, scale=i + 0.5, extra=7),
        )
        assert found[1] == 2
        assert found[0]["extra"] == 7
        assert_same(found[0]["total"], wanted[0]["total"])
        assert found[0]["parts"][1][1:] == (None, "text")
        assert_same(found[0]["parts"][1][0], x - 1)
        assert list(found[0]) == list(wanted[0])
    assert c.captures == RECORDINGS


@pytest.mark.parametrize(
    "given",
    [
        2.0,
        np.float32(2),
        np.float64(2),
        np.array(2.0),
        3,
        np.int64(3),
        True,
        np.ones(3, np.float32),
        np.arange(3),
        np.array([True, False, True]),
        np.zeros((0, 3)),
        np.ones((1, 1)),
        -0.0,
    ],
    ids=repr,
)
def test_kinds_of_arguments(given):
    def f(x, y):
        return x * 2, np.exp(x + y), np.add(x, y) * 1.5, Value(x) * y + 1

    c = captured(f)
    for y in in_turn([1.0, 2.0]):
        for found, wanted in zip(c(given, y), f(given, y), strict=True):
            assert_same(found, wanted)
            assert isinstance(found, Value) == isinstance(wanted, Value)
            assert isinstance(found, float) == isinstance(wanted, float)


def test_no_arguments_and_no_result():
    w = Value(1.0)

    def f():
        (w * w).backward()

    c = captured(f)
    assert [c() for _ in range(CALLS)] == [None] * CALLS
    assert w.grad == 2.0 * CALLS
    nothing, empty = captured(lambda: None), captured(lambda x: ())
    for _ in range(CALLS):
        assert nothing() is None
        assert empty(1.0) == ()


def test_a_number_on_the_left_of_a_value_is_part_of_the_program():
    """It makes a Value of its own, which is none of those that the program reads."""
    w = Value(2.0)
    c = assert_replayed_as_it_is(lambda x: 1.0 - (3 + (0.5 * w)) * x, (1.0,), (2.0,), (3.0,))
    assert [value.node for value in c.program.recording.values] == [w]


def test_arrays_beside_values_in_numpys_functions():
    """An argument stands for data while it is captured; NumPy must find the Value all the same."""

    def f(x):
        w.grad = None
        parts = [np.where(x > 0, w, 0.0), np.where(w > 0, w, x), np.concatenate([x, w])]
        parts += [np.stack([x, w]), np.dot(x, w), np.einsum("i,i->", x, w), np.outer(x, w)]
        parts += [np.clip(x, w, w + 1), np.maximum(x, w), x @ w, np.tensordot(x, w, 1)]
        loss = sum(part.sum() * (i + 1) for i, part in enumerate(parts))
        loss.backward()
        return loss, w.grad

    w = Value(np.array([0.5, -1.0, 2.0]))
    assert_replayed_as_it_is(f, *np.random.default_rng(0).normal(size=(4, 1, 3)))


def test_integers_as_labels_and_indices():
    def f(x, labels, rows):
        v = Value(x)
        loss = -numpy_api.log_softmax(v)[np.arange(len(labels)), labels].mean()
        (loss + v[rows].sum()).backward()
        return loss, v.grad

    c = captured(f)
    numbers = np.random.default_rng(0)
    for _ in range(CALLS):
        given = numbers.normal(size=(5, 3)), numbers.integers(0, 3, 5), numbers.integers(0, 5, 4)
        for found, wanted in zip(c(*given), f(*given), strict=True):
            assert_same(found, wanted)
    assert c.captures == RECORDINGS
    with pytest.raises(IndexError):
        c(given[0], given[1] + 5, given[2])


def test_a_value_that_is_made_inside_with_a_gradient_of_its_own():
    def f(x):
        w = Value(np.ones(3))
        v = Value(2.0)
        (w * x * v).sum().backward()
        return w.grad, v.grad

    assert_replayed_as_it_is(f, (1.0,), (2.0,), (3.0,), (4.0,))


# --- Derivatives of functions, inside and outside -------------------------------------------------


def energy(v):
    return (np.tanh(v) ** 2 * np.exp(v * 0.5)).sum() + (v[0] * v[1]) ** 3


@pytest.mark.parametrize(
    "function",
    [
        grad(energy),
        value_and_grad(energy),
        hessian(energy),
        lambda x: jvp(energy, x, x * 2),
        lambda x: hvp(energy, x, x * 2),
        grad(lambda x: np.square(grad(energy)(x)).sum()),
    ],
    ids=["grad", "value_and_grad", "hessian", "jvp", "hvp", "grad of grad"],
)
def test_derivatives_of_functions_inside(function):
    assert_replayed_as_it_is(function, *np.random.default_rng(0).normal(size=(4, 1, 3)))


def test_inside_a_function_that_is_differentiated_it_is_the_function_itself():
    c = captured(lambda x: np.sin(x) * x)
    wanted = np.sin(2.0) + 2 * np.cos(2.0)
    for _ in range(5):
        c(2.0)
        captures = c.captures
        assert float(grad(c)(2.0)) == pytest.approx(wanted)
        assert float(grad(lambda x: c(x) * 1.0)(2.0)) == pytest.approx(wanted)
        assert c.captures == captures


def test_under_no_grad_and_inside_another_captured_function():
    w = Value(2.0)
    inner = captured(lambda x: w * x)
    with no_grad():
        found = inner(3.0)
    assert found.data == 6.0
    assert inner.captures == 0

    def outer(x):
        w.grad = None
        (inner(x) * 2).backward()
        return w.grad

    c = captured(outer)
    for x in in_turn([1.0, 2.0, 3.0]):
        assert c(x) == 2.0 * x
    for x in in_turn([1.0, 2.0, 3.0]):
        assert inner(x).data == w.data * x
    assert c(4.0) == 8.0  # though the inner one has a program of its own by now


def test_anomaly_stops_at_a_replay_too():
    c = captured(lambda x: np.log(Value(x)).sum())
    for _ in range(5):
        c(np.ones(2))
    with anomaly(), pytest.raises(FloatingPointError, match="log"):
        c(-np.ones(2))


def test_as_the_decorator_of_a_method():
    class Doubler:
        @capture
        def twice(self, x):
            return x * 2

    doubler = Doubler()
    for x in in_turn([2.0, 3.0]):
        assert doubler.twice(x) == 2 * x


@capture
def cubed(x):
    return x**3


def cubed_plainly(x):
    return x**3


def test_a_captured_function_is_pickled_without_its_programs():
    for x in in_turn([2.0, 3.0]):
        assert cubed(x) == x**3
    assert pickle.loads(pickle.dumps(cubed)) is cubed  # decorated: it has the function's name
    other = pickle.loads(pickle.dumps(capture(cubed_plainly, jit=False)))
    assert (other.function, other.jit, other.captures) == (cubed_plainly, False, 0)
    assert other(2.0) == 8.0


def test_arguments_keep_their_names_in_any_order_of_options():
    """Options may be given in another order than the function's parameters."""

    @capture
    def program(a, b, *rest, scale):
        return np.sum(a * scale - b) + np.sum(rest[0])

    ones, twos, threes, fours = (np.full(3, float(i)) for i in range(1, 5))
    for scale in in_turn([fours, ones]):
        found = program(ones, twos, threes, scale=scale)
        assert found == np.sum(ones * scale - twos) + np.sum(threes)
    assert "def program(a, b, rest, scale):" in program.source

    @capture
    def longer(*rest):
        return np.sum(rest[0] - rest[1])

    for _ in in_turn([()]):
        longer(ones, twos)
    assert "def longer(rest_1, rest_2):" in longer.source

    @capture
    def difference(a, b):
        return np.sum(a * 2.0 - b)

    for a in in_turn([ones, threes]):
        assert difference(b=twos, a=a) == np.sum(a * 2.0 - twos)
    assert "np.multiply(a, 2.0" in difference.source
