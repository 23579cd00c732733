"""Expressions: an instruction, its operands and its comment as Python."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_hw.engine import activations, ops
from tinygrad_hw.engine.core import numerics
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.program.emit.identifiers import Identifiers
from tinygrad_hw.program.emit.primitives import ON_NUMBERS, PRIMITIVES
from tinygrad_hw.program.emit.runtime import add_at, sign
from tinygrad_hw.program.instructions import is_view
from tinygrad_hw.program.variable import Variable, variables

INFIX = {p.python: p.infix for p in PRIMITIVES if p.infix}
PREFIX = {p.python or p.numpy: p.prefix for p in PRIMITIVES if p.prefix}

_GIVE_FLOATS = {  # for Python's numbers
    numerics.stable_sigmoid,
    activations.stable_softplus,
    activations.gaussian_cdf,
    activations.weighted_sum,
}


class ExpressionWriter:
    """Writer of operands and instructions as Python expressions.

    Attributes
    ----------
    namespace
        The names that the text uses and does not define, with what they stand for.
    names
        The name of each Variable that has one so far.
    """

    on_numbers = True  # a number of the recorded run is a number in every run

    def __init__(self, namespace: dict[str, Any], reserved: set[str]) -> None:
        self.namespace = namespace
        self.names: dict[Any, str] = {}
        self._identifiers = Identifiers({*namespace, *reserved})
        self._inlined: dict[Any, str] = {}  # the text of Variables that have no name

    # --- Names and operands -----------------------------------------------------------------------

    def _operand(self, operand: Any, variable: Variable) -> str:
        """Return an operand as text, with a NumPy number of the result's dtype as Python's."""
        value = operand.value if isinstance(operand, Variable) and operand.constant else operand
        kind = None if variable.kind.python else variable.dtype
        is_chosen = variable.function is np.where  # as it is
        if isinstance(value, np.floating) and value.dtype == kind and not is_chosen:
            others = [x for x in variable.operands if x is not operand]
            dtypes = [_numpy_dtype(x) for x in others]
            if np.isfinite(value) and any(x is not None and x == kind for x in dtypes):
                return repr(float(value))
        return self.text(operand)

    def name_of(self, variable: Variable) -> str:
        """Return the name of a Variable; choose it the first time."""
        if variable not in self.names:
            labels = variable.names
            if not labels and is_view(variable) and _is_transpose(variable):
                labels = [f"{self.name_of(variable.operands[0])}_T"]
            self.names[variable] = self._identifiers.choose(labels)
        return self.names[variable]

    def text(self, operand: Any) -> str:
        """Return an operand as Python text."""
        if isinstance(operand, Variable):
            if operand.constant:
                return self.text(operand.value)
            return self._inlined.pop(operand, None) or self.name_of(operand)
        if isinstance(operand, tuple):
            parts = [self.text(part) for part in operand]
            return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
        if isinstance(operand, list):
            return f"[{', '.join([self.text(part) for part in operand])}]"
        if isinstance(operand, slice):
            parts = [operand.start, operand.stop, operand.step]
            return f"slice({', '.join([self.text(part) for part in parts])})"
        if operand is None or operand is ... or type(operand) in (bool, int, str):
            return "..." if operand is ... else repr(operand)
        if type(operand) is float and math.isfinite(operand):
            return repr(operand)
        if isinstance(operand, type):
            return self._global(operand, [operand.__name__])
        return self._global(operand, ["c"] if not callable(operand) else [operand.__name__])

    def _global(self, thing: Any, labels: list[str]) -> str:
        """Return the name of an object that has no literal: an array, a function."""
        for name, known in self.namespace.items():
            if known is thing:
                return name
        name = self._identifiers.choose(labels)
        self.namespace[name] = thing
        return name

    # --- Instructions as expressions --------------------------------------------------------------

    def expression(self, variable: Variable) -> str:
        """Return an instruction as an expression that allocates its result."""
        function = variable.function
        operands = [self._operand(x, variable) for x in variable.operands]
        if isinstance(function, Operation):
            return self._operation(function, variable, operands)
        # Operators give Python's numbers of Python's, and NumPy's if one operand is NumPy's.
        is_python = variable.kind.python is not None
        kinds = [_numpy_dtype(x) for x in variable.operands]
        gives_kind = is_python or any(kind is not None for kind in kinds)
        if not variable.shape and gives_kind and function is not np.power:
            function = ON_NUMBERS.get(function, function)
        if function in INFIX and len(operands) == 2:
            return f"{operands[0]} {INFIX[function]} {operands[1]}"
        if function is operator.getitem:
            return self._element(operands[0], variable.operands[1], variable)
        if function is operator.pow:
            power = _constant(variable.operands[1])
            is_real = variable.kind.python is not float  # NumPy's, or of whole numbers
            if is_real or (power is not None and power == int(power)):  # never a complex number
                base = f"({operands[0]})" if operands[0].startswith("-") else operands[0]
                return f"{base} ** {operands[1]}"
            function = math.pow if self.on_numbers else np.power
        if self.on_numbers and not variable.shape:
            if function in PREFIX and (is_python or function is not np.logical_not):
                return f"{PREFIX[function]}{operands[0]}"
            chosen = [kind is not None and kind == variable.dtype for kind in kinds[1:]]
            if function is np.where and (is_python or all(chosen)):
                return f"{operands[1]} if {operands[0]} else {operands[2]}"
            if is_python and not any(kind is not None for kind in kinds):
                function = numerics.ON_FLOATS.get(function, function)
        arguments = [*operands, *self._options(variable.options)]
        call = f"{self._callable(function)}({', '.join(arguments)})"
        if variable.kind.is_scalar and self.on_numbers and not isinstance(function, np.ufunc):
            call += "[()]"  # the number itself, and not a view of the array
        as_python = variable.kind.python if self.on_numbers and _is_numpys(function) else None
        return call if as_python is None else f"{as_python.__name__}({call})"

    def _operation(self, operation: Operation, variable: Variable, operands: list[str]) -> str:
        is_plain = variable.kind.python is float and self.on_numbers
        if operation is ops.affine and is_plain:
            half = len(operands) // 2
            products = [
                f"{w} * {x}" for w, x in zip(operands[:half], operands[half:-1], strict=True)
            ]
            return " + ".join([operands[-1], *products])
        if operation is ops.getitem:
            return self._element(operands[0], variable.options["index"], variable)
        if operation is ops.scatter and _is_of_places(variable.options["index"]):
            return self._scatter(variable, operands[0])
        function = operation.on_floats if is_plain and operation.on_floats else operation.compute
        name = self._global(function, [operation.name])
        call = f"{name}({', '.join([*operands, *self._options(variable.options)])})"
        return (
            call
            if function is operation.on_floats or not is_plain
            else self._as_float(function, call)
        )

    def _scatter(self, variable: Variable, upstream: str) -> str:
        """Return a call that adds at places of the flat result: an array that is known by now."""
        shape = variable.options["shape"]
        places = np.arange(math.prod(shape)).reshape(shape)[variable.options["index"]]
        arguments = [upstream, self._global(places.reshape(-1), ["c"]), self.text(shape)]
        return f"{self._global(add_at, ['add_at'])}({', '.join(arguments)})"

    @staticmethod
    def _as_float(function: Callable[..., Any], call: str) -> str:
        """Convert the result of a function that gives NumPy's numbers for Python's."""
        return call if function in _GIVE_FLOATS else f"float({call})"

    def _callable(self, function: Any) -> str:
        if isinstance(function, Operation):
            return self._global(function.compute, [function.name])
        if function is np.sign:
            return self._global(sign, ["sign"])
        owner = getattr(function, "__self__", None)
        known = owner.__name__ if isinstance(owner, np.ufunc) else ""
        if known and getattr(np, known, None) is owner:
            return f"np.{known}.{function.__name__}"
        name = getattr(function, "__name__", "")
        if getattr(np, name, None) is function:
            return f"np.{name}"
        return self._global(function, ["power" if function is math.pow else name])

    def _options(self, options: dict[str, Any]) -> list[str]:
        return [f"{name}={self.text(value)}" for name, value in options.items()]

    def _element(self, source: str, index: Any, variable: Variable) -> str:
        """Return an index put to an array; ``x[..., 0]`` of one number is no view of the array."""
        is_view = isinstance(index, tuple) and any([part is ... for part in index])
        of_view = "[()]" if is_view and not variable.shape else ""
        return f"{source}[{self._index(index)}]{of_view}"

    def _index(self, index: Any) -> str:
        parts = index if isinstance(index, tuple) else (index,)
        return ", ".join([self._part(part) for part in parts]) + "," * (
            isinstance(index, tuple) and len(parts) == 1
        )

    def _part(self, part: Any) -> str:
        if isinstance(part, slice):
            ends = ["" if end is None else self.text(end) for end in (part.start, part.stop)]
            return ":".join(ends) + ("" if part.step is None else f":{self.text(part.step)}")
        return self.text(part)

    def _view(self, variable: Variable) -> str:
        function = variable.function
        source = self.text(variable.operands[0])
        is_plain = len(variable.operands) == 2 and variable.options in ({}, {"order": "C"})
        if function is np.reshape and is_plain:
            return f"{source}.reshape({', '.join(map(repr, variable.shape))})"
        return f"{source}.T" if _is_transpose(variable) else self.expression(variable)

    def _with_comment(self, line: str, variable: Variable) -> str:
        """Return a line with a comment: its result's shape, and the operation around it."""
        if not variable.shape and not any(getattr(x, "shape", ()) for x in variable.operands):
            if variable.origin in (None, getattr(variable.function, "name", None)):
                return line
            return line if variable.kind.python is float else f"{line}  # {variable.origin}"
        comment = str(variable.shape) if variable.shape else "a number"
        if variable.function is np.matmul:
            comment += " = " + " @ ".join(str(x.shape) for x in variable.operands)
        name = getattr(variable.function, "__name__", "")
        if variable.origin and variable.origin not in (
            name,
            getattr(variable.function, "name", ""),
        ):
            comment += f", of {variable.origin}" if not _is_arithmetic(variable.origin) else ""
        return f"{line}  # {comment}"


