"""Every record of the table: its numbers, its derivatives, its formula, its awkward points."""

from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tinygrad_hw.engine import Value, backward_steps, composites, gradcheck, ops
from tinygrad_hw.engine.autodiff import pull
from tinygrad_hw.engine.graph import topological_order
from tinygrad_hw.engine.operation import Composite, Pointwise
from tinygrad_hw.nn import losses

mpmath.mp.dps = 50
INF = np.inf


# --- The cases: every record has at least one, in the shapes that can go wrong --------------------


@dataclass(frozen=True)
class Case:
    """One way to call a record: shapes of its operands, and attributes."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def record(self):
        return composites.TABLE[self.name]

    def __call__(self, *operands):
        return self.record(*operands, **self.attributes)

    def __str__(self):
        options = [f"{k}={str(v).replace(chr(10), '')}" for k, v in self.attributes.items()]
        return "-".join([self.name, *map(str, self.shapes), *options]).replace(" ", "")


ONE = [((),), ((4,),), ((2, 3),), ((0, 3),)]
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
    ((4,), {"axis": 0}),
    ((2, 3), {}),
    ((2, 3), {"keepdims": True}),
    ((2, 3), {"axis": 1}),
    ((2, 3), {"axis": np.int64(0)}),
    ((2, 3), {"axis": -2, "keepdims": True}),
    ((2, 3, 2), {"axis": (0, -1)}),
    ((2, 3, 2), {"axis": (-1, 1), "keepdims": True}),
    ((2, 3, 2), {"axis": 1}),
    ((0, 3), {"axis": 1}),
]
MASK = np.array([True, False, True])
REPEATED = np.array([2, 0, 2])
INDEXED = [
    ((4,), 1),
    ((4,), -1),
    ((4,), slice(None, None, -2)),
    ((2, 3), (..., 0)),
    ((2, 3), (slice(None), None, slice(1, 3))),
    ((3, 2), REPEATED),
    ((3,), [0, 0, 0]),
    ((3, 2), MASK),
    ((3, 3), (REPEATED, np.array([1, 1, 1]))),
    ((3, 3), (slice(None), REPEATED)),
    ((0, 3), slice(None)),
]
LABELS = [np.array([0, 2]), np.array([1, 1])]


def _shape_after(shape, index):
    return np.empty(shape)[index].shape


CASES = {
    **{name: [(shapes, {}) for shapes in PAIRS] for name in ("add", "sub", "mul", "div", "pow")},
    **{name: [(shapes, {}) for shapes in ONE] for name in ("neg", "pos", "exp", "log", "sqrt")},
    **{name: [(shapes, {}) for shapes in ONE] for name in ("abs", "relu", "softplus")},
    **{name: [(shapes, {}) for shapes in ONE] for name in ("sigmoid", "tanh")},
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
    **{
        name: [((shape,), attributes) for shape, attributes in REDUCED]
        for name in ("max", "logsumexp", "sum", "mean")
    },
    "broadcast_to": [
        ((shape,), {"shape": target})
        for shape, target in [
            ((), ()),
            ((), (2, 3)),
            ((3,), (2, 3)),
            ((2, 1), (2, 3)),
            ((1,), (4, 2, 3)),
            ((1, 3), (0, 3)),
        ]
    ],
    "reshape": [
        ((shape,), {"shape": target})
        for shape, target in [
            ((), (1, 1)),
            ((), ()),
            ((1,), ()),
            ((2, 3), (3, 2)),
            ((2, 3), -1),
            ((4,), (2, -1)),
            ((0, 3), (3, 0)),
        ]
    ],
    "transpose": [
        ((shape,), {"axes": axes})
        for shape, axes in [
            ((), None),
            ((3,), None),
            ((2, 3), None),
            ((2, 3, 4), None),
            ((2, 3, 4), (2, 0, 1)),
            ((2, 3, 4), (-1, 0, -2)),
            ((0, 3), None),
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
            ((2, 3), (3, 4)),
            ((1, 3), (3, 1)),
            ((4, 2, 3), (3, 2)),
            ((2, 3), (4, 3, 2)),
            ((1, 2, 3), (4, 3, 2)),
            ((2, 1, 2, 3), (4, 3, 2)),
            ((0, 3), (3, 2)),
            ((2, 0), (0, 3)),
        ]
    ],
    "softmax": [
        ((shape,), {"axis": axis}) for shape, axis in [((4,), -1), ((2, 3), -1), ((2, 3), 0)]
    ],
    "log_softmax": [
        ((shape,), {"axis": axis}) for shape, axis in [((4,), -1), ((2, 3), 1), ((2, 3), -2)]
    ],
    "binary_crossentropy": [
        (shapes, {})
        for shapes in [((), ()), ((4,), (4,)), ((2, 3), (2, 3)), ((4, 1), (4,)), ((4,), (4, 1))]
    ],
    "sparse_categorical_crossentropy": [(((2, 3),), {"labels": labels}) for labels in LABELS],
}
EVERY = [
    pytest.param(case := Case(name, *arguments), id=str(case))
    for name in composites.TABLE
    for arguments in CASES.get(name, [])
]
KINKED = {"abs", "relu", "max"}  # central differences must not straddle a kink or a tie


def test_every_record_has_cases():
    assert {name for name, cases in CASES.items() if cases} == set(composites.TABLE)


def test_records_are_complete():
    for name, record in composites.TABLE.items():
        assert record.name == name
        assert record.symbol
        assert len(record.domain) >= record.arity
        assert len(record.formulas) == (0 if isinstance(record, Composite) else record.arity)


def points(case, data=None):
    """Operands from the record's domain: drawn by Hypothesis, or the same random ones each time."""
    random = np.random.default_rng(len(str(case)))
    drawn = []
    for shape, (low, high) in zip(case.shapes, case.record.domain, strict=False):
        if data is None:
            drawn.append(random.uniform(low, high, shape))
        elif case.name in KINKED:  # distinct odd hundredths of the interval: no ties, never 0
            step = (high - low) / 400
            grid = st.integers(0, 199).map(lambda k, a=low, h=step: a + (2 * k + 1) * h)
            drawn.append(data.draw(arrays(np.float64, shape, elements=grid, unique=True)))
        else:
            drawn.append(data.draw(arrays(np.float64, shape, elements=st.floats(low, high))))
    return drawn


