"""Model: layers that are trained and used, with Keras's interface."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import Value, no_grad
from tinygrad_hw.engine.core.data import as_array
from tinygrad_hw.engine.transforms.pytree import leaves_of
from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.nn.callbacks import Callback, CallbackList, History, Logs
from tinygrad_hw.nn.flat_parameters import FlatParameters
from tinygrad_hw.nn.layers import Layer
from tinygrad_hw.nn.layers.base import Shape
from tinygrad_hw.nn.losses import LOSSES, Loss
from tinygrad_hw.nn.metrics import RunningMeans
from tinygrad_hw.nn.models.parallel import EVALUATION_ROWS, in_chunks, thread_limit
from tinygrad_hw.nn.models.summary import LayerSummary, print_summary
from tinygrad_hw.nn.optimizers import Optimizer
from tinygrad_hw.nn.optimizers import get as optimizer_of
from tinygrad_hw.nn.storage.savable import Savable
from tinygrad_hw.program import Captured, capture

Images = npt.NDArray[Any]


class Model(Savable, Layer):
    """Base class of models: layers that are trained, evaluated and used for predictions.

    Parameters
    ----------
    trainable, name
        As those of a layer.
    seed
        Seed of the initial weights, of the order of the examples and of random layers.

    Attributes
    ----------
    input_shape, output_shape
        Shapes of a batch, with None for the number of examples.
    flat
        The trainable weights, end to end in one array.
    """

    _loss: Loss  # set by compile()
    history: History  # of the last fit
    input_shape: Shape

    flat: FlatParameters

    def __init__(
        self, *, trainable: bool = True, name: str | None = None, seed: int | None = None
    ) -> None:
        super().__init__(trainable=trainable, name=name)
        for_weights, for_order = np.random.SeedSequence(seed).spawn(2)
        self.weight_generator = np.random.default_rng(for_weights)
        self._order = np.random.default_rng(for_order)
        self.stop_training = False
        self._reset_programs(None)

    # --- Building ---------------------------------------------------------------------------------

    def finish_building(self, input_shape: Shape) -> None:
        """Note the shapes, and put the weights of the layers, all of which are built, in a row."""
        self.input_shape = input_shape
        self.flat = FlatParameters(self.trainable_weights)
        if hasattr(self, "optimizer"):
            self.optimizer.build(self.flat.values)
        self._reset_programs(self._jit)

    @property
    def layers(self) -> list[Layer]:
        """Return the layers of the model."""
        return self.sublayers()

    @property
    def last_layer(self) -> Layer | None:
        """Return the layer whose outputs are the model's, if it is known."""
        return None

    def logits(self, inputs: Any) -> Any:
        """Return the logits of a batch: the outputs without the last activation."""
        raise NotImplementedError(
            f"{self.name} has no known last layer: only its outputs are known"
        )

    def compile(
        self,
        optimizer: Optimizer | str,
        loss: str,
        metrics: str | Sequence[str] = ("accuracy",),
        jit_compile: bool | str = "auto",
    ) -> None:
        """Set the loss to minimize and the optimizer.

        Parameters
        ----------
        optimizer
            An optimizer, or a name of one, such as "adam".
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
        wanted, last = LOSSES[loss].activation, self._last_activation()
        if last != wanted:
            raise ValueError(f"{loss} goes with a last activation of {wanted!r}, not {last!r}")
        optimizer = optimizer_of(optimizer)
        if isinstance(jit_compile, str) and jit_compile != "auto":
            raise ValueError(f'jit_compile should be True, False or "auto", got {jit_compile!r}')
        self._loss = LOSSES[loss]
        self._metrics = tuple(metrics)
        self.optimizer = optimizer
        optimizer.reset()
        if self.built:
            optimizer.build(self.flat.values)
        self._reset_programs(None if isinstance(jit_compile, str) else jit_compile)

    def _last_activation(self) -> str:
        """Return the name of the last activation; "linear" if there is none, or it has none."""
        last = self.last_layer
        names = [n for n, f in ACTIVATIONS.items() if f is getattr(last, "activation", None)]
        return names[0] if names else "linear"

    def _reset_programs(self, jit: bool | None) -> None:
        """Capture the model's functions anew; ours read nothing but Values and the settings."""
        self._jit = jit
        self._parts = [x for x in self.flat_layers() if x is not self]
        self._captured_settings = self._settings()
        given = (*vars(self).values(), getattr(vars(self).get("optimizer"), "schedule", None))
        is_pure = all([is_ours(part) for part in (self, *self._parts, *given)])
        captured = functools.partial(capture, jit=jit, pure=is_pure)
        self._captured_outputs = captured(self._batch_outputs)
        self._captured_logits = captured(self._batch_logits)
        self._captured_train_step = captured(self._train_on_batch)
        self._captured_evaluation = captured(self._evaluate_batch)

    def _settings(self) -> list[Any]:
        """Return the settings that captured programs depend on, besides the weights."""
        versions = [layer.version for layer in self._parts]
        return [versions, getattr(self, "optimizer", None), getattr(self, "_loss", None)]

    def _sync(self) -> None:
        """Keep parameters in the model's dtype; drop programs if a setting has changed."""
        if not self.flat.is_whole():  # parameters were given new data
            for p in self.flat.values:
                if p.dtype != self.flat.data.dtype:
                    p.data = np.asarray(p.raw, self.flat.data.dtype)
        if self._captured_settings != self._settings():
            self._reset_programs(self._jit)

    # --- Computing --------------------------------------------------------------------------------

    def predict(self, x: npt.ArrayLike) -> Images:
        """Return outputs of shape ``(n, units)`` for inputs of shape ``(n, *input_shape)``."""
        inputs = self._inputs(x)
        self._sync()
        outputs = self._in_chunks(self._captured_outputs, inputs)
        empty = np.empty((0, *self.output_shape[1:]), np.float32)
        return np.concatenate(outputs) if outputs else empty

    def predict_classes(self, x: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Return the predicted class of each example, shape (n,)."""
        classes, inputs = self._compiled().classes, self._inputs(x)
        self._sync()
        parts = [classes(logits) for logits in self._in_chunks(self._captured_logits, inputs)]
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
        return in_chunks(captured, self.flat.values, EVALUATION_ROWS, *arrays)

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
        batch = np.empty((min(batch_size, n_train), *inputs.shape[1:]), inputs.dtype)
        self.stop_training = False
        self._sync()
        logs: Logs = {}
        with thread_limit(batch_size, self.flat.values):
            try:
                self._initial_epoch = 0  # BackupAndRestore sets it
                observers.on_train_begin()
                for epoch in range(self._initial_epoch, epochs):
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
                self.optimizer.finalize_variable_values(self.flat.values)
            finally:
                observers.on_train_end(logs)
        return self.history

    def _inputs(self, x: npt.ArrayLike) -> Images:
        inputs = as_array(x)
        self.build_once((None, *inputs.shape[1:]))
        shape = self.input_shape[1:]
        if len(inputs.shape) != len(shape) + 1 or any(
            [n not in (None, given) for n, given in zip(shape, inputs.shape[1:], strict=True)]
        ):
            raise ValueError(
                f"expected examples of shape (n, {', '.join(map(str, shape))}), got {inputs.shape}"
            )
        if self._parts[0].accepts_integers and inputs.dtype.kind in "iu":
            return inputs
        return inputs.astype(self.dtype, copy=False)

    def _targets(self, x: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[Any]:
        loss = self._compiled()
        if np.shape(x)[:1] != np.shape(y)[:1]:
            raise ValueError(f"got {np.shape(x)[0]} examples but labels of shape {np.shape(y)}")
        return loss.targets(y)

    # --- Weights ----------------------------------------------------------------------------------

    def parameters(self) -> list[Value]:
        """Return kernel and bias of every layer, in order."""
        return self.flat.values

    def zero_grad(self) -> None:
        """Forget all gradients, so that the next ``backward()`` does not add to them."""
        for weight in self.flat.values:
            weight.grad = weight.no_gradient

    def summary_rows(self) -> list[LayerSummary]:
        """Return the rows of ``summary``, one for each layer."""
        return [LayerSummary.of(layer) for layer in self.layers]

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print the layers, their output shapes and their numbers of parameters."""
        print_summary(self, self.layers, print_fn)


def is_ours(thing: Any) -> bool:
    """Return whether an object is data, or of this package with all functions that it has."""
    if isinstance(thing, np.ndarray | np.generic | np.random.Generator | Value):
        return True
    module = str(getattr(thing, "__module__", None) or type(thing).__module__)
    if module == "builtins":
        parts = [*leaves_of(thing)] if isinstance(thing, list | tuple | dict) else []
        return all([is_ours(part) for part in parts])
    if not module.startswith("tinygrad_hw."):
        return False
    own = getattr(thing, "__dict__", {}) if isinstance(thing, Layer) else {}
    return all([is_ours(x) for x in own.values() if callable(x)])


def _as_leaf(x: Any) -> Value:
    """Return a batch as a Value, without a copy: nothing writes into the array meanwhile."""
    view = x.view() if isinstance(x, np.ndarray) else x  # results may be it, and read-only
    return Value.leaf(view, constant=True, saved=True)


def _without_recording(function: Callable[[Any], Any], x: Any) -> Any:
    with no_grad():
        return function(_as_leaf(x)).raw
