import copy
import gc
import itertools
import pickle
import signal
import sys
import warnings

import mpmath
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from published_rules import Published

from tinygrad_hw import capture
from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.nn import SGD, Adam, Dense, Sequential, optimizers
from tinygrad_hw.nn.optimizers import Optimizer
from tinygrad_hw.program import CaptureError

ROOT = np.sqrt(1 - 0.999)  # of 1 - β₂: where Keras's epsilon weighs


def run(optimizer, gradients, start=0.0):
    """The parameters after every step, as an array of shape (steps, parameters)."""
    gradients = np.asarray(gradients, np.float32)
    parameter = Value(np.full(gradients.shape[1], start, np.float32))
    optimizer.reset()
    path = []
    for gradient in gradients:
        parameter.grad = gradient.copy()
        optimizer.apply([parameter])
        path.append(parameter.data.copy())
    return np.array(path)


def adam_in_40_digits(gradients, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Kingma and Ba, section 2, the reordered form that Keras uses; one parameter."""
    with mpmath.workdps(40):
        p = m = v = mpmath.mpf(0)
        b1, b2 = mpmath.mpf(beta_1), mpmath.mpf(beta_2)
        for t, g in enumerate(map(mpmath.mpf, map(float, gradients)), 1):
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g**2
            p -= rate * mpmath.sqrt(1 - b2**t) / (1 - b1**t) * m / (mpmath.sqrt(v) + epsilon)
        return float(p)


def sgd_in_40_digits(gradients, rate, momentum):
    with mpmath.workdps(40):
        p = v = mpmath.mpf(0)
        for g in map(mpmath.mpf, map(float, gradients)):
            v = mpmath.mpf(momentum) * v - rate * g
            p += v
        return float(p)


def noisy(scale, steps=400, drift=0.3):
    """Gradients with a drift, so that the path has a length to measure an error by."""
    noise = np.random.default_rng(7).normal(drift, 1, (steps, 1))
    return (noise * scale).astype(np.float32)


class TestAdam:
    def test_defaults_are_keras(self):
        made = Adam()
        settings = made.learning_rate, made.beta_1, made.beta_2, made.epsilon
        assert settings == (0.001, 0.9, 0.999, 1e-7)

    # 1e-7 and below is where epsilon decides, and 1e-25 where float32's g² is nought.
    @pytest.mark.parametrize("scale", [1e4, 1.0, 1e-3, 1e-6, 1e-7, 1e-9, 1e-25])
    @pytest.mark.parametrize("steps", [1, 2, 10, 400])
    def test_follows_the_formula(self, scale, steps):
        gradients = noisy(scale)[:steps]
        expected = adam_in_40_digits(gradients[:, 0], 0.001)
        assert run(Adam(), gradients)[-1, 0] == pytest.approx(expected, rel=2e-5, abs=0)

    @pytest.mark.parametrize(
        "settings",
        [{"beta_1": 0.5}, {"beta_2": 0.9}, {"epsilon": 1e-3}, {"beta_1": 0.0}],
        ids=str,
    )
    def test_follows_the_formula_with_other_settings(self, settings):
        gradients = noisy(1e-3, steps=50)
        expected = adam_in_40_digits(gradients[:, 0], 0.01, **settings)
        assert run(Adam(0.01, **settings), gradients)[-1, 0] == pytest.approx(expected, rel=2e-5)

    def test_first_step_is_the_rate_against_the_sign(self):
        """Keras's documentation: var 10, gradient 10, rate 0.1, gives 9.9."""
        assert run(Adam(0.1), [[10.0]], start=10.0) == pytest.approx(9.9, rel=1e-7)

    @pytest.mark.parametrize("g", [1.0, -1e-3, 1e-5, -1e-7])
    def test_first_step_has_epsilon_beside_the_uncorrected_root(self, g):
        step = run(Adam(), [[g]])[0, 0]
        assert step == pytest.approx(-0.001 * g / (abs(g) + 1e-7 / ROOT), rel=1e-6, abs=0)

    def test_constant_gradient_has_a_closed_form(self):
        """Both running means are the gradient's own, times the correction that is taken out."""
        g, steps = 2e-6, np.arange(1, 201)
        moved = -0.001 * g / (g + 1e-7 / np.sqrt(1 - 0.999**steps))
        path = run(Adam(), np.full((200, 1), g))[:, 0]
        np.testing.assert_allclose(path, np.cumsum(moved), rtol=1e-5)

    def test_coasts_when_the_gradient_stops(self):
        g, t = 0.5, np.arange(1, 61)
        m, v = 0.1 * 0.9 ** (t - 1) * g, 0.001 * 0.999 ** (t - 1) * g**2
        moved = -0.001 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
        path = run(Adam(), [[g]] + [[0.0]] * 59)[:, 0]
        np.testing.assert_allclose(path, np.cumsum(moved), rtol=1e-5)

    def test_does_not_move_what_has_no_gradient(self):
        path = run(Adam(), np.array([[0.0, 1.0]] * 50), start=0.3)
        assert (path[:, 0] == np.float32(0.3)).all()
        assert path[-1, 1] == pytest.approx(0.3 - 50 * 0.001, rel=1e-5)

    def test_agrees_with_figures_from_keras(self):
        """Keras 3.15.1 on JAX, Adam(0.01), after these five gradients of four parameters.

        Keras takes powers of β₂ in float32, which costs it the sixth digit.
        """
        figures = [-0.027571573853492737, 0.019859928637742996, -0.001700901659205556, 0.0]
        assert run(Adam(0.01), FIVE_STEPS)[-1] == pytest.approx(figures, rel=2e-5)

    def test_an_old_gradient_is_forgotten_on_reset(self):
        used = Adam()
        run(used, [[5.0, -1.0, 2.0]] * 3)
        np.testing.assert_array_equal(run(used, noisy(1.0)), run(Adam(), noisy(1.0)))


FIVE_STEPS = [
    [1.0, -2.0, 1e-7, 0.0],
    [0.5, -3.0, 1e-7, 0.0],
    [-1.0, 4.0, 0.0, 0.0],
    [0.25, 0.0, -1e-7, 0.0],
    [2.0, 1.0, 3e-7, 0.0],
]


class TestSGD:
    def test_defaults_are_keras(self):
        assert (SGD().learning_rate, SGD().momentum) == (0.01, 0.0)

    def test_plain_step_is_rate_times_gradient(self):
        """Keras's documentation: var 1, gradient 1, rate 0.1, gives 0.9."""
        assert run(SGD(0.1), [[1.0]], start=1.0) == pytest.approx(0.9, rel=1e-7)

    def test_momentum_enlarges_the_second_step(self):
        """Keras's documentation: for v²/2 from 1, rate 0.1, momentum 0.9: by 0.1, then 0.18."""
        path = run(SGD(0.1, momentum=0.9), [[1.0], [0.9]], start=1.0)[:, 0]
        np.testing.assert_allclose(path, [0.9, 0.72], rtol=1e-6)

    @pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
    @pytest.mark.parametrize("scale", [1e4, 1.0, 1e-9])
    def test_follows_the_formula(self, momentum, scale):
        gradients = noisy(scale)
        expected = sgd_in_40_digits(gradients[:, 0], 0.01, momentum)
        assert run(SGD(0.01, momentum), gradients)[-1, 0] == pytest.approx(expected, rel=2e-5)

    def test_agrees_with_figures_from_keras(self):
        """Keras 3.15.1 on JAX, SGD(0.1, momentum=0.9)."""
        figures = [-0.557960033416748, 0.6667200326919556, -8.634100367999054e-08, 0.0]
        assert run(SGD(0.1, 0.9), FIVE_STEPS)[-1] == pytest.approx(figures, rel=1e-6)

    def test_momentum_of_one_gradient_sums_to_a_geometric_series(self):
        path = run(SGD(0.1, momentum=0.5), [[1.0]] + [[0.0]] * 30)
        assert path[-1, 0] == pytest.approx(-0.1 / (1 - 0.5), rel=1e-6)

    def test_an_old_gradient_is_forgotten_on_reset(self):
        used = SGD(momentum=0.9)
        run(used, [[5.0, -1.0, 2.0]] * 3)
        np.testing.assert_array_equal(run(used, noisy(1.0)), run(SGD(momentum=0.9), noisy(1.0)))


@pytest.mark.parametrize("optimizer", [Adam(), SGD(momentum=0.9)])
def test_works_in_float32_and_in_place_and_leaves_the_gradient_alone(optimizer):
    parameter, gradient = Value(np.ones(5, np.float32)), np.full(5, 0.25, np.float32)
    parameter.grad = gradient
    optimizer.apply([parameter])
    data = parameter.data
    parameter.grad = gradient
    optimizer.apply([parameter])
    assert parameter.data is data
    assert (data < 1).all()
    assert (gradient == 0.25).all()
    arrays = [parameter, *(x for x in optimizer.variables if x.shape)]
    assert len(arrays) > 1
    assert {x.dtype for x in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize("make", [Adam, lambda rate: SGD(rate, momentum=0.9)])
def test_numbers_move_as_an_array_of_them_does(make):
    several, one = [Value(0.5), Value(-2.0)], Value([0.5, -2.0])
    optimizers = make(0.1), make(0.1)
    for gradient in ([1.0, -3.0], [0.25, 0.0], [-2.0, 1e-3]):
        for parameter, number in zip(several, gradient, strict=True):
            parameter.grad = number
        one.grad = np.array(gradient)
        optimizers[0].apply(several)
        optimizers[1].apply([one])
    assert [p.data for p in several] == pytest.approx(one.data.tolist(), rel=1e-14)


def test_an_update_alone_can_be_captured():
    """Its gradients come from outside, and are those of the day."""
    model = Sequential([Dense(2, input_shape=(3,))], seed=0)
    other = Sequential([Dense(2, input_shape=(3,))], seed=0)
    optimizers = SGD(0.5, momentum=0.9), SGD(0.5, momentum=0.9)
    update = capture(lambda: optimizers[0].apply(model.parameters()), jit=False)
    for k in range(5):
        for p in (*model.parameters(), *other.parameters()):
            p.grad = np.full(p.shape, k + 1, np.float32)
        update()
        optimizers[1].apply(other.parameters())
        for found, expected in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_several_models_in_turn_keep_their_momentum():
    together, alone = SGD(0.1, momentum=0.9), [SGD(0.1, momentum=0.9) for _ in range(2)]
    shared, separate = ([Value([1.0, 2.0]), Value([3.0])] for _ in range(2))
    for k in range(4):
        for i in range(2):
            shared[i].grad = separate[i].grad = np.full(shared[i].shape, k + 1.0)
            together.apply([shared[i]])
            alone[i].apply([separate[i]])
    for found, expected in zip(shared, separate, strict=True):
        np.testing.assert_array_equal(found.data, expected.data)


@pytest.mark.parametrize("optimizer", [Adam, SGD])
@pytest.mark.parametrize("steps", [0, 5])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_goes_on_where_the_model_is(duplicate, steps, optimizer):
    x, y = np.random.default_rng(0).random((8, 3), np.float32), np.arange(8) % 2
    model = Sequential([Dense(2, "softmax", input_shape=(3,))], seed=0)
    model.compile(optimizer(0.05), "sparse_categorical_crossentropy")
    for _ in range(steps):
        model.train_step(x, y)
    twin = duplicate(model)
    assert all(value.raw.base is twin.flat.data for value in twin.flat.values)
    for each in (model, twin, model, twin):
        each.train_step(x, y)
    for found, expected in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))


