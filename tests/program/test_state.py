"""What captured functions do to Values: gradients and data are those of the plain functions."""

import types
import warnings

import numpy as np
import pytest
from captured_functions import CALLS, assert_same, captured, in_turn, number, plain

from tinygrad_hw import nn
from tinygrad_hw.engine import Value
from tinygrad_hw.program import capture

pytestmark = pytest.mark.usefixtures("something_is_replayed", "no_mode_is_left_on")

# --- Gradients: set, added to, forgotten ----------------------------------------------------------


@pytest.mark.parametrize("clears", ["before", "after", "by the caller", "never", "sometimes"])
@pytest.mark.parametrize("start", [2.0, np.array([1.0, 2.0])], ids=["number", "array"])
def test_gradients_add_up_and_are_forgotten_as_uncaptured(clears, start):
    def run(make):
        w, other = Value(start, label="w"), Value(start)
        found = []

        def step(x):
            if clears == "before":
                w.grad = None
            y = (w * w * x + other * x).sum()
            y.backward()
            gradient = w.grad * 1.0
            if clears == "after":
                w.grad = other.grad = None
            return y, gradient

        once = make(step)
        for i in range(12):
            if clears == "by the caller" or (clears == "sometimes" and i % 3 == 2):
                w.grad = None
            found += [*once(float(i)), w.grad, other.grad]
        return found

    for found, wanted in zip(run(captured), run(plain), strict=True):
        assert_same(found, wanted)


def test_a_gradient_forgotten_inside_is_forgotten_of_a_value_that_is_not_used_otherwise():
    used, unused = Value(1.0), Value(2.0)

    def step(x):
        used.grad = unused.grad = None
        (used * x).backward()

    c = captured(step)
    for x in (1.0, 2.0, 3.0):
        c(x)
    for _ in range(3):  # recorded, then replayed
        unused.grad = 5.0
        c(4.0)
        assert unused.grad is None
    used.grad, unused.grad = 5.0, 5.0
    c(4.0)
    assert unused.grad is None
    assert used.grad == 4.0


@pytest.mark.parametrize("start", [1.0, np.ones(2)], ids=["number", "array"])
def test_an_update_alone_is_made_with_the_gradients_of_the_day(start):
    w, optimizer = Value(start), nn.SGD(0.125)
    update = captured(lambda: optimizer.apply([w]))
    for gradient in 2.0 ** np.arange(CALLS):
        w.grad = gradient * start
        update()
    np.testing.assert_array_equal(w.data, start - (2.0**CALLS - 1) / 8 * start)


def test_gradients_of_arguments_are_set_on_the_arguments_of_the_day():
    c = captured(lambda a, b: (a * a * b).sum().backward())
    for x in in_turn([1.0, 2.0, 3.0]):
        a, b = Value([x, 1.0]), Value(x)
        c(a, b)
        np.testing.assert_array_equal(a.grad, [2 * x * x, 2 * x])
        assert b.grad == x * x + 1
        c(a, b)
        assert b.grad == 2 * (x * x + 1)


@pytest.mark.parametrize("first_time", ["ab", "aa"])
def test_one_value_given_for_two_arguments(first_time):
    c = captured(lambda p, q: (p * q).backward())
    for names in (first_time, *["aa", "ab"] * 6):
        values = {"a": Value(2.0), "b": Value(3.0)}
        c(*[values[name] for name in names])
        wanted = (3.0, 2.0) if names == "ab" else (4.0, None)
        assert (values["a"].grad, values["b"].grad) == wanted


def test_a_value_that_the_function_closes_over_given_as_the_argument():
    w, a = Value(2.0), Value(3.0)
    c = captured(lambda p: (p * w).backward())
    for _ in range(6):
        w.grad = a.grad = None
        c(a)
        assert (a.grad, w.grad) == (2.0, 3.0)
        w.grad = a.grad = None
        c(w)
        assert (a.grad, w.grad) == (None, 4.0)


@pytest.mark.parametrize("pure", [False, True])
def test_a_value_that_is_an_argument_in_some_calls_and_reached_otherwise_in_all(pure):
    layer = types.SimpleNamespace(w=Value(2.0))
    other = Value(3.0)

    def f(v, x):
        layer.w.grad = v.grad = None
        y = layer.w * x + v * 10.0
        y.backward()
        return y

    c = capture(f, jit=False, pure=pure)
    for v in (layer.w, other, layer.w):
        for x in range(CALLS):
            assert_same(c(v, float(x)), 2.0 * x + v.data * 10.0)
            assert (layer.w.grad, v.grad) == ((x + 10.0,) * 2 if v is layer.w else (x, 10.0))


# --- Data given anew, graphs outside --------------------------------------------------------------

