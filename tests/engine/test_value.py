"""What Value promises to somebody who knows NumPy, micrograd or PyTorch."""

import copy
import inspect
import operator
import weakref
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from tinygrad_hw.engine import Value, ops

ROWS = np.array([[0.5, 1.5, 2.5], [1.25, 0.75, 0.25]])


# --- What it holds --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        3,
        True,
        np.int32(3),
        np.uint8(3),
        np.bool_(True),
        [1, 2],
        (1, 2),
        np.arange(3),
        [True, False],
    ],
)
def test_integers_and_booleans_become_float64(given):
    v = Value(given)
    assert v.dtype == np.float64
    np.testing.assert_array_equal(v.data, np.asarray(given, dtype=float))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_floats_keep_their_dtype(dtype):
    assert Value(dtype(0.5)).dtype == dtype
    assert Value(np.ones(3, dtype)).dtype == dtype
    assert (Value(np.ones(3, dtype)) * 2).dtype == dtype


@pytest.mark.parametrize("given", [1.5, 1, np.float32(1.5), np.array(1.5), np.float64(1.5)])
def test_scalar_is_a_floating_number_and_not_an_array(given):
    v = Value(given)
    assert isinstance(v.data, float | np.floating)
    assert (v.shape, v.ndim, v.size) == ((), 0, 1)


