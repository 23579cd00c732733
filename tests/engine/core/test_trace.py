"""Modes hold for a block, for one thread, and are put back whatever happens."""

import contextvars
import inspect
import os
import re
import threading

import numpy as np
import pytest

import tinygrad_hw
from tinygrad_hw.engine import (
    Composite,
    Value,
    anomaly,
    backward,
    grad,
    group,
    jacobian,
    jvp,
    no_grad,
    numpy_api,
    value_and_grad,
)
from tinygrad_hw.engine.anomaly import AnomalyTrace
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.trace import PLAIN, current
from tinygrad_hw.nn.losses import on_logits as losses


class StopHereError(Exception):
    pass


def is_recording():
    return not (Value(1.0) * 2).constant


def test_no_grad_computes_and_records_nothing():
    x = Value(3.0)
    with no_grad():
        y = x * x
    assert y.data == 9.0
    assert y.constant
    assert (y.operation, y.inputs) == (None, ())
    with pytest.raises(ValueError, match="constant"):
        y.backward()
    assert x.grad is None


def test_no_grad_result_is_a_constant_in_a_later_graph():
    x = Value(3.0)
    with no_grad():
        frozen = x * x
    (frozen * x).backward()
    assert x.grad == 9.0
    assert frozen.grad is None


def test_a_block_that_an_interrupt_left_open_changes_no_mode_when_it_is_collected():
    def leave_one_open():
        with no_grad():
            block = group("inner")
            block.__enter__()
            return block

    block = contextvars.copy_context().run(leave_one_open)  # as a recorded run, broken off
    del block
    assert is_recording()
    assert current().trace is PLAIN
    assert current().group is None


def test_no_grad_nests():
    with no_grad():
        with no_grad():
            assert not is_recording()
        assert not is_recording()
    assert is_recording()


def test_backward_works_inside_no_grad():
    x = Value(3.0)
    y = x * x
    with no_grad():
        backward(y)
    assert x.grad == 6.0


def test_exception_restores_recording():
    for _ in range(2):
        with pytest.raises(StopHereError), no_grad(), no_grad():
            raise StopHereError
        assert is_recording()


def test_exception_restores_the_group():
    with group("outer") as outer:
        with pytest.raises(StopHereError), group("inner"):
            raise StopHereError
        assert Value(1.0).exp().group is outer
    assert Value(1.0).exp().group is None


def test_failing_composite_restores_the_group():
    with pytest.raises(ValueError, match="labels"):
        losses.sparse_categorical_crossentropy(Value(np.ones((2, 3))), labels=[0, 7])
    assert current().group is None


def test_early_exit_restores_state():
    def first():
        with no_grad(), group("loop"):
            return is_recording()

    assert first() is False
    assert is_recording()
    assert current().group is None


def test_groups_nest_and_hold_what_was_recorded_inside():
    x = Value(2.0)
    with group("neuron") as neuron:
        weighted = x * 3
        with group("activation") as activation:
            result = weighted.tanh()
    after = result + 1
    assert (weighted.group, result.group, after.group) == (neuron, activation, None)
    assert (activation.name, activation.parent, neuron.parent) == ("activation", neuron, None)


def test_groups_of_one_name_are_two_groups():
    with group("neuron") as first:
        pass
    with group("neuron") as second:
        pass
    assert first is not second


@pytest.mark.parametrize(
    "name", [name for name, record in numpy_api.TABLE.items() if isinstance(record, Composite)]
)
def test_composite_is_recorded_inside_a_group_of_its_name(name):
    x = Value([[1.0, 2.0], [3.0, 0.0]])
    given = {
        "clip": {"a_min": 0.5, "a_max": 2.5},  # without bounds there is nothing to record
        "binary_crossentropy": {"operands": (x, np.eye(2))},
        "sparse_categorical_crossentropy": {"labels": [0, 1]},
    }.get(name, {})
    with group("outer") as outer:
        result = numpy_api.TABLE[name](*given.pop("operands", (x,)), **given)
    made = [node for node in topological_order(result) if node.operation]
    assert len(made) > 1
    assert {node.group.name for node in made} == {name}
    assert result.group.parent is outer


