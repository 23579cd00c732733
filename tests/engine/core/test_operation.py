"""An operation of one's own: added in a line or three, it takes part in everything."""

import copy
import re
import warnings

import numpy as np
import pytest

from tinygrad_hw import capture
from tinygrad_hw.engine import (
    Composite,
    GradientError,
    Multilinear,
    Pointwise,
    Value,
    backward_steps,
    grad,
    gradcheck,
    hvp,
    jvp,
    ops,
)
from tinygrad_hw.engine.core.operation import ANY_NUMBER
from tinygrad_hw.explain import explain_all, svg

cube = Pointwise("cube", lambda x: x**3, "3 * x**2")
called = Pointwise("cube", lambda x: x**3, lambda out, x: 3 * x**2)
scaled = Pointwise("scaled", lambda x, by: x * by, "by", defaults={"by": 2.0})
ratio = Pointwise("ratio", lambda x, y: x / y, "1 / y", "-out / y", shown=("1 / y", "-x / y**2"))
bilinear = Multilinear("bilinear", np.outer, "upstream @ y", "x @ upstream", symbol="⊗")
average = Composite("average", lambda x: ops.sum(x) / np.size(x.data))
weighed = Pointwise(
    "weighed", lambda *x: sum(i * part for i, part in enumerate(x)), "position", arity=ANY_NUMBER
)

along = Pointwise(
    "along", lambda x, axis: np.sqrt(np.sum(x * x, axis)), "x / out", defaults={"axis": None}
)
above = Pointwise("above", lambda x: x > 0, 0)
four = Pointwise("four", lambda *x: x[0] * x[3], "x3", 0, 0, "x0")

OWN = {
    "four operands": (four, 0.5, 1.5, 2.5, 3.5),
    "a text": (cube, [0.5, -1.5]),
    "a function": (called, [0.5, -1.5]),
    "an attribute": (lambda x: scaled(x, by=3.0), [0.5, -1.5]),
    "an attribute by position": (lambda x: scaled(x, 3.0), 0.5),
    "a whole number": (Pointwise("double", lambda x: 2 * x, 2), [0.5, -1.5]),
    "a whole number as a text": (Pointwise("minus3", lambda x: -3 * x, "-3"), [0.5, -1.5]),
    "a float": (Pointwise("double", lambda x: 2 * x, 2.0), 0.5),
    "a whole attribute": (lambda x: scaled(x, by=3), [0.5, -1.5]),
    "a function that gives an int": (Pointwise("thrice", lambda x: 3 * x, lambda o, x: 3), [0.5]),
    "a full reduction": (Pointwise("length", lambda x: np.sqrt(np.sum(x * x)), "x / out"), [3, 4]),
    "a reduction along an axis": (lambda x: np.sum(along(x, axis=1) * [1, 5]), [[3, 4], [6, 8]]),
    "a count, with no slope": (lambda x: x * above(x), [0.5, -1.5]),
    "two operands": (ratio, [0.5, -1.5], [2.0, 3.0]),
    "a broadcast pair": (ratio, 0.5, [2.0, 3.0]),
    "two operands, multilinear": (bilinear, [0.5, -1.5], [2.0, 3.0, 4.0]),
    "a composite": (average, [0.5, -1.5]),
    "any number": (weighed, 0.5, 1.5, 2.5),
}


@pytest.mark.parametrize("name", OWN)
def test_it_is_right_backward_and_forward_to_the_second_order(name):
    function, *points = OWN[name]
    assert gradcheck(function, *points, order=2) < 1e-8


def test_its_derivatives_in_every_way():
    x = Value(2.0)
    cube(x).backward()
    assert (x.grad, grad(cube)(2.0), grad(grad(cube))(2.0)) == (12.0, 12.0, 12.0)
    assert jvp(cube, 2.0, 0.5) == (8.0, 6.0)
    assert hvp(lambda v: np.sum(cube(v)), np.ones(2), np.ones(2)).tolist() == [6.0, 6.0]
    assert cube(np.array([1.0, 2.0])).tolist() == [1.0, 8.0]  # on plain numbers it computes


