"""Models of an ``Input`` and an output: graphs of layers, as Keras's functional models."""

import copy
import pickle

import numpy as np
import pytest

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn import SGD, Adam, Dense, Flatten, Input, Layer, Model, Sequential
from tinygrad_hw.nn.callbacks import BackupAndRestore, EarlyStopping, LambdaCallback
from tinygrad_hw.nn.layers import (
    Add,
    BatchNormalization,
    Dropout,
    Embedding,
    InputLayer,
    Rescaling,
    Symbol,
    add,
    concatenate,
)
from tinygrad_hw.nn.models import load_model, model_from_json

SPARSE = "sparse_categorical_crossentropy"
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(24, 4)).astype(np.float32), np.arange(24) % 3
PATH = "m.safetensors"


def residual(last="softmax", dropout=0.0):
    """Two layers beside one, the second called twice."""
    x = Input((4,))
    shared = Dense(4, "tanh", name="shared")
    branch = Dropout(dropout, seed=3)(shared(shared(x)))
    joined = add([branch, Dense(4, name="short")(x)])
    return Model(x, Dense(3, last, name="last")(concatenate([joined, x])), name="net", seed=0)


def outputs_of(weights, x):
    """The same network in NumPy and float64, from the weights by name; its probabilities."""
    w = {name: np.asarray(values, np.float64) for name, values in weights.items()}
    hidden = x
    for _ in range(2):
        hidden = np.tanh(hidden @ w["shared/kernel"] + w["shared/bias"])
    joined = hidden + x @ w["short/kernel"] + w["short/bias"]
    z = np.hstack([joined, x]) @ w["last/kernel"] + w["last/bias"]
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def weights_of(model):
    return {value.label: np.array(value.raw, np.float64) for value in model.weights}


def trained(model, epochs=3, **settings):
    model.compile(SGD(0.1), SPARSE, metrics=["accuracy"])
    model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, **settings)
    return model


def assert_same(model, other, x=X):
    for found, wanted in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(model.predict(x), other.predict(x))


# --- What it computes -----------------------------------------------------------------------------


def test_the_first_lines_of_keras():
    x = Input((28, 28))
    model = Model(inputs=x, outputs=Dense(10)(Flatten()(x)))
    assert (model.input_shape, model.output_shape) == ((None, 28, 28), (None, 10))
    assert (model.input, model.output.shape, model.built) == (x, (None, 10), True)
    images = RANDOM.normal(size=(3, 28, 28))
    kernel, bias = model.get_weights()
    expected = images.reshape(3, 784) @ kernel + bias
    np.testing.assert_allclose(model.predict(images), expected, rtol=1e-4, atol=1e-5)


def test_a_row_of_layers_is_trained_as_by_sequential():
    """Bit for bit, from the same weights: metrics, loss of logits and order of examples."""
    x = Input((4,))
    functional = Model(x, Dense(3, "softmax")(Dense(5, "relu")(x)), seed=2)
    sequential = Sequential([Input((4,)), Dense(5, "relu"), Dense(3, "softmax")], seed=2)
    functional.set_weights(sequential.get_weights())
    histories = [trained(m).history.history for m in (functional, sequential)]
    assert histories[0] == histories[1]
    assert_same(functional, sequential)
    assert functional.evaluate(X, Y, verbose=0) == sequential.evaluate(X, Y, verbose=0)
    assert functional.train_on_batch(X, Y) == sequential.train_on_batch(X, Y)
    np.testing.assert_array_equal(functional.predict_classes(X), sequential.predict_classes(X))


