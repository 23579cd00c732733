"""The questions of the lessons: answers are marked as ``tinygrad-hw check`` marks a sheet."""

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from tinygrad_hw.worksheet import (
    Answers,
    Marks,
    PartialAnswer,
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
[rounding]
figures = {figures}
"""
FIGURES = 3  # that are asked for, where a sheet does not say


def check(answers: Mapping[str, str], problem: str | Mapping[str, float]) -> None:
    """Mark the answers to the questions of a lesson, and print what the marker says.

    Three figures of a number are enough, where the sheet does not ask for others; what has only a
    few, such as a count, is asked for in full.

    Parameters
    ----------
    answers
        What was written, by name: a value, ``z``; a derivative, ``dE/dw``; a parameter after the
        update, ``new w``.
    problem
        The text of a sheet, or numbers by name, which the lesson has computed.
    """
    marks = marks_of(answers, problem)
    if any(str(answer) for answer in answers.values()):
        print("\n".join(line for line in feedback_lines(marks, hints=2) if line))
    else:
        print(f"Blank: {', '.join(answers)}")


def marks_of(answers: Mapping[str, str], problem: str | Mapping[str, float]) -> Marks:
    """Mark the answers to the questions of a lesson."""
    if not isinstance(problem, str):
        numbers = "\n".join(f'{name} = "{float(number)!r}"' for name, number in problem.items())
        figures = max(map(_figures, problem.values()))
        problem = SHEET_OF_NUMBERS.format(numbers=numbers, figures=figures)
    sheet = parse_sheet(textwrap.dedent(problem), WHERE)
    rounding = sheet.rounding or ("figures", FIGURES)
    return mark(replace(sheet, answers=_placed(answers), rounding=rounding))


def _figures(number: float) -> int:
    """Return how many figures of a number to ask for."""
    figures = len(Decimal(f"{number:.9g}").normalize().as_tuple().digits)
    return max(figures, FIGURES) if figures < 9 else FIGURES


def _placed(answers: Mapping[str, str]) -> Answers:
    """Put answers where a sheet has them."""
    placed = Answers()
    for name, answer in answers.items():
        written = str(answer)  # where the quotes were left out
        if "/" in name:
            placed.partials[name] = PartialAnswer((), written, ())
        elif name.startswith("new "):
            placed.updated[name.removeprefix("new ")] = written
        else:
            placed.forward[name] = written
    return placed