# --- Numbers --------------------------------------------------------------------------------------


def _np_scatter(x, index, shape):
    """Element by element, through the positions that the index picks."""
    out = np.zeros(shape)
    positions = np.arange(out.size).reshape(shape)[index]
    for position, number in zip(np.ravel(positions), np.ravel(x), strict=True):
        out.flat[position] += number
    return out


def _np_softmax(x, axis):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


CLOSED_FORMS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.float_power,
    "neg": np.negative,
    "pos": lambda x: 0 + x,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.fabs,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: x * (x > 0),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "where": lambda x, y, condition: np.where(condition, x, y),
    "max": lambda x, **options: -np.min(-x, **options),
    "logsumexp": lambda x, **options: np.log(np.sum(np.exp(x), **options)),
    "sum": lambda x, **options: np.add.reduce(x, **{"axis": None, **options}),
    "mean": lambda x, **options: np.sum(x, **options) / np.sum(np.ones_like(x), **options),
    "broadcast_to": lambda x, shape: x * np.ones(shape),
    "reshape": lambda x, shape: np.ravel(x).reshape(shape),
    "transpose": np.transpose,
    "getitem": lambda x, index: x[index],
    "scatter": _np_scatter,
    "matmul": lambda x, y: np.einsum("...ij,...jk->...ik", x, y),
    "softmax": _np_softmax,
    "log_softmax": lambda x, axis: np.log(_np_softmax(x, axis)),
    "binary_crossentropy": lambda z, y: np.mean(
        -y.ravel() * np.log(1 / (1 + np.exp(-z.ravel())))
        - (1 - y.ravel()) * np.log(1 / (1 + np.exp(z.ravel())))
    ),
    "sparse_categorical_crossentropy": lambda z, labels: np.mean(
        [-np.log(_np_softmax(row, 0)[label]) for row, label in zip(z, labels, strict=True)]
    ),
}


@pytest.mark.parametrize("case", EVERY)
def test_result_is_the_closed_form(case):
    operands = points(case)
    expected = CLOSED_FORMS[case.name](*operands, **case.attributes)
    for result in (case(*operands), case(*map(Value, operands)).data):
        assert np.shape(result) == np.shape(expected)
        np.testing.assert_allclose(result, expected, rtol=1e-14, atol=1e-15)


