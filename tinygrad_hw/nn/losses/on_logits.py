"""Cross-entropies computed from the logits, before the last activation.

Where a probability p rounds to 1, log(1 - p) is lost, but the logit still has all its digits.
"""

from typing import Any

import numpy as np

from tinygrad_hw.engine import Composite, ops
from tinygrad_hw.engine.core.data import dtype_of, shape_of
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.numpy_api.shaping import as_arrays


def without_trailing_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
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
    if without_trailing_ones(shape) != without_trailing_ones(target_shape):
        raise ValueError(
            f"binary_crossentropy got logits {shape} and targets {target_shape}; "
            "give one target, 0 or 1, for each logit"
        )
    if target_shape != shape:  # (n,) beside (n, 1) would broadcast to (n, n)
        targets = ops.reshape(targets, shape)
    return ops.mean(binary_surprise(logits, targets))


def binary_surprise(logits: Any, targets: Any) -> Any:
    """Return -log σ(z) for targets of 1, -log(1 - σ(z)) for 0, of each logit z."""
    return targets * ops.softplus(-logits) + (1 - targets) * ops.softplus(logits)


def _sparse_categorical_crossentropy(logits: Any, labels: Any) -> Any:
    """Return the mean over rows of logΣexp(z) - z[label], which is -log softmax(z)[label]."""
    return ops.mean(surprise(logits, labels))


def surprise(logits: Any, labels: Any) -> Any:
    """Return -log softmax(z)[label] for each row of logits z, without its last dimension."""
    return ops.logsumexp(logits, axis=-1) - of_label(logits, labels)


def of_label(rows: Any, labels: Any) -> Any:
    """Return the element of each row that its label says."""
    (labels,) = as_arrays(labels)
    shape = shape_of(rows)
    if len(shape) < 2 or labels.shape != shape[:-1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"sparse_categorical_crossentropy got logits {shape} and labels {labels.shape} "
            f"of {labels.dtype}; give one integer class for each row of logits"
        )
    classes = shape[-1]
    is_class = labels[..., None] == np.arange(classes)
    if np.count_nonzero(is_class) != labels.size:
        raise ValueError(
            f"sparse_categorical_crossentropy got labels {labels.min()} to {labels.max()} "
            f"for {classes} classes; number the classes 0 to {classes - 1}"
        )
    return ops.sum(ops.where(is_class, rows, 0.0), axis=-1)


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
