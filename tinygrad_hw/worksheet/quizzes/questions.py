"""The questions of a sheet for a quiz: each with its right answer, and all honest answers to it.

A quiz judges each answer by itself, and knows nothing of the numbers before. So an answer is right
there if some honest way of working gives it: see ``rounding.admissible``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from tinygrad_hw.formatting import FIGURES, updated_number
from tinygrad_hw.worksheet.exercises.answer_key import rounded_text
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, judge_updates, mark
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.marking.points import points_by_item
from tinygrad_hw.worksheet.rounding.intervals import Interval
from tinygrad_hw.worksheet.rounding.written_number import last_place_unit, read_number
from tinygrad_hw.worksheet.sheet.model import Answers, Sheet, SheetError
from tinygrad_hw.worksheet.sheet.parts import FACTOR, TABLE, UPDATED
from tinygrad_hw.worksheet.solution.blanks import blanks
from tinygrad_hw.worksheet.solution.dependencies import without_marks

ROUNDED_TWICE = 0.55  # of the last unit; see ``WrittenNumber.preimage``


@dataclass(frozen=True, slots=True)
class Question:
    """One number that a quiz asks for.

    Attributes
    ----------
    item
        What it is: its part, its name, its update.
    title
        How it is referred to, such as "the new w1".
    worth
        Its points.
    answer
        The right answer, rounded as the sheet asks.
    honest
        The answers that are right, from the least to the greatest.
    """

    item: MarkedNumber
    title: str
    worth: float
    answer: str
    honest: Interval

    def tolerances(self) -> Iterator[tuple[str, float]]:
        """Yield numbers and tolerances that together accept just the honest answers.

        The right answer is the first; a second is needed where the interval is wider on one side.
        """
        right, low, high = float(self.answer), self.honest.low, self.honest.high
        around = max(0.0, min(right - low, high - right))
        yield self.answer, around
        half = (high - low) / 2
        if half > around * (1 + 1e-9):
            yield f"{self.honest.middle:.15g}", half


def questions_of(sheet: Sheet) -> tuple[Sheet, list[Question]]:
    """Return the blank sheet and its questions, in its order; what is worth nothing is left out.

    A sheet that does not say how to round is taken to ask for four figures, and for an update for
    four figures of its change.

    Raises
    ------
    SheetError
        If the sheet cannot be solved, is too large to be marked, or asks for nothing.
    """
    asked = blanks(sheet)
    if all(answers == Answers() for answers in asked.answers_by_step):
        raise _nothing_asked(sheet)
    if asked.rounding is None:
        asked = dataclasses.replace(asked, rounding=("figures", FIGURES))
    marks = mark(asked)
    expected = {
        (judge.work.number, case.part, case.of, without_marks(case.name)): case.expected.honest
        for judge in judge_updates(marks.solution)
        for case in judge.unanswered
    }
    questions = []
    for item, _, worth in points_by_item(marks):
        if worth:
            answer = _answer(marks, item, sheet.rounding)
            interval = expected[item.step, item.part, item.of, item.name]
            unit = last_place_unit(item.exact, marks.sheet.rounding or ("figures", FIGURES))
            if item.part in (UPDATED, TABLE) and sheet.rounding is None:
                unit = read_number(answer).unit
            title = item.name if item.part == FACTOR else marks.place(item)
            questions.append(Question(item, title, worth, answer, honest_answers(interval, unit)))
    if not questions:
        raise _nothing_asked(sheet)
    return asked, questions


def _nothing_asked(sheet: Sheet) -> SheetError:
    return SheetError(
        f"{sheet.where}: no number that is worth a point is asked for, so there is no question to "
        "write; see [ask]"
    )


def _answer(marks: Marks, item: MarkedNumber, rounding: tuple[str, int] | None) -> str:
    if item.part in (UPDATED, TABLE) and rounding is None:
        old = marks.solution.steps[item.step - 1].sheet.parameters[item.name]
        return updated_number(old, item.exact)
    return rounded_text(item.exact, marks.sheet.rounding)


def honest_answers(values: Interval, unit: float) -> Interval:
    """Return what may be written for a number with these values: each rounded, or cut.

    Parameters
    ----------
    values
        The values that honest work may have led to.
    unit
        The unit of the last digit that is written. A decimal that has no more digits is written as
        it is.
    """
    short = values.short_decimal
    digits = short / unit if short and unit else 0.0  # 0 has no last digit
    if short is not None and abs(round(digits) - digits) <= 1e-9 * abs(digits):
        return Interval(short, short)
    return values.widened(unit, ROUNDED_TWICE * unit)
