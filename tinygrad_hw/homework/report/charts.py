"""The report's charts, as SVG text.

Drawn by matplotlib without pyplot, so without any state that outlives a call. The same figures give
the same text, byte for byte. Colours are a few fixed ones: a page may replace them by its own.
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

from tinygrad_hw.formatting.numbers import number

History = Mapping[str, Sequence[float]]

INK, FAINT = "#2b2a27", "#d9d4c7"
STYLES = (
    ("#1f5fa8", "-", "o"),
    ("#b4540a", "--", "s"),
    ("#2c7a4b", "-.", "^"),
    ("#8a3f97", ":", "D"),
)
"""Color, dashes and marks of the lines, in order."""
LINES = [color for color, _, _ in STYLES]

_VARIABLES = {INK: "ink", FAINT: "rule", **{line: f"line-{i}" for i, line in enumerate(LINES)}}

SIZE = (4.4, 3.1)  # inches; one chart is legible across a telephone
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
    """Draw one metric of several trainings together, such as "val_loss"."""
    lines = {name: history[metric] for name, history in histories.items()}
    return _curves(lines, f"{TITLES[metric]} by epoch", metric)


def accuracies(right: Mapping[str, int], total: int) -> str:
    """Compare test accuracies, each with the range that chance alone explains.

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
            axes.plot(wilson_interval(n, total), [i, i], color=LINES[0], linewidth=1.4, alpha=0.6)
            axes.plot([n / total], [i], "o", color=LINES[0], markersize=7)
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
        return _svg(drawing)


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Wilson's interval of 95 % for a share, by E. B. Wilson (1927).

    It stays between 0 and 1 and has a width even where every answer is right.
    """
    if total == 0:
        return 0.0, 1.0
    z, share = 1.96, right / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return (centre - spread) / scale, min((centre + spread) / scale, 1.0)


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
        return _svg(drawing)


def themed(drawing: str) -> str:
    """Let the page around a chart choose its colours: #1f5fa8 becomes var(--line-0, #1f5fa8)."""
    for colour, name in _VARIABLES.items():
        drawing = drawing.replace(colour, f"var(--{name}, {colour})")
    return drawing


# --- How it is drawn ------------------------------------------------------------------------------


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
        return _svg(drawing)


def _logarithmic(axes: Axes, lines: Mapping[str, Sequence[float]]) -> None:
    """Use a logarithmic scale, if there is anything that it can show."""
    if any(math.isfinite(x) and x > 0 for values in lines.values() for x in values):
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())


_FONT_FAMILY = re.compile(r"font-family: [^;\"]*")
_METADATA = re.compile(r" *<metadata>.*?</metadata>\n?", re.DOTALL)
_STYLE = re.compile(r" *<defs>\s*<style.*?</style>\s*</defs>\n?", re.DOTALL)
_NEEDLESS_TURN = re.compile(r' transform="rotate\(-0 [^)]*\)"')


def _svg(drawing: Figure) -> str:
    FigureCanvasSVG(drawing)
    file = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    drawing.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue()
    for needless in (_METADATA, _STYLE, _NEEDLESS_TURN):
        text = needless.sub("", text)
    return _FONT_FAMILY.sub(f"font-family: {FONTS}", text)