@pytest.mark.parametrize("last", ["softmax", "linear"])
def test_gradients_of_a_graph_are_its_slopes(last):
    """Central differences of the network in NumPy; a weight used twice gets both parts."""
    model = residual(last)
    from_logits = last == "linear"
    loss = SPARSE if not from_logits else "mse"
    model.compile(SGD(0.0), loss)
    targets = Y if not from_logits else np.eye(3)[Y]

    def loss_of(weights):
        p = outputs_of(weights, X)
        if not from_logits:
            return -np.log(p[np.arange(24), Y]).mean()
        w = weights
        hidden = X
        for _ in range(2):
            hidden = np.tanh(hidden @ w["shared/kernel"] + w["shared/bias"])
        z = np.hstack([hidden + X @ w["short/kernel"] + w["short/bias"], X])
        return ((z @ w["last/kernel"] + w["last/bias"] - targets) ** 2).mean()

    weights = weights_of(model)
    assert model.train_on_batch(X, targets) == pytest.approx(loss_of(weights), rel=1e-5)
    for value in model.weights:
        slopes = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            sides = []
            for h in (1e-5, -1e-5):
                moved = {name: w.copy() for name, w in weights.items()}
                moved[value.label][index] += h
                sides.append(loss_of(moved))
            slopes[index] = (sides[0] - sides[1]) / 2e-5
        np.testing.assert_allclose(value.grad, slopes, rtol=1e-3, atol=1e-5)


def test_probabilities_near_zero_are_learned_from_logits():
    """-log p of a softmax of 200 and 0 is 200; from float32 probabilities, 0, it would be inf."""
    x = Input((1,))
    model = Model(x, Dense(2, "softmax", kernel_initializer="zeros")(x))
    model.set_weights([np.zeros((1, 2)), [200.0, 0.0]])
    model.compile(SGD(0.0), SPARSE)
    assert model.evaluate(np.ones((4, 1)), np.ones(4, int), verbose=0) == pytest.approx(200)


def test_a_layer_called_twice_shares_its_weights():
    model = residual()
    shapes = [(value.label, value.shape) for value in model.weights]
    assert shapes[:2] == [("shared/kernel", (4, 4)), ("shared/bias", (4,))]
    assert len(shapes) == 6
    np.testing.assert_allclose(model.predict(X), outputs_of(weights_of(model), X), atol=1e-6)


def test_random_layers_draw_in_training_alone():
    model = trained(residual(dropout=0.5))
    np.testing.assert_allclose(model.predict(X), outputs_of(weights_of(model), X), atol=1e-6)
    assert not np.array_equal(model(X, training=True).data, model(X).data)
    again = residual(dropout=0.5)
    assert np.isfinite(trained(again).history.history["loss"]).all()


def test_options_of_a_call_are_kept():
    """A normalization that is told not to train leaves its averages, as when fine-tuning."""
    x = Input((4,))
    frozen, free = BatchNormalization(), BatchNormalization()
    model = Model(x, Dense(3, "softmax")(free(frozen(x, training=False))))
    trained(model)
    np.testing.assert_array_equal(frozen.moving_mean.data, np.zeros(4))
    assert not np.array_equal(free.moving_mean.data, np.zeros(4))


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_integers_stay_integers_where_the_first_layers_take_them(dtype):
    words = RANDOM.integers(0, 7, (5, 3))
    x = Input((3,), dtype=dtype)
    table = Embedding(7, 2)
    model = Model(x, Flatten()(table(x)))
    expected = table.embeddings.data[words].reshape(5, 6)
    for given in (words, words.astype(np.float64), words.tolist()):
        np.testing.assert_array_equal(model.predict(given), expected)
        assert model.standardized(given).dtype == dtype
    x = Input((2,))
    pixels = np.array([[0, 255]], np.uint8)
    assert Model(x, Rescaling(1 / 255)(x)).standardized(pixels).dtype == np.uint8
    assert Model(x, Flatten()(x)).standardized(pixels).dtype == np.float32
    both = Model(x, add([Rescaling(1.0)(x), Flatten()(x)]))
    np.testing.assert_array_equal(both.predict(pixels), [[0, 510]])


def test_lengths_may_be_unknown():
    x = Input((None, 4))
    model = Model(x, add([Dense(2)(x), Dense(2)(x)]))
    assert model.output_shape == (None, None, 2)
    assert [model.predict(np.ones((2, n, 4))).shape for n in (1, 5)] == [(2, 1, 2), (2, 5, 2)]


# --- Several inputs -------------------------------------------------------------------------------

WORDS = RANDOM.integers(0, 7, (24, 2))


