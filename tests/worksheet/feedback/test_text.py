"""What is read of a marked sheet, and what each level of hints keeps to itself."""

import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import mark, parse_sheet, read_sheet
from tinygrad_hw.worksheet.feedback.text import feedback_lines, nudges, shortfalls
from tinygrad_hw.worksheet.marking.mark_sheet import Marks


@pytest.fixture(scope="module")
def q1a() -> Marks:
    return mark(read_sheet(sheet_path("q1a")))


def said(marks: Marks, hints: int) -> str:
    return "\n".join(feedback_lines(marks, hints))


def test_the_answer_tells_what_happened_and_where(q1a: Marks) -> None:
    lines = said(q1a, 3).splitlines()
    assert lines[0] == "Question 1 (a): a 2-3-1 sigmoid network, every parameter 1 · the homework"
    assert "  dE/dw4 = -9.5345e-8 has two digits changed round; -9.5435e-8 would fit." in lines
    assert "  b4 in the table: b4 = 1.000031814: it is the answer of w7." in lines
    (made,) = (line for line in lines if line.startswith("  da4/dz4 in dE/db2: "))
    assert made.endswith("And the product -9.5435e-8 beside it was made with 0.017679.")
    assert "  da4/dz4 in dE/dw5, da4/dz4 in dE/dw6, da4/dz4 in dE/db3" in lines


def test_the_last_line_counts(q1a: Marks) -> None:
    count = (
        "92 of 104 right: 52 exact, 40 honestly rounded, 3 right but for a slip before, 9 wrong."
    )
    assert list(feedback_lines(q1a))[-1] == count
    assert list(feedback_lines(q1a, points="1 of 2"))[-1] == f"{count} Points: 1 of 2."


def test_a_place_tells_which_numbers_are_wrong_but_not_why(q1a: Marks) -> None:
    text = said(q1a, 2)
    assert "  dE/dw4 = -9.5345e-8: Compare the digits one by one." in text.splitlines()
    assert "9.5435e-8" not in text
    assert "carry" not in text


def test_a_nudge_does_not_tell_which_numbers_are_wrong(q1a: Marks) -> None:
    text = said(q1a, 1)
    assert "  Count the zeros. (2 times)" in text.splitlines()
    assert not any(item.printed in text for item in q1a.items if item.verdict == "wrong")
    assert "dE/d" not in text
    assert "in the table" not in text
    assert sum(nudges(q1a).values()) == 9


def test_a_right_sheet_has_nothing_wrong_to_tell() -> None:
    text = said(mark(read_sheet(sheet_path("q1b"))), 1)
    assert text.splitlines()[2:] == ["91 of 91 right: 75 exact, 16 honestly rounded."]


def test_what_to_carry_for_the_factor_that_lost_three_digits(q1a: Marks) -> None:
    short = next(s for s in shortfalls(q1a) if "da1/dz1" in s.names)
    assert (short.sure, short.shown, short.carry, short.wanted) == (1, 4, 7, 4)
    assert short.reason == "1 - a1, a difference of nearly equal numbers, costs 3 digits"
    assert str(short) == "1 of 4 figures can be trusted; carry 7 to earn 4 here"
    assert short.names == ["da1/dz1"]  # in three chains, named once


def test_of_several_steps_each_number_has_its_own() -> None:
    sheet = parse_sheet(
        "[given]\nx = 2.1\n[parameters]\nw = 0.5\n"
        '[forward]\nz = "w*x"\nE = "z**2 / 2"\n[update]\nloss = "E"\nrate = 0.1\nsteps = 3\n'
        '[rounding]\nfigures = 3\n[answers.forward]\nz = "1.05"\nE = ""\n'
        '[answers.step2.forward]\nz = "0.6"\nE = ""\n[answers.step3.forward]\nz = "0.328"\nE = ""\n'
        '[answers.step3.updated]\nw = ""\n'
    )
    lines = [*feedback_lines(mark(sheet))]
    missing = lines.index("Missing")
    assert lines[missing + 1 : missing + 5] == [
        "  step 1: E",
        "  step 2: E",
        "  step 3: E, the new w",
        "",
    ]
    few = lines.index("Right, but with fewer than the 3 figures that the sheet asks for")
    assert lines[few + 1] == "  step 2: z = 0.6"
