"""Scratch work: the numbers of a student who rounds what is not written down, too.

Such as each product within a sum, 1 - a, or a product after each multiplication. The interval of
all that this may give is wide, but for one student's rounding there are only a few such numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.symbolic import Apply, Formula, compute, operands_of
from tinygrad_hw.worksheet.rounding.enclosure import is_intermediate
from tinygrad_hw.worksheet.rounding.written_number import (
    WrittenNumber,
    last_place_unit,
    truncate,
)

WAYS = ("half up", "half even", "cut")
MOST = 24  # numbers to go on with from one step


@dataclass(frozen=True, slots=True)
class StepRounding:
    """The rounding of every step: to ``count`` "figures" or "decimals", in one of ``WAYS``."""

    kind: str
    count: int
    way: str

    @property
    def asked(self) -> tuple[str, int]:
        """The rounding as a sheet asks for it."""
        return self.kind, self.count

    def __call__(self, number: float) -> float:
        """Round a number."""
        unit = last_place_unit(number, self.asked)
        if not unit or not math.isfinite(number) or abs(number) / unit >= 2**52:
            return number
        if self.way == "cut":
            rounded = truncate(number, unit)
        elif self.way == "half even":
            rounded = round(float(f"{number / unit:.15g}")) * unit  # a half, though a float is less
        else:
            rounded = math.copysign(math.floor(abs(number) / unit + 0.5 + 1e-9), number) * unit
        return float(f"{rounded:.15g}")

    def gives(self, numbers: Iterable[float], written: WrittenNumber) -> bool:
        """Whether one of the numbers is written with these digits."""
        matches = written.is_truncation_of if self.way == "cut" else written.is_rounding_of
        return any(map(matches, numbers))


def results_in_steps(
    formula: Formula, values: Mapping[str, Sequence[float]], rounding: StepRounding
) -> tuple[float, ...]:
    """Compute a formula with each intermediate result rounded, in the usual orders of the steps.

    The result itself is not rounded. A sum may be added up at once, or rounded after each term;
    products are worked out from either end.
    """
    try:
        with np.errstate(all="ignore"):
            found = _results(formula, values, rounding)
    except (ArithmeticError, ValueError):
        return ()
    return tuple(x for x in found if math.isfinite(x))


def _results(
    formula: Formula, values: Mapping[str, Sequence[float]], rounding: StepRounding
) -> list[float]:
    if isinstance(formula, str):
        return _distinct([*values[formula], *map(rounding, values[formula])])
    if isinstance(formula, float):
        return [formula]
    steps = [_steps(operand, values, rounding) for operand in formula.operands]
    if formula.operation is ops.add:
        at_once = reduce(lambda sums, terms: _distinct(x + y for x in sums for y in terms), steps)
        return _distinct([*at_once, *_in_turn(formula, steps, rounding)])
    if formula.operation is ops.mul:
        return _distinct([*_in_turn(formula, steps, rounding)])
    names = [f"{i}" for i in range(len(steps))]
    call = Apply(formula.operation, tuple(names))
    direct = [compute(call, dict(zip(names, each, strict=True))) for each in product(*steps)]
    if formula.operation is ops.sigmoid:
        powers = [rounding(math.exp(-z)) for z in steps[0]]
        direct += [1 / x for power in powers for x in (1 + power, rounding(1 + power))]
    return _distinct(direct)


def _in_turn(formula: Apply, steps: list[list[float]], rounding: StepRounding) -> Iterable[float]:
    """Add or multiply one operand after the other, from the left and from the right."""
    for order in (steps, steps[::-1]):
        results = order[0]
        for i, operands in enumerate(order[1:], start=2):
            results = _distinct(
                float(formula.operation.compute(x, y)) for x in results for y in operands
            )
            if i < len(order):
                results = _distinct(map(rounding, results))
        yield from results


def _steps(
    formula: Formula, values: Mapping[str, Sequence[float]], rounding: StepRounding
) -> list[float]:
    """Return what a part of a formula may give, rounded if it is calculated."""
    results = _results(formula, values, rounding)
    if not is_intermediate(formula):
        return results
    rounded = [rounding(x) for x in results]
    is_halved = isinstance(operands_of(formula)[0], float)  # in one go with what comes after
    return _distinct([*rounded, *results] if is_halved else rounded)


def _distinct(numbers: Iterable[float]) -> list[float]:
    return list(dict.fromkeys(numbers))[:MOST]
