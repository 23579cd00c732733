"""Shapes: the same elements with other dimensions."""

import inspect
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import StandIn, as_array, shape_of
from tinygrad_hw.engine.core.node import Node


def as_arrays(*operands: Any) -> list[Any]:
    """Return the operands, with arrays in place of plain numbers and lists."""
    return [x if isinstance(x, Node | StandIn) else as_array(x) for x in operands]


def _reshaping(function: Any, sentence: str) -> Any:
    """Return our form of a NumPy function that only reshapes; NumPy's gives a dummy's shape."""

    def reshaped(x: Any, *arguments: Any, **options: Any) -> Any:
        dummy = np.broadcast_to(0.0, shape_of(x))
        return ops.reshape(x, function(dummy, *arguments, **options).shape)

    return _named_like(function, reshaped, sentence)


def _transposing(function: Any, sentence: str) -> Any:
    """Return our form of a NumPy function that only transposes, tried on a dummy (0, 1, …)."""

    def transposed(x: Any, *arguments: Any, **options: Any) -> Any:
        dummy = np.empty(range(len(shape_of(x))))
        return ops.transpose(x, function(dummy, *arguments, **options).shape)

    return _named_like(function, transposed, sentence)


def _named_like(function: Any, ours: Any, sentence: str) -> Any:
    """Give our function the name and the signature of the NumPy function that it stands for."""
    ours.__name__ = ours.__qualname__ = function.__name__
    ours.__signature__ = inspect.signature(function).replace(return_annotation="Value | Array")
    ours.__doc__ = f"{sentence}\n\nStands for ``np.{function.__name__}``.\n"
    return ours


squeeze = _reshaping(np.squeeze, "Return x without dimensions of length 1.")
expand_dims = _reshaping(np.expand_dims, "Return x with a new dimension of length 1.")
swapaxes = _transposing(np.swapaxes, "Return x with two of its dimensions exchanged.")
moveaxis = _transposing(np.moveaxis, "Return x with dimensions moved to other positions.")


def ravel(x: Any, order: str = "C") -> Any:
    """Return all elements in one dimension."""
    return ops.reshape(x, -1, order)
