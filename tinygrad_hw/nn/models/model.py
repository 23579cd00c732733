"""Model: a layer that is trained and used, with Keras's interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from tinygrad_hw.engine import Value
from tinygrad_hw.formatting import element, join, row, table
from tinygrad_hw.nn import optimizers
from tinygrad_hw.nn.flat_parameters import FlatParameters
from tinygrad_hw.nn.layers import Layer, Symbol
from tinygrad_hw.nn.layers.process import (
    drawing_from,
    rehearsing,
    seed_sequence,
    unique_name,
)
from tinygrad_hw.nn.layers.symbolic import map_shapes
from tinygrad_hw.nn.models.graph import Graph
from tinygrad_hw.nn.models.objective import Objective
from tinygrad_hw.nn.models.summary import LayerSummary, Summary, print_summary, summarize
from tinygrad_hw.nn.models.training import Trainer
from tinygrad_hw.nn.storage.savable import Savable


class Model(Savable, Trainer):
    """Model of the layers that lead from an ``Input`` to an output; and base class of models.

    Without inputs and outputs, a subclass has layers as attributes, and computes in ``call``.

    Parameters
    ----------
    inputs, outputs
        What ``Input`` returned, or a list, and what layers returned that were called with it; the
        model has one output, where Keras takes several. The model is built: its layers have drawn
        their weights when they were called. What a layer was told then, such as
        ``training=False``, it is told always; in Keras the model's ``training`` comes first.
    name, trainable
        As those of a layer.
    seed
        Seed of the order of the examples, of random layers, and of the weights that the model
        draws itself. The same seed gives the same weights, bit for bit, on the same machine; None
        draws a random one.

    Attributes
    ----------
    input_shape, output_shape
        Shapes of a batch, with None for the number of examples.
    trained_on
        What the model's files say about its data: None, or a dict of plain data, such as the names
        of the classes ("class_names"), as ``tinygrad-hw train`` saves them.
    """

    flat: FlatParameters
    objective: Objective
    trained_on: dict[str, Any] | None = None
    _graph: Graph | None = None

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        *,
        trainable: bool = True,
        seed: int | None = None,
    ) -> None:
        graph = None if inputs is None and outputs is None else Graph(inputs, outputs)
        if graph is not None and name is None and type(self) is Model:
            name = unique_name("Functional")
        super().__init__(trainable=trainable, name=name)
        seeds = seed_sequence(seed).spawn(3)
        generators = [np.random.default_rng(each) for each in seeds]
        self.weight_generator, self.order_generator, self.random_generator = generators
        self.stop_training = False
        if graph is not None:
            self._graph, self._layers = graph, graph.layers
            self.build_once(graph.input_shape)

    # --- Building ---------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Build the layers by a call with ones, two examples of the shape of a batch."""
        if self._graph is not None:
            self.finish_building(self._graph.input_shape)
            return
        with drawing_from(self.weight_generator):
            examples = np.ones([2 if n is None else n for n in input_shape], self.dtype)
            with rehearsing(training=False), np.errstate(all="ignore"):
                self.call(examples)
        self.finish_building(input_shape)

    def finish_building(self, input_shape: Any) -> None:
        """Note the shape, and put the weights of the layers, all of which are built, in a row."""
        self.input_shape, self.built_shapes = input_shape, (input_shape,)
        self.built = True
        if not self.trainable:
            self.trainable = False  # of the layers, too
        self.flat = FlatParameters(self.trainable_weights, take=False)
        self.reset_programs()
        if self._compiled is not None:
            self._finish_compiling()

    @property
    def layers(self) -> list[Layer]:
        """Return the layers of the model; of one with an ``Input``, its ``InputLayer`` first."""
        return list(self._layers) if self._graph is not None else self.sublayers()

    @property
    def input(self) -> Any:
        """Return the ``Input`` of the model, or a list of them."""
        if self._graph is None:
            return super().input
        return self.inputs if len(self.inputs) > 1 else self.inputs[0]

    @property
    def inputs(self) -> list[Symbol]:
        """Return a list of the model's ``Input``."""
        return [self.input] if self._graph is None else list(self._graph.inputs)

    @property
    def input_names(self) -> list[str]:
        """Return the names of the inputs, where the model has an ``Input`` of each."""
        return [symbol.name for symbol in self.inputs]

    @property
    def output(self) -> Symbol:
        """Return the Symbol of the model's outputs."""
        return super().output if self._graph is None else self._graph.outputs

    # --- Computing --------------------------------------------------------------------------------

    def call(self, inputs: Any) -> Any:
        """Return the outputs of a batch."""
        return super().call(inputs) if self._graph is None else self._graph.run(inputs)

    @property
    def output_shape(self) -> Any:
        """Return the shape of the outputs, for inputs of the model's own shape."""
        if not self.built:
            raise AttributeError(f"{self.name} is not built: it has no output_shape yet")
        return self.compute_output_shape(self.input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs, from that of the inputs."""
        if self._graph is None:
            return super().compute_output_shape(input_shape)
        return self._graph.run(map_shapes(Symbol, input_shape), _spec).shape

    @property
    def last_layer(self) -> Layer | None:
        """Return the layer whose outputs are the model's, if it is known."""
        return None if self._graph is None else self._graph.outputs.node.layer

    def operands_of_last(self, inputs: Any) -> Sequence[Any]:
        """Return what the last layer is called with, for a batch."""
        if self._graph is None:
            return super().operands_of_last(inputs)
        return self._graph.operands_of_last(inputs)

    def dtype_of_inputs(self, given: np.dtype[Any], place: int = 0) -> np.dtype[Any]:
        """Return the dtype that the layers take an input of a dtype in."""
        if self._graph is None:
            return super().dtype_of_inputs(given)
        return self._graph.dtype_of_inputs(given, place) or self.dtype

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its number."""
        if index is not None:
            try:
                return self.layers[index]
            except IndexError:
                count = len(self.layers)
                raise ValueError(f"{self.name} has {count} layers: none of index {index}") from None
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
        last = self.last_activation() if self.has_logits else "linear"
        self.objective = Objective(*self._compiled, last, self.output_shape)
        weights = self.trainable_weights
        are_known = list(map(id, weights)) == list(map(id, self.flat.values))
        if not are_known or not self.flat.is_whole():  # frozen since, or another model has had them
            self.flat = FlatParameters(weights)
        self.optimizer.reset()
        self.optimizer.build(self.flat.values)
        self.reset_programs()

    def get_config(self) -> dict[str, Any]:
        """Return the layers and their calls; of a class with arguments of its own, those."""
        if self._graph is None or type(self).__init__ is not Model.__init__:
            return {name: x for name, x in super().get_config().items() if name != "dtype"}
        return {"name": self.name, "trainable": self.trainable, **self._graph.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a new model, with weights drawn anew."""
        if "nodes" not in config:
            return super().from_config(config)
        graph = Graph.from_config(config)
        options = {name: config[name] for name in ("name", "trainable")}
        return cls(graph.inputs, graph.outputs, **options)

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
        """Print the layers, their output shapes and numbers of parameters.

        Where the layers are no row, a column says whose outputs each takes: "dense[1][0]" is the
        first output of the second call of the layer dense.
        """
        print_summary(self._summary(), print_fn)

    def _summary(self) -> Summary:
        is_row = self._graph is None or self._graph.is_chain
        connections = None if is_row or self._graph is None else self._graph.connections
        return summarize(self, self.layers, connections)

    def _repr_html_(self) -> str:
        """Return the summary as a table, for a notebook."""
        title, (head, *layers), counts = self._summary()
        rows = [row(*cells) for cells in layers]
        return table(title, head, rows) + join(element("p", count) for count in counts)


def _spec(layer: Layer) -> Any:
    return layer.compute_output_spec


def _listed(metrics: Any) -> Sequence[Any]:
    """Return metrics as a flat list; refuse those by the name of an output."""
    if metrics is None:
        return []
    if isinstance(metrics, dict):
        raise ValueError(f"metrics should be a list: a model has one output, got {metrics!r}")
    if not isinstance(metrics, list | tuple):
        return [metrics]
    return [metric for part in metrics for metric in _listed(part)]
