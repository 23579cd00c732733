"""Layers that make one tensor of several, beside NumPy; which shapes fit, beside Keras's rules."""

import numpy as np
import pytest

from tinygrad_hw import Value, grad
from tinygrad_hw.nn import Input, Model, layers
from tinygrad_hw.nn.layers import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)

RANDOM = np.random.default_rng(0)
A, B, C = RANDOM.normal(size=(3, 5, 3, 2))
ELEMENTWISE = {
    "add": (Add, lambda *x: sum(x)),
    "multiply": (Multiply, lambda *x: np.prod(x, axis=0)),
    "average": (Average, lambda *x: np.mean(x, axis=0)),
    "maximum": (Maximum, lambda *x: np.max(x, axis=0)),
    "minimum": (Minimum, lambda *x: np.min(x, axis=0)),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_layers_are_numpys_functions(name):
    kind, function = ELEMENTWISE[name]
    lower = getattr(layers, name)
    for inputs in ([A], [A, B], (A, B, C)):
        np.testing.assert_allclose(kind()(inputs), function(*inputs), rtol=1e-12)
        np.testing.assert_allclose(lower(inputs), function(*inputs), rtol=1e-12)
    columns, rows, vectors = A[:, :, :1], A[:, :1], A[:, 0]
    expected = function(*np.broadcast_arrays(columns, rows, vectors[:, None, :]))
    np.testing.assert_allclose(kind()([columns, rows, vectors]), expected, rtol=1e-12)
    symbols = [Input(shape) for shape in ((None, 1), (1, 2), (2,))]
    assert lower(symbols).shape == (None, None, 2)
    assert lower(symbols, name="mine").name == "mine"


def test_the_difference_is_of_two():
    np.testing.assert_array_equal(Subtract()([A, B]), A - B)
    np.testing.assert_array_equal(layers.subtract([A, B[:, :1]]), A - B[:, :1])


@pytest.mark.parametrize("axis", [-2, -1, 1, 2])
def test_concatenation_is_numpys(axis):
    expected = np.concatenate([A, B, C], axis)
    np.testing.assert_array_equal(Concatenate(axis)([A, B, C]), expected)
    np.testing.assert_array_equal(layers.concatenate([A, B, C], axis=axis), expected)
    symbol = layers.concatenate([Input((3, 2)), Input((3, 2))], axis)
    assert symbol.shape == (None, *np.concatenate([A, A], axis).shape[1:])
    assert layers.concatenate([Input((None, 2)), Input((3, 2))], axis).shape == (
        (None, 3, 4) if axis in (-1, 2) else (None, None, 2)
    )


@pytest.mark.parametrize(
    ("shapes", "axes", "subscripts"),
    [
        ([(5, 3), (5, 3)], 1, "bi,bi->b"),
        ([(5, 3), (5, 3)], -1, "bi,bi->b"),
        ([(5, 3, 2), (5, 4, 3)], (1, 2), "bij,bki->bjk"),
        ([(5, 3, 2), (5, 4, 2)], -1, "bij,bkj->bik"),
        ([(5, 3), (5, 3, 4)], 1, "bi,bij->bj"),
        ([(5, 2, 3, 2), (5, 3)], (2, -1), "bijk,bj->bik"),
    ],
)
@pytest.mark.parametrize("normalize", [False, True])
def test_dot_products_are_numpys(shapes, axes, subscripts, normalize):
    x, y = [RANDOM.normal(size=shape) for shape in shapes]
    found = Dot(axes, normalize)([x, y])
    assert layers.dot([Input(s[1:]) for s in shapes], axes).shape[1:] == found.shape[1:]
    if normalize:
        first, second = (axes, axes) if isinstance(axes, int) else axes
        x = x / np.sqrt((x**2).sum(axis=first, keepdims=True))
        y = y / np.sqrt((y**2).sum(axis=second, keepdims=True))
    np.testing.assert_allclose(found, np.einsum(subscripts, x, y).reshape(found.shape))


def test_the_cosine_with_nothing_is_zero():
    """Also its derivative by the other, and no warning is given: dead units have such outputs."""
    x, y = np.zeros((1, 3)), np.ones((1, 3))
    assert Dot(1, normalize=True)([x, y]) == [[0.0]]
    slopes = grad(lambda y: Dot(1, normalize=True)([x, y]).sum())(y)
    np.testing.assert_array_equal(slopes, np.zeros((1, 3)))


@pytest.mark.parametrize(
    "layer",
    [Add(), Average(), Subtract(), Multiply(), Maximum(), Minimum(), Concatenate(1), Dot(2)],
)
def test_gradients_are_slopes(layer):
    weights = RANDOM.normal(size=layer([A, B]).shape)

    def f(inputs):
        return (layer(inputs) * weights).sum()

    found = grad(f)([A, B])
    for i, given in enumerate([A, B]):
        slopes = np.empty(A.shape)
        for index in np.ndindex(A.shape):
            sides = []
            for h in (1e-6, -1e-6):
                moved = [A.copy(), B.copy()]
                moved[i][index] += h
                sides.append(f([Value(x) for x in moved]).item())
            slopes[index] = (sides[0] - sides[1]) / 2e-6
        np.testing.assert_allclose(found[i], slopes, rtol=1e-6, atol=1e-6)
        assert given.shape == found[i].shape


@pytest.mark.parametrize(
    "layer", [Subtract(name="s"), Concatenate(2, name="c"), Dot((1, 2), normalize=True, name="d")]
)
def test_configurations_make_the_same_layers(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    inputs = [A, B.transpose(0, 2, 1) if isinstance(layer, Dot) else B]
    np.testing.assert_array_equal(again(inputs), layer(inputs))


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: Add()(A), r"add takes a list of inputs, got one of \(5, 3, 2\)"),
        (lambda: Add()(Input((3,))), r"add takes a list of at least one inputs, got \(None, 3\)"),
        (lambda: Subtract()([A]), r"subtract takes a list of 2 inputs, got \[\(5, 3, 2\)\]"),
        (lambda: Dot(1)([A, B, C]), "dot takes a list of 2 inputs"),
        (lambda: Add()([A, A[:3]]), r"add got inputs of shapes .*\(3, 3, 2\)\], which do not fit"),
        (lambda: Add()([A, A[:1]]), "which do not fit"),
        (lambda: Add()([Input((3,)), Input((4,))]), r"\[\(None, 3\), \(None, 4\)\], which do not"),
        (lambda: Concatenate()([Input((3, 2)), Input((4, 2))]), "concatenate got .* do not fit"),
        (lambda: Concatenate()([Input((3, 2)), Input((3,))]), "do not fit"),
        (lambda: Concatenate(3)([A, B]), "do not fit"),
        (lambda: Concatenate(axis=0), "got axis=0, that of the examples; give another axis"),
        (lambda: Dot(1)([Input((3,)), Input((4,))]), "dot got .* which do not fit"),
        (lambda: Dot(3)([A, B]), "do not fit"),
        (lambda: Dot(0), "Dot got axes=0; give an axis, or two, other than the batch's 0"),
        (lambda: Dot((1, 2, 3)), r"Dot got axes=\(1, 2, 3\); give an axis, or two"),
    ],
)
def test_what_does_not_fit_is_refused(attempt, message):
    with pytest.raises(ValueError, match=message):
        attempt()


def test_a_sum_of_one_is_itself_and_copies_are_apart():
    x = Input((3, 2))
    model = Model(x, layers.add([x]))
    np.testing.assert_array_equal(model.predict(A), A.astype(np.float32))
