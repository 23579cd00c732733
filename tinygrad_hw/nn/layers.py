"""Layers: functions from one batch to the next. Arguments and defaults are Keras's."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.nn.initializers import INITIALIZERS, Initializer


class Flatten:
    """Layer that flattens each example: (n, rows, columns, ...) to (n, rows · columns · ...)."""

    activation = "linear"
    name = "flatten"

    def __init__(self, input_shape: tuple[int, ...] | None = None) -> None:
        self.input_shape = input_shape
        self.parameters: list[Value] = []

    def build(self, shape: tuple[int, ...], generator: np.random.Generator) -> tuple[int, ...]:
        """Return the shape of one output, from the shape of one input."""
        return (math.prod(shape),)

    def __call__(self, x: Any) -> Any:
        """Reshape a batch; return a flat batch unchanged."""
        rows = x.shape[0]
        flat = (rows, math.prod(x.shape[1:]))
        return x if x.shape == flat else ops.reshape(x, flat)


class Rescaling:
    """Layer that multiplies by ``scale``: 1 / 255 turns pixels 0 to 255 into numbers 0 to 1.

    Rescaling in a layer saves memory: images stay bytes, and only one batch at a time is converted.
    """

    activation = "linear"
    name = "rescaling"

    def __init__(self, scale: float, input_shape: tuple[int, ...] | None = None) -> None:
        self.scale = scale
        self.input_shape = input_shape
        self.parameters: list[Value] = []

    def build(self, shape: tuple[int, ...], generator: np.random.Generator) -> tuple[int, ...]:
        """Return the shape of one output, from the shape of one input."""
        return shape

    def __call__(self, x: Any) -> Any:
        """Return the scaled batch as float32."""
        return ops.astype(x, np.float32) * float(self.scale)


class Dense:
    """Fully connected layer: x @ kernel + bias, then the activation.

    ``Sequential`` applies the activation.

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
        self.activation = _known_name(activation or "linear", ACTIVATIONS, "activation")
        self.kernel_initializer = (
            INITIALIZERS[_known_name(kernel_initializer, INITIALIZERS, "kernel_initializer")]
            if isinstance(kernel_initializer, str)
            else kernel_initializer
        )
        self.input_shape = input_shape
        self.parameters: list[Value] = []

    def build(self, shape: tuple[int, ...], generator: np.random.Generator) -> tuple[int, ...]:
        """Draw the kernel; return the shape of one output, from the shape of one input."""
        if len(shape) != 1:
            raise ValueError(f"Dense got inputs of shape {shape}; put a Flatten() before it")
        kernel = self.kernel_initializer((shape[0], self.units), generator)
        bias = np.zeros(self.units, np.float32)
        self.parameters = [Value(kernel, f"{self.name}/kernel"), Value(bias, f"{self.name}/bias")]
        return (self.units,)

    def __call__(self, x: Any) -> Any:
        """Return the logits of a batch: (n, fan-in) to (n, units)."""
        kernel, bias = self.parameters
        return ops.matmul(x, kernel) + bias


Layer = Dense | Flatten | Rescaling


def _known_name(name: str, known: dict[str, Any], what: str) -> str:
    """Return the name if it is a key of the table; raise ValueError otherwise."""
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; known are {', '.join(known)}")
    return name


class LayerSummary(NamedTuple):
    """Row of ``Sequential.summary`` for one layer.

    Attributes
    ----------
    name, kind
        "dense_1" and "Dense".
    output_shape
        "(None, 10)"; None stands for the number of examples.
    parameters
        Number of elements of all its parameters.
    """

    name: str
    kind: str
    output_shape: str
    parameters: int

    @classmethod
    def of(cls, layer: Layer, shape: tuple[int, ...]) -> Self:
        """Return the row of a layer, from the shape of one output."""
        text = f"(None, {', '.join(map(str, shape))})"
        return cls(layer.name, type(layer).__name__, text, sum(p.size for p in layer.parameters))


def unique_names(layers: Sequence[Layer]) -> list[str]:
    """Return a name for each layer, as Keras numbers them: dense, dense_1, dense_2."""
    counts: dict[str, int] = {}
    names = []
    for layer in layers:
        kind = type(layer).__name__.lower()
        count = counts.get(kind, 0)
        counts[kind] = count + 1
        names.append(f"{kind}_{count}" if count else kind)
    return names
