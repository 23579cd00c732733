"""Chains in MathML, which every browser shows."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.explain.graph.labels import clean
from tinygrad_hw.explain.notation.display import Displayed
from tinygrad_hw.explain.notation.notation import Notation
from tinygrad_hw.formatting.html import Html, element, join, letter_and_number

EMPTY = [element("mtd"), element("mtd")]
LEFT, RIGHT = "text-align: left", "text-align: right"


class MathML(Notation):
    """Elements of MathML Core."""

    def name(self, name: str) -> Html:
        """A letter with its number below; anything else as text."""
        parts = letter_and_number(name)
        if parts is None:
            return element("mtext", clean(name))
        letter, digits = parts
        base = element("mi", letter)
        return element("msub", base, element("mn", digits)) if digits else base

    def number(self, text: str) -> Html:
        """With a true minus sign, and a power of ten as one."""
        return element("mrow", number(text), class_="n")

    def partial(self, numerator: str, denominator: str) -> Html:
        """A fraction of two names."""
        d = element("mi", "∂", mathvariant="normal")
        above, below = self.name(numerator), self.name(denominator)
        return element("mfrac", element("mrow", d, above), element("mrow", d, below))

    def fraction(self, above: str, below: str) -> Html:
        """One above the other."""
        return element("mfrac", above, below)

    def power(self, base: str, exponent: str) -> Html:
        """Raised."""
        return element("msup", base, exponent)

    def function(self, operation: Operation, operands: Sequence[str]) -> Html:
        """By its name, a root and a sigmoid by their signs."""
        inside = join(operands, element("mo", ","))
        if operation is ops.sqrt:
            return element("msqrt", inside)
        if operation is ops.abs:
            bar = element("mo", "|")
            return element("mrow", bar, inside, bar)
        name = element("mi", "σ" if operation is ops.sigmoid else operation.name)
        return element("mrow", name, self.bracketed(inside))

    def bracketed(self, text: str) -> Html:
        """Put brackets round it."""
        return element("mrow", element("mo", "("), text, element("mo", ")"))

    def in_square_brackets(self, text: str) -> Html:
        """Put square brackets round it."""
        return element("mrow", element("mo", "["), text, element("mo", "]"))

    def row_of(self, parts: Sequence[str]) -> Html:
        """One behind the other."""
        return element("mrow", *parts)

    def sign(self, sign: str) -> Html:
        """An operator."""
        return element("mo", sign.replace("-", "−"))

    def minus(self, text: str) -> Html:
        """With a minus sign before it."""
        return element("mrow", element("mo", "−", form="prefix"), text)

    def transposed(self, name: str) -> Html:
        """Xᵀ."""
        return element("msup", name, element("mi", "T", mathvariant="normal"))

    def words(self, text: str) -> Html:
        """Words."""
        return element("mtext", clean(text))

    def written(self, explained: Displayed) -> Html:
        """One table, a line a row; below it in words what was multiplied."""
        rows = [
            element(
                "mtr",
                element("mtd", left, style=RIGHT),
                element("mtd", self.sign(sign) if sign else "", style=LEFT),
                element("mtd", right, style=LEFT),
            )
            for left, sign, right in self.rows(explained)
        ]
        rows += [
            element(
                "mtr", element("mtd"), element("mtd"), element("mtd", self.words(x), style=LEFT)
            )
            for x in self.remarks(explained)
        ]
        table = element("mtable", *rows, displaystyle="true")
        return element("math", table, xmlns="http://www.w3.org/1998/Math/MathML")


def number(text: str) -> Html:
    """The parts of a number that has been printed, such as -3.183e-04."""
    digits, e, exponent = text.partition("e")
    minus = element("mo", "−", form="prefix") if digits.startswith("-") else ""
    shown = {"inf": "∞"}.get(digits.lstrip("-"), digits.lstrip("-"))
    base = [minus, element("mn", shown)]
    if not e:
        return join(base)
    power = number(str(int(exponent)))
    ten = element("msup", element("mn", "10"), element("mrow", power))
    return join([*base, element("mo", "×"), ten])


MATHML = MathML()
