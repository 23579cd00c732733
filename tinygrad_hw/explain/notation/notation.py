"""The base class of notations: brackets, signs, and the order of operands in a formula.

A notation (``text``, ``latex``, ``mathml``) says how a name, a number or a fraction looks, and how
the rows of several equations stand below each other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.numpy_api.elementwise import heaviside
from tinygrad_hw.symbolic import (
    EXTREMES,
    Apply,
    Formula,
    Literal,
    Partial,
    is_call_of,
    is_negative,
    leaves,
    multiply,
    operands_of,
)


class Row(NamedTuple):
    """One line of an equation; ``left`` is empty where the line continues the one above."""

    left: str
    sign: str
    right: str


def _has_power_of_ten(formula: Formula) -> bool:
    return isinstance(formula, float) and "e" in _constant(formula)


def _is_number(formula: Formula) -> bool:
    """Return whether a formula is a number or a quotient of two."""
    parts = operands_of(formula) if is_call_of(formula, ops.div) else (formula,)
    return all(isinstance(part, float) for part in parts)


def function_name(operation: Operation) -> str:
    """Return the name of a function in a formula: max of two numbers is ``maximum`` in NumPy."""
    return {"maximum": "max", "minimum": "min"}.get(operation.name, operation.name)


def _constant(number: float) -> str:
    return format(number, ".10g")


class Notation(ABC):
    """One way of writing formulas down.

    Parameters
    ----------
    elementwise
        Whether products are written as those of arrays, element by element: A ⊙ B.
    """

    on_one_line = False  # whether a fraction is: then its parts may need brackets

    def __init__(self, elementwise: bool = False) -> None:
        self.dot = "⊙" if elementwise else "·"

    # --- What a notation defines ------------------------------------------------------------------

    @abstractmethod
    def name(self, name: str) -> str:
        """Write a name, such as w7."""

    @abstractmethod
    def number(self, text: str) -> str:
        """Write a number that has been printed: -3.183e-04."""

    @abstractmethod
    def partial(self, numerator: str, denominator: str, direct: bool = False) -> str:
        """Write the derivative of one name by another; along the direct path alone with a plus."""

    @abstractmethod
    def fraction(self, above: str, below: str) -> str:
        """Write a quotient."""

    @abstractmethod
    def power(self, base: str, exponent: str) -> str:
        """Write a power."""

    @abstractmethod
    def function(self, operation: Operation, operands: Sequence[str]) -> str:
        """Write an operation that has no infix sign: σ(z4)."""

    @abstractmethod
    def bracketed(self, text: str) -> str:
        """Write brackets around a formula."""

    @abstractmethod
    def in_square_brackets(self, text: str) -> str:
        """Write Iverson's brackets around a condition: 1 where the condition holds, else 0."""

    @abstractmethod
    def row_of(self, parts: Sequence[str]) -> str:
        """Write operands and the signs between them one after another."""

    @abstractmethod
    def sign(self, sign: str) -> str:
        """Write a sign between two operands: + - · × =."""

    @abstractmethod
    def minus(self, text: str) -> str:
        """Write a minus sign before a formula: -x."""

    @abstractmethod
    def transposed(self, name: str) -> str:
        """Write the transpose of a matrix."""

    @abstractmethod
    def words(self, text: str) -> str:
        """Write words between formulas."""

    @abstractmethod
    def align(self, rows: Iterable[Row], remarks: Iterable[str] = ()) -> str:
        """Write equations with their equals signs below each other, and remarks below them."""

    # --- Formulas ---------------------------------------------------------------------------------

    def formula(self, formula: Formula) -> str:
        """Write a formula: a4 · (1 - a4)."""
        if isinstance(formula, Partial):
            return self.partial(formula.numerator, formula.denominator)
        if isinstance(formula, Literal):
            return self.words(formula)
        if isinstance(formula, str):
            return self.name(formula)
        if isinstance(formula, float):
            return self.number(_constant(formula))
        operation, operands = formula.operation, formula.operands
        if operation is ops.add:
            return self._sum(operands)
        if operation is ops.mul:
            return self._product(operands)
        if operation is ops.matmul:
            return self.infix("·", [self.operand(x, ops.mul, ops.div) for x in operands])
        if operation is ops.transpose:
            inner = self.operand(operands[0], ops.mul, ops.matmul, ops.div, ops.pow)
            is_partial = isinstance(operands[0], Partial)
            return self.transposed(self.bracketed(inner) if is_partial else inner)
        if operation is ops.div:
            if not self.on_one_line:
                return self.fraction(*map(self.formula, operands))
            above = self.operand(operands[0], ops.matmul)
            return self.fraction(above, self.operand(operands[1], ops.mul, ops.matmul, ops.div))
        if operation is ops.pow:
            base = self.operand(operands[0], ops.mul, ops.matmul, ops.div, ops.pow)
            if not self.on_one_line:
                if _has_power_of_ten(operands[0]):
                    base = self.bracketed(base)
                return self.power(base, self.formula(operands[1]))
            return self.power(base, self.operand(operands[1], ops.mul, ops.div, ops.pow))
        if operation is ops.relu and is_call_of(operands[0], ops.sign):
            return self._indicator(operands[0])
        if operation is heaviside and operands[1] == 0.5:  # the derivative of max
            return self._indicator(formula)
        if operation in EXTREMES:
            operands = leaves(formula, operation)
        return self.function(operation, [self.formula(x) for x in operands])

    def _indicator(self, sign: Formula) -> str:
        """Write [z > 0], the derivative of relu; [a > b] for a difference, as that of max is."""
        assert isinstance(sign, Apply)
        left: Formula = sign.operands[0]
        right: Formula = 0.0
        terms = sorted(operands_of(left), key=is_negative) if is_call_of(left, ops.add) else []
        if [is_negative(term) for term in terms] == [False, True]:
            left, right = terms[0], multiply(-1.0, terms[1])
        condition = [self.formula(left), self.sign(">"), self.formula(right)]
        return self.in_square_brackets(self.row_of(condition))

    def _sum(self, terms: tuple[Formula, ...]) -> str:
        """Write a sum, its negative terms last."""
        first, *rest = sorted(terms, key=is_negative)
        parts = [self.formula(first)]
        for term in rest:
            positive = multiply(-1.0, term) if is_negative(term) else term
            parts += [self.sign("-" if is_negative(term) else "+"), self.formula(positive)]
        return self.row_of(parts)

    def _product(self, factors: tuple[Formula, ...]) -> str:
        if isinstance(factors[0], float) and factors[0] < 0 and len(factors) > 1:
            size = () if factors[0] == -1.0 else (-factors[0],)
            return self.minus(self._product((*size, *factors[1:])))
        if _is_number(factors[0]) and len(factors) > 1:
            return self.infix("·", [self.operand(factors[0]), self._product(factors[1:])])
        of_matrices = [ops.matmul] if len(factors) > 1 else []
        return self.infix(self.dot, [self.operand(x, *of_matrices) for x in factors])

    def operand(self, formula: Formula, *looser: Operation) -> str:
        """Write an operand, in brackets if it is a sum, negative, or one of the looser operations.

        Those bind less tightly than the operation that the operand belongs to.
        """
        text = self.formula(formula)
        outermost = formula.operation if isinstance(formula, Apply) else None
        needs_brackets = outermost in (ops.add, *looser) or is_negative(formula)
        return self.bracketed(text) if needs_brackets else text

    def infix(self, sign: str, parts: Sequence[str]) -> str:
        """Write operands with one sign between each two."""
        first, *rest = parts
        return self.row_of([first, *(x for part in rest for x in (self.sign(sign), part))])
