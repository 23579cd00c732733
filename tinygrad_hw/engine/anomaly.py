"""Anomaly mode: stop where the first inf or nan is made, forward or backward."""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_hw.engine.call_site import calling_line
from tinygrad_hw.engine.core.chain_rule import Contribution, pull, push
from tinygrad_hw.engine.core.data import Data, is_finite
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.core.operation import Operation, call_text
from tinygrad_hw.engine.core.state import setting


@contextmanager
def anomaly() -> Iterator[None]:
    """Stop at the first operation that makes an inf or a nan, forward or backward.

    Raises FloatingPointError inside the block, naming the operation, its inputs and the line of
    your program that created it. This takes time: use it to find a fault, not to train.
    """
    with setting(anomaly=AnomalyDetector()), np.errstate(all="ignore"):  # the error says more
        yield


class AnomalyDetector:
    """Checker of every result, contribution and tangent; ``state.anomaly`` holds one.

    Parameters
    ----------
    line
        The line whose derivative is being computed. Results recorded meanwhile belong to the line,
        and only the derivative as a whole is checked. None while the user's own calls are checked.
    """

    def __init__(self, line: str | None = None) -> None:
        self.line = line

    def check_result(
        self,
        operation: Operation,
        data: Data,
        inputs: tuple[Node, ...],
        arguments: tuple[Data, ...],
        attributes: dict[str, Any],
    ) -> str:
        """Return the line of the call; raise if finite operands gave an inf or a nan."""
        if self.line is not None:
            return self.line
        line = calling_line()
        if not is_finite(data) and all(map(is_finite, arguments)):
            call = call_text(operation.name, inputs, attributes, arguments)
            raise FloatingPointError(f"{call} gives {data!r:.80} {line}")
        return line

    def pull(
        self, node: Node, upstream: Any, wanted: Container[int] | None = None
    ) -> list[Contribution | None]:
        """Pull through a node; raise if a finite upstream gradient becomes an inf or a nan."""
        with setting(anomaly=AnomalyDetector(_line_of(node))):
            edges = pull(node, upstream, wanted)
        _check_derivative(node, [upstream], [edge[1] for edge in edges if edge is not None])
        return edges

    def push(self, node: Node, tangents: Sequence[Any]) -> Any:
        """Push through a node; raise if finite tangents become an inf or a nan."""
        arriving = [tangent for tangent in tangents if tangent is not None]
        if not arriving:
            return None
        with setting(anomaly=AnomalyDetector(_line_of(node))):
            tangent = push(node, tangents)
        _check_derivative(node, arriving, [tangent])
        return tangent


def _check_derivative(node: Node, arriving: list[Any], leaving: list[Any]) -> None:
    bad = [raw(x) for x in leaving if not is_finite(raw(x))]
    if bad and all([is_finite(raw(x)) for x in (*arriving, *node.arguments)]):
        call = call_text(node.operation.name, node.inputs, node.attributes, node.arguments)
        raise FloatingPointError(f"the derivative of {call} gives {bad[0]!r:.80} {_line_of(node)}")


def _line_of(node: Node) -> str:
    return getattr(node, "line", "(recorded outside anomaly(): its line is not known)")
