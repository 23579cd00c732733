"""Captured functions on several threads."""

import threading
import warnings

import numpy as np
import pytest
from captured_functions import captured

from tinygrad_hw import nn
from tinygrad_hw.engine import Value, anomaly, ops
from tinygrad_hw.program.replay import Replay

pytestmark = pytest.mark.usefixtures("something_is_replayed", "no_mode_is_left_on")


def test_threads_take_turns():
    """Each gets the results for its own arguments, though the program's buffers are the same."""
    W = Value(np.random.default_rng(0).normal(size=(60, 50)))
    c = captured(lambda x: np.exp(np.tanh(x @ W) @ np.ones((50, 3)) * 0.1))
    inputs = [np.full((40, 60), 0.01 * k) for k in range(4)]
    expected = [c.function(x).data for x in inputs]
    for x in inputs:
        c(x)
    wrong = []

    def work(k):
        for _ in range(200):
            if not np.array_equal(c(inputs[k]).data, expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- Several calls at once ------------------------------------------------------------------------


def a_layer():
    """A function whose every call takes a while, and arguments for it."""
    W = Value(np.random.default_rng(0).normal(size=(60, 50)))
    calls = [(np.full((400, 60), 0.01 * k),) for k in range(9)]
    return W, (lambda x: ops.sum(ops.log(ops.tanh(x @ W) + 1.0), axis=1).raw), calls


def running_threads(monkeypatch):
    """The threads that are used from now on, as many meeting in each call as there should be."""
    seen, both = set(), threading.Barrier(2, timeout=10)
    load = Replay._load

    def loaded(replay):
        function, first = load(replay), [True]

        def noted(*arguments):
            seen.add(threading.get_ident())
            if first:
                first.clear()
                both.wait()
            return function(*arguments)

        return noted

    monkeypatch.setattr(Replay, "_load", loaded)
    return seen


@pytest.mark.parametrize("known", [False, True], ids=["first time", "program known"])
@pytest.mark.parametrize("flat", [False, True], ids=["by itself", "in a buffer"])
def test_each_is_one_call_after_the_other(known, flat):
    W, function, calls = a_layer()
    buffer = nn.flat_parameters.FlatParameters([W]) if flat else None  # noqa: F841 - it is kept
    c = captured(function)
    for _ in range(5 if known else 0):
        c(*calls[0])
    before = c.captures
    W.data = W.data * 0.5  # new data since; a program of a part of a buffer is for that part alone
    found = c.map_threads(calls, 3)
    assert c.captures - before == (2 if flat or not known else 0)
    for x, wanted in zip(found, [function(*arguments) for arguments in calls], strict=True):
        np.testing.assert_array_equal(x, wanted)


def test_each_uses_several_threads_at_once(monkeypatch):
    _, function, calls = a_layer()
    seen = running_threads(monkeypatch)
    c = captured(function)
    c.map_threads(calls[1:], 2)
    assert len(seen) == 2


def test_results_of_each_are_the_callers_own():
    _, function, calls = a_layer()
    c = captured(function)
    first = c.map_threads(calls, 2)
    kept = [x.copy() for x in first]
    c.map_threads(calls[::-1], 2)
    assert all(map(np.array_equal, first, kept))


def test_no_calls_at_once():
    _, function, calls = a_layer()
    c = captured(function)
    assert c.map_threads([], 2) == []
    c.map_threads(calls, 2)
    assert c.map_threads([], 2) == []


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([(np.ones(3),)], id="one"),
        pytest.param([(np.ones(n),) for n in (3, 3, 2, 3)], id="of several shapes"),
        pytest.param([(np.full(3, k),) for k in (1.0, -1.0, 1.0, -1.0)], id="of several branches"),
    ],
)
def test_each_of_calls_that_differ(calls):
    def function(x):
        return np.exp(x) if np.sum(x) > 0 else x * 2.0

    c = captured(function)
    for _ in range(6):
        found = c.map_threads(calls, 2)
        assert len(found) == len(calls)
        assert all(np.array_equal(x, function(*y)) for x, y in zip(found, calls, strict=True))


def test_each_of_what_changes_values_runs_in_order():
    def trained(run):
        w, optimizer = Value(np.ones(3)), nn.Adam(0.1)

        def step(x):
            w.grad = None
            loss = ((w * x) ** 2).sum()
            loss.backward()
            optimizer.apply([w])
            return loss.raw

        c, calls = captured(step), [(np.full(3, 1.0 + k),) for k in range(6)]
        results = run(c, calls) + run(c, calls)
        return [*results, w.data, w.grad]

    found = trained(lambda c, calls: c.map_threads(calls, 2))
    wanted = trained(lambda c, calls: [c(*arguments) for arguments in calls])
    assert all(map(np.array_equal, found, wanted))


def test_an_error_of_one_of_each_is_raised_and_leaves_the_others_right():
    c = captured(nn.losses.on_logits.sparse_categorical_crossentropy)
    calls = [(np.eye(3) * k, np.array([0, 1, 2])) for k in range(8)]
    wanted = c.map_threads(calls, 2)
    with pytest.raises(ValueError, match="got labels 0 to 7 for 3 classes"):
        c.map_threads([*calls, (np.eye(3), np.array([0, 1, 7]))], 2)
    assert c.map_threads(calls, 2) == wanted


def test_all_threads_of_each_keep_to_the_callers_errstate(monkeypatch):
    _, function, calls = a_layer()
    seen = running_threads(monkeypatch)
    c = captured(function)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        c.map_threads([(x - 1e3,) for (x,) in calls], 2)  # some logs are of 0
    assert len(seen) == 2


def test_each_keeps_to_the_callers_errstate_and_modes():
    _, function, calls = a_layer()
    c = captured(function)
    c.map_threads(calls, 2)
    bad = [*calls[:4], *[(np.full((400, 60), -1e3),)] * 4]  # of which some logs are of 0
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        c.map_threads(bad, 2)
    with anomaly(), pytest.raises(FloatingPointError, match="log"):
        c.map_threads(bad, 2)
