"""The table: every operation, with its derivative written once.

Each record reads as a line of a table of derivatives: a name, how to compute it, the derivative by
each operand, and that derivative as a student would write it. For z = x · y,

    mul = Pointwise(
        "mul",
        operator.mul,
        (lambda out, x, y: y, lambda out, x, y: x),    # partials: dz/dx, dz/dy
        ("y", "x"),                                    # formulas
        ...

``partials`` is what the engine uses, ``formulas`` what a student would write; a test holds the two
equal. They differ where the student's form loses digits: σ(x)σ(-x) is exact to the last digit where
a(1 - a) has lost three (a = 0.9997). How a rule becomes a backward pass is in ``autodiff``.
"""

import operator
from typing import Any

import numpy as np

from tinygrad_hw.engine.node import Array, Node, shape_of
from tinygrad_hw.engine.operation import Composite, Multilinear, Operation, Pointwise

ANY = (-2.0, 2.0)
POSITIVE = (0.3, 3.0)

# --- Arithmetic -----------------------------------------------------------------------------------

add = Pointwise("add", operator.add, (1, 1), ("1", "1"), symbol="+", numpy=np.add)
sub = Pointwise("sub", operator.sub, (1, -1), ("1", "-1"), symbol="-", numpy=np.subtract)
mul = Pointwise(
    "mul",
    operator.mul,
    (lambda out, x, y: y, lambda out, x, y: x),
    ("y", "x"),
    symbol="×",
    numpy=np.multiply,
)
div = Pointwise(
    "div",
    operator.truediv,
    (lambda out, x, y: 1 / y, lambda out, x, y: -out / y),
    ("1 / y", "-x / y**2"),
    symbol="÷",
    numpy=np.divide,
    domain=(ANY, POSITIVE),
)
neg = Pointwise("neg", operator.neg, (-1,), ("-1",), symbol="-", numpy=np.negative)
pos = Pointwise("pos", operator.pos, (1,), ("1",), symbol="+", numpy=np.positive)


def _power(x: Any, p: Any) -> Any:
    """x**p, always real: Python's own ``(-8.0)**0.5`` is complex, NumPy's is nan and a warning."""
    return x**p if isinstance(x, np.ndarray) else np.power(x, p)


# Where x and p are 0, a base of 1 stands in for 0: so x**2 is exact for every order, its third
# derivative being 0 · 1**-1 and not 0 · 0**-1. By the exponent, 0**p is flat: log(1), not log(0).
pow: Pointwise = Pointwise(
    "pow",
    _power,
    (
        lambda out, x, p: p * pow(where((raw(p) == 0) & (raw(x) == 0), 1.0, x), p - 1),
        lambda out, x, p: out * log(where(raw(x) == 0, 1.0, x)),
    ),
    ("y * x**(y - 1)", "out * log(x)"),
    symbol="**",
    numpy=np.power,
    domain=(POSITIVE, ANY),
)

# --- Elementwise functions ------------------------------------------------------------------------

exp = Pointwise("exp", np.exp, (lambda out, x: out,), ("out",))
log: Pointwise = Pointwise("log", np.log, (lambda out, x: 1 / x,), ("1 / x",), domain=(POSITIVE,))
sqrt = Pointwise(
    "sqrt", np.sqrt, (lambda out, x: 0.5 / out,), ("1 / (2 * out)",), symbol="√", domain=(POSITIVE,)
)
abs = Pointwise(
    "abs",
    operator.abs,
    (lambda out, x: np.sign(raw(x)),),
    ("sign(x)",),
    symbol="|·|",
    numpy=np.absolute,
)