CHANGES = {
    "set": lambda w: setattr(w, "data", w.data * 0 + 3),
    "in place": lambda w: w.data.__isub__(0.5),
    "by -=": lambda w: setattr(w, "data", w.data.__isub__(0.5)),
    "an element": lambda w: w.data.__setitem__(0, 9.0),
    "transposed in memory": lambda w: setattr(w, "data", np.asfortranarray(w.data)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("trains", [True, False])
def test_data_given_anew_between_calls_are_used(change, trains):
    def run(make):
        w, b = Value(np.arange(6.0).reshape(2, 3)), Value(np.ones(3))
        optimizer = nn.SGD(0.5, momentum=0.5)  # sums of such numbers are exact, in any order

        def step(x):
            w.grad = b.grad = None
            loss = (np.square(w * x) + b * w).sum()
            loss.backward()
            if trains:
                optimizer.apply([w, b])
            return loss

        once, found = make(step), []
        for i in range(10):
            if i in (1, 3, 4, 5, 6, 9):
                CHANGES[change](w)
            found += [once(float(i % 3)).data, w.data.copy(), b.data.copy(), w.grad.copy()]
        return found

    for found, wanted in zip(run(captured), run(plain), strict=True):
        assert_same(found, wanted)


def test_the_state_of_an_optimizer_survives_data_given_anew():
    """Whichever parameter is given them, captured or not."""

    def run(make, which):
        values = [Value(np.ones(2)), Value(np.ones(2))]
        optimizer = nn.SGD(0.125, momentum=0.5)

        def step():
            for p in values:
                p.grad = None
            (values[0] * 2.0 + values[1]).sum().backward()
            optimizer.apply(values)

        once = make(step)
        for i in range(8):
            once()
            if i in (2, 5):
                values[which].data = np.ones(2)
        return [p.data for p in values]

    velocity, w = 0.0, 1.0
    for i in range(8):
        velocity = velocity * 0.5 - 0.125 * 2.0
        w = (1.0 if i in (3, 6) else w) + velocity
    for make in (plain, captured):
        np.testing.assert_array_equal(run(make, 0)[0], w)
        np.testing.assert_array_equal(run(make, 1)[0], run(plain, 1)[0])


def test_graphs_recorded_outside_keep_their_numbers():
    w = Value(np.array([1.0, 2.0]))
    optimizer = nn.SGD(0.25)

    def step():
        w.grad = None
        np.square(w).sum().backward()
        optimizer.apply([w])

    c = captured(step)
    for _ in range(CALLS):
        before = w.data.copy()
        outside = (w * w * w).sum()
        c()
        assert not np.array_equal(w.data, before)
        w.grad = None
        outside.backward()
        np.testing.assert_array_equal(w.grad, 3 * before**2)


def test_plain_steps_and_captured_ones_take_turns():
    def run(makes):
        w, b = Value(np.array([1.0, -2.0]), "w"), Value(0.5, "b")
        optimizer = nn.Adam(0.1)

        def step(x):
            w.grad = b.grad = None
            loss = (np.tanh(w * x + b) ** 2).sum()
            loss.backward()
            optimizer.apply([w, b])
            return loss

        steps = [make(step) for make in makes]
        for i in range(20):
            steps[i % len(steps)](float(i) - 3)
            if i == 5:
                optimizer.learning_rate = 0.01
            if i == 16:
                optimizer.reset()
        return w.data, b.data, w.grad, b.grad

    wanted = run([plain])
    for makes in ([captured], [captured, plain], [plain, plain, captured], [captured, captured]):
        for a, b in zip(run(makes), wanted, strict=True):
            assert_same(a, b)


def test_two_steps_in_one_call():
    def run(make):
        w, b = Value(np.array([[1.0, -2.0], [0.5, 3.0]]), "w"), Value(np.array([0.5, 0.1]), "b")
        optimizer = nn.Adam(0.1)

        def steps(x, y):
            for data in (x, y):
                w.grad = b.grad = None
                loss = np.square(data @ w + b).sum()
                loss.backward()
                optimizer.apply([w, b])
            return loss, np.square(x @ w).sum()

        once = make(steps)
        found = []
        for i in range(CALLS):
            found += [number(r) for r in once(np.eye(2) * i, np.ones((2, 2)))]
        return [*found, w.data, b.data, w.grad]

    for found, wanted in zip(run(captured), run(plain), strict=True):
        assert_same(found, wanted)


def test_parameters_of_which_one_has_no_gradient():
    def run(make):
        w, spare = Value(np.ones(2), "w"), Value(np.ones(2), "spare")
        optimizer = nn.SGD(0.5, momentum=0.9)

        def step(uses):
            w.grad = spare.grad = None
            ((w * w).sum() + ((spare * w).sum() if uses else 0.0)).backward()
            optimizer.apply([w, spare])

        once = make(step)
        for uses in (True, True, False, True, False, True) * 3:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                once(uses)
        return w.data, spare.data, w.grad, spare.grad

    for found, wanted in zip(run(captured), run(plain), strict=True):
        assert_same(found, wanted)


def test_an_error_in_the_middle_of_an_update_changes_nothing_twice():
    def trained(wrap):
        w, optimizer = Value(np.ones(3), "w"), nn.Adam(0.1)

        def step(x):
            w.grad = None
            np.sum(w * x).backward()
            optimizer.apply([w])

        stepped = wrap(step)
        for _ in range(5):
            stepped(np.ones(3))
        with np.errstate(over="raise"), pytest.raises(FloatingPointError):
            stepped(np.full(3, 1e200))
        for _ in range(2):
            stepped(np.ones(3))
        return w.data

    np.testing.assert_array_equal(trained(capture), trained(lambda step: step))
