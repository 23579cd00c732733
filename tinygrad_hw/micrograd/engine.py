"""micrograd's Value: a Value of this engine under micrograd's names and with its conventions.

>>> from tinygrad_hw.micrograd.engine import Value
>>> x = Value(2.0)
>>> x
Value(data=2.0, grad=0)
>>> y = x * 3 + 1
>>> y.backward()
>>> x.grad, y._op, sorted(child.data for child in y._prev)
(3.0, '+', [1.0, 6.0])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Self, cast

import numpy as np

from tinygrad_hw import engine
from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.backward import seed_for
from tinygrad_hw.engine.core.chain_rule import pull
from tinygrad_hw.engine.core.data import StandIn, shape_of
from tinygrad_hw.engine.core.node import Node, to_data
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.micrograd.own_operation import Backward, with_backward, with_local_gradients

_SIGNS = {ops.add: "+", ops.sub: "-", ops.neg: "-", ops.mul: "*", ops.div: "/", ops.relu: "ReLU"}
_DATA: Any = vars(engine.Value)["data"]


class Value(engine.Value):
    """A Value with micrograd's names: gradients start at 0, and numbers beside it are Values too.

    Parameters
    ----------
    data
        A number.
    _children
        The Values that a program of its own has computed the data from. Such a result gets its
        ``_backward`` as in micrograd, or its derivatives at once as in microgpt.
    _op
        The sign of the operation, for drawings; or, as in microgpt, the derivative by each child.
    label
        A name, for drawings and messages.

    Raises
    ------
    TypeError
        For data that are no real numbers, children that are no Values, and children in a program
        that is captured.
    ValueError
        If there are more or fewer derivatives than children.
    """

    __slots__ = ()
    numbers_are_constant = False
    no_gradient = 0
    no_label = ""

    def __init__(
        self,
        data: Any,
        _children: Iterable[engine.Value] = (),
        _op: str | Iterable[float] = "",
        label: str = "",
    ) -> None:
        super().__init__(_as_python_float(data), label)
        children = tuple(_children)
        if children:
            self._set_children(children, _op)
        elif _op:
            self.set_call(None, (), (), {"sign": _op})

    def _set_children(
        self, children: tuple[engine.Value, ...], sign: str | Iterable[float]
    ) -> None:
        for child in children:
            if not isinstance(child, Node):
                raise TypeError(f"_children are Values, got {type(child).__name__}")
        current().trace.read(self, "_children")
        if not current().recording:
            self.constant = True
            return
        attributes: dict[str, Any]
        if isinstance(sign, str):
            operation, attributes = with_backward(sign or "own"), {"backward": None}
        else:
            operation, attributes = with_local_gradients("own"), {"local_gradients": tuple(sign)}
            given = len(attributes["local_gradients"])
            if given != len(children):
                raise ValueError(
                    f"got {given} derivatives for {len(children)} children; give one for each"
                )
        self.constant = all(child.constant for child in children)
        self.saved = True
        arguments = tuple(child.data_to_save() for child in children)
        self.set_call(operation, children, arguments, attributes)
        current().trace.add(self)

    @classmethod
    def leaf(cls, data: Any, *, constant: bool, saved: bool = False) -> Self:
        """Create a leaf; a number beside a Value becomes one here."""
        return super().leaf(_as_python_float(data), constant=constant, saved=saved)

    # --- Data ------------------------------------------------------------------------

    @property
    def data(self) -> Any:
        """Return the number itself; it may be set.

        New data of a result are used by what is computed from then on. The derivative of the result
        remains that of the number which was computed.
        """
        return _DATA.__get__(self)

    @data.setter
    def data(self, new: Any) -> None:
        if self.operation is None or self.shape or shape_of(new):
            _DATA.__set__(self, new)
            return
        if "backward" not in self.attributes and "local_gradients" not in self.attributes:
            operation, children = with_local_gradients(self._op), self._children
            attributes = {"local_gradients": self._local_grads}
            self.set_call(operation, children, self.arguments[: len(children)], attributes)
        self.raw = to_data(new)

    # --- The graph --------------------------------------------------------------------------------

    @property
    def _children(self) -> tuple[Any, ...]:
        """Return the operands in order; without the exponent of a power, if that is a number."""
        is_power = len(self.inputs) == 2 and self.operation.name == "pow"
        return self.inputs[:1] if is_power and self.inputs[1].constant else self.inputs

    @property
    def _prev(self) -> set[Any]:
        """Return the operands as a set."""
        return set(self._children)

    @property
    def _op(self) -> str:
        """Return micrograd's sign of the operation, such as ``+``, ``**2`` and ``ReLU``."""
        if self.operation is None:
            return str(self.attributes.get("sign", ""))
        if self.operation is ops.pow and self.inputs[1].constant:
            exponent = self.inputs[1].item()
            return f"**{int(exponent) if exponent.is_integer() else exponent}"
        return str(_SIGNS.get(self.operation, self.operation.name))

    @property
    def _local_grads(self) -> tuple[Any, ...]:
        """Return the derivative by each of ``_children``, as microgpt has it."""
        return self._derivatives()[: len(self._children)]

    def _derivatives(self) -> tuple[Any, ...]:
        if self.operation is None:
            return ()
        if self.shape:
            raise TypeError("_local_grads are those of a number; of arrays see backward_steps")
        edges = pull(self, seed_for(self, 1.0))
        return tuple(0.0 if edge is None else edge[1] for edge in edges)

    @property
    def _backward(self) -> Callable[[], Any]:
        """Return a function that adds what this Value sends back to the gradients of its operands.

        It may be set for a result that was made with ``_children``.
        """
        backward = self.attributes.get("backward")
        return self._send_back if backward is None else cast(Backward, backward).function

    @_backward.setter
    def _backward(self, function: Callable[[], Any]) -> None:
        if self.constant:  # made without recording: nothing goes back through it
            return
        if "backward" not in self.attributes:
            raise ValueError(
                f"{self!r} has a derivative already, or no operands; "
                "make a new one with them, Value(data, (x,), 'name'), and set its _backward"
            )
        backward = Backward(self, function)
        self.set_call(self.operation, self.inputs, self.arguments, {"backward": backward})

    def _send_back(self) -> None:
        if self.operation is None or self.constant:
            return
        edges = pull(self, seed_for(self, self.grad))
        for operand, edge in zip(self.inputs, edges, strict=True):
            if edge is not None:
                operand.grad = edge[1] if operand.grad is None else operand.grad + edge[1]

    # --- What micrograd leaves to Python ----------------------------------------------------------

    def __pow__(self, other: Any) -> Any:
        """Return ``self ** other``; an exponent that is a number is not a Value of the graph."""
        return super().__pow__(self._exponent(other))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if ufunc in (np.power, np.float_power):
            inputs = (inputs[0], self._exponent(inputs[1]))
        return super().__array_ufunc__(ufunc, method, *inputs, **options)

    def _exponent(self, other: Any) -> Any:
        if isinstance(other, Node):
            return other
        exponent = self.leaf(to_data(other), constant=True)
        current().trace.add(exponent)
        return exponent

    __hash__ = object.__hash__
    __eq__, __ne__ = object.__eq__, object.__ne__

    def __bool__(self) -> bool:
        """Return True, as of any Python object: ``bias or Value(0)`` keeps a bias of 0."""
        return True

    def __repr__(self) -> str:
        data = self.raw.value if isinstance(self.raw, StandIn) else self.raw
        return f"Value(data={data}, grad={self.grad})"


def _as_python_float(data: Any) -> Any:
    """Return NumPy's float64, which rows of an array consist of, as Python's float: it is lean."""
    return float(data) if isinstance(data, float) else data
