"""The key of a sheet: right answers to all that it asks for."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from tinygrad_hw.formatting.numbers import FIGURES, updated_number
from tinygrad_hw.worksheet.rounding.written_number import round_number
from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer, Sheet, SheetError
from tinygrad_hw.worksheet.sheet.parts import split_partial
from tinygrad_hw.worksheet.solution.blanks import with_all_asked, with_blanks
from tinygrad_hw.worksheet.solution.dependencies import Dependencies
from tinygrad_hw.worksheet.solution.solve import Solution, solve


def key(sheet: Sheet) -> Sheet:
    """Return a sheet with the right answers: worked out with all digits, rounded as it asks.

    The student's answers are replaced; crossed-out results and the student's name are left out. On
    a sheet without any answers, and without ``[ask]``, everything is answered. A sheet that does
    not say how to round gets four figures, for an update four of its change.

    Raises
    ------
    SheetError
        If the sheet cannot be solved, or asks for a factor that is none of its derivatives.
    """
    if sheet.ask:
        sheet = with_all_asked(sheet)
    elif not sheet.has_answers:
        sheet = with_blanks(solve(sheet))
    solution = solve(sheet)
    first, *later = map(_key_of_step, solution.steps)
    last = solution.steps[-1]
    table = {name: _updated_text(last, name) for name in sheet.answers.table}
    first = dataclasses.replace(first, table=table)
    return dataclasses.replace(sheet, student="", answers=first, later_answers=tuple(later))


def _key_of_step(solution: Solution) -> Answers:
    sheet, answers = solution.sheet, solution.sheet.answers
    dependencies = Dependencies(solution)

    return Answers(
        forward={
            name: rounded_text(solution.forward[name], sheet.rounding) for name in answers.forward
        },
        partials={
            name: _key_of_partial(name, asked, dependencies)
            for name, asked in answers.partials.items()
        },
        updated={name: _updated_text(solution, name) for name in answers.updated},
    )


def _key_of_partial(name: str, asked: PartialAnswer, dependencies: Dependencies) -> PartialAnswer:
    solution = dependencies.solution
    rounding = solution.sheet.rounding
    in_chain = {
        str(factor): factor.value
        for path in solution.chain(name).paths
        for factor in path
        if factor.total
    }
    paths = tuple(
        {factor: rounded_text(_factor(factor, in_chain, dependencies), rounding) for factor in path}
        for path in asked.paths
    )
    value = None if asked.value is None else rounded_text(solution.partials[name], rounding)
    return PartialAnswer(paths, value, ())


def _updated_text(solution: Solution, name: str) -> str:
    new, rounding = solution.updated[name], solution.sheet.rounding
    if rounding is None:
        return updated_number(solution.sheet.parameters[name], new)
    return rounded_text(new, rounding)


def _factor(name: str, in_chain: Mapping[str, float], dependencies: Dependencies) -> float:
    """Return the value of a factor: the whole derivative, if the chain has that, else its own."""
    solution = dependencies.solution
    if not all(part in solution.values for part in split_partial(name)):
        raise SheetError(
            f"{solution.sheet.where}: {name} is asked for, and is no derivative of the sheet"
        )
    with np.errstate(all="ignore"):  # what is not finite is refused below
        value = in_chain[name] if name in in_chain else dependencies.derivative(name)
    if not math.isfinite(value):
        raise SheetError(
            f"{solution.sheet.where}: {name} is {value}, which has no digits to write down"
        )
    return value


def rounded_text(x: float, rounding: tuple[str, int] | None) -> str:
    """Write a number rounded half up as a sheet asks, or to four figures; a whole number as it is.

    >>> rounded_text(0.5, ("figures", 4)), rounded_text(6.0, ("figures", 4))
    ('0.5000', '6')
    """
    if abs(x) < 1e15 and float(format(x, ".15g")).is_integer():
        return str(round(x))
    return str(round_number(x, *(rounding or ("figures", FIGURES))))
