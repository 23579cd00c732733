"""What every explanation can do: print itself, and show itself typeset in a notebook."""

from __future__ import annotations

from typing import Any


class Displayed:
    """Something that a notation can write down."""

    __slots__ = ()

    @property
    def text(self) -> str:
        """All of it as lines of text."""
        from tinygrad_hw.explain.notation.text import TEXT

        return TEXT.written(self)

    @property
    def ascii(self) -> str:
        """The same in plain ASCII, for a console that cannot show ∂ and σ."""
        from tinygrad_hw.explain.notation.text import ASCII

        return ASCII.written(self)

    @property
    def latex(self) -> str:
        """The same for LaTeX's mathematical mode, as one ``aligned``."""
        from tinygrad_hw.explain.notation.latex import LATEX

        return LATEX.written(self)

    @property
    def mathml(self) -> str:
        """The same for a page, as one ``<math>`` element."""
        from tinygrad_hw.explain.notation.mathml import MATHML

        return MATHML.written(self)

    def __str__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {
            "text/plain": self.text,
            "text/html": self.mathml,
            "text/latex": f"$${self.latex}$$",
        }
