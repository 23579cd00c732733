"""What a notebook shows of a sheet, of its solution and of its marks: tables, and text."""

from __future__ import annotations

from collections.abc import Iterator

from tinygrad_hw.formatting import (
    Html,
    element,
    number,
    row,
    table,
    updated_number,
    with_sign,
)
from tinygrad_hw.worksheet.feedback.text import feedback_lines
from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.sheet.writer import sheet_text
from tinygrad_hw.worksheet.solution.solve import Solution, solution_lines


def sheet_bundle(sheet: Sheet) -> dict[str, str]:
    """Return a sheet's numbers and formulas, in its own text and as a table."""
    rows = [
        *(row(name, "given", number(x, 15)) for name, x in sheet.given.items()),
        *(row(name, "parameter", number(x, 15)) for name, x in sheet.parameters.items()),
        *(row(name, "formula", x.source) for name, x in sheet.forward.items()),
    ]
    shown = table(sheet.title or "A sheet", ["Name", "", "Value"], rows)
    return {"text/plain": sheet_text(sheet), "text/html": shown}


def solution_bundle(solution: Solution) -> dict[str, str]:
    """Return a solution as text, and as two tables for each step: forward, and backward."""
    return {
        "text/plain": "\n".join(solution_lines(solution)),
        "text/html": element("div", *_solution_tables(solution)),
    }


def _solution_tables(solution: Solution) -> Iterator[Html]:
    for k, step in enumerate(solution.steps, start=1):
        sheet, loss = step.sheet, step.sheet.loss
        of = f" of step {k}" if solution.later_steps else ""
        forward = [row(name, sheet.sources[name], number(x)) for name, x in step.forward.items()]
        yield table(f"Forward{of}", ["Name", "Formula", "Value"], forward)
        new = {
            name: [updated_number(sheet.parameters[name], x)] for name, x in step.updated.items()
        }
        slopes = [
            row(name, number(old), number(step.partials[f"d{loss}/d{name}"]), *new.get(name, []))
            for name, old in sheet.parameters.items()
        ]
        columns = ["Name", "Value", f"d{loss}/d…", *(["New"] if new else [])]
        yield table(f"Backward{of}", columns, slopes)


def marks_bundle(marks: Marks) -> dict[str, str]:
    """Return marks as text, and as a table with a row for each number."""
    *_, tally = lines = list(feedback_lines(marks))
    rows = [
        row(
            marks.place(item),
            item.printed or "–",
            number(item.exact),
            with_sign(item.verdict),
            item.explanation or item.note,
        )
        for item in marks.items
    ]
    title = " · ".join(filter(None, [marks.sheet.title, marks.sheet.student, tally]))
    shown = table(title, ["Number", "Written", "Right", "Mark", "Why"], rows)
    return {"text/plain": "\n".join(lines), "text/html": shown}
