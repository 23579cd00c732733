"""A package in QTI 2.1, read and scored by the rules of the information model."""

import io
import zipfile
from xml.etree import ElementTree as ET

import pytest

from tinygrad_hw.worksheet import exercise, parse_sheet, qti_package
from tinygrad_hw.worksheet.quizzes.questions import questions_of

QTI = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"
PACKAGE = "{http://www.imsglobal.org/xsd/imscp_v1p1}"
Scores = dict[str, float | None]


def files_of(package: bytes) -> dict[str, ET.Element]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: ET.fromstring(archive.read(name)) for name in archive.namelist()}


def value_of(rule: ET.Element, variables: Scores) -> float | bool | None:
    """Compute an expression: what has a null in it is null, and counts as false."""
    kind = rule.tag.removeprefix(QTI)
    if kind == "variable":
        return variables[rule.attrib["identifier"]]
    if kind == "baseValue":
        return float(rule.text or "")
    operands = [value_of(part, variables) for part in rule]
    if kind == "and":
        return all(operands)
    if None in operands:
        return None
    numbers = [float(operand) for operand in operands if operand is not None]
    if kind == "sum":
        return sum(numbers)
    return {"gte": numbers[0] >= numbers[1], "lte": numbers[0] <= numbers[1]}[kind]


def score_of(item: ET.Element, responses: Scores) -> float:
    variables: Scores = {
        declaration.attrib["identifier"]: None
        for declaration in item.findall(f"{QTI}responseDeclaration")
    } | responses
    variables["SCORE"] = float(
        item.findtext(f"{QTI}outcomeDeclaration/{QTI}defaultValue/{QTI}value") or ""
    )
    for condition in item.findall(
        f"{QTI}responseProcessing/{QTI}responseCondition/{QTI}responseIf"
    ):
        test, change = condition
        if value_of(test, variables):
            variables[change.attrib["identifier"]] = value_of(change[0], variables)
    score = variables["SCORE"]
    assert score is not None
    return score


@pytest.fixture(scope="module")
def item() -> ET.Element:
    return files_of(qti_package([exercise("1-1", 0)]))["item-0001.xml"]


def correct(item: ET.Element) -> Scores:
    return {
        declaration.attrib["identifier"]: float(declaration.findtext(f".//{QTI}value") or "")
        for declaration in item.findall(f"{QTI}responseDeclaration")
    }


def test_the_manifest_lists_every_item() -> None:
    files = files_of(qti_package([exercise("1-1", 0, steps=2), exercise("1-1", 1)]))
    manifest = files.pop("imsmanifest.xml")
    assert manifest.tag == f"{PACKAGE}manifest"
    resources = manifest.findall(f"{PACKAGE}resources/{PACKAGE}resource")
    assert [resource.get("href") for resource in resources] == list(files)
    assert {resource.get("type") for resource in resources} == {"imsqti_item_xmlv2p1"}
    assert [item.get("title") for item in files.values()] == [
        "A 1-1 network of sigmoids, no. 0, update 1",
        "A 1-1 network of sigmoids, no. 0, update 2",
        "A 1-1 network of sigmoids, no. 1",
    ]


def test_right_answers_earn_all_points_and_each_other_loses_its_own(item: ET.Element) -> None:
    right = correct(item)
    _, questions = questions_of(exercise("1-1", 0))
    most = float(item.find(f"{QTI}outcomeDeclaration").attrib["normalMaximum"])
    assert score_of(item, right) == most == sum(question.worth for question in questions)
    assert score_of(item, {}) == 0
    for name, question in zip(right, questions, strict=True):
        for bound, outside in ((question.honest.low, -1), (question.honest.high, 1)):
            assert score_of(item, right | {name: bound}) == most
            beyond = bound + outside * 1e-6 * abs(bound)
            assert score_of(item, right | {name: beyond}) == most - question.worth
        assert score_of(item, right | {name: None}) == most - question.worth


def test_each_number_has_a_place_to_write_in_within_the_sheet(item: ET.Element) -> None:
    body = item.find(f"{QTI}itemBody")
    assert body is not None
    entries = body.findall(f".//{QTI}textEntryInteraction")
    assert [entry.get("responseIdentifier") for entry in entries] == list(correct(item))
    text = " ".join("".join(body.itertext()).split())
    assert "Parameters: w1 = 0.43, b1 = 0.6." in text  # with no blank between letter and index
    assert "z1 = w1 · x1 + b1 =" in text


def test_points_are_those_of_the_sheet_and_a_title_is_text() -> None:
    sheet = parse_sheet("""
        title = '<b> & "two"'
        [parameters]
        w = 2
        [forward]
        z = "3*w"
        E = "z**2"
        [update]
        loss = "E"
        rate = 0.1
        [ask]
        forward = ["z"]
        partials = ["dE/dw"]
        [ask.points]
        "dE/dw" = 2.5
        """)
    item = files_of(qti_package([sheet]))["item-0001.xml"]
    assert item.get("title") == '<b> & "two"'
    assert score_of(item, correct(item)) == 3.5
    assert score_of(item, correct(item) | {"RESPONSE-1": 5.0}) == 2.5


def test_the_same_sheets_give_the_same_bytes() -> None:
    assert qti_package([exercise("1-1", 0)]) == qti_package([exercise("1-1", 0)])
