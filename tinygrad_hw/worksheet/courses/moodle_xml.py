"""Questions for Moodle's question bank, as Moodle XML.

Each number of a sheet is a numerical question of its own, and each update of a sheet one question
with a gap for each number (Cloze). The tolerances are the honest intervals. Source of the formats:
"Moodle XML format" and "Embedded Answers (Cloze) question type", https://docs.moodle.org.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from xml.etree import ElementTree as ET

from tinygrad_hw.formatting import NOTHING, Html, element, join, partial, printable
from tinygrad_hw.worksheet.courses.questions import Question, name_of, questions_of, statement
from tinygrad_hw.worksheet.sheet.model import Answers, Sheet
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, TABLE, UPDATED

CATEGORY = "$course$/top/Worked by hand"
NO_UNITS = "3"  # Moodle's UNITNONE


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
        for step, answers in enumerate((sheet.answers, *sheet.later_answers), start=1):
            of_step = [question for question in questions if question.item.step == step]
            _cloze(quiz, sheet, step, answers, of_step)
    for sheet, questions in asked:
        _category(quiz, sheet.title or "A sheet")
        for question in questions:
            _numerical(quiz, sheet, question)
    ET.indent(quiz)
    return ET.tostring(quiz, "unicode", xml_declaration=False) + "\n"


def _category(quiz: ET.Element, name: str) -> None:
    category = ET.SubElement(ET.SubElement(quiz, "question", type="category"), "category")
    ET.SubElement(category, "text").text = f"{CATEGORY}/{printable(name).replace('/', '//')}"


def _question(quiz: ET.Element, kind: str, name: str, text: Html) -> ET.Element:
    question = ET.SubElement(quiz, "question", type=kind)
    ET.SubElement(ET.SubElement(question, "name"), "text").text = printable(name)
    ET.SubElement(ET.SubElement(question, "questiontext", format="html"), "text").text = text
    return question


def _numerical(quiz: ET.Element, sheet: Sheet, asked: Question) -> None:
    step = f"Update {asked.item.step} of {sheet.steps}. " if sheet.steps > 1 else ""
    asking = element("p", step, "What is ", name_of(sheet, asked.item), "?")
    text = join([statement(sheet), asking], "\n")
    question = _question(quiz, "numerical", f"{sheet.title}: {asked.title}", text)
    ET.SubElement(question, "defaultgrade").text = f"{asked.worth:.10g}"
    ET.SubElement(question, "penalty").text = "0"
    for number, tolerance in asked.tolerances():
        answer = ET.SubElement(question, "answer", fraction="100", format="moodle_auto_format")
        ET.SubElement(answer, "text").text = number
        ET.SubElement(answer, "tolerance").text = _plain(tolerance)
    ET.SubElement(question, "showunits").text = NO_UNITS


def _cloze(
    quiz: ET.Element, sheet: Sheet, step: int, answers: Answers, questions: Sequence[Question]
) -> None:
    """Write an update of a sheet as one question, laid out as the sheet is."""
    whole = math.lcm(*(_as_fraction(question.worth).denominator for question in questions))
    gaps = {
        (question.item.part, question.item.of, question.item.name): _gap(question, whole)
        for question in questions
    }

    def gap(part: str, name: str, of: str | None = None) -> Html:
        """Return the gap of a number; nothing where it is asked for elsewhere, or not at all."""
        found = gaps.pop((part, of, name), NOTHING)
        return join([" ", found]) if found else NOTHING

    parts = [statement(sheet)]
    if sheet.steps > 1:
        parts.append(element("p", f"Update {step} of {sheet.steps}."))
    lines = [
        join([name_of(sheet, question.item), " =", gap(FORWARD, question.item.name)])
        for question in questions
        if question.item.part == FORWARD
    ]
    for name, answer in answers.partials.items():
        left = len(gaps)
        paths = [
            join([join([partial(f), gap(FACTOR, f, name)]) for f in path], " · ")
            for path in answer.paths
        ]
        chain = [join([" ", join(paths, " + ")])] if paths else []
        result = gap(PARTIAL, name)
        if len(gaps) < left:
            lines.append(join([partial(name), *chain, *filter(None, [result])], " ="))
    lines += [
        join([name_of(sheet, question.item), " =", gap(question.item.part, question.item.name)])
        for question in questions
        if question.item.part in (UPDATED, TABLE)
    ]
    parts += [element("p", line) for line in lines]
    name = sheet.title or "A sheet"
    name += f", update {step}" if sheet.steps > 1 else ""
    question = _question(quiz, "cloze", name, join(parts, "\n"))
    ET.SubElement(question, "penalty").text = "0"


def _gap(question: Question, whole: int) -> Html:
    """Return the gap of a number, such as {1:NUMERICAL:=0.6682:0.0001}; its weight is whole."""
    accepted = (f"={number}:{_plain(tolerance)}" for number, tolerance in question.tolerances())
    weight = _as_fraction(question.worth) * whole
    return Html(f"{{{weight}:NUMERICAL:{'~'.join(accepted)}}}")


def _as_fraction(worth: float) -> Fraction:
    return Fraction(worth).limit_denominator(100)


def _plain(x: float) -> str:
    return f"{x:.12g}"
