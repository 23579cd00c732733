"""The chain rule: one pull, told in steps or totalled, against an independent oracle."""

import warnings
from copy import copy

import autograd
import autograd.numpy as hips
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.engine import Value, backward, backward_steps, composites, ops
from tinygrad_hw.engine.graph import topological_order
from tinygrad_hw.nn import losses

# --- Random programs: one text, run by us on NumPy's names and by HIPS autograd on its own --------
# Each operation keeps numbers moderate and, for tensors, the shape broadcastable to (2, 3).

OURS = {
    "sigmoid": ops.sigmoid,
    "softplus": ops.softplus,
    "relu": ops.relu,
    "logsumexp": lambda x: ops.logsumexp(x, -1, keepdims=True),
    "softmax": composites.softmax,
    "log_softmax": composites.log_softmax,
    "bce": lambda x: losses.binary_crossentropy(x, 0.25 + 0 * ops.raw(x)),
    "sparse": lambda x: losses.sparse_categorical_crossentropy(x, labels=[2, 0]),
}


def _hips_log_softmax(x):
    shifted = x - hips.max(x, axis=-1, keepdims=True)
    return shifted - hips.log(hips.sum(hips.exp(shifted), axis=-1, keepdims=True))


THEIRS = {
    "sigmoid": lambda x: 1 / (1 + hips.exp(-x)),
    "softplus": lambda x: hips.log(1 + hips.exp(x)),
    "relu": lambda x: x * (x > 0),
    "logsumexp": lambda x: hips.log(hips.sum(hips.exp(x), axis=-1, keepdims=True)),
    "softmax": lambda x: hips.exp(_hips_log_softmax(x)),
    "log_softmax": _hips_log_softmax,
    "bce": lambda x: hips.mean(
        -0.25 * hips.log(1 / (1 + hips.exp(-x))) - 0.75 * hips.log(1 / (1 + hips.exp(x)))
    ),
    "sparse": lambda x: -(_hips_log_softmax(x)[0, 2] + _hips_log_softmax(x)[1, 0]) / 2,
}

ELEMENTWISE = {
    "add": lambda np, f, a, b: a + b,
    "sub": lambda np, f, a, b: a - 2.5 * b,
    "mul": lambda np, f, a, b: a * np.tanh(b),
    "same": lambda np, f, a, b: 0.1 * a * a,
    "div": lambda np, f, a, b: a / (1 + b * b),
    "rdiv": lambda np, f, a, b: 1 / (2 + np.abs(a)),
    "square": lambda np, f, a, b: np.tanh(a) ** 2,
    "pow": lambda np, f, a, b: (1 + a * a) ** np.tanh(b),
    "exp": lambda np, f, a, b: np.exp(-np.abs(a)),
    "log": lambda np, f, a, b: np.log(1.5 + a * a),
    "sqrt": lambda np, f, a, b: np.sqrt(0.5 + np.abs(a)),
    "neg": lambda np, f, a, b: -a,
    "where": lambda np, f, a, b: np.where(_raw(a) > 0.3, a, b),
    "sigmoid": lambda np, f, a, b: f["sigmoid"](a),
    "softplus": lambda np, f, a, b: f["softplus"](np.tanh(a)),
    "relu": lambda np, f, a, b: f["relu"](a),
}
SHAPED = {
    "sum": lambda np, f, a, b: np.sum(_full(a), axis=0),
    "sum keepdims": lambda np, f, a, b: np.sum(_full(a), axis=-1, keepdims=True),
    "mean": lambda np, f, a, b: np.mean(a),
    "mean axis": lambda np, f, a, b: np.mean(_full(a), axis=(0,), keepdims=True),
    "max": lambda np, f, a, b: np.max(_full(a), axis=1, keepdims=True),
    "reshape": lambda np, f, a, b: np.reshape(np.reshape(_full(a), (3, 2)), (2, -1)),
    "transpose": lambda np, f, a, b: np.transpose(np.transpose(_full(a)) * 2),
    "matmul": lambda np, f, a, b: np.tanh(np.matmul(_full(a), np.matmul(_full(b).T, _full(a)))),
    "matmul vectors": lambda np, f, a, b: np.matmul(_full(a), _full(b)[0] * 0.3) @ _full(a),
    "rows twice": lambda np, f, a, b: _full(a)[[1, 1]],
    "columns": lambda np, f, a, b: _full(a)[:, ::-1],
    "row": lambda np, f, a, b: _full(a)[1],
    "element": lambda np, f, a, b: _full(a)[1, -1],
    "logsumexp": lambda np, f, a, b: f["logsumexp"](_full(a)),
    "softmax": lambda np, f, a, b: f["softmax"](_full(a)),
    "log_softmax": lambda np, f, a, b: 0.3 * f["log_softmax"](_full(a)),
    "bce": lambda np, f, a, b: f["bce"](_full(a)),
    "sparse": lambda np, f, a, b: f["sparse"](_full(a)),
}


