import numpy as np
import pytest

from tinygrad_hw.nn import SGD, Callback, Dense, Sequential

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = (X[:, 0] > 0).astype(np.uint8)


def small_model():
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))], seed=0)
    model.compile(SGD(0.0), "binary_crossentropy")
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
