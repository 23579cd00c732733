"""Core layers: Input, Dense, Embedding, and those that change the shape of examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.nn import initializers, regularizers
from tinygrad_hw.nn.layers.activations import Activated, Elementwise
from tinygrad_hw.nn.layers.base import Layer, Shape
from tinygrad_hw.nn.layers.process import unique_name
from tinygrad_hw.nn.layers.symbolic import Node, Symbol, name_of_function, symbols_of


class InputLayer(Layer):
    """Layer that stands for the inputs of a model, and has no weights; see ``Input``.

    Parameters
    ----------
    shape, batch_size
        Shape of one example, and the number of examples; None is any.
    dtype
        Dtype of the inputs, where it is one of integers: other inputs come in the model's dtype.
    batch_shape
        Shape of a batch, instead.
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        *,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ) -> None:
        if (shape is None) == (batch_shape is None):
            raise ValueError("Input needs shape=, the shape of one example, or batch_shape=")
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        self.batch_shape = (batch_size, *shape) if shape is not None else tuple(batch_shape or ())
        self.built_shapes, self.built = (self.batch_shape,), True
        self._add_output()

    def _add_output(self) -> None:
        self._inbound_nodes.append(Node(self, (), {}, Symbol(self.batch_shape, self.dtype)))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy, with a Symbol of its own."""
        vars(self).update(state)
        self._add_output()

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the inputs."""
        return input_shape


def Input(  # noqa: N802 - Keras's name
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    *,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
) -> Symbol:
    """Return the input of a model, a Symbol: of examples of a shape, in batches of any size."""
    layer = InputLayer(shape, batch_size, dtype, batch_shape=batch_shape, name=name)
    symbol: Symbol = layer.output
    return symbol


def _part(x: Any, index: Any) -> Any:
    """Return a part of a batch, by an index as ``Symbol`` describes it."""
    parts = [slice(*part["slice"]) if isinstance(part, dict) else part for part in index]
    return x[tuple([Ellipsis if part == "..." else part for part in parts])]


_FUNCTIONS = {name_of_function(f): f for f in (*numpy_api.NUMPY, *numpy_api.QUESTION_UFUNCS)}
_FUNCTIONS["getitem"] = _part


class Operation(Layer):
    """Layer of a NumPy function, which an operator or a function makes of a Symbol.

    ``x + y`` is ``Operation("add")(x, y)``, and ``np.mean(x, axis=1)`` is
    ``Operation("mean")(x, axis=1)``. In Keras these are no layers, and not among ``layers``.

    Parameters
    ----------
    function
        Name of a NumPy function that is differentiated: "add", "linalg.norm"; or "getitem".
    """

    def __init__(self, function: str, **options: Any) -> None:
        if function not in _FUNCTIONS:
            raise TypeError(f"there is no layer of {function!r}: it is not differentiated here")
        options.setdefault("name", unique_name(function.replace(".", "_")))
        super().__init__(**options)
        self.function = function

    def call(self, *inputs: Any, **options: Any) -> Any:
        """Return what the function gives for a batch."""
        if self.function == "getitem":
            return _part(*inputs, **options)
        inputs = tuple([self._constant(x) for x in inputs])
        options = {name: self._constant(x) for name, x in options.items()}
        out = _FUNCTIONS[self.function](*inputs, **options)
        if not np.ndim(raw(out)):
            raise ValueError("one number is made of a batch; give it an axis= but 0")
        return out

    def compute_output_spec(self, *inputs: Any, **options: Any) -> Any:
        """Return the Symbol of the outputs."""
        try:
            return super().compute_output_spec(*inputs, **options)
        except ValueError as error:
            shapes = ", ".join([str(x.shape) for x in symbols_of(*inputs, *options.values())])
            raise ValueError(f"{self.name} got Symbols of shapes {shapes}: {error}") from None

    def _constant(self, x: Any) -> Any:
        """Return an argument that is no tensor: numbers in the layer's dtype, an axis as it is."""
        if isinstance(x, np.ndarray | np.floating) and x.dtype.kind == "f":
            return x.astype(self.dtype)
        if not isinstance(x, list | tuple):
            return x
        if all([part is None or isinstance(part, int) for part in x]):
            return tuple(x)
        is_plain = all([isinstance(part, int | float | list) for part in x])
        return np.asarray(x, self.dtype) if is_plain else x


Symbol.operation = Operation


def positive(layer: str, **numbers: Any) -> None:
    """Refuse arguments of a layer that are no whole numbers of at least 1."""
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
            raise ValueError(f"{layer} got {name}={number!r}; a layer needs at least 1")


