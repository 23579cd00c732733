"""Products of vectors, matrices and tensors."""

from string import ascii_letters
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.numpy_api.joining import pad
from tinygrad_hw.engine.numpy_api.shaping import (
    as_arrays,
    atleast_1d,
    moveaxis,
    ravel,
    sliding_window_view,
)

__all__ = [  # each stands for NumPy's function of its name
    "convolve", "correlate", "cross", "dot", "einsum", "inner", "kron", "matvec", "outer",
    "tensordot", "vdot", "vecdot", "vecmat",
]  # fmt: skip


def dot(x: Any, y: Any) -> Any:
    """Return NumPy's dot: a product of numbers or matrices, or a sum over the last axis of x."""
    x, y = as_arrays(x, y)
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
    x, y = as_arrays(x, y)
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
    operands = tuple(as_arrays(*operands))
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


def inner(x: Any, y: Any) -> Any:
    """Return the sums of products over the last axes of x and y."""
    x, y = as_arrays(x, y)
    return tensordot(x, y, (-1, -1)) if x.ndim and y.ndim else ops.mul(x, y)


def vdot(x: Any, y: Any) -> Any:
    """Return the sum of the products of all elements."""
    return ops.matmul(ravel(x), ravel(y))


def vecdot(x: Any, y: Any, axis: int = -1) -> Any:
    """Return the scalar products of vectors along an axis."""
    x, y = [moveaxis(part, axis, -1) for part in as_arrays(x, y)]
    return ops.matmul(x[..., None, :], y[..., None])[..., 0, 0]


def matvec(x: Any, y: Any) -> Any:
    """Return the products of matrices with vectors."""
    x, y = as_arrays(x, y)
    return ops.matmul(x, y[..., None])[..., 0]


def vecmat(x: Any, y: Any) -> Any:
    """Return the products of vectors with matrices."""
    x, y = as_arrays(x, y)
    return ops.matmul(x[..., None, :], y)[..., 0, :]


def kron(x: Any, y: Any) -> Any:
    """Return the Kronecker product: y times each element of x, as blocks."""
    x, y = as_arrays(x, y)
    ndim = max(x.ndim, y.ndim)
    left, right = (1,) * (ndim - x.ndim) + x.shape, (1,) * (ndim - y.ndim) + y.shape
    x = ops.reshape(x, tuple([n for length in left for n in (length, 1)]))
    y = ops.reshape(y, tuple([n for length in right for n in (1, length)]))
    return ops.reshape(x * y, tuple([m * n for m, n in zip(left, right, strict=True)]))


def cross(
    x: Any, y: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """Return the vectors perpendicular to those of x and y, which have three elements."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = as_arrays(x, y)
    x, y = moveaxis(x, axisa, -1), moveaxis(y, axisb, -1)
    if (x.shape[-1], y.shape[-1]) != (3, 3):
        raise ValueError(
            f"cross is of vectors with 3 elements, got {x.shape[-1]} and {y.shape[-1]}; "
            "of two in a plane it is x[0] * y[1] - x[1] * y[0]"
        )
    after, before = [1, 2, 0], [2, 0, 1]
    out = x[..., after] * y[..., before] - x[..., before] * y[..., after]
    return moveaxis(out, -1, axisc)


def convolve(x: Any, y: Any, mode: str = "full") -> Any:
    """Return the sums of products of x with y in reverse, shifted along x."""
    x, y = [atleast_1d(operand) for operand in as_arrays(x, y)]
    if len(y) > len(x):
        x, y = y, x
    if x.ndim > 1 or y.ndim > 1 or not len(y):
        raise ValueError(f"convolve is of vectors with elements, got {x.shape} and {y.shape}")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"mode is 'full', 'same' or 'valid', got {mode!r}")
    short = len(y)
    before, after = {
        "full": (short - 1, short - 1),
        "same": (short // 2, (short - 1) // 2),
        "valid": (0, 0),
    }[mode]
    windows = sliding_window_view(pad(x, (before, after)), short)
    return ops.matmul(windows, ops.flip(y))


def correlate(x: Any, y: Any, mode: str = "valid") -> Any:
    """Return the sums of products of x with y, shifted along x."""
    x, y = [atleast_1d(operand) for operand in as_arrays(x, y)]
    if len(y) > len(x):
        return ops.flip(correlate(y, x, mode))
    return convolve(x, ops.flip(y), mode)
