"""Build formulas, simplified as one would by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.symbolic.formula import Apply, Formula, is_call_of, operands_of


def add(*terms: Formula) -> Formula:
    """Add terms: zeros fall away, and numbers are added up."""
    others: list[Formula] = []
    constant = 0.0
    for term in _flattened(ops.add, terms):
        if isinstance(term, float):
            constant += term
        else:
            others.append(term)
    if constant or not others:
        others.append(constant)
    return others[0] if len(others) == 1 else Apply(ops.add, tuple(others))


def multiply(*factors: Formula) -> Formula:
    """Multiply factors: ones fall away, numbers are multiplied, -1 alone negates a sum's terms."""
    others: list[Formula] = []
    constant = 1.0
    for factor in _flattened(ops.mul, factors):
        if isinstance(factor, float):
            constant *= factor
        else:
            others.append(factor)
    if constant == 0 or not others:
        return constant
    if constant == -1 and len(others) == 1 and is_call_of(others[0], ops.add):
        return add(*(multiply(-1.0, term) for term in operands_of(others[0])))
    if constant != 1:
        others.insert(0, constant)
    return others[0] if len(others) == 1 else Apply(ops.mul, tuple(others))


def divide(numerator: Formula, denominator: Formula) -> Formula:
    """Divide: 1 / (1 + exp(-z)) becomes a sigmoid, and a power of two in the divisor a factor."""
    terms = operands_of(denominator) if is_call_of(denominator, ops.add) else ()
    if numerator == 1.0 and len(terms) == 2 and 1.0 in terms and is_call_of(terms[0], ops.exp):
        return Apply(ops.sigmoid, (multiply(-1.0, *operands_of(terms[0])),))
    if isinstance(denominator, float) and abs(math.frexp(denominator)[0]) == 0.5:
        return multiply(1 / denominator, numerator)  # a half or a quarter: nothing is rounded
    return 0.0 if numerator == 0.0 else Apply(ops.div, (numerator, denominator))


def power(base: Formula, exponent: Formula) -> Formula:
    """Raise to a power: an exponent of 1 or 0 falls away."""
    if exponent == 1.0:
        return base
    return 1.0 if exponent == 0.0 else Apply(ops.pow, (base, exponent))


def _flattened(operation: Operation, parts: tuple[Formula, ...]) -> Iterator[Formula]:
    for part in parts:
        if isinstance(part, Apply) and part.operation is operation:
            yield from part.operands
        else:
            yield part


def substitute(formula: Formula, replacements: Mapping[Formula, Formula]) -> Formula:
    """Replace names or parts of a formula by other formulas, and simplify again."""
    if formula in replacements:
        return replacements[formula]
    if not isinstance(formula, Apply):
        return formula
    return with_operands(
        formula, tuple(substitute(operand, replacements) for operand in formula.operands)
    )


def with_operands(formula: Apply, operands: tuple[Formula, ...]) -> Formula:
    """Return the same operation on other operands, simplified."""
    builders: dict[Operation, Callable[..., Formula]] = {
        ops.add: add,
        ops.mul: multiply,
        ops.div: divide,
        ops.pow: power,
    }
    if formula.operation in builders:
        return builders[formula.operation](*operands)
    return Apply(formula.operation, operands)
