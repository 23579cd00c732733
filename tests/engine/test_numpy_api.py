"""Every function that a Value takes part in as NumPy spells it, held to NumPy and to autograd.

A case is a line of Python over ``np`` and the operands ``x, y, z, w``. The same text is run on
arrays with NumPy, on Values with NumPy, and on HIPS autograd's boxes with ``autograd.numpy``; so
that nothing of the expectation is our own.
"""

import re
import warnings
from dataclasses import dataclass, replace
from zlib import crc32

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import (
    array_shapes,
    arrays,
    basic_indices,
    mutually_broadcastable_shapes,
)

from tinygrad_hw import capture
from tinygrad_hw.engine import (
    Value,
    grad,
    gradcheck,
    hvp,
    jvp,
    numpy_api,
    ops,
    value_and_grad,
    vjp,
)

pytestmark = pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")

# --- The cases ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One call: its text, the shapes of x, y, z, w, the interval that their numbers come from.

    ``hips`` is False where autograd lacks the function (or that way of calling it) or is wrong
    there; central differences are the judge then, as they are everywhere.
    """

    text: str
    shapes: tuple[tuple[int, ...], ...]
    interval: tuple[float, float] = (-2.0, 2.0)
    hips: bool = True

    def __str__(self):
        return f"{self.text}-{self.shapes}".replace(" ", "").replace("\n", "")

    def __call__(self, numpy, *operands):
        return eval(
            self.text, {"np": numpy, **dict(zip("xyzw"[: len(operands)], operands, strict=True))}
        )

    def size(self):
        return sum(int(np.prod(shape)) for shape in self.shapes)

    def on_values(self, *operands):
        return self(np, *operands)

    def points(self, dtype=np.float64):
        """The same random numbers each time, no two alike: no tie, no kink within a step of one."""
        random = np.random.default_rng(crc32(str(self).encode()))
        return [random.uniform(*self.interval, shape).astype(dtype)[()] for shape in self.shapes]

    def scalar(self, numpy=np):
        """The sum of the squared results, weighted: no element hides, all have a curvature."""

        def weighted(*operands):
            return sum(
                numpy.sum(weights(np.shape(part)) * part * part)
                for part in parts(self(numpy, *operands))
            )

        return weighted


def parts(result):
    """What a call gives, as a list: split gives several arrays."""
    return result if isinstance(result, list | tuple) else [result]


def weights(shape):
    return np.cos(np.arange(np.prod(shape, dtype=int))).reshape(shape) + 1.5


def one(text, *shapes, **options):
    return [Case(text, (shape,), **options) for shape in shapes]


def many(text, *shapes, **options):
    return [Case(text, given, **options) for given in shapes]


POSITIVE, INSIDE, ABOVE_ONE = (0.3, 3.0), (-0.9, 0.9), (1.2, 3.0)
PAIRS = [
    ((), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((), (2, 3)),
    ((3,), ()),
    ((0, 3), (3,)),
    ((1,), (0,)),
]

ARITHMETIC = [
    *[case for op in "+-*" for case in many(f"x {op} y", *PAIRS)],
    *many("x / y", *PAIRS, interval=POSITIVE),
    *many("x ** y", *PAIRS, interval=POSITIVE),
    *[case for text in ("-x", "abs(x)") for case in one(text, (), (2, 3), (0, 3))],
    *one("+x", (), (2, 3), (0, 3), hips=False),
    *[
        case
        for text in ("x + 2", "2 - x", "2 * x", "2.5 / x", "x / 4", "x ** 3", "x ** -1", "2 ** x")
        for case in one(text, (), (2, 3), interval=POSITIVE)
    ],
    *many("np.add(x, y)", ((2, 3), (3,))),
    *many("np.subtract(x, y)", ((2, 3), (2, 1))),
    *many("np.multiply(x, y)", ((2, 3), (3,))),
    *many("np.divide(x, y)", ((2, 3), (3,)), interval=POSITIVE),
    *many("np.true_divide(x, y)", ((), (3,)), interval=POSITIVE),
    *many("np.power(x, y)", ((2, 3), (3,)), interval=POSITIVE),
    *one("np.power(x, 3)", (3,)),
    *one("np.positive(x)", (3,), hips=False),
    *[
        case
        for name in ("arctan2", "maximum", "minimum", "hypot", "logaddexp")
        for case in many(f"np.{name}(x, y)", *PAIRS, hips=name != "hypot")
    ],
    *one("np.maximum(0.25, x)", (), (2, 3)),
    *one("np.minimum(x, [0.25, -0.25, 0.5])", (3,), (2, 3)),
]

ELEMENTWISE = [
    case
    for names, interval in [
        ("negative abs absolute sign square exp expm1", (-2.0, 2.0)),
        ("sin cos tan sinh cosh tanh arctan arcsinh", (-1.3, 1.3)),
        ("log log2 log10 sqrt reciprocal cbrt", POSITIVE),
        ("cbrt reciprocal", (-3.0, -0.3)),
        ("log1p arcsin arccos arctanh", INSIDE),
        ("arccosh", ABOVE_ONE),
    ]
    for name in names.split()
    for case in one(
        f"np.{name}(x)",
        (),
        (4,),
        (2, 3),
        (0, 3),
        interval=interval,
        hips=name not in ("cbrt", "sign"),
    )
]

CHOICES = [
    *many("np.where(np.array([True, False, True]), x, y)", ((3,), (3,))),
    *many("np.where(np.array([True, False, True]), x, y)", ((2, 3), (3,)), ((), ()), hips=False),
    *many("np.where(np.array([[True], [False]]), x, y)", ((3,), ()), ((0,), (0,)), hips=False),
    *many("np.where(x > y, x, y * 2)", ((2, 3), (3,)), ((), ())),
    *one("np.where([1, 0, 2], x, -1)", (3,)),
    *one("np.where(x > 0, [1.0, 2.0, 3.0], x)", (2, 3)),
    *one("np.where(False, 3.0, x)", (), (2, 3)),
    *one("np.clip(x, -1, 1)", (), (4,), (2, 3), (0, 3)),
    *one("np.clip(x, None, 0.5)", (6,), hips=False),
    *one("np.clip(x, -0.5, None)", (6,), hips=False),
    *one("np.clip(x, a_min=-0.5, a_max=0.5)", (6,), hips=False),
    *one("np.clip(x, min=-0.5, max=0.5)", (6,), hips=False),
    *one("np.clip(x, min=-0.5)", (6,), hips=False),
    *one("np.clip(x, [-1, 0, 1], 1)", (2, 3), hips=False),
    *one("np.clip(x, 1, -1)", (4,), hips=False),  # NumPy: the upper bound wins
    *many("np.clip(x, y, z)", ((2, 3), (3,), ()), ((3,), (2, 1), (3,)), hips=False),
    *one("x.clip(-1, 1)", (6,), hips=False),
    *one("x.clip(max=0.5)", (6,), hips=False),
]

AXES = [
    *("x", "x, 0", "x, -1", "x, axis=1", "x, keepdims=True", "x, axis=-2, keepdims=True"),
    *("x, axis=(0, 1)", "x, axis=(-1, 0), keepdims=True"),
]
ALONG = ["", "0", "axis=-1", "axis=(1, 0)", "axis=1, keepdims=True"]
REDUCTIONS = [
    *[
        case
        for name in ("sum", "mean", "max", "min", "var", "std", "prod")
        for case in [
            *[case for arguments in AXES for case in one(f"np.{name}({arguments})", (2, 3))],
            *one(f"np.{name}(x)", (), (4,)),
            *one(f"np.{name}(x, axis=(0, 2))", (2, 3, 2)),
            *one(f"np.{name}(x, axis=1, keepdims=True)", (2, 3, 2)),
            *one(f"np.{name}(x, axis=1)", (0, 3)),
            *one(f"np.{name}(x, axis=())", (2, 3), hips=False),
            *[case for along in ALONG for case in one(f"x.{name}({along})", (3, 2))],
        ]
    ],
    *[
        case
        for name in ("var", "std")
        for case in [
            *one(f"np.{name}(x, ddof=1)", (4,), (2, 3)),
            *one(f"np.{name}(x, axis=1, ddof=1, keepdims=True)", (2, 3)),
            *one(f"np.{name}(x, axis=(0, 2), ddof=2)", (2, 3, 2)),
            *one(f"x.{name}(axis=0, ddof=1)", (3, 2)),
            *one(f"np.{name}(x, ddof=0.5)", (4,)),
        ]
    ],
    *[case for name in ("sum", "prod") for case in one(f"np.{name}(x)", (0,), (0, 3))],
    *[case for name in ("sum", "prod") for case in one(f"np.{name}(x, axis=0)", (0, 3))],
    *one("np.prod(x)", (1,), (2,), (5,), (7,)),  # by halves: odd lengths leave one over
    *one("np.prod(x, axis=(2, 0))", (2, 3, 4)),
    *one("np.cumsum(x)", (), (4,), (2, 3), (0, 3)),
    *one("np.cumsum(x, axis=0)", (4,), (2, 3), (0, 3)),
    *one("np.cumsum(x, -1)", (2, 3, 2), (2, 0)),
    *one("x.cumsum()", (2, 3)),
    *one("x.cumsum(1)", (2, 3)),
    *one("np.linalg.norm(x)", (), (2, 3, 2), hips=False),
    *one("np.linalg.norm(x)", (4,), (2, 3)),
    *one("np.linalg.norm(x, 'fro')", (2, 3)),
    *one("np.linalg.norm(x, 'fro', (0, 2))", (2, 3, 2), hips=False),
    *one("np.linalg.norm(x, axis=1)", (2, 3), (0, 3)),
    *one("np.linalg.norm(x, axis=(0, 1))", (2, 3), (2, 3, 2)),
    *one("np.linalg.norm(x, None, -1, True)", (2, 3), hips=False),
    *one("np.linalg.norm(x, keepdims=True)", (2, 3), hips=False),
    *[
        case
        for order in ("2", "3", "2.5", "1", "-1", "-2", "np.inf", "-np.inf")
        for case in [
            *one(f"np.linalg.norm(x, {order})", (4,), hips=order in ("2", "3", "2.5")),
            *one(f"np.linalg.norm(x, ord={order}, axis=0, keepdims=True)", (2, 3), hips=False),
        ]
    ],
]

MATMUL = [
    *[((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((1, 3), (3, 1))],
    *[((4, 2, 3), (3,)), ((3,), (4, 3, 2)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2))],
    *[((4, 2, 3), (4, 3, 2)), ((1, 2, 3), (4, 3, 2)), ((2, 1, 2, 3), (4, 3, 2))],
    *[((3,), (2, 1, 3, 2)), ((2, 1, 2, 3), (3,))],
    *[((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0,), (0,)), ((0, 2, 3), (3, 1)), ((0, 2, 3), (3,))],
]
DOT = [
    *[((), ()), ((), (3,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2))],
    *[((2, 3), (3, 2)), ((4, 2, 3), (3,)), ((3,), (2, 3, 2)), ((2, 3), (4, 3, 2))],
    *[((4, 2, 3), (3, 2)), ((2, 2, 3), (2, 3, 2)), ((2, 1, 3), (1, 3, 1)), ((0, 3), (3, 2))],
]
PRODUCTS = [
    *many("x @ y", *MATMUL),
    *many(
        "np.matmul(x, y)",
        ((2, 3), (3, 4)),
        ((3,), (4, 3, 2)),
        ((2, 3, 0), (0, 3)),
        ((2, 3, 4), (4, 0)),
    ),
    *many("np.dot(x, y)", *DOT),
    *many("x.dot(y)", ((2, 3), (3,)), ((2, 3), (4, 3, 2)), hips=False),
    *one("np.dot(x, [[1, 2], [3, 4], [5, 6]])", (3,), (4, 2, 3), hips=False),
    *one("np.dot([1.0, 2.0], x)", (2,), (2, 3), (3, 2, 1), hips=False),
    *one("[[1.0, 2.0]] @ x", (2,), (2, 3), hips=False),
    *many("np.outer(x, y)", ((2,), (3,)), ((2, 2), (3,)), ((), (3,)), ((0,), (3,)), hips=False),
    *many("np.outer(x, y)", ((2,), (3,))),
    *one("np.outer(x, [1, 2])", (3,), hips=False),
    *one("np.outer(x, x)", (3,)),
    *many("np.tensordot(x, y)", ((2, 3), (2, 3)), ((4, 2, 3), (2, 3, 2))),
    *many("np.tensordot(x, y, 1)", ((2, 3), (3, 4)), ((3,), (3,)), ((2, 0), (0, 3))),
    *many("np.tensordot(x, y, axes=0)", ((2,), (3,)), ((), (3,)), ((2, 2), ())),
    *many("np.tensordot(x, y, axes=([1, 0], [0, 1]))", ((2, 3), (3, 2)), ((2, 3, 2), (3, 2, 4))),
    *many("np.tensordot(x, y, (0, -1))", ((2, 3), (4, 2))),
    *many("np.tensordot(x, y, ([-1], [-2]))", ((2, 3), (3, 4)), ((2, 3), (2, 3, 4))),
    *many("np.tensordot(x, y, ([], []))", ((2,), (3,)), hips=False),
    *many("np.tensordot(x, y, np.int64(1))", ((2, 3), (3, 4)), hips=False),
    *one("np.tensordot(x, [[1.0, 2.0], [3.0, 4.0]], 1)", (3, 2), hips=False),
    *one("np.tensordot([1.0, 2.0], x, 1)", (2, 3), hips=False),
    *one("np.tensordot(x, x, ([0], [0]))", (2, 3)),
]

EINSUM = [
    *many("np.einsum('ij,jk', x, y)", ((2, 3), (3, 4)), ((1, 3), (3, 1)), ((0, 3), (3, 2))),
    *many("np.einsum('ij,jk->ik', x, y)", ((2, 3), (3, 4)), ((2, 0), (0, 3))),
    *many("np.einsum(' i j , j k -> k i ', x, y)", ((2, 3), (3, 4)), hips=False),
    *many("np.einsum('ba,bc', x, y)", ((2, 3), (2, 4))),  # implicit: the letters in order
    *one("np.einsum('ba', x)", (2, 3)),  # a transpose
    *one("np.einsum('ij->', x)", (2, 3), (0, 3)),
    *one("np.einsum('ij->j', x)", (2, 3)),
    *one("np.einsum('i->i', x)", (3,)),
    *one("np.einsum('', x)", (), hips=False),
    *one("np.einsum('->', x)", (), hips=False),
    *one("np.einsum('ii', x)", (3, 3), (0, 0), hips=False),  # traces and diagonals
    *one("np.einsum('ii->i', x)", (3, 3), hips=False),
    *one("np.einsum('iij->j', x)", (2, 2, 3), hips=False),
    *one("np.einsum('iji->ij', x)", (2, 3, 2), hips=False),
    *one("np.einsum('iii', x)", (2, 2, 2), hips=False),
    *one("np.einsum('iijj->ij', x)", (2, 2, 3, 3), hips=False),
    *one("np.einsum('...ii', x)", (2, 3, 3), (3, 3), hips=False),
    *one("np.einsum('...ij->...ji', x)", (2, 3), (4, 2, 3), (2, 0, 2, 3)),
    *one("np.einsum('i...', x)", (3,), (3, 2)),
    *one("np.einsum('i...->...', x)", (3,), (3, 2), (3, 2, 2)),
    *one("np.einsum('i...j->j...', x)", (2, 3), (2, 4, 3)),
    *many("np.einsum('...ij,...jk', x, y)", ((2, 3), (3, 4)), ((4, 2, 3), (3, 2))),
    *many(
        "np.einsum('...ij,...jk->...ik', x, y)",
        *[((4, 2, 3), (4, 3, 2)), ((2, 1, 2, 3), (4, 3, 2)), ((2, 3), (5, 1, 3, 2))],
    ),
    *many("np.einsum('...,...', x, y)", ((2, 3), (3,)), ((), (3,)), ((2, 1), (1, 3))),
    *many("np.einsum('i...,...i->...', x, y)", ((3, 2), (2, 3)), hips=False),
    *many("np.einsum('ij,kl->k', x, y)", ((2, 3), (2, 2))),  # letters summed in one operand
    *many("np.einsum('ij,j->', x, y)", ((2, 3), (3,))),
    *many("np.einsum('ii,jj->ij', x, y)", ((2, 2), (3, 3)), hips=False),
    *many("np.einsum('ii,i', x, y)", ((3, 3), (3,)), hips=False),
    *many("np.einsum('iij,jk->k', x, y)", ((2, 2, 3), (3, 2)), hips=False),
    *many("np.einsum('i,j', x, y)", ((2,), (3,)), ((0,), (3,))),
    *many("np.einsum(',i->i', x, y)", ((), (3,)), hips=False),
    *many("np.einsum(',', x, y)", ((), ()), hips=False),
    *many("np.einsum('ij,', x, y)", ((2, 3), ()), hips=False),
    *many("np.einsum('ij,jk,kl->il', x, y, z)", ((2, 3), (3, 2), (2, 4))),
    *many("np.einsum('ij,jk,ki', x, y, z)", ((2, 3), (3, 4), (4, 2))),
    *many("np.einsum('i,ij,j', x, y, z)", ((2,), (2, 3), (3,))),
    *many("np.einsum('bi,bj,bk->bijk', x, y, z)", ((2, 2), (2, 3), (2, 2))),
    *many("np.einsum('a,ab,bc,c->', x, y, z, w)", ((2,), (2, 3), (3, 2), (2,))),
    *many("np.einsum('ab,bc,cd,da->abcd', x, y, z, w)", ((2, 3), (3, 2), (2, 2), (2, 2))),
    *one("np.einsum('ij,ij', x, x)", (2, 3)),  # the same operand twice, and more
    *one("np.einsum('ij,jk->ik', x, x)", (3, 3)),
    *one("np.einsum('i,i,i->i', x, x, x)", (3,)),
    *many("np.einsum('ij,ij->ij', x, y)", ((1, 3), (2, 3)), ((2, 1), (1, 3)), hips=False),
    *many("np.einsum('ij,jk', x, y)", ((2, 1), (3, 2)), ((2, 3), (1, 2)), hips=False),
    *many("np.einsum('ij,ij', x, y)", ((1, 3), (2, 3)), ((2, 3), (1, 1)), hips=False),
    *many("np.einsum('i,i,i', x, y, z)", ((1,), (3,), (1,)), hips=False),
    *many("np.einsum('ii,i->i', x, y)", ((3, 3), (1,)), ((1, 1), (3,)), hips=False),
    *one("np.einsum('ij,j', x, [1.0, 2.0, 3.0])", (2, 3), hips=False),
    *one("np.einsum('...j,...j', x, [1.0, 2.0, 3.0])", (2, 3), hips=False),
    *many("np.einsum('ij,jk', x, y, optimize=False)", ((2, 3), (3, 2)), hips=False),
    *many("np.einsum('ij,jk,kl', x, y, z, optimize='greedy')", ((2, 3), (3, 2), (2, 2))),
    *many("np.einsum(x, [0, 1], y, [1, 2])", ((2, 3), (3, 2)), hips=False),  # NumPy's other way
    *many("np.einsum(x, [0, 1], y, [1, 2], [2, 0])", ((2, 3), (3, 2)), hips=False),
    *one("np.einsum(x, [..., 0], [0, ...])", (2, 3), hips=False),
]

SHAPES = [
    *one("np.transpose(x)", (), (3,), (2, 3), (2, 3, 4), (0, 3)),
    *one("np.transpose(x, (2, 0, 1))", (2, 3, 4)),
    *one("np.transpose(x, [-1, 0, -2])", (2, 3, 4), hips=False),
    *one("np.transpose(x, axes=(1, 0))", (2, 3)),
    *one("x.transpose(1, 2, 0)", (2, 3, 4), hips=False),
    *one("x.T", (2, 3, 4), (3,)),
    *one("x.mT", (2, 3), (2, 3, 4), hips=False),
    *one("np.swapaxes(x, 0, -1)", (2, 3), (2, 3, 4), (3,)),
    *one("x.swapaxes(1, 0)", (2, 3, 4)),
    *one("np.moveaxis(x, 0, -1)", (2, 3, 4), (3,)),
    *one("np.moveaxis(x, [0, 1], [-1, 0])", (2, 3, 4)),
    *one("np.moveaxis(x, source=2, destination=0)", (2, 3, 4), hips=False),
    *one("np.reshape(x, (3, 2))", (2, 3), (6,)),
    *one("np.reshape(x, -1)", (), (2, 3), (0, 3)),
    *one("np.reshape(x, (2, -1))", (2, 3), (4,)),
    *one("np.reshape(x, 6)", (2, 3)),
    *one("np.reshape(x, ())", (1, 1)),
    *one("np.reshape(x, (0, 5))", (3, 0)),
    *one("np.reshape(x, (3, 2), order='F')", (2, 3), (6,)),
    *one("np.reshape(x, (2, -1), 'F')", (2, 3, 2)),
    *one("np.reshape(x, (3, 2), order='C')", (2, 3)),
    *one("np.reshape(x.T, (4, 3), order='F')", (2, 3, 2)),
    *one("x.reshape(3, 2, order='F')", (2, 3)),
    *one("x.reshape((3, 2))", (2, 3)),
    *one("x.reshape(1, -1, 2)", (2, 3)),
    *one("np.ravel(x)", (), (4,), (2, 3), (0, 3)),
    *one("np.ravel(x, order='F')", (2, 3), (2, 3, 2)),
    *one("np.ravel(x.T, 'F')", (2, 3)),
    *one("x.ravel()", (2, 3)),
    *one("x.ravel('F')", (2, 3)),
    *one("x.flatten()", (2, 3), hips=False),
    *one("x.flatten(order='F')", (2, 3), hips=False),
    *one("np.squeeze(x)", (), (1,), (1, 3, 1), (2, 3)),
    *one("np.squeeze(x, 0)", (1, 3, 1)),
    *one("np.squeeze(x, axis=(0, -1))", (1, 3, 1)),
    *one("x.squeeze()", (1, 3)),
    *one("x.squeeze(axis=-1)", (3, 1)),
    *one("np.expand_dims(x, 0)", (), (3,)),
    *one("np.expand_dims(x, axis=(0, -1))", (3,), (2, 3)),
    *one("np.broadcast_to(x, (4, 2, 3))", (), (3,), (2, 1), (2, 3), (1, 1, 1), hips=False),
    *one("np.broadcast_to(x, (0, 3))", (1, 3), (3,), hips=False),
    *one("np.broadcast_to(x, 3)", (), (1,), hips=False),
    *one("np.broadcast_to(x, shape=(2, 3))", (3,), hips=False),
]

JOINS = [
    *many("np.concatenate([x, y])", ((2,), (3,)), ((2, 3), (1, 3)), ((0, 3), (2, 3)), ((0,), (0,))),
    *many("np.concatenate((x, y, x), axis=-1)", ((2, 3), (2, 1))),
    *many("np.concatenate([x, y], axis=1)", ((2, 3), (2, 2)), ((2, 3, 2), (2, 0, 2))),
    *many("np.concatenate([x, y], None)", ((2, 3), (2,)), ((), (3,)), ((), ()), hips=False),
    *one("np.concatenate([x])", (2, 3)),
    *one("np.concatenate([[9, 8], x, [7.5]])", (2,)),
    *one("np.concatenate(x)", (2, 3), (2, 3, 2), hips=False),  # an array is a sequence of its rows
    *many("np.stack([x, y])", ((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((0,), (0,))),
    *many("np.stack((x, y, x), axis=1)", ((3,), (3,)), ((2, 3), (2, 3))),
    *many("np.stack([x, y], axis=-1)", ((2, 3), (2, 3))),
    *one("np.stack([x, [1.0, 2.0]])", (2,), hips=False),
    *one("np.stack([1.0, x])", (), hips=False),
    *one("np.stack(x, axis=1)", (2, 3), hips=False),
    *one("list(np.split(x, 3))", (6,), (3, 2)),
    *one("list(np.split(x, 2, axis=1))", (2, 4)),
    *one("list(np.split(x, 1, axis=-1))", (2, 3)),
    *one("list(np.split(x, [1, 4]))", (6,), (5, 2)),
    *one("list(np.split(x, (2,), axis=1))", (2, 3)),
    *one(
        "list(np.split(x, [0, 2, 2, 9]))", (4,)
    ),  # empty pieces at the front, within and at the end
    *one("list(np.split(x, [-1]))", (4,), hips=False),
    *one("list(np.split(x, [3, 1]))", (4,), hips=False),
    *one("list(np.split(x, np.array([1, 2]), -1))", (2, 4), hips=False),
    *one("list(np.split(x, []))", (4,), hips=False),
    *one("list(np.split(x, 2))", (0, 3)),
    *one("np.tile(x, 2)", (), (3,), (2, 3), (0, 3), hips=False),
    *one("np.tile(x, (2, 3))", (), (2,), (2, 3)),
    *one("np.tile(x, reps=[2, 1, 2])", (3,), (2, 2), hips=False),
    *one("np.tile(x, (2,))", (2, 2, 2), hips=False),
    *one("np.tile(x, 0)", (3,), hips=False),
    *one("np.tile(x, ())", (3,), hips=False),
    *one("np.repeat(x, 2)", (3,), (2, 3), (0, 3)),
    *one("np.repeat(x, 2)", (), hips=False),
    *one("np.repeat(x, 3, axis=0)", (2, 3)),
    *one("np.repeat(x, 2, -1)", (2, 3), hips=False),
    *one("np.repeat(x, [2, 0, 3])", (3,), hips=False),
    *one("np.repeat(x, np.array([1, 0, 2]), axis=1)", (2, 3), hips=False),
    *one("np.repeat(x, [2], axis=1)", (2, 3), hips=False),
    *one("np.repeat(x, 0)", (3,), hips=False),
    *one("x.repeat(2)", (2, 3), hips=False),
    *one("x.repeat([1, 2], axis=0)", (2, 3), hips=False),
    *one("np.pad(x, 1, 'constant')", (3,), (2, 3), (0, 3)),
    *one("np.pad(x, 1)", (3,), (2, 3), hips=False),
    *one("np.pad(x, (1, 2))", (3,), (2, 3), hips=False),
    *one("np.pad(x, ((1, 2),))", (2, 3), hips=False),
    *one("np.pad(x, ((1, 0), (0, 2)))", (2, 3), hips=False),
    *one("np.pad(x, ((1,), (2,)))", (2, 3), hips=False),
    *one("np.pad(x, [(0, 0), (1, 1)], constant_values=3)", (2, 3), hips=False),
    *one("np.pad(x, 1, constant_values=(1.5, -1))", (3,), (2, 3), hips=False),
    *one("np.pad(x, 2, 'constant', constant_values=((1, 2), (3, 4)))", (2, 3), hips=False),
    *[
        case
        for mode in ("edge", "reflect", "symmetric", "wrap")
        for case in [
            *one(f"np.pad(x, 2, '{mode}')", (3,), (3, 4), hips=False),
            *one(f"np.pad(x, ((1, 2), (0, 1)), mode='{mode}')", (2, 3), hips=False),
            *one(f"np.pad(x, (5, 4), mode='{mode}')", (3,), hips=False),  # more than there is
            *one(f"np.pad(x, 0, '{mode}')", (0, 3), hips=False),
        ]
    ],
]

REARRANGED = [
    *one("np.flip(x)", (), (3,), (2, 3), (0, 3), hips=False),
    *one("np.flip(x, 0)", (3,), (2, 3), hips=False),
    *one("np.flip(x, axis=-1)", (2, 3), hips=False),
    *one("np.flip(x, axis=(0, 2))", (2, 3, 2), hips=False),
    *one("np.roll(x, 1)", (), (4,), (2, 3), (0, 3)),
    *one("np.roll(x, -2, axis=1)", (2, 3)),
    *one("np.roll(x, 7, 0)", (3,)),
    *one("np.roll(x, (1, -1), axis=(0, 1))", (2, 3), hips=False),
    *one("np.roll(x, [1, 1], (1, 1))", (2, 3), hips=False),
    *one("np.roll(x, 1, axis=(0, -1))", (2, 3, 2), hips=False),
    *one("np.diagonal(x)", (3, 3), (2, 3), (0, 3), hips=False),
    *one("np.diagonal(x, 1)", (3, 3), (3, 2), hips=False),
    *one("np.diagonal(x, offset=-1, axis1=1, axis2=0)", (3, 3), hips=False),
    *one("np.diagonal(x, 0, 0, 2)", (2, 3, 2), hips=False),
    *one("np.diagonal(x, axis1=-1, axis2=-2)", (2, 3, 3)),
    *one("np.diagonal(x, 9)", (3, 3), hips=False),
    *one("x.diagonal(1)", (3, 3), hips=False),
    *one("np.trace(x)", (3, 3), (2, 3), (0, 3)),
    *one("np.trace(x, 1)", (3, 3)),
    *one("np.trace(x, offset=-1)", (3, 2)),
    *one("np.trace(x, 0, 1, 2)", (2, 3, 3), hips=False),
    *one("np.trace(x, axis1=-1, axis2=0)", (2, 3, 2), hips=False),
    *one("x.trace(offset=1)", (3, 3), hips=False),
    *[
        case
        for name in ("triu", "tril")
        for case in [
            *one(f"np.{name}(x)", (3, 3), (2, 3), (3, 2), (2, 3, 3), (0, 3)),
            *one(f"np.{name}(x, 1)", (3, 3)),
            *one(f"np.{name}(x, k=-1)", (2, 3)),
            *one(f"np.{name}(x)", (3,), hips=False),  # NumPy: a matrix, with x in every row
            *one(f"np.{name}(x, -1)", (3,), hips=False),
        ]
    ],
    *one("np.sort(x)", (4,)),
    *one("np.sort(x)", (2, 3), (0, 3), hips=False),
    *one("np.sort(x, axis=0)", (4,), (3, 2), hips=False),
    *one("np.sort(x, axis=None)", (2, 3), hips=False),
    *one("np.sort(x, 1, 'stable')", (2, 3), hips=False),
    *one("np.sort(x, kind='stable')", (2, 3), hips=False),
    *one("np.sort(x, stable=True)", (4,), hips=False),
    *one("np.take(x, 2)", (4,), (2, 3), hips=False),
    *one("np.take(x, [0, -1, 0])", (4,), (2, 3), hips=False),
    *one("np.take(x, np.array([[0, 1], [1, 1]]), axis=1)", (2, 3), hips=False),
    *one("np.take(x, 1, axis=0)", (2, 3), hips=False),
    *one("np.take(x, [], axis=0)", (2, 3), hips=False),
    *one("np.take(x, 0)", (), hips=False),
    *one("np.take(x, indices=[1], axis=-1)", (2, 3, 2), hips=False),
    *one("x.take([1, 1])", (3,), hips=False),
    *one("x.take([0, 2], axis=1)", (2, 3), hips=False),
    *one("np.take_along_axis(x, np.array([[0, 0], [2, 1]]), 1)", (2, 3), hips=False),
    *one("np.take_along_axis(x, np.array([[1, 0, 1]]), axis=0)", (2, 3), hips=False),
    *one("np.take_along_axis(x, np.array([3, 3, 0]), None)", (2, 3), hips=False),
    *one("np.take_along_axis(x, np.array([2, -1]), axis=-1)", (3,), hips=False),
    *one("np.take_along_axis(x, np.argsort(x, axis=0), 0)", (3, 2), hips=False),
]

INDEXED = [
    *[case for i in ("0", "-1", "np.int64(1)") for case in one(f"x[{i}]", (3,), (2, 3))],
    *one("x[1, 2]", (2, 3)),
    *one("x[1:]", (3,), (2, 3), (0, 3)),
    *one("x[::-1]", (4,), (2, 3)),
    *one("x[3:0:-2, ::-1]", (5, 3)),
    *one("x[5:2]", (4,)),
    *one("x[...]", (2, 3)),
    *one("x[()]", (2, 3)),
    *one("x[..., 0]", (2, 3), (2, 3, 2)),
    *one("x[0, ...]", (2, 3)),
    *one("x[None]", (3,)),
    *one("x[:, None, 1:]", (2, 3)),
    *one("x[..., np.newaxis]", (2, 3)),
    *one("x[True]", (2, 3)),
    *one("x[x > 0]", (4,), (2, 3)),
    *one("x[np.array([True, False, True])]", (3,), (3, 2)),
    *one("x[[True, False]]", (2, 3), hips=False),
    *one("x[:, np.array([True, False, True])]", (2, 3)),
    *one("x[np.array([False, False])]", (2, 3)),
    *one("x[[0, 0, 2]]", (3,), (3, 2)),  # twice picked: twice added
    *one("x[[]]", (3, 2), hips=False),
    *one("x[np.array([[0, 1], [-1, -1]])]", (3,), (3, 2)),
    *one("x[[[0, 1], [1, 1]]]", (3, 2)),
    *one("x[[0, 1], [2, 2]]", (2, 3)),
    *one("x[np.array([0, 1, 1])[:, None], np.array([2, 0])]", (2, 3)),
    *one("x[:, [1, 1]]", (2, 3)),
    *one("x[[1, 0], 1:]", (2, 3)),
    *one("x[0, :, [1, 0]]", (2, 3, 2)),  # split by a slice: the picked axis comes first
    *one("x[[0, 1], ..., 0]", (2, 3, 2)),
    *one("x[None, [1, 1], ::-1]", (2, 3)),
    *one("x[np.array([True, False]), 1]", (2, 3)),
    *one("x[[0, 1], np.array([True, False, True])]", (2, 3)),
    *one("x[np.int64(0), [1, 1]]", (2, 3)),
    *one("x[np.array(1)]", (3,), (2, 3)),
    *one("list(x)", (3,), (2, 3), hips=False),
]

# --- Beyond what autograd has, for the most part -------------------------------------------------

STEPS = [
    *[
        case
        for name in ("floor", "ceil", "trunc", "rint", "fix", "round", "around")
        for case in one(f"x * np.{name}(x)", (), (2, 3), (0, 3))
    ],
    *one("x * np.round(x, 1)", (), (4,)),
    *one("x * np.around(x, decimals=2)", (4,)),
    *one("x * np.round(x * 100, -1)", (4,)),
    *one("x * x.round()", (4,)),
    *one("x * x.round(1)", (4,)),
    *many("x * (x // y)", *PAIRS, interval=POSITIVE),
    *many("x % y", *PAIRS, interval=POSITIVE),
    *one("x % 0.75", (), (4,)),
    *one("5.5 % x", (), (4,), interval=POSITIVE),
    *one("x * (x // 0.75)", (), (4,)),
    *one("x * (5 // x)", (4,), interval=POSITIVE),
    *one("list(divmod(x, 0.75))", (4,)),
    *one("list(divmod(2.0, x))", (4,), interval=POSITIVE),
    *many("list(np.divmod(x, y))", ((2, 3), (3,)), interval=POSITIVE),
    *many("x * np.floor_divide(x, y)", ((2, 3), (3,)), interval=POSITIVE),
    *[
        case
        for name in ("mod", "remainder", "fmod")
        for case in [
            *many(f"np.{name}(x, y)", *PAIRS, interval=POSITIVE),
            *many(f"np.{name}(-x, y)", ((4,), (4,)), interval=POSITIVE),
            *many(f"np.{name}(x, -y)", ((4,), (4,)), interval=POSITIVE),
        ]
    ],
    *many("np.heaviside(x, y) * x", ((), ()), ((2, 3), (3,))),
    *one("list(np.modf(x))", (), (4,)),
    *one("np.ldexp(x, 3)", (), (4,)),
    *one("np.ldexp(x, [1, 0, -2])", (3,), (2, 3)),
    *one("np.unwrap(x * 4)", (6,), (2, 3)),
    *one("np.unwrap(x * 4, axis=0, period=3.0)", (3, 2)),
]

SMOOTH = [
    *[
        case
        for name in ("exp2", "fabs", "deg2rad", "rad2deg", "degrees", "radians", "sinc")
        for case in one(f"np.{name}(x)", (), (2, 3), (0, 3))
    ],
    *one("np.sinc(x / 8)", (4,)),  # by its series
    *[
        case
        for name in ("logaddexp2", "fmax", "fmin", "copysign")
        for case in many(f"np.{name}(x, y)", *PAIRS)
    ],
    *many("np.float_power(x, y)", ((), ()), ((2, 3), (3,)), interval=POSITIVE),
    *one("np.float_power(x, 2)", (), (3,), interval=POSITIVE),
    *one("np.nan_to_num(x)", (), (3,), (0, 3)),
    *one("np.nan_to_num(np.where([True, False, True], x, np.nan), nan=2.0)", (3,)),
    *one("np.nan_to_num(np.where([1, 0, 0], x, [0, np.inf, -np.inf]), posinf=1, neginf=2)", (3,)),
    *[
        case
        for name in ("real", "conj", "conjugate", "copy")
        for case in one(f"np.{name}(x)", (2, 3))
    ],
    *one("np.real_if_close(x)", (), (3,)),
    *one("x.copy()", (), (2, 3)),
    *one("x * x.argmax() + x.argmin(0) + x.argsort(axis=1)", (2, 3)),
    *one("x * x.any() * x.all(axis=0) + x.nonzero()[1].reshape(2, 3)", (2, 3)),
    *one("np.astype(x, np.float64)", (3,)),
    *one("np.acos(x / 4) + np.asinh(x) + np.atan2(x, 3.0) + np.pow(x, 2)", (3,)),
    *one("np.exp(x, dtype=np.float64)", (3,)),
    *one("np.exp(x, where=True)", (3,)),
]

WHERE = "np.array([True, False, True])"
NAN = f"np.where({WHERE}, x, np.nan)"
OPTIONS = [
    *[
        case
        for name in ("sum", "prod", "mean", "var", "std")
        for case in [
            *one(f"np.{name}(x, where={WHERE})", (3,), (2, 3)),
            *one(f"np.{name}(x, axis=1, where={WHERE}, keepdims=True)", (2, 3)),
            *one(f"np.{name}(x, 0, np.float64, None, keepdims=True)", (2, 3)),
            *one(f"np.{name}(x, dtype=np.float64)", (), (2, 3)),
            *one(f"x.{name}(axis=0, where=[[True], [True]])", (2, 3)),
            *one(f"np.nan{name}({NAN})", (3,), (2, 3)),
            *one(f"np.nan{name}({NAN}, axis=1, keepdims=True)", (2, 3)),
            *one(f"np.nan{name}(x, axis=1, where={WHERE})", (2, 3)),
        ]
    ],
    *[
        case
        for name in ("var", "std")
        for case in [
            *one(f"np.{name}(x, correction=1)", (4,)),
            *one(f"np.{name}(x, axis=0, where=[[True], [True], [False]], ddof=1)", (3, 2)),
            *one(f"np.{name}(x, axis=1, mean=np.mean(x, axis=1, keepdims=True))", (2, 3)),
            *one(f"np.{name}(x, mean=0.25)", (4,)),
            *one(f"np.nan{name}({NAN}, axis=1, ddof=1)", (2, 3)),
        ]
    ],
    *[
        case
        for name in ("max", "min")
        for case in [
            *one(f"np.{name}(x, initial=0.125)", (), (4,), (0,)),
            *one(f"np.{name}(x, axis=0, initial=0.125)", (2, 3), (0, 3), (2, 0)),
            *one(f"np.{name}(x, axis=1, initial=-0.5, where={WHERE})", (2, 3)),
            *one(f"np.{name}(x, 1, None, True)", (2, 3)),
            *one(f"np.nan{name}({NAN})", (3,), (2, 3)),
            *one(f"np.nan{name}({NAN}, axis=1)", (2, 3)),
            *one(f"np.nan{name}({NAN}, axis=0, initial=0.125)", (2, 3)),
            *one(f"np.a{name}(x)", (), (2, 3)),
            *one(f"np.a{name}(x, axis=1, keepdims=True)", (2, 3)),
            *one(f"np.a{name}(x, (0, 1))", (2, 3)),
        ]
    ],
    *[
        case
        for name in ("sum", "prod")
        for case in [
            *one(f"np.{name}(x, initial=2)", (), (3,), (0,)),
            *one(f"np.{name}(x, axis=0, initial=2.5, where={WHERE})", (2, 3)),
            *one(f"x.{name}(0, initial=1.5)", (2, 3)),
        ]
    ],
    *one("np.ptp(x)", (), (4,), (2, 3)),
    *one("np.ptp(x, axis=1)", (2, 3)),
    *one("np.ptp(x, 0, keepdims=True)", (2, 3)),
    *[
        case
        for name in ("cumprod", "cumsum")
        for case in [
            *one(f"np.{name}(x)", (), (1,), (5,), (2, 3), (0, 3)),
            *one(f"np.{name}(x, axis=0)", (4,), (3, 2), (0, 3)),
            *one(f"np.{name}(x, -1)", (2, 3, 2), (2, 0)),
            *one(f"np.{name}(x, axis=1, dtype=np.float64)", (2, 3)),
            *one(f"x.{name}(1)", (2, 3)),
            *one(f"np.nan{name}({NAN})", (3,), (2, 3)),
            *one(f"np.nan{name}({NAN}, axis=1)", (2, 3)),
        ]
    ],
    *[
        case
        for name in ("cumulative_sum", "cumulative_prod")
        for case in [
            *one(f"np.{name}(x)", (4,)),
            *one(f"np.{name}(x, axis=1, include_initial=True)", (2, 3)),
        ]
    ],
    *one("np.add.reduce(x)", (3,), (2, 3)),
    *one("np.add.reduce(x, axis=1, keepdims=True)", (2, 3)),
    *one("np.add.reduce(x, None)", (2, 3)),
    *one("np.add.reduce(x, axis=(0, 1), initial=1.0)", (2, 3)),
    *one("np.multiply.reduce(x, 1)", (2, 3)),
    *one("np.maximum.reduce(x)", (4,), (2, 3)),
    *one("np.minimum.reduce(x, axis=None)", (2, 3)),
    *one("np.logaddexp.reduce(x)", (4,), (2, 3)),
    *one("np.add.accumulate(x)", (4,), (2, 3)),
    *one("np.multiply.accumulate(x, axis=1)", (2, 3)),
    *many("np.multiply.outer(x, y)", ((2,), (3,)), ((2, 2), (3,)), ((), (2,))),
    *many("np.subtract.outer(x, y)", ((2,), (3, 2))),
    *one("np.maximum.outer(x, [0.125, 0.5])", (3,)),
]

STATISTICS = [
    *one("np.average(x)", (4,), (2, 3)),
    *one("np.average(x, axis=1, keepdims=True)", (2, 3)),
    *one("np.average(x, weights=[1.0, 2.0, 3.0])", (3,)),
    *one("np.average(x, axis=1, weights=np.array([1.0, 2.0, 3.0]))", (2, 3)),
    *one("np.average(x, 0, [[1.0, 2.0, 0.5], [3.0, 0.5, 1.5]])", (2, 3)),
    *many("np.average(x, weights=y)", ((3,), (3,)), ((2, 3), (2, 3)), interval=POSITIVE),
    *many("np.average(x, axis=(1, 0), weights=y)", ((2, 3), (3, 2)), interval=POSITIVE),
    *many(
        "list(np.average(x, axis=0, weights=y, returned=True))", ((2, 3), (2,)), interval=POSITIVE
    ),
    *one("np.average(x, returned=True)[0]", (2, 3)),
    *one("np.median(x)", (), (3,), (4,), (2, 3)),
    *one("np.median(x, axis=0)", (4, 2), (3, 2)),
    *one("np.median(x, axis=(0, -1), keepdims=True)", (2, 3, 2)),
    *one("np.median(x, 1)", (2, 3)),
    *one("np.quantile(x, 0.3)", (), (4,), (2, 3)),
    *one("np.quantile(x, [0.0, 0.25, 1.0])", (5,)),
    *one("np.quantile(x, [[0.2, 0.4], [0.6, 0.9]], axis=1)", (2, 4)),
    *one("np.quantile(x, 0.7, axis=(0, 2), keepdims=True)", (2, 3, 2)),
    *one("np.quantile(x, np.float64(0.4), 0)", (4, 2)),
    *[
        case
        for method in ("lower", "higher", "midpoint")
        for case in one(f"np.quantile(x, 0.4, method='{method}')", (4,))
    ],
    *one("np.percentile(x, 30)", (4,), (2, 3)),
    *one("np.percentile(x, [10, 50.5], axis=0, keepdims=True)", (4, 2)),
    *one(f"np.nanmedian({NAN})", (3,)),
    *one(f"np.nanmedian({NAN}, axis=1)", (2, 3)),
    *one(f"np.nanquantile({NAN}, 0.3, axis=1)", (2, 3)),
    *one(f"np.nanquantile({NAN}, [0.3, 0.8])", (2, 3)),
    *one(f"np.nanpercentile({NAN}, 80, axis=1, keepdims=True)", (2, 3)),
    *one("np.cov(x)", (4,), (3, 4)),
    *one("np.cov(x, rowvar=False)", (4, 2), (4,)),
    *one("np.cov(x, bias=True)", (2, 4)),
    *one("np.cov(x, ddof=0, fweights=[1, 2, 1, 3])", (2, 4)),
    *one("np.cov(x, aweights=[0.5, 2, 1, 3])", (2, 4)),
    *one("np.cov(x, fweights=[1, 2, 1, 3], aweights=[0.5, 2, 1, 3])", (2, 4)),
    *many("np.cov(x, y)", ((4,), (4,)), ((2, 4), (4,))),
    *one("np.corrcoef(x)", (3, 4)),
    *many("np.corrcoef(x, y)", ((4,), (4,))),
]

STACKS = [
    *[
        case
        for name in ("vstack", "hstack", "dstack", "column_stack")
        for case in [
            *many(f"np.{name}([x, y])", ((3,), (3,)), ((2, 3), (2, 3)), ((0, 3), (0, 3))),
            *many(f"np.{name}((x, y, x))", ((2, 3, 2), (2, 3, 2))),
            *one(f"np.{name}([x, [1.0, 2.0]])", (2,)),
        ]
    ],
    *many("np.vstack([x, y])", ((3,), (2, 3)), ((), ())),
    *many("np.hstack([x, y])", ((), ()), ((2,), (3,)), ((2, 1), (2, 3)), ((), (2,))),
    *many("np.column_stack([x, y])", ((2,), (2, 3)), ((), ())),
    *one("np.vstack(x)", (2, 3)),
    *many("np.concatenate([x, y], dtype=np.float64)", ((3,), (2,))),
    *many("np.concat([x, y], axis=1)", ((2, 3), (2, 1))),
    *many("np.stack([x, y], dtype=np.float64)", ((3,), (3,))),
    *many("np.append(x, y)", ((2,), (3,)), ((2, 3), ()), ((2, 3), (1, 3))),
    *many("np.append(x, y, axis=0)", ((2, 3), (1, 3))),
    *one("np.append(x, [1.0, 2.0])", (3,)),
    *one("np.append(1.0, x)", (3,)),
    *many("np.insert(x, 1, y)", ((3,), ()), ((2, 3), ())),
    *many("np.insert(x, [0, 2], y, axis=1)", ((2, 3), (2, 2)), ((2, 3), ())),
    *many("np.insert(x, 1, y, axis=0)", ((2, 3), (3,))),
    *one("np.delete(x, 1)", (3,), (2, 3)),
    *one("np.delete(x, [0, -1], axis=1)", (2, 3)),
    *one("np.delete(x, slice(0, 2), 0)", (3, 2)),
    *many("np.block([x, y])", ((2,), (3,)), ((2, 3), (2, 1)), ((), ())),
    *many("np.block([[x, y], [y, x]])", ((2, 2), (2, 2)), ((), ())),
    *many("np.block([[x], [y]])", ((3,), (2, 3))),
    *one("np.block([[x, np.eye(2)], [np.zeros((1, 4))]])", (2, 2)),
    *one("np.block(x)", (2,)),
    *one("list(np.array_split(x, 3))", (7,), (2, 2)),
    *one("list(np.array_split(x, [1, 2], axis=1))", (2, 4)),
    *one("list(np.hsplit(x, 2))", (4,), (2, 4)),
    *one("list(np.vsplit(x, [1]))", (3, 2)),
    *one("list(np.dsplit(x, 2))", (2, 2, 4)),
    *one("list(np.unstack(x))", (3,), (2, 3)),
    *one("list(np.unstack(x, axis=-1))", (2, 3)),
    *[
        case
        for name in ("atleast_1d", "atleast_2d", "atleast_3d")
        for case in [
            *one(f"np.{name}(x)", (), (3,), (2, 3), (2, 3, 2)),
            *many(f"list(np.{name}(x, y))", ((), (3,))),
        ]
    ],
    *many("list(np.broadcast_arrays(x, y))", ((2, 1), (3,)), ((), (2,))),
    *many("list(np.meshgrid(x, y))", ((2,), (3,)), ((), (2,))),
    *many("list(np.meshgrid(x, y, indexing='ij'))", ((2,), (3,))),
    *many("list(np.meshgrid(x, y, sparse=True))", ((2,), (3,))),
    *one("np.meshgrid(x, [1.0, 2.0])[0]", (3,)),
    *one("np.pad(x, {0: (1, 2)})", (2, 3)),
    *one("np.pad(x, {-1: 1}, constant_values=2.5)", (2, 3)),
    *one("np.pad(x, {0: 1, -1: (0, 2)}, mode='edge')", (2, 3)),
    *one("np.pad(x, np.int64(1))", (2, 3)),
    *one("np.pad(x, np.array([[1, 0], [0, 2]]), 'wrap')", (2, 3)),
]

PICKED = [
    *one("np.rot90(x)", (2, 3), (2, 3, 2)),
    *one("np.rot90(x, 2)", (2, 3)),
    *one("np.rot90(x, k=-1, axes=(1, 2))", (2, 3, 2)),
    *one("np.flipud(x)", (3,), (2, 3), (0, 3)),
    *one("np.fliplr(x)", (2, 3), (2, 0)),
    *one("np.resize(x, (2, 4))", (3,)),
    *one("np.resize(x, 2)", (2, 2)),
    *one("np.diag(x)", (3,), (2, 3), (3, 3), (0,)),
    *one("np.diag(x, 1)", (2,), (3, 3)),
    *one("np.diag(x, k=-2)", (2,), (3, 3)),
    *one("np.diagflat(x)", (), (2,), (2, 2)),
    *one("np.diagflat(x, -1)", (2,)),
    *one("np.partition(x, 1)", (4,)),
    *one("np.sort(np.partition(x, 2, axis=0), axis=0)", (4, 2)),
    *one("np.partition(x, (0, 1, 2), axis=None)", (2, 2)),
    *one("np.take(x, [4, -5, 1], mode='wrap')", (3,), (2, 2)),
    *one("np.take(x, [4, -5, 1], axis=1, mode='clip')", (2, 3)),
    *one("np.take(x, 7, 0, None, 'wrap')", (3, 2)),
    *one("x.take([7], mode='clip')", (3,)),
    *one("np.compress([True, False, True], x)", (3,), (2, 3)),
    *one("np.compress([False, True], x, axis=1)", (2, 3)),
    *one("np.extract(x > 0, x)", (4,), (2, 3)),
    *many("np.select([x > 1, x > 0], [x * 2, y])", ((4,), (4,)), ((2, 3), (3,))),
    *one("np.select([x > 0], [x], default=2.5)", (4,), ()),
    *many("np.select([x > 0, [True, False]], [y, x], x * 3)", ((2,), ())),
    *one("np.piecewise(x, [x < 0, x > 1], [np.exp, lambda v: v**2, 2.5])", (6,), (2, 3), ()),
    *one("np.piecewise(x, x > 0, [np.sqrt, np.square])", (4,)),
    *one("np.piecewise(x, [x > -9, x > 0], [lambda v, k: v * k, 1.0], 3.0)", (4,)),
    *many("np.choose([0, 1, 1], [x, y])", ((3,), (3,)), ((), (3,)), ((2, 3), ())),
    *many("np.choose(np.array([[2, -1, 5]]), [x, y, 1.5], mode='clip')", ((3,), (2, 1))),
    *many("np.choose([3, -1], (x, y), mode='wrap')", ((2,), (2,))),
    *one("np.lib.stride_tricks.sliding_window_view(x, 2)", (4,)),
    *one("np.lib.stride_tricks.sliding_window_view(x, (2, 2))", (3, 3)),
    *one("np.lib.stride_tricks.sliding_window_view(x, 2, axis=-1)", (2, 3)),
    *one("np.rollaxis(x, 2)", (2, 3, 4)),
    *one("np.rollaxis(x, -1, 1)", (2, 3, 4)),
    *one("np.matrix_transpose(x) * 1", (2, 3), (2, 3, 4)),
    *one("np.permute_dims(x, (2, 0, 1))", (2, 3, 4)),
    *one("np.transpose(x, 0)", (3,)),
    *one("np.transpose(x, np.array([1, 0]))", (2, 3)),
    *one("np.transpose(x, np.int64(-1))", (3,)),
    *one("np.transpose(x, ())", ()),
    *one("x.transpose(np.array([1, 0]))", (2, 3)),
    *one("x.transpose(None)", (2, 3)),
    *one("x.transpose([0])", (3,)),
    *one("x.transpose(0)", (3,)),
    *one("x.transpose()", ()),
    *one("np.trace(x, dtype=np.float64)", (2, 3)),
    *[
        case
        for index in ("None", "...", "()", "None, ...", "True", "np.newaxis, None")
        for case in one(f"np.exp(x)[{index}]", ())
    ],
    *one("np.sum(a=x, axis=0)", (2, 3)),
    *one("np.roll(a=x, shift=1)", (2, 3)),
    *many("np.dot(x, b=y)", ((3,), (3,))),
    *many("np.outer(a=x, b=y)", ((2,), (3,))),
    *one("np.clip(a=x, a_min=-0.5, a_max=0.5)", (4,)),
    *one("np.flip(m=x, axis=0)", (3,)),
]

NEIGHBORS = [
    *one("np.diff(x)", (4,), (2, 3), (1,), (0, 3)),
    *one("np.diff(x, 2)", (5,)),
    *one("np.diff(x, n=0)", (3,)),
    *one("np.diff(x, n=0, prepend=0.5, append=0.5)", (3,), (2, 3)),
    *one("np.diff(x, n=5)", (3,)),
    *one("np.diff(x, axis=0)", (3, 2)),
    *one("np.diff(x, prepend=0.5)", (3,), (2, 3)),
    *one("np.diff(x, axis=0, append=[[1.0, 2.0]])", (3, 2)),
    *many("np.diff(x, prepend=y, append=y)", ((2, 3), ()), ((2, 3), (2, 1))),
    *one("np.ediff1d(x)", (4,), (2, 3)),
    *one("np.ediff1d(x, to_begin=1.5, to_end=[2.0, 3.0])", (3,)),
    *one("np.gradient(x)", (4,), (2,)),
    *one("list(np.gradient(x))", (3, 4)),
    *one("np.gradient(x, 0.5)", (4,)),
    *one("np.gradient(x, [0.0, 1.0, 2.5, 3.0])", (4,)),
    *one("np.gradient(x, axis=1, edge_order=2)", (2, 4)),
    *one("np.gradient(x, [0.0, 1.0, 2.5, 3.0], edge_order=2)", (4,)),
    *one("list(np.gradient(x, 0.5, [0.0, 1.0, 3.0]))", (2, 3)),
    *one("list(np.gradient(x, 2.0, axis=(1, 0)))", (2, 3)),
    *one("np.trapezoid(x)", (4,), (2, 3), (1,)),
    *one("np.trapezoid(x, dx=0.5, axis=0)", (3, 2)),
    *one("np.trapezoid(x, [0.0, 1.0, 2.5])", (3,), (2, 3)),
    *one("np.trapezoid(x, [0.0, 1.0, 2.5], axis=0)", (3, 2)),
    *many("np.trapezoid(x, y)", ((4,), (4,)), ((2, 3), (2, 3))),
    *one("np.interp(x, [-1.0, 0.25, 1.5], [2.0, -1.0, 3.0])", (), (5,), (2, 3), (0,)),
    *one("np.interp(x, [-1.0, 0.25, 1.5], [2.0, -1.0, 3.0], left=0.0, right=5.0)", (6,)),
    *one("np.interp(x, [0.25], [2.0])", (3,)),
    *one("np.interp(x, [0.1, 0.4, 0.8], [2.0, -1.0, 3.0], period=1.0)", (6,)),
    *many("np.interp(x, [-1.0, 0.25, 1.5], y)", ((5,), (3,))),
    *many("np.interp([-3.0, 0.3, 1.0], np.cumsum(np.exp(x)), y)", ((4,), (4,))),
    *many("np.linspace(x, y)", ((), ())),
    *many("np.linspace(x, y, 4)", ((), ()), ((2, 3), (3,))),
    *many("np.linspace(x, y, 4, endpoint=False, axis=-1)", ((3,), ())),
    *many("np.linspace(x, y, num=1)", ((), ())),
    *one("np.linspace(x, 3, 4)", (), (2,)),
    *many("list(np.linspace(x, y, 4, retstep=True))", ((), ())),
    *many("np.linspace(x, y, 3, dtype=np.float64)", ((), ())),
    *many("np.logspace(x, y, 4)", ((), ())),
    *many("np.logspace(x, 2, 3, base=2.0)", ((2,),)),
    *many("np.geomspace(x, y, 4)", ((), ()), ((2, 3), (3,)), interval=POSITIVE),
    *one("np.geomspace(-x, [-2.0, -1.0], 3, endpoint=False, axis=-1)", (2,), interval=POSITIVE),
    *one("np.vander(x)", (3,), interval=POSITIVE),
    *one("np.vander(x, 4, increasing=True)", (2,), interval=POSITIVE),
    *one("x * np.angle(x)", (4,), ()),
    *one("x + np.angle(x, deg=True)", (4,)),
    *many("np.polyval(x, y)", ((3,), ()), ((3,), (2, 2))),
    *one("np.polyval([1.0, -2.0, 0.5], x)", (), (3,)),
    *many("np.inner(x, y)", ((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((), (3,))),
    *many("np.vdot(x, y)", ((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (6,))),
    *many("np.vecdot(x, y)", ((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (4, 3))),
    *many("np.vecdot(x, y, axis=0)", ((3, 2), (3, 2))),
    *many("np.matvec(x, y)", ((2, 3), (3,)), ((4, 2, 3), (3,))),
    *many("np.vecmat(x, y)", ((2,), (2, 3)), ((4, 2), (4, 2, 3))),
    *many("np.kron(x, y)", ((2,), (3,)), ((2, 2), (2, 3)), ((), (3,)), ((2,), (2, 3)), ((), ())),
    *many("np.cross(x, y)", ((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (4, 3))),
    *many("np.cross(x, y, axis=0)", ((3, 2), (3, 2))),
    *many("np.cross(x, y, axisa=0, axisb=1, axisc=0)", ((3, 2), (2, 3))),
    *one("np.cross(x, [1.0, 2.0, 3.0])", (3,)),
    *[
        case
        for name in ("convolve", "correlate")
        for mode in ("", ", 'full'", ", 'same'", ", mode='valid'")
        for case in many(f"np.{name}(x, y{mode})", ((5,), (2,)), ((2,), (4,)), ((3,), (3,)))
    ],
    *one("np.convolve(x, [1, 2])", (4,), (1,)),
]
AUTOGRAD_TOO = set(
    "acos amax amin append around array array_split asinh atan2 ceil choose column_stack concat "
    "conj conjugate cumsum deg2rad degrees dsplit exp2 eye fabs fix flip fliplr flipud floor "
    "floor_divide fmax fmin hstack inner int64 kron logaddexp2 mod outer permute_dims pow rad2deg "
    "radians real real_if_close remainder rint roll round sinc stack trace transpose "
    "trunc vsplit vstack zeros".split()
)
IGNORED_BY_AUTOGRAD = re.compile("(where|initial|correction|mean|dtype|mode)=|\\)\\[")


def asked_of_autograd(case):
    called = set(re.findall(r"np\.(\w+)\(", case.text))
    return bool(called) and called <= AUTOGRAD_TOO and not IGNORED_BY_AUTOGRAD.search(case.text)


BEYOND = [
    replace(case, hips=asked_of_autograd(case))
    for case in [*STEPS, *SMOOTH, *OPTIONS, *STATISTICS, *STACKS, *PICKED, *NEIGHBORS]
]

CASES = [
    *[*ARITHMETIC, *ELEMENTWISE, *CHOICES, *REDUCTIONS, *PRODUCTS, *EINSUM, *SHAPES, *JOINS],
    *[*REARRANGED, *INDEXED],
    *BEYOND,
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
# Of the latter one shape is enough where derivatives are asked for: the largest.
LARGEST = {case.text: case for case in sorted(BEYOND, key=Case.size)}
DIFFERENTIATED = [*CASES[: -len(BEYOND)], *LARGEST.values()]
every_differentiated_case = pytest.mark.parametrize("case", DIFFERENTIATED, ids=str)
NAMES = " ".join([case.text for case in CASES])

REQUIRED = """
    add subtract multiply divide power negative abs sign exp expm1 log log1p log2 log10 sqrt cbrt
    square reciprocal sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh
    arctan2 maximum minimum where clip hypot logaddexp max min var linalg.norm sum mean cumsum
    matmul dot outer tensordot einsum transpose swapaxes moveaxis reshape ravel squeeze expand_dims
    broadcast_to concatenate stack split tile repeat pad flip roll diagonal trace triu tril take
    take_along_axis sort std prod
