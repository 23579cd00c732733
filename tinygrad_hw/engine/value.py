"""Value: the number, or array of numbers, that remembers how it was computed.

    >>> from tinygrad_hw import Value
    >>> w = Value(0.5, label="w")
    >>> loss = (w * 3 - 1) ** 2
    >>> loss.backward()
    >>> w.grad
    3.0

A Value is a Node with Python's operators, NumPy's protocols, methods and a repr. Each of them only
calls its operation of the table.
"""

from __future__ import annotations

import inspect
import math
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from tinygrad_hw.engine import lean, numpy_api, ops
from tinygrad_hw.engine.core.backward import backward
from tinygrad_hw.engine.core.data import Data, StandIn, lock, refuse_other_rules, shape_of
from tinygrad_hw.engine.core.node import NO_ATTRIBUTES, Node, read_data, to_data
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.engine.docstrings import document_method
from tinygrad_hw.engine.numpy_api import elementwise, reductions, shaping
from tinygrad_hw.engine.transforms import copying


def _operator(
    operation: Operation, compute: Callable[[Any, Any], Any], symbol: str
) -> tuple[Callable[[Value, Any], Value], Callable[[Value, Any], Value]]:
    """Return a Python operator and its reflection, for ``v + 2`` and ``2 + v``."""
    operators: Any = lean.operators(operation, compute)
    for function, text in zip(
        operators, (f"self {symbol} other", f"other {symbol} self"), strict=True
    ):
        function.__doc__ = f"Return ``{text}``."
        function.__annotations__ = {"self": "Value", "other": "Any", "return": "Value"}
    apply, reflected = operators
    return apply, reflected


def _function(operation: Operation) -> Callable[[Value], Value]:
    """Return an operation of one operand as a method: ``v.exp()`` for ``np.exp(v)``."""
    method: Any = lean.method(operation)
    document_method(method, operation)
    function: Callable[[Value], Value] = method
    return function


def _comparison(compare: Callable[[Any, Any], Any], symbol: str) -> Callable[..., Any]:
    """Return a comparison of the data."""

    def compared(self: Value, other: Any) -> Any:
        result = compare(read_data(self), read_data(other))
        if type(result) is not bool:
            refuse_other_rules(other)
        return result

    compared.__doc__ = f"Return whether data {symbol} other's: a boolean, or an array of booleans."
    return compared


def _method(function: Any) -> Callable[..., Value]:
    """Return a function of Values as a method: ``v.sum(axis=0)`` for ``np.sum(v, axis=0)``."""

    def method(self: Value, *arguments: Any, **options: Any) -> Value:
        result: Value = numpy_api.call(function, (self, *arguments), options)
        return result

    document_method(method, function)
    return method


def _question(function: Any) -> Callable[..., Any]:
    """Return a function of NumPy's as a method that is answered on the data."""

    def asked(self: Value, *arguments: Any, **options: Any) -> Any:
        return function(read_data(self), *arguments, **options)

    document_method(asked, function)
    asked.__signature__ = inspect.signature(asked).replace(return_annotation="Any")  # type: ignore[attr-defined]
    asked.__doc__ = f"Return what ``np.{function.__name__}`` gives on the data.\n"
    return asked


