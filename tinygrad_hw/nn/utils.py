"""Helpers by Keras's names."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine.core.data import as_array
from tinygrad_hw.nn.layers.process import reset_names, set_random_seed

__all__ = ["clear_session", "set_random_seed", "to_categorical"]


def clear_session() -> None:
    """Number layers and models from the start again: dense, dense_1. There is no other state."""
    reset_names()


def to_categorical(x: npt.ArrayLike, num_classes: int | None = None) -> npt.NDArray[Any]:
    """Return a row of zeros and a one for each class number: (n,) or (n, 1) to (n, classes).

    Parameters
    ----------
    x
        Whole numbers from 0.
    num_classes
        Number of classes; by default the largest number, plus one.

    Raises
    ------
    ValueError
        For something else, and for a number beyond ``num_classes``.
    """
    numbers = as_array(x)
    if numbers.dtype.kind not in "biuf" or np.any((numbers % 1 != 0) | (numbers < 0)):
        raise ValueError("to_categorical got numbers that are no classes; give whole ones, from 0")
    numbers = numbers.astype(np.int64)
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    classes = int(numbers.max(initial=-1)) + 1 if num_classes is None else num_classes
    if numbers.max(initial=-1) >= classes:
        raise ValueError(f"to_categorical got class {numbers.max()} and num_classes={classes}")
    return np.eye(classes)[numbers]
