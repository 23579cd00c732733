"""Sequential: a model whose layers stand in a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinygrad_hw.nn.layers import Input, InputLayer, Layer, Symbol
from tinygrad_hw.nn.layers.base import Shape
from tinygrad_hw.nn.layers.process import drawing_from
from tinygrad_hw.nn.models.graph import Graph
from tinygrad_hw.nn.models.model import Model


class Sequential(Model):
    """Model of layers in a row; the output of each is the input of the next.

    The layers may be given at once or one by one, with ``add``. The weights are made when the shape
    of the inputs is known: from an ``Input``, from ``input_shape=`` of the first layer, by
    ``build``, or from the first data.

    Parameters
    ----------
    layers
        Layers, or an ``Input`` and then layers.
    trainable, name
        As those of a layer.
    seed
        Seed of the initial weights, of the order of the examples and of random layers. The same
        seed gives the same weights, bit for bit, on the same machine; None draws a random one.
        Keras has a global seed alone: see ``nn.utils.set_random_seed``.
    """

    def __init__(
        self,
        layers: Iterable[Layer | Symbol] | None = None,
        trainable: bool = True,
        name: str | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, seed=seed)
        self._layers: list[Layer] = []
        self._input: Symbol | None = None
        for layer in layers or ():
            self._append(layer)
        self._build_if_possible()

    @property
    def layers(self) -> list[Layer]:
        """Return the layers in order; an ``Input`` is none."""
        return list(self._layers)

    def add(self, layer: Layer | Symbol) -> None:
        """Append a layer, or begin with an ``Input``."""
        self._append(layer)
        self._build_if_possible()

    def _append(self, layer: Layer | Symbol) -> None:
        if isinstance(layer, InputLayer):
            layer = layer.output
        if isinstance(layer, Symbol):
            if self._layers or self.given_input_shape is not None:
                raise ValueError(
                    f"{self.name} has an input already; an Input comes first, and once"
                )
            if not isinstance(layer.node.layer, InputLayer):
                raise ValueError(f"{layer!r} is no Input; add the layer itself")
            self.given_input_shape, self._input = layer.shape[1:], layer
            return
        if not isinstance(layer, Layer):
            hint = f"; write {layer.__name__}(...)" if isinstance(layer, type) else ""
            raise ValueError(f"a model is made of layers, got {layer!r}{hint}")
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(
                f"{self.name} has a layer {layer.name} already; give each its own name="
            )
        if not self._layers and self.given_input_shape is None:
            self.given_input_shape = layer.given_input_shape
        self._layers.append(layer)

    def pop(self) -> Layer:
        """Remove the last layer, and return it."""
        if not self._layers:
            raise ValueError(f"{self.name} has no layers to remove")
        layer = self._layers.pop()
        self.built = False
        self._build_if_possible()
        return layer

    def _build_if_possible(self) -> None:
        self.built = False
        if self._layers and self.given_input_shape is not None:
            self.build_once((None, *self.given_input_shape))

    def build(self, input_shape: Shape) -> None:
        """Build the layers, from the shape of a batch of inputs, (None, ...)."""
        if not self._layers:
            raise ValueError(f"{self.name} has no layers; add(layer) first")
        shape = tuple(input_shape)
        if self.given_input_shape is None:
            self.given_input_shape = shape[1:]
        start = self._input if self._graph is None else self._graph.inputs[0]
        if start is None or start.shape[1:] != shape[1:]:
            start = Input(batch_shape=shape)
        end = start
        with drawing_from(self.weight_generator):
            for layer in self._layers:
                end = _outputs_of(layer, end)
        self._graph = Graph(start, end)
        self.finish_building(start.shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs, from that of the inputs."""
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape


def _outputs_of(layer: Layer, symbol: Symbol) -> Any:
    """Return what a layer has given for a Symbol already, or gives now."""
    calls = [node for node in layer._inbound_nodes if node.inputs == [symbol]]
    known = [node.outputs for node in calls if node.arguments == (symbol,) and not node.options]
    return known[0] if known else layer(symbol)
