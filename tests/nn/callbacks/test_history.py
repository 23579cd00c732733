import copy
import pickle
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from tinygrad_hw.nn import SGD, Dense, History, Sequential
from tinygrad_hw.nn.callbacks import CallbackList

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = (X[:, 0] > 0).astype(np.uint8)


def small_model():
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))], seed=0)
    model.compile(SGD(0.0), "binary_crossentropy", metrics=["accuracy"])
    return model


def recorded(epochs, history=None, first=0):
    history = history or History()
    callbacks = CallbackList(history)
    callbacks.on_train_begin()
    for i, logs in enumerate(epochs):
        callbacks.on_epoch_end(first + i, logs)
    return history


def test_is_what_fit_returns_and_the_models_own():
    model, mine = small_model(), History()
    returned = model.fit(X, Y, epochs=3, callbacks=[mine], verbose=0)
    assert returned is mine is model.history
    assert returned.epoch == [0, 1, 2]
    assert len(returned.history["loss"]) == 3
    assert returned.params == {"verbose": 0, "epochs": 3, "steps": 1}
    again = model.fit(X, Y, verbose=0)
    assert again is model.history
    assert again.epoch == [0]
    assert len(mine.history["loss"]) == 3


LOGS = [
    {"loss": 0.5, "accuracy": 0.75, "val_loss": 12.0},
    {"loss": 0.25, "accuracy": 1.0, "val_loss": 0.000123456},
]


class TestTable:
    def test_has_a_row_for_each_epoch(self):
        assert repr(recorded(LOGS)).splitlines() == [
            "epoch    loss  accuracy    val_loss",
            "    1  0.5000    0.7500     12.0000",
            "    2  0.2500    1.0000  1.2346e-04",
        ]

    def test_is_short(self):
        lines = repr(recorded([{"loss": float(i)} for i in range(300)])).splitlines()
        assert [line.split()[0] for line in lines] == ["epoch", *"123", "…", "298", "299", "300"]
        assert len({len(line) for line in lines}) == 1

    def test_of_epochs_without_validation(self):
        """As ``validation_freq=2`` leaves them."""
        history = recorded([{"loss": 1.0}, {"loss": 2.0, "val_loss": 3.0}])
        assert repr(history).splitlines()[1:] == [
            "    1  1.0000          ",
            "    2  2.0000    3.0000",
        ]

    def test_of_no_epochs(self):
        assert repr(History()) == "History of no epochs"
        assert History()._repr_html_() == "<p>History of no epochs</p>"

    def test_of_two_runs(self):
        history = recorded([{"loss": 1.0}] * 2, recorded([{"loss": 3.0}] * 3))
        assert [line.split()[0] for line in repr(history).splitlines()] == ["epoch", *"12345"]
        history = recorded([{"loss": 1.0}] * 2, recorded([{"loss": 3.0}] * 3), first=3)
        assert [line.split()[0] for line in repr(history).splitlines()] == ["epoch", *"12345"]
        assert history.epoch == [3, 4]

    def test_in_a_notebook_stands_beside_a_picture(self):
        open_before = pyplot.get_fignums()
        html = recorded([{"<loss>": 0.5, "val_<loss>": 1.0}])._repr_html_()
        assert "<th>&lt;loss&gt;</th>" in html
        assert "<td>0.5000</td><td>1.0000</td>" in html
        assert re.search('<img src="data:image/svg.xml;base64,[A-Za-z0-9+/=]+" alt=', html)
        assert pyplot.get_fignums() == open_before


class TestPlot:
    @pytest.fixture(autouse=True)
    def without_windows(self):
        backend = mpl.get_backend()
        pyplot.switch_backend("agg")
        yield
        pyplot.close("all")
        pyplot.switch_backend(backend)

    def lines(self, axes):
        return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}

    def test_draws_training_and_validation_of_each_metric(self):
        loss, accuracy = recorded(LOGS).plot()
        assert loss.figure is accuracy.figure
        assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
        assert loss.get_xlabel() == "epoch"
        assert self.lines(loss) == {
            "training": [[1, 0.5], [2, 0.25]],
            "validation": [[1, 12.0], [2, 0.000123456]],
        }
        assert self.lines(accuracy) == {"training": [[1, 0.75], [2, 1.0]]}

    def test_draws_validations_at_their_epochs(self):
        epochs = [{"loss": 1.0}, {"loss": 2.0, "val_loss": 3.0}]
        (axes,) = recorded(epochs).plot("loss")
        assert self.lines(axes)["validation"] == [[2, 3.0]]

    def test_draws_what_somebody_has_put_there(self):
        history = History()
        history.history = {"loss": [3.0, 2.0]}
        (axes,) = history.plot()
        assert self.lines(axes) == {"training": [[1, 3.0], [2, 2.0]]}

    def test_draws_into_given_axes(self):
        mine = Figure().subplots(1, 2)
        assert recorded(LOGS).plot(["accuracy", "loss"], axes=mine) == list(mine)
        assert mine[0].get_ylabel() == "accuracy"
        assert recorded(LOGS).plot("loss", axes=mine[0]) == [mine[0]]

    def test_says_what_it_cannot_draw(self):
        with pytest.raises(ValueError, match=r"^the history has no 'f1'; it has loss, accuracy$"):
            recorded(LOGS).plot("f1")
        with pytest.raises(ValueError, match=r"^got 1 axes for 2 metrics, loss, accuracy$"):
            recorded(LOGS).plot(axes=Figure().subplots())
        with pytest.raises(ValueError, match=r"^the history has no epochs to draw$"):
            History().plot()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_is_copied_and_pickled_with_all_that_it_has(duplicate):
    history = recorded([{"loss": 1.0}, {"loss": 2.0, "val_loss": 3.0}])
    assert repr(duplicate(history)) == repr(history)
    assert duplicate(history).history == history.history


def test_matplotlib_is_loaded_when_something_is_drawn():
    code = "import sys, tinygrad_hw.nn.callbacks; print('matplotlib' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
