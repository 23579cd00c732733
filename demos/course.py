"""The questions of the lessons: answers are marked as ``tinygrad-hw check`` marks a sheet."""

import textwrap
from collections.abc import Mapping
from dataclasses import replace

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
"""


def check(answers: Mapping[str, str], problem: str | Mapping[str, float]) -> None:
    """Mark the answers to the questions of a lesson, and print what the marker says.

    Parameters
    ----------
    answers
        What was written, by name: a value, ``z``; a derivative, ``dE/dw``; a parameter after the
        update, ``new w``.
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
    return mark(replace(sheet, answers=_placed(answers)))


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
