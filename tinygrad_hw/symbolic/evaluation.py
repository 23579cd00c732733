"""Compute a formula with floats."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from typing import Any

from tinygrad_hw.symbolic.formula import Formula


def compute(formula: Formula, values: Mapping[str, float]) -> float:
    """Compute the value of a formula in floats; nan where that cannot be done."""
    try:
        return float(_compute(formula, values))
    except (ZeroDivisionError, OverflowError):
        return math.nan


def _compute(formula: Formula, values: Mapping[str, float]) -> Any:
    if isinstance(formula, str):
        return values[formula]
    if isinstance(formula, float):
        return formula
    return (
        reduce(formula.operation.compute, [_compute(x, values) for x in formula.operands])
        if (len(formula.operands) > 1)
        else formula.operation.compute(_compute(formula.operands[0], values))
    )
