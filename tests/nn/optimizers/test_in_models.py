"""Optimizers within a model's own captured step: as they are beside one."""

import numpy as np
import pytest
from published_rules import Published

from tinygrad_hw.nn import Dense, Sequential, optimizers
from tinygrad_hw.nn.optimizers import SGD, Adam, schedules

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 3)).astype(np.float32), np.arange(24) % 2
OPTIONS = [
    {"weight_decay": 0.1},
    {"clipnorm": 0.01},
    {"clipvalue": 0.01},
    {"global_clipnorm": 0.02},
    {"use_ema": True, "ema_momentum": 0.5},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    {"learning_rate": schedules.CosineDecay(0.0, 9, warmup_target=0.1, warmup_steps=3)},
]


def network(optimizer, jit=False):
    model = Sequential([Dense(4, "tanh", input_shape=(3,)), Dense(2, "softmax")], seed=0)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=jit)
    return model


def gradients(weights):
    """The gradients of the mean cross-entropy, as one writes them out, in float64."""
    k, b, m, c = weights.values()
    h = np.tanh(X @ k + b)
    p = np.exp(h @ m + c)
    d = (p / p.sum(1, keepdims=True) - np.eye(2)[Y]) / len(X)
    e = d @ m.T * (1 - h * h)
    return dict(zip(weights, [X.T @ e, e.sum(0), h.T @ d, d.sum(0)], strict=True))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", ["SGD", "Adam", "Nadam"])
def test_fit_is_the_published_rule(kind, options):
    options = {"learning_rate": 0.1} | options
    model = network(getattr(optimizers, kind)(**options))
    reference = Published(kind, **options)
    weights = {str(i): np.array(w, np.float64) for i, w in enumerate(model.get_weights())}
    model.fit(X, Y, batch_size=len(X), epochs=8, verbose=0)
    for _ in range(8):
        weights = reference.step(weights, gradients(weights))
    expected = reference.averages if options.get("use_ema") else weights
    for found, name in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(found, expected[name], 1e-4, 1e-5)


class Mine(schedules.LearningRateSchedule):
    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate / (1.0 + step)


def test_what_a_schedule_of_ones_own_reads_may_change_between_steps():
    model, schedule = network(SGD(Mine(0.5))), None
    schedule = model.optimizer.schedule
    for k in range(9):
        before = model.get_weights()
        schedule.rate = 0.0 if k % 3 == 2 else 0.5
        model.train_step(X, Y)
        is_same = all(map(np.array_equal, before, model.get_weights()))
        assert is_same == (k % 3 == 2), k


def test_biases_are_spared_by_the_names_that_layers_give():
    optimizer = Adam(0.01, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model, reference = (
        network(optimizer),
        Published("Adam", 0.01, lambda i: i in "02", weight_decay=0.5),
    )
    weights = {str(i): np.array(w, np.float64) for i, w in enumerate(model.get_weights())}
    for _ in range(6):
        model.train_step(X, Y)
        weights = reference.step(weights, gradients(weights))
    for found, name in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(found, weights[name], 1e-4, 1e-5)


def test_a_training_that_fails_keeps_the_weights_it_has_come_to():
    class Failing(schedules.LearningRateSchedule):
        def __call__(self, step):
            if step > 2:
                raise RuntimeError("enough")
            return 0.1

    model = network(SGD(Failing(), use_ema=True))
    with pytest.raises(RuntimeError, match="enough"):
        model.fit(X, Y, batch_size=24, epochs=8, verbose=0)
    plain = network(SGD(0.1))
    plain.fit(X, Y, batch_size=24, epochs=3, verbose=0)
    for found, expected in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, 1e-5, 1e-6)
