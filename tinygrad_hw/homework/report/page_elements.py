"""Elements of HTML that only the report needs: chains in MathML, confusion matrices, pictures."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.image import imsave

from tinygrad_hw.explain import MATHML, Chain
from tinygrad_hw.formatting import Html, element, prose, table

# --- Chains, in MathML ----------------------------------------------------------------------------


def chain_lines(chain: Chain) -> Html:
    """Typeset a chain in lines, the equals signs below each other."""
    rows = list(chain.rows(MATHML))
    left = element("span", _math(rows[0].left), class_="lhs")
    lines = [
        element("span", element("span", f"{row.sign} ", class_="eq"), _math(row.right))
        for row in rows
    ]
    return element("div", left, element("span", *lines, class_="rhs"), class_="chain")


def _math(content: str) -> Html:
    return element("math", content, displaystyle="true")


# --- Conclusions and matrices ---------------------------------------------------------------------


def claims(pairs: list[tuple[str, str]]) -> Html:
    """Build a table of the homework's conclusions beside our findings; see ``prose`` for names."""
    rows = [
        element("tr", element("td", prose(claim)), element("td", prose(finding)))
        for claim, finding in pairs
    ]
    columns = ["The homework concludes", "Our numbers"]
    return table("Its conclusions, beside our numbers", columns, rows, class_="claims")


def confusion(caption: str, counts: npt.ArrayLike, labels: Sequence[str]) -> Html:
    """Build a confusion matrix: the right answers framed and bold, the errors tinted.

    Rows are true classes, columns predicted ones. The tint goes by an error's share of its true
    class, so that matrices can be compared.
    """
    matrix = np.asarray(counts)
    head = [element("td", class_="corner")]
    head += [element("th", label, scope="col") for label in labels]
    rows = [
        element("tr", element("th", label, scope="row"), *_cells(matrix[i], i))
        for i, label in enumerate(labels)
    ]
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", *rows),
        class_="confusion few" if len(labels) < 5 else "confusion",
    )
    return element("div", whole, class_="scroll")


ERROR_SHARES = (0.002, 0.005, 0.01)
"""Shares of the true class; with each that an error exceeds, its tint is a shade deeper."""


def _cells(counts: npt.NDArray[np.int64], right: int) -> list[Html]:
    total = max(int(counts.sum()), 1)
    cells = []
    for j, n in enumerate(counts.tolist()):
        shade = 1 + sum(n / total > share for share in ERROR_SHARES) if n else 0
        cells.append(element("td", str(n), class_="right" if j == right else f"e{shade}"))
    return cells


# --- Pictures -------------------------------------------------------------------------------------

_ONLY_IN_FILES = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<(metadata|title)>.*?</\1>", re.DOTALL
)
_ATTRIBUTES_ONLY_IN_FILES = re.compile(
    r'\s(?:xmlns(?::\w+)?|version|xml:space|role)="[^"]*"|\sstyle="max-width[^"]*"'
)
_REFERENCES = re.compile(r'(\sid="|(?:xlink:)?href="#|url\(#)')
_SIZE = re.compile(r'(<svg\b[^>]*?)\swidth="([\d.]+)(?:pt|px)?"\s+height="[\d.]+(?:pt|px)?"')


def inline_svg(drawing: str, name: str, label: str) -> Html:
    """Return an SVG file as an element of the page.

    The parts that only a file needs are removed. The drawing's ids are prefixed with ``name``, so
    that they are unique on a page with several drawings.
    """
    drawing = _ATTRIBUTES_ONLY_IN_FILES.sub("", _ONLY_IN_FILES.sub("", drawing)).strip()
    drawing = _REFERENCES.sub(lambda m: f"{m[1].replace('xlink:', '')}{name}-", drawing)
    drawing = _SIZE.sub(r'\1 style="width:\2pt"', drawing, count=1)
    described = f'<svg role="img" aria-label="{html.escape(label)}"'
    return Html(drawing.replace("<svg", described, 1))


def picture(pixels: npt.NDArray[np.uint8], label: str) -> Html:
    """Build the element of a grayscale image, dark ink on a light ground."""
    file = io.BytesIO()
    metadata: dict[str, Any] = {"Software": None}  # else it differs with Matplotlib's release
    imsave(file, pixels, cmap="gray_r", vmin=0, vmax=255, format="png", metadata=metadata)
    data = base64.b64encode(file.getvalue()).decode()
    rows, columns = pixels.shape
    return Html(
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(label)}"'
        f' width="{columns}" height="{rows}">'
    )


def figure_box(content: str, caption: str, class_: str | None = None) -> Html:
    """Build a picture with its caption."""
    return element("figure", content, element("figcaption", caption), class_=class_)
