import io
import math

import numpy as np
import pytest
from rich.console import Console

from tinygrad_hw.nn import SGD, Callback, Dense, Sequential
from tinygrad_hw.nn.callbacks import CallbackList, ProgbarLogger
from tinygrad_hw.nn.callbacks.progress import epoch_line

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = (X[:, 0] > 0).astype(np.uint8)


def small_model():
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))], seed=0)
    model.compile(SGD(0.0), "binary_crossentropy", metrics=["accuracy"])
    return model


class TestProgbarLogger:
    LOGS = ("loss", "accuracy", "val_loss", "val_accuracy")

    def test_line_of_an_epoch_is_keras(self):
        logs = dict(zip(self.LOGS, (0.03444, 0.98986, 0.0086, 0.975), strict=True))
        assert epoch_line(0, 20, logs) == (
            "Epoch 1/20 - loss: 0.0344 - accuracy: 0.9899 - val_loss: 0.0086 - val_accuracy: 0.9750"
        )

    def fitted(self, **console):
        file = io.StringIO()
        history = small_model().fit(
            np.repeat(X, 20, axis=0),
            np.repeat(Y, 20),
            batch_size=1,
            epochs=11,
            validation_split=0.25,
            callbacks=[ProgbarLogger(Console(file=file, highlight=False, **console))],
            verbose=1,
        )
        lines = [
            epoch_line(i, 11, {name: history.history[name][i] for name in self.LOGS})
            for i in range(11)
        ]
        return file.getvalue(), lines

    def test_a_file_gets_one_plain_line_an_epoch(self):
        text, lines = self.fitted()
        assert text.splitlines() == lines

    def test_a_terminal_gets_the_same_lines_beside_the_bar(self):
        text, lines = self.fitted(force_terminal=True, width=120)
        assert "\x1b[" in text
        assert all(line in text for line in lines)

    def test_verbose_says_whether_there_is_one(self, capsys):
        small_model().fit(X, Y, verbose=0)
        assert capsys.readouterr().out == ""
        small_model().fit(X, Y, verbose=1)
        assert capsys.readouterr().out.startswith("Epoch 1/1 - loss: ")

    def test_is_taken_away_when_training_fails(self):
        class Fails(Callback):
            def on_train_batch_end(self, batch, logs=None):
                raise ZeroDivisionError

        file = io.StringIO()
        bar = ProgbarLogger(Console(file=file, force_terminal=True))
        with pytest.raises(ZeroDivisionError):
            small_model().fit(X, Y, callbacks=[bar, Fails()], verbose=1)
        hide, show = "\x1b[?25l", "\x1b[?25h"  # the cursor, while there is a bar
        assert file.getvalue().count(hide) == file.getvalue().count(show) == 1

    @pytest.mark.parametrize(("verbose", "has_bar"), [(1, True), ("auto", True), (2, False)])
    def test_lines_alone_or_with_a_bar(self, verbose, has_bar):
        file = io.StringIO()
        bar = ProgbarLogger(Console(file=file, force_terminal=True, width=120))
        small_model().fit(X, Y, callbacks=[bar], verbose=verbose)
        assert ("\x1b[?25l" in file.getvalue()) is has_bar
        assert "Epoch 1/1 - loss: " in file.getvalue()

    def test_refuses_other_words(self):
        with pytest.raises(ValueError, match=r'^verbose should be 0, 1, 2 or "auto", got 3$'):
            small_model().fit(X, Y, verbose=3)

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0.5, "0.5000"),
            (-2.0, "-2.0000"),
            (0.0, "0.0000"),
            (0.00123, "0.0012"),
            (1e-3, "1.0000e-03"),
            (-3.18e-4, "-3.1800e-04"),
            (math.nan, "nan"),
            (math.inf, "inf"),
        ],
    )
    def test_small_numbers_keep_their_digits(self, value, text):
        assert epoch_line(0, 1, {"loss": value}) == f"Epoch 1/1 - loss: {text}"

    def test_an_evaluation_and_a_prediction_have_a_line_but_not_within_fit(self, capsys):
        callbacks = CallbackList(add_progbar=True, epochs=2, steps=3, verbose=2)
        for kind in ("test", "predict"):
            getattr(callbacks, f"on_{kind}_begin")()
            for batch in range(3):
                getattr(callbacks, f"on_{kind}_batch_begin")(batch)
                getattr(callbacks, f"on_{kind}_batch_end")(batch, {"loss": 1.0})
            getattr(callbacks, f"on_{kind}_end")({"loss": 0.5} if kind == "test" else None)
        assert capsys.readouterr().out == "3/3 - loss: 0.5000\n3/3\n"
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(0)
        callbacks.on_test_begin()
        callbacks.on_test_batch_end(0, {"loss": 2.0})
        callbacks.on_test_end({"loss": 0.5})
        assert capsys.readouterr().out == ""
        callbacks.on_epoch_end(0, {"loss": 1.0, "val_loss": 0.5})
        callbacks.on_train_end()
        assert capsys.readouterr().out == "Epoch 1/2 - loss: 1.0000 - val_loss: 0.5000\n"

    def test_of_an_unknown_number_of_steps(self):
        """As of a generator, in its first epoch."""
        file = io.StringIO()
        bar = ProgbarLogger(Console(file=file, force_terminal=True, width=120))
        callbacks = CallbackList(bar, epochs=1, steps=None, verbose=1)
        callbacks.on_train_begin()
        callbacks.on_epoch_begin(0)
        for batch in range(3):
            callbacks.on_train_batch_end(batch, {"loss": 1.0})
        callbacks.on_epoch_end(0, {"loss": 1.0})
        callbacks.on_train_end()
        assert "Epoch 1/1 - loss: 1.0000" in file.getvalue()
