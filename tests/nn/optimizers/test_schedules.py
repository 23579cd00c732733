"""Schedules against their formulas, alone and as the learning rate of an optimizer."""

import copy
import json
import math
import pickle

import numpy as np
import pytest

from tinygrad_hw import capture
from tinygrad_hw.engine import Value
from tinygrad_hw.nn import Dense, Sequential, optimizers
from tinygrad_hw.nn.optimizers import SGD, Adam, schedules
from tinygrad_hw.program import CaptureError

MADE = {  # each with its formula, in Python's floats
    "exponential": (
        schedules.ExponentialDecay(0.5, 4, 0.25),
        lambda k: 0.5 * math.pow(0.25, k / 4),
    ),
    "exponential stairs": (
        schedules.ExponentialDecay(0.5, 4, 0.25, staircase=True),
        lambda k: 0.5 * math.pow(0.25, k // 4),
    ),
    "inverse time": (
        schedules.InverseTimeDecay(0.5, 4, 0.25),
        lambda k: 0.5 / (1 + 0.25 * k / 4),
    ),
    "inverse time stairs": (
        schedules.InverseTimeDecay(0.5, 4, 0.25, True),
        lambda k: 0.5 / (1 + 0.25 * (k // 4)),
    ),
    "polynomial": (
        schedules.PolynomialDecay(0.5, 5, 0.1, power=2.0),
        lambda k: (0.5 - 0.1) * math.pow(1 - min(k, 5) / 5, 2) + 0.1,
    ),
    "polynomial in cycles": (
        schedules.PolynomialDecay(0.5, 5, power=0.5, cycle=True),
        lambda k: (0.5 - 1e-4) * math.sqrt(1 - k / (5 * max(1, math.ceil(k / 5)))) + 1e-4,
    ),
    "cosine": (
        schedules.CosineDecay(0.5, 6, alpha=0.1),
        lambda k: 0.5 * (0.9 * (1 + math.cos(math.pi * min(k, 6) / 6)) / 2 + 0.1),
    ),
    "cosine after a warm-up": (
        schedules.CosineDecay(0.0, 6, alpha=0.1, warmup_target=0.5, warmup_steps=4),
        lambda k: (
            0.125 * k if k < 4 else 0.5 * (0.55 + 0.45 * math.cos(math.pi * min(k - 4, 6) / 6))
        ),
    ),
    "cosine without a warm-up": (
        schedules.CosineDecay(0.5, 6, warmup_steps=4),  # no target: Keras ignores the steps
        lambda k: 0.25 * (1 + math.cos(math.pi * min(k, 6) / 6)),
    ),
    "cosine at once from a target": (
        schedules.CosineDecay(0.1, 6, warmup_target=0.5),
        lambda k: 0.25 * (1 + math.cos(math.pi * min(k, 6) / 6)),
    ),
    "piecewise constant": (
        schedules.PiecewiseConstantDecay([2, 5, 6], [0.5, 0.25, 0.125, 1.0]),
        lambda k: 0.5 if k <= 2 else 0.25 if k <= 5 else 0.125 if k <= 6 else 1.0,
    ),
}
PLAIN, CAPTURED = (lambda f: f), (lambda f: capture(f, jit=False, pure=True))
wraps = pytest.mark.parametrize("wrap", [PLAIN, CAPTURED], ids=["plain", "captured"])
each = pytest.mark.parametrize(("schedule", "formula"), MADE.values(), ids=MADE.keys())


@each
def test_a_schedule_is_its_formula(schedule, formula):
    rates = [float(schedule(step)) for step in range(15)]
    np.testing.assert_allclose(rates, [formula(step) for step in range(15)], rtol=1e-14)
    assert [float(schedule(float(step))) for step in range(15)] == rates


@wraps
@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_optimizer_follows_its_schedule(dtype, schedule, formula, wrap):
    w, b, optimizer = Value(np.zeros(3, dtype)), Value(0.0), SGD(schedule)
    optimizer.build([w, b])
    step = wrap(lambda: optimizer.apply([w, b]))
    expected = 0.0
    for k in range(15):
        assert optimizer.iterations == k
        assert type(optimizer.iterations) is int
        assert optimizer.learning_rate == pytest.approx(formula(k), rel=1e-14)
        assert type(optimizer.learning_rate) is float
        w.grad, b.grad = np.ones(3, dtype), 1.0
        step()
        expected -= formula(k)
        np.testing.assert_allclose(w.data, expected, 10 * np.finfo(dtype).eps)
        assert b.data == pytest.approx(expected, rel=1e-13)
    assert w.dtype == dtype


@each
def test_a_schedule_is_made_anew_from_json_copied_and_pickled(schedule, formula):
    written = json.loads(json.dumps(Adam(schedule).get_config()))
    assert written["learning_rate"]["class_name"] == type(schedule).__name__
    assert Adam.from_config(written).schedule == schedule
    assert type(schedule).from_config(schedule.get_config()) == schedule
    assert pickle.loads(pickle.dumps(schedule)) == copy.deepcopy(schedule) == schedule


class Halving(schedules.LearningRateSchedule):
    """A schedule of the user's own, with a branch."""

    def __init__(self, start, until):
        self.start, self.until = start, until

    def __call__(self, step):
        if step < self.until:
            return self.start * 0.5**step
        return np.float32(self.start) * 0


@wraps
def test_a_schedule_of_ones_own_may_branch(wrap):
    w, optimizer = Value(np.zeros(2)), SGD(Halving(1.0, 4))
    optimizer.build([w])
    step = wrap(lambda: optimizer.apply([w]))
    for k in range(10):
        w.grad = np.ones(2)
        step()
        np.testing.assert_array_equal(w.data, -2 * (1 - 0.5 ** min(k + 1, 4)))
    again = SGD.from_config(optimizer.get_config(), custom_objects={"Halving": Halving})
    assert vars(again.schedule) == {"start": 1.0, "until": 4}


class Plain(schedules.LearningRateSchedule):
    def __init__(self, rate):
        self.hidden = rate

    def __call__(self, step):
        return self.hidden / (1 + int(step))


def test_a_schedule_of_ones_own_that_takes_the_number_out_is_refused_when_recorded():
    w, optimizer = Value(np.zeros(2)), SGD(Plain(1.0))
    step = capture(lambda: optimizer.apply([w]))
    w.grad = np.ones(2)
    step()
    with pytest.raises(CaptureError, match=r"out of what a captured program computes \(by int"):
        step()


def test_a_schedule_that_hides_its_arguments_says_so_when_it_is_written():
    message = r"Plain keeps no attribute 'rate' of its argument; keep it, or write a get_config"
    with pytest.raises(NotImplementedError, match=message):
        SGD(Plain(1.0)).get_config()


def test_a_schedule_gives_a_number():
    optimizer = SGD(Halving(np.ones(2), 4))
    with pytest.raises(TypeError, match=r"Halving\(step\) should be a number, got array"):
        optimizer.learning_rate  # noqa: B018


@pytest.mark.parametrize("steps", [0, -1, math.nan])
@pytest.mark.parametrize(
    "kind", ["ExponentialDecay", "InverseTimeDecay", "PolynomialDecay", "CosineDecay"]
)
def test_no_steps_are_refused(kind, steps):
    more = [0.5] if kind in ("ExponentialDecay", "InverseTimeDecay") else []
    with pytest.raises(ValueError, match=r"decay_steps should be above 0, got"):
        getattr(schedules, kind)(0.1, steps, *more)


def test_pieces_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"got 2 boundaries and 2 values; there should be one value"
    ):
        schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"boundaries should rise, got \(2, 1\)"):
        schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3])


