"""Functional models beside Keras's: the same layers in the same order, the same numbers out."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tinygrad_hw import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings(  # Keras's own, of its variables
    "ignore:__array__ implementation:DeprecationWarning"
)
RANDOM = np.random.default_rng(0)
FLAT = RANDOM.normal(scale=0.5, size=(48, 6)).astype(np.float32)
IMAGES = RANDOM.normal(size=(12, 6, 6, 2)).astype(np.float32)
LABELS = {48: RANDOM.integers(0, 3, 48), 12: RANDOM.integers(0, 3, 12)}


def row(layers, x):
    return layers.Dense(4, "relu")(x)


def residual(layers, x):
    """The shorter branch is made first: its weights come later, as Keras has them."""
    short = layers.Dense(6, name="short")(x)
    long = layers.Dense(6, name="long_2")(layers.Dense(5, "tanh", name="long_1")(x))
    return layers.Add()([short, long])


def shared(layers, x):
    layer = layers.Dense(6, "tanh")
    first = layer(x)
    return layers.Concatenate()([layer(first), layers.Dense(2)(first), x])


def normalized(layers, x):
    branch = layers.BatchNormalization()(x)
    return layers.multiply([branch, layers.LayerNormalization()(x)])


def images(layers, x):
    wide = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    return layers.Flatten()(layers.concatenate([wide, layers.Conv2D(2, 1)(x)], axis=-1))


def merged(layers, x):
    a, b, c = [layers.Dense(4, name=name)(x) for name in "abc"]
    return layers.concatenate(
        [
            layers.subtract([a, b]),
            layers.average([a, b, c]),
            layers.maximum([a, b, c]),
            layers.minimum([a, c]),
            layers.dot([a, b], axes=1),
            layers.dot([a, c], axes=-1, normalize=True),
        ]
    )


def broadcast(layers, x):
    """One number for each example, and another number of dimensions."""
    cells = layers.Reshape((3, 2))(x)
    one, pair = layers.Dense(1)(x), layers.Dense(2)(x)
    both = layers.multiply([layers.add([cells, pair]), layers.Reshape((1, 1))(one)])
    return layers.Flatten()(layers.Dot(axes=(1, 1))([both, layers.Reshape((3, 2))(x)]))


def model_of(room, build, x):
    inputs = room.layers.Input(x.shape[1:])
    hidden = build(room.layers, inputs)
    outputs = room.layers.Dense(3, activation="softmax")(hidden)
    model = room.models.Model(inputs=inputs, outputs=outputs)
    model.compile(room.optimizers.SGD(0.03), "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def of_a_model(layers, x):
    """A model of two layers as a layer, called twice."""
    room = keras if layers is keras.layers else nn
    inputs = layers.Input((6,))
    inner = room.models.Model(inputs, layers.Dense(6, "tanh")(layers.Dense(3)(inputs)))
    return layers.add([inner(inner(x)), x])


GRAPHS = [
    row,
    residual,
    shared,
    normalized,
    images,
    merged,
    broadcast,
    of_a_model,
]


@pytest.mark.parametrize("build", GRAPHS)
def test_ten_steps_are_kerass(build):
    keras.utils.set_random_seed(1)
    x = IMAGES if build is images else FLAT
    y = LABELS[len(x)]
    theirs, ours = [model_of(room, build, x) for room in (keras, nn)]
    kinds = [
        [type(layer).__name__.replace("Functional", "Model") for layer in m.layers]
        for m in (theirs, ours)
    ]
    assert kinds[0] == kinds[1]
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    assert [layer.count_params() for layer in ours.layers] == [
        layer.count_params() for layer in theirs.layers
    ]
    assert ours.output_shape == theirs.output_shape
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(x).data, np.asarray(theirs(x)), atol=2e-6)
    for _ in range(10):
        found, expected = ours.train_on_batch(x, y), theirs.train_on_batch(x, y)
        np.testing.assert_allclose(found, [float(v) for v in expected], rtol=2e-5, atol=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_ten_steps_with_two_inputs_are_kerass():
    """The second is used first, and stands deeper: so it is listed first."""
    words = np.random.default_rng(0).integers(0, 7, (48, 3)).astype(np.int32)
    y = LABELS[48]
    keras.utils.set_random_seed(1)
    models = []
    for room in (keras, nn):
        x, second = (
            room.layers.Input((6,), name="x"),
            room.layers.Input((3,), dtype="int32", name="w"),
        )
        table = room.layers.Flatten()(room.layers.Embedding(7, 2)(second))
        joined = room.layers.concatenate([room.layers.Dense(4, "tanh")(table), x])
        model = room.models.Model([x, second], room.layers.Dense(3, "softmax")(joined))
        model.compile(room.optimizers.SGD(0.03), "sparse_categorical_crossentropy")
        models.append(model)
    theirs, ours = models
    kinds = [[type(layer).__name__ for layer in model.layers] for model in models]
    assert kinds[0] == kinds[1]
    assert ours.input_shape == theirs.input_shape
    ours.set_weights(theirs.get_weights())
    for inputs in ([FLAT, words], {"w": words, "x": FLAT}) * 5:
        found, expected = [model.train_on_batch(inputs, y) for model in (ours, theirs)]
        np.testing.assert_allclose(found, float(expected), rtol=2e-5)
    wanted = theirs.predict([FLAT, words], verbose=0)
    np.testing.assert_allclose(ours.predict([FLAT, words]), wanted, atol=1e-6)


@pytest.mark.parametrize("build", [residual, shared, merged])
def test_summaries_say_what_kerass_say(build, monkeypatch):
    """Names, shapes, numbers of parameters and connections, row by row."""
    monkeypatch.setenv("COLUMNS", "200")
    keras.utils.clear_session()
    theirs, ours = [model_of(room, build, FLAT) for room in (keras, nn)]
    texts = [[], []]
    theirs.summary(line_length=200, print_fn=lambda text, **_: texts[0].append(text))
    ours.summary(print_fn=texts[1].append)
    cells = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in texts[0][0].splitlines()
        if line.startswith("│")
    ]
    rows = []
    for cell in cells:  # a row of Keras's may have several lines
        if cell[0]:
            rows.append(cell)
        else:
            rows[-1] = [f"{a} {b}".strip() for a, b in zip(rows[-1], cell, strict=True)]
    wanted = [" ".join(part) for part in rows]
    assert [" ".join(line.split()) for line in texts[1][2:-3]] == wanted
    assert texts[1][-3].startswith("Total params: ")


def test_the_model_of_a_layers_output_is_kerass():
    theirs, ours = [model_of(room, residual, FLAT) for room in (keras, nn)]
    ours.set_weights(theirs.get_weights())
    parts = [
        room.models.Model(model.input, model.get_layer("long_1").output)
        for room, model in ((keras, theirs), (nn, ours))
    ]
    rests = [
        room.models.Model(model.get_layer("long_1").output, model.get_layer("long_2").output)
        for room, model in ((keras, theirs), (nn, ours))
    ]
    assert [layer.name for layer in parts[1].layers][1:] == ["long_1"]
    for model, other in (parts, rests):
        x = FLAT[:, : other.input_shape[1]]
        np.testing.assert_allclose(other.predict(x), model.predict(x, verbose=0), atol=1e-6)


def test_a_model_frozen_at_once_is_frozen_as_kerass():
    for room in (keras, nn):
        x = room.layers.Input((4,))
        for model in (
            room.models.Model(x, room.layers.Dense(2)(x), trainable=False),
            room.models.Sequential([x, room.layers.Dense(2)], trainable=False),
        ):
            assert (len(model.trainable_weights), len(model.weights)) == (0, 2)
