"""``np.linalg``: its functions with NumPy's arguments, for Values.

Where NumPy reads one triangle of a symmetric matrix (``cholesky``, ``eigh``, ``eigvalsh``,
``pinv`` and ``svd`` with ``hermitian=True``), so does the derivative: it is that of the function
which NumPy computes, 0 for an element that is not read, and for one that is read the sum of both.
Multiplied into a symmetric matrix's own derivative it gives what a symmetrized one would.

Where a derivative does not exist it is inf or nan, or an error says so: that of an eigenvector or
a singular vector where the values are equal to rounding, of a QR factorization without full rank.
"""

from __future__ import annotations

import math
import operator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import dtype_of, shape_of
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.engine.numpy_api import matrix_functions, products, shaping
from tinygrad_hw.engine.numpy_api.joining import concatenate
from tinygrad_hw.engine.numpy_api.norms import matrix_norm, norm, svdvals, vector_norm
from tinygrad_hw.engine.numpy_api.shaping import as_arrays, expand_dims, moveaxis, ravel, swapaxes


class EighResult(NamedTuple):
    """Eigenvalues in ascending order, and the eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


class QRResult(NamedTuple):
    """The factors of a QR factorization."""

    Q: Any
    R: Any


class SlogdetResult(NamedTuple):
    """Sign of a determinant, and the logarithm of its absolute value."""

    sign: Any
    logabsdet: Any


class SVDResult(NamedTuple):
    """Left singular vectors as columns, singular values, right singular vectors as rows."""

    U: Any
    S: Any
    Vh: Any


# --- Inverses and equations -----------------------------------------------------------------------


def inv(a: Any) -> Any:
    """Return the inverse of each matrix."""
    return matrix_functions.inv(a)


def solve(a: Any, b: Any) -> Any:
    """Return the solution x of a @ x = b; b is a vector if it has one dimension, else matrices."""
    a, b = as_arrays(a, b)
    if b.ndim == 1:
        return solve(a, expand_dims(b, -1))[..., 0]
    return matrix_functions.solve(*_of_one_batch(a, b))


def _of_one_batch(a: Any, b: Any) -> list[Any]:
    """Return two batches of matrices, broadcast to one."""
    batch = np.broadcast_shapes(shape_of(a)[:-2], shape_of(b)[:-2])
    return [
        x if shape_of(x)[:-2] == batch else ops.broadcast_to(x, (*batch, *shape_of(x)[-2:]))
        for x in (a, b)
    ]


def tensorinv(a: Any, ind: int = 2) -> Any:
    """Return the inverse of a tensor as a map from its last dimensions to its first ``ind``."""
    if ind <= 0:
        raise ValueError(f"ind is {ind}; give the number of the first dimensions, 1 or more")
    first, last = shape_of(a)[:ind], shape_of(a)[ind:]
    return ops.reshape(inv(ops.reshape(a, (math.prod(last), -1))), (*last, *first))


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """Return the tensor x for which a, summed with x over x's dimensions, is b."""
    a, b = as_arrays(a, b)
    if axes is not None:
        a = moveaxis(a, axes, range(a.ndim - len(axes), a.ndim))
    rows, shape = shape_of(a)[: b.ndim], shape_of(a)[b.ndim :]
    matrix = ops.reshape(a, (math.prod(rows), math.prod(shape)))
    return ops.reshape(solve(matrix, ravel(b)), shape)


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = 1e-15) -> Any:
    """Return the Moore-Penrose pseudoinverse of each matrix.

    Its derivative is the one along matrices of the same rank (Golub and Pereyra, 1973). In other
    directions a matrix without full rank has none: its pseudoinverse jumps.

    Raises
    ------
    ValueError
        If ``rcond`` drops singular values that are not 0 to rounding.
    """
    a = _mirrored(a) if hermitian else a
    rounding = np.finfo(dtype_of(raw(a))).eps
    if rcond is None:
        rcond = max(shape_of(a)[-2:]) * rounding if rtol is None else rtol
    if np.any(np.greater(rcond, rounding**0.5)):
        values = np.linalg.svdvals(raw(a))
        small = values <= np.expand_dims(rcond, -1) * values[..., :1]
        if np.any(small & (values > rounding**0.5 * values[..., :1])):
            raise ValueError(
                f"rcond={rcond!r} drops singular values that are not 0, which is not "
                "differentiated here; give a smaller one, or take what you want from svd"
            )
    return matrix_functions.pinv(a, rcond)


