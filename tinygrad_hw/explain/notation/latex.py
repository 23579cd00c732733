r"""Formulas for LaTeX's mathematical mode."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.explain.notation.notation import Notation, Row, function_name
from tinygrad_hw.formatting import letter_and_subscript, printable

SIGNS = {"·": r"\cdot", "×": r"\times", "⊙": r"\odot"}
GREEK = {
    **{
        "α": r"\alpha",
        "β": r"\beta",
        "γ": r"\gamma",
        "δ": r"\delta",
        "ε": r"\epsilon",
        "η": r"\eta",
    },
    **{"θ": r"\theta", "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "ρ": r"\rho", "σ": r"\sigma"},
    **{"τ": r"\tau", "φ": r"\varphi", "ψ": r"\psi", "ω": r"\omega"},
}
KNOWN = {"exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "max", "min"}
SPECIAL = {"\\": "backslash", "^": "asciicircum", "~": "asciitilde"}


class Latex(Notation):
    """LaTeX; what a label says is never a command."""

    def name(self, name: str) -> str:
        r"""Write w_{7} and \mathrm{out}_{h1}; a word is upright."""
        parts = letter_and_subscript(name)
        if parts is None:
            return rf"\text{{{_escaped(name)}}}"
        letter, subscript = parts
        base = GREEK.get(letter) or (letter if len(letter) == 1 else rf"\mathrm{{{letter}}}")
        if subscript.isalpha() and len(subscript) > 1:
            subscript = rf"\mathrm{{{subscript}}}"
        return f"{base}_{{{subscript}}}" if subscript else base

    def number(self, text: str) -> str:
        r"""Write -3.183 \times 10^{-4}."""
        digits, e, exponent = text.partition("e")
        if digits.lstrip("-") in ("inf", "nan"):
            word = r"\infty" if "inf" in digits else r"\mathrm{nan}"
            return ("-" if digits.startswith("-") else "") + word
        return rf"{digits} \times 10^{{{int(exponent)}}}" if e else digits

    def partial(self, numerator: str, denominator: str, direct: bool = False) -> str:
        r"""Write \frac{\partial E}{\partial w_{7}}."""
        above, below = self.name(numerator), self.name(denominator)
        plus = "^{+}" * direct
        return rf"\frac{{\partial{plus} {above}}}{{\partial {below}}}"

    def fraction(self, above: str, below: str) -> str:
        r"""Write \frac{a}{b}."""
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str) -> str:
        """Write {x}^{2}."""
        return f"{{{base}}}^{{{exponent}}}"

    def function(self, operation: Operation, operands: Sequence[str]) -> str:
        r"""Write \tanh(z); a root, a magnitude and a sigmoid by their signs."""
        if operation is ops.sqrt:
            return rf"\sqrt{{{operands[0]}}}"
        if operation is ops.abs:
            return rf"\left|{operands[0]}\right|"
        name = function_name(operation)
        name = rf"\{name}" if name in KNOWN else rf"\operatorname{{{_escaped(name)}}}"
        name = r"\sigma" if operation is ops.sigmoid else name
        return name + self.bracketed(", ".join(operands))

    def bracketed(self, text: str) -> str:
        """Write brackets that grow with the formula in them."""
        return rf"\left({text}\right)"

    def in_square_brackets(self, text: str) -> str:
        """Write [z > 0]."""
        return f"[{text}]"

    def row_of(self, parts: Sequence[str]) -> str:
        """Write operands and signs one after another."""
        return " ".join(parts)

    def sign(self, sign: str) -> str:
        """Write a sign, as a command where there is one."""
        return SIGNS.get(sign, sign)

    def minus(self, text: str) -> str:
        """Write -x."""
        return f"-{text}"

    def transposed(self, name: str) -> str:
        r"""Write {X}^{\mathsf{T}}."""
        return rf"{{{name}}}^{{\mathsf{{T}}}}"

    def words(self, text: str) -> str:
        """Write words upright."""
        return r" \times ".join(rf"\text{{{_escaped(part)}}}" for part in text.split("×"))

    def align(self, rows: Iterable[Row], remarks: Iterable[str] = ()) -> str:
        """Write one ``aligned``, the remarks in its last lines."""
        lines = [f"{left} &{sign} {right}" for left, sign, right in rows]
        lines += [f"& {self.words(remark)}" for remark in remarks]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _escaped(text: str) -> str:
    """Escape a label, which may come from anybody."""
    return re.sub(r"[\\{}^~$&#_%]", _as_command, printable(text))


def _as_command(special: re.Match[str]) -> str:
    name = SPECIAL.get(special[0])
    return rf"\text{name}{{}}" if name else "\\" + special[0]


LATEX = Latex()