def two_inputs(dropout=0.0):
    """Numbers and words; the words are declared second and used first."""
    x, words = Input((4,), name="x"), Input((2,), dtype="int32", name="words")
    embedded = Flatten()(Embedding(7, 3, name="table")(words))
    hidden = Dropout(dropout, seed=3)(Dense(5, "tanh", name="dense")(x))
    model = Model([x, words], Dense(3, "softmax", name="last")(concatenate([embedded, hidden])))
    model.compile(SGD(0.1, momentum=0.9), SPARSE, metrics=["accuracy"])
    return model


def two_inputs_in_numpy(model, x, words):
    w = weights_of(model)
    hidden = np.tanh(x @ w["dense/kernel"] + w["dense/bias"])
    joined = np.hstack([w["table/embeddings"][words].reshape(len(x), 6), hidden])
    p = np.exp(joined @ w["last/kernel"] + w["last/bias"])
    return p / p.sum(axis=1, keepdims=True)


def test_several_inputs_are_given_in_a_list_or_by_name():
    model = two_inputs()
    assert (model.input_shape, model.input_names) == ([(None, 4), (None, 2)], ["x", "words"])
    assert (model.input, [part.shape for part in model.inputs]) == (model.inputs, model.input_shape)
    for _ in range(3):
        expected = two_inputs_in_numpy(model, X, WORDS)
        for inputs in ([X, WORDS], (X, WORDS.astype(float)), {"words": WORDS, "x": X}):
            np.testing.assert_allclose(model.predict(inputs), expected, atol=1e-6)
        np.testing.assert_allclose(model([X, WORDS]).data, expected, atol=1e-6)
        loss, accuracy = model.evaluate([X, WORDS], Y, verbose=0)
        assert loss == pytest.approx(-np.log(expected[np.arange(24), Y]).mean(), rel=1e-5)
        assert accuracy == np.mean(expected.argmax(axis=1) == Y)
        model.fit([X, WORDS], Y, batch_size=8, verbose=0)
    assert model.predict([X, WORDS], batch_size=5).shape == (24, 3)
    assert model.predict([X[:0], WORDS[:0]]).shape == (0, 3)


def test_examples_of_several_inputs_stay_together_when_they_are_shuffled():
    """Each has its number in both; the sum of their difference is the loss, 0."""
    x, y = Input((1,)), Input((1,))
    numbers = np.arange(24.0).reshape(24, 1)
    model = Model([x, y], (x - y) ** 2 + 0.0 * Dense(1)(x))
    model.compile("sgd", lambda target, found: (found + target * 0.0)[:, 0])
    history = model.fit([numbers, numbers], numbers, batch_size=5, epochs=3, verbose=0)
    assert history.history["loss"] == [0.0] * 3


def test_a_generator_and_validation_data_have_several_inputs_too():
    model, other = two_inputs(), two_inputs()
    other.set_weights(model.get_weights())
    parts = [(([X[i : i + 8], WORDS[i : i + 8]], Y[i : i + 8])) for i in (0, 8)]
    held = ({"x": X[16:], "words": WORDS[16:]}, Y[16:])
    found = model.fit(parts_of(parts), validation_data=held, verbose=0).history
    settings = {"batch_size": 8, "shuffle": False, "validation_split": 1 / 3, "verbose": 0}
    wanted = other.fit([X, WORDS], Y, **settings).history
    assert found == wanted
    np.testing.assert_array_equal(model.predict([X, WORDS]), other.predict([X, WORDS]))


def parts_of(parts):
    yield from parts


@pytest.mark.parametrize("way", ["file", "pickle", "deepcopy"])
def test_a_model_of_several_inputs_is_saved_and_copied(way, tmp_path):
    model = two_inputs(dropout=0.3)
    model.fit([X, WORDS], Y, batch_size=8, epochs=2, verbose=0)
    if way == "file":
        model.save(tmp_path / PATH)
        other = load_model(tmp_path / PATH)
    else:
        other = pickle.loads(pickle.dumps(model)) if way == "pickle" else copy.deepcopy(model)
    for each in (model, other):
        each.fit([X, WORDS], Y, batch_size=8, epochs=2, verbose=0)
    assert_same(other, model, [X, WORDS])


