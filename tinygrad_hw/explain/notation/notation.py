"""How formulas and chains are written down, whatever the signs are.

What needs brackets, what goes into which line, and where an equals sign stands is decided here,
once. A notation (``text``, ``latex``, ``mathml``) says how a name, a number or a partial looks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.explain.chains.chain import Chain, Factor
from tinygrad_hw.explain.chains.matrix_chain import Equation, MatrixChain
from tinygrad_hw.explain.chains.shapes import Phrase
from tinygrad_hw.explain.notation.display import Displayed
from tinygrad_hw.formatting.numbers import FIGURES, number
from tinygrad_hw.symbolic import (
    Apply,
    Formula,
    Partial,
    is_call_of,
    is_negative,
    multiply,
    node_count,
)

EXACT = f"Exact factors are multiplied; {FIGURES} figures of each are shown."
LONGEST = 60  # names, numbers and operations
PRINTED = f"The factors are multiplied as they are printed, in {FIGURES} figures."


class Row(NamedTuple):
    """A line of an equation; ``left`` is empty where it goes on."""

    left: str
    sign: str
    right: str


def _is_long(path: tuple[Factor, ...]) -> bool:
    """Whether the formulas of a path are more than anybody reads in one line."""
    return len(path) > 1 and sum(node_count(x.tree) for x in path if x.tree is not None) > LONGEST


def _has_power_of_ten(formula: Formula) -> bool:
    return isinstance(formula, float) and "e" in _constant(formula)


def _constant(number: float) -> str:
    return format(number, ".10g")


class Notation(ABC):
    """Writes formulas and chains down in one way."""

    on_one_line = False  # a fraction is: then what stands in it may need brackets

    def __init__(self, elementwise: bool = False) -> None:
        self.dot = "⊙" if elementwise else "·"

    # --- What a notation says ---------------------------------------------------------------------

    @abstractmethod
    def name(self, name: str) -> str:
        """Write a label, such as w7."""

    @abstractmethod
    def number(self, text: str) -> str:
        """Write a number that is printed -3.183e-04."""

    @abstractmethod
    def partial(self, numerator: str, denominator: str) -> str:
        """Write the derivative of one name by another."""

    @abstractmethod
    def fraction(self, above: str, below: str) -> str:
        """Write a quotient."""

    @abstractmethod
    def power(self, base: str, exponent: str) -> str:
        """Write a power."""

    @abstractmethod
    def function(self, operation: Operation, operands: Sequence[str]) -> str:
        """Write an operation that has no sign of its own: σ(z4)."""

    @abstractmethod
    def bracketed(self, text: str) -> str:
        """Put brackets round it."""

    @abstractmethod
    def in_square_brackets(self, text: str) -> str:
        """Put square brackets round a condition: 1 where it holds, else 0."""

    @abstractmethod
    def row_of(self, parts: Sequence[str]) -> str:
        """Put operands and the signs between them behind each other."""

    @abstractmethod
    def sign(self, sign: str) -> str:
        """Write a sign between two operands: + - · × =."""

    @abstractmethod
    def minus(self, text: str) -> str:
        """Turn a sign: -x."""

    @abstractmethod
    def transposed(self, name: str) -> str:
        """Write a matrix with its rows as columns."""

    @abstractmethod
    def words(self, text: str) -> str:
        """Write words."""

    @abstractmethod
    def written(self, explained: Displayed) -> str:
        """Write an explanation down, whole."""

    # --- Formulas ---------------------------------------------------------------------------------

    def formula(self, formula: Formula) -> str:
        """Write a formula: a4 · (1 - a4)."""
        if isinstance(formula, Partial):
            return self.partial(formula.numerator, formula.denominator)
        if isinstance(formula, Phrase):
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
            return self._between("·", [self._operand(x, ops.mul, ops.div) for x in operands])
        if operation is ops.transpose:
            inner = self._operand(operands[0], ops.mul, ops.matmul, ops.div, ops.pow)
            is_partial = isinstance(operands[0], Partial)
            return self.transposed(self.bracketed(inner) if is_partial else inner)
        if operation is ops.div:
            if not self.on_one_line:
                return self.fraction(*map(self.formula, operands))
            above = self._operand(operands[0], ops.matmul)
            return self.fraction(above, self._operand(operands[1], ops.mul, ops.matmul, ops.div))
        if operation is ops.pow:
            base = self._operand(operands[0], ops.mul, ops.matmul, ops.div, ops.pow)
            if not self.on_one_line:
                if _has_power_of_ten(operands[0]):
                    base = self.bracketed(base)
                return self.power(base, self.formula(operands[1]))
            return self.power(base, self._operand(operands[1], ops.mul, ops.div, ops.pow))
        if operation is ops.relu and is_call_of(operands[0], ops.sign):
            return self._indicator(operands[0])
        return self.function(operation, [self.formula(x) for x in operands])

    def _indicator(self, sign: Formula) -> str:
        """Write [z > 0]: 1 where that holds, else 0 (Iverson's brackets)."""
        assert isinstance(sign, Apply)
        condition = [self.formula(sign.operands[0]), self.sign(">"), self.number("0")]
        return self.in_square_brackets(self.row_of(condition))

    def _sum(self, terms: tuple[Formula, ...]) -> str:
        """Write the negative terms last."""
        first, *rest = sorted(terms, key=is_negative)
        parts = [self.formula(first)]
        for term in rest:
            turned = multiply(-1.0, term) if is_negative(term) else term
            parts += [self.sign("-" if is_negative(term) else "+"), self.formula(turned)]
        return self.row_of(parts)

    def _product(self, factors: tuple[Formula, ...]) -> str:
        if factors[0] == -1.0:
            return self.minus(self._product(factors[1:]))
        if isinstance(factors[0], float) and len(factors) > 1:
            return self._between("·", [self._operand(factors[0]), self._product(factors[1:])])
        of_matrices = [ops.matmul] if len(factors) > 1 else []
        return self._between(self.dot, [self._operand(x, *of_matrices) for x in factors])

    def _operand(self, formula: Formula, *binding_less: Operation) -> str:
        """Write an operand, in brackets if it is a sum, negative, or binds less than its place."""
        text = self.formula(formula)
        made = formula.operation if isinstance(formula, Apply) else None
        needs = made in (ops.add, *binding_less) or is_negative(formula)
        return self.bracketed(text) if needs else text

    def _between(self, sign: str, parts: Sequence[str]) -> str:
        """Write operands with the same sign between them."""
        first, *rest = parts
        return self.row_of([first, *(x for part in rest for x in (self.sign(sign), part))])

    # --- Chains -----------------------------------------------------------------------------------

    def rows(self, chain: Displayed) -> Iterator[Row]:
        """The lines of a chain: names, formulas, numbers, result; what it refers to before it."""
        if isinstance(chain, MatrixChain):
            of_arrays = type(self)(elementwise=True)
            for equation in chain.equations:
                yield from of_arrays._equation(equation)
            return
        assert isinstance(chain, Chain)
        for total in chain.totals:
            yield from self._rows(total)
        yield from self._rows(chain)

    def remarks(self, chain: Displayed) -> Iterator[str]:
        """What a reader must know of the numbers, in words."""
        if isinstance(chain, Chain) and any(len(path) > 1 for path in chain.paths):
            yield EXACT if chain.printed is None else PRINTED
        if isinstance(chain, MatrixChain) and chain.remark:
            yield chain.remark

    def _rows(self, chain: Chain) -> Iterator[Row]:
        left = self.partial(chain.root, chain.target)
        if not chain.paths:
            yield Row(left, "=", self._independent(chain.root, chain.target))
            return
        if not chain.paths[0]:  # of the root by itself
            yield Row(left, "=", self.number("1"))
            return
        single = len(chain.paths) == 1 and len(chain.paths[0]) == 1
        if not single or chain.paths[0][0].tree is None:
            yield from self._paths(left, chain, "·", self._symbol)
        if any(map(_is_long, chain.paths)):
            yield from self._factors(chain)
        elif any(factor.tree is not None for path in chain.paths for factor in path):
            write = self._alone if single else self._formula
            yield from self._paths(left if single else "", chain, "·", write)
        if not single:
            again = left if any(map(_is_long, chain.paths)) else ""
            yield from self._paths(again, chain, "×", self.value)
        yield Row("", "=", self.result(chain))

    def _independent(self, root: str, target: str) -> str:
        reason = self.words(f"({root} does not depend on {target})")
        return self.row_of([self.number("0"), reason])

    def _paths(
        self, left: str, chain: Chain, times: str, write: Callable[[Factor], str]
    ) -> Iterator[Row]:
        """A line for each path."""
        for i, path in enumerate(chain.paths):
            text = self._between(times, [write(factor) for factor in path])
            yield Row("" if i else left, "+" if i else "=", text)

    def _factors(self, chain: Chain) -> Iterator[Row]:
        """A line for the formula of each factor, where they are too long for one behind another.

        One that is a whole path is left out: it is called as the sum over all paths is.
        """
        for factor in dict.fromkeys(x for path in chain.paths if len(path) > 1 for x in path):
            if factor.tree is not None:
                yield Row(self._symbol(factor), "=", self.formula(factor.tree))

    def _symbol(self, factor: Factor) -> str:
        return self.partial(factor.numerator, factor.denominator)

    def _formula(self, factor: Factor) -> str:
        return self._symbol(factor) if factor.tree is None else self._operand(factor.tree, ops.mul)

    def _alone(self, factor: Factor) -> str:
        return self._symbol(factor) if factor.tree is None else self.formula(factor.tree)

    def result(self, chain: Chain) -> str:
        """The number that a chain ends in."""
        return self.number(number(chain.result))

    def value(self, factor: Factor) -> str:
        """The number of a factor, in brackets where it is negative."""
        text = self.number(factor.printed)
        return self.bracketed(text) if factor.printed.startswith("-") else text

    def _equation(self, equation: Equation) -> Iterator[Row]:
        """A matrix equation after the names that are new in it; and the shapes in it."""
        for name, meaning in equation.where:
            yield Row(self.name(name), "=", self.formula(meaning))
        partial = equation.partial
        left = self.formula(partial)
        if not equation.terms:
            yield Row(left, "=", self._independent(partial.numerator, partial.denominator))
        for i, term in enumerate(equation.terms):
            yield Row("" if i else left, "+" if i else "=", self.formula(term))
        if equation.result is not None:
            yield Row("", "=", self.number(number(equation.result)))
        yield Row("", "", self.words(equation.shapes))