def _sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)) without overflow; above 0 as 1 - σ(-x), which rounds once where σ is 1."""
    tail = np.exp(-np.abs(x))
    tail = tail / (1 + tail)
    return np.where(x < 0, tail, 1 - tail)


sigmoid: Pointwise = Pointwise(
    "sigmoid",
    _sigmoid,
    (lambda out, x: sigmoid(x) * sigmoid(-x),),
    ("out * (1 - out)",),
    symbol="σ",
)
tanh = Pointwise(
    "tanh", np.tanh, (lambda out, x: 4 * sigmoid(2 * x) * sigmoid(-2 * x),), ("1 - out**2",)
)
relu = Pointwise("relu", lambda x: np.maximum(x, 0), (lambda out, x: raw(x) > 0,), ("x > 0",))
softplus = Pointwise(
    "softplus",
    lambda x: np.logaddexp(x, 0),
    (lambda out, x: sigmoid(x),),
    ("exp(x) / (1 + exp(x))",),
)
select = Pointwise(
    "where",
    lambda x, y, condition: np.where(condition, x, y),
    (
        lambda out, x, y, condition: condition,
        lambda out, x, y, condition: np.logical_not(condition),
    ),
    ("condition", "not condition"),
    defaults={"condition": True},
)


def where(condition: Any, x: Any, y: Any) -> Any:
    """``x`` where the condition holds, else ``y``; no gradient reaches the one not taken."""
    return select(x, y, condition=np.asarray(raw(condition)).astype(bool)[()])


# --- Reductions that are pointwise: their derivative is a factor of the operand's shape -----------


def _equal_shares(x: Any, out: Any, axis: Any) -> Array:
    """1 where an element is the maximum, or its share of 1 where several are."""
    mask = raw(x) == raw(out)
    shares: Array = mask / np.sum(mask, axis=axis, keepdims=True, dtype=np.result_type(raw(x)))
    return shares


def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    """log(sum(exp(x))), shifted by the maximum so that nothing overflows."""
    top = np.maximum.reduce(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    out = np.log(np.add.reduce(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=axis)


REDUCTION: dict[str, Any] = {"axis": None, "keepdims": False}

max = Pointwise(
    "max",
    np.maximum.reduce,
    (lambda out, x, axis, **_: _equal_shares(x, out, axis),),
    ("(x == out) / count(x == out)",),
    numpy=np.max,
    defaults=REDUCTION,
    reduces=True,
)
logsumexp = Pointwise(
    "logsumexp",
    _logsumexp,
    (lambda out, x, **_: exp(x - out),),
    ("exp(x) / exp(out)",),
    symbol="logΣexp",
    defaults=REDUCTION,
    reduces=True,
)

# --- Linear operations ----------------------------------------------------------------------------


def with_reduced_axes(reduced: Any, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Any:
    """Put back, as length 1, the dimensions of ``shape`` that a reduction along ``axis`` lost."""
    if keepdims or not shape_of(reduced):  # a number broadcasts as it is
        return reduced
    lost = axis if isinstance(axis, tuple | list) else (axis,)
    kept = list(shape)
    for i in lost:
        kept[i] = 1
    return reshape(reduced, tuple(kept))


def _spread(upstream: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    return broadcast_to(with_reduced_axes(upstream, shape_of(x), axis, keepdims), shape_of(x))


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    """Sum and divide: half the time of np.mean, which matters where x is a small batch."""
    total = sum(x, axis, keepdims)
    return total / (np.size(x) / (np.size(total) or 1))


def _mean_transpose(upstream: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    averaged = np.size(raw(x)) / (np.size(raw(upstream)) or 1)
    return _spread(upstream / averaged, x, axis, keepdims)


sum = Multilinear(
    "sum",
    np.add.reduce,
    (_spread,),
    ("ones_like(x) * upstream",),
    symbol="Σ",
    numpy=np.sum,
    defaults=REDUCTION,
)
mean = Multilinear(
    "mean",
    _mean,
    (_mean_transpose,),
    ("ones_like(x) * upstream / size(x)",),
    numpy=np.mean,
    defaults=REDUCTION,
)


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the dimensions that broadcasting had added or stretched: the transpose of that."""
    given = shape_of(x)
    if given == shape:
        return x
    added = len(given) - len(shape)
    if added:
        x = sum(x, axis=tuple(range(added)))
    stretched = tuple([i for i, n in enumerate(shape) if n == 1 and given[i + added] != 1])
    return sum(x, axis=stretched, keepdims=True) if stretched else x


def _broadcast(x: Any, shape: tuple[int, ...]) -> Array:
    """A full copy: NumPy's own view with strides of 0 is slower to make, and to read from."""
    out = np.empty(shape, np.result_type(x))
    out[...] = x
    return out


broadcast_to = Multilinear(
    "broadcast_to",
    _broadcast,
    (lambda upstream, x, shape: sum_to(upstream, shape_of(x)),),
    ("sum_to(upstream, x.shape)",),
    symbol="broadcast",
    numpy=np.broadcast_to,
    defaults={"shape": None},
)
reshape: Multilinear = Multilinear(
    "reshape",
    np.reshape,
    (lambda upstream, x, shape: reshape(upstream, shape_of(x)),),
    ("reshape(upstream, x.shape)",),
    numpy=np.reshape,
    defaults={"shape": None},
)
transpose: Multilinear = Multilinear(
    "transpose",
    np.transpose,
    (
        lambda upstream, x, axes: transpose(
            upstream, axes if axes is None else tuple(np.argsort(np.mod(axes, len(axes))).tolist())
        ),
    ),
    ("transpose(upstream)",),
    numpy=np.transpose,
    symbol="ᵀ",
    defaults={"axes": None},
)