def test_a_schedule_is_not_changed_but_replaced():
    schedule = schedules.ExponentialDecay(0.5, 4, 0.25)
    with pytest.raises(AttributeError, match="cannot assign to field 'decay_rate'"):
        schedule.decay_rate = 0.5
    optimizer = SGD(schedule)
    message = r"learning_rate of this SGD is ExponentialDecay\(.*\) for good, since it decides"
    with pytest.raises(TypeError, match=message):
        optimizer.learning_rate = 0.5
    with pytest.raises(
        TypeError, match=r"learning_rate of this SGD is a number for good, since it"
    ):
        SGD(0.5).learning_rate = schedule


def test_iterations_may_be_set_and_a_reset_begins_again():
    schedule, formula = MADE["exponential"]
    w, optimizer = Value(np.zeros(2)), SGD(schedule)
    optimizer.iterations = 7
    assert optimizer.learning_rate == formula(7)
    w.grad = np.ones(2)
    assert optimizer.apply_gradients([(np.ones(2), w)]) == 8
    np.testing.assert_allclose(w.data, -formula(7))
    optimizer.reset()
    assert (optimizer.iterations, optimizer.learning_rate) == (0, formula(0))


def test_fit_follows_a_schedule_and_names_an_optimizer():
    x, y = np.random.default_rng(0).random((40, 3), np.float32), np.arange(40) % 2

    def trained(optimizer):
        model = Sequential([Dense(2, "softmax", input_shape=(3,))], seed=0)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=8, epochs=3, verbose=0)
        return model

    followed = trained(Adam(schedules.PiecewiseConstantDecay([4], [0.05, 0.0])))
    assert followed.optimizer.iterations == 15
    stopped = Sequential([Dense(2, "softmax", input_shape=(3,))], seed=0)
    stopped.compile(Adam(0.05), "sparse_categorical_crossentropy")
    stopped.fit(x, y, batch_size=8, epochs=1, verbose=0)  # five steps
    for found, expected in zip(followed.get_weights(), stopped.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    named, made = trained("adam"), trained(Adam())
    assert isinstance(named.optimizer, optimizers.Adam)
    np.testing.assert_array_equal(named.get_weights()[0], made.get_weights()[0])
    with pytest.raises(ValueError, match=r"unknown class_name 'adadelta'; known are sgd, rmsprop"):
        trained("adadelta")
