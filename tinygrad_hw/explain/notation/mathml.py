"""Formulas in MathML, which every browser shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.explain.notation.notation import Notation, Row, function_name
from tinygrad_hw.formatting import Html, element, join, letter_and_subscript, printable

LEFT, RIGHT = "text-align: left", "text-align: right"


class MathML(Notation):
    """Elements of MathML Core."""

    def name(self, name: str) -> Html:
        """Write letters with their subscript, as out_h1 has; anything else as text."""
        parts = letter_and_subscript(name)
        if parts is None:
            return element("mtext", printable(name))
        letter, subscript = parts
        base = element("mi", letter)
        if not subscript:
            return base
        return element("msub", base, element("mn" if subscript.isdecimal() else "mi", subscript))

    def number(self, text: str) -> Html:
        """Write a number with a true minus sign and its power of ten."""
        return element("mrow", number_parts(text), class_="n")

    def partial(self, numerator: str, denominator: str, direct: bool = False) -> Html:
        """Write a fraction ∂E over ∂w7."""
        d = element("mi", "∂", mathvariant="normal")
        above, below = self.name(numerator), self.name(denominator)
        first = element("msup", d, element("mi", "+")) if direct else d
        return element("mfrac", element("mrow", first, above), element("mrow", d, below))

    def fraction(self, above: str, below: str) -> Html:
        """Write one formula above the other."""
        return element("mfrac", above, below)

    def power(self, base: str, exponent: str) -> Html:
        """Write a superscript."""
        return element("msup", base, exponent)

    def function(self, operation: Operation, operands: Sequence[str]) -> Html:
        """Write tanh(z); a root, a magnitude and a sigmoid by their signs."""
        inside = join(operands, element("mo", ","))
        if operation is ops.sqrt:
            return element("msqrt", inside)
        if operation is ops.abs:
            bar = element("mo", "|")
            return element("mrow", bar, inside, bar)
        name = element("mi", "σ" if operation is ops.sigmoid else function_name(operation))
        return element("mrow", name, self.bracketed(inside))

    def bracketed(self, text: str) -> Html:
        """Write brackets around a formula."""
        return element("mrow", element("mo", "("), text, element("mo", ")"))

    def in_square_brackets(self, text: str) -> Html:
        """Write square brackets around a condition."""
        return element("mrow", element("mo", "["), text, element("mo", "]"))

    def row_of(self, parts: Sequence[str]) -> Html:
        """Write operands and signs one after another."""
        return element("mrow", *parts)

    def sign(self, sign: str) -> Html:
        """Write an operator."""
        return element("mo", sign.replace("-", "−"))

    def minus(self, text: str) -> Html:
        """Write a prefix minus sign."""
        return element("mrow", element("mo", "−", form="prefix"), text)

    def transposed(self, name: str) -> Html:
        """Write Xᵀ."""
        return element("msup", name, element("mi", "T", mathvariant="normal"))

    def words(self, text: str) -> Html:
        """Write words as text."""
        return element("mtext", printable(text))

    def align(self, rows: Iterable[Row], remarks: Iterable[str] = ()) -> Html:
        """Write one table with a row for each line and each remark."""
        lines = [
            element(
                "mtr",
                element("mtd", left, style=RIGHT),
                element("mtd", self.sign(sign) if sign else "", style=LEFT),
                element("mtd", right, style=LEFT),
            )
            for left, sign, right in rows
        ]
        lines += [
            element(
                "mtr", element("mtd"), element("mtd"), element("mtd", self.words(x), style=LEFT)
            )
            for x in remarks
        ]
        table = element("mtable", *lines, displaystyle="true")
        return element("math", table, xmlns="http://www.w3.org/1998/Math/MathML")


def number_parts(text: str) -> Html:
    """Write the parts of a number that has been printed, such as -3.183e-04."""
    digits, e, exponent = text.partition("e")
    minus = element("mo", "−", form="prefix") if digits.startswith("-") else ""
    unsigned = {"inf": "∞"}.get(digits.lstrip("-"), digits.lstrip("-"))
    base = [minus, element("mn", unsigned)]
    if not e:
        return join(base)
    power = number_parts(str(int(exponent)))
    ten = element("msup", element("mn", "10"), element("mrow", power))
    return join([*base, element("mo", "×"), ten])


MATHML = MathML()
