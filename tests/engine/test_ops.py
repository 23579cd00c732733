"""Every record of the table: its numbers, its derivatives, its formula, its awkward points.

A case is one way to call a record. The first half of the file asks the same questions of every
case, so a new record needs a line in ``CASES`` and one in ``CLOSED_FORMS``; the second half is
about points where a derivative is a matter of convention or of care.
"""

import itertools
import math
from dataclasses import dataclass, field
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
    composites,
    grad,
    gradcheck,
    hessian,
    hvp,
    jvp,
    ops,
    vjp,
)
from tinygrad_hw.engine.autodiff import pull, push
from tinygrad_hw.engine.graph import topological_order
from tinygrad_hw.engine.operation import ANY_NUMBER, Composite, Pointwise

INF = np.inf
EPS = 2.0**-52
TABLE = composites.TABLE


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
]
PAIRED = ["add", "sub", "mul", "div", "pow"]
PAIRED += ["maximum", "minimum", "hypot", "arctan2", "logaddexp"]
KINKED = {  # central differences must not straddle a kink, a jump, a tie or a pole
    *("abs", "sign", "relu", "leaky_relu", "elu", "maximum", "minimum", "max", "min", "clip"),
    *("norm", "std", "hypot", "arctan2"),
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
    ((), True),
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


def _shape_after(shape, index):
    return np.empty(shape)[index].shape


def _single(cases):
    """Cases of one operand, from pairs of a shape and attributes."""
    return [((shape,), attributes) for shape, attributes in cases]


CASES: dict[str, list[Any]] = {
    **{name: [((shape,), {}) for shape in ONE] for name in ELEMENTWISE},
    **{name: [(shapes, {}) for shapes in PAIRS] for name in PAIRED},
    **{name: _single(REDUCED) for name in ("max", "min", "logsumexp", "mean")},
    **{name: _single(REDUCED + OF_NOTHING) for name in ("sum", "prod")},
    **{name: _single(REDUCED + DEVIATIONS) for name in ("var", "std")},
    "norm": _single(REDUCED + OF_NOTHING + ORDERS),
    "where": [
        (shapes, {"condition": condition})
        for shapes, condition in [
            (((), ()), True),
            (((2, 3), (3,)), False),
            (((2, 3), ()), MASK),
            (((3,), (2, 1)), MASK),
            (((), ()), MASK),
            (((1,), (0,)), np.zeros(0, bool)),
        ]
    ],
    "cumsum": [
        ((shape,), {"axis": axis})
        for shape, axis in [
            *[((), None), ((), 0), ((4,), None), ((2, 3), None), ((2, 3), 1), ((2, 3), -2)],
            *[((2, 3, 2), 1), ((0, 3), 0), ((0, 3), None)],
        ]
    ],
    "broadcast_to": [
        ((shape,), {"shape": target})
        for shape, target in [
            *[((), ()), ((), 3), ((), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 3))],
            *[((1,), (4, 2, 3)), ((1, 3), (0, 3))],
        ]
    ],
    "reshape": [
        *[
            ((shape,), {"shape": target})
            for shape, target in [
                *[((), (1, 1)), ((), ()), ((1,), ()), ((2, 3), (3, 2)), ((2, 3), -1)],
                *[((4,), (2, -1)), ((0, 3), (3, 0)), ((2, 3), [6])],
            ]
        ],
        *[(((2, 3),), {"shape": (3, 2), "order": order}) for order in "FA"],
    ],
    "transpose": [
        ((shape,), {"axes": axes})
        for shape, axes in [
            *[((), None), ((3,), None), ((2, 3), None), ((2, 3), [1, 0]), ((2, 3, 4), None)],
            *[((2, 3, 4), (2, 0, 1)), ((2, 3, 4), (-1, 0, -2)), ((0, 3), None)],
        ]
    ],
    **{
        name: [
            ((shape,), {"k": k})
            for shape, k in [
                *[((3, 3), 0), ((2, 3), 1), ((3, 2), -1), ((2, 2, 3), 0), ((2, 2), 5)],
                *[((0, 3), 0), ((3,), 0)],  # NumPy makes a matrix of a vector, row by row
            ]
        ]
        for name in ("triu", "tril")
    },
    "flip": [
        ((shape,), {"axis": axis})
        for shape, axis in [
            *[((), None), ((4,), 0), ((2, 3), None), ((2, 3), 0), ((2, 3), -1)],
            *[((2, 3, 2), (0, -1)), ((0, 3), 1)],
        ]
    ],
    "roll": [
        ((shape,), {"shift": shift, "axis": axis})
        for shape, shift, axis in [
            *[((), 1, None), ((4,), 1, None), ((2, 3), 2, None), ((2, 3), -1, 1)],
            *[((2, 3), (1, 2), (0, -1)), ((2, 3), 1, (0, 1)), ((2, 3), 7, 0), ((0, 3), 1, 1)],
        ]
    ],
    "getitem": [((shape,), {"index": index}) for shape, index in INDEXED],
    "scatter": [
        ((_shape_after(shape, index),), {"index": index, "shape": shape})
        for shape, index in INDEXED
    ],
    "matmul": [
        (shapes, {})
        for shapes in [
            *[((2, 3), (3, 4)), ((1, 3), (3, 1)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2))],
            *[((1, 2, 3), (4, 3, 2)), ((2, 1, 2, 3), (4, 3, 2)), ((0, 3), (3, 2))],
            *[((2, 0), (0, 3)), ((0,), (0,))],
            *[((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((4, 2, 3), (3,)), ((3,), (4, 3, 2))],
        ]
    ],
    "einsum": [(tuple(shapes), {"subscripts": text}) for text, *shapes in EINSUMS],
    "concatenate": [
        (shapes, {"axis": axis, "starts": starts})
        for shapes, axis, starts in [
            *[(((3,),), 0, (0, 3)), (((2, 3), (1, 3)), 0, (0, 2, 3)), (((0,), (2,)), 0, (0, 0, 2))],
            *[(((2, 1), (2, 0), (2, 2)), 1, (0, 1, 1, 3)), (((2, 1), (2, 2)), -1, (0, 1, 3))],
        ]
    ],
    "take": [
        ((shape,), {"indices": indices, "axis": axis})
        for shape, indices, axis in [
            *[((), 0, None), ((4,), 2, None), ((4,), [0, -1, 0], 0), ((2, 3), [5, 0, 5], None)],
            *[((2, 3), -1, 1), ((2, 3), REPEATED, -1), ((2, 3), [[0, 1], [1, 1]], 0)],
            *[((2, 3), [], 1), ((0, 3), [1], 1)],
        ]
    ],
    "take_along_axis": [
        ((shape,), {"indices": np.array(indices), "axis": axis})
        for shape, indices, axis in [
            *[((4,), [3, 0, 0], 0), ((2, 3), [[2, 0, 0], [1, 1, 1]], 1), ((2, 3), [[0], [1]], -1)],
            *[
                ((2, 3), [[0, 1, 1]], 0),
                ((2, 3), [[2, 0]], 1),
                ((2, 3), [5, 5, 0], None),
                ((2, 3), np.ones((2, 0), int), 1),
            ],
        ]
    ],
    "repeat": [
        ((shape,), {"repeats": repeats, "axis": axis})
        for shape, repeats, axis in [
            *[((), 3, None), ((4,), 2, 0), ((2, 3), 2, None), ((2, 3), 2, -1), ((2, 3), [2, 0], 0)],
            *[((2, 3), [1, 2, 3, 0, 1, 1], None), ((2, 3), 0, 1), ((0, 3), 2, 1)],
        ]
    ],
    "tile": [
        ((shape,), {"reps": reps})
        for shape, reps in [
            *[((), 3), ((), (2, 2)), ((4,), 2), ((2, 3), 2), ((2, 3), (2, 1)), ((2, 3), (2, 1, 2))],
            *[((2, 3), ()), ((2, 3), 0), ((0, 3), 2)],
        ]
    ],
    "diagonal": [
        ((shape,), {"offset": offset, "axis1": i, "axis2": j})
        for shape, offset, i, j in [
            *[((3, 3), 0, 0, 1), ((2, 3), 1, 0, 1), ((3, 2), -1, 0, 1), ((2, 3), 5, 0, 1)],
            *[((2, 3, 4), 1, 1, 2), ((2, 3, 4), -1, -1, 0), ((0, 3), 0, 0, 1)],
        ]
    ],
    "pad": [
        ((shape,), {"pad_width": width, "mode": mode})
        for mode in ("edge", "reflect", "symmetric", "wrap")
        for shape, width in [((4,), 1), ((2, 3), 4), ((2, 3), ((1, 0), (0, 2))), ((2, 3), (2, 1))]
    ],
    **{
        name: [
            ((shape,), {"axis": axis})
            for shape, axis in [
                *[((), None), ((4,), -1), ((2, 3), -1), ((2, 3), 0), ((2, 3), -2), ((2, 3), None)],
                *[((2, 3, 2), (0, -1)), ((0, 3), 1)],
            ]
        ]
        for name in ("softmax", "log_softmax")
    },
    "clip": [
        ((shape,), bounds)
        for shape, bounds in [
            *[((), {"a_min": -0.5, "a_max": 0.5}), ((4,), {"a_min": 0}), ((4,), {"a_max": 0.5})],
            *[((2, 3), {"min": -1.0, "max": 1}), ((2, 3), {"min": [-1.0, 0.0, 1.0]}), ((4,), {})],
            *[((2, 3), {"a_min": np.zeros((2, 1)), "a_max": 1.0}), ((0, 3), {"max": 0.0})],
            *[((3,), {"min": [[-1.0], [0.5]]}), ((4,), {"a_min": 1.0, "a_max": 0.0})],
        ]
    ],
}
CASES["leaky_relu"] += [((shape,), {"negative_slope": 0.3}) for shape in ((), (4,))]
CASES["elu"] += [((shape,), {"alpha": 0.5}) for shape in ((), (4,))]

EVERY_CASE = [Case(name, *arguments) for name in TABLE for arguments in CASES.get(name, [])]


def of_cases(cases):
    return pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in cases])


