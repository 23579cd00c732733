"""Initializers: they draw the first weights. Names, formulas and defaults are Keras's.

An initializer is called with the shape (fan-in, fan-out) of a kernel and the model's generator. An
initializer with a ``seed`` of its own draws from that instead, so it returns the same weights in
every model and every layer.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Initializer = Callable[[tuple[int, int], np.random.Generator], npt.NDArray[np.float32]]

# Standard deviation of a normal distribution cut off at two standard deviations. Dividing by it
# gives the truncated distribution the standard deviation asked for.
TRUNCATED_STDDEV = 0.87962566103423978


class _Seeded:
    """Base class of initializers, with an optional seed of their own."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"

    def _generator(self, of_model: np.random.Generator) -> np.random.Generator:
        return of_model if self.seed is None else np.random.default_rng(self.seed)


class GlorotUniform(_Seeded):
    """Uniform distribution in ±sqrt(6 / (fan-in + fan-out)). Glorot and Bengio, 2010."""

    def __call__(
        self, shape: tuple[int, int], generator: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """Draw a kernel of shape (fan-in, fan-out), as float32."""
        limit = math.sqrt(6 / sum(shape))
        return self._generator(generator).uniform(-limit, limit, shape).astype(np.float32)


class GlorotNormal(_Seeded):
    """Truncated normal distribution of variance 2 / (fan-in + fan-out). Glorot and Bengio, 2010."""

    def __call__(
        self, shape: tuple[int, int], generator: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """Draw a kernel of shape (fan-in, fan-out), as float32."""
        return _truncated_normal(shape, math.sqrt(2 / sum(shape)), self._generator(generator))


class HeNormal(_Seeded):
    """Truncated normal distribution of variance 2 / fan-in, for ReLU. He et al., 2015."""

    def __call__(
        self, shape: tuple[int, int], generator: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """Draw a kernel of shape (fan-in, fan-out), as float32."""
        return _truncated_normal(shape, math.sqrt(2 / shape[0]), self._generator(generator))


class RandomNormal(_Seeded):
    """Normal distribution, not truncated, with one standard deviation for every shape."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(
        self, shape: tuple[int, int], generator: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """Draw a kernel of shape (fan-in, fan-out), as float32."""
        weights = self._generator(generator).normal(self.mean, self.stddev, shape)
        return weights.astype(np.float32)


def _truncated_normal(
    shape: tuple[int, int], stddev: float, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Draw from a normal distribution; redraw numbers beyond two standard deviations."""
    weights = generator.standard_normal(shape)
    while (outside := np.abs(weights) > 2).any():
        weights[outside] = generator.standard_normal(np.count_nonzero(outside))
    return (weights * (stddev / TRUNCATED_STDDEV)).astype(np.float32)


INITIALIZERS: dict[str, Initializer] = {
    "glorot_normal": GlorotNormal(),
    "glorot_uniform": GlorotUniform(),
    "he_normal": HeNormal(),
    "random_normal": RandomNormal(),
}
