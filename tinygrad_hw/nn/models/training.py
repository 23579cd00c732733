"""Training, evaluation and prediction: Keras's fit, evaluate, predict, and those of one batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.nn.callbacks import Callback, CallbackList, History, Logs
from tinygrad_hw.nn.models.batches import (
    Arrays,
    Passes,
    Stream,
    examples_in,
    is_stream,
    parts_of,
    rows_of,
)
from tinygrad_hw.nn.models.computing import Computing
from tinygrad_hw.nn.models.objective import Means
from tinygrad_hw.nn.models.parallel import evaluation_rows, in_chunks, thread_limit

BATCH_SIZE = 32


class Trainer(Computing):
    """The methods of a model that go through data. They are Keras's."""

    history: History  # of the last fit

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: npt.ArrayLike | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train the model.

        Ctrl-C ends the training as ``stop_training`` does: callbacks end, and the History is
        returned. In Keras the interrupt is raised.

        Parameters
        ----------
        x, y
            Examples ``(n, *input_shape)`` and their targets; or, as x alone, a generator or another
            iterable of batches ``(x, y)`` or ``(x, y, sample_weight)``.
        batch_size
            Examples per step, 32 by default; the last batch of an epoch may be smaller.
        epochs, initial_epoch
            Train until ``epochs`` have been reached, counting from ``initial_epoch``.
        verbose
            0 prints nothing; 1 draws a bar and prints a line for each epoch; 2 prints the lines
            alone; "auto" is 1.
        validation_split
            Fraction of the examples, taken from the end before shuffling, that is evaluated after
            every epoch and not trained on.
        validation_data
            ``(x, y)``, ``(x, y, sample_weight)`` or an iterable of batches to evaluate instead.
        shuffle
            Whether the examples come in another order in every epoch.
        class_weight, sample_weight
            Factors of the losses of each class, or of each example.
        steps_per_epoch, validation_steps
            Batches of an epoch, and of an evaluation; None is all.
        validation_batch_size, validation_freq
            Examples of a batch of an evaluation; evaluate after every so many epochs, or after the
            epochs in a list, counted from 1.

        Returns
        -------
        History
            ``history`` has lists "loss", "val_loss", and of every metric. The training metrics are
            means over an epoch's examples, taken while the weights change.
        """
        self.require_compiled()
        size = BATCH_SIZE if batch_size is None else batch_size
        if not is_stream(x):
            x = self.standardized(x)
            n = examples_in(x)
            kept = math.floor(n * (1 - validation_split))
            if size < 1 or epochs < 0:
                raise ValueError(
                    f"fit got batch_size={batch_size}, epochs={epochs}; a batch has at least one "
                    "example, and epochs are counted from 0"
                )
            if kept < 1 or validation_split < 0:
                raise ValueError(
                    f"fit got {n} examples, validation_split={validation_split}: nothing is left "
                    "to train on"
                )
            x, y, weights = self.converted(x, y, sample_weight, class_weight)
            if kept < n and validation_data is None:
                whole = x, y, weights
                validation_data = tuple(
                    [None if a is None else rows_of(a, slice(kept, None)) for a in whole]
                )
                x, y, weights = [None if a is None else rows_of(a, slice(kept)) for a in whole]
            order = self.order_generator.permutation if shuffle else None
            passes = Passes(Arrays(x, y, weights, size, order), steps_per_epoch)
        else:
            for name, given in (("y", y), ("sample_weight", sample_weight)):
                if given is not None:
                    raise ValueError(f"fit got {name} beside batches; batches have it in them")
            if validation_split:
                raise ValueError("validation_split needs arrays; give validation_data")
            convert = self.converter(class_weight)
            passes = Passes(Stream(x, convert), steps_per_epoch)
        params: dict[str, Any] = {"verbose": verbose, "epochs": epochs, "steps": passes.steps}
        if validation_data is not None and validation_freq != 1:
            params["validation_freq"] = validation_freq
        observers = CallbackList(callbacks, True, verbose != 0, self, **params)
        self.stop_training = False

        def evaluate() -> Logs:
            x, y, weights = parts_of(validation_data)
            size = validation_batch_size or batch_size
            found = self._evaluate(x, y, weights, size, validation_steps, observers)
            return {f"val_{name}": value for name, value in found.items()}

        with thread_limit(size, self.flat_layers()):
            self._fit(
                passes,
                observers,
                range(initial_epoch, epochs),
                evaluate if validation_data is not None else None,
                validation_freq,
            )
        return self.history

    def _fit(
        self,
        passes: Passes,
        observers: CallbackList,
        epochs: range,
        evaluate: Callable[[], Logs] | None,
        frequency: int | Sequence[int],
    ) -> None:
        """Train for some epochs; tell the callbacks that training ends, however it does."""
        logs: Logs = {}
        try:
            self._initial_epoch = epochs.start  # BackupAndRestore sets it
            observers.on_train_begin()
            for epoch in range(self._initial_epoch, epochs.stop):
                observers.on_epoch_begin(epoch)
                means = self._train_epoch(passes, observers)
                if means is None:
                    break
                logs = means.logs()
                number = epoch + 1
                is_due = (
                    number % frequency == 0 if isinstance(frequency, int) else number in frequency
                )
                if evaluate is not None and is_due:
                    logs.update(evaluate())
                observers.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            self.optimizer.finalize_variable_values(self.flat.values)
        except KeyboardInterrupt:
            self.stop_training = True
        finally:
            observers.on_train_end(logs)

    def _train_epoch(self, passes: Passes, observers: CallbackList) -> Means | None:
        """Train on one pass; return None if there was nothing."""
        means, step = None, 0
        for step, (x, y, weights) in enumerate(passes.next()):
            if means is None:
                means = Means(self.objective)
            if observers.needs_batches:
                observers.on_train_batch_begin(step)
            results = self.train_step(x, y, weights)
            means.add(results, examples_in(x), y, weights)
            if observers.needs_batches:
                observers.on_train_batch_end(step, means.logs())
                if self.stop_training:
                    break
        return means

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: npt.ArrayLike | None = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the mean loss over examples, without training.

        Parameters
        ----------
        x, y, sample_weight
            As those of ``fit``.
        batch_size
            Examples of a batch. Keras has 32 by default; here it is what is fast, where the result
            does not depend on it.
        steps
            Number of batches; None is all.
        return_dict
            Whether to return a dict.

        Returns
        -------
        The loss, a number; with metrics a list [loss, metric, ...], or a dict.
        """
        self.require_compiled()
        observers = self._observers(callbacks, verbose, x, batch_size, steps)
        logs = self._evaluate(x, y, sample_weight, batch_size, steps, observers)
        return self._returned(logs, return_dict)

    def _observers(
        self, callbacks: Any, verbose: int | str, x: Any, batch_size: int | None, steps: int | None
    ) -> CallbackList:
        """Return the callbacks of an evaluation or a prediction, told the number of its batches."""
        if steps is None and not is_stream(x):
            steps = math.ceil(examples_in(self.standardized(x)) / (batch_size or BATCH_SIZE))
        params = {"verbose": verbose, "epochs": 1, "steps": steps}
        return CallbackList(callbacks, False, verbose != 0, self, **params)

    def _returned(self, logs: Logs, return_dict: bool) -> Any:
        values = list(logs.values())
        return logs if return_dict else values if len(values) > 1 else values[0]

    def _evaluate(
        self,
        x: Any,
        y: Any,
        weights: Any,
        batch_size: int | None,
        steps: int | None,
        observers: CallbackList,
    ) -> Logs:
        """Return the means of the loss and the metrics."""
        watched = observers.watches("test")
        is_free = self.objective.is_of_any_batch and not (watched or steps)
        fast = evaluation_rows(self.flat_layers())
        size = batch_size or (fast if is_free else BATCH_SIZE)
        if is_stream(x):
            batches: Any = Stream(x, self.converter(None))
        else:
            x, y, weights = self.converted(x, y, weights)
            batches = Arrays(x, y, weights, size)
        observers.on_test_begin()
        means = Means(self.objective)
        if isinstance(batches, Arrays) and steps is None and not watched and weights is None:
            found = in_chunks(self.captured_evaluation, self.flat_layers(), size, x, y)
            for results, (_, targets, _) in zip(found, batches, strict=True):
                means.add(results, len(targets), targets)
        else:
            for step, batch in enumerate(islice(batches, steps)):
                observers.on_test_batch_begin(step)
                means.add(self.test_step(*batch), examples_in(batch[0]), *batch[1:])
                observers.on_test_batch_end(step, means.logs())
        if not means.examples:
            raise ValueError("evaluate got no examples: there is no mean over none")
        logs = means.logs()
        observers.on_test_end(logs)
        return logs

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> npt.NDArray[Any]:
        """Return outputs of shape ``(n, ...)`` for inputs of shape ``(n, *input_shape)``.

        Parameters
        ----------
        x
            Inputs, or a generator or another iterable of batches of them.
        batch_size, steps
            As those of ``evaluate``.
        """
        observers = self._observers(callbacks, verbose, x, batch_size, steps)
        watched = observers.watches("predict")
        observers.on_predict_begin()
        if is_stream(x):
            batches: Any = Stream(x, lambda x, *_: (self.standardized(x), None, None))
        else:
            x = self.standardized(x)
            fast = evaluation_rows(self.flat_layers())
            size = batch_size or (BATCH_SIZE if watched or steps else fast)
            batches = Arrays(x, None, None, size)
        self.sync()
        if isinstance(batches, Arrays) and steps is None and not watched:
            outputs = in_chunks(self.captured_outputs, self.flat_layers(), size, x)
        else:
            outputs = []
            for step, (x, _, _) in enumerate(islice(batches, steps)):
                observers.on_predict_batch_begin(step)
                outputs.append(self.captured_outputs(x))
                observers.on_predict_batch_end(step)
        observers.on_predict_end()
        if not outputs:
            return np.empty([0, *[n or 0 for n in self.output_shape[1:]]], self.dtype)
        return np.concatenate(outputs)

    def predict_classes(self, x: Any) -> npt.NDArray[np.intp]:
        """Return the predicted class of each example, shape (n,), or of each label, shape (n, k).

        Of one output, and of several that end with a sigmoid, a class is 1 where the output is
        above a half; of other outputs it is the number of the largest.
        """
        outputs = self.predict(x, verbose=0)
        if outputs.ndim > 1 and outputs.shape[-1] == 1:
            outputs = outputs[..., 0]
        elif self.last_activation() != "sigmoid":
            return np.asarray(outputs.argmax(axis=-1), np.intp)
        return np.asarray(outputs > 0.5, np.intp)

    # --- One batch --------------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: npt.ArrayLike | None = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Train on one batch; return the loss and metrics from before the step, as ``evaluate``."""
        self.require_compiled()
        x, y, weights = self.converted(self.standardized(x), y, sample_weight, class_weight)
        return self._of_batch(self.train_step(x, y, weights), x, y, weights, return_dict)

    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: npt.ArrayLike | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and metrics of one batch, as ``evaluate`` does."""
        self.require_compiled()
        x, y, weights = self.converted(self.standardized(x), y, sample_weight)
        return self._of_batch(self.test_step(x, y, weights), x, y, weights, return_dict)

    def predict_on_batch(self, x: Any) -> npt.NDArray[Any]:
        """Return the outputs of one batch."""
        x = self.standardized(x)
        self.sync()
        outputs: npt.NDArray[Any] = self.captured_outputs(x)
        return outputs

    def _of_batch(self, results: Any, x: Any, y: Any, weights: Any, return_dict: bool) -> Any:
        means = Means(self.objective)
        means.add(results, examples_in(x), y, weights)
        return self._returned(means.logs(), return_dict)
