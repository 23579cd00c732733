"""Questions for a quiz: each accepts what some honest way of working gives, and no slip."""

import random
import re
from types import ModuleType

import pytest

from tinygrad_hw.formatting import Html
from tinygrad_hw.worksheet import SheetError, exercise, mark, parse_sheet, read_number
from tinygrad_hw.worksheet.quizzes.layout import laid_out
from tinygrad_hw.worksheet.quizzes.questions import Question, honest_answers, questions_of
from tinygrad_hw.worksheet.rounding.intervals import Interval


def accepts(question: Question, written: str) -> bool:
    """Decide as Moodle does: each answer plus and minus its tolerance, with the slack of floats."""
    value = read_number(written).value
    return any(
        abs(value - float(number)) <= tolerance + 1e-14 * max(1.0, abs(float(number)))
        for number, tolerance in question.tolerances()
    )


def answers_by_question(text: str) -> list[tuple[Question, str, str]]:
    """Return the questions of a sheet, with what was written and the marker's verdict on it."""
    sheet = parse_sheet(text)
    _, questions = questions_of(sheet)
    by_name = {(question.item.part, question.item.name): question for question in questions}
    return [
        (by_name[item.part, item.name], item.printed, item.verdict)
        for item in mark(sheet).items
        if (item.part, item.name) in by_name and item.verdict != "missing"
    ]


@pytest.mark.parametrize("seed", range(6))
def test_whoever_rounds_or_cuts_honestly_is_right(students: ModuleType, seed: int) -> None:
    text, _ = students.honest(random.Random(seed), sizes="2-1-1", leave_out=0)
    answered = answers_by_question(text)
    assert len(answered) > 20
    assert [written for question, written, _ in answered if not accepts(question, written)] == []


def test_no_slip_is(students: ModuleType) -> None:
    """On eight sheets with one slip each; some are in the table, which is not asked for."""
    wrong = []
    for seed in range(8):
        text, _ = students.planted(random.Random(seed), sizes="2-1-1")
        wrong += [
            (q, given) for q, given, verdict in answers_by_question(text) if verdict == "wrong"
        ]
    assert len(wrong) >= 5
    assert [given for question, given in wrong if accepts(question, given)] == []


@pytest.mark.parametrize(
    ("low", "high", "unit", "least", "greatest"),
    [
        (0.66818, 0.66819, 0.0001, 0.66808, 0.668245),  # cut to 0.6681; rounded twice to 0.6682
        (-0.66819, -0.66818, 0.0001, -0.668245, -0.66808),
        (6.0, 6.0, 0.001, 6.0, 6.0),  # has no more digits than that
        (0.125, 0.125, 0.01, 0.115, 0.1305),
        (0.0, 0.0, 0.0, 0.0, 0.0),
        (-0.00001, 0.00002, 0.0001, -0.000065, 0.000075),
    ],
)
def test_what_may_be_written_for_values(
    low: float, high: float, unit: float, least: float, greatest: float
) -> None:
    honest = honest_answers(Interval(low, high), unit)
    assert (honest.low, honest.high) == pytest.approx((least, greatest), abs=1e-12)


def test_each_quantity_is_asked_for_once_and_the_right_answer_is_first() -> None:
    sheet = exercise("2-1-1", 3)
    blank, questions = questions_of(sheet)
    assert blank == sheet
    names = [(question.item.part, question.item.name) for question in questions]
    assert len(set(names)) == len(names)
    assert not [name for part, name in names if part == "table"]
    for question in questions:
        assert read_number(question.answer).is_rounding_of(question.item.exact), question.title
        assert accepts(question, question.answer)
        assert next(question.tolerances())[0] == question.answer


def test_without_rounding_four_figures_are_asked_of_a_change() -> None:
    text = """
    [given]
    x = 1
    [parameters]
    w = 1
    [forward]
    E = "(w*x - 3)**2"
    [update]
    loss = "E"
    rate = 0.00001234567
    """
    _, questions = questions_of(parse_sheet(text))
    new = {question.title: question for question in questions}["the new w"]
    assert new.answer == "1.00004938"
    assert accepts(new, "1.0000493827")
    assert not any(accepts(new, x) for x in ("1.00004939", "1.0000494", "1.0005", "1"))


def test_points_are_those_of_the_sheet() -> None:
    text = """
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
    """
    _, questions = questions_of(parse_sheet(text))
    assert [(q.title, q.worth, q.answer) for q in questions] == [
        ("z", 1, "6"),
        ("dE/dw", 2.5, "36"),
    ]


def test_what_a_sheet_defines_is_asked_for_with_its_formula() -> None:
    sheet = parse_sheet("""
        [parameters]
        w = 2
        [forward]
        z = "3*w"
        E = "z**2"
        [define]
        delta = "-dE/dz"
        [ask]
        forward = ["delta"]
        """)
    blank, questions = questions_of(sheet)
    assert [(q.title, q.answer) for q in questions] == [("delta", "-12")]
    text = laid_out(blank, 1, questions, lambda question: Html("{…}"))
    assert "δ = −dE/dz = {…}" in re.sub("<[^>]*>", "", text)


@pytest.mark.parametrize("ask", ["forward = false", "forward = true\n[ask.points]\nE = 0"])
def test_a_sheet_that_asks_for_nothing_is_refused(ask: str) -> None:
    text = f'[parameters]\nw = 2\n[forward]\nE = "w**2"\n[ask]\n{ask}\n'
    with pytest.raises(SheetError, match=r"s\.toml: no number that is worth a point is asked for"):
        questions_of(parse_sheet(text, "s.toml"))
