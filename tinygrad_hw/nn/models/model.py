"""Model: a layer that is trained and used, with Keras's interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import Value
from tinygrad_hw.nn import optimizers
from tinygrad_hw.nn.flat_parameters import FlatParameters
from tinygrad_hw.nn.layers import Layer
from tinygrad_hw.nn.layers.base import rehearsing
from tinygrad_hw.nn.layers.process import drawing_from, seed_sequence
from tinygrad_hw.nn.models.objective import Objective
from tinygrad_hw.nn.models.summary import LayerSummary, print_summary
from tinygrad_hw.nn.models.training import Trainer
from tinygrad_hw.nn.storage.savable import Savable


class Model(Savable, Trainer):
    """Base class of models. A subclass has layers as attributes, and computes in ``call``.

    Parameters
    ----------
    trainable, name
        As those of a layer.
    seed
        Seed of the initial weights, of the order of the examples and of random layers. The same
        seed gives the same weights, bit for bit, on the same machine; None draws a random one.

    Attributes
    ----------
    input_shape, output_shape
        Shapes of a batch, with None for the number of examples.
    trained_on
        What the model's files say about its data: None, or a dict of plain data, such as the names
        of the classes ("class_names"), as ``tinygrad-hw train`` saves them.
    """

    trained_on: dict[str, Any] | None = None

    def __init__(
        self, *, trainable: bool = True, name: str | None = None, seed: int | None = None
    ) -> None:
        super().__init__(trainable=trainable, name=name)
        seeds = seed_sequence(seed).spawn(3)
        generators = [np.random.default_rng(each) for each in seeds]
        self.weight_generator, self.order_generator, self.random_generator = generators
        self.stop_training = False

    # --- Building ---------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Build the layers by a call with ones, two examples of the shape of a batch."""
        with drawing_from(self.weight_generator):
            examples = np.ones([2 if n is None else n for n in input_shape], self.dtype)
            with rehearsing(training=False), np.errstate(all="ignore"):
                self.call(examples)
        self.finish_building(input_shape)

    def finish_building(self, input_shape: Any) -> None:
        """Note the shape, and put the weights of the layers, all of which are built, in a row."""
        self.input_shape = self.built_shape = input_shape
        self.built = True
        self.flat = FlatParameters(self.trainable_weights)
        self.reset_programs()
        if self._compiled is not None:
            self._finish_compiling()

    @property
    def layers(self) -> list[Layer]:
        """Return the layers of the model."""
        return self.sublayers()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its number."""
        if index is not None and index < len(self.layers):
            return self.layers[index]
        if index is not None:
            raise ValueError(f"{self.name} has {len(self.layers)} layers: none of index {index}")
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise ValueError(f"{self.name} has no layer {name!r}; it has {names}")

    # --- Compiling --------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        *,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        jit_compile: bool | str = "auto",
    ) -> None:
        """Set the loss to minimize, the optimizer and the metrics.

        Parameters
        ----------
        optimizer
            A name, or an optimizer of ``nn.optimizers``.
        loss
            A name, a loss of ``nn.losses``, or a function of targets and outputs. It is computed
            from the logits where the last activation allows it, since that loses digits.
        metrics, weighted_metrics
            Names, metrics of ``nn.metrics`` or functions, in a list. "accuracy" is that of the loss
            and the outputs: of labels, of one-hot rows or of class numbers. Several sigmoid outputs
            with a binary cross-entropy have the accuracy of each label, where Keras takes them for
            one class.
        run_eagerly
            Whether to run each step as Python, to look into it with a debugger.
        jit_compile
            True compiles with numba, which must be installed; "auto" does so if it is installed.

        Raises
        ------
        ValueError
            For an unknown optimizer, loss or metric.
        """
        if isinstance(jit_compile, str) and jit_compile != "auto":
            raise ValueError(f'jit_compile should be True, False or "auto", got {jit_compile!r}')
        means, weighted = _listed(metrics), _listed(weighted_metrics)
        optimizer = optimizers.get(optimizer)
        Objective(loss, means, weighted, "linear", (None, 2))  # refuses what is unknown
        self.optimizer = optimizer
        self._compiled = (loss, means, weighted)
        self._jit = None if isinstance(jit_compile, str) else jit_compile
        self._eager = run_eagerly
        if self.built:
            self._finish_compiling()

    def _finish_compiling(self) -> None:
        if self._compiled is None:
            return
        last = self.last_activation()
        self.objective = Objective(*self._compiled, last, self.output_shape)
        self.optimizer.reset()
        self.optimizer.build(self.flat.values)
        self.reset_programs()

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, those that are attributes, by name."""
        return {name: x for name, x in super().get_config().items() if name != "dtype"}

    def get_compile_config(self) -> dict[str, Any]:
        """Return the arguments of ``compile``."""
        if self._compiled is None:
            raise ValueError("compile(optimizer, loss) the model first")
        loss, metrics, weighted = self._compiled
        return {
            "optimizer": self.optimizer,
            "loss": loss,
            "metrics": list(metrics),
            "weighted_metrics": list(weighted),
            "run_eagerly": self._eager,
            "jit_compile": "auto" if self._jit is None else self._jit,
        }

    @property
    def metrics_names(self) -> list[str]:
        """Return the names of what ``evaluate`` returns, in order."""
        self.require_compiled()
        return self.objective.names

    @property
    def metrics(self) -> list[Any]:
        """Return the metrics that the model is compiled with."""
        objective = vars(self).get("objective")
        return list(objective.metrics) if objective else []

    # --- Weights ----------------------------------------------------------------------------------

    def parameters(self) -> list[Value]:
        """Return the trainable weights, in order."""
        return self.flat.values

    def summary_rows(self) -> list[LayerSummary]:
        """Return the rows of ``summary``, one for each layer."""
        return [LayerSummary.of(layer) for layer in self.layers]

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print the layers, their output shapes and their numbers of parameters."""
        print_summary(self, self.layers, print_fn)


def _listed(metrics: Any) -> Sequence[Any]:
    """Return metrics as a flat list; refuse those by the name of an output."""
    if metrics is None:
        return []
    if isinstance(metrics, dict):
        raise ValueError(f"metrics should be a list: a model has one output, got {metrics!r}")
    if not isinstance(metrics, list | tuple):
        return [metrics]
    return [metric for part in metrics for metric in _listed(part)]