def test_each_thread_has_its_own_modes():
    entered, checked = threading.Event(), threading.Event()
    seen = {}

    def other():
        seen["before"] = (is_recording(), current().group)
        with no_grad(), group("other"):
            entered.set()
            assert checked.wait(10)
            seen["inside"] = (is_recording(), current().group.name)

    thread = threading.Thread(target=other)
    with group("mine") as mine:
        thread.start()
        assert entered.wait(10)
        assert is_recording()
        assert current().group is mine
        with no_grad():
            checked.set()
            thread.join(10)
            assert not is_recording()
    assert seen == {"before": (True, None), "inside": (False, "other")}
    assert is_recording()


# --- anomaly(): the first operation that makes an inf or a nan is named ---------------------------
# NumPy's own warnings are errors in these tests, and would come first.

quietly = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def line_of(function):
    """Where a function of one line is written: what a message must say, literally."""
    (line,), number = inspect.getsourcelines(function)
    return f"(test_trace.py:{number}: {line.strip()})"


def told(call, *given):
    """The message of the anomaly, on one line."""
    with pytest.raises(FloatingPointError) as caught, anomaly():
        call(*given)
    return " ".join(str(caught.value).split())


# A function, where it goes wrong, and the operation with its operands that must be named.
FORWARD = {
    "method": (lambda x: x.log(), 0.0, r"log(x = 0.0) gives -inf"),
    "NumPy's name": (lambda x: np.log(x) + 0, 0.0, r"log(x = 0.0) gives -inf"),
    "operator": (lambda x: x / 0.0, 2.0, r"div(x = 2.0, unnamed = 0.0) gives inf"),
    "reflected operator": (lambda x: 1 / x, 0.0, r"div(unnamed = 1.0, x = 0.0) gives inf"),
    "power": (lambda x: x**-1.5, 0.0, r"pow(x = 0.0, unnamed = -1.5) gives inf"),
    "nan": (lambda x: np.sqrt(x) + 0, -1.0, r"sqrt(x = -1.0) gives nan"),
    "overflow": (lambda x: np.exp(x + 1), 999.0, r"exp(unnamed = 1000.0) gives inf"),
    "float32": (lambda x: x.exp(), np.float32(100), r"exp(x = np.float32(100.0)) gives"),
    "float64": (lambda x: x * x, np.float64(1e200), r"mul(x = np.float64(1e+200), x ="),
    "array": (lambda x: x.log(), [2.0, 0.0], r"log(x = array([2., 0.])) gives array("),
    "float32 array": (lambda x: x * 1e30, np.full(2, 1e30, np.float32), r"mul(x = array([1.e+30,"),
    "one nan of many": (
        lambda x: np.arcsin(x) + 0,
        [[0.5, 2.0]],
        r"arcsin(x = array([[0.5, 2. ]])",
    ),
    "sum": (lambda x: np.sum(x) + 0, [1e308, 1e308], r"sum(x = array([1.e+308, 1.e+308]), axis="),
    "matmul": (lambda x: x @ x, [1e200, 1.0], r"matmul(x = array([1.e+200, 1.e+000]), x ="),
    "einsum": (lambda x: np.einsum("i,i->", x, x), [1e200], r"einsum(x = array([1.e+200]), x ="),
    "composite std": (
        lambda x: np.std(x) + 0,
        [1e200, -1e200],
        r"norm(unnamed = array([ 1.e+200, -1",
    ),
    "composite softmax": (
        lambda x: numpy_api.softmax(x)[0],
        [1e308, -1e308],
        r"sub(x = array([ 1.",
    ),
    "composite prod": (lambda x: x.prod(), [1e200, 1e200], r"mul(unnamed = array([1.e+200]), un"),
}


@quietly
@pytest.mark.parametrize(("function", "data", "named"), FORWARD.values(), ids=FORWARD)
@pytest.mark.parametrize("recording", [True, False], ids=["", "no_grad"])
def test_anomaly_names_the_operation_its_inputs_and_the_line(function, data, named, recording):
    def call():
        with group("any"):
            return function(Value(data, label="x"))

    message = told(call if recording else no_grad()(call))
    assert named in message
    assert message.endswith(line_of(function))
    assert (is_recording(), current().trace, current().group) == (True, PLAIN, None)