# --- Derivatives ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", EVERY)
@given(data=st.data())
def test_gradient_is_the_slope(case, data):
    gradcheck(case, *points(case, data))


@pytest.mark.parametrize("case", EVERY)
def test_gradient_is_the_slope_for_views_that_are_not_contiguous(case):
    def on_views(*values):
        return case(*[v[..., ::2].T if v.shape else v for v in values])

    gradcheck(on_views, *[np.repeat(x.T, 2, axis=-1) if x.ndim else x for x in points(case)])


def gradient_graph(root, leaves):
    """d root / d leaf, for each leaf, as Values that can be differentiated again: pull, nested."""
    order = topological_order(root)
    totals = {id(root): Value(np.ones(root.shape), constant=True)}
    for node in reversed(order):
        upstream = totals.get(id(node))
        if upstream is None or node.operation is None or node.constant:
            continue
        for operand, edge in zip(node.inputs, pull(node, upstream), strict=True):
            if edge is not None:
                before = totals.get(id(operand))
                totals[id(operand)] = edge[1] if before is None else before + edge[1]
    return [totals.get(id(leaf)) for leaf in leaves]


def gradients(root, leaves):
    """d root / d leaf, for each leaf, as arrays; zeros where the root does not depend on it."""
    if isinstance(root, Value) and not root.constant:
        root.backward()
    return [np.zeros(v.shape) if v.grad is None else np.asarray(v.grad) for v in leaves]


@pytest.mark.parametrize("case", EVERY)
@given(data=st.data())
@settings(max_examples=5)
def test_second_derivative_is_the_slope_of_the_first(case, data):
    operands = points(case, data)
    random = np.random.default_rng(0)
    weights = random.uniform(0.5, 1.5, np.shape(case(*operands)))
    mixes = [random.uniform(0.5, 1.5, x.shape) for x in operands]

    def weighted_gradient(moved):
        leaves = [Value(x) for x in moved]
        found = gradients((case(*leaves) * weights).sum(), leaves)
        return sum(np.sum(mix * gradient) for mix, gradient in zip(mixes, found, strict=True))

    leaves = [Value(x) for x in operands]
    first = gradient_graph((case(*leaves) * weights).sum(), leaves)
    total = sum((mix * g).sum() for mix, g in zip(mixes, first, strict=True) if g is not None)
    np.testing.assert_allclose(total.data, weighted_gradient(operands), rtol=1e-12, atol=1e-12)
    for position, second in enumerate(gradients(total, leaves)):
        for index in np.ndindex(second.shape):
            sides = []
            for h in (1e-5, -1e-5):
                moved = [np.array(x) for x in operands]
                moved[position][index] += h
                sides.append(weighted_gradient(moved))
            slope = (sides[0] - sides[1]) / 2e-5
            assert second[index] == pytest.approx(slope, rel=2e-6, abs=2e-6)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_mixed_second_derivative_of_a_power_at_a_whole_exponent(exponent):
    x, p = Value(3.0), Value(exponent)
    [slope] = gradient_graph(x**p, [x])
    slope.backward()
    assert p.grad == pytest.approx(3 ** (exponent - 1) * (1 + exponent * np.log(3)), rel=1e-14)


VECTORS = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((4, 2, 3), (3,)), ((3,), (4, 3, 2))]


@pytest.mark.parametrize("shapes", VECTORS, ids=str)
def test_matmul_reads_vectors_as_numpy_does(shapes):
    x, y = (np.random.default_rng(0).normal(size=shape) for shape in shapes)
    np.testing.assert_allclose((Value(x) @ y).data, np.matmul(x, y), rtol=1e-14)
    np.testing.assert_allclose((x @ Value(y)).data, np.matmul(x, y), rtol=1e-14)
    gradcheck(lambda a, b: a @ b, x, y)


# --- What is shown is what is used ----------------------------------------------------------------


def _np_sum_to(x, shape):
    """Sum every element into the one that it was broadcast from."""
    size = int(np.prod(shape))
    origin = np.broadcast_to(np.arange(size).reshape(shape), np.shape(x))
    return np.bincount(origin.ravel(), np.ravel(x), minlength=size).reshape(shape)


def _formula_is_for(case):
    """A student writes the whole reduction, the plain transpose, two matrices, one condition."""
    plain = case.attributes.get("axis") is None and case.attributes.get("axes") is None
    one = np.ndim(case.attributes.get("condition", True)) == 0
    return plain and one and case.record.formulas


