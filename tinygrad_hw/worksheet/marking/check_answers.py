"""Check that the answers can be marked: all are numbers, and factors are on a path."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tinygrad_hw.worksheet.rounding.written_number import read_number
from tinygrad_hw.worksheet.sheet.parts import FORWARD, TABLE, UPDATED
from tinygrad_hw.worksheet.slips.student_work import StudentWork
from tinygrad_hw.worksheet.solution.dependencies import split_derivative


def check_answers(work: StudentWork) -> None:
    """Check that every answer of one update can be marked.

    Raises
    ------
    SheetError
        If an answer is not a number, or a factor is on no path to its parameter.
    """
    answers = work.answers
    start = "answers" if work.number == 1 else f"answers.step{work.number}"
    for part, texts in ((FORWARD, answers.forward), (UPDATED, answers.updated)):
        _check_numbers(work, f"{start}.{part}", texts)
    _check_numbers(work, f"answers.{TABLE}", work.table)
    for partial, answer in answers.partials.items():
        section = f'{start}.partials."{partial}"'
        for path in answer.paths:
            for name in path:
                _check_factor(work, section, name, split_derivative(partial)[1])
            _check_numbers(work, section, path, "factors")
        _check_numbers(work, section, {partial: answer.value or ""}, "value")


def _check_factor(work: StudentWork, section: str, name: str, parameter: str) -> None:
    top, bottom = split_derivative(name)
    for part in (top, bottom):
        if part not in work.solution.values:
            reason = f"{name} names {part}, which is not in this sheet"
            raise work.sheet.error(reason, section, "factors")
    if not math.isfinite(exact := work.dependencies.derivative(name)):
        raise work.sheet.error(f"{name} is {exact}, so it cannot be marked", section, "factors")
    depends = work.dependencies.depends
    from_loss = top == work.loss or depends(work.loss, top)
    to_parameter = bottom == parameter or depends(bottom, parameter)
    if not (from_loss and to_parameter and (top == bottom or depends(top, bottom))):
        reason = f"{name} is on no way from {work.loss} to {parameter}"
        raise work.sheet.error(reason, section, "factors")


def _check_numbers(
    work: StudentWork, section: str, texts: Mapping[str, str], key: str = ""
) -> None:
    for name, text in texts.items():
        try:
            if text.strip():
                read_number(text)
        except ValueError as error:
            reason = f"{name} = {text[:40]!r} {error}"
            raise work.sheet.error(reason, section, key or name) from None
