import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn import SGD, Adam, Callback, Dense, Sequential
from tinygrad_hw.nn.callbacks import (
    BackupAndRestore,
    CallbackList,
    EarlyStopping,
    ModelCheckpoint,
    ReduceLROnPlateau,
)

NAN = math.nan


class Model:
    """A model that notes where it is saved."""

    stop_training = False

    def __init__(self):
        self.saved = []

    def save(self, filepath, overwrite=False):
        self.saved.append(("whole", filepath, overwrite))

    def save_weights(self, filepath, overwrite=False):
        self.saved.append(("weights", filepath, overwrite))


def saved(values, filepath="m.safetensors", name="val_loss", batches=0, callback=None, **settings):
    """Where the model is saved, of epochs with these metrics."""
    model = Model()
    callback = callback or ModelCheckpoint(filepath, **settings)
    callbacks = CallbackList(callback, model=model)
    callbacks.on_train_begin()
    for epoch, value in enumerate(values):
        callbacks.on_epoch_begin(epoch)
        for batch in range(batches):
            callbacks.on_train_batch_end(batch, {"loss": 0.5})
        callbacks.on_epoch_end(epoch, {"loss": 0.5, name: value})
    callbacks.on_train_end()
    assert all(overwrite for _, _, overwrite in model.saved)
    return [(kind, path) for kind, path, _ in model.saved]


def epochs_saved(values, **settings):
    places = saved(values, "{epoch}.safetensors", **settings)
    return [int(path.split(".")[0]) for _, path in places]


def test_saves_the_whole_model_or_its_weights_after_every_epoch():
    assert saved([1, 2]) == [("whole", "m.safetensors")] * 2
    assert saved([1, 2], save_weights_only=True) == [("weights", "m.safetensors")] * 2


@pytest.mark.parametrize(
    ("values", "settings", "wanted"),
    [
        ([5, 6, 4, 4, 3], {}, [1, 3, 5]),
        ([5, 6, 4, 7], {"mode": "max"}, [1, 2, 4]),
        ([5, 4, 3, 2], {"initial_value_threshold": 3.5}, [3, 4]),
        ([NAN, 5, NAN, 4], {}, [2, 4]),
    ],
)
def test_saves_the_best_alone(values, settings, wanted):
    assert epochs_saved(values, save_best_only=True, **settings) == wanted


def test_the_best_of_a_first_fit_is_the_best_of_a_second():
    callback = ModelCheckpoint("{epoch}.safetensors", save_best_only=True)
    assert len(saved([5, 2], callback=callback)) == 2
    assert saved([5, 2, 1], callback=callback) == [("whole", "3.safetensors")]


def test_the_name_tells_epoch_and_metrics():
    places = saved([0.12345, 2], "run/{epoch:02d}-{val_loss:.2f}.safetensors")
    assert [path for _, path in places] == ["run/01-0.12.safetensors", "run/02-2.00.safetensors"]


def test_saves_after_so_many_batches():
    places = saved([1, 1], "{epoch}-{batch}.safetensors", batches=5, save_freq=3)
    names = ["1-3", "2-1", "2-4"]  # batches 3, 6 and 9 of ten
    assert [path for _, path in places] == [f"{name}.safetensors" for name in names]


def test_says_what_it_does(capsys):
    saved([5, 6, 4], verbose=1, save_best_only=True)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_loss improved from None to 5.0, saved to m.safetensors",
        "Epoch 3: val_loss improved from 5.0 to 4.0, saved to m.safetensors",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("m.keras",), "filepath should end in \".safetensors\", got 'm.keras'"),
        (("m.safetensors", "loss", 0, False, False, "up"), 'mode should be "auto", "min" or "max"'),
        (
            ("m.safetensors", "loss", 0, False, False, "min", "batch"),
            'save_freq should be "epoch" or a number of batches, got batch',
        ),
    ],
)
def test_refuses_settings_that_mean_nothing(arguments, message):
    with pytest.raises(ValueError, match=message):
        ModelCheckpoint(*arguments)


