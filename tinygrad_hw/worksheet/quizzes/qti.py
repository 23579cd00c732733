"""Questions as a package in QTI 2.1, which many course systems read.

Each update of a sheet is an item, with a place to write in for each number; an answer within its
honest interval earns its points. Sources: "IMS Question and Test Interoperability Assessment Test,
Section, and Item Information Model", version 2.1, and "IMS Content Packaging", version 1.1.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from xml.etree import ElementTree as ET

from tinygrad_hw.formatting import Html, element, printable
from tinygrad_hw.worksheet.quizzes.layout import laid_out, title_of_step
from tinygrad_hw.worksheet.quizzes.questions import Question, questions_of
from tinygrad_hw.worksheet.sheet.model import Sheet

QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
SLACK = 1e-12  # relative; a reader may round to floats in its own way
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # of all files, so that the same sheets give the same bytes


def qti_package(sheets: Iterable[Sheet]) -> bytes:
    """Return the questions of sheets as a package in QTI 2.1, which is a zip archive.

    Raises
    ------
    SheetError
        If a sheet cannot be solved, or is too large to be marked.
    """
    items: list[ET.Element] = []
    for sheet, questions in map(questions_of, sheets):
        for step, of_step in groupby(questions, lambda question: question.item.step):
            items.append(_item(f"item-{len(items) + 1:04}", sheet, step, list(of_step)))
    ids = [str(item.get("identifier")) for item in items]
    files = {f"{name}.xml": item for name, item in zip(ids, items, strict=True)}
    return package("QTIv2.1 Package", "1.0.0", "imsqti_item_xmlv2p1", files)


def package(schema: str, version: str, kind: str, files: Mapping[str, ET.Element]) -> bytes:
    """Return documents as a zip archive with a manifest, by "IMS Content Packaging".

    Parameters
    ----------
    schema, version
        What the manifest says that the package is.
    kind
        The type of the documents, in the words of that schema.
    files
        The documents, by names such as "item-0001.xml".
    """
    manifest = ET.Element("manifest", xmlns=PACKAGE, identifier="MANIFEST")
    metadata = ET.SubElement(manifest, "metadata")
    ET.SubElement(metadata, "schema").text = schema
    ET.SubElement(metadata, "schemaversion").text = version
    ET.SubElement(manifest, "organizations")
    resources = ET.SubElement(manifest, "resources")
    for name in files:
        attributes = {"identifier": name.removesuffix(".xml"), "type": kind, "href": name}
        ET.SubElement(ET.SubElement(resources, "resource", attributes), "file", href=name)
    ET.indent(manifest)  # not the documents, where a blank counts
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, root in {"imsmanifest.xml": manifest, **files}.items():
            text = ET.tostring(root, "utf-8", xml_declaration=True)
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), text, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _item(name: str, sheet: Sheet, step: int, questions: Sequence[Question]) -> ET.Element:
    item = ET.Element(
        "assessmentItem",
        xmlns=QTI,
        identifier=name,
        title=printable(title_of_step(sheet, step)),
        adaptive="false",
        timeDependent="false",
    )
    responses = {id(question): f"RESPONSE-{i}" for i, question in enumerate(questions, start=1)}
    for question in questions:
        declaration = ET.SubElement(
            item,
            "responseDeclaration",
            identifier=responses[id(question)],
            cardinality="single",
            baseType="float",
        )
        correct = ET.SubElement(declaration, "correctResponse")
        ET.SubElement(correct, "value").text = question.answer
    score = ET.SubElement(
        item,
        "outcomeDeclaration",
        identifier="SCORE",
        cardinality="single",
        baseType="float",
        normalMaximum=f"{sum(question.worth for question in questions):.10g}",
    )
    ET.SubElement(ET.SubElement(score, "defaultValue"), "value").text = "0"
    text = laid_out(sheet, step, questions, lambda question: _entry(responses[id(question)]))
    item.append(ET.fromstring(f"<itemBody>{text}</itemBody>"))
    processing = ET.SubElement(item, "responseProcessing")
    for question in questions:
        _add_points(processing, responses[id(question)], question)
    return item


def _entry(response: str) -> Html:
    return element("textEntryInteraction", responseIdentifier=response, expectedLength=12)


def _add_points(processing: ET.Element, response: str, question: Question) -> None:
    """Add the points of a question to the score if the response is within its honest interval."""
    condition = ET.SubElement(processing, "responseCondition")
    if_right = ET.SubElement(condition, "responseIf")
    both = ET.SubElement(if_right, "and")
    low, high = question.honest.low, question.honest.high
    for comparison, bound in (
        ("gte", low - SLACK * abs(low)),
        ("lte", high + SLACK * abs(high)),
    ):
        compared = ET.SubElement(both, comparison)
        ET.SubElement(compared, "variable", identifier=response)
        ET.SubElement(compared, "baseValue", baseType="float").text = f"{bound:.15g}"
    new = ET.SubElement(if_right, "setOutcomeValue", identifier="SCORE")
    total = ET.SubElement(new, "sum")
    ET.SubElement(total, "variable", identifier="SCORE")
    ET.SubElement(total, "baseValue", baseType="float").text = f"{question.worth:.10g}"
