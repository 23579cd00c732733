"""Moodle XML: what Moodle's importer takes from it."""

import re
from xml.etree import ElementTree as ET

import pytest

from tinygrad_hw.worksheet import Sheet, exercise, moodle_quiz, parse_sheet
from tinygrad_hw.worksheet.quizzes.questions import questions_of

# A gap, as the regular expressions of Moodle's multianswer type have it: weight, kind, answers.
GAP = re.compile(r"\{(\d+):NUMERICAL:([^{}]*)\}")
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
ANSWER = re.compile(rf"=({NUMBER}):({NUMBER})")


def text_of(question: ET.Element, path: str) -> str:
    found = question.findtext(path)
    assert found is not None, path
    return found


def shown(html: ET.Element) -> str:
    """Return the text of a part of a page, each blank as a plain one."""
    return " ".join("".join(html.itertext()).split())


@pytest.fixture(scope="module")
def quiz() -> ET.Element:
    return ET.fromstring(moodle_quiz([exercise("1-1", 0), exercise("1-1", 1)]))


def test_whole_sheets_are_one_category_and_the_numbers_of_each_sheet_another(
    quiz: ET.Element,
) -> None:
    order = [
        text_of(question, "category/text") if kind == "category" else kind
        for question in quiz
        if (kind := question.get("type"))
    ]
    assert list(dict.fromkeys(order)) == [
        "$course$/top/Worked by hand/Whole sheets",
        "cloze",
        "$course$/top/Worked by hand/A 1-1 network of sigmoids, no. 0",
        "numerical",
        "$course$/top/Worked by hand/A 1-1 network of sigmoids, no. 1",
    ]
    assert order.count("cloze") == 2


def test_a_numerical_question_has_the_tolerances_of_the_honest_answers(quiz: ET.Element) -> None:
    _, asked = questions_of(exercise("1-1", 0))
    numerical = [q for q in quiz if q.get("type") == "numerical"][: len(asked)]
    for question, expected in zip(numerical, asked, strict=True):
        name = f"A 1-1 network of sigmoids, no. 0: {expected.title}"
        assert text_of(question, "name/text") == name
        assert float(text_of(question, "defaultgrade")) == expected.worth
        answers = [
            (text_of(answer, "text"), float(text_of(answer, "tolerance")))
            for answer in question.findall("answer")
        ]
        assert {answer.get("fraction") for answer in question.findall("answer")} == {"100"}
        assert answers == [(number, pytest.approx(t)) for number, t in expected.tolerances()]
        html = ET.fromstring(f"<div>{text_of(question, 'questiontext/text')}</div>")
        assert "w1 = 0.43, b1 = 0.6." in shown(html)
        assert "".join(html[-1].itertext()).startswith("What is ")


def test_a_cloze_question_has_a_gap_for_each(quiz: ET.Element) -> None:
    _, asked = questions_of(exercise("1-1", 1))
    cloze = [q for q in quiz if q.get("type") == "cloze"][1]
    text = text_of(cloze, "questiontext/text")
    gaps = GAP.findall(text)
    assert [weight for weight, _ in gaps] == ["1"] * len(asked)
    for (_, answers), expected in zip(gaps, asked, strict=True):
        assert all(ANSWER.fullmatch(answer) for answer in answers.split("~"))
        read = [(number, float(t)) for number, t in ANSWER.findall(answers)]
        assert read == [(number, pytest.approx(t)) for number, t in expected.tolerances()]
    rest = GAP.sub("", text)
    assert not set("{}#~") & set(rest)  # Moodle would take them for markup
    ET.fromstring(f"<div>{rest}</div>")


SHEET = """
title = "{title}"
[parameters]
w = 2
[forward]
z = "3*w"
E = "z**2"
[update]
loss = "E"
rate = 0.1
steps = 2
[ask]
forward = ["z"]
partials = ["dE/dw"]
[ask.points]
z = 0.5
"dE/dw" = 2.25
"""


def test_each_update_is_a_cloze_question_of_its_own_and_weights_are_whole() -> None:
    quiz = ET.fromstring(moodle_quiz([parse_sheet(SHEET.format(title="Two"))]))
    first, second = [q for q in quiz if q.get("type") == "cloze"]
    assert text_of(first, "name/text") == "Two, update 1"
    text = text_of(second, "questiontext/text")
    assert "Update 2 of 2." in text
    assert [weight for weight, _ in GAP.findall(text)] == ["2", "9"]


def test_a_title_is_text_and_no_path() -> None:
    title = "1/2 <b>&amp; {1:NUMERICAL:=0}"
    quiz = ET.fromstring(moodle_quiz([parse_sheet(SHEET.format(title=title))]))
    categories = [text_of(q, "category/text") for q in quiz if q.get("type") == "category"]
    assert categories[1] == f"$course$/top/Worked by hand/{title.replace('/', '//')}"
    long = moodle_quiz([parse_sheet(SHEET.format(title="long " * 300 + "\\u0001"))])
    assert long.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    names = [name.text or "" for name in ET.fromstring(long).iterfind("question/name/text")]
    assert max(map(len, names)) == 200
    assert names[-1].endswith(": dE/dw, step 2")


def test_a_question_has_the_example_of_its_update(two_examples: Sheet) -> None:
    quiz = ET.fromstring(moodle_quiz([two_examples]))
    texts = {
        (q.get("type"), text_of(q, "answer/text") if q.find("answer") is not None else ""): [
            shown(p) for p in ET.fromstring(f"<div>{text_of(q, 'questiontext/text')}</div>")
        ]
        for q in quiz
        if q.get("type") == "numerical"
    }
    (_, first), (_, second) = texts
    assert (first, second) == ("2", "11")  # w is 2.2 then
    for lines, step, x in ((texts["numerical", first], 1, 1), (texts["numerical", second], 2, 5)):
        assert f"Example: x = {x}." in lines
        assert f"Update {step} of 2." in lines
