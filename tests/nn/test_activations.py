"""The activations: closed forms, far out too, derivatives, names."""

from math import erf

import numpy as np
import pytest

from tinygrad_hw.engine import Value, gradcheck
from tinygrad_hw.nn import Dense, Sequential, activations
from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.program import capture

Z = np.array([-1000.0, -40, -3.5, -1.1, -0.6, -0.2, 0, 0.2, 0.6, 1.1, 3.5, 7, 40, 1000])


def where(condition, x, y):
    return lambda z: np.where(condition(z), x(np.maximum(z, 0)), y(np.minimum(z, 0)))


def positive(z):
    return z > 0


def sigmoid(z):
    return (1 + np.tanh(z / 2)) / 2


def softplus(z):
    near = np.clip(z, -40, 40)
    return np.where(abs(z) > 40, np.maximum(z, 0), np.log(1 + np.exp(near)))


def clipped(low, high):
    return lambda z: np.clip(z, low, high)


FORMULAS = {  # in the textbook's form, in float64
    "linear": lambda z: z,
    "relu": lambda z: (z + abs(z)) / 2,
    "sigmoid": sigmoid,
    "softmax": lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
    "softplus": softplus,
    "tanh": np.tanh,
    "celu": where(positive, lambda z: z, np.expm1),
    "elu": where(positive, lambda z: z, np.expm1),
    "exponential": np.exp,
    "gelu": lambda z: z * np.vectorize(lambda x: (1 + erf(x / 2**0.5)) / 2)(z),
    "hard_shrink": lambda z: z * (abs(z) > 0.5),
    "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "hard_silu": lambda z: z * np.clip(z / 6 + 0.5, 0, 1),
    "hard_swish": lambda z: z * np.clip(z / 6 + 0.5, 0, 1),
    "hard_tanh": clipped(-1, 1),
    "leaky_relu": where(positive, lambda z: z, lambda z: 0.2 * z),
    "log_sigmoid": lambda z: -softplus(-z),
    "log_softmax": lambda z: z - z.max() - np.log(np.exp(z - z.max()).sum()),
    "mish": lambda z: z * np.tanh(softplus(z)),
    "relu6": clipped(0, 6),
    "selu": where(
        positive,
        lambda z: 1.0507009873554805 * z,
        lambda z: 1.0507009873554805 * 1.6732632423543772 * np.expm1(z),
    ),
    "silu": lambda z: z * sigmoid(z),
    "soft_shrink": lambda z: np.sign(z) * np.maximum(abs(z) - 0.5, 0),
    "softsign": lambda z: z / (1 + abs(z)),
    "squareplus": lambda z: (z + np.sqrt(z**2 + 4)) / 2,
    "swish": lambda z: z * sigmoid(z),
    "tanh_shrink": lambda z: z - np.tanh(z),
}
EXPLODING = {"exponential"}  # inf at 1000, as it is


def logits(name, dtype=np.float64):
    return Z[: -1 if name in EXPLODING else None].astype(dtype).reshape(1, -1)


