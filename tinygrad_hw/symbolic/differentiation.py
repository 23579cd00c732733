"""Differentiate a formula by a name.

Derivatives come from the engine's table. There the formula that a record *shows* is read as a
formula itself, since a student computes with a(1 - a) and not with the engine's stabler form.
"""

from __future__ import annotations

import math
from functools import lru_cache

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.symbolic.formula import Formula
from tinygrad_hw.symbolic.parser import read_formula
from tinygrad_hw.symbolic.simplification import add, multiply, substitute


@lru_cache(maxsize=4096)
def differentiate(formula: Formula, name: str) -> Formula:
    """Differentiate by a name that stands in the formula, others held constant."""
    if isinstance(formula, str):
        return 1.0 if formula == name else 0.0
    if isinstance(formula, float):
        return 0.0
    operands = formula.operands
    if formula.operation is ops.add:  # each term's partial is 1
        return add(*(differentiate(term, name) for term in operands))
    slopes = [differentiate(operand, name) for operand in operands]
    if formula.operation is ops.mul:  # each factor's partial is the product of the others
        return add(
            *(
                multiply(slope, *operands[:i], *operands[i + 1 :])
                for i, slope in enumerate(slopes)
                if slope != 0.0
            )
        )
    bindings = rule_bindings(formula, formula.operation, operands)
    return add(
        *(
            multiply(substitute(read_formula(rule), bindings), slope)
            for rule, slope in zip(formula.operation.formulas, slopes, strict=True)
            if slope != 0.0
        )
    )


def rule_bindings(
    out: Formula, operation: Operation, operands: tuple[Formula, ...]
) -> dict[Formula, Formula]:
    """Return what the names in the text of an operation's rule stand for."""
    known: dict[Formula, Formula] = {"pi": math.pi, "upstream": 1.0, "out": out}
    return known | dict(zip(operation.operand_names(), operands, strict=True))
