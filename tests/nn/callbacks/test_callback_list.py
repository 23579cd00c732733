import copy
import io
import pickle

import numpy as np
import pytest
from rich.console import Console

from tinygrad_hw.nn import SGD, Callback, Dense, Sequential
from tinygrad_hw.nn.callbacks import (
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ProgbarLogger,
    ReduceLROnPlateau,
    TerminateOnNaN,
)

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = (X[:, 0] > 0).astype(np.uint8)


def small_model():
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))], seed=0)
    model.compile(SGD(0.0), "binary_crossentropy", metrics=["accuracy"])
    return model


class TestCallback:
    def test_is_told_of_every_moment_in_order(self):
        told = []

        class Diary(Callback):
            def on_train_begin(self, logs=None):
                told.append(("begin", self.model, self.params["epochs"], self.params["steps"]))

            def on_train_batch_end(self, batch, logs=None):
                told.append("batch")

            def on_epoch_end(self, epoch, logs=None):
                told.append((epoch, sorted(logs)))

            def on_train_end(self, logs=None):
                told.append("end")

        model = small_model()
        model.fit(X, Y, epochs=2, batch_size=5, callbacks=[Diary()], verbose=0)
        keys = ["accuracy", "loss"]
        epochs = ["batch"] * 3 + [(0, keys)] + ["batch"] * 3 + [(1, keys)]
        assert told == [("begin", model, 2, 3), *epochs, "end"]

    def test_may_stop_training_after_an_epoch(self):
        class Stop(Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.model.stop_training = epoch == 1

        model = small_model()
        for _ in range(2):  # the wish to stop does not outlive a fit
            history = model.fit(X, Y, epochs=9, callbacks=[Stop()], verbose=0)
            assert len(history.history["loss"]) == 2

    def test_that_began_hears_of_the_end_when_a_later_one_cannot_begin(self):
        ended = []

        class Ends(Callback):
            def on_train_end(self, logs=None):
                ended.append(self)

        class CannotBegin(Ends):
            def on_train_begin(self, logs=None):
                raise RuntimeError("no")

        first = Ends()
        with pytest.raises(RuntimeError, match="no"):
            small_model().fit(X, Y, callbacks=[first, CannotBegin()], verbose=0)
        assert ended == [first]

    def test_the_bare_class_does_nothing(self):
        with_it, without = small_model(), small_model()
        with_it.fit(X, Y, callbacks=[Callback()], verbose=0)
        without.fit(X, Y, verbose=0)
        np.testing.assert_array_equal(with_it.flat.data, without.flat.data)


NUMBERED = ["epoch_begin", "epoch_end"] + [
    f"{kind}batch_{end}" for kind in ("", "train_", "test_", "predict_") for end in ("begin", "end")
]
PLAIN = [f"{kind}_{end}" for kind in ("train", "test", "predict") for end in ("begin", "end")]


class TestCallbackList:
    def test_passes_every_call_on_to_all_in_order(self):
        told = []

        def note(who, hook):
            return lambda self, *arguments: told.append((who, hook, *arguments))

        hooks = [f"on_{name}" for name in (*PLAIN, *NUMBERED)]
        first, second = (
            type("Noting", (Callback,), {hook: note(who, hook) for hook in hooks})()
            for who in ("first", "second")
        )
        callbacks = CallbackList([first, [second]])
        for hook in hooks:
            number = () if hook.removeprefix("on_") in PLAIN else (7,)
            getattr(callbacks, hook)(*number, {"loss": np.float32(0.5)})
            getattr(callbacks, hook)(*number)
            with_logs = [(who, hook, *number, {"loss": 0.5}) for who in ("first", "second")]
            without = [(who, hook, *number, {}) for who in ("first", "second")]
            if hook == "on_train_end":
                without = []  # there was one end for one beginning
            assert told == with_logs + without
            told.clear()

    def test_tells_of_batches_under_either_name(self):
        seen = []

        class Old(Callback):
            def on_batch_end(self, batch, logs=None):
                seen.append((batch, sorted(logs)))

        small_model().fit(X, Y, batch_size=5, callbacks=[Old()], verbose=0)
        assert seen == [(i, ["accuracy", "loss"]) for i in range(3)]

    def test_batches_are_told_of_only_where_someone_listens(self):
        assert not CallbackList([Callback(), History(), EarlyStopping()]).needs_batches
        assert not CallbackList().needs_batches
        for callback in (ProgbarLogger(), TerminateOnNaN(), LambdaCallback(on_batch_end=print)):
            assert CallbackList([History(), callback]).needs_batches

    def test_logs_of_a_batch_are_means_over_the_epoch_so_far(self):
        losses = []
        note = LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))
        history = small_model().fit(X, Y, batch_size=4, epochs=2, callbacks=note, verbose=0)
        alone = [
            small_model().evaluate(X[i : i + 4], Y[i : i + 4], verbose=0)[0]
            for i in range(0, 12, 4)
        ]
        assert np.mean(alone) == pytest.approx(losses[2])
        assert history.history["loss"] == [losses[2], losses[5]]

    @pytest.mark.parametrize("kind", ["test", "predict"])
    def test_functions_are_called_for_each_batch_of_an_evaluation_too(self, kind):
        seen = []
        note = LambdaCallback(**{f"on_{kind}_batch_end": lambda batch, logs: seen.append(batch)})
        model = small_model()
        if kind == "test":
            model.evaluate(X, Y, batch_size=5, callbacks=[note], verbose=0)
            settings = {"validation_data": (X, Y), "validation_batch_size": 4, "verbose": 0}
            model.fit(X, Y, callbacks=[note], **settings)
            assert seen == [0, 1, 2, 0, 1, 2]
        else:
            model.predict(X, batch_size=5, callbacks=[note], verbose=0)
            assert seen == [0, 1, 2]

    def test_what_one_writes_into_the_logs_the_next_ones_and_the_history_see(self):
        class Writes(Callback):
            def on_epoch_end(self, epoch, logs=None):
                logs["mine"] = epoch

        history = small_model().fit(X, Y, epochs=2, callbacks=[Writes()], verbose=0)
        assert history.history["mine"] == [0, 1]

    def test_stops_within_an_epoch(self):
        batches = []

        class Stop(Callback):
            def on_train_batch_end(self, batch, logs=None):
                batches.append(batch)
                self.model.stop_training = batch == 1

        history = small_model().fit(X, Y, batch_size=2, epochs=5, callbacks=Stop(), verbose=0)
        assert batches == [0, 1]
        assert history.epoch == [0]

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (EarlyStopping, r"got <class '.*EarlyStopping'>; write EarlyStopping\(...\)"),
            ([History(), print], "got <built-in function print>$"),
        ],
    )
    def test_refuses_what_is_no_callback(self, wrong, message):
        with pytest.raises(TypeError, match=f"callbacks should be Callback objects, {message}"):
            small_model().fit(X, Y, callbacks=wrong, verbose=0)


