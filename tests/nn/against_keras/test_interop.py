"""Models of Keras made here, and ours there: the same outputs, weights and settings."""

import functools
import json
import re
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tinygrad_hw import nn  # noqa: E402
from tinygrad_hw.errors import InputError  # noqa: E402
from tinygrad_hw.nn import from_keras  # noqa: E402

pytestmark = pytest.mark.filterwarnings(  # Keras's own, of its variables
    "ignore:__array__ implementation:DeprecationWarning"
)
DENSE = keras.layers.Dense
RANDOM = np.random.default_rng(0)
FLAT, WORDS, IMAGES = (6,), (5,), (7, 8, 3)
CASES = [
    (FLAT, [("Dense", {"units": 4, "activation": "tanh", "kernel_initializer": "he_normal"})]),
    (FLAT, [("Dense", {"units": 4, "use_bias": False, "kernel_regularizer": "l2"})]),
    (FLAT, [("Dense", {"units": 4, "activity_regularizer": "l1", "trainable": False})]),
    (WORDS, [("Embedding", {"input_dim": 7, "output_dim": 3})]),
    (FLAT, [("Reshape", {"target_shape": (2, -1)}), ("Flatten", {})]),
    (IMAGES, [("Rescaling", {"scale": 0.1, "offset": -0.3})]),
    (IMAGES, [("Rescaling", {"scale": [1.0, 2.0, 0.5], "offset": np.array([1.0, 0.0, -1.0])})]),
    (FLAT, [("Activation", {"activation": "softplus"}), ("Activation", {"activation": "linear"})]),
    (FLAT, [("ReLU", {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2})]),
    (FLAT, [("LeakyReLU", {"negative_slope": 0.2}), ("Softmax", {})]),
    (IMAGES, [("Softmax", {"axis": 1})]),
    (FLAT, [("Dropout", {"rate": 0.25, "seed": 3}), ("GaussianNoise", {"stddev": 0.5})]),
    (FLAT, [("BatchNormalization", {"momentum": 0.9})]),
    (IMAGES, [("BatchNormalization", {"axis": 1, "center": False})]),
    (IMAGES, [("LayerNormalization", {"axis": [1, 2], "epsilon": 0.01})]),
    (IMAGES, [("Conv2D", {"filters": 4, "kernel_size": 3, "activation": "relu"})]),
    (IMAGES, [("Conv2D", {"filters": 2, "kernel_size": (2, 3), "strides": 2, "padding": "same"})]),
    (IMAGES, [("MaxPooling2D", {}), ("AveragePooling2D", {"pool_size": 3, "padding": "same"})]),
    (IMAGES, [("GlobalAveragePooling2D", {"keepdims": True})]),
]


def network(room, shape, layers, **settings):
    """Return a Sequential in Keras or here, whose averages and biases are no zeros."""
    made = [getattr(room.layers, kind)(**options) for kind, options in layers]
    dtype = {"dtype": "int32"} if shape is WORDS else {}
    model = room.Sequential([room.layers.Input(shape, **dtype), *made], name="mine")
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.2, 1, w.shape) for w in model.get_weights()])
    return model


def examples(shape):
    if shape is WORDS:
        return RANDOM.integers(0, 7, (9, *shape)).astype(np.int32)
    return RANDOM.normal(size=(9, *shape)).astype(np.float32)


def assert_alike(ours, theirs, x):
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    for found, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)
    found, wanted = ours.predict(x, verbose=0), np.asarray(theirs(x))
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6)
    assert ours.name == theirs.name
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [x.trainable for x in ours.layers] == [x.trainable for x in theirs.layers]
    assert len(ours.trainable_weights) == len(theirs.trainable_weights)


@pytest.mark.parametrize(("shape", "layers"), CASES)
def test_every_layer_both_ways(shape, layers):
    x, theirs = examples(shape), network(keras, shape, layers)
    ours = from_keras(theirs)
    assert_alike(ours, theirs, x)
    back = ours.to_keras()
    assert_alike(ours, back, x)
    for first, last in zip(theirs.layers, back.layers, strict=True):
        np.testing.assert_array_equal(*[getattr(x, "offset", 0) for x in (first, last)])
        no_data = {"data_format": None, "offset": None}  # None is "channels_last"; arrays: above
        assert first.get_config() | no_data == last.get_config() | no_data
        regularizers = [layer.activity_regularizer for layer in (first, last)]
        assert len({repr(x and x.get_config()) for x in regularizers}) == 1


