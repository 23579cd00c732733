"""MultiHeadAttention beside Keras's: the same weights in, the same data, the same numbers out."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tinygrad_hw import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings(  # Keras's own, of its variables
    "ignore:__array__ implementation:DeprecationWarning"
)
RANDOM = np.random.default_rng(0)
MASK = RANDOM.random((4, 5, 3)) > 0.4
MASK[:, :, 0] = True  # every query may look somewhere
PLACES = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 1]], bool)
SELF, CROSS = [(4, 5, 6)] * 2, [(4, 5, 6), (4, 3, 2)]
CASES = {
    "self": (SELF, {}, {}),
    "cross": (CROSS, {}, {}),
    "key": ([(4, 5, 6), (4, 3, 2), (4, 3, 7)], {"value_dim": 2}, {}),
    "no bias": (CROSS, {"use_bias": False, "value_dim": 5}, {}),
    "width": (CROSS, {"output_shape": 4}, {}),
    "shape": (CROSS, {"output_shape": (2, 3)}, {}),
    "mask": (CROSS, {}, {"attention_mask": MASK}),
    "mask of numbers": (CROSS, {}, {"attention_mask": MASK.astype(int)}),
    "mask of a head": (
        CROSS,
        {},
        {"attention_mask": np.stack([MASK, np.ones_like(MASK)], axis=1)},
    ),
    "causal": (SELF, {}, {"use_causal_mask": True}),
    "causal, cross": (CROSS, {}, {"use_causal_mask": True}),
    "places": (CROSS, {}, {"value_mask": PLACES}),
    "all masks": (
        CROSS,
        {},
        {
            "value_mask": PLACES,
            "key_mask": MASK[:, 0],
            "attention_mask": MASK,
            "use_causal_mask": True,
        },
    ),
    "images": ([(4, 5, 2, 6), (4, 3, 2, 6)], {}, {}),
    "rows": ([(4, 5, 2, 6), (4, 5, 3, 6)], {"attention_axes": 2}, {}),
    "columns": ([(4, 5, 2, 6), (4, 3, 2, 6)], {"attention_axes": (1,)}, {}),
    "columns, mask": (
        [(4, 5, 2, 6), (4, 3, 2, 6)],
        {"attention_axes": (1,)},
        {"attention_mask": MASK[:, None]},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_scores_are_kerass(name):
    shapes, settings, options = CASES[name]
    inputs = [RANDOM.normal(size=shape).astype(np.float32) for shape in shapes]
    found = []
    weights = None
    for room in (keras, nn):
        layer = room.layers.MultiHeadAttention(2, 3, **settings)
        layer.build(*shapes) if room is keras else layer(*inputs)
        weights = (
            [RANDOM.normal(size=w.shape, scale=0.5) for w in layer.get_weights()]
            if weights is None
            else weights
        )
        layer.set_weights(weights)
        assert [w.shape for w in layer.get_weights()] == [w.shape for w in weights]
        wide = settings.get("value_dim", 3) != 3  # JAX computes no such outputs without scores
        parts = [] if wide else [layer(*inputs, **options)]
        parts += layer(*inputs, **options, return_attention_scores=True)
        found.append([np.asarray(getattr(x, "data", x)) for x in parts])
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=3e-6)


def self_attention(layers, x):
    attention = layers.MultiHeadAttention(2, 3, kernel_regularizer="l2", activity_regularizer="l2")
    normalized = layers.LayerNormalization()(layers.add([x, attention(x, x, use_causal_mask=True)]))
    return layers.Flatten()(normalized)


def cross_attention(layers, x):
    """Called twice, with keywords; the scores are used, too."""
    attention = layers.MultiHeadAttention(2, 3, output_shape=4, name="attention")
    query = layers.Dense(6)(x)
    once, scores = attention(query, x, return_attention_scores=True)
    again = attention(query=layers.Dense(6)(once), value=x, key=x)
    return layers.concatenate([layers.Flatten()(part) for part in (once, again, scores)])


@pytest.mark.parametrize("build", [self_attention, cross_attention])
def test_ten_steps_are_kerass(build):
    """By gradient descent: the biases of keys have no gradient, which Adam would make steps of."""
    x = RANDOM.normal(size=(24, 5, 6)).astype(np.float32)
    y = RANDOM.integers(0, 3, 24)
    keras.utils.set_random_seed(0)
    models = []
    for room in (keras, nn):
        inputs = room.layers.Input((5, 6))
        outputs = room.layers.Dense(3, "softmax")(build(room.layers, inputs))
        model = room.models.Model(inputs, outputs)
        model.compile(room.optimizers.SGD(0.03), "sparse_categorical_crossentropy")
        models.append(model)
    theirs, ours = models
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    ours.set_weights(theirs.get_weights())
    for _ in range(10):
        found, expected = ours.train_on_batch(x, y), float(theirs.train_on_batch(x, y))
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=5e-5)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x, verbose=0), atol=1e-5)
