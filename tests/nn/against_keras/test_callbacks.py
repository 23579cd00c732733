"""Callbacks beside Keras's: the same logs in, the same attributes, stops and savings out.

A nan in the first epoch is left out: in Keras 3.15 it is the best for ever, which is not right.
"""

import inspect
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tinygrad_hw.nn import callbacks as ours
from tinygrad_hw.nn import metrics
from tinygrad_hw.nn.callbacks.monitor import _direction_of

keras = pytest.importorskip("keras")
theirs = keras.callbacks

NAN = math.nan
NAMES = [name for name in ours.__all__ if hasattr(theirs, name)]
VALUES = st.lists(st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0, NAN, math.inf]), max_size=12)
RUNS = st.tuples(st.sampled_from([0.5, 2.0, 4.0]), VALUES).map(lambda run: [run[0], *run[1]])
examples = hypothesis_settings(deadline=None, database=None, derandomize=True, max_examples=80)


class Optimizer:
    learning_rate = 0.5


class Model:
    """What a callback sees of a model; its weights are the number of the epoch."""

    def __init__(self):
        self.stop_training = False
        self.optimizer = Optimizer()
        self.saved = []

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights

    def save(self, filepath, overwrite):
        self.saved.append(("whole", filepath.removesuffix(".keras").removesuffix(".safetensors")))

    def save_weights(self, filepath, overwrite):
        path = filepath.removesuffix(".weights.h5").removesuffix(".safetensors")
        self.saved.append(("weights", path))


def told(callback, values, attributes, runs=1, batches=0):
    """Return all attributes after each epoch of each run, and what has become of the model."""
    model, found = Model(), []
    for _ in range(runs):
        callback.set_params({"verbose": 0, "epochs": len(values), "steps": batches})
        callback.set_model(model)
        model.stop_training = False
        callback.on_train_begin({})
        for epoch, value in enumerate(values):
            callback.on_epoch_begin(epoch, {})
            model.weights = epoch
            for batch in range(batches):
                callback.on_train_batch_begin(batch, logs={})
                callback.on_train_batch_end(batch, logs={"loss": value})
            logs = {"loss": value, "val_loss": 2 * value}
            callback.on_epoch_end(epoch, logs)
            found.append([getattr(callback, name) for name in attributes.split()])
            found.append([model.stop_training, model.optimizer.learning_rate, *sorted(logs)])
            if model.stop_training:
                break
        callback.on_train_end({})
        found.append(model.weights)
    return [found, model.saved]


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_kerass_in_order_with_their_defaults(name):
    found, wanted = [
        {
            parameter.name: parameter.default
            for parameter in inspect.signature(getattr(module, name)).parameters.values()
            if (name, parameter.name) not in EXCEPTIONS
        }
        for module in (ours, theirs)
    ]
    assert list(found.items()) == list(wanted.items())


EXCEPTIONS = {
    ("ReduceLROnPlateau", "kwargs"),  # which are passed over there
    ("ProgbarLogger", "console"),
}


def test_every_hook_is_there():
    hooks = {name for name in vars(theirs.Callback) if name.startswith(("on_", "set_"))}
    assert hooks == {name for name in vars(ours.Callback) if name.startswith(("on_", "set_"))}
    for name in hooks:
        found, wanted = [
            [(p.name, p.default) for p in inspect.signature(method).parameters.values()]
            for method in (getattr(ours.Callback, name), getattr(theirs.Callback, name))
        ]
        assert found == wanted


@given(
    RUNS,
    st.sampled_from([0.0, 0.5, 1.0, -0.5]),
    st.integers(0, 3),
    st.sampled_from(["min", "max", "auto"]),
    st.sampled_from([None, 0.25, 1.75, 5.0]),
    st.booleans(),
    st.integers(0, 3),
)
@examples
def test_early_stopping(values, min_delta, patience, mode, baseline, restore, first):
    assume(not any(map(math.isnan, values[first : first + 1])))
    arguments = ("loss", min_delta, patience, 0, mode, baseline, restore, first)
    attributes = "best best_epoch best_weights wait stopped_epoch"
    found, wanted = [
        told(module.EarlyStopping(*arguments), values, attributes, runs=2)
        for module in (ours, theirs)
    ]
    np.testing.assert_equal(found, wanted)


@given(
    RUNS,
    st.sampled_from([0.5, 0.25]),
    st.integers(0, 3),
    st.sampled_from(["min", "max", "auto"]),
    st.sampled_from([1e-4, 0.5, -0.5]),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.1, 1.0]),
)
@examples
def test_reduce_lr_on_plateau(values, factor, patience, mode, min_delta, cooldown, min_lr):
    arguments = ("val_loss", factor, patience, 0, mode, min_delta, cooldown, min_lr)
    found, wanted = [
        told(module.ReduceLROnPlateau(*arguments), values, "best wait cooldown_counter", runs=2)
        for module in (ours, theirs)
    ]
    np.testing.assert_equal(found, wanted)