FORMULA_CASES = [param for param in EVERY if _formula_is_for(param.values[0])]


def test_every_formula_is_evaluated():
    shown = {param.values[0].name for param in FORMULA_CASES}
    assert shown == {name for name, record in composites.TABLE.items() if record.formulas}


@pytest.mark.parametrize("case", FORMULA_CASES)
@given(data=st.data())
def test_formula_equals_the_rule(case, data):
    operands = points(case, data)
    node = case(*map(Value, operands))
    upstream = np.random.default_rng(1).uniform(0.5, 1.5, node.shape)
    names = {
        **vars(np),
        **dict(zip("xy", operands, strict=False)),
        **case.attributes,
        "out": np.asarray(node.data),
        "upstream": upstream,
        "count": np.count_nonzero,
        "sum_to": _np_sum_to,
        "scatter": _np_scatter,
    }
    edges = pull(node, upstream)
    for operand, formula, (local, contribution) in zip(
        operands, case.record.formulas, edges, strict=True
    ):
        shown = eval(formula, names)  # the table's own text
        if isinstance(case.record, Pointwise):
            wide = np.ones(np.broadcast_shapes(node.shape, operand.shape))
            np.testing.assert_allclose(local * wide, shown * wide, rtol=1e-13, atol=1e-15)
            shown = _np_sum_to(upstream * shown * wide, operand.shape)
        else:
            assert local == formula
            shown = _np_sum_to(shown, operand.shape)  # stacked matrices that were broadcast
        assert np.shape(contribution) == operand.shape
        np.testing.assert_allclose(contribution, shown, rtol=1e-12, atol=1e-14)


# --- Kinds of number ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", EVERY)
def test_dtype_and_shape_are_kept_forward_and_backward(case, dtype):
    leaves = [Value(x.astype(dtype)) for x in points(case)]
    result = case(*leaves)
    result.backward(np.ones(result.shape, dtype))
    assert result.dtype == dtype
    for node in topological_order(result):
        if node.grad is not None:
            assert (np.result_type(node.grad), np.shape(node.grad)) == (dtype, node.shape)
    assert all(leaf.grad is not None for leaf in leaves)


SCALAR_CASES = [param for param in EVERY if () in param.values[0].shapes]


@pytest.mark.parametrize("make", [float, np.float64, np.float32])
@pytest.mark.parametrize("case", SCALAR_CASES)
def test_scalar_has_a_scalar_gradient(case, make):
    leaves = [Value(x if x.ndim else make(x)) for x in points(case)]
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


WITH_PYTHON_NUMBERS = {
    "x + 2": lambda x: x + 2,
    "2 - x": lambda x: 2 - x,
    "x * 0.5": lambda x: x * 0.5,
    "1 / x": lambda x: 1 / x,
    "x**2": lambda x: x**2,
    "x**0.5": lambda x: x**0.5,
    "2**x": lambda x: 2.0**x,
    "where": lambda x: ops.where(x > 1, x, 0.0),
    "Value(2.0) * x": lambda x: Value(2.0) * x,
    "x**Value(2.0)": lambda x: x ** Value(2.0),
    "Value(2.0).tanh() * x": lambda x: Value(2.0).tanh() * x,
    "(Value(2.0) + 1).sigmoid() * x": lambda x: (Value(2.0) + 1).sigmoid() * x,
}


@pytest.mark.parametrize("data", [np.float32([0.5, 1.5, 2]), np.float32(1.5)], ids=np.shape)
@pytest.mark.parametrize("expression", WITH_PYTHON_NUMBERS)
def test_python_numbers_are_weak_beside_float32(expression, data):
    x = Value(data)
    result = WITH_PYTHON_NUMBERS[expression](x)
    result.sum().backward()
    assert (result.dtype, np.result_type(x.grad)) == (np.float32, np.float32)


@pytest.mark.parametrize("seed", [[1, 2, 3], np.ones(3)], ids=["list", "float64"])
def test_float32_gradient_stays_float32_whatever_the_seed(seed):
    x = Value(np.float32([1, 2, 3]))
    x.sigmoid().backward(seed)
    assert x.grad.dtype == np.float32


# --- Awkward points -------------------------------------------------------------------------------

