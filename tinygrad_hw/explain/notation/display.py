"""The base of every explanation: equations as text, LaTeX and MathML."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from tinygrad_hw.explain.notation.latex import LATEX
from tinygrad_hw.explain.notation.mathml import MATHML
from tinygrad_hw.explain.notation.notation import Notation, Row
from tinygrad_hw.explain.notation.text import ASCII, TEXT


class Displayed(ABC):
    """Equations that can be written down in any notation."""

    __slots__ = ()

    @abstractmethod
    def rows(self, notation: Notation) -> Iterator[Row]:
        """Yield the lines of the equations."""

    @property
    @abstractmethod
    def remarks(self) -> list[str]:
        """The remarks on the numbers, in words."""

    @property
    def lines(self) -> list[str]:
        """The equations as lines of text, without the remarks."""
        return TEXT.lines(self.rows(TEXT))

    @property
    def text(self) -> str:
        """The equations and the remarks as text."""
        return self._written_in(TEXT)

    @property
    def ascii(self) -> str:
        """The same in plain ASCII, for a console that cannot show ∂ and σ."""
        return self._written_in(ASCII)

    @property
    def latex(self) -> str:
        """The same for LaTeX's mathematical mode, as one ``aligned``."""
        return self._written_in(LATEX)

    @property
    def mathml(self) -> str:
        """The same for a page, as one ``<math>`` element."""
        return self._written_in(MATHML)

    def _written_in(self, notation: Notation) -> str:
        return notation.align(self.rows(notation), self.remarks)

    def __str__(self) -> str:
        return self.text
