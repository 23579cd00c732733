"""A gradient that is 0 by nature is drawn as 0; a small one that is not stays as small as it is."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tinygrad_hw import Value, steps
from tinygrad_hw.engine import ops
from tinygrad_hw.explain import svg
from tinygrad_hw.explain.graph.folding import fold, unfold


def softmax_loss(shift: float, logits: list[float]) -> tuple[Value, Value, Value]:
    """Cross-entropy of a softmax whose logits share a sum: by that, the loss does not change."""
    k = Value(0.7, "k")
    b = k * shift
    b.label = "b"
    zs = [Value(z, f"w{i}") + b for i, z in enumerate(logits)]
    for i, z in enumerate(zs):
        z.label = f"z{i}"
    powers = [ops.exp(z) for z in zs]
    total = powers[0]
    for power in powers[1:]:
        total = total + power
    loss = -ops.log(powers[0] / total)
    loss.label = "E"
    return loss, b, k


@pytest.mark.parametrize("seed", range(8))
def test_what_softmax_does_not_feel_has_gradient_0_and_passes_on_0(seed: int) -> None:
    rng = random.Random(seed)
    root, b, k = softmax_loss(rng.uniform(-2, 2), [rng.uniform(-2, 2) for _ in range(3)])
    for layout in (fold(root), unfold(root)):
        assert layout.gradients[id(b)] == layout.gradients[id(k)] == 0.0
        passed = [edge.contribution for edge in layout.edges if edge.node is b and edge.flows]
        assert set(passed) == {0.0}
    for text in (svg(root), str(steps(root)), str(steps(root, unfolded=True))):
        assert "e-1" not in text


def test_dust_there_is_without_the_rule() -> None:
    """The same gradients as the engine adds them up: else the test above would show nothing."""
    left = []
    for seed in range(8):
        rng = random.Random(seed)
        root, b, _ = softmax_loss(rng.uniform(-2, 2), [rng.uniform(-2, 2) for _ in range(3)])
        root.backward()
        left.append(abs(float(b.grad)))
    assert 0 < max(left) < 1e-14


def test_a_gradient_that_has_vanished_is_no_dust() -> None:
    """A product of many small factors is small, and not a sum that has canceled out."""
    w = Value(9.0, "w")
    a = w
    for i in range(6):
        a = (a * 9.0).sigmoid()
        a.label = f"a{i}"
    loss = a * 1.0 + Value(2.0, "u") * Value(3.0, "x", constant=True)
    loss.label = "E"
    gradient = fold(loss).gradients[id(w)]
    loss.backward()
    assert gradient == w.grad != 0.0
    assert abs(gradient) < 2.0**-60


def test_arrays_and_numbers_that_are_not_finite_stay_as_they_are() -> None:
    x = Value(np.array([1.0, 2.0]), "x")
    loss = np.sum(x - x)
    loss.label = "E"
    gradient = unfold(loss).gradients[id(x)]
    assert gradient.shape == (2,)
    y = Value(0.0, "y")
    with np.errstate(all="ignore"):
        loss = 1.0 / y - 1.0 / y
        loss.label = "E"
        assert np.isnan(fold(loss).gradients[id(y)])
