"""How the cost of a work grows with its size, counted in calls: a clock would tell of the machine.

Of each function, built-in ones too, the calls are counted at two sizes. Where the cost is in
proportion to the size, no function is called more often than in that proportion.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count, islice
from types import FrameType
from typing import Any

from tinygrad_hw import Value
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.micrograd import MLP

SLACK = 1.4  # what a call more here and there, or a logarithm, may add
FEW = 200  # calls, which may grow as they like


def calls(work: Callable[[], Any]) -> Counter[str]:
    """Count the calls of each function during some work; a generator is called at each step."""
    counted: Counter[str] = Counter()

    def count(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            code = frame.f_code
            counted[f"{code.co_filename}:{code.co_firstlineno} {code.co_qualname}"] += 1
        elif event == "c_call":
            counted[f"{argument.__module__} {argument.__qualname__}"] += 1

    gc.disable()  # what is thrown away meanwhile is no part of the work
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return counted


def outgrowing(
    work: Callable[[Value], Any], small: Value, large: Value, few: int = FEW
) -> dict[str, str]:
    """Return the functions whose calls grow by more than the size of the graph."""
    proportion = len(topological_order(large)) / len(topological_order(small))
    work(small), work(large)  # once, for what is made once only
    before, after = (calls(lambda root=root: work(root)) for root in (small, large))
    return {
        name: f"{before[name]:,} calls, then {n:,}, × {n / max(before[name], 1):.1f}"
        for name, n in after.items()
        if n > few and n > SLACK * proportion * before[name]
    }


# --- Networks of single numbers, by the number of inputs and of the neurons in each layer ---------

Network = Callable[[Sequence[int]], Value]


def regularized(sizes: Sequence[int]) -> Value:
    """Return micrograd's loss: how far a net is off, and the squares of its parameters."""
    net = MLP(sizes[0], sizes[1:])
    return (net([0.5] * sizes[0]) - 1.0) ** 2 + 0.01 * sum(w * w for w in net.parameters())


def labeled(sizes: Sequence[int]) -> Value:
    """Return the loss of sigmoid neurons as a student writes them, with a name for everything."""
    results = [Value(0.1 * i, f"x{i}", constant=True) for i in range(sizes[0])]
    number = count(1)
    for size in sizes[1:]:
        inputs, results = results, []
        for n in islice(number, size):
            z = Value(0.1, f"b{n}")
            for i, x in enumerate(inputs):
                z = z + Value(0.1 * i - 0.2, f"w{n}_{i}") * x
            z.label = f"z{n}"
            results.append(z.sigmoid())
            results[-1].label = f"a{n}"
    loss = sum((a - 1.0) ** 2 for a in results)
    loss.label = "E"
    return loss