def test_a_model_of_several_inputs_is_a_layer():
    inner = two_inputs()
    words, x = Input((2,), dtype="int32"), Input((4,))
    model = Model([words, x], inner([x, words]))
    np.testing.assert_array_equal(model.predict([WORDS, X]), inner.predict([X, WORDS]))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (X, "net takes 2 inputs, in a list or in a dict by the names x, words; got one of ndarray"),
        ([X], "got a list of 1"),
        ({"x": X, "word": WORDS}, "got a dict of x, word"),
        ([X, X], r"expected examples of shape \(n, 2\), got \(24, 4\)"),
        ([X, WORDS[:5]], r"net got inputs of \[24, 5\] examples"),
    ],
)
def test_other_inputs_are_refused(inputs, message):
    model = two_inputs()
    model.name = "net"
    for use in (model.predict, lambda x: model.fit(x, Y, verbose=0)):
        with pytest.raises(ValueError, match=message):
            use(inputs)


@pytest.mark.parametrize("inputs", [X, [X], Input((4,)), {"x": X, "words": WORDS}])
def test_a_call_takes_all_inputs_in_one_list(inputs):
    with pytest.raises(ValueError, match="a model of 2 inputs got 1; give them in one list"):
        two_inputs()(inputs)


# --- Operators and NumPy's functions --------------------------------------------------------------

FACTORS = np.array([1.0, -2.0, 0.5, 3.0])


def in_place(x, h):
    y = x * 1.0
    y += h
    y *= 2.0
    return y - x


EXPRESSIONS = {
    "arithmetic": lambda x, h: (x + h) * 2.0 - h / (3.0 + x * x) + (-x) ** 2,
    "constants": lambda x, h: FACTORS * x + h - np.float32(0.1) * FACTORS,
    "functions": lambda x, h: np.maximum(np.tanh(x), np.exp(-np.abs(h))),
    "matrix": lambda x, h: x @ np.eye(4)[:, ::-1] + h,
    "axes": lambda x, h: np.mean(x, axis=2, keepdims=True) * h - np.sum(h, (1, 2), keepdims=True),
    "parts": lambda x, h: x[:, 1:] + h[..., :2, :1] * x[:, -1, None],
    "joined": lambda x, h: np.concatenate([x, h, x[:, :1]], axis=1),
    "shapes": lambda x, h: np.transpose(np.reshape(x, (-1, 4, 3)), (0, 2, 1)) + h,
    "choice": lambda x, h: np.where(x > 0.1, x, np.clip(h, -0.5, 0.5)),
    "linear algebra": lambda x, h: x / np.linalg.norm(h, axis=-1, keepdims=True),
    "in place": in_place,
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_symbols_take_operators_and_numpys_functions(name):
    expression = EXPRESSIONS[name]
    x = Input((3, 4))
    outputs = expression(x, Dense(4, name="h")(x))
    model = Model(x, outputs)
    batch = np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)
    kernel, bias = model.get_weights()
    expected = expression(batch.astype(np.float64), batch.astype(np.float64) @ kernel + bias)
    assert outputs.shape == (None, *expected.shape[1:])
    assert (model.predict(batch).dtype, model.output_shape) == (np.float32, outputs.shape)
    np.testing.assert_allclose(model.predict(batch), expected, rtol=1e-5, atol=1e-5)
    again = model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(batch), model.predict(batch))


def test_lengths_that_are_unknown_stay_unknown():
    x = Input((None, 4))
    assert np.mean(x, axis=1).shape == (None, 4)
    assert (x[:, 1:] * 2.0).shape == (None, None, 4)
    assert x[:, 0].shape == (None, 4)
    assert np.concatenate([x, x], axis=2).shape == (None, None, 8)


def test_operators_make_layers_with_numpys_names():
    x = Input((4,))
    model = Model(x, np.tanh(x + x) + x[:, :1])
    names = [(layer.name, layer.function) for layer in model.layers[1:]]
    assert names == [("add", "add"), ("tanh", "tanh"), ("getitem", "getitem"), ("add_1", "add")]
    assert x != Input((4,))
    assert x in [x]


