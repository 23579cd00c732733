"""NumPy's functions, written with the operations of the table; none of them needs a rule.

A composite is recorded inside a group of its name, which a drawing folds. Other functions are calls
of a few operations, with NumPy's arguments: a trace is the sum of a diagonal.
"""

import inspect
import math
from string import ascii_letters
from typing import Any

import numpy as np

from tinygrad_hw.engine.composite import Composite
from tinygrad_hw.engine.core import numerics, ops
from tinygrad_hw.engine.core.compile_rule import LANGUAGE
from tinygrad_hw.engine.core.data import Traced, shape_of
from tinygrad_hw.engine.core.node import Node, raw, read_data
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.docstrings import document

# --- Composites -----------------------------------------------------------------------------------


def _std(x: Any, axis: Any, ddof: float, keepdims: bool) -> Any:
    """Return the norm of the deviations over √(n - ddof); if all are 0, its derivative is 0."""
    deviations = ops.norm(x - ops.mean(x, axis, True), axis, keepdims=keepdims)
    return ops.div(deviations, numerics.degrees_of_freedom(x, deviations, ddof) ** 0.5)


def _prod(x: Any, axis: Any, keepdims: bool) -> Any:
    """Multiply one half of the factors by the other, repeatedly: exact with zeros."""
    shape = shape_of(x)
    if not shape:
        np.add.reduce(0.0, axis=axis)  # raises if a scalar lacks the axis
        return ops.pos(x)
    reduced = range(len(shape)) if axis is None else axis
    axes = np.lib.array_utils.normalize_axis_tuple(reduced, len(shape))
    first = moveaxis(x, axes, range(len(axes)))
    lengths, others = shape_of(first)[: len(axes)], shape_of(first)[len(axes) :]
    factors = ops.reshape(first, (math.prod(lengths), *others))
    while len(factors) > 1:
        half = len(factors) // 2
        odd = factors[2 * half :]
        factors = factors[:half] * factors[half : 2 * half]
        factors = concatenate([factors, odd]) if len(odd) else factors
    out = factors[0] if len(factors) else 1.0 + ops.sum(factors, 0)
    if keepdims:
        return ops.reshape(out, tuple([1 if i in axes else n for i, n in enumerate(shape)]))
    return out


def _clip(x: Any, a_min: Any, a_max: Any, min: Any, max: Any) -> Any:
    """Clip to a lower and an upper bound, or None; NumPy has two names for each."""
    if (a_min is not None or a_max is not None) and (min is not None or max is not None):
        raise ValueError("clip got bounds by both of their names; give a_min, a_max or min, max")
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    x = x if low is None else ops.maximum(x, low)
    return x if high is None else ops.minimum(x, high)


# fmt: off
softmax = Composite("softmax", lambda x, axis: ops.exp(x - ops.logsumexp(x, axis, True)),
                    defaults={"axis": -1})
log_softmax = Composite("log_softmax", lambda x, axis: x - ops.logsumexp(x, axis, True),
                        symbol="log softmax", defaults={"axis": -1})
std = Composite("std", _std, numpy=np.std, defaults=ops.DEVIATION)
prod = Composite("prod", _prod, symbol="Π", numpy=np.prod, defaults=ops.REDUCTION)
clip = Composite("clip", _clip, numpy=np.clip,
                 defaults={"a_min": None, "a_max": None, "min": None, "max": None})
# fmt: on

# --- Calls of a few operations --------------------------------------------------------------------


def _reshaping(function: Any, sentence: str) -> Any:
    """Return our form of a NumPy function that only reshapes; NumPy's gives a dummy's shape."""

    def reshaped(x: Any, *arguments: Any, **options: Any) -> Any:
        dummy = np.broadcast_to(0.0, shape_of(x))
        return ops.reshape(x, function(dummy, *arguments, **options).shape)

    return _named_like(function, reshaped, sentence)


def _transposing(function: Any, sentence: str) -> Any:
    """Return our form of a NumPy function that only transposes, tried on a dummy (0, 1, …)."""

    def transposed(x: Any, *arguments: Any, **options: Any) -> Any:
        dummy = np.empty(range(len(shape_of(x))))
        return ops.transpose(x, function(dummy, *arguments, **options).shape)

    return _named_like(function, transposed, sentence)


