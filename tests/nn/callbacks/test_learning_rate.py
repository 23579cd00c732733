import math

import numpy as np
import pytest

from tinygrad_hw.nn import SGD, Dense, Sequential
from tinygrad_hw.nn.callbacks import CallbackList, LearningRateScheduler, ReduceLROnPlateau

NAN = math.nan
X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = (X[:, 0] > 0).astype(np.uint8)


def small_model(rate=1.0):
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))], seed=0)
    model.compile(SGD(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def rates(values, callback, rate=1.0):
    """The learning rate after each epoch, of epochs with these losses."""
    model = small_model(rate)
    callbacks = CallbackList(callback, model=model)
    callbacks.on_train_begin()
    found = []
    for epoch, value in enumerate(values):
        callbacks.on_epoch_begin(epoch)
        callbacks.on_epoch_end(epoch, {"loss": value})
        found.append(model.optimizer.learning_rate)
    return found


class TestReduceLROnPlateau:
    @pytest.mark.parametrize(
        ("values", "settings", "wanted"),
        [
            ([5, 5, 5, 5, 5], {"patience": 2}, [1, 1, 0.5, 0.5, 0.25]),
            ([5, 5, 4, 4, 4], {"patience": 2}, [1, 1, 1, 1, 0.5]),
            ([5, 4.5, 4, 3.5], {"patience": 1, "min_delta": 0.5}, [1, 0.5, 0.5, 0.25]),
            ([5, 4.5, 4, 3.5], {"patience": 1, "min_delta": -0.25}, [1, 1, 1, 1]),
            ([5, 6, 7, 7, 7], {"patience": 1, "mode": "max"}, [1, 1, 1, 0.5, 0.25]),
            ([5] * 6, {"patience": 1, "cooldown": 2}, [1, 0.5, 0.5, 0.25, 0.25, 0.125]),
            ([5] * 4, {"patience": 1, "min_lr": 0.4}, [1, 0.5, 0.4, 0.4]),
            ([5] * 3, {"patience": 1, "min_lr": 2.0}, [1, 1, 1]),
            ([5] * 3, {"patience": 0}, [1, 0.5, 0.25]),
            ([NAN, 5, 5, 5], {"patience": 2}, [1, 1, 1, 0.5]),
            ([5, NAN, NAN, 4], {"patience": 2}, [1, 1, 0.5, 0.5]),
        ],
    )
    def test_multiplies_the_learning_rate_where_the_metric_stands(self, values, settings, wanted):
        assert rates(values, ReduceLROnPlateau("loss", factor=0.5, **settings)) == wanted

    def test_has_kerass_defaults(self):
        found = rates([5.0] + [5.0 - 1e-4] * 20, ReduceLROnPlateau("loss"))
        assert found == [1.0] * 10 + [0.1] * 10 + [0.1 * 0.1]

    def test_says_what_it_does(self, capsys):
        rates([5, 5], ReduceLROnPlateau("loss", patience=1, verbose=1))
        assert capsys.readouterr().out == "Epoch 2: learning rate reduced to 0.1\n"

    def test_begins_afresh_in_a_second_fit(self):
        callback = ReduceLROnPlateau("loss", factor=0.5, patience=1)
        assert rates([1, 1], callback) == [1, 0.5]
        assert rates([9, 8, 7], callback) == [1, 1, 1]

    def test_writes_the_learning_rate_into_the_history(self):
        model = small_model(0.5)
        callback = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100)
        history = model.fit(X, Y, epochs=4, callbacks=callback, verbose=0).history
        assert history["learning_rate"] == [0.5, 0.5, 0.25, 0.125]  # that of the epoch's steps

    @pytest.mark.parametrize("factor", [1, 1.5])
    def test_does_not_raise_the_learning_rate(self, factor):
        with pytest.raises(ValueError, match=f"factor should be below 1, .*got {factor}"):
            ReduceLROnPlateau(factor=factor)

    def test_wants_a_metric_that_is_there(self):
        with pytest.raises(ValueError, match="ReduceLROnPlateau monitors 'val_loss', but an epoch"):
            small_model().fit(X, Y, callbacks=[ReduceLROnPlateau()], verbose=0)


class TestLearningRateScheduler:
    @pytest.mark.parametrize(
        ("schedule", "wanted"),
        [
            (lambda epoch, rate: rate / 2, [0.5, 0.25, 0.125]),
            (lambda epoch: 1.0 / (1 + epoch), [1, 0.5, 1 / 3]),
            (lambda epoch, rate: np.float32(0.25), [0.25] * 3),
        ],
    )
    def test_sets_the_learning_rate_before_each_epoch(self, schedule, wanted):
        assert rates([1, 1, 1], LearningRateScheduler(schedule)) == wanted
        history = small_model().fit(
            X, Y, epochs=3, callbacks=[LearningRateScheduler(schedule)], verbose=0
        )
        assert history.history["learning_rate"] == wanted

    def test_the_steps_are_taken_with_it(self):
        scheduled, at_once = small_model(), small_model(0.25)
        scheduled.fit(X, Y, callbacks=[LearningRateScheduler(lambda epoch: 0.25)], verbose=0)
        at_once.fit(X, Y, verbose=0)
        np.testing.assert_array_equal(scheduled.flat.data, at_once.flat.data)

    def test_errors_of_the_function_are_its_own(self):
        def fails(epoch, rate):
            raise TypeError("mine")

        with pytest.raises(TypeError, match=r"^mine$"):
            rates([1], LearningRateScheduler(fails))

    @pytest.mark.parametrize("wrong", [None, "0.1", 1])
    def test_wants_a_float(self, wrong):
        with pytest.raises(ValueError, match=r"schedule\(0, …\) should return a float, got"):
            rates([1], LearningRateScheduler(lambda epoch: wrong))

    def test_says_what_it_does(self, capsys):
        rates([5], LearningRateScheduler(lambda epoch: 0.25, verbose=1))
        assert capsys.readouterr().out == "Epoch 1: learning rate 0.25\n"