def _is_basic(index: Any) -> bool:
    """Whether an index picks every element at most once and gives a view: numbers and slices."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is ... or isinstance(part, int | slice) for part in parts)


def _scatter(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, dtype=np.result_type(x))
    if _is_basic(index):
        out[index] = x
    else:
        np.add.at(out, index, x)  # an element picked twice receives both contributions
    return out


getitem = Multilinear(
    "getitem",
    lambda x, index: x[index],
    (lambda upstream, x, index: scatter(upstream, index, shape_of(x)),),
    ("scatter(upstream, index, x.shape)",),
    symbol="[·]",
    defaults={"index": ...},
)
scatter: Multilinear = Multilinear(
    "scatter",
    _scatter,
    (lambda upstream, x, index, shape: getitem(upstream, index),),
    ("upstream[index]",),
    defaults={"index": ..., "shape": ()},
)


_matrix_product = Multilinear(
    "matmul",
    operator.matmul,
    (
        lambda upstream, x, y: sum_to(upstream @ y.mT, shape_of(x)),
        lambda upstream, x, y: sum_to(x.mT @ upstream, shape_of(y)),
    ),
    ("upstream @ y.mT", "x.mT @ upstream"),
    symbol="@",
)


def matmul(x: Any, y: Any) -> Any:
    """Matrix product with NumPy's reading of a vector: a row on the left, a column on the right."""
    x, y = (z if isinstance(z, Node) else np.asarray(z) for z in (x, y))
    left, right = shape_of(x), shape_of(y)
    if len(left) > 1 and len(right) > 1:
        return _matrix_product(x, y)
    if not left or not right:
        raise ValueError(
            f"matmul needs one or more dimensions, got {left} @ {right}; use * instead"
        )
    out = _matrix_product(
        reshape(x, (1, *left)) if len(left) == 1 else x,
        reshape(y, (*right, 1)) if len(right) == 1 else y,
    )
    *stacked, rows, columns = shape_of(out)
    kept = [rows] * (len(left) > 1) + [columns] * (len(right) > 1)
    return reshape(out, (*stacked, *kept))


# --- Composites: other operations in a named group ------------------------------------------------

softmax = Composite(
    "softmax", lambda x, axis: exp(x - logsumexp(x, axis, keepdims=True)), defaults={"axis": -1}
)
log_softmax = Composite(
    "log_softmax",
    lambda x, axis: x - logsumexp(x, axis, keepdims=True),
    symbol="log softmax",
    defaults={"axis": -1},
)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _binary_crossentropy(logits: Any, targets: Any) -> Any:
    """mean of softplus(z) - y·z, which is -log σ(z) where y is 1 and -log(1 - σ(z)) where it is 0.

    From the logit z and not from a = σ(z), because log(1 - a) has no digits left when a is near 1.
    """
    if not isinstance(targets, Node):
        targets = np.asarray(targets, np.result_type(raw(logits)))
    shape, given = shape_of(logits), shape_of(targets)
    if _without_ones(shape) != _without_ones(given):
        raise ValueError(
            f"binary_crossentropy got logits {shape} and targets {given}; "
            "give one target, 0 or 1, for each logit"
        )
    if given != shape:  # (n,) beside (n, 1) would broadcast to (n, n)
        targets = reshape(targets, shape)
    return mean(targets * softplus(-logits) + (1 - targets) * softplus(logits))


def _sparse_categorical_crossentropy(logits: Any, labels: Any) -> Any:
    """mean over rows of logΣexp(z) - z[label], which is -log softmax(z)[label]."""
    labels = np.asarray(labels)
    shape = shape_of(logits)
    if len(shape) != 2 or labels.shape != shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"sparse_categorical_crossentropy got logits {shape} and labels {labels.shape} "
            f"of {labels.dtype}; give one integer class for each row of logits"
        )
    rows, classes = shape
    if rows and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(
            f"sparse_categorical_crossentropy got labels {labels.min()} to {labels.max()} "
            f"for {classes} classes; number the classes 0 to {classes - 1}"
        )
    return mean(logsumexp(logits, axis=1) - getitem(logits, (np.arange(rows), labels)))


binary_crossentropy = Composite(
    "binary_crossentropy",
    _binary_crossentropy,
    symbol="binary cross-entropy",
    operands=2,
    domain=(ANY, (0.0, 1.0)),
)
sparse_categorical_crossentropy = Composite(
    "sparse_categorical_crossentropy",
    _sparse_categorical_crossentropy,
    symbol="sparse categorical cross-entropy",
    defaults={"labels": None},
)


def raw(x: Any) -> Any:
    """The plain number or array of a node; anything else as it is. Comparisons use it."""
    return x.raw if isinstance(x, Node) else x


TABLE: dict[str, Operation] = {
    record.name: record for record in list(globals().values()) if isinstance(record, Operation)
}
NUMPY: dict[Any, Any] = {
    np.matmul: matmul,
    np.where: where,
    **{record.numpy: record for record in TABLE.values() if record.numpy},
}
