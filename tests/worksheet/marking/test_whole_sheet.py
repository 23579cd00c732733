"""What a whole sheet says: one rule got wrong in every update, one sign in every gradient."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import Answers, Sheet, mark, parse_sheet, read_sheet
from tinygrad_hw.worksheet.courses.remark import remark_on
from tinygrad_hw.worksheet.exercises.answer_key import key
from tinygrad_hw.worksheet.feedback.html_page import marked_page
from tinygrad_hw.worksheet.feedback.text import feedback_lines
from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.marking.points import points, read_weights
from tinygrad_hw.worksheet.sheet.parts import FORWARD, PARTIAL, UPDATED

RATE = 0.1


def answered() -> Sheet:
    """Return the homework's first sheet, asked for in six figures at another rate, and answered."""
    return key(replace(read_sheet(sheet_path("q1b")), rounding=("figures", 6), rate=RATE))


def with_updates(sheet: Sheet, rule: Callable[[float, float], float]) -> Sheet:
    """Return the sheet with new parameters by a student's own rule, of the old and the gradient."""
    updated = {
        name: f"{rule(old, float(sheet.answers.partials[f'dE/d{name}'].value or 0)):#.6g}"
        for name, old in sheet.parameters.items()
    }
    return replace(sheet, answers=replace(sheet.answers, updated=updated, table={}))


def with_turned_gradients(sheet: Sheet, turned: Callable[[str], bool]) -> Sheet:
    """Return the sheet with y - a for a - y in the chains of some gradients, and what follows."""

    def other_sign(text: str) -> str:
        return text.removeprefix("-") if text.startswith("-") else f"-{text}"

    partials = {}
    for name, answer in sheet.answers.partials.items():
        if turned(name):
            paths = tuple(
                {f: other_sign(text) if f == "dE/da4" else text for f, text in path.items()}
                for path in answer.paths
            )
            partials[name] = replace(answer, paths=paths, value=other_sign(answer.value or ""))
        else:
            partials[name] = answer
    changed = replace(sheet, answers=replace(sheet.answers, partials=partials))
    return with_updates(changed, lambda old, slope: old - RATE * slope)


def wrong(marks: Marks) -> list[tuple[str, str | None]]:
    return [(item.name, item.slip) for item in marks.items if item.verdict == "wrong"]


def test_the_answers_are_right() -> None:
    marks = mark(with_updates(answered(), lambda old, slope: old - RATE * slope))
    earned, possible = points(marks)
    assert earned == possible > 40


@pytest.mark.parametrize(
    ("slip", "rule"),
    [
        ("ascent", lambda old, slope: old + RATE * slope),
        ("rate-forgotten", lambda old, slope: old - slope),
        ("change-alone", lambda old, slope: RATE * slope),
        ("change-alone", lambda old, slope: -RATE * slope),
    ],
)
def test_the_rule_for_updates_got_wrong_is_charged_once(
    slip: str, rule: Callable[[float, float], float]
) -> None:
    marks = mark(with_updates(answered(), rule))
    updates = [item for item in marks.items if item.part == UPDATED]
    first, *others = (item for item in updates if item.verdict != "exact")  # some gradients are 0
    assert wrong(marks) == [(first.name, slip)]
    assert len(others) > 5
    for item in others:
        assert item.verdict == "follows"
        assert item.slip == slip
        assert f"That is charged at the new {first.name}, for all." in item.explanation
    earned, possible = points(marks)
    assert earned == possible - 0.5


def test_a_momentum_that_is_forgotten_in_all_updates_is_charged_once() -> None:
    plain = replace(answered(), steps=2, answers=Answers(), later_answers=(Answers(),))
    sheet = replace(plain, momentum=0.9)
    right, forgotten = key(sheet), key(plain).later_answers[0]
    second = replace(right.later_answers[0], updated=forgotten.updated)
    answers = replace(right.answers, table={})
    marks = mark(replace(right, answers=answers, later_answers=(second,)))
    updates = [item for item in marks.items if item.part == UPDATED and item.verdict != "exact"]
    assert wrong(marks) == [(updates[0].name, "momentum-forgotten")]
    assert len(updates) > 5
    assert {(item.verdict, item.slip) for item in updates[1:]} == {
        ("follows", "momentum-forgotten")
    }


def test_two_rules_are_charged_twice() -> None:
    def rule(old: float, slope: float) -> float:
        return old + RATE * slope if old < 0 else old - slope

    slips = [slip for _, slip in wrong(mark(with_updates(answered(), rule)))]
    assert sorted(filter(None, slips)) == ["ascent", "rate-forgotten"]
    assert len(slips) == 2


def test_gradients_that_all_have_the_wrong_sign_do_not_earn_the_whole() -> None:
    marks = mark(with_turned_gradients(answered(), lambda name: True))
    assert wrong(marks) == [("dE/da4", "loss-turned")]
    gradients = [item for item in marks.items if item.part == PARTIAL and item.exact]
    assert len(gradients) > 5
    assert {(item.verdict, item.note) for item in gradients} == {("follows", "turned")}
    assert all("uphill" in item.explanation for item in gradients)
    earned, possible = points(marks)
    assert earned == possible - 0.5 - 0.5 * len(gradients)
    everything, _ = points(marks, read_weights("slip=1"))
    assert everything == possible