def test_it_is_drawn_and_explained():
    w = Value(2.0, label="w")
    loss = cube(w) * 0.5
    loss.label = "E"
    loss.backward()
    picture = svg(loss)
    assert ">cube<" in picture
    assert "12" in picture  # the local derivative on the edge
    [chain] = explain_all(loss, [w]).values()
    assert chain.value == w.grad == 6.0
    assert chain.lines[0] == "∂E/∂w = 1.5 · w^2"
    [product, power] = backward_steps(loss)
    assert (power.node.operation, power.upstream, power.local) == (cube, 0.5, 12.0)
    assert product.operand.operation is cube


def test_what_is_shown_is_the_text():
    assert cube.formulas == ("3 * x**2",)
    assert ratio.formulas == ("1 / y", "-x / y**2")
    assert called.formulas == ("cube′",)  # a function has no text
    assert (cube.symbol, bilinear.symbol) == ("cube", "⊗")


def test_warning_names_the_operation():
    slow = Pointwise("slow", lambda x: x * 1.0, "1 / x")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        slow(Value(np.zeros(1))).backward(np.ones(1))
    assert seen[0].filename == "<rule of slow>"


BAD_RECORDS = {
    "another name": (
        lambda: Pointwise("cube", lambda t: t**3, "3 * t**2"),
        r"cube: the rule '3 \* t\*\*2' uses 't'; it is written in out, x \(the operands in order",
    ),
    "an unknown name": (
        lambda: Multilinear("odd", lambda x, y: x * y, "colour", "x"),
        r"odd: the rule 'colour' uses 'colour'; it is written in upstream, x, y ",
    ),
    "no expression": (
        lambda: Pointwise("odd", lambda x: x, "2 *"),
        r"odd: the rule '2 \*': .*syntax",
    ),
    "too few rules": (
        lambda: Pointwise("times", lambda x, y: x * y, "y"),
        "times: 1 rule, but its function takes 2 operands; give the derivative by each",
    ),
    "too many rules": (
        lambda: Pointwise("half", lambda x: x / 2, "0.5", "0.5"),
        "half: 2 rules, but its function takes 1 operand;",
    ),
    "operands of a composite": (
        lambda: Composite("mse", lambda y, t: (y - t) ** 2),
        "mse: 1 rule, but its function takes 2 operands",
    ),
}


@pytest.mark.parametrize("name", BAD_RECORDS)
def test_record_that_cannot_work_is_refused_when_it_is_made(name):
    make, text = BAD_RECORDS[name]
    with pytest.raises(ValueError, match=text):
        make()


def test_record_may_use_loops_of_its_own_and_defaults_of_its_function():
    many = Pointwise("many", lambda x, times=3: x * times, "sum([1.0 for part in range(3)])")
    assert grad(many)(2.0) == 3.0


DETACHED = Pointwise("cube", lambda x: x**3, lambda out, x: 3 * ops.raw(x) ** 2)
NOT_MULTILINEAR = Multilinear(
    "plus", np.add, "sum_to(upstream, shape_of(x))", "sum_to(upstream, shape_of(y))"
)


def test_checker_catches_a_rule_that_is_wrong_only_at_the_second_order():
    assert gradcheck(DETACHED, 2.0) < 1e-8
    with pytest.raises(GradientError, match=r"second derivative: backward\(\) gives"):
        gradcheck(lambda x: DETACHED(x) + x**2, 2.0, order=2)


def test_checker_catches_a_rule_that_is_wrong_only_in_forward_mode():
    with pytest.raises(GradientError, match="forward mode gives"):
        gradcheck(NOT_MULTILINEAR, [1.0, 2.0], [3.0, 4.0])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: cube(Value(1.0), 2.0), r"cube\(\) takes 1 positional argument but 2 were given"),
        (lambda: cube(Value(1.0), by=2.0), r"cube\(\) got an unexpected .* 'by'; .* takes nothing"),
        (lambda: scaled(Value(1.0), 2.0, by=3.0), r"scaled\(\) got multiple values .* takes by"),
        (lambda: cube(2.0, 3.0), r"cube\(\) takes 1 positional argument"),
    ],
)
def test_wrong_call_is_refused(call, text):
    with pytest.raises(TypeError, match=text):
        call()


