"""Operations that move and combine elements of arrays, written as in the table; norms; windows."""

import functools
import itertools
import math
import operator
from string import ascii_letters
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.compile_rule import extend_language
from tinygrad_hw.engine.core.data import Array, shape_of
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Linear, Multilinear, Pointwise
from tinygrad_hw.engine.core.ops import broadcast_to, getitem, reshape, scatter, sum_to
from tinygrad_hw.engine.linearized import Linearized


def rearrangement(function: Any, **defaults: Any) -> Linear:
    """Return the operation for a NumPy function that picks elements and puts them elsewhere.

    The same function, applied to the flat indices of the elements, says where each came from.
    """
    name = function.__name__
    source = ", ".join([f"{name}(flat_indices(x)", *defaults])
    rule = f"scatter_add(upstream, {source}), x)"
    return Linear(name, function, rule, numpy=function, defaults=defaults)


def vector_norm(x: Any, axis: Any, ord: float, keepdims: bool) -> Any:
    """Return (Σ |x|**ord)**(1 / ord); of order 2 the root of the sum of squares."""
    if ord == 1 and axis is None and len(shape_of(x)) > 1 and not keepdims:
        return np.sum(np.sum(np.abs(x), axis=-1))
    powers = np.square(x) if ord == 2 else np.abs(x) ** ord
    add: Any = np.add.reduce
    total = add(powers, axis=axis, keepdims=keepdims)
    return np.sqrt(total) if ord == 2 else total ** (1 / ord)


def norm_slope(x: Any, out: Any, ord: float) -> Any:
    """Return the derivative of a norm: 0 where x is, with a slope of inf or nan there."""
    zero = raw(x) == 0
    if ord == 1:
        return ops.sign(x)
    if ord > 1:
        slope = ops.sign(x) * ops.ratio(ops.abs(x), out) ** (ord - 1)
        return ops.where(zero, ops.cbrt(x), slope) if ord < 2 else slope
    slope = ops.sign(x) * (out / ops.where(zero, 1.0, ops.abs(x))) ** (1 - ord)
    return ops.where(zero, ops.cbrt(x) - ops.cbrt(x), slope)


def half_sum_of_squares(x: Any, axis: Any, keepdims: bool) -> Any:
    """Return Σ x² / 2; of all elements of an array as a product of vectors, which is fastest."""
    if axis is None and shape_of(x) and not keepdims:
        flat = np.reshape(x, -1)
        return flat @ flat * 0.5
    add: Any = np.add.reduce
    return add(np.square(x), axis=axis, keepdims=keepdims) * 0.5


def slice_axis(x: Any, axis: int, start: int, stop: int) -> Any:
    """Return the slice ``start:stop`` of one axis."""
    return getitem(x, (slice(None),) * (axis % len(shape_of(x))) + (slice(start, stop),))


def flat_indices(x: Any) -> Array:
    """Return each element's index in the flattened x, in x's shape."""
    return np.arange(math.prod(shape_of(x))).reshape(shape_of(x))


def scatter_add(upstream: Any, source: Array, x: Any) -> Any:
    """Add each element of upstream where it came from: ``source`` has flat indices of x."""
    shape = shape_of(x)
    return reshape(scatter(upstream, source, (math.prod(shape),)), shape)


def einsum_back(upstream: Any, position: int, operands: Any, subscripts: str) -> Any:
    """Return the transpose of an einsum, an einsum too: upstream takes the operand's place.

    A letter that only this operand has was summed over: ones spread it again. A letter that it has
    twice is a diagonal: an identity matrix puts it back there.
    """
    terms, _, result = subscripts.partition("->")
    others = dict(enumerate(terms.split(",")))
    wanted, shape = others.pop(position), shape_of(operands[position])
    unused = iter(sorted(set(ascii_letters) - set(subscripts)))
    kind = np.result_type(raw(upstream))
    factors = [(result, upstream), *[(term, operands[i]) for i, term in others.items()]]
    back_term = ""
    for letter, n in zip(wanted, shape, strict=True):
        if letter in back_term:
            back_term += next(unused)
            factors.append((letter + back_term[-1], np.eye(n, dtype=kind)))
        else:
            back_term += letter
            if not any(letter in term for term, _ in factors):
                factors.append((letter, np.ones(n, kind)))
    back = einsum(
        *[factor for _, factor in factors],
        subscripts=",".join([term for term, _ in factors]) + "->" + back_term,
    )
    back = sum_to(back, shape)
    return back if shape_of(back) == shape else broadcast_to(back, shape)


# --- Windows on images (n, rows, columns, channels) -----------------------------------------------
# In captured programs these fill an array that is there already, ``out``. On stand-ins, from which
# a language learns what they consist of, they call operations.

