"""Node: one recorded number or array, and where it came from.

A node points only backwards: an operation, an ordered tuple of inputs, attributes. No closure, no
set, no reference to its consumers. So a graph has no cycles and is freed, without waiting for the
garbage collector, the moment the last reference to its root goes; and ``a * a`` keeps both edges.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar, Self, cast
from weakref import getweakrefcount

import numpy as np

from tinygrad_hw.engine.core.data import Data, Traced, as_array, shape_of
from tinygrad_hw.engine.core.state import Group, state

NO_ATTRIBUTES: dict[str, Any] = {}  # shared by all nodes that have none, and never written to


def to_data(data: Any) -> Data:
    """Convert the user's data to a node's: to a float, or to a copy as an array of floats.

    Python numbers become Python floats, which are weak: beside a float32 array they do not make the
    result float64 (as in NumPy 2). Integers and booleans become float64, NumPy floats keep their
    dtype, arrays without dimensions become scalars.

    Raises
    ------
    TypeError
        For complex numbers, strings and other objects, which have no derivative here.
    """
    if type(data) is float:
        return data
    if isinstance(data, int):  # bool is one too
        try:
            return float(data)
        except OverflowError:
            raise TypeError("expected a number within the range of floats, about 1e308") from None
    if isinstance(data, Traced):
        return cast(Data, data)
    if isinstance(data, Node):
        raise TypeError("expected numbers, got a Value; use it as it is, or v.detach() for a copy")
    try:
        array = np.array(as_array(data))  # a copy, also where an object hands out its own array
    except ValueError:  # rows of different lengths
        raise TypeError(f"expected numbers in a regular grid, got {data!r:.60}") from None
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        kind = type(data).__name__ if array.dtype == object else f"{array.dtype.name} data"
        raise TypeError(f"expected real numbers (floats or integers), got {kind}; pass real floats")
    copy: Data = array if array.ndim else array[()]
    return copy


class Node:
    """One recorded number or array.

    Attributes
    ----------
    raw
        The data: a Python float, a NumPy floating scalar, or an ndarray of one or more dimensions.
    grad
        The derivative of the root of the last ``backward()`` by this node, shaped like ``raw``;
        None until a backward pass has reached the node.
    label
        A name for drawings and messages, or None.
    constant
        True where no derivative is wanted.
    operation, inputs, attributes
        The call that computed it; None, () and {} for a leaf. Attributes are the arguments beside
        the operands (an axis, an index); they are not differentiated.
    arguments
        The inputs' data as they were when the operation ran. Kept apart from ``inputs`` because an
        input may since have been given new data, which must not change the derivative.
    group
        The innermost group that was open, or None.
    saved
        True where a graph holds the array ``raw``: see ``data_to_save``.
    lent
        How often ``Value.data`` has lent a leaf's array without getting it back, as ``v.data -= 1``
        does and ``v.data[0] = 1`` does not. Not set before the first time.
    line
        The line of the user's program that computed it; set under ``anomaly()`` only.
    """

    __slots__ = (
        "__weakref__",
        "arguments",
        "attributes",
        "constant",
        "grad",
        "group",
        "inputs",
        "label",
        "lent",
        "line",
        "operation",
        "raw",
        "saved",
    )

    raw: Data
    grad: Data | None
    label: str | None
    constant: bool
    operation: Any  # an Operation, or None for a leaf
    inputs: tuple[Self, ...]
    arguments: tuple[Data, ...]
    attributes: dict[str, Any]
    group: Group | None
    saved: bool
    lent: int
    line: str
    numbers_are_constant: ClassVar[bool] = True  # whether no derivative by a number is wanted

    @classmethod
    def leaf(cls, data: Data, *, constant: bool, saved: bool = False) -> Self:
        """Create a leaf from data that ``to_data`` has returned."""
        return cls.create(data, None, (), (), NO_ATTRIBUTES, constant, saved)

    @classmethod
    def create(
        cls,
        data: Data,
        operation: Any,
        inputs: tuple[Self, ...],
        arguments: tuple[Data, ...],
        attributes: dict[str, Any],
        constant: bool,
        saved: bool,
    ) -> Self:
        """Create a node from all of its attributes; users create theirs by ``Value()``."""
        node = cls.__new__(cls)
        node.raw = data
        node.grad = None
        node.label = None
        node.constant = constant
        node.operation = operation
        node.inputs = inputs
        node.arguments = arguments
        node.attributes = attributes
        node.group = state.group
        node.saved = saved
        return node

    def data_to_save(self) -> Data:
        """Return data that an operation may save, since nothing will write into them.

        A graph and the user never share an array: the user could write into it between the forward
        and the backward pass. If the user may reach it (by a reference, or by the address of what
        ``Value.data`` lent), the graph gets a copy here; if a graph saves the array, ``Value.data``
        returns a copy to the user.
        """
        if isinstance(self.raw, np.ndarray) and not self.saved and self._is_shared():
            return self.raw.copy()
        self.saved = True
        return self.raw

    def _is_shared(self) -> bool:
        """Return whether others may reach the array, or the base of a view."""
        reached = getattr(self, "lent", 0) or getweakrefcount(self.raw)
        is_view = getattr(self.raw, "base", None) is not None
        return bool(reached) or is_view or self._reference_count() > _UNSHARED

    def _reference_count(self) -> int:
        """Return the number of references to the array, including those of the count itself."""
        return sys.getrefcount(self.raw)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the lengths of the dimensions; () for a scalar."""
        return shape_of(self.raw)


_UNSHARED = Node.leaf(np.zeros(1), constant=True)._reference_count()


def raw(x: Any) -> Any:
    """Return the number or array of a node; any other argument unchanged."""
    return x.raw if isinstance(x, Node) else x


def read_data(x: Any) -> Any:
    """Return ``raw`` to the user's program; a captured program then depends on it."""
    if state.recorder is not None and isinstance(x, Node):
        state.recorder.bind(x)
    return raw(x)