BACKWARD = {
    "sqrt": (lambda x: np.sqrt(x) + 0, 0.0, r"sqrt(x = 0.0) gives inf"),
    "power": (lambda x: x**0.5, 0.0, r"pow(x = 0.0, unnamed = 0.5) gives inf"),
    "method": (lambda x: x.sqrt() * 2, 0.0, r"sqrt(x = 0.0) gives inf"),
    "float32": (lambda x: np.cbrt(x) + 0, np.float32(0), r"cbrt(x = np.float32(0.0)) gives"),
    "array": (lambda x: np.sum(np.sqrt(x)), [4.0, 0.0], r"sqrt(x = array([4., 0.])) gives array("),
    "arcsin": (lambda x: np.arcsin(x) + 0, 1.0, r"arcsin(x = 1.0) gives inf"),
    "overflow": (lambda x: 1 / x, 1e-200, r"div(unnamed = 1.0, x = 1e-200) gives -inf"),
    "subnormal": (lambda x: np.log(x) + 0, 1e-320, r"log(x = 1e-320) gives inf"),
    "further down": (lambda x: np.exp(np.sqrt(x) + 1), 0.0, r"sqrt(x = 0.0) gives inf"),
}


@quietly
@pytest.mark.parametrize(("function", "data", "named"), BACKWARD.values(), ids=BACKWARD)
def test_anomaly_names_whose_derivative_it_was(function, data, named):
    x = Value(data, label="x")
    message = told(lambda: function(x).backward())
    assert message.startswith("the derivative of " + named)
    assert message.endswith(line_of(function))
    assert x.grad is None  # nothing is written by a pass that failed


@quietly
@pytest.mark.parametrize(("function", "data", "named"), BACKWARD.values(), ids=BACKWARD)
def test_anomaly_names_what_was_recorded_before_it_too(function, data, named):
    x = Value(data, label="x")
    root = function(x)
    message = told(root.backward)
    assert message.startswith("the derivative of " + named)
    assert "line is not known" in message
    assert x.grad is None


@quietly
@pytest.mark.parametrize("make", [grad, value_and_grad, jacobian])
def test_anomaly_looks_into_grad(make):
    forward, back = FORWARD["method"][0], BACKWARD["power"][0]
    assert told(make(forward), 0.0) == f"log(unnamed = 0.0) gives -inf {line_of(forward)}"
    message = told(make(back), 0.0)
    assert message.startswith("the derivative of pow(unnamed = 0.0, unnamed = 0.5) gives inf")
    assert message.endswith(line_of(back))


@quietly
def test_anomaly_looks_into_second_derivatives():
    function = BACKWARD["power"][0]
    for call in (grad(grad(function)), lambda x: grad(function)(Value(x))):
        assert re.search(r"gives inf \(test_trace\.py:\d+: .+\)$", told(call, 0.0))
    message = told(grad(grad(lambda x: x**1.5)), 0.0)  # whose first derivative is 0
    assert re.search(r"pow\(.*\) gives inf \(test_trace\.py:\d+: .+\)$", message)


@quietly
def test_anomaly_looks_into_forward_mode():
    assert "sqrt" in told(jvp, np.sqrt, 0.0, 1.0)
    assert "sqrt" in told(jacobian(lambda x: np.stack([np.sqrt(x), x])), 0.0)  # tall: forward


@quietly
def test_anomaly_in_forward_mode_blames_nobody_for_a_tangent_that_is_given():
    with anomaly():
        moved = jvp(lambda x: x * 2.0 + np.ones(2), np.ones(2), np.array([np.inf, 1.0]))[1]
        np.testing.assert_array_equal(moved, [np.inf, 2.0])
        assert jvp(lambda x: 3.0 / (x + 2.0), 1.0, 1.0)[1] == pytest.approx(-1 / 3)
    assert "div" in told(jvp, lambda x: 3.0 / (x * 1e-200), 1e-200, 1.0)


@quietly
def test_anomaly_tells_the_numbers_that_were_computed_with():
    x = Value(0.0, label="x")
    root = np.sqrt(x)
    x.data = 4.0
    assert told(root.backward).startswith("the derivative of sqrt(x = 0.0) gives inf")