class Dense(Activated):
    """Fully connected layer: x @ kernel + bias, then the activation; on the last axis of x.

    Parameters
    ----------
    units
        Width of the output.
    activation
        A name of ``nn.activations``, or a function; None is "linear".
    use_bias
        Whether there is a bias.
    kernel_initializer, bias_initializer
        A name of ``nn.initializers``, or an initializer.
    kernel_regularizer, bias_regularizer
        A regularizer of ``nn.regularizers`` or its name, or a function of the weight.
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **options: Any,
    ) -> None:
        positive("Dense", units=units)
        super().__init__(activation, **options)
        self.units = int(units)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Draw the kernel, of shape (fan-in, units), and the bias."""
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                f"{self.name} got inputs of shape {input_shape}; it needs (n, ..., width)"
            )
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(
            shape, self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel"
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape[1:], self.bias_initializer, regularizer=self.bias_regularizer, name="bias"
            )

    def logits(self, inputs: Any) -> Any:
        """Return x @ kernel + bias."""
        product = ops.matmul(inputs, self.kernel)
        return product + self.bias if self.use_bias else product

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the inputs with ``units`` as its last number."""
        return (*input_shape[:-1], self.units)


class Embedding(Layer):
    """Layer that looks up a row of a table for each whole number: (n, ...) to (n, ..., width).

    Parameters
    ----------
    input_dim
        Number of rows: the numbers are 0 to input_dim - 1.
    output_dim
        Width of a row.
    embeddings_initializer, embeddings_regularizer
        As those of Dense.
    """

    accepts_integers = True

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        **options: Any,
    ) -> None:
        positive("Embedding", input_dim=input_dim, output_dim=output_dim)
        super().__init__(**options)
        self.input_dim, self.output_dim = input_dim, output_dim
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Draw the table."""
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            name="embeddings",
        )

    def call(self, inputs: Any) -> Any:
        """Return the rows."""
        numbers = raw(inputs)  # plain data: there is no derivative by an index
        numbers = numbers if hasattr(numbers, "dtype") else np.asarray(numbers)
        is_integer = numbers.dtype.kind in "iu"
        return self.embeddings[numbers if is_integer else numbers.astype(np.int64)]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the inputs with the width behind it."""
        return (*input_shape, self.output_dim)


class Rescaling(Elementwise):
    """Layer that computes x · scale + offset: 1 / 255 turns pixels 0 to 255 into numbers 0 to 1.

    Rescaling in a layer saves memory: images stay bytes, and only one batch at a time is converted.

    Parameters
    ----------
    scale, offset
        A number, or an array or a list of numbers that are broadcast against an example.
    """

    accepts_integers = True

    def __init__(self, scale: Any, offset: Any = 0.0, **options: Any) -> None:
        super().__init__(**options)
        for name, number in (("scale", scale), ("offset", offset)):
            if np.asarray(number).dtype.kind not in "iuf":
                raise ValueError(f"Rescaling got {name}={number!r}; give a number, or several")
        self.scale, self.offset = scale, offset

    def call(self, inputs: Any) -> Any:
        """Return the scaled batch in the layer's dtype."""
        scaled = ops.astype(inputs, self.dtype) * self._numbers(self.scale)
        return scaled + self._numbers(self.offset) if np.any(self.offset) else scaled

    def _numbers(self, given: Any) -> Any:
        return np.asarray(given, self.dtype) if np.ndim(given) else float(given)


class Flatten(Layer):
    """Layer that flattens each example: (n, rows, columns, ...) to (n, rows · columns · ...)."""

    accepts_integers = False

    def call(self, inputs: Any) -> Any:
        """Reshape a batch; return a flat batch unchanged."""
        flat = self.compute_output_shape(inputs.shape)
        return inputs if inputs.shape == flat else ops.reshape(inputs, flat)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, product of the rest)."""
        rest = input_shape[1:]
        return (input_shape[0], None if None in rest else math.prod(n or 0 for n in rest))


class Reshape(Layer):
    """Layer that gives each example another shape; one number may be -1, for what is left."""

    def __init__(self, target_shape: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.target_shape = tuple(target_shape)

    def call(self, inputs: Any) -> Any:
        """Reshape a batch."""
        return ops.reshape(inputs, self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, *target_shape), with -1 replaced."""
        size = math.prod(n or 0 for n in input_shape[1:])
        known = math.prod(n for n in self.target_shape if n != -1)
        target = tuple([size // max(known, 1) if n == -1 else n for n in self.target_shape])
        if self.target_shape.count(-1) > 1 or math.prod(target) != size:
            raise ValueError(
                f"{self.name} got examples of shape {tuple(input_shape[1:])}, {size} numbers; "
                f"they do not fill target_shape={self.target_shape}"
            )
        return (input_shape[0], *target)
