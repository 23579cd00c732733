"""The homework's six trainings: the networks, how they are trained, and their outcomes.

The trainings of Questions 2, 2 B and 3 are independent. They run side by side, one process a core,
each with one BLAS thread: so a network's weights depend on its seed alone, not on the others.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from tinygrad_hw.data import Dataset
from tinygrad_hw.nn import (
    Adam,
    Callback,
    Dense,
    EarlyStopping,
    Flatten,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    RandomNormal,
    Rescaling,
    Sequential,
    confusion_matrix,
)
from tinygrad_hw.nn.callbacks import Logs
from tinygrad_hw.nn.initializers import Initializer
from tinygrad_hw.nn.models import LayerSummary
from tinygrad_hw.workers import cores, ctrl_c_blocked, end_with

HIDDEN, BATCH, RATE, PATIENCE, EXAMPLES = 128, 32, 0.001, 10, 10


@dataclass(frozen=True, slots=True)
class Experiment:
    """One training of the homework.

    ``classes`` is 2 or 10. With a ``patience`` training stops early and the best weights are
    restored; with None it runs for all the epochs and the last weights stay.
    """

    name: str
    classes: int
    initializer: Initializer
    epochs: int
    patience: int | None

    def model(self, image: tuple[int, int], seed: int) -> Sequential:
        """Build and compile the network."""
        binary = self.classes == 2
        units, activation = (1, "sigmoid") if binary else (10, "softmax")
        layers = [  # with names: numbers in names depend on what else a process has trained
            Rescaling(1 / 255, input_shape=image, name="rescaling"),
            Flatten(name="flatten"),
            Dense(HIDDEN, "relu", kernel_initializer=self.initializer, name="dense"),
            Dense(units, activation, name="dense_1"),
        ]
        model = Sequential(layers, seed=seed)
        loss = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
        model.compile(Adam(RATE), loss=loss, metrics=["accuracy"])
        return model


BINARY = Experiment("binary", 2, GlorotUniform(), epochs=20, patience=PATIENCE)
TEN = Experiment("ten", 10, GlorotUniform(), epochs=20, patience=PATIENCE)
INITIALIZERS = [
    Experiment("GlorotNormal", 2, GlorotNormal(seed=1), epochs=30, patience=None),
    Experiment("HeNormal", 2, HeNormal(seed=2), epochs=30, patience=None),
    Experiment("RandomNormal", 2, RandomNormal(stddev=0.1, seed=3), epochs=30, patience=None),
    Experiment("GlorotUniform", 2, GlorotUniform(seed=4), epochs=30, patience=None),
]
ALL = [TEN, *INITIALIZERS, BINARY]  # the longest first, so that no core idles at the end


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one training.

    Attributes
    ----------
    history
        The metrics of every epoch, by name, as in ``History.history``.
    best_epoch
        The epoch, counted from 1, whose weights the network has.
    batches
        The number of steps in an epoch.
    confusion
        Counts by true class (rows) and predicted class.
    examples
        Ten test images drawn at random: index in the test set, true class, predicted class and the
        probability of the predicted class.
    layers
        The rows of ``model.summary()``.
    weights
        The arrays of ``model.get_weights()``.
    seconds
        The time that training and evaluation took.
    """

    name: str
    history: dict[str, list[float]]
    epochs: int
    best_epoch: int
    batches: int
    parameters: int
    test_loss: float
    test_accuracy: float
    confusion: npt.NDArray[np.int64]
    examples: list[tuple[int, int, int, float]]
    layers: list[LayerSummary]
    weights: list[npt.NDArray[Any]]
    seconds: float


EpochListener = Callable[[str, int, int, Logs], Any]  # name, epochs done, epochs at most, metrics


