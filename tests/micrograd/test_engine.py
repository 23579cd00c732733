"""micrograd's Value: what programs written for micrograd and microgpt read, set and call."""

import math
import re

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lean_value import LeanValue

import tinygrad_hw
from tinygrad_hw import capture
from tinygrad_hw.explain import explain
from tinygrad_hw.micrograd import Value
from tinygrad_hw.micrograd.engine import Value as ValueOfEngine


def nodes_of(root):
    """All that a root was made of, found as micrograd's programs find it."""
    nodes, stack = set(), [root]
    while stack:
        node = stack.pop()
        if node not in nodes:
            nodes.add(node)
            stack += node._prev
    return nodes


def sine_as_in_micrograd(x):
    """A sine as a program of micrograd's adds it."""
    out = Value(math.sin(x.data), (x,), "sin")

    def _backward():
        x.grad += math.cos(x.data) * out.grad

    out._backward = _backward
    return out


# --- A Value on its own ---------------------------------------------------------------------------


def test_gradients_start_at_0():
    x = Value(2)
    assert (x.data, x.grad, x._op, x._prev, x._children) == (2.0, 0, "", set(), ())
    assert ValueOfEngine is Value
    x.grad += 1.5
    assert x.grad == 1.5


def test_text_is_micrograds():
    x = Value(-4.0)
    assert repr(x) == "Value(data=-4.0, grad=0)"
    (x * 2.0).backward()
    assert (str(x), f"{x}") == ("Value(data=-4.0, grad=2.0)",) * 2
    drawn = "{ data %.4f | grad %.4f }" % (x.data, x.grad)  # noqa: UP031 - as trace_graph has it
    assert drawn == "{ data -4.0000 | grad 2.0000 }"
    assert repr(Value(np.float64(0.1))) == "Value(data=0.1, grad=0)"


def test_numbers_of_numpy_are_pythons_floats_where_nothing_is_lost():
    row = np.array([0.1, 0.2])
    assert [type(x.data) for x in map(Value, row)] == [float, float]
    results = [np.int64(2) * Value(3.0), 1 + -row[0] * Value(3.0), Value(3.0) / row[1]]
    assert [type(x.data) for x in results] == [float, float, float]
    assert (Value(row[0]).data, Value(np.float32(0.1)).dtype) == (row[0], np.float32)


def test_arguments_are_micrograds_in_order():
    x = Value(2.0, (), "x")
    assert (x._op, x._prev) == ("x", set())
    assert Value(2.0, _children=(), _op="").data == 2.0
    assert (Value(2.0, label="w").label, x.label, (x * 2).label) == ("w", "", "")
    x.label = "x"
    assert x.label == "x"


def test_results_are_of_the_same_class():
    x = Value(2.0)
    results = [x + 1, 1 - x, x * x, x / 2, 2 / x, -x, x**2, 2**x, abs(x), x.relu(), x.exp()]
    results += [np.exp(x), np.maximum(x, 1.0), Value([1.0, 2.0])[0], Value([1.0]).reshape(1, 1)]
    assert {type(result) for result in results} == {Value}
    assert {type(child) for result in results for child in result._children} == {Value}


def test_signs():
    a, b = Value(2.0), Value(3.0)
    found = [x._op for x in (a + b, a - b, a * b, a / b, -a, a.relu(), a.tanh(), a.exp(), a.log())]
    assert found == ["+", "-", "*", "/", "-", "ReLU", "tanh", "exp", "log"]
    assert [x._op for x in (a**2, b**-1, a**0.5, a**b)] == ["**2", "**-1", "**0.5", "pow"]


def test_operands_are_a_set_and_in_order():
    a, b = Value(2.0), Value(3.0)
    assert ((a * b)._prev, (b * a)._children) == ({a, b}, (b, a))
    assert ((a * a)._prev, (a * a)._children) == ({a}, (a, a))
    assert ((a**2)._prev, (a**2)._children, (a**b)._children) == ({a}, (a,), (a, b))


def test_two_values_are_two_whatever_their_numbers():
    a, b = Value(2.0), Value(2.0)
    assert (a == b, a != b, a == a, a != a) == (False, True, True, False)  # noqa: PLR0124
    assert ([a, b].index(b), len({a, b}), bool(Value(0.0))) == (1, 2, True)
    assert (a.data == b.data, Value(1.0) < b) == (True, True)


