"""The classes of a model: logits, probabilities, and the images that its inputs are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.nn.layers.base import Call, calling


def class_scores(model: Any, x: Any) -> tuple[Any, Any]:
    """Return the logit and the probability of each class, both of shape (n, classes).

    Parameters
    ----------
    model
        A model that is built, with one row of outputs for an example. A single output z with a
        sigmoid is two classes, of logits -z and z. A last activation that is linear is taken for
        logits. Of a model whose last layer is not known, the outputs stand for the logits, too.
    x
        A batch of inputs, an array or a Value.

    Raises
    ------
    ValueError
        If the outputs are no rows of classes.
    """
    known = model.last_layer is not None
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


def image_shape(model: Any) -> tuple[int, int]:
    """Return the rows and columns of a model's inputs, which are gray images.

    They have the shape (rows, columns), or (rows, columns, 1), or are rows of pixels, as many as a
    square has.

    Raises
    ------
    ValueError
        For any other inputs, and for a model that is not built.
    """
    if not getattr(model, "built", False):
        raise ValueError(f"{model.name} is not built: its images have no size yet; call build()")
    shape = tuple(model.input_shape[1:])
    if len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    elif len(shape) == 1 and shape[0] and math.isqrt(shape[0]) ** 2 == shape[0]:
        shape = (math.isqrt(shape[0]),) * 2
    if len(shape) != 2 or None in shape:
        raise ValueError(
            f"{model.name} has inputs of shape {model.input_shape}; expected gray images: "
            "(None, rows, columns), (None, rows, columns, 1) or (None, rows · rows)"
        )
    return shape


def class_count(model: Any) -> int:
    """Return the number of a model's classes; a single output has two."""
    return max(2, int(model.output_shape[1]))