of_every_case = of_cases(EVERY_CASE)


def test_every_record_has_cases():
    assert {name for name, cases in CASES.items() if cases} == set(TABLE)


def test_records_are_complete():
    for name, record in TABLE.items():
        variadic = record.arity == ANY_NUMBER
        assert record.name == name
        assert record.symbol
        assert len(record.domain) >= (1 if variadic else record.arity)
        of_rules = 0 if isinstance(record, Composite) else 1 if variadic else record.arity
        assert len(record.rules) == len(record.formulas) == of_rules
        assert all(isinstance(formula, str) for formula in record.formulas)


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
    rows, columns = np.atleast_2d(x), y[:, None] if np.ndim(y) == 1 else y
    out = np.einsum("...ij,...jk->...ik", rows, columns)
    out = out[..., 0] if np.ndim(y) == 1 else out
    if np.ndim(x) == 1:
        return out[..., 0] if np.ndim(y) == 1 else out[..., 0, :]
    return out


def _triangle(keep):
    """Zeros where the column less the row is not as wanted; a vector is a row, over and over."""

    def triangle(x, k):
        x = np.broadcast_to(x, (len(x), len(x))) if np.ndim(x) == 1 else x
        rows, columns = np.indices(x.shape[-2:])
        return np.where(keep(columns - rows, k), x, 0.0)

    return triangle


