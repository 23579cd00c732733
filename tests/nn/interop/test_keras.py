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


def stand_in(class_name, attributes):
    """Return an object as Keras's: its class's name and module, and what it says of itself."""
    kind = type(class_name, (types.SimpleNamespace,), {"__module__": "keras.src.stand_in"})
    return kind(**attributes)


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


def test_it_can_be_explained():
    model = from_keras(network(), compile=False)
    loss = -np.log(model(X[:1])[0, int(Y[0])])
    loss.label = "E"
    assert "∂E/∂classes/kernel = " in str(explain(loss, model.get_layer("classes").kernel))
    with pytest.raises(ValueError, match="compile"):
        model.evaluate(X, Y)


def test_what_there_is_not_is_refused():
    with pytest.raises(InputError, match=r"^from_keras takes a keras\.Sequential, got Functional$"):
        from_keras(network("Functional"))
    with pytest.raises(InputError, match=r"^from_keras takes a keras\.Sequential, got Sequential$"):
        from_keras(Sequential([Dense(1)]))
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