def test_a_metric_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"'\{f1\}.safetensors' cannot be filled in; there are "):
        saved([1], "{f1}.safetensors")
    with pytest.raises(ValueError, match="ModelCheckpoint monitors 'val_acc', but an epoch has"):
        saved([1], monitor="val_acc", save_best_only=True)


def test_a_model_that_cannot_be_saved_is_refused_before_training():
    with pytest.raises(TypeError, match="ModelCheckpoint needs a model with a method save_weights"):
        CallbackList(ModelCheckpoint("m.safetensors", save_weights_only=True), model=object())


# --- BackupAndRestore -----------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)


def network(optimizer=Adam, hidden=5):
    model = Sequential([Dense(hidden, "tanh"), Dense(2, "softmax")], seed=0)
    model.compile(optimizer(0.05), "sparse_categorical_crossentropy")
    return model


class Breaks(Callback):
    """Raises in an epoch: after its second batch, or when it has ended."""

    def __init__(self, epoch, error=RuntimeError, at_the_end=False):
        self.epoch, self.error, self.at_the_end = epoch, error, at_the_end

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == 1 and not self.at_the_end:
            raise self.error

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch and self.at_the_end:
            raise self.error


def fitted(folder, *more, model=None, epochs=6, **settings):
    """Train with a backup; return the model. Callbacks that change the training are there, too."""
    model = model or network()
    slower = ReduceLROnPlateau("loss", patience=0, min_delta=10.0, factor=0.9)
    backup = [BackupAndRestore(folder, **settings)] if folder else []
    model.fit(X, Y, batch_size=8, epochs=epochs, callbacks=[slower, *backup, *more], verbose=0)
    return model


def broken(folder, epoch, **settings):
    """Train until something raises."""
    model = network()
    with pytest.raises(RuntimeError):
        fitted(folder, Breaks(epoch, **settings), model=model)
    return model


def assert_same_weights(model, other):
    for found, wanted in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else None


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_training_goes_on_where_it_was_broken_off(tmp_path, at_the_end):
    folder = tmp_path / "backup"
    broken(folder, 3, at_the_end=at_the_end)
    assert names(folder) == ["latest.safetensors"]
    model = fitted(folder)
    assert model.history.epoch == [3, 4, 5]
    assert names(folder) is None
    assert_same_weights(model, fitted(None))
    assert model.optimizer.learning_rate == fitted(None).optimizer.learning_rate


def test_it_goes_on_in_the_same_process_and_model(tmp_path):
    model = broken(tmp_path / "backup", 2)
    assert_same_weights(fitted(tmp_path / "backup", model=model), fitted(None))


