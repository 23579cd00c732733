"""Anomaly mode: stop where the first inf or nan is made, forward or backward."""

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_hw.engine.call_site import calling_line
from tinygrad_hw.engine.core.data import is_finite
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.core.operation import call_text
from tinygrad_hw.engine.core.trace import Trace, current, setting


@contextmanager
def anomaly() -> Iterator[None]:
    """Stop at the first operation that makes an inf or a nan, forward or backward.

    Raises FloatingPointError inside the block, naming the operation, its inputs and the line of
    your program that created it. This takes time: use it to find a fault, not to train.
    """
    with (
        setting(trace=AnomalyTrace(current().trace)),
        np.errstate(all="ignore"),  # the error says more
    ):
        yield


class AnomalyTrace(Trace):
    """Trace that checks every result, contribution and tangent of the trace that it is around.

    Parameters
    ----------
    inner
        The trace that carries out the operations.
    line
        The line whose derivative is being computed. Results recorded meanwhile belong to the line,
        and only the derivative as a whole is checked. None while the user's own calls are checked.
    """

    def __init__(self, inner: Trace, line: str | None = None) -> None:
        self.inner: Trace = inner.inner if isinstance(inner, AnomalyTrace) else inner
        self.line = line
        for name in vars(Trace):
            if name not in vars(AnomalyTrace) and not name.startswith("_"):
                setattr(self, name, getattr(self.inner, name))

    def add(self, node: Node) -> None:
        """Set the line of a new node; raise if finite operands gave an inf or a nan."""
        self.inner.add(node)
        if node.operation is None:
            return
        node.line = self.line or calling_line()
        if self.line is None and not is_finite(node.raw) and all(map(is_finite, node.arguments)):
            call = call_text(node.operation.name, node.inputs, node.attributes, node.arguments)
            raise FloatingPointError(f"{call} gives {node.raw!r:.80} {node.line}")

    def pulling(self, pull: Callable[..., Any]) -> Callable[..., Any]:
        """Return a pull that raises if a finite upstream gradient becomes an inf or a nan."""
        inner_pull = self.inner.pulling(pull)

        def checked(node: Node, upstream: Any, wanted: Container[int] | None = None) -> Any:
            with setting(trace=AnomalyTrace(self.inner, _line_of(node))):
                edges = inner_pull(node, upstream, wanted)
            leaving = [edge[1] for edge in edges if edge is not None]
            _check_derivative(node, [upstream], leaving)
            return edges

        return checked

    def pushing(self, push: Callable[..., Any]) -> Callable[..., Any]:
        """Return a push that raises if finite tangents become an inf or a nan."""
        inner_push = self.inner.pushing(push)

        def checked(node: Node, tangents: Sequence[Any]) -> Any:
            arriving = [tangent for tangent in tangents if tangent is not None]
            if not arriving:
                return None
            with setting(trace=AnomalyTrace(self.inner, _line_of(node))):
                tangent = inner_push(node, tangents)
            _check_derivative(node, arriving, [tangent])
            return tangent

        return checked


def _check_derivative(node: Node, arriving: list[Any], leaving: list[Any]) -> None:
    bad = [raw(x) for x in leaving if not is_finite(raw(x))]
    if bad and all([is_finite(raw(x)) for x in (*arriving, *node.arguments)]):
        call = call_text(node.operation.name, node.inputs, node.attributes, node.arguments)
        raise FloatingPointError(f"the derivative of {call} gives {bad[0]!r:.80} {_line_of(node)}")


def _line_of(node: Node) -> str:
    return getattr(node, "line", "(recorded outside anomaly(): its line is not known)")