def _named_like(function: Any, ours: Any, sentence: str) -> Any:
    """Give our function the name and the signature of the NumPy function that it stands for."""
    ours.__name__ = ours.__qualname__ = function.__name__
    ours.__signature__ = inspect.signature(function).replace(return_annotation="Value | Array")
    ours.__doc__ = f"{sentence}\n\nStands for ``np.{function.__name__}``.\n"
    return ours


squeeze = _reshaping(np.squeeze, "Return x without dimensions of length 1.")
expand_dims = _reshaping(np.expand_dims, "Return x with a new dimension of length 1.")
swapaxes = _transposing(np.swapaxes, "Return x with two of its dimensions exchanged.")
moveaxis = _transposing(np.moveaxis, "Return x with dimensions moved to other positions.")


def _arrays(*operands: Any) -> list[Any]:
    """Return the operands, with arrays in place of plain numbers and lists."""
    return [x if isinstance(x, Node | Traced) else np.asarray(x) for x in operands]


def ravel(x: Any, order: str = "C") -> Any:
    """Return all elements in one dimension."""
    return ops.reshape(x, -1, order)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the sum of a diagonal."""
    return ops.sum(ops.diagonal(x, offset, axis1, axis2), -1)


def sort(x: Any, axis: int | None = -1, kind: Any = None, **options: Any) -> Any:
    """Return the elements in ascending order along an axis; the gradient goes back to each."""
    if axis is None:
        x, axis = ravel(x), -1
    return ops.take_along_axis(x, np.argsort(read_data(x), axis, kind, **options), axis)


def concatenate(arrays: Any, axis: int | None = 0) -> Any:
    """Join arrays along an axis that they have; flatten them if the axis is None."""
    if axis is None:
        arrays, axis = [ravel(x) for x in arrays], 0
    arrays = _arrays(*arrays)
    lengths = [shape_of(x)[axis] if -x.ndim <= axis < x.ndim else 0 for x in arrays]
    return ops.concatenate(*arrays, axis=axis, starts=(0, *np.cumsum(lengths).tolist()))


def stack(arrays: Any, axis: int = 0) -> Any:
    """Join arrays of one shape along a new axis."""
    arrays = _arrays(*arrays)
    if len({shape_of(x) for x in arrays}) > 1:
        shapes = ", ".join([f"{getattr(x, 'label', None) or 'unnamed'} {x.shape}" for x in arrays])
        raise ValueError(f"stack needs arrays of one shape, got {shapes}")
    return concatenate([expand_dims(x, axis) for x in arrays], axis)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Split along an axis, into n equal parts or before each index."""
    if not isinstance(indices_or_sections, int):
        indices_or_sections = np.asarray(indices_or_sections)
    parts = np.split(np.arange(shape_of(x)[axis]), indices_or_sections)
    starts = [int(part[0]) if len(part) else 0 for part in parts]
    return [
        ops.slice_axis(x, axis, start, start + len(part))
        for start, part in zip(starts, parts, strict=True)
    ]


def pad(x: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = None) -> Any:
    """Add elements at the ends of each axis: a constant, or copies ("edge", "reflect", …)."""
    if mode in ("edge", "reflect", "symmetric", "wrap") and constant_values is None:
        return ops.pad(x, pad_width, mode)
    if mode != "constant":
        raise ValueError(
            f"pad with mode {mode!r} is not differentiated here; "
            "constant, edge, reflect, symmetric and wrap are"
        )
    shape = shape_of(x)
    zeros: Any = np.zeros(shape, np.result_type(raw(x)))
    around = np.pad(zeros, pad_width, constant_values=constant_values or 0)
    before = np.broadcast_to(pad_width, (len(shape), 2))[:, 0].tolist()
    inside = tuple([slice(start, start + n) for start, n in zip(before, shape, strict=True)])
    padded = ops.scatter(x, inside, around.shape)
    return padded + around if around.any() else padded


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the length of a vector, or a norm of another order; by default of all elements."""
    axes = axis if isinstance(axis, tuple) else shape_of(x) if axis is None else (axis,)
    if (ord is None and (axis is None or len(axes) < 3)) or (ord == "fro" and len(axes) == 2):
        return ops.norm(x, axis, 2, keepdims)
    if len(axes) != 1 or isinstance(ord, str) or ord in (None, 0):
        raise ValueError(
            f"the norm of {len(axes)} dimensions with ord={ord!r} is not differentiated here; "
            "that of a vector with a number other than 0 is, that of a matrix with 'fro'"
        )
    if np.isinf(ord):
        return (ops.max if ord > 0 else ops.min)(ops.abs(x), axis, keepdims)
    return ops.sum(ops.abs(x), axis, keepdims) if ord == 1 else ops.norm(x, axis, ord, keepdims)


def dot(x: Any, y: Any) -> Any:
    """Return NumPy's dot: a product of numbers or matrices, or a sum over the last axis of x."""
    x, y = _arrays(x, y)
    dimensions = len(shape_of(x)), len(shape_of(y))
    if 0 in dimensions:
        return ops.mul(x, y)
    if dimensions[0] <= 2 and dimensions[1] <= 2:
        return ops.matmul(x, y)
    return tensordot(x, y, ([-1], [-min(dimensions[1], 2)]))