@quietly
def test_the_line_is_that_of_the_call_within_a_statement():
    def function(x):
        return (
            x.exp()  # finite
            + x.log()  # not
        )

    number = inspect.getsourcelines(function)[1] + 3
    message = told(function, Value(0.0))
    assert message.endswith(f"(test_trace.py:{number}: + x.log() # not)")


@quietly
def test_a_file_beside_the_package_is_the_users_own():
    path = os.path.dirname(tinygrad_hw.__file__) + "_of_mine.py"
    space = {}
    exec(compile("def function(x):\n    return x.log()", path, "exec"), space)
    assert told(space["function"], Value(0.0)).endswith("(tinygrad_hw_of_mine.py:2)")


INF, NAN = np.inf, np.nan
NOT_TO_BLAME = {  # it was the user's, or is no derivative at all
    "an infinite leaf": lambda: Value(INF) * 2,
    "a function of it": lambda: Value([INF, 1.0]).exp().sum(),
    "a nan": lambda: np.sqrt(Value([NAN, 1.0])),
    "infinity less infinity": lambda: Value(INF) - INF,
    "an infinite constant": lambda: Value([1.0, 2.0]) + np.array([INF, 0.0]),
    "a masked softmax": lambda: numpy_api.softmax(np.where([True, False], Value([1.0, 2.0]), -INF)),
    "a padding": lambda: np.pad(Value([1.0]), 1, constant_values=INF),
    "a bound": lambda: np.clip(Value([1.0]), 0, INF),
    "an infinite seed": lambda: (Value(1.0) * 2).backward(INF),
    "an infinite factor": lambda: np.sum(Value([1.0, 2.0]) * np.array([INF, 1.0])).backward(),
    "a slope that nothing reaches": lambda: (np.sqrt(Value(0.0)) * 0).backward(1.0),
    "a branch not taken": lambda: np.where(False, np.sqrt(Value(0.0)), 1.0).backward(),
    "a length of 0": lambda: np.linalg.norm(Value(np.zeros(3))).backward(),
    "a deviation of 0": lambda: np.std(Value(np.ones(3))).backward(),
    "nothing wrong": lambda: np.log(Value([1.0, 2.0])).sum().backward(),
}


@quietly
@pytest.mark.parametrize("call", NOT_TO_BLAME.values(), ids=NOT_TO_BLAME)
def test_anomaly_blames_nobody_for_what_the_user_gave(call):
    with anomaly():
        call()


@quietly
def test_anomaly_ends_with_its_block():
    x = Value(0.0)
    with anomaly():
        inside = x * 2
    outside = np.log(x)
    assert outside.data == -INF
    assert current().trace is PLAIN
    assert hasattr(inside, "line")
    assert not hasattr(outside, "line")  # costs nothing where it is not asked for
    np.sqrt(x).backward()
    assert x.grad == INF


@quietly
def test_anomaly_nests():
    with anomaly():
        with anomaly(), no_grad(), group("g"):
            with pytest.raises(FloatingPointError):
                np.log(Value(0.0))
            assert type(current().trace) is AnomalyTrace
        with pytest.raises(FloatingPointError):
            np.log(Value(0.0))
        assert (is_recording(), current().group) == (True, None)
    assert current().trace is PLAIN


def test_anomaly_changes_no_number_and_no_history():
    def function(x):
        return np.sum(numpy_api.softmax(x @ x.T) * np.tanh(x[0, 0]))

    plain, watched = (
        Value(np.arange(6.0).reshape(2, 3) / 6),
        Value(np.arange(6.0).reshape(2, 3) / 6),
    )
    function(plain).backward()
    with anomaly():
        root = function(watched)
        root.backward()
    np.testing.assert_array_equal(watched.grad, plain.grad)
    assert len(topological_order(root)) == len(topological_order(function(plain)))


@quietly
def test_each_thread_has_its_own_anomaly():
    found = []

    def other():
        with np.errstate(all="ignore"):
            found.append(np.log(Value(0.0)).data)

    with anomaly():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
        with pytest.raises(FloatingPointError):
            np.log(Value(0.0))
    assert found == [-INF]


def test_anomaly_speaks_alone():
    """NumPy's warning of the same, which says less, would be an error here."""
    assert "div" in told(lambda x: x / 0.0, Value(np.ones(2)))
    assert "sqrt" in told(np.sqrt(Value(0.0)).backward)
