"""Matrix functions: inverses, determinants and factorizations, each with its derivative.

All work on batches: the last two dimensions are the matrix. A factorization of several factors is
one record whose result has them all in one array, from which ``linalg`` takes them out: so they
share one computation and one rule.

The formulas are in Giles, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation" (2008), unless a function names another source.
"""

from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import Array, dtype_of, shape_of
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.core.operation import Pointwise
from tinygrad_hw.engine.linearized import NO_SLOPE, Linearized
from tinygrad_hw.engine.numpy_api.joining import concatenate

# --- Inverses -------------------------------------------------------------------------------------


def _solve_back_matrix(upstream: Any, out: Any, x: Any, y: Any) -> Any:
    return -solve(x.mT, upstream) @ out.mT


def _solve_back_right_side(upstream: Any, out: Any, x: Any, y: Any) -> Any:
    return solve(x.mT, upstream)


def _pinv_back(upstream: Any, out: Any, x: Any, **options: Any) -> Any:
    """Return the transpose of Golub and Pereyra's derivative (1973), for a rank that stays.

    dX = -X dA X + X Xᵀ dAᵀ (I - A X) + (I - X A) dAᵀ Xᵀ X, for the pseudoinverse X of A.
    """
    turned, back = upstream.mT, -out.mT @ upstream @ out.mT
    back = back + (turned - x @ (out @ turned)) @ out @ out.mT
    return back + out.mT @ out @ (turned - (turned @ out) @ x)


inv = Linearized("inv", np.linalg.inv, "-out.mT @ upstream @ out.mT", symbol="⁻¹")
solve = Linearized(
    "solve",
    np.linalg.solve,
    _solve_back_matrix,
    _solve_back_right_side,
    shown=("-solve(x.mT, upstream) @ out.mT", "solve(x.mT, upstream)"),
)
pinv = Linearized(
    "pinv",
    np.linalg.pinv,
    _pinv_back,
    symbol="⁺",
    defaults={"rcond": None, "hermitian": False},
)

# --- Determinants ---------------------------------------------------------------------------------


def _det_back(upstream: Any, out: Any, x: Any) -> Any:
    return _as_matrix(upstream) * cofactors(x)


def _slogdet_back(upstream: Any, out: Any, x: Any) -> Any:
    return _as_matrix(upstream[..., 1]) * inv(x).mT


def _sign_and_logdet(x: Any) -> Array:
    return np.stack(np.linalg.slogdet(x), -1)


def _as_matrix(x: Any) -> Any:
    """Return one number for each matrix of a batch as a matrix of one element."""
    return ops.reshape(x, (*shape_of(x), 1, 1))


def cofactors(x: Any) -> Any:
    """Return det(x) · x⁻ᵀ as it is for a singular x too: the transpose of the adjugate.

    Where x is singular, or nearly, it is bordered with r singular vectors on either side, so that
    M = [[x, u], [vᵀ, 0]] is not. Then det(x) = det(M) · det(c), where c is the last r × r block of
    M⁻¹ = [[a, q], [p, c]] (Jacobi), and its derivative by x is
    det(M) · (det(c) aᵀ - pᵀ C qᵀ) with the cofactors C of c. All of that is smooth in x.
    """
    n = shape_of(x)[-1]
    left, right = _borders(raw(x))
    r = shape_of(right)[-2]
    if r == 0:
        return _as_matrix(det(x)) * inv(x).mT
    corner = np.zeros((*shape_of(right)[:-1], r), dtype_of(raw(x)))
    bordered = concatenate(
        [concatenate([x, left], axis=-1), concatenate([right, corner], axis=-1)], axis=-2
    )
    inverse = inv(bordered)
    a, q = inverse[..., :n, :n], inverse[..., :n, n:]
    p, c = inverse[..., n:, :n], inverse[..., n:, n:]
    return _as_matrix(det(bordered)) * (_as_matrix(_expand(c)) * a.mT - p.mT @ _minors(c) @ q.mT)


