"""The normal form of recorded calls: arguments spelled out, exact simplifications, keys."""

from __future__ import annotations

import inspect
import operator
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core import numerics
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.program.emit.primitives import ON_ARRAYS
from tinygrad_hw.program.record.tracer import CallRecorder, Tracer, refusal
from tinygrad_hw.program.variable import Variable

_REDUCTIONS = {f: inspect.signature(f) for f in (np.sum, np.max, np.min)}
# What ``array ** p`` computes for these exponents.
_POWERS: dict[Any, Any] = {2: np.square, 0.5: np.sqrt, 1: np.positive, -1: np.reciprocal}
_SHAPE_FROM_SHAPES = frozenset(
    "all any argmax argmin argsort as_kind clip concatenate cumprod cumsum dot einsum max mean min "
    "moveaxis outer prod ravel reshape round sort squeeze stack std sum swapaxes take "
    "take_along_axis tensordot transpose tril triu var where".split()
)


def normalized_call(
    recorder: CallRecorder, function: Any, inputs: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return operands and options in a form that means the same to a function and its ufunc.

    ``np.sum`` is over all axes, ``np.add.reduce`` along the first: the axis is spelled out. The
    condition of ``np.where`` becomes a boolean.
    """
    if function in _REDUCTIONS:
        arguments = _REDUCTIONS[function].bind(*inputs, **options).arguments
        if arguments.pop("out", None) is not None:
            raise refusal(f"np.{function.__name__} writes into an array; leave out= away")
        return (arguments.pop("a"),), {"axis": None, **arguments}
    if function is np.where and isinstance(inputs[0], Tracer) and inputs[0].dtype != bool:
        return (recorder.call(operator.ne, (inputs[0], 0)), *inputs[1:]), options
    return inputs, options


def evaluate(function: Any, operands: Any, options: Any) -> Any:
    """Compute a call on concrete operands; Python numbers give a Python number, inf or nan."""
    try:
        return _evaluate(function, operands, options)
    except (ArithmeticError, ValueError):  # of Python's numbers: NumPy's have an inf or nan there
        return float(_evaluate(function, tuple([np.float64(x) for x in operands]), options))


def _evaluate(function: Any, operands: Any, options: Any) -> Any:
    if function is operator.pow and type(operands[0]) is float and not shape_of(operands[1]):
        value = ops.pow.evaluate((operands[0], float(operands[1])), {})
    elif function in numerics.ON_FLOATS and all([type(x) is float for x in operands]):
        value = numerics.ON_FLOATS[function](*operands)
    else:
        value = function(*operands, **options)
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    numbers = [x for x in operands if not isinstance(x, str | type | None)]
    if isinstance(value, np.floating | np.bool_) and all(
        [type(x) in (float, int, bool) for x in numbers]
    ):
        return value.item()
    return value


def as_kind(x: Any, dtype: Any) -> Any:
    """Convert to integers or booleans, which no derivative passes through."""
    return np.asarray(x).astype(dtype)[()]


def on_arrays(function: Any, inputs: Any, operands: Any) -> tuple[Any, Any]:
    """Return the NumPy function that an operator calls on arrays, and its inputs."""
    if function is operator.pow and isinstance(operands[0], np.ndarray):
        simple = _POWERS.get(_constant_number(inputs[1]))
        return (simple, inputs[:1]) if simple else (np.power, inputs)
    return ON_ARRAYS.get(function, function), inputs


def simplified(recorder: CallRecorder, function: Any, inputs: tuple[Any, ...], value: Any) -> Any:
    """Return a simpler Tracer that a call equals to the last bit, or None.

    1 · x is x, so the gradient of the root by itself leaves no instruction; the part of a rule that
    is for an exponent of 0 is dropped where the exponent is another; |-x| is |x|.
    """
    same = None
    if function in (operator.mul, np.multiply):
        same = next((b for a, b in (inputs, inputs[::-1]) if _constant_number(a) == 1), None)
    elif function in (operator.pow, np.power):
        same = inputs[0] if _constant_number(inputs[1]) == 1 else None
    elif function is np.positive:
        same = inputs[0]
    elif function is np.where and _constant_number(inputs[0]) is not None:
        same = inputs[1 if _constant_number(inputs[0]) else 2]
    elif function in (operator.and_, np.bitwise_and):
        if type(value) is bool and any(_constant_number(x) == 0 for x in inputs):
            return recorder.constant(False)
    elif function in (operator.abs, np.absolute):
        inner = inputs[0]
        if isinstance(inner, Tracer) and inner.variable in recorder.negated:
            return recorder.call(operator.abs, (recorder.negated[inner.variable],))
    is_same = isinstance(same, Tracer) and _number_kind(same.value) == _number_kind(value)
    return same if is_same else None


def has_data_dependent_shape(variable: Variable) -> bool:
    """Return whether a Variable's shape may depend on operands' values, not on shapes alone."""
    function = variable.function
    if not variable.shape or variable.view_of is not None:
        return False
    if function in (operator.getitem, ops.getitem):
        return any(x.dtype == bool for x in variable.needs[1:])
    owner = getattr(function, "__self__", function)
    if isinstance(function, Operation) or isinstance(owner, np.ufunc):
        return False
    return getattr(function, "__name__", "") not in _SHAPE_FROM_SHAPES


def call_key(tree: Any) -> Any:
    """Return the key by which operands are compared: numbers by value, the rest by identity."""
    if isinstance(tree, tuple | list):
        return (type(tree), *map(call_key, tree))
    if isinstance(tree, dict):
        return tuple((name, call_key(part)) for name, part in tree.items())
    if isinstance(tree, slice):
        return (slice, call_key((tree.start, tree.stop, tree.step)))
    if isinstance(tree, Variable) and tree.constant and isinstance(tree.value, float | bool):
        return (float, type(tree.value), repr(tree.value))
    if isinstance(tree, float | int | str | np.generic):
        return (type(tree), repr(tree))
    return id(tree) if isinstance(tree, Variable | np.ndarray) else (id(tree), tree)


def _constant_number(x: Any) -> Any:
    """Return a number that is the same in every run, or None."""
    if isinstance(x, Tracer):
        x = x.value if x.variable.constant else None
    return x if isinstance(x, float | bool | int | np.generic) else None


def _number_kind(value: Any) -> Any:
    return shape_of(value), np.result_type(value), type(value) is float
