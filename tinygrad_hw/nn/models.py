"""Sequential: a model of layers, with Keras's interface, trained by this package's engine."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from tinygrad_hw.engine import Value, no_grad
from tinygrad_hw.engine.core.data import as_array, refuse_other_rules
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.micrograd import Module
from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.nn.callbacks import Callback, CallbackList, History, Logs
from tinygrad_hw.nn.flat_parameters import FlatParameters
from tinygrad_hw.nn.layers import Dense, Flatten, Layer, LayerSummary, Rescaling, unique_names
from tinygrad_hw.nn.losses import LOSSES, Loss
from tinygrad_hw.nn.metrics import RunningMeans
from tinygrad_hw.nn.optimizers import SGD, Adam
from tinygrad_hw.program import Captured, capture

Images = npt.NDArray[Any]

EVALUATION_ROWS = 500  # of a chunk: enough for fast products, few enough to stay in the cache
THREADED_MULTIPLICATIONS = 20_000_000
"""Number of multiplications from which a matrix product is faster on two threads than on one.

The curves of benchmarks/ by batch size and by width cross between 13 and 26 million.
"""


class Sequential(Module):
    """Model of layers; the output of each is the input of the next.

    Parameters
    ----------
    layers
        The first needs an ``input_shape``.
    seed
        Seed of the initial weights and of the order of the examples. The same seed gives the same
        weights, bit for bit, on the same machine; None draws a random one.
    """

    _loss: Loss  # set by compile()
    history: History  # of the last fit

    def __init__(self, layers: Iterable[Layer], seed: int | None = None) -> None:
        self.layers = list(layers)
        if not self.layers or self.layers[0].input_shape is None:
            raise ValueError("the first layer needs input_shape=, the shape of one example")
        for_weights, for_order = np.random.SeedSequence(seed).spawn(2)
        self._order = np.random.default_rng(for_order)
        self.stop_training = False
        self.input_shape = tuple(self.layers[0].input_shape)
        self.output_shapes: list[tuple[int, ...]] = []
        generator = np.random.default_rng(for_weights)
        shape = self.input_shape
        self._reset_programs(None)
        for name, layer in zip(unique_names(self.layers), self.layers, strict=True):
            if layer.parameters:
                raise ValueError(f"{layer.name} is in a model already; make a new layer")
            layer.name = name
            shape = layer.build(shape, generator)
            self.output_shapes.append(shape)
        self.flat = FlatParameters(p for layer in self.layers for p in layer.parameters)

    def compile(
        self,
        optimizer: Adam | SGD,
        loss: str,
        metrics: str | Sequence[str] = ("accuracy",),
        jit_compile: bool | str = "auto",
    ) -> None:
        """Set the loss to minimize and the optimizer.

        Parameters
        ----------
        optimizer
            Adam() or SGD().
        loss
            A name of LOSSES.
        metrics
            "accuracy", or an empty list.
        jit_compile
            True compiles with numba, which must be installed; "auto" does so if it is installed.

        Raises
        ------
        ValueError
            For an unknown loss or metric, or a last activation that does not go with the loss.
        """
        if loss not in LOSSES:
            raise ValueError(f"unknown loss {loss!r}; known are {', '.join(LOSSES)}")
        metrics = [metrics] if isinstance(metrics, str) else metrics
        if unknown := set(metrics) - {"accuracy"}:
            raise ValueError(f"unknown metric {sorted(unknown)[0]!r}; known is accuracy")
        wanted, last = LOSSES[loss].activation, self.layers[-1].activation
        if last != wanted:
            raise ValueError(f"{loss} goes with a last activation of {wanted!r}, not {last!r}")
        if not isinstance(optimizer, Adam | SGD):
            raise ValueError(f"optimizer should be Adam() or SGD(), got {optimizer!r}")
        if isinstance(jit_compile, str) and jit_compile != "auto":
            raise ValueError(f'jit_compile should be True, False or "auto", got {jit_compile!r}')
        self._loss = LOSSES[loss]
        self._metrics = tuple(metrics)
        self.optimizer = optimizer
        optimizer.reset()
        optimizer.build(self.flat.values)
        self._reset_programs(None if isinstance(jit_compile, str) else jit_compile)

    def _reset_programs(self, jit: bool | None) -> None:
        """Capture the model's functions anew; ours read nothing but Values and the settings."""
        self._jit = jit
        self._captured_settings = self._settings()
        parts = (self, *self.layers, getattr(self, "optimizer", None))
        is_pure = all([type(part) in _OURS for part in parts])
        captured = functools.partial(capture, jit=jit, pure=is_pure)
        self._captured_outputs = captured(self._batch_outputs)
        self._captured_logits = captured(self._batch_logits)
        self._captured_train_step = captured(self._train_on_batch)
        self._captured_evaluation = captured(self._evaluate_batch)

    def _settings(self) -> list[Any]:
        """Return the settings that captured programs depend on, besides the parameters."""
        layers = [(x, x.activation, getattr(x, "scale", None)) for x in self.layers]
        return [layers, getattr(self, "optimizer", None), getattr(self, "_loss", None)]

    def _sync(self) -> None:
        """Keep parameters in the model's dtype; drop programs if a setting has changed."""
        if not self.flat.is_whole():  # parameters were given new data
            for p in self.flat.values:
                if p.dtype != self.flat.data.dtype:
                    p.data = np.asarray(p.raw, self.flat.data.dtype)
        if self._captured_settings != self._settings():
            self._reset_programs(self._jit)

    # --- Computing --------------------------------------------------------------------------------

    def logits(self, x: Any) -> Any:
        """Return the logits of a batch: the layers' outputs without the last activation."""
        *inner, last = self.layers
        for layer in inner:
            x = ACTIVATIONS[layer.activation](layer(x))
        return last(x)

    def __call__(self, x: Any) -> Any:
        """Return the outputs of a batch as a recorded Value; ``predict`` returns a plain array."""
        return ACTIVATIONS[self.layers[-1].activation](self.logits(x))

    def predict(self, x: npt.ArrayLike) -> Images:
        """Return outputs of shape ``(n, units)`` for inputs of shape ``(n, *input_shape)``."""
        self._sync()
        outputs = self._in_chunks(self._captured_outputs, self._inputs(x))
        empty = np.empty((0, *self.output_shapes[-1]), np.float32)
        return np.concatenate(outputs) if outputs else empty

    def predict_classes(self, x: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Return the predicted class of each example, shape (n,)."""
        classes = self._compiled().classes
        self._sync()
        parts = [
            classes(logits) for logits in self._in_chunks(self._captured_logits, self._inputs(x))
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.intp)

    def evaluate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Logs:
        """Return mean loss and metrics over examples, without training."""
        inputs, targets = self._inputs(x), self._targets(x, y)
        if not len(inputs):
            raise ValueError("evaluate got no examples: there is no mean over none")
        self._sync()
        totals = RunningMeans(self._metrics)
        parts = self._in_chunks(self._captured_evaluation, inputs, targets)
        for i, (loss, correct) in enumerate(parts):
            examples = min(EVALUATION_ROWS, len(inputs) - i * EVALUATION_ROWS)
            totals.add(float(loss), correct, examples)
        return totals.means()

    def _in_chunks(self, captured: Captured, *arrays: npt.NDArray[Any]) -> list[Any]:
        """Return the results of a captured function, called with a chunk of rows at a time.

        Where BLAS would use several threads for a product, several chunks are computed in parallel
        instead, each on one thread: no thread waits for another, and elementwise work is parallel,
        too.
        """
        rows = len(arrays[0])
        starts = range(0, rows, EVALUATION_ROWS)
        calls = [tuple([x[i : i + EVALUATION_ROWS] for x in arrays]) for i in starts]
        whole = rows // EVALUATION_ROWS  # the last call may have fewer rows
        with self._thread_limit(min(rows, EVALUATION_ROWS)):
            threads = max([blas["num_threads"] for blas in _blas().info()], default=1)
            if not 1 < threads <= whole:
                return [captured(*arguments) for arguments in calls]
            with _blas().limit(limits=1):
                results = captured.map_threads(calls[:whole], threads)
                return results + [captured(*arguments) for arguments in calls[whole:]]

    def _compiled(self) -> Loss:
        """Return the loss; raise ValueError if the model has not been compiled."""
        if not hasattr(self, "_loss"):
            raise ValueError("compile(optimizer, loss) the model first")
        return self._loss

    def _count_correct(self, logits: Any, targets: Any) -> Any:
        return np.count_nonzero(self._loss.classes(logits) == targets.reshape(-1))

    # --- Training ---------------------------------------------------------------------------------

    def train_step(self, x: Images, targets: npt.NDArray[Any]) -> tuple[float, Images, int]:
        """Train on a batch; return its loss, logits and number of correct predictions before it."""
        self._sync()
        loss, logits, correct = self._captured_train_step(x, targets)
        return float(loss), logits, correct

    def _train_on_batch(self, x: Any, targets: Any) -> Any:
        self.zero_grad()
        logits = self.logits(_as_leaf(x))
        loss = self._loss.of_logits(logits, targets)
        logits.label, loss.label = "logits", "loss"
        loss.backward()
        self.optimizer.apply(self.flat.values)
        return loss.raw, logits.raw, self._count_correct(logits.raw, targets)

    def _batch_outputs(self, x: Any) -> Any:
        return _without_recording(self, x)

    def _batch_logits(self, x: Any) -> Any:
        return _without_recording(self.logits, x)

    def _evaluate_batch(self, x: Any, targets: Any) -> Any:
        logits = _without_recording(self.logits, x)
        return self._loss.of_logits(logits, targets), self._count_correct(logits, targets)

    def fit(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        batch_size: int = 32,
        epochs: int = 1,
        validation_split: float = 0.0,
        callbacks: Sequence[Callback] | Callback | None = None,
        verbose: int | str = "auto",
    ) -> History:
        """Train the model, as Keras does.

        Parameters
        ----------
        x, y
            Examples ``(n, *input_shape)`` and their classes (n,).
        batch_size
            Examples per step; the last batch of an epoch may be smaller.
        validation_split
            Fraction of the examples, taken from the end before shuffling, that is evaluated after
            every epoch and not trained on.
        verbose
            0 prints nothing; 1 draws a bar and prints a line for each epoch; 2 prints the lines
            alone; "auto" is 1 in a terminal and 2 elsewhere.

        Returns
        -------
        History
            ``history`` has lists "loss", "accuracy", "val_loss", "val_accuracy". The training
            metrics are means over an epoch's examples, taken while the weights change.
        """
        inputs, targets = self._inputs(x), self._targets(x, y)
        n_train = math.floor(len(inputs) * (1 - validation_split))
        if n_train < 1 or validation_split < 0 or batch_size < 1 or epochs < 0:
            raise ValueError(
                f"fit got {len(inputs)} examples, validation_split={validation_split}, "
                f"batch_size={batch_size}, epochs={epochs}: nothing is left to train on"
            )
        batches = math.ceil(n_train / batch_size)
        params = {"verbose": verbose, "epochs": epochs, "steps": batches}
        observers = CallbackList(callbacks, True, verbose != 0, self, **params)
        batch = np.empty((min(batch_size, n_train), *self.input_shape), inputs.dtype)
        self.stop_training = False
        self._sync()
        logs: Logs = {}
        with self._thread_limit(batch_size):
            try:
                observers.on_train_begin()
                for epoch in range(epochs):
                    observers.on_epoch_begin(epoch)
                    totals = RunningMeans(self._metrics)
                    order = self._order.permutation(n_train)
                    for step in range(batches):
                        if observers.needs_batches:
                            observers.on_train_batch_begin(step)
                        rows = order[step * batch_size : (step + 1) * batch_size]
                        x = np.take(inputs, rows, axis=0, out=batch[: len(rows)], mode="clip")
                        loss, _, correct = self.train_step(x, targets[rows])
                        totals.add(loss, correct, len(rows))
                        if observers.needs_batches:
                            observers.on_train_batch_end(step, totals.means())
                            if self.stop_training:
                                break
                    logs = totals.means()
                    if n_train < len(inputs):
                        held_out = self.evaluate(inputs[n_train:], targets[n_train:])
                        logs.update({f"val_{name}": value for name, value in held_out.items()})
                    observers.on_epoch_end(epoch, logs)
                    if self.stop_training:
                        break
            finally:
                observers.on_train_end(logs)
        return self.history

    def _thread_limit(self, rows: int) -> Any:
        """Return a context that limits BLAS to one thread, if batches of ``rows`` rows are small.

        For the products of a batch of 32, a second thread gains little, and costs much when another
        process needs that core.
        """
        widest = max([p.size for p in self.flat.values if p.ndim > 1], default=0)
        limit = 1 if rows * widest < THREADED_MULTIPLICATIONS else None
        return _blas().limit(limits=limit)

    def _inputs(self, x: npt.ArrayLike) -> Images:
        inputs = as_array(x)
        if inputs.shape[1:] != self.input_shape:
            raise ValueError(
                f"expected examples of shape (n, {', '.join(map(str, self.input_shape))}), "
                f"got {inputs.shape}"
            )
        if isinstance(self.layers[0], Rescaling) and inputs.dtype.kind in "iu":
            return inputs
        return inputs.astype(np.float32, copy=False)

    def _targets(self, x: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[Any]:
        loss = self._compiled()
        if np.shape(x)[:1] != np.shape(y)[:1]:
            raise ValueError(f"got {np.shape(x)[0]} examples but labels of shape {np.shape(y)}")
        return loss.targets(y)

    # --- Weights ----------------------------------------------------------------------------------

    def parameters(self) -> list[Value]:
        """Return kernel and bias of every layer, in order."""
        return self.flat.values

    def count_params(self) -> int:
        """Return the number of parameters, counted by element."""
        return sum(value.size for value in self.flat.values)

    def get_weights(self) -> list[npt.NDArray[np.float32]]:
        """Return copies of all parameters' arrays, in order."""
        return [np.array(value.raw) for value in self.flat.values]

    def set_weights(self, weights: Sequence[npt.ArrayLike]) -> None:
        """Set all parameters to arrays shaped like those of ``get_weights``."""
        if [np.shape(w) for w in weights] != [v.shape for v in self.flat.values]:
            raise ValueError(
                f"expected arrays of shapes {[v.shape for v in self.flat.values]}, "
                f"got {[np.shape(w) for w in weights]}"
            )
        refuse_other_rules(weights)
        for value, array in zip(self.flat.values, weights, strict=True):
            current().trace.store(value, array)

    def summary_rows(self) -> list[LayerSummary]:
        """Return the rows of ``summary``, one for each layer."""
        pairs = zip(self.layers, self.output_shapes, strict=True)
        return [LayerSummary.of(layer, shape) for layer, shape in pairs]

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print the layers, their output shapes and their numbers of parameters."""
        line = "{:<28} {:<20} {:>12}".format
        print_fn(line("Layer (type)", "Output Shape", "Param #"))
        for row in self.summary_rows():
            print_fn(line(f"{row.name} ({row.kind})", row.output_shape, f"{row.parameters:,}"))
        print_fn(f"Total params: {self.count_params():,}")


_OURS = {Sequential, Dense, Flatten, Rescaling, Adam, SGD, type(None)}


def _as_leaf(x: Any) -> Value:
    """Return a batch as a Value, without a copy: nothing writes into the array meanwhile."""
    view = x.view() if isinstance(x, np.ndarray) else x  # results may be it, and read-only
    return Value.leaf(view, constant=True, saved=True)


def _without_recording(function: Callable[[Any], Any], x: Any) -> Any:
    with no_grad():
        return function(_as_leaf(x)).raw


@functools.cache
def _blas() -> ThreadpoolController:
    controller = ThreadpoolController()  # takes a millisecond: looks through the loaded libraries
    return controller.select(user_api="blas")
