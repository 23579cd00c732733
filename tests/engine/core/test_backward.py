"""The chain rule: one pull, told in steps or totalled. On random programs: test_programs."""

import numpy as np
import pytest

from tinygrad_hw.engine import Value, backward, backward_steps, ops
from tinygrad_hw.engine.core.backward import accumulate
from tinygrad_hw.engine.core.graph import topological_order

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


@pytest.mark.parametrize("kind", [float, np.float32, np.float64])
@pytest.mark.parametrize("data", [1.5, [1.5, 2.5]])
def test_the_root_has_its_seed_in_its_own_dtype(data, kind):
    x = Value(kind(data) if np.ndim(data) == 0 else np.asarray(data, kind))
    root = x * 2
    root.backward(np.ones_like(data, np.float64)[()])
    for node in (root, x):
        assert type(node.grad) is type(x.data)
        assert np.result_type(node.grad) == kind


def test_a_gradient_that_overflows_is_warned_of():
    x = Value(1.0)
    with pytest.warns(RuntimeWarning, match="overflow"):
        (x * 1e200).backward(1e200)
    assert x.grad == np.inf


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


def test_what_the_user_stored_in_a_constant_stays():
    x, k = Value([1.0, 2.0]), Value([3.0, 4.0], constant=True)
    k.grad = 0
    (x * k).sum().backward()
    assert k.grad == 0
    np.testing.assert_array_equal(x.grad, [3, 4])


def test_what_was_passed_on_is_let_go_where_some_totals_are_wanted():
    x, y = Value([1.0, 2.0]), Value([3.0, 4.0])
    root = (x * y).exp().sum()
    inner = [node for node in topological_order(root) if node.operation]
    wanted = {id(node) for node in (*inner, x)}
    order, totals = inner.copy(), {id(root): 1.0}
    accumulate(order, totals, wanted)
    assert order == []
    assert totals.keys() == {id(x)}
    np.testing.assert_array_equal(totals[id(x)], y.data * np.exp(x.data * y.data))
    everything = {id(root): 1.0}
    accumulate(inner, everything)
    assert everything.keys() == wanted | {id(y)}


def ruled(record, *rules):
    """The record with other rules."""
    return type(record)(record.name, record.compute, *rules, defaults=record.defaults)


def test_constant_subgraph_costs_no_pull():
    def explode(*_):
        raise AssertionError("a constant was differentiated")

    trap = ruled(ops.exp, explode)
    x, k = Value(2.0), Value(1.0, constant=True)
    (x * trap(k)).backward()
    assert x.grad == pytest.approx(np.e)


def test_a_neuron_of_one_input_passes_on_to_all_three_operands():
    w, x, b = Value(2.0), Value(3.0), Value(1.0)
    out = ops.affine(w, x, b)
    assert out.inputs == (w, x, b)
    out.backward()
    assert (out.data, w.grad, x.grad, b.grad) == (7.0, 3.0, 2.0, 1.0)


@pytest.mark.parametrize(
    ("shape", "other"),
    [((1, 1), (2, 3, 1)), ((1, 3), (4, 1, 3)), ((1, 1, 2), (2, 1, 3, 1)), ((1,), (3, 1))],
)
def test_dimensions_added_and_stretched_are_summed(shape, other):
    x, y = Value(np.ones(shape)), np.arange(1.0, np.prod(other) + 1).reshape(other)
    (x * y).sum().backward()
    wanted = np.zeros(shape)

    def place_in(array, index):
        """Return where the element of an index comes from: length 1 is stretched."""
        last = index[len(index) - array.ndim :]
        return tuple(0 if n == 1 else i for i, n in zip(last, array.shape, strict=True))

    for index in np.ndindex(np.broadcast_shapes(shape, other)):
        wanted[place_in(wanted, index)] += y[place_in(y, index)]
    np.testing.assert_array_equal(x.grad, wanted)


@pytest.mark.parametrize("batch", [(2,), (2, 3), (1, 7)])
def test_a_batch_times_a_matrix_is_one_sum_for_each_element(batch):
    rng = np.random.default_rng(0)
    x, w = Value(rng.normal(size=(*batch, 5, 4))), Value(rng.normal(size=(4, 6)))
    seed = rng.normal(size=(*batch, 5, 6))
    (x @ w).backward(seed)
    np.testing.assert_allclose(x.grad, np.einsum("...ik,jk->...ij", seed, w.data), rtol=1e-12)
    pairs = zip(x.data.reshape(-1, 4), seed.reshape(-1, 6), strict=True)
    np.testing.assert_allclose(w.grad, np.sum([np.outer(*pair) for pair in pairs], 0), rtol=1e-12)


def test_a_power_of_zero_falls_from_infinity_at_a_negative_exponent():
    y = Value(-1.0)
    with np.errstate(divide="ignore"):
        (0.0**y).backward()
    assert y.grad == -np.inf


def test_a_vector_transposed_by_the_number_of_its_axis_is_itself():
    x = Value([1.0, 2.0])
    np.transpose(x, 0).backward([3.0, 4.0])
    np.testing.assert_array_equal(x.grad, [3, 4])


@pytest.mark.parametrize("y", [0.0, 0.25, 0.5, 1.0, 2.5])
def test_a_power_of_zero_is_flat_in_its_exponent(y):
    for exponent in (Value(y), Value([y, y])):
        (0.0**exponent).sum().backward()
        assert np.all(exponent.grad == 0)


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
