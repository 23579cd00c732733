"""One training step in every library, from the same weights on the same batch.

Each function returns the step, ready to be called; the step returns its loss, for the comparison
with the others. Arrays are where the library wants them before the clock starts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

RATE, BETA_1, BETA_2, EPSILON = 0.001, 0.9, 0.999, 1e-7
LOSS = "sparse_categorical_crossentropy"

Step = Callable[[], Any]
Arrays = list[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Problem:
    """A network of dense layers with relu between them, and a batch of random examples."""

    sizes: tuple[int, ...] = (784, 128, 10)
    batch: int = 32

    def examples(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Inputs and their classes."""
        generator = np.random.default_rng(0)
        x = generator.random((self.batch, self.sizes[0]), dtype=np.float32)
        return x, generator.integers(0, self.sizes[-1], self.batch)

    def weights(self) -> Arrays:
        """Kernel and bias of every layer, in order."""
        generator = np.random.default_rng(1)
        arrays = []
        for rows, columns in pairwise(self.sizes):
            kernel = generator.standard_normal((rows, columns), dtype=np.float32)
            arrays += [kernel * np.float32(rows**-0.5), np.zeros(columns, np.float32)]
        return arrays


TEN_CLASSES = Problem()
WIDE = Problem((784, 1024, 1024, 10), 512)


# --- Ours -----------------------------------------------------------------------------------------


def our_model(problem: Problem) -> Any:
    """Sequential with the problem's weights, not compiled."""
    from tinygrad_hw.nn import Dense, Sequential

    first, *hidden = problem.sizes[1:-1]
    layers = [
        Dense(first, activation="relu", input_shape=problem.sizes[:1]),
        *(Dense(width, activation="relu") for width in hidden),
        Dense(problem.sizes[-1], activation="softmax"),
    ]
    model = Sequential(layers, seed=0)
    model.set_weights(problem.weights())
    return model


def train_step(problem: Problem, threads: int, jit: bool) -> Step:
    """``Sequential.train_on_batch``."""
    from tinygrad_hw.nn import Adam

    model = our_model(problem)
    model.compile(Adam(RATE), loss=LOSS, metrics=["accuracy"], jit_compile=jit)
    x, y = problem.examples()
    return lambda: model.train_on_batch(x, y)[0]


def own_loop(problem: Problem, threads: int, jit: bool) -> Step:
    """What a user writes who wants a loop of their own: captured, it should cost no more."""
    from tinygrad_hw import capture

    x, y = problem.examples()
    step = capture(own_step(problem), jit=jit)
    return lambda: step(x, y)


def eager_loop(problem: Problem, threads: int) -> Step:
    """The same without ``capture``."""
    x, y = problem.examples()
    step = own_step(problem)
    return lambda: step(x, y)


def own_step(problem: Problem) -> Callable[[Any, Any], Any]:
    """Return a training step as a user writes it: of inputs and labels."""
    from tinygrad_hw.nn import Adam
    from tinygrad_hw.nn.losses import sparse_categorical_crossentropy

    model, optimizer = our_model(problem), Adam(RATE)

    def step(x: Any, labels: Any) -> Any:
        model.zero_grad()
        loss = sparse_categorical_crossentropy(model.logits(x), labels=labels)
        loss.backward()
        optimizer.apply(model.parameters())
        return loss

    return step


# --- Peers ----------------------------------------------------------------------------------------


def torch_model(problem: Problem, threads: int) -> Any:
    """PyTorch's network, on so many threads."""
    import torch

    torch.set_num_threads(threads)
    weights, layers = problem.weights(), []
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        linear = torch.nn.Linear(*kernel.shape)
        linear.weight.data = torch.from_numpy(kernel.T.copy())
        linear.bias.data = torch.from_numpy(bias)
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def pytorch(problem: Problem, threads: int, fused: bool | None = None) -> Step:
    """PyTorch, eager, with its default Adam or its fused one."""
    import torch

    model = torch_model(problem, threads)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, eps=EPSILON, fused=fused)
    loss_of = torch.nn.CrossEntropyLoss()
    x, y = map(torch.from_numpy, problem.examples())

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def jax_logits(parameters: list[Any], x: Any) -> Any:
    """Run the layers in JAX."""
    import jax

    *hidden, kernel, bias = parameters
    for inner_kernel, inner_bias in zip(hidden[::2], hidden[1::2], strict=True):
        x = jax.nn.relu(x @ inner_kernel + inner_bias)
    return x @ kernel + bias


def jax_jit(problem: Problem, threads: int) -> Step:
    """JAX: the whole step one compiled function, its state donated, so that it works in place."""
    import jax
    import jax.numpy as jnp

    def loss_of(parameters: list[Any], x: Any, y: Any) -> Any:
        logits = jax_logits(parameters, x)
        right = jnp.take_along_axis(logits, y[:, None], axis=1)[:, 0]
        return jnp.mean(jax.nn.logsumexp(logits, axis=1) - right)

    def update(state: Any, x: Any, y: Any) -> Any:
        steps, parameters, first, second = state
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y)
        steps = steps + 1
        first = [m + (g - m) * (1 - BETA_1) for m, g in zip(first, gradients, strict=True)]
        second = [v + (g * g - v) * (1 - BETA_2) for v, g in zip(second, gradients, strict=True)]
        rate = RATE * jnp.sqrt(1 - BETA_2**steps) / (1 - BETA_1**steps)
        parameters = [
            p - rate * m / (jnp.sqrt(v) + EPSILON)
            for p, m, v in zip(parameters, first, second, strict=True)
        ]
        return (steps, parameters, first, second), loss

    compiled = jax.jit(update, donate_argnums=0)
    weights = problem.weights()
    x, y = map(jax.device_put, problem.examples())
    state = (
        jnp.float32(0),
        [jnp.array(w) for w in weights],
        [jnp.zeros(w.shape) for w in weights],
        [jnp.zeros(w.shape) for w in weights],
    )

    def step() -> Any:
        nonlocal state
        state, loss = jax.block_until_ready(compiled(state, x, y))
        return loss

    return step


