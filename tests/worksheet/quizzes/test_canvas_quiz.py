"""Quizzes for Canvas: what its importers take from them, and what a student's answer is worth."""

import io
import zipfile
from decimal import ROUND_HALF_UP, Decimal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw.worksheet import Sheet, canvas_quiz, exercise
from tinygrad_hw.worksheet.quizzes.canvas_quiz import accepted
from tinygrad_hw.worksheet.quizzes.questions import questions_of
from tinygrad_hw.worksheet.rounding.intervals import Interval

QTI = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
PACKAGE = "{http://www.imsglobal.org/xsd/imscp_v1p1}"


def files_of(package: bytes) -> dict[str, ET.Element]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: ET.fromstring(archive.read(name)) for name in archive.namelist()}


def quizzes_of(package: bytes) -> list[ET.Element]:
    """The quizzes that the manifest lists, in its order."""
    files = files_of(package)
    resources = files["imsmanifest.xml"].iter(f"{PACKAGE}resource")
    return [files[r.attrib["href"]] for r in resources if r.get("type") == "imsqti_xmlv1p2"]


def field(item: ET.Element, label: str) -> str:
    fields = item.iter(f"{QTI}qtimetadatafield")
    (entry,) = (f[1].text or "" for f in fields if f[0].text == label)
    return entry


def items_of(quiz: ET.Element, kind: str) -> list[ET.Element]:
    return [item for item in quiz.iter(f"{QTI}item") if field(item, "question_type") == kind]


def text_of(item: ET.Element) -> str:
    html = item.findtext(f".//{QTI}mattext")
    assert html is not None
    return " ".join("".join(ET.fromstring(html).itertext()).split())


def typed(answer: str) -> Decimal:
    """What a classic quiz makes of an answer: JavaScript's ``toFixed(4)``."""
    return Decimal(answer).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def is_right(item: ET.Element, answer: Decimal) -> bool:
    (condition,) = item.iter(f"{QTI}respcondition")
    assert [part.tag for part in condition] == [f"{QTI}conditionvar", f"{QTI}setvar"]
    (response,) = item.iter(f"{QTI}response_str")
    low, high = condition[0]
    assert (low.tag, high.tag) == (f"{QTI}vargte", f"{QTI}varlte")
    assert low.get("respident") == high.get("respident") == response.get("ident")
    assert condition[1].text == "100"
    return Decimal(low.text or "") <= answer <= Decimal(high.text or "")


def test_a_sheet_is_a_quiz_of_a_text_and_numerical_questions() -> None:
    sheets = [exercise("1-1", 0), exercise("1-1", 1)]
    quizzes = quizzes_of(canvas_quiz(sheets))
    for quiz, sheet in zip(quizzes, sheets, strict=True):
        assert quiz[0].get("title") == sheet.title
        (text,) = items_of(quiz, "text_only_question")
        assert text_of(text).startswith("Given: x1 = ")
        assert field(text, "points_possible") == "0"
        _, asked = questions_of(sheet)
        numbers = items_of(quiz, "numerical_question")
        for item, question in zip(numbers, asked, strict=True):
            assert item.get("title") == question.title
            assert float(field(item, "points_possible")) == question.worth
            assert text_of(item).endswith("= ?")
    assert "z1 = w1 · x1 + b1 = ?" in map(text_of, quizzes[0].iter(f"{QTI}item"))


@pytest.mark.parametrize("seed", [0, 1])
def test_an_answer_is_right_as_it_is_typed_and_as_a_classic_quiz_rounds_it(seed: int) -> None:
    sheet = exercise("2-1-1", seed)
    (quiz,) = quizzes_of(canvas_quiz([sheet]))
    _, asked = questions_of(sheet)
    for item, question in zip(items_of(quiz, "numerical_question"), asked, strict=True):
        answer = Decimal(question.answer)
        assert is_right(item, answer)
        assert is_right(item, typed(question.answer))
        assert not is_right(item, -answer)
        beyond = Decimal("0.0002") + Decimal(question.honest.high - question.honest.low)
        assert not is_right(item, answer + beyond)
        assert not is_right(item, answer - beyond)


@given(st.tuples(*[st.floats(-10, 10, allow_subnormal=False)] * 2).map(sorted), st.floats(0, 1))
def test_what_rounding_makes_of_an_honest_answer_is_right(ends: list[float], share: float) -> None:
    low, high = ends
    honest = low + share * (high - low)
    right = accepted(Interval(low, high))
    for answer in (Decimal(honest), typed(str(Decimal(honest)))):
        assert Decimal(repr(right.low)) <= answer <= Decimal(repr(right.high))
    assert right.low >= low - 0.00006
    assert right.high <= high + 0.00006


def test_each_update_has_its_example_and_its_own_questions(two_examples: Sheet) -> None:
    (quiz,) = quizzes_of(canvas_quiz([two_examples]))
    kinds = [field(item, "question_type") for item in quiz.iter(f"{QTI}item")]
    assert kinds == ["text_only_question", "numerical_question"] * 2
    shown = [text_of(item) for item in items_of(quiz, "text_only_question")]
    assert "Example: x = 1." in shown[0]
    assert "Example: x = 5." in shown[1]
    questions = items_of(quiz, "numerical_question")
    assert [field(item, "points_possible") for item in questions] == ["0.5", "0.5"]
    assert [is_right(item, Decimal(11)) for item in questions] == [False, True]  # w is 2.2 then
    assert quiz[0].get("title") == "1/2 <b>&amp; two"


def test_an_import_replaces_no_other_and_the_same_sheets_give_the_same_bytes() -> None:
    """Canvas takes what has the identifier of something there for a new version of it."""
    first, second = (canvas_quiz([exercise("1-1", seed)]) for seed in (0, 1))
    names = [
        {item.attrib["ident"] for item in quiz.iter(f"{QTI}item")}
        for package in (first, second)
        for quiz in quizzes_of(package)
    ]
    assert names[0].isdisjoint(names[1])
    assert first == canvas_quiz([exercise("1-1", 0)])
