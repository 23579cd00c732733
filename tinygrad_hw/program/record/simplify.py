"""The normal form of recorded calls: arguments spelled out, exact simplifications, keys."""

from __future__ import annotations

import inspect
import operator
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core import numerics
from tinygrad_hw.engine.core.data import refuse_other_rules, shape_of
from tinygrad_hw.program.emit.primitives import ON_ARRAYS, PRIMITIVES
from tinygrad_hw.program.record.recordable import (
    RECORDABLE,
    may_alias,
    name_of,
    named_arguments,
    reason_to_refuse,
    writes,
)
from tinygrad_hw.program.record.tracer import CallRecorder, Tracer, refusal
from tinygrad_hw.program.variable import Variable, variables

_REDUCTIONS = {f: inspect.signature(f) for f in (np.sum, np.max, np.min)}
_SIMPLE = (Tracer, float, int)  # operands without parts
_OPERATORS = {p.python for p in PRIMITIVES if p.python}  # operators


def normalized_call(
    recorder: CallRecorder, function: Any, inputs: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return operands and options in a form that means the same to a function and its ufunc.

    ``np.sum`` is over all axes, ``np.add.reduce`` along the first: the axis is spelled out. The
    condition of ``np.where`` becomes a boolean.
    """
    if function in _OPERATORS and not options and all([type(x) in _SIMPLE for x in inputs]):
        return inputs, options  # an operator: nothing to spell out, and on the list
    inputs, options = _checked(function, inputs, options)
    if function in _REDUCTIONS:
        arguments = _REDUCTIONS[function].bind(*inputs, **options).arguments
        arguments.pop("out", None)
        return (arguments.pop("a"),), {"axis": None, **arguments}
    if function is np.where and len(inputs) == 3:
        return (_as_truths(recorder, inputs[0]), *inputs[1:]), options
    return inputs, options


def _checked(
    function: Any, inputs: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call that may be recorded, arrays among plain ones as tuples.

    Raises
    ------
    CaptureError
        If the function is not on the list, writes into an array, or gets from the program what
        must be plain.
    """
    for x in inputs:
        if isinstance(x, np.ndarray) and type(x) not in (np.ndarray, np.memmap):
            refuse_other_rules(x)
            raise refusal(
                f"expected an array, got {type(x).__name__}, whose rules may be its own; "
                "pass np.asarray(x)"
            )
    if reason := reason_to_refuse(function):
        raise refusal(f"{name_of(function)} cannot be captured: {reason}")
    if function not in RECORDABLE:
        return inputs, options
    for parameter, argument in named_arguments(function, inputs, options):
        if writes(function, parameter, argument):
            raise refusal(f"{name_of(function)} writes into an array; leave {parameter}= away")
        if parameter not in RECORDABLE[function].data and variables(argument, Tracer):
            raise refusal(
                f"{name_of(function)} takes its {parameter} from what the captured function "
                f"computes; give plain numbers, the same in every run"
            )
    names = [name for name, _ in named_arguments(function, inputs, {})]
    data = RECORDABLE[function].data
    inputs = tuple(
        [x if name in data else _plain(x) for name, x in zip(names, inputs, strict=True)]
    )
    return inputs, {name: x if name in data else _plain(x) for name, x in options.items()}


def _plain(argument: Any) -> Any:
    """Return an axis, a shape, a width that is an array as numbers and tuples."""
    if isinstance(argument, np.ndarray | np.integer):
        argument = argument.tolist()
    return tuple(map(_plain, argument)) if isinstance(argument, list) else argument


def _as_truths(recorder: CallRecorder, condition: Any) -> Any:
    """Return a condition as booleans, which ``np.copyto`` wants; np.where takes any numbers."""
    if isinstance(condition, Tracer):
        return condition if condition.dtype == bool else recorder.call(operator.ne, (condition, 0))
    return np.asarray(condition).astype(bool)[()]


def evaluate(function: Any, operands: Any, options: Any) -> Any:
    """Compute a call on concrete operands; Python numbers give a Python number, inf or nan."""
    try:
        return _evaluate(function, operands, options)
    except (ArithmeticError, ValueError):  # of Python's numbers: NumPy's have an inf or nan there
        return float(_evaluate(function, tuple([np.float64(x) for x in operands]), options))


def evaluate_guarded(function: Any, operands: Any, options: Any) -> Any:
    """Compute a product of the chain rule on concrete operands: 0 times inf or nan is 0 in it."""
    with np.errstate(invalid="ignore"):
        value = evaluate(function, operands, options)
    if np.isfinite(value).all():
        return value
    if function in (operator.mul, np.multiply):
        return _evaluate(numerics.product, operands, options)
    return mended(function, operands, options, value)


def mended(function: Any, operands: Any, options: Any, value: Any) -> Any:
    """Return a linear function of products, which gave ``value``, with the rule 0 · inf = 0."""
    finite = [np.where(np.isfinite(x), x, 0.0).astype(x.dtype) for x in operands]
    with np.errstate(invalid="ignore"):  # as in the chain rule: if all terms are 0 or finite
        terms, finite_terms = [
            function(*[(x != 0) * 1.0 for x in factors], **options)
            for factors in (operands, finite)
        ]
        return np.where(terms == finite_terms, function(*finite, **options), value)[()]


def _evaluate(function: Any, operands: Any, options: Any) -> Any:
    if function is operator.pow and type(operands[0]) is float and not shape_of(operands[1]):
        value = ops.pow.evaluate((operands[0], float(operands[1])), {})
    elif function in numerics.ON_FLOATS and all([type(x) is float for x in operands]):
        value = numerics.ON_FLOATS[function](*operands)
    else:
        value = function(*operands, **options)
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    chosen_from = operands[1:] if function is np.where else operands  # not the condition
    numbers = [x for x in chosen_from if not isinstance(x, str | type | None)]
    if isinstance(value, np.floating | np.bool_) and all(
        [type(x) in (float, int, bool) for x in numbers]
    ):
        return value.item()
    return value


def as_kind(x: Any, dtype: Any) -> Any:
    """Convert to integers or booleans, which no derivative passes through."""
    return np.asarray(x).astype(dtype)[()]


def on_arrays(function: Any, inputs: Any, operands: Any, value: Any) -> tuple[Any, Any]:
    """Return the NumPy function that an operator calls on arrays, and its inputs."""
    if function is operator.pow and isinstance(operands[0], np.ndarray):
        is_floating = operands[0].dtype == value.dtype and value.dtype.kind == "f"
        simple = numerics.SIMPLE_POWERS.get(_constant_number(inputs[1])) if is_floating else None
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
            as_python = type(value) in (float, int)
            absolute = operator.abs if as_python else np.absolute
            return recorder.call(absolute, (recorder.negated[inner.variable],))
    is_same = isinstance(same, Tracer) and _number_kind(same.value) == _number_kind(value)
    return same if is_same else None


def viewed_operand(function: Any, value: Any, inputs: tuple[Any, ...]) -> Variable | None:
    """Return the operand that a result is, or is a view of, if any."""
    if not isinstance(value, np.ndarray) or not may_alias(function):
        return None
    arrays = [x for x in variables(inputs, Tracer) if isinstance(x.value, np.ndarray)]
    return next((x.variable for x in arrays if np.may_share_memory(x.value, value)), None)


def has_data_dependent_shape(variable: Variable) -> bool:
    """Return whether a Variable's shape may depend on operands' values, not on shapes alone."""
    function = variable.function
    if not variable.shape or variable.view_of is not None:
        return False
    if function in (operator.getitem, ops.getitem):
        return any(x.dtype == bool for x in variable.needs[1:])
    if function not in RECORDABLE:
        return False
    sized_by = RECORDABLE[function].sized_by
    arguments = named_arguments(function, variable.operands, variable.options)
    return any(name in sized_by and variables(argument, Variable) for name, argument in arguments)


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
    return type(value), shape_of(value), getattr(value, "dtype", None)