"""  # by the issue that asked for them


def named(name):
    """The function that ``np.name`` is; one function may have two names (abs and absolute)."""
    found = np
    for part in name.split("."):
        found = getattr(found, part)
    return found


def test_every_function_is_here_and_has_cases():
    called = {named(name) for name in re.findall(r"np\.([\w.]+)\(", NAMES)}
    assert {named(name) for name in REQUIRED.split()} <= set(numpy_api.NUMPY)
    elsewhere = set(numpy_api.linalg.NUMPY)  # in numpy_api/test_linalg
    assert set(numpy_api.NUMPY) - elsewhere <= called


def test_the_nearest_of_what_is_not_here_is_here():
    assert {named(name[3:]) for name in numpy_api.NEAREST.values()} <= set(numpy_api.NUMPY)
    assert not {named(name) for name in numpy_api.NEAREST} & set(numpy_api.NUMPY)


def test_every_method_that_an_array_has_too_has_cases():
    plain = {"data", "dtype", "item", "ndim", "shape", "size"}  # about the Value: no operation
    plain |= {"astype", "tolist"}  # see test_ops; a question, below
    shared = {name for name in set(dir(Value)) & set(dir(np.ndarray)) if name[0] != "_"} - plain
    elsewhere = {"sum", "mean", "max", "min", "var", "std", "prod"}
    assert shared - elsewhere <= set(re.findall(r"x\.(\w+)", NAMES))


# --- Numbers --------------------------------------------------------------------------------------

CLOSE = {np.float64: {"rtol": 1e-14, "atol": 1e-14}, np.float32: {"rtol": 2e-6, "atol": 2e-6}}


@every_case
@pytest.mark.parametrize("dtype", CLOSE, ids=["float64", "float32"])
def test_result_is_numpys(case, dtype):
    points = case.points(dtype)
    results, expected = parts(case(np, *map(Value, points))), parts(case(np, *points))
    assert len(results) == len(expected)
    for result, array in zip(results, expected, strict=True):
        assert isinstance(result, Value)
        assert result.shape == np.shape(array)
        assert result.dtype == np.result_type(array)
        np.testing.assert_allclose(result.data, array, **CLOSE[dtype])


# An array's own method asks no Value: array.dot(v) is refused, np.dot(array, v) is not.
SEVERAL = [case for case in CASES if len(case.shapes) > 1 and not case.text.startswith("x.")]
several_operands = pytest.mark.parametrize("case", SEVERAL, ids=str)


@several_operands
def test_array_may_stand_in_any_position(case):
    """Some operands are Values and the others arrays: nothing changes but who has a gradient."""
    points = case.points()
    alone = [Value(x) for x in points]
    case.scalar()(*alone).backward()
    for chosen in range(1, 2 ** len(points) - 1):
        mixed = [Value(x) if chosen >> i & 1 else x for i, x in enumerate(points)]
        for result, array in zip(parts(case(np, *mixed)), parts(case(np, *points)), strict=True):
            assert result.shape == np.shape(array)
            np.testing.assert_allclose(result.data, array, **CLOSE[np.float64])
        case.scalar()(*mixed).backward()
        for x, whole in zip(mixed, alone, strict=True):
            if isinstance(x, Value):
                np.testing.assert_allclose(x.grad, whole.grad, rtol=1e-13, atol=1e-13)


@several_operands
def test_float32_beside_float64_is_what_it_is_in_numpy(case):
    """The result is promoted, and each operand's gradient is of the operand's own kind."""
    first, *others = case.points()
    points = [np.float32(first), *others]
    leaves = [Value(x) for x in points]
    for result, array in zip(parts(case(np, *leaves)), parts(case(np, *points)), strict=True):
        assert result.dtype == array.dtype
    case.scalar()(*leaves).backward()
    assert [np.result_type(x.grad) for x in leaves] == [x.dtype for x in leaves]


WEAK = [case for case in ARITHMETIC + CHOICES if () in case.shapes]


@pytest.mark.parametrize("case", WEAK, ids=str)
def test_python_number_is_weak_as_in_numpy(case):
    """2.0 beside float32 leaves it float32; its own gradient is a Python number again."""
    points = [float(x) if x.shape == () else x for x in case.points(np.float32)]
    leaves = [Value(x) for x in points]
    result, expected = case(np, *leaves), case(np, *points)
    assert result.dtype == np.result_type(expected)
    np.testing.assert_allclose(result.data, expected, **CLOSE[np.float32])
    case.scalar()(*leaves).backward()
    for leaf, x in zip(leaves, points, strict=True):
        assert type(leaf.grad) is type(leaf.data)
        assert np.result_type(leaf.grad) == np.result_type(x)


@pytest.mark.parametrize("dtype", [np.bool_, np.int8])
@pytest.mark.parametrize("text", ["x * i", "i + x", "np.where(x > 0, x, i)", "np.dot(x, i)"])
def test_mask_and_small_integers_do_not_widen_float32(text, dtype):
    """``h * (h > 0)`` of a float32 network stays float32, as in NumPy."""
    x, i = np.float32([0.5, -1.5, 2]), np.array([1, 0, 1], dtype)
    expected = eval(text, {"np": np, "x": x, "i": i})
    result = eval(text, {"np": np, "x": Value(x), "i": i})
    assert expected.dtype == np.float32
    np.testing.assert_array_equal(result.data, expected)
    assert result.dtype == np.float32


# --- Gradients ------------------------------------------------------------------------------------


@every_differentiated_case
def test_gradient_is_the_slope(case):
    gradcheck(case.scalar(), *case.points())


@pytest.mark.parametrize("case", [case for case in DIFFERENTIATED if case.hips], ids=str)
def test_gradient_is_that_of_autograd(case):
    points = case.points()
    argnums = tuple(range(len(points)))
    found = grad(case.scalar(), argnums)(*points)
    expected = autograd.grad(case.scalar(anp), argnums)(*points)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.shape(ours) == np.shape(theirs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@every_differentiated_case
def test_derivatives_of_float32_are_float32(case):
    points = case.points(np.float32)
    leaves = [Value(x) for x in points]
    case.scalar()(*leaves).backward()
    for leaf in leaves:
        assert np.result_type(leaf.grad) == np.float32
        assert np.shape(leaf.grad) == leaf.shape
    result, tangent = jvp(case.on_values, tuple(points), tuple(points))
    for part, moved in zip(parts(result), parts(tangent), strict=True):
        assert np.result_type(moved) == np.result_type(part)


@every_differentiated_case
def test_forward_mode_is_the_transpose_of_reverse_mode(case):
    points = tuple(case.points())
    moves = tuple([weights(x.shape) - 1 for x in points])
    result, tangents = jvp(case.on_values, points, moves)
    again, pull_back = vjp(case.on_values, *points)
    results, tangents = parts(result), parts(tangents)
    for part, same, tangent in zip(results, parts(again), tangents, strict=True):
        np.testing.assert_array_equal(part, same)
        assert np.shape(tangent) == np.shape(part)
    vectors = [weights(np.shape(part)) for part in results]
    gradients = pull_back(vectors if isinstance(result, list) else vectors[0])
    along = sum(np.sum(v * t) for v, t in zip(vectors, tangents, strict=True))
    across = sum(np.sum(g * m) for g, m in zip(gradients, moves, strict=True))
    assert along == pytest.approx(across, rel=1e-12, abs=1e-12)


@every_differentiated_case
def test_second_derivative_is_the_slope_of_the_first(case):
    points = tuple(case.points())
    moves = tuple([weights(x.shape) - 1 for x in points])
    slope = grad(case.scalar(), tuple(range(len(points))))
    h = 1e-5
    ahead = slope(*[x + h * move for x, move in zip(points, moves, strict=True)])
    behind = slope(*[x - h * move for x, move in zip(points, moves, strict=True)])
    for found, right, left in zip(hvp(case.scalar(), points, moves), ahead, behind, strict=True):
        expected = (right - left) / (2 * h)
        assert np.shape(found) == np.shape(expected)
        scale = max(1.0, np.max(np.abs(expected), initial=0.0))
        np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=1e-6)


# --- Captured programs, kinds of number, points of care -------------------------------------------

CAPTURED = {  # the last case of each function, of those that a program can hold
    " ".join(re.findall(r"np\.\w+|x\.\w+", case.text)): case
    for case in LARGEST.values()
    if case.size() and not re.search("nonzero|piecewise", case.text)
}


@pytest.mark.parametrize("case", CAPTURED.values(), ids=str)
def test_a_captured_program_gives_the_same_numbers(case):
    function = value_and_grad(case.scalar(), tuple(range(len(case.shapes))))
    program = capture(function)
    random = np.random.default_rng(7)
    for _ in range(3):
        points = [random.uniform(*case.interval, shape) for shape in case.shapes]
        points = [float(x) if np.ndim(x) == 0 else x for x in points]
        value, slopes = program(*points)
        expected, expected_slopes = function(*points)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        for found, slope in zip(slopes, expected_slopes, strict=True):
            np.testing.assert_allclose(found, slope, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        *("np.sum(x, dtype=np.float32)", "np.mean(x, 1, np.float32)", "x.prod(dtype='f4')"),
        *("np.std(x, dtype=np.float32)", "np.cumsum(x, 1, np.float32)", "np.trace(x, dtype='f4')"),
        *("np.exp(x, dtype=np.float32)", "np.add(x, [1.0, 2.0], dtype=np.float32)"),
        *("np.vstack([x, x], dtype=np.float32)", "np.astype(x, np.float32)"),
        "np.linspace(x, 2.0, 3, dtype=np.float32)",
    ],
)
def test_dtype_is_that_asked_for_and_the_gradient_s_that_of_the_operand(text):
    array = numbers((2, 2))
    expected = eval(text, {"np": np, "x": array})
    result, pull_back = vjp(lambda x: eval(text, {"np": np, "x": x}), array)
    assert result.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-5)
    assert pull_back(np.ones_like(result))[0].dtype == np.float64


QUESTIONS = """
    np.isfinite(x) np.isnan(x) np.isinf(x) np.isneginf(x) np.isposinf(x) np.signbit(x) np.isreal(x)
    np.iscomplex(x) np.iscomplexobj(x) np.isrealobj(x) np.logical_and(x,y) np.logical_not(x) x>y
    np.isclose(x,y) np.allclose(x,x) np.array_equal(x,y) np.array_equiv(x,x) np.imag(x) x!=y
    np.argmax(x) np.argmax(x,axis=1) np.argmin(x,0) np.nanargmax(x) np.nanargmin(x,1) np.argsort(x)
    np.argpartition(x,1) np.nonzero(x) np.flatnonzero(x) np.argwhere(x) np.count_nonzero(x)
    np.searchsorted([-1.0,0.5],x) np.searchsorted(np.sort(x[0]),0.5) np.digitize(x,[0.0,1.0])
    np.isin(x,y) np.any(x) np.all(x,axis=0) np.shape(x) np.ndim(x) np.size(x) np.result_type(x)
    np.may_share_memory(x,y) np.lexsort((x[0],y[0])) np.histogram(x,3) np.where(x>0)
    np.zeros_like(x) np.ones_like(x) np.full_like(x,2.0) np.maximum.reduce(x>0) np.less.outer(x,y)
    x.argmax() x.argmin(axis=0) x.argsort(0) x.any() x.all(1) x.nonzero() x.tolist() x.shape x.size
    x.astype(int) x.astype(bool) x[0,1].astype(np.int8) np.astype(x,int) x.astype(dtype='u1')
    np.logical_or.reduce(x) np.array2string(x) np.min_scalar_type(x) np.can_cast(x.dtype,'f4')
