"""The program of a pad: probabilities, and the gradient of the likeliest class by the pixels."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import value_and_grad
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.pictures.axes import image_shape
from tinygrad_hw.nn.pictures.scores import class_scores
from tinygrad_hw.program import CaptureError, capture


def network_program(model: Any) -> tuple[str, dict[str, str]]:
    """Write a network as JavaScript: ``answer({ pixels, weight_1, … })``.

    Returns
    -------
    str
        The program. Its ``results`` are the probability of each class, and the gradient of the
        likeliest class's logit by the pixels.
    dict
        The weights by the names of the arguments, as float32 in base64.

    Raises
    ------
    InputError
        If the model's inputs are no gray images, its outputs no classes, or JavaScript has no words
        for one of its operations.
    """

    def answer(pixels: Any) -> list[Any]:
        found: list[Any] = []

        def best(x: Any) -> Any:
            logits, probabilities = class_scores(model, np.reshape(x, (1, *model.input_shape[1:])))
            found.append(probabilities)
            return np.max(logits)

        _, gradient = value_and_grad(best)(pixels)
        return [raw(found[0]), gradient]

    try:
        image = np.zeros(gray_shape(model), model.dtype)
        class_scores(model, image.reshape(1, *model.input_shape[1:]))  # refuses what has no classes
        with _numbered(model.weights) as names:
            program = capture(answer, jit=False)
            program.record(image)
            text = program.javascript
    except (CaptureError, ValueError) as error:
        raise InputError(f"there is no pad for this model: {error}") from None
    return text, {
        name: encoded(weight.raw) for name, weight in zip(names, model.weights, strict=True)
    }


def gray_shape(model: Any) -> tuple[int, int]:
    """Return the rows and columns of a model's inputs, which are gray images.

    Raises
    ------
    ValueError
        If they are no gray images, or the model is not built.
    """
    if not model.built:
        raise ValueError(f"{model.name} is not built: its images have no size yet; call build()")
    if not isinstance(model.input_shape, tuple):
        raise ValueError(f"{model.name} takes several inputs at once, and the pad draws one image")
    rows, columns, *colors = image_shape(model.input_shape[1:])
    if colors:
        raise ValueError(f"{model.name} takes colored images, and the pad's ink is gray")
    return rows, columns


@contextmanager
def _numbered(weights: list[Any]) -> Iterator[list[str]]:
    """Give weights other labels for a while: a program's arguments are named by them."""
    labels = [weight.label for weight in weights]
    names = [f"weight_{i}" for i in range(1, len(weights) + 1)]
    try:
        for weight, name in zip(weights, names, strict=True):
            weight.label = name
        yield names
    finally:
        for weight, label in zip(weights, labels, strict=True):
            weight.label = label


def encoded(array: npt.ArrayLike) -> str:
    """Return an array's numbers, row by row, as float32 in base64."""
    return b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode("ascii")
