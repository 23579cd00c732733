"""Node: one recorded number or array, and where it came from.

A node points only backwards: an operation, an ordered tuple of inputs, attributes. No closure, no
set, no reference to its consumers. So a graph has no cycles and is freed, without waiting for the
garbage collector, the moment the last reference to its root goes; and ``a * a`` keeps both edges.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ClassVar, Self, cast
from weakref import getweakrefcount

import numpy as np

from tinygrad_hw.engine.core.data import Data, StandIn, as_array, lock, shape_of
from tinygrad_hw.engine.core.trace import Group, current

NO_ATTRIBUTES: dict[str, Any] = {}  # shared by all nodes that have none, and never written to
NO_CALL: Any = (), (), NO_ATTRIBUTES  # of a leaf


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
    if isinstance(data, StandIn):
        return cast(Data, data.astype(float) if data.dtype.kind in "iub" else data)
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


def _unset_at_first(slot: str, default: str) -> Any:
    """Return a property for a slot that a new node leaves unset, which saves time."""
    return property(
        lambda node: getattr(node, slot, getattr(node, default)),
        lambda node, new: setattr(node, slot, new),
    )


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
        How often ``Value.data`` has lent a leaf's array and not got it back; unset before.
    line
        The line of the user's program that computed it; set under ``anomaly()`` only.

    A node that was computed from one or two of Python's floats is *lean*: it has its operands in
    ``first`` and ``second`` and their data in ``x`` and ``y``, and makes a tuple of them only where
    somebody asks for one: every tuple is one more object for Python's collector to visit. ``back``
    is the function that sends its gradient back, made of its operation's rules. ``total`` and
    ``visited`` are a backward pass's own. A node that is not lean has None in ``first``.
    """

    __slots__ = (
        *("__weakref__", "raw", "_grad", "_label", "constant", "operation", "group", "saved"),
        *("lent", "line", "call", "first", "second", "x", "y", "back", "total", "visited"),
    )

    raw: Data
    _grad: Data | None
    _label: str | None
    constant: bool
    operation: Any  # an Operation, or None for a leaf
    call: tuple[tuple[Self, ...], tuple[Data, ...], dict[str, Any]]
    group: Group | None
    saved: bool
    lent: int
    line: str
    numbers_are_constant: ClassVar[bool] = True  # whether no derivative by a number is wanted
    no_gradient = no_label = cast(Any, None)  # what ``grad`` and ``label`` are while unset
    grad, label = _unset_at_first("_grad", "no_gradient"), _unset_at_first("_label", "no_label")
    first: Self | None
    second: Self | None
    x: float
    y: float
    back: Callable[[Node], None] | None
    total: float
    visited: object

    @property
    def attributes(self) -> dict[str, Any]:
        """Return the arguments of the operation beside its operands."""
        return self.call[2] if self.first is None else NO_ATTRIBUTES

    @property
    def inputs(self) -> tuple[Self, ...]:
        """Return the operands in order."""
        if self.first is None:
            return self.call[0]
        return (self.first,) if self.second is None else (self.first, self.second)

    @property
    def arguments(self) -> tuple[Data, ...]:
        """Return the operands' data as they were when the operation ran."""
        if self.first is None:
            return self.call[1]
        return (self.x,) if self.second is None else (self.x, self.y)

    @classmethod
    def leaf(cls, data: Data, *, constant: bool, saved: bool = False) -> Self:
        """Create a leaf from data that ``to_data`` has returned."""
        node = cls.__new__(cls)
        node.begin(data, constant, saved)
        return node

    def begin(self, data: Data, constant: bool, saved: bool) -> None:
        """Set all that a leaf has."""
        self.raw = data
        self.constant = constant
        self.operation = self.first = self.second = self.back = self.visited = None
        self.call = NO_CALL
        self.group = current().group
        self.saved = saved

    @classmethod
    def lean(
        cls, data: float, operation: Any, inputs: tuple[Self, ...], arguments: tuple[Any, ...]
    ) -> Self:
        """Create the result of an operation on Python's floats, not all of them constants."""
        node = cls.leaf(data, constant=False)
        node.operation, node.back = operation, operation.back
        if len(inputs) > 2:
            node.call = inputs, arguments, NO_ATTRIBUTES
            return node
        node.first, node.x = inputs[0], arguments[0]
        if len(inputs) == 2:
            node.second, node.y = inputs[1], arguments[1]
        return node

    def set_call(
        self,
        operation: Any,
        inputs: tuple[Any, ...],
        arguments: tuple[Data, ...],
        attributes: dict[str, Any],
    ) -> None:
        """Set the call that this node is the result of."""
        self.operation, self.call = operation, (inputs, arguments, attributes)
        self.first = self.second = self.back = None

    def data_to_save(self) -> Data:
        """Return data that an operation may save, since nothing will write into them.

        A graph and the user never share an array: the user could write into it between the forward
        and the backward pass. If the user may reach it (by a reference, or by the address of what
        ``Value.data`` lent), the graph gets a copy here; if a graph saves the array, ``Value.data``
        returns a copy to the user.
        """
        if isinstance(self.raw, np.ndarray) and not self.saved:  # lean nodes have no ``saved``
            is_view, lent = self.raw.base is not None, getattr(self, "lent", 0) > 0
            held = sys.getrefcount(self.raw) > _UNSHARED or getweakrefcount(self.raw) > 0
            if is_view or lent or held:
                return cast(Data, lock(self.raw.copy()))
            lock(self.raw)
        self.saved = True
        return self.raw

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the lengths of the dimensions; () for a scalar."""
        return shape_of(self.raw)


_UNSHARED = sys.getrefcount((_example := Node.leaf(np.zeros(1), constant=True)).raw)


def raw(x: Any) -> Any:
    """Return the number or array of a node; any other argument unchanged."""
    return x.raw if isinstance(x, Node) else x


def read_data(x: Any) -> Any:
    """Return ``raw`` to the user's program; a captured program then depends on it."""
    return current().trace.twin(x).raw if isinstance(x, Node) else x