# --- Layers, parts and models in models -----------------------------------------------------------


def test_layers_are_in_kerass_order_the_deepest_first():
    """Not in that of their making: the short branch was made before the two of the long one."""
    x = Input((4,), name="x")
    short = Dense(2, name="short")(x)
    long = Dense(2, name="long_2")(Dense(2, name="long_1")(x))
    model = Model(x, Add(name="sum")([short, long]))
    names = ["x", "long_1", "short", "long_2", "sum"]
    assert [layer.name for layer in model.layers] == names
    assert [value.label.partition("/")[0] for value in model.weights[::2]] == names[1:4]
    assert isinstance(model.layers[0], InputLayer)
    assert model.get_layer("long_1") is model.get_layer(index=1)
    with pytest.raises(ValueError, match="has no layer 'y'; it has x, long_1, short, long_2, sum"):
        model.get_layer("y")


def test_a_summary_says_whose_outputs_a_layer_takes():
    lines = []
    residual().summary(print_fn=lines.append)
    assert [" ".join(line.split()) for line in lines] == [
        'Model: "net"',
        "Layer (type) Output Shape Param # Connected to",
        "input_layer (InputLayer) (None, 4) 0 -",
        "shared (Dense) (None, 4) 20 input_layer[0][0], shared[0][0]",
        "dropout (Dropout) (None, 4) 0 shared[1][0]",
        "short (Dense) (None, 4) 20 input_layer[0][0]",
        "add (Add) (None, 4) 0 dropout[0][0], short[0][0]",
        "concatenate (Concatenate) (None, 8) 0 add[0][0], input_layer[0][0]",
        "last (Dense) (None, 3) 27 concatenate[0][0]",
        "Total params: 67",
        "Trainable params: 67",
        "Non-trainable params: 0",
    ]


def test_a_summary_of_a_row_has_three_columns():
    x = Input((4,))
    lines = []
    Model(x, Dense(2)(x)).summary(print_fn=lines.append)
    assert lines[0] == 'Model: "functional"'
    assert "Connected" not in lines[1]
    assert lines[2].split() == ["input_layer", "(InputLayer)", "(None,", "4)", "0"]


def test_a_part_of_a_model_is_a_model_of_the_same_weights():
    model = residual()
    features = Model(model.input, model.get_layer("add").output)
    head = Model(model.get_layer("add").output, Dense(1)(model.get_layer("add").output))
    assert [layer.name for layer in head.layers] == ["input_layer_1", "dense"]
    before = features.predict(X)
    trained(model)
    after = features.predict(X)
    assert not np.array_equal(before, after)
    w = weights_of(model)
    hidden = X
    for _ in range(2):
        hidden = np.tanh(hidden @ w["shared/kernel"] + w["shared/bias"])
    expected = hidden + X @ w["short/kernel"] + w["short/bias"]
    np.testing.assert_allclose(after, expected, atol=1e-6)
    assert head.predict(after).shape == (24, 1)


def test_two_models_of_the_same_layers_train_the_same_weights():
    model = residual()
    other = Model(model.input, model.output)
    for each in (model, other, model, other):
        before = [m.evaluate(X, Y, verbose=0)[0] for m in map(compiled, (model, other))]
        assert before[0] == before[1]
        trained(each)
        assert each.evaluate(X, Y, verbose=0)[0] < before[0]


def test_a_model_that_is_only_looked_at_leaves_the_weights_where_they_are(tmp_path):
    """In the memory of the model that is trained; a model that is compiled takes them."""
    model = residual()
    Model(model.input, model.get_layer("add").output)
    assert compiled(model).flat.is_whole()
    part = Model(model.input, model.get_layer("add").output)
    assert (model.flat.is_whole(), part.flat.is_whole()) == (True, False)
    trained(model)
    model.save(tmp_path / PATH)
    assert_same(load_model(tmp_path / PATH), model)
    part.compile("adam", "mse")
    assert (model.flat.is_whole(), part.flat.is_whole()) == (False, True)
    assert compiled(model).flat.is_whole()


def compiled(model):
    model.compile(SGD(0.1), SPARSE, metrics=["accuracy"])
    return model


