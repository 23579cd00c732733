"""Initializers: they draw the first weights. Names, formulas and defaults are Keras's.

An initializer with a ``seed`` of its own returns the same weights in every model and every layer.
One without draws from the model's generator; called by itself, it returns other weights each time,
where Keras's repeats itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine.core.data import as_array
from tinygrad_hw.nn.registry import Configurable, Registry

Weights = npt.NDArray[np.floating[Any]]

# Standard deviation of a normal distribution cut off at two standard deviations. Dividing by it
# gives the truncated distribution the standard deviation asked for.
TRUNCATED_STDDEV = 0.87962566103423978
MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


class Initializer(Configurable):
    """Base class of initializers; a subclass of one's own has ``__call__(shape, dtype=None)``."""

    def __call__(
        self,
        shape: Sequence[int],
        dtype: npt.DTypeLike | None = None,
        generator: np.random.Generator | None = None,
    ) -> Weights:
        """Return weights of a shape, in a dtype or as float32; one's own need no generator."""
        raise NotImplementedError(f"{type(self).__name__} is to define __call__(shape, dtype=None)")


class Drawn(Initializer):
    """Base class of this module's initializers: ``draw`` returns the weights as float64."""

    seed: int | None = None

    def __call__(
        self,
        shape: Sequence[int],
        dtype: npt.DTypeLike | None = None,
        generator: np.random.Generator | None = None,
    ) -> Weights:
        """Return weights of a shape, as float32 or in another dtype.

        Parameters
        ----------
        shape
            A kernel's is (fan-in, fan-out), or (rows, columns, channels, filters).
        dtype
            float32 by default.
        generator
            What to draw from where the initializer has no ``seed``; a fresh one by default.
        """
        kind = np.dtype(np.float32 if dtype is None else dtype)
        if kind.kind != "f":
            raise ValueError(f"weights are floating numbers; got dtype {kind.name}")
        if self.seed is not None or generator is None:
            generator = np.random.default_rng(self.seed)
        return self.draw(tuple(map(int, shape)), generator).astype(kind)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Weights:
        """Return weights of a shape, as float64."""
        raise NotImplementedError


# --- Constants ------------------------------------------------------------------------------------


class Constant(Drawn):
    """The same number everywhere, or an array that is broadcast to the shape."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Weights:
        """Return the value, in the shape."""
        return np.broadcast_to(as_array(self.value).astype(np.float64), shape)


class Zeros(Drawn):
    """Zeros, for a bias."""

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Weights:
        """Return zeros."""
        return np.zeros(shape)


class Ones(Drawn):
    """Ones, for a scale."""

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Weights:
        """Return ones."""
        return np.ones(shape)


class Identity(Drawn):
    """``gain`` on the diagonal of a matrix, and zeros elsewhere."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Weights:
        """Return the matrix."""
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices, got shape {shape}")
        return self.gain * np.eye(*shape)


# --- The same distribution for every shape --------------------------------------------------------


class RandomNormal(Drawn):
    """Normal distribution, not truncated, with one standard deviation for every shape."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Weights:
        """Return weights of a shape, as float64."""
        return generator.normal(self.mean, self.stddev, shape)


class TruncatedNormal(RandomNormal):
    """Normal distribution of ``stddev``; numbers beyond two of these are drawn again."""

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Weights:
        """Return weights of a shape, as float64."""
        return self.mean + _truncated_normal(shape, self.stddev, generator)


class RandomUniform(Drawn):
    """Uniform distribution between two bounds."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        self.minval = minval
        self.maxval = maxval
        self.seed = seed

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Weights:
        """Return weights of a shape, as float64."""
        return generator.uniform(self.minval, self.maxval, shape)