@pytest.mark.parametrize(
    "given",
    [
        1j,
        np.array([1j]),
        "1.0",
        b"1",
        ["a"],
        None,
        object(),
        Decimal("1.5"),
        Fraction(1, 2),
        [1.0, None],
        np.array([1.0], dtype=object),
        [[1.0], [1.0, 2.0]],
        {"a": 1},
        np.datetime64("2020-01-01"),
        10**400,
        [10**400],
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_not_real_numbers_is_refused_and_told_what_to_pass(given):
    for use in (Value, lambda x: Value(1.0) + x, lambda x: x * Value([1.0])):
        with pytest.raises(TypeError, match=r"expected .*(numbers|floats)"):
            use(given)


def test_value_of_a_value_is_refused():
    for given in (Value(1.0), [Value(1.0), Value(2.0)]):
        with pytest.raises(TypeError, match="Value"):
            Value(given)


def test_data_are_copied_in():
    array = np.ones(3)
    v = Value(array)
    array[0] = 7
    np.testing.assert_array_equal(v.data, [1, 1, 1])


def test_data_may_be_replaced_but_not_reshaped():
    w = Value([1.0, 2.0], label="w")
    w.data = [3, 4]
    np.testing.assert_array_equal(w.data, [3, 4])
    with pytest.raises(ValueError, match=r"w has shape \(2,\).*\(3,\)"):
        w.data = np.ones(3)


@pytest.mark.parametrize("given", [2.0, np.array([2.0, 3.0])])
def test_graph_keeps_the_data_it_was_recorded_with(given):
    x = Value(given)
    root = (x * x).sum()
    x.data = given + 5
    root.backward()
    np.testing.assert_array_equal(x.grad, 2 * given)


def test_gradient_descent_in_place():
    w = Value([1.0, 2.0])
    buffer = w.data
    (w * w).sum().backward()
    w.data -= 0.25 * w.grad
    assert w.data is buffer
    np.testing.assert_array_equal(w.data, [0.5, 1])
    np.testing.assert_array_equal(w.grad, [2, 4])
    w.grad = None
    (w * w).sum().backward()
    np.testing.assert_array_equal(w.grad, [1, 2])


def test_operand_that_is_no_value_is_a_constant():
    array = np.ones(3)
    result = Value(array) * array
    assert result.inputs[1].constant
    result.sum().backward()
    assert result.inputs[1].grad is None


def test_constant_and_detached_values_get_no_gradient():
    x, k = Value(2.0), Value(3.0, constant=True)
    loose = (x * 5).detach()
    (x * k * loose).backward()
    assert (x.grad, k.grad, loose.grad) == (30.0, None, None)
    assert (loose.data, loose.constant, loose.inputs) == (10.0, True, ())


def test_detached_data_are_a_copy():
    v = Value([1.0, 2.0])
    loose = v.detach()
    loose.data[0] = 9
    np.testing.assert_array_equal(v.data, [1, 2])


# --- What a NumPy user expects --------------------------------------------------------------------


def test_shape_and_its_relatives():
    v = Value(ROWS)
    assert (v.shape, v.ndim, v.size, v.dtype, len(v)) == ((2, 3), 2, 6, np.float64, 2)
    assert v.T.shape == (3, 2)
    np.testing.assert_array_equal(v.T.data, ROWS.T)


def test_iteration_gives_recorded_elements():
    v = Value([1.0, 2.0, 4.0])
    a, b, c = v
    (a * b + c).backward()
    np.testing.assert_array_equal(v.grad, [2, 1, 1])
    assert [row.shape for row in Value(ROWS)] == [(3,), (3,)]


@pytest.mark.parametrize("data", [ROWS, ROWS[0], np.array(2.0)])
@pytest.mark.parametrize("element", [2.0, -7.5, ROWS[0]])
def test_membership_is_an_arrays(data, element):
    assert (element in Value(data)) is bool(np.any(data == element))
    assert (Value(element) in Value(data)) is (element in Value(data))


@pytest.mark.parametrize("use", [len, iter, list, lambda v: v[0]])
def test_scalar_has_no_elements(use):
    with pytest.raises(TypeError, match="scalar"):
        use(Value(1.0))


@pytest.mark.parametrize("given", [2.5, np.float32(2.5), [2.5], [[2.5]]])
def test_item_and_float_give_the_one_number(given):
    v = Value(given)
    assert type(v.item()) is float
    assert v.item() == float(v) == 2.5


def test_item_of_many_is_refused():
    with pytest.raises(ValueError, match="size 1"):
        Value(ROWS).item()


def test_truth_is_that_of_the_number():
    assert Value(2.0)
    assert not Value(0.0)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(Value(ROWS))


@pytest.mark.parametrize("given", [0.5, np.float32(0.5), ROWS, np.zeros(0), np.ones((50, 50))])
def test_repr_is_one_short_line_with_label_and_gradient(given):
    w = Value(given, label="w1")
    assert "w1" in repr(w)
    assert "grad" not in repr(w)
    (w * 3).sum().backward()
    assert "grad" in repr(w)
    assert "\n" not in repr(w)
    assert len(repr(w)) < 300


def test_repr_shows_the_digits():
    v = Value(0.6681877721681662)
    assert "0.6681877721681662" in repr(v)
    assert "-0.000318" in repr(Value(-3.18e-4)) or "-3.18e-04" in repr(Value(-3.18e-4)).lower()
    assert "0.5" in repr(Value(ROWS))
    assert "float32" in repr(Value(np.float32([1, 2])))


def test_values_can_be_weakly_referenced():
    v = Value(1.0)
    reference = weakref.ref(v)
    assert reference() is v
    del v
    assert reference() is None


# --- Comparisons look at the data and record nothing ----------------------------------------------

COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize("left", [1.0, 2.0, np.float32(2), np.array([1.0, 2.0, 3.0])])
@pytest.mark.parametrize("right", [2.0, np.array([3.0, 2.0, 1.0])])
def test_comparison_gives_plain_booleans(compare, left, right):
    expected = compare(left, right)
    for result in (
        compare(Value(left), Value(right)),
        compare(Value(left), right),
        compare(left, Value(right)),
    ):
        assert isinstance(result, bool | np.bool_ | np.ndarray)
        assert np.result_type(result) == np.bool_
        np.testing.assert_array_equal(result, expected)


def test_hash_is_identity():
    a, b = Value(1.0), Value(1.0)
    assert a == b
    assert len({a, b}) == 2
    assert {a: "a", b: "b"}[b] == "b"
    assert {Value(ROWS): 1}


def test_comparison_with_something_else():
    assert (Value(1.0) == None) is False  # noqa: E711 - the question is what == does
    assert Value(1.0) != "1.0"
    assert Value(1.0) not in [None, "a"]
    with pytest.raises(TypeError):
        assert Value(1.0) < "a"


def test_numpy_predicates_look_at_the_data():
    v = Value([1.0, np.inf, np.nan])
    np.testing.assert_array_equal(np.isfinite(v), [True, False, False])
    np.testing.assert_array_equal(np.isnan(v), [False, False, True])


# --- Assignment -----------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [3.0, np.array([3.0, 1.0])])
@pytest.mark.parametrize(
    "assign",
    [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow],
)
def test_augmented_assignment_rebinds(assign, given):
    before = v = Value(given)
    v = assign(v, 2)
    assert v is not before
    assert v.inputs[0] is before
    np.testing.assert_array_equal(before.data, given)


@pytest.mark.parametrize(
    "assign",
    [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow],
)
def test_augmented_assignment_to_an_array_is_refused_with_a_reason(assign):
    array = np.ones(3)
    with pytest.raises(TypeError, match=r"history.*a = a \+ v"):
        assign(array, Value(np.ones(3)))
    np.testing.assert_array_equal(array, [1, 1, 1])


@pytest.mark.parametrize(
    "call",
    [
        lambda array, v: np.exp(array, out=v),
        lambda array, v: np.add(v, 1, out=array),
        lambda array, v: np.multiply(array, v, out=array),
        lambda array, v: np.sum(v, out=array),
        lambda array, v: np.sum(array, axis=0, out=v),
        lambda array, v: np.matmul(v, array, out=array),
    ],
)
def test_out_is_refused_with_a_reason(call):
    array = np.ones(3)
    with pytest.raises(TypeError, match="out"):
        call(array, Value(np.ones(3)))
    np.testing.assert_array_equal(array, [1, 1, 1])


@pytest.mark.parametrize(
    "call",
    [
        lambda v: np.exp(v, where=np.array([True, False, True])),
        lambda v: np.add(v, 1, where=np.array([True, False, True])),
        lambda v: np.sum(v, dtype=int),
        lambda v: np.reshape(v, (3, 1), copy=True),
        lambda v: np.concatenate([v, v], dtype=np.int8),
    ],
)
def test_option_that_is_not_differentiated_is_refused_at_once(call):
    option = "(where|dtype|copy)"
    with pytest.raises(TypeError, match=rf"with {option}|{option}=.*floating|'{option}'"):
        call(Value(np.ones(3)))


def test_elements_cannot_be_assigned():
    v = Value(np.ones(3))
    with pytest.raises(TypeError, match="assign"):
        v[0] = 2.0
    array = np.ones(3)
    with pytest.raises(TypeError, match="history"):
        array[:] = v


# --- NumPy's protocols ----------------------------------------------------------------------------

BINARY = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.pow,
    np.add,
    np.subtract,
    np.multiply,
    np.divide,
    np.power,
]


@pytest.mark.parametrize("function", BINARY)
@pytest.mark.parametrize(
    "other", [2.0, 3, np.float64(2), np.array([1.0, 2.0, 3.0]), np.ones((2, 1))]
)
def test_binary_operators_record_from_either_side(function, other):
    v = Value(ROWS)
    for result, expected in (
        (function(v, other), function(ROWS, other)),
        (function(other, v), function(np.asarray(other, float), ROWS)),
    ):
        assert isinstance(result, Value)
        assert any(operand is v for operand in result.inputs)
        np.testing.assert_allclose(result.data, expected, rtol=1e-15)


def test_matrix_product_with_a_list_from_either_side():
    v = Value(ROWS)
    np.testing.assert_array_equal(([[2.0, 1.0]] @ v).data, [[2.25, 3.75, 5.25]])
    np.testing.assert_array_equal((v @ [[1.0], [0.0], [2.0]]).data, [[5.5], [1.75]])


RECORDED = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "abs": np.abs,
    "negative": np.negative,
    "positive": np.positive,
    "sum": np.sum,
    "sum axis": lambda x: np.sum(x, axis=0),
    "sum axis by position": lambda x: np.sum(x, 1),
    "sum keepdims": lambda x: np.sum(x, axis=(0, 1), keepdims=True),
    "mean": lambda x: np.mean(x, axis=-1),
    "max": lambda x: np.max(x, axis=1, keepdims=True),
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "transpose": np.transpose,
    "transpose axes": lambda x: np.transpose(x, (1, 0)),
    "broadcast_to": lambda x: np.broadcast_to(x, (4, 2, 3)),
    "where": lambda x: np.where(x > 1, x, 0.0),
    "matmul": lambda x: np.matmul(x, x.T),
    "array @": lambda x: np.ones((4, 2)) @ x,
    "@ array": lambda x: x @ np.ones((3, 4)),
}


