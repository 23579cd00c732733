"""Quizzes for Canvas, as a package in the dialect of QTI 1.2 that Canvas itself exports.

Each sheet is a quiz: for each update a text with what is given, and a numerical question for each
number. (Of QTI 2.1 Canvas reads a place to write in as a text to match letter by letter.) Sources:
"IMS Question & Test Interoperability: ASI XML Binding", version 1.2; in Canvas's source, its
exporter ``CC::Qti::QtiItems`` and its importer ``Qti::NumericInteraction``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from xml.etree import ElementTree as ET

from tinygrad_hw.formatting import Html, element, join, printable
from tinygrad_hw.worksheet.quizzes.layout import name_of, statement, title_of_step
from tinygrad_hw.worksheet.quizzes.qti import SLACK, package
from tinygrad_hw.worksheet.quizzes.questions import Question, questions_of
from tinygrad_hw.worksheet.rounding.intervals import Interval
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.sheet.writer import sheet_text

QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
DECIMALS = 4  # to which Canvas's classic quizzes round what is typed
RESPONSE = "response1"


def canvas_quiz(sheets: Iterable[Sheet]) -> bytes:
    """Return sheets as quizzes for Canvas: a package, which is a zip archive.

    An answer is right within the honest interval, and also where it is so when rounded to four
    decimals, since Canvas's classic quizzes do that to what a student types.

    Raises
    ------
    SheetError
        If a sheet cannot be solved, or is too large to be marked.
    """
    quizzes = {}
    for sheet, questions in map(questions_of, sheets):
        # Of the content, so that the quizzes of another import are not replaced.
        name = f"sheet-{hashlib.sha256(sheet_text(sheet).encode()).hexdigest()[:24]}"
        quizzes[f"{name}.xml"] = _quiz(name, sheet, questions)
    return package("IMS Content", "1.1.3", "imsqti_xmlv1p2", quizzes)


def accepted(honest: Interval) -> Interval:
    """Return the answers that are right in Canvas: honest ones, and what rounding makes of them."""
    unit = 10.0**-DECIMALS
    low, high = honest.low - SLACK * abs(honest.low), honest.high + SLACK * abs(honest.high)
    return Interval(
        min(low, round(math.ceil(low / unit - 0.5) * unit, DECIMALS)),
        max(high, round(math.floor(high / unit + 0.5) * unit, DECIMALS)),
    )


def _quiz(name: str, sheet: Sheet, questions: list[Question]) -> ET.Element:
    root = ET.Element("questestinterop", xmlns=QTI)
    title = printable(sheet.title or "A sheet")
    assessment = ET.SubElement(root, "assessment", ident=name, title=title)
    section = ET.SubElement(assessment, "section", ident="root_section")
    for step, of_step in groupby(questions, lambda question: question.item.step):
        text = f"{name}-step-{step}"
        title = printable(title_of_step(sheet, step))
        _add_item(section, text, title, statement(sheet, step))
        for i, question in enumerate(of_step, start=1):
            asking = element("p", join([name_of(sheet, question.item), " = ?"]))
            right = accepted(question.honest)
            _add_item(section, f"{text}-{i}", question.title, asking, question.worth, right)
    return root


def _add_item(
    section: ET.Element,
    ident: str,
    title: str,
    text: Html,
    worth: float = 0.0,
    right: Interval | None = None,
) -> None:
    """Add a numerical question, or a text alone where no answer is right."""
    kind = "text_only_question" if right is None else "numerical_question"
    item = ET.SubElement(section, "item", ident=ident, title=title)
    metadata = ET.SubElement(ET.SubElement(item, "itemmetadata"), "qtimetadata")
    for label, entry in (("question_type", kind), ("points_possible", f"{worth:.10g}")):
        field = ET.SubElement(metadata, "qtimetadatafield")
        ET.SubElement(field, "fieldlabel").text = label
        ET.SubElement(field, "fieldentry").text = entry
    presentation = ET.SubElement(item, "presentation")
    material = ET.SubElement(presentation, "material")
    ET.SubElement(material, "mattext", texttype="text/html").text = f"<div>{text}</div>"
    if right is None:
        return
    response = {"ident": RESPONSE, "rcardinality": "Single"}
    field = ET.SubElement(presentation, "response_str", response)
    fill_in = ET.SubElement(field, "render_fib", fibtype="Decimal")
    ET.SubElement(fill_in, "response_label", ident="answer1")
    processing = ET.SubElement(item, "resprocessing")
    score = {"varname": "SCORE", "vartype": "Decimal", "minvalue": "0", "maxvalue": "100"}
    ET.SubElement(ET.SubElement(processing, "outcomes"), "decvar", score)
    condition = ET.SubElement(processing, "respcondition", {"continue": "No"})
    within = ET.SubElement(condition, "conditionvar")
    for comparison, bound in (("vargte", right.low), ("varlte", right.high)):
        ET.SubElement(within, comparison, respident=RESPONSE).text = _plain(bound)
    ET.SubElement(condition, "setvar", varname="SCORE", action="Set").text = "100"


def _plain(x: float) -> str:
    """Write a number without an exponent."""
    return f"{Decimal(f'{x:.15g}'):f}"
