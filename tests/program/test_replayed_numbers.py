"""The numbers of a replay are those of the function: views, joined arrays, kinds of numbers."""

import numpy as np
import pytest
from captured_functions import assert_replayed_as_it_is, captured, in_turn, same
from random_programs import TABLE

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.program import capture

pytestmark = pytest.mark.usefixtures("something_is_replayed", "no_mode_is_left_on")


@pytest.mark.parametrize(
    "view",
    [
        np.flip,
        lambda v: np.flip(np.flip(v)),
        lambda v: np.diagonal(v * np.ones((3, 1))),
        np.cumsum,
        lambda v: np.broadcast_to(v, (2, 3))[1],
        lambda v: np.moveaxis(v[None], 0, 1)[:, 0],
        lambda v: np.expand_dims(v, 0).squeeze(),
    ],
    ids=["flip", "flip twice", "diagonal", "cumsum", "broadcast_to", "moveaxis", "expand_dims"],
)
def test_what_looks_at_a_result_keeps_its_numbers(view):
    """A view of an array in whose memory something else is put later."""
    w = Value(np.array([1.0, 2.0, 3.0]))

    def f(x):
        w.grad = None
        (view(np.tanh(w * x)) * x).sum().backward()
        first = w.grad
        seen = view(np.exp(w * x))
        other = np.sin(np.cos(w * 2.0) * x)
        (np.square(seen) * np.tanh(other) * view(other)).sum().backward()
        return first, w.grad

    assert_replayed_as_it_is(f, (1.0,), (0.5,), (0.25,))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.reshape(np.sum(x), 1) * 2.0,
        lambda x: np.reshape(x[0] * 2.0, (1, 1)) @ np.ones((1, 3)),
        lambda x: np.broadcast_to(np.sum(x), (1, 2)) * x[:2],
        lambda x: np.concatenate([np.reshape(np.sum(x), 1), x, [x[0] * 2.0]]) * 3.0,
        lambda x: np.expand_dims(Value(x).sum() * 2.0, 0) - np.stack([Value(x).sum()]),
    ],
)
@pytest.mark.parametrize("jit", [False, True])
def test_a_number_as_an_array(f, jit):
    assert_replayed_as_it_is(f, *np.random.default_rng(0).normal(size=(3, 1, 3)), jit=jit)


def test_a_number_out_of_an_array_keeps_its_number():
    """A view without dimensions of an array in whose memory something else is put later."""

    def f(x, y):
        v, w = Value(x), Value(y)
        parts = [ops.logsumexp(v, axis=0) - ops.logsumexp(w, axis=0)]
        views = (np.squeeze, lambda a: a.reshape(()), lambda a: a[0], lambda a: a[..., 0])
        for view in (*views, lambda a: a.sum(axis=0)):
            parts.append(view(np.exp(v[:1]) * 2.0) * view(np.exp(w[:1]) * 3.0))
        total = sum(parts)
        total.backward()
        return [*parts, v.grad, w.grad]

    pairs = [[1.0, 2.0], [3.0, 5.0]], [[0.5, 0.25], [-1.0, 1.0]], [[2.0, 2.0], [3.0, 0.0]]
    assert_replayed_as_it_is(f, *map(np.array, pairs))


@pytest.mark.parametrize(
    "join",
    [
        lambda a: np.concatenate([a.ravel(), a[0]]),
        lambda a: np.concatenate([a[0], a.ravel(), a[1]]),
        lambda a: np.concatenate([a.ravel(), a.ravel()]),
        lambda a: np.concatenate([a[0] * 2, a[0, :0] * a[1, :0], a[0] * 2]),  # an empty part
        lambda a: np.concatenate([np.concatenate([a[0], a[1]]), a[1]]),
        lambda a: np.stack([a[0], a[0]]),
        lambda a: np.concatenate([a.T.ravel(), a.ravel()[::-1]]),
    ],
)
def test_an_array_joined_with_parts_of_itself(join):
    def f(x):
        v = Value(x)
        joined = join(np.exp(v)) * 1.0
        (joined * np.arange(1.0, joined.size + 1).reshape(joined.shape)).sum().backward()
        return joined, v.grad

    assert_replayed_as_it_is(f, *np.random.default_rng(0).normal(size=(3, 1, 2, 2)))


def test_scalars_of_32_bits_stay_so():
    for operation in TABLE:

        def f(x, y, operation=operation):
            v = Value(x)
            z = operation(*[v, y][: operation.arity]) * 0.5
            z.backward()
            return z, v.grad

        c = captured(f)
        for x, y in in_turn([(0.5, 0.25), (0.75, 0.5), (0.3, 0.7), (0.5, 2.0)]):
            given_numbers = np.float32(x + (operation.name == "arccosh")), np.float32(y)
            for found, wanted in zip(c(*given_numbers), f(*given_numbers), strict=True):
                assert same(found, wanted), (operation.name, x, y, found, wanted)


@pytest.mark.parametrize("name", ["gelu", "normal_cdf", "silu", "softplus", "elu", "arctan2"])
def test_operations_of_our_own_on_arrays(name):
    operation = getattr(ops, name)

    def f(x):
        v = Value(x)
        y = operation(*[v] * operation.arity)
        y.sum().backward()
        return y, v.grad

    assert_replayed_as_it_is(f, *np.random.default_rng(0).normal(size=(3, 1, 4)))


# --- What NumPy's functions and their ufuncs understand apart -------------------------------------

TABLE_2D = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x))),
        lambda x: x.sum() * np.ones(2),
        lambda x: np.max(x, 0, None, True) + np.min(x, axis=-1, keepdims=True),
        lambda x: np.sum(x, 1, None, None, True),
        np.add.accumulate,
        np.add.reduce,
        lambda x: np.maximum.accumulate(x, axis=1),
        lambda x: np.multiply.outer(x, x),
        lambda x: np.where(x - 1.0, x, -x),
    ],
)
def test_reductions_of_arrays_that_are_given(f, jit):
    assert_replayed_as_it_is(f, *[(TABLE_2D * scale,) for scale in (1.0, 2.0, 3.0)], jit=jit)


@pytest.mark.parametrize("jit", [False, True])
def test_a_condition_of_numbers_is_true_where_they_are_not_0(jit):
    w = Value(np.arange(3.0))

    def step(mask):
        w.grad = None
        np.sum(np.where(mask, w * 2, w)).backward()
        return w.grad

    c = capture(step, jit=jit)
    for mask in in_turn([[0.0, 2.0, 0.5], [1.0, 0.0, np.nan], [0.0, 0.0, 7.0]]):
        np.testing.assert_array_equal(c(np.array(mask)), np.where(mask, 2.0, 1.0))


@pytest.mark.parametrize("jit", [False, True])
def test_a_cast_to_the_same_kind_changes_nothing(jit):
    w = Value(np.ones((16, 16), np.float32))

    def step(x):
        w.grad = None
        loss = np.sum(w.astype(np.float32) * x)
        loss.backward()
        return loss

    c = capture(step, jit=jit)
    for x in in_turn([1.0, 2.0, 3.0]):
        assert float(c(np.full((16, 16), x, np.float32)).data) == 256 * x
        np.testing.assert_array_equal(w.grad, np.full((16, 16), x, np.float32))