def test_every_activation_has_its_closed_form_here():
    assert list(ACTIVATIONS) == list(FORMULAS)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_is_the_textbooks_and_keeps_the_dtype(name, dtype):
    z = logits(name, dtype)
    expected = FORMULAS[name](z.astype(np.float64))
    rtol, atol = (2e-6, 1e-5) if dtype == np.float32 else (1e-12, 1e-12)
    if name == "squareplus" and dtype == np.float32:
        atol = 2e-3  # x + sqrt(x² + 4) has no digits left far below 0, in Keras neither
    for out in (ACTIVATIONS[name](z), ACTIVATIONS[name](Value(z)).data):
        np.testing.assert_allclose(out, expected, rtol=rtol, atol=atol)
        assert out.dtype == dtype


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_those_of_the_numbers(name):
    smooth = np.array([[-3.7, -1.3, -0.7, -0.3, 0.2, 0.8, 1.7, 2.9, 6.5]])  # at no corner
    gradcheck(ACTIVATIONS[name], smooth)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_far_out_are_finite(name):
    leaf = Value(logits(name))
    np.sum(ACTIVATIONS[name](leaf)).backward()
    assert np.isfinite(leaf.grad).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_captured_one_follows_every_batch(name):
    captured = capture(lambda z: ACTIVATIONS[name](Value(z)), pure=True)
    for shift in range(5):
        z = np.roll(logits(name)[:, 1:-1], shift, 1)
        np.testing.assert_allclose(captured(z).data, FORMULAS[name](z), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0, 0, 0, 1, 4]),
        ({"negative_slope": 0.5}, [-2, -0.5, 0, 1, 4]),
        ({"max_value": 3.0}, [0, 0, 0, 1, 3]),
        ({"threshold": 2.0}, [0, 0, 0, 0, 4]),
        ({"threshold": 1.0, "negative_slope": 0.5}, [-2.5, -1, -0.5, 0, 4]),
        ({"threshold": 1.0, "negative_slope": 0.5, "max_value": 3}, [-2.5, -1, -0.5, 0, 3]),
    ],
)
def test_relu_with_keras_arguments(settings, expected):
    z = np.array([-4.0, -1, 0, 1, 4])
    for out in (activations.relu(z, **settings), activations.relu(Value(z), **settings).data):
        np.testing.assert_allclose(out, expected)


def test_arguments_of_others():
    z = np.array([[-4.0, -1, 2], [1, 1, 1]])
    np.testing.assert_allclose(activations.leaky_relu(z[0], 0.5), [-2, -0.5, 2])
    np.testing.assert_allclose(activations.elu(z[0], 2)[:2], 2 * np.expm1([-4.0, -1]))
    np.testing.assert_allclose(activations.celu(z[0], 2)[:2], 2 * np.expm1([-2, -0.5]))
    np.testing.assert_allclose(activations.soft_shrink(z[0], 2), [-2, 0, 0])
    np.testing.assert_allclose(activations.hard_shrink(z[0], 1.5), [-4, 0, 2])
    np.testing.assert_allclose(activations.squareplus(z[0], 0), [0, 0, 2], atol=1e-15)
    np.testing.assert_allclose(activations.softmax(z, axis=0).sum(0), [1, 1, 1])
    np.testing.assert_allclose(np.exp(activations.log_softmax(z, axis=0)).sum(0), [1, 1, 1])
    near = activations.gelu(z, approximate=True) - activations.gelu(z)
    assert 0 < abs(near).max() < 1e-3


class TestNames:
    @pytest.mark.parametrize("name", ACTIVATIONS)
    def test_a_name_or_a_function(self, name):
        function = activations.get(name)
        assert activations.get(function) is function
        assert activations.get(activations.serialize(function)) is function
        model = Sequential([Dense(3, name, kernel_initializer="identity", input_shape=(3,))])
        z = np.float32([[-1, 0.25, 2]])
        np.testing.assert_allclose(model.predict(z), function(z), rtol=1e-6)

    def test_none_is_linear(self):
        assert activations.get(None) is activations.linear

    def test_a_function_of_ones_own(self):
        def cubed(z):
            return z**3

        assert activations.get(cubed) is cubed
        model = Sequential([Dense(1, cubed, kernel_initializer="ones", input_shape=(1,))])
        assert model.predict([[2.0]]) == 8
        with pytest.raises(ValueError, match=r"cubed.* is no activation of this package"):
            activations.serialize(cubed)

    @pytest.mark.parametrize(
        ("identifier", "words"),
        [
            ("rleu", "unknown activation 'rleu'; known are linear, relu, sigmoid"),
            ("sparsemax", "unknown activation 'sparsemax'"),
            (3, "activation should be a name or a function, got 3"),
        ],
    )
    def test_what_is_none_is_refused(self, identifier, words):
        with pytest.raises(ValueError, match=words):
            activations.get(identifier)
