import json

import numpy as np
import pytest
from safetensors import safe_open

from tinygrad_hw.engine import ops
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn import Sequential, saving
from tinygrad_hw.nn.callbacks import ModelCheckpoint
from tinygrad_hw.nn.initializers import HeNormal
from tinygrad_hw.nn.layers import (
    Activation,
    Dense,
    Flatten,
    Input,
    Layer,
    LeakyReLU,
    ReLU,
    Rescaling,
    Reshape,
    Softmax,
)
from tinygrad_hw.nn.losses import BinaryCrossentropy
from tinygrad_hw.nn.metrics import AUC, Precision
from tinygrad_hw.nn.models import Model, load_model, model_from_json
from tinygrad_hw.nn.optimizers import SGD, Adam
from tinygrad_hw.nn.optimizers.schedules import ExponentialDecay

X = np.random.default_rng(0).normal(size=(24, 2, 2)).astype(np.float32)
Y = (X[:, 0, 0] > 0).astype(int)
PATH = "m.safetensors"


def network(optimizer="adam", loss="sparse_categorical_crossentropy", **settings):
    layers = [
        Rescaling(0.5, 0.25),
        Flatten(),
        Dense(5, activation="relu", kernel_initializer=HeNormal(seed=3), name="hidden"),
        Dense(2, use_bias=False, bias_initializer="ones"),
        Activation("softmax"),
    ]
    model = Sequential(layers, name="mine", seed=0)
    model.compile(optimizer, loss=loss, metrics=["accuracy"], **settings)
    return model


def assert_same(model, other):
    for found, wanted in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(model.predict(X), other.predict(X))


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: "adam",
        lambda: Adam(0.01, beta_1=0.8, clipnorm=0.5),
        lambda: SGD(0.1, momentum=0.9, nesterov=True),
        lambda: Adam(ExponentialDecay(0.1, 5, 0.5)),
    ],
)
def test_a_training_goes_on_as_if_there_had_been_no_file(tmp_path, optimizer):
    model = network(optimizer())
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    model.save(tmp_path / PATH)
    loaded = load_model(tmp_path / PATH)
    assert_same(loaded, model)
    assert loaded.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    for m in (model, loaded):
        m.fit(X, Y, batch_size=8, epochs=3, verbose=0)
    assert_same(loaded, model)
    assert loaded.history.history == model.history.history


def test_losses_and_metrics_are_what_they_were(tmp_path):
    model = Sequential([Input((2, 2)), Flatten(), Dense(1, "sigmoid")], seed=0)
    own = [AUC(name="area"), Precision(thresholds=0.25), "mse"]
    model.compile("adam", BinaryCrossentropy(label_smoothing=0.25), metrics=["accuracy", *own])
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / PATH)
    loaded = load_model(tmp_path / PATH)
    found, wanted = [m.evaluate(X, Y, verbose=0, return_dict=True) for m in (loaded, model)]
    assert found == wanted
    assert list(found) == ["loss", "accuracy", "area", "precision", "mse"]


def test_layers_are_what_they_were(tmp_path):
    model = network()
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / PATH)
    loaded = load_model(tmp_path / PATH)
    assert loaded.name == "mine"
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    rescaling, _, hidden, last, _ = loaded.layers
    assert (rescaling.scale, rescaling.offset) == (0.5, 0.25)
    assert hidden.kernel_initializer.get_config() == {"seed": 3}
    assert (last.use_bias, last.units) == (False, 2)
    assert loaded.input_shape == (None, 2, 2)
    assert loaded.history.history == model.history.history
    assert repr(loaded.history) == repr(model.history)


def test_a_model_that_is_not_compiled_can_be_saved(tmp_path):
    model = Sequential([Input((2, 2)), Flatten(), Dense(3, "tanh")])
    model.save(tmp_path / PATH)
    assert_same(load_model(tmp_path / PATH), model)
    compiled = network()
    compiled.fit(X, Y, verbose=0)
    compiled.save(tmp_path / PATH)
    loaded = load_model(tmp_path / PATH, compile=False)
    assert_same(loaded, compiled)
    with pytest.raises(ValueError, match="compile"):
        loaded.evaluate(X, Y)


def double(x):
    return 2.0 * ops.relu(x)


def my_loss(y_true, y_pred):
    return (y_true - y_pred) ** 2


class Scale(Layer):
    """A user's own layer: a factor for each input."""

    def __init__(self, power=1, **options):
        super().__init__(**options)
        self.power = power

    def build(self, input_shape):
        self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")

    def call(self, inputs):
        return inputs * self.factor**self.power


OWN = {"double": double, "my_loss": my_loss, "Scale": Scale}


def test_what_is_the_users_own_is_found_in_custom_objects(tmp_path):
    model = Sequential([Input((2, 2)), Flatten(), Scale(2), Dense(1, double)], seed=0)
    model.compile("sgd", my_loss)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / PATH)
    assert_same(load_model(tmp_path / PATH, custom_objects=OWN), model)
    for name in OWN:
        others = {other: thing for other, thing in OWN.items() if other != name}
        with pytest.raises(InputError, match=f"^{name} is not known here; give it in custom_obj"):
            load_model(tmp_path / PATH, others)


