"""Questions for Moodle's question bank, as Moodle XML.

Each number of a sheet is a numerical question of its own, and each update of a sheet one question
with a gap for each number (Cloze). The tolerances are the honest intervals. Source of the formats:
"Moodle XML format" and "Embedded Answers (Cloze) question type", https://docs.moodle.org.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from xml.etree import ElementTree as ET

from tinygrad_hw.formatting import Html, element, join, printable
from tinygrad_hw.worksheet.quizzes.layout import laid_out, name_of, statement, title_of_step
from tinygrad_hw.worksheet.quizzes.questions import Question, questions_of
from tinygrad_hw.worksheet.sheet.model import Sheet

CATEGORY = "$course$/top/Worked by hand"
NO_UNITS = "3"  # Moodle's UNITNONE
LONGEST_NAME = 200  # Moodle keeps 255 characters


def moodle_quiz(sheets: Iterable[Sheet]) -> str:
    """Return the questions of sheets as Moodle XML.

    The Cloze questions of all sheets are in one category, to draw one of at random for each
    student; the numerical ones of each sheet are in a category of their own.

    Raises
    ------
    SheetError
        If a sheet cannot be solved, or is too large to be marked.
    """
    quiz = ET.Element("quiz")
    asked = [questions_of(sheet) for sheet in sheets]
    _category(quiz, "Whole sheets")
    for sheet, questions in asked:
        for step, of_step in groupby(questions, lambda question: question.item.step):
            _cloze(quiz, sheet, step, list(of_step))
    for sheet, questions in asked:
        _category(quiz, sheet.title or "A sheet")
        for question in questions:
            _numerical(quiz, sheet, question)
    ET.indent(quiz)
    text = ET.tostring(quiz, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _category(quiz: ET.Element, name: str) -> None:
    category = ET.SubElement(ET.SubElement(quiz, "question", type="category"), "category")
    ET.SubElement(category, "text").text = f"{CATEGORY}/{_shortened(name).replace('/', '//')}"


def _question(quiz: ET.Element, kind: str, name: str, text: Html) -> ET.Element:
    question = ET.SubElement(quiz, "question", type=kind)
    ET.SubElement(ET.SubElement(question, "name"), "text").text = _shortened(name)
    ET.SubElement(ET.SubElement(question, "questiontext", format="html"), "text").text = text
    return question


def _numerical(quiz: ET.Element, sheet: Sheet, asked: Question) -> None:
    asking = element("p", "What is ", name_of(sheet, asked.item), "?")
    text = join([statement(sheet, asked.item.step), asking], "\n")
    question = _question(quiz, "numerical", f"{sheet.title}: {asked.title}", text)
    ET.SubElement(question, "defaultgrade").text = f"{asked.worth:.10g}"
    ET.SubElement(question, "penalty").text = "0"
    for number, tolerance in asked.tolerances():
        answer = ET.SubElement(question, "answer", fraction="100", format="moodle_auto_format")
        ET.SubElement(answer, "text").text = number
        ET.SubElement(answer, "tolerance").text = _plain(tolerance)
    ET.SubElement(question, "showunits").text = NO_UNITS


def _cloze(quiz: ET.Element, sheet: Sheet, step: int, questions: Sequence[Question]) -> None:
    whole = math.lcm(*(_as_fraction(question.worth).denominator for question in questions))
    text = laid_out(sheet, step, questions, lambda question: _gap(question, whole))
    question = _question(quiz, "cloze", title_of_step(sheet, step), text)
    ET.SubElement(question, "penalty").text = "0"


def _gap(question: Question, whole: int) -> Html:
    """Return the gap of a number, such as {1:NUMERICAL:=0.6682:0.0001}; its weight is whole."""
    accepted = (f"={number}:{_plain(tolerance)}" for number, tolerance in question.tolerances())
    weight = _as_fraction(question.worth) * whole
    return Html(f"{{{weight}:NUMERICAL:{'~'.join(accepted)}}}")


def _shortened(name: str) -> str:
    line = printable(name)
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 20]}…{line[-19:]}"


def _as_fraction(worth: float) -> Fraction:
    return Fraction(worth).limit_denominator(100)


def _plain(x: float) -> str:
    return f"{x:.12g}"