@pytest.mark.parametrize("kind", ["functional", "sequential", "own"])
def test_a_model_is_a_layer_of_another(kind):
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(4, "tanh")

        def call(self, inputs):
            return self.dense(inputs)

    inner_x = Input((4,))
    inner = {
        "functional": lambda: Model(inner_x, Dense(4, "tanh")(inner_x)),
        "sequential": lambda: Sequential([Dense(4, "tanh")]),
        "own": Own,
    }[kind]()
    x = Input((4,))
    model = Model(x, Dense(3, "softmax")(inner(inner(x))))
    assert model.layers[1] is inner
    assert len(model.weights) == 4
    kernel, bias, last, last_bias = [w.astype(np.float64) for w in model.get_weights()]
    z = np.tanh(np.tanh(X @ kernel + bias) @ kernel + bias) @ last + last_bias
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(X), p, atol=1e-6)
    first = model.evaluate(X, Y, verbose=0)[0] if trained(model, epochs=0) else None
    assert trained(model).evaluate(X, Y, verbose=0)[0] < first
    assert inner.predict(X).shape == (24, 4)


def test_a_model_of_another_shape_of_inputs():
    """The model is called with a Symbol of longer inputs than its own unknown ones."""
    x = Input((None, 4))
    model = Model(x, Dense(2)(x))
    assert model(Input((7, 4))).shape == (None, 7, 2)
    assert model.compute_output_shape((None, 3, 4)) == (None, 3, 2)


def test_a_subclass_may_be_made_of_inputs_and_outputs():
    class Mine(Model):
        def __init__(self, units, **options):
            self.units = units
            x = Input((4,))
            super().__init__(x, Dense(units, "softmax")(x), **options)

    model = trained(Mine(3, name="mine"))
    assert (model.name, model.output_shape, Mine(2).name) == ("mine", (None, 3), "mine")
    loaded = model_from_json(model.to_json(), {"Mine": Mine})
    loaded.set_weights(model.get_weights())
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_frozen_layers_are_not_trained():
    model = residual()
    model.get_layer("shared").trainable = False
    assert [value.label for value in model.non_trainable_weights] == [
        "shared/kernel",
        "shared/bias",
    ]
    before = model.get_layer("shared").get_weights()
    rebuilt = Model(model.input, model.output)
    trained(rebuilt)
    for found, wanted in zip(model.get_layer("shared").get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, wanted)
    x = Input((4,))
    for frozen in (Model(x, Dense(2)(x), trainable=False), Sequential([Dense(2)], trainable=False)):
        frozen.build((None, 4))
        assert (len(frozen.weights), frozen.trainable_weights) == (2, [])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_fine_tuning_trains_what_was_frozen_before(optimizer, tmp_path):
    """As Keras's guide has it: a trained base, frozen under a new head; then both are trained."""
    base = Sequential([Input((4,)), Dense(8, "relu"), BatchNormalization()])
    base.trainable = False
    x = Input((4,))
    model = Model(x, Dense(3, "softmax")(base(x, training=False)))
    model.compile(optimizer, SPARSE)
    before = base.get_weights()
    model.fit(X, Y, epochs=2, verbose=0)
    for found, wanted in zip(base.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, wanted)
    base.trainable = True
    model.compile(optimizer, SPARSE)
    model.fit(X, Y, epochs=2, verbose=0)
    after = base.get_weights()
    changed = [not np.array_equal(a, b) for a, b in zip(after, before, strict=True)]
    assert changed == [True] * 4 + [False] * 2  # the averages are those of the base's training
    base.layers[0].trainable = False
    model.compile(optimizer, SPARSE)
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(tmp_path / PATH)
    assert_same(load_model(tmp_path / PATH), model)
    changed = [not np.array_equal(a, b) for a, b in zip(base.get_weights(), after, strict=True)]
    assert changed == [False] * 2 + [True] * 2 + [False] * 2