class Net(Model):
    """A user's own model."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.inner = Dense(units, "tanh")
        self.last = Dense(2, "softmax")

    def call(self, inputs):
        return self.last(self.inner(inputs))


def test_a_model_of_the_users_own(tmp_path):
    model = Net(3, seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    x = X.reshape(24, 4)
    model.fit(x, Y, verbose=0)
    model.save(tmp_path / PATH)
    loaded = load_model(tmp_path / PATH, {"Net": Net})
    for m in (model, loaded):
        m.fit(x, Y, batch_size=8, epochs=3, verbose=0)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [LeakyReLU(0.3), ReLU(max_value=0.5, negative_slope=0.1, threshold=0.25)],
        lambda: [Softmax(axis=1)],
        lambda: [Reshape((4, -1)), Activation("gelu")],
        lambda: [Dense(3, double, kernel_regularizer="l2", activity_regularizer="l1")],
        lambda: [Dense(3, bias_initializer="ones", trainable=False, dtype="float64")],
    ],
)
def test_every_layer_comes_back(tmp_path, layers):
    model = Sequential([Input((2, 2)), *layers()])
    model.save(tmp_path / PATH)
    loaded = load_model(tmp_path / PATH, OWN)
    assert_same(loaded, model)
    assert model.to_json() == loaded.to_json()
    for found, wanted in zip(loaded.layers, model.layers, strict=True):
        assert repr(found.get_config()) == repr(wanted.get_config())
        assert repr(found.activity_regularizer) == repr(wanted.activity_regularizer)


def test_what_has_no_name_cannot_be_saved(tmp_path):
    model = Sequential([Input((4,)), Dense(1, lambda x: x * 2.0, name="last")], name="mine")
    with pytest.raises(
        InputError, match=r"^mine, Sequential, layers, Dense, activation cannot be s"
    ):
        model.save(tmp_path / PATH)
    assert list(tmp_path.iterdir()) == []


def test_the_text_makes_a_new_model():
    model = network()
    model.fit(X, Y, verbose=0)
    text = model.to_json(indent=1)
    assert json.loads(text)["input_shape"] == [None, 2, 2]
    made = model_from_json(text)
    assert [w.shape for w in made.get_weights()] == [w.shape for w in model.get_weights()]
    assert made.to_json(indent=1) == text
    made.set_weights(model.get_weights())
    np.testing.assert_array_equal(made.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the text of to_json"),
        ("[]", "the text does not say which layers the model has"),
        ('{"model": 3}', "the text describes no model"),
        ('{"model": {"room": "os", "class_name": "system", "config": {}}}', "system is not kno"),
        ('{"model": {"room": "models", "function": "load_model"}}', "describes no model"),
        (
            '{"model": {"room": "layers", "class_name": "Dense", "config": {"units": -1}}}',
            "Dense cannot be made as the file says: Dense got units=-1",
        ),
        (
            '{"model": {"room": "layers", "class_name": "Dense", '
            '"config": {"units": 1, "unit": 1}}}',
            r"Dense cannot be made as the file says: .* unexpected keyword argument 'unit'",
        ),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        model_from_json(text)


def test_weights_alone_are_no_whole_model_but_a_model_has_weights(tmp_path):
    model = network()
    model.fit(X, Y, verbose=0)
    model.save_weights(tmp_path / PATH)
    with pytest.raises(InputError, match="holds no whole model; make it, then use load_weights"):
        load_model(tmp_path / PATH)
    model.save(tmp_path / PATH)
    other = network("sgd")
    other.build((None, 2, 2))
    other.load_weights(tmp_path / PATH)
    assert_same(other, model)


def test_a_changed_architecture_is_noticed(tmp_path):
    from safetensors.numpy import load_file, save_file

    model = network()
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / PATH)
    with safe_open(tmp_path / PATH, "numpy") as file:
        metadata = file.metadata()
    text = metadata["tinygrad_hw"].replace('"units": 5', '"units": 6')
    assert text != metadata["tinygrad_hw"]
    save_file(load_file(tmp_path / PATH), tmp_path / PATH, metadata | {"tinygrad_hw": text})
    with pytest.raises(InputError, match="has been changed or damaged since it was saved"):
        load_model(tmp_path / PATH)


def test_keras_has_functions_for_it_too(tmp_path):
    model = Sequential([Input((2, 2)), Flatten(), Dense(3, "tanh")])
    saving.save_model(model, tmp_path / PATH)
    assert_same(saving.load_model(tmp_path / PATH), model)
    with pytest.raises(InputError, match="is there already; give another name, or overwrite=True"):
        saving.save_model(model, tmp_path / PATH, overwrite=False)


def test_checkpoints_of_whole_models_are_models(tmp_path):
    model = network()
    checkpoint = ModelCheckpoint(tmp_path / PATH, "loss", save_best_only=True)
    model.fit(X, Y, epochs=3, callbacks=checkpoint, verbose=0)
    assert load_model(tmp_path / PATH).predict(X).shape == (24, 2)
