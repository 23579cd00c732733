"""Layers that give a mean of 0 and a variance of 1: over a batch, or in each example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.node import raw, read_data
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.nn import initializers, regularizers
from tinygrad_hw.nn.layers.activations import Elementwise
from tinygrad_hw.nn.layers.base import Shape


class _Normalization(Elementwise):
    """Base class: scale and center, weights named gamma and beta."""

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta: tuple[Any, Any],
        gamma: tuple[Any, Any],
        options: dict[str, Any],
    ) -> None:
        super().__init__(**options)
        self.epsilon, self.center, self.scale = epsilon, center, scale
        self.beta_initializer = initializers.get(beta[0])
        self.beta_regularizer = regularizers.get(beta[1])
        self.gamma_initializer = initializers.get(gamma[0])
        self.gamma_regularizer = regularizers.get(gamma[1])

    def _add_weights(self, shape: tuple[int, ...]) -> None:
        if self.scale:
            self.gamma = self.add_weight(
                shape, self.gamma_initializer, regularizer=self.gamma_regularizer, name="gamma"
            )
        if self.center:
            self.beta = self.add_weight(
                shape, self.beta_initializer, regularizer=self.beta_regularizer, name="beta"
            )

    def _normalized(self, x: Any, mean: Any, variance: Any, shape: tuple[int, ...]) -> Any:
        """Return (x - mean) / sqrt(variance + epsilon), scaled and centered."""
        factor = (variance + self.epsilon) ** -0.5
        if self.scale:
            factor = factor * ops.reshape(self.gamma, shape)
        shift = -(mean * factor)
        return x * factor + (shift + ops.reshape(self.beta, shape) if self.center else shift)


class BatchNormalization(_Normalization):
    """Layer that normalizes each feature over a batch in training, and by moving averages else.

    With ``trainable`` False it uses the averages in training, too, as in Keras.

    Parameters
    ----------
    axis
        The axis of the features.
    momentum
        Part of the old average that stays in a step.
    epsilon
        Added to the variance.
    center, scale
        Whether there are beta, to add, and gamma, to multiply by.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        **options: Any,
    ) -> None:
        beta, gamma = (beta_initializer, beta_regularizer), (gamma_initializer, gamma_regularizer)
        super().__init__(epsilon, center, scale, beta, gamma, options)
        self.axis, self.momentum = int(axis), momentum
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape: Shape) -> None:
        """Make gamma, beta and the moving averages, a number for each feature."""
        width = input_shape[self.axis]
        if width is None:
            raise ValueError(f"{self.name} got inputs of shape {input_shape}: axis has no length")
        self._add_weights((width,))
        for kind in ("mean", "variance"):
            initializer = getattr(self, f"moving_{kind}_initializer")
            name = f"moving_{kind}"
            setattr(self, name, self.add_weight((width,), initializer, trainable=False, name=name))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the normalized inputs; in training, move the averages."""
        axis = self.axis % inputs.ndim
        shape = tuple([n if i == axis else 1 for i, n in enumerate(inputs.shape)])
        averages: list[Any] = [vars(self)["moving_mean"], vars(self)["moving_variance"]]
        if not training or not self.trainable:
            mean, variance = [ops.reshape(average, shape) for average in averages]
            return self._normalized(inputs, mean, variance, shape)
        others = tuple([i for i in range(inputs.ndim) if i != axis])
        moments = [np.mean(inputs, axis=others), np.var(inputs, axis=others)]
        for average, new in zip(averages, moments, strict=True):
            old = read_data(average) * self.momentum
            current().trace.store(average, old + raw(new) * (1.0 - self.momentum))
        mean, variance = [ops.reshape(moment, shape) for moment in moments]
        return self._normalized(inputs, mean, variance, shape)


class LayerNormalization(_Normalization):
    """Layer that normalizes each example, along an axis or several.

    Parameters
    ----------
    axis
        The axis, or a list of axes.
    epsilon, center, scale
        As those of ``BatchNormalization``.
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        **options: Any,
    ) -> None:
        beta, gamma = (beta_initializer, beta_regularizer), (gamma_initializer, gamma_regularizer)
        super().__init__(epsilon, center, scale, beta, gamma, options)
        self.axis = axis if isinstance(axis, int) else tuple(axis)

    def _axes(self, ndim: int) -> tuple[int, ...]:
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        if any(not -ndim <= axis < ndim for axis in axes):
            raise ValueError(f"{self.name} has axis={self.axis}, its inputs {ndim} dimensions")
        return tuple(sorted([axis % ndim for axis in axes]))

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta, a number for each place along the axes."""
        shape = [input_shape[axis] for axis in self._axes(len(input_shape))]
        if None in shape:
            raise ValueError(f"{self.name} got inputs of shape {input_shape}: axis has no length")
        self._add_weights(tuple([n or 0 for n in shape]))

    def call(self, inputs: Any) -> Any:
        """Return the normalized inputs."""
        axes = self._axes(inputs.ndim)
        shape = tuple([n if i in axes else 1 for i, n in enumerate(inputs.shape)])
        mean = np.mean(inputs, axis=axes, keepdims=True)
        variance = np.var(inputs, axis=axes, keepdims=True)
        return self._normalized(inputs, mean, variance, shape)
