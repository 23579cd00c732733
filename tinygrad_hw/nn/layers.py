"""Layers: what turns one batch into the next. Arguments and defaults are Keras's."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_hw.engine import Value, numpy_api
from tinygrad_hw.engine.core import ops
from tinygrad_hw.nn.initializers import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    Initializer,
    RandomNormal,
)

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda z: z,
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "softmax": numpy_api.softmax,
    "softplus": ops.softplus,
    "tanh": ops.tanh,
}
INITIALIZERS: dict[str, Initializer] = {
    "glorot_normal": GlorotNormal(),
    "glorot_uniform": GlorotUniform(),
    "he_normal": HeNormal(),
    "random_normal": RandomNormal(),
}


class Flatten:
    """(n, rows, columns, ...) to (n, rows · columns · ...)."""

    activation = "linear"
    name = "flatten"

    def __init__(self, input_shape: tuple[int, ...] | None = None) -> None:
        self.input_shape = input_shape
        self.parameters: list[Value] = []

    def build(self, shape: tuple[int, ...], generator: np.random.Generator) -> tuple[int, ...]:
        """Return the shape of one output for the shape of one input."""
        return (math.prod(shape),)

    def __call__(self, x: Any) -> Any:
        """Reshape a batch, without copying where it is flat already."""
        rows = x.shape[0]
        flat = (rows, math.prod(x.shape[1:]))
        return x if x.shape == flat else ops.reshape(x, flat)


class Rescaling:
    """Inputs times ``scale``: pixels of 0 to 255 to numbers of 0 to 1, with 1 / 255.

    As a layer it saves memory: the images stay whole numbers until their batch's turn comes.
    """

    activation = "linear"
    name = "rescaling"

    def __init__(self, scale: float, input_shape: tuple[int, ...] | None = None) -> None:
        self.scale = scale
        self.input_shape = input_shape
        self.parameters: list[Value] = []

    def build(self, shape: tuple[int, ...], generator: np.random.Generator) -> tuple[int, ...]:
        """Return the shape of one output for the shape of one input."""
        return shape

    def __call__(self, x: Any) -> Any:
        """Give float32s, whatever comes."""
        return ops.astype(x, np.float32) * float(self.scale)


class Dense:
    """X @ kernel + bias, then the activation, which ``Sequential`` applies.

    Parameters
    ----------
    units
        Width of the output.
    activation
        A name of ACTIVATIONS; None is "linear".
    kernel_initializer
        A name of INITIALIZERS, or an initializer. The bias starts at zero.
    input_shape
        Shape of one input, for the first layer of a model.
    """

    name = "dense"

    def __init__(
        self,
        units: int,
        activation: str | None = None,
        kernel_initializer: str | Initializer = "glorot_uniform",
        input_shape: tuple[int, ...] | None = None,
    ) -> None:
        if units < 1:
            raise ValueError(f"Dense got units={units}; a layer needs at least 1")
        self.units = units
        self.activation = _named(activation or "linear", ACTIVATIONS, "activation")
        self.kernel_initializer = (
            INITIALIZERS[_named(kernel_initializer, INITIALIZERS, "kernel_initializer")]
            if isinstance(kernel_initializer, str)
            else kernel_initializer
        )
        self.input_shape = input_shape
        self.parameters: list[Value] = []

    def build(self, shape: tuple[int, ...], generator: np.random.Generator) -> tuple[int, ...]:
        """Draw the kernel; return the shape of one output for the shape of one input."""
        if len(shape) != 1:
            raise ValueError(f"Dense got inputs of shape {shape}; put a Flatten() before it")
        kernel = self.kernel_initializer((shape[0], self.units), generator)
        bias = np.zeros(self.units, np.float32)
        self.parameters = [Value(kernel, f"{self.name}/kernel"), Value(bias, f"{self.name}/bias")]
        return (self.units,)

    def __call__(self, x: Any) -> Any:
        """Give the logits, (n, fan-in) to (n, units)."""
        kernel, bias = self.parameters
        return ops.matmul(x, kernel) + bias


Layer = Dense | Flatten | Rescaling


def _named(name: str, known: dict[str, Any], what: str) -> str:
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; known are {', '.join(known)}")
    return name