MERGING = [
    *[(name, {}) for name in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")],
    ("Concatenate", {"axis": 1}),
    ("Dot", {"axes": 1, "normalize": True}),
]


def branches(room, merging="Add", options=()):
    """Return a functional model: a layer is called twice, and layers are called out of order."""
    layers = room.layers
    start = layers.Input(FLAT, name="start")
    shared = layers.Dense(3, "tanh", name="shared")
    hidden = layers.Dense(6, name="hidden")(start)
    twice = [shared(hidden), shared(start)]
    merged = getattr(layers, merging)(**dict(options), name="merged")(twice)
    inner = room.Sequential([layers.Dense(2, name="first")], name="inner")
    end = layers.Dense(2, "softmax", name="end")(layers.Flatten(name="flat")(inner(merged)))
    model = room.Model(start, end, name="mine")
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize(("name", "options"), MERGING)
def test_functional_models_both_ways(name, options):
    x, theirs = examples(FLAT), branches(keras, name, options)
    ours = from_keras(theirs)
    assert_alike(ours, theirs, x)
    back = ours.to_keras()
    assert_alike(ours, back, x)
    assert_alike(from_keras(back), theirs, x)
    np.testing.assert_array_equal(
        ours.predict(x, verbose=0), branches(nn, name, options).predict(x, verbose=0)
    )


def test_a_functional_model_is_trained_as_there():
    x, y = examples(FLAT), np.eye(2, dtype=np.float32)[RANDOM.integers(0, 2, 9)]
    theirs = branches(keras)
    theirs.get_layer("hidden").trainable = False
    theirs.compile(
        keras.optimizers.SGD(0.1, momentum=0.9), "categorical_crossentropy", metrics=["mae"]
    )
    ours = from_keras(theirs)
    back = ours.to_keras()
    assert_trained_alike(ours, theirs, x, y)
    ours.set_weights(back.get_weights())
    ours.compile(**ours.get_compile_config())  # without states
    assert_trained_alike(ours, back, x, y)


def test_a_functional_model_in_another():
    start = keras.Input(FLAT)
    theirs = keras.Model(start, DENSE(3)(branches(keras)(start)), name="outer")
    x = examples(FLAT)
    ours = from_keras(theirs)
    assert_alike(ours, theirs, x)
    assert_alike(ours, ours.to_keras(), x)


def computed(room, ops, x, y):
    """Return what operators and functions make of two Symbols, in Keras or here."""
    z = (x * 2.0 + y) / 3.0 - x**2 + abs(-y) + 2.0 / (ops.square(x) + 1.0)
    z = ops.tanh(z) * ops.exp(y) + ops.maximum(x, y) - ops.minimum(x, 0.5) + ops.sin(ops.cos(x))
    z = z + ops.mean(z, axis=1, keepdims=True) + ops.sum(z, axis=-1, keepdims=True)
    z = z + ops.max(x, axis=1, keepdims=True) * ops.var(y, axis=1, keepdims=True)
    return room.layers.Dense(2, name="last")(z + ops.sqrt(ops.std(x, axis=-1, keepdims=True)))


def test_operators_both_ways():
    x, y = [examples(FLAT) for _ in range(2)]
    models = []
    for room, ops in ((keras, keras.ops), (nn, np)):
        inputs = [room.layers.Input(FLAT), room.layers.Input(FLAT)]
        models.append(room.Model(inputs, computed(room, ops, *inputs)))
    theirs, ours = models
    ours.set_weights(theirs.get_weights())
    wanted = np.asarray(theirs([x, y]))
    for model in (ours, from_keras(theirs), from_keras(ours.to_keras())):
        np.testing.assert_allclose(model.predict([x, y], verbose=0), wanted, rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(np.asarray(ours.to_keras()([x, y])), wanted, rtol=2e-4, atol=1e-5)


def test_activations_of_symbols():
    x, start = examples(FLAT), keras.Input(FLAT)
    hidden = keras.activations.relu(start, max_value=1.0) + keras.ops.softmax(start)
    theirs = keras.Model(start, keras.activations.sigmoid(hidden) * keras.ops.silu(start))
    np.testing.assert_allclose(
        from_keras(theirs).predict(x, verbose=0), np.asarray(theirs(x)), rtol=2e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({"dropout": 0.2, "value_dim": 5}, {"use_causal_mask": True}),
        ({"output_shape": 4, "use_bias": False}, {"return_attention_scores": True}),
    ],
)
def test_attention(settings, options):
    start = keras.Input((5, 6))
    attention = keras.layers.MultiHeadAttention(2, 3, kernel_regularizer="l2", **settings)
    found = attention(start, value=start, **options)
    end = found[1] if options.get("return_attention_scores") else found
    theirs = keras.Model(start, DENSE(2)(end))
    x = examples((5, 6))
    ours = from_keras(theirs)
    assert_alike(ours, theirs, x)
    assert_alike(ours, ours.to_keras(), x)


def test_a_model_of_several_inputs():
    first, second = keras.Input(FLAT), keras.Input(FLAT)
    merged = keras.layers.Subtract()([DENSE(3)(second), DENSE(3)(first)])
    theirs = keras.Model([first, second], merged)
    inputs = [examples(FLAT), 2 * examples(FLAT)]
    ours = from_keras(theirs)
    wanted = theirs.predict(inputs, verbose=0)
    np.testing.assert_allclose(ours.predict(inputs, verbose=0), wanted, atol=1e-6)
    back = ours.to_keras()
    np.testing.assert_allclose(back.predict(inputs, verbose=0), wanted, atol=1e-6)


def test_functional_models_that_there_are_not_are_refused():
    first = keras.Input(FLAT)
    two = keras.Model(first, {"a": DENSE(1)(first), "b": DENSE(2)(first)}, name="mine")
    with pytest.raises(InputError, match=r"^mine has 2 outputs; a model here has one"):
        from_keras(two)
    operation = keras.Model(first, first[:, :4])
    with pytest.raises(
        InputError, match=r"^get_item\w* \(GetItem\) is an operation that there is n"
    ):
        from_keras(operation)
    part = nn.Input(FLAT)
    with pytest.raises(
        InputError, match=r"^mine, layers cannot be made in Keras: getitem is none "
    ):
        nn.Model(part, part[:, :4], name="mine").to_keras()

    class Net(keras.Sequential):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs)

    with pytest.raises(InputError, match="Sequential or functional model of Keras, got Net"):
        from_keras(Net([DENSE(1)]))


