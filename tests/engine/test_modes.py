"""Modes hold for a block, for one thread, and are put back whatever happens."""

import threading

import numpy as np
import pytest

from tinygrad_hw.engine import Composite, Value, backward, composites, group, no_grad
from tinygrad_hw.engine.graph import topological_order
from tinygrad_hw.engine.modes import state
from tinygrad_hw.nn import losses


class StopHereError(Exception):
    pass


def is_recording():
    return not (Value(1.0) * 2).constant


def test_no_grad_computes_and_records_nothing():
    x = Value(3.0)
    with no_grad():
        y = x * x
    assert y.data == 9.0
    assert y.constant
    assert (y.operation, y.inputs) == (None, ())
    with pytest.raises(ValueError, match="constant"):
        y.backward()
    assert x.grad is None


def test_no_grad_result_is_a_constant_in_a_later_graph():
    x = Value(3.0)
    with no_grad():
        frozen = x * x
    (frozen * x).backward()
    assert x.grad == 9.0
    assert frozen.grad is None


def test_no_grad_nests():
    with no_grad():
        with no_grad():
            assert not is_recording()
        assert not is_recording()
    assert is_recording()


def test_backward_works_inside_no_grad():
    x = Value(3.0)
    y = x * x
    with no_grad():
        backward(y)
    assert x.grad == 6.0


def test_exception_restores_recording():
    for _ in range(2):
        with pytest.raises(StopHereError), no_grad(), no_grad():
            raise StopHereError
        assert is_recording()


def test_exception_restores_the_group():
    with group("outer") as outer:
        with pytest.raises(StopHereError), group("inner"):
            raise StopHereError
        assert Value(1.0).exp().group is outer
    assert Value(1.0).exp().group is None


def test_failing_composite_restores_the_group():
    with pytest.raises(ValueError, match="labels"):
        losses.sparse_categorical_crossentropy(Value(np.ones((2, 3))), labels=[0, 7])
    assert state.group is None


def test_early_exit_restores_state():
    def first():
        with no_grad(), group("loop"):
            return is_recording()

    assert first() is False
    assert is_recording()
    assert state.group is None


def test_groups_nest_and_hold_what_was_recorded_inside():
    x = Value(2.0)
    with group("neuron") as neuron:
        weighted = x * 3
        with group("activation") as activation:
            result = weighted.tanh()
    after = result + 1
    assert (weighted.group, result.group, after.group) == (neuron, activation, None)
    assert (activation.name, activation.parent, neuron.parent) == ("activation", neuron, None)


def test_groups_of_one_name_are_two_groups():
    with group("neuron") as first:
        pass
    with group("neuron") as second:
        pass
    assert first is not second


@pytest.mark.parametrize(
    "name", [name for name, record in composites.TABLE.items() if isinstance(record, Composite)]
)
def test_composite_is_recorded_inside_a_group_of_its_name(name):
    x = Value([[1.0, 2.0], [3.0, 0.0]])
    given = {
        "binary_crossentropy": {"operands": (x, np.eye(2))},
        "sparse_categorical_crossentropy": {"labels": [0, 1]},
    }.get(name, {})
    with group("outer") as outer:
        result = composites.TABLE[name](*given.pop("operands", (x,)), **given)
    made = [node for node in topological_order(result) if node.operation]
    assert len(made) > 1
    assert {node.group.name for node in made} == {name}
    assert result.group.parent is outer


def test_each_thread_has_its_own_modes():
    entered, checked = threading.Event(), threading.Event()
    seen = {}

    def other():
        seen["before"] = (is_recording(), state.group)
        with no_grad(), group("other"):
            entered.set()
            assert checked.wait(10)
            seen["inside"] = (is_recording(), state.group.name)

    thread = threading.Thread(target=other)
    with group("mine") as mine:
        thread.start()
        assert entered.wait(10)
        assert is_recording()
        assert state.group is mine
        with no_grad():
            checked.set()
            thread.join(10)
            assert not is_recording()
    assert seen == {"before": (True, None), "inside": (False, "other")}
    assert is_recording()
