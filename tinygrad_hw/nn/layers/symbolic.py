"""Symbol: what ``Input`` returns, and each layer that is called with one: a tensor to come."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np


class Symbol:
    """Tensor without data: shapes are worked out with it; Keras's ``KerasTensor``.

    Attributes
    ----------
    shape
        Shape of a batch; None stands for the number of examples.
    dtype
        Dtype of the data to come.
    layer
        The layer that computes it; None for an input.
    inputs
        What the layer is called with: a Symbol, or a list of them.
    options
        The keyword arguments of that call.
    """

    def __init__(
        self,
        shape: tuple[int | None, ...],
        dtype: Any = None,
        layer: Any = None,
        inputs: Any = None,
        options: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype or np.float32)
        self.layer, self.inputs, self.options = layer, inputs, options or {}
        self.name = name or getattr(layer, "name", "input")

    @property
    def ndim(self) -> int:
        """Return the number of dimensions, that of the examples included."""
        return len(self.shape)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to be an array: there are no data."""
        raise TypeError(
            f"{self!r} has no data: it stands for the inputs to come; give it to Sequential([...])"
        )

    def __repr__(self) -> str:
        return f"<Symbol shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def symbols_of(inputs: Any) -> list[Symbol]:
    """Return the symbols among the inputs of a layer: one, or a list's, or none."""
    parts = inputs if isinstance(inputs, list | tuple) else [inputs]
    return [part for part in parts if isinstance(part, Symbol)]


def map_inputs(function: Any, inputs: Any) -> Any:
    """Return a function's results of the inputs of a layer: of one, or of each in a list."""
    if isinstance(inputs, list | tuple):
        return [function(part) for part in inputs]
    return function(inputs)