class Orthogonal(Drawn):
    """Matrix with orthogonal rows or columns of length ``gain``. Saxe et al., 2014.

    With more dimensions than two, all but the last are taken for rows.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = gain
        self.seed = seed

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Weights:
        """Return weights of a shape, as float64."""
        if len(shape) < 2:
            raise ValueError(f"Orthogonal makes matrices, got shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diagonal(r))  # without the signs not all directions are equally likely
        weights: Weights = self.gain * (q if rows >= columns else q.T).reshape(shape)
        return weights


# --- Scaled by the number of connections ----------------------------------------------------------


class VarianceScaling(Drawn):
    """Distribution of variance scale / fan.

    Parameters
    ----------
    scale
        Variance of a unit's sum, for inputs of variance 1 and the mode "fan_in".
    mode
        "fan_in", "fan_out" or "fan_avg", the mean of both.
    distribution
        "truncated_normal" (or "normal"), "untruncated_normal" or "uniform".
    seed
        A seed of its own; None for the model's generator.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if scale <= 0 or mode not in MODES or distribution not in DISTRIBUTIONS:
            raise ValueError(
                f"VarianceScaling got scale={scale}, mode={mode!r}, distribution={distribution!r}; "
                f"give a scale above 0, a mode of {', '.join(MODES)} and a distribution of "
                f"{', '.join(DISTRIBUTIONS)}"
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.seed = seed

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Weights:
        """Return weights of a shape, as float64."""
        fan_in, fan_out = fans(shape)
        connections = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": fan_in + fan_out}[self.mode]
        ends = 2 if self.mode == "fan_avg" else 1
        connections = max(connections, ends)  # of an empty shape, 1
        if self.distribution == "uniform":
            limit = math.sqrt(3 * ends * self.scale / connections)
            return generator.uniform(-limit, limit, shape)
        stddev = math.sqrt(ends * self.scale / connections)
        if self.distribution == "truncated_normal":
            return _truncated_normal(shape, stddev / TRUNCATED_STDDEV, generator)
        return generator.normal(0.0, stddev, shape)


class GlorotUniform(VarianceScaling):
    """Uniform distribution in ±sqrt(6 / (fan-in + fan-out)). Glorot and Bengio, 2010."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Truncated normal distribution of variance 2 / (fan-in + fan-out). Glorot and Bengio, 2010."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """Uniform distribution in ±sqrt(6 / fan-in), for ReLU. He et al., 2015."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


class HeNormal(VarianceScaling):
    """Truncated normal distribution of variance 2 / fan-in, for ReLU. He et al., 2015."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class LecunUniform(VarianceScaling):
    """Uniform distribution in ±sqrt(3 / fan-in), for SELU. LeCun et al., 1998."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed)


class LecunNormal(VarianceScaling):
    """Truncated normal distribution of variance 1 / fan-in, for SELU. LeCun et al., 1998."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the fan-in and the fan-out of weights: those of one place for each in a window.

    A kernel (rows, columns, channels, filters) has fans of rows · columns · channels and
    rows · columns · filters.
    """
    if len(shape) < 2:
        return (shape or (1,)) * 2  # type: ignore[return-value]
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def _truncated_normal(
    shape: tuple[int, ...], stddev: float, generator: np.random.Generator
) -> Weights:
    """Draw from a normal distribution; redraw numbers beyond two standard deviations."""
    weights = np.asarray(generator.standard_normal(shape))
    while (outside := np.abs(weights) > 2).any():
        weights[outside] = generator.standard_normal(np.count_nonzero(outside))
    drawn: Weights = weights * stddev
    return drawn


# --- By name --------------------------------------------------------------------------------------


class OfFunction(Initializer):
    """A function ``(shape, dtype)`` or an initializer of a user's own, which take no generator."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(
        self,
        shape: Sequence[int],
        dtype: npt.DTypeLike | None = None,
        generator: np.random.Generator | None = None,
    ) -> Weights:
        """Return the function's weights; refuse those of another shape."""
        weights = as_array(self.function(shape, dtype=dtype))
        if weights.shape != tuple(shape):
            name = getattr(self.function, "__name__", self.function)
            raise ValueError(
                f"the initializer {name} returned weights of shape {weights.shape} for {shape}; "
                "return an array of the shape that it is called with"
            )
        return weights.astype(np.float32 if dtype is None else dtype)


_TABLE: Registry[Initializer] = Registry(
    "initializer",
    Initializer,
    [
        *(Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal),
        *(LecunUniform, Ones, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal),
        *(VarianceScaling, Zeros),
    ],
    {"normal": RandomNormal, "one": Ones, "uniform": RandomUniform, "zero": Zeros},
)
deserialize = _TABLE.deserialize


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Return the class's name and the configuration of an initializer, as plain data."""
    own = initializer.function if isinstance(initializer, OfFunction) else initializer
    if not isinstance(own, Initializer):
        raise ValueError(
            f"{own!r} is a function, which cannot be written as data; make a class of it, derived "
            "from Initializer"
        )
    return _TABLE.serialize(own)


def get(identifier: Any) -> Initializer:
    """Return the initializer for a name, a class, an initializer, or a function (shape, dtype).

    Raises
    ------
    ValueError
        For an unknown name, and for anything else.
    """
    found = _TABLE.get(identifier, OfFunction)
    return found if isinstance(found, Drawn | OfFunction) else OfFunction(found)