# --- Numbers beside a Value -----------------------------------------------------------------------


def test_numbers_of_the_graph_have_gradients_too():
    y = (Value(1.0) * 2 + 1).relu()
    y.backward()
    found = sorted((node._op, node.data, node.grad) for node in nodes_of(y))
    values = [("", 1.0, 1.0), ("", 1.0, 2.0), ("", 2.0, 1.0)]
    assert found == [*values, ("*", 2.0, 1.0), ("+", 3.0, 1.0), ("ReLU", 3.0, 1.0)]


@pytest.mark.parametrize("cube", [lambda x: x**3, lambda x: np.power(x, 3)])
def test_an_exponent_of_a_negative_base_gives_no_warning(cube):
    x = Value(-2.0)
    y = cube(x)
    y.backward()
    assert (x.grad, y._op, y._prev) == (12.0, "**3", {x})


def test_formulas_have_the_numbers():
    def chain(kind):
        x = kind(3.0, label="x")
        y = (x * 2 + 1).sigmoid()
        y.label = "y"
        return str(explain(y, x))

    assert "2 · y · (1 - y)" in chain(Value)
    assert chain(Value) == chain(tinygrad_hw.Value)


# --- Backward -------------------------------------------------------------------------------------


def test_an_expression_with_everything():
    def expression(a, b, relu):
        c = a + b
        d = a * b + b**3
        c += c + 1
        c += 1 + c + (-a)
        d += d * 2 + relu(b + a)
        d += 3 * d + relu(b - a)
        e = c - d
        f = e**2
        g = f / 2.0
        g += 10.0 / f
        return g

    a, b = Value(-4.0), Value(2.0)
    g = expression(a, b, Value.relu)
    g.backward()
    with mpmath.workdps(40):
        exact = [mpmath.mpf(-4), mpmath.mpf(2)]

        def of_numbers(x, y):
            return expression(x, y, lambda z: max(z, mpmath.mpf(0)))

        assert g.data == pytest.approx(float(of_numbers(*exact)), rel=1e-15)
        by_a = mpmath.diff(of_numbers, exact, (1, 0))
        by_b = mpmath.diff(of_numbers, exact, (0, 1))
    assert [a.grad, b.grad] == pytest.approx([float(by_a), float(by_b)], rel=1e-12)


