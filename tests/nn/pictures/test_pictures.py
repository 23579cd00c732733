"""Pictures of what a network has learned: the numbers in them, worked out by NumPy alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes

from tinygrad_hw.nn import Dense, Flatten, Input, Model, Rescaling, Sequential
from tinygrad_hw.nn.layers import (
    BatchNormalization,
    Conv2D,
    Dropout,
    GlobalAveragePooling2D,
    Layer,
    ReLU,
    concatenate,
)
from tinygrad_hw.nn.pictures import (
    activations,
    class_errors,
    class_gradient,
    gradients,
    layer_activity,
    layer_gradients,
    mistakes,
    saliency,
    surest_mistakes,
    weight_images,
)
from tinygrad_hw.nn.regularizers import L2

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (60, 6, 7)).astype(np.uint8)
Y = RNG.integers(0, 4, 60)


@pytest.fixture(autouse=True)
def _figures_are_closed() -> Iterator[None]:
    matplotlib.use("agg")
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def model() -> Sequential:
    """Two layers, two units of the first of which are dead."""
    layers = [Rescaling(1 / 255, input_shape=(6, 7)), Flatten(), Dense(12, "relu", name="hidden")]
    model = Sequential([*layers, Dropout(0.5), Dense(4, "softmax", name="last")], seed=3)
    w1, b1, *others = model.get_weights()
    b1[[2, 7]] = -1000
    model.set_weights([w1, b1 + 0.1, *others])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def by_hand(model: Sequential) -> dict[str, Any]:
    """The network forward and backward, in float64."""
    w1, b1, w2, b2 = (w.astype(float) for w in model.get_weights())
    x = X.reshape(60, -1) / 255
    hidden = np.maximum(x @ w1 + b1, 0)
    z = hidden @ w2 + b2
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    back = (p - np.eye(4)[Y]) / 60
    inner = back @ w2.T * (hidden > 0)
    first = np.vstack([x.T @ inner, inner.sum(axis=0)])
    last = np.vstack([hidden.T @ back, back.sum(axis=0)])
    return {"hidden": hidden, "p": p, "first": np.abs(first), "last": np.abs(last)}


# --- Layer by layer -------------------------------------------------------------------------------


def assert_numbers(found: Any, name: str, numbers: np.ndarray, dead: int) -> None:
    assert (found.name, found.units, found.dead) == (name, numbers.shape[-1], dead)
    assert found.zeros == pytest.approx((numbers == 0).mean())
    assert found.mean == pytest.approx(numbers.mean(), rel=1e-5)
    np.testing.assert_allclose(found.quantiles, np.quantile(numbers, SHARES), rtol=1e-4, atol=1e-7)


def test_activations_by_layer_with_dead_units(model: Sequential) -> None:
    wanted = by_hand(model)
    hidden, last = layer_activity(model, X)
    assert_numbers(hidden, "hidden", wanted["hidden"], 2)
    assert_numbers(last, "last", wanted["p"], 0)
    ax = activations(model, X)
    assert [text.get_text() for text in ax.texts] == ["2 of 12 dead", "0 of 4 dead"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["hidden", "last"]
    for layer, line, box in zip((hidden, last), ax.lines[::2], ax.patches, strict=True):
        low, first, _, third, high = layer.quantiles
        np.testing.assert_allclose(line.get_xdata(), [low, first, np.nan, third, high])
        bounds = box.get_bbox()
        np.testing.assert_allclose([bounds.x0, bounds.x1], [first, third])


def test_gradients_by_layer_with_units_without(model: Sequential) -> None:
    wanted = by_hand(model)
    before = [weight.grad for weight in model.weights]
    first, last = layer_gradients(model, X, Y)
    assert_numbers(first, "hidden", wanted["first"], 2)
    assert_numbers(last, "last", wanted["last"], 0)
    assert [weight.grad for weight in model.weights] == before
    ax = gradients(model, X, Y)
    assert [text.get_text() for text in ax.texts] == ["2 of 12 without", "0 of 4 without"]
    assert ax.get_xscale() == "log"


def test_gradients_have_what_regularizers_add() -> None:
    model = Sequential(
        [Dense(3, kernel_regularizer=L2(0.5), input_shape=(4,), name="dense")], seed=0
    )
    model.compile("sgd", "mse")
    w, x, y = model.get_weights()[0], RNG.normal(size=(7, 4)), RNG.normal(size=(7, 3))
    error = 2 * (x @ w - y) / 21
    wanted = np.abs(np.vstack([x.T @ error + w, error.sum(axis=0)]))
    assert_numbers(layer_gradients(model, x, y)[0], "dense", wanted, 0)


def test_a_model_is_as_it_was_after_it_was_watched(model: Sequential) -> None:
    outputs, names = model.predict(X, verbose=0), [dict(vars(x)) for x in model.flat_layers()]
    layer_activity(model, X)
    assert [dict(vars(x)) for x in model.flat_layers()] == names
    np.testing.assert_array_equal(model.predict(X, verbose=0), outputs)
    with pytest.raises(ValueError, match="expected examples of shape"):
        layer_activity(model, X[:, :3])
    assert not [x for x in model.flat_layers() if "call" in vars(x)]


class Shared(Model):
    """A model of its own kind, which calls a layer twice."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.inner = Sequential([Dense(3, name="twice"), BatchNormalization(name="normal")])
        self.relu = ReLU(name="relu")

    def call(self, inputs: Any) -> Any:
        return self.inner(self.relu(self.inner(inputs)))


