"""Graph: the calls of layers between an ``Input`` and what a functional model returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from tinygrad_hw.engine.transforms.pytree import leaves_of
from tinygrad_hw.nn.layers import Input, InputLayer, Layer, Symbol
from tinygrad_hw.nn.layers.symbolic import Node


class Graph:
    """Graph of the calls of layers that lead from one Symbol to another.

    Parameters
    ----------
    inputs, outputs
        The Symbols at its ends. Inputs that a layer has given are replaced by an ``Input``.

    Attributes
    ----------
    nodes
        The calls of layers, each after those whose outputs it takes.
    layers
        The layers, each once, in Keras's order: those from which most calls lead to the outputs
        come first.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs = _only(inputs, "inputs"), _only(outputs, "outputs")
        self.nodes, layers = _sorted_nodes(self.inputs, self.outputs)
        if not isinstance(self.inputs.node.layer, InputLayer):
            old, self.inputs = self.inputs, _input_like(self.inputs)
            self.outputs = self._known({old: self.inputs}, lambda layer: layer)[self.outputs]
            self.nodes, layers = _sorted_nodes(self.inputs, self.outputs)
        self.layers: list[Layer] = [self.inputs.node.layer, *layers]
        names: set[str] = set()
        for layer in self.layers:
            if layer.name in names:
                raise ValueError(f"two layers are named {layer.name}; give each its own name=")
            names.add(layer.name)

    def run(
        self, inputs: Any, method: Callable[[Any], Callable[..., Any]] = lambda layer: layer
    ) -> Any:
        """Return the outputs for inputs, or what another method of the layers makes of them."""
        return self._known({self.inputs: inputs}, method)[self.outputs]

    def operands_of_last(self, inputs: Any) -> tuple[Any, ...]:
        """Return what the last layer is called with, for inputs of the graph."""
        known = self._known({self.inputs: inputs}, lambda layer: layer, self.nodes[:-1])
        operands: tuple[Any, ...] = self.outputs.node.call(known.__getitem__, lambda *x, **_: x)
        return operands

    def _known(
        self,
        known: Mapping[Symbol, Any],
        method: Callable[[Any], Callable[..., Any]],
        nodes: list[Node] | None = None,
    ) -> dict[Symbol, Any]:
        """Return what stands for each Symbol, from what stands for the inputs."""
        known = dict(known)
        for node in self.nodes if nodes is None else nodes:
            results = node.call(known.__getitem__, method(node.layer))
            known |= zip(leaves_of(node.outputs), leaves_of(results), strict=True)
        return known

    def dtype_of_inputs(self, given: np.dtype[Any]) -> np.dtype[Any] | None:
        """Return the dtype that the layers take inputs of a dtype in; None for the model's."""
        if self.inputs.dtype.kind in "iub":
            return self.inputs.dtype
        first = [node.layer for node in self.nodes if self.inputs in node.inputs]
        takes_integers = all([layer.accepts_integers for layer in first])
        return given if takes_integers and given.kind in "iu" else None

    @property
    def is_chain(self) -> bool:
        """Return whether each layer takes the outputs of the one before, and nothing else."""
        chain = [self.inputs, *[node.outputs for node in self.nodes[:-1]]]
        links = zip(self.nodes, chain, strict=True)
        once = len(self.nodes) == len({node.layer for node in self.nodes})
        return once and all([node.inputs == [symbol] for node, symbol in links])

    def connections(self, layer: Layer) -> str:
        """Return what a layer takes, as Keras writes it: "dense[0][0]" is its first call's."""
        symbols = [x for node in self.nodes if node.layer is layer for x in node.inputs]
        places = [(x.name, x.node.layer._inbound_nodes.index(x.node), x.index) for x in symbols]
        return ", ".join([f"{name}[{call}][{output}]" for name, call, output in places]) or "-"

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the layers and their calls one by one: a graph may be deep."""
        return Graph.from_config, (self.get_config(),)

    def get_config(self) -> dict[str, Any]:
        """Return the layers, and their calls by the numbers of layers and of what they take."""
        numbers = {node: i for i, node in enumerate([self.inputs.node, *self.nodes])}

        def reference(symbol: Symbol) -> dict[str, int]:
            return {"node": numbers[symbol.node], "output": symbol.index}

        def described(node: Node) -> dict[str, Any]:
            arguments, options = node.call(reference, lambda *a, **o: (a, o))
            layer = self.layers.index(node.layer)
            return {"layer": layer, "arguments": list(arguments), "options": options}

        return {
            "layers": self.layers,
            "inputs": self.layers.index(self.inputs.node.layer),
            "nodes": [described(node) for node in self.nodes],
            "outputs": reference(self.outputs),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the graph of a configuration, by calling its layers."""
        layers = config["layers"]
        if not all(isinstance(layer, Layer) for layer in layers):
            raise ValueError("a graph is made of layers")
        inputs = layers[config["inputs"]].output
        outputs: list[list[Symbol]] = [[inputs]]

        def found(argument: Any) -> Any:
            if isinstance(argument, list):
                return [found(part) for part in argument]
            if isinstance(argument, Mapping) and argument.keys() == {"node", "output"}:
                return outputs[argument["node"]][argument["output"]]
            return argument

        for node in config["nodes"]:
            arguments = found(list(node["arguments"]))
            options = {name: found(x) for name, x in node["options"].items()}
            outputs.append(list(leaves_of(layers[node["layer"]](*arguments, **options))))
        return cls(inputs, found(config["outputs"]))


def _only(symbols: Any, what: str) -> Symbol:
    """Return the one Symbol, which may stand in a list."""
    parts: list[Any] = list(symbols) if isinstance(symbols, list | tuple) else [symbols]
    if len(parts) != 1 or not hasattr(parts[0], "node"):
        raise ValueError(
            f"Model(inputs, outputs) takes one Input, and one Symbol that a layer gave for it; "
            f"got {what}={symbols!r}"
        )
    only: Symbol = parts[0]
    return only


def _input_like(symbol: Symbol) -> Symbol:
    return Input(batch_shape=symbol.shape, dtype=symbol.dtype)


def _sorted_nodes(inputs: Symbol, outputs: Symbol) -> tuple[list[Node], list[Layer]]:
    """Return the calls between two Symbols, each after those it needs; and their layers."""
    done: dict[Node, None] = {}
    found: dict[Node, None] = {}
    waiting = [outputs]
    while waiting:
        symbol = waiting[-1]
        if symbol is inputs or symbol.node in done:
            waiting.pop()
        elif symbol.node in found:
            done[symbol.node] = None
        elif isinstance(symbol.node.layer, InputLayer):
            raise ValueError(
                f"the outputs depend on {symbol!r}, which is not the model's input; a model has "
                "one Input"
            )
        else:
            found[symbol.node] = None
            waiting += reversed(symbol.node.inputs)
    if not done:
        raise ValueError("the outputs are the inputs: there is no layer between them")
    return list(done), _by_depth(list(done), [node.layer for node in found])


def _by_depth(nodes: list[Node], layers: list[Layer]) -> list[Layer]:
    """Sort layers as Keras does: those from which most calls lead to the outputs come first."""
    depths: dict[Node, int] = {}
    depths_of_layers: dict[Layer, int] = {}
    for node in reversed(nodes):
        depth = max(depths.get(node, 0), depths_of_layers.get(node.layer, 0))
        depths_of_layers[node.layer] = depth
        for symbol in node.inputs:
            depths[symbol.node] = max(depths.get(symbol.node, 0), depth + 1)
    return sorted(dict.fromkeys(layers), key=lambda layer: -depths_of_layers[layer])
