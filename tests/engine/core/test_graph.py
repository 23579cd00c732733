"""The recorded graph: ordered, walked without recursion, freed at once."""

import gc
import weakref

import numpy as np
import pytest

from tinygrad_hw.engine import Value, group, numpy_api, ops
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.node import Node


@pytest.fixture
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_inputs_come_before_results_and_the_root_last():
    a, b = Value(2.0), Value(3.0)
    product = a * b
    root = product + a.tanh() * product
    order = topological_order(root)
    position = {id(node): i for i, node in enumerate(order)}
    assert order[-1] is root
    assert len(position) == len(order) == 6
    assert all(position[id(i)] < position[id(node)] for node in order for i in node.inputs)


def test_order_follows_the_operands():
    a, b, c = (Value(1.0, label=name) for name in "abc")
    assert [node.label for node in topological_order((c - a) * b)] == ["c", "a", None, "b", None]


def test_leaf_is_its_own_graph():
    a = Value(1.0)
    assert topological_order(a) == [a]


def test_inputs_keep_order_and_repetition():
    a, b = Value(5.0), Value(3.0)
    assert (b - a).inputs == (b, a)
    assert (a * a).inputs == (a, a)
    assert (2 - a).inputs[1] is a
    constant = (2 - a).inputs[0]
    assert (constant.data, constant.constant) == (2.0, True)


def test_node_records_operation_and_attributes():
    x = Value(np.ones((2, 3)))
    total = np.sum(x, axis=-1)
    assert (total.operation, total.inputs) == (ops.sum, (x,))
    assert total.attributes == {"axis": -1, "keepdims": False}
    assert (x.operation, x.inputs, x.attributes) == (None, (), {})


def test_only_what_depends_on_a_variable_is_not_constant():
    x, k = Value(1.0), Value(2.0, constant=True)
    assert not (x * k).constant
    assert (k * 3).constant
    assert (k * 3).inputs[0] is k


def tensors():
    x = Value(np.ones((2, 3)), label="x")
    return numpy_api.softmax((x @ x.T).tanh() + x.sum(axis=1)).sum()


def scalars():
    x = Value(0.5, label="x")
    return (x * x + x).tanh().relu() - 1 / x


def grouped():
    with group("outer"), group("inner"):
        return Value(2.0) ** 2


def kept_by(leaf):
    """Everything that a node holds on to, itself excluded."""
    return [getattr(leaf, name, None) for name in Node.__slots__ if name != "__weakref__"]


@pytest.mark.parametrize("build", [tensors, scalars, grouped])
@pytest.mark.parametrize("differentiated", [False, True])
@pytest.mark.usefixtures("without_collector")
def test_graph_is_freed_the_moment_its_root_goes(build, differentiated):
    root = build()
    if differentiated:
        root.backward()
    watched = [weakref.ref(node) for node in topological_order(root)]
    assert all(reference() is not None for reference in watched)
    del root
    assert all(reference() is None for reference in watched)


@pytest.mark.usefixtures("without_collector")
def test_leaf_does_not_keep_its_consumers():
    leaf = Value(2.0)
    result = (leaf * leaf).tanh()
    result.backward()
    watched = weakref.ref(result)
    del result
    assert watched() is None
    assert not any(isinstance(kept, Node) for kept in kept_by(leaf))


@pytest.mark.usefixtures("without_collector")
def test_failed_operation_keeps_nothing_alive():
    x = Value(np.ones(3))
    y = x * 2
    watched = weakref.ref(y)
    with pytest.raises(ValueError, match="add"):
        y + np.ones(4)
    del y
    assert watched() is None


@pytest.mark.usefixtures("without_collector")
def test_a_million_nodes_forwards_backwards_and_freed():
    leaf = Value(1.5)
    root = leaf
    for _ in range(10**6):
        root = -root
    middle = weakref.ref(root.inputs[0].inputs[0])
    root.backward()
    assert (root.data, leaf.grad) == (1.5, 1.0)
    del root
    assert middle() is None