def test_a_setting_changed_in_a_captured_step_is_changed_in_every_one():
    optimizer, parameter = SGD(0.1), Value(1.0)
    optimizer.build([parameter])

    @capture
    def step():
        optimizer.learning_rate = 0.5
        parameter.grad = 1.0
        optimizer.apply([parameter])

    for k in range(3):
        optimizer.learning_rate = 0.1
        step()
        assert parameter.data == 1.0 - 0.5 * (k + 1)
        assert optimizer.learning_rate == 0.5


@pytest.mark.parametrize("wrap", [lambda f: f, capture], ids=["plain", "captured"])
def test_settings_and_states_may_be_changed_within_a_step(wrap):
    """By a schedule that computes with the rate itself, or takes it from a Value or an argument."""
    w, scale, optimizer = Value(np.ones(2)), Value(0.5), SGD(1.0, momentum=0.5)

    def step(rate):
        w.grad = None
        np.sum(w * 2.0).backward()
        optimizer.apply([w])
        optimizer.learning_rate = optimizer.learning_rate * 0.5
        optimizer.momentum = scale * 0.5
        optimizer.apply([w])
        optimizer.reset()
        optimizer.learning_rate, optimizer.momentum = rate, np.float32(0.5)

    step, expected, now = wrap(step), 1.0, 1.0
    for k in range(9):
        step(float(k))
        expected -= now * 2 + (now * 2 * 0.25 + now * 0.5 * 2)
        now = float(k)
        np.testing.assert_array_equal(w.data, expected)
        assert type(optimizer.learning_rate) is float
        assert type(optimizer.momentum) is float
        assert optimizer.learning_rate == k


