"""Copies and pickles of Values are graphs of their own, with the same numbers and derivatives."""

import copy
import gc
import pickle
import subprocess
import sys
import threading
import types
import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tinygrad_hw.engine import (
    Composite,
    Linear,
    Multilinear,
    Pointwise,
    Value,
    anomaly,
    backward_steps,
    group,
    no_grad,
    numpy_api,
    ops,
)
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.program import capture

START = np.array([1.0, 2.0, 3.0])


def through_pickle(x: Any, protocol: int = pickle.HIGHEST_PROTOCOL) -> Any:
    return pickle.loads(pickle.dumps(x, protocol))


def through_pythons_pickle(x: Any) -> Any:
    return pickle.loads(pickle._dumps(x))  # the module's own Pickler, which is written in Python


DEEP = [copy.deepcopy, through_pickle, through_pythons_pickle]
EVERY = [copy.copy, *DEEP]

cube = Pointwise("cube", lambda x: x**3, "3 * x**2")
double = Linear("double", lambda x: 2 * x, "2 * upstream")
scaled = Multilinear("scaled", lambda x, y: x * y, "upstream * y", "upstream * x")
cubes = Composite("cubes", lambda x: cube(x) + 1)


def network(w: Value) -> Value:
    """Return a scalar computed by every kind of operation, with attributes of every kind."""
    with group("layer"), group("neuron"):
        h = np.tanh(w[[0, 2]] @ np.ones((2, 3)) + w).softmax()
    h = np.where(START > 1, h, cubes(w)) * double(w)[::-1] + scaled(h, w)
    return np.sum(h.reshape(3, 1), axis=(0, 1)) * np.concatenate([w, h]).std() + cube(h).max()


@pytest.mark.parametrize("duplicate", EVERY)
def test_a_copy_of_a_leaf_has_its_data_label_constant_and_gradient(duplicate: Callable) -> None:
    for data in (2.0, np.float32(2.0), START, START.astype(np.float32), np.zeros((0, 2))):
        for constant in (False, True):
            v = Value(data, label="v", constant=constant)
            v.grad = np.ones(np.shape(data)) * 3 if np.ndim(data) else 3.0
            other = duplicate(v)
            assert other is not v
            assert type(other.data) is type(v.data)
            assert (other.label, other.constant, other.dtype) == ("v", constant, v.dtype)
            np.testing.assert_array_equal(other.data, v.data)
            np.testing.assert_array_equal(other.grad, v.grad)
            assert (other.operation, other.inputs, other.group) == (None, (), None)


@pytest.mark.parametrize("duplicate", EVERY)
def test_a_copy_of_a_result_has_its_history(duplicate: Callable) -> None:
    w = Value(START, label="w")
    root = network(w)
    root.backward()
    expected = w.grad.copy()
    other = duplicate(root)
    assert other.data == root.data
    order, others = topological_order(root), topological_order(other)
    for old, new in zip(order, others, strict=True):
        assert (old.operation, old.label, old.constant) == (new.operation, new.label, new.constant)
        assert old.shape == new.shape
        assert (old.back is None) is (new.back is None)  # as lean as before
        np.testing.assert_array_equal(old.data, new.data)
        np.testing.assert_array_equal(old.grad, new.grad)
    other.backward()
    leaf = next(x for x in others if x.label == "w")
    np.testing.assert_array_equal(leaf.grad, 2 * expected)  # its own gradient, added to
    assert (leaf is w) is (duplicate is copy.copy)
    if leaf is not w:
        np.testing.assert_array_equal(w.grad, expected)
    steps = [(e.operand.label, e.position, e.local) for e in backward_steps(root)]
    for edge, step in zip(backward_steps(other), steps, strict=True):
        assert (edge.operand.label, edge.position) == step[:2]
        np.testing.assert_array_equal(edge.local, step[2])


@pytest.mark.parametrize("duplicate", DEEP)
@pytest.mark.parametrize("order", ["lha", "ahl", "hla", "lahl", "alh"])
def test_what_is_shared_in_a_structure_is_shared_in_its_copy(
    duplicate: Callable, order: str
) -> None:
    a = Value(START, label="a")
    h = np.exp(a)
    nodes = {"a": a, "h": h, "l": (h * a).sum()}
    copied = duplicate([nodes[name] for name in order])
    found = dict(zip(order, copied, strict=True))
    assert all(x is found[name] for name, x in zip(order, copied, strict=True))
    product = found["l"].inputs[0]
    assert product.inputs == (found["h"], found["a"])
    assert product.inputs[0] is found["h"]
    assert product.inputs[1] is found["h"].inputs[0] is found["a"]
    assert not {id(x) for x in copied} & {id(a), id(h), id(nodes["l"])}


