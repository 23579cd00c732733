"""What names and functions stand for as arguments of layers."""

from __future__ import annotations

from typing import Any

from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.nn.initializers import get as initializer_of

__all__ = ["activation_of", "initializer_of", "regularizer_of"]


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


def regularizer_of(identifier: Any) -> Any:
    """Return a function as it is; None is none."""
    if identifier is not None and not callable(identifier):
        raise ValueError(f"a regularizer should be a function of the weight, got {identifier!r}")
    return identifier