def _is_of_places(index: Any) -> bool:
    """Return whether an index has arrays in it, all of them the same in every run."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, np.ndarray) for part in parts) and not variables(index)


def _is_numpys(function: Any) -> bool:
    """Return whether a function gives NumPy's numbers, whatever it is given."""
    owner = getattr(function, "__self__", function)
    return isinstance(owner, np.ufunc) or str(function.__module__).startswith("numpy")


def _numpy_dtype(operand: Any) -> Any:
    """Return the dtype of one of NumPy's numbers or arrays; None for one of Python's."""
    if isinstance(operand, Variable):
        return None if operand.kind.python else operand.dtype
    return getattr(operand, "dtype", None)


def _is_transpose(variable: Variable) -> bool:
    """Return whether a Variable is a matrix with its two dimensions exchanged."""
    axes = variable.operands[1:]
    if variable.ndim != 2 or variable.options or variable.function is np.matrix_transpose:
        return variable.ndim == 2 and variable.function is np.matrix_transpose
    if variable.function is np.swapaxes:
        return {axis % 2 for axis in axes} == {0, 1}
    return variable.function is np.transpose and axes in ((), (None,), ((1, 0),))


def _constant(operand: Any) -> Any:
    """Return a finite float that is the same in every run, or None."""
    value = operand.value if isinstance(operand, Variable) and operand.constant else operand
    return value if isinstance(value, float) and math.isfinite(value) else None


def _is_arithmetic(name: str) -> bool:
    return name in ("add", "sub", "mul", "div", "neg", "matmul", "sum", "relu", "square")