KINDS = {
    "python": float,
    "float64": np.float64,
    "float32": np.float32,
    "array": lambda x: np.array([x]),
    "float32 array": lambda x: np.array([x], np.float32),
}
of_each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)

SLOPES = {  # expression, point, derivative
    "relu": (lambda x: x.relu(), 0, 0),
    "abs": (abs, 0, 0),
    "sqrt": (lambda x: x.sqrt(), 0, INF),
    "log": (lambda x: x.log(), 0, INF),
    "1/x": (lambda x: 1 / x, 0, -INF),
    "x/0": (lambda x: x / 0.0, 1, INF),
    "1/x at inf": (lambda x: 1 / x, INF, 0),
    "x**0": (lambda x: x**0, 0, 0),
    "x**1": (lambda x: x**1, 0, 1),
    "x**2": (lambda x: x**2, 0, 0),
    "x**3": (lambda x: x**3, 0, 0),
    "x**2 of -3": (lambda x: x**2, -3, -6),
    "x**0.5": (lambda x: x**0.5, 0, INF),
    "x**-1": (lambda x: x**-1, 0, -INF),
    "0**x": (lambda x: 0**x, 2, 0),
    "exp far out": (lambda x: x.exp(), 1000, INF),
}


@of_each_kind
@pytest.mark.parametrize("name", SLOPES)
def test_derivative_at_an_awkward_point(name, make):
    function, point, expected = SLOPES[name]
    x = Value(make(point))
    with np.errstate(all="ignore"):
        function(x).sum().backward()
    assert float(np.squeeze(x.grad)) == expected
    assert np.result_type(x.grad) == x.dtype


@pytest.mark.parametrize(
    ("data", "axis", "expected"),
    [
        ([1.0, 3.0, 3.0], None, [0, 1 / 2, 1 / 2]),
        ([5.0, 5.0, 5.0], 0, [1 / 3, 1 / 3, 1 / 3]),
        ([[1.0, 1.0], [0.0, 1.0]], 1, [[1 / 2, 1 / 2], [0, 1]]),
        ([[1.0, 1.0], [0.0, 1.0]], 0, [[1, 1 / 2], [0, 1 / 2]]),
        ([[1.0, 1.0], [0.0, 1.0]], None, [[1 / 3, 1 / 3], [0, 1 / 3]]),
    ],
)
def test_ties_share_the_gradient_of_max(data, axis, expected):
    x = Value(data)
    x.max(axis=axis).sum().backward()
    np.testing.assert_array_equal(x.grad, expected)


@of_each_kind
@pytest.mark.parametrize(
    ("power", "derivatives"),
    [(0, [0, 0, 0, 0]), (1, [1, 0, 0, 0]), (2, [0, 2, 0, 0]), (3, [0, 0, 6, 0])],
)
def test_powers_at_zero_are_exact_at_every_order(make, power, derivatives):
    x = Value(make(0.0))
    y = x**power
    assert y.data == (1 if power == 0 else 0)
    for expected in derivatives:
        [y] = [Value(0.0)] if y is None or y.constant else gradient_graph(y, [x])
        assert y is None or float(np.squeeze(y.data)) == expected
        if y is None:
            assert expected == 0


STABLE = {  # expression, point, value, derivative
    "sigmoid +": (lambda x: x.sigmoid(), 1000, 1, 0),
    "sigmoid -": (lambda x: x.sigmoid(), -1000, 0, 0),
    "tanh +": (lambda x: x.tanh(), 1000, 1, 0),
    "tanh -": (lambda x: x.tanh(), -1000, -1, 0),
    "softplus +": (lambda x: x.softplus(), 1000, 1000, 1),
    "softplus -": (lambda x: x.softplus(), -1000, 0, 0),
    "logsumexp +": (lambda x: x.logsumexp(), 1000, 1000, 1),
    "logsumexp -": (lambda x: x.logsumexp(), -1000, -1000, 1),
    "bce, surely 1, is 1": (lambda x: losses.binary_crossentropy(x, x.data * 0 + 1), 1000, 0, 0),
    "bce, surely 1, is 0": (lambda x: losses.binary_crossentropy(x, x.data * 0), 1000, 1000, 1),
    "bce, surely 0, is 1": (
        lambda x: losses.binary_crossentropy(x, x.data * 0 + 1),
        -1000,
        1000,
        -1,
    ),
}


