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
        self.inputs = _symbols(inputs, "inputs")
        self.outputs, *others = _symbols(outputs, "outputs")
        if others:
            raise ValueError(
                f"Model(inputs, outputs) has one output here, got {1 + len(others)}; make a model "
                "of each"
            )
        self.nodes, self.layers = _sorted_nodes(self.inputs, self.outputs)
        if not all(isinstance(x.node.layer, InputLayer) for x in self.inputs):
            new = [x if isinstance(x.node.layer, InputLayer) else _like(x) for x in self.inputs]
            known = self._known(dict(zip(self.inputs, new, strict=True)), lambda layer: layer)
            self.inputs, self.outputs = new, known[self.outputs]
            self.nodes, self.layers = _sorted_nodes(self.inputs, self.outputs)
        names: set[str] = set()
        for layer in self.layers:
            if layer.name in names:
                raise ValueError(f"two layers are named {layer.name}; give each its own name=")
            names.add(layer.name)

    @property
    def input_shape(self) -> Any:
        """Return the shape of a batch of inputs, or a list of them."""
        shapes = [symbol.shape for symbol in self.inputs]
        return shapes if len(shapes) > 1 else shapes[0]

    def run(
        self, inputs: Any, method: Callable[[Any], Callable[..., Any]] = lambda layer: layer
    ) -> Any:
        """Return the outputs for inputs, or what another method of the layers makes of them."""
        return self._known(self._given(inputs), method)[self.outputs]

    def operands_of_last(self, inputs: Any) -> tuple[Any, ...]:
        """Return what the last layer is called with, for inputs of the graph."""
        known = self._known(self._given(inputs), lambda layer: layer, self.nodes[:-1])
        operands: tuple[Any, ...] = self.outputs.node.call(known.__getitem__, lambda *x, **_: x)
        return operands

    def _given(self, inputs: Any) -> dict[Symbol, Any]:
        several = isinstance(inputs, list | tuple) and len(self.inputs) > 1
        parts = inputs if several else [inputs]
        if len(parts) != len(self.inputs):
            raise ValueError(
                f"a model of {len(self.inputs)} inputs got {len(parts)}; give them in one list"
            )
        return dict(zip(self.inputs, parts, strict=True))

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

    def dtype_of_inputs(self, given: np.dtype[Any], place: int) -> np.dtype[Any] | None:
        """Return the dtype that the layers take an input of a dtype in; None for the model's."""
        own = self.inputs[place].dtype
        if own.kind in "iub":
            return own
        return given if given.kind in "iu" and self._takes_integers(self.inputs[place]) else None

    def _takes_integers(self, symbol: Symbol) -> bool:
        first = [node.layer for node in self.nodes if symbol in node.inputs]
        return all([layer.accepts_integers for layer in first])

    @property
    def is_chain(self) -> bool:
        """Return whether each layer takes the outputs of the one before, and nothing else."""
        chain = [self.inputs[0], *[node.outputs for node in self.nodes[:-1]]]
        links = zip(self.nodes, chain, strict=True)
        once = len(self.nodes) == len({node.layer for node in self.nodes})
        return (
            once
            and len(self.inputs) == 1
            and all([node.inputs == [symbol] for node, symbol in links])
        )

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
        numbers = {node: i for i, node in enumerate([*[x.node for x in self.inputs], *self.nodes])}

        def reference(symbol: Symbol) -> dict[str, int]:
            return {"node": numbers[symbol.node], "output": symbol.index}

        def described(node: Node) -> dict[str, Any]:
            arguments, options = node.call(reference, lambda *a, **o: (a, o))
            layer = self.layers.index(node.layer)
            return {"layer": layer, "arguments": list(arguments), "options": options}

        return {
            "layers": self.layers,
            "inputs": [self.layers.index(x.node.layer) for x in self.inputs],
            "nodes": [described(node) for node in self.nodes],
            "outputs": reference(self.outputs),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the graph of a configuration, by calling its layers."""
        layers = config["layers"]
        if not all(isinstance(layer, Layer) for layer in layers):
            raise ValueError("a graph is made of layers")
        inputs = [layers[i].output for i in config["inputs"]]
        outputs: list[list[Symbol]] = [[symbol] for symbol in inputs]

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


def _symbols(given: Any, what: str) -> list[Symbol]:
    """Return the one Symbol, or those of a list."""
    parts = list(given) if isinstance(given, list | tuple) else [given]
    if not parts or not all(isinstance(x, Symbol) and hasattr(x, "node") for x in parts):
        raise ValueError(
            "Model(inputs, outputs) takes an Input, or a list of them, and one Symbol that a layer "
            f"gave for it; got {what}={given!r}"
        )
    if len(set(parts)) != len(parts):
        raise ValueError(f"Model(inputs, outputs) got one of the {what} twice: {given!r}")
    return parts


def _like(symbol: Symbol) -> Symbol:
    return Input(batch_shape=symbol.shape, dtype=symbol.dtype)


def _sorted_nodes(inputs: list[Symbol], outputs: Symbol) -> tuple[list[Node], list[Layer]]:
    """Return the calls that lead to the outputs, each after those it needs; and the layers."""
    ends = {symbol.node for symbol in inputs}
    done: dict[Node, None] = {}
    found: dict[Node, None] = {}
    waiting = [outputs]
    while waiting:
        symbol = waiting[-1]
        node = symbol.node
        if node in done:
            waiting.pop()
        elif symbol in inputs:
            found[node] = done[node] = None
        elif node in found:
            done[node] = None
        elif isinstance(node.layer, InputLayer):
            known = ", ".join(x.name for x in inputs)
            raise ValueError(
                f"the outputs depend on {symbol!r}, beside the model's inputs, {known}"
            )
        else:
            found[node] = None
            waiting += reversed(node.inputs)
    nodes = [node for node in done if node not in ends]
    if not nodes:
        raise ValueError("the outputs are the inputs: there is no layer between them")
    unused = [node for node in ends if node not in found]
    return nodes, _by_depth(list(done), [node.layer for node in (*unused, *found)])


def _by_depth(nodes: list[Node], layers: list[Layer]) -> list[Layer]:
    """Sort layers as Keras does: those from which most calls lead to the outputs come first."""
    depths: dict[Node, int] = {}
    of_layers: dict[Layer, int] = {}
    for node in reversed(nodes):
        of_layers[node.layer] = max(depths.get(node, 0), of_layers.get(node.layer, 0))
        for symbol in node.inputs:
            deeper = of_layers[node.layer] + 1
            depths[symbol.node] = max(depths.get(symbol.node, 0), deeper)
    return sorted(dict.fromkeys(layers), key=lambda layer: -of_layers.get(layer, 0))
