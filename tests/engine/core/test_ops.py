"""Every record of the table: its numbers, its derivatives, its formula, its awkward points.

A case is one way to call a record. The first half of the file asks the same questions of every
case, so a new record needs a line in ``CASES`` and one in ``CLOSED_FORMS``; the second half is
about points where a derivative is a matter of convention or of care.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tinygrad_hw.engine import (
    Value,
    backward_steps,
    grad,
    gradcheck,
    hessian,
    hvp,
    jacobian,
    jvp,
    numpy_api,
    ops,
    vjp,
)
from tinygrad_hw.engine.composite import Composite
from tinygrad_hw.engine.core.chain_rule import pull, push
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Pointwise

INF = np.inf
EPS = 2.0**-52
TABLE = numpy_api.TABLE


# --- The cases: every record has at least one, in the shapes that can go wrong --------------------


@dataclass(frozen=True)
class Case:
    """One way to call a record: shapes of its operands, and attributes."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def record(self):
        return TABLE[self.name]

    def __call__(self, *operands):
        return self.record(*operands, **self.attributes)

    def __str__(self):
        options = [f"{k}={str(v).replace(chr(10), '')}" for k, v in self.attributes.items()]
        return "-".join([self.name, *map(str, self.shapes), *options]).replace(" ", "")


ELEMENTWISE = [
    *("neg", "pos", "reciprocal", "square", "abs", "sign", "sqrt", "cbrt"),
    *("exp", "expm1", "log", "log1p", "log2", "log10"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("sigmoid", "softplus", "silu", "normal_cdf", "gelu", "relu", "leaky_relu", "elu"),
    *("floor", "ceil", "trunc", "rint", "exp2"),
]
PAIRED = ["add", "sub", "mul", "div", "pow"]
PAIRED += ["maximum", "minimum", "hypot", "arctan2", "logaddexp", "logaddexp2"]
PAIRED += ["fmax", "fmin", "copysign", "heaviside", "floor_divide", "remainder", "fmod"]
KINKED = {  # central differences must not straddle a kink, a jump, a tie or a pole
    *(
        "abs",
        "sign",
        "relu",
        "leaky_relu",
        "elu",
        "maximum",
        "minimum",
        "max",
        "min",
        "clip",
        "max_pool",
    ),
    *("norm", "std", "hypot", "arctan2", "fmax", "fmin", "copysign", "heaviside"),
    *("floor", "ceil", "trunc", "rint", "floor_divide", "remainder", "fmod"),
}

ONE = [(), (4,), (2, 3), (0, 3)]
PAIRS = [
    ((), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((3,), (4, 1, 3)),
    ((0, 3), (3,)),
    ((1,), (0,)),
]
REDUCED = [
    ((), {}),
    ((), {"axis": -1}),
    ((4,), {"axis": 0}),
    ((2, 3), {}),
    ((2, 3), {"keepdims": True}),
    ((2, 3), {"axis": 1}),
    ((2, 3), {"axis": np.int64(0)}),
    ((2, 3), {"axis": -2, "keepdims": True}),
    ((2, 3), {"axis": ()}),
    ((2, 3, 2), {"axis": (0, -1)}),
    ((2, 3, 2), {"axis": (-1, 1), "keepdims": True}),
    ((2, 3, 2), {"axis": 1}),
    ((0, 3), {"axis": 1}),
]
OF_NOTHING = [((0,), {}), ((2, 0), {"axis": 1}), ((2, 0), {"axis": -1, "keepdims": True})]
DEVIATIONS = [
    ((4,), {"ddof": 1}),
    ((2, 3), {"axis": 1, "ddof": 1}),
    ((2, 3, 2), {"axis": (0, 2), "ddof": 1.5, "keepdims": True}),
]
ORDERS = [
    ((4,), {"ord": 3}),
    ((4,), {"ord": 1}),
    ((4,), {"ord": -1}),
    ((2, 3), {"ord": 1.5, "axis": -1}),
    ((2, 3), {"ord": 4, "axis": 0, "keepdims": True}),
    ((2, 3, 2), {"ord": 2.5, "axis": (0, 2)}),
]
MASK = np.array([True, False, True])
REPEATED = np.array([2, 0, 2])
INDEXED = [
    ((4,), 1),
    ((4,), -1),
    ((4,), np.int64(-2)),
    ((4,), slice(None, None, -2)),
    ((4,), slice(3, 1)),
    ((4,), ...),
    ((4,), None),
    ((2, 3), (..., 0)),
    ((2, 3), (1, 2)),
    ((2, 3), (slice(None), None, slice(1, 3))),
    ((3,), [0, 0, 0]),
    ((3,), []),
    ((3, 2), REPEATED),
    ((3, 2), REPEATED.astype(np.uint8)),
    ((3, 2), [[0, 1], [2, 2]]),
    ((3, 2), MASK),
    ((3, 2), np.eye(3, 2, dtype=bool)),
    ((3, 2), np.zeros(3, bool)),
    ((3, 3), (REPEATED, np.array([1, 1, 1]))),
    ((3, 3), (REPEATED[:, None], [0, 2])),
    ((3, 3), (slice(None), REPEATED)),
    ((3, 2), (MASK, [1, 1])),
    ((2, 3, 2), ([1, 1], slice(None), [0, 1])),  # indices apart: their dimension comes first
    ((2, 3, 2), (0, ..., None, [1, 1])),
    ((0, 3), slice(None)),
    ((0, 3), (slice(None), 1)),
]
EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("bij,bjk->bik", (2, 1, 3), (2, 3, 2)),
    ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)),
    ("i,i->", (3,), (3,)),
    ("i,j->ij", (2,), (3,)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii->", (3, 3)),
    ("iij->j", (2, 2, 3)),
    ("iijj->ji", (2, 2, 3, 3)),
    ("ii,i->i", (3, 3), (3,)),
    ("ij,ij,i->j", (2, 3), (2, 3), (2,)),
    ("ij,->ij", (2, 3), ()),
    (",->", (), ()),
    ("ij,jk->ik", (2, 1), (3, 4)),  # a length of 1 broadcasts
    ("ii,i->i", (1, 1), (3,)),
    ("ij,j->i", (0, 3), (3,)),
    ("ij,jk->ik", (2, 0), (0, 3)),
]


def of_one(cases):
    """Cases of one operand, from pairs of a shape and attributes."""
    return [((shape,), attributes) for shape, attributes in cases]


def rows(names, *table):
    """Cases of one operand, from a shape and the attributes of these names."""
    return [((shape,), dict(zip(names.split(), row, strict=True))) for shape, *row in table]


def plain(*table):
    """Cases without attributes, from the shapes of all operands."""
    return [(shapes, {}) for shapes in table]


def _shape_after(shape, index):
    return np.empty(shape)[index].shape


IMAGES = np.round(np.random.default_rng(4).normal(size=(2, 3, 4, 1)))  # with equal numbers
WINDOWS = [((2, 2), (2, 2)), ((2, 3), (1, 1)), ((1, 2), (2, 1)), ((3, 1), (4, 3))]


def maxima_of(size, strides):
    every = np.lib.stride_tricks.sliding_window_view(IMAGES, size, axis=(1, 2))
    return every[:, :: strides[0], :: strides[1]].max((4, 5))


# fmt: off
CASES: dict[str, list[Any]] = {
    **dict.fromkeys(ELEMENTWISE, plain(*[(shape,) for shape in ONE])),
    **dict.fromkeys(PAIRED, plain(*PAIRS)),
    "leaky_relu": rows("negative_slope", *[(shape, slope) for shape in ONE for slope in (0.01, 3)]),
    "elu": rows("alpha", *[(shape, alpha) for shape in ONE for alpha in (1.0, 0.5)]),
    "affine": plain(
        ((),), ((), (), ()), ((), (), (), (), ()), ((3,), (3,), ()), ((0,), (), (0,)),
        ((2, 1), (), (3,), (1, 3), (2, 3)), ((), (2, 3), (2, 1), (3,), ()),
    ),
    "where": [
        (((), ()), {"condition": True}),
        (((2, 3), (3,)), {"condition": False}),
        (((2, 3), ()), {"condition": MASK}),
        (((3,), (2, 1)), {"condition": MASK}),
        (((), ()), {"condition": MASK}),
        (((1,), (0,)), {"condition": np.zeros(0, bool)}),
    ],
    **dict.fromkeys(["max", "min", "logsumexp", "mean", "half_squared_norm"], of_one(REDUCED)),
    **dict.fromkeys(["sum", "prod"], of_one(REDUCED + OF_NOTHING)),
    **dict.fromkeys(["var", "std"], of_one(REDUCED + DEVIATIONS)),
    "norm": of_one(REDUCED + OF_NOTHING + ORDERS),
    "cumsum": rows(
        "axis", ((), None), ((), 0), ((4,), None), ((2, 3), None), ((2, 3), 1), ((2, 3), -2),
        ((2, 3, 2), 1), ((0, 3), 0), ((0, 3), None),
    ),
    "broadcast_to": rows(
        "shape", ((), ()), ((), 3), ((), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 3)),
        ((1,), (4, 2, 3)), ((1, 3), (0, 3)),
    ),
    "reshape": rows(
        "shape", ((), (1, 1)), ((), ()), ((1,), ()), ((2, 3), (3, 2)), ((2, 3), -1), ((2, 3), [6]),
        ((4,), (2, -1)), ((0, 3), (3, 0)),
    ) + rows("shape order", ((2, 3), (3, 2), "F"), ((2, 3), -1, "F"), ((2, 3, 2), (4, 3), "F")),
    "transpose": rows(
        "axes", ((), None), ((3,), None), ((2, 3), None), ((2, 3), [1, 0]), ((2, 3, 4), None),
        ((2, 3, 4), (2, 0, 1)), ((2, 3, 4), (-1, 0, -2)), ((0, 3), None),
    ),
    **dict.fromkeys(["triu", "tril"], rows(
        "k", ((3, 3), 0), ((2, 3), 1), ((3, 2), -1), ((2, 2, 3), 0), ((2, 2), 5), ((0, 3), 0),
        ((3,), 0),  # NumPy makes a matrix of a vector: every row is one
    )),
    "astype": rows("dtype", ((), float), ((4,), np.float64), ((2, 3), float), ((0, 3), np.float64)),
    "flip": rows(
        "axis", ((), None), ((4,), 0), ((2, 3), None), ((2, 3), 0), ((2, 3), -1),
        ((2, 3, 2), (0, -1)), ((0, 3), 1),
    ),
    "roll": rows(
        "shift axis", ((), 1, None), ((4,), 1, None), ((2, 3), 2, None), ((2, 3), -1, 1),
        ((2, 3), (1, 2), (0, -1)), ((2, 3), 1, (0, 1)), ((2, 3), 7, 0), ((0, 3), 1, 1),
    ),
    "getitem": rows("index", *INDEXED),
    "scatter": rows("index shape", *[(_shape_after(*row), row[1], row[0]) for row in INDEXED]),
    "matmul": plain(
        ((2, 3), (3, 4)), ((1, 3), (3, 1)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2)),
        ((1, 2, 3), (4, 3, 2)), ((2, 1, 2, 3), (4, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3)),
        ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((4, 2, 3), (3,)), ((3,), (4, 3, 2)),
        ((0,), (0,)), ((2, 0), (0,)),
    ),
    "einsum": [(tuple(shapes), {"subscripts": text}) for text, *shapes in EINSUMS],
    "concatenate": [
        (((3,),), {"axis": 0, "starts": (0, 3)}),
        (((2, 3), (1, 3)), {"axis": 0, "starts": (0, 2, 3)}),
        (((2, 1), (2, 0), (2, 2)), {"axis": 1, "starts": (0, 1, 1, 3)}),
        (((2, 1), (2, 2)), {"axis": -1, "starts": (0, 1, 3)}),
        (((0,), (2,)), {"axis": 0, "starts": (0, 0, 2)}),
    ],
    "take": rows(
        "indices axis", ((), 0, None), ((4,), 2, None), ((4,), [0, -1, 0], 0), ((2, 3), -1, 1),
        ((2, 3), [5, 0, 5], None), ((2, 3), REPEATED, -1), ((2, 3), [[0, 1], [1, 1]], 0),
        ((2, 3), [], 1), ((0, 3), [1], 1),
    ),
    "take_along_axis": [
        ((shape,), {"indices": np.array(indices), "axis": axis}) for shape, indices, axis in [
            ((4,), [3, 0, 0], 0), ((2, 3), [[2, 0, 0], [1, 1, 1]], 1), ((2, 3), [[0], [1]], -1),
            ((2, 3), [[0, 1, 1]], 0), ((2, 3), [[2, 0]], 1), ((2, 3), [5, 5, 0], None),
            ((2, 3), np.ones((2, 0), int), 1),
        ]
    ],
    "repeat": rows(
        "repeats axis", ((), 3, None), ((4,), 2, 0), ((2, 3), 2, None), ((2, 3), 2, -1),
        ((2, 3), [2, 0], 0), ((2, 3), [1, 2, 3, 0, 1, 1], None), ((2, 3), 0, 1), ((0, 3), 2, 1),
    ),
    "tile": rows(
        "reps", ((), 3), ((), (2, 2)), ((4,), 2), ((2, 3), 2), ((2, 3), (2, 1)),
        ((2, 3), (2, 1, 2)), ((2, 3), ()), ((2, 3), 0), ((0, 3), 2),
    ),
    "diagonal": rows(
        "offset axis1 axis2", ((3, 3), 0, 0, 1), ((2, 3), 1, 0, 1), ((3, 2), -1, 0, 1),
        ((2, 3), 5, 0, 1), ((2, 3, 4), 1, 1, 2), ((2, 3, 4), -1, -1, 0), ((0, 3), 0, 0, 1),
    ),
    "pad": [
        ((shape,), {"pad_width": width, "mode": mode})
        for mode in ("edge", "reflect", "symmetric", "wrap")
        for shape, width in [((4,), 1), ((2, 3), 4), ((2, 3), ((1, 0), (0, 2))), ((2, 3), (2, 1))]
    ],
    **dict.fromkeys(["windows", "max_pool"], of_one([
        ((2, 3, 4, 1), {"size": size, "strides": strides}) for size, strides in WINDOWS
    ])),
    "fold": [
        (((2, 2, 2, 2, 3, 2),), {"strides": (1, 1), "shape": (2, 3, 4, 2)}),
        (((2, 1, 2, 2, 2, 1),), {"strides": (2, 2), "shape": (2, 3, 4, 1)}),
        (((1, 2, 1, 1, 2, 2),), {"strides": (2, 3), "shape": (1, 4, 3, 2)}),
        (((1, 2, 2, 2, 3, 9),), {"strides": (1, 1), "shape": (1, 3, 4, 9)}),
    ],
    **{
        name: [
            ((shape or maxima_of(*windows).shape,),
             {"like": IMAGES, "maxima": maxima_of(*windows), "size": windows[0],
              "strides": windows[1]})
            for windows in WINDOWS
        ]
        for name, shape in [("max_unpool", None), ("max_pick", IMAGES.shape)]
    },
    **dict.fromkeys(["softmax", "log_softmax"], rows(
        "axis", ((), None), ((4,), -1), ((2, 3), -1), ((2, 3), 0), ((2, 3), -2), ((2, 3), None),
        ((2, 3, 2), (0, -1)), ((0, 3), 1),
    )),
    "clip": of_one([
        ((), {"a_min": -0.5, "a_max": 0.5}),
        ((4,), {"a_min": 0}),
        ((4,), {"a_max": 0.5}),
        ((4,), {"a_min": 1.0, "a_max": 0.0}),
        ((4,), {}),
        ((2, 3), {"min": -1.0, "max": 1}),
        ((2, 3), {"min": np.float32([-1, 0, 1])}),
        ((2, 3), {"a_min": np.zeros((2, 1), np.float32), "a_max": 1.0}),
        ((3,), {"min": np.float32([[-1], [0.5]])}),
        ((0, 3), {"max": 0.0}),
    ]),
}
# fmt: on
EVERY_CASE = [Case(name, *arguments) for name in TABLE for arguments in CASES.get(name, [])]


