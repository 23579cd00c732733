"""The losses beside Keras's own: the same numbers, and the same weights after ten steps."""

import inspect

import numpy as np
import pytest

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.engine.numpy_api import softmax
from tinygrad_hw.nn import losses

keras = pytest.importorskip("keras")

RANDOM = np.random.default_rng(0)
SHARES, SHARES_WANTED = RANDOM.dirichlet(np.ones(4), (2, 6)).astype(np.float32)
NUMBERS, WANTED = RANDOM.normal(size=(2, 6, 4)).astype(np.float32) * 2
LABELS = RANDOM.integers(0, 4, 6)
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
SHARES[0], SHARES_WANTED[0] = [0, 1, 0, 0], [1, 0, 0, 0]  # surer than the clip
SIGNS = np.sign(WANTED)
CASES = [  # the class, its settings, targets, outputs
    ("MeanSquaredError", {}, WANTED, NUMBERS),
    ("MeanAbsoluteError", {}, WANTED, NUMBERS),
    ("MeanAbsolutePercentageError", {}, WANTED, NUMBERS),
    ("MeanSquaredLogarithmicError", {}, WANTED, NUMBERS),
    ("Huber", {}, WANTED, NUMBERS),
    ("Huber", {"delta": 0.3}, WANTED, NUMBERS),
    ("LogCosh", {}, WANTED, NUMBERS),
    ("CosineSimilarity", {}, WANTED, NUMBERS),
    ("CosineSimilarity", {"axis": 0}, WANTED, NUMBERS),
    ("KLDivergence", {}, SHARES_WANTED, SHARES),
    ("Poisson", {}, abs(WANTED), abs(NUMBERS)),
    ("Hinge", {}, SIGNS, NUMBERS),
    ("Hinge", {}, ONE_HOT, NUMBERS),
    ("SquaredHinge", {}, SIGNS, NUMBERS),
    ("SquaredHinge", {}, ONE_HOT, NUMBERS),
    ("CategoricalHinge", {}, ONE_HOT, NUMBERS),
    ("BinaryCrossentropy", {}, ONE_HOT, SHARES),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, ONE_HOT, SHARES),
    ("BinaryCrossentropy", {"axis": 0}, ONE_HOT, SHARES),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, ONE_HOT, NUMBERS),
    ("CategoricalCrossentropy", {}, ONE_HOT, SHARES),
    ("CategoricalCrossentropy", {}, SHARES_WANTED, abs(NUMBERS)),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, ONE_HOT, SHARES),
    ("CategoricalCrossentropy", {"axis": 0}, ONE_HOT, SHARES),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, ONE_HOT, NUMBERS),
    ("SparseCategoricalCrossentropy", {}, LABELS, SHARES),
    ("SparseCategoricalCrossentropy", {}, LABELS[:, None], abs(NUMBERS)),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS, NUMBERS),
]
WEIGHTS = RANDOM.uniform(0, 2, 6).astype(np.float32)
REDUCTIONS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None]


def test_every_loss_is_compared():
    ours = {name for name in losses.__all__ if isinstance(getattr(losses, name), type)}
    assert {case[0] for case in CASES} == ours - {"Loss", "LossFunctionWrapper"}


def both(name, **settings):
    return [getattr(module, name)(**settings) for module in (losses, keras.losses)]


@pytest.mark.parametrize(("name", "settings", "targets", "outputs"), CASES)
def test_numbers_are_keras(name, settings, targets, outputs):
    of_columns = settings.get("axis") == 0  # a loss for each column, so no weights of rows
    for weights in (None,) if of_columns else (None, WEIGHTS):
        found, expected = [loss(targets, outputs, weights) for loss in both(name, **settings)]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_reductions_are_keras(reduction):
    pair = both("MeanSquaredError", reduction=reduction)
    for weights in (None, WEIGHTS, WEIGHTS[:, None]):
        found, expected = [np.ravel(loss(WANTED, NUMBERS, weights)) for loss in pair]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES}))
def test_names_and_defaults_are_keras(name):
    ours, theirs = both(name)
    assert ours.name == theirs.name
    for pair in (
        (type(ours), type(theirs)),
        (ours.function, getattr(keras.losses, ours.function.__name__)),
    ):
        found, expected = [
            {n: p.default for n, p in inspect.signature(x).parameters.items() if n != "name"}
            for x in pair
        ]
        assert list(found.items()) == list(expected.items())
    for identifier in (name, ours.function.__name__):
        assert type(losses.get(identifier)).__name__ == name
        assert keras.losses.get(identifier) is not None


@pytest.mark.parametrize(("name", "settings", "targets", "outputs"), CASES)
def test_ten_steps_of_descent_are_keras(name, settings, targets, outputs):
    """Weights (3, 4) of one layer, whose activation makes outputs that the loss is meant for."""
    if settings.get("from_logits") or outputs is NUMBERS:
        ours, theirs = (lambda z: z), (lambda z: z)
    elif name in ("BinaryCrossentropy", "Poisson"):
        ours, theirs = ops.sigmoid, keras.ops.sigmoid
    else:
        ours, theirs = softmax, keras.ops.softmax
    x = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    start = np.random.default_rng(2).normal(size=(3, 4)).astype(np.float32)
    loss, reference = getattr(losses, name)(**settings), getattr(keras.losses, name)(**settings)

    import jax

    slope = jax.grad(lambda w: reference(targets, theirs(keras.ops.matmul(x, w))))
    weights, expected = start, start
    for _ in range(10):
        leaf = Value(weights)
        loss(targets, ours(x @ leaf)).backward()
        weights = weights - np.float32(0.1) * leaf.grad
        expected = expected - np.float32(0.1) * np.asarray(slope(expected))
    assert not np.array_equal(weights, start)
    np.testing.assert_allclose(weights, expected, rtol=1e-4, atol=1e-5)
