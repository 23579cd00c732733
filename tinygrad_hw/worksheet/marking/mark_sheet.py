"""Mark a sheet: one verdict for every number, fair under rounding.

A number is right if some honest way of working gives it: with every number before it rounded, or
cut, or used with more digits than are written. ``rounding.admissible`` computes the values that a
number may have, ``slips`` has the ways to go wrong, and the ``judge`` compares each number with
both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_hw.formatting import VERDICTS
from tinygrad_hw.worksheet.marking.judge import Judge
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.marking.scratch_habit import find_step_rounding
from tinygrad_hw.worksheet.marking.whole_sheet import look_at_the_whole
from tinygrad_hw.worksheet.rounding.admissible import Admissible, known_number
from tinygrad_hw.worksheet.rounding.scratch_work import StepRounding
from tinygrad_hw.worksheet.sheet.model import Sheet, SheetError
from tinygrad_hw.worksheet.sheet.parts import place
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.diagnosis import Budget
from tinygrad_hw.worksheet.slips.slip import Slip
from tinygrad_hw.worksheet.slips.student_work import StudentWork
from tinygrad_hw.worksheet.solution.blanks import with_all_asked
from tinygrad_hw.worksheet.solution.solve import Solution, solve

MOST_NAMES, MOST_PARTS, MOST_FACTORS, LONGEST = 500, 2_000, 5_000, 400
PROBE = 12  # figures: enough to lose some, and far from those of a float


@dataclass(frozen=True)
class Marks:
    """A marked sheet: its numbers with their verdicts, in the sheet's order."""

    sheet: Sheet
    items: tuple[MarkedNumber, ...]

    @cached_property
    def solution(self) -> Solution:
        """The solution of the sheet, at full precision."""
        return solve(self.sheet)

    @cached_property
    def digits_lost(self) -> tuple[int, ...]:
        """The number of digits that each item has fewer than the numbers it is worked out from.

        They are found by marking the right answers, written with ``PROBE`` figures each.
        """
        ideal = _numbers_of(judge_updates(self.solution, figures=PROBE))
        return tuple(max(0, PROBE - number.trusted_digits) for number in ideal)

    def place(self, item: MarkedNumber) -> str:
        """Return how a number is referred to, its step included where there are several."""
        return place(item) + (f", step {item.step}" if self.sheet.steps > 1 else "")

    @property
    def unreadable(self) -> list[str]:
        """For each answer that is no number, where it is and why."""
        return [item.explanation for item in self.items if item.note == "unreadable"]

    @property
    def summary(self) -> dict[str, int]:
        """The number of items with each verdict."""
        count = Counter(item.verdict for item in self.items)
        return {verdict: count[verdict] for verdict in VERDICTS}


def mark(sheet: Sheet, catalogue: Sequence[Slip] = CATALOGUE) -> Marks:
    """Mark all answers of a sheet; what its ``[ask]`` asks for and is not there is missing.

    Parameters
    ----------
    catalogue
        The slips to look for; a teacher's own may be put before or after ``CATALOGUE``.

    Raises
    ------
    SheetError
        If a factor names what is not in the sheet, or the sheet has no
        answers, or cannot be solved.
    """
    _check_size(sheet)
    try:
        sheet = with_all_asked(sheet)
        items = look_at_the_whole(_mark_fairly(solve(sheet), catalogue))
    except RecursionError:
        raise SheetError(
            f"{sheet.where}: its formulas are nested too deeply, or too many stand on each other"
        ) from None
    if not items:
        raise SheetError(f"{sheet.where}: there are no answers to mark; fill in [answers]")
    return Marks(sheet, items)


