"""NumPy's functions, written with the operations of the table; few of them need a rule.

A composite is recorded inside a group of its name, which a drawing folds. Other functions are calls
of a few operations, with NumPy's arguments: a trace is the sum of a diagonal. ``TABLE`` has every
operation by its name, ``NUMPY`` what stands for each NumPy function.

``np.exp(v)`` arrives here through ``Value.__array_ufunc__``, ``np.sum(v)`` through
``Value.__array_function__``. A question (which element is the largest? is it finite?) is answered
on the data. What is not differentiated is refused by name, with the nearest name that is.
"""

import difflib
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.compile_rule import extend_language
from tinygrad_hw.engine.core.data import refuse_other_rules
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.core.operation import Operation, with_call_context
from tinygrad_hw.engine.docstrings import document
from tinygrad_hw.engine.numpy_api import (
    calculus,
    elementwise,
    joining,
    linalg,
    products,
    reductions,
    shaping,
    statistics,
)
from tinygrad_hw.engine.numpy_api.elementwise import clip, log_softmax, softmax
from tinygrad_hw.engine.numpy_api.joining import concatenate, pad, split, stack
from tinygrad_hw.engine.numpy_api.norms import norm
from tinygrad_hw.engine.numpy_api.products import dot, einsum, outer, tensordot
from tinygrad_hw.engine.numpy_api.reductions import prod, std
from tinygrad_hw.engine.numpy_api.shaping import (
    as_arrays,
    expand_dims,
    moveaxis,
    ravel,
    refuse_out,
    sort,
    squeeze,
    swapaxes,
    trace,
)

__all__ = [
    "NUMPY", "TABLE",
    "clip", "concatenate", "dot", "einsum", "expand_dims", "log_softmax", "moveaxis", "norm",
    "outer", "pad", "prod", "ravel", "softmax", "sort", "split", "squeeze", "stack", "std",
    "swapaxes", "tensordot", "trace",
]  # fmt: skip


TABLE: dict[str, Operation] = {
    record.name: record
    for record in [
        *ops.TABLE.values(), *elementwise.RECORDS, softmax, log_softmax, clip,
        reductions.plain_std, reductions.plain_prod,
    ]
}  # fmt: skip
for _operation in TABLE.values():
    document(_operation)
_MODULES = (
    shaping, joining, products, reductions, statistics, elementwise, calculus,
)  # fmt: skip
NUMPY: dict[Any, Any] = {
    **{record.numpy: record for record in TABLE.values() if record.numpy},
    **{
        getattr(np, name): getattr(module, name)
        for module in _MODULES
        for name in module.__all__
        if hasattr(np, name)  # some are younger than the oldest NumPy that will do
    },
    **linalg.NUMPY,
    np.lib.stride_tricks.sliding_window_view: shaping.sliding_window_view,
    np.amax: reductions.max,
    np.amin: reductions.min,
    np.around: elementwise.round,
    np.fix: elementwise.trunc,
    np.fabs: ops.abs,
    np.degrees: elementwise.rad2deg,
    np.radians: elementwise.deg2rad,
    np.conjugate: ops.pos,
    np.real: ops.pos,
    np.real_if_close: ops.pos,
}
extend_language({name: TABLE[name] for name in TABLE if name not in ops.TABLE})

# --- A call of NumPy's becomes a call of ours ---------------------------------------------------

QUESTION_UFUNCS = {
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.isfinite, np.isnan, np.isinf, np.signbit),
    *(np.logical_and, np.logical_or, np.logical_xor, np.logical_not),
}
QUESTIONS = {
    *(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type),
    *(np.zeros_like, np.ones_like, np.empty_like, np.full_like),
    *(np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort),
    *(np.allclose, np.isclose, np.array_equal, np.array_equiv, np.any, np.all),
    *(np.nonzero, np.flatnonzero, np.argwhere, np.count_nonzero, np.searchsorted, np.digitize),
    *(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from),
    *(np.isneginf, np.isposinf, np.iscomplex, np.isreal, np.iscomplexobj, np.isrealobj, np.imag),
    *(np.isin, np.may_share_memory, np.shares_memory, np.histogram, np.histogram_bin_edges),
    *(np.linalg.matrix_rank, np.array2string, np.array_repr, np.array_str),
}
_REDUCTIONS: dict[Any, Any] = {
    np.add: reductions.sum,
    np.multiply: reductions.prod,
    np.maximum: reductions.max,
    np.minimum: reductions.min,
    np.logaddexp: ops.logsumexp,
}
_CUMULATIVE: dict[Any, Any] = {np.add: reductions.cumsum, np.multiply: reductions.cumprod}
# The nearest function that is differentiated, where its name does not show it.
NEAREST = {
    "unique": "np.sort",
    "apply_along_axis": "np.stack",
    "fill_diagonal": "np.where",
    "put_along_axis": "np.where",
    "copyto": "np.broadcast_to",
    "place": "np.where",
    "put": "np.where",
    "putmask": "np.where",
    "i0": "np.exp",
    "polymul": "np.convolve",
    "union1d": "np.sort",
    "sort_complex": "np.sort",
    "trim_zeros": "np.delete",
    "apply_over_axes": "np.sum",
}


