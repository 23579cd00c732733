"""HTML from plain functions: whatever is not marked as HTML already is escaped."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.image import imsave

from tinygrad_hw.explain.chain import Chain, Factor
from tinygrad_hw.explain.text import number


class Html(str):
    """Text that is markup and goes into the page as it is. Any other string is escaped."""

    __slots__ = ()


Attribute = str | int | None
NOTHING = Html("")
NO_BREAK = "\u00a0"


def element(tag: str, *children: str, **attributes: Attribute) -> Html:
    """Build an element.

    Parameters
    ----------
    children
        Text, escaped, or Html, taken as it is.
    attributes
        ``class_`` is written class, ``aria_label`` aria-label. One that is None is left out.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{written}>{join(children)}</{tag}>")


def join(parts: Iterable[str], between: str = "") -> Html:
    """Put pieces behind each other, escaping those that are text."""
    return Html(escaped(between).join(escaped(part) for part in parts))


def escaped(text: str) -> Html:
    """Escape text; leave Html as it is. A per cent sign stays with its number."""
    return text if isinstance(text, Html) else Html(html.escape(text).replace(" %", f"{NO_BREAK}%"))


def paragraph(*children: str, class_: str | None = None) -> Html:
    """One paragraph."""
    return element("p", *children, class_=class_)


def section(anchor: str, level: int, title: str, *children: str) -> Html:
    """Build a section under its heading, which can be linked to."""
    heading = element(f"h{level}", title, id=anchor)
    return element("section", heading, *children, aria_labelledby=anchor)


def link(anchor: str, text: str) -> Html:
    """A link within the page."""
    return element("a", text, href=f"#{anchor}")


def bullets(items: Iterable[str], class_: str | None = None) -> Html:
    """A list; nothing at all if it would be empty."""
    points = [element("li", item) for item in items]
    return element("ul", *points, class_=class_) if points else NOTHING


# --- Numbers and names ----------------------------------------------------------------------------

_NUMBER = re.compile(r"([+-]?)(\d[\d,]*(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+))?([…%]?)")
_NAME = re.compile(r"([A-Za-z]+?)_?(\d*)")
_GREEK = {"alpha": "α", "sigma": "σ"}


def figure(text: str, class_: str = "") -> Html:
    """Typeset a number: a true minus sign, and a power of ten as one. The text itself is kept.

    >>> figure("-6.403e-07")
    '<data class="n neg" value="-6.403e-07">−6.403×10<sup>−7</sup></data>'
    """
    if not text:
        return element("span", "–", class_="none")
    parts = _NUMBER.fullmatch(text)
    if parts is None:
        return escaped(text)
    sign, digits, exponent, tail = parts.groups()
    power = NOTHING
    if exponent is not None:
        power = join(["×10", element("sup", _minus(str(int(exponent))))])
    classes = " ".join(["n", *(["neg"] if sign else []), *([class_] if class_ else [])])
    return element("data", _minus(sign) + digits, power, tail, class_=classes, value=text)


def ours(x: float, figures: int = 4) -> Html:
    """Typeset a number of ours in so many significant figures."""
    return figure(number(x, figures))


def signed(x: float, figures: int = 2) -> Html:
    """Typeset a difference, a plus sign included."""
    text = number(x, figures)
    return figure(text if text.startswith("-") or text == "0" else f"+{text}")


def count(n: int) -> str:
    """Write a count with commas between the thousands."""
    return f"{n:,}"


def counted(n: int, noun: str) -> str:
    """Write a count with its noun.

    >>> counted(1, "error"), counted(2, "error")
    ('1 error', '2 errors')
    """
    return f"{count(n)} {noun}" if n == 1 else f"{count(n)} {noun}s"


def listed(names: Sequence[str]) -> str:
    """Write names as in "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _minus(text: str) -> str:
    return text.replace("-", "−")


def symbol(name: str) -> Html:
    """Typeset a name: w7 in italics with its number below, a word upright."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        return escaped(name)
    stem, digits = parts.groups()
    letter = _GREEK.get(stem, stem)
    base = element("var", letter) if len(letter) == 1 else escaped(letter)
    return join([base, element("sub", digits)]) if digits else base


def partial(name: str) -> Html:
    """Typeset "dE/dw7" in a line of text."""
    above, _, below = name.partition("/")
    if not (above.startswith("d") and below.startswith("d")):
        return escaped(name)
    return element("span", "d", symbol(above[1:]), "/d", symbol(below[1:]), class_="slope")


def prose(text: str) -> Html:
    """Escape a text and typeset the names, partials and numbers that stand in it in backquotes.

    What stands together in backquotes is not parted at the end of a line.

    >>> prose("`E` & so on")
    '<var>E</var> &amp; so on'
    """
    parts = text.split("`")
    return join(
        join(map(_mathematics, part.split(" ")), NO_BREAK) if i % 2 else part
        for i, part in enumerate(parts)
    )


def _mathematics(word: str) -> Html:
    if _NUMBER.fullmatch(word):
        return figure(word)
    return partial(word) if "/" in word else symbol(word)


_TOKEN = re.compile(r"[A-Za-z]\w*|\*\*\s*(\d+)|.", re.DOTALL)


def formula(source: str) -> Html:
    """Typeset a sheet's formula: names in italics, a product as a dot, a power raised."""
    return join(_typeset(token) for token in _TOKEN.finditer(source))


def _typeset(token: re.Match[str]) -> Html:
    text = token[0]
    if token[1]:
        return element("sup", token[1])
    if text[0].isalpha():
        return symbol(text)
    return escaped({"*": " · ", "-": "−"}.get(text, text))


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
    parts = _NAME.fullmatch(name)
    if parts is None:
        return element("mtext", name)
    stem, digits = parts.groups()
    base = element("mi", _GREEK.get(stem, stem))
    return element("msub", base, element("mn", digits)) if digits else base


# --- Tables ---------------------------------------------------------------------------------------


def table(
    caption: str,
    columns: Sequence[str] | Html,
    rows: Iterable[Html],
    class_: str | None = None,
) -> Html:
    """Build a table in a box that scrolls by itself where the page is narrow.

    ``columns`` are headings, or the rows of a head that is more than one row of them.
    """
    if not isinstance(columns, Html):
        columns = element("tr", *map(_heading, columns))
    whole = element(
        "table",
        element("caption", caption) if caption else NOTHING,
        element("thead", columns),
        element("tbody", *rows),
        class_=class_,
    )
    return element("div", whole, class_="scroll")


def _heading(column: str) -> Html:
    return element("th", column, scope="col") if column else element("td")


def row(heading: str, *cells: str, class_: str | None = None) -> Html:
    """Build a row of a table; its first cell is its heading."""
    return element(
        "tr",
        element("th", heading, scope="row"),
        *(element("td", cell) for cell in cells),
        class_=class_,
    )


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