def _reshape(x, shape, order="C"):
    """In the order F: both seen from behind."""
    return np.ravel(x).reshape(shape) if order != "F" else np.ravel(x.T).reshape(shape[::-1]).T


def _flip(x, axis):
    axes = range(np.ndim(x)) if axis is None else np.atleast_1d(axis) % np.ndim(x)
    return np.asarray(x)[
        tuple([slice(None, None, -1 if i in axes else 1) for i in range(np.ndim(x))])
    ]


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
    for part, start, stop in zip(parts, starts, starts[1:], strict=False):
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
    "where": lambda x, y, condition: np.where(condition, x, y),
    "max": each_vector(max),
    "min": each_vector(min),
    "sum": each_vector(math.fsum),
    "mean": each_vector(lambda numbers: math.fsum(numbers) / len(numbers)),
    "prod": each_vector(math.prod),
    "var": each_vector(_variance),
    "std": each_vector(lambda numbers, **options: math.sqrt(_variance(numbers, **options))),
    "norm": each_vector(_norm),
    "logsumexp": each_vector(lambda numbers: math.log(math.fsum(map(math.exp, numbers)))),
    "cumsum": lambda x, axis: np.add.accumulate(
        np.ravel(x) if axis is None else np.atleast_1d(x), axis or 0
    ),
    "broadcast_to": lambda x, shape: x * np.ones(shape),
    "reshape": _reshape,
    "transpose": lambda x, axes: np.moveaxis(x, axes, range(x.ndim)) if axes else np.asarray(x).T,
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
@settings(max_examples=4)
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
@settings(max_examples=2)
def test_second_derivative_is_the_slope_of_the_first(case, data):
    """H · u for the Hessian H of the weighed result, in four ways."""
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
    *("add", "sub", "mul", "div", "neg", "pos", "reciprocal", "square", "pow", "sqrt"),
    *("exp", "expm1", "log", "log1p", "log2", "log10"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("sum", "mean", "var", "std", "prod", "logsumexp", "softmax", "log_softmax", "cumsum"),
    *("broadcast_to", "reshape", "transpose", "triu", "tril", "flip", "roll", "where"),
    *("getitem", "scatter", "matmul", "einsum", "concatenate"),
    *("take", "take_along_axis", "repeat", "tile", "diagonal", "pad"),
]
STEPPED = [
    case
    for case in EVERY_CASE
    if case.name in ANALYTIC or (case.name == "norm" and "ord" not in case.attributes)
]


