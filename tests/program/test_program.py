"""Programs of many instructions: their cost grows with their length."""

from collections.abc import Sequence

import numpy as np
import pytest
from growth import Network, labeled, outgrowing

from tinygrad_hw import Value, capture
from tinygrad_hw.engine.core.graph import topological_order


def many_arrays(sizes: Sequence[int]) -> Value:
    """Return a sum over arrays, each of which is needed again at the end."""
    weights = [Value(np.full(3, 0.1 * i), f"w{i}") for i in range(sum(sizes))]
    squares = [np.tanh(w * w) for w in weights]
    total = sum(squares)
    return sum(np.sum(square * total) for square in reversed(squares))


def captured(root: Value) -> str:
    """Compute a graph again in a captured function, with its gradients; return the program."""
    order = topological_order(root)

    @capture(jit=False)
    def step() -> Value:
        again = {id(node): node for node in order if node.operation is None}
        for node in again.values():
            node.grad = None
        for node in order:
            if node.operation is not None:
                operands = [again[id(x)] for x in node.inputs]
                again[id(node)] = node.operation(*operands, **node.attributes)
        loss = again[id(root)]
        loss.backward()
        return loss

    first, *others = [step().raw for _ in range(5)]
    assert others == [first] * 4
    return step.source


@pytest.mark.parametrize("network", [labeled, many_arrays])
def test_the_cost_of_a_program_grows_with_its_length(network: Network) -> None:
    assert not outgrowing(captured, network([3, 8, 1]), network([3, 24, 1]))


def test_each_stage_prints_as_what_it_is() -> None:
    @capture(jit=False)
    def double(x: float) -> float:
        return x * 2.0

    assert [double(x) for x in (1.0, 2.0, 3.0)] == [2.0, 4.0, 6.0]
    program = double.program
    assert "%2: float = mul(%1, 2.0)" in str(program.recording)
    assert "%2: float = mul(%1, 2.0)" in str(program.schedule)
    assert str(program.listing) == double.source
    assert str(program.replay) == "<replay of double: 1 instructions>"