MANY_CHANNELS = 8  # of so many, NumPy copies a window faster row by row than place by place


def window_places(shape: Any, size: Any, strides: Any) -> list[tuple[slice, ...]]:
    """Return, for each place in a window, the index of the images' pixels there, of all windows."""
    (n, m), (down, right) = shape[1:3], strides
    return [
        (slice(None), slice(i, i + n - size[0] + 1, down), slice(j, j + m - size[1] + 1, right))
        for i, j in itertools.product(range(size[0]), range(size[1]))
    ]


def is_apart(size: Any, strides: Any) -> bool:
    """Return whether no pixel is in two windows."""
    return all(stride >= n for stride, n in zip(strides, size, strict=True))


def is_tiled(shape: Any, size: Any, strides: Any) -> bool:
    """Return whether each pixel of images is in exactly one window."""
    return tuple(size) == tuple(strides) and all(
        m % n == 0 for m, n in zip(shape[1:3], size, strict=True)
    )


def gathered_windows(x: Any, size: Any, strides: Any, out: Any = None) -> Any:
    """Return the windows of images, in the shape (n, windows down, across, *size, channels)."""
    parts = [x[place] for place in window_places(shape_of(x), size, strides)]
    n, rows, columns, channels = shape_of(parts[0])
    if out is None:
        return np.reshape(np.stack(parts, axis=3), (n, rows, columns, *size, channels))
    if channels < MANY_CHANNELS:
        np.stack(parts, axis=3, out=out.reshape(n, rows, columns, -1, channels))
        return out
    every = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))
    np.copyto(out, every[:, :: strides[0], :: strides[1]].transpose(0, 1, 2, 4, 5, 3))
    return out


def added_windows(x: Any, strides: Any, shape: Any, out: Any = None) -> Any:
    """Add windows where they came from in images of a shape."""
    _, rows, columns, *size, channels = shape_of(x)
    places = window_places(shape, size, strides)
    parts = [x[:, :, :, i, j] for i, j in itertools.product(range(size[0]), range(size[1]))]
    pairs = [*zip(places, parts, strict=True)][::-1]  # as a loop over the windows would add
    if not isinstance(x, np.ndarray):
        return functools.reduce(operator.add, [scatter(part, i, shape) for i, part in pairs])
    if channels >= MANY_CHANNELS:  # rows of windows, in the same order
        (down, right), last = strides, strides[0] * (rows - 1) + 1
        pairs = [
            (np.s_[:, i : i + last : down, j * right : j * right + size[1]], x[:, :, j, i])
            for i, j in itertools.product(range(size[0])[::-1], range(columns))
        ]
    out = np.empty(shape, x.dtype) if out is None else out
    out.fill(0)
    for place, part in pairs:
        out[place] += part
    return out


def window_maxima(x: Any, size: Any, strides: Any, out: Any = None) -> Any:
    """Return the maximum of each window of each channel."""
    total, *parts = [x[place] for place in window_places(shape_of(x), size, strides)]
    for part in parts or [total]:
        total = np.maximum(total, part, out=out)
    return total


def spread_maxima(x: Any, like: Any, maxima: Any, size: Any, strides: Any, out: Any = None) -> Any:
    """Return images with each number where ``like`` has its window's maximum; equals share it."""
    shape = shape_of(like)
    places = window_places(shape, size, strides)[::-1]  # as a loop over the windows would add
    if isinstance(x, np.ndarray):
        masks = [np.equal(like[place], maxima) for place in places]
        count = np.zeros(maxima.shape, np.uint8 if len(places) < 256 else np.intp)
        for mask in masks:
            np.add(count, mask.view(np.uint8), out=count)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.divide(x, count, dtype=x.dtype)
        if np.isfinite(share).all():
            out = np.empty(shape, x.dtype) if out is None else out
            if not is_tiled(shape, size, strides):
                out.fill(0)
            for place, mask in zip(places, masks, strict=True):
                if is_apart(size, strides):
                    np.multiply(share, mask, out=out[place])
                else:
                    out[place] += share * mask
            return out
    masks, counts = _winners(x, like, maxima, places)
    parts = [
        scatter(ops.where(mask, x / counts, 0.0), place, shape)
        for place, mask in zip(places, masks, strict=True)
    ]
    result = functools.reduce(operator.add, parts)
    if out is not None:
        np.copyto(out, result)
    return result


def picked_maxima(x: Any, like: Any, maxima: Any, size: Any, strides: Any) -> Any:
    """Return for each window the number of x where ``like`` has its maximum; of equals the mean."""
    places = window_places(shape_of(like), size, strides)
    masks, count = _winners(x, like, maxima, places)
    parts = [ops.where(mask, x[place], 0.0) for mask, place in zip(masks, places, strict=True)]
    return functools.reduce(operator.add, parts) / count


