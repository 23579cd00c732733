"""Losses by Keras's names: what a compiled model minimises and which activation it ends with.

Each is computed from the logits, before the last activation: the log of a probability that has
been rounded to 1 is lost, the log of its logit is not.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import ops


class Loss(NamedTuple):
    """A loss, with what belongs to it.

    ``of_logits(logits, targets)`` gives the mean loss over the rows; ``activation`` is the one that
    turns these logits into probabilities; ``classes(logits)`` the predicted class of each row;
    ``targets(y)`` brings what a user gives as labels into the form that ``of_logits`` takes.
    """

    of_logits: Callable[[Any, Any], Any]
    activation: str
    classes: Callable[[npt.NDArray[Any]], npt.NDArray[np.intp]]
    targets: Callable[[Any], npt.NDArray[Any]]


def _probabilities(y: Any) -> npt.NDArray[np.float32]:
    targets = np.asarray(y, np.float32)
    if not np.all((targets >= 0) & (targets <= 1)):
        raise ValueError(
            f"binary_crossentropy got labels {targets.min():g} to {targets.max():g}; "
            "number the two classes 0 and 1, as Dataset.only() does"
        )
    return targets.reshape(-1, 1) if targets.ndim == 1 else targets


def _classes(y: Any) -> npt.NDArray[np.intp]:
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.dtype.kind not in "iuf" or np.any(labels % 1):
        raise ValueError(
            f"sparse_categorical_crossentropy got labels {labels.shape} of {labels.dtype}; "
            "give one whole number for each example: a class's number, not a row of zeros and a one"
        )
    return labels.astype(np.intp)


LOSSES = {
    "binary_crossentropy": Loss(
        of_logits=ops.binary_crossentropy,
        activation="sigmoid",
        classes=lambda logits: (logits[:, 0] > 0).astype(np.intp),  # σ(z) > 0.5 where z > 0
        targets=_probabilities,
    ),
    "sparse_categorical_crossentropy": Loss(
        of_logits=ops.sparse_categorical_crossentropy,
        activation="softmax",
        classes=lambda logits: np.argmax(logits, axis=1),
        targets=_classes,
    ),
}
