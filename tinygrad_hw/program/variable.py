"""Variable: the stand-in for a number or an array while a function is recorded.

NumPy's functions and Python's operators work on Variables, compute, and leave an instruction with
the recorder. A Variable cannot be turned into a number, which would be the same in every run. Its
truth may be asked for (``if loss > 3``); the answer is then a guard of the program.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Protocol

import numpy as np

from tinygrad_hw.engine.core.data import StandIn, shape_of
from tinygrad_hw.engine.core.node import Node

FORWARD, BACKWARD, AFTER = "forward", "backward", "after"  # the phases of a program
_REFUSAL = (
    "a number is taken out of what a captured program computes ({}): it would stay what it is in "
    "this run; use NumPy's functions or operators, or compute it outside and pass it as an argument"
)


class CaptureError(TypeError):
    """Error for a function that does something that no program can repeat."""


class CallRecorder(Protocol):
    """Protocol of the recorder, as far as Variables use it."""

    phase: str
    origin: str | None

    def next_number(self) -> int:
        """Return the next number in the order of the program."""

    def constant(self, value: Any) -> Variable:
        """Return a Variable that is the same in every run."""

    def call(
        self, function: Any, inputs: tuple[Any, ...], options: dict[str, Any] | None = None
    ) -> Any:
        """Compute a call and record it."""

    def cast(self, variable: Variable, dtype: Any) -> Any:
        """Record a conversion to another dtype."""

    def branch(self, condition: Variable) -> bool:
        """Return the truth of a condition, and make it a guard of the program."""

    def is_finite(self, variable: Variable) -> bool:
        """Return whether all elements are finite; if so, the program assumes and checks it."""


class Variable(StandIn):
    """One value of the program: an input, a constant, or the result of an instruction.

    Attributes
    ----------
    recorder
        The recorder that it belongs to.
    number
        Its number in the order of the program.
    view_of
        The operand that it is a view of, or None.
    needs
        The Variables among the operands and in the options.
    function, operands, options
        The instruction: an operation of the table (on Python's numbers), or one of NumPy's
        functions. ``function`` is None for an input and for a constant.
    value
        Its data in this run: a Python number, a NumPy scalar, or an array.
    constant
        Whether it is the same in every run.
    phase
        ``forward``, ``backward``, or ``after`` the backward pass.
    names
        The user's labels for it, if any.
    origin
        The operation of the table that it is a part of, for a comment in the source.
    """

    __slots__ = (
        *("recorder", "number", "function", "operands", "options", "constant", "phase", "names"),
        *("needs", "origin", "view_of"),
    )

    def __init__(
        self,
        recorder: CallRecorder,
        value: Any,
        function: Any = None,
        operands: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
        *,
        constant: bool = False,
    ) -> None:
        self.recorder = recorder
        self.number = recorder.next_number()
        self.value = value
        self.function = function
        self.operands = operands
        self.options = options or {}
        self.needs = variables(operands) + variables(options) if function is not None else []
        self.view_of = self._viewed_operand()
        self.constant = constant
        self.phase = recorder.phase
        self.names: list[str] = []
        self.origin = recorder.origin

    def _viewed_operand(self) -> Variable | None:
        """Return the operand whose memory the result shares, if any."""
        if not isinstance(self.value, np.ndarray) or self.value.base is None:
            return None
        arrays = (x for x in self.needs if isinstance(x.value, np.ndarray))
        return next((x for x in arrays if np.may_share_memory(x.value, self.value)), None)

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

    def is_finite(self) -> bool:
        """Return whether all elements are finite, in the recorder's judgment."""
        return self.recorder.is_finite(self)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return self.recorder.branch(self)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # --- Refused conversions ----------------------------------------------------------------------

    def _refuse(self, what: str) -> NoReturn:
        raise CaptureError(_REFUSAL.format(what))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self._refuse("by NumPy")

    def __float__(self) -> float:
        self._refuse("by float() or a function of math")

    def __int__(self) -> int:
        self._refuse("by int()")

    def __index__(self) -> int:
        return self._refuse("as a plain index")

    def item(self) -> float:
        """Raise CaptureError: a number would leave the program."""
        self._refuse("by item()")

    def tolist(self) -> Any:
        """Raise CaptureError: numbers would leave the program."""
        self._refuse("by tolist()")

    def __setitem__(self, index: Any, value: Any) -> None:
        raise CaptureError(
            "elements of an array are set while a program is captured; "
            "make a new array, with np.where or np.concatenate"
        )

    def __repr__(self) -> str:
        return f"Variable({self.value!r:.60})"

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
            raise CaptureError(f"np.{ufunc.__name__} writes into an array; leave out= away")
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self.recorder.call(function, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        if any(issubclass(kind, Node) for kind in types):
            return NotImplemented  # the Value records
        if function in _SHAPE_FUNCTIONS:
            return function(*concrete(args), **concrete(options))
        if function in _IN_PLACE_FUNCTIONS:
            raise CaptureError(f"np.{function.__name__} writes into an array; make a new one")
        return self.recorder.call(function, args, options)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple) and not index:
            return self
        return self.recorder.call(operator.getitem, (self, index), {})

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """Return the same elements in another shape."""
        shape = shape[0] if len(shape) == 1 else shape
        return self.recorder.call(
            np.reshape, (self, shape), {"order": order} if order != "C" else {}
        )

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """Return the same numbers in another dtype."""
        return self.recorder.cast(self, dtype)

    def copy(self) -> Any:
        """Return the Variable itself: nothing writes into it."""
        return self

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """Return the transpose."""
        return self.recorder.call(np.transpose, (self,), {})

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        """Return the transpose of the last two dimensions."""
        return self.recorder.call(np.swapaxes, (self, -2, -1), {})

    def __getattr__(self, name: str) -> Any:
        if hasattr(np.ndarray, name) and not name.startswith("_"):
            raise CaptureError(f"{name} of an array cannot be captured; use a function of NumPy's")
        raise AttributeError(name)


def _operator(function: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def apply(self: Variable, other: Any) -> Any:
        return (
            NotImplemented
            if isinstance(other, Node)
            else self.recorder.call(function, (self, other))
        )

    def reflected(self: Variable, other: Any) -> Any:
        return self.recorder.call(function, (other, self))

    return apply, reflected


def _method(function: Any) -> Callable[..., Any]:
    def method(self: Variable, *arguments: Any, **options: Any) -> Any:
        return self.recorder.call(function, (self, *arguments), options)

    return method


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod", "and_", "or_"):
    _pair = _operator(getattr(operator, _name))
    setattr(Variable, f"__{_name.strip('_')}__", _pair[0])
    setattr(Variable, f"__r{_name.strip('_')}__", _pair[1])


def _in_place(function: Any) -> Callable[..., Any]:
    def apply(self: Variable, other: Any) -> Any:
        if self.shape:
            raise CaptureError("an array is changed in place while it is captured; make a new one")
        return function(self, other)

    return apply


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "floordiv", "mod"):
    setattr(Variable, f"__i{_name}__", _in_place(getattr(operator, _name)))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Variable, f"__{_name}__", _operator(getattr(operator, _name))[0])
