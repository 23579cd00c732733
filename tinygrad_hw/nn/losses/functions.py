"""Losses as functions of targets and outputs; each returns the loss of every example.

They take arrays and Values of shape (n, d1, ...), and return an array or a Value of this shape
without its last dimension. Formulas and defaults are Keras's; shapes that differ are refused where
Keras would broadcast them.
"""

from typing import Any

import numpy as np

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.numpy_api.shaping import as_arrays
from tinygrad_hw.nn.losses.loss import aligned
from tinygrad_hw.nn.losses.on_logits import binary_surprise, of_label, surprise

EPSILON = 1e-7  # Keras's: probabilities are clipped to it and to 1 - it
LN_2 = float(np.log(2.0))

# --- Errors ---------------------------------------------------------------------------------------


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of (y_pred - y_true)²."""
    y_true, y_pred = aligned("mean_squared_error", y_true, y_pred)
    return ops.mean(ops.square(y_pred - y_true), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of abs(y_pred - y_true)."""
    y_true, y_pred = aligned("mean_absolute_error", y_true, y_pred)
    return ops.mean(ops.abs(y_pred - y_true), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of 100 · abs(y_pred - y_true) / abs(y_true)."""
    y_true, y_pred = aligned("mean_absolute_percentage_error", y_true, y_pred)
    sizes = ops.maximum(ops.abs(y_true), EPSILON)
    return 100.0 * ops.mean(ops.abs((y_pred - y_true) / sizes), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of (log(1 + y_pred) - log(1 + y_true))², of numbers from 0."""
    y_true, y_pred = aligned("mean_squared_logarithmic_error", y_true, y_pred)
    logarithms = [ops.log(ops.maximum(x, EPSILON) + 1.0) for x in (y_pred, y_true)]
    return ops.mean(ops.square(logarithms[0] - logarithms[1]), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Return the mean of e² / 2 of errors up to delta, delta · (abs(e) - delta / 2) beyond."""
    y_true, y_pred = aligned("huber", y_true, y_pred)
    size = ops.abs(y_pred - y_true)
    quadratic = ops.minimum(size, float(delta))  # the part of an error that counts squared
    return ops.mean(quadratic * (size - 0.5 * quadratic), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of log(cosh(y_pred - y_true)), without overflow."""
    y_true, y_pred = aligned("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    return ops.mean(error + ops.softplus(-2.0 * error) - LN_2, axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Return -cos of the angle between y_true and y_pred: -1 for one direction, 0 for a zero."""
    y_true, y_pred = aligned("cosine_similarity", y_true, y_pred)
    units = [x / ops.maximum(ops.norm(x, axis, 2, True), EPSILON) for x in (y_true, y_pred)]
    return -ops.sum(units[0] * units[1], axis=axis)


# --- Of probabilities and counts ------------------------------------------------------------------


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Return the sum of y_true · log(y_true / y_pred), of probabilities."""
    y_true, y_pred = aligned("kl_divergence", y_true, y_pred)
    y_true, y_pred = [numpy_api.clip(x, EPSILON, 1.0) for x in (y_true, y_pred)]
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of y_pred - y_true · log(y_pred), of expected counts y_pred."""
    y_true, y_pred = aligned("poisson", y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + EPSILON), axis=-1)


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the mean of -log p for targets of 1, -log(1 - p) for 0.

    Parameters
    ----------
    y_true
        Targets from 0 to 1.
    y_pred
        Probabilities p, clipped to 1e-7 and 1 - 1e-7; or logits, which lose no digits.
    from_logits
        Whether y_pred has logits.
    label_smoothing
        Moves the targets by this fraction of the way to 0.5.
    axis
        The dimension of the mean.
    """
    y_true, y_pred = aligned("binary_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        return ops.mean(binary_surprise(y_pred, y_true), axis=axis)
    p = numpy_api.clip(y_pred, EPSILON, 1.0 - EPSILON)
    return ops.mean(-(y_true * ops.log(p) + (1.0 - y_true) * ops.log(1.0 - p)), axis=axis)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the sum of -y_true · log p.

    Parameters
    ----------
    y_true
        Probabilities of the classes; 1 for the class and 0 for all others (one-hot), say.
    y_pred
        Probabilities p, divided by their sum and clipped to 1e-7 and 1 - 1e-7; or logits, which
        lose no digits.
    from_logits
        Whether y_pred has logits.
    label_smoothing
        Takes this fraction of y_true and shares it equally among the classes.
    axis
        The dimension of the classes.
    """
    y_true, y_pred = aligned("categorical_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / shape_of(y_true)[-1]
    logarithms = numpy_api.log_softmax(y_pred, axis) if from_logits else _log_shares(y_pred, axis)
    return -ops.sum(y_true * logarithms, axis=axis)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """Return -log p of the class of each example.

    Parameters
    ----------
    y_true
        Numbers of the classes, of shape (n,) or (n, 1) for y_pred of shape (n, classes).
    y_pred
        Probabilities p, divided by their sum and clipped to 1e-7 and 1 - 1e-7; or logits, which
        lose no digits.
    from_logits
        Whether y_pred has logits.
    ignore_class, axis
        Not supported but for the defaults.

    Raises
    ------
    ValueError
        For a class that y_pred has no probability of; Keras makes its loss 0.
    """
    refuse_other_axes(ignore_class, axis)
    labels, y_pred = as_arrays(raw(y_true), y_pred)
    if not isinstance(y_pred, Node) and y_pred.dtype.kind != "f":
        y_pred = ops.astype(y_pred, float)
    if len(shape_of(labels)) == len(shape_of(y_pred)) and shape_of(labels)[-1] == 1:
        labels = labels[..., 0]
    if from_logits:
        return surprise(y_pred, labels)
    return -of_label(_log_shares(y_pred, -1), labels)


def refuse_other_axes(ignore_class: int | None, axis: int) -> None:
    """Raise ValueError for what sparse_categorical_crossentropy does not have of Keras's."""
    if ignore_class is not None or axis != -1:
        raise ValueError(
            f"sparse_categorical_crossentropy got ignore_class={ignore_class}, axis={axis}, which "
            "are not supported; give weights of 0 for a class to ignore, and the classes last"
        )


def _log_shares(probabilities: Any, axis: int) -> Any:
    """Return the logarithms of probabilities that may not sum to 1, clipped as Keras does."""
    shares = probabilities / ops.sum(probabilities, axis=axis, keepdims=True)
    return ops.log(numpy_api.clip(shares, EPSILON, 1.0 - EPSILON))


# --- Margins --------------------------------------------------------------------------------------


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of max(1 - y_true · y_pred, 0), of targets -1 and 1, or 0 and 1."""
    return ops.mean(_missing_margin("hinge", y_true, y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of max(1 - y_true · y_pred, 0)², of targets -1 and 1, or 0 and 1."""
    return ops.mean(ops.square(_missing_margin("squared_hinge", y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """Return max(1 + the largest output of the other classes - that of the class, 0)."""
    y_true, y_pred = aligned("categorical_hinge", y_true, y_pred)
    own = ops.sum(y_true * y_pred, axis=-1)
    return ops.maximum(ops.max((1.0 - y_true) * y_pred, axis=-1) - own + 1.0, 0.0)


def _missing_margin(name: str, y_true: Any, y_pred: Any) -> Any:
    y_true, y_pred = aligned(name, y_true, y_pred)
    targets = raw(y_true)
    others = np.count_nonzero((targets != 0) & (targets != 1))
    signs = ops.where(others == 0, 2.0 * y_true - 1.0, y_true)  # no branch: a program has both
    return ops.maximum(1.0 - signs * y_pred, 0.0)
