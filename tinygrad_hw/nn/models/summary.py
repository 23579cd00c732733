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


def print_summary(
    model: Layer,
    layers: Sequence[Layer],
    print_fn: Callable[[str], Any],
    connections: Callable[[Layer], str] | None = None,
) -> None:
    """Print the name of a model, a row for each layer, and the numbers of parameters.

    With ``connections``, which returns what a layer takes, there is a column of them.
    """
    rows = [["Layer (type)", "Output Shape", "Param #", "Connected to"]]
    for layer in layers:
        row = LayerSummary.of(layer)
        number = f"{row.parameters:,}" if layer.built else "0 (unbuilt)"
        taken = connections(layer) if connections else ""
        rows.append([f"{row.name} ({row.kind})", row.output_shape, number, taken])
    widths = [max(least, *[len(row[i]) for row in rows]) for i, least in enumerate((28, 20, 12))]
    print_fn(f'Model: "{model.name}"')
    for name, shape, number, taken in rows:
        line = f"{name:<{widths[0]}} {shape:<{widths[1]}} {number:>{widths[2]}}"
        print_fn(f"{line}  {taken}" if connections else line)
    counts = [
        sum(p.size for p in weights)
        for weights in (model.weights, model.trainable_weights, model.non_trainable_weights)
    ]
    for kind, count in zip(("Total", "Trainable", "Non-trainable"), counts, strict=True):
        print_fn(f"{kind} params: {count:,}")
