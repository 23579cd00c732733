"""Each layer beside Keras's: the same weights in, the same data, the same numbers out."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tinygrad_hw import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings(  # Keras's own, of its variables
    "ignore:__array__ implementation:DeprecationWarning"
)
RANDOM = np.random.default_rng(0)
FLAT = RANDOM.normal(size=(48, 6)).astype(np.float32)
WORDS = RANDOM.integers(0, 7, (48, 5)).astype(np.int32)
IMAGES = RANDOM.normal(size=(12, 7, 8, 3)).astype(np.float32)
CASES = {
    "convolution": (IMAGES, [("Conv2D", {"filters": 4, "kernel_size": 3, "activation": "tanh"})]),
    "same": (IMAGES, [("Conv2D", {"filters": 2, "kernel_size": (2, 3), "padding": "same"})]),
    "strides": (
        IMAGES,
        [("Conv2D", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"})],
    ),
    "no bias, strides": (
        IMAGES,
        [("Conv2D", {"filters": 2, "kernel_size": 2, "strides": (3, 2), "use_bias": False})],
    ),
    "maxima": (IMAGES, [("MaxPooling2D", {}), ("Conv2D", {"filters": 2, "kernel_size": 1})]),
    "overlapping": (IMAGES, [("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"})]),
    "means": (
        IMAGES,
        [("Conv2D", {"filters": 3, "kernel_size": 2}), ("AveragePooling2D", {"pool_size": 2})],
    ),
    "means, same": (IMAGES, [("AveragePooling2D", {"pool_size": 3, "padding": "same"})]),
    "whole": (
        IMAGES,
        [("Conv2D", {"filters": 3, "kernel_size": 2}), ("GlobalAveragePooling2D", {})],
    ),
    "dense": (FLAT, [("Dense", {"units": 4, "activation": "tanh"})]),
    "no bias": (FLAT, [("Dense", {"units": 4, "use_bias": False, "activation": "relu"})]),
    "reshape": (FLAT, [("Reshape", {"target_shape": (2, -1)}), ("Dense", {"units": 3})]),
    "activations": (
        FLAT,
        [
            ("Dense", {"units": 5}),
            ("LeakyReLU", {}),
            ("Dense", {"units": 5}),
            ("ReLU", {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2}),
            ("Activation", {"activation": "softplus"}),
            ("Softmax", {}),
        ],
    ),
    "embedding": (WORDS, [("Embedding", {"input_dim": 7, "output_dim": 3})]),
    "rescaling": (WORDS, [("Rescaling", {"scale": 0.1, "offset": -0.3})]),
    "batch": (FLAT, [("BatchNormalization", {}), ("Dense", {"units": 4, "activation": "relu"})]),
    "layer": (FLAT, [("Dense", {"units": 4}), ("LayerNormalization", {})]),
    "dropout of nothing": (FLAT, [("Dropout", {"rate": 0.0}), ("GaussianNoise", {"stddev": 0.0})]),
}


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_ten_steps_are_kerass(name):
    x, layers = CASES[name]
    y = RANDOM.integers(0, 3, len(x))
    models = []
    for room in (keras, nn):
        made = [getattr(room.layers, kind)(**options) for kind, options in layers]
        model = room.models.Sequential(
            [
                room.layers.Input(x.shape[1:], dtype=x.dtype.name if x is WORDS else None),
                *made,
                room.layers.Flatten(),
                room.layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile(room.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["acc"])
        models.append(model)
    theirs, ours = models
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    assert ours.output_shape == theirs.output_shape
    assert ours.count_params() == theirs.count_params()
    ours.set_weights(theirs.get_weights())
    for training in (False, True):
        if not (training and "Batch" in layers[0][0]):
            expected = np.asarray(theirs(x, training=training))
            np.testing.assert_allclose(ours(x, training=training).data, expected, atol=2e-6)
    for _ in range(10):
        found, expected = ours.train_on_batch(x, y), theirs.train_on_batch(x, y)
        np.testing.assert_allclose(found, [float(v) for v in expected], rtol=2e-5, atol=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    found, expected = [m.evaluate(x, y, verbose=0) for m in (ours, theirs)]
    np.testing.assert_allclose(found, [float(v) for v in expected], rtol=2e-5, atol=1e-6)