def test_what_was_added_to_the_loss_by_layers_counts():
    """0.01 · Σ|outputs| / n, of a hidden layer and of the last, whose loss is that of logits."""
    x = Input((4,))
    hidden = Dense(4, "relu", activity_regularizer="l1", name="hidden")(x)
    model = Model(x, Dense(3, "softmax", activity_regularizer="l1")(hidden))
    model.compile(SGD(0.0), SPARSE)
    p = model.predict(X).astype(np.float64)
    added = 0.01 * (Model(x, hidden).predict(X).sum() + p.sum()) / 24
    expected = -np.log(p[np.arange(24), Y]).mean() + added
    assert model.train_on_batch(X, Y) == pytest.approx(expected, rel=1e-5)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(expected, rel=1e-5)


# --- Files and copies -----------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["file", "pickle", "deepcopy"])
def test_a_training_goes_on_as_if_it_had_not_been_copied(way, tmp_path):
    """Optimizer, order of examples and dropout included, bit for bit."""
    model = residual(dropout=0.3)
    model.compile(Adam(0.01), SPARSE, metrics=["accuracy"])
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    if way == "file":
        model.save(tmp_path / PATH)
        other = load_model(tmp_path / PATH)
    else:
        other = pickle.loads(pickle.dumps(model)) if way == "pickle" else copy.deepcopy(model)
    assert_same(other, model)
    for each in (model, other):
        each.fit(X, Y, batch_size=8, epochs=3, verbose=0)
    assert_same(other, model)
    texts = [[], []]
    for each, lines in zip((model, other), texts, strict=True):
        each.summary(print_fn=lines.append)
    assert texts[0] == texts[1]
    assert other.input is not model.input
    part = Model(other.input, other.get_layer("add").output)
    expected = Model(model.input, model.get_layer("add").output).predict(X)
    np.testing.assert_array_equal(part.predict(X), expected)


def test_the_text_makes_a_new_model_of_the_same_graph():
    model = residual()
    for made in (model_from_json(model.to_json()), Model.from_config(model.get_config())):
        assert made.to_json() == model.to_json()
        made.set_weights(model.get_weights())
        np.testing.assert_array_equal(made.predict(X), model.predict(X))


def test_a_model_in_a_model_is_saved_with_it(tmp_path):
    x, inner_x = Input((4,)), Input((4,))
    inner = Model(inner_x, add([Dense(4, "tanh")(inner_x), inner_x]), name="inner")
    model = trained(Model(x, Dense(3, "softmax")(inner(inner(x)))))
    model.save(tmp_path / PATH)
    loaded = load_model(tmp_path / PATH)
    assert_same(loaded, model)
    assert [layer.name for layer in loaded.get_layer("inner").layers][1:] == ["dense", "add"]


def test_a_deep_graph_is_copied_saved_and_run():
    """A thousand layers, beyond Python's recursion limit."""
    x = hidden = Input((1,))
    for i in range(1001):
        hidden = Rescaling(1.0, 1.0 if i else 0.0)(hidden)
    model = Model(x, hidden)
    assert model.predict([[1.0]]) == [[1001.0]]
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert len(other.layers) == 1002
    assert model_from_json(model.to_json()).predict([[2.0]]) == [[1002.0]]


def test_a_layer_is_copied_without_the_graph_that_it_is_in():
    model = residual()
    layer = copy.deepcopy(model.get_layer("short"))
    with pytest.raises(AttributeError, match="short has no output: it was called with no Input"):
        layer.output  # noqa: B018
    assert layer(Input((4,))).shape == (None, 4)


def test_an_interrupted_training_is_restored(tmp_path):
    def model():
        return compiled(residual(dropout=0.3))

    def stop(epoch, logs):
        if epoch == 1:
            raise RuntimeError("cut off")

    whole, broken, again = model(), model(), model()
    again.set_weights(whole.get_weights())
    broken.set_weights(whole.get_weights())
    whole.fit(X, Y, epochs=4, batch_size=8, verbose=0)
    backup = BackupAndRestore(tmp_path)
    with pytest.raises(RuntimeError, match="cut off"):
        broken.fit(
            X, Y, epochs=4, batch_size=8, verbose=0,
            callbacks=[backup, LambdaCallback(on_epoch_end=stop)],
        )  # fmt: skip
    again.fit(X, Y, epochs=4, batch_size=8, verbose=0, callbacks=[BackupAndRestore(tmp_path)])
    assert_same(again, whole)