def test_a_setting_may_be_changed_between_steps():
    optimizer, parameter = SGD(0.1), Value(1.0)
    for rate in (0.1, 0.5):
        optimizer.learning_rate = rate
        parameter.grad = 1.0
        optimizer.apply([parameter])
    assert parameter.data == pytest.approx(1 - 0.1 - 0.5)


@pytest.mark.parametrize("captured", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [Adam, lambda rate: SGD(rate, momentum=0.5)])
def test_a_mean_that_fades_ends_at_zero(make, dtype, captured):
    """It never stays among the subnormal numbers, with which processors are so slow."""
    optimizer, parameter = make(0.1), Value(np.zeros(600, dtype))
    if make is Adam:
        optimizer.beta_1 = 0.5
    update = lambda: optimizer.apply([parameter])  # noqa: E731
    update = capture(update, jit=False) if captured else update
    tiny = np.finfo(dtype).tiny
    for step in range(1100):
        parameter.grad = np.linspace(-1, 1, 600, dtype=dtype) * (step == 0)
        update()
        (mean,) = [x for x in optimizer.variables if x.label in ("first", "velocity")]
        assert not np.any((mean.data != 0) & (np.abs(mean.data) < tiny))
    assert not mean.data.any()
    assert parameter.data.any()


# --- A parameter's state is the parameter's -------------------------------------------------------
START = {
    "a": np.float32([1.0, -2.0, 0.5]),
    "b": np.float32([[0.25, 3.0], [-1.0, 2.0]]),
    "c": np.float32([4.0]),
    "x": np.array([[1.5, -0.5]]),
    "y": np.array([2.0, -3.0]),
    "s": 1.25,
    "u": np.float32(-0.75),
}
NAMES = st.sampled_from(sorted(START))
SOME = st.lists(NAMES, max_size=9)  # in any order, also twice
EVENT = st.one_of(
    st.tuples(st.just("step"), SOME, st.frozensets(NAMES), st.integers(1, 5), st.booleans()),
    st.tuples(st.just("step all"), st.permutations(sorted(START)), st.integers(1, 5)),
    st.tuples(st.sampled_from(["assign", "in place", "hold", "assign its own"]), NAMES),
    st.tuples(st.sampled_from(["freeze", "thaw"]), NAMES),
    st.tuples(st.just("rate"), st.sampled_from([0.1, 0.01])),
    st.tuples(st.sampled_from(["reset", "build", "deepcopy", "pickle"])),
)


