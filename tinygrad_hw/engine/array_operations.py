"""Operations that move and combine elements of arrays, written as in the table; norms."""

import math
from string import ascii_letters
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.compile_rule import extend_language
from tinygrad_hw.engine.core.data import Array, shape_of
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Linear, Multilinear, Pointwise
from tinygrad_hw.engine.core.ops import broadcast_to, getitem, reshape, scatter, sum_to


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
    powers = np.square(x) if ord == 2 else np.abs(x) ** ord
    add: Any = np.add.reduce
    total = add(powers, axis=axis, keepdims=keepdims)
    return np.sqrt(total) if ord == 2 else total ** (1 / ord)


def norm_slope(x: Any, out: Any, ord: float) -> Any:
    """Return the derivative of a norm: 0 where x is, with a slope of inf or nan there."""
    zero = raw(x) == 0
    if ord > 1:
        slope = ops.sign(x) * ops.ratio(ops.abs(x), out) ** (ord - 1)
        return ops.where(zero, ops.cbrt(x), slope) if ord < 2 else slope
    slope = ops.sign(x) * (out / ops.where(zero, 1.0, ops.abs(x))) ** (1 - ord)
    return slope if ord == 1 else ops.where(zero, ops.cbrt(x) - ops.cbrt(x), slope)


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
einsum = Multilinear("einsum", lambda *x, subscripts: np.einsum(subscripts, *x, optimize=True),
                     "einsum_back(upstream, position, x, subscripts)",
                     defaults={"subscripts": ""}, arity=ANY_NUMBER)
concatenate = Linear("concatenate", lambda *x, axis, starts: np.concatenate(x, axis),
                     "slice_axis(upstream, axis, starts[position], starts[position + 1])",
                     defaults={"axis": 0, "starts": ()}, arity=ANY_NUMBER)
# fmt: on

_MOVING = (triu, tril, roll, flip, take, take_along_axis, repeat, tile, diagonal, pad)
ARRAY_OPERATIONS = {record.name: record for record in (*_MOVING, concatenate, cumsum, norm, einsum)}
extend_language(ARRAY_OPERATIONS)