def test_every_layer_is_there():
    known = {name for name in nn.layers.__all__ if isinstance(getattr(nn.layers, name), type)}
    tested = {name for _, row in CASES for name, _ in row} | {name for name, _ in MERGING}
    assert known - {"InputLayer", "Layer", "MultiHeadAttention", "Operation", "Symbol"} == tested


PARTS = [
    *[
        ("initializers", name, {"seed": 3})
        for name in ("GlorotNormal", "GlorotUniform", "HeNormal")
    ],
    *[("initializers", name, {"seed": 3}) for name in ("HeUniform", "LecunNormal", "LecunUniform")],
    ("initializers", "RandomNormal", {"mean": 0.5, "stddev": 0.2}),
    ("initializers", "RandomUniform", {"minval": -0.5, "maxval": 0.2}),
    ("initializers", "TruncatedNormal", {"mean": 0.5, "stddev": 0.2}),
    ("initializers", "VarianceScaling", {"scale": 2.0, "mode": "fan_out"}),
    ("initializers", "Orthogonal", {"gain": 2.0}),
    ("initializers", "Identity", {"gain": 2.0}),
    ("initializers", "Constant", {"value": 2.0}),
    ("initializers", "Zeros", {}),
    ("initializers", "Ones", {}),
    ("regularizers", "L1", {"l1": 0.1}),
    ("regularizers", "L2", {"l2": 0.1}),
    ("regularizers", "L1L2", {"l1": 0.1, "l2": 0.2}),
    ("regularizers", "OrthogonalRegularizer", {"factor": 0.1, "mode": "columns"}),
]


@pytest.mark.parametrize(("room", "name", "settings"), PARTS)
def test_parts_of_layers_both_ways(room, name, settings):
    argument = f"kernel_{room.removesuffix('s')}"
    part = getattr(getattr(keras, room), name)(**settings)
    theirs = keras.Sequential([DENSE(2, **{argument: part})])
    ours = from_keras(theirs)
    for model in (theirs, ours, ours.to_keras()):
        part = getattr(model.layers[0], argument)
        assert type(part).__name__ == name
        for key, value in settings.items():
            found = getattr(part, key, None)
            assert found == (value if isinstance(value, str) else pytest.approx(value))


