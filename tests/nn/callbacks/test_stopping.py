import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw.nn import SGD, Callback, Dense, EarlyStopping, Sequential
from tinygrad_hw.nn.callbacks import CallbackList, TerminateOnNaN

NAN = math.nan
X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = (X[:, 0] > 0).astype(np.uint8)


def small_model():
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))], seed=0)
    model.compile(SGD(0.0), "binary_crossentropy", metrics=["accuracy"])
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

    @pytest.mark.parametrize("error", [SystemExit, RuntimeError])
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
        history = model.fit(X, Y, epochs=9, callbacks=[script, stopping], verbose=0)
        assert len(history.history["loss"]) == 3
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
        assert model.fit(X, Y, callbacks=[stopping, AtOnce()], verbose=0).history == {}
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

    @pytest.mark.parametrize(
        ("values", "settings", "epochs", "best"),
        [
            ([1, 2, 3, 2, 2, 9], {"mode": "max", "patience": 2}, 5, 2),
            ([1, 2, 3, 2, 2, 2], {"mode": "min", "patience": 2}, 3, 0),
            ([3, 2, 1, 0], {"baseline": 2.5, "patience": 2}, 4, 3),
            ([3, 2.9, 2.8, 2.8, 0], {"baseline": 2.5, "patience": 2}, 4, 2),  # never below it
            ([3, 2.4, 2.6, 2.7, 2.8], {"baseline": 2.5, "patience": 2}, 4, 1),
            ([0, 0, 5, 4, 4, 4, 4], {"start_from_epoch": 2, "patience": 2}, 6, 3),
            ([NAN, 5, 4, 4, 4, 1], {"patience": 2}, 5, 2),
            ([NAN, NAN, NAN, 1], {"patience": 2}, 2, 0),
            ([NAN, NAN, 5, NAN, NAN], {"patience": 3}, 5, 2),
            ([math.inf, math.inf, 5], {"patience": 3}, 3, 2),
        ],
    )
    def test_mode_baseline_first_epochs_and_nan(self, values, settings, epochs, best):
        stopping = EarlyStopping(restore_best_weights=True, **settings)
        assert trained(values, stopping) == (epochs, best)
        assert stopping.best_epoch == best
        assert stopping.stopped_epoch == (epochs - 1 if epochs < len(values) else 0)

    def test_takes_its_arguments_in_kerass_order(self):
        stopping = EarlyStopping("loss", 0.5, 3, 1, "max", 2.0, True, 4)
        names = "monitor min_delta patience verbose mode baseline restore_best_weights"
        values = [getattr(stopping, name) for name in [*names.split(), "start_from_epoch"]]
        assert values == ["loss", 0.5, 3, 1, "max", 2.0, True, 4]

    def test_a_nan_before_the_first_number_is_passed_over(self):
        """A metric that is 0/0 in the first epoch and falls from then on: 20 epochs."""

        class Ratio(Callback):
            def on_epoch_end(self, epoch, logs=None):
                logs["val_miss"] = NAN if epoch == 0 else logs["val_loss"]

        numbers = np.random.default_rng(0)
        x = numbers.normal(size=(100, 4))
        model = Sequential([Dense(2, activation="softmax", input_shape=(4,))], seed=0)
        model.compile(SGD(0.1), loss="sparse_categorical_crossentropy")
        stop = EarlyStopping("val_miss", patience=3, mode="min", restore_best_weights=True)
        settings = {"epochs": 20, "validation_split": 0.3, "verbose": 0}
        history = model.fit(x, (x[:, 0] > 0).astype(int), callbacks=[Ratio(), stop], **settings)
        falling = history.history["val_loss"]
        assert falling == sorted(falling, reverse=True)
        assert len(falling) == 20
        assert (stop.best, stop.best_epoch) == (falling[-1], 19)

    def test_says_when_it_stops_and_what_it_restores(self, capsys):
        trained([5, 1, 2, 3, 4], EarlyStopping(patience=2, verbose=1, restore_best_weights=True))
        assert capsys.readouterr().out == (
            "Epoch 4: early stopping\nRestoring the weights of the best epoch, 2\n"
        )
        trained([5, 1, 2, 3, 4], EarlyStopping(patience=2, restore_best_weights=True))
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize(("frequency", "epochs"), [(2, [1, 3, 5]), ([2, 3], [1, 2])])
    def test_fit_may_leave_validations_out(self, frequency, epochs):
        stopping = EarlyStopping("val_loss", patience=9, restore_best_weights=True)
        history = small_model().fit(
            *(X, Y),
            epochs=6,
            validation_split=0.25,
            validation_freq=frequency,
            callbacks=[stopping],
            verbose=0,
        )
        assert len(history.history["val_loss"]) == len(epochs)
        assert stopping.best_epoch in epochs

    def test_waits_for_epochs_with_a_validation(self):
        """With ``validation_freq=2`` every other epoch has none: those do not count."""
        stopping = EarlyStopping("val_loss", patience=1)
        model = small_model()
        for frequency in (2, [2, 4, 6]):
            model.stop_training = False
            callbacks = CallbackList(stopping, model=model, validation_freq=frequency)
            callbacks.on_train_begin()
            for epoch, logs in enumerate([{}, {"val_loss": 1.0}, {}, {"val_loss": 2.0}]):
                assert not model.stop_training
                callbacks.on_epoch_end(epoch, {"loss": 0.0, **logs})
            assert model.stop_training
            with pytest.raises(ValueError, match="monitors 'val_loss', but an epoch has only loss"):
                callbacks.on_epoch_end(5, {"loss": 0.0})

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"mode": "down"}, 'mode should be "auto", "min" or "max", got \'down\''),
            ({"patience": -1}, "patience should be 0 or more epochs, got -1"),
        ],
    )
    def test_refuses_settings_that_mean_nothing(self, settings, message):
        with pytest.raises(ValueError, match=f"^{message}$"):
            EarlyStopping(**settings)

    def test_asks_for_the_direction_of_a_metric_that_nobody_knows(self):
        with pytest.raises(
            ValueError,
            match="EarlyStopping cannot tell whether 'val_miss' should rise or fall; "
            'give mode="max" or mode="min"',
        ):
            trained([1, 2], EarlyStopping("val_miss"), name="val_miss")

    def test_asks_the_models_metric_for_its_direction(self, monkeypatch):
        class Metric:
            name, _direction = "miss", "up"

        model = small_model()
        monkeypatch.setattr(type(model), "metrics", [Metric()])
        stopping = EarlyStopping("val_miss", patience=2, restore_best_weights=True)
        assert trained([1, 3, 2, 2, 9], stopping, model, name="val_miss") == (4, 1)

    @pytest.mark.parametrize(
        ("kinds", "rises"),
        [
            ("BinaryAccuracy AUC Precision Recall F1Score R2Score CosineSimilarity", True),
            ("MeanSquaredError CategoricalCrossentropy Hinge KLDivergence Poisson", False),
        ],
    )
    def test_knows_which_way_the_packages_metrics_improve(self, kinds, rises):
        for kind in kinds.split():
            of_package = {"__module__": "tinygrad_hw.nn.metrics.some", "name": "mine"}
            stopping = EarlyStopping("val_mine", patience=9)
            stopping.model = SimpleNamespace(metrics=[type(kind, (), of_package)()])
            for epoch, value in enumerate([2, 1, 3]):
                stopping.on_epoch_end(epoch, {"val_mine": value})
            assert stopping.best == (3 if rises else 1)
            stopping.model.metrics = [type(kind, (), {"name": "mine"})()]  # somebody else's
            with pytest.raises(ValueError, match="cannot tell whether 'val_mine' should rise"):
                stopping.on_epoch_end(3, {"val_mine": 4})