@pytest.mark.parametrize("name", RECORDED)
def test_numpy_function_records(name):
    v = Value(ROWS)
    result = RECORDED[name](v)
    expected = RECORDED[name](ROWS)
    assert isinstance(result, Value)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result.data, expected, rtol=1e-15)
    result.sum().backward()
    assert v.grad.shape == (2, 3)


METHODS = {
    "reshape": (lambda v: v.reshape(3, 2), ROWS.reshape(3, 2)),
    "reshape tuple": (lambda v: v.reshape((3, 2)), ROWS.reshape(3, 2)),
    "reshape -1": (lambda v: v.reshape(-1), ROWS.reshape(-1)),
    "transpose": (lambda v: v.transpose(), ROWS.T),
    "transpose axes": (lambda v: v.transpose(1, 0), ROWS.T),
    "transpose tuple": (lambda v: v.transpose((1, 0)), ROWS.T),
    "transpose None": (lambda v: v.transpose(None), ROWS.T),
    "sum": (lambda v: v.sum(0), ROWS.sum(0)),
    "mean": (lambda v: v.mean(axis=1, keepdims=True), ROWS.mean(axis=1, keepdims=True)),
    "max": (lambda v: v.max(1), ROWS.max(1)),
    "index": (lambda v: v[1, ::2], ROWS[1, ::2]),
    "index by a mask": (lambda v: v[v > 1], ROWS[ROWS > 1]),
    "index by a list": (lambda v: v[[1, 1]], ROWS[[1, 1]]),
    "element": (lambda v: v[1, 2], ROWS[1, 2]),
}