SCHEDULES = {
    "ExponentialDecay": (0.1, 5, 0.5, True),
    "PiecewiseConstantDecay": ([2, 4], [0.1, 0.05, 0.01]),
    "PolynomialDecay": (0.1, 5, 0.01, 2.0, True),
    "InverseTimeDecay": (0.1, 5, 0.5),
    "CosineDecay": (0.01, 5, 0.1, "warm", 0.1, 3),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_both_ways(name):
    theirs = network(keras, FLAT, LAYERS)
    schedule = getattr(keras.optimizers.schedules, name)(*SCHEDULES[name])
    theirs.compile(keras.optimizers.SGD(schedule), "mse")
    ours = from_keras(theirs)
    back = ours.to_keras().optimizer._learning_rate
    for step in (0, 1, 3, 6, 9):
        wanted = float(schedule(step))
        assert float(ours.optimizer.schedule(step)) == pytest.approx(wanted, rel=1e-5)
        assert float(back(step)) == pytest.approx(wanted, rel=1e-5)


def classes_of(room, name):
    """Return the names of the classes in a room of Keras's, or of ours."""
    found = vars(functools.reduce(getattr, name.split("."), room))
    return {key for key, x in found.items() if isinstance(x, type)}


def test_every_part_is_there():
    tested = {
        "initializers": {name for room, name, _ in PARTS if room == "initializers"},
        "regularizers": {name for room, name, _ in PARTS if room == "regularizers"},
        "optimizers.schedules": SCHEDULES.keys(),
        "optimizers": {type(x).__name__ for x in OPTIMIZERS},
    }
    bases = {"Initializer", "Regularizer", "LearningRateSchedule", "Optimizer"}
    aliases = {"Identity", "IdentityInitializer", "OrthogonalInitializer"}
    for name, names in tested.items():
        both = classes_of(nn, name) & classes_of(keras, name)
        assert both - bases - aliases == names - aliases


LAYERS = [
    ("Dense", {"units": 5, "activation": "tanh"}),
    ("Dense", {"units": 3, "activation": "softplus"}),
]
LOSSES = [
    (keras.losses.Huber, {"delta": 0.5}),
    (keras.losses.CategoricalCrossentropy, {"from_logits": True, "label_smoothing": 0.1}),
    (keras.losses.BinaryCrossentropy, {"from_logits": True, "reduction": "sum"}),
    (keras.losses.CosineSimilarity, {"axis": -1}),
    (keras.losses.KLDivergence, {}),
    (keras.losses.Poisson, {}),
]
METRICS = [
    *(keras.metrics.MeanSquaredError(name="square"), "mae", keras.metrics.R2Score()),
    *(keras.metrics.BinaryAccuracy(threshold=0.3), keras.metrics.F1Score("macro", threshold=0.4)),
    *(keras.metrics.TopKCategoricalAccuracy(k=2), keras.metrics.Precision(thresholds=0.6)),
    keras.metrics.AUC(curve="PR", num_thresholds=50),
]
OPTIMIZERS = [
    keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0),
    keras.optimizers.RMSprop(0.01, rho=0.8, centered=True),
    keras.optimizers.Adagrad(0.1, initial_accumulator_value=0.2),
    keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), amsgrad=True),
    keras.optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=1.0),
    keras.optimizers.Nadam(0.01, beta_1=0.8, clipvalue=0.1),
    keras.optimizers.Lion(0.01, use_ema=True, ema_momentum=0.5),
]


def assert_trained_alike(ours, theirs, x, y):
    for _ in range(5):
        found, wanted = ours.train_on_batch(x, y), theirs.train_on_batch(x, y)
        np.testing.assert_allclose(found, [float(v) for v in wanted], rtol=2e-4, atol=2e-5)
    for found, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("loss", "optimizer"),
    [*[(loss, None) for loss in LOSSES], *[(None, optimizer) for optimizer in OPTIMIZERS]],
)
def test_a_training_goes_as_there(loss, optimizer):
    x, y = examples(FLAT), np.eye(3, dtype=np.float32)[RANDOM.integers(0, 3, 9)]
    theirs = network(keras, FLAT, LAYERS)
    loss = loss[0](**loss[1]) if loss else keras.losses.mean_squared_error
    theirs.compile(optimizer or "sgd", loss, metrics=["mae"])
    ours = from_keras(theirs)
    back = ours.to_keras()
    assert settings_of(back) == settings_of(theirs)
    assert_trained_alike(ours, theirs, x, y)


