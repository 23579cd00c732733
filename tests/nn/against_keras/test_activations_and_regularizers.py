"""The activations and the regularizers beside Keras's own."""

import inspect

import numpy as np
import pytest

from tinygrad_hw.engine import Value
from tinygrad_hw.nn import activations, regularizers

keras = pytest.importorskip("keras")

Z = np.concatenate([np.linspace(-7, 7, 57), [0.5, -0.5, 3, -3, 1, -1, 6]]).astype(np.float32)
Z = Z.reshape(4, -1)
WEIGHTS = Z + np.float32(0.01)  # none is 0, where JAX takes 1 for the slope of abs
CASES = [
    *[(name, {}) for name in activations.ACTIVATIONS],
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"threshold": 1.0}),
    ("relu", {"max_value": 2.0}),
    ("relu", {"threshold": 1.0, "negative_slope": 0.3, "max_value": 2.5}),
    *(("leaky_relu", {"negative_slope": 0.4}), ("elu", {"alpha": 2.0}), ("celu", {"alpha": 2.0})),
    *(("gelu", {"approximate": True}), ("softmax", {"axis": 0}), ("squareplus", {"b": 2.0})),
    *(("soft_shrink", {"threshold": 2.0}), ("hard_shrink", {"threshold": 2.0})),
]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_activations_are_keras(name, settings):
    ours, theirs = activations.get(name), keras.activations.get(name)
    found, expected = ours(Z, **settings), np.asarray(theirs(Z, **settings))
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_arguments_are_keras(name):
    found, expected = [
        {n: p.default for n, p in inspect.signature(get(name)).parameters.items()}
        for get in (activations.get, keras.activations.get)
    ]
    assert list(found.items()) == list(expected.items())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *(("L1", {}), ("L2", {}), ("L1L2", {}), ("L1", {"l1": 0.3}), ("L1L2", {"l1": 1, "l2": 2})),
        *(("OrthogonalRegularizer", {}), ("OrthogonalRegularizer", {"mode": "columns"})),
    ],
)
def test_regularizers_are_keras(name, settings):
    import jax

    ours, theirs = [getattr(x, name)(**settings) for x in (regularizers, keras.regularizers)]
    expected, slope = jax.value_and_grad(theirs)(keras.ops.convert_to_tensor(WEIGHTS))
    leaf = Value(WEIGHTS)
    found = ours(leaf)
    found.backward()
    np.testing.assert_allclose(found.data, expected, rtol=1e-5)
    np.testing.assert_allclose(np.zeros_like(Z) + leaf.grad, slope, rtol=1e-4, atol=1e-7)
    assert ours.get_config() == pytest.approx(theirs.get_config())
    assert type(regularizers.get(name)).__name__ == type(keras.regularizers.get(name)).__name__
    snake = keras.src.utils.naming.to_snake_case(name)
    assert type(regularizers.get(snake)).__name__ == name
