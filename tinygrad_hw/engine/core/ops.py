"""The table: every operation, with its derivative written once.

Each record reads as a line of a table of derivatives: a name, how to compute it, and the derivative
by each operand. For z = x · y,

    mul = Pointwise("mul", operator.mul, "y", "x")    # dz/dx, dz/dy

The operands are called ``x`` and ``y``, the result ``out``; a linear operation has instead the
transpose that it applies to ``upstream``. Where the engine needs a stabler form than a student
would write, ``shown`` has the student's and a test holds the two equal: σ(x)σ(-x) is exact to the
last digit where a(1 - a) has lost three (a = 0.9997). The functions that rules use and that are no
operations follow the table.

The names are NumPy's: here ``sum``, ``max``, ``min``, ``abs`` and ``pow`` are not Python's own.
``operation`` describes a record, ``chain_rule`` applies the rules, and ``numpy_api`` has the
operations that need no rule, because they are written with others.
"""

import math
import operator
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import numerics
from tinygrad_hw.engine.core.compile_rule import FLOATS, extend_language
from tinygrad_hw.engine.core.data import Array, StandIn, as_array, dtype_of, shape_of
from tinygrad_hw.engine.core.node import raw, read_data
from tinygrad_hw.engine.core.operation import Linear, Multilinear, Operation, Pointwise

POSITIVE, INSIDE = ((0.3, 3.0),), ((-0.9, 0.9),)  # where the tests draw operands; else (-2, 2)
ANY = ((-2.0, 2.0),)
REDUCTION: dict[str, Any] = {"axis": None, "keepdims": False}
DEVIATION: dict[str, Any] = {"axis": None, "ddof": 0, "keepdims": False}
LN_2, LN_10 = math.log(2), math.log(10)


# fmt: off
# --- Arithmetic -----------------------------------------------------------------------------------

add = Pointwise("add", operator.add, 1, 1, symbol="+", numpy=np.add)
sub = Pointwise("sub", operator.sub, 1, -1, symbol="-", numpy=np.subtract)
mul = Pointwise("mul", operator.mul, "y", "x", symbol="×", numpy=np.multiply)
div = Pointwise("div", operator.truediv, "1 / y", "out * (-1 / y)", shown=("1 / y", "-x / y**2"),
                symbol="÷", numpy=np.divide, domain=ANY + POSITIVE)
neg = Pointwise("neg", operator.neg, -1, symbol="-", numpy=np.negative)
pos = Pointwise("pos", operator.pos, 1, symbol="+", numpy=np.positive)
reciprocal = Pointwise("reciprocal", lambda x: 1 / x, "-out * out", shown="-1 / x**2",
                       symbol="1/·", numpy=np.reciprocal, domain=POSITIVE)
square = Pointwise("square", np.square, "2 * x", symbol="·²")
pow = Pointwise("pow", numerics.real_power,
                "y * pow(x, y - 1) if type(y) is float and y != 0 else power_slope(x, y)",
                "out * log(where((raw(x) == 0) & (raw(y) >= 0), 1.0, x))",
                shown=("y * x**(y - 1)", "out * log(x)"),
                symbol="**", numpy=np.power, domain=POSITIVE + ANY)

# --- Elementwise functions ------------------------------------------------------------------------

exp = Pointwise("exp", np.exp, "out")
expm1 = Pointwise("expm1", np.expm1, "exp(x)")
log = Pointwise("log", np.log, "1 / x", domain=POSITIVE)
log1p = Pointwise("log1p", np.log1p, "1 / (1 + x)", domain=INSIDE)
log2 = Pointwise("log2", np.log2, "1 / (x * LN_2)", shown="1 / (x * log(2))", domain=POSITIVE)
log10 = Pointwise("log10", np.log10, "1 / (x * LN_10)", shown="1 / (x * log(10))",
                  domain=POSITIVE)
sqrt = Pointwise("sqrt", np.sqrt, "0.5 / out", symbol="√", domain=POSITIVE)
cbrt = Pointwise("cbrt", np.cbrt, "square(1 / out) / 3", shown="1 / (3 * out**2)", symbol="∛",
                 domain=POSITIVE)
abs = Pointwise("abs", operator.abs, "sign(x)", symbol="|·|", numpy=np.absolute)
sign = Pointwise("sign", np.sign, 0)

sin = Pointwise("sin", np.sin, "cos(x)")
cos = Pointwise("cos", np.cos, "-sin(x)")
tan = Pointwise("tan", np.tan, "1 + out**2", shown="1 / cos(x)**2", domain=((-1.2, 1.2),))
arcsin = Pointwise("arcsin", np.arcsin, "1 / sqrt((1 - x) * (1 + x))",
                   shown="1 / sqrt(1 - x**2)", domain=INSIDE)
arccos = Pointwise("arccos", np.arccos, "-1 / sqrt((1 - x) * (1 + x))",
                   shown="-1 / sqrt(1 - x**2)", domain=INSIDE)
