"""Elementwise functions beyond the core's table: records of their own, and a few compositions.

The steps (floor, round, ...) have slope 0 wherever they have one, as in PyTorch and JAX. ``x % y``
is x less a step of y, so its slope by x is 1.
"""

import math
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.composite import Composite
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import Node, raw, read_data
from tinygrad_hw.engine.core.operation import NOT_A_VALUE, Pointwise
from tinygrad_hw.engine.numpy_api.shaping import refuse_out

__all__ = [  # each stands for NumPy's function of its name
    "angle", "astype", "ceil", "clip", "copy", "copysign", "deg2rad", "divmod", "exp2",
    "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod", "heaviside", "ldexp",
    "logaddexp2", "modf", "nan_to_num", "rad2deg", "remainder", "rint", "round", "sinc",
    "trunc", "unwrap",
]  # fmt: skip

# fmt: off
# --- Steps ----------------------------------------------------------------------------------------

floor = Pointwise("floor", np.floor, 0, symbol="⌊·⌋")
ceil = Pointwise("ceil", np.ceil, 0, symbol="⌈·⌉")
trunc = Pointwise("trunc", np.trunc, 0)
rint = Pointwise("rint", np.rint, 0)
floor_divide = Pointwise(
    "floor_divide", np.floor_divide, 0, 0, symbol="//", domain=ops.ANY + ops.POSITIVE
)
remainder = Pointwise(
    "remainder",
    np.remainder,
    1,
    "np.rint((raw(out) - raw(x)) / raw(y))",
    shown=("1", "-floor(x / y)"),
    symbol="%",
    domain=ops.ANY + ops.POSITIVE,
)
fmod = Pointwise(
    "fmod",
    np.fmod,
    1,
    "np.rint((raw(out) - raw(x)) / raw(y))",
    shown=("1", "-trunc(x / y)"),
    domain=ops.ANY + ops.POSITIVE,
)
heaviside = Pointwise("heaviside", np.heaviside, 0, "raw(x) == 0", shown=("0", "x == 0"))

# --- Smooth but for a kink ------------------------------------------------------------------------

exp2 = Pointwise("exp2", np.exp2, "out * LN_2", shown="out * log(2)")
logaddexp2 = Pointwise(
    "logaddexp2",
    np.logaddexp2,
    "sigmoid((x - y) * LN_2)",
    "sigmoid((y - x) * LN_2)",
    shown=("2**(x - out)", "2**(y - out)"),
)
copysign = Pointwise(
    "copysign",
    np.copysign,
    "sign(x) * np.copysign(1.0, raw(y))",
    0,
    shown=("sign(x) * sign(y)", "0"),
)
fmax = Pointwise(
    "fmax",
    np.fmax,
    "share((raw(x) > raw(y)) | np.isnan(raw(y)), raw(x) == raw(y))",
    "share((raw(y) > raw(x)) | np.isnan(raw(x)), raw(x) == raw(y))",
    shown=("share(x > y, x == y)", "share(y > x, x == y)"),
)
fmin = Pointwise(
    "fmin",
    np.fmin,
    "share((raw(x) < raw(y)) | np.isnan(raw(y)), raw(x) == raw(y))",
    "share((raw(y) < raw(x)) | np.isnan(raw(x)), raw(x) == raw(y))",
    shown=("share(x < y, x == y)", "share(y < x, x == y)"),
)
# fmt: on
RECORDS = (
    floor,
    ceil,
    trunc,
    rint,
    floor_divide,
    remainder,
    fmod,
    heaviside,
    exp2,
    logaddexp2,
    copysign,
    fmax,
    fmin,
)  # fmt: skip

# --- Composites: recorded inside a group of their name, which a drawing folds ---------------------


def _softmax(x: Any, axis: Any) -> Any:
    return x if 0 in shape_of(x) else ops.exp(_log_softmax(x, axis))


def _log_softmax(x: Any, axis: Any) -> Any:
    return x if 0 in shape_of(x) else x - ops.logsumexp(x, axis, True)