def _mirrored(a: Any) -> Any:
    """Return the symmetric matrix that NumPy sees where it reads the lower triangle."""
    return ops.tril(a) + ops.tril(a, -1).mT


def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, int, Any]:
    """Return x that minimizes ‖b - a x‖, sums of squares, rank and singular values.

    Raises
    ------
    ValueError
        If ``a`` has not full rank.
    """
    a, b = as_arrays(a, b)
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise np.linalg.LinAlgError(
            f"lstsq is for one matrix and vectors, got {a.ndim} and {b.ndim} dimensions"
        )
    (m, n), values = shape_of(a), svdvals(a)
    if rcond is None:
        rcond = max(m, n) * np.finfo(dtype_of(raw(a))).eps
    if np.any(raw(values) <= rcond * raw(values)[:1]):
        raise ValueError(
            "lstsq is differentiated for a matrix of full rank; pinv(a) @ b is for others, "
            "with the derivative along matrices of the same rank"
        )
    x = ops.matmul(matrix_functions.pinv(a, rcond), b)
    residuals = ops.sum(ops.square(b - ops.matmul(a, x)), 0, keepdims=b.ndim == 1)
    return x, residuals if m > n else residuals[:0], min(m, n), values


def matrix_power(a: Any, n: Any) -> Any:
    """Return the n-th power of each matrix; that of its inverse for a negative n."""
    n = operator.index(n)
    np.linalg.matrix_power(np.broadcast_to(0.0, shape_of(a)), 1)  # raises if it is not square
    if n < 0:
        return matrix_power(inv(a), -n)
    if n == 0:
        return ops.where(False, a, np.eye(shape_of(a)[-1], dtype=dtype_of(raw(a))))
    if n == 1:
        return a
    half = matrix_power(a, n // 2)
    square = ops.matmul(half, half)
    return ops.matmul(square, a) if n % 2 else square


def cond(x: Any, p: Any = None) -> Any:
    """Return the condition number of each matrix: the norm of x times that of its inverse."""
    if p in (None, 2, -2):
        values = svdvals(x)
        largest, smallest = values[..., 0], values[..., -1]
        return ops.div(smallest, largest) if p == -2 else ops.div(largest, smallest)
    return ops.mul(matrix_norm(x, ord=p), matrix_norm(inv(x), ord=p))


# --- Determinants and factorizations --------------------------------------------------------------


def det(a: Any) -> Any:
    """Return the determinant of each matrix, whose derivative is right at singular ones too."""
    return matrix_functions.det(a)


def slogdet(a: Any) -> SlogdetResult:
    """Return sign and logarithm of each determinant; the derivative of the sign is 0."""
    both = matrix_functions.slogdet(a)
    return SlogdetResult(both[..., 0], both[..., 1])


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """Return L with L @ L.mT = a, or U with U.mT @ U = a, reading one triangle of a."""
    if upper:
        return swapaxes(matrix_functions.cholesky(swapaxes(a, -2, -1)), -2, -1)
    return matrix_functions.cholesky(a)


def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Return eigenvalues and eigenvectors of symmetric matrices, reading one triangle.

    The derivative of a vector exists where its value is a single one; else it is inf or nan.
    """
    both = matrix_functions.eigh(a, UPLO.upper())
    return EighResult(both[..., 0, :], both[..., 1:, :])


def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """Return the eigenvalues of symmetric matrices in ascending order, reading one triangle."""
    return eigh(a, UPLO).eigenvalues


def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """Return the singular value decomposition U, S, Vh, or S alone.

    The derivative of a vector exists where its value is a single one; else it is inf or nan.

    Raises
    ------
    ValueError
        If ``full_matrices`` asks for more vectors than there are singular values.
    """
    if hermitian:
        return _hermitian_svd(a, compute_uv)
    if not compute_uv:
        return svdvals(a)
    m, n = shape_of(a)[-2:]
    if full_matrices and m != n:
        raise ValueError(
            f"of a matrix of shape {(m, n)} only {min(m, n)} vectors on each side are "
            "differentiated, since any basis of the others would do; give full_matrices=False"
        )
    both = matrix_functions.svd(a)
    left, right = both[..., 1 : m + 1, :], both[..., m + 1 :, :]
    return SVDResult(left, ops.abs(both[..., 0, :]), swapaxes(right, -2, -1))


def _hermitian_svd(a: Any, compute_uv: bool) -> Any:
    values, vectors = eigh(a)
    order = np.argsort(np.abs(raw(values)), -1)[..., ::-1]
    values = ops.take_along_axis(values, order, -1)
    sizes = ops.abs(values)
    if not compute_uv:
        return sizes
    left = ops.take_along_axis(vectors, order[..., None, :], -1)
    return SVDResult(left, sizes, swapaxes(left * np.sign(raw(values))[..., None, :], -2, -1))


def qr(a: Any, mode: str = "reduced") -> Any:
    """Return Q and R of a matrix of full rank, or R alone for the mode ``"r"``.

    Raises
    ------
    ValueError
        For another mode, and for ``"complete"`` where Q would have more columns than a.
    """
    m, n = shape_of(a)[-2:]
    if mode not in ("reduced", "r", "complete"):
        raise ValueError(f"qr with mode={mode!r} is not differentiated here; 'reduced' and 'r' are")
    if mode == "complete" and m > n:
        raise ValueError(
            f"of a matrix of shape {(m, n)} only {n} columns of Q are differentiated, since any "
            "basis of the others would do; give mode='reduced'"
        )
    both = matrix_functions.qr(a[..., :m])
    q, r = both[..., :m, :], both[..., m:, :]
    if m < n:
        r = concatenate([r, ops.matmul(swapaxes(q, -2, -1), a[..., m:])], -1)
    return r if mode == "r" else QRResult(q, r)


# --- Products -------------------------------------------------------------------------------------


def multi_dot(arrays: Any) -> Any:
    """Return the product of several matrices, in the order of the fewest multiplications.

    The first may be a vector, a row, and the last one too, a column.
    """
    factors = as_arrays(*arrays)
    if len(factors) < 2:
        raise ValueError(f"multi_dot needs two arrays or more, got {len(factors)}")
    rows = [shape_of(x)[0] if x.ndim > 1 else 1 for x in factors]
    lengths = [*rows[:1], *[shape_of(x)[0] for x in factors[1:]]]
    lengths.append(shape_of(factors[-1])[1] if factors[-1].ndim > 1 else 1)

    @cache
    def cheapest(i: int, j: int) -> tuple[int, int]:
        """Return the number of multiplications for factors i to j, and where the last one is."""
        return min(
            [
                (
                    cheapest(i, k)[0]
                    + cheapest(k + 1, j)[0]
                    + lengths[i] * lengths[k + 1] * lengths[j + 1],
                    k,
                )
                for k in range(i, j)
            ],
            default=(0, i),
        )

    def product(i: int, j: int) -> Any:
        if i == j:
            return factors[i]
        k = cheapest(i, j)[1]
        return ops.matmul(product(i, k), product(k + 1, j))

    return product(0, len(factors) - 1)


def matmul(x1: Any, x2: Any, /) -> Any:
    """Return the product of matrices, or of a matrix and a vector."""
    return ops.matmul(x1, x2)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Return the sums of products along an axis."""
    return products.vecdot(x1, x2, axis)


def outer(x1: Any, x2: Any, /) -> Any:
    """Return the product of every element of one vector with every element of another."""
    x1, x2 = as_arrays(x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"outer needs two vectors, got {x1.ndim} and {x2.ndim} dimensions")
    return products.outer(x1, x2)


def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """Return sums of products over axes: the last n of x1 with the first n of x2, or two lists."""
    return products.tensordot(x1, x2, axes)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Return the vectors perpendicular to those of x1 and x2, which have three elements."""
    return products.cross(x1, x2, axis=axis)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """Return the sum of a diagonal of each matrix."""
    return shaping.trace(x, offset, -2, -1, dtype)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """Return a diagonal of each matrix."""
    return ops.diagonal(x, offset, -2, -1)


NUMPY: dict[Any, Any] = {
    getattr(np.linalg, function.__name__): function
    for function in (
        cholesky, cond, cross, det, diagonal, eigh, eigvalsh, inv, lstsq, matmul, matrix_norm,
        matrix_power, multi_dot, norm, outer, pinv, qr, shaping.matrix_transpose, slogdet, solve,
        svd, svdvals, tensordot, tensorinv, tensorsolve, trace, vecdot, vector_norm,
    )
}  # fmt: skip
