"""Elementwise: one instruction on numbers, or on the elements of arrays, as an expression."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.program.emit.javascript.library import HELPERS
from tinygrad_hw.program.emit.primitives import PRIMITIVES
from tinygrad_hw.program.record.simplify import as_kind
from tinygrad_hw.program.record.tracer import CaptureError
from tinygrad_hw.program.variable import Variable, kind_of

CASTS = (ops.astype, as_kind, float)
# Patterns by name, since a sigmoid's erfc is not NumPy's, and an operator is its ufunc.
_BY_NAME: dict[str, str] = {
    **{f.__name__: p.javascript for p in PRIMITIVES for f in p[:2] if f and p.javascript},
    "erfc": "erfc({0})",
}
_PRODUCTS = ("mul", "multiply")
_TRUTHS = {  # patterns that give a truth value themselves
    *("lt", "le", "gt", "ge", "eq", "ne", "less", "less_equal", "greater", "greater_equal"),
    *("equal", "not_equal", "isnan", "isinf", "isfinite", "signbit"),
}
_LOGICAL = {"logical_and", "logical_or", "logical_not", "and_", "or_", "invert"}
_LOGICAL |= {"bitwise_and", "bitwise_or", "logical_xor", "bitwise_xor"}


def name_of(function: Any) -> str:
    """Return the name by which the table of primitives knows a function."""
    name = getattr(function, "__name__", "")
    return name.removesuffix(" (vectorized)")  # of math.erfc, see np.frompyfunc


def is_elementwise(variable: Variable) -> bool:
    """Return whether each element of the result is an expression of the operands' elements."""
    function = variable.function
    if function in CASTS:
        return True
    known = isinstance(function, np.ufunc) or function is np.where or not variable.shape
    return known and name_of(function) in _BY_NAME


def is_fusable(variable: Variable) -> bool:
    """Return whether an instruction may share its loop with others.

    Whole numbers of fewer than 64 bits overflow, which they do when they are stored.
    """
    name = variable.dtype.name
    known = name in ("float64", "float32", "bool", "int64", "object")
    return bool(variable.shape) and known and is_elementwise(variable)


def expression(variable: Variable, operands: list[str], guarded: bool) -> tuple[str, set[str]]:
    """Return an instruction as an expression, and the helpers that it calls.

    Parameters
    ----------
    variable
        The instruction.
    operands
        Its operands as text: names or numbers.
    guarded
        Whether it is a product of the chain rule, in which 0 · inf is 0.
    """
    function, name, kind = variable.function, name_of(variable.function), variable.dtype
    if set(variable.options) - {"dtype"}:
        options = ", ".join(sorted(set(variable.options) - {"dtype"}))
        raise CaptureError(f"{name} with {options}= has no word in JavaScript here")
    if function in CASTS:
        return _cast(operands[0], kind), set()
    if name in _LOGICAL:
        if kind.kind != "b":
            raise CaptureError(f"{name} of whole numbers has no word in JavaScript here")
        operands = [
            text if _is_truth(x) else f"({text} != 0)"
            for text, x in zip(operands, variable.operands, strict=True)
        ]
    if any([getattr(x, "dtype", None) == np.float32 for x in variable.operands]):
        operands = _in_float32(variable, operands)
    pattern = "times({0}, {1})" if guarded and name in _PRODUCTS else _BY_NAME[name]
    text = pattern.format(*operands)
    if kind.kind == "b" and name not in _TRUTHS | _LOGICAL:
        text = f"({text}) != 0"
    elif kind == np.float32 and _weak_kind(variable) is not float:
        text = f"Math.fround({text})"
    return text, {helper for helper in HELPERS if f"{helper}(" in pattern}


def _weak_kind(x: Any) -> Any:
    """Return Python's type of a number that takes the dtype of what it meets, else its dtype."""
    kind = x.kind if isinstance(x, Variable) else kind_of(x)
    return kind.python or kind.dtype


def _is_truth(x: Any) -> bool:
    return _weak_kind(x) in (bool, np.dtype(bool))


def _in_float32(variable: Variable, operands: list[str]) -> list[str]:
    """Return operands with Python's numbers rounded as NumPy rounds them beside float32."""
    kinds = [_weak_kind(x) for x in variable.operands[-2:]]
    samples: list[Any] = [x(1) if isinstance(x, type) else x for x in kinds]
    if np.result_type(*samples) != np.float32:
        return operands
    rounded = []
    for text, x in zip(operands, variable.operands, strict=True):
        value = x.value if isinstance(x, Variable) else x
        if _weak_kind(x) is not float:
            rounded.append(text)
        elif value is None:
            rounded.append(f"Math.fround({text})")
        else:
            rounded.append(number(np.float32(value)))
    return rounded


def _cast(text: str, kind: Any) -> str:
    if kind.kind == "b":
        return f"{text} != 0"
    if kind.kind in "iu":
        return f"Math.trunc({text})"
    return f"Math.fround({text})" if kind == np.float32 else f"+({text})"


def number(value: Any) -> str:
    """Return a number or a truth value as JavaScript."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "(-Infinity)"
    return repr(value) if math.copysign(1.0, value) > 0 else f"({value!r})"
