"""Programs in Python's floats: the short way does what the general one does, to the last bit."""

import asyncio
import gc
import math
import threading
import tracemalloc
import warnings
import weakref

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw.engine import (
    Pointwise,
    Value,
    anomaly,
    backward,
    backward_steps,
    grad,
    group,
    lean,
    no_grad,
    ops,
)
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.trace import PLAIN, current

UNARY = ["exp", "tanh", "sigmoid", "relu", "sin", "square", "softplus", "__neg__", "__abs__"]
BINARY = ["__add__", "__sub__", "__mul__", "__truediv__", "__radd__", "__rsub__", "__rmul__"]


@st.composite
def programs(draw):
    """Draw the calls of a program in scalars: an operation and the numbers of its operands."""
    calls = []
    for k in range(draw(st.integers(1, 25))):
        operand = st.integers(0, k + 2)
        if draw(st.booleans()):
            calls.append((draw(st.sampled_from(UNARY)), draw(operand)))
        else:
            number = st.sampled_from([2, -0.5, 0.0, 3.0])
            calls.append((draw(st.sampled_from(BINARY)), draw(operand), draw(operand | number)))
    return calls


def run(calls):
    """Return the leaves and all results of a program, the last of which depends on a leaf."""
    values = [Value(0.7), Value(-1.3), Value(0.4, constant=True)]
    for name, x, *others in calls:
        arguments = [values[y] if isinstance(y, int) else y for y in others]
        values.append(getattr(values[x], name)(*arguments))
    values.append(values[-1] + values[0] * values[1])
    return values


def gradients_by_steps(root):
    totals = {id(root): 1.0}
    for step in backward_steps(root):
        totals[id(step.operand)] = step.total
    return [totals.get(id(node)) for node in topological_order(root)]


def same(a, b):
    """Return whether two numbers are equal, with their types and the signs of their zeros."""
    if a is None or b is None:
        return a is b
    equal = a == b or (np.isnan(a) and np.isnan(b))
    return type(a) is type(b) and equal and np.signbit(a) == np.signbit(b)


@given(programs())
def test_gradients_are_those_of_the_general_way_to_the_last_bit(calls):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root = run(calls)[-1]
        expected = gradients_by_steps(root)
        root.backward()
    found = [node.grad for node in topological_order(root)]
    pairs = zip(found, expected, topological_order(root), strict=True)
    assert all(same(a, b) for a, b, node in pairs if not node.constant)


@given(programs())
def test_the_general_backward_pass_agrees_too(calls):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short, general = run(calls)[-1], run(calls)[-1]
        short.backward()
        backward(general)
    orders = topological_order(short), topological_order(general)
    assert all(same(a.grad, b.grad) for a, b in zip(*orders, strict=True))


def test_a_polynomial_has_the_derivative_of_mpmath():
    x = Value(1.7)
    y = x * x * x - 2 * x / (x + 1) + (x**2 - 1) ** 0.5
    y.backward()
    with mpmath.workdps(30):
        exact = mpmath.diff(
            lambda t: t**3 - 2 * t / (t + 1) + mpmath.sqrt(t**2 - 1), mpmath.mpf(1.7)
        )
    assert x.grad == pytest.approx(float(exact), rel=1e-14)


# --- What a lean node is --------------------------------------------------------------------------


def test_results_of_floats_are_lean_and_look_like_any_node():
    x, y = Value(2.0, "x"), Value(3.0)
    with group("pair") as pair:
        product = x * y
    assert product.back is ops.mul.back
    assert (product.operation, product.inputs, product.arguments) == (ops.mul, (x, y), (2.0, 3.0))
    assert (product.attributes, product.label, product.grad) == ({}, None, None)
    assert product.group is pair
    product.label = "p"
    assert product.label == "p"


@pytest.mark.parametrize(
    "result",
    [
        lambda x: x * np.ones(2),
        lambda x: x * np.float32(2),
        lambda x: x.sum(),
        lambda x: x.leaky_relu(),
        lambda x: Value(np.float32(2.0)) + 1,
        lambda x: Value(2.0, constant=True) * 3,
    ],
)
def test_other_results_are_not(result):
    assert result(Value(2.0)).back is None


def test_functions_and_operations_of_many_are_lean():
    x = Value(0.5)
    assert np.exp(x).back is ops.exp.back
    assert ops.affine(x, Value(2.0), Value(1.0)).back is ops.affine.back


@pytest.mark.parametrize("mode", [no_grad, anomaly])
def test_modes_take_the_general_way(mode):
    x = Value(2.0)
    with mode():
        assert (x * x).back is None


def test_a_float_of_an_array_graph_gets_its_gradient():
    x = Value(2.0)
    scale = x * 3 + 1
    (scale * Value([1.0, 2.0])).sum().backward()
    assert (scale.grad, x.grad) == (3.0, 9.0)
    assert type(x.grad) is float


def test_a_node_of_another_kind_below_floats_is_differentiated_too():
    x = Value(2.0)
    (x.leaky_relu() * x).backward()
    assert x.grad == 4.0


# --- Contracts ------------------------------------------------------------------------------------


def test_leaves_accumulate_and_inner_nodes_begin_afresh():
    x = Value(3.0)
    inner = x * x
    root = inner * 2
    root.backward()
    root.backward()
    assert (x.grad, inner.grad, root.grad) == (24.0, 2.0, 1.0)