def outer(x: Any, y: Any) -> Any:
    """Return the product of every element of x with every element of y."""
    return ops.reshape(x, (-1, 1)) * ops.reshape(y, (1, -1))


def tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    """Sum products over axes: the last n of x with the first n of y, or two lists of axes."""
    x, y = _arrays(x, y)
    m, n = x.ndim, y.ndim
    if np.ndim(axes) == 0:
        axes = range(m - int(axes), m), range(int(axes))
    left, right = (np.atleast_1d(part).astype(int).tolist() for part in axes)
    if [x.shape[i] for i in left] != [y.shape[j] for j in right]:
        raise ValueError(f"the axes {left} of {x.shape} and {right} of {y.shape} do not match")
    of_x, of_y = list(ascii_letters[:m]), list(ascii_letters[m : m + n])
    for i, j in zip(left, right, strict=True):
        of_y[j] = of_x[i]
    result = [letter for letter in of_x + of_y if (letter in of_x) != (letter in of_y)]
    return einsum(f"{''.join(of_x)},{''.join(of_y)}->{''.join(result)}", x, y)


def einsum(subscripts: Any, *operands: Any, optimize: Any = True) -> Any:
    """Return Einstein's sum of products, with NumPy's arguments, always in an optimized order."""
    if not isinstance(subscripts, str):  # NumPy's other way: x, [0, 1], y, [1, 2], [0, 2]
        *pairs, result = (
            (subscripts, *operands, ...) if len(operands) % 2 else (subscripts, *operands)
        )
        operands, spelled = tuple(pairs[::2]), ",".join(map(_spelled, pairs[1::2]))
        subscripts = spelled if result is ... else f"{spelled}->{_spelled(result)}"
    operands = tuple(_arrays(*operands))
    inputs, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum {subscripts!r} is for {len(terms)} operands, got {len(operands)}")
    unused = "".join(sorted(set(ascii_letters) - set(subscripts)))
    extra = [
        len(shape_of(x)) - len(term) + 3 if "..." in term else 0
        for term, x in zip(terms, operands, strict=True)
    ]
    if min(extra) < 0 or (arrow and max(extra) > 0 and "..." not in result):
        raise ValueError(f"einsum {subscripts!r} does not fit {[x.shape for x in operands]}")
    shared = unused[: max(extra)]
    terms = [
        term.replace("...", shared[len(shared) - n :]) for term, n in zip(terms, extra, strict=True)
    ]
    if not arrow:
        once = [letter for letter in sorted(set(inputs) - set(".,")) if inputs.count(letter) == 1]
        result = "..." + "".join(once)
    explicit = f"{','.join(terms)}->{result.replace('...', shared)}"
    return ops.einsum(*operands, subscripts=explicit)


def _spelled(axes: Any) -> str:
    return "".join(["..." if axis is ... else ascii_letters[axis] for axis in axes])


TABLE: dict[str, Operation] = {
    record.name: record
    for record in [*LANGUAGE.values(), softmax, log_softmax, std, prod, clip]
    if isinstance(record, Operation)
}
for _operation in TABLE.values():
    document(_operation)
NUMPY: dict[Any, Any] = {
    **{record.numpy: record for record in TABLE.values() if record.numpy},
    **{
        getattr(np, function.__name__): function
        for function in (
            concatenate, dot, einsum, outer, pad, ravel, sort, split, stack, tensordot, trace,
        )
    },
    np.where: ops.where,
    np.squeeze: squeeze,
    np.expand_dims: expand_dims,
    np.swapaxes: swapaxes,
    np.moveaxis: moveaxis,
    np.linalg.norm: norm,
}  # fmt: skip
LANGUAGE.update({name: record for name, record in TABLE.items() if name not in LANGUAGE})
