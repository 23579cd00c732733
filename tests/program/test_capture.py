"""A captured function against the same function run as it is: results, gradients, state."""

import copy
import os
import pickle
import threading
import warnings

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from random_programs import LINES, TABLE, composed

from tinygrad_hw import nn
from tinygrad_hw.engine import (
    Value,
    anomaly,
    grad,
    hessian,
    hvp,
    jvp,
    no_grad,
    numpy_api,
    ops,
    value_and_grad,
)
from tinygrad_hw.engine.core.trace import PLAIN, current
from tinygrad_hw.program import CaptureError, capture
from tinygrad_hw.program.program import Program


@pytest.fixture(autouse=True)
def loops_are_kept_here(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGRAD_HW_CACHE", str(tmp_path))


@pytest.fixture(autouse=True)
def no_mode_is_left_on():
    yield
    assert current().trace is PLAIN
    assert current().recording
    assert not current().nested


def captured(function):
    return capture(function, jit=False)


def plain(function):
    return function


def number(x):
    return x.raw if isinstance(x, Value) else x


def same(found, wanted):
    """Whether two are the same to the last bit; one nan is like another."""
    found, wanted = number(found), number(wanted)
    if found is None or wanted is None:
        return found is wanted
    a, b = np.asarray(found), np.asarray(wanted)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    there = ~np.isnan(b)
    return np.array_equal(a, b, equal_nan=True) and bool(
        (np.signbit(a) == np.signbit(b))[there].all()
    )


def assert_same(found, wanted):
    assert same(found, wanted), (found, wanted)


# --- Random programs ------------------------------------------------------------------------------


class Model:
    """Parameters and a step of training on them; two of one seed are equal."""

    def __init__(self, lines, kind, optimizer, clears, seed=0):
        numbers = np.random.default_rng(seed)
        make = kind if kind is not float else np.float64
        self.lines, self.clears = lines, clears
        self.s = Value(float(numbers.normal()) if kind is float else kind(0.7), label="s")
        self.v = Value(numbers.normal(size=3).astype(make), label="v")
        self.m = Value(numbers.normal(size=(2, 3)).astype(make), label="m")
        self.parameters = [self.s, self.v, self.m]
        self.optimizer = optimizer()

    def step(self, x, y, z):
        if self.clears:
            for p in self.parameters:
                p.grad = None
        given = [Value(data, constant=True) for data in (x, y, z)]
        last, loss = composed(self.lines, [*given, *self.parameters])
        loss.backward()
        if self.clears:
            self.optimizer.apply(self.parameters)
        return loss, {"last": last, "gradients": [p.grad for p in self.parameters]}

    def numbers(self):
        kept = [x.raw for x in self.optimizer.variables]
        return [p.raw for p in self.parameters] + [p.grad for p in self.parameters] + kept


def batches(kind, n=4):
    numbers = np.random.default_rng(5)
    make = np.float64 if kind is float else kind
    for _ in range(n):
        x = float(numbers.normal()) if kind is float else kind(numbers.normal())
        yield x, numbers.normal(size=3).astype(make), numbers.normal(size=(2, 3)).astype(make)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", [float, np.float32])
@pytest.mark.parametrize(
    ("optimizer", "clears"),
    [(nn.Adam, True), (lambda: nn.SGD(0.1, momentum=0.9), True), (nn.SGD, False)],
    ids=["Adam", "SGD", "accumulating"],
)
@settings(  # no shrinking, which takes minutes
    deadline=None, derandomize=True, database=None, max_examples=20, phases=[Phase.generate]
)
@given(lines=LINES)
def test_random_programs_are_the_same_to_the_last_bit(kind, optimizer, clears, lines):
    expected, found = (Model(lines, kind, optimizer, clears) for _ in range(2))
    step = captured(found.step)
    for i, batch in enumerate(batches(kind)):
        loss, parts = expected.step(*batch)
        loss_2, parts_2 = step(*batch)
        assert same(loss_2, loss), (i, loss_2, loss)
        assert same(parts_2["last"], parts["last"]), i
        for a, b in zip(parts_2["gradients"], parts["gradients"], strict=True):
            assert same(a, b), (i, step.source)
        for a, b in zip(found.numbers(), expected.numbers(), strict=True):
            assert same(a, b), (i, step.source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert step.captures <= 4


def test_every_pointwise_operation_of_the_table_on_numbers_and_on_arrays():
    """Those that Hypothesis did not draw as well."""
    for i, operation in enumerate(TABLE):
        for kind in (float, np.float32):
            lines = [(i, 0, 1, 0), (i, 3, 3, 1), (i, 4, 2, 2), (i, 7, 5, 3)]
            expected, found = (Model(lines, kind, nn.SGD, clears=True) for _ in range(2))
            step = captured(found.step)
            for batch in batches(kind, 3):
                assert_same(step(*batch)[0], expected.step(*batch)[0])
                for a, b in zip(found.numbers(), expected.numbers(), strict=True):
                    assert same(a, b), (operation.name, kind, a, b)


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

    c = captured(f)
    for x in (1.0, 0.5, 0.25):
        for found, wanted in zip(c(x), f(x), strict=True):
            assert_same(found, wanted)


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

    c = captured(f)
    for x, y in [([1.0, 2.0], [3.0, 5.0]), ([0.5, 0.25], [-1.0, 1.0]), ([2.0, 2.0], [3.0, 0.0])]:
        given_arrays = np.array(x), np.array(y)
        for found, wanted in zip(c(*given_arrays), f(*given_arrays), strict=True):
            assert_same(found, wanted)


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

    c = captured(f)
    for x in np.random.default_rng(0).normal(size=(3, 2, 2)):
        for found, wanted in zip(c(x), f(x), strict=True):
            assert_same(found, wanted)


def test_scalars_of_32_bits_stay_so():
    for operation in TABLE:

        def f(x, y, operation=operation):
            v = Value(x)
            z = operation(*[v, y][: operation.arity]) * 0.5
            z.backward()
            return z, v.grad

        c = captured(f)
        for x, y in [(0.5, 0.25), (0.75, 0.5), (0.3, 0.7), (0.5, 2.0)]:
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

    c = captured(f)
    for x in np.random.default_rng(0).normal(size=(3, 4)):
        for found, wanted in zip(c(x), f(x), strict=True):
            assert_same(found, wanted)


# --- Compiled loops -------------------------------------------------------------------------------


def wide_step(model, x):
    """Pointwise work on arrays that are long enough to be compiled, with views and broadcasting."""
    for p in model.parameters:
        p.grad = None
    w, b = model.parameters
    h = x @ w.T + b
    a = ops.relu(h) - 0.1 * ops.sigmoid(h) + np.tanh(h) * ops.where(h > 0.2, h, 0.0)
    t = a.T * np.exp(-np.square(a)).T + np.maximum(a, 0.3).T
    loss = np.log1p(abs(t)).mean() + np.sqrt(np.square(w) + 1e-3).sum() * 0.01
    loss.backward()
    model.optimizer.apply(model.parameters)
    return loss, a


class Wide:
    def __init__(self, kind, optimizer):
        numbers = np.random.default_rng(1)
        w = numbers.normal(size=(20, 16)).astype(kind)
        self.parameters = [Value(w, "w"), Value(numbers.normal(size=20).astype(kind), "b")]
        self.optimizer = optimizer()


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_compiled_loops_are_equal_within_rounding(kind):
    pytest.importorskip("numba")
    expected, found = Wide(kind, nn.Adam), Wide(kind, nn.Adam)
    step = capture(lambda x: wide_step(found, x), jit=True)
    bound = 1e-9 if kind is np.float64 else 2e-3
    for x in np.random.default_rng(2).normal(size=(5, 32, 16)).astype(kind):
        loss, a = wide_step(expected, x)
        loss_2, a_2 = step(x)
        assert a_2.dtype == a.dtype == kind
        np.testing.assert_allclose(a_2.data, a.data, rtol=bound, atol=bound)
        np.testing.assert_allclose(float(loss_2), float(loss), rtol=bound)
        for p, q in zip(found.parameters, expected.parameters, strict=True):
            assert p.grad.dtype == kind
            np.testing.assert_allclose(p.data, q.data, rtol=bound, atol=bound)
    assert "@njit" in step.source
    assert step.captures <= 2
    assert os.listdir(os.environ["TINYGRAD_HW_CACHE"])


def test_compiled_loops_treat_nan_and_zeros_as_numpy_does():
    pytest.importorskip("numba")
    special = np.resize([np.nan, -0.0, 0.0, np.inf, -np.inf, 1.0, -2.0, 1e-310], 320)
    other = np.repeat([0.0, -0.0, np.nan, 1.0, np.inf], 64)

    def f(x, y):
        v, w = Value(x), Value(y)
        parts = [np.maximum(v, w), np.minimum(v, w), ops.relu(v), abs(v), np.sqrt(v), v * w, -v]
        parts += [ops.where(v > w, v, w), v / w, np.square(v), np.clip(v, -1, 1), (v == w) * w]
        return [p * 1.0 for p in parts]

    with np.errstate(all="ignore"):
        step = capture(f, jit=True)
        step(other, special)
        for found, wanted in zip(step(special, other), f(special, other), strict=True):
            np.testing.assert_array_equal(found.data, wanted.data)


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TINYGRAD_HW_CACHE", str(tmp_path / "file" / "below"))
    c = capture(lambda x: np.exp(x) * 3.0 + x, jit=True)
    x = np.linspace(0, 1, 300)
    c(x)
    np.testing.assert_allclose(c(x), np.exp(x) * 3 + x, rtol=1e-14)


# --- Zero upstream gives exactly 0 ----------------------------------------------------------------

MASK = np.array([0.0, 1.0])
INSIDE, AT_THE_EDGE = np.array([1.0, 4.0]), np.array([0.0, 4.0])
EDGES = {
    "sqrt": (np.sqrt, AT_THE_EDGE),
    "log": (lambda v: np.log(v + 1.0), np.array([-1.0, 4.0])),
    "reciprocal": (lambda v: 1.0 / v, AT_THE_EDGE),
    "power": (lambda v: v**0.25, AT_THE_EDGE),
    "exp": (lambda v: np.exp(np.square(v)), np.array([40.0, 1.0])),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("ending", ["kept", "cleared at the end", "repaired", "returned"])
def test_zero_upstream_gives_zero_also_when_it_first_happens_at_a_replay(name, ending):
    function, edge = EDGES[name]

    def run(make):
        w = Value(INSIDE, label="w")
        optimizer = nn.SGD(2.0**-40)

        def step(mask):
            w.grad = None
            inner = function(w)
            (ops.where(mask > 0, inner, 0.0) + w * 2.0).sum().backward()
            if ending == "repaired":
                w.grad = np.nan_to_num(w.grad, nan=7.0)
            optimizer.apply([w])
            gradient = w.grad * 1.0
            if ending == "cleared at the end":
                w.grad = None
            return gradient if ending == "returned" else None

        once = make(step)
        for _ in range(3):
            once(MASK)
        w.data = edge
        return once(MASK), w.grad, w.data

    for found, wanted in zip(run(captured), run(plain), strict=True):
        assert_same(found, wanted)
    assert np.isfinite(run(captured)[2]).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("how", ["grad", "leaf made inside", "jvp", "hvp"])
def test_zero_upstream_gives_zero_in_derivatives_that_are_results(how):
    def of(x, mask):
        def inner(v):
            return (np.sqrt(v) * mask).sum()

        if how == "grad":
            return grad(inner)(x)
        if how == "jvp":
            return jvp(np.sqrt, x, mask)[1]
        if how == "hvp":
            return hvp(lambda v: (v**1.5 * mask).sum(), x, mask)
        v = Value(x)
        inner(v).backward()
        return v.grad

    c = captured(of)
    c(INSIDE, MASK)
    assert_same(c(AT_THE_EDGE, MASK), of(AT_THE_EDGE, MASK))
    assert np.isfinite(number(of(AT_THE_EDGE, MASK))).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_overflow_and_division_by_zero_of_numbers_give_what_they_give_uncaptured():
    functions = [np.log, np.sqrt, np.exp, np.arcsin, np.cosh, np.reciprocal, np.arctanh, np.sin]
    functions += [lambda v: v**0.5, lambda v: v**-1, lambda v: 2.0**v, lambda v: 1 / v]
    functions += [lambda v: np.log1p(v) * 0.0 + v, lambda v: v**2.5]
    for function in functions:

        def f(x, function=function):
            v = Value(x)
            y = function(v)
            y.backward()
            return y, v.grad

        c = captured(f)
        c(0.5)
        for x in (0.0, -1.0, 1.0, 2.0, 1e4, np.inf, -np.inf, np.nan, -0.0, 0.5):
            for found, wanted in zip(c(x), f(x), strict=True):
                assert_same(found, wanted)


def test_numpys_warning_is_given_at_a_replay_too():
    c = captured(lambda x: np.log(Value(x)) * 2)
    c(1.0)
    c(2.0)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert float(c(0.0)) == -np.inf


# --- Gradients: set, added to, forgotten ----------------------------------------------------------


@pytest.mark.parametrize("clears", ["before", "after", "by the caller", "never", "sometimes"])
@pytest.mark.parametrize("start", [2.0, np.array([1.0, 2.0])], ids=["number", "array"])
def test_gradients_add_up_and_are_forgotten_as_uncaptured(clears, start):
    def run(make):
        w, other = Value(start, label="w"), Value(start)
        found = []

        def step(x):
            if clears == "before":
                w.grad = None
            y = (w * w * x + other * x).sum()
            y.backward()
            gradient = w.grad * 1.0
            if clears == "after":
                w.grad = other.grad = None
            return y, gradient

        once = make(step)
        for i in range(6):
            if clears == "by the caller" or (clears == "sometimes" and i % 3 == 2):
                w.grad = None
            found += [*once(float(i)), w.grad, other.grad]
        return found

    for found, wanted in zip(run(captured), run(plain), strict=True):
        assert_same(found, wanted)


def test_a_gradient_forgotten_inside_is_forgotten_of_a_value_that_is_not_used_otherwise():
    used, unused = Value(1.0), Value(2.0)

    def step(x):
        used.grad = unused.grad = None
        (used * x).backward()

    c = captured(step)
    for x in (1.0, 2.0, 3.0):
        c(x)
    unused.grad = 5.0
    c(4.0)
    assert unused.grad is None
    assert used.grad == 4.0


@pytest.mark.parametrize("start", [1.0, np.ones(2)], ids=["number", "array"])
def test_an_update_alone_is_made_with_the_gradients_of_the_day(start):
    w, optimizer = Value(start), nn.SGD(0.125)
    update = captured(lambda: optimizer.apply([w]))
    for gradient in (1.0, 2.0, 4.0, 8.0):
        w.grad = gradient * start
        update()
    np.testing.assert_array_equal(w.data, start - 15 / 8 * start)


def test_gradients_of_arguments_are_set_on_the_arguments_of_the_day():
    c = captured(lambda a, b: (a * a * b).sum().backward())
    for x in (1.0, 2.0, 3.0):
        a, b = Value([x, 1.0]), Value(x)
        c(a, b)
        np.testing.assert_array_equal(a.grad, [2 * x * x, 2 * x])
        assert b.grad == x * x + 1
        c(a, b)
        assert b.grad == 2 * (x * x + 1)


@pytest.mark.parametrize("first_time", ["ab", "aa"])
def test_one_value_given_for_two_arguments(first_time):
    c = captured(lambda p, q: (p * q).backward())
    for names in (first_time, "aa", "ab", "aa", "ab"):
        values = {"a": Value(2.0), "b": Value(3.0)}
        c(*[values[name] for name in names])
        wanted = (3.0, 2.0) if names == "ab" else (4.0, None)
        assert (values["a"].grad, values["b"].grad) == wanted


def test_a_value_that_the_function_closes_over_given_as_the_argument():
    w, a = Value(2.0), Value(3.0)
    c = captured(lambda p: (p * w).backward())
    for _ in range(2):
        w.grad = a.grad = None
        c(a)
        assert (a.grad, w.grad) == (2.0, 3.0)
        w.grad = a.grad = None
        c(w)
        assert (a.grad, w.grad) == (None, 4.0)


# --- Data given anew, graphs outside --------------------------------------------------------------

CHANGES = {
    "set": lambda w: setattr(w, "data", w.data * 0 + 3),
    "in place": lambda w: w.data.__isub__(0.5),
    "by -=": lambda w: setattr(w, "data", w.data.__isub__(0.5)),
    "an element": lambda w: w.data.__setitem__(0, 9.0),
    "transposed in memory": lambda w: setattr(w, "data", np.asfortranarray(w.data)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("trains", [True, False])
def test_data_given_anew_between_calls_are_used(change, trains):
    def run(make):
        w, b = Value(np.arange(6.0).reshape(2, 3)), Value(np.ones(3))
        optimizer = nn.SGD(0.125, momentum=0.5)

        def step(x):
            w.grad = b.grad = None
            loss = (np.square(w * x) + b * w).sum()
            loss.backward()
            if trains:
                optimizer.apply([w, b])
            return loss

        once, found = make(step), []
        for i in range(5):
            if i in (1, 3, 4):
                CHANGES[change](w)
            found += [once(float(i)).data, w.data.copy(), b.data.copy(), w.grad.copy()]
        return found

    for found, wanted in zip(run(captured), run(plain), strict=True):
        assert_same(found, wanted)


def test_the_state_of_an_optimizer_survives_data_given_anew():
    """Whichever parameter is given them, captured or not."""

    def run(make, which):
        values = [Value(np.ones(2)), Value(np.ones(2))]
        optimizer = nn.SGD(0.125, momentum=0.5)

        def step():
            for p in values:
                p.grad = None
            (values[0] * 2.0 + values[1]).sum().backward()
            optimizer.apply(values)

        once = make(step)
        for i in range(5):
            once()
            if i == 2:
                values[which].data = np.ones(2)
        return [p.data for p in values]

    velocity, w = 0.0, 1.0
    for i in range(5):
        velocity = velocity * 0.5 - 0.125 * 2.0
        w = (1.0 if i == 3 else w) + velocity
    for make in (plain, captured):
        np.testing.assert_array_equal(run(make, 0)[0], w)
        np.testing.assert_array_equal(run(make, 1)[0], run(plain, 1)[0])


def test_graphs_recorded_outside_keep_their_numbers():
    w = Value(np.array([1.0, 2.0]))
    optimizer = nn.SGD(0.25)

    def step():
        w.grad = None
        np.square(w).sum().backward()
        optimizer.apply([w])

    c = captured(step)
    for _ in range(4):
        before = w.data.copy()
        outside = (w * w * w).sum()
        c()
        assert not np.array_equal(w.data, before)
        w.grad = None
        outside.backward()
        np.testing.assert_array_equal(w.grad, 3 * before**2)


def test_plain_steps_and_captured_ones_take_turns():
    def run(makes):
        w, b = Value(np.array([1.0, -2.0]), "w"), Value(0.5, "b")
        optimizer = nn.Adam(0.1)

        def step(x):
            w.grad = b.grad = None
            loss = (np.tanh(w * x + b) ** 2).sum()
            loss.backward()
            optimizer.apply([w, b])
            return loss

        steps = [make(step) for make in makes]
        for i in range(9):
            steps[i % len(steps)](float(i) - 3)
            if i == 5:
                optimizer.learning_rate = 0.01
            if i == 6:
                optimizer.reset()
        return w.data, b.data, w.grad, b.grad

    wanted = run([plain])
    for makes in ([captured], [captured, plain], [plain, plain, captured], [captured, captured]):
        for a, b in zip(run(makes), wanted, strict=True):
            assert_same(a, b)


def test_two_steps_in_one_call():
    def run(make):
        w, b = Value(np.array([[1.0, -2.0], [0.5, 3.0]]), "w"), Value(np.array([0.5, 0.1]), "b")
        optimizer = nn.Adam(0.1)

        def steps(x, y):
            for data in (x, y):
                w.grad = b.grad = None
                loss = np.square(data @ w + b).sum()
                loss.backward()
                optimizer.apply([w, b])
            return loss, np.square(x @ w).sum()

        once = make(steps)
        found = []
        for i in range(4):
            found += [number(r) for r in once(np.eye(2) * i, np.ones((2, 2)))]
        return [*found, w.data, b.data, w.grad]

    for found, wanted in zip(run(captured), run(plain), strict=True):
        assert_same(found, wanted)


def test_parameters_of_which_one_has_no_gradient():
    def run(make):
        w, spare = Value(np.ones(2), "w"), Value(np.ones(2), "spare")
        optimizer = nn.SGD(0.5, momentum=0.9)

        def step(uses):
            w.grad = spare.grad = None
            ((w * w).sum() + ((spare * w).sum() if uses else 0.0)).backward()
            optimizer.apply([w, spare])

        once = make(step)
        for uses in (True, True, False, True, False, True):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                once(uses)
        return w.data, spare.data, w.grad, spare.grad

    for found, wanted in zip(run(captured), run(plain), strict=True):
        assert_same(found, wanted)


# --- Arguments and results ------------------------------------------------------------------------


def test_results_are_the_callers_own():
    w = Value(np.ones(3), label="w")
    constant = np.zeros(3)

    def f(x):
        w.grad = None
        y = w * x
        y.sum().backward()
        return y, x, x * 2, w.grad, x[::-1], constant + 1, np.zeros(3), Value(np.zeros(3)), y.T

    c = captured(f)
    x = np.arange(3.0)
    for _ in range(4):
        found = c(x)
        wanted = [number(part) * 1.0 for part in f(x)]
        for part, correct in zip(found, wanted, strict=True):
            assert_same(part, correct)
        kept = [number(part).copy() for part in found]
        c(x + 1)
        for part, before in zip(found, kept, strict=True):
            assert_same(part, before)
            if number(part) is not x:
                array = part.data if isinstance(part, Value) else part
                array += 100  # ours: no later run sees it
    np.testing.assert_array_equal(x, [0, 1, 2])
    np.testing.assert_array_equal(w.data, 1)


def test_values_come_back_constant_with_their_label():
    def f(x):
        y = Value(x, label="x") * 2
        y.label = "twice"
        return y

    c = captured(f)
    for x in (1.0, 2.0, np.ones(2)):
        found = c(x)
        assert isinstance(found, Value)
        assert (found.constant, found.label, found.operation) == (True, "twice", None)


def test_a_value_handed_through_is_that_value():
    w = Value([1.0, 2.0], label="w")
    c = captured(lambda v: (v, v * 2, w))
    for x in (1.0, 2.0, 3.0):
        given = Value(x)
        v, twice, closed_over = c(given)
        assert v is given
        assert twice.data == 2 * x
        assert closed_over is w or same(closed_over, w)
        w.data = w.data + 1


def test_nested_arguments_and_results():
    def f(pair, *rest, scale=2.0, **options):
        a, (b, more) = pair
        total = a * scale + b["x"] @ more[0]
        return {"total": total, "parts": [a * 2, (b["x"] - 1, None, "text")], **options}, len(rest)

    c = captured(f)
    for i in range(3):
        x = np.arange(3.0) + i
        given = (float(i), ({"x": x}, [x * 2]))
        found, wanted = (
            c(given, 1, 2, scale=i + 0.5, extra=7),
            f(given, 1, 2, scale=i + 0.5, extra=7),
        )
        assert found[1] == 2
        assert found[0]["extra"] == 7
        assert_same(found[0]["total"], wanted[0]["total"])
        assert found[0]["parts"][1][1:] == (None, "text")
        assert_same(found[0]["parts"][1][0], x - 1)
        assert list(found[0]) == list(wanted[0])
    assert c.captures == 1


@pytest.mark.parametrize(
    "given",
    [
        2.0,
        np.float32(2),
        np.float64(2),
        np.array(2.0),
        3,
        np.int64(3),
        True,
        np.ones(3, np.float32),
        np.arange(3),
        np.array([True, False, True]),
        np.zeros((0, 3)),
        np.ones((1, 1)),
        -0.0,
    ],
    ids=repr,
)
def test_kinds_of_arguments(given):
    def f(x, y):
        return x * 2, np.exp(x + y), np.add(x, y) * 1.5, Value(x) * y + 1

    c = captured(f)
    for y in (1.0, 2.0):
        for found, wanted in zip(c(given, y), f(given, y), strict=True):
            assert_same(found, wanted)
            assert isinstance(found, Value) == isinstance(wanted, Value)
            assert isinstance(found, float) == isinstance(wanted, float)


def test_no_arguments_and_no_result():
    w = Value(1.0)

    def f():
        (w * w).backward()

    c = captured(f)
    assert [c(), c(), c()] == [None] * 3
    assert w.grad == 6.0
    assert captured(lambda: None)() is None
    assert captured(lambda x: ())(1.0) == ()


def test_arrays_beside_values_in_numpys_functions():
    """An argument stands for data while it is captured; NumPy must find the Value all the same."""

    def f(x):
        w.grad = None
        parts = [np.where(x > 0, w, 0.0), np.where(w > 0, w, x), np.concatenate([x, w])]
        parts += [np.stack([x, w]), np.dot(x, w), np.einsum("i,i->", x, w), np.outer(x, w)]
        parts += [np.clip(x, w, w + 1), np.maximum(x, w), x @ w, np.tensordot(x, w, 1)]
        loss = sum(part.sum() * (i + 1) for i, part in enumerate(parts))
        loss.backward()
        return loss, w.grad

    w = Value(np.array([0.5, -1.0, 2.0]))
    c = captured(f)
    for x in np.random.default_rng(0).normal(size=(4, 3)):
        for found, wanted in zip(c(x), f(x), strict=True):
            assert_same(found, wanted)


def test_integers_as_labels_and_indices():
    def f(x, labels, rows):
        v = Value(x)
        loss = -numpy_api.log_softmax(v)[np.arange(len(labels)), labels].mean()
        (loss + v[rows].sum()).backward()
        return loss, v.grad

    c = captured(f)
    numbers = np.random.default_rng(0)
    for _ in range(4):
        given = numbers.normal(size=(5, 3)), numbers.integers(0, 3, 5), numbers.integers(0, 5, 4)
        for found, wanted in zip(c(*given), f(*given), strict=True):
            assert_same(found, wanted)
    assert c.captures == 1
    with pytest.raises(IndexError):
        c(given[0], given[1] + 5, given[2])


def test_a_value_that_is_made_inside_with_a_gradient_of_its_own():
    def f(x):
        w = Value(np.ones(3))
        v = Value(2.0)
        (w * x * v).sum().backward()
        return w.grad, v.grad

    c = captured(f)
    for x in (1.0, 2.0, 3.0, 4.0):
        for found, wanted in zip(c(x), f(x), strict=True):
            assert_same(found, wanted)
    assert c.captures == 1


# --- Derivatives of functions, inside and outside -------------------------------------------------


def energy(v):
    return (np.tanh(v) ** 2 * np.exp(v * 0.5)).sum() + (v[0] * v[1]) ** 3


@pytest.mark.parametrize(
    "function",
    [
        grad(energy),
        value_and_grad(energy),
        hessian(energy),
        lambda x: jvp(energy, x, x * 2),
        lambda x: hvp(energy, x, x * 2),
        grad(lambda x: np.square(grad(energy)(x)).sum()),
    ],
    ids=["grad", "value_and_grad", "hessian", "jvp", "hvp", "grad of grad"],
)
def test_derivatives_of_functions_inside(function):
    c = captured(function)
    for x in np.random.default_rng(0).normal(size=(4, 3)):
        found, wanted = c(x), function(x)
        pairs = zip(found, wanted, strict=True) if isinstance(found, tuple) else [(found, wanted)]
        for a, b in pairs:
            assert_same(a, b)
    assert c.captures == 1


def test_inside_a_function_that_is_differentiated_it_is_the_function_itself():
    c = captured(lambda x: np.sin(x) * x)
    c(2.0)
    wanted = np.sin(2.0) + 2 * np.cos(2.0)
    assert float(grad(c)(2.0)) == pytest.approx(wanted)
    assert float(grad(lambda x: c(x) * 1.0)(2.0)) == pytest.approx(wanted)
    assert c.captures == 1


def test_under_no_grad_and_inside_another_captured_function():
    w = Value(2.0)
    inner = captured(lambda x: w * x)
    with no_grad():
        found = inner(3.0)
    assert found.data == 6.0
    assert inner.captures == 0

    def outer(x):
        w.grad = None
        (inner(x) * 2).backward()
        return w.grad

    c = captured(outer)
    assert [c(1.0), c(2.0), c(3.0)] == [2.0, 4.0, 6.0]


def test_anomaly_stops_at_a_replay_too():
    c = captured(lambda x: np.log(Value(x)).sum())
    c(np.ones(2))
    c(np.ones(2))
    with anomaly(), pytest.raises(FloatingPointError, match="log"):
        c(-np.ones(2))


# --- What goes wrong ------------------------------------------------------------------------------


class BrokenError(Exception):
    pass


@pytest.mark.parametrize("error", [BrokenError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("where", ["forward", "backward", "update"])
def test_an_error_leaves_everything_as_it_was(error, where):
    w, b = Value(np.ones(2), "w"), Value(2.0, "b")
    optimizer = nn.Adam()
    w.grad, b.grad = np.zeros(2), 0.0
    optimizer.apply([w, b])
    w.grad = b.grad = None
    kept, fails = [], [True]

    def step(x):
        loss = (w * x * b).sum()
        kept.append(loss)
        if where == "forward" and fails[0]:
            raise error
        loss.backward()
        if where == "backward" and fails[0]:
            raise error
        optimizer.apply([w, b])
        if fails[0]:
            raise error
        return loss

    c = captured(step)
    given = Value(np.ones(2))
    states = [(x, np.copy(x.raw)) for x in optimizer.variables]
    with pytest.raises(error):
        c(given)
    assert current().trace is PLAIN
    for value in (w, b, given, *optimizer.variables):
        assert type(value.raw) in (float, np.ndarray), value
        assert value.grad is None
    np.testing.assert_array_equal(w.data, 1)
    for state, before in states:
        np.testing.assert_array_equal(state.raw, before)
    assert c.captures == 0
    fails[0] = False
    expected = c(given)
    assert expected.data == 4.0
    assert type(kept[0].raw) in (float, np.float64)  # of the run that failed


def test_shapes_that_do_not_fit_are_the_engines_error():
    w = Value(np.ones((2, 3)))
    c = captured(lambda x: x @ w)
    c(np.ones(2))
    for _ in range(2):
        with pytest.raises(ValueError, match="matmul"):
            c(np.ones(4))
    np.testing.assert_array_equal(c(np.ones(2)).data, 2)


def test_what_a_function_keeps_elsewhere_are_numbers():
    history = []

    def f(x):
        loss = Value(x) * 2
        history.append(loss)
        return loss

    try:
        captured(f)(1.0)
    except CaptureError:
        return
    assert float(history[0]) == 2.0
    assert history[0].data == 2.0


def test_a_result_that_is_no_number_is_refused_or_right():
    class Pair:
        def __init__(self, x):
            self.x = x

    for make in (Pair, lambda x: {x}, lambda x: (part for part in [x])):
        c = captured(lambda x, make=make: make(x * 2))
        try:
            found = [c(1.0), c(2.0)]
        except TypeError:
            continue
        for x, part in zip((1.0, 2.0), found, strict=True):
            inner = part.x if isinstance(part, Pair) else next(iter(part))
            assert number(inner) == 2 * x


def test_an_argument_changed_in_place_is_refused_or_changed():
    def f(x):
        x += 1
        return x

    c = captured(f)
    x = np.zeros(2)
    try:
        c(x)
        c(x)
    except TypeError:
        return
    np.testing.assert_array_equal(x, 2)


def test_as_the_decorator_of_a_method():
    class Doubler:
        @capture
        def twice(self, x):
            return x * 2

    assert Doubler().twice(2.0) == 4.0


# --- Sequential -----------------------------------------------------------------------------------

IMAGES = np.random.default_rng(0).random((50, 3, 4), np.float32)
CLASSES = np.arange(50) * 7 % 3


def classifier(optimizer, jit=False, seed=3):
    layers = [nn.Flatten(input_shape=(3, 4)), nn.Dense(7, "relu"), nn.Dense(3, "softmax")]
    model = nn.Sequential(layers, seed=seed)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=jit)
    return model


def trained_by_hand(optimizer, epochs, batch, seed=3):
    """The same steps with the engine alone, nothing captured."""
    model = classifier(optimizer, seed=seed)
    order = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[1])
    for _ in range(epochs):
        shuffled = order.permutation(len(IMAGES))
        for start in range(0, len(IMAGES), batch):
            rows_of = shuffled[start : start + batch]
            for p in model.parameters():
                p.grad = None
            logits = model.logits(Value(IMAGES[rows_of], constant=True))
            loss = model._loss.of_logits(logits, model._loss.targets(CLASSES[rows_of]))
            loss.backward()
            optimizer.apply(model.parameters())
    return model


@pytest.mark.parametrize("optimizer", [nn.Adam, lambda: nn.SGD(0.3, momentum=0.9)])
def test_fit_gives_the_weights_of_the_same_steps_uncaptured(optimizer):
    model = classifier(optimizer())
    model.fit(IMAGES, CLASSES, batch_size=16, epochs=3, verbose=0)
    again = classifier(optimizer())
    again.fit(IMAGES, CLASSES, batch_size=16, epochs=3, verbose=0)
    expected = trained_by_hand(optimizer(), epochs=3, batch=16)
    for found, same_seed, wanted in zip(
        model.get_weights(), again.get_weights(), expected.get_weights(), strict=True
    ):
        assert_same(found, wanted)
        assert_same(same_seed, found)


def test_predict_and_evaluate_see_the_weights_of_the_day():
    model = classifier(nn.Adam(0.05))
    for _ in range(3):
        model.fit(IMAGES, CLASSES, batch_size=16, verbose=0)
        with no_grad():
            wanted = model(Value(IMAGES)).data
        np.testing.assert_array_equal(model.predict(IMAGES), wanted)
        found = model.evaluate(IMAGES, CLASSES)
        loss = -np.log(np.float64(wanted)[np.arange(50), CLASSES]).mean()
        assert found["loss"] == pytest.approx(loss, rel=1e-5)
        model.set_weights([w * 1.5 for w in model.get_weights()])
        with no_grad():
            wanted = model(Value(IMAGES)).data
        np.testing.assert_array_equal(model.predict(IMAGES), wanted)
        np.testing.assert_array_equal(model.predict(IMAGES[:7]), wanted[:7])


def test_a_models_gradients_after_fit_are_those_of_the_last_batch():
    model = classifier(nn.SGD(0.0))
    model.fit(IMAGES, CLASSES, batch_size=50, epochs=3, verbose=0)
    expected = classifier(nn.SGD(0.0))
    loss = expected._loss.of_logits(expected.logits(Value(IMAGES)), expected._loss.targets(CLASSES))
    loss.backward()
    for p, q in zip(model.parameters(), expected.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-4, atol=1e-7)


def test_a_layer_exchanged_after_a_prediction_is_seen():
    model = classifier(nn.Adam())
    model.predict(IMAGES)
    model.layers[1].activation = "tanh"
    with no_grad():
        wanted = model(Value(IMAGES)).data
    np.testing.assert_array_equal(model.predict(IMAGES), wanted)


def test_a_deep_copy_of_a_trained_model_goes_its_own_way():
    model = classifier(nn.SGD(0.3))
    model.fit(IMAGES, CLASSES, verbose=0)
    before = model.predict(IMAGES)
    other = copy.deepcopy(model)
    other.set_weights([w * 2 for w in other.get_weights()])
    assert not np.array_equal(other.predict(IMAGES), before)
    np.testing.assert_array_equal(model.predict(IMAGES), before)


@capture
def cubed(x):
    return x**3


def cubed_plainly(x):
    return x**3


def test_a_captured_function_is_pickled_without_its_programs():
    assert cubed(2.0) == 8.0
    assert pickle.loads(pickle.dumps(cubed)) is cubed  # decorated: it has the function's name
    other = pickle.loads(pickle.dumps(capture(cubed_plainly, jit=False)))
    assert (other.function, other.jit, other.captures) == (cubed_plainly, False, 0)
    assert other(2.0) == 8.0


def test_a_message_has_the_numbers_of_the_run():
    model = nn.Sequential([nn.Dense(2, "softmax", input_shape=(3,))], seed=0)
    model.compile(nn.Adam(), "sparse_categorical_crossentropy")
    x, labels = np.ones((2, 3), np.float32), np.array([0, 1])
    for _ in range(2):  # when it is recorded, and at a replay
        with pytest.raises(ValueError, match="got labels 0 to 5 for 2 classes; number the classes"):
            model.train_step(x, np.add(labels, [0, 4]))
        model.train_step(x, labels)


def test_threads_take_turns():
    """Each gets the results for its own arguments, though the program's buffers are the same."""
    W = Value(np.random.default_rng(0).normal(size=(60, 50)))
    c = captured(lambda x: np.exp(np.tanh(x @ W) @ np.ones((50, 3)) * 0.1))
    inputs = [np.full((40, 60), 0.01 * k) for k in range(4)]
    expected = [c(x).data for x in inputs]
    wrong = []

    def work(k):
        for _ in range(200):
            if not np.array_equal(c(inputs[k]).data, expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- Several calls at once ------------------------------------------------------------------------


def a_layer():
    """A function whose every call takes a while, and arguments for it."""
    W = Value(np.random.default_rng(0).normal(size=(60, 50)))
    calls = [(np.full((400, 60), 0.01 * k),) for k in range(9)]
    return W, (lambda x: ops.sum(ops.log(ops.tanh(x @ W) + 1.0), axis=1).raw), calls


def running_threads(monkeypatch):
    """The threads that are used from now on, as many meeting in each call as there should be."""
    seen, both = set(), threading.Barrier(2, timeout=10)
    load = Program._load

    def loaded(program):
        replay, first = load(program), [True]

        def noted(*arguments):
            seen.add(threading.get_ident())
            if first:
                first.clear()
                both.wait()
            return replay(*arguments)

        return noted

    monkeypatch.setattr(Program, "_load", loaded)
    return seen


@pytest.mark.parametrize("known", [False, True], ids=["first time", "program known"])
@pytest.mark.parametrize("flat", [False, True], ids=["by itself", "in a buffer"])
def test_each_is_one_call_after_the_other(known, flat):
    W, function, calls = a_layer()
    buffer = nn.flat_parameters.FlatParameters([W]) if flat else None  # noqa: F841 - it is kept
    c = captured(function)
    if known:
        c(*calls[0])
    W.data = W.data * 0.5  # new data since
    found = c.map_threads(calls, 3)
    assert c.captures == 1
    for x, wanted in zip(found, [function(*arguments) for arguments in calls], strict=True):
        np.testing.assert_array_equal(x, wanted)


def test_each_uses_several_threads_at_once(monkeypatch):
    _, function, calls = a_layer()
    seen = running_threads(monkeypatch)
    c = captured(function)
    c.map_threads(calls[1:], 2)
    assert len(seen) == 2


def test_results_of_each_are_the_callers_own():
    _, function, calls = a_layer()
    c = captured(function)
    first = c.map_threads(calls, 2)
    kept = [x.copy() for x in first]
    c.map_threads(calls[::-1], 2)
    assert all(map(np.array_equal, first, kept))


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([], id="none"),
        pytest.param([(np.ones(3),)], id="one"),
        pytest.param([(np.ones(n),) for n in (3, 3, 2, 3)], id="of several shapes"),
        pytest.param([(np.full(3, k),) for k in (1.0, -1.0, 1.0, -1.0)], id="of several branches"),
    ],
)
def test_each_of_calls_that_differ(calls):
    def function(x):
        return np.exp(x) if np.sum(x) > 0 else x * 2.0

    c = captured(function)
    for _ in range(2):
        found = c.map_threads(calls, 2)
        assert len(found) == len(calls)
        assert all(np.array_equal(x, function(*y)) for x, y in zip(found, calls, strict=True))


def test_each_of_what_changes_values_runs_in_order():
    def trained(run):
        w, optimizer = Value(np.ones(3)), nn.Adam(0.1)

        def step(x):
            w.grad = None
            loss = ((w * x) ** 2).sum()
            loss.backward()
            optimizer.apply([w])
            return loss.raw

        c, calls = captured(step), [(np.full(3, 1.0 + k),) for k in range(6)]
        results = run(c, calls) + run(c, calls)
        return [*results, w.data, w.grad]

    found = trained(lambda c, calls: c.map_threads(calls, 2))
    wanted = trained(lambda c, calls: [c(*arguments) for arguments in calls])
    assert all(map(np.array_equal, found, wanted))


def test_an_error_of_one_of_each_is_raised_and_leaves_the_others_right():
    c = captured(nn.losses.sparse_categorical_crossentropy)
    calls = [(np.eye(3) * k, np.array([0, 1, 2])) for k in range(8)]
    wanted = c.map_threads(calls, 2)
    with pytest.raises(ValueError, match="got labels 0 to 7 for 3 classes"):
        c.map_threads([*calls, (np.eye(3), np.array([0, 1, 7]))], 2)
    assert c.map_threads(calls, 2) == wanted


def test_all_threads_of_each_keep_to_the_callers_errstate(monkeypatch):
    _, function, calls = a_layer()
    seen = running_threads(monkeypatch)
    c = captured(function)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        c.map_threads([(x - 1e3,) for (x,) in calls], 2)  # some logs are of 0
    assert len(seen) == 2


def test_each_keeps_to_the_callers_errstate_and_modes():
    _, function, calls = a_layer()
    c = captured(function)
    c.map_threads(calls, 2)
    bad = [*calls[:4], *[(np.full((400, 60), -1e3),)] * 4]  # of which some logs are of 0
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        c.map_threads(bad, 2)
    with anomaly(), pytest.raises(FloatingPointError, match="log"):
        c.map_threads(bad, 2)


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
    c = capture(f, jit=jit)
    for scale in (1.0, 2.0, 3.0):
        np.testing.assert_array_equal(c(TABLE_2D * scale), f(TABLE_2D * scale))
    assert c.captures == 1


@pytest.mark.parametrize("jit", [False, True])
def test_a_condition_of_numbers_is_true_where_they_are_not_0(jit):
    w = Value(np.arange(3.0))

    def step(mask):
        w.grad = None
        np.sum(np.where(mask, w * 2, w)).backward()
        return w.grad

    c = capture(step, jit=jit)
    for mask in ([0.0, 2.0, 0.5], [1.0, 0.0, np.nan], [0.0, 0.0, 7.0]):
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
    for x in (1.0, 2.0, 3.0):
        assert float(c(np.full((16, 16), x, np.float32)).data) == 256 * x
        np.testing.assert_array_equal(w.grad, np.full((16, 16), x, np.float32))


def test_a_gradient_into_a_graph_from_outside_is_refused():
    w = Value(2.0, "w")
    h = w * 3.0
    h.label = "h"

    @capture
    def step(x):
        (h * x).backward()

    with pytest.raises(CaptureError, match="goes back into h that was computed outside"):
        step(1.0)
    assert w.grad is None or isinstance(w.grad, float)


def test_an_error_in_the_middle_of_an_update_changes_nothing_twice():
    def trained(wrap):
        w, optimizer = Value(np.ones(3), "w"), nn.Adam(0.1)

        def step(x):
            w.grad = None
            np.sum(w * x).backward()
            optimizer.apply([w])

        stepped = wrap(step)
        for _ in range(3):
            stepped(np.ones(3))
        with np.errstate(over="raise"), pytest.raises(FloatingPointError):
            stepped(np.full(3, 1e200))
        for _ in range(2):
            stepped(np.ones(3))
        return w.data

    np.testing.assert_array_equal(trained(capture), trained(lambda step: step))


def test_arguments_keep_their_names_in_any_order_of_options():
    """Options may be given in another order than the function's parameters."""

    @capture
    def program(a, b, *rest, scale):
        return np.sum(a * scale - b) + np.sum(rest[0])

    ones, twos, threes, fours = (np.full(3, float(i)) for i in range(1, 5))
    program(ones, twos, threes, scale=fours)
    assert "def program(a, b, rest_1, scale):" in program.source

    @capture
    def difference(a, b):
        return np.sum(a * 2.0 - b)

    difference(b=twos, a=ones)
    assert "np.multiply(a, 2.0" in difference.source