def test_layers_in_layers_and_layers_called_twice() -> None:
    model = Shared()
    model.build((None, 3))
    names = [x.name for x in layer_activity(model, RNG.normal(size=(5, 3)))]
    assert names == ["twice", "normal", "relu", "twice", "normal"]


def test_channels_are_units() -> None:
    layers = [Conv2D(5, 3, activation="relu", input_shape=(8, 9, 1)), GlobalAveragePooling2D()]
    model = Sequential([*layers, Dense(1, "sigmoid")], seed=0)
    model.compile("sgd", "binary_crossentropy")
    model.layers[0].bias.data = np.array([-99, 0, 0, -99, 0], np.float32)
    images, y = RNG.random((4, 8, 9, 1)), np.array([0, 1, 1, 0])
    assert [(x.units, x.dead) for x in layer_activity(model, images)] == [(5, 2), (1, 0)]
    assert [(x.units, x.dead) for x in layer_gradients(model, images, y)] == [(5, 2), (1, 0)]


# --- Weights --------------------------------------------------------------------------------------


def tiles(ax: Axes, rows: int, columns: int) -> list[np.ndarray]:
    """The images of a picture, which have lines of nan between them."""
    whole = np.ma.filled(ax.images[0].get_array(), np.nan)
    found = []
    filled = ~np.isnan(whole if whole.ndim == 2 else whole[..., 0])
    for top in range(whole.shape[0] - rows + 1):
        for left in range(whole.shape[1] - columns + 1):
            is_first = filled[top, left] and not (top and filled[top - 1, left])
            if is_first and not (left and filled[top, left - 1]):
                found.append(whole[top : top + rows, left : left + columns])
    return found


def test_weights_are_images_of_the_inputs(model: Sequential) -> None:
    kernel = model.get_layer("hidden").get_weights()[0]
    ax = weight_images(model)
    found = tiles(ax, 6, 7)
    assert len(found) == 12
    for i, image in enumerate(found):
        np.testing.assert_array_equal(image.ravel(), kernel[:, i])
    low, high = ax.images[0].get_clim()
    assert -low == high == pytest.approx(np.abs(kernel).max())
    assert len(tiles(weight_images(model, "hidden", 5), 6, 7)) == 5


@pytest.mark.parametrize("colors", [1, 3])
def test_weights_of_convolutions(colors: int) -> None:
    conv = Conv2D(6, (3, 2), input_shape=(8, 9, colors), name="conv")
    model = Sequential([conv, Conv2D(2, 3, name="deep"), Flatten(), Dense(2)], seed=0)
    kernel = conv.get_weights()[0]
    ax = weight_images(model)
    if colors == 1:
        for i, image in enumerate(tiles(ax, 3, 2)):
            np.testing.assert_array_equal(image, kernel[:, :, 0, i])
    else:
        whole = ax.images[0].get_array()
        assert whole.shape[2] == 3
        shown = whole[1:4, :2] * 2 - 1  # the first
        np.testing.assert_allclose(shown, kernel[..., 0] / np.abs(kernel).max(), atol=1e-6)
    with pytest.raises(ValueError, match=r"^the weights of deep, of shape \(3, 3, 6, 2\), are no"):
        weight_images(model, "deep")


# --- Classes --------------------------------------------------------------------------------------