@pytest.mark.parametrize("name", METHODS)
def test_method_does_what_numpys_does(name):
    method, expected = METHODS[name]
    result = method(Value(ROWS))
    assert isinstance(result, Value)
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result.data, expected)


@pytest.mark.parametrize(
    ("function", "nearest"),
    [(np.unique, "np.sort"), (np.i0, "np.exp"), (np.apply_along_axis, "np.stack")],
)
def test_function_without_derivative_is_named_with_the_nearest(function, nearest):
    with pytest.raises(TypeError, match=rf"np\.{function.__name__}\b.*{nearest}\b"):
        function(Value(ROWS)) if function is not np.apply_along_axis else function(
            sum, 0, Value(ROWS)
        )


@pytest.mark.parametrize(
    "call",
    [
        np.spacing,
        np.frexp,
        np.unique,
        np.roots,
        np.linalg.eig,
        lambda v: np.apply_along_axis(np.sum, 0, v),
        np.fft.fft,
        np.maximum.accumulate,
        lambda v: np.add.reduceat(v, [0]),
        lambda v: np.nextafter.outer(v, v),
        np.array,
        lambda v: np.array([v, v]),
        lambda v: np.asarray(v, dtype=float),
        lambda v: np.asarray(v, dtype=object),
        lambda v: np.array([Value(1.0), Value(2.0)]),
    ],
)
def test_no_numpy_call_gives_an_array_of_objects(call):
    with pytest.raises(TypeError, match=r"np\.\w+.*not differentiated|v\.data has"):
        call(Value(ROWS))


@pytest.mark.parametrize("given", [2.0, np.float32(2), ROWS])
def test_no_result_is_an_array_of_objects(given):
    v = Value(given)
    for result in (v + ROWS, ROWS - v, np.float64(2) * v, v**2, ROWS / v, 2.0 - v, np.exp(v)):
        assert isinstance(result, Value)
        assert np.result_type(result.data).kind == "f"


# --- Gradients ------------------------------------------------------------------------------------


