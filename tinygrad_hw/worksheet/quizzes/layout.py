"""How a sheet is laid out as a question: what is given, and a gap for each number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinygrad_hw.formatting import NOTHING, Html, element, join, partial, symbol
from tinygrad_hw.worksheet.feedback.statement import example, formula_of, given, how_to_round
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.quizzes.questions import Question
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, TABLE, UPDATED
from tinygrad_hw.worksheet.solution.dependencies import LEFT_OUT, with_gaps


def laid_out(
    sheet: Sheet, step: int, questions: Sequence[Question], gap: Callable[[Question], Html]
) -> Html:
    """Return an update of a sheet with its questions, as paragraphs of HTML.

    Parameters
    ----------
    sheet, step
        The blank sheet, and which of its updates.
    questions
        The questions of that update.
    gap
        Gives the place to write in.
    """
    gaps = {(q.item.part, q.item.of, q.item.name): gap(q) for q in questions}

    def place(part: str, name: str, of: str | None = None) -> Html:
        """Return the gap of a number; nothing where it is asked for elsewhere, or not at all."""
        found = gaps.pop((part, of, name), NOTHING)
        return join([" ", found]) if found else NOTHING

    def factor_of(factor: str, of: str) -> Html:
        if factor == LEFT_OUT:
            return Html(factor)
        return join([partial(factor), place(FACTOR, factor, of)])

    def alone(*parts: str) -> list[Html]:
        """Return the lines of numbers that are not in a chain."""
        return [
            join([name_of(sheet, q.item), " =", place(q.item.part, q.item.name)])
            for q in questions
            if q.item.part in parts
        ]

    lines = alone(FORWARD)
    for name, answer in sheet.answers_by_step[step - 1].partials.items():
        left = len(gaps)
        paths = [
            join([factor_of(f, name) for f in with_gaps(path, name)], " · ")
            for path in answer.paths
        ]
        chain = [join([" ", join(paths, " + ")])] if paths else []
        result = place(PARTIAL, name)
        if len(gaps) < left:
            lines.append(join([partial(name), *chain, *filter(None, [result])], " ="))
    lines += alone(UPDATED, TABLE)
    return join([statement(sheet, step), *(element("p", line) for line in lines)], "\n")


def title_of_step(sheet: Sheet, step: int) -> str:
    """Return the title of a sheet, with its update where there are several."""
    return (sheet.title or "A sheet") + (f", update {step}" if sheet.steps > 1 else "")


def statement(sheet: Sheet, step: int) -> Html:
    """Return what is given to an update and how it is computed, as paragraphs of HTML."""
    formulas = [join([symbol(name), " = ", formula_of(sheet, name)]) for name in sheet.sources]
    parts = [
        *given(sheet),
        *example(sheet, step),
        element("p", join(formulas, Html("<br/>"))),
        element("p", how_to_round(sheet)),
    ]
    if sheet.steps > 1:
        parts.append(element("p", f"Update {step} of {sheet.steps}."))
    return join(parts, "\n")


def name_of(sheet: Sheet, item: MarkedNumber) -> Html:
    """Return the name of what is asked for, with the formula of a forward value."""
    if item.part == FORWARD:
        return join([symbol(item.name), " = ", formula_of(sheet, item.name)])
    if item.part in (UPDATED, TABLE):
        return join(["new ", symbol(item.name)])
    return partial(item.name)