def _borders(x: Any) -> tuple[Any, Any]:
    """Return the singular vectors of small singular values, times the largest: left, right."""
    n, kind = shape_of(x)[-1], dtype_of(x)
    limit = np.finfo(kind).eps ** (1 / 3)
    if not np.size(x) or not np.any(limit * np.linalg.cond(x, 1) >= 1):
        return np.zeros((*shape_of(x)[:-1], 0), kind), np.zeros((*shape_of(x)[:-2], 0, n), kind)
    factors = svd(np.where(np.isfinite(x), x, 0))
    values, r = factors[..., 0, :], 1
    while r < n and np.any(values[..., n - 1 - r] <= limit * values[..., 0]):
        r += 1
    scale = np.where(values[..., :1, None] == 0, 1, values[..., :1, None])
    left, right = factors[..., 1 : n + 1, n - r :], factors[..., n + 1 :, n - r :]
    return left * scale, right.mT * scale


def _expand(x: Any) -> Any:
    """Return the determinant of a small matrix as a polynomial, which stays smooth at 0."""
    n = shape_of(x)[-1]
    if n == 1:
        return x[..., 0, 0]
    return det(x) if n > 4 else ops.sum(x[..., 0, :] * _minors(x)[..., 0, :], -1)


def _minors(x: Any) -> Any:
    """Return the cofactors of a small matrix by their definition, with a determinant for each."""
    n, kind = shape_of(x)[-1], dtype_of(raw(x))
    if n == 1:
        return np.ones(shape_of(x), kind)
    others = np.array([[j for j in range(n) if j != i] for i in range(n)])
    without = x[..., others[:, None, :, None], others[None, :, None, :]]
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return signs.astype(kind) * _expand(without)


det = Linearized("det", np.linalg.det, _det_back, shown="upstream * out * inv(x).mT")
slogdet = Linearized("slogdet", _sign_and_logdet, _slogdet_back, shown="upstream[1] * inv(x).mT")

# --- Factorizations -------------------------------------------------------------------------------


def _resolved(x: Any, values: Any) -> Any:
    """Return what was computed from values, with 0 where it is no more than their rounding."""
    numbers = np.abs(raw(values))
    rounding = shape_of(values)[-1] * np.finfo(dtype_of(numbers)).eps
    limit = rounding * np.max(numbers, axis=-1, initial=0.0, keepdims=True)
    limit = np.reshape(limit, (*shape_of(limit)[:-1], *[1] * (1 + x.ndim - values.ndim)))
    return ops.where(np.abs(raw(x)) <= limit, 0.0, x)


def _quotient(x: Any, y: Any) -> Any:
    """Return x / y, but 0 where x is 0: nothing arrives there, though two values be equal."""
    nothing = x == 0
    return np.where(nothing, 0.0, x / np.where(nothing, 1.0, y))


def _over_gaps(x: Any, gaps: Any) -> Any:
    """Return an antisymmetric matrix over gaps, whose diagonal of 0 does not count."""
    return quotient(x, ops.where(np.eye(shape_of(gaps)[-1], dtype=bool), 1.0, gaps))


def _diagonal_and_others(diagonal: Any, others: Any) -> Any:
    """Return matrices with one diagonal and other elements elsewhere."""
    on = np.eye(shape_of(diagonal)[-1], dtype=bool)
    return ops.where(on, diagonal[..., None, :], others)


def _cholesky_back(upstream: Any, out: Any, x: Any) -> Any:
    """Return L⁻ᵀ Φ(Lᵀ upstream) L⁻¹, where Φ halves the diagonal of the lower triangle."""
    inner = ops.tril(out.mT @ upstream)
    half = ops.tril(inner, -1) + ops.triu(inner) / 2
    inverse = inv(out)
    return _onto_triangle(inverse.mT @ half @ inverse, "L")


def _onto_triangle(back: Any, triangle: str) -> Any:
    """Return the gradient by the triangle that NumPy reads: it stands for both."""
    if triangle == "L":
        return ops.tril(back) + ops.triu(back, 1).mT
    return ops.triu(back) + ops.tril(back, -1).mT


def _eigh(x: Any, UPLO: Any) -> Array:
    values, vectors = np.linalg.eigh(x, UPLO)
    return np.concatenate([values[..., None, :], vectors], -2)


def _eigh_back(upstream: Any, out: Any, x: Any, UPLO: str) -> Any:
    """Return V (diag(λ̄) + F ∘ (Vᵀ V̄)) Vᵀ, where F is 1 / (λj - λi) off the diagonal.

    Of Vᵀ V̄ only the antisymmetric part counts, for x is symmetric.
    """
    values, vectors = out[..., 0, :], out[..., 1:, :]
    turned = vectors.mT @ upstream[..., 1:, :]
    gaps = values[..., None, :] - values[..., :, None]
    others = _over_gaps((turned - turned.mT) / 2, _resolved(gaps, values))
    inner = _diagonal_and_others(upstream[..., 0, :], others)
    return _onto_triangle(vectors @ inner @ vectors.mT, UPLO)