def _raw(x):
    """The numbers, of a Value or of HIPS autograd's box."""
    return ops.raw(getattr(x, "_value", x))


def _full(x):
    return x + np.zeros((2, 3))


def run(program, leaves, numpy, functions):
    """Each line makes a node from two earlier ones; the last node is the result."""
    nodes = list(leaves)
    for name, i, j in program:
        operation = ELEMENTWISE.get(name) or SHAPED[name]
        nodes.append(operation(numpy, functions, nodes[i % len(nodes)], nodes[j % len(nodes)]))
    return numpy.sum(nodes[-1])


def programs(operations):
    """Draw lines of (operation, first node, second node), counted from the newest node."""
    back = st.integers(-4, -1)
    line = st.tuples(st.sampled_from(sorted(operations)), back, back)
    return st.lists(line, min_size=3, max_size=9)


HUNDREDTHS = st.integers(-100, 99).map(lambda k: (2 * k + 1) / 100)  # never a kink exactly
SHAPES = [(), (3,), (2, 1), (2, 3)]


@st.composite
def cases(draw):
    """A program and its leaves: all scalars, or tensors that broadcast together."""
    if draw(st.booleans()):
        return draw(programs(ELEMENTWISE)), [draw(HUNDREDTHS) for _ in range(3)]
    leaves = []
    for shape in SHAPES:
        size = int(np.prod(shape))
        numbers = draw(st.lists(HUNDREDTHS, min_size=size, max_size=size, unique=True))
        leaves.append(np.array(numbers).reshape(shape))
    return draw(programs({**ELEMENTWISE, **SHAPED})), leaves


def ours(case):
    program, leaves = case
    values = [Value(leaf) for leaf in leaves]
    return run(program, values, np, OURS), values


@given(case=cases())
@settings(max_examples=150)
def test_gradients_equal_hips_autograd_on_random_programs(case):
    program, leaves = case
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Output seems independent")
        expected_value, expected = autograd.value_and_grad(
            lambda *xs: run(program, xs, hips, THEIRS), tuple(range(len(leaves)))
        )(*leaves)
    root, values = ours(case)
    root.backward()
    reached = {id(node) for node in topological_order(root)}
    assert root.item() == pytest.approx(expected_value, rel=1e-11, abs=1e-11)
    for value, gradient in zip(values, expected, strict=True):
        if id(value) in reached:
            assert np.shape(value.grad) == value.shape
            np.testing.assert_allclose(value.grad, gradient, rtol=1e-9, atol=1e-10)
        else:
            assert value.grad is None
            np.testing.assert_array_equal(gradient, np.zeros(value.shape))


@given(case=cases())
@settings(max_examples=150)
def test_steps_total_what_backward_writes(case):
    root, _ = ours(case)
    totals, edges = {id(root): 1.0}, set()
    for step in backward_steps(root):
        assert step.node.inputs[step.position] is step.operand
        np.testing.assert_array_equal(step.upstream, totals[id(step.node)])
        before = totals.get(id(step.operand), 0.0)
        np.testing.assert_array_equal(step.total, before + step.contribution)
        assert np.shape(step.contribution) == step.operand.shape
        totals[id(step.operand)] = step.total
        edges.add((id(step.node), step.position))
    order = topological_order(root)
    assert all(node.grad is None for node in order)
    root.backward()
    for node in order:
        if node.grad is None:
            assert id(node) not in totals
        else:
            np.testing.assert_array_equal(node.grad, totals[id(node)])
    wanted = {
        (id(node), position)
        for node in order
        for position, operand in enumerate(node.inputs)
        if not operand.constant
    }
    assert edges == wanted


@given(case=cases())
@settings(max_examples=60)
def test_leaf_gradients_of_random_programs_are_their_own(case):
    root, values = ours(case)
    root.backward()
    order = topological_order(root)
    for value in values:
        if isinstance(value.grad, np.ndarray):
            assert value.grad.flags.writeable
            others = [n for n in order if n is not value and isinstance(n.grad, np.ndarray)]
            assert not any(np.shares_memory(value.grad, other.grad) for other in others)
            arrays = [n.data for n in order if isinstance(n.data, np.ndarray)]
            assert not any(np.shares_memory(value.grad, array) for array in arrays)


@given(case=cases())
@settings(max_examples=40)
def test_a_second_pass_doubles_the_leaves_only(case):
    root, values = ours(case)
    root.backward()
    order = topological_order(root)
    first = {id(node): node.grad for node in order}
    root.backward()
    for node in order:
        if node.grad is not None:
            times = 2 if any(node is value for value in values) else 1
            np.testing.assert_array_equal(node.grad, times * first[id(node)])


# --- Steps ----------------------------------------------------------------------------------------