class World:
    """Parameters and two optimizers that both may move them, captured or not."""

    def __init__(self, make, wrap):
        self.parameters = {name: Value(data, name) for name, data in START.items()}
        self.optimizers = [make(), make()]
        self.wrap, self.steps = wrap, {}
        self.held = []  # arrays that were handed out: each with its parameter, or as it has to stay

    def step(self, listed, used, which):
        """Take a step with one of the optimizers, by a function for each way to do it."""
        trains = any(not self.parameters[name].constant for name in used)
        key = tuple(listed), used, which, trains
        if key not in self.steps:
            self.steps[key] = self.wrap(self.function(*key))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "the loss does not depend")
            self.steps[key]()

    def function(self, listed, used, which, trains):
        parameters, optimizer = self.parameters, self.optimizers[which]

        def step():
            for p in parameters.values():
                p.grad = None
            loss = 0.0
            for name in sorted(used):
                loss = loss + np.sum(parameters[name] * parameters[name]) * 0.5
            if trains:
                loss.backward()
            optimizer.apply([parameters[name] for name in listed])

        return step

    def happen(self, event, *what):
        if event == "step":
            listed, used, times, second = what
            for _ in range(times):
                self.step(listed, used, int(second))
        elif event == "step all":
            for _ in range(what[1]):
                self.step(what[0], frozenset(START), 0)
        elif event in ("assign", "assign its own"):
            p = self.parameters[what[0]]
            before = np.array(p.raw)
            p.data = p.data if event == "assign its own" else START[what[0]]
            if event == "assign":
                self.held = [(x, before if of is p else of) for x, of in self.held]
        elif event == "in place" and self.parameters[what[0]].shape:
            self.parameters[what[0]].data[...] *= 0.5
        elif event == "hold" and self.parameters[what[0]].shape:
            self.held.append((self.parameters[what[0]].data, self.parameters[what[0]]))
        elif event in ("freeze", "thaw"):
            self.parameters[what[0]].constant = event == "freeze"
        elif event == "rate":
            for optimizer in self.optimizers:
                optimizer.learning_rate = what[0]
        elif event == "reset":
            self.optimizers[0].reset()
        elif event == "build":
            self.optimizers[0].build(self.parameters.values())
        elif event in ("deepcopy", "pickle"):
            both = self.parameters, self.optimizers
            copied = (
                copy.deepcopy(both) if event == "deepcopy" else pickle.loads(pickle.dumps(both))
            )
            self.parameters, self.optimizers = copied
            self.steps, self.held = {}, []


