"""Zeros upstream, overflow and division by zero in captured functions."""

import numpy as np
import pytest
from captured_functions import assert_same, captured, number, plain

from tinygrad_hw import nn
from tinygrad_hw.engine import Value, grad, hvp, jvp, ops

pytestmark = pytest.mark.usefixtures("something_is_replayed", "no_mode_is_left_on")

# --- Zero upstream gives exactly 0 ----------------------------------------------------------------

MASK = np.array([0.0, 1.0])
INSIDE, AT_THE_EDGE = np.array([1.0, 4.0]), np.array([0.0, 4.0])
EDGES = {
    "sqrt": (np.sqrt, AT_THE_EDGE),
    "log": (lambda v: np.log(v + 1.0), np.array([-1.0, 4.0])),
    "reciprocal": (lambda v: 1.0 / v, AT_THE_EDGE),
    "power": (lambda v: v**0.25, AT_THE_EDGE),
    "exp": (lambda v: np.exp(np.square(v)), np.array([40.0, 1.0])),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("ending", ["kept", "cleared at the end", "repaired", "returned"])
def test_zero_upstream_gives_zero_also_when_it_first_happens_at_a_replay(name, ending):
    function, edge = EDGES[name]

    def run(make):
        w = Value(INSIDE, label="w")
        optimizer = nn.SGD(2.0**-40)

        def step(mask):
            w.grad = None
            inner = function(w)
            (ops.where(mask > 0, inner, 0.0) + w * 2.0).sum().backward()
            if ending == "repaired":
                w.grad = np.nan_to_num(w.grad, nan=7.0)
            optimizer.apply([w])
            gradient = w.grad * 1.0
            if ending == "cleared at the end":
                w.grad = None
            return gradient if ending == "returned" else None

        once = make(step)
        for _ in range(5):  # the fifth is a replay
            once(MASK)
        w.data = edge
        return once(MASK), w.grad, w.data

    for found, wanted in zip(run(captured), run(plain), strict=True):
        assert_same(found, wanted)
    assert np.isfinite(run(captured)[2]).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("how", ["grad", "leaf made inside", "jvp", "hvp"])
def test_zero_upstream_gives_zero_in_derivatives_that_are_results(how):
    def of(x, mask):
        def inner(v):
            return (np.sqrt(v) * mask).sum()

        if how == "grad":
            return grad(inner)(x)
        if how == "jvp":
            return jvp(np.sqrt, x, mask)[1]
        if how == "hvp":
            return hvp(lambda v: (v**1.5 * mask).sum(), x, mask)
        v = Value(x)
        inner(v).backward()
        return v.grad

    c = captured(of)
    for _ in range(5):  # the fifth is a replay
        c(INSIDE, MASK)
    assert_same(c(AT_THE_EDGE, MASK), of(AT_THE_EDGE, MASK))
    assert np.isfinite(number(of(AT_THE_EDGE, MASK))).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_overflow_and_division_by_zero_of_numbers_give_what_they_give_uncaptured():
    functions = [np.log, np.sqrt, np.exp, np.arcsin, np.cosh, np.reciprocal, np.arctanh, np.sin]
    functions += [lambda v: v**0.5, lambda v: v**-1, lambda v: 2.0**v, lambda v: 1 / v]
    functions += [lambda v: np.log1p(v) * 0.0 + v, lambda v: v**2.5]
    for function in functions:

        def f(x, function=function):
            v = Value(x)
            y = function(v)
            y.backward()
            return y, v.grad

        c = captured(f)
        for _ in range(5):  # the fifth is a replay
            c(0.5)
        for x in (0.0, -1.0, 1.0, 2.0, 1e4, np.inf, -np.inf, np.nan, -0.0, 0.5):
            for found, wanted in zip(c(x), f(x), strict=True):
                assert_same(found, wanted)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("recorded_at", [0.5, 0.0])
@pytest.mark.parametrize(
    "derivative",
    [
        lambda f, x: jvp(f, (x,), (1.0,)),
        lambda f, x: grad(f)(x),
        lambda f, x: grad(grad(f))(x),
        lambda f, x: hvp(f, (x,), (1.0,)),
        lambda f, x: jvp(grad(f), (x,), (1.0,)),
    ],
    ids=["jvp", "grad", "grad of grad", "hvp", "jvp of grad"],
)
def test_division_by_zero_in_a_rule_is_an_inf_in_every_mode(derivative, recorded_at):
    """Of a number: Python's would raise, where the function uncaptured gives inf or nan."""
    functions = [np.log, np.sqrt, np.reciprocal, np.arcsin, lambda v: np.exp(np.log(v))]
    for function in [*functions, lambda v: v**-1, lambda v: v**0.5, lambda v: 1 / v]:

        def f(x, function=function):
            return derivative(function, x)

        c = captured(f)
        for _ in range(5):  # the fifth is a replay
            assert_same(c(recorded_at), f(recorded_at))
        for x in (0.0, -0.0, 1.0, 0.5):
            assert_same(c(x), f(x))


def test_numpys_warning_is_given_at_a_replay_too():
    c = captured(lambda x: np.log(Value(x)) * 2)
    for x in (1.0, 2.0, 3.0, 4.0, 5.0):
        c(x)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert float(c(0.0)) == -np.inf
