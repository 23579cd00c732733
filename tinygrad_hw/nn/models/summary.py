"""The table of a model's layers, with its numbers of parameters, as Keras counts them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

from tinygrad_hw.nn.layers import Layer


class LayerSummary(NamedTuple):
    """Row of ``Model.summary`` for one layer.

    Attributes
    ----------
    name, kind
        "dense_1" and "Dense".
    output_shape
        "(None, 10)"; None stands for the number of examples.
    parameters
        Number of elements of all its weights.
    """

    name: str
    kind: str
    output_shape: str
    parameters: int

    @classmethod
    def of(cls, layer: Layer) -> Self:
        """Return the row of a layer; "?" is the shape of one that is not built."""
        shape = str(layer.output_shape).replace("'", "") if layer.built else "?"
        return cls(layer.name, type(layer).__name__, shape, sum(p.size for p in layer.weights))


def print_summary(model: Layer, layers: Sequence[Layer], print_fn: Callable[[str], Any]) -> None:
    """Print the name of a model, a row for each layer, and the numbers of parameters."""
    rows = [LayerSummary.of(layer) for layer in layers]
    names = [f"{row.name} ({row.kind})" for row in rows]
    widths = (max([28, *map(len, names)]), max([20, *[len(row.output_shape) for row in rows]]))
    line = f"{{:<{widths[0]}}} {{:<{widths[1]}}} {{:>12}}".format
    print_fn(f'Model: "{model.name}"')
    print_fn(line("Layer (type)", "Output Shape", "Param #"))
    for name, row, layer in zip(names, rows, layers, strict=True):
        number = f"{row.parameters:,}" if layer.built else "0 (unbuilt)"
        print_fn(line(name, row.output_shape, number))
    counts = [
        sum(p.size for p in weights)
        for weights in (model.weights, model.trainable_weights, model.non_trainable_weights)
    ]
    for kind, count in zip(("Total", "Trainable", "Non-trainable"), counts, strict=True):
        print_fn(f"{kind} params: {count:,}")
