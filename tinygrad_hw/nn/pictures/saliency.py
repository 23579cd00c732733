"""The gradient of a class by the pixels of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import value_and_grad
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.nn.pictures.axes import AGAINST, FOR, axes_for, images_of
from tinygrad_hw.nn.pictures.scores import class_scores, predicted_probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def class_gradient(model: Any, x: npt.ArrayLike, label: int | None = None) -> npt.NDArray[Any]:
    """Return the gradient of a class's logit by the inputs, of the shape of the inputs.

    Parameters
    ----------
    model
        A classifier: see ``class_scores``.
    x
        Examples, (n, *input_shape).
    label
        The number of the class; by default the likeliest of each example.
    """
    given = model.standardized(x)
    if isinstance(given, list):
        raise ValueError(f"{model.name} takes several inputs at once; give a model of one")
    inputs = np.asarray(given, model.dtype)  # bytes have no derivative

    def total(pixels: Any) -> Any:
        logits, _ = class_scores(model, pixels)
        classes = logits.shape[1]
        if label is not None and not 0 <= label < classes:
            raise ValueError(f"got label={label}; expected a class from 0 to {classes - 1}")
        chosen = raw(logits).argmax(axis=1) if label is None else np.full(len(inputs), label)
        return np.sum(logits[np.arange(len(inputs)), chosen])

    return np.asarray(raw(value_and_grad(total)(inputs)[1]))


def saliency(
    model: Any, image: npt.ArrayLike, label: int | None = None, ax: Axes | None = None
) -> Axes:
    """Draw an image, and over it the gradient of a class's logit by the pixels.

    Where it is blue, more ink would speak for the class, where it is orange, against it. The
    channels of a colored image are added.

    Parameters
    ----------
    model
        A classifier of images: see ``class_scores``.
    image
        One image, of the model's ``input_shape`` without the number of examples.
    label
        The number of the class; by default the likeliest.
    ax
        The Axes; new ones by default.
    """
    from matplotlib.colors import to_rgb

    one = np.asarray(image)[None]
    gradient = images_of(class_gradient(model, one, label), one.shape[1:])[0]
    [probabilities] = predicted_probabilities(model, one)
    chosen = int(probabilities.argmax()) if label is None else label
    picture = images_of(one, one.shape[1:])[0]
    if picture.ndim == 3:
        picture, gradient = picture.mean(axis=2), gradient.sum(axis=2)
    low, high = float(min(picture.min(), 0)), float(picture.max())
    share = (picture - low) / (high - low or 1.0)
    slope = gradient / (float(np.abs(gradient).max()) or 1.0)
    color = np.where(slope[..., None] > 0, to_rgb(FOR), to_rgb(AGAINST))
    ax = axes_for(ax, 3.2, 3.4)
    ax.imshow(_mixed(1 - share[..., None], color, 0.9 * np.abs(slope)), interpolation="none")
    ax.set_axis_off()
    ax.set_title(f"{chosen}: probability {probabilities[chosen]:.4f}", fontsize="medium")
    return ax


def _mixed(ground: Any, color: npt.NDArray[Any], share: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return colors over a ground, each pixel in its share."""
    mixed: npt.NDArray[Any] = ground + (color - ground) * share[..., None]
    return mixed