def of_cases(cases):
    return pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in cases])


of_every_case = of_cases(EVERY_CASE)


def test_every_record_has_cases():
    assert {name for name, cases in CASES.items() if cases} == set(TABLE)


def test_every_rule_has_its_formula_and_every_operand_its_domain():
    for record in TABLE.values():
        variadic = record.arity == ANY_NUMBER
        assert len(record.domain) >= (1 if variadic else record.arity)
        of_rules = 0 if isinstance(record, Composite) else 1 if variadic else record.arity
        assert len(record.rules) == len(record.formulas) == of_rules


def points(case, data=None):
    """Operands from the record's domain: drawn by Hypothesis, or the same random ones each time.

    Of a kinked record all numbers, of all operands, are different odd fortieths of the interval's
    half: so none is 0 or a whole tenth, and no two are equal.
    """
    random = np.random.default_rng(len(str(case)))
    domain = case.record.domain
    intervals = [domain[min(i, len(domain) - 1)] for i in range(len(case.shapes))]
    sizes = [math.prod(shape) for shape in case.shapes]
    if case.name in KINKED:
        total = sum(sizes)
        if data is None:
            places = random.permutation(40)[:total]
        else:
            places = data.draw(arrays(np.int64, total, elements=st.integers(0, 39), unique=True))
        parts = np.split(2 * places + 1, np.cumsum(sizes)[:-1])
        return [
            (low + part * (high - low) / 80).reshape(shape)[()]
            for part, shape, (low, high) in zip(parts, case.shapes, intervals, strict=True)
        ]
    if data is None:
        return [
            random.uniform(*interval, shape)
            for shape, interval in zip(case.shapes, intervals, strict=True)
        ]
    return [
        data.draw(arrays(np.float64, shape, elements=st.floats(*interval)))[()]
        for shape, interval in zip(case.shapes, intervals, strict=True)
    ]


def directions(case, seed=3):
    """One random number between 1/2 and 3/2 for each element of each operand."""
    random = np.random.default_rng(seed)
    return [random.uniform(0.5, 1.5, shape)[()] for shape in case.shapes]


def weights_like(result, seed=4):
    return np.random.default_rng(seed).uniform(0.5, 1.5, np.shape(result))[()]


# --- Numbers --------------------------------------------------------------------------------------


def each(function):
    """One of Python's own functions of a number, element by element."""
    return np.vectorize(function, otypes=[float])


def each_vector(function):
    """A reduction, from a function of one list of numbers, by explicit loops."""

    def reduced(x, axis=None, keepdims=False, **options):
        x = np.atleast_1d(x) if axis == -1 else np.asarray(x)
        axes = range(x.ndim) if axis is None else [i % x.ndim for i in np.ravel(axis).astype(int)]
        kept = [i for i in range(x.ndim) if i not in axes]
        out = np.empty([x.shape[i] for i in kept])
        for place in np.ndindex(out.shape):
            index = [slice(None)] * x.ndim
            for i, at in zip(kept, place, strict=True):
                index[i] = at
            out[place] = function(np.ravel(x[tuple(index)]).tolist(), **options)
        return np.expand_dims(out, tuple(axes)) if keepdims else out

    return reduced


def _variance(numbers, ddof=0):
    mean = math.fsum(numbers) / len(numbers)
    return math.fsum((x - mean) ** 2 for x in numbers) / (len(numbers) - ddof)


def _norm(numbers, ord=2):
    return math.fsum(abs(x) ** ord for x in numbers) ** (1 / ord)


def _scatter(x, index, shape):
    """Element by element, through the positions that the index picks."""
    out = np.zeros(shape)
    positions = np.arange(out.size).reshape(shape)[index]
    for position, number in zip(np.ravel(positions), np.ravel(x), strict=True):
        out.flat[position] += number
    return out


def _softmax(x, axis):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def _matmul(x, y):
    """A vector has no letter of its own: neither i nor k."""
    left, right = "j" if x.ndim == 1 else "...ij", "j" if y.ndim == 1 else "...jk"
    return np.einsum(f"{left},{right}->...{left[3:4]}{right[4:5]}", x, y)


def _triangle(keep):
    """Zeros where the column less the row is not as wanted; a vector is a row, over and over."""

    def triangle(x, k):
        x = np.broadcast_to(x, (len(x), len(x))) if np.ndim(x) == 1 else x
        rows, columns = np.indices(x.shape[-2:])
        return np.where(keep(columns - rows, k), x, 0.0)

    return triangle


def _reshape(x, shape, order="C"):
    """In the order F: the same, both seen from behind."""
    if order == "F":
        return np.ravel(x.T).reshape(np.atleast_1d(shape)[::-1]).T
    return np.ravel(x).reshape(shape)


def _flip(x, axis):
    x = np.asarray(x)
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis) % x.ndim
    return x[tuple([slice(None, None, -1 if i in axes else 1) for i in range(x.ndim)])]


def _roll(x, shift, axis):
    if axis is None:
        return _roll(np.ravel(x), shift, 0).reshape(np.shape(x))
    for by, i in np.broadcast(shift, axis):
        x = np.take(x, (np.arange(x.shape[i]) - by) % x.shape[i], i)
    return x


def _concatenate(*parts, axis, starts):
    shape = list(parts[0].shape)
    shape[axis] = starts[-1]
    out = np.full(shape, np.nan)
    for part, start, stop in zip(parts, starts[:-1], starts[1:], strict=True):
        np.moveaxis(out, axis, 0)[start:stop] = np.moveaxis(part, axis, 0)
    return out


def _take(x, indices, axis):
    places = np.asarray(indices, int)
    if axis is None:
        return np.ravel(x)[places]
    return x[(slice(None),) * (axis % x.ndim) + (places,)]


def _take_along_axis(x, indices, axis):
    if axis is None:
        return np.ravel(x)[indices]
    shape = list(x.shape)
    shape[axis] = indices.shape[axis]
    indices, out = np.broadcast_to(indices, shape), np.empty(shape)
    for place in np.ndindex(out.shape):
        origin = list(place)
        origin[axis] = indices[place]
        out[place] = x[tuple(origin)]
    return out


def _repeat(x, repeats, axis):
    x, axis = (np.ravel(x), 0) if axis is None else (x, axis)
    counts = np.broadcast_to(repeats, x.shape[axis])
    return np.take(x, np.array([i for i, n in enumerate(counts) for _ in range(n)], int), axis)


def _diagonal(x, offset, axis1, axis2):
    planes = np.moveaxis(x, (axis1, axis2), (0, 1))
    n = max(min(planes.shape[0] + min(offset, 0), planes.shape[1] - max(offset, 0)), 0)
    i = np.arange(n)
    return np.moveaxis(planes[i - min(offset, 0), i + max(offset, 0)], 0, -1)


PADDING = {  # which element stands at place i of an axis of length n, for any i
    "edge": lambda i, n: np.clip(i, 0, n - 1),
    "wrap": lambda i, n: i % n,
    "symmetric": lambda i, n: np.minimum(i % (2 * n), 2 * n - 1 - i % (2 * n)),
    "reflect": lambda i, n: np.minimum(i % (2 * n - 2), 2 * n - 2 - i % (2 * n - 2)),
}


def _pad(x, pad_width, mode):
    for axis, (before, after) in enumerate(np.broadcast_to(pad_width, (x.ndim, 2))):
        n = x.shape[axis]
        x = np.take(x, PADDING[mode](np.arange(-before, n + after), n), axis)
    return x


def _clip(x, a_min=None, a_max=None, **new):
    low, high = new.get("min", a_min), new.get("max", a_max)
    x = x if low is None else np.where(x < low, low, x)
    return x if high is None else np.where(x > high, high, x)


