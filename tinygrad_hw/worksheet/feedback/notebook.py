"""What a notebook shows of a sheet, of its solution and of its marks: tables, and text.

Notebooks align all cells to the right; a table's columns of text are aligned to the left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tinygrad_hw.formatting import (
    NO_BREAK,
    Html,
    element,
    number,
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
        *([name, "given", number(x, 15)] for name, x in sheet.given.items()),
        *([name, "parameter", number(x, 15)] for name, x in sheet.parameters.items()),
        *([name, "formula", x.source] for name, x in sheet.forward.items()),
    ]
    shown = _aligned(sheet.title or "A sheet", ["Name", "", "Value"], rows, {0, 1, 2})
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
        forward = [[name, sheet.sources[name], number(x)] for name, x in step.forward.items()]
        yield _aligned(f"Forward{of}", ["Name", "Formula", "Value"], forward, {0, 1})
        new = {
            name: [updated_number(sheet.parameters[name], x)] for name, x in step.updated.items()
        }
        slopes = [
            [name, number(old), number(step.partials[f"d{loss}/d{name}"]), *new.get(name, [])]
            for name, old in sheet.parameters.items()
        ]
        columns = ["Name", "Value", f"d{loss}/d…", *(["New"] if new else [])]
        yield _aligned(f"Backward{of}", columns, slopes, {0})


def marks_bundle(marks: Marks) -> dict[str, str]:
    """Return marks as text, and as a table with a row for each number."""
    *_, tally = lines = list(feedback_lines(marks))
    rows = [
        [
            marks.place(item),
            item.printed or "–",
            number(item.exact),
            with_sign(item.verdict).replace(" ", NO_BREAK),
            item.explanation or item.note,
        ]
        for item in marks.items
    ]
    title = " · ".join(filter(None, [marks.sheet.title, marks.sheet.student, tally]))
    shown = _aligned(title, ["Number", "Written", "Right", "Mark", "Why"], rows, {0, 3, 4})
    return {"text/plain": "\n".join(lines), "text/html": shown}


def _aligned(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], left: set[int]
) -> Html:
    """Build a table, with the columns of these numbers aligned to the left."""

    def cell(text: str, i: int, scope: str | None) -> Html:
        style = "text-align: left" if i in left else None
        return element("th" if scope else "td", text, scope=scope, style=style)

    def line(texts: Sequence[str]) -> Html:
        cells = [cell(text, i, None if i else "row") for i, text in enumerate(texts)]
        return element("tr", *cells)

    head = element("tr", *(cell(x, i, "col" if x else None) for i, x in enumerate(columns)))
    return table(caption, head, map(line, rows))
