"""One training step of the ten-class network (784-128-10, batch 32, Adam) beside the peers.

    python benchmarks/training_step.py

Each library that is installed runs in a process of its own, in turn, for several rounds, so that a
machine whose speed drifts is unfair to nobody. Each is measured with one and with two BLAS threads
and judged by its better figure. Medians; the ratio is ours to theirs.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

ROUNDS, STEPS, WARM_UP = 5, 400, 50
RATE, EPSILON = 0.001, 1e-7
generator = np.random.default_rng(0)
X = generator.random((32, 784), dtype=np.float32)
Y = generator.integers(0, 10, 32)


def ours(threads: int) -> Callable[[], object]:
    """Sequential.train_step, eager."""
    from threadpoolctl import threadpool_limits

    from tinygrad_hw.nn import Adam, Dense, Sequential

    threadpool_limits(threads)
    model = Sequential(
        [Dense(128, activation="relu", input_shape=(784,)), Dense(10, activation="softmax")], seed=1
    )
    model.compile(Adam(RATE), loss="sparse_categorical_crossentropy")
    return lambda: model.train_step(X, Y)


def pytorch(threads: int, fused: bool | None = None) -> Callable[[], object]:
    """PyTorch, eager, with its default Adam."""
    import torch

    torch.set_num_threads(threads)
    model = torch.nn.Sequential(
        torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE, eps=EPSILON, fused=fused)
    loss_of = torch.nn.CrossEntropyLoss()
    x, y = torch.from_numpy(X), torch.from_numpy(Y)

    def step() -> None:
        optimiser.zero_grad()
        loss_of(model(x), y).backward()
        optimiser.step()

    return step


def pytorch_fused(threads: int) -> Callable[[], object]:
    """PyTorch, eager, with its fused Adam."""
    return pytorch(threads, fused=True)


def mygrad(threads: int) -> Callable[[], object]:
    """MyGrad, with Adam written in NumPy, in place."""
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    shapes = [(784, 128), (128,), (128, 10), (10,)]
    parameters = [mg.tensor(0.05 * generator.standard_normal(s).astype(np.float32)) for s in shapes]
    first = [np.zeros(s, np.float32) for s in shapes]
    second = [np.zeros(s, np.float32) for s in shapes]
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        kernel_1, bias_1, kernel_2, bias_2 = parameters
        hidden = relu(mg.matmul(X, kernel_1) + bias_1)
        softmax_crossentropy(mg.matmul(hidden, kernel_2) + bias_2, Y).backward()
        rate = np.float32(RATE * (1 - 0.999**steps) ** 0.5 / (1 - 0.9**steps))
        for i, parameter in enumerate(parameters):
            first[i] += (parameter.grad - first[i]) * np.float32(0.1)
            second[i] += (parameter.grad**2 - second[i]) * np.float32(0.001)
            parameter.data -= rate * first[i] / (np.sqrt(second[i]) + np.float32(EPSILON))

    return step


PEERS = {
    "tinygrad_hw": ours,
    "PyTorch": pytorch,
    "PyTorch, fused Adam": pytorch_fused,
    "MyGrad": mygrad,
}


def measure(name: str, threads: int) -> float:
    """Median time of a step in milliseconds."""
    step = PEERS[name](threads)
    times = []
    for i in range(WARM_UP + STEPS):
        start = time.perf_counter()
        step()
        if i >= WARM_UP:
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def main() -> None:
    """Run every peer in its own process and print the table."""
    results: dict[tuple[str, int], list[float]] = {}
    for _ in range(ROUNDS):
        for name in PEERS:
            for threads in (1, 2):
                run = subprocess.run(
                    [sys.executable, __file__, name, str(threads)],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if run.returncode == 0:
                    results.setdefault((name, threads), []).append(json.loads(run.stdout))
    medians = {key: statistics.median(times) for key, times in results.items()}
    best = {name: min(v for (n, _), v in medians.items() if n == name) for name, _ in medians}
    print(f"{'':24}{'1 thread':>12}{'2 threads':>12}{'ours/theirs':>13}")
    for name, fastest in best.items():
        columns = [f"{medians[name, threads]:>9.3f} ms" for threads in (1, 2)]
        print(f"{name:24}{''.join(columns)}{best['tinygrad_hw'] / fastest:>13.2f}")
    for name in PEERS.keys() - best.keys():
        print(f"{name:24} not installed")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(measure(sys.argv[1], int(sys.argv[2])))
    else:
        main()
