"""Sequential: layers in a row, trained as one would with Keras, by this package's engine."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from tinygrad_hw.engine import Value, no_grad
from tinygrad_hw.nn.callbacks import Callback, History, Logs, ProgressBar
from tinygrad_hw.nn.layers import ACTIVATIONS, Layer, Rescaling
from tinygrad_hw.nn.losses import LOSSES, Loss
from tinygrad_hw.nn.optimizers import SGD, Adam
from tinygrad_hw.nn.parameters import FlatParameters
from tinygrad_hw.nn.scalar import Module
from tinygrad_hw.program import Captured, capture

Images = npt.NDArray[Any]

EVALUATION_ROWS = 500  # at a time: enough for fast products, few enough to stay in the cache
# Products of two numbers in one of two matrices from which on two threads are quicker than one; the
# curves of benchmarks/ by batch size and by width cross between 13 and 26 million.
THREADED = 20_000_000


class LayerSummary(NamedTuple):
    """One layer as ``Sequential.summary`` prints it.

    Attributes
    ----------
    name, kind
        "dense_1" and "Dense".
    output_shape
        "(None, 10)": the number of examples is open.
    parameters
        Elements of all its parameters.
    """

    name: str
    kind: str
    output_shape: str
    parameters: int


class Sequential(Module):
    """Layers in a row.

    Parameters
    ----------
    layers
        The first one says the ``input_shape``.
    seed
        Of the initial weights and of the order of the examples. The same seed gives the same
        weights, bit for bit, on the same machine; None draws a fresh one.
    """

    _loss: Loss  # there once compiled

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
        self._forget_programs(None)
        for name, layer in zip(_numbered(self.layers), self.layers, strict=True):
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
        """Say what to minimise and how.

        Parameters
        ----------
        optimizer
            Adam() or SGD().
        loss
            A name of LOSSES.
        metrics
            "accuracy", or none.
        jit_compile
            True compiles with numba, which must be installed; "auto" does where it is.

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
        self._forget_programs(None if isinstance(jit_compile, str) else jit_compile)

    def _forget_programs(self, jit: bool | None) -> None:
        self._jit = jit
        self._layers = self._as_they_are()
        self._outputs = capture(self._predicted, jit=jit)
        self._logits = capture(self._scored, jit=jit)
        self._training_step = capture(self._step, jit=jit)
        self._evaluation = capture(self._judge, jit=jit)

    def _as_they_are(self) -> list[Any]:
        settings = [(x, x.activation, getattr(x, "scale", None)) for x in self.layers]
        return [settings, getattr(self, "optimizer", None), getattr(self, "_loss", None)]

    def _settle(self) -> None:
        """Take over what has changed since: data of parameters, layers."""
        self.flat.collect()
        if self._layers != self._as_they_are():
            self._forget_programs(self._jit)

    # --- Computing --------------------------------------------------------------------------------

    def logits(self, x: Any) -> Any:
        """Run the layers, the last activation left away."""
        *inner, last = self.layers
        for layer in inner:
            x = ACTIVATIONS[layer.activation](layer(x))
        return last(x)

    def __call__(self, x: Any) -> Any:
        """Run all the layers, recording; ``predict`` gives plain numbers."""
        return ACTIVATIONS[self.layers[-1].activation](self.logits(x))

    def predict(self, x: npt.ArrayLike) -> Images:
        """Outputs of shape ``(n, units)`` for inputs of shape ``(n, *input_shape)``."""
        self._settle()
        outputs = self._in_parts(self._outputs, self._inputs(x))
        empty = np.empty((0, *self.output_shapes[-1]), np.float32)
        return np.concatenate(outputs) if outputs else empty

    def predict_classes(self, x: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Predicted class of each row, shape (n,)."""
        classes = self._compiled().classes
        self._settle()
        parts = [classes(logits) for logits in self._in_parts(self._logits, self._inputs(x))]
        return np.concatenate(parts) if parts else np.empty(0, np.intp)

    def evaluate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Logs:
        """Mean loss and metrics over examples; nothing is trained."""
        inputs, targets = self._inputs(x), self._targets(x, y)
        if not len(inputs):
            raise ValueError("evaluate got no examples: there is no mean over none")
        self._settle()
        totals = _Totals(self._metrics)
        parts = self._in_parts(self._evaluation, inputs, targets)
        for i, (loss, right) in enumerate(parts):
            examples = min(EVALUATION_ROWS, len(inputs) - i * EVALUATION_ROWS)
            totals.add(float(loss), right, examples)
        return totals.means()

    def _in_parts(self, captured: Captured, *arrays: npt.NDArray[Any]) -> list[Any]:
        """What it gives for some rows of the arrays at a time.

        Where BLAS would take several threads for a product, several parts are worked on at once
        instead, each by one thread: then none waits for another, and all else is shared out too.
        """
        rows = len(arrays[0])
        starts = range(0, rows, EVALUATION_ROWS)
        calls = [tuple([x[i : i + EVALUATION_ROWS] for x in arrays]) for i in starts]
        whole = rows // EVALUATION_ROWS
        with self._threads(min(rows, EVALUATION_ROWS)):
            threads = max([blas["num_threads"] for blas in _blas().info()], default=1)
            if not 1 < threads <= whole:
                return [captured(*arguments) for arguments in calls]
            with _blas().limit(limits=1):
                results = captured.map_threads(calls[:whole], threads)
                return results + [captured(*arguments) for arguments in calls[whole:]]

    def _compiled(self) -> Loss:
        if not hasattr(self, "_loss"):
            raise ValueError("compile(optimizer, loss) the model first")
        return self._loss

    def _count_right(self, logits: Any, targets: Any) -> Any:
        return np.count_nonzero(self._loss.classes(logits) == targets.reshape(-1))

    # --- Training ---------------------------------------------------------------------------------

    def train_step(self, x: Images, targets: npt.NDArray[Any]) -> tuple[float, Images, int]:
        """One step on one batch; its loss, logits and number of right answers, before the step."""
        self._settle()
        loss, logits, right = self._training_step(x, targets)
        return float(loss), logits, right

    def _step(self, x: Any, targets: Any) -> Any:
        self.zero_grad()
        logits = self.logits(_batch(x))
        loss = self._loss.of_logits(logits, targets)
        logits.label, loss.label = "logits", "loss"
        loss.backward()
        self.optimizer.apply(self.flat.values)
        return loss.raw, logits.raw, self._count_right(logits.raw, targets)

    def _predicted(self, x: Any) -> Any:
        return _unrecorded(self, x)

    def _scored(self, x: Any) -> Any:
        return _unrecorded(self.logits, x)

    def _judge(self, x: Any, targets: Any) -> Any:
        logits = _unrecorded(self.logits, x)
        return self._loss.of_logits(logits, targets), self._count_right(logits, targets)

    def fit(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        batch_size: int = 32,
        epochs: int = 1,
        validation_split: float = 0.0,
        callbacks: Sequence[Callback] = (),
        verbose: int = 1,
    ) -> History:
        """Train, as Keras does.

        Parameters
        ----------
        x, y
            Examples ``(n, *input_shape)`` and their classes (n,).
        batch_size
            Examples a step; the last batch of an epoch may be smaller.
        validation_split
            This part, taken from the end before any shuffling, is not trained on but evaluated
            after every epoch.
        verbose
            0 prints nothing, 1 a bar and a line an epoch.

        Returns
        -------
        History
            ``history`` has lists "loss", "accuracy", "val_loss", "val_accuracy". The training
            metrics are means over the examples of an epoch, while the weights were changing.
        """
        inputs, targets = self._inputs(x), self._targets(x, y)
        trained = math.floor(len(inputs) * (1 - validation_split))
        if trained < 1 or validation_split < 0 or batch_size < 1 or epochs < 0:
            raise ValueError(
                f"fit got {len(inputs)} examples, validation_split={validation_split}, "
                f"batch_size={batch_size}, epochs={epochs}: nothing is left to train on"
            )
        history = History()
        watchers = [history, *callbacks, *([ProgressBar()] if verbose else [])]
        batches = math.ceil(trained / batch_size)
        batch = np.empty((min(batch_size, trained), *self.input_shape), inputs.dtype)
        self.stop_training = False
        self._settle()
        with self._threads(batch_size), _training(watchers, self, epochs, batches):
            after_batch = _overriders(watchers, "on_train_batch_end")
            for epoch in range(epochs):
                totals = _Totals(self._metrics)
                order = self._order.permutation(trained)
                for start in range(0, trained, batch_size):
                    rows = order[start : start + batch_size]
                    labels = targets[rows]
                    x = np.take(inputs, rows, axis=0, out=batch[: len(rows)], mode="clip")
                    loss, _, right = self.train_step(x, labels)
                    totals.add(loss, right, len(rows))
                    for call in after_batch:
                        call()
                logs = totals.means()
                if trained < len(inputs):
                    held_out = self.evaluate(inputs[trained:], targets[trained:])
                    logs.update({f"val_{name}": value for name, value in held_out.items()})
                for watcher in watchers:
                    watcher.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        return history

    def _threads(self, rows: int) -> Any:
        """BLAS threads for batches of so many rows; what was there before is put back.

        For products as small as a batch of 32 makes, a second thread gains little, and costs much
        where another process wants that core.
        """
        widest = max([p.size for p in self.flat.values if p.ndim > 1], default=0)
        limit = 1 if rows * widest < THREADED else None
        return _blas().limit(limits=limit)

    def _inputs(self, x: npt.ArrayLike) -> Images:
        inputs = np.asarray(x)
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
        """Kernel and bias of every layer, in order."""
        return self.flat.values

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next ``backward()`` does not add to them."""
        self.flat.collect()
        super().zero_grad()

    def count_params(self) -> int:
        """Number of parameters, each element counted."""
        return self.flat.data.size

    def get_weights(self) -> list[npt.NDArray[np.float32]]:
        """Copies of all parameters' arrays, in order."""
        return [np.array(value.raw) for value in self.flat.values]

    def set_weights(self, weights: Sequence[npt.ArrayLike]) -> None:
        """Put arrays like those of ``get_weights`` in place."""
        if [np.shape(w) for w in weights] != [v.shape for v in self.flat.values]:
            raise ValueError(
                f"expected arrays of shapes {[v.shape for v in self.flat.values]}, "
                f"got {[np.shape(w) for w in weights]}"
            )
        self.flat.set(weights)

    def summary_rows(self) -> list[LayerSummary]:
        """Return what ``summary`` prints of each layer, in order."""
        return [
            LayerSummary(
                layer.name,
                type(layer).__name__,
                f"(None, {', '.join(map(str, shape))})",
                sum(p.size for p in layer.parameters),
            )
            for layer, shape in zip(self.layers, self.output_shapes, strict=True)
        ]

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print the layers, their output shapes and their numbers of parameters."""
        line = "{:<28} {:<20} {:>12}".format
        print_fn(line("Layer (type)", "Output Shape", "Param #"))
        for row in self.summary_rows():
            print_fn(line(f"{row.name} ({row.kind})", row.output_shape, f"{row.parameters:,}"))
        print_fn(f"Total params: {self.count_params():,}")


def _batch(x: Any) -> Value:
    """A batch as it is: it is ours, and nobody writes into it."""
    return Value.leaf(x, constant=True, saved=True)


def _unrecorded(function: Callable[[Any], Any], x: Any) -> Any:
    with no_grad():
        return function(_batch(x)).raw


class _Totals:
    """Sums over the examples seen so far, to be divided by their number."""

    def __init__(self, metrics: tuple[str, ...]) -> None:
        self.metrics = metrics
        self.loss = 0.0
        self.right = 0
        self.examples = 0

    def add(self, mean_loss: float, right: int, examples: int) -> None:
        self.loss += mean_loss * examples
        self.right += right
        self.examples += examples

    def means(self) -> Logs:
        examples = max(self.examples, 1)
        metrics = {name: float(self.right / examples) for name in self.metrics}
        return {"loss": self.loss / examples, **metrics}


@contextmanager
def _training(
    watchers: list[Callback], model: Sequential, epochs: int, batches: int
) -> Iterator[None]:
    """Tell the callbacks of the beginning, and of the end however it comes."""
    with ExitStack() as ends:
        for watcher in watchers:
            watcher.model, watcher.epochs, watcher.batches = model, epochs, batches
            watcher.on_train_begin()
            ends.callback(watcher.on_train_end)
        yield


def _overriders(watchers: list[Callback], method: str) -> list[Callable[[], None]]:
    """Only those who want to hear of every step are told: there are many steps."""
    return [
        getattr(watcher, method)
        for watcher in watchers
        if getattr(type(watcher), method) is not getattr(Callback, method)
    ]


@functools.cache
def _blas() -> ThreadpoolController:
    controller = ThreadpoolController()  # looks through the loaded libraries: a millisecond
    return controller.select(user_api="blas")


def _numbered(layers: Sequence[Layer]) -> list[str]:
    """Keras's names: dense, dense_1, dense_2."""
    seen: dict[str, int] = {}
    names = []
    for layer in layers:
        kind = type(layer).__name__.lower()
        count = seen.get(kind, 0)
        seen[kind] = count + 1
        names.append(f"{kind}_{count}" if count else kind)
    return names