def test_best_weights_are_restored():
    model = compiled(residual())
    stopping = EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
    before = model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, epochs=5, batch_size=24, callbacks=stopping, verbose=0)
    assert model.evaluate(X, Y, verbose=0)[0] < before[0]
    assert len(model.history.epoch) == 2


# --- What is refused ------------------------------------------------------------------------------


class Nothing(Layer):
    def call(self, inputs):
        return inputs


X0 = Input((4,), name="x0")
OTHER = Input((4,), name="other")


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (lambda: Model([X0, X0], add([X0, X0])), ValueError, "got one of the inputs twice"),
        (lambda: Model([], add([X0, X0])), ValueError, r"got inputs=\[\]"),
        (
            lambda: Model(X0, [Dense(1)(X0), Dense(2)(X0)]),
            ValueError,
            "has one output here, got 2; make a model of each",
        ),
        (lambda: Model(X0, None), ValueError, "got outputs=None"),
        (lambda: Model(outputs=Dense(1)(X0)), ValueError, "got inputs=None"),
        (lambda: Model({"a": X0}, Dense(1)(X0)), ValueError, "got inputs={'a': <Symbol shape="),
        (
            lambda: Model(X0, add([X0, OTHER])),
            ValueError,
            "depend on <Symbol .* name=other>, beside",
        ),
        (
            lambda: Model(X0, Dense(1)(OTHER)),
            ValueError,
            "beside the model's inputs, x0",
        ),
        (lambda: Model(X0, X0), ValueError, "the outputs are the inputs: there is no layer"),
        (
            lambda: Model(X0, Symbol((None, 3))),
            ValueError,
            "takes an Input, or a list of them, and",
        ),
        (
            lambda: Model(X0, Nothing(name="a")(Nothing(name="a")(X0))),
            ValueError,
            "two layers are named a; give each its own name=",
        ),
        (lambda: Model().input, AttributeError, "has no input: it was called with no Input"),
        (lambda: Dense(1, name="a").output, AttributeError, "a has no output: it was called with"),
        (lambda: np.asarray(X0), TypeError, "call a layer with it, or give it to Sequential"),
        (lambda: float(X0), TypeError, "must be a string or a real number, not 'Symbol'"),
        (lambda: list(X0), TypeError, r"no data to go through; take parts, such as x\[:, 0\]"),
        (lambda: 1 if X0 > 0 else 2, TypeError, "has no data: it is neither true nor false"),
        (lambda: np.add.reduce(X0), TypeError, r"has no np.add.reduce; call np.sum or so"),
        (lambda: np.unique(X0), TypeError, "no layer of 'unique': it is not differentiated here"),
        (lambda: np.sum(X0), ValueError, "sum got .*: one number is made of a batch; give"),
        (
            lambda: X0[[0, 1]],
            TypeError,
            r"whole numbers, slices, None and ... as index, got \[0, 1",
        ),
        (
            lambda: X0 + Input((3,)),
            ValueError,
            r"add.* got Symbols of shapes \(None, 4\), \(None, 3",
        ),
        (
            lambda: residual().predict(np.ones((2, 5))),
            ValueError,
            r"expected examples of shape \(n",
        ),
    ],
)
def test_errors(attempt, error, message):
    with pytest.raises(error, match=message):
        attempt()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"inputs": [0]', '"inputs": [1]'),
        ('"inputs": [0]', '"inputs": [99]'),
        ('"outputs": {"node": 7', '"outputs": {"node": 8'),
        ('"layer": 1', '"layer": "x"'),
        ('"function": "tanh"', '"function": "save"'),
        ('{"room": "layers", "class_name": "Add"', '{"room": "losses", "class_name": "Poisson"'),
    ],
)
def test_texts_of_no_graph_are_refused(old, new):
    model = residual()
    text = model.to_json() if "function" not in old else Model(X0, np.tanh(X0)).to_json()
    assert old in text
    with pytest.raises(InputError, match="cannot be made as the file says"):
        model_from_json(text.replace(old, new))