def test_constants_have_no_gradient_and_cost_no_derivative():
    x, two = Value(-3.0), Value(2.0, constant=True)
    root = (two * 5) * x**2  # the derivative by the exponent would be the logarithm of -3
    root.backward()
    assert (x.grad, two.grad) == (-60.0, None)
    assert root.inputs[0].grad is None


def test_new_data_of_a_leaf_do_not_change_an_earlier_derivative():
    x = Value(3.0)
    y = x * x
    x.data = 100.0
    y.backward()
    assert (y.data, x.grad) == (9.0, 6.0)


def test_new_data_of_another_dtype_get_a_gradient_of_theirs():
    x = Value(3.0)
    y = x * x
    x.data = np.float32(1.0)
    y.backward()
    assert (x.grad, type(x.grad)) == (6.0, np.float32)


def test_nothing_is_written_when_a_rule_fails():
    x, y = Value(2.0), Value(3.0)
    inner = x * y
    inner.backward()
    broken = Pointwise("broken", lambda x: x + 0.0, "x.missing")
    root = broken(inner * y) + inner
    assert root.back is not None
    with pytest.raises(AttributeError, match="missing"):
        root.backward()
    assert (x.grad, y.grad, inner.grad, root.grad) == (3.0, 2.0, 1.0, None)
    (x * y).backward()
    assert x.grad == 6.0


@pytest.mark.parametrize(
    ("root", "gradient"),
    [
        (lambda x: (x * 0.0).sqrt() * x, 0.0),  # an infinite slope that 0 goes through
        (lambda x: (x * 1e200) * 1e200 * 0.0, math.inf),  # the product before it is not finite
        (lambda x: x.relu() * 1e308 * 10.0 * 0.1, math.inf),
    ],
)
def test_what_is_not_finite_takes_the_general_way(root, gradient):
    x, y = Value(1.0), Value(1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root(x).backward()
        backward(root(y))
    assert same(x.grad, y.grad)


def test_overflow_and_division_by_zero_warn_as_numpy_does():
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert (Value(1e200) * 1e200).data == math.inf
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert (Value(1.0) / 0.0).data == math.inf
    with pytest.warns(RuntimeWarning, match="invalid value"):
        assert math.isnan((Value(-8.0) ** 0.5).data)


def test_integers_beside_a_value_must_be_floats():
    x = Value(1.0)
    for use in (lambda: x + 10**400, lambda: 10**400 * x):
        with pytest.raises(TypeError, match="within the range of floats"):
            use()


def test_a_pass_that_meets_another_one_takes_the_general_way():
    x = Value(3.0)
    y = x * x + x
    with lean._LEAN_PASS:  # as in another thread, or in a destructor that Python calls meanwhile
        assert not lean.backward(y)
        y.backward()
    assert x.grad == 7.0


def test_threads_share_a_subgraph():
    shared = Value(0.5)
    for _ in range(50):
        shared = shared * 1.01 + 0.01
    leaves, roots = [], []
    for k in range(8):
        leaves.append(Value(float(k)))
        root = leaves[-1]
        for _ in range(300):
            root = root * 0.999 + shared * 0.0
        roots.append(root)

    def work(root):
        for _ in range(20):
            root.backward()

    threads = [threading.Thread(target=work, args=(root,)) for root in roots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [leaf.grad for leaf in leaves] == pytest.approx([20 * 0.999**300] * 8, rel=1e-12)


def test_overlapping_tasks_have_modes_of_their_own():
    async def evaluate(entered, leave):
        with no_grad():
            entered.set()
            await leave.wait()
            return (Value(1.0) * 2).constant

    async def main():
        first, second = [(asyncio.Event(), asyncio.Event()) for _ in range(2)]
        tasks = [asyncio.create_task(evaluate(*events)) for events in (first, second)]
        await first[0].wait()
        await second[0].wait()
        while_both_run = (Value(1.0) * 2).constant
        first[1].set()  # the first to enter is the first to leave
        await tasks[0]
        second[1].set()
        return [while_both_run, *[await task for task in tasks]]

    assert asyncio.run(main()) == [False, True, True]
    assert current().trace is PLAIN
    assert current().recording


# --- Size -----------------------------------------------------------------------------------------


def test_a_node_takes_at_most_350_bytes():
    x, count = Value(0.5), 20_000
    gc.collect()
    tracemalloc.start()
    y = x
    for _ in range(count // 2):
        y = y * x
        y = y + x
    y.backward()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / count <= 350


def test_a_long_chain_is_differentiated_and_freed_without_the_collector():
    x = Value(0.5)
    y = x
    gc.disable()
    try:
        for _ in range(200_000):
            y = y + x
        y.backward()
        inner = weakref.ref(y.inputs[0])
        del y
        assert inner() is None
    finally:
        gc.enable()
    assert x.grad == 200_001.0


# --- grad -----------------------------------------------------------------------------------------


@given(programs())
def test_grad_takes_the_short_way_too(calls):
    def function(x, y):
        values = [x, y, Value(0.4, constant=True)]
        for name, operand, *others in calls:
            arguments = [values[k] if isinstance(k, int) else k for k in others]
            values.append(getattr(values[operand], name)(*arguments))
        return values[-1] + x * 1.0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = grad(function, (0, 1))(0.7, -1.3)
        with lean._LEAN_PASS:
            general = grad(function, (0, 1))(0.7, -1.3)
    assert all(same(a, b) for a, b in zip(short, general, strict=True))
