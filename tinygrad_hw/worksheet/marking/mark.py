"""Mark a sheet: one verdict for every number, fair under rounding.

A number is honest if some honest way of working gives it: every number before it rounded, or cut,
or carried with more digits than are written. ``carried`` says what may be carried, ``slips`` how
numbers come to be wrong, ``step`` holds each number against both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_hw.worksheet.marking.judge import Step
from tinygrad_hw.worksheet.marking.marked_number import VERDICTS, Item
from tinygrad_hw.worksheet.rounding.admissible import Admissible, known_number
from tinygrad_hw.worksheet.sheet.model import Sheet, SheetError
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.slip import Slip
from tinygrad_hw.worksheet.solution.solve import Solution, solve

__all__ = ["Item", "Marks", "as_json", "mark"]

MOST_NAMES, MOST_PARTS, MOST_FACTORS, LONGEST = 500, 2_000, 5_000, 400
PROBE = 12  # figures; enough to lose some, and far from what a float holds


@dataclass(frozen=True)
class Marks:
    """A marked sheet."""

    sheet: Sheet
    items: tuple[Item, ...]

    @cached_property
    def solution(self) -> Solution:
        """The sheet at full precision."""
        return solve(self.sheet)

    @cached_property
    def digits_lost(self) -> tuple[int, ...]:
        """For each item, how many digits fewer it has than the numbers carried up to it.

        Found by marking the right answers, written with ``PROBE`` figures each.
        """
        ideal = _items(self.solution, ideal=PROBE)
        return tuple(max(0, PROBE - item.trusted_digits) for item in ideal)

    @property
    def summary(self) -> dict[str, int]:
        """How many items have each verdict."""
        count = Counter(item.verdict for item in self.items)
        return {verdict: count[verdict] for verdict in VERDICTS}


def mark(sheet: Sheet, catalogue: Sequence[Slip] = CATALOGUE) -> Marks:
    """Mark all answers of a sheet.

    Parameters
    ----------
    catalogue
        The slips to look for; a teacher's own may be added to ours.

    Raises
    ------
    SheetError
        If an answer is not a number, a factor names what is not in the sheet, or the sheet has no
        answers, or cannot be solved.
    """
    _check_size(sheet)
    try:
        items = _fairly(solve(sheet), catalogue)
    except RecursionError:
        raise SheetError(
            f"{sheet.where}: its formulas are nested too deeply, or too many stand on each other"
        ) from None
    if not items:
        raise SheetError(f"{sheet.where}: there are no answers to mark; fill in [answers]")
    return Marks(sheet, items)


def _check_size(sheet: Sheet) -> None:
    """Refuse what nobody works by hand, since each number is tried against each other one."""
    names = len(sheet.given) + len(sheet.parameters) + len(sheet.forward)
    parts = [len(expression.instructions) for expression in sheet.forward.values()]
    factors = sum(
        len(path)
        for answers in (sheet.answers, *sheet.later)
        for answer in answers.partials.values()
        for path in answer.paths
    )
    for count, most, what in (
        (names, MOST_NAMES, "names"),
        (sum(parts), MOST_PARTS, "names and operations in its formulas"),
        (max(parts), LONGEST, "names and operations in one formula"),
        (factors, MOST_FACTORS, "factors"),
    ):
        if count > most:
            raise SheetError(
                f"{sheet.where}: has {count:,} {what}; the most to be marked is {most:,}"
            )


def _fairly(solution: Solution, catalogue: Sequence[Slip]) -> tuple[Item, ...]:
    """Mark; once more for a student who seems to round what is not written, each term of a sum.

    Two numbers that only this makes honest show the habit. One alone shows it where no slip
    explains the number to its last digit, or where others are of no common habit either.
    """
    items = _items(solution, catalogue)
    if solution.sheet.rounding is None or all(item.verdict != "wrong" for item in items):
        return items
    lenient = _items(solution, catalogue, scratch=True)
    pairs = zip(items, lenient, strict=True)
    cleared = [a for a, b in pairs if a.verdict == "wrong" and b.verdict != "wrong"]
    unusual = sum(item.verdict == "rounded" and not item.is_usual for item in items)
    if len(cleared) > 1 or unusual > 1 or any(not item.is_sharp for item in cleared):
        return lenient
    return items


def _items(
    solution: Solution,
    catalogue: Sequence[Slip] = CATALOGUE,
    scratch: bool = False,
    ideal: int | None = None,
) -> tuple[Item, ...]:
    steps = steps_of(solution, catalogue, scratch, ideal)
    return tuple(item for step in steps for item in step.items)


def steps_of(
    solution: Solution,
    catalogue: Sequence[Slip] = CATALOGUE,
    scratch: bool = False,
    ideal: int | None = None,
) -> list[Step]:
    """Judge every step of a sheet; with ``ideal``, its right answers in so many figures instead."""
    steps: list[Step] = []
    start = {name: known_number(x) for name, x in solution.sheet.parameters.items()}
    before: dict[str, Admissible] = {}
    with np.errstate(all="ignore"):
        for number, solved in enumerate(solution.steps, start=1):
            step = Step(solution.sheet, solved, start, number, before, catalogue, scratch, ideal)
            step.mark()
            steps.append(step)
            start, before = step.updated, start
    return steps


def as_json(marks: Marks) -> dict[str, Any]:
    """What ``check --json`` prints."""
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
