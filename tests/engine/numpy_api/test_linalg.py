"""``np.linalg`` of Values: NumPy's numbers, and derivatives of any order.

A case is a line of Python over ``np`` and the operands ``x, y, z, w``. It runs on arrays and on
Values, so NumPy itself says what the numbers should be. Derivatives are held to central
differences of the same function, to closed forms, to exact fractions and to HIPS autograd.
"""

import copy
import itertools
import math
import pickle
import re
from dataclasses import dataclass
from zlib import crc32

import autograd
import autograd.numpy as anp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw import capture
from tinygrad_hw.engine import Value, grad, gradcheck, hessian, hvp, jvp, numpy_api, value_and_grad
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.numpy_api import matrix_functions

# --- The cases ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One call: its text, the shapes of its operands, whether they are positive definite."""

    text: str
    shapes: tuple[tuple[int, ...], ...]
    positive: bool = False

    def __str__(self):
        return f"{self.text}-{self.shapes}".replace(" ", "")

    def __call__(self, *operands):
        return eval(
            self.text, {"np": np, **dict(zip("xyzw"[: len(operands)], operands, strict=True))}
        )

    def points(self, dtype=np.float64):
        """The same random numbers each time, with singular values well apart."""
        random = np.random.default_rng(crc32(str(self).encode()))
        points = [random.normal(size=shape) for shape in self.shapes]
        if self.positive:
            points = [x @ np.swapaxes(x, -2, -1) + np.eye(x.shape[-1]) for x in points]
        return [x.astype(dtype) for x in points]

    def on_values(self, dtype=np.float64):
        return parts(self(*map(Value, self.points(dtype))))

    def part(self, i):
        """One result of several, as a function."""
        return lambda *operands: parts(self(*operands))[i]


def parts(result):
    return list(result) if isinstance(result, tuple | list) else [result]


def numbers(x):
    return x.data if isinstance(x, Value) else x


def of(text, *shapes):
    """Cases of one operand."""
    return [Case(text, (shape,)) for shape in shapes]


def positive(text, *shapes):
    return [Case(text, (shape,), positive=True) for shape in shapes]


def many(text, *shapes):
    return [Case(text, given) for given in shapes]