@of_cases(STEPPED)
def test_derivative_is_the_complex_step(case):
    """Im f(x + ih) / h has no cancellation: the slope to the last digits."""
    operands, moves = points(case), directions(case)
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
        np.testing.assert_allclose(moved, slope, rtol=1e-13, atol=1e-13 * size)
        back = gradient * move
        assert abs(np.sum(weights * slope) - np.sum(back)) <= 1e-13 * np.sum(np.abs(back))


# --- What is shown is what is used ----------------------------------------------------------------


def _sum_to(x, shape):
    """Sum every element into the one that it was broadcast from."""
    size = math.prod(shape)
    origin = np.broadcast_to(np.arange(size).reshape(shape), np.shape(x))
    return np.bincount(origin.ravel(), np.ravel(x), minlength=size).reshape(shape)


def _put_back(upstream, source, x):
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
    "count": np.count_nonzero,
    "normal_cdf": CLOSED_FORMS["normal_cdf"],
    "share": lambda wins, ties: wins + 0.5 * ties,
    "shape_of": np.shape,
    "sum_to": _sum_to,
    "scatter": _scatter,
    "inverse": lambda axes: (
        axes and [list(np.mod(axes, len(axes))).index(i) for i in range(len(axes))]
    ),
    "along": lambda x, axis, start, stop: np.take(x, range(start, stop), axis),
    "numbers": lambda x: np.arange(np.size(x)).reshape(np.shape(x)),
    "put_back": _put_back,
    "einsum_back": _einsum_back,
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
@given(data=st.data())
@settings(max_examples=3)
def test_formula_equals_the_rule(case, data):
    operands = points(case, data)
    variadic = case.record.arity == ANY_NUMBER
    node = case(*map(Value, operands))
    upstream = np.asarray(weights_like(node.data))
    names = {
        **WORDS,
        **(dict(x=operands) if variadic else dict(zip("xyz", operands, strict=False))),
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


# --- Kinds of number ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@of_every_case
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


@of_every_case
def test_float32_is_kept_where_the_derivative_is_recorded(case):
    leaves = [Value(np.float32(x)) for x in points(case)]
    result, pull_back = vjp(case, *leaves)
    found = [*pull_back(np.ones(result.shape, np.float32))]
    found += jvp(case, tuple(leaves), tuple(map(np.float32, directions(case))))
    assert {x.dtype for x in found} == {np.dtype(np.float32)}


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
    "clip": lambda x: composites.clip(x, 0, 1.0),
    "leaky_relu": lambda x: ops.leaky_relu(x, negative_slope=0.3),
    "elu": lambda x: ops.elu(x, alpha=0.3),
    "norm": lambda x: ops.norm(x, ord=2.5),
    "std": lambda x: composites.std(x, ddof=0.5),
    "pad": lambda x: composites.pad(x * np.ones(3, np.float32), 1, constant_values=2.0),
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
        lambda x: composites.einsum("i,i->", x, np.ones(3)),
        lambda x: composites.concatenate([x, np.ones(3)]).sum(),
        lambda x: ops.maximum(x, np.ones(3)).sum(),
        lambda x: composites.clip(x, np.ones(3)).sum(),
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