arctan = Pointwise("arctan", np.arctan, "square(1 / hypot(1.0, x))", shown="1 / (1 + x**2)")
sinh = Pointwise("sinh", np.sinh, "cosh(x)")
cosh = Pointwise("cosh", np.cosh, "sinh(x)")
tanh = Pointwise("tanh", np.tanh, "4 * sigmoid(2 * x) * sigmoid(-2 * x)", shown="1 - out**2")
arcsinh = Pointwise("arcsinh", np.arcsinh, "1 / hypot(1.0, x)", shown="1 / sqrt(1 + x**2)")
arccosh = Pointwise("arccosh", np.arccosh, "1 / (sqrt(x - 1) * sqrt(x + 1))",
                    shown="1 / sqrt(x**2 - 1)", domain=((1.2, 3.0),))
arctanh = Pointwise("arctanh", np.arctanh, "1 / ((1 - x) * (1 + x))",
                    shown="1 / (1 - x**2)", domain=INSIDE)

sigmoid = Pointwise("sigmoid", numerics.stable_sigmoid, "sigmoid(x) * sigmoid(-x)",
                    shown="out * (1 - out)", symbol="σ")
relu = Pointwise("relu", lambda x: numerics.maximum(x, 0.0), "raw(x) > 0", shown="x > 0")
maximum = Pointwise("maximum", np.maximum, "share(x > y, x == y)", "share(y > x, x == y)")
minimum = Pointwise("minimum", np.minimum, "share(x < y, x == y)", "share(y < x, x == y)")
hypot = Pointwise("hypot", np.hypot, "ratio(x, out)", "ratio(y, out)", shown=("x / out", "y / out"))
arctan2 = Pointwise("arctan2", np.arctan2, "ratio(ratio(y, hypot(x, y)), hypot(x, y))",
                    "-ratio(ratio(x, hypot(x, y)), hypot(x, y))",
                    shown=("y / (x**2 + y**2)", "-x / (x**2 + y**2)"))
logaddexp = Pointwise("logaddexp", np.logaddexp, "sigmoid(x - y)", "sigmoid(y - x)",
                      shown=("exp(x - out)", "exp(y - out)"))
select = Pointwise("where", lambda x, y, condition: np.where(condition, x, y),
                   "condition", "np.logical_not(condition)",
                   shown=("condition", "not condition"), defaults={"condition": True})

# --- Reductions that are pointwise: their derivative is a factor of the operand's shape -----------

max = Pointwise("max", np.maximum.reduce, "equal_shares(x, out, axis)",
                shown="(x == out) / count(x == out)", numpy=np.max, defaults=REDUCTION)
min = Pointwise("min", np.minimum.reduce, "equal_shares(x, out, axis)",
                shown="(x == out) / count(x == out)", numpy=np.min, defaults=REDUCTION)
var = Pointwise("var", numerics.variance,
                "2 * (x - mean(x, axis, True)) / degrees_of_freedom(x, out, ddof)",
                shown="2 * (x - mean(x)) / (size(x) - ddof)", numpy=np.var, defaults=DEVIATION)
# --- Linear operations: the transpose, applied to upstream ----------------------------------------

sum = Linear("sum", np.add.reduce, "spread(upstream, x, axis)",
             shown="ones_like(x) * upstream", symbol="Σ", numpy=np.sum, defaults=REDUCTION)
mean = Linear("mean", numerics.average,
              "spread(upstream / degrees_of_freedom(x, upstream, 0), x, axis)",
              shown="ones_like(x) * upstream / size(x)", numpy=np.mean, defaults=REDUCTION)
broadcast_to = Linear("broadcast_to", numerics.broadcast_to_copy, "sum_to(upstream, shape_of(x))",
                      symbol="broadcast", numpy=np.broadcast_to, defaults={"shape": None})
reshape = Linear("reshape", numerics.reshape_in_order, "reshape(upstream, shape_of(x), order)",
                 numpy=np.reshape, defaults={"shape": None, "order": "C"})
transpose = Linear("transpose", np.transpose, "transpose(upstream, inverse(axes))",
                   symbol="ᵀ", numpy=np.transpose, defaults={"axes": None})
astype = Linear("astype", numerics.cast, "astype(upstream, dtype_of(raw(x)))",
                defaults={"dtype": float})
getitem = Linear("getitem", lambda x, index: x[index], "scatter(upstream, index, shape_of(x))",
                 symbol="[·]", defaults={"index": ...})
scatter = Linear("scatter", numerics.add_at, "upstream[index]",
                 defaults={"index": ..., "shape": ()})
matmul = Multilinear("matmul", numerics.matmul, "matmul_back(upstream, x, y, 0)",
                     "matmul_back(upstream, x, y, 1)",
                     shown=("upstream @ y.mT", "x.mT @ upstream"), symbol="@", numpy=np.matmul)
# fmt: on

# --- Functions of the rules -----------------------------------------------------------------------


