"""Operations of a program's own: made as micrograd makes them, and as microgpt does."""

import copy
import math
import pickle

import mpmath
import pytest

import tinygrad_hw
from tinygrad_hw import anomaly, capture, grad, hessian, jvp, no_grad
from tinygrad_hw.micrograd import MLP, Value


def sine_as_in_micrograd(x):
    """A sine as a program of micrograd's adds it."""
    out = Value(math.sin(x.data), (x,), "sin")

    def _backward():
        x.grad += math.cos(x.data) * out.grad

    out._backward = _backward
    return out


def sine_as_in_microgpt(x):
    """A sine as a program of microgpt's adds it."""
    return Value(math.sin(x.data), (x,), (math.cos(x.data),))


@pytest.mark.parametrize("sine", [sine_as_in_micrograd, sine_as_in_microgpt])
def test_own_operations_are_differentiated_in_the_same_pass(sine):
    x, y = Value(0.7), Value(-1.2)
    loss = sine(x * y) * sine(sine(x)) + x
    loss.backward()
    with mpmath.workdps(30):
        point = (mpmath.mpf(0.7), mpmath.mpf(-1.2))

        def exact(x, y):
            return mpmath.sin(x * y) * mpmath.sin(mpmath.sin(x)) + x

        expected = [mpmath.diff(exact, point, order) for order in ((1, 0), (0, 1))]
    assert [x.grad, y.grad] == pytest.approx([float(slope) for slope in expected], rel=1e-13)


def product_as_in_micrograd(x, y, calls):
    out = Value(x.data * y.data, (x, y), "times")

    def _backward():
        calls.append(out.grad)
        x.grad += y.data * out.grad
        y.grad += x.data * out.grad

    out._backward = _backward
    return out


def test_own_backward_runs_once_in_each_pass():
    calls = []
    x, y = Value(2.0), Value(5.0)
    out = product_as_in_micrograd(x, y, calls)
    loss = out * 3 + out
    loss.backward()
    assert (calls, x.grad, y.grad, out.grad) == ([4.0], 20.0, 8.0, 4.0)
    loss.backward()
    assert (calls, x.grad, y.grad, out.grad) == ([4.0, 4.0], 40.0, 16.0, 4.0)
    assert (out._op, out._children) == ("times", (x, y))


def test_own_operation_may_have_an_operand_twice():
    x = Value(3.0)
    product_as_in_micrograd(x, x, []).backward()
    assert x.grad == 6.0
    x.grad = 0
    Value(9.0, (x, x), (3.0, 3.0)).backward()
    assert x.grad == 6.0


def test_nothing_is_written_if_own_backward_fails():
    x, w = Value(2.0), Value(3.0)
    x.grad = 0.5
    out = Value(4.0, (x,), "square")

    def _backward():
        x.grad += 2 * x.data * out.grad
        raise KeyError("mine")

    out._backward = _backward
    with pytest.raises(KeyError, match="mine"):
        (out * w).backward()
    assert (x.grad, w.grad, out.grad) == (0.5, 0, 0)


def test_without_a_backward_nothing_is_sent():
    x = Value(2.0)
    y = Value(4.0, (x,), "square")
    (y * x).backward()
    assert (x.grad, y.grad) == (4.0, 2.0)
    y._backward()
    assert x.grad == 4.0


def test_own_operations_of_arrays_and_of_plain_values():
    x = tinygrad_hw.Value([1.0, 2.0])
    out = Value(x.data**2, (x,), "square")

    def _backward():
        x.grad += 2 * x.data * out.grad

    out._backward = _backward
    out.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_own_operation_without_recording_is_a_constant():
    x = Value(0.5)
    with no_grad():
        y = sine_as_in_micrograd(x)
    assert (y.constant, y._prev) == (True, set())
    (y * x).backward()
    assert x.grad == math.sin(0.5)


def test_own_operations_in_functions_that_are_differentiated():
    for sine in (sine_as_in_micrograd, sine_as_in_microgpt):
        assert grad(sine)(0.3) == pytest.approx(math.cos(0.3), rel=1e-15)
        with pytest.raises(TypeError, match="has a first derivative alone"):
            hessian(sine)(0.3)
    assert jvp(sine_as_in_microgpt, 0.3, 2.0)[1] == pytest.approx(2 * math.cos(0.3), rel=1e-15)
    with pytest.raises(TypeError, match="sin is a result given by its number"):
        jvp(sine_as_in_micrograd, 0.3, 2.0)


def test_what_own_operations_cannot_be():
    x = Value(2.0)
    with pytest.raises(TypeError, match="_children are Values, got float"):
        Value(4.0, (2.0,), "square")
    with pytest.raises(ValueError, match="got 1 derivatives for 2 children; give one for each"):
        Value(4.0, (x, x), (2.0,))
    for value in (x, x * 2):
        with pytest.raises(ValueError, match="has a derivative already, or no operands"):
            value._backward = lambda: None
    captured = capture(lambda: Value(4.0, (x,), "square"))
    captured()
    with pytest.raises(TypeError, match="_children of a Value is read while a program is captured"):
        captured()


def test_anomaly_finds_own_operations():
    with anomaly():
        with pytest.raises(FloatingPointError, match=r"square\(.*\) gives inf.*test_own_operation"):
            Value(math.inf, (Value(2.0),), "square")
        with pytest.raises(FloatingPointError, match=r"derivative of own.*test_own_operation"):
            Value(4.0, (Value(2.0),), (math.inf,)).backward()


def test_a_copy_of_a_result_with_backward_is_refused_and_one_with_derivatives_is_not():
    x = Value(3.0)
    y = Value(9.0, (x,), "sq")

    def backward():
        x.grad += 2 * x.data * y.grad

    y._backward = backward
    with pytest.raises(
        TypeError, match="not to those of their copies; copy the leaves and compute"
    ):
        copy.deepcopy(y * 2)
    z = copy.copy(y)  # on the same leaf
    z.backward()
    assert x.grad == 6.0
    given = copy.deepcopy(Value(9.0, (x,), (6.0,)))
    given.backward()
    assert [leaf.grad for leaf in given._prev] == [12.0]  # 6 were copied
    assert x.grad == 6.0


def test_a_network_and_its_loss_are_pickled_as_one():
    network = MLP(2, [3, 1])
    loss = (network([1.0, 2.0]) - 1) ** 2
    for duplicate in (copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))):
        other, its_loss = duplicate((network, loss))
        its_loss.backward()
        assert {p.grad for p in network.parameters()} == {0}
        gradients = [p.grad for p in other.parameters()]
        loss.backward()
        assert gradients == [p.grad for p in network.parameters()]
        network.zero_grad()