def test_gradient_is_none_until_reached():
    x, unused = Value(2.0), Value(3.0)
    y = x * x
    assert (x.grad, y.grad, unused.grad) == (None, None, None)
    y.backward()
    assert (x.grad, y.grad, unused.grad) == (4.0, 1.0, None)


def test_gradient_stays_none_where_the_root_does_not_depend_on_it():
    x, y = Value(2.0), Value(3.0)
    aside = x * y
    (x * 5).backward()
    assert (x.grad, y.grad, aside.grad) == (5.0, None, None)


def test_a_times_a():
    a = Value(3.0)
    (a * a).backward()
    assert a.grad == 6.0
    b = Value([1.0, -2.0])
    (b * b).sum().backward()
    np.testing.assert_array_equal(b.grad, [2, -4])


def test_shared_nodes_collect_every_path():
    a = Value(2.0)
    b = a * 3
    c = b * b + b
    (c * a).backward()  # a(9a² + 3a) = 9a³ + 3a²
    assert a.grad == 27 * 4 + 6 * 2
    assert b.grad == 2 * (2 * 6 + 1)


def test_leaves_accumulate_and_inner_gradients_are_afresh():
    x = Value(3.0)
    inner = x * x
    root = inner * 2
    for times in (1, 2, 3):
        root.backward()
        assert (x.grad, inner.grad, root.grad) == (12.0 * times, 2.0, 1.0)


def test_leaves_accumulate_over_different_roots():
    x, y = Value([1.0, 2.0]), Value(1.0)
    (x * 3).sum().backward()
    (x * x * y).sum().backward()
    np.testing.assert_array_equal(x.grad, [5, 7])
    assert y.grad == 5


def test_inner_gradient_of_an_earlier_root_is_replaced():
    x = Value(2.0)
    inner = x * x
    (inner * 10).backward()
    (inner * 3).backward()
    assert inner.grad == 3.0
    assert x.grad == 4 * 13


@pytest.mark.parametrize(
    "expression",
    [
        lambda x, y: x + y,
        lambda x, y: x + x + y,
        lambda x, y: x - y,
        lambda x, y: x + y.reshape(2, 3),
        lambda x, y: (x + y).reshape(-1),
        lambda x, y: (x + y).T.T,
        lambda x, y: (x + y)[...],
        lambda x, y: x.reshape(6)[::1] + y.reshape(6),
        lambda x, y: ops.broadcast_to(x, (2, 3)) + ops.broadcast_to(y, (2, 3)),
        lambda x, y: ops.where(True, x, y) + ops.where(True, y, x),
        lambda x, y: ops.scatter(x + y, ..., (2, 3)),
        lambda x, y: x,
    ],
)
def test_leaf_gradient_shares_memory_with_nothing(expression):
    x, y = Value(ROWS), Value(ROWS)
    root = expression(x, y)
    seed = np.ones(root.shape)
    root.backward(seed)
    grads = [x.grad] if root is x else [x.grad, y.grad, root.grad]
    others = [seed, x.data, y.data, root.data]
    for i, gradient in enumerate(grads[:2]):
        assert gradient.flags.writeable
        kept = [g for j, g in enumerate(grads) if j != i] + others
        assert not any(np.shares_memory(gradient, other) for other in kept)


def test_changing_a_leaf_gradient_in_place_changes_nothing_else():
    x, y = Value(ROWS), Value(ROWS)
    root = x + y
    root.backward(np.ones((2, 3)))
    x.grad *= 5
    np.testing.assert_array_equal(y.grad, np.ones((2, 3)))
    np.testing.assert_array_equal(root.grad, np.ones((2, 3)))


# --- micrograd's own checks -----------------------------------------------------------------------


def test_micrograd_sanity_check():
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    assert (y.data, x.grad) == (-20.0, 46.0)


def test_micrograd_more_operations():
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert g.data == pytest.approx(24.70408163265306, rel=1e-14)
    assert a.grad == pytest.approx(138.83381924198252, rel=1e-14)
    assert b.grad == pytest.approx(645.5772594752186, rel=1e-14)