class TestTerminateOnNaN:
    def run(self, losses, **settings):
        """Return after how many batches training stops."""
        model = small_model()
        model.stop_training = False
        callbacks = CallbackList(TerminateOnNaN(**settings), model=model)
        assert callbacks.needs_batches
        for batch, loss in enumerate(losses):
            callbacks.on_train_batch_end(batch, {"loss": loss})
            if model.stop_training:
                return batch + 1
        return None

    @pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
    def test_stops_after_the_first_batch_without_a_finite_loss(self, bad, capsys):
        assert self.run([1.0, 2.0, bad, 1.0]) == 3
        assert capsys.readouterr().out == f"Batch 2: the loss is {bad}, training stops\n"
        assert self.run([1.0, 1e300]) is None

    def test_raises_if_it_is_to(self):
        with pytest.raises(
            RuntimeError, match=r"^the loss of batch 1 is nan: training was stopped"
        ):
            self.run([1.0, NAN], raise_error=True)

    def test_ends_a_fit_within_the_epoch(self):
        model = small_model()
        model.compile(SGD(1.0), "binary_crossentropy", metrics=["accuracy"])
        seen = []

        class Look(Callback):
            def on_train_batch_end(self, batch, logs=None):
                seen.append(logs["loss"])
                if batch == 1:
                    self.model.set_weights([w * NAN for w in self.model.get_weights()])

        with np.errstate(all="ignore"):
            history = model.fit(
                X, Y, epochs=5, batch_size=2, callbacks=[Look(), TerminateOnNaN()], verbose=0
            )
        assert len(seen) == 3
        assert len(history.history["loss"]) == 1
        assert np.isfinite(seen[:2]).all()
        assert not np.isfinite(seen[2])
