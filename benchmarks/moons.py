"""micrograd's demonstration: two moons, MLP 2-16-16-1, 100 points, one forward and backward pass.

Loss and gradients of every side must be micrograd's.
"""

import gc
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from measuring import Result, median_time, timed

POINTS, SIZES, DECAY = 100, [16, 16, 1], 1e-4

generator = np.random.default_rng(1337)
angle = generator.uniform(0, np.pi, POINTS // 2)
upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
X = np.concatenate([upper, [1, 0.5] - upper]) + generator.normal(0, 0.1, (POINTS, 2))
y = np.repeat([-1.0, 1.0], POINTS // 2)
ROWS, LABELS = X.tolist(), y.tolist()


# --- Eager ----------------------------------------------------------------------------------------


def micrograd(threads: int, collector: bool = True) -> Result:
    """micrograd itself, with Python's garbage collector as it comes or off."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    return _eager(Value, MLP, collector)


def ours(threads: int, collector: bool = True) -> Result:
    """Our Value under micrograd's names, and our networks of scalars."""
    from tinygrad_hw.micrograd import MLP, Value

    return _eager(Value, MLP, collector)


def mixed(threads: int) -> Result:
    """Our Value in micrograd's networks, where every product is a node."""
    import micrograd.nn

    from tinygrad_hw import Value

    micrograd.nn.Value = Value
    return _eager(Value, micrograd.nn.MLP)


def _eager(Value: Any, MLP: Any, collector: bool = True) -> Result:
    model = _model(MLP)
    if not collector:
        gc.collect()
        gc.disable()
    return _measured(lambda: _demonstration(Value, model), model)


def _demonstration(Value: Any, model: Any) -> Any:
    scores = [model(list(map(Value, row))) for row in ROWS]
    losses = [(1 + -label * score).relu() for label, score in zip(LABELS, scores, strict=True)]
    loss = sum(losses) * (1.0 / POINTS) + _decay(model)
    model.zero_grad()
    loss.backward()
    return loss.data


# --- Captured -------------------------------------------------------------------------------------


def whole(threads: int, jit: bool) -> Result:
    """The whole pass as one program."""
    from tinygrad_hw import capture

    model = _our_model()

    def passed() -> Any:
        model.zero_grad()
        scores = [model(row) for row in ROWS]
        losses = [(1 + -label * score).relu() for label, score in zip(LABELS, scores, strict=True)]
        loss = sum(losses) * (1.0 / POINTS) + _decay(model)
        loss.backward()
        return loss

    return _measured(capture(passed, jit=jit), model)


def pointwise(threads: int, jit: bool) -> Result:
    """One point as a program, called for each of them."""
    model = _our_model()
    point, begin = _programs(model, jit)

    def passed() -> float:
        loss = float(begin())
        for (x1, x2), label in zip(ROWS, LABELS, strict=True):
            loss += float(point(x1, x2, label))
        return loss

    return _measured(passed, model)


def batched(threads: int, jit: bool) -> Result:
    """The same program of one point, run for all of them by one call."""
    model = _our_model()
    point, begin = _programs(model, jit)
    x1, x2 = np.ascontiguousarray(X.T)

    def passed() -> float:
        loss = float(begin())
        return loss + float(np.sum(point.batch(x1, x2, y)))

    return _measured(passed, model)


def _programs(model: Any, jit: bool) -> tuple[Any, Any]:
    """One point's share of the loss; and what is done once, the decay of the weights."""
    from tinygrad_hw import capture

    def point(x1: Any, x2: Any, label: Any) -> Any:
        loss = (1 + -label * model([x1, x2])).relu() * (1.0 / POINTS)
        loss.backward()
        return loss

    def begin() -> Any:
        model.zero_grad()
        loss = _decay(model)
        loss.backward()
        return loss

    return capture(point, jit=jit), capture(begin, jit=jit)


# --- Common ---------------------------------------------------------------------------------------


def _our_model() -> Any:
    from tinygrad_hw.micrograd import MLP

    return _model(MLP)


def _model(MLP: Any) -> Any:
    random.seed(1337)
    return MLP(2, SIZES)


def _decay(model: Any) -> Any:
    return DECAY * sum(p * p for p in model.parameters())


def _measured(passed: Callable[[], Any], model: Any) -> Result:
    first, _ = timed(passed)
    seconds = median_time(passed)
    loss = float(passed())
    return Result(seconds, first, [loss, *(float(p.grad) for p in model.parameters())])