def test_the_surest_mistakes(model: Sequential) -> None:
    p = by_hand(model)["p"]
    guess = p.argmax(axis=1)
    wanted = sorted((i for i in range(60) if guess[i] != Y[i]), key=lambda i: -p[i].max())
    found = surest_mistakes(model, X, Y)
    assert [m.example for m in found] == wanted
    for m in found:
        assert (m.true, m.predicted) == (Y[m.example], guess[m.example])
        assert m.probability == pytest.approx(p[m.example].max(), abs=1e-6)
    ax = mistakes(model, X, np.eye(4)[Y], count=7, labels=["a", "b", "c", "d"])
    first = found[0]
    assert ax.texts[0].get_text() == (
        f"{'abcd'[first.true]}, not {'abcd'[first.predicted]}\n{first.probability:.4f}"
    )
    assert len(ax.texts) == 7
    for m, image in zip(found[:7], tiles(ax, 6, 7), strict=True):
        np.testing.assert_array_equal(image, X[m.example])
    right = mistakes(model, X, guess)
    assert right.texts[0].get_text() == "no mistakes"


def test_errors_by_class(model: Sequential) -> None:
    guess = by_hand(model)["p"].argmax(axis=1)
    ax = class_errors(model, X, Y[:, None])
    precision, recall = ([*line.get_xdata()] for line in ax.lines)
    for k in range(4):
        right = ((guess == k) & (k == Y)).sum()
        assert recall[k] == pytest.approx(right / (k == Y).sum())
        assert precision[k] == pytest.approx(right / max((guess == k).sum(), 1))
        missed = f"{(k == Y).sum() - right} of {(k == Y).sum()} missed"
        assert ax.texts[k].get_text() == missed


def test_a_single_sigmoid_is_two_classes() -> None:
    model = Sequential([Flatten(input_shape=(6, 7)), Dense(1, "sigmoid")], seed=0)
    w, b = model.get_weights()
    z = (X.reshape(60, -1) @ w + b)[:, 0].astype(float)
    y = (z > 0).astype(int)
    y[4] = 1 - y[4]
    [mistake] = surest_mistakes(model, X, y)
    certainty = 1 / (1 + np.exp(-abs(z[4])))
    assert mistake == (4, y[4], 1 - y[4], pytest.approx(certainty, abs=1e-6))
    sign = np.where(z > 0, 1, -1)
    np.testing.assert_allclose(
        class_gradient(model, X), (sign * w).T.reshape(60, 6, 7), rtol=1e-5, atol=1e-7
    )


# --- Saliency -------------------------------------------------------------------------------------


def assert_overlay(ax: Axes, ink: np.ndarray, slope: np.ndarray) -> None:
    """Black ink on white, and over it blue where the slope is positive, orange where negative."""
    [image] = ax.images
    colors = np.where(slope[..., None] > 0, [0x1F, 0x5F, 0xA8], [0xB4, 0x54, 0x0A]) / 255
    share = 0.9 * np.abs(slope)[..., None]
    wanted = (1 - ink[..., None]) * (1 - share) + colors * share
    np.testing.assert_allclose(image.get_array(), wanted, atol=1e-5)


@pytest.mark.parametrize("label", [None, 1])
def test_the_gradient_of_a_class_by_the_pixels(model: Sequential, label: int | None) -> None:
    w1, b1, w2, _ = (w.astype(float) for w in model.get_weights())
    active = X.reshape(60, -1) / 255 @ w1 + b1 > 0
    p = by_hand(model)["p"]
    chosen = p.argmax(axis=1) if label is None else np.full(60, label)
    wanted = np.stack([w1 @ (a * w2[:, k]) / 255 for a, k in zip(active, chosen, strict=True)])
    found = class_gradient(model, X, label)
    np.testing.assert_allclose(found, wanted.reshape(60, 6, 7), rtol=1e-4, atol=1e-8)
    ax = saliency(model, X[5], label)
    slope = wanted[5] / np.abs(wanted[5]).max()
    assert_overlay(ax, X[5] / X[5].max(), slope.reshape(6, 7))
    k = chosen[5]
    said = re.fullmatch(r"(\d): probability ([\d.]+)", ax.get_title())
    assert said
    assert (int(said[1]), float(said[2])) == (k, pytest.approx(p[5, k], abs=6e-5))


