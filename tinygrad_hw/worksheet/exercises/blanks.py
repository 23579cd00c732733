"""Blanks for every answer that a sheet can ask for."""

from __future__ import annotations

import dataclasses

from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer, Sheet
from tinygrad_hw.worksheet.solution.solve import Solution, solve


def blanks(sheet: Sheet) -> Sheet:
    """Return a sheet with a blank for every value, factor, partial, update and table entry."""
    return with_blanks(solve(sheet))


def with_blanks(solution: Solution) -> Sheet:
    """Return the sheet of a solution with all its answers blank."""
    table = dict.fromkeys(solution.final, "")
    first, *later = map(_blank_step, solution.steps)
    first = dataclasses.replace(first, table=table)
    return dataclasses.replace(solution.sheet, answers=first, later_answers=tuple(later))


def _blank_step(solution: Solution) -> Answers:
    partials = {}
    for name, parameter in zip(solution.partials, solution.sheet.parameters, strict=True):
        paths = solution.chains[parameter].paths
        if len(paths) == 1 and len(paths[0]) == 1:  # one factor alone is the partial itself
            paths = ()
        blank_paths = tuple({str(factor): "" for factor in path} for path in paths)
        partials[name] = PartialAnswer(blank_paths, "", ())
    return Answers(
        forward=dict.fromkeys(solution.forward, ""),
        partials=partials,
        updated=dict.fromkeys(solution.updated, ""),
    )