class TestLambdaCallback:
    def test_calls_the_functions(self):
        told = []
        note = LambdaCallback(
            on_epoch_begin=lambda epoch, logs: told.append(("epoch_begin", epoch)),
            on_epoch_end=lambda epoch, logs: told.append(("epoch_end", epoch)),
            on_train_begin=lambda logs: told.append("train_begin"),
            on_train_end=lambda logs: told.append("train_end"),
            on_train_batch_begin=lambda i, logs: told.append(("train_batch_begin", i)),
            on_train_batch_end=lambda i, logs: told.append(("train_batch_end", i)),
        )
        small_model().fit(X, Y, batch_size=12, callbacks=[note], verbose=0)
        batch = [("train_batch_begin", 0), ("train_batch_end", 0)]
        epoch = [("epoch_begin", 0), *batch, ("epoch_end", 0)]
        assert told == ["train_begin", *epoch, "train_end"]

    def test_refuses_what_a_callback_does_not_have(self):
        with pytest.raises(TypeError, match="a callback has no on_epoch_strat; it has on_train_be"):
            LambdaCallback(on_epoch_strat=print)
        with pytest.raises(TypeError, match=r"^on_epoch_end should be a function, got 3$"):
            LambdaCallback(on_epoch_end=3)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_callbacks_and_their_model_are_copied_and_pickled_after_a_fit(duplicate, tmp_path):
    callbacks = [
        EarlyStopping("loss", patience=1, restore_best_weights=True),
        ReduceLROnPlateau("loss", patience=1),
        LearningRateScheduler(a_schedule),
        CSVLogger(tmp_path / "log.csv"),
        TerminateOnNaN(),
        LambdaCallback(on_epoch_end=print_nothing),
        ProgbarLogger(Console(file=io.StringIO())),
        History(),
    ]
    model = small_model()
    model.fit(X, Y, epochs=3, callbacks=callbacks, verbose=1)
    copies = duplicate(callbacks)
    assert len({id(callback.model) for callback in copies}) == 1
    assert copies[0].model is not model
    assert copies[0].best == callbacks[0].best
    assert copies[-1].history == callbacks[-1].history
    for weight, wanted in zip(copies[0].best_weights, callbacks[0].best_weights, strict=True):
        np.testing.assert_array_equal(weight, wanted)
    copies = [callback for callback in copies if not isinstance(callback, ProgbarLogger)]
    for x, its_callbacks in ((model, callbacks), (copies[0].model, copies)):
        x.fit(X, Y, epochs=2, callbacks=its_callbacks, verbose=0)
    np.testing.assert_array_equal(model.flat.data, copies[0].model.flat.data)
    assert copies[-1].history == callbacks[-1].history


def a_schedule(epoch, rate):
    return 0.5 / (1 + epoch)


def print_nothing(epoch, logs):
    pass
