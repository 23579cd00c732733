"""What a student is told of a marked sheet, and of one number of it, as the hints allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinygrad_hw.worksheet.feedback.text import (
    ANSWER,
    NUDGE,
    RESERVATIONS,
    UNKNOWN,
    WRONG_AGAIN,
    feedback_lines,
    without_place,
)
from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber


def lines_for_student(
    marks: Marks, hints: int, total: str, changes: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the feedback as lines of text, without the place where the teacher keeps the sheet."""
    for line in feedback_lines(marks, hints, total, changes):
        yield without_place(line, marks)


def remark_on(item: MarkedNumber, hints: int) -> str:
    """Say what is right or wrong with a number; see ``feedback_lines`` for the hints."""
    if item.note == "unreadable":
        return f"{item.printed!r} is not a number"
    if item.verdict == "missing":
        return "missing"
    if item.verdict == "wrong":
        return item.explanation if hints == ANSWER else f"{item.printed}: {item.hint or UNKNOWN}"
    if item.note == "again":
        return f"{item.printed}: {WRONG_AGAIN}"
    follows = " but for a slip before" if item.verdict == "follows" and hints > NUDGE else ""
    reservation = f", {RESERVATIONS[item.note]}" if item.note in RESERVATIONS else ""
    return f"{item.printed}: right{follows}{reservation}"
