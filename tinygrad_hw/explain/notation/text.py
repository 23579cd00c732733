"""Chains as text, for a terminal; the equals signs stand below each other."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.explain.chains.chain import Chain
from tinygrad_hw.explain.graph.labels import clean
from tinygrad_hw.explain.notation.display import Displayed
from tinygrad_hw.explain.notation.notation import Notation
from tinygrad_hw.symbolic import Formula

PLAIN_SIGNS = str.maketrans(
    {"∂": "d", "σ": "sigmoid", "·": "*", "×": "x", "⊙": ".*", "ᵀ": "^T", "′": "'", "…": "..."}
    | {"−": "-", "√": "sqrt", "Σ": "sum"}
)


class Text(Notation):
    """Text in lines."""

    on_one_line = True

    def name(self, name: str) -> str:
        """As it is, on one line."""
        return clean(name)

    def number(self, text: str) -> str:
        """As it is."""
        return text

    def partial(self, numerator: str, denominator: str) -> str:
        """∂E/∂w7."""
        return f"∂{self.name(numerator)}/∂{self.name(denominator)}"

    def fraction(self, above: str, below: str) -> str:
        """On one line."""
        return f"{above} / {below}"

    def power(self, base: str, exponent: str) -> str:
        """With a hat."""
        return f"{base}^{exponent}"

    def function(self, operation: Operation, operands: Sequence[str]) -> str:
        """By its name."""
        name = "σ" if operation is ops.sigmoid else operation.name
        return f"{name}({', '.join(operands)})"

    def bracketed(self, text: str) -> str:
        """Put brackets round it."""
        return f"({text})"

    def in_square_brackets(self, text: str) -> str:
        """Put square brackets round it."""
        return f"[{text}]"

    def row_of(self, parts: Sequence[str]) -> str:
        """With a space between."""
        return " ".join(parts)

    def sign(self, sign: str) -> str:
        """As it is."""
        return sign

    def minus(self, text: str) -> str:
        """Without a space."""
        return f"-{text}"

    def transposed(self, name: str) -> str:
        """Xᵀ."""
        return f"{name}ᵀ"

    def words(self, text: str) -> str:
        """As they are, on one line."""
        return clean(text)

    def written(self, explained: Displayed) -> str:
        """All lines, and in the last one what was multiplied."""
        return "\n".join([*self.lines(explained), *self.remarks(explained)])

    def lines(self, explained: Displayed) -> list[str]:
        """The lines of the equations alone."""
        lines: list[str] = []
        indent = ""
        for left, sign, right in self.rows(explained):
            indent = " " * len(left) if left else indent
            lines.append(f"{left or indent} {sign or ' '} {right}")
        return lines


class PlainText(Text):
    """The same with no sign that an old console lacks."""

    def written(self, explained: Displayed) -> str:
        """All lines."""
        lines = super().written(explained).splitlines()
        plain = [line.translate(PLAIN_SIGNS) for line in lines]
        return "\n".join(plain).encode("ascii", "replace").decode()


TEXT, ASCII = Text(), PlainText()


def write(formula: Formula) -> str:
    """Write a formula down: a4 · (1 - a4), (a4 - y), 6."""
    return TEXT.formula(formula)


def chain_lines(chain: Chain) -> list[str]:
    """Write a chain as names = formulas = numbers = result."""
    return TEXT.lines(chain)
