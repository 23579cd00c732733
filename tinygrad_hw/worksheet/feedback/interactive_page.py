"""A sheet as an offline page: its graph step by step, its marks, and a form to answer it in."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from tinygrad_hw.explain import REVEALED, Form, Remark, page_html
from tinygrad_hw.worksheet.feedback.statement import problem
from tinygrad_hw.worksheet.marking.mark_sheet import mark
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer, Sheet
from tinygrad_hw.worksheet.sheet.parts import FACTOR, PARTIAL, split_partial
from tinygrad_hw.worksheet.sheet.writer import sheet_text
from tinygrad_hw.worksheet.solution.blanks import blanks

# How every page begins, by which an earlier one is known: see ``files.Output``.
SHEET_PAGE_OPENING = re.compile(
    rb'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    rb'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
)


def sheet_page(sheet: Sheet) -> str:
    """Return the interactive page of a sheet as HTML.

    If the sheet has answers, they are marked and stand in the form; else the form asks for all
    numbers, and the page reveals one after the other when it is asked to.

    Raises
    ------
    SheetError
        If the sheet cannot be solved, or an answer is not a number.
    DrawError
        If it is too large for a page.
    """
    loss = sheet.evaluate()[sheet.loss]
    answered = any(map(_is_answered, sheet.answers_by_step))
    remarks = [_remark(item) for item in mark(sheet).items] if answered else []
    form = _form(sheet if sheet.has_answers else blanks(sheet), is_sealed=not answered)
    title = sheet.title or ""
    if sheet.steps > 1:
        title = " · ".join(filter(None, [title, f"step 1 of {sheet.steps}"]))
    return page_html(loss, title=title or None, remarks=remarks, form=form)


def _is_answered(answers: Answers) -> bool:
    return any(text for _, text in _fields(answers))


def _remark(item: MarkedNumber) -> Remark:
    """Return a mark as a remark at its node; that of a partial is the parameter."""
    whole = item.of if item.part == FACTOR else item.name
    name = split_partial(whole or "")[1] if item.part in (FACTOR, PARTIAL) else item.name
    part = item.part if item.part not in (FACTOR, PARTIAL) else item.name
    part = part if item.step == 1 else f"{part}, step {item.step}"
    return Remark(name, part, item.printed, item.verdict, item.explanation or item.note)


def _form(sheet: Sheet, is_sealed: bool) -> Form:
    """Return the form: a field for every answer, and the sheet's text with a place for each."""
    form = _Fields(_placeholder_not_in(sheet_text(sheet)))
    student, revealed = form.place(), sheet.answers.revealed
    first, *later = [
        form.answers(answers, f"Step {k}: " if sheet.later_answers else "")
        for k, answers in enumerate(sheet.answers_by_step, start=1)
    ]
    first = dataclasses.replace(first, table=form.group("New values", sheet.answers.table))
    first = dataclasses.replace(
        first, revealed=(f"{form.placeholder}{REVEALED}⟧",) if is_sealed else revealed
    )
    with_placeholders = dataclasses.replace(
        sheet, student=student, answers=first, later_answers=tuple(later)
    )
    pieces = re.split(rf'"{form.placeholder}(-?\d+)⟧"', sheet_text(with_placeholders))
    return Form(
        groups=form.groups,
        sheet=[int(piece) if i % 2 else piece for i, piece in enumerate(pieces)],
        file=f"{Path(sheet.where).stem}-answers.toml",
        student=sheet.student,
        revealed=revealed if is_sealed else None,
        problem=problem(sheet),
    )


def _placeholder_not_in(text: str) -> str:
    """Return the beginning of a placeholder that does not occur in a text."""
    mark = "⟦"
    while mark in text:
        mark += "⟦"
    return mark


class _Fields:
    """The fields of a form, and numbered placeholders for their answers.

    Attributes
    ----------
    placeholder
        The beginning of a placeholder; after it come the field's number and "⟧".
    groups
        The fields so far: a heading, and of each field its label and its content.
    count
        The number of fields so far.
    """

    def __init__(self, placeholder: str) -> None:
        self.placeholder = placeholder
        self.groups: list[tuple[str, list[tuple[str, str]]]] = []
        self.count = 0

    def group(self, heading: str, answers: dict[str, str]) -> dict[str, str]:
        """Add a group of fields; return the placeholders of their answers by name."""
        if answers:
            self.groups.append((heading, list(answers.items())))
        return {name: self.place() for name in answers}

    def answers(self, answers: Answers, step: str) -> Answers:
        """Add all groups of one step; return its answers as placeholders."""
        return Answers(
            forward=self.group(f"{step}Forward", answers.forward),
            partials={
                name: self._partial(f"{step}{name}", name, answer)
                for name, answer in answers.partials.items()
            },
            updated=self.group(f"{step}Updated", answers.updated),
        )

    def _partial(self, heading: str, name: str, answer: PartialAnswer) -> PartialAnswer:
        """Add a group for each path; the value is in that of the one path, or in one of its own."""
        count = len(answer.paths)
        of = [f", path {k} of {count}" if count > 1 else "" for k in range(1, count + 1)]
        paths = tuple(
            self.group(f"{heading}{k}", path) for k, path in zip(of, answer.paths, strict=True)
        )
        value = None
        if answer.value is not None:
            value = self.place()
            if count != 1 or not paths[0]:
                self.groups.append((f"{heading}, the sum" if count > 1 else heading, []))
            self.groups[-1][1].append((name, answer.value))
        return PartialAnswer(paths, value, answer.struck)

    def place(self) -> str:
        """Return the placeholder of one more answer."""
        self.count += 1
        return f"{self.placeholder}{self.count - 1}⟧"


def _fields(answers: Answers) -> Iterator[tuple[str, str]]:
    """Yield the name and text of every answer."""
    yield from answers.forward.items()
    for name, partial in answers.partials.items():
        for path in partial.paths:
            yield from path.items()
        yield name, partial.value or ""
    yield from answers.updated.items()
    yield from answers.table.items()