def keras_model(problem: Problem) -> Any:
    """Keras's network with the problem's weights, compiled."""
    import keras

    *hidden, last = problem.sizes[1:]
    model = keras.Sequential(
        [
            keras.Input(problem.sizes[:1]),
            *(keras.layers.Dense(width, activation="relu") for width in hidden),
            keras.layers.Dense(last, activation="softmax"),
        ]
    )
    model.set_weights(problem.weights())
    model.compile(keras.optimizers.Adam(RATE), loss=LOSS, metrics=["accuracy"])
    return model


def keras_step(problem: Problem, threads: int) -> Step:
    """Keras on JAX, called for one batch at a time."""
    model = keras_model(problem)
    x, y = problem.examples()

    def step() -> Any:
        model.reset_metrics()  # else the loss is a mean over all the steps so far
        return model.train_on_batch(x, y)[0]

    return step


def mygrad(problem: Problem, threads: int) -> Step:
    """MyGrad, with Adam in NumPy."""
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    x, y = problem.examples()
    parameters = [mg.tensor(w) for w in problem.weights()]
    adam = NumPyAdam([p.data for p in parameters])

    def step() -> Any:
        outputs = x
        for i in range(0, len(parameters), 2):
            outputs = mg.matmul(relu(outputs) if i else outputs, parameters[i]) + parameters[i + 1]
        loss = softmax_crossentropy(outputs, y)
        loss.backward()
        adam.update([p.grad for p in parameters])
        return loss

    return step


def hips_autograd(problem: Problem, threads: int) -> Step:
    """HIPS autograd, with Adam in NumPy."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    x, y = problem.examples()
    rows = np.arange(len(y))
    parameters = problem.weights()
    adam = NumPyAdam(parameters)

    def loss_of(weights: Arrays) -> Any:
        z = x
        for i in range(0, len(weights), 2):
            z = anp.dot(anp.maximum(z, 0) if i else z, weights[i]) + weights[i + 1]
        highest = anp.max(z, axis=1, keepdims=True)
        total = anp.log(anp.sum(anp.exp(z - highest), axis=1)) + highest[:, 0]
        return anp.mean(total - z[rows, y])

    gradient_of = value_and_grad(loss_of)

    def step() -> Any:
        loss, gradients = gradient_of(parameters)
        adam.update(gradients)
        return loss

    return step


class NumPyAdam:
    """Adam as a NumPy user writes it, in place, for the peers that have none."""

    def __init__(self, parameters: Arrays) -> None:
        self.parameters = parameters
        self.first = [np.zeros_like(p) for p in parameters]
        self.second = [np.zeros_like(p) for p in parameters]
        self.steps = 0

    def update(self, gradients: Arrays) -> None:
        """Change the parameters by one step."""
        self.steps += 1
        rate = np.float32(RATE * (1 - BETA_2**self.steps) ** 0.5 / (1 - BETA_1**self.steps))
        for p, g, m, v in zip(self.parameters, gradients, self.first, self.second, strict=True):
            np.add(m, (g - m) * np.float32(1 - BETA_1), out=m)
            np.add(v, (g * g - v) * np.float32(1 - BETA_2), out=v)
            np.subtract(p, rate * m / (np.sqrt(v) + np.float32(EPSILON)), out=p)


# --- What no library can do without ---------------------------------------------------------------


def bare_work(problem: Problem, threads: int) -> Step:
    """The step's matrix products, into arrays that are there already, and one pass of Adam."""
    import numba

    x, _ = problem.examples()
    kernels = problem.weights()[::2]
    outputs = [x, *(np.ones((len(x), k.shape[1]), np.float32) for k in kernels)]
    signals = [np.ones_like(output) for output in outputs]
    gradients = [np.empty_like(k) for k in kernels]
    size = sum(w.size for w in problem.weights())
    parameters, first, second = np.zeros((3, size), np.float32)
    gradient = np.full(size, 0.1, np.float32)

    @numba.njit(error_model="numpy", fastmath=True)
    def adam(p: Any, g: Any, m: Any, v: Any, rate: Any) -> None:
        for i in range(p.size):
            m[i] += (g[i] - m[i]) * np.float32(1 - BETA_1)
            v[i] += (g[i] * g[i] - v[i]) * np.float32(1 - BETA_2)
            p[i] -= rate * m[i] / (np.sqrt(v[i]) + np.float32(EPSILON))

    def step() -> float:
        for i, kernel in enumerate(kernels):
            np.matmul(outputs[i], kernel, out=outputs[i + 1])
        for i in range(len(kernels) - 1, -1, -1):
            np.matmul(outputs[i].T, signals[i + 1], out=gradients[i])
            if i:
                np.matmul(signals[i + 1], kernels[i].T, out=signals[i])
        adam(parameters, gradient, first, second, np.float32(RATE))
        return 0.0

    return step