@pytest.mark.parametrize("duplicate", DEEP)
def test_groups_are_copied_and_shared_as_they_were(duplicate: Callable) -> None:
    with group("layer") as layer:
        w = Value(0.5)
        with group("neuron"):
            a = w * 2
            b = a + w
        with group("neuron"):
            c = b * a
    with group("around the copy"):
        copied = duplicate(c)
    d = copied.inputs[0]
    assert copied.group.name == d.group.name == "neuron"
    assert copied.group is not d.group
    assert d.group is d.inputs[0].group
    assert copied.group.parent is d.group.parent is d.inputs[1].group
    assert d.inputs[1].group.name == "layer"
    assert d.inputs[1].group is not layer
    assert duplicate(Value(1.0)).group is None


@pytest.mark.parametrize("duplicate", DEEP)
def test_a_chain_of_any_length_is_copied(duplicate: Callable) -> None:
    w = Value(1.0)
    root = w
    for _ in range(5_000 if duplicate is through_pythons_pickle else 20_000):
        root = root * 1.0001
    other = duplicate(root)
    assert other.back is root.back is not None
    other.backward()
    *_, leaf = (x for x in topological_order(other) if x.operation is None and not x.constant)
    assert leaf.grad == pytest.approx(other.data, rel=1e-9)
    assert w.grad is None


def test_results_pickled_before_what_is_computed_from_them_are_found() -> None:
    chain = [Value(1.0)]
    for _ in range(2_000):
        chain.append(chain[-1] * 1.01)
    again = through_pickle(chain)
    assert all(b.inputs[0] is a for a, b in pairwise(again))


def test_a_wide_tree_and_a_chain_of_arrays_are_pickled() -> None:
    root = w = Value(START)
    for _ in range(2_000):
        root = root * 0.999 + w.sum()
    np.testing.assert_array_equal(through_pickle(root).data, root.data)


@pytest.mark.parametrize("duplicate", EVERY)
def test_new_data_of_a_leaf_are_not_those_that_were_computed_with(duplicate: Callable) -> None:
    w = Value(START, label="w")
    total = (w * w).sum()
    w.data = 10 * START
    other = duplicate(total)
    leaf = topological_order(other)[0]
    np.testing.assert_array_equal(leaf.data, 10 * START)
    other.backward()
    np.testing.assert_array_equal(leaf.grad, 2 * START)


@pytest.mark.parametrize("duplicate", EVERY)
@pytest.mark.parametrize("before", [False, True])
def test_arrays_of_a_copy_are_its_own(duplicate: Callable, before: bool) -> None:
    w = Value(START)
    held = w.data if before else None
    total = (w * w).sum()
    other = duplicate(total)
    leaf = topological_order(other)[0]
    for array in (held, w.data, leaf.data):
        if array is not None:
            array[...] = 100.0
    other.backward()
    np.testing.assert_array_equal(leaf.grad, 2 * START)
    y = duplicate(np.exp(w))
    with pytest.raises(ValueError, match="read-only"):
        y.data[...] = 0.0


@pytest.mark.parametrize("duplicate", DEEP)
def test_gradients_of_copied_results_stay_read_only(duplicate: Callable) -> None:
    v = Value(START)
    y = v * 2
    (y + v).sum().backward()
    with pytest.raises(ValueError, match="read-only"):
        duplicate(y).grad[...] = 0.0
    leaf = duplicate(v)
    leaf.grad[...] = 0.0
    np.testing.assert_array_equal(v.grad, [3.0, 3.0, 3.0])


def test_a_deep_copy_frees_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for duplicate in (*EVERY,):
            root = duplicate(network(Value(START)))
            freed = weakref.ref(root)
            del root
            assert freed() is None
    finally:
        gc.enable()


def test_a_pickle_leaves_nothing_behind() -> None:
    root = network(Value(START))
    levels = []
    for _ in range(3):
        for _ in range(10):
            through_pickle(root)
        gc.collect()
        levels.append(sys.getallocatedblocks())
    assert levels[2] - levels[1] < 100


