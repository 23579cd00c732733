"""Layers that compute each element by itself, and those that end with an activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.nn import activations
from tinygrad_hw.nn.layers.base import Layer


class Elementwise(Layer):
    """Base class of layers whose outputs have the shape of their inputs."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the inputs."""
        return input_shape


class Activated(Layer):
    """Base class of layers that end with an activation, a function of their logits.

    A loss may be computed from the logits of a model's last layer, where that is more exact.
    """

    def __init__(self, activation: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.activation = activation

    @property
    def activation(self) -> Callable[[Any], Any]:
        """Return the activation, a function; it may be set to one, or to a name."""
        return self._activation

    @activation.setter
    def activation(self, new: Any) -> None:
        self._activation: Callable[[Any], Any] = activations.get(new)

    def logits(self, inputs: Any) -> Any:
        """Return what the activation is applied to."""
        return inputs

    def call(self, inputs: Any) -> Any:
        """Return the activation of the logits."""
        return self.activation(self.logits(inputs))

    @property
    def has_logits(self) -> bool:
        """Return whether the outputs are the activation of ``logits``: a subclass may differ."""
        return type(self).call is Activated.call

    def logits_of_model(self, inputs: Any) -> Any:
        """Return the logits, of which a loss is computed; add to it what a call would add."""
        z = self.logits(inputs)
        if self.activity_regularizer is not None:
            self.add_activity_loss(self.activation(z))
        return z


class Activation(Activated, Elementwise):
    """Layer that applies an activation: a name of ``nn.activations``, or a function."""

    def __init__(self, activation: Any, **options: Any) -> None:
        super().__init__(activation, **options)


class Softmax(Activated, Elementwise):
    """Layer of the softmax along an axis."""

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__("softmax" if axis == -1 else self._along_axis, **options)
        self.axis = axis

    def _along_axis(self, inputs: Any) -> Any:
        return numpy_api.softmax(inputs, axis=self.axis)


class ReLU(Elementwise):
    """Layer of max(x, 0), with Keras's variations.

    Parameters
    ----------
    max_value
        Upper limit; None is none.
    negative_slope
        Slope below the threshold.
    threshold
        Inputs below give negative_slope · (x - threshold).
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        numbers = {
            "max_value": 0.0 if max_value is None else max_value,
            "negative_slope": negative_slope,
            "threshold": threshold,
        }
        for name, number in numbers.items():
            if number is None or number < 0:
                raise ValueError(f"ReLU got {name}={number}; it should be at least 0")
        self.max_value = max_value
        self.negative_slope, self.threshold = negative_slope, threshold

    def call(self, inputs: Any) -> Any:
        """Return the rectified inputs."""
        if self.threshold or self.negative_slope:
            below = (inputs - self.threshold) * self.negative_slope
            outputs = ops.where(inputs >= self.threshold, inputs, below)
        else:
            outputs = ops.relu(inputs)
        return outputs if self.max_value is None else ops.minimum(outputs, self.max_value)


class LeakyReLU(Elementwise):
    """Layer of x where it is positive, and negative_slope · x elsewhere."""

    def __init__(self, negative_slope: float = 0.3, **options: Any) -> None:
        super().__init__(**options)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                f"LeakyReLU got negative_slope={negative_slope}; it should be at least 0"
            )
        self.negative_slope = negative_slope

    def call(self, inputs: Any) -> Any:
        """Return the inputs, the negative ones multiplied."""
        return ops.where(inputs > 0, inputs, inputs * self.negative_slope)
