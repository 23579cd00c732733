"""Losses by Keras's names, each with the activation that a model with this loss ends with.

A loss is computed from the logits, before the last activation: where a probability p rounds to 1,
log(1 - p) is lost, but the logit still has all its digits.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import Composite, ops
from tinygrad_hw.engine.core.data import as_array, dtype_of, shape_of
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.numpy_api.shaping import as_arrays


def _without_trailing_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without the dimensions of length 1 at its end."""
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _binary_crossentropy(logits: Any, targets: Any) -> Any:
    """Return the mean of softplus(z) - y·z: -log σ(z) for targets y of 1, -log(1 - σ(z)) for 0.

    It takes the logit z and not a = σ(z), because log(1 - a) has no digits left when a is near 1.
    """
    if not isinstance(targets, Node):
        (targets,) = as_arrays(targets)
        targets = ops.astype(targets, dtype_of(raw(logits)))
    shape, target_shape = shape_of(logits), shape_of(targets)
    if _without_trailing_ones(shape) != _without_trailing_ones(target_shape):
        raise ValueError(
            f"binary_crossentropy got logits {shape} and targets {target_shape}; "
            "give one target, 0 or 1, for each logit"
        )
    if target_shape != shape:  # (n,) beside (n, 1) would broadcast to (n, n)
        targets = ops.reshape(targets, shape)
    return ops.mean(targets * ops.softplus(-logits) + (1 - targets) * ops.softplus(logits))


def _sparse_categorical_crossentropy(logits: Any, labels: Any) -> Any:
    """Return the mean over rows of logΣexp(z) - z[label], which is -log softmax(z)[label]."""
    (labels,) = as_arrays(labels)
    shape = shape_of(logits)
    if len(shape) != 2 or labels.shape != shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"sparse_categorical_crossentropy got logits {shape} and labels {labels.shape} "
            f"of {labels.dtype}; give one integer class for each row of logits"
        )
    rows, classes = shape
    is_class = labels[:, None] == np.arange(classes)
    if np.count_nonzero(is_class) != rows:
        raise ValueError(
            f"sparse_categorical_crossentropy got labels {labels.min()} to {labels.max()} "
            f"for {classes} classes; number the classes 0 to {classes - 1}"
        )
    label_logits = ops.sum(ops.where(is_class, logits, 0.0), axis=1)
    return ops.mean(ops.logsumexp(logits, axis=1) - label_logits)


binary_crossentropy = Composite(
    "binary_crossentropy",
    _binary_crossentropy,
    symbol="binary cross-entropy",
    arity=2,
    domain=((-2.0, 2.0), (0.0, 1.0)),
)
sparse_categorical_crossentropy = Composite(
    "sparse_categorical_crossentropy",
    _sparse_categorical_crossentropy,
    symbol="sparse categorical cross-entropy",
    defaults={"labels": None},
)


class Loss(NamedTuple):
    """Loss function, with its activation and its conversions of logits and labels.

    Attributes
    ----------
    of_logits
        ``of_logits(logits, targets)`` returns the mean loss over the rows.
    activation
        Name of the activation that turns the logits into probabilities.
    classes
        ``classes(logits)`` returns the predicted class of each row, shape (n,).
    targets
        ``targets(y)`` returns the user's labels in the form that ``of_logits`` takes.
    """

    of_logits: Callable[[Any, Any], Any]
    activation: str
    classes: Callable[[npt.NDArray[Any]], npt.NDArray[np.intp]]
    targets: Callable[[Any], npt.NDArray[Any]]


def _binary_targets(y: Any) -> npt.NDArray[np.float32]:
    """Return labels from 0 to 1 as a column, shape (n, 1)."""
    targets = as_array(y).astype(np.float32)
    if not np.all((targets >= 0) & (targets <= 1)):
        raise ValueError(
            f"binary_crossentropy got labels {targets.min():g} to {targets.max():g}; "
            "number the two classes 0 and 1, as Dataset.only() does"
        )
    return targets.reshape(-1, 1) if targets.ndim == 1 else targets


def _binary_classes(logits: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    return (logits[:, 0] > 0).astype(np.intp)  # σ(z) > 0.5 where z > 0


def _most_likely_classes(logits: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    classes: npt.NDArray[np.intp] = np.argmax(logits, axis=1)
    return classes


def _class_targets(y: Any) -> npt.NDArray[np.intp]:
    """Return class numbers as integers, shape (n,)."""
    labels = as_array(y)
    if labels.ndim != 1 or labels.dtype.kind not in "iuf" or np.any(labels % 1):
        raise ValueError(
            f"sparse_categorical_crossentropy got labels {labels.shape} of {labels.dtype}; "
            "give one whole number for each example: a class's number, not a row of zeros and a one"
        )
    return labels.astype(np.intp)


LOSSES = {
    "binary_crossentropy": Loss(
        of_logits=binary_crossentropy,
        activation="sigmoid",
        classes=_binary_classes,
        targets=_binary_targets,
    ),
    "sparse_categorical_crossentropy": Loss(
        of_logits=sparse_categorical_crossentropy,
        activation="softmax",
        classes=_most_likely_classes,
        targets=_class_targets,
    ),
}