def expect(data, references, frozen, event, *what):
    """Let the event happen to the data, and to the states of both optimizers."""
    if event in ("step", "step all"):
        listed, used, times, second = what if event == "step" else (*what[:1], data, what[1], False)
        for _ in range(times):
            moved = {name: data[name] for name in data if name in {*listed} & {*used} - frozen}
            if moved:  # along p, the gradient of p² / 2
                data |= references[second].step(data, moved)
    elif event == "assign":
        data[what[0]] = np.array(START[what[0]], np.float64)
    elif event == "in place" and np.ndim(START[what[0]]):
        data[what[0]] = data[what[0]] * 0.5
    elif event in ("freeze", "thaw"):
        (frozen.add if event == "freeze" else frozen.discard)(what[0])
    elif event == "rate":
        for reference in references:
            reference.rate = what[0]
    elif event == "reset":
        references[0].reset()


def check_a_world(kind, options, wrap, events):
    world, frozen = World(lambda: getattr(optimizers, kind)(0.1, **options), wrap), set()
    references = [Published(kind, 0.1, **options) for _ in range(2)]
    data = {name: np.array(x, np.float64) for name, x in START.items()}
    for event in events:
        world.happen(*event)
        expect(data, references, frozen, *event)
        for name, p in world.parameters.items():
            close = 1e-9 if p.dtype == np.float64 else 2e-4
            np.testing.assert_allclose(p.raw, data[name], close, close, err_msg=f"{name} {event}")
            assert p.dtype == np.result_type(START[name]), name
        for array, kept in world.held:
            np.testing.assert_array_equal(array, kept.raw if isinstance(kept, Value) else kept)


drawn = settings(deadline=None, derandomize=True, database=None, phases=[Phase.generate])
histories = given(events=st.lists(EVENT, min_size=3, max_size=14))
wraps = pytest.mark.parametrize(
    "wrap", [lambda f: f, lambda f: capture(f, jit=False)], ids=["plain", "captured"]
)


@wraps
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@settings(drawn, max_examples=60)
@histories
def test_a_state_is_the_parameters_own_whatever_happens(kind, wrap, events):
    check_a_world(kind, {"momentum": 0.9} if kind == "SGD" else {}, wrap, events)


