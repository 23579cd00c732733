"""Parameters that an optimizer is given, their gradients, and their new data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.engine.core.data import as_array, shape_of
from tinygrad_hw.engine.core.node import Node, read_data
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.program.interrupts import interrupts_deferred


def leaves_of(parameters: Iterable[Any]) -> list[Value]:
    """Return the parameters, each once; refuse what an optimizer cannot change."""
    listed = list(parameters)
    for p in listed:
        if not isinstance(p, Node):
            raise TypeError(
                f"expected parameters, got {type(p).__name__}; gradients come with theirs, "
                "apply(grads, trainable_variables)"
            )
        if p.operation is not None:
            raise ValueError(
                f"{p.label or 'a parameter'} was computed, by {p.operation.name}: an optimizer "
                "changes leaves; give it the Values that it was computed from"
            )
    return list(dict.fromkeys(listed))


def gradients_of(gradients: Iterable[Any], parameters: Iterable[Value]) -> dict[Value, Any]:
    """Return the gradients of parameters; refuse what does not fit them."""
    listed, given = list(parameters), list(gradients)
    if len(listed) != len(given):
        raise ValueError(f"got {len(given)} gradients for {len(listed)} parameters")
    if len(leaves_of(listed)) != len(listed):
        raise ValueError("a parameter is given twice, with a gradient each time; add them up")
    found: dict[Value, Any] = {}
    for p, gradient in zip(listed, given, strict=True):
        data = gradient if gradient is None else read_data(gradient)
        data = as_array(data) if isinstance(data, list | tuple) else data
        if data is not None and shape_of(data) != p.shape:
            raise ValueError(
                f"{p.label or 'a parameter'} of shape {p.shape} got a gradient of shape "
                f"{shape_of(data)}"
            )
        found[p] = data
    return found


def store(new: Mapping[Value, Any]) -> None:
    """Write new data into Values: into all of them, or into none if Ctrl-C comes first."""
    checked = []
    for leaf, data in new.items():
        shape = leaf.shape
        if shape_of(data) != shape:
            raise ValueError(
                f"the rule of an optimizer gave new data of shape {shape_of(data)} for "
                f"{leaf.label or 'a parameter'} of shape {shape}; return arrays like its own"
            )
        is_other = shape and data.dtype != leaf.dtype
        checked.append((leaf, ops.astype(data, leaf.dtype) if is_other else data))
    write = current().trace.store
    with interrupts_deferred():
        for leaf, data in checked:
            write(leaf, data)