def train(experiment: Experiment, data: Dataset, seed: int, listener: EpochListener) -> Outcome:
    """Train one network and evaluate it on the test set.

    ``data`` has two classes for a binary experiment (see ``Dataset.only``) and pixels of 0 to 255.
    """
    start = time.perf_counter()
    model = experiment.model(data.x_train.shape[1:], seed)
    stopping = EarlyStopping(
        "val_loss", patience=experiment.patience or 0, restore_best_weights=True
    )
    callbacks: list[Callback] = [_Reporter(experiment.name, listener)]
    if experiment.patience is not None:
        callbacks.append(stopping)
    history = model.fit(
        data.x_train,
        data.y_train,
        batch_size=BATCH,
        epochs=experiment.epochs,
        validation_split=0.2,
        callbacks=callbacks,
        verbose=0,
    ).history
    epochs = len(history["loss"])
    test = model.evaluate(data.x_test, data.y_test, verbose=0, return_dict=True)
    predicted = model.predict_classes(data.x_test)
    return Outcome(
        name=experiment.name,
        history=history,
        epochs=epochs,
        best_epoch=stopping.best_epoch + 1 if experiment.patience is not None else epochs,
        batches=callbacks[0].params["steps"],
        parameters=model.count_params(),
        test_loss=test["loss"],
        test_accuracy=test["accuracy"],
        confusion=confusion_matrix(data.y_test, predicted, experiment.classes),
        examples=_examples(model, data.x_test, data.y_test, predicted, seed),
        layers=model.summary_rows(),
        weights=model.get_weights(),
        seconds=time.perf_counter() - start,
    )


def _examples(
    model: Sequential, x: Any, true: Any, predicted: Any, seed: int
) -> list[tuple[int, int, int, float]]:
    chosen = np.random.default_rng(seed).choice(len(x), min(EXAMPLES, len(x)), replace=False)
    outputs = model.predict(x[chosen], verbose=0)
    if outputs.shape[1] == 1:
        outputs = np.hstack([1 - outputs, outputs])
    return [
        (int(i), int(true[i]), int(predicted[i]), float(row[predicted[i]]))
        for i, row in zip(chosen, outputs, strict=True)
    ]


class _Reporter(Callback):
    def __init__(self, name: str, listener: EpochListener) -> None:
        self.name = name
        self.listener = listener

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.listener(self.name, epoch + 1, self.params["epochs"], logs or {})


def train_all(
    experiments: list[Experiment],
    data: Dataset,
    digits: tuple[int, int],
    seed: int,
    listener: EpochListener,
) -> Iterator[Outcome]:
    """Train the experiments in several processes; yield each outcome as soon as it is there.

    ``listener`` is called in a thread of this process. When the caller stops, at Ctrl-C for
    instance, the trainings are terminated.
    """
    two = data.only(*digits)
    context = multiprocessing.get_context("spawn")
    events = context.SimpleQueue()
    thread = Thread(target=_forward_events, args=(events, listener), daemon=True)
    thread.start()
    others = set(multiprocessing.active_children())
    workers = min(cores(), len(experiments))
    pool = ProcessPoolExecutor(workers, context, _initialize_worker, (events, os.getpid()))
    try:
        with ctrl_c_blocked():  # the processes start here, and Ctrl-C is for this one alone
            futures = [
                pool.submit(_train, e, two if e.classes == 2 else data, seed) for e in experiments
            ]
        for future in as_completed(futures):
            yield future.result()
        events.put(None)
        thread.join()
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_events: Any = None  # in a worker: the queue on which its epochs are reported


def _initialize_worker(events: Any, parent: int) -> None:
    end_with(parent)
    threadpool_limits(1)  # the other cores are for the other workers
    global _events  # noqa: PLW0603 - a worker of a pool has no other place for an argument
    _events = events


def _train(experiment: Experiment, data: Dataset, seed: int) -> Outcome:
    return train(experiment, data, seed, lambda *event: _events.put(event))


def _forward_events(events: Any, listener: EpochListener) -> None:
    while (event := events.get()) is not None:
        listener(*event)