for _name in ("neg", "pos", "abs", "invert"):
    setattr(Variable, f"__{_name}__", _method(getattr(operator, _name)))
for _name in ("sum", "mean", "max", "min", "any", "all", "argmax", "argmin", "ravel", "cumsum"):
    setattr(Variable, _name, _method(getattr(np, _name)))
for _name in ("std", "var", "dot", "nonzero", "argsort", "cumprod", "diagonal", "trace"):
    setattr(Variable, _name, _method(getattr(np, _name)))
for _name in ("transpose", "squeeze", "take", "clip", "swapaxes", "repeat", "round", "prod"):
    setattr(Variable, _name, _method(getattr(np, _name)))
Variable.__hash__ = object.__hash__  # type: ignore[method-assign]

_SHAPE_FUNCTIONS = {
    np.shape,
    np.ndim,
    np.size,
    np.result_type,
    np.iscomplexobj,
    np.broadcast_shapes,
}
_IN_PLACE_FUNCTIONS = {np.copyto, np.put, np.putmask, np.place, np.fill_diagonal, np.put_along_axis}


def variables(tree: Any) -> list[Variable]:
    """Return every Variable in operands and options, nested in an index too."""
    if isinstance(tree, Variable):
        return [tree]
    if isinstance(tree, tuple | list):
        return [
            found
            for part in tree
            if part.__class__ not in _WITHOUT_VARIABLES
            for found in variables(part)
        ]
    if isinstance(tree, dict):
        return [found for part in tree.values() for found in variables(part)]
    if isinstance(tree, slice):
        return variables((tree.start, tree.stop, tree.step))
    return []


_WITHOUT_VARIABLES = {float, int, str, bool, type(None), np.ndarray}


def concrete(tree: Any) -> Any:
    """Return the same operands with the data of this run in place of Variables."""
    if isinstance(tree, Variable):
        return tree.value
    if isinstance(tree, tuple | list):
        parts = [concrete(part) for part in tree]
        return tuple(parts) if isinstance(tree, tuple) else parts
    if isinstance(tree, dict):
        return {name: concrete(part) for name, part in tree.items()}
    return tree


class BoundValue:
    """A Value that the function uses, with its state before and after the run.

    Attributes
    ----------
    raw, grad, saved, constant
        Its data, gradient and flags before the run.
    variable, gradient
        The stand-ins for its data and its gradient; ``gradient`` is None where it had none.
    new, new_gradient
        Its data and gradient after the run.
    gradient_cleared
        Whether the gradient is set to None in the run, or before every run.
    """

    __slots__ = (
        *("constant", "grad", "gradient", "gradient_cleared", "new", "new_gradient"),
        *("node", "raw", "saved", "variable"),
    )

    def __init__(self, node: Node, gradient_cleared: bool) -> None:
        self.node = node
        self.raw, self.grad, self.saved = node.raw, node.grad, node.saved
        self.constant = node.constant
        self.gradient: Variable | None = None
        self.gradient_cleared = gradient_cleared
        self.variable: Variable
        self.new: Any = None
        self.new_gradient: Any = None

    @property
    def is_array(self) -> bool:
        """Return whether the Value's data are an array."""
        return isinstance(self.raw, np.ndarray)

    @property
    def is_differentiated(self) -> bool:
        """Return whether the function gives the Value a gradient."""
        return isinstance(self.new_gradient, Variable) and self.new_gradient is not self.gradient

    def restore(self) -> None:
        """Save the Value's new state, and restore the one before the run."""
        node = self.node
        self.new, self.new_gradient = node.raw, node.grad
        node.raw, node.grad, node.saved = self.raw, self.grad, self.saved
