"""A network of Keras's here, where Keras itself is not installed.

``trained_in_keras.json`` is what a network that was trained in Keras says of itself, and what it
computes there; tests/nn/against_keras holds it against Keras, and has all layers, both ways.
"""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from tinygrad_hw.errors import InputError
from tinygrad_hw.explain import explain
from tinygrad_hw.nn import Sequential, from_keras
from tinygrad_hw.nn.layers import Dense, Input

TRAINED = json.loads(Path(__file__).with_name("trained_in_keras.json").read_text("utf-8"))
X, Y = np.array(TRAINED["x"], np.float32), np.array(TRAINED["y"])


def stand_in(class_name, attributes, module="keras.src.layers.stand_in"):
    """Return an object as Keras's: its class's name and module, and what it says of itself."""
    return type(class_name, (types.SimpleNamespace,), {"__module__": module})(**attributes)


def network(kind="Sequential", **changed):
    """Return a stand-in for the network of the file."""
    layers = [
        stand_in(
            layer["class_name"],
            {"name": layer["config"]["name"], "get_config": lambda c=layer["config"]: c},
        )
        for layer in TRAINED["layers"]
    ]
    attributes = {
        "name": "trained",
        "trainable": True,
        "built": True,
        "compiled": True,
        "layers": layers,
        "input_shape": (None, 6, 6, 1),
        "get_weights": lambda: [np.array(w, np.float32) for w in TRAINED["weights"]],
        "get_compile_config": lambda: TRAINED["compile"],
    }
    return stand_in(kind, attributes | changed)


def test_its_outputs_and_losses_are_those_it_has_there():
    model = from_keras(network())
    np.testing.assert_allclose(model.predict(X, verbose=0), TRAINED["outputs"], rtol=2e-5)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), TRAINED["evaluated"], rtol=2e-5)
    assert model.metrics_names == ["loss", "accuracy"]
    assert (model.name, model.get_layer("classes").units) == ("trained", 3)
    assert model.optimizer.clipnorm == 1.0
    assert model.optimizer.learning_rate == pytest.approx(0.05)
    assert model.get_layer("filters").kernel_regularizer.l2 == pytest.approx(0.01)


def tensor(name, call=0):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, call, 0]}}


def test_a_functional_model():
    """One layer is called twice, and an addition stands before its operands, as may be in Keras."""
    calls = {
        "start": [],
        "sum": [{"args": [[tensor("hidden", 1), tensor("start")]], "kwargs": {"mask": None}}],
        "hidden": [{"args": [tensor(x)], "kwargs": {}} for x in ("start", "middle")],
        "middle": [{"args": [tensor("hidden")], "kwargs": {"training": None}}],
    }
    configs = {
        "start": ("InputLayer", {"batch_shape": (None, 2), "dtype": "float32", "sparse": False}),
        "sum": ("Add", {}),
        "hidden": ("Dense", {"units": 2, "activation": "tanh", "lora_rank": None}),
        "middle": ("ReLU", {}),
    }
    layers = [
        stand_in(kind, {"name": name, "get_config": lambda c={"name": name, **config}: c})
        for name, (kind, config) in configs.items()
    ]
    kernel = np.array([[1.0, -2.0], [0.5, 0.25]])
    model = network(
        "Functional",
        operations=layers,
        compiled=False,
        input_shape=(None, 2),
        get_weights=lambda: [kernel, np.array([0.1, -0.1])],
        get_config=lambda: {
            "layers": [{"name": name, "inbound_nodes": calls[name]} for name in calls],
            "input_layers": ["start", 0, 0],
            "output_layers": [["sum", 0, 0]],
        },
    )
    x = np.array([[0.5, -1.0], [2.0, 0.0]])
    inner = np.maximum(np.tanh(x @ kernel + [0.1, -0.1]), 0)
    wanted = np.tanh(inner @ kernel + [0.1, -0.1]) + x
    np.testing.assert_allclose(from_keras(model).predict(x, verbose=0), wanted, rtol=1e-6)


def test_operators_of_a_functional_model():
    """``tanh(x) - mean(x)``, as Keras writes it."""
    start = stand_in("InputLayer", {"name": "x", "get_config": lambda: {"batch_shape": (None, 3)}})
    configs = {
        "Tanh": {"name": "tanh"},
        "Mean": {"name": "mean", "axis": 1, "keepdims": True},
        "Subtract": {"name": "subtract"},
    }
    operations = [
        stand_in(kind, {"name": c["name"], "get_config": lambda c=c: c}, "keras.src.ops.numpy")
        for kind, c in configs.items()
    ]
    calls = {
        "x": [],
        "tanh": [{"args": [tensor("x")], "kwargs": {}}],
        "mean": [{"args": [tensor("x")], "kwargs": {}}],
        "subtract": [{"args": [tensor("tanh"), tensor("mean")], "kwargs": {}}],
    }
    model = network(
        "Functional",
        operations=[start, *operations],
        compiled=False,
        get_weights=list,
        get_config=lambda: {
            "layers": [{"name": name, "inbound_nodes": calls[name]} for name in calls],
            "input_layers": ["x", 0, 0],
            "output_layers": ["subtract", 0, 0],
        },
    )
    x = np.array([[0.5, -1.0, 2.0], [2.0, 0.0, 1.0]])
    found = from_keras(model).predict(x, verbose=0)
    np.testing.assert_allclose(found, np.tanh(x) - x.mean(axis=1, keepdims=True), rtol=1e-6)


def test_it_can_be_explained():
    model = from_keras(network(), compile=False)
    loss = -np.log(model(X[:1])[0, int(Y[0])])
    loss.label = "E"
    assert "∂E/∂classes/kernel = " in str(explain(loss, model.get_layer("classes").kernel))
    with pytest.raises(ValueError, match="compile"):
        model.evaluate(X, Y)


def test_what_there_is_not_is_refused():
    for other in (network("Net"), Sequential([Dense(1)]), None):
        name = type(other).__name__
        with pytest.raises(InputError, match=f"takes a Sequential or functional .*, got {name}$"):
            from_keras(other)
    other = stand_in("LSTM", {"name": "mine", "get_config": dict})
    with pytest.raises(
        InputError, match=r"^mine \(LSTM\) is a layer that there is not here; there"
    ):
        from_keras(network(layers=[other]))
    constrained = {"name": "mine", "units": 1, "kernel_constraint": {"class_name": "NonNeg"}}
    dense = stand_in("Dense", {"name": "mine", "get_config": lambda: constrained})
    with pytest.raises(InputError, match=r"^mine \(Dense\) has kernel_constraint=\{'class_name': "):
        from_keras(network(layers=[dense]))
    adadelta = {"module": "keras.optimizers", "class_name": "Adadelta", "config": {}}
    with pytest.raises(
        InputError, match=r"^trained cannot be compiled here: optimizer is Adadelta"
    ):
        from_keras(network(get_compile_config=lambda: {"optimizer": adadelta}))


def test_keras_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)  # as if it were not installed
    with pytest.raises(InputError, match=r"^keras is not installed.*'tinygrad_hw\[keras\]', and"):
        Sequential([Input((3,)), Dense(1)]).to_keras()
