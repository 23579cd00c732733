import csv

import numpy as np

from tinygrad_hw.nn import SGD, Dense, Sequential
from tinygrad_hw.nn.callbacks import CallbackList, CSVLogger

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = (X[:, 0] > 0).astype(np.uint8)


def small_model():
    model = Sequential([Dense(1, "sigmoid", input_shape=(1,))], seed=0)
    model.compile(SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
    return model


def written(path, epochs, **settings):
    callbacks = CallbackList(CSVLogger(path, **settings))
    callbacks.on_train_begin()
    for epoch, logs in enumerate(epochs):
        callbacks.on_epoch_end(epoch, logs)
    callbacks.on_train_end()
    return path.read_text("utf-8").splitlines()


def test_the_file_has_the_numbers_of_the_history(tmp_path):
    path = tmp_path / "log.csv"
    history = small_model().fit(
        X, Y, epochs=3, validation_split=0.25, callbacks=[CSVLogger(path)], verbose=0
    )
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    for name, values in history.history.items():
        assert [float(row[name]) for row in rows] == values


def test_columns_are_those_of_the_first_epoch(tmp_path):
    lines = written(tmp_path / "a.csv", [{"b": 1.5, "a": 2.0}, {"a": 3.0, "val_a": 4.0, "c": 5.0}])
    assert lines == ["epoch,a,b,val_a,val_b", "0,2.0,1.5,NA,NA", "1,3.0,NA,4.0,NA"]


def test_a_file_is_replaced_or_added_to(tmp_path):
    path, epochs = tmp_path / "a.csv", [{"loss": 1.0, "val_loss": 2.0}]
    lines = ["epoch;loss;val_loss", "0;1.0;2.0"]
    assert written(path, epochs, separator=";") == lines
    assert written(path, epochs, separator=";") == lines
    assert written(path, epochs, separator=";", append=True) == [*lines, lines[1]]
    assert written(tmp_path / "b.csv", epochs, separator=";", append=True) == lines


def test_an_array_is_one_cell(tmp_path):
    lines = written(tmp_path / "a.csv", [{"loss": np.array([1, 2])}])
    assert list(csv.reader(lines))[1] == ["0", '"[1, 2]"', "NA"]


def test_lines_are_there_while_training_runs_and_after_it_failed(tmp_path):
    path, seen = tmp_path / "a.csv", []
    logger = CSVLogger(path)
    callbacks = CallbackList(logger)
    callbacks.on_train_begin()
    for epoch in range(3):
        callbacks.on_epoch_end(epoch, {"loss": 1.0})
        seen.append(len(path.read_text().splitlines()))
    callbacks.on_train_end()
    assert seen == [2, 3, 4]