@wraps
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("AdamW", {"amsgrad": True, "clipvalue": 1.0, "use_ema": True, "ema_momentum": 0.5}),
        ("RMSprop", {"clipnorm": 0.5, "use_ema": True, "ema_overwrite_frequency": 2}),
    ],
    ids=["AdamW", "RMSprop"],
)
@settings(drawn, max_examples=20)
@histories
def test_averages_and_clipping_are_too(kind, options, wrap, events):
    check_a_world(kind, options, wrap, events)


# --- The array of a parameter is always the same one ----------------------------------------------

GIVEN = {
    "data": lambda w, b: w.data,
    "a part": lambda w, b: w.data[1:],
    "a copy": lambda w, b: w.data.copy(),
    "the gradient": lambda w, b: np.ones(4) if w.grad is None else w.grad,
}


def steps_given(what, wrap, several):
    """Return sums that a step takes of what it is given, and of w, before and after it moves w."""
    w, b, optimizer = Value(np.arange(4.0), "w"), Value(np.ones(2), "b"), SGD(0.1, 0.5)

    def step(given):
        w.grad = b.grad = None
        before = np.sum(given) * 1.0
        (np.sum(w * w) + np.sum(b * b)).backward()
        optimizer.apply([w, b] if several else [w])
        return before, np.sum(given) * 1.0, np.sum(w) * 1.0

    once = wrap(step)
    return [tuple(float(raw(x)) for x in once(GIVEN[name](w, b))) for name in what]


@pytest.mark.filterwarnings("ignore:captured step. it is given the array of w")
@pytest.mark.parametrize("what", [*([name] * 9 for name in GIVEN), [*GIVEN] * 3], ids=str)
@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
def test_a_step_that_is_given_an_array_of_a_parameter_sees_it_change(several, what):
    found = steps_given(what, lambda f: capture(f, jit=False), several)
    assert found == steps_given(what, lambda f: f, several)


def test_a_step_that_is_given_other_parts_of_a_parameters_array_is_refused_when_recorded():
    w, optimizer = Value(np.arange(4.0), "w"), SGD(0.1)

    @capture
    def step(given):
        w.grad = None
        np.sum(w * w).backward()
        optimizer.apply([w])
        return np.sum(given)

    step(w.data[::2])
    message = r"an argument is a part of the array of w, which changes; pass a copy \(test_sta"
    with pytest.raises(CaptureError, match=message):
        step(w.data[::2])


@pytest.mark.parametrize("wrap", [lambda f: f, capture], ids=["plain", "captured"])
def test_data_that_were_handed_out_are_those_of_the_parameter_from_the_first_step_on(wrap):
    """As in PyTorch: what an optimizer changes is the array itself, unless new data are given."""
    w, b, optimizer = Value(np.zeros(2), "w"), Value(np.zeros(3), "b"), SGD(0.25)
    first = w.data

    def step():
        w.grad = b.grad = None
        (np.sum((w - 1.0) ** 2) + np.sum(b * b)).backward()
        optimizer.apply([w, b])

    step = wrap(step)
    for k in range(6):
        assert w.data is first
        step()
        np.testing.assert_array_equal(first, 1 - 0.5 ** (k + 1))
    w.data = np.zeros(2)
    step()
    np.testing.assert_array_equal(first, 1 - 0.5**6)
    np.testing.assert_array_equal(w.data, 0.5)
    view = b.data  # of the buffer
    b.data = view + 1.0
    step()
    np.testing.assert_array_equal(view, 0.0)


# --- Ctrl-C, rules of one's own, what is refused --------------------------------------------------


def numbers_after(optimizer, parameters, interrupt_at=None):
    """Return parameters and states after a step in which Ctrl-C is pressed before a line runs."""
    lines = itertools.count()

    def trace(frame, event, argument):
        if event == "line" and next(lines) == interrupt_at:
            signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    gc.disable()  # what other tests have left is not finalized between these lines
    sys.settrace(trace)
    try:
        optimizer.apply(parameters)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
        gc.enable()
    return [np.copy(x.raw).tolist() for x in (*parameters, *optimizer.variables)], next(lines)


