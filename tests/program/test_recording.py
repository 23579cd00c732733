"""A recording as plain data, and what is said of two that differ."""

import dataclasses

import numpy as np
import pytest

from tinygrad_hw import Value
from tinygrad_hw.program.record.run import record
from tinygrad_hw.program.recording import Comparer, Recording
from tinygrad_hw.program.variable import Kind, Variable, kind_of


def recording_of(function, *arguments):
    return record(function, (arguments, {}))[0]


def test_a_recording_prints_as_what_it_is():
    w = Value(2.0, label="w")

    def loss(x):
        squared = (w * x - 1) ** 2
        squared.backward()
        return squared

    assert str(recording_of(loss, 3.0)).splitlines() == [
        "recording of loss",
        "  %1 (x): float = input",
        "  %2 (w): float = input",
        "  %3: float = mul(%2, %1)",
        "  %4: float = sub(%3, 1.0)",
        "  %5: float = pow(%4, 2.0)",
        "  %7: float = mul(2.0, %4)",
        "  %8 (dloss_dw): float = mul(%7, %1)",
        "  w.grad becomes %8",
        "  return %5",
    ]


def test_recordings_and_their_parts_are_frozen():
    recording = recording_of(lambda x: x * 2, 1.0)
    for part in (recording, recording.instructions[0], recording.results[0]):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, dataclasses.fields(part)[0].name, None)


def test_no_recording_keeps_the_numbers_of_its_run():
    x = np.arange(3.0)
    recording = recording_of(lambda x: np.exp(x * 2) + np.arange(3.0), x)
    kept = [v for v in recording.instructions if v.value is not None]
    assert [v.constant for v in kept] == [True]
    np.testing.assert_array_equal(kept[0].value, np.arange(3.0))


def test_a_line_of_the_users_is_known_for_each_instruction():
    recording = recording_of(lambda x: np.exp(x * 2.0), 1.0)
    assert all(v.site is not None and v.site.path == __file__ for v in recording.instructions)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "float"),
        (True, "bool"),
        (np.float32(1), "float32"),
        (np.zeros((2, 3), np.float32), "float32 (2, 3)"),
        (np.zeros(()), "float64 ()"),
    ],
)
def test_kinds(value, text):
    kind = kind_of(value)
    assert str(kind) == text
    assert kind == kind_of(value)
    assert kind.is_array == isinstance(value, np.ndarray)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_layout_of_an_array_is_part_of_its_kind(order):
    for array in (np.zeros((2, 3), order=order), np.zeros((4, 6), order=order)[::2, ::2]):
        kind = kind_of(array)
        assert kind.is_c_contiguous == array.flags.c_contiguous
        assert kind.is_f_contiguous == array.flags.f_contiguous
    assert kind_of(np.zeros((2, 3))) != kind_of(np.zeros((2, 3), order="F"))
    assert isinstance(kind_of(1.0), Kind)


# --- Comparing ------------------------------------------------------------------------------------

ZERO = [0.0]
WEIGHTS = [np.array([1.0, 2.0])]


def changes(name, old, new):
    def change():
        name[0] = new

    name[0] = old
    return change


PROGRAMS = {
    "a number": (lambda x: x * ZERO[0], changes(ZERO, 0.0, 1.0)),
    "minus zero": (lambda x: x + ZERO[0], changes(ZERO, 0.0, -0.0)),
    "nan": (lambda x: x + ZERO[0], changes(ZERO, 0.0, float("nan"))),
    "a kind of number": (lambda x: x + ZERO[0], changes(ZERO, 0.0, np.float64(0.0))),
    "an array": (
        lambda x: np.sum(x * WEIGHTS[0]),
        changes(WEIGHTS, np.array([1.0, 2.0]), np.array([1.0, 3.0])),
    ),
    "an option": (
        lambda x: np.sum(np.ones((2, 2)) * x, axis=int(ZERO[0]))[0],
        changes(ZERO, 0.0, 1.0),
    ),
    "what is returned beside": (lambda x: (x, ZERO[0]), changes(ZERO, 0.0, 1.0)),
    "an operation": (lambda x: x * 2.0 if ZERO[0] else x + 2.0, changes(ZERO, 0.0, 1.0)),
    "the structure": (lambda x: (x,) if ZERO[0] else [x], changes(ZERO, 0.0, 1.0)),
    "the order": (
        lambda x: x * 2.0 - x * 3.0 if ZERO[0] else x * 3.0 - x * 2.0,
        changes(ZERO, 0.0, 1.0),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_two_recordings_are_equal_only_if_nothing_differs(name):
    function, change = PROGRAMS[name]
    comparer = Comparer()
    ZERO[0], WEIGHTS[0] = 0.0, np.array([1.0, 2.0])
    first, second = [comparer.fingerprint(recording_of(function, 1.0)) for _ in range(2)]
    assert first == second
    assert hash(first) == hash(second)
    change()
    other = comparer.fingerprint(recording_of(function, 1.0))
    assert other != first
    assert not other.is_other_branch(first)
    assert other.difference(first)


def test_other_arguments_of_one_kind_make_an_equal_recording():
    comparer = Comparer()
    numbers = [comparer.fingerprint(recording_of(lambda x: np.exp(x) * x, x)) for x in (1.0, 2.0)]
    assert numbers[0] == numbers[1]
    values = [Value(1.0), Value(5.0)]
    results = [comparer.fingerprint(recording_of(lambda v: v * 2, v)) for v in values]
    assert results[0] == results[1]


def test_another_answer_to_a_condition_is_another_branch_and_not_a_difference():
    def f(x):
        return x * 2 if x > 0 else x * 3

    def g(x):
        return x[x > 0] * 2

    comparer = Comparer()
    for function, one, other in [(f, 1.0, -1.0), (g, np.array([1.0, -1.0]), np.array([1.0, 2.0]))]:
        first, second = [comparer.fingerprint(recording_of(function, x)) for x in (one, other)]
        assert first != second
        assert second.is_other_branch(first)


def test_the_texts_of_differences():
    def text(old, new):
        comparer = Comparer()
        first, second = [comparer.fingerprint(recording_of(f, np.ones(2))) for f in (old, new)]
        return second.difference(first).replace(__file__, "here")

    assert text(lambda x: x + np.zeros(2), lambda x: x + np.ones(2)).startswith(
        "the constant array([0., 0.]) of here:"
    )
    assert "is array([1., 1.]) now" in text(lambda x: x + np.zeros(2), lambda x: x + np.ones(2))
    assert "multiply(%1, 2.0) is multiply(%1, 3.0) now" in text(
        *[lambda x, k=k: x * k for k in (2.0, 3.0)]
    )
    assert text(lambda x: x * 2, lambda x: np.exp(x * 2)).endswith("is new")
    assert isinstance(recording_of(lambda x: x, 1.0), Recording)
    assert isinstance(recording_of(lambda x: x, 1.0).leaves[0], Variable)