def settings_of(model):
    """Return the optimizer's settings and the loss of a model of Keras."""
    optimizer = model.get_compile_config()["optimizer"]
    loss = keras.losses.get(model.loss)  # a function for a name
    kept = {key: x for key, x in vars(loss).items() if key in ("reduction", "_fn_kwargs")}
    settings = getattr(loss, "__name__", type(loss).__name__), kept
    return optimizer | {"config": {**optimizer["config"], "name": None}}, settings


def test_metrics_are_theirs():
    x, y = examples(FLAT), np.eye(3, dtype=np.float32)[RANDOM.integers(0, 3, 9)]
    theirs = network(keras, FLAT, [*LAYERS, ("Softmax", {})])
    theirs.compile("sgd", "categorical_crossentropy", metrics=METRICS, weighted_metrics=["mse"])
    ours = from_keras(theirs)
    back = ours.to_keras()
    assert len(ours.metrics_names) == 10
    for model in (theirs, back):
        wanted = model.evaluate(x, y, verbose=0, return_dict=True)
        found = ours.evaluate(x, y, verbose=0, return_dict=True)
        assert found.keys() == wanted.keys()
        for name in found:
            assert found[name] == pytest.approx(float(wanted[name]), rel=2e-5, abs=1e-6)


def test_functions_of_ours_are_theirs():
    ours = nn.Sequential([nn.Input(FLAT), nn.Dense(3, nn.activations.tanh)])
    ours.compile("sgd", nn.losses.mean_squared_error, metrics=[nn.metrics.categorical_accuracy])
    theirs = ours.to_keras()
    assert theirs.layers[0].activation is keras.activations.tanh
    assert theirs.loss is keras.losses.mean_squared_error


def test_models_in_models():
    theirs = keras.Sequential([network(keras, FLAT, LAYERS), DENSE(2, name="last")])
    x = examples(FLAT)
    assert_alike(from_keras(theirs), theirs, x)
    assert_alike(from_keras(theirs), from_keras(theirs).to_keras(), x)


def test_models_without_a_shape():
    theirs = keras.Sequential([DENSE(2)])
    ours = from_keras(theirs)
    assert not ours.built
    assert not ours.to_keras().built
    theirs.layers[0].build((None, 3))
    with pytest.raises(InputError, match="is not built, but a layer of it is; call it on a batch"):
        from_keras(theirs)


def own(y_true, y_pred):
    return (y_true - y_pred) ** 2


class Own(keras.layers.Layer):
    """A user's own layer of Keras."""

    def call(self, inputs):
        return inputs


def relu(x):
    return 2.0 * keras.ops.relu(x)