def test_an_operation_gives_real_numbers():
    assert (above(Value([1.0, -1.0])) + 0.5).data.tolist() == [1.5, 0.5]
    assert above(Value(np.float32([1, -1]))).dtype == np.float32
    three = Pointwise("three", lambda x: 3, 0)
    assert [three(Value(kind(1))).data for kind in (float, np.float64, np.float32)] == [3.0] * 3
    with pytest.raises(TypeError, match=r"lost\(.*the result is object data"):
        Pointwise("lost", lambda x: None, 0)(Value(np.float64(1)))
    with pytest.raises(TypeError, match=r"turn\(x \(2,\)\): the result is complex128 data"):
        Pointwise("turn", lambda x: x * 1j, 1)(Value([1.0, 2.0], label="x"))


def test_more_operands_than_rules_never_reach_numpys_out():
    v, w = Value([1.0, 2.0]), Value([3.0, 4.0])
    with pytest.raises(TypeError, match=r"exp\(\) takes 1 positional argument but 2 were given"):
        Pointwise("exp", np.exp, "out")(v, w)
    assert w.data.tolist() == [3.0, 4.0]


@pytest.mark.parametrize(("rule", "x"), [("1 / x", 0.0), ("x**2", 1e200)])
def test_where_python_raises_a_rule_gives_what_numpy_does(rule, x):
    flat = Pointwise("flat", lambda x: 0.0 * x, rule)
    for start in (x, np.float64(x)):
        v = Value(start)
        with pytest.warns(RuntimeWarning):
            flat(v).backward()
        assert v.grad == np.inf
        with pytest.warns(RuntimeWarning):
            assert jvp(flat, start, start + 1.0)[1] == np.inf
        with pytest.warns(RuntimeWarning, match="overflow"):
            assert cube(Value(type(start)(1e200))).data == np.inf


@pytest.mark.parametrize("shape", [Value(3.0), (Value(3.0), 1), [1, Value(3.0)]])
def test_a_value_among_attributes_is_refused(shape):
    with pytest.raises(TypeError, match="cannot be a Value"):
        ops.reshape(Value(np.ones(3)), shape)
    with pytest.raises(TypeError, match="Value"):
        ops.reshape(np.ones(3), shape)


def test_an_error_inside_a_rule_names_the_innermost_call():
    odd = Pointwise("odd", lambda x: x * 1.0, "x @ np.ones(5)")
    x = Value([1.0, 2.0], label="x")
    with pytest.raises(ValueError, match=r"^the derivative of odd\(x \(2,\)\): matmul"):
        odd(x).sum().backward()
    with pytest.raises(ValueError, match=r"^matmul\(unnamed \(2,\), array \(5,\)\): matmul"):
        hvp(lambda x: odd(x).sum(), x.data, np.ones(2))


@pytest.mark.parametrize(
    ("length", "shown"), [(58, "'" + 58 * "a" + "'"), (59, "'" + 56 * "a" + "...")]
)
def test_a_long_attribute_is_shortened_in_messages(length, shown):
    def refuse(x, tag):
        raise ValueError("no")

    odd = Pointwise("odd", refuse, 1, defaults={"tag": ""})
    with pytest.raises(ValueError, match=re.escape(f"odd(x (2,), tag={shown}): no")):
        odd(Value([1.0, 2.0], label="x"), "a" * length)


def test_operands_in_a_list_are_named_in_messages():
    a, b = Value([1.0, 2.0], label="a"), Value(3.0)
    with pytest.raises(TypeError, match=r"^mul\(a \(2,\), \[a \(2,\), unnamed \(\), 4.0\]\): "):
        ops.mul(a, [a, b, 4.0])


def test_an_error_that_numpy_is_told_to_raise_names_the_call():
    x = Value([1000.0], label="x")
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match=r"^exp\(x \(1,\)\): "):
        x.exp()