def _windows(x, size, strides):
    counts = [
        (n - m) // stride + 1 for n, m, stride in zip(x.shape[1:3], size, strides, strict=True)
    ]
    out = np.empty((len(x), *counts, *size, x.shape[3]))
    for i, j, k, m in np.ndindex(*counts, *size):
        out[:, i, j, k, m] = x[:, i * strides[0] + k, j * strides[1] + m]
    return out


def _fold(x, strides, shape):
    out = np.zeros(shape)
    for i, j, k, m in np.ndindex(x.shape[1:5]):
        out[:, i * strides[0] + k, j * strides[1] + m] += x[:, i, j, k, m]
    return out


def _shares(like, maxima, size, strides):
    is_one = _windows(like, size, strides) == maxima[:, :, :, None, None]
    return is_one / is_one.sum(axis=(3, 4), keepdims=True)


def _max_unpool(x, like, maxima, size, strides):
    shares = _shares(like, maxima, size, strides)
    return _fold(x[:, :, :, None, None] * shares, strides, like.shape)


def _max_pick(x, like, maxima, size, strides):
    shares = _shares(like, maxima, size, strides)
    return np.sum(_windows(x, size, strides) * shares, axis=(3, 4))


CLOSED_FORMS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "pos": lambda x: 0 + x,
    "reciprocal": lambda x: np.power(x, -1.0),
    "square": lambda x: x * x,
    "pow": each(math.pow),
    "abs": each(math.fabs),
    "sign": lambda x: x / np.fabs(x),
    **{
        name: each(getattr(math, name))
        for name in (
            *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "hypot"),
            *("sin", "cos", "tan", "sinh", "cosh", "tanh"),
        )
    },
    **{
        f"arc{name}": each(getattr(math, f"a{name}"))
        for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")
    },
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "normal_cdf": each(lambda x: (1 + math.erf(x / math.sqrt(2))) / 2),
    "gelu": each(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
    "relu": lambda x: x * (x > 0),
    "leaky_relu": lambda x, negative_slope=0.01: x * (x > 0) + negative_slope * x * (x < 0),
    "elu": lambda x, alpha=1.0: x * (x > 0) + alpha * (np.exp(x) - 1) * (x < 0),
    "maximum": lambda x, y: np.where(x > y, x, y),
    "minimum": lambda x, y: np.where(x > y, y, x),
    "logaddexp": lambda x, y: np.log(np.exp(x) + np.exp(y)),
    "logaddexp2": lambda x, y: np.log2(2**x + 2**y),
    "exp2": lambda x: 2.0**x,
    "floor": each(math.floor),
    "ceil": each(math.ceil),
    "trunc": each(math.trunc),
    "rint": each(round),
    "floor_divide": each(lambda x, y: math.floor(Fraction(x) / Fraction(y))),
    "remainder": each(lambda x, y: x - y * math.floor(Fraction(x) / Fraction(y))),
    "fmod": each(math.fmod),
    "heaviside": lambda x, y: np.where(x > 0, 1.0, np.where(x < 0, 0.0, y)),
    "copysign": each(math.copysign),
    "fmax": lambda x, y: np.where(x > y, x, y),
    "fmin": lambda x, y: np.where(x > y, y, x),
    "affine": lambda *x: x[-1] + sum(x[i] * x[len(x) // 2 + i] for i in range(len(x) // 2)),
    "where": lambda x, y, condition: np.where(condition, x, y),
    "max": each_vector(max),
    "min": each_vector(min),
    "sum": each_vector(math.fsum),
    "mean": each_vector(lambda numbers: math.fsum(numbers) / len(numbers)),
    "prod": each_vector(math.prod),
    "var": each_vector(_variance),
    "std": each_vector(lambda numbers, **options: math.sqrt(_variance(numbers, **options))),
    "norm": each_vector(_norm),
    "half_squared_norm": each_vector(lambda numbers: math.fsum(x * x for x in numbers) / 2),
    "logsumexp": each_vector(lambda numbers: math.log(math.fsum(map(math.exp, numbers)))),
    "cumsum": lambda x, axis: np.add.accumulate(
        np.ravel(x) if axis is None else np.atleast_1d(x), axis or 0
    ),
    "broadcast_to": lambda x, shape: x * np.ones(shape),
    "reshape": _reshape,
    "transpose": lambda x, axes: np.moveaxis(x, axes, range(x.ndim)) if axes else np.asarray(x).T,
    "astype": lambda x, dtype: x + 0.0,
    "triu": _triangle(np.greater_equal),
    "tril": _triangle(np.less_equal),
    "flip": _flip,
    "roll": _roll,
    "getitem": lambda x, index: np.asarray(x)[index],
    "scatter": _scatter,
    "matmul": _matmul,
    "einsum": lambda *operands, subscripts: np.einsum(subscripts, *operands, optimize=False),
    "concatenate": _concatenate,
    "take": _take,
    "take_along_axis": _take_along_axis,
    "repeat": _repeat,
    "tile": lambda x, reps: np.kron(np.ones(reps), x),
    "diagonal": _diagonal,
    "pad": _pad,
    "windows": _windows,
    "fold": _fold,
    "max_pool": lambda x, **how: _windows(x, **how).max(axis=(3, 4)),
    "max_unpool": _max_unpool,
    "max_pick": _max_pick,
    "softmax": _softmax,
    "log_softmax": lambda x, axis: np.log(_softmax(x, axis)),
    "clip": _clip,
}


@of_every_case
def test_result_is_the_closed_form(case):
    operands = points(case)
    expected = CLOSED_FORMS[case.name](*operands, **case.attributes)
    for result in (case(*operands), case(*map(Value, operands)).data):
        assert np.shape(result) == np.shape(expected)
        np.testing.assert_allclose(result, expected, rtol=1e-14, atol=1e-15)


# --- First derivatives ----------------------------------------------------------------------------


@of_every_case
@given(data=st.data())
@settings(max_examples=5)
def test_gradient_is_the_slope(case, data):
    gradcheck(case, *points(case, data))


@of_every_case
def test_gradient_is_the_slope_for_views_that_are_not_contiguous(case):
    """The operands, and the upstream gradient too, are transposed views with steps of 2."""

    def on_views(*values):
        result = case(*[v[..., ::2].T if v.shape else v for v in values])
        return result.T if result.shape else result

    gradcheck(on_views, *[np.repeat(x.T, 2, axis=-1) if np.ndim(x) else x for x in points(case)])


@of_cases([case for case in EVERY_CASE if len(case.shapes) > 1])
def test_a_constant_operand_changes_nothing_for_the_others(case):
    operands = points(case)
    result, pull_back = vjp(case, *operands)
    seed = weights_like(result)
    for position, (operand, gradient) in enumerate(zip(operands, pull_back(seed), strict=True)):
        leaf = Value(operand)
        case(*operands[:position], leaf, *operands[position + 1 :]).backward(seed)
        np.testing.assert_array_equal(leaf.grad, gradient)


@of_every_case
@given(data=st.data())
@settings(max_examples=3)
def test_forward_mode_is_the_slope_and_the_transpose_of_reverse_mode(case, data):
    operands, moves = points(case, data), directions(case)
    result, moved = jvp(case, tuple(operands), tuple(moves))
    np.testing.assert_array_equal(result, case(*operands))

    h = 6e-6
    sides = [
        case(*[x + way * h * move for x, move in zip(operands, moves, strict=True)])
        for way in (1, -1)
    ]
    np.testing.assert_allclose(moved, (sides[0] - sides[1]) / (2 * h), rtol=1e-6, atol=1e-6)

    weights = weights_like(result)
    gradients = vjp(case, *operands)[1](weights)
    left = np.ravel(weights * moved)
    right = np.concatenate(
        [np.ravel(gradient * move) for gradient, move in zip(gradients, moves, strict=True)]
    )
    scale = np.sum(np.abs(left)) + np.sum(np.abs(right))
    assert abs(np.sum(left) - np.sum(right)) <= 1e-12 * scale


# --- Second derivatives ---------------------------------------------------------------------------


def weighed(results, weights):
    """Sum of products over a list of results: one number out of many."""
    products = [ops.sum(x * weight) for x, weight in zip(results, weights, strict=True)]
    return sum(products[1:], start=products[0])


@of_every_case
@given(data=st.data())
@settings(max_examples=3)
def test_second_derivative_is_the_slope_of_the_first(case, data):
    """H · u for the Hessian H of the weighed result, in all ways that there are."""
    operands, moves = points(case, data), directions(case)
    weights = weights_like(case(*operands))
    every = tuple(range(len(operands)))

    def total(*values):
        return weighed([case(*values)], [weights])

    gradient = grad(total, every)
    second = {
        "reverse over reverse": grad(lambda *x: weighed(gradient(*x), moves), every)(*operands),
        "forward over reverse": hvp(total, tuple(operands), tuple(moves)),
        "reverse over forward": grad(lambda *x: jvp(total, x, tuple(moves))[1], every)(*operands),
    }
    h = 1e-5
    sides = [
        gradient(*[x + way * h * move for x, move in zip(operands, moves, strict=True)])
        for way in (1, -1)
    ]
    for position in every:
        slope = (sides[0][position] - sides[1][position]) / (2 * h)
        size = max(1.0, np.max(np.abs(slope), initial=0.0))
        for way, found in second.items():
            assert np.shape(found[position]) == case.shapes[position]
            np.testing.assert_allclose(found[position], slope, atol=3e-6 * size, err_msg=way)


# --- Complex step ---------------------------------------------------------------------------------

ANALYTIC = [  # and computed by functions that take complex numbers
    *("add", "sub", "mul", "div", "neg", "pos", "reciprocal", "square", "pow", "sqrt", "affine"),
    *("exp", "expm1", "log", "log1p", "log2", "log10"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("sum", "mean", "var", "std", "prod", "logsumexp", "softmax", "log_softmax", "cumsum"),
    *("broadcast_to", "reshape", "transpose", "triu", "tril", "flip", "roll", "where"),
    *("getitem", "scatter", "matmul", "einsum", "concatenate"),
    *("take", "take_along_axis", "repeat", "tile", "diagonal", "pad", "windows", "fold"),
]
STEPPED = [
    case
    for case in EVERY_CASE
    if case.name in ANALYTIC or (case.name == "norm" and "ord" not in case.attributes)
]


@of_cases(STEPPED)
@given(data=st.data())
@settings(max_examples=3)
def test_derivative_is_the_complex_step(case, data):
    """Im f(x + ih) / h has no cancellation: the slope to the last digits."""
    operands, moves = points(case, data), directions(case)
    result, pull_back = vjp(case, *operands)
    weights = weights_like(result)
    gradients = pull_back(weights)
    defaults = {**case.record.defaults, **case.attributes}
    for position, (move, gradient) in enumerate(zip(moves, gradients, strict=True)):
        stepped = [x + 1e-30j * move if i == position else x for i, x in enumerate(operands)]
        slope = np.imag(case.record.compute(*stepped, **defaults)) / 1e-30
        still = [move if i == position else np.zeros(np.shape(x)) for i, x in enumerate(operands)]
        moved = jvp(case, tuple(operands), tuple(still))[1]
        size = np.max(np.abs(slope), initial=0.0)
        if isinstance(case.record, Pointwise) and not case.record.reduces:
            size = 0.0  # element by element: nothing is added up, so nothing can cancel
        least = 1e-58  # the step itself leaves out terms of h² = 1e-60
        np.testing.assert_allclose(moved, slope, rtol=1e-13, atol=1e-13 * size + least)
        back = gradient * move
        missed = abs(np.sum(weights * slope) - np.sum(back))
        assert missed <= 1e-13 * np.sum(np.abs(back)) + least * slope.size


# --- What is shown is what is used ----------------------------------------------------------------


def _sum_to(x, shape):
    """Sum every element into the one that it was broadcast from."""
    size = math.prod(shape)
    origin = np.broadcast_to(np.arange(size).reshape(shape), np.shape(x))
    return np.bincount(origin.ravel(), np.ravel(x), minlength=size).reshape(shape)


def _scatter_add(upstream, source, x):
    return np.bincount(np.ravel(source), np.ravel(upstream), np.size(x)).reshape(np.shape(x))


def _einsum_back(upstream, position, operands, subscripts):
    """By the definition: how much the result, weighed by upstream, has of each element."""
    back = np.zeros(np.shape(operands[position]))
    for place in np.ndindex(back.shape):
        basis = np.zeros(back.shape)
        basis[place] = 1.0
        moved = [basis if i == position else x for i, x in enumerate(operands)]
        back[place] = np.sum(upstream * np.einsum(subscripts, *moved, optimize=False))
    return back


WORDS = {  # what the formulas say beside NumPy's names
    **vars(np),
    "np": np,
    "count": np.count_nonzero,
    "normal_cdf": CLOSED_FORMS["normal_cdf"],
    "share": lambda wins, ties: wins + 0.5 * ties,
    "shape_of": np.shape,
    "raw": lambda x: x,
    "dtype_of": lambda x: np.asarray(x).dtype,
    "astype": np.asarray,
    "sum_to": _sum_to,
    "scatter": _scatter,
    "degrees_of_freedom": lambda x, out, ddof=0: np.size(x) / np.size(out) - ddof,
    "inverse": lambda axes: (
        axes and [list(np.mod(axes, len(axes))).index(i) for i in range(len(axes))]
    ),
    "slice_axis": lambda x, axis, start, stop: np.take(x, range(start, stop), axis),
    "flat_indices": lambda x: np.arange(np.size(x)).reshape(np.shape(x)),
    "scatter_add": _scatter_add,
    "einsum_back": _einsum_back,
    "windows": _windows,
    "fold": _fold,
    "max_unpool": _max_unpool,
    "max_pick": _max_pick,
}


def _is_written_down(case):
    """A student writes the whole reduction, the length, two matrices, one condition."""
    whole = not hasattr(case.record, "reduces") and case.name not in ("sum", "mean")
    whole = whole or not case.record.defaults.keys() >= {"axis", "keepdims"}
    whole = whole or case.attributes.get("axis") is None
    length = case.attributes.get("ord", 2) == 2
    matrices = case.name != "matmul" or min(map(len, case.shapes)) > 1
    one = np.ndim(case.attributes.get("condition", True)) == 0
    return bool(case.record.formulas) and whole and length and matrices and one


WRITTEN_DOWN = list(filter(_is_written_down, EVERY_CASE))


def test_every_formula_is_evaluated():
    shown = {case.name for case in WRITTEN_DOWN}
    assert shown == {name for name, record in TABLE.items() if record.formulas}


@of_cases(WRITTEN_DOWN)
def test_formula_equals_the_rule(case):
    operands = points(case)
    variadic = case.record.arity == ANY_NUMBER
    node = case(*map(Value, operands))
    upstream = np.asarray(weights_like(node.data))
    names = {
        **WORDS,
        **(
            dict(x=operands)
            if variadic
            else dict(zip("xyz"[: len(operands)], operands, strict=True))
        ),
        **case.record.defaults,
        **case.attributes,
        "out": np.asarray(node.data),
        "upstream": upstream,
    }
    formulas = case.record.formulas * (len(operands) if variadic else 1)
    for position, (operand, formula, (local, contribution)) in enumerate(
        zip(operands, formulas, pull(node, upstream), strict=True)
    ):
        shown = eval(formula, names, {"position": position})  # the table's own text
        shape = np.shape(operand)
        if isinstance(case.record, Pointwise):
            wide = np.ones(np.broadcast_shapes(node.shape, shape))
            np.testing.assert_allclose(local * wide, shown * wide, rtol=1e-13, atol=1e-15)
            shown = _sum_to(upstream * shown * wide, shape)
        else:
            assert local == formula
            shown = _sum_to(shown, shape)  # stacked matrices that were broadcast
        assert np.shape(contribution) == shape
        np.testing.assert_allclose(contribution, shown, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["abs", "relu", "leaky_relu", "elu", "max", "min"])
def test_formula_equals_the_rule_at_kinks_and_ties(name):
    record, x = TABLE[name], np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
    node = record(Value(x))
    ((local, _),) = pull(node, np.ones_like(node.data)[()])
    names = {**WORDS, **record.defaults, "x": x, "out": np.asarray(node.data)}
    np.testing.assert_array_equal(local, eval(record.formulas[0], names) * np.ones(5))


# --- Kinds of number ------------------------------------------------------------------------------


KEEPING = [case for case in EVERY_CASE if case.name != "astype"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@of_cases(KEEPING)
def test_dtype_and_shape_are_kept_forward_and_backward(case, dtype):
    operands = [dtype(x) for x in points(case)]
    leaves = [Value(x) for x in operands]
    result = case(*leaves)
    result.backward(np.ones(result.shape, dtype))
    assert result.dtype == dtype
    for node in topological_order(result):
        if node.grad is not None:
            assert (np.result_type(node.grad), np.shape(node.grad)) == (dtype, node.shape)
    assert all(leaf.grad is not None for leaf in leaves)
    moves = [dtype(x) for x in directions(case)]
    for found in jvp(case, tuple(operands), tuple(moves)):
        assert (np.result_type(found), np.shape(found)) == (dtype, result.shape)


@of_cases(KEEPING)
def test_float32_is_kept_where_the_derivative_is_recorded(case):
    leaves = [Value(np.float32(x)) for x in points(case)]
    result, pull_back = vjp(case, *leaves)
    found = [*pull_back(np.ones(result.shape, np.float32))]
    found += jvp(case, tuple(leaves), tuple(map(np.float32, directions(case))))
    assert {x.dtype for x in found} == {np.dtype(np.float32)}


@pytest.mark.parametrize("recorded", [False, True])
def test_astype_gives_the_kind_asked_for_and_its_gradient_the_kind_given(recorded):
    x = np.float32([1, 2])
    result, pull_back = vjp(lambda v: v.astype(np.float64), Value(x) if recorded else x)
    assert result.dtype == np.float64
    assert pull_back(np.ones(2))[0].dtype == np.float32
    back, pull_back = vjp(lambda v: ops.astype(v, float), Value(np.float32(3)))
    assert type(back.data) is float
    assert pull_back(1.0)[0].dtype == np.float32


@pytest.mark.parametrize("make", [float, np.float64, np.float32])
@of_cases([case for case in EVERY_CASE if () in case.shapes])
def test_scalar_has_a_scalar_gradient(case, make):
    leaves = [Value(x if np.ndim(x) else make(x)) for x in points(case)]
    result = case(*leaves)
    for step in backward_steps(result, np.ones(result.shape)):
        told = [step.contribution, step.total] if step.operand.shape == () else []
        told += [step.upstream] if step.node.shape == () else []
        assert not any(isinstance(number, np.ndarray) for number in told)
    result.backward(np.ones(result.shape))
    for node in topological_order(result):
        if node.shape == ():
            assert isinstance(node.data, float | np.floating)
            assert isinstance(node.grad, float | np.floating) or node.constant
    moves = [move if np.ndim(move) else make(move) for move in directions(case)]
    for found in jvp(case, tuple(leaves), tuple(moves)):
        assert isinstance(found.data, float | np.floating) == (result.shape == ())


WITH_PYTHON_NUMBERS = {
    **{f"{name}(x, 2)": lambda x, f=TABLE[name]: f(x, 2.0) for name in PAIRED},
    **{f"{name}(2, x)": lambda x, f=TABLE[name]: f(2.0, x) for name in PAIRED},
    "x**0.5": lambda x: x**0.5,
    "where": lambda x: ops.where(x > 1, x, 0.0),
    "clip": lambda x: numpy_api.clip(x, 0, 1.0),
    "leaky_relu": lambda x: ops.leaky_relu(x, negative_slope=0.3),
    "elu": lambda x: ops.elu(x, alpha=0.3),
    "norm": lambda x: ops.norm(x, ord=2.5),
    "std": lambda x: numpy_api.std(x, ddof=0.5),
    "pad": lambda x: numpy_api.pad(x * np.ones(3, np.float32), 1, constant_values=2.0),
    "Value(2.0) * x": lambda x: Value(2.0) * x,
    "x**Value(2.0)": lambda x: x ** Value(2.0),
    "Value(2.0).tanh() * x": lambda x: Value(2.0).tanh() * x,
    "(Value(2.0) + 1).sigmoid() * x": lambda x: (Value(2.0) + 1).sigmoid() * x,
}


@pytest.mark.parametrize("data", [np.float32([0.5, 1.5, 2]), np.float32(1.5)], ids=np.shape)
@pytest.mark.parametrize("expression", WITH_PYTHON_NUMBERS)
def test_python_numbers_are_weak_beside_float32(expression, data):
    function = WITH_PYTHON_NUMBERS[expression]
    x = Value(data)
    result = function(x)
    result.sum().backward()
    assert (result.dtype, np.result_type(x.grad)) == (np.float32, np.float32)
    assert [np.result_type(found) for found in jvp(function, data, data)] == [np.float32] * 2


@pytest.mark.parametrize("seed", [[1, 2, 3], np.ones(3)], ids=["list", "float64"])
def test_float32_gradient_stays_float32_whatever_the_seed(seed):
    x = Value(np.float32([1, 2, 3]))
    x.sigmoid().backward(seed)
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x * np.ones(3)).sum(),
        lambda x: (np.eye(3) @ x).sum(),
        lambda x: (x[0] * np.float64(2.0)).exp(),
        lambda x: numpy_api.einsum("i,i->", x, np.ones(3)),
        lambda x: numpy_api.concatenate([x, np.ones(3)]).sum(),
        lambda x: ops.maximum(x, np.ones(3)).sum(),
        lambda x: numpy_api.clip(x, np.ones(3)).sum(),
    ],
)
def test_float32_leaf_has_a_float32_gradient_beside_float64_constants(function):
    x = Value(np.float32([1, 2, 3]))
    result = function(x)
    result.backward()
    assert (result.dtype, x.grad.dtype) == (np.float64, np.float32)


@pytest.mark.parametrize("condition", [np.array([2, 0]), [True, False], np.array([0.5, 0.0])])
def test_a_condition_is_true_or_false_whatever_it_is_made_of(condition):
    v = Value([1.0, 2.0])
    np.where(condition, v, 0.0).sum().backward()
    np.testing.assert_array_equal(v.grad, [1, 0])


# --- Awkward points -------------------------------------------------------------------------------

KINDS = {
    "python": float,
    "float64": np.float64,
    "float32": np.float32,
    "array": lambda x: np.array([x]),
    "float32 array": lambda x: np.array([x], np.float32),
}
of_each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def is_float32(make):
    return np.result_type(make(0.0)) == np.float32


def number(x):
    """The one number of a scalar or an array of one element, Value or not."""
    return float(np.squeeze(ops.raw(x)))


SLOPES = {  # expression, point, derivative
    "relu": (lambda x: x.relu(), 0, 0),
    "leaky relu": (lambda x: ops.leaky_relu(x, 0.25), 0, 0.25),
    "elu": (lambda x: ops.elu(x, 0.5), 0, 0.5),
    "abs": (abs, 0, 0),
    "sign": (lambda x: x.sign(), 0, 0),
    "sign of -3": (lambda x: x.sign(), -3, 0),
    "sqrt": (lambda x: x.sqrt(), 0, INF),
    "cbrt": (ops.cbrt, 0, INF),
    "log": (lambda x: x.log(), 0, INF),
    "log1p": (ops.log1p, -1, INF),
    "arcsin": (ops.arcsin, 1, INF),
    "arccos": (ops.arccos, -1, -INF),
    "arccosh": (ops.arccosh, 1, INF),
    "arctanh": (ops.arctanh, 1, INF),
    "arctan at inf": (ops.arctan, INF, 0),
    "tanh at -inf": (ops.tanh, -INF, 0),
    "sigmoid at inf": (ops.sigmoid, INF, 0),
    "softplus at inf": (ops.softplus, INF, 1),
    "normal_cdf at -inf": (ops.normal_cdf, -INF, 0),
    "exp at -inf": (ops.exp, -INF, 0),
    "exp far out": (lambda x: x.exp(), 1000, INF),
    "maximum tied": (lambda x: ops.maximum(x, 2.0), 2, 1 / 2),
    "maximum tied, right": (lambda x: ops.maximum(2.0, x), 2, 1 / 2),
    "minimum tied": (lambda x: ops.minimum(x, 2.0), 2, 1 / 2),
    "minimum tied, right": (lambda x: ops.minimum(2.0, x), 2, 1 / 2),
    "maximum of itself": (lambda x: ops.maximum(x, x), 2, 1),
    "maximum, ±0": (lambda x: ops.maximum(x, -0.0), 0, 1 / 2),
    "clip, lower bound": (lambda x: x.clip(1, 2), 1, 1 / 2),
    "clip, upper bound": (lambda x: x.clip(1, 2), 2, 1 / 2),
    "clip, outside": (lambda x: x.clip(1, 2), 3, 0),
    "clip, infinity": (lambda x: x.clip(1, 2), -INF, 0),
    "norm": (ops.norm, 0, 0),
    "norm of order 3": (lambda x: ops.norm(x, ord=3), 0, 0),
    "norm of order 1.5": (lambda x: ops.norm(x, ord=1.5), 0, 0),
    "std": (lambda x: x.std(), 3, 0),
    "hypot": (lambda x: ops.hypot(x, 0.0), 0, 0),
    "hypot, right": (lambda x: ops.hypot(0.0, x), 0, 0),
    "arctan2": (lambda x: ops.arctan2(x, 0.0), 0, 0),
    "arctan2, right": (lambda x: ops.arctan2(0.0, x), 0, 0),
    "arctan2, all around": (lambda x: ops.arctan2(x, x), 0, 0),
    "1/x": (lambda x: 1 / x, 0, -INF),
    "reciprocal": (ops.reciprocal, 0, -INF),
    "x/0": (lambda x: x / 0.0, 1, INF),
    "1/x at inf": (lambda x: 1 / x, INF, 0),
    "x**0": (lambda x: x**0, 0, 0),
    "x**0 of a tiny x": (lambda x: x**0, 1e-310, 0),
    "x**0 of a tiny float32": (lambda x: x**0, 1e-45, 0),
    "0**x at -1": (lambda x: 0.0**x, -1, -INF),
    "x**1": (lambda x: x**1, 0, 1),
    "x**2": (lambda x: x**2, 0, 0),
    "x**3": (lambda x: x**3, 0, 0),
    "x**2 of -3": (lambda x: x**2, -3, -6),
    "x**0.5": (lambda x: x**0.5, 0, INF),
    "x**-1": (lambda x: x**-1, 0, -INF),
    "0**x": (lambda x: 0**x, 2, 0),
    "0**x at 0": (lambda x: 0**x, 0, 0),
}


@of_each_kind
@pytest.mark.parametrize("name", SLOPES)
def test_derivative_at_an_awkward_point(name, make):
    function, point, expected = SLOPES[name]
    x = Value(make(point))
    with np.errstate(all="ignore"):
        function(x).sum().backward()
        moved = jvp(function, make(point), make(1))[1]
    assert number(x.grad) == number(moved) == expected
    assert np.result_type(x.grad) == np.result_type(moved) == x.dtype


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
@pytest.mark.parametrize("order", [1.5, 2, 3, 4])
def test_a_length_of_zero_has_no_slope(shape, order):
    x = np.zeros(shape)[()]
    np.testing.assert_array_equal(grad(lambda x: ops.norm(x, ord=order))(x), x)
    np.testing.assert_array_equal(grad(numpy_api.std)(x + 0.1), x)


def test_only_the_lengths_of_zero_have_no_slope():
    x = Value([[0.0, 0.0], [3.0, -4.0], [0.0, -2.0]])
    ops.norm(x, axis=1).sum().backward()
    np.testing.assert_array_equal(x.grad, [[0, 0], [0.6, -0.8], [0, -1]])
    x = Value([[5.0, 5.0], [1.0, 3.0]])
    x.std(axis=1).sum().backward()
    np.testing.assert_allclose(x.grad, [[0, 0], [-0.5, 0.5]], rtol=4e-16)


def exact_norm_slope(numbers, order, position):
    """Of mpmath, with 1e-200 for 0: the limit; a zero element's own is 0, by symmetry."""
    x = [mp.mpf(float(number)) or mp.mpf(10) ** -200 for number in numbers]
    if numbers[position] == 0:
        return 0.0
    total = sum(abs(number) ** order for number in x)
    slope = abs(x[position]) ** (order - 1) * total ** (1 / mp.mpf(order) - 1)
    return float(mp.sign(x[position]) * slope)


NORM_ORDERS = [-3, -1, -0.5, 0.5, 1, 1.5, 2, 2.5, 3]


@pytest.mark.parametrize("numbers", [[3.0, 0.0, -4.0], [0.0, 0.0, 2.0], [0.0, -0.0, 0.0]], ids=str)
@pytest.mark.parametrize("order", NORM_ORDERS)
def test_norms_of_every_order_with_zeros_among_the_elements(order, numbers):
    x, norm = np.array(numbers), lambda v: ops.norm(v, ord=order)
    exact = [exact_norm_slope(numbers, order, i) for i in range(3)]
    with np.errstate(divide="ignore"):  # 0 to a negative power, in NumPy's norm itself
        np.testing.assert_allclose(grad(norm)(x), exact, rtol=1e-14, atol=1e-30)
        moved = [jvp(norm, x, e)[1] for e in np.eye(3)]
    np.testing.assert_allclose(moved, exact, rtol=1e-14, atol=1e-30)


@pytest.mark.parametrize("order", [order for order in NORM_ORDERS if order != 1])
def test_the_curvature_of_a_norm_at_a_zero_element(order):
    """It is 1 / n for order 2, 0 above, infinite or nothing below; and the matrix is symmetric."""
    x = np.array([3.0, 0.0, -4.0])
    with np.errstate(all="ignore"):
        found = hessian(lambda v: ops.norm(v, ord=order))(x)
    if order < 2:
        assert not np.isfinite(found[1, 1])
    else:
        assert found[1, 1] == (1 / 5 if order == 2 else 0)
    assert order != 1.5 or found[1, 1] == INF
    np.testing.assert_array_equal(found[1, [0, 2]], [0, 0])
    np.testing.assert_array_equal(found[[0, 2], 1], [0, 0])


@pytest.mark.parametrize(
    ("data", "axis", "expected"),
    [
        ([1.0, 3.0, 3.0], None, [0, 1 / 2, 1 / 2]),
        ([5.0, 5.0, 5.0], 0, [1 / 3, 1 / 3, 1 / 3]),
        ([0.0, -0.0], None, [1 / 2, 1 / 2]),
        ([INF, INF], None, [1 / 2, 1 / 2]),
        ([[1.0, 1.0], [0.0, 1.0]], 1, [[1 / 2, 1 / 2], [0, 1]]),
        ([[1.0, 1.0], [0.0, 1.0]], 0, [[1, 1 / 2], [0, 1 / 2]]),
        ([[1.0, 1.0], [0.0, 1.0]], None, [[1 / 3, 1 / 3], [0, 1 / 3]]),
    ],
)
def test_ties_share_the_gradient(data, axis, expected):
    for extreme, sign in ((ops.max, 1.0), (ops.min, -1.0)):
        x = Value(sign * np.array(data))
        extreme(x, axis=axis).sum().backward()
        np.testing.assert_array_equal(x.grad, expected)
        moved = jvp(lambda x, f=extreme: ops.sum(f(x, axis)), x.data, np.ones(x.shape))[1]
        assert moved == pytest.approx(np.sum(expected), rel=1e-15)


@pytest.mark.parametrize("operation", [ops.maximum, ops.minimum])
def test_a_tie_of_two_is_shared_equally(operation):
    x, y = Value([1.0, 2.0, 0.0]), Value([1.0, 2.0, -0.0])
    operation(x, y).sum().backward()
    np.testing.assert_array_equal(x.grad, [1 / 2] * 3)
    np.testing.assert_array_equal(y.grad, [1 / 2] * 3)


FACTORS = [
    [2.0, 3.0, 4.0],
    [0.0, 3.0, 4.0, 5.0],
    [2.0, 0.0, 0.0, 5.0],
    [0.0, 0.0, 0.0],
    [0.0],
    [7.0],
]


@pytest.mark.parametrize("factors", FACTORS, ids=str)
def test_product_is_exact_with_zeros_in_both_orders(factors):
    def others(*left_out):
        return math.prod(x for i, x in enumerate(factors) if i not in left_out)

    places = range(len(factors))
    x = np.array(factors)
    np.testing.assert_array_equal(grad(numpy_api.prod)(x), [others(i) for i in places])
    np.testing.assert_array_equal(
        hessian(numpy_api.prod)(x), [[others(i, j) * (i != j) for j in places] for i in places]
    )


@of_each_kind
@pytest.mark.parametrize("power", range(5))
def test_powers_at_zero_are_exact_at_every_order(make, power):
    def derivative(x):
        return ops.sum(x**power)

    assert number(make(0.0) ** power) == number(ops.pow(make(0.0), power)) == (power == 0)
    for order in range(1, 5):
        derivative = grad(lambda x, f=derivative: ops.sum(f(x)))
        assert number(derivative(make(0.0))) == (math.factorial(power) if order == power else 0)


@pytest.mark.parametrize("p", [-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("data", [0.7, np.float64(0.7), np.array([0.7, 2.0])])
def test_a_power_by_a_number_of_python_is_that_of_python(data, p):
    x = Value(data)
    root = x**p
    root.sum().backward()
    numbers = np.ravel(data).tolist()
    np.testing.assert_allclose(np.ravel(root.data), [math.pow(a, p) for a in numbers], rtol=1e-14)
    slopes = [p * math.pow(a, p - 1) for a in numbers]
    np.testing.assert_allclose(np.ravel(x.grad), slopes, rtol=1e-14)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_mixed_second_derivative_of_a_power_at_a_whole_exponent(exponent):
    mixed = grad(grad(ops.pow, 0), 1)(3.0, exponent)
    assert mixed == pytest.approx(3 ** (exponent - 1) * (1 + exponent * np.log(3)), rel=1e-14)


STABLE = {  # expression, point, value, derivative
    "sigmoid +": (lambda x: x.sigmoid(), 1000, 1, 0),
    "sigmoid -": (lambda x: x.sigmoid(), -1000, 0, 0),
    "tanh +": (lambda x: x.tanh(), 1000, 1, 0),
    "tanh -": (lambda x: x.tanh(), -1000, -1, 0),
    "softplus +": (lambda x: x.softplus(), 1000, 1000, 1),
    "softplus -": (lambda x: x.softplus(), -1000, 0, 0),
    "silu +": (lambda x: x.silu(), 1000, 1000, 1),
    "silu -": (lambda x: x.silu(), -1000, 0, 0),
    "gelu +": (lambda x: x.gelu(), 1000, 1000, 1),
    "gelu -": (lambda x: x.gelu(), -1000, 0, 0),
    "elu +": (lambda x: x.elu(), 1000, 1000, 1),
    "elu -": (lambda x: x.elu(), -1000, -1, 0),
    "normal_cdf +": (ops.normal_cdf, 1000, 1, 0),
    "normal_cdf -": (ops.normal_cdf, -1000, 0, 0),
    "logsumexp +": (lambda x: x.logsumexp(), 1000, 1000, 1),
    "logsumexp -": (lambda x: x.logsumexp(), -1000, -1000, 1),
    "logaddexp +": (lambda x: ops.logaddexp(x, -1000.0), 1000, 1000, 1),
    "logaddexp -": (lambda x: ops.logaddexp(1000.0, x), -1000, 1000, 0),
    "log_softmax": (lambda x: x.log_softmax(axis=None), 1000, 0, 0),
    "softmax": (lambda x: x.softmax(axis=None), -1000, 1, 0),
    # Far out, where a square overflows but the derivative is a plain number.
    "arctan, far": (ops.arctan, 1e30, np.pi / 2, 0),
    "normal_cdf, far": (ops.normal_cdf, 1e30, 1, 0),
    "gelu, far +": (ops.gelu, 1e30, 1e30, 1),
    "gelu, far -": (ops.gelu, -1e30, 0, 0),
    "silu, far -": (ops.silu, -1e30, 0, 0),
    "tanh, far": (ops.tanh, -1e30, -1, 0),
    "hypot, far": (lambda x: ops.hypot(x, 1.0), -1e30, 1e30, -1),
    "arctan2, far": (lambda x: ops.arctan2(x, 1.0), 1e30, np.pi / 2, 0),
    "sign * abs, far": (lambda x: ops.sign(x) * abs(x), 1e30, 1e30, 1),
    "arctan, farther": (ops.arctan, 1e200, np.pi / 2, 0),
    "normal_cdf, farther": (ops.normal_cdf, 1e200, 1, 0),
    "gelu, farther": (ops.gelu, 1e200, 1e200, 1),
    "hypot, farther": (lambda x: ops.hypot(x, 1.0), -1e200, 1e200, -1),
}


@of_each_kind
@pytest.mark.parametrize("name", STABLE)
def test_stable_far_out(name, make):
    """Without a warning, since none of these numbers is out of range."""
    function, point, value, derivative = STABLE[name]
    if "farther" in name and is_float32(make):
        return  # not a float32 at all
    x = Value(make(point))
    result = function(x)
    result.sum().backward()
    moved = jvp(function, make(point), make(1))[1]
    small = float(np.finfo(x.dtype).tiny)
    assert number(result) == pytest.approx(value, rel=1e-6, abs=small)
    assert number(x.grad) == pytest.approx(derivative, rel=1e-6, abs=1e-29)
    assert number(moved) == number(x.grad)


def test_softmax_family_is_stable_far_out():
    logits = [[1000.0, 1001.0, -1000.0], [-1000.0, -1000.0, -1000.0]]
    e = 1 / (1 + np.exp(1.0))
    expected = np.array([[e, 1 - e, 0], [1 / 3, 1 / 3, 1 / 3]])
    sums = [1001 + np.log1p(np.exp(-1.0)), np.log(3.0) - 1000]
    x = Value(logits)
    np.testing.assert_allclose(numpy_api.softmax(x).data, expected, rtol=1e-12)
    np.testing.assert_allclose(ops.logsumexp(x, axis=1).data, sums, rtol=1e-15)
    log_softmax = numpy_api.log_softmax(x)
    np.testing.assert_allclose(
        log_softmax.data, np.array(logits) - np.array(sums)[:, None], rtol=1e-12
    )
    log_softmax[:, 2].sum().backward()
    np.testing.assert_allclose(x.grad, [0, 0, 1] - expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("data", "expected"),
    [([-INF, -INF], -INF), ([-INF, 2.0], 2.0), ([INF, 2.0], INF), (-INF, -INF), (INF, INF)],
)
def test_logsumexp_of_infinities_is_never_nan(data, expected):
    with np.errstate(all="ignore"):
        assert ops.logsumexp(Value(data)).data == expected


# --- Out of range: inf or nan and NumPy's warning, whatever the kind of number --------------------

OVERFLOWS = {
    "1/0": (lambda one: ops.div(one, 0.0), 1.0, INF),
    "-1/0": (lambda zero: ops.div(-1.0, zero), 0.0, -INF),
    "0/0": (lambda zero: ops.div(zero, zero), 0.0, np.nan),
    "reciprocal(0)": (ops.reciprocal, 0.0, INF),
    "1e308 * 10": (lambda big: ops.mul(big, 10), 1e308, INF),
    "1e308 + 1e308": (lambda big: ops.add(big, big), 1e308, INF),
    "-1e308 - 1e308": (lambda big: ops.sub(-big, big), 1e308, -INF),
    "1e308 * 10 + 1": (lambda big: ops.affine(big, 10.0, 1.0), 1e308, INF),
    "square(1e200)": (ops.square, 1e200, INF),
    "(-8)**0.5": (lambda x: ops.pow(x, 0.5), -8.0, np.nan),
    "10**400": (lambda x: ops.pow(x, 400), 10.0, INF),
    "0**-1": (lambda x: ops.pow(x, -1), 0.0, INF),
    "exp(1000)": (ops.exp, 1000.0, INF),
    "expm1(1000)": (ops.expm1, 1000.0, INF),
    "sinh(-1000)": (ops.sinh, -1000.0, -INF),
    "cosh(1000)": (ops.cosh, 1000.0, INF),
    "log(0)": (ops.log, 0.0, -INF),
    "log(-1)": (ops.log, -1.0, np.nan),
    "log2(0)": (ops.log2, 0.0, -INF),
    "log10(0)": (ops.log10, 0.0, -INF),
    "log1p(-1)": (ops.log1p, -1.0, -INF),
    "sqrt(-1)": (ops.sqrt, -1.0, np.nan),
    "arcsin(2)": (ops.arcsin, 2.0, np.nan),
    "arccosh(0)": (ops.arccosh, 0.0, np.nan),
    "arctanh(1)": (ops.arctanh, 1.0, INF),
    "sin(inf)": (ops.sin, INF, np.nan),
    "hypot(1e308, 1e308)": (lambda x: ops.hypot(x, 1.6e308), 1.6e308, INF),
    "norm(1e200)": (ops.norm, 1e200, INF),
    "var with no degree of freedom": (lambda x: ops.var(x, ddof=1), 1.0, np.nan),
    "std with no degree of freedom": (lambda x: numpy_api.std(x, ddof=1), 1.0, np.nan),
}


@of_each_kind
@pytest.mark.parametrize("name", OVERFLOWS)
def test_out_of_range_is_a_warning_and_never_an_exception(name, make):
    """On Values and on plain numbers; the kind of the result is that of any other result."""
    function, point, expected = OVERFLOWS[name]
    if is_float32(make) and np.isfinite(point) and abs(point) > 1e38:
        return  # not a float32 at all
    with pytest.warns(RuntimeWarning):
        result = function(Value(make(point)))
    np.testing.assert_array_equal(number(result), expected)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(number(function(make(point))), expected)
        usual = function(Value(make(1.25)))
    assert type(result.data) is type(usual.data)
    assert result.dtype == usual.dtype


STEEP = {  # expression, point, derivative
    **{name: SLOPES[name] for name in ("sqrt", "log", "x**0.5", "x**-1", "cbrt")},
    **{name: SLOPES[name] for name in ("log1p", "arcsin", "arccos", "arccosh", "arctanh")},
    "overflow on the way back": (lambda x: (x * 1e200) * 1e200, 1e-300, INF),
}


@pytest.mark.parametrize("make", [float, np.float64, lambda x: np.array([x])])
@pytest.mark.parametrize("name", STEEP)
def test_infinite_derivative_comes_with_numpys_warning(name, make):
    function, point, expected = STEEP[name]
    x = Value(make(point))
    with np.errstate(all="ignore"):
        result = function(x).sum()
    with pytest.warns(RuntimeWarning):
        result.backward()
    assert number(x.grad) == expected


def test_a_root_of_a_negative_number_is_not_complex():
    for x in (-8.0, np.float64(-8), np.float32(-8), np.array([-8.0])):
        with np.errstate(all="ignore"):
            for result in (ops.pow(x, 0.5), (Value(x) ** 0.5).data, (Value(x) ** Value(0.5)).data):
                assert np.isnan(result)
                assert np.result_type(result).kind == "f"


# --- An upstream of zero contributes exactly zero -------------------------------------------------

NOT_TAKEN = {  # at the point, where() takes the other branch, or a slope of 0 follows
    "log of negative": (lambda x: ops.where(x > 0, x.log(), x), -1.0, 1),
    "log of zero": (lambda x: ops.where(x > 0, x.log(), 0.0), 0.0, 0),
    "sqrt of zero": (lambda x: ops.where(x > 0, x.sqrt(), 0.0), 0.0, 0),
    "sqrt of negative": (lambda x: ops.where(x > 0, x.sqrt(), -x), -4.0, -1),
    "division by zero": (lambda x: ops.where(x > 0, 1 / x, 3 * x), 0.0, 3),
    "power of negative": (lambda x: ops.where(x > 0, x**1.5, x), -1.0, 1),
    "arcsin of 2": (lambda x: ops.where(x < 1, ops.arcsin(x), x), 2.0, 1),
    "overflowing exp": (lambda x: ops.where(x < 10, x.exp(), x), 1000.0, 1),
    "product with an overflow": (lambda x: ops.where(x < 10, x.exp() * x, x), 1000.0, 1),
    "relu of sqrt": (lambda x: (x.sqrt() - 1).relu() + x, 0.0, 1),
    "clip of log": (lambda x: x.log().clip(0, 1) + x, 0.0, 1),
    "clip of exp": (lambda x: x.exp().clip(max=5.0) + x, 1000.0, 1),
    "maximum of log": (lambda x: ops.maximum(x.log(), x), 0.0, 1),
    "times zero": (lambda x: x.sqrt() * 0.0 + x, 0.0, 1),
    "chained": (lambda x: ops.where(x > 0, (1 / x).sqrt().log(), x), 0.0, 1),
    "through a product": (
        lambda x: ops.where(x < 10, numpy_api.prod(ops.broadcast_to(x.exp(), (3, 1)), 0), x),
        1000.0,
        1,
    ),
    "through matmul": (
        lambda x: ops.where(x < 10, x.exp().reshape(1, 1) @ x.exp().reshape(1, 1), x),
        1000.0,
        1,
    ),
    "through einsum": (
        lambda x: ops.where(x < 10, numpy_api.einsum("...,...->...", x.exp(), x.exp()), x),
        1000.0,
        1,
    ),
}


@of_each_kind
@pytest.mark.parametrize("name", NOT_TAKEN)
def test_branch_not_taken_leaks_no_nan(name, make):
    function, point, expected = NOT_TAKEN[name]
    x = Value(make(point))
    with np.errstate(all="ignore"):
        function(x).sum().backward()
        moved = jvp(lambda x: function(x).sum(), make(point), make(1))[1]
    assert number(x.grad) == number(moved) == expected


@of_each_kind
@pytest.mark.parametrize("name", NOT_TAKEN)
def test_branch_not_taken_leaks_no_nan_at_second_order(name, make):
    function, point, _ = NOT_TAKEN[name]
    first = grad(lambda x: (function(x) + x**2).sum())
    with np.errstate(all="ignore"):
        assert number(grad(lambda x: first(x).sum())(make(point))) == 2
        assert number(jvp(first, make(point), make(1))[1]) == 2


AWKWARD_NUMBERS = [0.0, -1.0, 1000.0, INF, -INF, np.nan]
POINTWISE = [name for name, record in TABLE.items() if isinstance(record, Pointwise)]


@pytest.mark.parametrize("awkward", AWKWARD_NUMBERS)
@pytest.mark.parametrize("name", POINTWISE)
def test_zero_upstream_contributes_zero_whatever_the_operands(name, awkward):
    record = TABLE[name]
    arity = 3 if record.arity == ANY_NUMBER else record.arity
    for data in (awkward, np.float64(awkward), np.array([awkward, 2.0])):
        with np.errstate(all="ignore"):
            node = record(*[Value(data) for _ in range(arity)])
            edges = pull(node, 0.0 * np.ones(node.shape) if node.shape else type(node.data)(0.0))
            moved = push(node, [0.0 * np.ones(np.shape(data))[()] for _ in range(arity)])
        for _, contribution in edges:
            np.testing.assert_array_equal(np.abs(contribution), np.zeros(np.shape(data)))
        np.testing.assert_array_equal(np.abs(moved), np.zeros(node.shape))


@pytest.mark.parametrize("awkward", AWKWARD_NUMBERS)
@pytest.mark.parametrize("name", POINTWISE)
def test_what_does_not_depend_on_x_has_a_slope_of_zero_in_both_modes(name, awkward):
    """f(0 · x + c) and 0 · f(x): however steep f is, whichever factor comes first."""
    record = TABLE[name]
    arity = 3 if record.arity == ANY_NUMBER else record.arity
    inside = np.isfinite(awkward)
    for x in (1.0, np.array([1.0, 2.0])) if inside else (awkward, np.array([awkward, awkward])):

        def constant(x):
            if inside:
                return ops.sum(record(*[0.0 * x + awkward] * arity))
            return ops.sum(0.0 * record(*[x] * arity))

        with np.errstate(all="ignore"):
            back = grad(constant)(x)
            moved = jvp(constant, x, np.ones(np.shape(x))[()])[1]
            columns = jacobian(lambda x: numpy_api.stack([constant(x)] * 3))(x)
        np.testing.assert_array_equal(np.abs(back), np.zeros(np.shape(x)))
        np.testing.assert_array_equal(np.abs(columns), np.zeros((3, *np.shape(x))))
        assert moved == 0


STEEP_AND_FLAT = {  # constant functions, with an infinite slope somewhere inside
    "(sqrt(sum((0 w)**2)) - 1)**2": lambda w: (ops.sqrt(ops.sum((0.0 * w) ** 2)) - 1) ** 2,
    "sqrt(0 w)": lambda w: ops.sum(ops.sqrt(0.0 * w)),
    "log(0 w)": lambda w: ops.sum(ops.log(0.0 * w)),
    "1 / (0 w)": lambda w: ops.sum(1 / (0.0 * w)),
    "log(0 w - 1)": lambda w: ops.sum(ops.log(0.0 * w - 1.0)),
    "sqrt(w @ 0)": lambda w: ops.sqrt(ops.reshape(w, (1, -1)) @ np.zeros((w.size, 1)))[0, 0],
    "sqrt(0 @ w)": lambda w: ops.sqrt(np.zeros((1, w.size)) @ ops.reshape(w, (-1, 1)))[0, 0],
    "sqrt of an einsum": lambda w: ops.sqrt(
        numpy_api.einsum("i,i,i->", ops.reshape(w, -1), np.zeros(w.size), np.ones(w.size))
    ),
}


@of_each_kind
@pytest.mark.parametrize("name", STEEP_AND_FLAT)
def test_an_infinite_slope_of_a_constant_is_zero_in_both_modes(name, make):
    function, x = STEEP_AND_FLAT[name], make(1.0)
    with np.errstate(all="ignore"):
        assert number(grad(function)(x)) == number(jvp(function, x, make(1.0))[1]) == 0
        leaf = Value(x)
        function(leaf).backward()
    assert number(leaf.grad) == 0


@of_cases([case for case in EVERY_CASE if case.shapes and sum(map(math.prod, case.shapes)) < 10])
@pytest.mark.parametrize("awkward", [0.0, 1.0, INF, -INF])
def test_reverse_mode_is_forward_mode_at_infinities(case, awkward):
    """Entry by entry, inf and nan included, with the first element of each operand awkward."""
    operands = [np.array(x) for x in points(case)]
    for x in operands:
        x.flat[:1] = awkward
    operands = [x[()] for x in operands]
    with np.errstate(all="ignore"):
        result, pull_back = vjp(case, *operands)
        rows = [pull_back(e.reshape(np.shape(result))[()]) for e in np.eye(np.size(result))]
        for position, x in enumerate(operands):
            still = [np.zeros(np.shape(y))[()] for y in operands]
            for column, e in enumerate(np.eye(np.size(x))):
                moves = list(still)
                moves[position] = e.reshape(np.shape(x))[()]
                forward = jvp(case, tuple(operands), tuple(moves))[1]
                reverse = [np.ravel(row[position])[column] for row in rows]
                np.testing.assert_allclose(reverse, np.ravel(forward), rtol=1e-12, atol=1e-300)


def test_an_infinite_factor_among_three_is_not_lost():
    x, y, z = np.ones((1, 2)), np.array([[INF], [1.0]]), np.ones(1)
    with np.errstate(all="ignore"):
        by_x = grad(lambda x: ops.sum(numpy_api.einsum("ij,jk,k->ik", x, y, z)))(x)
    np.testing.assert_array_equal(by_x, [[INF, 1]])


def test_silencing_a_steep_slope_keeps_its_own_slope():
    """sqrt(Σ v²) at 0: its first derivative is inf · 0 = 0, its second is inf · 2, not 0."""

    def length(v):
        return ops.sqrt(ops.sum(v * v))

    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(grad(length)(np.zeros(2)), [0, 0])
        assert np.all(np.diag(hessian(length)(np.zeros(2))) == INF)


def test_only_the_silent_elements_are_silenced():
    x = Value([0.0, 4.0, 0.0])
    with np.errstate(all="ignore"):
        x.sqrt().backward([0.0, 1.0, 1.0])
    np.testing.assert_array_equal(x.grad, [0, 1 / 4, INF])


def test_silencing_keeps_what_the_second_derivative_needs():
    scale, x = Value(0.0), Value([0.0, 4.0])
    with np.errstate(all="ignore"):
        first = grad(lambda x: (scale * x.sqrt()).sum())(Value(x.data))  # scale / 2√x
        np.testing.assert_array_equal(first.data, [0, 0])
        first[1].backward()
    assert scale.grad == 1 / 4


PRODUCTS = {
    "matmul": lambda x, y: x @ y,
    "einsum": lambda x, y: numpy_api.einsum("ij,jk->ik", x, y),
    "einsum of three": lambda x, y: numpy_api.einsum("ij,jk,k->ik", x, y, np.ones(2)),
}
INFINITE = np.array([[INF, 1.0], [1.0, 1.0]])  # the first column of the product is infinite
OPEN = np.array([[False, True], [False, True]])


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_an_infinite_matrix_behind_a_closed_where(product):
    """The open column has the derivatives of the finite numbers, and they are not hidden."""
    x = np.array([[1.0, 2.0], [3.0, 4.0]])

    def function(x, y):
        return ops.sum(ops.where(OPEN, product(x, y), 0.0) * np.array([[0, 1.0], [0, 2.0]]))

    with np.errstate(all="ignore"):
        by_x, by_y = grad(function, (0, 1))(x, INFINITE)
        moved = jvp(function, (x, INFINITE), (np.ones((2, 2)), np.ones((2, 2))))[1]
        second = hvp(function, (x, INFINITE), (np.ones((2, 2)), np.ones((2, 2))))
    np.testing.assert_array_equal(by_x, [[1, 1], [2, 2]])
    np.testing.assert_array_equal(by_y, [[0, 7], [0, 10]])
    assert moved == 23
    np.testing.assert_array_equal(second, [[[1, 1], [2, 2]], [[0, 3], [0, 3]]])


@pytest.mark.parametrize("name", ["matmul", "einsum"])
def test_a_closed_where_gives_no_warning_on_the_way_back(name):
    x, y = Value(np.ones((2, 2))), Value(INFINITE)
    ops.sum(ops.where(OPEN, PRODUCTS[name](x, y), 0.0)).backward()
    np.testing.assert_array_equal(x.grad, np.ones((2, 2)))
    np.testing.assert_array_equal(y.grad, [[0, 2], [0, 2]])


@pytest.mark.parametrize("name", ["matmul", "einsum"])
def test_what_does_not_move_moves_nothing_not_even_times_infinity(name):
    """Forward mode's 0 · inf: as for a product of numbers, it is 0."""
    still = np.array([[0.0, 1.0]])
    with np.errstate(all="ignore"):
        moved = jvp(lambda x: PRODUCTS[name](x, INFINITE), np.ones((1, 2)), still)[1]
    np.testing.assert_array_equal(moved, [[1, 1]])


def test_constants_that_are_not_finite_have_a_tangent_of_zero():
    constant = np.array([INF, np.nan])
    moved = jvp(lambda x: numpy_api.concatenate([x, constant]), np.ones(2), np.ones(2))[1]
    np.testing.assert_array_equal(moved, [1, 1, 0, 0])


@pytest.mark.parametrize("unused", [INF, np.nan, np.array([INF, 1.0])])
def test_an_argument_that_is_not_used_has_a_gradient_of_zero(unused):
    gradients = grad(lambda x, y: x * 2.0, (0, 1))(1.0, unused)
    np.testing.assert_array_equal(gradients[1], np.zeros(np.shape(unused)))


# --- Accuracy against 50 digits -------------------------------------------------------------------

mp = mpmath.mp.clone()  # our own, so that nobody else's number of digits changes
mp.dps = 50
RANDOM = np.random.default_rng(0)
SMALLEST = 1e-290  # below, a float64 has no 16 digits to give


def spread(low, high, n=60):
    """Positive numbers of all orders of magnitude from 10**low to 10**high."""
    return 10 ** RANDOM.uniform(low, high, n)


def both(x):
    return np.concatenate([x, -x])


MODERATE = np.concatenate([RANDOM.uniform(-40, 40, 100), RANDOM.uniform(-2, 2, 100)])
POINTS = {  # wherever the function is defined and neither it nor its derivative overflows
    "anywhere": np.concatenate([both(spread(-140, 140)), both(spread(-3, 3)), MODERATE]),
    "far": np.concatenate([both(spread(-300, 300)), both(spread(-3, 3)), MODERATE]),
    "exponents": np.concatenate(
        [both(spread(-300, 2.8)), RANDOM.uniform(-700, 700, 100), MODERATE]
    ),
    "positive": np.concatenate([spread(-300, 300), spread(-3, 3), 1 + both(spread(-15, -1))]),
    "above -1": np.concatenate([both(spread(-300, 0)), spread(0, 300), spread(-15, 0) - 1]),
    "above 1": 1 + np.concatenate([spread(-15, 0), spread(0, 300)]),
    "inside": np.concatenate([both(spread(-300, 0)), both(1 - spread(-15, -1)), MODERATE / 41]),
    "tails": np.concatenate([both(spread(-300, 0)), both(RANDOM.uniform(0, 36, 150))]),
}


def _sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def _trunc(x):
    return mp.sign(x) * mp.floor(abs(x))


def _density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _silu_slope(x):
    return _sigmoid(x) * (1 + x * _sigmoid(-x))


def _gelu_slope(x):
    return _cdf(x) + x * _density(x)


def _plain(x):
    return 1


def _of_a_square(x):
    """x² is rounded before exp(-x²/2) is taken of it, x/√2 before erfc: x² times half an eps."""
    return 1 + x * x


def _one_or(low, negative, positive):
    return lambda x: positive(x) if x > low else negative(x)


ACCURATE = {  # points, exact function, exact derivative; and their conditions, where not 1
    "neg": ("far", lambda x: -x, lambda x: mp.mpf(-1)),
    "pos": ("far", lambda x: x, lambda x: mp.mpf(1)),
    "abs": ("far", abs, mp.sign),
    "sign": ("far", mp.sign, lambda x: mp.mpf(0)),
    "relu": ("far", lambda x: max(x, 0), lambda x: mp.mpf(x > 0)),
    "reciprocal": ("anywhere", lambda x: 1 / x, lambda x: -1 / x**2),
    "square": ("anywhere", lambda x: x * x, lambda x: 2 * x),
    "sqrt": ("positive", mp.sqrt, lambda x: 1 / (2 * mp.sqrt(x))),
    "cbrt": (
        "far",
        lambda x: mp.sign(x) * mp.cbrt(abs(x)),
        lambda x: 1 / (3 * mp.cbrt(abs(x)) ** 2),
    ),
    "exp": ("exponents", mp.exp, mp.exp),
    "expm1": ("exponents", mp.expm1, mp.exp),
    "exp2": ("exponents", lambda x: mp.power(2, x), lambda x: mp.log(2) * mp.power(2, x)),
    **{
        name: ("far", step, lambda x: mp.mpf(0))
        for name, step in [
            ("floor", mp.floor),
            ("ceil", mp.ceil),
            ("rint", mp.nint),
            ("trunc", _trunc),
        ]
    },
    "log": ("positive", mp.log, lambda x: 1 / x),
    "log2": ("positive", lambda x: mp.log(x, 2), lambda x: 1 / (x * mp.log(2))),
    "log10": ("positive", mp.log10, lambda x: 1 / (x * mp.log(10))),
    "log1p": ("above -1", mp.log1p, lambda x: 1 / (1 + x)),
    "sin": ("far", mp.sin, mp.cos),
    "cos": ("far", mp.cos, lambda x: -mp.sin(x)),
    "tan": ("far", mp.tan, lambda x: mp.sec(x) ** 2),
    "arcsin": ("inside", mp.asin, lambda x: 1 / mp.sqrt(1 - x * x)),
    "arccos": ("inside", mp.acos, lambda x: -1 / mp.sqrt(1 - x * x)),
    "arctan": ("far", mp.atan, lambda x: 1 / (1 + x * x)),
    "sinh": ("exponents", mp.sinh, mp.cosh),
    "cosh": ("exponents", mp.cosh, mp.sinh),
    "tanh": ("far", mp.tanh, lambda x: mp.sech(x) ** 2),
    "arcsinh": ("far", mp.asinh, lambda x: 1 / mp.sqrt(1 + x * x)),
    "arccosh": ("above 1", mp.acosh, lambda x: 1 / mp.sqrt(x * x - 1)),
    "arctanh": ("inside", mp.atanh, lambda x: 1 / (1 - x * x)),
    "sigmoid": ("far", _sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
    "softplus": ("far", lambda x: mp.log1p(mp.exp(x)), _sigmoid),
    # The derivative is a sum that cancels near its root: exact to the size of the summands.
    "silu": (
        *("far", lambda x: x * _sigmoid(x), _silu_slope, _plain),
        lambda x: _sigmoid(x) * (1 + abs(x) * _sigmoid(-x)) / abs(_silu_slope(x)),
    ),
    "normal_cdf": ("tails", _cdf, _density, _of_a_square, _of_a_square),
    "gelu": (
        *("tails", lambda x: x * _cdf(x), _gelu_slope, _of_a_square),
        lambda x: _of_a_square(x) * (_cdf(x) + abs(x) * _density(x)) / abs(_gelu_slope(x)),
    ),
    "leaky_relu": (
        "far",
        _one_or(0, lambda x: mp.mpf(0.01) * x, lambda x: x),
        _one_or(0, lambda x: mp.mpf(0.01), lambda x: mp.mpf(1)),
    ),
    "elu": (
        "far",
        _one_or(0, mp.expm1, lambda x: x),
        _one_or(0, mp.exp, lambda x: mp.mpf(1)),
    ),
}


def worst_error(found, exact, condition, operands):
    """The largest relative error, in eps, over what an error of one eps must grow to."""
    worst = 0.0
    for result, *numbers in zip(np.ravel(found), *operands, strict=True):
        exactly = [mp.mpf(float(x)) for x in numbers]
        true = exact(*exactly)
        if abs(true) < SMALLEST:
            assert abs(result) < 2 * SMALLEST
        else:
            error = abs(mp.mpf(float(result)) / true - 1) / condition(*exactly)
            worst = max(worst, float(error) / EPS)
    return worst


@pytest.mark.parametrize("name", ACCURATE)
def test_accurate_to_the_last_digits(name):
    where, function, slope, *conditions = ACCURATE[name]
    conditions = conditions or [_plain, _plain]
    x = Value(POINTS[where])
    with mpmath.workdps(50):
        result = TABLE[name](x)
        result.sum().backward()
        assert worst_error(result.data, function, conditions[0], [x.data]) < 2
        assert worst_error(x.grad, slope, conditions[1], [x.data]) < 3


def test_every_elementwise_function_is_held_to_50_digits():
    assert {*ACCURATE} == {*ELEMENTWISE}
    assert {*ACCURATE_PAIRS} == {*PAIRED}


def _pairs(low, high):
    """Of any two sizes, and of like sizes."""
    x, y = (spread(low, high, 240) * RANDOM.choice([-1, 1], 240) for _ in range(2))
    y[120:] = x[120:] * both(spread(-2, 2))
    return [x, y]


LEVELS = [RANDOM.uniform(-700, 700, 200), np.append(RANDOM.uniform(-700, 700, 100), MODERATE[:100])]
BASES = [spread(-140, 140, 200), both(spread(-20, 0, 100))]  # base, exponent
FIRST, SECOND = (lambda x, y: mp.mpf(1)), (lambda x, y: -mp.mpf(1))
ACCURATE_PAIRS = {  # operands, function, derivatives; and the conditions of all three
    "add": (_pairs(-300, 300), lambda x, y: x + y, FIRST, FIRST),
    "sub": (_pairs(-300, 300), lambda x, y: x - y, FIRST, SECOND),
    "mul": (_pairs(-140, 140), lambda x, y: x * y, lambda x, y: y, lambda x, y: x),
    "div": (_pairs(-90, 90), lambda x, y: x / y, lambda x, y: 1 / y, lambda x, y: -x / y**2),
    "maximum": (_pairs(-300, 300), max, lambda x, y: mp.mpf(x > y), lambda x, y: mp.mpf(y > x)),
    "minimum": (_pairs(-300, 300), min, lambda x, y: mp.mpf(x < y), lambda x, y: mp.mpf(y < x)),
    "hypot": (
        *(_pairs(-300, 300), mp.hypot),
        *(lambda x, y: x / mp.hypot(x, y), lambda x, y: y / mp.hypot(x, y)),
    ),
    "arctan2": (
        *(_pairs(-300, 300), mp.atan2),
        *(lambda x, y: y / (x * x + y * y), lambda x, y: -x / (x * x + y * y)),
    ),
    # x - y is rounded before exp is taken of it; and the logarithm crosses 0, the operands do not.
    "logaddexp": (
        *(LEVELS, lambda x, y: mp.log(mp.exp(x) + mp.exp(y))),
        *(lambda x, y: _sigmoid(x - y), lambda x, y: _sigmoid(y - x)),
        lambda x, y: 1 + max(abs(x), abs(y)) / abs(mp.log(mp.exp(x) + mp.exp(y))),
        *[lambda x, y: 1 + abs(x - y)] * 2,
    ),
    "logaddexp2": (
        *(LEVELS, lambda x, y: mp.log(mp.mpf(2) ** x + mp.mpf(2) ** y, 2)),
        *(lambda x, y: 1 / (1 + mp.mpf(2) ** (y - x)), lambda x, y: 1 / (1 + mp.mpf(2) ** (x - y))),
        lambda x, y: 1 + max(abs(x), abs(y)) / abs(mp.log(mp.mpf(2) ** x + mp.mpf(2) ** y, 2)),
        *[lambda x, y: 1 + abs(x - y)] * 2,
    ),
    "fmax": (_pairs(-300, 300), max, lambda x, y: mp.mpf(x > y), lambda x, y: mp.mpf(y > x)),
    "fmin": (_pairs(-300, 300), min, lambda x, y: mp.mpf(x < y), lambda x, y: mp.mpf(y < x)),
    "copysign": (
        *(_pairs(-300, 300), lambda x, y: abs(x) * mp.sign(y)),
        *(lambda x, y: mp.sign(x) * mp.sign(y), lambda x, y: mp.mpf(0)),
    ),
    "heaviside": (_pairs(-300, 300), lambda x, y: mp.mpf(x > 0), *[lambda x, y: mp.mpf(0)] * 2),
    "floor_divide": (_pairs(-3, 3), lambda x, y: mp.floor(x / y), *[lambda x, y: mp.mpf(0)] * 2),
    "remainder": (
        *(_pairs(-3, 3), lambda x, y: x - y * mp.floor(x / y)),
        *(FIRST, lambda x, y: -mp.floor(x / y)),
    ),
    "fmod": (
        *(_pairs(-3, 3), lambda x, y: x - y * _trunc(x / y)),
        *(FIRST, lambda x, y: -_trunc(x / y)),
    ),
    # y - 1 is rounded before x is raised to it.
    "pow": (
        *(BASES, mp.power),
        *(lambda x, y: y * x ** (y - 1), lambda x, y: x**y * mp.log(x)),
        *(lambda x, y: 1, lambda x, y: 1 + abs((y - 1) * mp.log(x)), lambda x, y: 1),
    ),
}


@pytest.mark.parametrize("name", ACCURATE_PAIRS)
def test_functions_of_two_are_accurate_to_the_last_digits(name):
    operands, function, *others = ACCURATE_PAIRS[name]
    slopes, conditions = others[:2], others[2:] or [lambda x, y: 1] * 3
    x, y = map(Value, operands)
    result = TABLE[name](x, y)
    result.sum().backward()
    found = [result.data, x.grad, y.grad]
    for numbers, exact, condition in zip(found, [function, *slopes], conditions, strict=True):
        assert worst_error(numbers, exact, condition, operands) < 3


# --- What is refused, and in which words ----------------------------------------------------------

X = Value(np.ones((2, 3)), label="X")
REFUSED = {
    "add": (lambda: X + np.ones(4), ValueError, r"add\(X \(2, 3\).*\(4,\)"),
    "matmul": (lambda: X @ np.ones((2, 3)), ValueError, r"matmul\(X \(2, 3\).*\(2, 3\)"),
    "matmul by a scalar": (lambda: X @ 2.0, ValueError, r"matmul\(X \(2, 3\), 2\.0\).*dimensions"),
    "einsum": (
        lambda: numpy_api.einsum("ij,j->i", X, np.ones(2)),
        ValueError,
        r"einsum\(X \(2, 3\), array \(2,\), subscripts='ij,j->i'",
    ),
    "concatenate": (
        lambda: numpy_api.concatenate([X, np.ones((2, 2))]),
        ValueError,
        r"concatenate\(X \(2, 3\), array \(2, 2\)",
    ),
    "reshape": (lambda: X.reshape(4), ValueError, r"X \(2, 3\).*4"),
    "an order of memory": (lambda: X.reshape(6, order="A"), ValueError, r"X \(2, 3\).*order 'A'"),
    "axis": (lambda: X.sum(axis=2), ValueError, r"sum\(X \(2, 3\), axis=2"),
    "axis of softmax": (lambda: X.softmax(axis=2), ValueError, r"logsumexp\(X \(2, 3\), axis=2"),
    "axis twice": (lambda: X.max(axis=(0, 0)), ValueError, r"max\(X \(2, 3\), axis=\(0, 0\)"),
    "index": (lambda: X[2], IndexError, r"X \(2, 3\).*2"),
    "too many indices": (lambda: X[0, 0, 0], IndexError, r"X \(2, 3\).*too many"),
    "take": (lambda: X.take(7), IndexError, r"take\(X \(2, 3\), indices=7"),
    "unknown option": (
        lambda: ops.sum(X, dtype=float),
        TypeError,
        r"sum\(\) got an unexpected .* 'dtype'; beside its operands it takes axis, keepdims",
    ),
    "too many": (lambda: ops.sum(X, 0, True, 1), TypeError, r"sum\(\).*axis"),
    "twice": (
        lambda: ops.sum(X, 0, axis=0),
        TypeError,
        r"sum\(\) got multiple values for argument 'axis'",
    ),
    "broadcast": (lambda: ops.broadcast_to(X, (2, 4)), ValueError, r"X \(2, 3\).*\(2, 4\)"),
    "maximum of nothing": (X[:0].max, ValueError, r"max\(.*\(0, 3\).*zero-size"),
    "affine of a weight too many": (lambda: ops.affine(X, X), (TypeError, ValueError), "affine"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_says_what_was_given(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call()
