"""Tracer: the stand-in for a number or an array while a function is recorded.

NumPy's functions and Python's operators work on Tracers, compute, and leave an instruction with the
recorder. A Tracer cannot be turned into a number, which would be the same in every run. Its truth
may be asked for (``if loss > 3``); the answer is then a guard of the program.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Protocol

import numpy as np

from tinygrad_hw.engine.call_site import calling_line
from tinygrad_hw.engine.core.data import StandIn, shape_of
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.engine.numpy_api import NUMPY
from tinygrad_hw.program.record.recordable import COMPOSED, ON_SHAPES
from tinygrad_hw.program.variable import Variable

_INDEX = "as an index of a plain array; write Value(table, constant=True)[index]"
_REFUSAL = (
    "a number is taken out of what a captured program computes ({}): it would stay what it is in "
    "this run; use NumPy's functions or operators, or compute it outside and pass it as an argument"
)


class CaptureError(TypeError):
    """Error for a function that does something that no program can repeat."""


def refusal(text: str) -> CaptureError:
    """Return an error that names the user's line, and note it with the recorder."""
    error = CaptureError(f"{text} {calling_line()}")
    trace: Any = current().trace
    if getattr(trace, "refused", error) is None:
        trace.refused = error
    return error


class CallRecorder(Protocol):
    """Protocol of the recorder, as far as Tracers use it."""

    negated: dict[Variable, Tracer]  # the operand of each negation

    def constant(self, value: Any) -> Tracer:
        """Return a Tracer that is the same in every run."""

    def call(
        self, function: Any, inputs: tuple[Any, ...], options: dict[str, Any] | None = None
    ) -> Any:
        """Compute a call and record it."""

    def cast(self, tracer: Tracer, dtype: Any) -> Any:
        """Record a conversion to another dtype."""

    def gather(self, tracer: Tracer) -> bool:
        """Record the gather from a plain array that asks for numbers; return whether it is one."""

    def branch(self, condition: Tracer) -> bool:
        """Return the truth of a condition, and make it a guard of the program."""


