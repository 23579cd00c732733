"""What names and functions stand for as arguments of layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.nn.initializers import INITIALIZERS


def zeros(shape: tuple[int, ...], generator: Any = None) -> Any:
    """Return zeros of a shape."""
    return np.zeros(shape, np.float32)


def ones(shape: tuple[int, ...], generator: Any = None) -> Any:
    """Return ones of a shape."""
    return np.ones(shape, np.float32)


_CONSTANT: dict[str, Any] = {"ones": ones, "zeros": zeros}


def _named(identifier: str, table: dict[str, Any], what: str) -> Any:
    if identifier not in table:
        raise ValueError(f"unknown {what} {identifier!r}; known are {', '.join(table)}")
    return table[identifier]


def activation_of(identifier: Any) -> Any:
    """Return an activation by its name, or a function as it is; None is "linear"."""
    if identifier is None or isinstance(identifier, str):
        return _named(identifier or "linear", ACTIVATIONS, "activation")
    if not callable(identifier):
        raise ValueError(f"activation should be a name or a function, got {identifier!r}")
    return identifier


def initializer_of(identifier: Any, what: str = "initializer") -> Any:
    """Return an initializer by its name, or one as it is."""
    if isinstance(identifier, str):
        return _named(identifier, INITIALIZERS | _CONSTANT, what)
    if not callable(identifier):
        raise ValueError(f"{what} should be a name or an initializer, got {identifier!r}")
    return identifier


def regularizer_of(identifier: Any) -> Any:
    """Return a function as it is; None is none."""
    if identifier is not None and not callable(identifier):
        raise ValueError(f"a regularizer should be a function of the weight, got {identifier!r}")
    return identifier
