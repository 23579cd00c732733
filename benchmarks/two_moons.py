"""micrograd's two moons (MLP 2-16-16-1, 100 points, full batch) beside micrograd.

    python benchmarks/two_moons.py

The program of micrograd's demonstration, forward and backward, with Python's garbage collector as
it comes and switched off. Ours runs twice: with our own networks of scalars, and with micrograd's
``nn`` on our Values, where every product is a node. Each runs in a process of its own, in turn, for
several rounds. Medians; the ratio is ours to micrograd's.
"""

import gc
import json
import random
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

ROUNDS, PASSES, WARM_UP = 5, 4, 1
NAMES = {
    "micrograd": "micrograd",
    "ours": "tinygrad_hw",
    "mixed": "our Value, its nn",
}


def load(name: str) -> tuple[Any, Any]:
    """Value and MLP of one of them."""
    if name == "ours":
        from tinygrad_hw.engine import Value
        from tinygrad_hw.nn import MLP

        return Value, MLP
    import micrograd.engine
    import micrograd.nn

    if name == "mixed":
        from tinygrad_hw.engine import Value

        micrograd.nn.Value = Value
        return Value, micrograd.nn.MLP
    return micrograd.engine.Value, micrograd.nn.MLP


def measure(name: str, collector: bool) -> tuple[float, float]:
    """Median time of a pass in milliseconds, and the loss, which must be the same for all."""
    Value, MLP = load(name)
    random.seed(1337)
    generator = np.random.default_rng(1337)
    angle = generator.uniform(0, np.pi, 50)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    X = np.concatenate([upper, [1, 0.5] - upper]) + generator.normal(0, 0.1, (100, 2))
    y = np.repeat([-1, 1], 50)
    model = MLP(2, [16, 16, 1])
    gc.collect()
    if not collector:
        gc.disable()
    times = []
    for i in range(WARM_UP + PASSES):
        start = time.perf_counter()
        scores = [model(list(map(Value, row))) for row in X]
        losses = [(1 + -label * score).relu() for label, score in zip(y, scores, strict=True)]
        decay = 1e-4 * sum(p * p for p in model.parameters())
        loss = sum(losses) * (1.0 / len(losses)) + decay
        model.zero_grad()
        loss.backward()
        if i >= WARM_UP:
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3, float(loss.data)


def main() -> None:
    """Run each in its own process, in turn, and print the table."""
    results: dict[tuple[str, int], list[float]] = {}
    for _ in range(ROUNDS):
        losses = set()
        for name in NAMES:
            for collector in (1, 0):
                run = subprocess.run(
                    [sys.executable, __file__, name, str(collector)],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if run.returncode:
                    sys.exit(run.stderr.splitlines()[-1])
                elapsed, loss = json.loads(run.stdout)
                results.setdefault((name, collector), []).append(elapsed)
                losses.add(round(loss, 9))
        assert len(losses) == 1, losses
    medians = {key: statistics.median(times) for key, times in results.items()}
    print(f"{'collector':20}{'as it comes':>14}{'ratio':>8}{'off':>14}{'ratio':>8}")
    for name, text in NAMES.items():
        columns = [
            f"{medians[name, c]:>11.1f} ms{medians[name, c] / medians['micrograd', c]:>8.2f}"
            for c in (1, 0)
        ]
        print(f"{text:20}{''.join(columns)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], bool(int(sys.argv[2])))))
    else:
        main()
