"""Activations and gradients, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import no_grad
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.nn.layers.activations import Activated, LeakyReLU, ReLU
from tinygrad_hw.nn.layers.base import Layer
from tinygrad_hw.nn.layers.process import Call, calling
from tinygrad_hw.nn.pictures.axes import AGAINST, FOR, axes_for, write_beside
from tinygrad_hw.nn.pictures.scores import examples_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


class LayerNumbers(NamedTuple):
    """The activations of a layer, or the gradients of its weights, in a few numbers.

    Attributes
    ----------
    name
        The name of the layer.
    units
        The number of its units: neurons, or channels.
    dead
        The number of units that give 0 for every example, or whose weights get no gradient.
    zeros
        The share of zeros among all numbers.
    mean
        The mean of the activations; of gradients, of their sizes.
    quantiles
        The numbers (of gradients, their sizes) below which are 5, 25, 50, 75 and 95 % of all.
    """

    name: str
    units: int
    dead: int
    zeros: float
    mean: float
    quantiles: tuple[float, ...]

    @classmethod
    def of(cls, name: str, numbers: npt.NDArray[Any]) -> LayerNumbers:
        """Return the numbers of an array whose last axis is the units."""
        is_dead = (numbers == 0).all(axis=tuple(range(numbers.ndim - 1)))
        return cls(
            name,
            numbers.shape[-1],
            int(is_dead.sum()),
            float((numbers == 0).mean()),
            float(numbers.mean(dtype=np.float64)),
            tuple(np.quantile(numbers, SHARES).tolist()),
        )


def layer_activity(model: Any, x: npt.ArrayLike) -> list[LayerNumbers]:
    """Return the activations of a model's layers on examples, in the order of their calls.

    The layers are those with weights, and activations by themselves. All examples are computed at
    once.

    Parameters
    ----------
    model
        A model that is built, or can be from the examples.
    x
        Examples, (n, *input_shape).
    """
    inputs = examples_for(model, x)
    with no_grad(), _outputs_of_layers(model) as outputs, calling(Call(False)):
        model(inputs)
    return [LayerNumbers.of(layer.name, np.asarray(raw(out))) for layer, out in outputs]


def layer_gradients(model: Any, x: npt.ArrayLike, y: Any) -> list[LayerNumbers]:
    """Return the sizes of the gradients of the loss by the weights, layer by layer.

    The loss is that of ``evaluate``, with what regularizers add: nothing is drawn at random.
    Gradients that the model had stay.

    Parameters
    ----------
    model
        A model that is compiled, and built or can be from the examples.
    x, y
        Examples and their targets, all of them one batch.
    """
    inputs = examples_for(model, x)
    model.require_compiled()
    inputs, targets, _ = model.converted(inputs, y, None)
    kept = [(weight, weight.grad) for weight in model.weights]
    layers = [x for x in model.flat_layers() if not x.sublayers() and x.trainable_weights]
    try:
        for weight, _ in kept:
            weight.grad = None
        objective = model.objective
        with calling(Call(False)) as call:
            z = model.logits(inputs) if objective.on_logits else model(inputs)
        loss = objective.loss_of(targets, z, None)
        for more in (*call.losses, *model.losses):
            loss = loss + more
        loss.backward()
        return [LayerNumbers.of(x.name, _gradient(x)) for x in layers]
    finally:
        for weight, gradient in kept:
            weight.grad = gradient


def _gradient(layer: Layer) -> npt.NDArray[Any]:
    """Return the sizes of a layer's gradients, those of a unit in a column."""
    units = layer.trainable_weights[0].shape[-1]
    sizes = [
        np.abs(np.zeros(w.shape) if w.grad is None else np.asarray(raw(w.grad)))
        for w in layer.trainable_weights
    ]
    columns = [size.reshape(-1, units) for size in sizes if size.shape[-1:] == (units,)]
    return np.concatenate(columns)


@contextmanager
def _outputs_of_layers(model: Any) -> Iterator[list[tuple[Layer, Any]]]:
    """Collect the outputs of the layers that are called meanwhile, in order."""
    outputs: list[tuple[Layer, Any]] = []
    watched = [x for x in model.flat_layers() if not x.sublayers() and _is_shown(x)]

    def watch(layer: Layer) -> None:
        call = layer.call

        def watched_call(*inputs: Any, **options: Any) -> Any:
            result = call(*inputs, **options)
            outputs.append((layer, result))
            return result

        vars(layer)["call"] = watched_call  # not by setattr: no program depends on it

    try:
        for layer in watched:
            watch(layer)
        yield outputs
    finally:
        for layer in watched:
            vars(layer).pop("call", None)


def _is_shown(layer: Layer) -> bool:
    return bool(layer.weights) or isinstance(layer, Activated | ReLU | LeakyReLU)


def activations(model: Any, x: npt.ArrayLike, ax: Axes | None = None) -> Axes:
    """Draw the activations of each layer on examples, and count its dead units.

    A box has the middle half of a layer's activations, the line in it the median, the lines beside
    it reach from 5 to 95 %. A dead unit gives 0 for every example. See ``layer_activity``.
    """
    numbers = layer_activity(model, x)
    ax = _boxes(numbers, ax, "{} of {} dead")
    ax.set_xlabel("activation")
    return ax


def gradients(model: Any, x: npt.ArrayLike, y: Any, ax: Axes | None = None) -> Axes:
    """Draw the sizes of the gradients by each layer's weights, and count units without any.

    The boxes are as those of ``activations``. The scale is logarithmic: what reaches the left edge
    is 0. See ``layer_gradients``.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    numbers = layer_gradients(model, x, y)
    positive = [q for layer in numbers for q in layer.quantiles if q > 0]
    least = min(positive, default=0.0) / 2
    ax = _boxes(numbers, ax, "{} of {} without", least)
    if positive:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(numticks=6))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlim(left=least)
    ax.set_xlabel("size of the gradient by a weight")
    return ax


def _boxes(
    numbers: Sequence[LayerNumbers], ax: Axes | None, counted: str, least: float = -np.inf
) -> Axes:
    """Draw a box for each layer, the first at the top, and the number of dead units beside it."""
    if not numbers:
        raise ValueError("the model has no layers with weights or activations to draw")
    ax = axes_for(ax, 6.0, 0.6 + 0.6 * len(numbers))
    for i, layer in enumerate(numbers):
        low, first, median, third, high = (max(q, least) for q in layer.quantiles)
        ax.plot([low, first, np.nan, third, high], [i] * 5, color=FOR, linewidth=1)
        ax.barh(i, third - first, 0.5, first, facecolor="none", edgecolor=FOR)
        ax.plot([median, median], [i - 0.25, i + 0.25], color=AGAINST, linewidth=2)
        write_beside(ax, i, counted.format(layer.dead, layer.units))
    ax.set_yticks(range(len(numbers)), [layer.name for layer in numbers])
    ax.set_ylim(len(numbers) - 0.5, -0.5)
    return ax