def ratio(x: Any, y: Any) -> Any:
    """Return x / y, and 0 where both are 0: the derivative that a norm has there."""
    tip = (raw(x) == 0) & (raw(y) == 0)
    return where(tip, 0.0, x / where(tip, 1.0, y))


def power_slope(x: Any, y: Any) -> Any:
    """Return y * x**(y - 1); y / x where y is 0, which does not overflow, and 0 where x is too."""
    zero = raw(y) == 0
    if isinstance(zero, bool | np.bool_) and not zero:
        return y * pow(x, y - 1)
    flat = y / where(zero & (raw(x) != 0), x, 1.0)
    return where(zero, flat, y * pow(where(zero, 1.0, x), y - 1))


def where(condition: Any, x: Any, y: Any) -> Any:
    """Return x where the condition holds, else y; no gradient reaches the other."""
    mask = read_data(condition)
    if not isinstance(mask, StandIn):
        mask = as_array(mask).astype(bool)[()]
    elif np.result_type(mask.value).kind != "b":
        mask = np.not_equal(mask, 0)  # type: ignore[call-overload]
    return select(x, y, condition=mask)


def share(wins: Any, ties: Any) -> Any:
    """Return 1 where the operand wins, a half where two tie."""
    if isinstance(ties, np.ndarray) and not ties.any():
        return wins
    half = np.float32(0.5) if shape_of(ties) else 0.5  # no product gets more digits than upstream
    return np.where(wins, 2 * half, np.where(ties, half, 0 * half))[()]


def equal_shares(x: Any, out: Any, axis: Any) -> Array:
    """Return 1 where an element is the extreme one, or its share of 1 where several are."""
    mask = raw(x) == raw(out)
    shares: Array = mask / np.sum(mask, axis=axis, keepdims=True, dtype=np.result_type(raw(x)))
    return shares


def with_reduced_axes(reduced: Any, shape: tuple[int, ...], axis: Any) -> Any:
    """Put back, as length 1, the dimensions of ``shape`` that a reduction along ``axis`` lost."""
    if len(shape_of(reduced)) in (0, len(shape)):  # a number broadcasts as it is
        return reduced
    full = list(shape)
    for i in axis if isinstance(axis, tuple | list) else (axis,):
        full[i] = 1
    return reshape(reduced, tuple(full))


def spread(upstream: Any, x: Any, axis: Any) -> Any:
    """Broadcast the upstream gradient of a sum to all elements of x that were summed."""
    return broadcast_to(with_reduced_axes(upstream, shape_of(x), axis), shape_of(x))


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the dimensions that broadcasting added or stretched: its transpose."""
    before = shape_of(x)
    if before == shape:
        return x
    added = len(before) - len(shape)
    if added:
        x = sum(x, axis=tuple(range(added)))
    stretched = tuple([i for i, n in enumerate(shape) if n == 1 and before[i + added] != 1])
    return sum(x, axis=stretched, keepdims=True) if stretched else x


def inverse(axes: Any) -> Any:
    """Return the order of axes that undoes ``axes``; None, which reverses, undoes itself."""
    return axes if axes is None else tuple(np.argsort(np.mod(axes, np.size(axes)), None).tolist())


def matmul_back(upstream: Any, x: Any, y: Any, position: int) -> Any:
    """Return upstream · yᵀ or xᵀ · upstream; a vector is a row on the left, else a column."""
    left, right = shape_of(x), shape_of(y)
    if len(left) == 1:
        x, upstream = reshape(x, (1, *left)), upstream[..., None, :] if len(right) > 1 else upstream
    if len(right) == 1:
        y, upstream = reshape(y, (*right, 1)), reshape(upstream, (*shape_of(upstream), 1))
    if len(left) == len(right) == 1:
        upstream = reshape(upstream, (1, 1))
    if len(left) > 2 == len(right) and 0 not in right:  # one large product for a whole batch
        x, upstream = reshape(x, (-1, left[-1])), reshape(upstream, (-1, right[-1]))
        return x.mT @ upstream if position else reshape(upstream @ y.mT, left)
    back = x.mT @ upstream if position else upstream @ y.mT
    back = sum_to(back, shape_of(y if position else x))
    wanted = right if position else left
    return back if len(wanted) > 1 else reshape(back, wanted)


TABLE = {record.name: record for record in tuple(vars().values()) if isinstance(record, Operation)}
FUNCTIONS: tuple[Any, ...] = (
    *(ratio, power_slope, share, equal_shares, with_reduced_axes, spread, sum_to, inverse),
    *(matmul_back, numerics.degrees_of_freedom, raw, shape_of, dtype_of),
)
# All that a rule may name, beside its operands and its attributes.
extend_language(TABLE)
extend_language({function.__name__: function for function in FUNCTIONS})
extend_language({"np": np, "LN_2": LN_2, "LN_10": LN_10, "where": where})
FLOATS["where"] = numerics.where
