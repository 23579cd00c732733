"""Check that the factors of the answers can be marked: that each is on a path."""

from __future__ import annotations

import math

from tinygrad_hw.worksheet.slips.student_work import StudentWork
from tinygrad_hw.worksheet.solution.dependencies import split_derivative


def check_answers(work: StudentWork) -> None:
    """Check that every factor of one update can be marked.

    Raises
    ------
    SheetError
        If a factor is on no path to its parameter, or has no finite value.
    """
    start = "answers" if work.number == 1 else f"answers.step{work.number}"
    for partial, answer in work.answers.partials.items():
        section = f'{start}.partials."{partial}"'
        for path in answer.paths:
            for name in path:
                _check_factor(work, section, name, partial)


def _check_factor(work: StudentWork, section: str, name: str, partial: str) -> None:
    top, bottom = split_derivative(name)
    for part in (top, bottom):
        if part not in work.solution.values:
            reason = f"{name} names {part}, which is not in this sheet"
            raise work.sheet.error(reason, section, "factors")
    if not math.isfinite(exact := work.dependencies.derivative(name)):
        raise work.sheet.error(f"{name} is {exact}, so it cannot be marked", section, "factors")
    depends = work.dependencies.depends
    first, last = split_derivative(partial)
    from_first = top == first or depends(first, top)
    to_last = bottom == last or depends(bottom, last)
    if not (from_first and to_last and (top == bottom or depends(top, bottom))):
        reason = f"{name} is on no way from {first} to {last}"
        raise work.sheet.error(reason, section, "factors")