def test_sum_and_reversed_operators_of_python():
    values = [Value(1.0), Value(2.0), Value(4.0)]
    total = sum(values) - sum(v * v for v in values) / 7
    total.backward()
    assert total.data == 4.0
    assert [v.grad for v in values] == pytest.approx([1 - 2 / 7, 1 - 4 / 7, 1 - 8 / 7])


def test_neuron_of_the_worked_sheet():
    w, b = Value(0.5, label="w"), Value(-0.3, label="b")
    error = (1 - (w * 2 + b).sigmoid()) ** 2 / 2
    error.backward()
    a = 1 / (1 + np.exp(-0.7))
    assert w.grad == pytest.approx(-(1 - a) * a * (1 - a) * 2, rel=1e-14)
    assert b.grad == pytest.approx(-(1 - a) * a * (1 - a), rel=1e-14)


def test_shallow_copy_is_another_value():
    v = Value([1.0, 2.0], label="v")
    other = copy.copy(v)
    assert other is not v
    assert (other.label, other.shape) == ("v", (2,))


@pytest.mark.parametrize("ask", [np.shape, np.ndim, np.size])
def test_numpys_questions_about_shape_are_answered(ask):
    assert ask(Value(np.ones((2, 3)))) == ask(np.ones((2, 3)))


def test_an_option_given_twice_is_refused():
    with pytest.raises(TypeError, match="sum\\(\\) got multiple values for argument 'axis'"):
        ops.sum(Value(np.ones((2, 3))), 0, axis=1)


def test_shape_by_name_does_not_recurse():
    assert np.size(a=Value([1.0])) == 1


@pytest.mark.parametrize("value", [2.0, np.float32(2), np.float32([2, 3]), np.array([2.0, 3.0])])
@pytest.mark.parametrize(
    "constant",
    [np.array([True, False]), np.int8([1, 2]), np.array([1, 2]), True, 3, np.int64(3), np.True_],
    ids=repr,
)
def test_constant_gives_the_kind_of_number_that_numpy_gives(value, constant):
    expected = np.asarray(value * constant).dtype  # float32 by a mask is float32
    assert (Value(value) * constant).dtype == (constant * Value(value)).dtype == expected


def test_value_can_be_formatted_as_a_number():
    assert f"{Value(2.5):.2f} {Value(np.float32(0.5)):g}" == "2.50 0.5"
    assert f"{Value(2.5, label='w')}" == "Value(2.5, label='w')"
    with pytest.raises(ValueError, match="size 1"):
        f"{Value([1.0, 2.0]):.2f}"


def test_text_has_four_digits_of_each_element_and_all_of_a_scalar():
    assert repr(Value([1 / 3, 2.0])) == "Value([0.3333, 2. ])"
    assert repr(Value(1 / 3)) == "Value(0.3333333333333333)"
    assert repr(Value(np.float32([0.5]))) == "Value([0.5], dtype=float32)"


def test_option_that_is_none_is_not_given():
    assert np.sum(Value([1.0, 2.0]), axis=0, out=None, dtype=None).data == 3.0


def test_every_method_says_what_it_takes_and_gives() -> None:
    methods = {name: x for name, x in vars(Value).items() if name[0] != "_" and callable(x)}
    assert len(methods) > 40  # most of them are made from the table
    for name, method in methods.items():
        first, *others = inspect.signature(method).parameters.values()
        assert first.name == "self"
        assert not {"arguments", "options"} & {other.name for other in others}, name
        assert method.__doc__, name
        assert method.__qualname__.startswith("Value."), name


def test_a_method_takes_what_its_signature_says() -> None:
    v = Value(np.arange(1.0, 7.0).reshape(2, 3))
    assert v.var(axis=1, ddof=1, keepdims=True).shape == (2, 1)
    assert v.swapaxes(axis1=0, axis2=1).shape == (3, 2)


def test_a_value_of_a_value_is_refused_with_what_to_do():
    for v in (Value(1.0), Value([1.0, 2.0])):
        with pytest.raises(TypeError, match=r"got a Value; use it as it is, or v.detach\(\)"):
            Value(v)


def test_a_masked_number_among_plain_ones_is_refused():
    with pytest.raises(TypeError, match="masked"):
        Value([1.0, 2, np.ma.masked])
