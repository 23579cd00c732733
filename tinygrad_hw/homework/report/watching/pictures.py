"""The pictures of what the network of ten digits has learned, as SVG text."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tinygrad_hw.homework.experiments import TEN
from tinygrad_hw.homework.report.charts import SETTINGS, svg_text
from tinygrad_hw.homework.results import Results
from tinygrad_hw.nn import pictures

WATCHED = 1000  # test images whose activations and gradients are looked at
NEURONS = 16  # whose weights are drawn


def learned_figures(results: Results) -> dict[str, str]:
    """Draw what the network of ten digits has learned; return the SVG texts by file name."""
    model = results.network(TEN)
    x, y = results.data.x_test, results.data.y_test
    few, classes = x[:WATCHED], y[:WATCHED]
    return {
        "ten-weights.svg": _drawn(
            (7.2, 1.9), WHOLE, lambda ax: pictures.weight_images(model, count=NEURONS, ax=ax)
        ),
        "ten-activations.svg": _drawn(
            (5, 1.9), BOXES, lambda ax: pictures.activations(model, few, ax)
        ),
        "ten-gradients.svg": _drawn(
            (5, 1.9), BOXES, lambda ax: pictures.gradients(model, few, classes, ax)
        ),
        "ten-classes.svg": _drawn(
            (5.6, 3.8),
            (0.05, 0.13, 0.68, 0.77),
            lambda ax: pictures.class_errors(model, x, y, ax=ax),
        ),
        "ten-mistakes.svg": _drawn(
            (6.4, 3.4), WHOLE, lambda ax: pictures.mistakes(model, x, y, ax=ax)
        ),
        "ten-saliency.svg": _drawn(
            (2.8, 3.1), (0, 0, 1, 0.9), lambda ax: pictures.saliency(model, x[0], ax=ax)
        ),
    }


Box = tuple[float, float, float, float]  # left, bottom, width and height, in shares of a figure
WHOLE: Box = (0, 0, 1, 1)
BOXES: Box = (0.15, 0.27, 0.55, 0.7)


def _drawn(inches: tuple[float, float], box: Box, draw: Callable[[Axes], Axes]) -> str:
    with matplotlib.rc_context(SETTINGS):
        drawing = Figure(figsize=inches)
        draw(drawing.add_axes(box))
        return svg_text(drawing)
