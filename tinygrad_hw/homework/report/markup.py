"""What only the report has: chains in MathML, matrices of errors, pictures."""

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

from tinygrad_hw.explain.chain import Chain, Factor
from tinygrad_hw.explain.markup import (
    Html,
    element,
    join,
    letter_and_number,
    ours,
    prose,
    table,
)
from tinygrad_hw.explain.numbers import number

# --- Chains, in MathML ----------------------------------------------------------------------------


def chain(explained: Chain) -> Html:
    """Typeset a chain as symbols = numbers = result, the equals signs below each other."""
    if not explained.paths:
        return element("p", _math(_fraction(explained.root, explained.target)), " = 0")
    by_symbol = [[_math(_factor(f)) for f in path] for path in explained.paths]
    by_number = [[_in_brackets(f.value) for f in path] for path in explained.paths]
    lines = [_sum(by_symbol, " · ")]
    if len(explained.paths) > 1 or len(explained.paths[0]) > 1:
        lines += [_sum(by_number, " × "), ours(explained.value)]
    else:
        lines.append(ours(explained.value))
    left = element("span", _math(_fraction(explained.root, explained.target)), class_="lhs")
    right = [element("span", element("span", "= ", class_="eq"), line) for line in lines]
    return element("div", left, element("span", *right, class_="rhs"), class_="chain")


def _sum(paths: list[list[Html]], times: str) -> Html:
    return join((join(path, times) for path in paths), " + ")


def _in_brackets(x: float) -> Html:
    text = ours(x)
    return join(["(", text, ")"]) if number(x).startswith("-") else text


def _factor(factor: Factor) -> Html:
    return _fraction(factor.numerator, factor.denominator)


def _fraction(above: str, below: str) -> Html:
    d = element("mi", "d", mathvariant="normal")
    return element("mfrac", *(element("mrow", d, _math_name(name)) for name in (above, below)))


def _math(content: Html) -> Html:
    return element("math", content, displaystyle="true")


def _math_name(name: str) -> Html:
    parts = letter_and_number(name)
    if parts is None:
        return element("mtext", name)
    letter, digits = parts
    base = element("mi", letter)
    return element("msub", base, element("mn", digits)) if digits else base


# --- Conclusions and matrices ---------------------------------------------------------------------


def claims(said: list[tuple[str, str]]) -> Html:
    """Set what the homework concludes beside what our numbers show; names in backquotes."""
    rows = [
        element("tr", element("td", prose(claim)), element("td", prose(found)))
        for claim, found in said
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
"""An error above so large a share of its class is tinted a shade deeper."""


def _cells(counts: npt.NDArray[np.int64], right: int) -> list[Html]:
    total = max(int(counts.sum()), 1)
    cells = []
    for j, n in enumerate(counts.tolist()):
        shade = 1 + sum(n / total > share for share in ERROR_SHARES) if n else 0
        cells.append(element("td", str(n), class_="right" if j == right else f"e{shade}"))
    return cells


# --- Pictures -------------------------------------------------------------------------------------

_FOR_FILES = re.compile(
    r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<(metadata|title)>.*?</\1>", re.DOTALL
)
_ATTRIBUTES_FOR_FILES = re.compile(r'\s(?:xmlns(?::\w+)?|version|xml:space|role)="[^"]*"')
_REFERENCES = re.compile(r'(\sid="|(?:xlink:)?href="#|url\(#)')
_SIZE = re.compile(r'(<svg\b[^>]*?)\swidth="([\d.]+)(?:pt|px)?"\s+height="[\d.]+(?:pt|px)?"')


def inline_svg(drawing: str, name: str, label: str) -> Html:
    """Make an SVG file part of the page.

    What only a file needs is taken away. The drawing's ids are prefixed with ``name``, so that
    several drawings on one page do not take each other's.
    """
    drawing = _ATTRIBUTES_FOR_FILES.sub("", _FOR_FILES.sub("", drawing)).strip()
    drawing = _REFERENCES.sub(lambda m: f"{m[1].replace('xlink:', '')}{name}-", drawing)
    drawing = _SIZE.sub(r'\1 style="width:\2pt"', drawing, count=1)
    described = f'<svg role="img" aria-label="{html.escape(label)}"'
    return Html(drawing.replace("<svg", described, 1))


def picture(pixels: npt.NDArray[np.uint8], label: str) -> Html:
    """Show an image of bytes as dark ink on a light ground."""
    file = io.BytesIO()
    unsigned: dict[str, Any] = {"Software": None}  # else every release of matplotlib's differs
    imsave(file, pixels, cmap="gray_r", vmin=0, vmax=255, format="png", metadata=unsigned)
    data = base64.b64encode(file.getvalue()).decode()
    rows, columns = pixels.shape
    return Html(
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(label)}"'
        f' width="{columns}" height="{rows}">'
    )


def figure_box(content: str, caption: str, class_: str | None = None) -> Html:
    """Build a picture with its caption."""
    return element("figure", content, element("figcaption", caption), class_=class_)