def _check_size(sheet: Sheet) -> None:
    """Refuse a sheet too large for hand work, since each number is tried against each other one."""
    names = len(sheet.given) + len(sheet.parameters) + len(sheet.sources)
    parts = [len(expression.instructions) for expression in sheet.forward.values()]
    factors = sum(
        len(path)
        for answers in sheet.answers_by_step
        for answer in answers.partials.values()
        for path in answer.paths
    )
    partials = max(len(answers.partials) for answers in sheet.answers_by_step)
    for count, most, what in (
        (names, MOST_NAMES, "names"),
        (partials, MOST_NAMES, "partials in one update"),
        (sum(parts), MOST_PARTS, "names and operations in its formulas"),
        (max(parts), LONGEST, "names and operations in one formula"),
        (factors, MOST_FACTORS, "factors"),
    ):
        if count > most:
            raise SheetError(
                f"{sheet.where}: has {count:,} {what}; the most to be marked is {most:,}"
            )


def _mark_fairly(solution: Solution, catalogue: Sequence[Slip]) -> tuple[MarkedNumber, ...]:
    """Mark the numbers, with rounded intermediate results if the student seems to round them.

    Two numbers that are right only with rounded intermediate results show this habit. One alone
    shows it if no slip explains the number to its last digit, or if others fit no common habit.
    """
    judges = [*judge_updates(solution, catalogue)]
    strict = _numbers_of(judges)
    if all(number.verdict != "wrong" and number.note != "figures" for number in strict):
        return strict
    steps = find_step_rounding(solution.sheet, [case for judge in judges for case in judge.cases])
    if steps:
        strict = _numbers_of(judge_updates(solution, catalogue, step_rounding=steps))
    if solution.sheet.rounding is None or all(number.verdict != "wrong" for number in strict):
        return strict
    lenient = _numbers_of(
        judge_updates(solution, catalogue, rounds_intermediates=True, step_rounding=steps)
    )
    cleared = [
        before
        for before, after in zip(strict, lenient, strict=True)
        if before.verdict == "wrong" and after.verdict != "wrong"
    ]
    unusual = sum(number.verdict == "rounded" and not number.matches_a_habit for number in strict)
    is_habit = len(cleared) > 1 or unusual > 1
    if is_habit or any(not number.slip_explains_every_digit for number in cleared):
        return lenient
    return strict


def _numbers_of(judges: Iterable[Judge]) -> tuple[MarkedNumber, ...]:
    return tuple(number for judge in judges for number in judge.marked)


def judge_updates(
    solution: Solution,
    catalogue: Sequence[Slip] = CATALOGUE,
    rounds_intermediates: bool = False,
    step_rounding: StepRounding | None = None,
    figures: int | None = None,
) -> Iterator[Judge]:
    """Judge the updates of a sheet, one when the one before has been looked at.

    Parameters
    ----------
    rounds_intermediates
        Whether results that are not written are taken to be rounded as the sheet asks.
    step_rounding
        How the student rounds intermediate results, if that is known.
    figures
        See ``Judge``.
    """
    budget = Budget()
    parameters = {name: known_number(x) for name, x in solution.sheet.parameters.items()}
    previous: dict[str, Admissible] = {}
    for number, solved in enumerate(solution.steps, start=1):
        with np.errstate(all="ignore"):
            work = StudentWork(
                solution.sheet,
                solved,
                number,
                parameters,
                previous,
                rounds_intermediates,
                step_rounding,
                figures,
            )
            judge = Judge(work, budget, catalogue, figures)
            judge.judge_all()
        yield judge
        parameters, previous = work.updated, parameters


def as_json(marks: Marks) -> dict[str, Any]:
    """Return the marks as plain data, ready for ``json.dumps``; ``check --json`` prints it."""
    items = []
    for item in marks.items:
        entry: dict[str, Any] = {
            "part": item.part,
            "name": item.name,
            "of": item.of,
            "printed": item.printed,
            "exact": item.exact,
            "verdict": item.verdict,
            "note": item.note,
            "slip": item.slip,
            "candidates": list(item.candidates),
            "explanation": item.explanation,
            "trusted_digits": item.trusted_digits,
        }
        if marks.sheet.steps > 1:
            entry["step"] = item.step
        items.append(entry)
    return {
        "title": marks.sheet.title,
        "student": marks.sheet.student,
        "items": items,
        "summary": marks.summary,
    }
