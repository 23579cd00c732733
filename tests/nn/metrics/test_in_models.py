"""Metrics of a model: in a captured step or from its outputs, they are those of predictions."""

import numpy as np
import pytest

from tinygrad_hw.nn import Dense, Sequential, losses, metrics

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(70, 5)).astype(np.float32)
LABELS = RANDOM.integers(0, 3, 70)
ONE_HOT = np.eye(3, dtype=np.float32)[LABELS]
MARKS = RANDOM.integers(0, 2, (70, 3))
WEIGHTS = RANDOM.uniform(0.5, 2, 70).astype(np.float32)

OF_CLASSES = ["acc", metrics.CategoricalAccuracy, metrics.TopKCategoricalAccuracy(2)]
OF_LABELS = ["accuracy", metrics.BinaryAccuracy(threshold=0.4), metrics.AUC]
OF_NUMBERS = [
    *("mae", "mse", "cosine_similarity", metrics.RootMeanSquaredError, metrics.R2Score),
    *(losses.Huber(), lambda t, p: abs(t - p).max(axis=-1)),
]
OF_POSITIVES = [metrics.Precision(0.4), metrics.Recall, metrics.F1Score("macro")]
MODELS = {  # the last activation, the loss, targets, metrics
    "softmax": ("softmax", "categorical_crossentropy", ONE_HOT, OF_CLASSES + OF_POSITIVES),
    "sparse": (
        *("softmax", "sparse_categorical_crossentropy", LABELS),
        ["acc", metrics.SparseCategoricalAccuracy, metrics.SparseTopKCategoricalAccuracy(2)],
    ),
    "sigmoid": ("sigmoid", "binary_crossentropy", MARKS, OF_LABELS + OF_POSITIVES + OF_NUMBERS),
    "from probabilities": ("sigmoid", "mse", MARKS, OF_NUMBERS + OF_POSITIVES),
    "logits": (
        *("linear", losses.CategoricalCrossentropy(from_logits=True), ONE_HOT),
        OF_CLASSES + OF_NUMBERS,
    ),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_evaluating_gives_the_metric_of_the_predictions(name, weighted):
    activation, loss, y, given = MODELS[name]
    model = Sequential([Dense(8, "tanh"), Dense(3, activation)], seed=1)
    kinds = {"weighted_metrics" if weighted else "metrics": given}
    model.compile("sgd", loss, **kinds)
    weights = WEIGHTS if weighted else None
    _, *found = model.evaluate(X, y, sample_weight=weights, verbose=0, batch_size=16)
    predicted = model.predict(X)
    resolved = [metrics.get(x, losses.get(loss), (None, 3)) for x in given]
    expected = []
    for metric in resolved:
        metric.reset_state()
        expected.append(metric(y, predicted, weights))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_training_reports_the_metrics_of_the_batches_before_each_step(name):
    """With a learning rate of 0 they are those of the predictions, in every epoch."""
    activation, loss, y, given = MODELS[name]
    model = Sequential([Dense(3, activation)], seed=1)
    model.compile("sgd", loss, metrics=given)
    model.fit(X, y, verbose=0)
    model.optimizer.learning_rate = 0.0
    history = model.fit(X, y, epochs=4, batch_size=16, validation_data=(X, y), verbose=0).history
    evaluated = model.evaluate(X, y, verbose=0, return_dict=True)
    for metric, expected in evaluated.items():
        for prefix in ("", "val_"):
            np.testing.assert_allclose(history[prefix + metric], expected, rtol=1e-4, atol=1e-6)


def test_a_metric_of_several_numbers_is_refused():
    model = Sequential([Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=[metrics.F1Score()])
    with pytest.raises(ValueError, match="f1_score has 3 numbers, where a log has one: choose an"):
        model.evaluate(X, ONE_HOT, verbose=0)
