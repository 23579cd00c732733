"""Gathers: elements of a plain array, or of a parameter, at an index that is an argument."""

import types

import numpy as np
import pytest

from tinygrad_hw import Value, capture
from tinygrad_hw.program import CaptureError

TABLE = np.arange(12.0).reshape(4, 3)
HELD = types.SimpleNamespace(table=TABLE.astype(np.float32))
W = np.array([[1.0, -1.0], [0.5, 2.0], [0.0, 3.0]])
INDICES = [[0, 1, 3], [2, 2, 1], [3, 0, 0], [1, 1, 1], [0, 3, 2], [2, 0, 2], [1, 0, 3]]


def helper(y):
    return TABLE[y % 4]


def two_lines(y):
    rows = TABLE[y]
    return rows @ Value(W)


GATHERS = {
    "table[y]": lambda y: TABLE[y] @ Value(W),
    "np.take": lambda y: np.take(TABLE, y, axis=0) @ Value(W),
    "take": lambda y: TABLE.take(y, axis=0) @ Value(W),
    "one-hot": lambda y: np.sum(np.eye(4)[y] * Value(TABLE[:, 0]), axis=1),
    "one-hot returned": lambda y: np.eye(4)[y],
    "compared": lambda y: (y[:, None] == np.arange(4)) @ Value(TABLE),
    "attribute": lambda y: np.tanh(Value(1.0) * HELD.table[y]),
    "of another function": lambda y: Value(W[:, 0]) * helper(y + 1),
    "on several lines": two_lines,
    "one of each row": lambda y: Value(W[:, 0]) * TABLE[np.arange(3), y % 3],
    "columns": lambda y: TABLE[:, y % 3] + Value(1.0),
    "row of a number": lambda y: TABLE[np.argmax(y)] + Value(1.0),
    "mask": lambda y: np.sum(Value(2.0) * TABLE[:3][y > 0]),
    "of what is computed": lambda y: (Value(TABLE) * 2)[y] + np.exp(np.ones((4, 3)) * y[0])[y],
    "as a Value": lambda y: Value(TABLE[y]) * 2,
    "likelihood": lambda y: -np.mean(np.log(Value(TABLE + 1))[np.arange(3), y % 3]),
    "of a constant Value": lambda y: Value(TABLE, constant=True)[y] * 3,
}


@pytest.mark.filterwarnings("ignore:captured:UserWarning")
@pytest.mark.parametrize("name", GATHERS)
def test_a_gather_is_replayed(name):
    f = GATHERS[name]
    program = capture(f, jit=False)
    for i, y in enumerate(map(np.array, INDICES)):
        found, right = [x.data if isinstance(x, Value) else x for x in (program(y), f(y))]
        np.testing.assert_array_equal(found, right)
        assert np.result_type(found) == np.result_type(right)
        is_recorded_more = name in ("mask", "row of a number")  # shapes, and equal numbers
        assert is_recorded_more or program.captures == min(i, 2 + (i > 2))


def test_the_gradient_of_an_embedding():
    def run(wrap):
        table = Value(TABLE.copy())

        @wrap
        def step(y, target):
            table.grad = None
            loss = np.sum((table[y] - target[y]) ** 2)
            loss.backward()
            return table.grad

        return [step(np.array(y), TABLE[::-1].copy()) for y in INDICES]

    np.testing.assert_array_equal(run(capture), run(lambda f: f))


@pytest.mark.filterwarnings("ignore:captured:UserWarning")
def test_the_same_numbers_twice_confirm_nothing():
    """What looks like a gather may be a constant with the same elements."""
    rows = TABLE[:3].copy()
    program = capture(lambda y: (TABLE[y] + Value(1.0), rows + Value(2.0)))
    for y in ([0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2], [3, 3, 3], [2, 1, 0]):
        for _ in range(2):
            gathered, constant = program(np.array(y))
            np.testing.assert_array_equal(gathered.data, TABLE[y] + 1)
            np.testing.assert_array_equal(constant.data, rows + 2)


def test_a_table_that_is_changed():
    table = TABLE.copy()
    program = capture(lambda y: table[y] * Value(1.0))
    for i, y in enumerate(map(np.array, INDICES)):
        if i > 3:
            table[0, 0] = i
        np.testing.assert_array_equal(program(y).data, table[y])


def test_plain_numpy_goes_on_with_it():
    program = capture(lambda y: np.sum(TABLE[y]) * Value(1.0))
    program(np.array([0, 1, 1]))
    with pytest.warns(UserWarning, match=r"test_gathers.py:\d+ picks elements from a plain array"):
        program(np.array([0, 1, 1]))
    for y in map(np.array, INDICES):
        assert program(y).data == np.sum(TABLE[y])


@pytest.mark.parametrize("take", [lambda y: [1.0, 2.0, 3.0][y[0]], np.asarray])
def test_what_cannot_be_recorded_is_refused_with_what_to_write(take):
    program = capture(take)
    program(np.array([1, 2]))
    with pytest.raises(CaptureError, match=r"write Value\(table, constant=True\)\[index\]"):
        program(np.array([1, 2]))


@pytest.mark.filterwarnings("ignore:captured:UserWarning")
def test_elements_that_are_set_are_those_of_each_run():
    def one_hot(y):
        rows = np.zeros((3, 4))
        rows[np.arange(3), y] = 1.0
        return rows * Value(2.0) + np.zeros(3)[:, None]

    program = capture(one_hot)
    for y in map(np.array, INDICES):
        np.testing.assert_array_equal(program(y).data, np.eye(4)[y] * 2)


@pytest.mark.parametrize(
    "lines", ["return TABLE[y]", "rows = TABLE[y]\n    del TABLE\n    return rows"]
)
def test_a_function_without_a_source_is_refused_or_right(lines):
    names = {"TABLE": TABLE}
    exec(f"def f(y, TABLE=TABLE):\n    {lines}", names)
    program = capture(names["f"])
    program(np.array([1, 2]))
    with pytest.raises(CaptureError, match=r"write Value\(table, constant=True\)\[index\]"):
        program(np.array([1, 2]))
