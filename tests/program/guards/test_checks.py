"""Comparisons of what is with what was."""

import math
from collections import deque

import numpy as np
import pytest

from tinygrad_hw.program.guards.checks import Checks, same


@pytest.mark.parametrize(
    "value",
    [
        0.0,
        float("nan"),
        float(10**300),
        10**30,
        True,
        None,
        "a text",
        b"bytes",
        1 + 2j,
        (1.0, (2.0, "x")),
        [1.0, [2.0]],
        {"a": [1.0], "b": {"c": 2.0}},
        np.float32(0.1),
        np.array([1.0, np.nan]),
        frozenset({1}),
    ],
    ids=repr,
)
def test_the_same_is_the_same_also_if_it_was_made_again(value):
    again = eval(repr(value), {"nan": math.nan, "array": np.array, "np": np})
    assert same(value, value)
    assert same(again, value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (1.0, 1),
        (1, True),
        (np.float64(1.0), 1.0),
        (np.float32(1.0), np.float64(1.0)),
        (0j, -0j),
        ((1.0, 0.0), (1.0, -0.0)),
        ([1, 2], (1, 2)),
        ([1, 2], [2, 1]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ("1", b"1"),
        (np.array([0.0]), np.array([-0.0])),
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros((2, 3)), np.zeros((2, 3), order="F")),
        (object(), object()),
    ],
)
def test_equal_is_not_the_same(one, other):
    assert not same(one, other)
    assert not same(other, one)


CONTAINERS = {
    "list": ([1.0, 2.0], lambda x: x.reverse()),
    "list of lists": ([[1.0]], lambda x: x.__setitem__(0, [2.0])),
    "dict value": ({"a": 1.0}, lambda x: x.update(a=2.0)),
    "dict key": ({"a": 1.0}, lambda x: x.update(b=2.0)),
    "dict order": ({"a": 1.0, "b": 2.0}, lambda x: x.update(a=x.pop("a"))),
    "set": ({1.0}, lambda x: x.add(2.0)),
    "deque": (deque([1.0], maxlen=2), lambda x: x.append(2.0)),
    "array": (np.zeros(3), lambda x: x.__setitem__(1, -0.0)),
    "shape of an array": (np.zeros(6), lambda x: setattr(x, "shape", (2, 3))),
}


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.filterwarnings("ignore:Setting the shape")
def test_what_is_changed_in_place_is_named(name):
    thing, change = CONTAINERS[name]
    checks = Checks()
    checks.contents(thing, "the settings")
    unchanged = checks.compiled()
    assert unchanged()
    assert checks.first_changed() is None
    change(thing)
    assert not unchanged()
    assert checks.first_changed() == "the settings"


def test_a_large_array_is_compared_by_its_form_alone():
    array = np.zeros(100_000)
    checks = Checks()
    checks.contents(array, "table")
    unchanged = checks.compiled()
    array[0] = 1.0
    assert unchanged()


def test_many_comparisons_are_one_function():
    members = {f"x{i}": float(i) for i in range(2_000)}
    checks = Checks()
    for name in members:
        checks.item(members, name, name)
    unchanged = checks.compiled()
    assert len(checks) == 2_000
    assert unchanged()
    members["x1999"] = 0.0
    assert not unchanged()
    assert checks.first_changed() == "x1999"
