"""The list of what may be recorded: NumPy's functions, each with what its result depends on.

A program gives its results memory that later results take over, and it has one shape for each. So
of every function it must be known whether the result may lie in the memory of an operand, and
whether its shape follows from shapes alone. A function that is not on the list is refused.
"""

from __future__ import annotations

import functools
import inspect
import operator
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np


class Recordable(NamedTuple):
    """What is known of a function before it is called.

    Attributes
    ----------
    data
        The parameters that may be computed by the program; all others must be plain.
    sized_by
        Those of them whose numbers, and not only shapes, the result's shape depends on.
    may_alias
        Whether the result may be, or be a view of, the first operand that is an array. If not, it
        has memory of its own, whatever the arguments. Which of the two a call gives depends on
        shapes, strides and plain arguments alone.
    """

    data: frozenset[str]
    sized_by: frozenset[str] = frozenset()
    may_alias: bool = False


# Each function with its parameters that may be computed; a star marks those that give it its size.
_ALIASES = """
    astype(x) around(a) broadcast_to(array)
    diag(v) diagonal(a) diff(a, prepend, append) einsum(operands) expand_dims(a) flip(m) fliplr(m)
    flipud(m) fft.fft2(a) fft.fftn(a) fft.ifft2(a) fft.ifftn(a) matrix_transpose(x) moveaxis(a)
    ravel(a) real(val) real_if_close(a) reshape(a) rollaxis(a) rot90(m) round(a) squeeze(a)
    swapaxes(a) transpose(a) lib.stride_tricks.sliding_window_view(x) linalg.diagonal(x)
    linalg.matrix_power(a) linalg.matrix_transpose(x) polyder(p) polyint(p, k)
"""
_OWN_MEMORY = """
    all(a, where) amax(a, initial, where) amin(a, initial, where) any(a, where)
    max(a, initial, where) mean(a, where) min(a, initial, where) prod(a, initial, where) ptp(a)
    std(a, where, mean) sum(a, initial, where) var(a, where, mean) average(a, weights) median(a)
    count_nonzero(a) percentile(a, q, weights) quantile(a, q, weights) trace(a) cumprod(a)
    cumsum(a) cumulative_prod(x) cumulative_sum(x) argmax(a) argmin(a) nanmax(a, initial, where)
    nanmean(a, where) nanmedian(a) nanmin(a, initial, where) nanpercentile(a, q, weights)
    nanprod(a, initial, where) nanquantile(a, q, weights) nanstd(a, where, mean)
    nansum(a, initial, where) nanvar(a, where, mean) nanargmax(a) nanargmin(a) nancumprod(a)
    nancumsum(a)

    argpartition(a) argsort(a) lexsort(keys) partition(a) sort(a) searchsorted(a, v, sorter)
    digitize(x, bins) bincount(x*, weights) histogram_bin_edges(a*, weights)
    isin(element, test_elements) intersect1d(ar1*, ar2*) setdiff1d(ar1*, ar2*) setxor1d(ar1*, ar2*)
    union1d(ar1*, ar2*) unique(ar*) unique_values(x*) argwhere(a*) flatnonzero(a*)
    compress(condition*, a) extract(condition*, arr)

    angle(z) clip(a, a_min, a_max, min, max) fix(x) i0(x) imag(val)
    nan_to_num(x, nan, posinf, neginf) sinc(x) unwrap(p) iscomplex(x) isreal(x) isneginf(x)
    isposinf(x) ravel_multi_index(multi_index) isclose(a, b, rtol, atol) allclose(a, b, rtol, atol)
    array_equal(a1, a2) array_equiv(a1, a2) where(condition, x, y)
    select(condlist, choicelist, default) choose(a, choices) interp(x, xp, fp, left, right) copy(a)
    zeros_like(a) ones_like(a) full_like(a, fill_value)

    append(arr, values) block(arrays) column_stack(tup) concatenate(arrays) dstack(tup) hstack(tup)
    stack(arrays) vstack(tup) insert(arr, obj*, values) delete(arr, obj*) diagflat(v)
    pad(array, constant_values, end_values) repeat(a, repeats*) resize(a) roll(a, shift) tile(A)
    take(a, indices) take_along_axis(arr, indices) tril(m) triu(m) vander(x) linspace(start, stop)
    geomspace(start, stop) logspace(start, stop, base)

    convolve(a, v) correlate(a, v) corrcoef(x, y) cov(m, y, fweights, aweights) cross(a, b)
    dot(a, b) inner(a, b) kron(a, b) outer(a, b) tensordot(a, b) vdot(a, b)
    ediff1d(ary, to_end, to_begin) trapezoid(y, x, dx) polyadd(a1, a2) polymul(a1*, a2*)
    polysub(a1, a2) polyval(p, x)

    linalg.cholesky(a) linalg.cond(x) linalg.cross(x1, x2) linalg.det(a) linalg.eigvalsh(a)
    linalg.inv(a) linalg.matmul(x1, x2) linalg.matrix_norm(x) linalg.matrix_rank(A, tol, rtol)
    linalg.multi_dot(arrays) linalg.norm(x) linalg.outer(x1, x2) linalg.pinv(a, rcond, rtol)
    linalg.solve(a, b) linalg.svdvals(x) linalg.tensordot(x1, x2) linalg.tensorinv(a)
    linalg.tensorsolve(a, b) linalg.trace(x) linalg.vecdot(x1, x2) linalg.vector_norm(x)

    fft.fft(a) fft.fftshift(x) fft.hfft(a) fft.ifft(a) fft.ifftshift(x) fft.ihfft(a) fft.irfft(a)
    fft.irfft2(a) fft.irfftn(a) fft.rfft(a) fft.rfft2(a) fft.rfftn(a)
"""
# Functions of shapes and dtypes alone: their answers are the same in every run.
ON_SHAPES = {
    *(np.broadcast_shapes, np.can_cast, np.common_type, np.einsum_path, np.iscomplexobj),
    *(np.isrealobj, np.ndim, np.result_type, np.shape, np.size),
    *(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from),
}
# Functions that give several arrays, each by calls on the list: the engine's own are called.
COMPOSED = {
    *(np.array_split, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.broadcast_arrays, np.dsplit),
    *(np.gradient, np.hsplit, np.meshgrid, np.split, np.vsplit),
    *([np.unstack] if hasattr(np, "unstack") else []),
}
_SEVERAL = "it gives several arrays; use functions that give one, or an index for each part"
_WRITES = "it writes into an array; make a new one, with np.where or np.concatenate"
_TEXT = "numbers would leave the program as text; return them and print outside"
_CALLS = "it calls a function on plain numbers; write that with NumPy's functions on whole arrays"
REASONS = {  # why others are refused, where there is more to say
    **dict.fromkeys(
        "histogram histogram2d histogramdd ix_ nonzero polydiv polyfit unique_all unique_counts "
        "unique_inverse unravel_index eig eigh lstsq qr slogdet svd".split(),
        _SEVERAL,
    ),
    **dict.fromkeys("copyto fill_diagonal place put put_along_axis putmask".split(), _WRITES),
    **dict.fromkeys("array2string array_repr array_str save savetxt savez".split(), _TEXT),
    **dict.fromkeys("apply_along_axis apply_over_axes piecewise".split(), _CALLS),
    **dict.fromkeys(
        "eigvals poly roots".split(), "its dtype depends on the numbers: real or complex"
    ),
    "trim_zeros": "its result's memory depends on the numbers; use an index",
    "empty_like": "its elements are whatever was in memory; use np.zeros_like",
}


