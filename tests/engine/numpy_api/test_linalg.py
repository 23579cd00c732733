"""``np.linalg`` of Values: NumPy's numbers, and derivatives of any order.

A case is a line of Python over ``np`` and the operands ``x, y, z, w``. It runs on arrays and on
Values, so NumPy itself says what the numbers should be. Derivatives are held to central
differences of the same function, to closed forms, to exact fractions and to HIPS autograd.
"""

import math
import re
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pytest

from tinygrad_hw.engine import Value, gradcheck, numpy_api

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
        return eval(self.text, {"np": np, **dict(zip("xyzw", operands, strict=False))})

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