ORDERS = ("None", "'fro'", "'nuc'", "1", "-1", "2", "-2", "np.inf", "-np.inf")
CASES = [
    *of("np.linalg.inv(x)", (3, 3), (2, 3, 3), (1, 1), (0, 2, 2), (2, 0, 0)),
    *many("np.linalg.solve(x, y)", ((3, 3), (3,)), ((2, 3, 3), (3,)), ((3, 3), (2, 3, 2))),
    *many("np.linalg.solve(x, y)", ((2, 1, 3, 3), (4, 3, 2)), ((2, 2), (2, 0)), ((0, 0), (0,))),
    *of("np.linalg.solve(x, np.eye(3)[:, :2])", (3, 3)),
    *of("np.linalg.solve([[2.0, 1.0], [1.0, 3.0]], x)", (2,), (2, 3)),
    *of("np.linalg.pinv(x)", (3, 2), (2, 2, 3), (2, 2)),
    *of("np.linalg.pinv(x, rtol=None)", (3, 2)),
    *of("np.linalg.pinv(x, 1e-12)", (3, 2)),
    *positive("np.linalg.pinv(x, hermitian=True)", (3, 3)),
    *many("np.linalg.lstsq(x, y)", ((4, 2), (4,)), ((4, 2), (4, 3)), ((2, 3), (2,))),
    *many("np.linalg.lstsq(x, y, rcond=1e-10)", ((2, 2), (2, 1))),
    *of("np.linalg.tensorinv(x)", (2, 2, 2, 2)),
    *of("np.linalg.tensorinv(x, ind=1)", (4, 2, 2)),
    *many("np.linalg.tensorsolve(x, y)", ((2, 3, 6), (2, 3))),
    *many("np.linalg.tensorsolve(x, y, axes=(0, 2))", ((2, 4, 2), (4,))),
    *of("np.linalg.det(x)", (3, 3), (2, 2, 2), (1, 1), (0, 0), (0, 3, 3)),
    *of("np.linalg.slogdet(x)", (3, 3), (2, 3, 3)),
    *of("np.linalg.matrix_power(x, 0)", (3, 3)),
    *of("np.linalg.matrix_power(x, 1)", (2, 2)),
    *of("np.linalg.matrix_power(x, 5)", (2, 2, 2)),
    *positive("np.linalg.matrix_power(x, -3)", (2, 2)),
    *positive("np.linalg.cholesky(x)", (3, 3), (2, 2, 2), (1, 1)),
    *positive("np.linalg.cholesky(x, upper=True)", (2, 3, 3)),
    *of("np.linalg.eigh(x)", (3, 3), (2, 3, 3), (1, 1)),
    *of("np.linalg.eigh(x, 'U')", (3, 3)),
    *of("np.linalg.eigvalsh(x)", (3, 3), (2, 2, 2)),
    *of("np.linalg.eigvalsh(x, UPLO='u')", (3, 3)),
    *of("np.linalg.svd(x)", (3, 3)),
    *of("np.linalg.svd(x, False)", (4, 3)),
    *of("np.linalg.svd(x, full_matrices=False)", (2, 2, 3), (1, 2)),
    *of("np.linalg.svd(x, compute_uv=False)", (2, 3)),
    *of("np.linalg.svd(x, hermitian=True)", (3, 3)),
    *of("np.linalg.svd(x, compute_uv=False, hermitian=True)", (2, 3, 3)),
    *of("np.linalg.svdvals(x)", (2, 3, 2)),
    *of("np.linalg.qr(x)", (3, 3), (4, 2), (2, 2, 3), (2, 4, 3)),
    *of("np.linalg.qr(x, 'r')", (4, 3)),
    *of("np.linalg.qr(x, mode='complete')", (2, 3)),
    *[case for order in ORDERS for case in of(f"np.linalg.norm(x, {order})", (3, 2))],
    *[case for order in ORDERS for case in of(f"np.linalg.norm(x, {order}, (0, 2))", (3, 2, 2))],
    *[
        case
        for order in ORDERS
        for case in of(f"np.linalg.norm(x, {order}, (-1, 0), keepdims=True)", (2, 2, 3))
    ],
    *of("np.linalg.matrix_norm(x)", (2, 3, 2)),
    *of("np.linalg.matrix_norm(x, keepdims=True, ord='nuc')", (2, 3, 2)),
    *of("np.linalg.vector_norm(x)", (4,), (2, 3)),
    *of("np.linalg.vector_norm(x, axis=1, ord=3)", (2, 3)),
    *of("np.linalg.vector_norm(x, ord=1)", (2, 3)),
    *of("np.linalg.vector_norm(x, axis=(0, 2), ord=np.inf, keepdims=True)", (2, 3, 2)),
    *[case for p in ("None", "2", "-2") for case in of(f"np.linalg.cond(x, {p})", (3, 2))],
    *[case for p in ("1", "'fro'", "np.inf") for case in of(f"np.linalg.cond(x, {p})", (2, 2, 2))],
    *many("np.linalg.multi_dot([x, y])", ((2, 3), (3, 2))),
    *many("np.linalg.multi_dot([x, y, z])", ((2,), (2, 5), (5,))),
    *many("np.linalg.multi_dot([x, y, z, w])", ((2, 4), (4, 3), (3, 1), (1, 4))),
    *many("np.linalg.matmul(x, y)", ((2, 3), (3,))),
    *many("np.linalg.vecdot(x, y)", ((2, 3), (3,)), ((3,), (3,))),
    *many("np.linalg.vecdot(x, y, axis=0)", ((3, 2), (3, 2))),
    *many("np.linalg.outer(x, y)", ((3,), (2,))),
    *many("np.linalg.cross(x, y)", ((3,), (3,)), ((2, 3), (3,))),
    *many("np.linalg.cross(x, y, axis=0)", ((3, 2), (3, 2))),
    *many("np.linalg.tensordot(x, y)", ((2, 3, 4), (3, 4))),
    *many("np.linalg.tensordot(x, y, axes=([0], [1]))", ((2, 3), (3, 2))),
    *of("np.linalg.trace(x)", (2, 3, 4)),
    *of("np.linalg.trace(x, offset=1)", (3, 4)),
    *of("np.linalg.diagonal(x, offset=-1)", (2, 3, 4)),
    *of("np.linalg.matrix_transpose(x)", (2, 3, 4)),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_function_has_cases():
    called = {
        getattr(np.linalg, name)
        for case in CASES
        for name in re.findall(r"np\.linalg\.(\w+)\(", case.text)
    }
    assert called == set(numpy_api.linalg.NUMPY)


@every_case
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
def test_results_are_numpys(case, dtype):
    expected, results = parts(case(*case.points(dtype))), case.on_values(dtype)
    close = 1e-12 if dtype is np.float64 else 1e-4
    for result, array in zip(results, expected, strict=True):
        assert np.shape(result) == np.shape(array)
        if isinstance(result, Value):  # and not the rank, an integer
            assert result.dtype == array.dtype
        np.testing.assert_allclose(numbers(result), array, rtol=close, atol=close)


@every_case
def test_gradient_and_second_derivative_are_central_differences(case):
    points = case.points()
    for i, result in enumerate(case.on_values()):
        if isinstance(result, Value) and math.prod(result.shape):
            gradcheck(case.part(i), *points, order=2, tolerance=1e-5)


def test_result_with_several_parts_is_numpys_named_tuple():
    x = np.diag([3.0, 1.0])
    for function in (np.linalg.eigh, np.linalg.svd, np.linalg.qr, np.linalg.slogdet):
        ours, theirs = function(Value(x)), function(x)
        assert type(ours).__name__ == type(theirs).__name__
        assert ours._fields == theirs._fields


def test_the_rank_is_a_question():
    assert np.linalg.matrix_rank(Value(np.ones((3, 3)))) == 1


def test_multi_dot_multiplies_in_the_cheapest_order():
    tall, flat, long = (Value(np.ones(shape)) for shape in ((20, 100), (100, 2), (2, 50)))
    first, second = np.linalg.multi_dot([tall, flat, long]).inputs
    assert (first.shape, second.shape) == ((20, 2), (2, 50))
    first, second = np.linalg.multi_dot([long, Value(np.ones((50, 2))), flat.T]).inputs
    assert (first.shape, second.shape) == ((2, 2), (2, 100))


# --- Against others -------------------------------------------------------------------------------

SHARED = {  # with HIPS autograd: of any square x, and of one that is positive definite
    "inv": lambda m, x, s: m.linalg.inv(x),
    "solve": lambda m, x, s: m.linalg.solve(x, s),
    "solve a vector": lambda m, x, s: m.linalg.solve(s, x[0]),
    "det": lambda m, x, s: m.linalg.det(x),
    "slogdet": lambda m, x, s: m.linalg.slogdet(x)[1],
    "cholesky": lambda m, x, s: m.linalg.cholesky(s),
    "eigenvalues": lambda m, x, s: m.linalg.eigh(s)[0],
    "eigenvectors": lambda m, x, s: m.linalg.eigh(s)[1],
    "upper eigenvectors": lambda m, x, s: m.linalg.eigh(s, "U")[1],
    "U": lambda m, x, s: m.linalg.svd(x, full_matrices=False)[0],
    "Vh": lambda m, x, s: m.linalg.svd(x[:2], full_matrices=False)[2],
    "singular values": lambda m, x, s: m.linalg.svd(x, compute_uv=False),
    "pinv": lambda m, x, s: m.linalg.pinv(x[:, :2]),
    "nuclear norm": lambda m, x, s: m.linalg.norm(x, "nuc"),
    "Frobenius norm": lambda m, x, s: m.linalg.norm(x, "fro"),
}


@pytest.mark.parametrize("name", SHARED)
def test_gradient_and_second_derivative_are_those_of_hips_autograd(name):
    random = np.random.default_rng(crc32(name.encode()))
    x, v = random.normal(size=(2, 3, 3))

    def scalar(m):
        def weighted(x):
            out = SHARED[name](m, x, m.dot(x, x.T) + np.eye(3))
            return m.sum(m.sin(out) * np.cos(np.arange(np.size(out)).reshape(out.shape)))

        return weighted

    value, gradient = value_and_grad(scalar(np))(x)
    expected_value, expected_gradient = autograd.value_and_grad(scalar(anp))(x)
    assert value == pytest.approx(expected_value, rel=1e-12)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-9, atol=1e-11)
    if name != "pinv":  # autograd has no second derivative of it
        expected = autograd.hessian_vector_product(scalar(anp))(x, v)
        np.testing.assert_allclose(hvp(scalar(np), x, v), expected, rtol=1e-8, atol=1e-10)


