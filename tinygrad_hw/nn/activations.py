"""Activations by Keras's names, as functions of the logits."""

from collections.abc import Callable
from typing import Any

from tinygrad_hw.engine import numpy_api, ops

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda z: z,
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "softmax": numpy_api.softmax,
    "softplus": ops.softplus,
    "tanh": ops.tanh,
}
