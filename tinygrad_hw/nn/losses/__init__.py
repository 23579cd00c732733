"""Losses by Keras's names, as classes, functions and strings."""

from collections.abc import Callable
from typing import Any

from tinygrad_hw.nn.losses import classes
from tinygrad_hw.nn.losses.classes import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    NamedLoss,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from tinygrad_hw.nn.losses.functions import (
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from tinygrad_hw.nn.losses.loss import Loss, LossFunctionWrapper
from tinygrad_hw.nn.registry import Registry

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]

_SHORT = {
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
}
_CLASSES = [
    x
    for x in vars(classes).values()
    if isinstance(x, type) and issubclass(x, NamedLoss) and hasattr(x, "function")
]
_OF_FUNCTION = {known.function: known for known in _CLASSES}
_TABLE: Registry[Loss] = Registry(
    "loss", Loss, _CLASSES, {**_SHORT, **{name.upper(): known for name, known in _SHORT.items()}}
)
serialize, deserialize = _TABLE.serialize, _TABLE.deserialize


def get(identifier: Any) -> Loss:
    """Return the loss for a name, a class, a Loss, or a function ``(y_true, y_pred)``.

    Raises
    ------
    ValueError
        For an unknown name, and for anything else.
    """
    return _TABLE.get(identifier, _of_function)


def _of_function(function: Callable[..., Any]) -> Loss:
    known = _OF_FUNCTION.get(function)
    return LossFunctionWrapper(function) if known is None else known()
