"""Optimizers and schedules beside Keras's own: the same arguments, and the same ten steps."""

import inspect
import json

import numpy as np
import pytest

from tinygrad_hw import capture
from tinygrad_hw.engine import Value
from tinygrad_hw.nn import optimizers as ours
from tinygrad_hw.nn.optimizers import schedules

keras = pytest.importorskip("keras")
theirs = keras.optimizers
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

KINDS = [kind.__name__ for kind in ours.OPTIMIZERS.values()]
OWN = [
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"momentum": 0.8, "rho": 0.7}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "epsilon": 1e-3}),
    ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-3}),
    ("Adam", {"amsgrad": True, "beta_1": 0.5, "beta_2": 0.5}),
    ("AdamW", {"weight_decay": 0.2, "amsgrad": True}),
    ("Nadam", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Lion", {"beta_1": 0.5, "beta_2": 0.9}),
]
SHARED = [
    {},
    {"weight_decay": 0.1},
    {"clipnorm": 0.5},
    {"clipvalue": 0.1},
    {"global_clipnorm": 0.5},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
]
CASES = [*OWN, *((kind, shared) for kind in KINDS for shared in SHARED)]
SCHEDULES = [
    ("ExponentialDecay", [0.5, 4, 0.25]),
    ("ExponentialDecay", [0.5, 4, 0.25, True]),
    ("InverseTimeDecay", [0.5, 4, 0.25]),
    ("InverseTimeDecay", [0.5, 4, 0.25, True]),
    ("PolynomialDecay", [0.5, 5, 0.1, 2.0]),
    ("PolynomialDecay", [0.5, 5, 0.1, 0.5, True]),
    ("CosineDecay", [0.5, 6, 0.1]),
    ("CosineDecay", [0.0, 6, 0.1, "warm", 0.5, 4]),
    ("CosineDecay", [0.1, 6, 0.0, "warm", None, 4]),
    ("PiecewiseConstantDecay", [[2, 5, 6], [0.5, 0.25, 0.125, 1.0]]),
]


def beside(mine, other, steps=10):
    """Take steps with both; yield our parameters and Keras's variables after each."""
    rng = np.random.default_rng(3)
    start = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (4,), (4, 2), (2,))]
    names = ["a/kernel", "a/bias", "b/kernel", "b/bias"]
    parameters = [Value(x, name) for x, name in zip(start, names, strict=True)]
    variables = [
        keras.Variable(x, name=name.split("/")[1]) for x, name in zip(start, names, strict=True)
    ]
    step = capture(lambda: mine.apply(parameters), jit=False)
    for _ in range(steps):
        gradients = [rng.normal(size=x.shape).astype(np.float32) for x in start]
        for p, g in zip(parameters, gradients, strict=True):
            p.grad = g
        step()
        other.apply_gradients(
            [(keras.ops.convert_to_tensor(g), v) for g, v in zip(gradients, variables, strict=True)]
        )
        yield parameters, variables


def assert_equal(parameters, variables):
    """To float32's rounding, in which Keras takes the powers of β₂: the sixth digit of a step."""
    for p, v in zip(parameters, variables, strict=True):
        np.testing.assert_allclose(p.data, np.asarray(v), 2e-5, 1e-5, err_msg=p.label)


@pytest.mark.parametrize(("kind", "settings"), CASES, ids=str)
def test_ten_steps_are_keras(kind, settings):
    mine, other = getattr(ours, kind)(0.05, **settings), getattr(theirs, kind)(0.05, **settings)
    for parameters, variables in beside(mine, other):
        assert_equal(parameters, variables)
    assert mine.iterations == int(other.iterations) == 10
    mine.finalize_variable_values(parameters)
    other.finalize_variable_values(variables)
    assert_equal(parameters, variables)


@pytest.mark.parametrize("name", ["bias", "^kern", "a", "a/"])
def test_weight_decay_spares_the_parameters_that_keras_spares(name):
    mine, other = ours.AdamW(0.1, 0.3), theirs.AdamW(0.1, 0.3)
    for optimizer in (mine, other):
        optimizer.exclude_from_weight_decay(var_names=[name])
    for each in beside(mine, other):
        assert_equal(*each)


@pytest.mark.parametrize(("kind", "arguments"), SCHEDULES, ids=str)
def test_schedules_are_keras(kind, arguments):
    mine, other = getattr(schedules, kind)(*arguments), getattr(theirs.schedules, kind)(*arguments)
    rates = [float(mine(step)) for step in range(15)]
    np.testing.assert_allclose(rates, [float(other(step)) for step in range(15)], 1e-6, 1e-8)
    assert json.loads(json.dumps(mine.get_config())) == other.get_config()
    for each in beside(ours.SGD(mine, 0.9), theirs.SGD(other, 0.9)):
        assert_equal(*each)


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_are_keras(kind):
    mine, other = getattr(ours, kind), getattr(theirs, kind)
    given = dict(inspect.signature(other).parameters)
    given.pop("kwargs")
    assert {n: p.default for n, p in inspect.signature(mine).parameters.items()} == {
        n: p.default for n, p in given.items()
    }
    assert [*inspect.signature(mine).parameters] == [*given]
    expected, config = other(0.25).get_config(), mine(0.25).get_config()
    assert config == expected | {"name": config["name"]}
    assert type(theirs.deserialize(ours.serialize(mine(0.25)))) is other
    assert type(ours.get(theirs.serialize(other(0.25)))) is mine


@pytest.mark.parametrize("kind", [*schedules.SCHEDULES])
def test_arguments_of_schedules_are_keras(kind):
    mine, other = [
        {n: p.default for n, p in inspect.signature(getattr(place, kind)).parameters.items()}
        for place in (schedules, theirs.schedules)
    ]
    assert [*mine.items()] == [*other.items()]


def test_a_schedule_is_read_from_keras():
    other = theirs.Adam(theirs.schedules.CosineDecay(0.5, 6, warmup_target=1.0, warmup_steps=2))
    mine = ours.get(theirs.serialize(other))
    assert mine.schedule == schedules.CosineDecay(0.5, 6, warmup_target=1.0, warmup_steps=2)
    again = theirs.deserialize(ours.serialize(mine))
    assert again.get_config()["learning_rate"]["config"] == mine.schedule.get_config()
