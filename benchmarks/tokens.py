"""A small transformer on arrays: 64 words of 16 letters, 16 wide, 4 heads, value and gradient.

It is spelled with NumPy's functions and runs in float64, on one thread. Loss and gradients of every
side must agree.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from measuring import Result, median_time, timed

BATCH, LENGTH, WIDE, HEADS, ALPHABET = 64, 16, 16, 4, 27
HEAD = WIDE // HEADS
SHAPES = {
    "letters": (ALPHABET, WIDE),
    "places": (LENGTH, WIDE),
    **{name: (WIDE, WIDE) for name in ("query", "key", "value", "mix")},
    "widen": (WIDE, 4 * WIDE),
    "narrow": (4 * WIDE, WIDE),
    "scores": (WIDE, ALPHABET),
}

generator = np.random.default_rng(27)
WEIGHTS = {name: generator.normal(0.0, 0.2, shape) for name, shape in SHAPES.items()}
WORDS = generator.integers(0, ALPHABET, (BATCH, LENGTH + 1))
MASK = np.where(np.tri(LENGTH) > 0, 0.0, -1e9)


def loss_in(np: Any) -> Callable[[dict[str, Any]], Any]:
    """Return the model's loss, written with whoever's NumPy."""

    def scaled(x: Any) -> Any:
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-5)

    def probabilities(scores: Any) -> Any:
        powers = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
        return powers / np.sum(powers, axis=-1, keepdims=True)

    def heads(x: Any) -> Any:
        return np.transpose(np.reshape(x, (BATCH, LENGTH, HEADS, HEAD)), (0, 2, 1, 3))

    def loss(w: dict[str, Any]) -> Any:
        x = scaled(w["letters"][WORDS[:, :-1]] + w["places"])
        inner = scaled(x)
        query, key, value = [heads(inner @ w[name]) for name in ("query", "key", "value")]
        matches = query @ np.swapaxes(key, -1, -2) * HEAD**-0.5 + MASK
        seen = np.transpose(probabilities(matches) @ value, (0, 2, 1, 3))
        x = x + np.reshape(seen, (BATCH, LENGTH, WIDE)) @ w["mix"]
        x = x + np.maximum(scaled(x) @ w["widen"], 0.0) @ w["narrow"]
        shares = probabilities(x @ w["scores"])
        rows, columns = np.arange(BATCH)[:, None], np.arange(LENGTH)[None, :]
        return -np.mean(np.log(shares[rows, columns, WORDS[:, 1:]]))

    return loss


def ours(threads: int) -> Result:
    """Our engine, with NumPy's own functions."""
    from tinygrad_hw import value_and_grad

    return _measured(value_and_grad(loss_in(np)))


def captured(threads: int, jit: bool) -> Result:
    """Our engine, captured."""
    from tinygrad_hw import capture, value_and_grad

    return _measured(capture(value_and_grad(loss_in(np)), jit=jit))


def hips_autograd(threads: int) -> Result:
    """HIPS autograd, with the functions of its NumPy."""
    import autograd.numpy
    from autograd import value_and_grad

    return _measured(value_and_grad(loss_in(autograd.numpy)))


def pytorch(threads: int) -> Result:
    """PyTorch, with its own functions under NumPy's names."""
    import torch

    torch.set_num_threads(threads)
    words, mask = torch.as_tensor(WORDS), torch.as_tensor(MASK)
    weights = {name: torch.tensor(w, requires_grad=True) for name, w in WEIGHTS.items()}

    def scaled(x: Any) -> Any:
        return x / torch.sqrt(torch.mean(x * x, -1, keepdim=True) + 1e-5)

    def heads(x: Any) -> Any:
        return x.reshape(BATCH, LENGTH, HEADS, HEAD).transpose(1, 2)

    def evaluate(w: Any) -> tuple[Any, dict[str, Any]]:
        x = scaled(w["letters"][words[:, :-1]] + w["places"])
        inner = scaled(x)
        query, key, value = [heads(inner @ w[name]) for name in ("query", "key", "value")]
        matches = query @ key.transpose(-1, -2) * HEAD**-0.5 + mask
        seen = (torch.softmax(matches, -1) @ value).transpose(1, 2)
        x = x + seen.reshape(BATCH, LENGTH, WIDE) @ w["mix"]
        x = x + torch.relu(scaled(x) @ w["widen"]) @ w["narrow"]
        shares = torch.softmax(x @ w["scores"], -1)
        loss = -torch.mean(torch.log(torch.gather(shares, -1, words[:, 1:, None])))
        return loss.item(), dict(zip(w, torch.autograd.grad(loss, [*w.values()]), strict=True))

    return _measured(lambda _: evaluate(weights))


def jax_jit(threads: int) -> Result:
    """JAX, value and gradient one compiled function."""
    import jax
    import jax.numpy

    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(jax.value_and_grad(loss_in(jax.numpy)))
    weights = {name: jax.device_put(w) for name, w in WEIGHTS.items()}
    return _measured(lambda _: jax.block_until_ready(compiled(weights)))


def _measured(evaluate: Callable[..., Any]) -> Result:
    first, loss = timed(lambda: evaluate(WEIGHTS)[0])
    seconds = median_time(lambda: evaluate(WEIGHTS))
    gradients = evaluate(WEIGHTS)[1]
    return Result(
        seconds, first, [loss, *[float(abs(gradients[name]).sum()) for name in sorted(SHAPES)]]
    )