def _read(text: str, may_alias: bool) -> Iterator[tuple[Any, Recordable]]:
    """Yield each function of a list that this NumPy has, with its record."""
    for name, parameters in re.findall(r"([\w.]+)\(([^)]*)\)", text):
        try:
            function = operator.attrgetter(name)(np)
        except AttributeError:  # younger than this NumPy
            continue
        names = parameters.replace(" ", "").split(",")
        sized_by = frozenset(x.rstrip("*") for x in names if x.endswith("*"))
        yield function, Recordable(frozenset(x.rstrip("*") for x in names), sized_by, may_alias)


RECORDABLE: dict[Any, Recordable] = {
    **dict(_read(_ALIASES, True)),
    **dict(_read(_OWN_MEMORY, False)),
}


@functools.cache
def _positional(function: Any) -> tuple[list[str], str]:
    """Return the names of the positional parameters, and of the one that takes the rest."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # written in C, in an older NumPy
        return sorted(RECORDABLE[function].data), ""
    rest = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
    return [p.name for p in parameters if p.kind < p.VAR_POSITIONAL], "".join(rest)


def name_of(function: Any) -> str:
    """Return the name by which a user calls a NumPy function: ``np.add.reduce``."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"np.{owner.__name__}.{function.__name__}"
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{function.__name__}"


def may_alias(function: Any) -> bool:
    """Return whether a call's result may lie in the memory of an operand.

    Operations of the table may, where they are recorded whole.
    """
    if function in RECORDABLE:
        return RECORDABLE[function].may_alias
    return not isinstance(getattr(function, "__self__", function), np.ufunc)


def reason_to_refuse(function: Any) -> str:
    """Return why a function of NumPy's may not be recorded; empty if it may."""
    owner = getattr(function, "__self__", function)
    if isinstance(owner, np.ufunc):
        if owner is not function and function.__name__ == "at":
            return _WRITES
        return _SEVERAL if owner.nout > 1 else ""
    if function in RECORDABLE or not getattr(function, "__module__", "").startswith("numpy"):
        return ""
    return REASONS.get(
        function.__name__,
        "what its result depends on is not known here; compute it outside and pass it on",
    )


def writes(function: Any, parameter: str, argument: Any) -> bool:
    """Return whether an argument makes a function write into an array that it is given."""
    if parameter == "out":
        return argument is not None
    if parameter == "copy" and function is np.nan_to_num:
        return argument is not True
    return parameter == "overwrite_input" and bool(argument)


def named_arguments(
    function: Any, inputs: Sequence[Any], options: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield each argument of a call with the name of its parameter."""
    names, rest = _positional(function)
    for i, argument in enumerate(inputs):
        yield names[i] if i < len(names) else rest, argument
    yield from options.items()