def test_steps_tell_upstream_local_and_contribution():
    w, x, b = Value(0.5, label="w"), Value(2.0, constant=True), Value(-0.3, label="b")
    root = (w * x + b) * 3
    told = [
        (step.operand.label, step.position, step.upstream, step.local, step.contribution)
        for step in backward_steps(root)
    ]
    assert told == [
        (None, 0, 1.0, 3.0, 3.0),
        (None, 0, 3.0, 1, 3.0),
        ("b", 1, 3.0, 1, 3.0),
        ("w", 0, 3.0, 2.0, 6.0),
    ]
    assert (w.grad, b.grad, root.grad) == (None, None, None)


def test_both_edges_of_a_square_are_told():
    a = Value(3.0)
    first, second = backward_steps(a * a)
    assert (first.position, first.contribution, first.total) == (0, 3.0, 3.0)
    assert (second.position, second.contribution, second.total) == (1, 3.0, 6.0)


def test_local_derivative_of_a_linear_operation_is_a_sentence():
    X, W = Value(np.ones((2, 3))), Value(np.ones((3, 1)))
    locals_ = [step.local for step in backward_steps((X @ W).sum())]
    assert len(locals_) == 3
    assert all(isinstance(local, str) and "upstream" in local for local in locals_)


def test_steps_are_lazy_and_repeatable():
    a = Value(2.0)
    root = (a * a).exp()
    steps = backward_steps(root)
    next(steps)
    again = list(backward_steps(root))
    assert [s.contribution for s in again[1:]] == [s.contribution for s in steps]


# --- Seeds and roots ------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [backward, lambda *given: list(backward_steps(*given))])
def test_what_cannot_start_a_pass_is_refused(start):
    x = Value(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"\(2, 3\).*seed"):
        start(x * 2)
    with pytest.raises(ValueError, match=r"seed.*\(3,\).*\(2, 3\)"):
        start(x * 2, np.ones(3))
    with pytest.raises(ValueError, match="constant"):
        start(Value(1.0, constant=True) * 2)
    with pytest.raises(TypeError, match="real"):
        start(x * 2, np.ones((2, 3)) * 1j)
    assert x.grad is None


def test_seed_weighs_the_elements():
    x = Value([1.0, 2.0, 3.0])
    root = x * x
    root.backward([1, 0, 10])
    np.testing.assert_array_equal(x.grad, [2, 0, 60])
    np.testing.assert_array_equal(root.grad, [1, 0, 10])
    y = Value(3.0)
    (y * y).backward(0.5)
    assert y.grad == 3.0


def test_seed_is_copied():
    x = Value([1.0, 2.0])
    seed = np.ones(2)
    root = x + 0.0
    root.backward(seed)
    seed[0] = 9
    np.testing.assert_array_equal(root.grad, [1, 1])
    np.testing.assert_array_equal(x.grad, [1, 1])


def test_leaf_as_root():
    x = Value(3.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0
    assert list(backward_steps(x)) == []


def test_every_reached_node_has_a_gradient_and_constants_have_none():
    x = Value([1.0, 2.0])
    root = ((x * 2 + 1).tanh() * np.ones(2)).sum()
    root.backward()
    for node in topological_order(root):
        assert (node.grad is None) == node.constant
        assert node.constant or np.shape(node.grad) == node.shape


def ruled(record, *rules):
    """The record with other rules."""
    other = copy(record)
    other.rules = rules
    return other


def test_constant_subgraph_costs_no_pull():
    def explode(*_):
        raise AssertionError("a constant was differentiated")

    trap = ruled(ops.exp, explode)
    x, k = Value(2.0), Value(1.0, constant=True)
    (x * trap(k)).backward()
    assert x.grad == pytest.approx(np.e)


# --- Nothing half done ----------------------------------------------------------------------------


class BrokenRuleError(Exception):
    pass


def _broken(*_, **__):
    raise BrokenRuleError


@pytest.mark.parametrize(
    "broken",
    [ruled(ops.exp, _broken), ruled(ops.sum, _broken)],
)
def test_nothing_is_written_when_a_pass_fails_midway(broken):
    x, y = Value(2.0), Value(3.0)
    inner = x * y
    inner.backward()
    before = (x.grad, y.grad, inner.grad)
    root = inner * y + broken(x) * y
    with pytest.raises(BrokenRuleError):
        root.backward()
    assert (x.grad, y.grad, inner.grad, root.grad) == (*before, None)
    assert before == (3.0, 2.0, 1.0)


def test_pass_works_again_after_a_failure():
    x = Value(2.0)
    with pytest.raises(BrokenRuleError):
        ruled(ops.exp, _broken)(x).backward()
    (x * x).backward()
    assert x.grad == 4.0


# --- Size -----------------------------------------------------------------------------------------


def test_wide_and_deep_sharing_is_linear_in_time():
    x = Value(1.0)
    y = x
    for _ in range(200):  # 2**200 paths
        y = (y + y) * 0.5
    y.backward()
    assert (y.data, x.grad) == (1.0, 1.0)


def test_one_leaf_with_many_consumers():
    x = Value(2.0)
    total = Value(0.0)
    for k in range(3000):
        total = total + x * k
    total.backward()
    assert x.grad == 3000 * 2999 / 2
