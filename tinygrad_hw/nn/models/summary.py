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


class Summary(NamedTuple):
    """Summary of a model.

    Attributes
    ----------
    title
        The model by its name.
    rows
        The cells of the table: its head, and a row for each layer.
    counts
        The numbers of parameters, in words.
    """

    title: str
    rows: list[list[str]]
    counts: list[str]


def summarize(
    model: Layer, layers: Sequence[Layer], connections: Callable[[Layer], str] | None = None
) -> Summary:
    """Return the name of a model, a row for each layer, and the numbers of parameters.

    With ``connections``, which returns what a layer takes, there is a column of them.
    """
    rows = [["Layer (type)", "Output Shape", "Param #", *(["Connected to"] if connections else [])]]
    for layer in layers:
        row = LayerSummary.of(layer)
        number = f"{row.parameters:,}" if layer.built else "0 (unbuilt)"
        taken = [connections(layer)] if connections else []
        rows.append([f"{row.name} ({row.kind})", row.output_shape, number, *taken])
    counts = [
        sum(p.size for p in weights)
        for weights in (model.weights, model.trainable_weights, model.non_trainable_weights)
    ]
    kinds = ("Total", "Trainable", "Non-trainable")
    told = [f"{kind} params: {count:,}" for kind, count in zip(kinds, counts, strict=True)]
    return Summary(f'Model: "{model.name}"', rows, told)


def print_summary(summary: Summary, print_fn: Callable[[str], Any]) -> None:
    """Print a summary in columns."""
    least = (28, 20, 12)
    widths = [max(least[i], *[len(row[i]) for row in summary.rows]) for i in range(3)]
    print_fn(summary.title)
    for name, shape, number, *taken in summary.rows:
        line = f"{name:<{widths[0]}} {shape:<{widths[1]}} {number:>{widths[2]}}"
        print_fn("  ".join([line, *taken]))
    for count in summary.counts:
        print_fn(count)
