"""Time a 784-128-10 network in JavaScript, as a page runs it: one image, in node.

    PYTHONPATH=. python benchmarks/javascript.py

Prints the median time of one answer, and of one answer with its gradients, in milliseconds.
"""

import subprocess

import numpy as np

from tinygrad_hw import Value, capture

SHAPES = {"w1": (784, 128), "b1": (128,), "w2": (128, 10), "b2": (10,)}
TIMED = """
const durations = [];
for (let i = 0; i < 60; i++) {
  const start = performance.now();
  for (let k = 0; k < 5; k++) { run(inputs); }
  durations.push((performance.now() - start) / 5);
}
console.log(durations.sort((x, y) => x - y)[30]);
"""


def milliseconds(backward: bool) -> float:
    """Return the median time of one image in node, with its gradients if asked."""
    rng = np.random.default_rng(0)
    weights = [
        Value(rng.normal(size=shape).astype(np.float32), label) for label, shape in SHAPES.items()
    ]

    @capture(jit=False)
    def run(x):
        w1, b1, w2, b2 = weights
        logits = np.maximum(x @ w1 + b1, 0.0) @ w2 + b2
        if backward:
            for weight in weights:
                weight.grad = None
            np.log(np.sum(np.exp(logits))).backward()
        return logits

    run.record(np.zeros((1, 784), np.float32))
    arrays = [f"{w.label}: new Float32Array({w.size}).fill(0.01)" for w in weights]
    inputs = f"const inputs = {{ x: new Float32Array(784).fill(0.5), {', '.join(arrays)} }};"
    text = run.javascript + inputs + TIMED
    found = subprocess.run(["node", "-e", text], capture_output=True, text=True, check=True)
    return float(found.stdout)


if __name__ == "__main__":
    print(
        f"one image: {milliseconds(False):.2f} ms; with its gradients: {milliseconds(True):.2f} ms"
    )