""".split()


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_question_is_answered_as_numpy_answers_it(text):
    arrays = {"x": numbers((2, 3)), "y": np.abs(numbers((2, 3)))}
    expected = eval(text, {"np": np, **arrays})
    found = eval(text, {"np": np, **{name: Value(array) for name, array in arrays.items()}})
    assert type(found) is type(expected)
    np.testing.assert_equal(found, expected)


@pytest.mark.parametrize(
    ("function", "at", "slope"),
    [
        *[(step, x, 0) for step in (np.floor, np.ceil, np.trunc, np.rint) for x in (2.0, 2.5)],
        (lambda x: x // 1.0, 2.0, 0),
        (lambda x: x % 1.0, 2.0, 1),
        (lambda y: 7.0 % y, 2.0, -3),
        (lambda y: np.fmod(-7.0, y), 2.0, 3),
        (np.fabs, 0.0, 0),
        (lambda x: np.fmax(x, 1.0), 1.0, 0.5),
        (lambda x: np.fmin(x, 1.0), 1.0, 0.5),
        (lambda x: np.fmax(x, np.nan), 1.0, 1),
        (lambda x: np.fmin(np.nan, x), 1.0, 1),
        (lambda x: np.copysign(x, -1.0), 0.0, 0),
        (lambda x: np.heaviside(x, 0.5), 0.0, 0),
        (lambda h: np.heaviside(0.0, h), 0.5, 1),
        (np.sinc, 0.0, 0),
        (grad(np.sinc), 0.0, -(np.pi**2) / 3),
        (grad(grad(grad(np.sinc))), 0.0, np.pi**4 / 5),
        (np.nan_to_num, np.nan, 0),
        (np.nan_to_num, np.inf, 0),
        (lambda x: np.nansum(np.stack([x, np.nan])), 2.0, 1),
        (lambda x: np.nanmax(np.stack([x, np.nan, x])), 2.0, 1),
        (lambda x: np.nanprod(np.stack([x, np.nan, x])), 3.0, 6),
        (lambda x: np.logaddexp2(1000.0 * x, 1000.0), 1.0, 500),
        (lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 4.0]), 1.0, 3),  # to the right
        (lambda x: np.interp(x, [0.0, 1.0], [0.0, 1.0]), 2.0, 0),
        (lambda x: np.max(np.stack([x, 1.0]), initial=0.0), 1.0, 0.5),
        (lambda x: np.max(x, initial=2.0), 2.0, 0.5),
        (lambda x: np.ptp(np.stack([x, x])), 2.0, 0),
        (lambda x: np.corrcoef(np.stack([x, 2.0, 3.0]), [1.0, 2.0, 3.0])[0, 0], 1.5, 0),
    ],
)
def test_slope_at_points_of_care(function, at, slope):
    assert grad(function)(at) == pytest.approx(slope, rel=1e-12, abs=1e-12)
    assert jvp(function, at, 1.0)[1] == pytest.approx(slope, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("zeros", "expected"), [([2.0, 0.0, 3.0], [1, 8, 0]), ([0.0, 0.0, 3.0], [1, 0, 0])]
)
def test_gradient_of_a_cumulative_product_with_zeros_is_exact(zeros, expected):
    np.testing.assert_array_equal(grad(lambda x: np.sum(np.cumprod(x)))(np.array(zeros)), expected)


def test_a_slice_of_nan_alone_is_nan_with_a_warning():
    x = np.array([[1.0, np.nan], [np.nan, np.nan]])
    with pytest.warns(RuntimeWarning, match="nan"):
        result = np.nanmax(Value(x), axis=1)
    np.testing.assert_array_equal(result.data, [1, np.nan])


def test_a_quantile_of_data_with_nan_is_nan_and_of_infinities_is_infinite():
    x = Value([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(np.median(x, axis=1).data, [np.nan, 2])
    np.testing.assert_array_equal(np.quantile(Value([1.0, np.inf, np.inf]), 0.75).data, np.inf)
    np.testing.assert_array_equal(np.nanmedian(Value([np.nan, np.nan])).data, np.nan)


def test_softmax_of_nothing_is_empty():
    for softmax in (numpy_api.softmax, numpy_api.log_softmax):
        assert grad(lambda x, f=softmax: np.sum(f(x)))(np.ones((2, 0))).shape == (2, 0)


def test_what_numpy_masks_is_refused_by_composed_functions_too():
    with pytest.raises(TypeError, match="masked"):
        np.vstack([Value([1.0, 2.0]), np.ma.masked_array([1.0, 2.0], [True, False])])


# --- Drawn: what is linear in an operand must meet its own transpose ------------------------------
#
# For L linear and its gradient Lᵀv, vᵀ(Lt) = (Lᵀv)ᵀt with the left side by NumPy alone: exact to
# rounding, and one line for every shape, index and subscript that Hypothesis can think of.


def assert_transposes(function, *operands):
    """The function, linear in each of its operands, against NumPy and in each of them."""
    expected = function(*operands)
    leaves = [Value(x) for x in operands]
    result = function(*leaves)
    assert result.shape == np.shape(expected)
    np.testing.assert_allclose(result.data, expected, rtol=1e-13, atol=1e-13)
    vector = weights(result.shape)
    result.backward(vector)
    for position, (leaf, x) in enumerate(zip(leaves, operands, strict=True)):
        move = np.empty_like(x)  # in memory as x is, which may matter to NumPy
        move[...] = np.sin(np.arange(x.size)).reshape(x.shape) + 0.25
        moved = function(*[move if i == position else other for i, other in enumerate(operands)])
        assert np.shape(leaf.grad) == x.shape
        np.testing.assert_allclose(
            np.sum(leaf.grad * move), np.sum(vector * moved), rtol=1e-12, atol=1e-12
        )


def numbers(shape):
    return np.cos(np.arange(np.prod(shape, dtype=int)) * 2.0).reshape(shape) * 2


@st.composite
def einsums(draw):
    """Subscripts and operands: letters repeated, summed alone, of length 1, before an ellipsis."""
    lengths = {letter: draw(st.sampled_from([1, 2, 3])) for letter in "abcd"}
    count = draw(st.integers(1, 4))
    terms = [draw(st.text("abcd", max_size=3)) for _ in range(count)]
    shapes = [tuple([lengths[letter] for letter in term]) for term in terms]
    if draw(st.booleans()):  # a length of 1 stands for any; not on a diagonal
        shapes = [
            tuple([1 if len(set(term)) == len(term) and draw(st.booleans()) else n for n in shape])
            for term, shape in zip(terms, shapes, strict=True)
        ]
    dots = draw(st.booleans())
    if dots:
        batches = draw(mutually_broadcastable_shapes(num_shapes=count, max_dims=2, max_side=2))
        terms = ["..." + term for term in terms]
        shapes = [b + shape for b, shape in zip(batches.input_shapes, shapes, strict=True)]
    given = "".join(sorted(set("".join(terms)) - {"."}))
    if draw(st.booleans()):
        kept = draw(st.permutations(given)) if given else []
        kept = "".join(kept[: draw(st.integers(0, len(kept)))])
        return ",".join(terms) + "->" + "..." * dots + kept, shapes
    return ",".join(terms), shapes


@given(drawn=einsums())
@settings(max_examples=150)
def test_any_einsum(drawn):
    subscripts, shapes = drawn
    assert_transposes(lambda *x: np.einsum(subscripts, *x), *map(numbers, shapes))


@given(shapes=mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3))
@settings(max_examples=60)
def test_any_matmul(shapes):
    assert_transposes(np.matmul, *map(numbers, shapes.input_shapes))


@st.composite
def indexed(draw):
    """A shape and an index: basic, or with integer arrays and masks among slices and None."""
    shape = draw(array_shapes(max_dims=3, max_side=3))
    if draw(st.booleans()):
        return shape, draw(basic_indices(shape, allow_newaxis=True))
    picked = draw(array_shapes(max_dims=2, max_side=2))
    index = []
    for n in shape:
        kind = draw(st.sampled_from(["array", "array", "slice", "number", "mask"]))
        if kind == "array":
            index.append(draw(arrays(np.intp, picked, elements=st.integers(-n, n - 1))))
        elif kind == "mask":  # with as many True as the arrays are long, which is 1: any fit
            index.append(np.arange(n) == draw(st.integers(0, n - 1)))
        elif kind == "number":
            index.append(draw(st.integers(-n, n - 1)))
        else:
            index.append(draw(st.slices(n)))
        if draw(st.integers(0, 4)) == 0:
            index.append(None)
    return shape, tuple(index)


@given(drawn=indexed())
@settings(max_examples=150)
def test_any_index(drawn):
    shape, index = drawn
    assert_transposes(lambda x: x[index], numbers(shape))


@given(data=st.data())
@settings(max_examples=60)
def test_any_tensordot(data):
    lengths = data.draw(st.lists(st.integers(1, 3), min_size=0, max_size=2))
    shapes, axes = [], []
    for _ in range(2):
        own = data.draw(st.lists(st.integers(1, 3), max_size=2))
        order = data.draw(st.permutations(range(len(own) + len(lengths))))
        whole = [*lengths, *own]
        shapes.append(tuple([whole[i] for i in order]))
        axes.append([order.index(i) for i in range(len(lengths))])
    assert_transposes(lambda x, y: np.tensordot(x, y, axes), *map(numbers, shapes))


@given(data=st.data(), mode=st.sampled_from(["constant", "edge", "reflect", "symmetric", "wrap"]))
@settings(max_examples=60)
def test_any_pad(data, mode):
    shape = data.draw(array_shapes(max_dims=2, max_side=3))
    width = [(data.draw(st.integers(0, 4)), data.draw(st.integers(0, 4))) for _ in shape]
    assert_transposes(lambda x: np.pad(x, width, mode), numbers(shape))


ALONG_AXES = {  # which take an axis that is None, an integer, or a tuple; and keepdims
    *("sum", "prod", "mean", "var", "std", "max", "min", "ptp", "median", "nansum", "nanprod"),
    *("nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanmedian", "average"),
}


@given(data=st.data())
@settings(max_examples=6)
@pytest.mark.parametrize("name", sorted(ALONG_AXES))
def test_any_axis(name, data):
    """Reductions, of shapes and along axes of every kind, with nan and conditions among them."""
    shape = data.draw(array_shapes(max_dims=3, max_side=3))
    axes = data.draw(st.permutations(range(-len(shape), 0)))[: data.draw(st.integers(1, 3))]
    axis = data.draw(st.sampled_from([None, axes[0], np.int64(axes[0] + len(shape)), tuple(axes)]))
    options = {"axis": axis, "keepdims": data.draw(st.booleans())}
    x = np.sin(1.0 + np.arange(np.prod(shape)) * 1.7).reshape(shape)
    takes_where = name not in ("ptp", "median", "average", "nanmedian")
    if takes_where and data.draw(st.booleans()):
        options["where"] = np.zeros(shape, bool) | (np.arange(shape[-1]) % 2 == 0)
        options |= {"initial": 0.3} if name[-3:] in ("max", "min") else {}
    if name.startswith("nan"):
        x.flat[data.draw(st.integers(0, x.size - 1))] = np.nan
    function = getattr(np, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a slice of nan alone
        expected = function(x, **options)
        result, tangent = jvp(lambda v: function(v, **options), x, np.cos(x))
        np.testing.assert_allclose(result, expected, rtol=1e-13, atol=1e-14)
        assert np.shape(result) == np.shape(tangent) == np.shape(expected)
        h = 1e-6 * np.cos(x)
        slope = (function(x + h, **options) - function(x - h, **options)) / 2e-6
        [gradient] = vjp(lambda v: function(v, **options), x)[1](weights(np.shape(expected)))
    usual = np.isfinite(slope) & (np.abs(expected) > 1e-9)  # at the tip of std: a convention
    np.testing.assert_allclose(np.where(usual, tangent - slope, 0), 0, atol=1e-7)
    if np.all(usual):
        across = np.sum((gradient * np.cos(x))[np.isfinite(x)])
        assert np.sum(weights(np.shape(expected)) * tangent) == pytest.approx(across, abs=1e-11)


# --- Points where a formula could go wrong --------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "axis", "expected"),
    [
        ([2.0, 0.0, 3.0], None, [0, 6, 0]),  # the others' product: dividing by 0 would give nan
        ([0.0, 0.0, 3.0], None, [0, 0, 0]),
        ([[2.0, 0.0], [0.0, 5.0]], 1, [[0, 2], [5, 0]]),
        ([[2.0, 0.0], [0.0, 5.0]], (0, 1), [[0, 0], [0, 0]]),
        ([0.0], 0, [1]),
    ],
)
def test_gradient_of_a_product_with_zeros_is_exact(given, axis, expected):
    x = Value(given)
    x.prod(axis=axis).sum().backward()
    np.testing.assert_array_equal(x.grad, expected)


def test_second_derivative_of_a_product_with_a_zero_is_exact():
    found = hvp(np.prod, np.array([2.0, 0.0, 3.0]), np.array([1.0, 0.0, 0.0]))
    np.testing.assert_array_equal(found, [0, 3, 0])


@pytest.mark.parametrize(
    "text",
    [
        *("np.linalg.norm(x)", "np.linalg.norm(x, 3)", "np.linalg.norm(x, 1)"),
        *("np.linalg.norm(x, np.inf)", "np.std(x)", "np.std(x, ddof=1)", "np.hypot(x, 0.0).sum()"),
    ],
)
def test_length_of_nothing_has_slope_zero(text):
    """Not nan, and no warning (which pytest would turn into an error): 0/0 is never computed."""
    x = Value(np.zeros(3))
    result = eval(text, {"np": np, "x": x})
    result.backward()
    assert result.data == 0
    np.testing.assert_array_equal(x.grad, [0, 0, 0])


def test_equal_elements_keep_their_places_in_a_sort():
    x = Value([2.0, 1.0, 2.0, 1.0])
    np.sort(x, kind="stable").backward([1, 2, 3, 4])
    np.testing.assert_array_equal(x.grad, [3, 1, 4, 2])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_gradient_of_a_reshape_does_not_depend_on_the_memory(order, layout):
    array = np.asarray(numbers((2, 3)), order=layout)
    assert_transposes(lambda x: np.reshape(x, (3, 2), order=order), array)
    assert_transposes(lambda x: np.ravel(x, order), array)
    assert_transposes(lambda x: np.reshape(x * 2, (3, 2), order=order), array)


@pytest.mark.parametrize("call", [np.ravel, lambda x, order: np.reshape(x, (3, 2), order=order)])
def test_an_order_that_depends_on_the_memory_is_refused(call):
    """order="A" means F for an array that lies in memory so: but the gradient may lie otherwise."""
    with pytest.raises(ValueError, match=r"reshape\(x \(2, 3\).*'A' depends on memory; give 'C'"):
        call(Value(numbers((2, 3)), label="x"), "A")


OF_NOTHING = [
    *[
        case
        for name in ("mean", "var", "std")
        for case in [*one(f"np.{name}(x)", (0,)), *one(f"np.{name}(x, axis=0)", (0, 3))]
    ],
    *[
        case
        for name in ("var", "std")
        for case in [
            *one(f"np.{name}(x, ddof=3)", (3,)),
            *one(f"np.{name}(x, ddof=4)", (3,)),  # never a negative variance
            *one(f"np.{name}(x, axis=0, ddof=3)", (2, 3)),
        ]
    ],
]


@pytest.mark.parametrize("case", OF_NOTHING, ids=str)
def test_mean_of_nothing_is_numpys_and_comes_with_a_warning(case):
    [array] = case.points()
    with pytest.warns(RuntimeWarning):
        expected = case(np, array)
    with pytest.warns(RuntimeWarning):
        result = case(np, Value(array))
    np.testing.assert_array_equal(result.data, expected)


@pytest.mark.parametrize(
    "text", ["np.take(x, i)", "np.repeat(x, i)", "np.take_along_axis(x, i, 0)", "x[i]"]
)
def test_index_may_be_changed_after_it_was_used(text):
    x, i = Value(np.ones(3)), np.array([1, 1, 2])
    result = eval(text, {"np": np, "x": x, "i": i})
    result.backward(np.ones(result.shape))
    before, x.grad = x.grad, None
    i[:] = 0
    result.backward(np.ones(result.shape))
    np.testing.assert_array_equal(x.grad, before)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: np.concatenate([x, [np.inf]]), [1, 2, 0]),
        (lambda x: np.stack([x, np.array([np.inf, np.nan])]), [[1, 2], [0, 0]]),
        (lambda x: np.pad(x, 1, constant_values=np.inf), [0, 1, 2, 0]),
        (lambda x: np.where(np.array([True, False]), x, np.inf), [1, 0]),
        (lambda x: np.append([np.inf], 0.0) + x, [1, 2]),
    ],
    ids=["concatenate", "stack", "pad", "where", "add"],
)
def test_constant_that_is_infinite_does_not_move(function, expected):
    """Its tangent is 0 and not 0 · inf, which is nan."""
    _, tangent = jvp(function, np.array([0.5, 1.5]), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(tangent, expected)


def test_gradient_by_an_argument_that_is_not_used_is_zero_even_if_that_is_infinite():
    _, unused = grad(lambda x, y: np.sum(x), (0, 1))(np.ones(2), np.array([np.inf, np.nan]))
    np.testing.assert_array_equal(unused, [0, 0])


@pytest.mark.parametrize(
    "text", ["np.stack(parts)", "np.concatenate(parts, axis=None)", "np.einsum('i,,', *parts)"]
)
def test_arguments_may_be_python_numbers(text):
    parts = [Value([1.0, 2.0]), 3.0, 2] if "stack" not in text else [Value(1.0), 3.0, 2]
    plain = [getattr(part, "data", part) for part in parts]
    result = eval(text, {"np": np, "parts": parts})
    np.testing.assert_array_equal(result.data, eval(text, {"np": np, "parts": plain}))


def test_split_gives_a_list_of_values_each_with_its_own_gradient():
    x = Value(np.arange(6.0))
    pieces = np.split(x, [1, 3])
    assert isinstance(pieces, list)
    first, second, third = pieces
    (second.sum() * 2 + third[0] * 5).backward()
    np.testing.assert_array_equal(x.grad, [0, 2, 2, 5, 0, 0])
    assert first.grad is None


# --- What is refused, and in which words ----------------------------------------------------------
#
# X and W are (2, 3), V is (4,), T is (2, 3, 4), S a scalar; A is an array of X's numbers. Where
# NumPy refuses too, the class is NumPy's; what must be in the message stands in the table.

OPERANDS = {"X": (2, 3), "W": (2, 3), "V": (4,), "T": (2, 3, 4), "S": ()}
ARRAYS = {name: numbers(shape)[()] for name, shape in OPERANDS.items()}
ROW = "X (2, 3)"

AS_NUMPY_DOES = {
    # shapes that do not fit
    "X + V": ("add", ROW, "V (4,)"),
    "X ** V": ("pow", ROW, "V (4,)"),
    "np.arctan2(X, V)": ("arctan2", ROW, "V (4,)"),
    "np.maximum(X, V)": ("maximum", ROW, "V (4,)"),
    "np.clip(X, V, None)": (ROW, "V (4,)"),
    "np.where(X > 0, X, V)": ("where", ROW, "V (4,)"),
    "X @ W": ("matmul", ROW, "W (2, 3)"),
    "np.matmul(X, S)": ("matmul", ROW, "S ()"),
    "np.dot(X, W)": (ROW, "W (2, 3)"),
    "X.dot(V)": (ROW, "V (4,)"),
    "np.dot(T, T)": ("T (2, 3, 4)",),
    "np.dot(X[:, :1], T)": ("(2, 1)", "T (2, 3, 4)"),  # 1 is not stretched: this is no einsum
    "np.tensordot(X, W, 1)": (ROW, "W (2, 3)"),
    "np.tensordot(X[:, :1], W, 1)": ("(2, 1)", "W (2, 3)"),
    "np.tensordot(X, W, ([0], [0, 1]))": ("tensordot",),
    "np.tensordot(X, W, ([5], [0]))": ("tensordot", ROW),
    "np.tensordot(X, W, 3)": ("tensordot", ROW),
    "np.stack([X, V])": ("stack", ROW, "V (4,)"),
    "np.concatenate([X, V])": ("concatenate", ROW, "V (4,)"),
    "np.concatenate([X, V], axis=1)": ("concatenate", ROW, "V (4,)"),
    "np.concatenate([X, W[:, :2]])": ("concatenate", ROW, "(2, 2)"),
    "np.concatenate([S, S])": ("concatenate", "S ()"),
    "np.broadcast_to(X, (2, 4))": ("broadcast_to", ROW, "(2, 4)"),
    "np.broadcast_to(X[:1], (3,))": ("broadcast_to", "(1, 3)", "(3,)"),
    "np.broadcast_to(X, 3)": ("broadcast_to", ROW),
    "np.reshape(X, 4)": ("reshape", ROW, "4"),
    "X.reshape(2, -1, -1)": ("reshape", ROW, "(2, -1, -1)"),
    "np.reshape(X, 6, order='Q')": ("reshape", ROW, "'Q'"),
    "np.split(X, 2, axis=1)": ("split", ROW),
    "np.repeat(X, [1, 2], axis=1)": ("repeat", ROW, "[1, 2]"),
    "np.repeat(X, -1)": ("repeat", ROW),
    "np.tile(X, -1)": ("tile", ROW),
    "np.squeeze(X, 0)": ("squeeze", ROW),
    "X.squeeze(axis=1)": ("squeeze", ROW),
    "np.transpose(X, (0, 0))": ("transpose", ROW),
    "np.transpose(X, (0, 1, 2))": ("transpose", ROW),
    "np.moveaxis(X, [0, 1], 0)": ("moveaxis", ROW),
    "V.mT": ("V (4,)",),
    "np.diagonal(V)": ("diagonal", "V (4,)"),
    "np.trace(V)": ("V (4,)",),
    "np.triu(S)": ("triu", "S ()"),
    "np.max(X[:0])": ("max", "(0, 3)"),
    "np.max(X, where=[True, False, True])": ("max", ROW, "initial"),
    "np.sum(X, where=[True, False])": ("sum", ROW),
    "np.sum(V, where=[[True]])": ("sum", "V (4,)"),
    "np.var(X, ddof=1, correction=1)": ("var", "ddof", "correction"),
    "np.quantile(X, 1.5)": ("quantile", ROW, "1.5"),
    "np.percentile(X, [50, 101])": ("percentile", ROW),
    "np.diff(S)": ("diff", "S ()"),
    "np.diff(X, -1)": ("diff", ROW, "-1"),
    "np.gradient(X[:1])": ("gradient", "(1, 3)"),
    "np.gradient(V, [0.0, 1.0])": ("gradient", "V (4,)"),
    "np.gradient(V, 1.0, 2.0)": ("gradient", "V (4,)"),
    "np.interp(V, [0.0, 1.0], [1.0])": ("interp", "V (4,)"),
    "np.linspace(S, 1.0, -1)": ("linspace", "-1"),
    "np.average(X, weights=[1.0, 2.0])": ("average", ROW),
    "np.average(X, axis=0, weights=[1.0, -1.0])": ("average", ROW, "sum to zero"),
    "np.choose([0, 2], [X[0, :2], 1.0])": ("choose",),
    "np.select([X > 0], [X, W])": ("select",),
    "np.block([[X], W])": ("block",),
    "np.block([X, []])": ("block",),
    "np.hsplit(S, 1)": ("hsplit", "S ()"),
    "np.vsplit(V, 2)": ("vsplit", "V (4,)"),
    "np.unstack(S)": ("unstack", "S ()"),
    "np.diag(T)": ("diag", "T (2, 3, 4)"),
    "np.diag(S)": ("diag", "S ()"),
    "np.matrix_transpose(V)": ("matrix_transpose", "V (4,)"),
    "np.convolve(X, V)": ("convolve", ROW),
    "np.convolve(V, V, 'nonsense')": ("convolve", "nonsense"),
    "np.convolve(V, [])": ("convolve", "V (4,)"),
    "np.cov(T)": ("cov", "T (2, 3, 4)"),
    "np.delete(V, 9)": ("delete", "V (4,)", "9"),
    "np.insert(V, 9, 1.0)": ("insert", "V (4,)", "9"),
    "np.inner(X, V)": ("inner", ROW, "V (4,)"),
    "np.vdot(X, V)": ("vdot", ROW, "V (4,)"),
    "np.vstack([X, V])": ("vstack", ROW, "V (4,)"),
    "np.hstack([X, V])": ("hstack", ROW, "V (4,)"),
    "np.take(X, 9, mode='nonsense')": ("take", "nonsense"),
    "np.partition(V, 9)": ("partition", "V (4,)", "9"),
    "np.rot90(V)": ("rot90", "V (4,)"),
    "np.fliplr(V)": ("fliplr", "V (4,)"),
    "np.cumulative_sum(X)": ("cumulative_sum", ROW),
    "np.cumprod(X, 2)": ("cumprod", ROW, "2"),
    "np.median(X, 2)": ("median", ROW, "2"),
    "np.roll(X, (1, 2), (0, 1, 1))": ("roll", ROW),
    "np.pad(X, -1)": ("pad", ROW),
    "np.pad(X, -1, 'edge')": ("pad", ROW),
    "np.pad(X, ((1, 1), (1, 1), (1, 1)))": ("pad", ROW),
    "np.pad(X, 1.5)": ("pad", ROW),
    "np.pad(X, 1, 'nonsense')": ("pad", "nonsense", "edge", "reflect"),
    "np.pad(X, 1, 'edge', constant_values=3)": ("pad", "constant_values"),
    "np.pad(X[:0], 1, 'edge')": ("pad", "(0, 3)"),
    "np.sort(S)": ("S ()",),
    "np.sort(X, kind='nonsense')": ("sort", "nonsense"),
    "np.clip(X, 0, 1, min=0)": ("clip", "min"),
    # einsum
    "np.einsum('ij,jk', X)": ("einsum", "'ij,jk'", "2", "1"),
    "np.einsum('ij', X, W)": ("einsum", "'ij'", "1", "2"),
    "np.einsum('ij,jk', X, W)": ("einsum", ROW, "W (2, 3)", "'j'"),
    "np.einsum('ijk', X)": ("einsum", ROW),
    "np.einsum('i', X)": ("einsum", ROW),
    "np.einsum('...ijk', X)": ("einsum", ROW, "...ijk"),
    "np.einsum('...i->i', X)": ("einsum", ROW),
    "np.einsum('ii', X)": ("einsum", ROW, "'i'"),
    "np.einsum('ij->ijj', X)": ("einsum", ROW, "j"),
    "np.einsum('ij->k', X)": ("einsum", ROW, "k"),
    "np.einsum('i1', X)": ("einsum", "1"),
    # an axis that is not there
    **{
        f"np.{name}(X, axis={axis})": (ROW, str(axis))
        for name in ("sum", "mean", "max", "min", "var", "std", "prod", "cumsum", "linalg.norm")
        for axis in (2, -3)
    },
    **{f"np.{name}(X, axis=2)": (name, ROW, "2") for name in ("flip", "sort", "squeeze")},
    "np.prod(S, axis=1)": ("prod", "S ()"),
    "np.sum(X, axis=(0, 0))": ("sum", ROW),
    "np.prod(X, axis=(0, 0))": ("prod", ROW),
    "np.linalg.norm(X, axis=(0, 0))": ("norm", ROW),
    "np.stack([X, W], axis=5)": ("stack", ROW, "5"),
    "np.concatenate([X, W], axis=5)": ("concatenate", ROW, "5"),
    "np.expand_dims(X, 5)": ("expand_dims", ROW, "5"),
    "np.swapaxes(X, 0, 5)": ("swapaxes", ROW, "5"),
    "np.moveaxis(X, 0, 5)": ("moveaxis", ROW, "5"),
    "np.transpose(X, (0, 5))": ("transpose", ROW, "5"),
    "np.roll(X, 1, 5)": ("roll", ROW, "5"),
    "np.repeat(X, 2, axis=5)": ("repeat", ROW, "5"),
    "np.take(X, 0, axis=5)": ("take", ROW, "5"),
    "np.split(X, 2, axis=5)": ("split", ROW, "5"),
    "np.split(S, 2)": ("split", "S ()"),
    "np.trace(X, axis1=5)": (ROW, "5"),
    "np.trace(X, axis1=0, axis2=0)": (ROW, "axis"),
    # an axis that is no integer
    "np.sum(X, axis=1.5)": ("sum", ROW, "1.5"),
    "np.max(X, axis=[0, 1])": ("max", ROW),
    "np.prod(X, axis=1.5)": ("prod", ROW),
    "np.tile(X, 1.5)": ("tile", ROW, "1.5"),
    # indices
    "X[2]": ("getitem", ROW, "2"),
    "X[0, 0, 0]": ("getitem", ROW, "(0, 0, 0)"),
    "X['a']": ("getitem", ROW, "'a'"),
    "X[1.0]": ("getitem", ROW, "1.0"),
    "X[[0, 5]]": ("getitem", ROW, "5"),
    "X[np.array([[0, 5], [1, 1]])]": ("getitem", ROW, "5"),
    "X[np.zeros((3, 3), bool)]": ("getitem", ROW),
    "np.take(X, 7)": ("take", ROW, "7"),
    "np.take(X, np.array([[0, 5], [1, 1]]), axis=1)": ("take", ROW, "5"),
    "np.take_along_axis(X, np.array([[5], [0]]), 1)": ("take_along_axis", ROW, "5"),
    "np.take_along_axis(X, np.array([0]), 1)": ("take_along_axis", ROW),
    "np.take_along_axis(X, np.array([[0.5]]), 1)": ("take_along_axis", ROW),
    # norms that NumPy has not either
    "np.linalg.norm(V, 'fro')": ("norm", "fro"),
    "np.linalg.norm(V, 'nonsense')": ("norm", "nonsense"),
    "np.linalg.norm(T, axis=(0, 1, 2))": ("norm",),
    "np.linalg.norm(T, 'fro')": ("norm", "fro"),
    "np.linalg.norm(T, 2)": ("norm", "3 dimensions"),
    "np.linalg.norm(S, 2)": ("norm",),
}

ONLY_HERE = {
    # a norm that is a count
    "np.linalg.norm(V, 0)": (ValueError, ("norm", "ord=0")),
    # modes and orders
    "np.pad(X, 1, 'median')": (ValueError, ("pad", "median", "edge", "reflect")),
    "np.pad(X, 1, mode='linear_ramp', end_values=2)": (TypeError, ("pad", "end_values")),
    "np.pad(X, 1, mode='reflect', reflect_type='odd')": (TypeError, ("pad", "reflect_type")),
    "np.ravel(X, order='K')": (ValueError, ("X (2, 3)", "'K'")),
    "np.quantile(X, 0.5, method='weibull')": (ValueError, ("quantile", "'weibull'", "linear")),
    "np.cross(X[:, :2], [1.0, 2.0])": (ValueError, ("cross", "3 elements", "x[0] * y[1]")),
    # options: where the result goes, what it is made of, which elements take part
    **{
        f"np.{name}({operands}, {option})": (TypeError, (f"np.{name}", option.partition("=")[0]))
        for name, operands in [("exp", "X"), ("add", "X, W"), ("maximum", "X, 0")]
        for option in ("out=A", "where=A > 0")
    },
    **{
        f"np.{name}(X, out=A)": (TypeError, (f"np.{name}", "out"))
        for name in (
            *("sum", "mean", "prod", "max", "amin", "var", "std", "ptp", "cumsum", "cumprod"),
            *("median", "nanmax", "nansum", "round", "clip"),
        )
    },
    "np.sum(X, 0, None, A)": (TypeError, ("np.sum", "out")),
    "X.sum(out=A)": (TypeError, ("np.sum", "out")),
    "np.sum(X, dtype=int)": (TypeError, ("astype", "int", "floating")),
    "np.exp(X, dtype=int)": (TypeError, ("astype", "int", "floating")),
    "np.matmul(X, W.T, out=A)": (TypeError, ("matmul", "out")),
    "np.clip(X, 0, 1, dtype=np.float32)": (TypeError, ("clip", "dtype")),
    "np.concatenate([X, W], out=A)": (TypeError, ("concatenate", "out")),
    "np.stack([X, W], out=A)": (TypeError, ("stack", "out")),
    "np.dot(X, W, out=A)": (TypeError, ("dot", "out")),
    "np.outer(X, W, out=A)": (TypeError, ("outer", "out")),
    "np.einsum('ij,jk', X, W.T, out=A)": (TypeError, ("einsum", "out")),
    "np.einsum('ij', X, dtype=np.float32)": (TypeError, ("einsum", "dtype")),
    "np.take(X, 0, out=A)": (TypeError, ("take", "out")),
    "np.reshape(X, 6, copy=True)": (TypeError, ("reshape", "copy")),
    "np.broadcast_to(X, (2, 3), subok=True)": (TypeError, ("broadcast_to", "subok")),
    "X.clip(0, 1, out=A)": (TypeError, ("clip", "out")),
    # no function of ours: the nearest is named, and exists
    "np.unique(X)": (TypeError, ("np.unique", "not differentiated", "np.sort is the nearest")),
    "np.frexp(X)": (TypeError, ("np.frexp", "not differentiated", "nothing near")),
    "np.maximum.accumulate(X)": (TypeError, ("np.maximum.accumulate", "np.add.accumulate")),
    "np.add.at(A, [0], X)": (TypeError, ("np.add.at", "not differentiated")),
    "np.add.reduceat(X, [0])": (TypeError, ("np.add.reduceat", "np.add.reduce")),
    # a Value where NumPy wants whole numbers
    "np.tile(A, X)": (TypeError, ("tile",)),
    "np.split(A, X)": (TypeError, ("split",)),
    "np.take_along_axis(A, X, 1)": ((TypeError, IndexError), ("take_along_axis",)),
    "np.take_along_axis(X, W, 1)": ((TypeError, IndexError), ("take_along_axis",)),
    "X[W]": ((TypeError, IndexError), ("Value",)),
    "A.dot(X)": (TypeError, ("Value",)),
    "np.take(X, W)": ((TypeError, IndexError), ("Value",)),
    "np.take(X, W, mode='wrap')": (TypeError, ("take", "Value")),
    "np.delete(V, S)": (TypeError, ("delete", "Value")),
    "np.insert(V, S, 1.0)": (TypeError, ("insert", "Value")),
    "np.ldexp(X, W)": (TypeError, ("ldexp", "Value")),
    "np.quantile(V, S)": (TypeError, ("quantile", "Value")),
    "np.repeat(X, W)": ((TypeError, ValueError), ("Value",)),
    "np.pad(X, 1, constant_values=S)": (TypeError, ("Value",)),
}


def refuse(text, error, words):
    """Run it on labelled Values; the message is one line, for a person, with the words in it."""
    values = {name: Value(array, label=name) for name, array in ARRAYS.items()}
    with pytest.raises(error) as caught:
        eval(text, {"np": np, "A": ARRAYS["X"].copy(), **values})
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    assert "dtype=object" not in message
    assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize("text", AS_NUMPY_DOES)
def test_refused_with_numpys_class_of_error_and_a_useful_text(text):
    with pytest.raises(Exception) as numpys:  # noqa: PT011 - which, is the question
        eval(text, {"np": np, **ARRAYS})
    refuse(text, type(numpys.value), AS_NUMPY_DOES[text])


@pytest.mark.parametrize("text", ONLY_HERE)
def test_refused_where_numpy_would_not_with_a_reason(text):
    refuse(text, *ONLY_HERE[text])


def test_long_index_does_not_flood_the_message():
    x = Value(np.ones((50, 50)), label="x")
    with pytest.raises(IndexError) as caught:
        x[np.full((30, 30), 77)]
    assert "77" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_take_along_the_last_axis_where_none_is_given():
    x, places = numbers((2, 3, 4)), np.argsort(numbers((2, 3, 4)), axis=-1)
    found = ops.take_along_axis(Value(x), places).data
    np.testing.assert_array_equal(found, np.sort(x, axis=-1))
