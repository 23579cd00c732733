"""Sequential is built at once, one by one, or on first data."""

import copy
import pickle

import numpy as np
import pytest

from tinygrad_hw.nn import SGD, Dense, Flatten, Model, Sequential
from tinygrad_hw.nn.layers import Embedding, Input, ReLU

SPARSE = "sparse_categorical_crossentropy"
X, Y = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32), np.arange(12) % 3


def layers():
    return [Dense(5, "relu"), Dense(3, "softmax")]


def at_once():
    return Sequential([Input((4,)), *layers()], seed=2)


def by_input_shape():
    return Sequential([Dense(5, "relu", input_shape=(4,)), Dense(3, "softmax")], seed=2)


def one_by_one():
    model = Sequential(seed=2)
    model.add(Input(shape=(4,)))
    for layer in layers():
        model.add(layer)
    return model


def by_build():
    model = Sequential(layers(), seed=2)
    model.build((None, 4))
    return model


def on_first_data():
    return Sequential(layers(), seed=2)


@pytest.mark.parametrize("make", [by_input_shape, one_by_one, by_build, on_first_data])
def test_every_way_of_building_gives_the_same_training(make):
    """Bit for bit: the weights are drawn in the order of the layers."""
    trained = []
    for model in (at_once(), make()):
        model.compile(SGD(0.1), SPARSE)
        model.fit(X, Y, epochs=3, batch_size=4, verbose=0)
        trained.append([*model.get_weights(), model.predict(X)])
    for found, expected in zip(*trained, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_layer_may_be_popped_and_another_added():
    model = Sequential([Input((4,)), Dense(5), Dense(7)])
    kept = model.layers[0].kernel
    assert model.pop().units == 7
    assert model.output_shape == (None, 5)
    model.add(Dense(3, "softmax"))
    model.compile(SGD(0.1), SPARSE)
    model.fit(X, Y, verbose=0)
    assert model.layers[0].kernel is kept
    assert [w.shape for w in model.weights] == [(4, 5), (5,), (5, 3), (3,)]


def test_an_unbuilt_model_has_no_weights_and_says_so_in_its_summary():
    model, lines = Sequential(layers(), name="net"), []
    model.summary(print_fn=lines.append)
    assert lines[0] == 'Model: "net"'
    assert [line.split()[-3:] for line in lines[2:4]] == [["?", "0", "(unbuilt)"]] * 2
    assert lines[4] == "Total params: 0"
    assert (model.built, model.weights) == (False, [])


def test_a_summary_tells_frozen_weights_from_trainable_ones():
    """784 · 128 + 128 and 128 · 10 + 10, as in the homework."""
    model, lines = Sequential([Flatten(input_shape=(28, 28)), Dense(128), Dense(10)]), []
    model.layers[1].trainable = False
    model.summary(print_fn=lines.append)
    assert lines[-3:] == [
        "Total params: 101,770",
        "Trainable params: 1,290",
        "Non-trainable params: 100,480",
    ]


def test_models_and_layers_are_numbered_in_a_process():
    """As the homework prints them: sequential, dense, dense_1; sequential_1, dense_2, dense_3."""
    models = [Sequential([Dense(2), Dense(2)]) for _ in range(2)]
    assert [m.name for m in models] == ["sequential", "sequential_1"]
    assert [x.name for m in models for x in m.layers] == ["dense", "dense_1", "dense_2", "dense_3"]


@pytest.mark.parametrize("make", [at_once, by_input_shape, one_by_one, by_build])
def test_a_part_of_a_row_is_a_model_of_the_same_weights(make):
    """As features are taken from a network that is trained; also when layers come and go."""
    model = make()
    assert (model.input.shape, model.output.shape) == ((None, 4), (None, 3))
    features = Model(model.inputs, model.layers[0].output)
    model.add(Dense(2))
    assert model.pop().output.shape == (None, 2)
    whole = Model(model.input, model.layers[-1].output)
    model.compile(SGD(0.1), SPARSE)
    model.fit(X, Y, epochs=3, verbose=0)
    kernel, bias, last, last_bias = model.get_weights()
    hidden = np.maximum(X @ kernel + bias, 0)
    np.testing.assert_allclose(features.predict(X), hidden, rtol=1e-5, atol=1e-6)
    z = np.exp(hidden @ last + last_bias)
    expected = z / z.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(whole.predict(X), expected, rtol=1e-5, atol=1e-6)
    assert model.flat.is_whole()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        part = Model(other.input, other.layers[0].output)
        np.testing.assert_allclose(part.predict(X), hidden, rtol=1e-5, atol=1e-6)
        other.add(Dense(2))
        assert other.predict(X).shape == (12, 2)


def test_an_input_of_integers_makes_them_of_floats():
    model = Sequential([Input((2,), dtype="int32", name="words"), Embedding(5, 3)], seed=0)
    assert (model.input.name, model.input.dtype) == ("words", np.int32)
    words = np.array([[0, 4]])
    assert model.standardized(words.astype(float)).dtype == np.int32
    np.testing.assert_array_equal(model.predict(words.astype(float)), model.predict(words))


def test_a_model_in_a_model_is_a_layer():
    inner = Sequential([Input((4,)), Dense(5, "relu")])
    model = Sequential([inner, Dense(3, "softmax")])
    model.compile(SGD(0.1), SPARSE)
    before = inner.predict(X)
    model.fit(X, Y, verbose=0)
    assert len(model.weights) == 4
    assert not np.array_equal(inner.predict(X), before)
    np.testing.assert_allclose(inner.predict(X), model.layers[0](X).data, rtol=1e-6)


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (lambda: Sequential([Dense]), ValueError, r"made of layers, got .*; write Dense\(...\)"),
        (lambda: Sequential([3]), ValueError, "made of layers, got 3"),
        (lambda: Sequential([Input((4,)), Input((4,))]), ValueError, "has an input already"),
        (lambda: Sequential([ReLU(name="a"), ReLU(name="a")]), ValueError, "has a layer a already"),
        (
            lambda: Sequential([ReLU()]).get_layer(index=1),
            ValueError,
            "has 1 layers: none of index 1",
        ),
        (lambda: Sequential([ReLU()]).get_layer(index=-2), ValueError, "none of index -2"),
        (lambda: Sequential([ReLU()]).get_layer("a"), ValueError, "has no layer 'a'; it has re_lu"),
        (lambda: Sequential().pop(), ValueError, "has no layers to remove"),
        (lambda: Sequential().predict(X), ValueError, r"has no layers; add\(layer\) first"),
        (lambda: Sequential([Dense(2)]).output_shape, AttributeError, "is not built"),
        (lambda: Sequential([Dense(2)]).input, AttributeError, "sequential has no input"),
        (lambda: Sequential([Dense(2)]).layers[0].output, AttributeError, "dense has no output"),
    ],
)
def test_errors(attempt, error, message):
    with pytest.raises(error, match=message):
        attempt()
