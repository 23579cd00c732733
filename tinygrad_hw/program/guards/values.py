"""What a recording expects of the Values that it uses, compared before every replay."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, cast

import numpy as np

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.program.instructions import ancestors
from tinygrad_hw.program.recording import BoundValue, Recording
from tinygrad_hw.program.variable import kind_of

MANY = 500  # Values that one function compares; Python compiles very long ones slowly


class ValueGuard:
    """Comparison of a call's Values with those of a recording.

    Parameters
    ----------
    recording
        The recording.
    outside
        The ids of the Values that the function reaches otherwise than by its arguments: if one of
        them was given as an argument, too, it must be given again.
    """

    def __init__(self, recording: Recording, outside: Container[int]) -> None:
        values = recording.values
        self._arguments = [value for value in values if value.position is not None]
        self._others = [value for value in values if value.position is None]
        self._ids = {id(value.node) for value in self._others}
        self._pinned = {v for v in self._arguments if v.is_view or id(v.node) in outside}
        self._expects_gradient = _expected_gradients(recording)
        starts = range(0, len(self._others), MANY)
        self._checks = [self._compiled(self._others[i : i + MANY]) for i in starts]

    def fits(self, leaves: Sequence[Any], gradients: bool = True) -> bool:
        """Return whether the call's Values, and their gradients if asked, are as recorded.

        That is: of the same kind, constant or not, with or without a gradient; and the same
        arguments are one Value.
        """
        for check in self._checks:
            if not check(gradients):
                return False
        if not self._arguments:
            return True
        nodes = [leaves[value.position] for value in self._arguments if value.position is not None]
        if len(self._ids.union(map(id, nodes))) < len(self._ids) + len(nodes):
            return False  # two of the recorded Values are one in this call
        return all(
            node.constant is value.constant
            and (value not in self._pinned or node is value.node)
            and _is_alike(node.raw, value)
            and not (gradients and self._has_other_gradient(node, value))
            for node, value in zip(nodes, self._arguments, strict=True)
        )

    def have_moved(self) -> bool:
        """Return whether a Value has its data in another array, which is no change of them."""
        return any(value.is_array and value.node.raw is not value.raw for value in self._others)

    def _has_other_gradient(self, node: Node, value: BoundValue) -> bool:
        has_gradient = _gradient_of(node) is not None
        return self._expects_gradient.get(value, has_gradient) != has_gradient

    def _compiled(self, values: Sequence[BoundValue]) -> Callable[[bool], bool]:
        """Return a function that compares Values from outside, written out for speed."""
        space: dict[str, Any] = {"alike": _is_alike, "gradient": _gradient_of}
        lines = ["def check(gradients):"]
        for i, value in enumerate(values):
            space |= {f"n{i}": value.node, f"v{i}": value, f"r{i}": value.raw}
            lines.append(f"    if n{i}.constant is not {value.constant}: return False")
            if value.data.kind.python is float:
                lines.append(f"    if type(n{i}.raw) is not float: return False")
            else:
                same = f"n{i}.raw is r{i} or alike(n{i}.raw, v{i})"
                lines.append(f"    if not ({same}): return False")
            if value in self._expects_gradient:
                wrong = "is" if self._expects_gradient[value] else "is not"
                lines.append(f"    if gradients and gradient(n{i}) {wrong} None: return False")
        exec("\n".join([*lines, "    return True"]), space)
        return cast(Callable[[bool], bool], space["check"])


def _expected_gradients(recording: Recording) -> dict[BoundValue, bool]:
    """Return the Values whose gradients matter before a run, and whether there must be one."""
    used = ancestors(recording.ends)
    return {
        value: value.gradient is not None
        for value in recording.values
        if value.gradient_read
        or value.gradient in used
        or (value.is_differentiated and value.gradient is None and not value.gradient_cleared)
    }


def _gradient_of(node: Node) -> Any:
    return getattr(node, "_grad", node.no_gradient)


def _is_alike(data: Any, value: BoundValue) -> bool:
    """Return whether data are of the recorded kind, in the same layout.

    The part of a larger array must be that very part: a program reads and writes it there.
    """
    kind = value.data.kind
    if data is value.raw:
        return True
    if not isinstance(data, np.ndarray):
        return kind_of(data) == kind
    return not value.is_view and bool(
        data.base is None
        and data.shape == kind.shape
        and data.dtype == kind.dtype
        and data.flags.c_contiguous == kind.is_c_contiguous
    )