# Of [[a, 0], [b, c]], whose upper triangle is not read, or of [[a, b], [c, d]].
CLOSED_FORMS = {
    "lower left of L": (
        lambda x: np.linalg.cholesky(x)[1, 0],
        lambda a, b, c: b / mpmath.sqrt(a),
    ),
    "lower right of L": (
        lambda x: np.linalg.cholesky(x)[1, 1],
        lambda a, b, c: mpmath.sqrt(c - b**2 / a),
    ),
    "largest eigenvalue": (
        lambda x: np.linalg.eigvalsh(x)[1],
        lambda a, b, c: (a + c) / 2 + mpmath.hypot((a - c) / 2, b),
    ),
    "angle of an eigenvector": (
        lambda x: np.arctan(np.linalg.eigh(x)[1][1, 1] / np.linalg.eigh(x)[1][0, 1]),
        lambda a, b, c: mpmath.atan2(2 * b, a - c) / 2,
    ),
    "nuclear norm": (
        lambda x: np.linalg.norm(x, "nuc"),
        lambda a, b, c, d: mpmath.sqrt(a**2 + b**2 + c**2 + d**2 + 2 * abs(a * d - b * c)),
    ),
    "length of a column": (
        lambda x: np.linalg.qr(x)[1][0, 0] ** 2,
        lambda a, b, c, d: a**2 + c**2,
    ),
    "condition": (
        lambda x: np.linalg.cond(x, "fro"),
        lambda a, b, c, d: (a**2 + b**2 + c**2 + d**2) / abs(a * d - b * c),
    ),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_first_and_second_derivatives_of_closed_forms(name):
    function, closed = CLOSED_FORMS[name]
    if closed.__code__.co_argcount == 3:
        point, places = np.array([[2.0, 0.0], [0.7, 1.5]]), [(0, 0), (1, 0), (1, 1)]
    else:
        point, places = np.array([[2.0, 0.4], [0.7, 1.5]]), [(0, 0), (0, 1), (1, 0), (1, 1)]
    at = [point[place] for place in places]
    slopes, curvatures = grad(function)(point), hessian(function)(point)
    for i, place in enumerate(places):
        for j, other in enumerate(places):
            orders = [int(k == i) + int(k == j) for k in range(len(at))]
            second = float(mpmath.diff(closed, at, orders))
            assert curvatures[place + other] == pytest.approx(second, rel=1e-9, abs=1e-9)
        first = float(mpmath.diff(closed, at, [int(k == i) for k in range(len(at))]))
        assert slopes[place] == pytest.approx(first, rel=1e-12, abs=1e-12)


# --- Laws -----------------------------------------------------------------------------------------


def _of_svd(x):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return (u * s[..., None, :]) @ vh


def _of_eigh(x):
    values, vectors = np.linalg.eigh(x)
    return (vectors * values[..., None, :]) @ np.linalg.matrix_transpose(vectors)


def _of_cholesky(x):
    lower = np.linalg.cholesky(x)
    return lower @ np.linalg.matrix_transpose(lower)


def _of_slogdet(x):
    sign, logarithm = np.linalg.slogdet(x)
    return x * (sign * np.exp(logarithm) / np.linalg.det(x))[..., None, None]


IDENTITIES = {  # what is taken apart and put together again is x itself
    "inv": lambda x: np.linalg.inv(np.linalg.inv(x)),
    "solve": lambda x: np.linalg.solve(np.linalg.solve(x, x @ x), x @ x),
    "pinv": lambda x: np.linalg.pinv(np.linalg.pinv(x)),
    "matrix_power": lambda x: np.linalg.matrix_power(x, -2) @ np.linalg.matrix_power(x, 3),
    "slogdet": _of_slogdet,
    "qr": lambda x: np.matmul(*np.linalg.qr(x)),
    "svd": _of_svd,
    "eigh": _of_eigh,
    "cholesky": _of_cholesky,
}
SQUARE_ONLY = {"inv", "solve", "matrix_power", "slogdet", "eigh", "cholesky"}


@pytest.mark.parametrize("name", IDENTITIES)
@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(
    seed=st.integers(0, 999), shape=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    batch=st.sampled_from([(), (2,), (2, 1)]),
)  # fmt: skip
def test_derivatives_of_an_identity_are_one_and_zero(name, seed, shape, batch):
    random = np.random.default_rng([seed, *shape])
    m, n = (shape[0], shape[0]) if name in SQUARE_ONLY else shape
    left, right = (np.linalg.qr(random.normal(size=(*batch, k, k)))[0] for k in (m, n))
    k = min(m, n)
    x = (left[..., :k] * (1 + 0.3 * np.arange(k))) @ np.swapaxes(right[..., :k], -2, -1)
    triangle = name in ("eigh", "cholesky")
    if triangle:
        x = (left * (1 + 0.3 * np.arange(k))) @ np.swapaxes(left, -2, -1)
    weights, direction = random.normal(size=(2, *x.shape))
    expected = weights
    if triangle:  # the elements of the lower one stand for those of the other one, too
        expected = np.tril(weights) + np.tril(np.swapaxes(weights, -2, -1), -1)

    def weighted(x):
        return np.sum(weights * IDENTITIES[name](x))

    np.testing.assert_allclose(IDENTITIES[name](x), x, atol=1e-12)
    np.testing.assert_allclose(grad(weighted)(x), expected, atol=1e-10)
    np.testing.assert_allclose(hvp(weighted, x, direction), np.zeros(x.shape), atol=1e-8)
    moved = jvp(weighted, x, direction)[1]
    assert moved == pytest.approx(np.sum(expected * direction), abs=1e-10)


@pytest.mark.parametrize("name", ["inv", "solve", "det", "slogdet"])
def test_formulas_on_edges_are_what_is_computed(name):
    record = getattr(matrix_functions, name)
    random = np.random.default_rng(6)
    operands = [Value(random.normal(size=(3, 3))) for _ in record.formulas]
    out = record(*operands)
    upstream = random.normal(size=out.shape)[()]
    out.backward(upstream)
    x, y = operands[0].data, operands[-1].data
    known = {"inv": np.linalg.inv, "solve": np.linalg.solve, "x": x, "y": y}
    for operand, formula in zip(operands, record.formulas, strict=True):
        expected = eval(formula, known | {"upstream": upstream, "out": out.data})
        np.testing.assert_allclose(operand.grad, expected, rtol=1e-12)


# --- Determinants at singular matrices ------------------------------------------------------------


def leibniz(rows):
    """The determinant of a list of rows of integers, exactly."""
    if not rows:
        return 1
    first, *others = rows
    return sum(
        (-1) ** j * element * leibniz([row[:j] + row[j + 1 :] for row in others])
        for j, element in enumerate(first)
    )


def determinant_along(x, *directions):
    """The mixed derivative of det along directions: each of them replaces a row, every way."""
    rows = x.astype(int).tolist()
    total = 0
    for places in itertools.permutations(range(len(rows)), len(directions)):
        moved = list(rows)
        for place, direction in zip(places, directions, strict=True):
            moved[place] = direction.astype(int).tolist()[place]
        total += leibniz(moved)
    return total


def of_rank(n, rank, seed=0):
    """A matrix of integers of some rank."""
    random = np.random.default_rng([n, rank, seed])
    while True:
        left, right = random.integers(-2, 3, (2, n, n))
        x = (left[:, :rank] @ right[:rank]).astype(float)
        if np.linalg.matrix_rank(x) == rank:
            return x


@pytest.mark.parametrize(("n", "rank"), [(n, rank) for n in range(1, 5) for rank in range(n + 1)])
def test_determinant_of_any_rank_to_third_order(n, rank):
    x = of_rank(n, rank)
    u, v, w = (of_rank(n, n, seed) for seed in (1, 2, 3))
    first = determinant_along(x, u)
    second = determinant_along(x, u, v)
    third = determinant_along(x, u, v, w)
    det = np.linalg.det
    assert np.sum(grad(det)(x) * u) == pytest.approx(first, rel=1e-10, abs=1e-10)
    assert jvp(det, x, u)[1] == pytest.approx(first, rel=1e-10, abs=1e-10)
    assert np.sum(hvp(det, x, u) * v) == pytest.approx(second, rel=1e-10, abs=1e-10)
    backward_twice = grad(lambda x: np.sum(grad(det)(x) * u))(x)
    assert np.sum(backward_twice * v) == pytest.approx(second, rel=1e-10, abs=1e-10)
    moved = jvp(lambda x: hvp(det, x, u), x, v)[1]
    assert np.sum(moved * w) == pytest.approx(third, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_determinant_to_fourth_order(rank):
    x, directions = of_rank(4, rank), [of_rank(4, 4, seed) for seed in (1, 2, 3, 4)]
    expected = determinant_along(x, *directions)
    u, v, w, z = directions

    def third(x):
        return jvp(lambda x: hvp(np.linalg.det, x, u), x, v)[1]

    assert np.sum(jvp(third, x, w)[1] * z) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_determinants_of_a_batch_may_differ_in_rank():
    batch = np.stack([of_rank(3, rank) for rank in (3, 0, 1, 2)])
    gradients = grad(lambda x: np.sum(np.linalg.det(x)))(batch)
    for x, gradient in zip(batch, gradients, strict=True):
        np.testing.assert_allclose(gradient, grad(np.linalg.det)(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("gap", [1e-3, 1e-8, 1e-14, 1e-200, 0.0])
@pytest.mark.parametrize("scale", [1.0, 1e-90, 1e90])
def test_cofactors_lose_no_digits_near_a_singular_matrix(gap, scale):
    x = np.array([[1.0, 2.0], [2.0, 4.0 + gap]])
    cofactors = scale * np.array([[x[1, 1], -2], [-2, 1]])
    np.testing.assert_allclose(grad(np.linalg.det)(scale * x), cofactors, rtol=1e-13)


def test_cofactors_of_large_singular_matrices():
    random = np.random.default_rng(0)
    q, r = np.linalg.qr(random.normal(size=(40, 40)))[0], np.ones(40)
    r[-1] = 0.0
    x = (q * r) @ q.T
    np.testing.assert_allclose(grad(np.linalg.det)(x), np.outer(q[:, -1], q[:, -1]), atol=1e-13)


@pytest.mark.parametrize("x", [np.full((2, 2), np.nan), [[np.inf, 1.0], [1.0, 1.0]]])
def test_determinant_of_what_is_not_finite_has_no_finite_derivative(x):
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(grad(np.linalg.det)(np.array(x))).any()


# --- Triangles, ties, ranks -----------------------------------------------------------------------


def test_the_derivative_is_by_the_triangle_that_numpy_reads():
    x = np.array([[4.0, np.nan], [1.0, 3.0]])  # what is not read does not matter
    for function in (
        np.linalg.cholesky,
        np.linalg.eigvalsh,
        lambda x: np.linalg.pinv(x, hermitian=True),
        lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True),
    ):
        np.testing.assert_allclose(numbers(function(Value(x))), function(x), rtol=1e-12)
        gradient = grad(lambda x, function=function: np.sum(function(x) ** 3))(x)
        assert gradient[0, 1] == 0.0
        assert np.all(gradient[[0, 1, 1], [0, 0, 1]] != 0.0)
    upper = grad(lambda x: np.sum(np.linalg.cholesky(x, upper=True) ** 3))(x.T)
    lower = grad(lambda x: np.sum(np.linalg.cholesky(x) ** 3))(x)
    np.testing.assert_array_equal(upper, lower.T)


@pytest.mark.parametrize("function", [np.linalg.cholesky, np.linalg.eigvalsh])
def test_through_a_symmetric_matrix_it_is_as_if_both_triangles_were_read(function):
    random = np.random.default_rng(0)
    b = random.normal(size=(3, 3))

    def symmetric(b):
        return b @ b.T + np.eye(3)

    def mirrored(b):
        x = symmetric(b)
        return (x + x.T) / 2

    one, other = (
        grad(lambda b, f=f: np.sum(function(f(b)) ** 3))(b) for f in (symmetric, mirrored)
    )
    np.testing.assert_allclose(one, other, rtol=1e-12)


SYMMETRIC = np.array([[3.0, 1.0], [1.0, 2.0]])


def sum_of(function):
    return lambda x: np.sum(function(x) * np.arange(1.0, 10.0).reshape(3, 3))


def test_equal_eigenvalues_have_derivatives_and_their_vectors_have_none():
    x = np.diag([1.0, 2.0, 2.0])
    np.testing.assert_array_equal(
        grad(lambda x: np.sum(np.linalg.eigvalsh(x) * np.array([1.0, 2.0, 3.0])))(x),
        np.diag([1.0, 2.0, 3.0]),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        assert np.isnan(grad(sum_of(lambda x: np.linalg.eigh(x)[1]))(x)[2, 1])
        moved = jvp(np.linalg.eigh, x, np.ones((3, 3)))[1]
    np.testing.assert_array_equal(moved.eigenvalues, [1.0, 1.0, 1.0])
    assert np.isnan(moved.eigenvectors[:, 1:]).any()


def test_a_vector_of_a_single_eigenvalue_has_a_derivative_beside_equal_ones():
    x, weights = np.diag([1.0, 2.0, 2.0]), np.array([0.0, 1.0, 2.0])
    gradient = grad(lambda x: np.sum(np.linalg.eigh(x)[1][:, 0] * weights))(x)
    np.testing.assert_array_equal(gradient, [[0, 0, 0], [-1, 0, 0], [-2, 0, 0]])
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = jvp(lambda x: np.linalg.eigh(x)[1][:, 0], x, np.arange(9.0).reshape(3, 3))[1]
    np.testing.assert_array_equal(moved, [0.0, -3.0, -6.0])


@pytest.mark.parametrize("name", ["eigh", "svd"])
def test_values_that_only_rounding_tells_apart_count_as_equal(name):
    random = np.random.default_rng(1)
    q = np.linalg.qr(random.normal(size=(3, 3)))[0]
    x = (q * np.array([1.0, 2.0, 2.0])) @ q.T
    vectors = {"eigh": lambda x: np.linalg.eigh(x)[1], "svd": lambda x: np.linalg.svd(x)[0]}[name]
    with np.errstate(divide="ignore", invalid="ignore"):
        assert not np.isfinite(grad(sum_of(vectors))(x)[1, 0])


def test_equal_singular_values_have_derivatives_and_their_vectors_have_none():
    with np.errstate(divide="ignore", invalid="ignore"):
        assert not np.isfinite(grad(sum_of(lambda x: np.linalg.svd(x)[0]))(np.eye(3))).all()
        moved = jvp(np.linalg.svd, np.eye(3), np.ones((3, 3)))[1]
    assert not np.isfinite(moved.U).all()
    np.testing.assert_array_equal(moved.S, [1.0, 1.0, 1.0])


@pytest.mark.parametrize("side", ["U", "Vh"])
def test_vectors_of_singular_values_of_zero_have_no_derivative_outside_of_a_square(side):
    random = np.random.default_rng(8)
    x = np.outer(random.normal(size=3), random.normal(size=2))
    x = x.T if side == "Vh" else x

    def lengths(x):  # of the vectors of the second value, which is 0 to rounding
        found = getattr(np.linalg.svd(x, False), side)
        vectors = found if side == "U" else np.linalg.matrix_transpose(found)
        return np.sum(vectors[:, 1] * [1.0, 2.0, 0.0])

    with np.errstate(divide="ignore", invalid="ignore"):
        assert not np.isfinite(grad(lengths)(x)).any()
    assert np.isfinite(grad(lambda x: np.linalg.svdvals(x)[0])(x)).all()


def test_vectors_of_one_singular_value_of_zero_have_a_derivative_in_a_square():
    random = np.random.default_rng(9)
    x = random.normal(size=(3, 2)) @ random.normal(size=(2, 3))

    def onto_what_is_not_reached(x):
        last = np.linalg.svd(x).U[:, 2:]
        return last @ last.T

    gradcheck(onto_what_is_not_reached, x, tolerance=1e-5)


def test_the_nuclear_norm_is_curved_as_its_polar_factor_turns():
    """Its gradient is Q = U Vᵀ, and dQ = U ((P - Pᵀ) / (si + sj)) Vᵀ where P = Uᵀ dX V."""
    random = np.random.default_rng(5)
    x = np.eye(3) + np.diag([0.0, 1e-6, 2e-6])
    x = x + 1e-7 * random.normal(size=(3, 3))
    direction = random.normal(size=(3, 3))
    u, s, vh = np.linalg.svd(x)
    p = u.T @ direction @ vh.T
    expected = u @ ((p - p.T) / (s + s[:, None])) @ vh
    backward_twice = grad(lambda x: np.sum(grad(lambda x: np.linalg.norm(x, "nuc"))(x) * direction))
    np.testing.assert_allclose(backward_twice(x), expected, atol=1e-8)
    forward = hvp(lambda x: np.linalg.norm(x, "nuc"), x, direction)
    np.testing.assert_allclose(forward, expected, atol=1e-8)


def test_norms_at_ties_share_equally():
    np.testing.assert_array_equal(grad(lambda x: np.linalg.norm(x, 2))(np.eye(2)), np.eye(2) / 2)
    np.testing.assert_array_equal(grad(lambda x: np.linalg.norm(x, -2))(np.eye(2)), np.eye(2) / 2)
    np.testing.assert_array_equal(grad(lambda x: np.linalg.norm(x, 1))(np.eye(2)), np.eye(2) / 2)
    np.testing.assert_array_equal(grad(lambda x: np.linalg.norm(x, "nuc"))(np.eye(2)), np.eye(2))


@pytest.mark.parametrize("order", ORDERS)
def test_norms_at_zero_have_derivative_zero(order):
    function = eval(f"lambda x: np.linalg.norm(x, {order})", {"np": np})
    np.testing.assert_array_equal(grad(function)(np.zeros((2, 2))), np.zeros((2, 2)))


def test_qr_without_full_rank_has_no_derivative():
    x = np.outer([1.0, 2.0, 2.0], [3.0, 4.0])
    assert np.isnan(grad(lambda x: np.sum(np.linalg.qr(x)[1]))(x)).all()
    assert np.isnan(jvp(np.linalg.qr, x, np.ones((3, 2)))[1].Q).all()


def test_pinv_without_full_rank_has_the_derivative_along_its_rank():
    random = np.random.default_rng(2)
    left, right = random.normal(size=(4, 2)), random.normal(size=(2, 3))
    gradcheck(lambda x, y: np.linalg.pinv(x @ y), left, right, order=2, tolerance=1e-5)


# --- Nothing arrives ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "degenerate"),
    [
        (lambda x: np.linalg.eigh(x)[1], np.eye(3)),
        (lambda x: np.linalg.svd(x)[0], np.eye(3)),
        (lambda x: np.linalg.qr(x)[0], np.ones((3, 3))),
    ],
)
def test_a_matrix_to_which_nothing_arrives_gets_exactly_zero(function, degenerate):
    regular = np.array([[3.0, 0, 0], [1, 5, 0], [0, 1, 9]])
    batch = np.stack([regular, degenerate])
    alone = grad(sum_of(function))(regular)
    gradient = grad(lambda x: sum_of(function)(x[:1]) + np.sum(function(x)[1:] * 0.0))(batch)
    np.testing.assert_allclose(gradient[0], alone, rtol=1e-12)
    np.testing.assert_array_equal(gradient[1], np.zeros((3, 3)))
    direction = np.stack([np.ones((3, 3)), np.zeros((3, 3))])
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = jvp(function, batch, direction)[1]
    np.testing.assert_allclose(moved[0], jvp(function, regular, np.ones((3, 3)))[1], rtol=1e-12)
    np.testing.assert_array_equal(moved[1], np.zeros((3, 3)))


def test_a_constant_operand_gets_no_gradient():
    a, b = Value(np.eye(2) * 2.0, constant=True), Value([1.0, 2.0])
    np.linalg.solve(a, b).backward(np.ones(2))
    assert a.grad is None
    np.testing.assert_array_equal(b.grad, [0.5, 0.5])
    np.linalg.solve(Value(np.eye(2)), np.ones(2)).backward(np.ones(2))
    assert np.linalg.inv(a).constant


@every_case
def test_gradients_of_float32_are_float32(case):
    points = [Value(x) for x in case.points(np.float32)]
    for result in parts(case(*points)):
        if isinstance(result, Value) and not result.constant:
            result.backward(np.ones(result.shape, np.float32))
            assert all(x.grad.dtype == np.float32 for x in points if x.grad is not None)


@pytest.mark.parametrize("function", [np.linalg.inv, np.linalg.det, np.linalg.eigvalsh])
def test_graphs_are_copied_and_pickled(function):
    x = Value(SYMMETRIC, label="x")
    for again in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        total = again(np.sum(function(x)))
        total.backward()
        (leaf,) = [node for node in topological_order(total) if node.label == "x"]
        expected = grad(lambda x: np.sum(function(x)))(SYMMETRIC)
        np.testing.assert_array_equal(leaf.grad, expected)


# --- Every order of the modes ---------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CASES if "norm" not in c.text], ids=str)
def test_second_derivatives_agree_in_every_order_of_the_modes(case):
    points = case.points()
    if not all(map(math.prod, case.shapes)) or not isinstance(case.on_values()[0], Value):
        return

    def total(x):
        found = [y for y in parts(case(x, *points[1:])) if isinstance(y, Value)]
        return sum([np.sum(np.sin(y)) for y in found])

    x, v = points[0], np.cos(np.arange(points[0].size)).reshape(points[0].shape)
    expected = hvp(total, x, v)
    close = {"rtol": 1e-7, "atol": 1e-9 * np.max(np.abs(expected))}
    np.testing.assert_allclose(grad(lambda x: jvp(total, x, v)[1])(x), expected, **close)
    np.testing.assert_allclose(grad(lambda x: np.sum(grad(total)(x) * v))(x), expected, **close)
    twice = jvp(lambda x: jvp(total, x, v)[1], x, v)[1]
    np.testing.assert_allclose(twice, np.sum(expected * v), **close)


# --- Captured programs ----------------------------------------------------------------------------

CAPTURED = {
    "inv": lambda x: np.sum(np.linalg.inv(x) ** 2),
    "solve": lambda x: np.sum(np.linalg.solve(x, np.ones(3)) ** 2),
    "det": lambda x: np.sin(np.linalg.det(x)),
    "slogdet": lambda x: np.multiply(*np.linalg.slogdet(x)),
    "cholesky": lambda x: np.sum(np.linalg.cholesky(x @ x.T + np.eye(3)) ** 3),
    "eigh": lambda x: np.sum(np.linalg.eigh(x)[1] ** 3),
    "svd": lambda x: np.sum(np.linalg.svd(x)[0] ** 3) + np.linalg.norm(x, "nuc"),
    "svd of symmetric": lambda x: np.sum(np.linalg.svd(x, hermitian=True)[0] ** 3),
    "qr": lambda x: np.sum(np.linalg.qr(x)[0] ** 3),
    "pinv": lambda x: np.sum(np.linalg.pinv(x[:, :2]) ** 2),
    "lstsq": lambda x: np.sum(np.linalg.lstsq(x[:, :2], np.ones(3))[0] ** 2),
    "cond": lambda x: np.linalg.cond(x, 1) + np.linalg.cond(x),
    "multi_dot": lambda x: np.sum(np.linalg.multi_dot([x, x.T, x]) ** 2),
}


@pytest.mark.parametrize("derivative", ["gradient", "product"])
@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_program_gives_what_the_function_would_have_given(name, derivative):
    def evaluate(x):
        if derivative == "product":
            return hvp(CAPTURED[name], x, np.ones((3, 3)))
        return grad(CAPTURED[name])(x)

    captured, random = capture(evaluate), np.random.default_rng(3)
    for _ in range(4):
        x = random.normal(size=(3, 3))
        np.testing.assert_allclose(captured(x), evaluate(x), rtol=1e-10, atol=1e-12)


def test_a_captured_determinant_notices_that_its_matrix_is_singular():
    captured = capture(grad(np.linalg.det))
    for rank in (3, 3, 3, 2, 3, 1, 2, 0, 3):
        x = of_rank(3, rank, seed=rank)
        np.testing.assert_allclose(captured(x), grad(np.linalg.det)(x), rtol=1e-12, atol=1e-12)


# --- Refused --------------------------------------------------------------------------------------

SQUARE, TALL, ONES = np.diag([2.0, 1.0]), np.ones((3, 2)), np.ones((2, 2))
REFUSED = {
    # NumPy's own errors, after the call
    "np.linalg.inv(ONES)": (np.linalg.LinAlgError, "inv(A (2, 2)): Singular matrix"),
    "np.linalg.inv(TALL)": (np.linalg.LinAlgError, "inv(A (3, 2)): Last 2 dimensions"),
    "np.linalg.solve(ONES, [1, 2])": (np.linalg.LinAlgError, "solve(A (2, 2), ", "Singular"),
    "np.linalg.solve(SQUARE, np.ones(3))": (ValueError, "solve(A (2, 2), "),
    "np.linalg.cholesky(-SQUARE)": (np.linalg.LinAlgError, "cholesky(", "not positive definite"),
    "np.linalg.matrix_power(TALL, 0)": (np.linalg.LinAlgError, "matrix_power(A (3, 2), 0): "),
    "np.linalg.matrix_power(SQUARE, 0.5)": (TypeError, "matrix_power(A (2, 2), 0.5): ", "integer"),
    "np.linalg.eigh(SQUARE, 'X')": (ValueError, "eigh(A (2, 2), UPLO='X'): ", "'L' or 'U'"),
    "np.linalg.matrix_norm(SQUARE[0])": (np.exceptions.AxisError, "matrix_norm(", "axis -2"),
    "np.linalg.norm(SQUARE, 1, (0, 0))": (ValueError, "norm(A (2, 2), 1, (0, 0)): ", "axis"),
    # without a derivative
    "np.linalg.eig(SQUARE)": (TypeError, "np.linalg.eig ", "not differentiated"),
    "np.linalg.svd(TALL)": (ValueError, "svd(A (3, 2)): ", "only 2 vectors", "full_matrices=False"),
    "np.linalg.qr(TALL, 'complete')": (ValueError, "qr(A (3, 2), 'complete'): ", "mode='reduced'"),
    "np.linalg.qr(TALL, 'raw')": (ValueError, "mode='raw'", "'reduced' and 'r'"),
    "np.linalg.lstsq(TALL, np.ones(3))": (
        ValueError,
        "lstsq(A (3, 2), ",
        "full rank",
        "pinv(a) @ b",
    ),
    "np.linalg.pinv(SQUARE, 0.6)": (ValueError, "pinv(A (2, 2), 0.6): ", "rcond=0.6", "smaller"),
    "np.linalg.vector_norm(SQUARE, ord=0)": (ValueError, "vector_norm(A (2, 2), ord=0): "),
    # no such thing
    "np.linalg.norm(SQUARE, 3)": (ValueError, "norm(A (2, 2), 3): ord=3 is no norm", "'nuc'"),
    "np.linalg.lstsq(SQUARE[None], [1, 2])": (np.linalg.LinAlgError, "3 and 1 dimensions"),
    "np.linalg.outer(SQUARE, [1, 2])": (ValueError, "outer(A (2, 2), ", "2 and 1 dimensions"),
    "np.linalg.cross(SQUARE, SQUARE)": (
        ValueError,
        "cross(A (2, 2), ",
        "3 elements",
        "got 2 and 2",
    ),
    "np.linalg.vecdot(SQUARE, [1.0])": (ValueError, "(size 1 is different from 2)"),
    "np.vecdot(SQUARE, [1.0])": (ValueError, "(size 1 is different from 2)"),
    "np.matvec(SQUARE, [1.0])": (ValueError, "(size 1 is different from 2)"),
    "np.vecmat([1.0], SQUARE)": (ValueError, "(size 2 is different from 1)"),
    "np.linalg.multi_dot([SQUARE])": (ValueError, "multi_dot([A (2, 2)]): ", "two arrays", "got 1"),
    "np.linalg.tensorinv(SQUARE, 0)": (ValueError, "tensorinv(A (2, 2), 0): ind is 0"),
    "np.linalg.solve(SQUARE, np.array([1j, 2]))": (TypeError, "real numbers"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_in_one_line_that_says_why(text):
    error, *words = REFUSED[text]
    arrays = {"SQUARE": SQUARE, "TALL": TALL, "ONES": ONES}
    operands = {name: Value(array, label="A") for name, array in arrays.items()}
    with pytest.raises(error) as caught:
        eval(text, {"np": np, **operands})
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message
    called = re.findall(r"(\w+)\(", text)[0]
    assert message.count(f"{called}(") <= 1, message


def test_the_logarithm_of_a_determinant_of_zero_has_no_derivative():
    sign, logarithm = np.linalg.slogdet(Value(ONES, label="A"))
    assert (sign.data, logarithm.data) == (0.0, -np.inf)
    with pytest.raises(
        np.linalg.LinAlgError, match=r"derivative of slogdet\(A \(2, 2\)\): Singular"
    ):
        logarithm.backward()


@pytest.mark.parametrize("diagonal", [(2.0, 0.0, 0.0), (0.0, 0.0, 0.0), (1.0, 0.0), (0.0,)])
@pytest.mark.parametrize("more_rows", [0, 1])
def test_second_derivative_where_singular_values_are_zero_is_never_a_wrong_number(
    diagonal, more_rows
):
    """The sum of their squares is that of the elements, whose Hessian is twice the identity."""
    n = len(diagonal)
    a = np.zeros((n + more_rows, n))
    np.fill_diagonal(a, diagonal)

    def sum_of_squares(x):
        return np.sum(np.linalg.svdvals(x) ** 2)

    np.testing.assert_allclose(grad(sum_of_squares)(a), 2 * a, atol=1e-15)
    with np.errstate(all="ignore"):
        found = hessian(sum_of_squares)(a).reshape(a.size, a.size)
    right = np.isnan(found) | (np.abs(found - 2 * np.eye(a.size)) < 1e-12)
    assert right.all(), found
    several = np.sum(np.linalg.svdvals(a) == 0) > (more_rows == 0)
    assert np.isnan(found).any() == several  # one zero of a square matrix is as smooth as |x|
