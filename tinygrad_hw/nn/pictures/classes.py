"""Errors by class: precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.nn.metrics import confusion_matrix
from tinygrad_hw.nn.metrics.reports import report_of_matrix
from tinygrad_hw.nn.pictures.axes import AGAINST, FOR, axes_for, write_beside
from tinygrad_hw.nn.pictures.scores import class_names, predicted_probabilities, true_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def class_errors(
    model: Any,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw precision and recall of each class, and count its errors.

    Precision is the share of the right answers among those that name a class, recall the share of
    a class that is recognized. Beside them stands how many of a class were missed.

    Parameters
    ----------
    model
        A classifier: see ``class_scores``.
    x, y
        Examples, and their classes: numbers, or one-hot rows.
    labels
        The names of the classes; their numbers by default.
    ax
        The Axes; new ones by default.
    """
    probabilities = predicted_probabilities(model, x)
    classes = probabilities.shape[1]
    names = class_names(labels, classes)
    true = true_classes(y, len(probabilities), classes)
    matrix = confusion_matrix(true, probabilities.argmax(axis=1), classes)
    report = report_of_matrix(matrix)
    ax = axes_for(ax, 6.0, 0.9 + 0.28 * classes)
    rows = range(classes)
    for name, color, mark in (("precision", FOR, "o"), ("recall", AGAINST, "s")):
        ax.plot([report[str(i)][name] for i in rows], rows, mark, color=color, label=name, ms=6)
    for i, (missed, support) in enumerate(
        zip(matrix.sum(axis=1) - np.diag(matrix), matrix.sum(axis=1), strict=True)
    ):
        write_beside(ax, i, f"{missed} of {support} missed")
    ax.set_yticks(rows, names)
    ax.set_ylim(classes - 0.5, -0.5)
    ax.set_xlabel("share")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return ax