def _winners(x: Any, like: Any, maxima: Any, places: Any) -> Any:
    """Return for each place in a window whether the maximum is there, and at how many it is."""
    none = np.not_equal(maxima, maxima)  # a nan is the maximum, and equal to no number
    parts = [like[place] for place in places]
    masks = [
        np.logical_or(np.equal(part, maxima), np.logical_and(none, np.not_equal(part, part)))
        for part in parts
    ]
    ones = [ops.astype(mask, np.result_type(raw(x))) for mask in masks]
    return masks, functools.reduce(operator.add, ones)


_FUNCTIONS = (flat_indices, scatter_add, slice_axis, einsum_back, norm_slope)
extend_language({function.__name__: function for function in _FUNCTIONS})

# fmt: off
triu = Linear("triu", np.triu, "sum_to(triu(upstream, k), shape_of(x))",
              numpy=np.triu, defaults={"k": 0})
tril = Linear("tril", np.tril, "sum_to(tril(upstream, k), shape_of(x))",
              numpy=np.tril, defaults={"k": 0})
roll = Linear("roll", np.roll, "roll(upstream, np.negative(shift), axis)",
              numpy=np.roll, defaults={"shift": 0, "axis": None})
flip = Linear("flip", np.flip, "flip(upstream, axis)", numpy=np.flip, defaults={"axis": None})
extend_language({"flip": flip})
cumsum = Linear("cumsum", np.cumsum,
                "reshape(flip(cumsum(flip(upstream, axis), axis), axis), shape_of(x))",
                numpy=np.cumsum, defaults={"axis": None})
take = rearrangement(np.take, indices=0, axis=None)
take_along_axis = rearrangement(np.take_along_axis, indices=0, axis=-1)
repeat = rearrangement(np.repeat, repeats=1, axis=None)
tile = rearrangement(np.tile, reps=1)
diagonal = rearrangement(np.diagonal, offset=0, axis1=0, axis2=1)
pad = rearrangement(np.pad, pad_width=0, mode="edge")
norm = Pointwise("norm", vector_norm, "ratio(x, out) if ord == 2 else norm_slope(x, out, ord)",
                 shown="x / out", symbol="‖·‖",
                 defaults={"axis": None, "ord": 2, "keepdims": False})
half_squared_norm = Pointwise("half_squared_norm", half_sum_of_squares, "x", symbol="½‖·‖²",
                              defaults={"axis": None, "keepdims": False})
einsum = Multilinear("einsum", lambda *x, subscripts: np.einsum(subscripts, *x, optimize=True),
                     "einsum_back(upstream, position, x, subscripts)",
                     defaults={"subscripts": ""}, arity=ANY_NUMBER)
concatenate = Linear("concatenate", lambda *x, axis, starts: np.concatenate(x, axis),
                     "slice_axis(upstream, axis, starts[position], starts[position + 1])",
                     defaults={"axis": 0, "starts": ()}, arity=ANY_NUMBER)

# Each of a pair is the other's transpose; the names are known before the records are.
extend_language(dict.fromkeys(("windows", "fold", "max_unpool", "max_pick")))
windows = Linear("windows", gathered_windows, "fold(upstream, strides, shape_of(x))",
                 defaults={"size": (2, 2), "strides": (1, 1)})
fold = Linear("fold", added_windows, "windows(upstream, shape_of(x)[3:5], strides)",
              defaults={"strides": (1, 1), "shape": ()})
max_pool = Linearized("max_pool", window_maxima,
                      "max_unpool(upstream, raw(x), raw(out), size, strides)",
                      defaults={"size": (2, 2), "strides": (2, 2)}, ndim=3)
max_unpool = Linear("max_unpool", spread_maxima,
                    "max_pick(upstream, like, maxima, size, strides)",
                    defaults={"like": None, "maxima": None, "size": (2, 2), "strides": (2, 2)})
max_pick = Linear("max_pick", picked_maxima, "max_unpool(upstream, like, maxima, size, strides)",
                  defaults={"like": None, "maxima": None, "size": (2, 2), "strides": (2, 2)})
# fmt: on

WINDOWED = (windows, fold, max_pool, max_unpool)

_MOVING = (triu, tril, roll, flip, take, take_along_axis, repeat, tile, diagonal, pad)
_COMBINING = (concatenate, cumsum, norm, half_squared_norm, einsum)
ARRAY_OPERATIONS = {record.name: record for record in (*_MOVING, *_COMBINING, *WINDOWED, max_pick)}
extend_language(ARRAY_OPERATIONS)