def call(operation: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call the operation for a NumPy function; add the call to the text of its errors."""
    try:
        if not isinstance(operation, Operation):  # which refuses them itself, where it records
            refuse_other_rules([*arguments, *options.values()])
        return operation(*arguments, **options)
    except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
        if isinstance(operation, Operation):
            raise with_call_context(error, operation.name, arguments, options) from None
        if str(error).startswith(f"{operation.__name__}("):  # the operation of the same name
            raise
        # The error may tell of an operation that the function uses: say what the user called.
        whole = type(error)(str(error))
        raise with_call_context(whole, operation.__name__, arguments, options) from None


def call_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the answer to ``np.exp(v)``, and to ``np.add.reduce(v)``."""
    refuse_out(options.get("out"), ufunc.__name__)
    if ufunc in QUESTION_UFUNCS and method in ("__call__", "reduce", "accumulate", "outer"):
        refuse_other_rules(inputs)
        function = getattr(ufunc, method)
        return function(*map(read_data, inputs), **options)
    if method != "__call__":
        return _call_method(ufunc, method, inputs, options)
    operation = operation_for(ufunc)
    if options.pop("where", True) is not True:
        raise TypeError(
            f"np.{ufunc.__name__} with where= leaves the other elements unset; choose by "
            f"np.where(mask, np.{ufunc.__name__}(v), other)"
        )
    dtype = options.pop("dtype", None)
    if dtype is not None:
        inputs = tuple([ops.astype(x, dtype) for x in inputs])
    return call(operation, inputs, options)


def _call_method(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call what stands for a ufunc's reduce, accumulate or outer."""
    name = f"np.{ufunc.__name__}.{method}"
    tables = {"reduce": _REDUCTIONS, "accumulate": _CUMULATIVE}
    table = tables.get(method, {})
    if ufunc in table:
        function = table[ufunc]
        x, *others = inputs
        if not others and "axis" not in options:
            options["axis"] = 0
        return call(function, (x, *others), options)
    if method == "outer" and ufunc in NUMPY:
        x, y = as_arrays(*inputs)
        return call(NUMPY[ufunc], (ops.reshape(x, (*x.shape, *[1] * y.ndim)), y), options)
    known = ", ".join(sorted([f"np.{other.__name__}.{method}" for other in table]))
    hint = f"{known} are" if known else "np.add.reduce, np.add.accumulate and np.add.outer are"
    raise TypeError(f"{name} is not differentiated here, {hint}; for the numbers use v.data")


def call_function(function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the answer to ``np.sum(v, axis=0)``."""
    if function in QUESTIONS:
        refuse_other_rules(arguments)
        return function(*_data_in(arguments), **_data_in(options))
    operation = operation_for(function)
    options = {k: v for k, v in options.items() if v is not None or k not in ("out", "dtype")}
    refuse_out(options.get("out"), function.__name__)
    if not options.keys() <= set(_parameters(operation)):
        arguments, options = _operands_by_position(function, operation, arguments, options)
    return call(operation, arguments, options)


def _data_in(tree: Any) -> Any:
    """Return arguments with data in place of Values, in lists and dictionaries too."""
    if isinstance(tree, tuple | list):
        return type(tree)([_data_in(part) for part in tree])
    if isinstance(tree, dict):
        return {name: _data_in(part) for name, part in tree.items()}
    return read_data(tree)


@cache
def _parameters(function: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def _operands_by_position(
    function: Any, operation: Any, arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give the operands that were named, as in ``np.sum(a=v)``, by their positions."""
    options = dict(options)
    theirs, ours = _parameters(function), _parameters(operation)
    for position in range(len(arguments), min(len(theirs), len(ours))):
        name = theirs[position]
        if name not in options or name == ours[position]:
            break
        arguments = (*arguments, options.pop(name))
    return arguments, options


def operation_for(function: Any) -> Callable[..., Any]:
    """Return the operation for a NumPy function; raise TypeError, with the nearest name."""
    if function in NUMPY:
        operation: Callable[..., Any] = NUMPY[function]
        return operation
    name = _name_of(function)
    near = NEAREST.get(function.__name__) or _similar(name)
    hint = f"{near} is the nearest that is" if near else "and nothing near it is"
    raise TypeError(f"{name} is not differentiated here, {hint}; for the numbers alone use v.data")


def _name_of(function: Any) -> str:
    """Return the name by which a user calls a NumPy function."""
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{function.__name__}"


def _similar(name: str) -> str | None:
    """Return the most similar name that is differentiated: with whole words in common."""
    known = sorted(set(map(_name_of, NUMPY)))
    words = set(name.rpartition(".")[2].split("_"))
    in_common = [other for other in known if other.rpartition(".")[2] in words]
    near = in_common or difflib.get_close_matches(name, known, n=1, cutoff=0.9)
    return near[-1] if near else None
