"""The classes of a model: logits, probabilities, and the images that its inputs are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import no_grad, numpy_api, ops
from tinygrad_hw.engine.core.data import as_array
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.nn.layers.process import Call, calling
from tinygrad_hw.nn.metrics import confusion_matrix

ROWS = 1000  # of a batch


def class_scores(model: Any, x: Any) -> tuple[Any, Any]:
    """Return the logit and the probability of each class, both of shape (n, classes).

    Parameters
    ----------
    model
        A model that is built, with one row of outputs for an example. A single output z with a
        sigmoid is two classes, of logits -z and z. A last activation that is linear is taken for
        logits. Where the logits are not known, the outputs stand for them, too.
    x
        A batch of inputs, an array or a Value.

    Raises
    ------
    ValueError
        If the outputs are no rows of classes.
    """
    is_linear = model.last_layer is not None and model.last_activation() == "linear"
    known = model.has_logits or is_linear
    with calling(Call(False)):
        z = model.logits(x) if known else model(x)
    if len(z.shape) != 2:
        shape = (None, *z.shape[1:])
        raise ValueError(f"{model.name} has outputs of shape {shape}; expected (None, classes)")
    if not known:
        z = np.concatenate([1.0 - z, z], axis=1) if z.shape[1] == 1 else z
        return z, z
    activation = model.last_activation()
    if z.shape[1] == 1:
        if activation not in ("sigmoid", "linear"):
            raise ValueError(f"{model.name} ends with one {activation}; expected a sigmoid")
        p = ops.sigmoid(z)
        return np.concatenate([-z, z], axis=1), np.concatenate([1.0 - p, p], axis=1)
    if activation == "linear":
        return z, numpy_api.softmax(z, axis=-1)
    return z, model.last_layer.activation(z)


def class_count(model: Any) -> int:
    """Return the number of a model's classes; a single output has two."""
    return max(2, int(model.output_shape[1]))


def examples_for(model: Any, x: Any) -> npt.NDArray[Any]:
    """Return examples as a model takes them; raise ValueError if there are none."""
    inputs: npt.NDArray[Any] = model.standardized(x)
    if not len(inputs):
        raise ValueError(f"{model.name} got no examples: there is nothing to draw")
    return inputs


def predicted_probabilities(model: Any, x: Any) -> npt.NDArray[Any]:
    """Return the probability of each class for examples, (n, classes), in several batches."""
    inputs = examples_for(model, x)
    with no_grad():
        parts = [
            np.asarray(raw(class_scores(model, inputs[i : i + ROWS])[1]))
            for i in range(0, len(inputs), ROWS)
        ]
    return np.concatenate(parts)


def true_classes(y: Any, n: int, classes: int) -> npt.NDArray[np.int64]:
    """Return the true classes as numbers, (n,), from numbers, a column of them or one-hot rows.

    Raises
    ------
    ValueError
        If there are not as many as examples, or a number is no class.
    """
    true = as_array(y)
    if true.shape == (n, classes):
        if not ((true == 0) | (true == 1)).all() or not (true.sum(axis=1) == 1).all():
            raise ValueError("got rows that are not one-hot; give each example one class")
        return np.asarray(true.argmax(axis=1), np.int64)
    if true.shape not in ((n,), (n, 1)):
        raise ValueError(f"got {n} examples and classes of shape {true.shape}; expected ({n},)")
    confusion_matrix(true, true, classes)  # refuses what is no number of a class
    return true.ravel().astype(np.int64)


def class_names(labels: Sequence[str] | None, classes: int) -> list[str]:
    """Return the names of the classes: the labels, or their numbers."""
    names = list(map(str, range(classes) if labels is None else labels))
    if len(names) != classes:
        raise ValueError(f"got {len(names)} names for {classes} classes: {', '.join(names)}")
    return names
