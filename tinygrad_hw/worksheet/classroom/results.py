"""Mark what a class has handed in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tinygrad_hw.errors import InputError
from tinygrad_hw.workers import in_order, side_by_side
from tinygrad_hw.worksheet.classroom.downloads import Owner
from tinygrad_hw.worksheet.classroom.handed_out import NO_NAME, compare
from tinygrad_hw.worksheet.classroom.submission import Submission
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, mark
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.sheet.reader import parse_sheet


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one submission: its marks, or the error for which there are none.

    Attributes
    ----------
    submission
        What was handed in, without its text.
    marks, error
        One of them, and None or "".
    changes
        In words, how it differs from what was handed out.
    """

    submission: Submission
    marks: Marks | None
    error: str = ""
    changes: tuple[str, ...] = ()

    @property
    def student(self) -> str:
        """The name on the sheet, or else that of its owner in the course system."""
        on_sheet = self.marks.sheet.student if self.marks else ""
        return on_sheet.strip() or self.submission.owner.name

    @property
    def problem(self) -> str:
        """What is given and computed, a text that sheets of one problem share; "" if unmarked."""
        if self.marks is None:
            return ""
        sheet = self.marks.sheet
        formulas = {name: formula.source for name, formula in sheet.forward.items()}
        return repr((sheet.given, sheet.parameters, formulas, sheet.loss, sheet.rate, sheet.steps))


def mark_all(
    submissions: Sequence[Submission], handed_out: Sequence[Sheet] = (), dask: str | None = None
) -> Iterator[Result]:
    """Mark submissions in order; one that cannot be marked has its error as the result.

    Parameters
    ----------
    submissions
        What was handed in.
    handed_out
        What to compare it with; see ``compare``.
    dask
        The address of a Dask scheduler, whose cluster marks them then.
    """
    yield from in_order(side_by_side(_marked, tuple(handed_out), submissions, 1, dask))


def _marked(handed_out: tuple[Sheet, ...], submission: Submission) -> Result:
    text, submission = submission.text, dataclasses.replace(submission, text=None)
    if text is None:
        return Result(submission, None, submission.error)
    changes: tuple[str, ...] = ()
    try:
        sheet = parse_sheet(text, submission.where)
        if handed_out:
            compared = compare(sheet, handed_out)
            sheet, changes = compared.sheet, compared.changes
            if submission.owner != Owner():  # the course system says whose it is
                changes = tuple(change for change in changes if change != NO_NAME)
        return Result(submission, mark(sheet), changes=changes)
    except InputError as error:
        return Result(submission, None, str(error), changes)