@of_each_kind
@pytest.mark.parametrize("name", STABLE)
def test_stable_far_out(name, make):
    function, point, value, derivative = STABLE[name]
    x = Value(make(point))
    result = function(x)
    result.sum().backward()
    assert float(np.squeeze(result.data)) == value
    assert float(np.squeeze(x.grad)) == derivative


def test_softmax_family_is_stable_far_out():
    logits = [[1000.0, 1001.0, -1000.0], [-1000.0, -1000.0, -1000.0]]
    e = 1 / (1 + np.exp(1.0))
    expected = np.array([[e, 1 - e, 0], [1 / 3, 1 / 3, 1 / 3]])
    sums = [1001 + np.log1p(np.exp(-1.0)), np.log(3.0) - 1000]
    x = Value(logits)
    np.testing.assert_allclose(composites.softmax(x).data, expected, rtol=1e-12)
    np.testing.assert_allclose(ops.logsumexp(x, axis=1).data, sums, rtol=1e-15)
    np.testing.assert_allclose(
        composites.log_softmax(x).data, np.array(logits) - np.array(sums)[:, None], rtol=1e-12
    )
    loss = losses.sparse_categorical_crossentropy(x, labels=[2, 0])
    loss.backward()
    assert loss.item() == pytest.approx((sums[0] + 1000 + np.log(3)) / 2, rel=1e-14)
    np.testing.assert_allclose(x.grad, (expected - [[0, 0, 1], [1, 0, 0]]) / 2, rtol=1e-12)


@pytest.mark.parametrize(
    ("data", "expected"),
    [([-INF, -INF], -INF), ([-INF, 2.0], 2.0), ([INF, 2.0], INF), (-INF, -INF), (INF, INF)],
)
def test_logsumexp_of_infinities_is_never_nan(data, expected):
    with np.errstate(all="ignore"):
        assert ops.logsumexp(Value(data)).data == expected


def test_masked_logits_get_no_gradient():
    x = Value([[0.5, -INF, 1.5]])
    loss = losses.sparse_categorical_crossentropy(x, labels=[2])
    loss.backward()
    share = 1 / (1 + np.exp(1.0))
    assert loss.item() == pytest.approx(np.log1p(np.exp(-1.0)), rel=1e-14)
    np.testing.assert_allclose(x.grad, [[share, 0, -share]], rtol=1e-14)
    np.testing.assert_allclose(composites.softmax(x).data, [[share, 0, 1 - share]], rtol=1e-14)


OVERFLOWS = {
    "1/0": (lambda one: one / 0.0, 1.0, INF),
    "-1/0": (lambda one: -1 / one, 0.0, -INF),
    "0/0": (lambda zero: zero / zero, 0.0, np.nan),
    "1e308 * 10": (lambda big: big * 10, 1e308, INF),
    "1e308 + 1e308": (lambda big: big + big, 1e308, INF),
    "-1e308 - 1e308": (lambda big: -big - big, 1e308, -INF),
    "(-8)**0.5": (lambda x: x**0.5, -8.0, np.nan),
    "10**400": (lambda x: x**400, 10.0, INF),
    "0**-1": (lambda x: x**-1, 0.0, INF),
    "exp(1000)": (lambda x: x.exp(), 1000.0, INF),
    "log(0)": (lambda x: x.log(), 0.0, -INF),
    "log(-1)": (lambda x: x.log(), -1.0, np.nan),
    "sqrt(-1)": (lambda x: x.sqrt(), -1.0, np.nan),
}


@pytest.mark.parametrize("make", [float, np.float64, lambda x: np.array([x])])
@pytest.mark.parametrize("name", OVERFLOWS)
def test_no_number_is_a_warning_and_never_an_exception(name, make):
    function, point, expected = OVERFLOWS[name]
    x = Value(make(point))
    with pytest.warns(RuntimeWarning):
        result = function(x)
    np.testing.assert_array_equal(np.squeeze(result.data), expected)
    assert type(result.data) is type(x.data)


@pytest.mark.parametrize("make", [float, np.float64, lambda x: np.array([x])])
@pytest.mark.parametrize("name", ["sqrt", "log", "x**0.5", "x**-1"])
def test_infinite_derivative_comes_with_numpys_warning(name, make):
    function, point, expected = SLOPES[name]
    x = Value(make(point))
    with np.errstate(all="ignore"):
        result = function(x).sum()
    with pytest.warns(RuntimeWarning):
        result.backward()
    assert float(np.squeeze(x.grad)) == expected


