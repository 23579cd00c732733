"""``flatten``: structures as vectors and back, both ways differentiable."""

from collections import namedtuple

import autograd.misc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw import Value, capture, flatten, grad, jacobian
from tinygrad_hw.engine.core.graph import topological_order

Layer = namedtuple("Layer", ["weights", "bias"])
NUMBERS = st.floats(-10, 10)
ARRAYS = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(
    lambda shape: np.arange(float(np.prod(shape))).reshape(shape)
)
TREES = st.recursive(
    NUMBERS | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


def assert_same(x, y):
    if isinstance(y, dict):
        assert list(x) == list(y)
        x, y = list(x.values()), list(y.values())
    if isinstance(y, list | tuple):
        assert type(x) is type(y)
        for one, other in zip(x, y, strict=True):
            assert_same(one, other)
    else:
        assert np.shape(x) == np.shape(y)
        np.testing.assert_array_equal(x, y)


@given(TREES)
def test_there_and_back(tree):
    vector, unflatten = flatten(tree)
    assert vector.dtype == np.float64
    assert_same(unflatten(vector), tree)
    np.testing.assert_array_equal(flatten(unflatten(vector))[0], vector)


@given(TREES)
def test_the_order_is_that_of_hips_autograd(tree):
    tree = [1.0, tree]  # HIPS autograd warns where there is no number at all
    np.testing.assert_array_equal(flatten(tree)[0], autograd.misc.flatten(tree)[0])


def test_equal_dicts_give_equal_vectors_and_keep_the_order_of_their_keys():
    one, other = {"b": 1.0, "a": 2.0}, {"a": 2.0, "b": 1.0}
    assert flatten(one)[0].tolist() == flatten(other)[0].tolist() == [2.0, 1.0]
    assert list(flatten(one)[1](np.array([3.0, 4.0])).items()) == [("b", 4.0), ("a", 3.0)]


def test_named_tuples_and_dtypes_come_back():
    layer = Layer(np.ones((2, 2), np.float32), 0.5)
    vector, unflatten = flatten(layer)
    assert vector.dtype == np.float32  # a number of Python's is weak
    back = unflatten(vector)
    assert isinstance(back, Layer)
    assert back.weights.dtype == np.float32
    both = [np.ones(1, np.float32), np.ones(1)]
    assert [x.dtype for x in flatten(both)[1](flatten(both)[0])] == [np.float32, np.float64]


def test_what_comes_back_is_nobody_elses():
    vector, unflatten = flatten([np.zeros(2), np.ones(2)])
    part = unflatten(vector)[0]
    part += 5.0
    assert vector.tolist() == [0.0, 0.0, 1.0, 1.0]


def test_both_ways_are_differentiated():
    weights = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    tree = {"x": np.array([[1.0, 2.0], [3.0, 4.0]]), "c": (5.0, [6.0])}  # c stands before x
    slopes = grad(lambda tree: np.sum(weights * flatten(tree)[0] ** 2))(tree)
    assert_same(slopes, {"x": np.array([[6.0, 16.0], [30.0, 48.0]]), "c": (10.0, [24.0])})

    vector, unflatten = flatten(tree)
    rows = jacobian(lambda v: unflatten(v)["x"])(vector)
    np.testing.assert_array_equal(rows.reshape(4, 6), np.eye(6)[2:])
    assert grad(lambda v: unflatten(v)["c"][1][0] ** 3)(vector).tolist() == [0, 108, 0, 0, 0, 0]


def test_values_are_flattened_with_their_history():
    a, b = Value(2.0), Value(np.array([3.0, 4.0]))
    np.sum(flatten([a, b])[0] ** 2).backward()
    assert a.grad == 4.0
    assert b.grad.tolist() == [6.0, 8.0]


def test_nothing_is_recorded_but_what_is_needed():
    vector, unflatten = flatten([Value(np.ones((2, 2))), Value(np.ones(3))])
    back = unflatten(vector)
    names = [x.operation.name for x in topological_order(*back) if x.operation]
    assert names == ["reshape"] * 2 + ["concatenate"] + ["getitem", "reshape"] * 2


def test_a_captured_program_flattens():
    @capture
    def product(x, y):
        vector, unflatten = flatten([x, y])
        return unflatten(vector**2)[0] * y

    for x, y in ((np.ones(2), 3.0), (np.array([2.0, 3.0]), 5.0)):
        np.testing.assert_array_equal(product(x, y), x**2 * y)


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1), ()])
def test_a_vector_of_another_length_is_refused(shape):
    _, unflatten = flatten([1.0, np.zeros(2)])
    with pytest.raises(
        ValueError, match=r"a structure of 3 numbers; give a vector of shape \(3,\)"
    ):
        unflatten(np.zeros(shape))