def test_a_complete_training_leaves_nothing_but_others_files(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    model = fitted(tmp_path)
    assert names(tmp_path) == ["mine.txt"]
    assert_same_weights(model, fitted(None))
    stopped = fitted(tmp_path, EarlyStopping("loss", min_delta=10.0))
    assert len(stopped.history.epoch) == 2
    assert names(tmp_path) == ["mine.txt"]


def test_files_may_stay(tmp_path):
    fitted(tmp_path, delete_checkpoint=False)
    assert names(tmp_path) == ["latest.safetensors"]
    model = fitted(tmp_path, delete_checkpoint=False, epochs=8)
    assert model.history.epoch == [6, 7]
    assert_same_weights(model, fitted(None, epochs=8))
    assert_same_weights(fitted(tmp_path, epochs=8), model)
    assert names(tmp_path) is None


def test_a_second_fit_of_the_same_model_begins_at_its_first_epoch(tmp_path):
    broken(tmp_path / "backup", 3)
    model = fitted(tmp_path / "backup")
    assert fitted(None, model=model).history.epoch == [0, 1, 2, 3, 4, 5]


def test_with_two_files_a_damaged_one_costs_an_epoch(tmp_path):
    broken(tmp_path, 3)
    content = (tmp_path / "latest.safetensors").read_bytes()
    (tmp_path / "latest.safetensors").write_bytes(content[:-5])
    with pytest.raises(InputError, match=r"latest.safetensors is no safetensors file, or a part"):
        fitted(tmp_path)
    os.remove(tmp_path / "latest.safetensors")
    with pytest.raises(RuntimeError):
        fitted(tmp_path, Breaks(3), double_checkpoint=True)
    assert names(tmp_path) == ["latest.safetensors", "previous.safetensors"]
    (tmp_path / "latest.safetensors").write_bytes(b"")
    model = fitted(tmp_path, double_checkpoint=True)
    assert model.history.epoch == [2, 3, 4, 5]
    assert_same_weights(model, fitted(None))
    assert names(tmp_path) is None


def test_another_models_training_is_not_gone_on_with(tmp_path):
    broken(tmp_path, 3)
    for other, message in (
        (network(hidden=6), r"has weight 0.kernel of shape \(4, 5\) \(of 4\), the model weight 0"),
        (network(optimizer=SGD), "is of a model with another optimizer; compile it as it was"),
    ):
        before = other.predict(X)
        with pytest.raises(InputError, match=message):
            fitted(tmp_path, model=other)
        np.testing.assert_array_equal(other.predict(X), before)


def test_a_training_that_stopped_early_goes_on_as_if_it_had_not_been_broken_off(tmp_path):
    """Whatever the order of the callbacks: the best weights of earlier epochs are there, too."""

    def stopping():
        return EarlyStopping("loss", patience=2, min_delta=0.05, restore_best_weights=True)

    wanted = fitted(None, stopping(), epochs=40)
    epochs = len(wanted.history.epoch)
    assert 6 < epochs < 40
    for epoch in (2, epochs - 3, epochs - 2, epochs - 1):
        folder = tmp_path / str(epoch)
        with pytest.raises(RuntimeError):
            fitted(folder, stopping(), Breaks(epoch), epochs=40)
        model = fitted(folder, stopping(), epochs=40)
        assert_same_weights(model, wanted)
        assert model.history.epoch == list(range(epoch, epochs))
        assert names(folder) is None


def test_a_training_that_was_killed_after_it_had_stopped_does_not_go_on(tmp_path):
    stopping = EarlyStopping("loss", patience=1, min_delta=10.0, restore_best_weights=True)
    wanted = fitted(tmp_path, stopping, delete_checkpoint=False)
    assert len(wanted.history.epoch) == 2
    again = EarlyStopping("loss", patience=1, min_delta=10.0, restore_best_weights=True)
    model = fitted(tmp_path, again)
    assert model.history.epoch == []
    assert again.best_epoch == stopping.best_epoch == 0
    assert_same_weights(model, wanted)
    assert names(tmp_path) is None


def test_a_training_with_other_callbacks_is_not_gone_on_with(tmp_path):
    broken(tmp_path, 3)
    with pytest.raises(InputError, match=r"of a training with the callbacks ReduceLROnPlateau; gi"):
        fitted(tmp_path, EarlyStopping("loss"))


def test_weights_alone_are_no_training_to_go_on_with(tmp_path):
    model = fitted(None)
    model.save_weights(tmp_path / "latest.safetensors")
    with pytest.raises(InputError, match=r"holds no training to go on with; delete it, or give an"):
        fitted(tmp_path)


def test_refuses_what_is_not_there():
    with pytest.raises(ValueError, match='save_freq should be "epoch", got 5: a training is saved'):
        BackupAndRestore("backup", save_freq=5)
    with pytest.raises(ValueError, match="backup_dir is empty; give the name of a folder"):
        BackupAndRestore("")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked, then killed")
def test_killed_fifty_times_a_training_ends_with_the_same_weights(tmp_path):
    script = Path(__file__).with_name("killed_trainings.py")
    found = subprocess.run(
        [sys.executable, script, tmp_path, "50"],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    killed, resumed, done, right, *rest = found.stdout.split(maxsplit=4)
    assert killed == "50"
    assert int(resumed) > 25  # of the starts found a training to go on with
    assert done == right != "0"
    assert rest == ["['result']\n"]
