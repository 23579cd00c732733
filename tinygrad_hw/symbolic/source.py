"""Write formulas as text, with as few brackets as they need."""

from __future__ import annotations

# Precedences: a part of a formula is bracketed where its precedence is lower than its place needs.
SUM, QUOTIENT, PRODUCT, SIGN, POWER, ATOM = range(6)
BINARY = {  # template, precedence, and the precedence that each operand needs
    "add": ("{} + {}", SUM, SUM, QUOTIENT),
    "sub": ("{} - {}", SUM, SUM, QUOTIENT),
    "mul": ("{}*{}", PRODUCT, PRODUCT, POWER),
    "div": ("{} / {}", QUOTIENT, QUOTIENT, POWER),
    "pow": ("{}**{}", POWER, ATOM, POWER),
}

FormulaText = tuple[str, int]  # a formula and its precedence


def bracketed(formula: FormulaText, needed: int) -> str:
    """Write a formula where a precedence is needed, in brackets if its own is lower."""
    text, precedence = formula
    return text if precedence >= needed else f"({text})"


def binary(name: str, left: FormulaText, right: FormulaText) -> FormulaText:
    """Write an operation of ``BINARY`` on two formulas."""
    form, precedence, on_left, on_right = BINARY[name]
    return form.format(bracketed(left, on_left), bracketed(right, on_right)), precedence


def negative(formula: FormulaText) -> FormulaText:
    """Write a formula with a minus sign before it."""
    return f"-{bracketed(formula, POWER)}", SIGN
