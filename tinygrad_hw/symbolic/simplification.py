"""Build formulas, simplified as one would by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.symbolic.formula import Apply, Formula, is_call_of, operands_of


def add(*terms: Formula) -> Formula:
    """The sum; zeros fall away, and numbers add up."""
    kept: list[Formula] = []
    constant = 0.0
    for term in _flat(ops.add, terms):
        if isinstance(term, float):
            constant += term
        else:
            kept.append(term)
    if constant or not kept:
        kept.append(constant)
    return kept[0] if len(kept) == 1 else Apply(ops.add, tuple(kept))


def multiply(*factors: Formula) -> Formula:
    """The product; ones fall away, numbers multiply, a lone -1 turns the signs of a sum."""
    kept: list[Formula] = []
    constant = 1.0
    for factor in _flat(ops.mul, factors):
        if isinstance(factor, float):
            constant *= factor
        else:
            kept.append(factor)
    if constant == 0 or not kept:
        return constant
    if constant == -1 and len(kept) == 1 and is_call_of(kept[0], ops.add):
        return add(*(multiply(-1.0, term) for term in operands_of(kept[0])))
    if constant != 1:
        kept.insert(0, constant)
    return kept[0] if len(kept) == 1 else Apply(ops.mul, tuple(kept))


def divide(top: Formula, bottom: Formula) -> Formula:
    """The quotient; 1 / (1 + exp(-z)) is known for the sigmoid that it is."""
    terms = operands_of(bottom) if is_call_of(bottom, ops.add) else ()
    if top == 1.0 and len(terms) == 2 and 1.0 in terms and is_call_of(terms[0], ops.exp):
        return Apply(ops.sigmoid, (multiply(-1.0, *operands_of(terms[0])),))
    if isinstance(bottom, float) and abs(math.frexp(bottom)[0]) == 0.5:
        return multiply(1 / bottom, top)  # half of it, or a quarter: nothing is rounded
    return 0.0 if top == 0.0 else Apply(ops.div, (top, bottom))


def power(base: Formula, exponent: Formula) -> Formula:
    """The power; an exponent of 1 or 0 falls away."""
    if exponent == 1.0:
        return base
    return 1.0 if exponent == 0.0 else Apply(ops.pow, (base, exponent))


def _flat(operation: Operation, parts: tuple[Formula, ...]) -> Iterator[Formula]:
    for part in parts:
        if isinstance(part, Apply) and part.operation is operation:
            yield from part.operands
        else:
            yield part


def substitute(formula: Formula, known: Mapping[Formula, Formula]) -> Formula:
    """Put other formulas in the place of names or parts, simplifying anew."""
    if formula in known:
        return known[formula]
    if not isinstance(formula, Apply):
        return formula
    return with_operands(formula, tuple(substitute(operand, known) for operand in formula.operands))


def with_operands(formula: Apply, operands: tuple[Formula, ...]) -> Formula:
    """The same operation on other operands."""
    make: dict[Operation, Callable[..., Formula]] = {
        ops.add: add,
        ops.mul: multiply,
        ops.div: divide,
        ops.pow: power,
    }
    if formula.operation in make:
        return make[formula.operation](*operands)
    return Apply(formula.operation, operands)
