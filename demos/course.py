"""The questions of the lessons: answers are marked as ``tinygrad-hw check`` marks a sheet."""

import textwrap
from collections.abc import Mapping
from dataclasses import replace

from tinygrad_hw.worksheet import (
    Answers,
    Marks,
    PartialAnswer,
    Sheet,
    feedback_lines,
    mark,
    parse_sheet,
)

WHERE = "the questions"
SHEET_OF_NUMBERS = """
[parameters]
p = 1
[forward]
{numbers}
L = "p"
[update]
loss = "L"
rate = 1
"""


def check(answers: Mapping[str, str], problem: str | Mapping[str, float]) -> None:
    """Mark the answers to the questions of a lesson, and print what the marker says.

    Parameters
    ----------
    answers
        What was written, by name: a value, ``z``; the factors of a chain, ``dE/da``, ``da/dw``,
        and then their product, the partial ``dE/dw``; a parameter after the update, ``new w``.
    problem
        The text of a sheet, or numbers by name, which the lesson has computed.
    """
    print("\n".join(line for line in feedback_lines(marks_of(answers, problem), hints=2) if line))


def marks_of(answers: Mapping[str, str], problem: str | Mapping[str, float]) -> Marks:
    """Mark the answers to the questions of a lesson."""
    if not isinstance(problem, str):
        numbers = "\n".join(f'{name} = "{float(number)!r}"' for name, number in problem.items())
        problem = SHEET_OF_NUMBERS.format(numbers=numbers)
    sheet = parse_sheet(textwrap.dedent(problem), WHERE)
    return mark(replace(sheet, answers=_placed(answers, sheet)))


def _placed(answers: Mapping[str, str], sheet: Sheet) -> Answers:
    """Put answers where a sheet has them; the factors of a chain stand before its partial."""
    placed = Answers()
    partials = {f"d{sheet.loss}/d{name}" for name in sheet.parameters}
    factors: dict[str, str] = {}
    for name, written in answers.items():
        if name in partials:
            placed.partials[name] = PartialAnswer((factors,) if factors else (), written, ())
            factors = {}
        elif "/" in name:
            factors[name] = written
        elif name.startswith("new "):
            placed.updated[name.removeprefix("new ")] = written
        else:
            placed.forward[name] = written
    return placed
