"""Variable: what stands for a number or an array while a program is captured.

NumPy's functions and Python's operators work on Variables, compute, and leave an instruction on the
``Tape``. A Variable refuses to turn into a number: that number would be in the program for ever.
Its truth may be asked for (``if loss > 3``); the answer is then a guard of the program.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tinygrad_hw.engine.core.node import Node, Traced, shape_of

if TYPE_CHECKING:
    from tinygrad_hw.program.recorder import Tape

_TAKEN = (
    "a number is taken out of what a captured program computes ({}): it would stay what it is in "
    "this run; use NumPy's functions or operators, or compute it outside and pass it as an argument"
)


class CaptureError(TypeError):
    """The function does something that no program can repeat."""


class Variable(Traced):
    """One value of the program: an input, a constant, or what an instruction gives.

    Attributes
    ----------
    tape
        Where it stands.
    number
        Its place in the order of the program.
    source
        The operand that it is a view of, or None.
    needs
        The Variables among the operands and in the options.
    function, operands, options
        The instruction: an operation of the table (on Python's numbers), or one of NumPy's
        functions. ``function`` is None for an input and for a constant.
    value
        What it was in this run: a Python number, a NumPy scalar, or an array.
    constant
        Whether it is the same in every run.
    phase
        ``forward``, ``backward``, or ``after`` it.
    names
        What the student calls it, if anything; a name of our own making comes later.
    origin
        The operation of the table that it is a part of, for a remark in the source.
    """

    __slots__ = (
        *("tape", "number", "function", "operands", "options", "constant", "phase", "names"),
        *("needs", "origin", "source"),
    )

    def __init__(
        self,
        tape: Tape,
        value: Any,
        function: Any = None,
        operands: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
        *,
        constant: bool = False,
    ) -> None:
        self.tape = tape
        self.number = tape.count()
        self.value = value
        self.function = function
        self.operands = operands
        self.options = options or {}
        self.needs = variables(operands) + variables(options) if function is not None else []
        self.source = self._viewed()
        self.constant = constant
        self.phase = tape.phase
        self.names: list[str] = []
        self.origin = tape.origin

    def _viewed(self) -> Variable | None:
        """What it is only another way to look at, if it is: then they share their memory."""
        if not isinstance(self.value, np.ndarray) or self.value.base is None:
            return None
        arrays = (x for x in self.needs if isinstance(x.value, np.ndarray))
        return next((x for x in arrays if np.may_share_memory(x.value, self.value)), None)

    # --- What may be asked, since a guard of the program sees to it that it stays so --------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the dimensions."""
        return shape_of(self.value)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.size(self.value))

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's name for the kind of number."""
        return np.result_type(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return self.tape.branch(self)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # --- What may not -----------------------------------------------------------------------------

    def _taken(self, by: str) -> NoReturn:
        raise CaptureError(_TAKEN.format(by))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self._taken("by NumPy")

    def __float__(self) -> float:
        self._taken("by float() or a function of math")

    def __int__(self) -> int:
        self._taken("by int()")

    def __index__(self) -> int:
        return self._taken("as a plain index")

    def item(self) -> float:
        """Refuse."""
        self._taken("by item()")

    def tolist(self) -> Any:
        """Refuse."""
        self._taken("by tolist()")

    def __setitem__(self, index: Any, given: Any) -> None:
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
            self._taken("by a format")
        return str(self)

    # --- What is taken down -----------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(isinstance(x, Node) for x in inputs):
            return NotImplemented  # a Value beside it records, and comes back here with its data
        if options.get("out") is not None:
            raise CaptureError(f"np.{ufunc.__name__} writes into an array; leave out= away")
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        return self.tape.call(function, inputs, options)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        if any(issubclass(kind, Node) for kind in types):
            return NotImplemented  # a Value beside it records
        if function in _QUESTIONS:
            return function(*plainly(args), **plainly(options))
        if function in _WRITERS:
            raise CaptureError(f"np.{function.__name__} writes into an array; make a new one")
        return self.tape.call(function, args, options)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple) and not index:
            return self
        return self.tape.call(operator.getitem, (self, index), {})

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        """The same elements in another shape."""
        shape = shape[0] if len(shape) == 1 else shape
        return self.tape.call(np.reshape, (self, shape), {"order": order} if order != "C" else {})

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """The same numbers of another kind."""
        return self.tape.cast(self, dtype)

    def copy(self) -> Any:
        """Itself: nothing writes into it."""
        return self

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """The transpose."""
        return self.tape.call(np.transpose, (self,), {})

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        """The transpose of the last two dimensions."""
        return self.tape.call(np.swapaxes, (self, -2, -1), {})

    def __getattr__(self, name: str) -> Any:
        if hasattr(np.ndarray, name) and not name.startswith("_"):
            raise CaptureError(f"{name} of an array cannot be captured; use a function of NumPy's")
        raise AttributeError(name)


def _operator(function: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def apply(self: Variable, other: Any) -> Any:
        return (
            NotImplemented if isinstance(other, Node) else self.tape.call(function, (self, other))
        )

    def reflected(self: Variable, other: Any) -> Any:
        return self.tape.call(function, (other, self))

    return apply, reflected


def _method(function: Any) -> Callable[..., Any]:
    def method(self: Variable, *arguments: Any, **options: Any) -> Any:
        return self.tape.call(function, (self, *arguments), options)

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

_QUESTIONS = {np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.broadcast_shapes}
_WRITERS = {np.copyto, np.put, np.putmask, np.place, np.fill_diagonal, np.put_along_axis}


def variables(tree: Any) -> list[Variable]:
    """Every Variable in operands and options, however deep in an index."""
    if isinstance(tree, Variable):
        return [tree]
    if isinstance(tree, tuple | list):
        return [found for part in tree if part.__class__ not in _BARE for found in variables(part)]
    if isinstance(tree, dict):
        return [found for part in tree.values() for found in variables(part)]
    if isinstance(tree, slice):
        return variables((tree.start, tree.stop, tree.step))
    return []


_BARE = {float, int, str, bool, type(None), np.ndarray}


def plainly(tree: Any) -> Any:
    """The same operands with the data of this run."""
    if isinstance(tree, Variable):
        return tree.value
    if isinstance(tree, tuple | list):
        parts = [plainly(part) for part in tree]
        return tuple(parts) if isinstance(tree, tuple) else parts
    if isinstance(tree, dict):
        return {name: plainly(part) for name, part in tree.items()}
    return tree