def _svd(x: Any) -> Array:
    left, values, right = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([values[..., None, :], left, np.swapaxes(right, -2, -1)], -2)


def _svd_back(upstream: Any, out: Any, x: Any) -> Any:
    """Return the formula of Townsend, "Differentiating the singular value decomposition" (2016).

    U (A / (sj - si) + B / (sj + si) + diag(s̄)) Vᵀ with zeros on the diagonals of A and B, where
    2A = Uᵀ Ū - Ūᵀ U + Vᵀ V̄ - V̄ᵀ V and 2B = Uᵀ Ū - Ūᵀ U - Vᵀ V̄ + V̄ᵀ V; and for the part of U (or
    V) outside of x's columns (rows) (I - U Uᵀ) Ū S⁻¹ Vᵀ. It is that of a value which may pass
    through 0 and change its sign; the singular value is its size.
    """
    m, n = shape_of(x)[-2:]
    values, left, right = out[..., 0, :], out[..., 1 : m + 1, :], out[..., m + 1 :, :]
    of_left, of_right = upstream[..., 1 : m + 1, :], upstream[..., m + 1 :, :]
    turned_left, turned_right = left.mT @ of_left, right.mT @ of_right
    turns_left, turns_right = turned_left - turned_left.mT, turned_right - turned_right.mT
    column, row = values[..., :, None], values[..., None, :]
    others = _over_gaps((turns_left + turns_right) / 2, _resolved(row - column, values))
    others = others + _over_gaps((turns_left - turns_right) / 2, _resolved(row + column, values))
    back = left @ _diagonal_and_others(upstream[..., 0, :], others) @ right.mT
    if m > n:
        outside = of_left - left @ turned_left
        back = back + quotient(outside, _resolved(values, values)[..., None, :]) @ right.mT
    if m < n:
        outside = of_right - right @ turned_right
        back = back + left @ quotient(outside, _resolved(values, values)[..., None, :]).mT
    return back + _rough_at_several_zeros(x, raw(values)) if isinstance(x, Node) else back


def _rough_at_several_zeros(x: Any, values: Any) -> Any:
    """Return 0 with a slope of nan where vectors of zeros are any basis of a plane or more."""
    m, n = shape_of(x)[-2:]
    several = np.sum(values == 0, -1) > (m == n)
    rough = ops.sum(NO_SLOPE(x), (-2, -1), True)
    return ops.where(several[..., None, None], rough, 0.0)


def _qr(x: Any) -> Array:
    return np.concatenate(np.linalg.qr(x), -2)


def _qr_back(upstream: Any, out: Any, x: Any) -> Any:
    """Return (Q̄ + Q copyltu(R R̄ᵀ - Q̄ᵀ Q)) R⁻ᵀ, where copyltu mirrors the lower triangle.

    Walter and Lehmann, "Algorithmic differentiation of linear algebra functions" (2018). For full
    column rank; nan where R is singular to rounding.
    """
    m = shape_of(x)[-2]
    q, r = out[..., :m, :], out[..., m:, :]
    of_q, of_r = upstream[..., :m, :], upstream[..., m:, :]
    inner = r @ of_r.mT - of_q.mT @ q
    inner = ops.tril(inner) + ops.tril(inner, -1).mT
    sizes = np.abs(np.diagonal(raw(r), axis1=-2, axis2=-1))
    rounding = m * np.finfo(dtype_of(raw(r))).eps
    least, largest = np.min(sizes, -1, initial=np.inf), np.max(sizes, -1, initial=0.0)
    singular = (least <= rounding * largest)[..., None, None]
    return solve(ops.where(singular, np.nan, r), (of_q + q @ inner).mT).mT


quotient = Pointwise("quotient", _quotient, "1 / y", "-out / y", symbol="÷")
cholesky = Linearized("cholesky", np.linalg.cholesky, _cholesky_back)
eigh = Linearized("eigh", _eigh, _eigh_back, defaults={"UPLO": "L"})
svd = Linearized("svd", _svd, _svd_back)
qr = Linearized("qr", _qr, _qr_back)