@pytest.mark.parametrize(
    ("rule", "kind"), [("x[7]", IndexError), ("x + None", TypeError), ("x.reshape(7)", ValueError)]
)
def test_an_error_in_a_rule_names_the_derivative(rule, kind):
    odd = Pointwise("odd", lambda x: x * 1.0, rule)
    with pytest.raises(kind, match=r"^the derivative of odd\(x \(2,\)\): "):
        odd(Value([1.0, 2.0], label="x")).sum().backward()


@pytest.mark.parametrize("axis", [0, 1, (0, 1), None])
def test_a_number_is_the_derivative_of_a_reduction_by_each_element(axis):
    total = Pointwise("total", np.sum, 1.0, defaults={"axis": None})
    x = Value(np.arange(6.0).reshape(2, 3))
    total(x, axis=axis).sum().backward()
    np.testing.assert_array_equal(x.grad, np.ones((2, 3)))


@pytest.mark.parametrize(("before", "after"), [((1, 3), (3,)), ((1, 1), (1,)), ((1, 1), ())])
def test_broadcasting_loses_no_dimension(before, after):
    with pytest.raises(ValueError, match="2 dimensions do not broadcast to shape"):
        ops.broadcast_to(Value(np.ones(before)), after)


@pytest.mark.parametrize(
    ("left", "right"), [((2, 3, 4), (4, 5)), ((1, 2, 5, 2), (2, 2, 3)), ((2, 1, 3, 3), (3, 3, 3))]
)
def test_a_product_of_stacks_is_that_of_numpy(left, right):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=left), rng.normal(size=right)
    np.testing.assert_allclose((Value(x) @ Value(y)).data, x @ y, rtol=1e-12)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_count_in_a_captured_program_has_the_dtype_of_its_operand(kind):
    x = Value(np.array([0.5, -1.5], kind))

    @capture
    def step():
        loss = (x * above(x)).sum()
        x.grad = None
        loss.backward()
        return loss

    for _ in range(2):  # recorded, and run
        assert (step().data, step().data.dtype) == (0.5, kind)
        np.testing.assert_array_equal(x.grad, np.array([1, 0], kind), strict=True)


def test_attributes_in_a_dict_are_copied_too():
    inside = Pointwise("inside", lambda x, by: x * by["w"], "by['w']", defaults={"by": None})
    x, by = Value([1.0, 2.0]), {"w": np.array([3.0, 4.0])}
    root = inside(x, by).sum()
    by["w"][0] = 9.0
    by["w"] = None
    root.backward()
    np.testing.assert_array_equal(x.grad, [3, 4])


WRONG_SHAPES = {
    "a Linear that does not spread": (Multilinear("total", np.sum, "upstream"), r"total.*shape is"),
    "a matrix for a factor": (Pointwise("m", lambda x: x * 1.0, "np.eye(2)"), r"m\(.*broadcast"),
    "another length": (Pointwise("n", lambda x: x * 1.0, "np.ones(5)"), r"n\(.*broadcast"),
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_contribution_of_another_shape_is_refused(name):
    operation, text = WRONG_SHAPES[name]
    x = Value([1.0, 2.0], label="x")
    with pytest.raises(ValueError, match=f"the derivative of {text}"):
        operation(x).sum().backward()
    assert x.grad is None


def test_no_rule_is_refused_at_once():
    with pytest.raises(ValueError, match="odd has no rule: give the derivative by each operand"):
        Pointwise("odd", lambda x: x)


def test_a_copied_graph_has_the_same_operations():
    x = Value(2.0)
    again = copy.deepcopy(cube(x))
    assert again.operation is cube
    again.backward()
    assert (again.inputs[0].grad, x.grad) == (12.0, None)


def test_what_has_one_rule_for_all_is_drawn_with_its_name():
    a, b = Value([1.0, 2.0], label="a"), Value([3.0, 4.0], label="b")
    root = np.sum(np.einsum("i,j->ij", a, b))
    root.backward()
    picture = svg(root)
    assert "einsumᵀ(upstream)" in picture
    assert "position" not in picture
