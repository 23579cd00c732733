"""Models made once more: the same layers and settings, other weights."""

import numpy as np
import pytest

from tinygrad_hw.nn import Model, Sequential
from tinygrad_hw.nn.layers import Add, Dense, Dropout, Input
from tinygrad_hw.nn.metrics import AUC
from tinygrad_hw.nn.models import clone_model
from tinygrad_hw.nn.optimizers import Adam
from tinygrad_hw.nn.optimizers.schedules import ExponentialDecay

X = np.random.default_rng(0).normal(size=(12, 4))
Y = (X[:, 0] > 0).astype(int)


def test_a_clone_has_the_settings_and_weights_of_its_own():
    layers = [Input((4,)), Dense(3, lambda x: x * 2.0, name="twice"), Dropout(0.5)]
    model = Sequential([*layers, Dense(1, "sigmoid", activity_regularizer="l2")], name="mine")
    schedule = ExponentialDecay(0.1, 5, 0.5)
    model.compile(Adam(schedule, clipnorm=1.0), "binary_crossentropy", metrics=["acc", AUC()])
    model.fit(X, Y, verbose=0)
    before = model.get_weights()
    clone = clone_model(model)
    assert (clone.name, clone.input_shape) == ("mine", (None, 4))
    for mine, other in zip(model.layers, clone.layers, strict=True):
        assert mine is not other
        assert repr(mine.get_config()) == repr(other.get_config())
        assert repr(mine.activity_regularizer) == repr(other.activity_regularizer)
    assert not np.array_equal(clone.get_weights()[0], before[0])
    assert clone.optimizer is not model.optimizer
    assert (clone.optimizer.clipnorm, clone.optimizer.iterations) == (1.0, 0)
    clone.set_weights(before)
    np.testing.assert_array_equal(clone.predict(X, verbose=0), model.predict(X, verbose=0))
    assert clone.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))
    clone.fit(X, Y, verbose=0)
    for mine, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, old)


def test_a_functional_model():
    start = Input((4,))
    shared = Dense(4, "tanh")
    model = Model(start, Dense(1)(Add()([shared(start), shared(shared(start))])))
    clone = clone_model(model)
    assert len(clone.get_weights()) == 4
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(X, verbose=0), model.predict(X, verbose=0))


def test_what_is_not_built_or_not_compiled_stays_so():
    clone = clone_model(Sequential([Dense(2)]))
    assert not clone.built
    with pytest.raises(ValueError, match="compile"):
        clone.evaluate(X, Y)
