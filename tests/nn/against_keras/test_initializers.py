"""The initializers beside Keras's own: names, arguments, and distributions."""

import inspect

import numpy as np
import pytest

from tinygrad_hw.nn import initializers

keras = pytest.importorskip("keras")

RANDOM = [
    *("GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform"),
    *("Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling"),
]
CONSTANT = ["Constant", "Identity", "Ones", "Zeros"]
OF_FANS = ("input_axes", "output_axes")  # which are not here


@pytest.mark.parametrize("name", RANDOM + CONSTANT)
def test_arguments_and_names_are_keras(name):
    ours, theirs = getattr(initializers, name), getattr(keras.initializers, name)
    found, expected = [
        [(n, p.default) for n, p in inspect.signature(kind).parameters.items() if n not in OF_FANS]
        for kind in (ours, theirs)
    ]
    assert found == expected
    for identifier in (name, keras.src.utils.naming.to_snake_case(name)):
        assert type(initializers.get(identifier)) is ours
        if name != "Constant":  # which Keras makes of no name, though its value has a default
            assert type(keras.initializers.get(identifier)) is theirs


@pytest.mark.parametrize("name", ["normal", "uniform", "one", "zero"])
def test_short_names_are_keras(name):
    found, expected = initializers.get(name), keras.initializers.get(name)
    assert type(found).__name__ == type(expected).__name__


@pytest.mark.parametrize("shape", [(), (4,), (4, 4), (2, 3, 4)])
def test_constants_are_keras(shape):
    for name in CONSTANT:
        if name != "Identity" or len(shape) == 2:
            found = getattr(initializers, name)()(shape)
            np.testing.assert_array_equal(found, getattr(keras.initializers, name)()(shape))


@pytest.mark.parametrize("shape", [(300, 200), (3, 3, 40, 80), (5000,)])
@pytest.mark.parametrize("name", RANDOM)
def test_distributions_are_keras(name, shape):
    """Kolmogorov and Smirnov for two samples, at 1 in 1000."""
    if name == "Orthogonal" and len(shape) < 2:
        return
    ours, theirs = [
        np.sort(np.ravel(getattr(module, name)(seed=1)(shape)))
        for module in (initializers, keras.initializers)
    ]
    both = np.concatenate([ours, theirs])
    shares = [np.searchsorted(x, both, side="right") / len(x) for x in (ours, theirs)]
    assert np.max(abs(shares[0] - shares[1])) < 1.95 * np.sqrt(2 / len(ours))
