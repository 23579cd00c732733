import dataclasses
from typing import Any

import numpy as np
import pytest

from tinygrad_hw.data import Dataset, load
from tinygrad_hw.homework.experiments import (
    ALL,
    BINARY,
    INITIALIZERS,
    TEN,
    Experiment,
    train,
    train_all,
)


@pytest.fixture(scope="module")
def small() -> Dataset:
    """Every fiftieth image of the shipped set."""
    whole = load()
    return Dataset(whole.x_train[::50], whole.y_train[::50], whole.x_test[::50], whole.y_test[::50])


def short(experiment: Experiment, epochs: int = 3) -> Experiment:
    return dataclasses.replace(experiment, epochs=epochs)


def test_the_networks_are_the_homeworks() -> None:
    sizes = {e.name: e.model((28, 28), seed=0).count_params() for e in ALL}
    assert sizes == {"ten": 101_770, "binary": 100_609} | {e.name: 100_609 for e in INITIALIZERS}
    assert [(e.name, repr(e.initializer)) for e in INITIALIZERS] == [
        ("GlorotNormal", "GlorotNormal(seed=1)"),
        ("HeNormal", "HeNormal(seed=2)"),
        ("RandomNormal", "RandomNormal(mean=0.0, stddev=0.1, seed=3)"),
        ("GlorotUniform", "GlorotUniform(seed=4)"),
    ]
    assert [(e.epochs, e.patience) for e in (BINARY, TEN, INITIALIZERS[0])] == [
        (20, 10),
        (20, 10),
        (30, None),
    ]


def test_an_outcome_adds_up(small: Dataset) -> None:
    heard: list[tuple[Any, ...]] = []
    outcome = train(short(TEN), small, seed=1, listener=lambda *event: heard.append(event))
    tested = len(small.x_test)
    assert outcome.confusion.shape == (10, 10)
    assert outcome.confusion.sum() == tested
    assert np.trace(outcome.confusion) / tested == pytest.approx(outcome.test_accuracy)
    assert outcome.test_accuracy > 0.5  # it has learnt something: chance is 0.1
    assert (outcome.epochs, outcome.batches) == (3, 30)  # 960 of 1,200 images, 32 at a time
    assert outcome.best_epoch == 1 + int(np.argmin(outcome.history["val_loss"]))
    assert [(name, done, total) for name, done, total, _ in heard] == [
        ("ten", i, 3) for i in (1, 2, 3)
    ]
    assert len(outcome.examples) == 10
    for index, true, predicted, probability in outcome.examples:
        assert small.y_test[index] == true
        assert 0.1 <= probability <= 1
        assert 0 <= predicted < 10


def test_training_side_by_side_changes_nothing(small: Dataset) -> None:
    experiments = [short(BINARY), short(TEN), short(INITIALIZERS[2])]
    heard: list[str] = []
    together = {
        o.name: o for o in train_all(experiments, small, (3, 6), 5, lambda *e: heard.append(e[0]))
    }
    two = small.only(3, 6)
    for experiment in experiments:
        alone = train(experiment, two if experiment.classes == 2 else small, 5, lambda *_: None)
        beside = together[experiment.name]
        assert alone.history == beside.history  # to the last bit
        assert alone.test_loss == beside.test_loss
        assert heard.count(experiment.name) == 3
