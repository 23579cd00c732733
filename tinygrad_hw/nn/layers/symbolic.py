"""Symbol: what ``Input`` returns, and each layer that is called with one: a tensor to come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from tinygrad_hw.engine.transforms.pytree import leaves_of


class Symbol:
    """Tensor without data: shapes are worked out with it; Keras's ``KerasTensor``.

    Attributes
    ----------
    shape
        Shape of a batch; None stands for the number of examples.
    dtype
        Dtype of the data to come.
    node, index
        The call of a layer that computes it, and its place among the outputs of that call.
    """

    node: Node
    index: int

    def __init__(self, shape: tuple[int | None, ...], dtype: Any = None) -> None:
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype or np.float32)

    @property
    def name(self) -> str:
        """Return the name of the layer that computes it."""
        return str(self.node.layer.name) if hasattr(self, "node") else "symbol"

    @property
    def ndim(self) -> int:
        """Return the number of dimensions, that of the examples included."""
        return len(self.shape)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to be an array: there are no data."""
        raise TypeError(
            f"{self!r} has no data: it stands for the inputs to come; call a layer with it, or "
            "give it to Sequential([...]) or Model(inputs, outputs)"
        )

    def __repr__(self) -> str:
        return f"<Symbol shape={self.shape}, dtype={self.dtype}, name={self.name}>"


class Node:
    """Call of a layer with Symbols, as in Keras.

    Attributes
    ----------
    layer
        The layer that is called; an ``InputLayer`` is called with nothing.
    arguments, options
        What it is called with: Symbols, or lists of them, among other arguments.
    outputs
        The Symbol that it returns, or a list of them.
    """

    def __init__(
        self, layer: Any, arguments: tuple[Any, ...], options: dict[str, Any], outputs: Any
    ) -> None:
        self.layer, self.arguments, self.options = layer, arguments, options
        self.outputs = outputs
        for i, symbol in enumerate(leaves_of(outputs)):
            symbol.node, symbol.index = self, i

    @property
    def inputs(self) -> list[Symbol]:
        """Return the Symbols that the layer is called with."""
        return symbols_of(*self.arguments, *self.options.values())

    def call(self, replace: Callable[[Symbol], Any], method: Callable[..., Any]) -> Any:
        """Return what a method of the layer gives for something else in the place of Symbols."""
        return method(
            *[map_symbols(replace, x) for x in self.arguments],
            **{name: map_symbols(replace, x) for name, x in self.options.items()},
        )


def symbols_of(*arguments: Any) -> list[Symbol]:
    """Return the Symbols among the arguments of a layer, each of which may be a list of them."""
    found: list[Symbol] = []
    for argument in arguments:
        parts = argument if isinstance(argument, list | tuple) else [argument]
        found += [part for part in parts if isinstance(part, Symbol)]
    return found


def map_symbols(function: Callable[[Symbol], Any], argument: Any) -> Any:
    """Return an argument of a layer with a function's results in the place of its Symbols."""
    return map_inputs(lambda x: function(x) if isinstance(x, Symbol) else x, argument)


def map_inputs(function: Callable[[Any], Any], inputs: Any) -> Any:
    """Return a function's results of the inputs of a layer: of one, or of each in a list."""
    if isinstance(inputs, list | tuple):
        return [function(part) for part in inputs]
    return function(inputs)


def map_shapes(function: Callable[[Any], Any], shapes: Any) -> Any:
    """Return a function's results of shapes: of one, a tuple, or of each in a list."""
    return [function(s) for s in shapes] if isinstance(shapes, list) else function(shapes)
