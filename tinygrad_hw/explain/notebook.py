"""What a notebook shows of a Value, of an explanation and of steps.

A notebook that is not trusted drops style sheets, frames and MathML, and keeps attributes: so the
text that stands in for them is shown unless a style sheet hides it, and the rest is hidden unless
a style sheet shows it.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress

from tinygrad_hw.engine import Value
from tinygrad_hw.explain.graph.draw import svg
from tinygrad_hw.explain.graph.graphviz import DrawError
from tinygrad_hw.explain.notation.display import Displayed
from tinygrad_hw.explain.page.font import font_face
from tinygrad_hw.explain.page.write import page_html
from tinygrad_hw.explain.stepper.frames import Steps
from tinygrad_hw.formatting import Html, element
from tinygrad_hw.program import CaptureError

FRAME_HEIGHT = 760  # pixels: drawing, chain, sliders and step fit, without a scroll bar
# A notebook's dark theme, as JupyterLab, VS Code, Colab and a Sphinx site of notebooks tell of it.
DARK = (
    '[data-jp-theme-light="false"]',
    ".vscode-dark",
    'html[theme="dark"]',
    '[data-theme="dark"]',
)
PICTURE = "tinygrad-hw-picture"
IN_THE_DARK = (
    ", ".join(f"{theme} .{PICTURE}" for theme in DARK)
    + " { filter: invert(0.9) hue-rotate(180deg); }"
)
# The page in the frame reads it when it is opened.
FRAME_IN_THE_DARK = (
    ", ".join(f"{theme} .tinygrad-hw iframe" for theme in DARK) + " { color-scheme: dark; }"
)
TRUSTED = (
    ".tinygrad-hw > pre { display: none; } "
    ".tinygrad-hw > div { display: block !important; overflow-x: auto; } "
    '.tinygrad-hw math { font-family: "STIX Two Math", math; font-size: 1.2em; }'
)


def value_bundle(value: Value) -> dict[str, str]:
    """Return the text of a Value and its picture, where there is one: as SVG and for a cell.

    In a cell the picture is no wider than the cell, and dark where the notebook is.
    """
    shown = {"text/plain": repr(value)}
    with suppress(DrawError, CaptureError):  # too large to be read, or being captured
        picture = svg(value)
        image = element(
            "img",
            src=f"data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}",
            alt=f"The graph of {value!r}",
            class_=PICTURE,
            style="max-width: 100%; height: auto",
        )
        shown["image/svg+xml"] = picture
        shown["text/html"] = element("style", Html(IN_THE_DARK)) + image
    return shown


def equations_bundle(equations: Displayed) -> dict[str, str]:
    """Return equations as text, as LaTeX, and as MathML with its face."""
    return {
        "text/plain": equations.text,
        "text/html": _where_trusted(Html(equations.mathml), equations.text, font_face()),
        "text/latex": f"$${equations.latex}$$",
    }


def steps_bundle(steps: Steps) -> dict[str, str]:
    """Return steps as text and, where there is one, as a page in a frame of its own."""
    bundle = {"text/plain": str(steps)}
    with suppress(DrawError, CaptureError):
        frame = element(
            "iframe",
            srcdoc=page_html(steps.layout.root),
            title=f"{len(steps)} steps",
            width="100%",
            height=FRAME_HEIGHT,
            style="border: 0",
        )
        bundle["text/html"] = _where_trusted(frame, str(steps), FRAME_IN_THE_DARK)
    return bundle


def _where_trusted(content: Html, text: str, rules: str) -> Html:
    """Show HTML where the notebook keeps style sheets, and text where it does not."""
    style = element("style", Html(f"{rules} {TRUSTED}"))
    hidden = element("div", content, style="display: none")
    return element("div", style, element("pre", text), hidden, class_="tinygrad-hw")
