"""An assertion on marks, for notebooks that nbgrader or Otter-Grader mark."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import SupportsFloat

from tinygrad_hw.errors import InputError
from tinygrad_hw.worksheet.courses.remark import remark_on, title_of
from tinygrad_hw.worksheet.feedback.text import NUDGE, PLACE, UNKNOWN
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, mark
from tinygrad_hw.worksheet.marking.points import WEIGHTS, points_by_item, points_text
from tinygrad_hw.worksheet.sheet.model import PartialAnswer, Sheet
from tinygrad_hw.worksheet.sheet.reader import parse_sheet, read_sheet
from tinygrad_hw.worksheet.sheet.writer import sheet_text


class MarksLostError(AssertionError):
    """The error of a sheet that is not all right.

    Attributes
    ----------
    marks
        The marked sheet.
    earned, possible
        Its points, and those that it could have earned.
    """

    def __init__(self, marks: Marks, earned: float, possible: float, feedback: str) -> None:
        super().__init__(feedback)
        self.marks, self.earned, self.possible = marks, earned, possible


def assert_marked(
    sheet: Sheet | Path | str,
    answers: Mapping[str, str | SupportsFloat] | None = None,
    *,
    only: Collection[str] = (),
    worth: float | None = None,
    weights: Mapping[str, float] = WEIGHTS,
    hints: int = PLACE,
) -> float:
    """Mark a sheet; raise an error if marks are lost, or give partial credit. Return the points.

    For Otter-Grader, a test case for each question: ``assert_marked("sheet.toml", answers,
    only=["dE/dw"])`` raises unless it is right. For nbgrader, which takes the value of the last
    line as partial credit: ``assert_marked("sheet.toml", answers, worth=10)`` returns the points
    out of ten, prints the feedback, and raises only if nothing is right.

    Parameters
    ----------
    sheet
        The sheet, or its file.
    answers
        Numbers by name: "z" of ``[forward]``, a partial "dE/dw", or "w" for a new parameter. They
        are put in the place of the sheet's own answers. A text shows as many digits as it has.
    only
        The names of the numbers that count; all of them, if none is given.
    worth
        What the whole is worth, for partial credit.
    weights
        See ``points``.
    hints
        How much the feedback gives away; see ``feedback_lines``.

    Raises
    ------
    MarksLostError
        If marks are lost; with ``worth``, if none is earned.
    InputError
        If the sheet cannot be marked, or a name is none of it.
    """
    read = sheet if isinstance(sheet, Sheet) else read_sheet(Path(sheet))
    for name, number in (answers or {}).items():
        read = _with_answer(read, name, number if isinstance(number, str) else repr(float(number)))
    marks = mark(parse_sheet(sheet_text(read), read.where) if answers else read)
    names = dict.fromkeys(item.name for item in marks.items)
    if unknown := [name for name in only if name not in names]:
        raise InputError(
            f"{read.where}: {unknown[0]} is not asked for; asked for are {', '.join(names)}"
        )
    counted = [row for row in points_by_item(marks, weights) if not only or row[0].name in only]
    earned, possible = sum(row[1] for row in counted), sum(row[2] for row in counted)
    lines = [
        (item.hint or UNKNOWN) if hints == NUDGE else f"{title_of(marks, item)}: {said}"
        for item, got, most in counted
        if got < most and (said := remark_on(item, hints))
    ]
    feedback = "\n".join([*lines, f"Points: {points_text(earned, possible)}."])
    if earned < possible and (worth is None or not earned):
        raise MarksLostError(marks, earned, possible, feedback)
    if earned < possible:
        print(feedback)
    return earned if worth is None else round(worth * earned / (possible or 1), 9)


def _with_answer(sheet: Sheet, name: str, text: str) -> Sheet:
    """Put an answer in the place of a name; the reader of sheets refuses what is no name of it."""
    answers = sheet.answers
    if name in sheet.sources:
        answers = replace(answers, forward=answers.forward | {name: text})
    elif "/" in name:
        partial = replace(answers.partials.get(name, PartialAnswer()), value=text)
        answers = replace(answers, partials=answers.partials | {name: partial})
    else:
        answers = replace(answers, updated=answers.updated | {name: text})
    return replace(sheet, answers=answers)
