"""The mistakes of which a network is surest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tinygrad_hw.nn.pictures.axes import axes_for, draw_tiles, images_of
from tinygrad_hw.nn.pictures.scores import (
    class_count,
    class_names,
    predicted_probabilities,
    true_classes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Mistake(NamedTuple):
    """An example that is taken for another class: its number, both classes, the probability."""

    example: int
    true: int
    predicted: int
    probability: float


def surest_mistakes(
    model: Any, x: npt.ArrayLike, y: npt.ArrayLike, count: int | None = None
) -> list[Mistake]:
    """Return the mistakes, the surest first; of equally sure ones the earlier example first.

    Parameters
    ----------
    model
        A classifier: see ``class_scores``.
    x, y
        Examples, and their classes: numbers, or one-hot rows.
    count
        The most mistakes to return; None returns all.
    """
    if count is not None and count < 1:
        raise ValueError(f"got count={count} mistakes; expected at least 1, or None for all")
    probabilities = predicted_probabilities(model, x)
    true = true_classes(y, *probabilities.shape)
    predicted = probabilities.argmax(axis=1)
    certainty = probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != true)
    order = wrong[np.argsort(-certainty[wrong], kind="stable")][:count]
    return [Mistake(int(i), int(true[i]), int(predicted[i]), float(certainty[i])) for i in order]


def mistakes(
    model: Any,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    count: int = 10,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the images that a network is surest of and wrong about: see ``surest_mistakes``.

    Above each stand its class, what it was taken for, and the probability of that.

    Parameters
    ----------
    model, x, y, count
        As those of ``surest_mistakes``.
    labels
        The names of the classes; their numbers by default.
    ax
        The Axes; new ones by default.
    """
    images = images_of(x, np.shape(x)[1:])
    names = class_names(labels, class_count(model))
    found = surest_mistakes(model, x, y, count)
    images = images[[mistake.example for mistake in found]]
    columns = max(1, min(len(found), 5))
    ax = axes_for(ax, 1.3 * columns, 1.8 * max(1, -(-len(found) // columns)))
    if not found:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no mistakes", ha="center", va="center", transform=ax.transAxes)
        return ax
    captions = [f"{names[m.true]}, not {names[m.predicted]}\n{m.probability:.4f}" for m in found]
    largest = np.max(images)
    if images.ndim == 4:
        draw_tiles(ax, images / (largest or 1), captions, columns)
    else:
        draw_tiles(ax, images, captions, columns, cmap="gray_r", vmin=0, vmax=largest or 1)
    return ax