@pytest.mark.filterwarnings("ignore:You passed .rms_scaling=True")
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            lambda: DENSE(2, relu, name="mine"),
            r"^mine \(Dense\), activation is a function or a class of yours: relu$",
        ),
        (
            lambda: DENSE(2, kernel_initializer=lambda *_: 0, name="mine"),
            r"^mine \(Dense\), kernel_initializer is a function or a class of yours: <lambda>$",
        ),
        (lambda: Own(name="mine"), r"^mine \(Own\) is a layer that there is not here; there are A"),
        (
            lambda: keras.layers.Conv1D(2, 3, name="mine"),
            r"^mine \(Conv1D\) is a layer that there is not here; there are Activation, ",
        ),
        (
            lambda: DENSE(2, kernel_constraint="non_neg", name="mine"),
            r"^mine \(Dense\) has kernel_constraint=.*NonNeg.*, which there is not here$",
        ),
        (
            lambda: DENSE(2, lambda x: x * 2, name="mine"),
            r"^mine \(Dense\), activation is a function or a class of yours",
        ),
        (
            lambda: DENSE(2, kernel_regularizer=own, name="mine"),
            r"^mine \(Dense\), kernel_regularizer is a function or a class of yours: .*own",
        ),
        (
            lambda: DENSE(2, "glu", name="mine"),
            r"^mine \(Dense\) cannot be made here: unknown activation 'glu'",
        ),
        (
            lambda: DENSE(2, dtype="mixed_float16", name="mine"),
            r"^mine \(Dense\), dtype is 'mixed_float16'; there are float16, float32, float64$",
        ),
        (
            lambda: keras.layers.Conv2D(2, 3, dilation_rate=2, name="mine"),
            r"^mine \(Conv2D\) cannot be made here: Conv2D has no dilation_rate",
        ),
        (
            lambda: keras.layers.LayerNormalization(rms_scaling=True, name="mine"),
            r"^mine \(LayerNormalization\) has rms_scaling=True, which there is not here$",
        ),
        (
            lambda: keras.layers.Embedding(2, 3, mask_zero=True, name="mine"),
            r"^mine \(Embedding\) has mask_zero=True, which there is not here$",
        ),
    ],
)
def test_what_there_is_not_is_refused(layer, message):
    with pytest.raises(InputError, match=message):
        from_keras(keras.Sequential([layer()]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": own}, "loss is a function or a class of yours: own; with compile=False it need"),
        ({"loss": "mse", "metrics": [own]}, "metrics is a function or a class of yours: own"),
        ({"loss": "mse", "optimizer": "adadelta"}, "optimizer is Adadelta of keras.optimizers, w"),
        ({"loss": keras.losses.Dice()}, "loss is Dice of keras.losses, which there is not here"),
        ({"loss": "mse", "loss_weights": [2.0]}, r"there is no loss_weights=\[2.0\]"),
        ({"loss": ["mse"], "metrics": [keras.metrics.MeanIoU(2)]}, "metrics is MeanIoU of keras.m"),
        (
            {"loss": "mse", "optimizer": keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)},
            "gradient_accumulation_steps=2",
        ),
    ],
)
def test_what_cannot_be_compiled_is_refused(arguments, message):
    theirs = network(keras, FLAT, LAYERS)
    theirs.compile(**arguments)
    with pytest.raises(InputError, match=f"^mine cannot be compiled here: .*{message}"):
        from_keras(theirs)
    assert_alike(from_keras(theirs, compile=False), theirs, examples(FLAT))


class Mine(nn.Layer):
    """A user's own layer here."""

    def call(self, inputs):
        return inputs * 2.0


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Mine, "layers cannot be made in Keras: Mine is a function or class"),
        (
            lambda: nn.Dense(1, own),
            "activation cannot be made in Keras: own is a function or class",
        ),
        (lambda: nn.Dense(1, lambda x: x), "cannot be made in Keras: .*lambda"),
    ],
)
def test_what_keras_has_not_is_refused(layer, message):
    model = nn.Sequential([nn.Input((3,)), layer()], name="mine")
    with pytest.raises(InputError, match=f"^mine.*{message}"):
        model.to_keras()


def test_the_network_in_the_file_is_of_keras():
    trained = json.loads((Path(__file__).parents[1] / "interop/trained_in_keras.json").read_text())
    layers = [
        getattr(keras.layers, layer["class_name"]).from_config(layer["config"])
        for layer in trained["layers"]
    ]
    theirs = keras.Sequential([keras.Input((6, 6, 1)), *layers], name="trained")
    theirs.set_weights([np.array(w) for w in trained["weights"]])
    theirs.compile_from_config(trained["compile"])
    x, y = np.array(trained["x"]), np.array(trained["y"])
    np.testing.assert_allclose(np.asarray(theirs(x)), trained["outputs"], rtol=1e-5)
    evaluated = [float(v) for v in theirs.evaluate(x, y, verbose=0)]
    np.testing.assert_allclose(evaluated, trained["evaluated"], rtol=1e-5)


def test_what_the_guide_shows(tmp_path, monkeypatch, capsys):
    guide = (Path(__file__).parents[3] / "docs/from-keras.md").read_text("utf-8")
    program, shown = re.search(r"```py\n(.*?)```\n\n```text\n(.*?)```", guide, re.S).groups()
    monkeypatch.chdir(tmp_path)
    layers = [DENSE(3, "sigmoid", name="hidden"), DENSE(1, "sigmoid", name="output")]
    keras.Sequential([keras.Input((2,)), *layers]).save("xor.keras")
    exec(compile(program, "guide.py", "exec"), {})
    *printed, last = capsys.readouterr().out.splitlines()
    assert printed == shown.splitlines()[:-1]  # the last line is about the weights
    assert last.startswith("The largest element of it is ")
