"""The report's charts, as SVG text.

Matplotlib draws them without pyplot, so no state outlives a call. The same numbers give the same
text, byte for byte. The colors are a few fixed ones, which a page may replace with its own.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from tinygrad_hw.formatting import number

History = Mapping[str, Sequence[float]]

INK, FAINT = "#2b2a27", "#d9d4c7"
STYLES = (
    ("#1f5fa8", "-", "o"),
    ("#b4540a", "--", "s"),
    ("#2c7a4b", "-.", "^"),
    ("#8a3f97", ":", "D"),
)
"""Color, dashes and marks of the lines, in order."""
LINE_COLORS = [color for color, _, _ in STYLES]

_CSS_VARIABLES = {
    INK: "ink",
    FAINT: "rule",
    **{color: f"line-{i}" for i, color in enumerate(LINE_COLORS)},
}

SIZE = (4.4, 3.1)  # inches; a chart is legible on a telephone
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "tinygrad_hw",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 3.2,
    "legend.frameon": False,
    "legend.fontsize": 10,
}
FONTS = "system-ui, 'Segoe UI', 'Liberation Sans', Arial, sans-serif"

TITLES = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "val_loss": "Loss on validation",
    "val_accuracy": "Accuracy on validation",
}


def learning_curve(history: History, metric: str) -> str:
    """Draw "loss" or "accuracy" by epoch, in training and in validation."""
    lines = {"training": history[metric], "validation": history[f"val_{metric}"]}
    return _curves(lines, f"{TITLES[metric]} by epoch", metric)


def compared_curve(histories: Mapping[str, History], metric: str) -> str:
    """Draw one metric by epoch, such as "val_loss", of several trainings together."""
    lines = {name: history[metric] for name, history in histories.items()}
    return _curves(lines, f"{TITLES[metric]} by epoch", metric)


def accuracies(right: Mapping[str, int], total: int) -> str:
    """Draw test accuracies, each with the range that chance alone explains.

    Parameters
    ----------
    right
        Right answers of each network.
    total
        Number of test images; the same for all.
    """
    with matplotlib.rc_context(SETTINGS):
        drawing = Figure(figsize=(5.6, 0.5 * len(right) + 0.8), layout="constrained")
        axes = drawing.subplots()
        for i, n in enumerate(right.values()):
            color = LINE_COLORS[0]
            axes.plot(wilson_interval(n, total), [i, i], color=color, linewidth=1.4, alpha=0.6)
            axes.plot([n / total], [i], "o", color=color, markersize=7)
            axes.annotate(
                number(n / total, 5),
                (n / total, i),
                (0, 7),
                textcoords="offset points",
                ha="center",
            )
        axes.set_ylim(len(right) - 0.6, -0.75)
        axes.set_yticks(range(len(right)), list(right))
        axes.tick_params("y", length=0)
        axes.grid(False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter("{x:.6g}")
        axes.set_xlabel("test accuracy")
        return svg_text(drawing)


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Return Wilson's interval of 95 % for a share, by E. B. Wilson (1927).

    It stays between 0 and 1 and has a width even where every answer is right.
    """
    if total == 0:
        return 0.0, 1.0
    z, share = 1.96, right / total
    center = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return (center - spread) / scale, min((center + spread) / scale, 1.0)


COLUMNS = 5


def examples(images: Sequence[npt.NDArray[np.uint8]], captions: Sequence[str]) -> str:
    """Draw images in rows of five, each under its caption."""
    rows = max(1, math.ceil(len(images) / COLUMNS))
    with matplotlib.rc_context({**SETTINGS, "font.size": 8}):
        drawing = Figure(figsize=(7.2, 1.75 * rows), layout="constrained")
        places = drawing.subplots(rows, COLUMNS, squeeze=False)
        for place in places.flat:
            place.set_axis_off()
        used = places.flat[: len(images)]
        for place, image, caption in zip(used, images, captions, strict=True):
            place.imshow(image, cmap="gray_r", vmin=0, vmax=255, interpolation="none")
            place.set_title(caption, fontsize=8)
        return svg_text(drawing)


def with_page_colors(drawing: str) -> str:
    """Return a chart in the colors of the page: #1f5fa8 becomes var(--line-0, #1f5fa8)."""
    for color, name in _CSS_VARIABLES.items():
        drawing = drawing.replace(color, f"var(--{name}, {color})")
    return drawing


# --- Drawing --------------------------------------------------------------------------------------


def _curves(lines: Mapping[str, Sequence[float]], title: str, metric: str) -> str:
    with matplotlib.rc_context(SETTINGS):
        drawing = Figure(figsize=SIZE, layout="constrained")
        axes = drawing.subplots()
        for (name, values), style in zip(lines.items(), STYLES[: len(lines)], strict=True):
            color, dashes, mark = style
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, color=color, linestyle=dashes, marker=mark, label=name)
        longest = max(map(len, lines.values()), default=1)
        axes.set_xlim(1 - 0.03 * longest, longest + 0.03 * longest)
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, steps=[1, 2, 5, 10]))
        axes.set_xlabel("epoch")
        if "loss" in metric:
            _logarithmic(axes, lines)
        axes.set_title(title, fontsize=10, loc="left", fontweight="bold")
        drawing.legend(loc="outside lower center", ncols=2, handlelength=2.8)
        return svg_text(drawing)


def _logarithmic(axes: Axes, lines: Mapping[str, Sequence[float]]) -> None:
    """Use a logarithmic scale, if any value is positive."""
    if any(math.isfinite(x) and x > 0 for values in lines.values() for x in values):
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())


_FONT_FAMILY = re.compile(r"font-family: [^;\"]*")
_METADATA = re.compile(r" *<metadata>.*?</metadata>\n?", re.DOTALL)
_STYLE = re.compile(r" *<defs>\s*<style.*?</style>\s*</defs>\n?", re.DOTALL)
_NULL_ROTATION = re.compile(r' transform="rotate\(-0 [^)]*\)"')


def svg_text(drawing: Figure) -> str:
    """Return a figure as SVG, with nothing in it that differs from run to run."""
    FigureCanvasSVG(drawing)
    file = io.StringIO()
    no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    drawing.savefig(file, format="svg", transparent=True, metadata=no_metadata)
    text = file.getvalue()
    for needless in (_METADATA, _STYLE, _NULL_ROTATION):
        text = needless.sub("", text)
    return _FONT_FAMILY.sub(f"font-family: {FONTS}", text)
