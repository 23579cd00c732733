"""Layers that disturb their inputs in training, and pass them on otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinygrad_hw.nn.layers.activations import Elementwise


class Dropout(Elementwise):
    """Layer that sets a fraction of its inputs to 0 in training, and scales the others up.

    Parameters
    ----------
    rate
        The fraction, 0 to 1. The others are divided by 1 - rate, so that the mean stays.
    noise_shape
        Shape of what is dropped together, with None where it is the inputs'; 1 drops all along an
        axis, or none.
    seed
        Seed of the layer's own generator; None draws from the model's.
    """

    is_random: ClassVar[bool] = True

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not 0 <= rate <= 1:
            raise ValueError(f"Dropout got rate={rate}; give a fraction, 0 to 1")
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.seed_generator = None if seed is None else np.random.default_rng(seed)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        """Return the factors for inputs of a shape: 0, or 1 / (1 - rate)."""
        if self.noise_shape is not None:
            shape = tuple([n or m for n, m in zip(self.noise_shape, shape, strict=True)])
        if self.rate == 1:
            return np.zeros(shape, self.dtype)
        kept = (self.seed_generator or generator).random(shape, np.float32) >= self.rate
        return kept * self.dtype.type(1 / (1 - self.rate))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs, in training times the factors."""
        if not training or not self.rate:
            return inputs
        return inputs * self.drawn_for(inputs.shape)


class GaussianNoise(Elementwise):
    """Layer that adds normal noise in training.

    Parameters
    ----------
    stddev
        Standard deviation of the noise, 0 to 1.
    seed
        Seed of the layer's own generator; None draws from the model's.
    """

    is_random: ClassVar[bool] = True

    def __init__(self, stddev: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        if not 0 <= stddev <= 1:
            raise ValueError(f"GaussianNoise got stddev={stddev}; it should be 0 to 1")
        self.stddev, self.seed = stddev, seed
        self.seed_generator = None if seed is None else np.random.default_rng(seed)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        """Return the noise for inputs of a shape."""
        noise = (self.seed_generator or generator).standard_normal(shape, np.float32)
        return noise * self.dtype.type(self.stddev)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs, in training with noise."""
        if not training or not self.stddev:
            return inputs
        return inputs + self.drawn_for(inputs.shape)
