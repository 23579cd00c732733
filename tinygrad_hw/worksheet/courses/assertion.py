"""An assertion on marks, for notebooks that nbgrader or Otter-Grader mark."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_hw.errors import InputError
from tinygrad_hw.worksheet.courses.remark import remark_on
from tinygrad_hw.worksheet.feedback.text import NUDGE, PLACE, UNKNOWN
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, mark
from tinygrad_hw.worksheet.marking.points import WEIGHTS, points_by_item, points_text
from tinygrad_hw.worksheet.sheet.arrays import scalar_names
from tinygrad_hw.worksheet.sheet.model import PartialAnswer, Sheet
from tinygrad_hw.worksheet.sheet.parts import split_partial
from tinygrad_hw.worksheet.sheet.reader import read_sheet


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
    answers: Mapping[str, Any] | None = None,
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
        are put in the place of the sheet's own answers. A text shows as many digits as it has, a
        number as many as its type keeps. To a vector or matrix belongs an array or a list, or one
        number to each element, such as "z[1]".
    only
        The names of what counts; all of it, if none is given.
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
        If the sheet cannot be marked, a name is none of it, or an answer is no number.
    """
    read = sheet if isinstance(sheet, Sheet) else read_sheet(Path(sheet))
    for name, written in (answers or {}).items():
        elements, numbers = scalar_names(name, read.shapes), list(_numbers(written))
        if len(elements) != len(numbers):
            reason = f"{name}: numbers asked for {len(elements)}, given {len(numbers)}"
            raise InputError(f"{read.where}: {reason}")
        for element, number in zip(elements, numbers, strict=True):
            read = _with_answer(read, element, _text(name, number))
    marks = mark(read)
    only = [element for name in only for element in scalar_names(name, read.shapes)]
    names = dict.fromkeys(item.name for item in marks.items)
    if unknown := [name for name in only if name not in names]:
        raise InputError(
            f"{read.where}: {unknown[0]} is not asked for; asked for are {', '.join(names)}"
        )
    counted = [row for row in points_by_item(marks, weights) if not only or row[0].name in only]
    earned, possible = sum(row[1] for row in counted), sum(row[2] for row in counted)
    lines = [
        (item.hint or UNKNOWN) if hints == NUDGE else f"{marks.place(item)}: {said}"
        for item, got, most in counted
        if got < most and (said := remark_on(item, hints))
    ]
    feedback = "\n".join([*lines, f"Points: {points_text(earned, possible)}."])
    if earned < possible and (worth is None or not earned):
        raise MarksLostError(marks, earned, possible, feedback)
    if earned < possible:
        print(feedback)
    return earned if worth is None else round(worth * earned / (possible or 1), 9)


def _numbers(written: Any) -> Iterator[Any]:
    """Yield the numbers of a list or an array, row by row; a number itself."""
    if isinstance(written, list | tuple) or getattr(written, "shape", None):
        for item in written:
            yield from _numbers(item)
    else:
        yield written


def _text(name: str, number: Any) -> str:
    """Return the digits of a number, as many as its type keeps."""
    if isinstance(number, str):
        return number
    try:
        x = float(number)
    except (TypeError, ValueError):
        raise InputError(f"{name} = {number!r:.60} is no number; give one, or its text") from None
    is_single = "float32" in str(getattr(number, "dtype", ""))  # NumPy's, and other libraries'
    return str(np.float32(x)) if is_single else repr(x)


def _with_answer(sheet: Sheet, name: str, text: str) -> Sheet:
    """Put an answer in the place of a name; refuse what is no name of the sheet."""
    answers = sheet.answers
    if name in sheet.sources:
        answers = replace(answers, forward=answers.forward | {name: text})
    elif _is_partial(sheet, name):
        partial = replace(answers.partials.get(name, PartialAnswer()), value=text)
        answers = replace(answers, partials=answers.partials | {name: partial})
    elif name in sheet.parameters and sheet.rate is not None:
        answers = replace(answers, updated=answers.updated | {name: text})
    else:
        raise InputError(f"{sheet.where}: {name!r:.60} is not asked for in this sheet")
    return replace(sheet, answers=answers)


def _is_partial(sheet: Sheet, name: str) -> bool:
    top, bottom = split_partial(name)
    names = sheet.given.keys() | sheet.parameters.keys() | sheet.forward.keys()
    return name == f"d{top}/d{bottom}" and top in sheet.forward and bottom in names - {top}