# --- An upstream of zero contributes exactly zero -------------------------------------------------

NOT_TAKEN = {  # at the point, where() takes the other branch
    "log of negative": (lambda x: ops.where(x > 0, x.log(), x), -1.0, 1),
    "log of zero": (lambda x: ops.where(x > 0, x.log(), 0.0), 0.0, 0),
    "sqrt of zero": (lambda x: ops.where(x > 0, x.sqrt(), 0.0), 0.0, 0),
    "sqrt of negative": (lambda x: ops.where(x > 0, x.sqrt(), -x), -4.0, -1),
    "division by zero": (lambda x: ops.where(x > 0, 1 / x, 3 * x), 0.0, 3),
    "power of negative": (lambda x: ops.where(x > 0, x**1.5, x), -1.0, 1),
    "overflowing exp": (lambda x: ops.where(x < 10, x.exp(), x), 1000.0, 1),
    "product with an overflow": (lambda x: ops.where(x < 10, x.exp() * x, x), 1000.0, 1),
    "relu of sqrt": (lambda x: (x.sqrt() - 1).relu() + x, 0.0, 1),
    "times zero": (lambda x: x.sqrt() * 0.0 + x, 0.0, 1),
    "chained": (lambda x: ops.where(x > 0, (1 / x).sqrt().log(), x), 0.0, 1),
}


@of_each_kind
@pytest.mark.parametrize("name", NOT_TAKEN)
def test_branch_not_taken_leaks_no_nan(name, make):
    function, point, expected = NOT_TAKEN[name]
    x = Value(make(point))
    with np.errstate(all="ignore"):
        function(x).sum().backward()
    assert float(np.squeeze(x.grad)) == expected


@of_each_kind
@pytest.mark.parametrize("name", NOT_TAKEN)
def test_branch_not_taken_leaks_no_nan_at_second_order(name, make):
    function, point, _ = NOT_TAKEN[name]
    x = Value(make(point))
    with np.errstate(all="ignore"):
        [first] = gradient_graph((function(x) + x**2).sum(), [x])
        [second] = gradients(first.sum(), [x])
    assert float(np.squeeze(second)) == 2


AWKWARD_NUMBERS = [0.0, -1.0, 1000.0, INF, -INF, np.nan]
POINTWISE = [name for name, record in composites.TABLE.items() if isinstance(record, Pointwise)]


@pytest.mark.parametrize("number", AWKWARD_NUMBERS)
@pytest.mark.parametrize("name", POINTWISE)
def test_zero_upstream_contributes_zero_whatever_the_operands(name, number):
    record = composites.TABLE[name]
    with np.errstate(all="ignore"):
        node = record(*[Value([number, 2.0]) for _ in range(record.arity)])
        edges = pull(node, np.zeros(node.shape))
    for _, contribution in edges:
        np.testing.assert_array_equal(np.abs(contribution), [0, 0])


def test_only_the_silent_elements_are_silenced():
    x = Value([0.0, 4.0, 0.0])
    with np.errstate(all="ignore"):
        x.sqrt().backward([0.0, 1.0, 1.0])
    np.testing.assert_array_equal(x.grad, [0, 1 / 4, INF])


def test_silencing_keeps_what_the_second_derivative_needs():
    scale, x = Value(0.0), Value([0.0, 4.0])
    with np.errstate(all="ignore"):
        [first] = gradient_graph((scale * x.sqrt()).sum(), [x])  # scale / 2√x
        np.testing.assert_array_equal(first.data, [0, 0])
        first[1].backward()
    assert scale.grad == 1 / 4


# --- Accuracy against 50 digits -------------------------------------------------------------------


def _exact_sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


ACCURATE = {  # our function, exact function, exact derivative
    "sigmoid": (_exact_sigmoid, lambda x: _exact_sigmoid(x) * _exact_sigmoid(-x)),
    "softplus": (lambda x: mpmath.log1p(mpmath.exp(x)), _exact_sigmoid),
    "tanh": (mpmath.tanh, lambda x: mpmath.sech(x) ** 2),
}
SMALLEST = 1e-290  # below, a float64 has no 16 digits to give
RANDOM = np.random.default_rng(0)
WIDE = np.concatenate(
    [
        RANDOM.uniform(-700, 700, 300),
        RANDOM.uniform(-40, 40, 700),
        RANDOM.uniform(-1, 1, 300),
        10 ** RANDOM.uniform(-200, 0, 100),
        [-700, -36.8, -2 * 3.4657, -0.5, 0.5, 8.11, 36.7, 37, 700],
    ]
)


