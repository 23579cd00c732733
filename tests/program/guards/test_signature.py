"""The key of a call's arguments."""

import collections
import itertools
import types

import numpy as np
import pytest

from tinygrad_hw import Value
from tinygrad_hw.program.guards import signature


def key(*arguments, **options):
    return signature((arguments, options))


class Text(str):
    """A text with attributes of its own."""


Pair = collections.namedtuple("Pair", "a b")
OBJECT = types.SimpleNamespace()
SAME = [
    (1.0, 2.0),
    (np.float32(1), np.float32(2)),
    (np.zeros(3), np.ones(3)),
    (Value(1.0), Value(2.0)),
    (Value(np.zeros(2)), Value(np.ones(2))),
    ([1.0, (2.0,)], [3.0, (4.0,)]),
    ({"a": 1.0}, {"a": 2.0}),
    (OBJECT, OBJECT),
    (3, 3),
    ("axis", "axis"),
    ({1.0, 2.0}, {1.0, 2.0}),
    (Pair(1.0, 2.0), Pair(2.0, 3.0)),
]
KINDS = [
    *(1.0, 1, 2, True, None, "1", b"1", np.float32(1), np.float64(1), np.int64(1), 1j),
    *(np.zeros(3), np.zeros(4), np.zeros((3, 1)), np.zeros(3, np.float32), np.zeros(3, int)),
    *(np.zeros(3, ">f8"), np.zeros(3, bool), np.zeros((3, 3)), np.zeros((3, 3), order="F")),
    *(np.zeros(6)[::2], Value(1.0), Value(np.float32(1)), Value(np.zeros(3)), OBJECT),
    *(Value(1.0, constant=True), [1.0], (1.0,), [1.0, 1.0], [[1.0]], {"a": 1.0}, {"b": 1.0}),
    *({"a": 1.0, "b": 1.0}, {"b": 1.0, "a": 1.0}, {1: 1.0}, {True: 1.0}, {"a": [1.0]}),
    *({1.0}, {2.0}, frozenset({1.0}), collections.deque([1.0]), collections.deque([2.0])),
    *(Text("1"), Text("1"), types.SimpleNamespace(), slice(1), range(3), Pair(1.0, 1.0)),
    *({0.0: 1.0}, {-0.0: 1.0}, collections.deque([0.0]), collections.deque([-0.0])),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=repr)
def test_arguments_of_one_kind_have_one_key(one, other):
    assert key(one) == key(other)
    assert hash(key(one)) == hash(key(other))
    assert key(1.0, x=one) == key(2.0, x=other)


def test_arguments_of_different_kinds_have_different_keys():
    for one, other in itertools.combinations(KINDS, 2):
        assert key(one) != key(other), (one, other)
        assert key(1.0, one) != key(1.0, other), (one, other)
        assert key(x=one) != key(x=other), (one, other)


def test_positions_and_names_are_part_of_the_key():
    assert key(1.0) != key(1.0, 1.0)
    assert key(1.0) != key(x=1.0)
    assert key(x=1.0) != key(y=1.0)


def test_a_value_that_is_passed_twice_is_not_two():
    v, w = Value(1.0), Value(1.0)
    assert key(v, v) != key(v, w)
    assert key(v, w) == key(w, v)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"a": x}])
def test_a_matrix_and_a_masked_array_are_refused(wrap):
    with pytest.raises(TypeError, match=r"expected an array, got np\.matrix"):
        key(wrap(np.matrix([[1.0]])))
    with pytest.raises(TypeError, match="expected an array, got a masked one"):
        key(wrap(np.ma.array([1.0])))
