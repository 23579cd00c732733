"""Axes to draw on, and images side by side on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOR, AGAINST = "#1f5fa8", "#b4540a"
"""Colors of positive and of negative numbers, which the color-blind can tell apart."""


def axes_for(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the axes, or new ones in a figure of pyplot, of some inches."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    new: Axes = pyplot.figure(figsize=(width, height), layout="constrained").subplots()
    return new


def write_beside(ax: Axes, row: int, text: str) -> None:
    """Write to the right of the axes, at the height of a row."""
    ax.annotate(
        text,
        (1, row),
        (6, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
    )


def both_signs() -> Any:
    """Return the color map from ``AGAINST`` over white to ``FOR``."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("both_signs", [AGAINST, "#ffffff", FOR])


def image_shape(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the shape of an image: (rows, columns), or (rows, columns, 3) of a colored one.

    Parameters
    ----------
    shape
        The shape of a model's input: (rows, columns), (rows, columns, 1 or 3), or as many pixels as
        a square has.

    Raises
    ------
    ValueError
        If it is another.
    """
    found = shape[:2] if len(shape) == 3 and shape[2] == 1 else shape
    if len(shape) == 1 and shape[0] and math.isqrt(shape[0]) ** 2 == shape[0]:
        found = (math.isqrt(shape[0]),) * 2
    if None in found or not (len(found) == 2 or (len(found) == 3 and found[2] == 3)):
        raise ValueError(
            f"expected images of shape (rows, columns), (rows, columns, 1 or 3) or (rows · rows,), "
            f"got {shape}"
        )
    return found


def images_of(x: npt.ArrayLike, shape: tuple[Any, ...]) -> npt.NDArray[Any]:
    """Return inputs, each of some shape, as images: see ``image_shape``."""
    data = np.asarray(x)
    return data.reshape(len(data), *image_shape(shape))


def draw_tiles(
    ax: Axes,
    images: npt.NDArray[Any],
    captions: Sequence[str] = (),
    columns: int | None = None,
    **options: Any,
) -> None:
    """Draw images side by side in rows, a gap of nan between them, each under its caption."""
    n, rows, width = images.shape[:3]
    columns = columns or math.ceil(math.sqrt(n))
    gap = 1 + (math.ceil(0.4 * rows) if captions else 0)  # room for a caption
    lines = math.ceil(n / columns)
    whole = np.full((lines * (rows + gap), columns * (width + 1) - 1, *images.shape[3:]), np.nan)
    for i, image in enumerate(images):
        top, left = i // columns * (rows + gap) + gap, i % columns * (width + 1)
        whole[top : top + rows, left : left + width] = image
        if captions:
            place = left + width / 2 - 0.5, top - 0.5 - 0.08 * rows
            ax.text(*place, captions[i], ha="center", va="bottom", fontsize="small")
    if images.ndim == 4:
        whole = np.nan_to_num(whole, nan=1.0)
    ax.imshow(whole, interpolation="none", **options)
    ax.set_axis_off()