def _error(found, exact):
    exact = [exact(mpmath.mpf(float(x))) for x in WIDE]
    errors = [
        abs(mpmath.mpf(float(number)) / true - 1)
        for number, true in zip(found, exact, strict=True)
        if abs(true) > SMALLEST
    ]
    assert len(errors) > 1000
    return float(max(errors))


@pytest.mark.parametrize("name", ACCURATE)
def test_accurate_to_the_last_digits(name):
    function, derivative = ACCURATE[name]
    x = Value(WIDE)
    result = composites.TABLE[name](x)
    result.sum().backward()
    assert _error(result.data, function) < 4e-16
    assert _error(x.grad, derivative) < 6e-16


# --- What is refused, and in which words ----------------------------------------------------------

X = Value(np.ones((2, 3)), label="X")
REFUSED = {
    "add": (lambda: X + np.ones(4), ValueError, r"add\(X \(2, 3\).*\(4,\)"),
    "matmul": (lambda: X @ np.ones((2, 3)), ValueError, r"matmul\(X \(2, 3\).*\(2, 3\)"),
    "matmul by a scalar": (lambda: X @ 2.0, ValueError, r"\(2, 3\) @ \(\).*use \*"),
    "reshape": (lambda: X.reshape(4), ValueError, r"X \(2, 3\).*4"),
    "axis": (lambda: X.sum(axis=2), ValueError, r"sum\(X \(2, 3\), axis=2"),
    "index": (lambda: X[2], IndexError, r"X \(2, 3\).*2"),
    "unknown option": (lambda: ops.sum(X, dtype=float), TypeError, r"sum\(\).*dtype.*axis"),
    "too many": (lambda: ops.sum(X, 0, True, 1), TypeError, r"sum\(\).*axis"),
    "broadcast": (lambda: ops.broadcast_to(X, (2, 4)), ValueError, r"X \(2, 3\).*\(2, 4\)"),
    "targets": (
        lambda: losses.binary_crossentropy(X, np.ones(3)),
        ValueError,
        r"logits \(2, 3\) and targets \(3,\)",
    ),
    "targets transposed": (
        lambda: losses.binary_crossentropy(X, np.ones((3, 2))),
        ValueError,
        r"logits \(2, 3\) and targets \(3, 2\)",
    ),
    "too few labels": (
        lambda: losses.sparse_categorical_crossentropy(X, [1]),
        ValueError,
        r"logits \(2, 3\) and labels \(1,\)",
    ),
    "labels as floats": (
        lambda: losses.sparse_categorical_crossentropy(X, [1.0, 2.0]),
        ValueError,
        "float64.*integer",
    ),
    "label too large": (
        lambda: losses.sparse_categorical_crossentropy(X, [0, 3]),
        ValueError,
        "labels 0 to 3 for 3 classes.*0 to 2",
    ),
    "label below zero": (
        lambda: losses.sparse_categorical_crossentropy(X, [-1, 0]),
        ValueError,
        "labels -1 to 0",
    ),
    "one row of logits": (
        lambda: losses.sparse_categorical_crossentropy(X[0], [0]),
        ValueError,
        r"logits \(3,\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_says_what_was_given(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x * np.ones(3)).sum(),
        lambda x: (np.eye(3) @ x).sum(),
        lambda x: (x[0] * np.float64(2.0)).exp(),
        lambda x: losses.binary_crossentropy(x, [0, 1, 1]),
    ],
)
def test_float32_leaf_has_a_float32_gradient_beside_float64_constants(function):
    x = Value(np.float32([1, 2, 3]))
    function(x).backward()
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize("condition", [np.array([2, 0]), [True, False], np.array([0.5, 0.0])])
def test_a_condition_is_true_or_false_whatever_it_is_made_of(condition):
    v = Value([1.0, 2.0])
    np.where(condition, v, 0.0).sum().backward()
    np.testing.assert_array_equal(v.grad, [1, 0])