def test_one_pickler_writes_a_graph_once() -> None:
    chain = [Value(1.0)]
    for _ in range(200):
        chain.append(chain[-1] * 1.01)
    assert len(pickle.dumps(chain[::-1])) < 2 * len(pickle.dumps(chain[-1:]))
    whole = through_pickle([*chain, *chain[::-1]])
    assert [id(x) for x in whole[:201]] == [id(x) for x in whole[:200:-1]]
    assert all(b.inputs[0] is a for a, b in pairwise(whole[:201]))


class Named(Value):
    """Value with attributes of its own."""

    __slots__ = ("note",)


class Open(Value):
    """Value that takes any attribute."""


@pytest.mark.parametrize("duplicate", EVERY)
@pytest.mark.parametrize("kind", [Named, Open])
def test_a_subclass_keeps_its_kind_and_attributes(duplicate: Callable, kind: type) -> None:
    leaf = kind(2.0)
    leaf.note = [1, 2]
    result = ops.exp(leaf)
    result.note = "result"
    for v in (leaf, result):
        other = duplicate(v)
        assert type(other) is kind
        assert other.note == v.note


def test_the_line_of_a_result_is_kept() -> None:
    with anomaly():
        y = Value(2.0) * 3
    assert [duplicate(y).line for duplicate in EVERY] == [y.line] * len(EVERY)
    assert not hasattr(copy.deepcopy(Value(2.0) * 3), "line")


def test_results_without_history_are_copied() -> None:
    with no_grad():
        y = Value(START) * 2
    for v in (y, y.detach()):
        for duplicate in EVERY:
            assert duplicate(v).constant
            duplicate(v).data[...] = 0.0
            np.testing.assert_array_equal(v.data, 2 * START)


@pytest.mark.parametrize("name", numpy_api.TABLE)
def test_every_operation_is_found_again(name: str) -> None:
    operation = numpy_api.TABLE[name]
    for duplicate in EVERY:
        assert duplicate(operation) is operation


def test_an_operation_of_ones_own_is_found_in_its_module() -> None:
    for operation in (cube, double, scaled, cubes):
        assert through_pickle(operation) is operation


def test_an_operation_that_is_in_no_module_is_refused_by_name() -> None:
    hidden = Pointwise("hidden", lambda x: 5 * x, 5)
    y = hidden(Value(2.0))
    with pytest.raises(
        pickle.PicklingError,
        match="operation hidden is neither in the table nor in a module, where it could be found "
        r"again when loaded; make it a global of its module, or pickle v\.detach\(\)",
    ):
        pickle.dumps(y)
    assert through_pickle(y.detach()).data == 10.0
    other = copy.deepcopy(y)
    other.backward()
    assert other.inputs[0].grad == 5.0


def test_the_name_of_an_operation_in_the_table_is_not_enough() -> None:
    module = types.ModuleType("other_exp")
    module.exp = Pointwise("exp", lambda x: 2 * x, 2)
    sys.modules["other_exp"] = module
    try:
        assert through_pickle(module.exp) is module.exp is not ops.exp
    finally:
        del sys.modules["other_exp"]


@pytest.mark.parametrize("duplicate", EVERY)
@pytest.mark.parametrize("inside", [False, True])
def test_a_copy_while_a_program_is_captured_is_refused(duplicate: Callable, inside: bool) -> None:
    w = Value(START, label="w")

    @capture
    def f() -> Value:
        return (duplicate(w * 2 if inside else w) * 2).sum()

    done = "copy" if duplicate in (copy.copy, copy.deepcopy) else "pickle"
    with pytest.raises(
        TypeError, match=f"a {done} of (a Value|w) is read while a program is captured"
    ):
        f.record()


GRADIENT_ELSEWHERE = """
import pickle, sys
loss = pickle.load(sys.stdin.buffer)
loss.backward()
pickle.dump(loss.inputs[0].inputs[0], sys.stdout.buffer)
"""


def test_another_process_differentiates_a_result() -> None:
    w = Value(START, label="w")
    elsewhere = subprocess.run(
        [sys.executable, "-c", GRADIENT_ELSEWHERE],
        input=pickle.dumps((w * w).sum()),
        capture_output=True,
        check=True,
    )
    leaf = pickle.loads(elsewhere.stdout)
    np.testing.assert_array_equal(leaf.grad, 2 * START)
    assert leaf.label == "w"
    assert w.grad is None


def test_threads_pickle_one_graph_at_once() -> None:
    w = Value(1.0)
    root = w
    for _ in range(300):
        root = root * 1.01
    found = []

    def work() -> None:
        for _ in range(8):
            again = through_pickle([root, root.inputs[0]])
            found.append(again[0].inputs[0] is again[1] and again[0].data == root.data)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 32