def _clip(x: Any, a_min: Any, a_max: Any, min: Any, max: Any) -> Any:
    """Clip to a lower and an upper bound, or None; NumPy has two names for each."""
    if (a_min is not None or a_max is not None) and (min is not None or max is not None):
        raise ValueError("clip got bounds by both of their names; give a_min, a_max or min, max")
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    x = x if low is None else ops.maximum(x, low)
    return x if high is None else ops.minimum(x, high)


# fmt: off
softmax = Composite("softmax", _softmax, defaults={"axis": -1})
log_softmax = Composite("log_softmax", _log_softmax, symbol="log softmax", defaults={"axis": -1})
clip = Composite("clip", _clip, numpy=np.clip,
                 defaults={"a_min": None, "a_max": None, "min": None, "max": None})
# fmt: on

# --- Calls of a few operations --------------------------------------------------------------------


def rad2deg(x: Any) -> Any:
    """Return angles in degrees, given in radians."""
    return x * (180 / math.pi)


def deg2rad(x: Any) -> Any:
    """Return angles in radians, given in degrees."""
    return x * (math.pi / 180)


def round(x: Any, decimals: int = 0, out: None = None) -> Any:
    """Return each element rounded to so many decimals; its derivative is 0."""
    refuse_out(out, "round")
    if decimals == 0:
        return rint(x)
    scale = 10.0 ** abs(decimals)
    return rint(x * scale) / scale if decimals > 0 else rint(x / scale) * scale


def sinc(x: Any) -> Any:
    """Return sin(πx) / πx of each element, and 1 at 0; near 0 by its series."""
    angle = x * math.pi
    near = np.abs(read_data(angle)) < 1
    square = ops.square(ops.where(near, angle, 0.0))
    series = 1.0 - square / 342
    for k in range(8, 0, -1):
        series = 1.0 - square / (2 * k * (2 * k + 1)) * series
    away = ops.where(near, 1.0, angle)
    return ops.where(near, series, ops.sin(away) / away)


def nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """Return x with numbers in place of nan and infinities; no gradient reaches those."""
    data = read_data(x)
    limits = np.finfo(np.result_type(data))
    x = ops.where(np.isnan(data), nan, x)
    x = ops.where(np.isposinf(data), float(limits.max) if posinf is None else posinf, x)
    return ops.where(np.isneginf(data), float(limits.min) if neginf is None else neginf, x)


def float_power(x: Any, y: Any) -> Any:
    """Return x to the power of y in float64."""
    return ops.pow(ops.astype(x, np.float64), ops.astype(y, np.float64))


def ldexp(x: Any, exponent: Any) -> Any:
    """Return x times 2 to the power of whole numbers."""
    if isinstance(exponent, Node):
        raise TypeError(NOT_A_VALUE)
    return x * np.ldexp(np.ones((), np.result_type(raw(x))), exponent)


def angle(x: Any, deg: bool = False) -> Any:
    """Return the angle of a real number in the complex plane: 0, or π below 0."""
    radians = ops.arctan2(np.zeros((), np.result_type(raw(x)))[()], x)
    return rad2deg(radians) if deg else radians


def modf(x: Any) -> tuple[Any, Any]:
    """Return the fractional and the whole part of each element."""
    infinite = np.isinf(read_data(x))
    whole = trunc(x)
    return ops.where(infinite, 0.0, x) - ops.where(infinite, 0.0, whole), whole


def divmod(x: Any, y: Any) -> tuple[Any, Any]:
    """Return x // y, whose derivative is 0, and x % y."""
    return floor_divide(x, y), remainder(x, y)


def unwrap(x: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * math.pi) -> Any:
    """Return angles with whole turns added, so that they have no jumps along an axis."""
    data = read_data(x)
    return x + (np.unwrap(data, discont, axis, period=period) - data)


def astype(x: Any, dtype: Any, *, copy: bool = True) -> Any:
    """Return the numbers in another dtype; as plain data in one of integers, say for an index.

    Rounding to an integer is a staircase: its derivative is 0 wherever there is one.
    """
    if np.dtype(dtype).kind not in "iub":
        return ops.astype(x, dtype)
    data = read_data(x)
    return data.astype(dtype) if hasattr(data, "astype") else np.dtype(dtype).type(data)


def copy(x: Any, order: str = "K", subok: bool = False) -> Any:
    """Return the same numbers; the gradient goes back to x."""
    return ops.pos(x)
