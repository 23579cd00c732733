"""What goes wrong in captured functions: errors are the function's own, or say what to do."""

import copy

import numpy as np
import pytest
from captured_functions import CALLS, assert_same, captured, number

from tinygrad_hw import nn
from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.trace import PLAIN, current
from tinygrad_hw.program import CaptureError, capture

pytestmark = pytest.mark.usefixtures("no_mode_is_left_on")


class Pair:
    def __init__(self, x):
        self.x = x


class BrokenError(Exception):
    pass


class World:
    """Parameters, and a step of training on them that may fail."""

    def __init__(self, where, error):
        self.w, self.b, self.x = Value(np.ones(2), "w"), Value(2.0, "b"), Value(np.ones(2))
        self.optimizer = nn.Adam(0.1)
        self.where, self.error, self.fails = where, error, False

    def fail(self, where):
        if self.fails and where == self.where:
            raise self.error

    def step(self, x):
        self.w.grad = self.b.grad = None
        loss = (self.w * x * self.b).sum()
        self.fail("forward")
        loss.backward()
        self.fail("backward")
        self.optimizer.apply([self.w, self.b])
        self.fail("update")
        return loss

    def numbers(self):
        values = [self.w, self.b, self.x, *self.optimizer.variables]
        numbers = [number(value) for value in values] + [value.grad for value in values]
        assert {type(x) for x in numbers} <= {float, np.float64, np.ndarray, type(None)}
        return copy.deepcopy(numbers)


@pytest.mark.parametrize("call", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("where", ["forward", "backward", "update"])
def test_an_error_leaves_what_it_leaves_uncaptured(where, call):
    """Also if it comes in a call that would have been a replay: what has changed is seen."""
    found, wanted = World(where, BrokenError), World(where, BrokenError)
    c = captured(found.step)
    for k in range(1, 10):
        found.fails = wanted.fails = k == call
        for step, world in ((c, found), (wanted.step, wanted)):
            if world.fails:
                with pytest.raises(BrokenError):
                    step(world.x)
            else:
                step(world.x)
        assert current().trace is PLAIN
        assert_same(found.numbers(), wanted.numbers())


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("call", [2, 3, 4, 6])
@pytest.mark.parametrize("where", ["forward", "backward", "update"])
def test_a_recorded_run_that_is_stopped_has_not_happened(where, call, error):
    found, wanted = World(where, error), World(where, error)
    c = captured(found.step)
    for k in range(1, 10):
        found.fails = k == call
        if found.fails:
            before = found.numbers()
            with pytest.raises(error):
                c(found.x)
            assert_same(found.numbers(), before)
            found.fails = False
        c(found.x)
        wanted.step(wanted.x)
        assert_same(found.numbers(), wanted.numbers())


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.stack([Value(0.5, label="w"), x]),
        lambda x: Value([1.0, 2.0, 3.0]) * x,
        lambda x: Value([1.0, 2.0, 3.0])[x > 0],
        lambda x: np.stack([np.float64(2.0) * x[0], Value([1.0, 2.0, 3.0])]),
    ],
)
def test_the_text_of_an_error_is_the_same_in_a_recorded_run(function):
    c, texts = captured(function), []
    for call in (function, c, c, c, c):
        with pytest.raises((ValueError, IndexError)) as caught:
            call(np.array([1.0, 2.0]))
        texts.append(str(caught.value))
    assert len(set(texts)) == 1, texts


def test_shapes_that_do_not_fit_are_the_engines_error():
    w = Value(np.ones((2, 3)))
    c = captured(lambda x: x @ w)
    for _ in range(CALLS):
        np.testing.assert_array_equal(c(np.ones(2)).data, 2)
        with pytest.raises(ValueError, match="matmul"):
            c(np.ones(4))


def test_what_a_function_keeps_elsewhere_is_a_number_or_refused():
    history = []

    def f(x):
        loss = Value(x) * 2
        history.append(loss)
        return loss

    c = captured(f)
    c(1.0)
    assert history[0].data == 2.0
    with pytest.raises(CaptureError, match=r"f keeps what .* has computed, in .*; return it"):
        c(1.0)


@pytest.mark.parametrize(
    "make", [Pair, lambda x: {x}, lambda x: (part for part in [x])], ids=["object", "set", "iter"]
)
def test_a_result_that_is_no_number_is_refused(make):
    c = captured(lambda x: make(x * 2))
    first = c(1.0)
    assert number(first.x if isinstance(first, Pair) else next(iter(first))) == 2.0
    with pytest.raises(CaptureError, match=f"returns a {type(first).__name__}; return what it "):
        c(1.0)


def test_an_argument_changed_in_place_is_changed_or_refused():
    def f(x):
        x += 1
        return x

    c = captured(f)
    x = np.zeros(2)
    c(x)
    np.testing.assert_array_equal(x, 1)
    with pytest.raises(CaptureError, match="changed in place"):
        c(x)
    np.testing.assert_array_equal(x, 1)


def test_a_gradient_into_a_graph_from_outside_is_refused():
    w = Value(2.0, "w")
    h = w * 3.0
    h.label = "h"

    @capture
    def step(x):
        (h * x).backward()

    step(1.0)
    assert w.grad == 3.0
    with pytest.raises(CaptureError, match="goes back into h that was computed outside"):
        step(1.0)
    assert w.grad == 3.0


def draws(x, numbers):
    return x * np.random.random()


def turns(x, numbers):
    numbers.append(numbers.pop(0))
    return x * numbers[0]


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (draws, "it draws random numbers; draw them outside and pass them as an argument"),
        (turns, "it changes a list or a dict that it is given"),
    ],
)
def test_what_no_program_can_repeat_has_none(function, why):
    """The function is run as it is, which is told once; asking for a program is an error."""
    wanted, found = [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]
    np.random.seed(0)
    expected = [function(2.0, wanted) for _ in range(6)]
    np.random.seed(0)
    c = captured(function)
    assert c(2.0, found) == expected[0]
    with pytest.warns(UserWarning, match=f"captured {c.name}: {why}; it is run as it is from now"):
        second = c(2.0, found)
    assert [second, *[c(2.0, found) for _ in range(4)]] == expected[1:]
    assert found == wanted
    for ask in (c.record, c.batch):
        with pytest.raises(CaptureError, match=f"{c.name} has no program: {why}"):
            ask(2.0 if ask == c.record else np.arange(3.0), [1.0, 2.0])