def test_ctrl_c_leaves_no_step_half_done():
    """Pressed before every line that a step runs: all has been changed, or nothing."""

    def begun():
        parameters = [Value(np.ones(2)), Value(np.ones((2, 1))), Value(1.0)]
        optimizer = Adam(0.1)
        for listed in (parameters, parameters[:1]):  # so that they have taken different steps
            for p in parameters:
                p.grad = p.raw * 0.5
            optimizer.apply(listed)
        return optimizer, parameters

    optimizer, parameters = begun()
    old = [np.copy(x.raw).tolist() for x in (*parameters, *optimizer.variables)]
    new, lines = numbers_after(*begun())
    found = [numbers_after(*begun(), interrupt_at=i)[0] for i in range(0, lines, 3)]
    assert all(numbers in (old, new) for numbers in found)
    assert found[0] == old
    assert found[-1] == new
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Centered(Optimizer):
    """An optimizer whose rule looks at a parameter as a whole, with a plain attribute."""

    states = ("mean",)

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def rule(self, parameter, gradient, steps, *states):
        mean = states[0] * 0.5 + (gradient - np.sum(gradient) / gradient.size)
        return parameter - mean * (self.rate / steps), mean


@pytest.mark.filterwarnings("ignore:captured step")
@pytest.mark.parametrize("changes", [False, True], ids=["one rate", "a rate for each step"])
@pytest.mark.parametrize(
    "wrap", [lambda f: f, lambda f: capture(f, jit=False)], ids=["plain", "captured"]
)
def test_a_rule_of_ones_own_sees_each_parameter_by_itself(wrap, changes):
    start = [np.array([1.0, -2.0, 4.0]), np.array([[0.5], [3.0]])]
    parameters, optimizer = [Value(x) for x in start], Centered(0.5)

    def step():
        for p in parameters:
            p.grad = None
        sum(np.sum(p * p) for p in parameters).backward()
        optimizer.apply(parameters)

    step, data, means = wrap(step), list(start), [0.0, 0.0]
    for t in range(1, 10):
        if changes:
            optimizer.rate = 1.0 / t
        step()
        for i, x in enumerate(data):
            means[i] = means[i] * 0.5 + (2 * x - (2 * x).mean())
            data[i] = x - means[i] * (optimizer.rate / t)
            np.testing.assert_allclose(parameters[i].data, data[i], rtol=1e-12)


def test_a_computed_value_is_refused_by_name_and_nothing_is_changed():
    w = Value(np.ones(2), "w")
    h = w * 2.0
    h.label = "h"
    w.grad = np.ones(2)
    message = (
        r"^h was computed, by mul: an optimizer changes leaves; give it the Values that it was"
    )
    with pytest.raises(ValueError, match=message):
        SGD(0.1).apply([w, h])
    np.testing.assert_array_equal(w.data, 1.0)


def test_a_rule_that_gives_another_shape_is_refused_and_nothing_is_changed():
    class Wrong(SGD):
        def rule(self, parameter, gradient, steps, *states):
            return parameter, np.ones(3)

    w, optimizer = Value(np.ones(2), "w"), Wrong()
    w.grad = np.ones(2)
    message = (
        r"gave new data of shape \(3,\) for velocity of shape \(2,\); return arrays like its own"
    )
    with pytest.raises(ValueError, match=message):
        optimizer.apply([w])
    assert [x.raw.tolist() for x in optimizer.variables if x.shape] == [[0, 0]]
    np.testing.assert_array_equal(w.data, 1.0)


def test_a_parameter_keeps_its_dtype_beside_others():
    kinds = [np.float16, np.float32, np.float64]
    parameters = [Value(np.ones(2, kind)) for kind in kinds]
    optimizer = SGD(0.5)
    for p in parameters:
        p.grad = p.data * 0.5
    optimizer.apply(parameters)
    for p, kind in zip(parameters, kinds, strict=True):
        assert p.dtype == kind
        np.testing.assert_array_equal(p.data, 0.75)