class Value(Node):
    """A scalar or tensor that can be differentiated.

    Parameters
    ----------
    data
        A number, or anything NumPy reads as an array of numbers. Copied. Integers become float64;
        float32 stays float32; a Python number is weak, as in NumPy 2.
    label
        A name, for drawings and messages.
    constant
        True for data that are not differentiated.

    Raises
    ------
    TypeError
        For complex, string or object data.
    """

    __slots__ = ()

    def __init__(self, data: Any, label: str | None = None, *, constant: bool = False) -> None:
        self.begin(to_data(data), constant, saved=False)
        if label is not None:
            self.label = label
        current().trace.add(self)

    @property
    def grad(self) -> Any:
        """Return the gradient of the last backward pass; None until one has reached the node."""
        return current().trace.gradient(self)

    @grad.setter
    def grad(self, new: Any) -> None:
        current().trace.set_gradient(self, new)

    @property
    def data(self) -> Any:
        """Return the number or array itself.

        A leaf's array is its own: what is written into it changes the leaf, and an optimizer writes
        into it in every step; keep a copy of numbers that should stay. It may be set, which gives
        the leaf another array. Graphs recorded before keep the numbers that they were computed
        with. A result's is a read-only copy.
        """
        data = current().trace.read(self, "data")
        if not isinstance(data, np.ndarray):
            return data
        if self.operation is not None:
            return lock(data.copy())
        if self.saved:
            self._give_new(data.copy())
        self.lent = getattr(self, "lent", 0) + 1
        return self.raw

    @data.setter
    def data(self, new: Any) -> None:
        current().trace.read(self, "data")
        if new is self.raw:  # ``v.data -= step`` has changed the array in place and assigns it
            self.lent = max(getattr(self, "lent", 1) - 1, 0)
            return
        name = self.label or "this Value"
        if self.operation is not None:
            raise ValueError(
                f"{name} was computed, by {self.operation.name}: its data cannot be set; "
                "set those of the leaves and compute it again, or make a new Value"
            )
        data = to_data(new)
        if shape_of(data) != self.shape:
            raise ValueError(f"{name} has shape {self.shape}, the new data {shape_of(data)}")
        self._give_new(data)

    def _give_new(self, data: Data) -> None:
        self.raw, self.saved, self.lent = data, False, 0

    @property
    def ndim(self) -> int:
        """Return the number of dimensions; 0 for a scalar."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Return the number of elements."""
        return int(np.size(self.raw))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype; float64 for a Python number."""
        return np.result_type(self.raw)

    @property
    def T(self) -> Value:  # noqa: N802 - NumPy's name
        """Return the transpose: the dimensions in reverse."""
        return self.transpose()

    @property
    def mT(self) -> Value:  # noqa: N802 - NumPy's name
        """Return the matrix transpose: the last two dimensions exchanged."""
        return self.swapaxes(-2, -1)

    # --- Derivatives ------------------------------------------------------------------------------

    def backward(self, seed: Any = None) -> None:
        """Write the derivative of this Value into ``grad`` of every node that it depends on.

        A leaf's ``grad`` is added to, as in PyTorch: set it to None to begin afresh.
        """
        if seed is not None or not lean.backward(self):
            backward(self, seed)

    @property
    def _prev(self) -> set[Self]:
        """Return the operands, under micrograd's name; ``inputs`` keeps order and repeats."""
        return set(self.inputs)

    @property
    def _op(self) -> str:
        """Return the operation's symbol, under micrograd's name; empty for a leaf."""
        return self.operation.symbol if self.operation else ""

    def detach(self) -> Self:
        """Return a constant with a copy of the data and no history."""
        return type(self).leaf(to_data(read_data(self)), constant=True)

    __copy__, __deepcopy__, __reduce__ = copying.shallow_copy, copying.deep_copy, copying.reduce

    # --- Operators and methods: each is its operation ---------------------------------------------

    __add__, __radd__ = _operator(ops.add, operator.add, "+")
    __sub__, __rsub__ = _operator(ops.sub, operator.sub, "-")
    __mul__, __rmul__ = _operator(ops.mul, operator.mul, "*")
    __truediv__, __rtruediv__ = _operator(ops.div, operator.truediv, "/")
    __pow__, __rpow__ = _operator(ops.pow, math.pow, "**")

    def __matmul__(self, other: Any) -> Value:
        """Return the matrix product ``self @ other``."""
        return ops.matmul.record(type(self), (self, other), NO_ATTRIBUTES)

    def __rmatmul__(self, other: Any) -> Value:
        """Return the matrix product ``other @ self``."""
        return ops.matmul.record(type(self), (other, self), NO_ATTRIBUTES)

    __neg__, __pos__, __abs__ = _function(ops.neg), _function(ops.pos), _function(ops.abs)

    __floordiv__, __rfloordiv__ = _operator(elementwise.floor_divide, operator.floordiv, "//")
    __mod__, __rmod__ = _operator(elementwise.remainder, operator.mod, "%")

    def __divmod__(self, other: Any) -> tuple[Value, Value]:
        """Return ``self // other``, whose derivative is 0, and ``self % other``."""
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Value, Value]:
        """Return ``other // self``, whose derivative is 0, and ``other % self``."""
        return other // self, other % self

    def __getitem__(self, index: Any) -> Value:
        """Return the elements at an index, a slice or a mask."""
        if not self.shape:
            return self._indexed_scalar(index)
        return ops.getitem.record(type(self), (self,), {"index": index})

    def _indexed_scalar(self, index: Any) -> Value:
        """Return a scalar at ``()``, ``...`` or ``None``, which may give it dimensions."""
        try:
            places = np.array(0)[index]
        except IndexError:
            raise TypeError(f"{self!r} is a scalar: it has no elements to index") from None
        indexed: Value = ops.take(self, places)
        return indexed

    def __setitem__(self, index: Any, new: Any) -> None:
        raise TypeError(
            "elements of a Value cannot be assigned, since its history would be lost; "
            "make a new one, with np.where(mask, new, v) or np.stack([a, b])"
        )

    exp, expm1, log, log1p = map(_function, (ops.exp, ops.expm1, ops.log, ops.log1p))
    sqrt, square, sign = map(_function, (ops.sqrt, ops.square, ops.sign))
    sin, cos, tan = map(_function, (ops.sin, ops.cos, ops.tan))
    sinh, cosh, tanh = map(_function, (ops.sinh, ops.cosh, ops.tanh))
    sigmoid, softplus, silu, gelu = map(_function, (ops.sigmoid, ops.softplus, ops.silu, ops.gelu))
    relu, leaky_relu, elu = _function(ops.relu), *map(_method, (ops.leaky_relu, ops.elu))
    softmax, log_softmax = map(_method, (numpy_api.softmax, numpy_api.log_softmax))
    sum, prod, max = map(_method, (reductions.sum, reductions.prod, reductions.max))
    min, mean, var = map(_method, (reductions.min, reductions.mean, reductions.var))
    std, logsumexp = map(_method, (reductions.std, ops.logsumexp))
    cumsum, cumprod = map(_method, (reductions.cumsum, reductions.cumprod))
    clip, dot, ravel = map(_method, (numpy_api.clip, numpy_api.dot, numpy_api.ravel))
    flatten, squeeze = map(_method, (numpy_api.ravel, numpy_api.squeeze))
    swapaxes, trace = map(_method, (numpy_api.swapaxes, numpy_api.trace))
    diagonal, take, repeat = map(_method, (ops.diagonal, shaping.take, ops.repeat))
    round, copy, astype = map(_method, (elementwise.round, elementwise.copy, elementwise.astype))
    argmax, argmin, argsort = map(_question, (np.argmax, np.argmin, np.argsort))
    any, all, nonzero = map(_question, (np.any, np.all, np.nonzero))

    def reshape(self, *shape: Any, order: str = "C") -> Value:
        """Return the same elements in another shape, given as integers or as one tuple."""
        attributes = {"shape": shape[0] if len(shape) == 1 else shape, "order": order}
        return ops.reshape.record(type(self), (self,), attributes)

    def transpose(self, *axes: Any) -> Value:
        """Return the dimensions in another order; reversed where none is given."""
        order = axes[0] if len(axes) == 1 else axes or None
        transposed: Value = shaping.transpose(self, order)
        return transposed

    def item(self) -> float:
        """Return the one element as a Python float."""
        return float(np.asarray(current().trace.read(self, "item()")).item())

    def tolist(self) -> Any:
        """Return the data as one of Python's floats, or nested lists of them."""
        return np.asarray(current().trace.read(self, "tolist()")).tolist()

    # --- Access to the data, without recording ----------------------------------------------------

    __hash__ = object.__hash__

    __eq__, __ne__ = _comparison(operator.eq, "=="), _comparison(operator.ne, "!=")
    __lt__, __le__ = _comparison(operator.lt, "<"), _comparison(operator.le, "<=")
    __gt__, __ge__ = _comparison(operator.gt, ">"), _comparison(operator.ge, ">=")

    def __bool__(self) -> bool:
        return bool(read_data(self))

    def __float__(self) -> float:
        if current().nested and not self.constant:
            raise TypeError(
                "float(), or a function of math, takes the number out of a Value that is being "
                "differentiated; use NumPy's functions, or v.item() for the number alone, "
                "through which no derivative passes"
            )
        return self.item()

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a scalar Value has no length")
        return self.shape[0]

    def __contains__(self, element: Any) -> bool:
        """Return whether some element of the data equals this one, as for an array."""
        return bool(np.any(self == element))

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("a scalar Value cannot be iterated over")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        grad = "" if self.grad is None else f", grad={_short(self.grad)}"
        return f"Value({_short(self.raw)}{label}{grad})"

    # --- NumPy's protocols: np.exp(v), array * v, np.sum(v, axis=0) -------------------------------

    __pandas_priority__ = 5000  # above its DataFrame's: so ``series * v`` is a Value, too

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if sys._getframe(1).f_globals.get("__name__", "").startswith(("numpy.ma", "numpy.matrix")):
            raise TypeError(
                "np.ma and np.matrix compute by rules of their own, which have no derivative here; "
                "compute with an array: m.filled(number), np.asarray(m)"
            )
        raise TypeError(
            "a Value does not turn into an array by itself, since its history would be lost; "
            "np.stack([a, b]) makes one of several, v.data has the numbers, without a derivative"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return numpy_api.call_ufunc(ufunc, method, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        return numpy_api.call_function(function, args, options)


for _name, _attribute in vars(Value).items():
    if inspect.isfunction(_attribute):  # some were made by functions, and have their names
        _attribute.__name__, _attribute.__qualname__ = _name, f"Value.{_name}"


def _short(data: Data) -> str:
    """Return the data on one line, in few digits."""
    if isinstance(data, StandIn):
        data = data.value
    if isinstance(data, np.ndarray):
        text = np.array2string(data, precision=4, threshold=8, edgeitems=2, separator=", ")
        kind = "" if data.dtype == np.float64 else f", dtype={data.dtype}"
        return " ".join(text.split()) + (f", shape={data.shape}" if data.size > 8 else "") + kind
    return repr(float(data))
