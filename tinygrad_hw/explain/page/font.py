"""The face of formulas, embedded: without one that knows mathematics, subscripts are not small.

``stix-two-math.woff2`` has the letters, signs and growing brackets that ``mathml`` writes, and is
otherwise STIX Two Math as it is, under the SIL Open Font License (``OFL.txt``).
"""

from __future__ import annotations

from base64 import b64encode
from importlib.resources import files

from tinygrad_hw.formatting import Html


def font_face() -> Html:
    """Write the rule of CSS by which ``font-family: "STIX Two Math"`` finds it in the page."""
    face = (files("tinygrad_hw.explain.page") / "stix-two-math.woff2").read_bytes()
    source = f"url(data:font/woff2;base64,{b64encode(face).decode()})"
    return Html(f'@font-face {{ font-family: "STIX Two Math"; src: {source}; }}\n')