BINARY = [lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / (y * y + 1)]
UNARY = [
    *(lambda x: x.relu(), lambda x: -x, lambda x: x**2, lambda x: (x * x + 1) ** -0.5),
    *(lambda x: (x * 0.1).tanh(), lambda x: (x.tanh()).exp(), lambda x: (x * x + 0.5).log()),
    *(lambda x: 2 * x + 1, lambda x: 1 - x, lambda x: 3 / (x * x + 2)),
]
STEPS = st.lists(st.tuples(*(st.integers(0, 1000) for _ in range(3))), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(STEPS, st.lists(st.floats(-2, 2).map(lambda x: round(x, 3)), min_size=2, max_size=3))
def test_every_graph_has_the_lean_engines_numbers(steps, numbers):
    def run(kind):
        leaves = [kind(number) for number in numbers]
        values = list(leaves)
        for choice, i, j in steps:
            x, y = values[i % len(values)], values[j % len(values)]
            operation = (BINARY + UNARY)[choice % (len(BINARY) + len(UNARY))]
            result = operation(x, y) if operation in BINARY else operation(x)
            values.append(result if abs(result.data) < 1e3 else result.tanh())
        loss = sum(values)
        loss.backward()
        return [loss.data, *(leaf.grad for leaf in leaves)]

    assert run(Value) == pytest.approx(run(LeanValue), rel=1e-11, abs=1e-11)


def test_leaves_add_to_what_they_have():
    x = Value(3.0)
    x.grad += 1.0
    y = x * x
    y.backward()
    assert x.grad == 7.0
    x.grad = 0
    y.backward()
    assert x.grad == 6.0


def test_a_pass_by_hand_over_backward_is_the_pass():
    def graph():
        a, b = Value(2.0), Value(-3.0)
        c = a * b
        d = (c + 10).tanh()
        return a, b, c, d, d * c - sine_as_in_micrograd(b)

    *expected, loss = graph()
    loss.backward()
    *found, loss = graph()
    order, seen = [], set()

    def visit(value):
        if value not in seen:
            seen.add(value)
            for child in value._prev:
                visit(child)
            order.append(value)

    visit(loss)
    loss.grad = 1.0
    for value in reversed(order):
        value._backward()
    assert [x.grad for x in found] == pytest.approx([x.grad for x in expected], rel=1e-15)


def test_a_pass_by_hand_over_local_gradients_is_the_pass():
    def graph():
        a, b = Value(2.0), Value(-3.0)
        return a, b, (a / b + a**2) * b - a

    *expected, loss = graph()
    loss.backward()
    *found, loss = graph()
    order, stack = [], [loss]
    while stack:  # a node comes after all that it was made of, since it is listed when last met
        value = stack.pop()
        order = [x for x in order if x is not value] + [value]
        stack += value._children
    loss.grad = 1
    for value in order:
        for child, local in zip(value._children, value._local_grads, strict=True):
            child.grad += local * value.grad
    assert [x.grad for x in found] == pytest.approx([x.grad for x in expected], rel=1e-15)


def test_local_gradients():
    a, b = Value(2.0), Value(3.0)
    assert (a + b)._local_grads == (1, 1)
    assert (a * b)._local_grads == (3.0, 2.0)
    assert (a * a)._local_grads == (2.0, 2.0)
    assert (a**3)._local_grads == (12.0,)
    assert (a / b)._local_grads == pytest.approx((1 / 3, -2 / 9))
    assert (-a).relu()._local_grads == (0.0,)
    assert a._local_grads == ()
    with pytest.raises(TypeError, match=re.escape("_local_grads are those of a number")):
        _ = (Value([1.0, 2.0]) * a)._local_grads


# --- Data that are set ----------------------------------------------------------------------------


def test_data_of_a_leaf_are_trained():
    p = Value(1.0)
    (p * 3).backward()
    p.data -= 0.1 * p.grad
    assert p.data == pytest.approx(0.7)
    unused = Value(1.0)
    unused.data -= 0.1 * unused.grad
    assert unused.data == 1.0


def test_data_of_a_result_may_be_set_and_its_derivative_stays():
    """As a straight-through estimator does: rounded on the way forward, smooth on the way back."""
    x = Value(0.3)
    y = x.exp()
    y.data = round(y.data)
    z = y * 3
    z.backward()
    assert (z.data, y._op, y._prev) == (3.0, "exp", {x})
    assert x.grad == pytest.approx(3 * math.exp(0.3), rel=1e-15)
    square = x**2
    square.data = 1.0
    assert (square._op, square._children, square._local_grads) == ("**2", (x,), (0.6,))
    own = sine_as_in_micrograd(x)
    own.data = 5
    x.grad = 0
    own.backward()
    assert (own.data, x.grad) == (5.0, pytest.approx(math.cos(0.3)))
    result = Value([1.0, 2.0]) * 2
    with pytest.raises(ValueError, match="its data cannot be set"):
        result.data = [1.0, 2.0]


# --- Beside plain Values --------------------------------------------------------------------------


def test_mixed_with_plain_values():
    x, p = Value(2.0), tinygrad_hw.Value(3.0)
    assert (type(x * p), type(p * x)) == (Value, tinygrad_hw.Value)
    assert p.grad is None
    (x * p + p * x).backward()
    assert (x.grad, p.grad) == (6.0, 4.0)


def test_plain_values_stay_as_they_are():
    p = tinygrad_hw.Value(3.0)
    product = p * 2
    assert (p.grad, product.inputs[1].constant) == (None, True)
    assert p == 3.0


def test_captured_step_has_the_eager_numbers():
    def train(wrap):
        w, b = Value(0.5), Value(-0.2)

        def step(x, y):
            w.grad = b.grad = 0
            loss = ((w * x + b).tanh() - y) ** 2
            loss.backward()
            return loss

        run, losses = wrap(step), []
        for k in range(6):
            losses.append(float(run(0.1 * k, 0.3)))
            for p in (w, b):
                p.data -= 0.5 * p.grad
        return [*losses, w.data, b.data, w.grad, b.grad]

    assert train(capture) == pytest.approx(train(lambda step: step), rel=1e-12)