class Tracer(StandIn):
    """Stand-in for one number or array of a run that is recorded.

    Attributes
    ----------
    recorder
        The recorder of the run.
    variable
        What it is in the program.
    value
        Its data in this run: a Python number, a NumPy scalar, or an array.
    is_0d
        Whether it stands for an array of no dimensions, with which programs compute as with a
        number; one that the function returns becomes an array again.
    """

    __slots__ = ("is_0d", "recorder", "variable")

    def __init__(
        self, recorder: CallRecorder, variable: Variable, value: Any, is_0d: bool = False
    ) -> None:
        self.recorder = recorder
        self.variable = variable
        self.value = value
        self.is_0d = is_0d

    def as_array(self, is_0d: bool) -> Tracer:
        """Return the stand-in for the same data as an array of no dimensions, or as a number."""
        if self.is_0d == is_0d:
            return self
        return Tracer(self.recorder, self.variable, self.value, is_0d)

    # --- Properties that guards of the program hold fixed -----------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the lengths of the dimensions."""
        return shape_of(self.value)

    @property
    def ndim(self) -> int:
        """Return the number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Return the number of elements."""
        return int(np.size(self.value))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype."""
        return np.result_type(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return self.recorder.branch(self)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # --- Refused conversions ----------------------------------------------------------------------

    def _refuse(self, what: str) -> NoReturn:
        raise refusal(_REFUSAL.format(what))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.recorder.gather(self):
            return np.array(self.value, dtype)
        return self._refuse(
            "by NumPy" if self.dtype.kind not in "iub" else f"by NumPy, or {_INDEX}"
        )

    def __float__(self) -> float:
        self._refuse("by float() or a function of math")

    def __int__(self) -> int:
        self._refuse("by int()")

    def __complex__(self) -> complex:
        self._refuse("by complex()")

    def __round__(self, digits: int | None = None) -> Any:
        self._refuse("by round(); np.round is recorded")

    def __trunc__(self) -> int:
        self._refuse("by math.trunc(); np.trunc is recorded")

    def __floor__(self) -> int:
        self._refuse("by math.floor(); np.floor is recorded")

    def __ceil__(self) -> int:
        self._refuse("by math.ceil(); np.ceil is recorded")

    def __index__(self) -> int:
        if self.shape:
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        if self.recorder.gather(self):
            return operator.index(self.value)
        return self._refuse(_INDEX)

    def item(self) -> float:
        """Raise CaptureError: a number would leave the program."""
        self._refuse("by item()")

    def tolist(self) -> Any:
        """Raise CaptureError: numbers would leave the program."""
        self._refuse("by tolist()")

    def __setitem__(self, index: Any, value: Any) -> None:
        raise refusal(
            "elements of an array are set while a program is captured; "
            "make a new array, with np.where or np.concatenate"
        )

    def __repr__(self) -> str:
        return f"Tracer({self.value!r:.60})"

    def __str__(self) -> str:
        return str(self.value)  # in the message of an error: the number of this run

    def __format__(self, spec: str) -> str:
        if spec:
            self._refuse("by a format")
        return str(self)

    # --- Recorded calls ---------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(x, Node) for x in inputs):
            return NotImplemented  # the Value records, and calls again with its data
        if options.get("out") is not None:
            raise refusal(f"np.{ufunc.__name__} writes into an array; leave out= away")
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self.recorder.call(function, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        if any(issubclass(kind, Node) for kind in types):
            return NotImplemented  # the Value records
        if function in ON_SHAPES:
            return function(*concrete(args), **concrete(options))
        if function in COMPOSED:
            return NUMPY[function](*args, **options)
        return self.recorder.call(function, args, options)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple) and not index:
            return self.as_array(False)
        return self.recorder.call(operator.getitem, (self, index), {})

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """Return the same elements in another shape."""
        shape = shape[0] if len(shape) == 1 else shape
        return self.recorder.call(
            np.reshape, (self, shape), {"order": order} if order != "C" else {}
        )

    def transpose(self, *axes: Any) -> Any:
        """Return the dimensions in another order; reversed where none is given."""
        order = axes[0] if len(axes) == 1 else axes
        return self.recorder.call(np.transpose, (self, order) if axes else (self,), {})

    def flatten(self, order: str = "C") -> Any:
        """Return the elements in one dimension."""
        return self.recorder.call(np.ravel, (self,), {"order": order} if order != "C" else {})

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """Return the same numbers in another dtype."""
        result = self.recorder.cast(self, dtype)
        return result.as_array(self.is_0d) if isinstance(result, Tracer) else result

    def copy(self) -> Any:
        """Return the Tracer itself: nothing writes into it."""
        return self

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """Return the transpose."""
        return self.recorder.call(np.transpose, (self,), {}) if self.ndim else self

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        """Return the transpose of the last two dimensions."""
        return self.recorder.call(np.swapaxes, (self, -2, -1), {})

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return other // self, other % self

    def __getattr__(self, name: str) -> Any:
        if name in _IN_PLACE_METHODS:
            raise refusal(f"{name}() changes an array in place; make a new one, as np.sort does")
        if hasattr(np.ndarray, name) and not name.startswith("_"):
            raise refusal(f"{name} of an array cannot be captured; use a function of NumPy's")
        raise AttributeError(name)


def _operator(function: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def apply(self: Tracer, other: Any) -> Any:
        return (
            NotImplemented
            if isinstance(other, Node)
            else self.recorder.call(function, (self, other))
        )

    def reflected(self: Tracer, other: Any) -> Any:
        return self.recorder.call(function, (other, self))

    return apply, reflected


def _method(function: Any) -> Callable[..., Any]:
    def method(self: Tracer, *arguments: Any, **options: Any) -> Any:
        return self.recorder.call(function, (self, *arguments), options)

    return method


for _name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "pow",
    "matmul",
    "floordiv",
    "mod",
    "and_",
    "or_",
    "xor",
):
    _pair = _operator(getattr(operator, _name))
    setattr(Tracer, f"__{_name.strip('_')}__", _pair[0])
    setattr(Tracer, f"__r{_name.strip('_')}__", _pair[1])


def _in_place(function: Any) -> Callable[..., Any]:
    def apply(self: Tracer, other: Any) -> Any:
        if self.shape:
            raise refusal("an array is changed in place while it is captured; make a new one")
        return function(self, other)

    return apply


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod"):
    setattr(Tracer, f"__i{_name}__", _in_place(getattr(operator, _name)))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Tracer, f"__{_name}__", _operator(getattr(operator, _name))[0])
for _name in ("neg", "pos", "abs", "invert"):
    setattr(Tracer, f"__{_name}__", _method(getattr(operator, _name)))
for _name in ("sum", "mean", "max", "min", "any", "all", "argmax", "argmin", "ravel", "cumsum"):
    setattr(Tracer, _name, _method(getattr(np, _name)))
for _name in ("std", "var", "dot", "nonzero", "argsort", "cumprod", "diagonal", "trace"):
    setattr(Tracer, _name, _method(getattr(np, _name)))
for _name in ("squeeze", "take", "clip", "swapaxes", "repeat", "round", "prod"):
    setattr(Tracer, _name, _method(getattr(np, _name)))
Tracer.__hash__ = object.__hash__  # type: ignore[method-assign]


_IN_PLACE_METHODS = {
    "byteswap",
    "fill",
    "partition",
    "put",
    "resize",
    "setfield",
    "setflags",
    "sort",
}


def concrete(tree: Any) -> Any:
    """Return the same operands with the data of this run in place of Tracers."""
    if isinstance(tree, Tracer):
        return tree.value
    if isinstance(tree, tuple | list):
        parts = [concrete(part) for part in tree]
        return tuple(parts) if isinstance(tree, tuple) else parts
    if isinstance(tree, dict):
        return {name: concrete(part) for name, part in tree.items()}
    return tree
