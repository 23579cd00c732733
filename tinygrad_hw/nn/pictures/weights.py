"""The weights of a layer as images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.nn.pictures.axes import axes_for, both_signs, draw_tiles, images_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS = 10


def weight_images(
    model: Any, layer: str | None = None, count: int = 40, ax: Axes | None = None
) -> Axes:
    """Draw the weights of each unit of a layer as an image of the inputs; blue is positive.

    Parameters
    ----------
    model
        A model that is built.
    layer
        The name of a layer with a kernel: a ``Dense`` layer on the pixels of images, or a
        ``Conv2D`` on one channel or three. By default the first with a kernel.
    count
        The most units to draw: the first ones.
    ax
        The Axes; new ones by default.

    Raises
    ------
    ValueError
        If there is no such layer, or its weights are no images.
    """
    images = _images(model, layer, count)
    rows = -(-len(images) // MOST_COLUMNS)
    columns = -(-len(images) // rows)
    ax = axes_for(ax, 0.75 * columns, 0.75 * rows)
    if images.ndim == 4:  # colored: from 0 to 1, with 0 in the middle
        draw_tiles(ax, 0.5 + images / (2 * np.abs(images).max(initial=1e-30)), columns=columns)
        return ax
    largest = float(np.abs(images).max(initial=1e-30))
    draw_tiles(ax, images, columns=columns, cmap=both_signs(), vmin=-largest, vmax=largest)
    return ax


def _images(model: Any, name: str | None, count: int) -> npt.NDArray[Any]:
    if count < 1:
        raise ValueError(f"weight_images got count={count}; expected at least 1")
    with_kernel = [x for x in model.flat_layers() if getattr(x, "kernel", None) is not None]
    found = [x for x in with_kernel if name in (None, x.name)]
    if not found:
        known = ", ".join(x.name for x in with_kernel) or "none"
        raise ValueError(f"{model.name} has no layer {name!r} with a kernel; it has {known}")
    kernel = np.asarray(found[0].kernel.raw)
    shape = kernel.shape[:-1]
    inputs = model.input_shape[1:] if isinstance(model.input_shape, tuple) else (None,)
    if kernel.ndim == 2 and None not in inputs and math.prod(inputs) == len(kernel):
        shape = inputs
    if kernel.ndim not in (2, 4):
        raise ValueError(f"{found[0].name} has weights of shape {kernel.shape}: no images")
    try:
        return images_of(np.moveaxis(kernel, -1, 0)[:count], shape)
    except ValueError:
        raise ValueError(
            f"the weights of {found[0].name}, of shape {kernel.shape}, are no images: a unit "
            "should have a weight for each pixel of a gray or colored image"
        ) from None