@given(
    RUNS,
    st.booleans(),
    st.booleans(),
    st.sampled_from(["min", "max", "auto"]),
    st.sampled_from(["epoch", 1, 3, 4]),
    st.sampled_from([None, 1.75]),
)
@examples
def test_model_checkpoint(values, best_only, weights_only, mode, save_freq, threshold):
    best_only = best_only and save_freq == "epoch"  # Keras fails in the first epoch
    endings = (".safetensors", ".weights.h5" if weights_only else ".keras")
    found, wanted = [
        told(
            module.ModelCheckpoint(
                "{epoch:02d}-{loss:.1f}" + ("" if save_freq == "epoch" else "-{batch}") + ending,
                *("loss", 0, best_only, weights_only, mode, save_freq, threshold),
            ),
            values,
            "best",
            runs=2,
            batches=4,
        )
        for module, ending in zip((ours, theirs), endings, strict=True)
    ]
    np.testing.assert_equal(found, wanted)


def test_early_stopping_and_checkpoints_with_a_models_metric():
    """The direction of "accuracy" is that of the model's metric."""
    model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)
    callbacks = [theirs.EarlyStopping("val_accuracy"), ours.EarlyStopping("val_accuracy")]
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, value in enumerate([0.5, 0.25, 0.75, 0.6]):
            callback.on_epoch_end(epoch, {"val_accuracy": value})
    assert callbacks[0].best_epoch == callbacks[1].best_epoch == 2


@pytest.mark.parametrize("append", [False, True])
def test_csv_logger(tmp_path, append):
    texts = []
    for module in (ours, theirs):
        path = tmp_path / module.__name__
        callback = module.CSVLogger(str(path), separator=";", append=append)
        for epochs in (
            [{"loss": 0.5, "acc": 1.0}, {"loss": 0.1 + 0.2, "acc": NAN, "val_loss": 1e-7}],
            [{"val_loss": 2.0, "loss": 3.0}, {"loss": np.array([1, 2])}, {}],
        ):
            callback.on_train_begin()
            for epoch, logs in enumerate(epochs):
                callback.on_epoch_end(epoch, logs)
            callback.on_train_end()
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("schedule", [lambda epoch, rate: rate * 0.9, lambda epoch: 0.3**epoch])
def test_learning_rate_scheduler(schedule):
    found, wanted = [
        told(module.LearningRateScheduler(schedule), [1.0] * 5, "verbose", runs=2)
        for module in (ours, theirs)
    ]
    assert found == wanted


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
def test_terminate_on_nan(bad, capsys):
    found, wanted = [
        told(module.TerminateOnNaN(), [1.0, bad, 1.0], "raise_error", batches=3)
        for module in (ours, theirs)
    ]
    assert found == wanted


def moments(keras_module, network):
    """Return every call of a callback in ``fit``, and the keys of its logs."""
    seen = []

    def note(hook):
        def method(self, *arguments, logs=None):
            *number, last = (*arguments, logs) if logs is not None else arguments
            seen.append((hook, *number, sorted(last or {})))

        return method

    hooks = ["train_begin", "train_end", "epoch_begin", "epoch_end"]
    hooks += ["train_batch_begin", "train_batch_end"]
    kind = type("Noting", (keras_module.Callback,), {f"on_{h}": note(h) for h in hooks})
    x, y = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1), np.arange(12) % 2
    history = network.fit(
        x, y, batch_size=4, epochs=2, validation_split=0.25, callbacks=[kind()], verbose=0
    )
    return seen, history.epoch, sorted(history.history), {**history.params}


def test_fit_calls_at_the_same_moments_with_the_same_logs():
    from tinygrad_hw.nn import SGD, Dense, Sequential

    mine = Sequential([Dense(1, activation="sigmoid", input_shape=(1,))])
    mine.compile(SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
    other = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
    other.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    assert moments(ours, mine) == moments(theirs, other)


def test_metrics_improve_the_way_that_keras_says():
    compared = 0
    for name in metrics.__all__:
        kinds = [getattr(module, name, None) for module in (metrics, keras.metrics)]
        try:
            found, wanted = [kind() for kind in kinds]
        except TypeError:  # no class, not in Keras, or made with arguments
            continue
        assert _direction_of(found) == getattr(wanted, "_direction", None), name
        compared += 1
    assert compared > 10


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in Keras
def test_a_training_with_callbacks_ends_with_the_same_weights():
    from tinygrad_hw.nn import SGD, Dense, Sequential

    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(40, 3)).astype(np.float32)
    y = (x[:, :1] > 0.3).astype(np.float32)
    weights = [numbers.normal(size=shape).astype(np.float32) for shape in ((3, 1), (1,))]
    mine = Sequential([Dense(1, activation="sigmoid", input_shape=(3,))])
    other = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
    other.build((None, 3))
    results = []
    for module, model, optimizer in (
        (ours, mine, SGD(2.0)),
        (theirs, other, keras.optimizers.SGD(2.0)),
    ):
        model.set_weights(weights)
        model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
        history = model.fit(
            *(x, y),
            batch_size=8,
            epochs=30,
            validation_split=0.25,
            shuffle=False,
            callbacks=[
                module.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.02, cooldown=1),
                module.EarlyStopping(patience=4, min_delta=0.005, restore_best_weights=True),
            ],
            verbose=0,
        )
        results.append((history.history, history.epoch, model.get_weights()))
    (found, epochs, my_weights), (wanted, their_epochs, their_weights) = results
    assert epochs == their_epochs
    assert 5 < len(epochs) < 30
    assert len(set(found["learning_rate"])) > 2
    assert sorted(found) == sorted(wanted)
    for name, values in found.items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-5, atol=1e-6)
    for my_weight, their_weight in zip(my_weights, their_weights, strict=True):
        np.testing.assert_allclose(my_weight, their_weight, rtol=1e-5, atol=1e-6)
