"""The metrics beside Keras's own: the same numbers after two batches, weighted or not."""

import inspect

import numpy as np
import pytest

from tinygrad_hw.nn import losses, metrics

keras = pytest.importorskip("keras")

RANDOM = np.random.default_rng(0)
P, WANTED = RANDOM.uniform(0, 1, (2, 50, 4)).astype(np.float32)
T = (RANDOM.random((50, 4)) > 0.4).astype(np.float32)
LABELS = RANDOM.integers(0, 4, 50)
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
SHARES = P / P.sum(1, keepdims=True)
WEIGHTS = RANDOM.uniform(0, 2, 50).astype(np.float32)
CASES = [  # the class, its settings, targets, outputs
    ("Accuracy", {}, T, np.round(P)),
    ("BinaryAccuracy", {}, T, P),
    ("BinaryAccuracy", {"threshold": 0.3}, T, P),
    ("CategoricalAccuracy", {}, ONE_HOT, SHARES),
    ("SparseCategoricalAccuracy", {}, LABELS, SHARES),
    ("SparseCategoricalAccuracy", {}, LABELS[:, None], SHARES),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, SHARES),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, LABELS, SHARES),
    ("Precision", {}, T, P),
    ("Precision", {"thresholds": [0.7, 0.2]}, T, P),
    ("Precision", {"top_k": 2}, ONE_HOT, SHARES),
    ("Precision", {"class_id": 1, "top_k": 1}, ONE_HOT, SHARES),
    ("Recall", {}, T, P),
    ("Recall", {"thresholds": [0.2, 0.7]}, T, P),
    ("Recall", {"class_id": 3, "top_k": 2}, ONE_HOT, SHARES),
    *[
        ("AUC", {"curve": curve, "summation_method": method, **points}, T, P)
        for curve in ("ROC", "PR")
        for method in ("interpolation", "minoring", "majoring")
        for points in ({}, {"num_thresholds": 20}, {"thresholds": [0.1, 0.5, 0.52]})
    ],
    ("AUC", {"from_logits": True}, T, 8 * P - 4),
    ("F1Score", {}, ONE_HOT, SHARES),
    ("F1Score", {"average": "macro", "threshold": 0.4}, T, P),
    ("F1Score", {"average": "micro"}, ONE_HOT, SHARES),
    ("FBetaScore", {"beta": 2.0, "average": "weighted"}, ONE_HOT, SHARES),
    ("MeanSquaredError", {}, WANTED, P),
    ("RootMeanSquaredError", {}, WANTED, P),
    ("MeanAbsoluteError", {}, WANTED, P),
    ("MeanAbsolutePercentageError", {}, WANTED, P),
    ("MeanSquaredLogarithmicError", {}, WANTED, P),
    ("CosineSimilarity", {}, WANTED, P),
    ("R2Score", {}, WANTED, P),
    ("R2Score", {"class_aggregation": None}, WANTED, P),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 3}, T, P),
]
BASES = {"Mean", "MeanMetricWrapper", "Metric"}
LEFT = {"SparseTopKCategoricalAccuracy": {"from_sorted_ids"}}  # arguments that are not here


def test_every_metric_is_compared():
    known = [getattr(metrics, name) for name in metrics.__all__]
    ours = {x.__name__ for x in known if isinstance(x, type) and issubclass(x, metrics.Metric)}
    assert {case[0] for case in CASES} == ours - BASES


@pytest.mark.parametrize(("name", "settings", "targets", "outputs"), CASES)
def test_numbers_are_keras(name, settings, targets, outputs):
    for weights in (None, WEIGHTS):
        pair = [getattr(module, name)(**settings) for module in (metrics, keras.metrics)]
        for part in (slice(0, 20), slice(20, 50)):
            for metric in pair:
                w = None if weights is None else weights[part]
                metric.update_state(targets[part], outputs[part], w)
        found, expected = [metric.result() for metric in pair]
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "targets", "outputs"),
    [
        *[(name, T, P) for name in ("bce", "binary_crossentropy", "kl_divergence", "poisson")],
        *[(name, 2 * T - 1, P) for name in ("hinge", "squared_hinge")],
        *[(name, ONE_HOT, SHARES) for name in ("categorical_crossentropy", "categorical_hinge")],
        ("sparse_categorical_crossentropy", LABELS, SHARES),
    ],
)
def test_names_of_losses_are_metrics(name, targets, outputs):
    found, expected = [x.get(name)(targets, outputs, WEIGHTS) for x in (metrics, keras.metrics)]
    assert found == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES}))
def test_names_and_arguments_are_keras(name):
    ours, theirs = [getattr(module, name) for module in (metrics, keras.metrics)]
    found, expected = [
        [(n, p.default) for n, p in inspect.signature(kind).parameters.items()]
        for kind in (ours, theirs)
    ]
    assert found == [x for x in expected if x[0] not in LEFT.get(name, ())]
    assert type(metrics.get(keras.src.utils.naming.to_snake_case(name))) is ours


@pytest.mark.parametrize(
    ("loss", "targets", "outputs"),
    [
        ("binary_crossentropy", T[:, :1], P[:, :1]),
        ("categorical_crossentropy", ONE_HOT, SHARES),
        ("sparse_categorical_crossentropy", LABELS, SHARES),
        ("sparse_categorical_crossentropy", LABELS[:, None], SHARES),
        ("mean_squared_error", T[:, :1], P[:, :1]),
        ("mean_squared_error", ONE_HOT, SHARES),
    ],
)
def test_accuracy_is_the_one_that_keras_chooses(loss, targets, outputs):
    from keras.src.trainers.compile_utils import get_metric

    for name in ("accuracy", "acc"):
        ours = metrics.get(name, losses.get(loss), (None, *outputs.shape[1:]))
        theirs = get_metric(name, targets, outputs)
        assert type(ours).__name__ == type(theirs).__name__
        assert ours.name == theirs.name
        assert ours(targets, outputs) == pytest.approx(float(theirs(targets, outputs)))