def test_one_gradient_with_the_right_sign_is_another_matter() -> None:
    marks = mark(with_turned_gradients(answered(), lambda name: name != "dE/db4"))
    assert not any(item.note == "turned" for item in marks.items)


def test_the_feedback_says_so() -> None:
    marks = mark(with_turned_gradients(answered(), lambda name: True))
    assert "Every gradient has the wrong sign, so that each step goes uphill" in feedback_lines(
        marks
    )
    assert not any("uphill" in line for line in feedback_lines(marks, hints=1))
    page = marked_page(marks)
    assert page.count("but every gradient has the wrong sign") > 5


def test_the_feedback_names_what_lacks_figures() -> None:
    sheet = answered()
    forward = sheet.answers.forward | {"a4": f"{float(sheet.answers.forward['a4']):.3g}"}
    marks = mark(replace(sheet, answers=replace(sheet.answers, forward=forward)))
    lines = list(feedback_lines(marks))
    title = lines.index("Right, but with fewer than the 6 figures that the sheet asks for")
    assert lines[title + 1] == f"  a4 = {forward['a4']}"
    assert "  1 of" in "\n".join(feedback_lines(marks, hints=1))
    assert "right, but with fewer figures than asked for" in marked_page(marks)


NEURONS = """
[given]
x1 = 0.6
x2 = 1.3
y = 1
[parameters]
w1 = 0.4
w2 = -0.7
b = 0.2
v = 1.1
c = -0.3
[forward]
z = "w1*x1 + w2*x2 + b"
a = "sigmoid(z)"
u = "v*a + c"
o = "sigmoid(u)"
E = "(y - o)**2 / 2"
[update]
loss = "E"
rate = 0.5
[rounding]
figures = 5
"""


@pytest.mark.parametrize("text", ["0", "1", "-0", "0.0"])
def test_one_number_for_all_answers_is_worth_little(text: str) -> None:
    """What shows a figure or none is what some way of working gives, for nearly every question."""
    right = key(parse_sheet(NEURONS))

    def all_of(names: Iterable[str]) -> dict[str, str]:
        return dict.fromkeys(names, text)

    answers = Answers(
        all_of(right.answers.forward),
        {
            name: replace(asked, paths=tuple(map(all_of, asked.paths)), value=text)
            for name, asked in right.answers.partials.items()
        },
        all_of(right.answers.updated),
    )
    earned, possible = points(mark(replace(right, answers=answers)))
    assert earned < possible * 0.55


def test_a_zero_that_shows_nothing_is_right_nowhere() -> None:
    """Not even where it could be cut from what follows: 0.5 to 0, by who writes no digits."""
    sheet = key(parse_sheet(NEURONS))
    zeros = dict.fromkeys(sheet.answers.forward, "0")
    items = mark(replace(sheet, answers=replace(sheet.answers, forward=zeros))).items
    forward = [item for item in items if item.part == FORWARD]
    assert {item.verdict for item in forward} == {"wrong"}
    assert {item.slip_explains_every_digit for item in forward} == {False}


def test_what_is_wrong_again_is_told_and_worth_what_the_teacher_says() -> None:
    right = key(parse_sheet(NEURONS))
    marks = mark(
        with_updates(right, lambda old, slope: old + 0.5 * slope),
    )
    again = [item for item in marks.items if item.note == "again"]
    assert [item.name for item in again] == ["w2", "b", "v", "c"]
    lines = list(feedback_lines(marks))
    title = lines.index("Wrong in the same way as before, and not charged again")
    listed = ", ".join(f"the new {item.name} = {item.printed}" for item in again)
    assert lines[title + 1] == f"  {listed}"
    assert "4 wrong in the same way again, 1 wrong." in lines[-1]
    assert "  Uphill or downhill? (5 times)" in feedback_lines(marks, hints=1)
    assert remark_on(again[0], 1).endswith(
        ": wrong in the same way as before, and not charged again"
    )
    assert marked_page(marks).count("wrong in the same way as before") >= 4
    (earned, possible), (each_charged, _) = points(marks), points(marks, read_weights("again=0.5"))
    assert (possible - earned, possible - each_charged) == (0.5, 2.5)


def test_after_a_zero_that_is_divided_by_not_everything_is_right() -> None:
    """The logarithm of 0 is infinite, and so is what follows: any number would follow from it."""
    text = """
[given]
x = 2
[parameters]
w = 0.3
[forward]
p = "sigmoid(w*x)"
E = "-ln(p)"
[update]
loss = "E"
rate = 0.1
[rounding]
figures = 4
[answers.forward]
p = "0"
E = "7.123"
[answers.partials."dE/dw"]
factors = { "dE/dp" = "-3.1", "dp/dw" = "0.9876" }
value = "4.321"
[answers.updated]
w = "5.678"
"""
    marks = mark(parse_sheet(text))
    assert [item.verdict for item in marks.items] == ["wrong"] * 6
