"""Formulas as text, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.explain.notation.notation import Notation, Row, function_name
from tinygrad_hw.formatting import printable
from tinygrad_hw.symbolic import Formula

PLAIN_SIGNS = str.maketrans(
    {"∂": "d", "σ": "sigmoid", "·": "*", "×": "x", "⊙": ".*", "ᵀ": "^T", "′": "'", "…": "..."}
    | {"−": "-", "√": "sqrt", "Σ": "sum", "⁺": "+"}
)


class Text(Notation):
    """Text in lines."""

    on_one_line = True

    def name(self, name: str) -> str:
        """Write a name as it is, on one line."""
        return printable(name)

    def number(self, text: str) -> str:
        """Write a number as it is."""
        return text

    def partial(self, numerator: str, denominator: str, direct: bool = False) -> str:
        """Write ∂E/∂w7."""
        return f"∂{'⁺' * direct}{self.name(numerator)}/∂{self.name(denominator)}"

    def fraction(self, above: str, below: str) -> str:
        """Write a / b, and 2/3 for numbers."""
        is_number = above.removeprefix("-").isdecimal() and below.isdecimal()
        return f"{above}/{below}" if is_number else f"{above} / {below}"

    def power(self, base: str, exponent: str) -> str:
        """Write x^2."""
        return f"{base}^{exponent}"

    def function(self, operation: Operation, operands: Sequence[str]) -> str:
        """Write tanh(z), and σ(z) for the sigmoid."""
        name = "σ" if operation is ops.sigmoid else function_name(operation)
        return f"{name}({', '.join(operands)})"

    def bracketed(self, text: str) -> str:
        """Write (a + b)."""
        return f"({text})"

    def in_square_brackets(self, text: str) -> str:
        """Write [z > 0]."""
        return f"[{text}]"

    def row_of(self, parts: Sequence[str]) -> str:
        """Write operands and signs with a space between."""
        return " ".join(parts)

    def sign(self, sign: str) -> str:
        """Write a sign as it is."""
        return sign

    def minus(self, text: str) -> str:
        """Write -x."""
        return f"-{text}"

    def transposed(self, name: str) -> str:
        """Write Xᵀ."""
        return f"{name}ᵀ"

    def words(self, text: str) -> str:
        """Write words as they are, on one line."""
        return printable(text)

    def align(self, rows: Iterable[Row], remarks: Iterable[str] = ()) -> str:
        """Write a line for each row and each remark."""
        return "\n".join([*self.lines(rows), *remarks])

    def lines(self, rows: Iterable[Row]) -> list[str]:
        """Return a line for each row, the equals signs below each other."""
        lines: list[str] = []
        indent = ""
        for left, sign, right in rows:
            indent = " " * len(left) if left else indent
            lines.append(f"{left or indent} {sign or ' '} {right}")
        return lines


class PlainText(Text):
    """Text in ASCII, for a console that has no other characters."""

    def align(self, rows: Iterable[Row], remarks: Iterable[str] = ()) -> str:
        """Write a line for each row and each remark, every sign in ASCII."""
        lines = super().align(rows, remarks).splitlines()
        plain = [line.translate(PLAIN_SIGNS) for line in lines]
        return "\n".join(plain).encode("ascii", "replace").decode()


TEXT, ASCII = Text(), PlainText()


def formula_text(formula: Formula) -> str:
    """Write a formula as text: a4 · (1 - a4), (a4 - y), 6."""
    return TEXT.formula(formula)
