"""Metrics of an epoch by Keras's names, and reports on predictions in scikit-learn's form."""

from typing import Any

from tinygrad_hw.nn import losses
from tinygrad_hw.nn.losses import Loss, LossFunctionWrapper
from tinygrad_hw.nn.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from tinygrad_hw.nn.metrics.confusion import AUC, F1Score, FBetaScore, Precision, Recall
from tinygrad_hw.nn.metrics.errors import (
    CosineSimilarity,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    R2Score,
    RootMeanSquaredError,
)
from tinygrad_hw.nn.metrics.metric import Mean, MeanMetricWrapper, Metric
from tinygrad_hw.nn.metrics.reports import (
    accuracy_score,
    classification_report,
    confusion_matrix,
    report_of_matrix,
)
from tinygrad_hw.nn.registry import Registry

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Precision",
    "R2Score",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "accuracy_score",
    "binary_accuracy",
    "categorical_accuracy",
    "classification_report",
    "confusion_matrix",
    "deserialize",
    "get",
    "report_of_matrix",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]

_SHORT = {
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
}
_TABLE: Registry[Metric] = Registry(
    "metric",
    Metric,
    [
        *(Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy),
        *(SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy),
        *(AUC, F1Score, FBetaScore, Precision, Recall),
        *(MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError),
        *(MeanSquaredLogarithmicError, CosineSimilarity, R2Score),
    ],
    {**_SHORT, **{name.upper(): known for name, known in _SHORT.items()}},
)
_LOSSES = {  # which are metrics by these names, too
    *("bce", "binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"),
    *("hinge", "squared_hinge", "categorical_hinge", "kl_divergence", "poisson"),
}
serialize, deserialize = _TABLE.serialize, _TABLE.deserialize


def get(
    identifier: Any, loss: Loss | None = None, output_shape: tuple[int | None, ...] | None = None
) -> Metric:
    """Return the metric for a name, a class, a Metric, a Loss, or a function (y_true, y_pred).

    Parameters
    ----------
    identifier
        "accuracy" or "acc" is the accuracy that goes with the loss, or else with the outputs:
        binary for one output, else categorical. After a binary cross-entropy of several outputs it
        is that of each label, where Keras compares the largest output with the largest label.
    loss
        The model's loss.
    output_shape
        Shape of the model's outputs, with the number of examples in front.

    Raises
    ------
    ValueError
        For an unknown name, and for anything else.
    """
    if not isinstance(identifier, str):
        if isinstance(identifier, LossFunctionWrapper):
            return MeanMetricWrapper(identifier.fn, identifier.name, **identifier.settings)
        if isinstance(identifier, Loss):
            return MeanMetricWrapper(identifier.call, identifier.name)
        return _TABLE.get(identifier, MeanMetricWrapper)
    is_accuracy = identifier.lower() in ("accuracy", "acc")
    if is_accuracy and (loss is not None or output_shape is not None):
        metric: Metric = _accuracy(loss, output_shape)
    elif identifier in _LOSSES:
        metric = MeanMetricWrapper(losses.get(identifier).call)
    else:
        metric = Accuracy() if is_accuracy else _TABLE.get(identifier)
    metric.name = identifier
    return metric


def _accuracy(loss: Loss | None, output_shape: tuple[int | None, ...] | None) -> Metric:
    name = getattr(getattr(loss, "function", None), "__name__", "")
    if name == "binary_crossentropy" or (output_shape or ())[-1:] == (1,):
        return BinaryAccuracy()
    sparse = name == "sparse_categorical_crossentropy"
    return SparseCategoricalAccuracy() if sparse else CategoricalAccuracy()
