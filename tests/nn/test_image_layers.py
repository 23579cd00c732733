"""Convolution and pooling, beside sums written out."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.nn import Adam, Dense, Flatten, Input, Sequential
from tinygrad_hw.nn.layers import AveragePooling2D, Conv2D, GlobalAveragePooling2D, MaxPooling2D
from tinygrad_hw.nn.models.parallel import evaluation_rows, thread_limit

X = np.random.default_rng(0).normal(size=(2, 5, 6, 3))


def test_a_convolution_is_the_sum_over_its_windows():
    layer = Conv2D(4, (2, 3), strides=(2, 1), dtype="float64")
    out = layer(X).data
    assert out.shape == (2, 2, 4, 4) == layer.compute_output_shape(X.shape)
    kernel = layer.kernel.data
    for i, j in np.ndindex(2, 4):
        window = X[:, 2 * i : 2 * i + 2, j : j + 3]
        np.testing.assert_allclose(out[:, i, j], np.einsum("nrcd,rcdf->nf", window, kernel))


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_gradients_are_slopes(padding):
    layer = Conv2D(2, 3, strides=2, padding=padding, dtype="float64")
    x = Value(X)
    (layer(x) ** 2).sum().backward()
    for value in (x, layer.kernel):
        for place in [(0,) * 4, (1, 1, 2, 1)]:
            middle, sides = value.data[place], []
            for h in (1e-6, -1e-6):
                value.data[place] = middle + h
                sides.append((layer(Value(x.data)) ** 2).sum().item())
            value.data[place] = middle
            assert value.grad[place] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-5)


@pytest.mark.parametrize(("kind", "reduce"), [(MaxPooling2D, np.max), (AveragePooling2D, np.mean)])
def test_pooling_reduces_each_window(kind, reduce):
    for options in (
        {"pool_size": 2},
        {"pool_size": (3, 2), "strides": 1},
        {"pool_size": 2, "strides": 3, "padding": "same"},
    ):
        layer = kind(dtype="float64", **options)
        out = np.asarray(getattr(layer(Value(X)), "data"))  # noqa: B009 - a Value's
        assert out.shape == layer.compute_output_shape(X.shape)
        (rows, columns), (down, right) = layer.pool_size, layer.strides
        for i, j in np.ndindex(out.shape[1:3]):
            window = X[:, down * i : down * i + rows, right * j : right * j + columns]
            np.testing.assert_allclose(out[:, i, j], reduce(window, axis=(1, 2)))


@pytest.mark.parametrize("options", [{}, {"pool_size": 3, "strides": 2, "padding": "same"}])
def test_maxima_after_bias_and_relu_are_those_of_the_images_with_both(options):
    """Also where numbers are equal, which share the gradient, and where one is nan."""
    x, bias = np.round(X), np.array([0.5, -1.0, 0.25])
    x[0, 0, 0, 0] = np.nan
    upstream = np.random.default_rng(1).normal(size=MaxPooling2D(**options)(Value(x)).shape)
    found = []
    for is_known in (True, False):
        image, b = Value(x), Value(bias)
        rectified = ops.relu(image + b)
        if not is_known:
            rectified = rectified * 1.0  # which hides what it was made of
        maxima = MaxPooling2D(**options)(rectified)
        maxima.backward(upstream)
        found.append((maxima.data, image.grad, b.grad))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_mean_of_the_whole_image():
    np.testing.assert_allclose(GlobalAveragePooling2D()(Value(X)).data, X.mean((1, 2)))
    assert GlobalAveragePooling2D(keepdims=True)(Value(X)).shape == (2, 1, 1, 3)


def test_a_network_learns_where_a_line_is():
    images = np.zeros((60, 8, 8, 1), np.float32)
    labels = np.arange(60) % 2
    for i, image in enumerate(images):
        line = image[i % 7] if labels[i] else image[:, i % 7]
        line[:] = 1
    model = Sequential([Input((8, 8, 1)), Conv2D(4, 3, activation="relu"), MaxPooling2D()], seed=0)
    model.add(Flatten())
    model.add(Dense(2, "softmax"))
    model.compile(Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, epochs=15, batch_size=20, verbose=0)
    assert model.evaluate(images, labels, verbose=0)[1] == 1.0


def test_images_are_predicted_a_few_at_a_time():
    """The windows of 500 such images would take 100 MB."""
    convolutional = Sequential([Input((28, 28, 8)), Conv2D(16, 3), Flatten(), Dense(2)], seed=0)
    dense = Sequential([Input((784,)), Dense(128), Dense(10)], seed=0)
    assert evaluation_rows(convolutional.flat_layers()) == 32
    assert evaluation_rows(dense.flat_layers()) == 500
    images = np.random.default_rng(0).random((70, 28, 28, 8), np.float32)
    whole = convolutional(Value(images)).data
    np.testing.assert_allclose(convolutional.predict(images, verbose=0), whole, atol=1e-5)


def test_products_of_a_convolution_have_all_threads():
    """One product for each window: a batch of few weights has many."""
    model = Sequential([Input((28, 28, 8)), Conv2D(64, 3), Flatten(), Dense(2)])
    every = threads()
    with thread_limit(64, model.flat_layers()):
        assert threads() == every
    with thread_limit(64, [model.layers[-1]]):
        assert threads() == 1


def threads():
    return min([x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"], default=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2D(0, 3), "Conv2D got filters=0"),
        (lambda: Conv2D(2, 3, groups=2), "no dilation_rate and no groups but 1"),
        (lambda: Conv2D(2, 3, padding="full"), "padding='full'; give"),
        (lambda: MaxPooling2D(data_format="channels_first"), 'there is "channels_last"'),
        (lambda: MaxPooling2D((2, 2, 2)), "give one number or two"),
        (
            lambda: Sequential([Input((4, 4)), Conv2D(2, 3)]),
            r"needs \(n, rows, columns, channels\)",
        ),
        (lambda: Sequential([Input((2, 2, 1)), Conv2D(2, 3)]), r"smaller than \(3, 3\)"),
    ],
)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
