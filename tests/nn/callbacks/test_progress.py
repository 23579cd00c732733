import io

import numpy as np
import pytest
from rich.console import Console

from tinygrad_hw.nn import SGD, Callback, Dense, Sequential
from tinygrad_hw.nn.callbacks import ProgbarLogger
from tinygrad_hw.nn.callbacks.progress import epoch_line

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = (X[:, 0] > 0).astype(np.uint8)


def small_model():
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))], seed=0)
    model.compile(SGD(0.0), "binary_crossentropy")
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
                raise KeyboardInterrupt

        file = io.StringIO()
        bar = ProgbarLogger(Console(file=file, force_terminal=True))
        with pytest.raises(KeyboardInterrupt):
            small_model().fit(X, Y, callbacks=[bar, Fails()], verbose=1)
        hide, show = "\x1b[?25l", "\x1b[?25h"  # the cursor, while there is a bar
        assert file.getvalue().count(hide) == file.getvalue().count(show) == 1
