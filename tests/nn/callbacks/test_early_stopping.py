import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.nn import SGD, Callback, Dense, EarlyStopping, Sequential

NAN = math.nan
X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = (X[:, 0] > 0).astype(np.uint8)


def small_model():
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))], seed=0)
    model.compile(SGD(0.0), "binary_crossentropy")
    return model


class Script(Callback):
    """Makes every epoch end as written: its metric, and weights equal to the epoch's number."""

    def __init__(self, values, name="val_loss", interrupt_after=math.inf):
        self.values, self.name, self.interrupt_after = values, name, interrupt_after

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]
        for parameter in self.model.parameters():
            parameter.data[...] = epoch
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if getattr(self, "epoch", -1) == self.interrupt_after:
            raise KeyboardInterrupt


def trained(values, stopping, model=None, name="val_loss"):
    """Train to a script; returns the number of epochs and the epoch that the weights are of."""
    model = model or small_model()
    script = Script(values, name)
    history = model.fit(
        X, Y, epochs=len(values), callbacks=[script, stopping], verbose=0, validation_split=0.25
    )
    return len(history.history["loss"]), weights_of(model)


def weights_of(model):
    (epoch,) = {float(number) for weight in model.get_weights() for number in weight.ravel()}
    return epoch


def keras_early_stopping(values, patience, min_delta, upward):
    """The rules of keras/src/callbacks/early_stopping.py, but that nan is never best: (epochs run,
    best epoch)."""
    sign = -1 if upward else 1
    best, best_epoch, wait = math.inf, 0, 0
    for epoch, value in enumerate(values):
        wait += 1
        if sign * value + min_delta < best:
            best, best_epoch, wait = sign * value, epoch, 0
        elif wait >= patience and epoch > 0:
            return epoch + 1, best_epoch
    return len(values), best_epoch


class TestEarlyStopping:
    @pytest.mark.parametrize(
        ("values", "settings", "epochs", "best"),
        [
            ([5, 4, 3, 2, 1], {"patience": 1}, 5, 4),
            ([5, 4, 4, 4, 4], {"patience": 2}, 4, 1),
            ([5, 4, 4.5, 3, 3.5, 3.5, 9], {"patience": 2}, 6, 3),
            ([5, 5, 1], {"patience": 0}, 2, 0),
            ([5, 4, 5, 1], {"patience": 0}, 3, 1),
            ([5, 5, 1], {"patience": 1}, 2, 0),
            ([5.0, 4.75, 4.5, 4.25], {"patience": 2, "min_delta": 0.25}, 4, 2),
            ([5.0, 4.75, 4.5, 4.25], {"patience": 2, "min_delta": 0.5}, 3, 0),
            ([5.0, 4.75, 4.5, 4.25], {"patience": 2, "min_delta": -0.5}, 3, 0),
            ([5.0, 4.75, 4.5, 4.25], {"patience": 2, "min_delta": 0.2}, 4, 3),
            ([5, NAN, NAN, 1], {"patience": 2}, 3, 0),
            ([5, NAN, 4, NAN, NAN], {"patience": 2}, 5, 2),
            ([math.inf, 5, 6, 7], {"patience": 2}, 4, 1),
        ],
    )
    def test_stops_after_patience_and_restores_the_best(self, values, settings, epochs, best):
        stopping = EarlyStopping(restore_best_weights=True, **settings)
        assert trained(values, stopping) == (epochs, best)
        assert stopping.best_epoch == best

    @given(
        st.lists(st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0, NAN]), min_size=1, max_size=12),
        st.integers(0, 3),
        st.sampled_from([0.0, 0.5, 1.0]),
        st.sampled_from(["val_loss", "val_accuracy", "accuracy"]),
    )
    @settings(deadline=None, database=None, derandomize=True, max_examples=400)
    def test_follows_keras_whatever_the_metric_does(self, values, patience, min_delta, monitor):
        class Model:
            stop_training = False

            def get_weights(self):
                return self.weights

            def set_weights(self, weights):
                self.weights = weights

        stopping = EarlyStopping(
            monitor, patience=patience, min_delta=min_delta, restore_best_weights=True
        )
        stopping.model = model = Model()
        stopping.on_train_begin()
        epochs = 0
        for value in values:
            model.weights = epochs
            stopping.on_epoch_end(epochs, {monitor: value})
            epochs += 1
            if model.stop_training:
                break
        stopping.on_train_end()
        expected = keras_early_stopping(values, patience, min_delta, "accuracy" in monitor)
        assert (epochs, model.weights) == expected

    @pytest.mark.parametrize("monitor", ["accuracy", "val_accuracy"])
    def test_accuracy_should_rise(self, monitor):
        stopping = EarlyStopping(monitor, patience=2, restore_best_weights=True)
        assert trained([0.1, 0.6, 0.5, 0.6, 0.9], stopping, name=monitor) == (4, 1)

    def test_restores_nothing_unless_asked_to(self):
        assert trained([5, 1, 2, 3, 4], EarlyStopping(patience=2)) == (4, 3)

    def test_restores_at_a_normal_end(self):
        stopping = EarlyStopping(patience=10, restore_best_weights=True)
        assert trained([5, 1, 2, 3], stopping) == (4, 1)

    @pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
    def test_restores_when_a_callback_raises_between_epochs(self, error):
        class Raises(Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 3:
                    raise error

        model = small_model()
        stopping = EarlyStopping(patience=10, restore_best_weights=True)
        with pytest.raises(error):
            model.fit(
                X, Y, epochs=9, callbacks=[Script([5, 1, 2, 3]), stopping, Raises()], verbose=0
            )
        assert weights_of(model) == 1

    def test_restores_when_ctrl_c_comes_amid_an_epoch(self):
        model, script = small_model(), Script([5, 1, 2], interrupt_after=2)
        stopping = EarlyStopping(patience=10, restore_best_weights=True)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, epochs=9, callbacks=[script, stopping], verbose=0)
        assert weights_of(model) == 1

    def test_restores_when_another_callback_fails_at_the_end(self):
        class Fails(Callback):
            def on_train_end(self, logs=None):
                raise RuntimeError("the disk is full")

        model = small_model()
        stopping = EarlyStopping(patience=10, restore_best_weights=True)
        with pytest.raises(RuntimeError, match="the disk is full"):
            model.fit(X, Y, epochs=3, callbacks=[Script([5, 1, 2]), stopping, Fails()], verbose=0)
        assert weights_of(model) == 1

    def test_restores_nothing_when_interrupted_before_the_first_epoch_ended(self):
        """Nor what was best in an earlier fit."""

        class AtOnce(Callback):
            def on_train_batch_end(self, batch, logs=None):
                raise KeyboardInterrupt

        model, stopping = small_model(), EarlyStopping(patience=9, restore_best_weights=True)
        trained([5, 1, 2], stopping, model)
        model.flat.data[:] = 7
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, callbacks=[stopping, AtOnce()], verbose=0)
        assert weights_of(model) == 7

    def test_a_second_fit_starts_afresh(self):
        """The first run's best of 1 would otherwise end the second, and be restored."""
        stopping, model = EarlyStopping(patience=1, restore_best_weights=True), small_model()
        assert trained([5, 1, 2, 3], stopping, model) == (3, 1)
        assert trained([9, 8, 7, 6], stopping, model) == (4, 3)

    def test_wants_a_metric_that_is_there(self):
        with pytest.raises(
            ValueError,
            match=r"monitors 'val_loss', but an epoch has only loss, accuracy; give fit\(\) a "
            r"validation_split or monitor one of these",
        ):
            small_model().fit(X, Y, callbacks=[EarlyStopping()], verbose=0)