def test_colored_images() -> None:
    model = Sequential([Flatten(input_shape=(4, 5, 3)), Dense(3, "softmax")], seed=0)
    w, b = model.get_weights()
    x = RNG.random((9, 4, 5, 3)).astype(np.float32)
    k = (x[0].ravel() @ w + b).argmax()
    slope = w[:, k].reshape(4, 5, 3).sum(axis=2)
    gray = x[0].mean(axis=2)
    assert_overlay(saliency(model, x[0]), gray / gray.max(), slope / np.abs(slope).max())
    assert mistakes(model, x, np.arange(9) % 3).images[0].get_array().shape[2] == 3


# --- Where they are drawn, and what is refused ----------------------------------------------------

DRAW: dict[str, Callable[..., Axes]] = {
    "weight_images": lambda model, ax: weight_images(model, ax=ax),
    "activations": lambda model, ax: activations(model, X, ax=ax),
    "gradients": lambda model, ax: gradients(model, X, Y, ax=ax),
    "mistakes": lambda model, ax: mistakes(model, X, Y, ax=ax),
    "class_errors": lambda model, ax: class_errors(model, X, Y, ax=ax),
    "saliency": lambda model, ax: saliency(model, X[0], ax=ax),
}


@pytest.mark.parametrize("name", DRAW)
def test_they_draw_on_the_axes_that_are_given(name: str, model: Sequential) -> None:
    figure = matplotlib.figure.Figure()
    given = figure.subplots()
    assert DRAW[name](model, given) is given
    assert given.has_data() or given.texts
    assert not pyplot.get_fignums()
    new = DRAW[name](model, None)
    assert pyplot.get_fignums() == [new.figure.number]


class NoClasses(Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


REFUSED: dict[str, tuple[Callable[[Sequential], Any], str]] = {
    "layer": (lambda m: weight_images(m, "other"), "has no layer 'other' with a kernel; it has hi"),
    "no image": (lambda m: weight_images(m, "last"), "the weights of last, of shape"),
    "count": (lambda m: weight_images(m, count=0), "weight_images got count=0; expected at least"),
    "no examples": (lambda m: activations(m, X[:0]), "got no examples: there is nothing to draw"),
    "shape": (lambda m: class_errors(m, X[:, 1:], Y), "expected examples of shape"),
    "too few": (lambda m: surest_mistakes(m, X, Y[:5]), "got 60 examples and classes of shape"),
    "labels": (
        lambda m: surest_mistakes(m, X, np.eye(4)[Y] + np.eye(4)[0]),
        "got rows that are not one-hot; give each example one class",
    ),
    "class": (lambda m: class_errors(m, X, Y + 1), "got class 4 and classes=4"),
    "names": (lambda m: class_errors(m, X, Y, ["a"]), "got 1 names for 4 classes: a"),
    "label": (lambda m: saliency(m, X[0], 4), "got label=4; expected a class from 0 to 3"),
    "mistakes": (lambda m: mistakes(m, X, Y, count=0), "got count=0 mistakes; expected at least 1"),
    "not compiled": (
        lambda m: layer_gradients(Sequential([Flatten(), Dense(2)]), X, Y),
        "compile(optimizer, loss) the model first",
    ),
    "no layers": (
        lambda m: activations(Sequential([Flatten(input_shape=(6, 7))]), X),
        "the model has no layers with weights or activations to draw",
    ),
    "no images": (
        lambda m: mistakes(Sequential([Dense(4, input_shape=(5,))]), np.ones((2, 5)), [1, 0]),
        "expected images of shape (rows, columns), (rows, columns, 1 or 3) or",
    ),
    "no classes": (
        lambda m: surest_mistakes(Sequential([NoClasses(input_shape=(6, 7))]), X, Y),
        "has outputs of shape (None, 6, 7); expected (None, classes)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_drawn_is_refused_in_one_line(name: str, model: Sequential) -> None:
    call, said = REFUSED[name]
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        call(model)
    assert "\n" not in str(caught.value)
    assert not pyplot.get_fignums()


def test_a_model_of_several_inputs_has_weights_and_activities_and_no_saliency():
    both = [Input((4, 4)), Input((16,))]
    model = Model(
        both, Dense(3, "softmax")(concatenate([Flatten()(both[0]), both[1]])), name="mine"
    )
    x = [np.ones((5, 4, 4)), np.ones((5, 16))]
    assert [layer.name for layer in layer_activity(model, x)] == ["dense"]
    with pytest.raises(
        ValueError, match=r"^mine takes several inputs at once; give a model of one"
    ):
        class_gradient(model, x)
    with pytest.raises(
        ValueError, match=r"the weights of dense, of shape \(32, 3\), are no images"
    ):
        weight_images(model)
