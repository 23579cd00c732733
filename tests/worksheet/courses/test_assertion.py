"""An assertion on marks: what Otter-Grader and nbgrader make of it."""

from pathlib import Path

import numpy as np
import pytest

from tinygrad_hw import Value
from tinygrad_hw.errors import InputError
from tinygrad_hw.worksheet import MarksLostError, assert_marked, parse_sheet

SHEET = """
[given]
x = 2
[parameters]
w = 0.5
[forward]
z = "w*x"
E = "(z - 3)**2"
[update]
loss = "E"
rate = 0.1
[answers.forward]
z = ""
E = ""
[answers.partials."dE/dw"]
value = ""
[answers.updated]
w = ""
"""
RIGHT = {"z": 1.0, "E": "4", "dE/dw": "-8", "w": 1.3}


def test_all_right_gives_the_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sheet.toml"
    file.write_text(SHEET)
    assert assert_marked(file, RIGHT) == 4
    assert assert_marked(str(file), RIGHT, worth=10) == 10
    assert assert_marked(parse_sheet(SHEET), RIGHT, only=["dE/dw", "w"]) == 2
    assert capsys.readouterr().out == ""


def test_lost_marks_raise_and_say_what_was_earned() -> None:
    with pytest.raises(MarksLostError) as caught:
        assert_marked(parse_sheet(SHEET), {"z": "1", "E": "5.7", "dE/dw": "-8"})
    assert isinstance(caught.value, AssertionError)
    assert (caught.value.earned, caught.value.possible) == (2, 4)
    assert str(caught.value) == "E: 5.7: Work it out again.\nthe new w: missing\nPoints: 2 of 4."
    assert [item.verdict for item in caught.value.marks.items] == [
        "exact",
        "wrong",
        "exact",
        "missing",
    ]


def test_partial_credit_is_returned_and_the_feedback_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sheet = parse_sheet(SHEET)
    assert assert_marked(sheet, {**RIGHT, "E": "five"}, worth=10, hints=3) == 7.5
    assert capsys.readouterr().out == "E: 'five' is not a number\nPoints: 3 of 4.\n"
    assert assert_marked(sheet, {**RIGHT, "dE/dw": "8"}, worth=8, hints=1) == 7
    assert capsys.readouterr().out == "Look at the signs.\nPoints: 3.5 of 4.\n"
    with pytest.raises(MarksLostError):  # nothing is right
        assert_marked(sheet, {"E": "5.7"}, worth=10)


def test_what_counts_alone_decides() -> None:
    sheet = parse_sheet(SHEET)
    assert assert_marked(sheet, {"z": "1"}, only=["z"]) == 1
    with pytest.raises(MarksLostError, match=r"^E: missing\nPoints: 0 of 1\.$"):
        assert_marked(sheet, {"z": "1"}, only=["E"])


@pytest.mark.parametrize(
    ("answers", "only", "message"),
    [
        ({"q": "1"}, (), "^sheet: 'q' is not asked for in this sheet"),
        ({"dE/dq": "1"}, (), "^sheet: 'dE/dq' is not asked for in this sheet"),
        ({"dE/dE": "1"}, (), "^sheet: 'dE/dE' is not asked for in this sheet"),
        ({"E/w": "1"}, (), "^sheet: 'E/w' is not asked for in this sheet"),
        (RIGHT, ("q",), "sheet: q is not asked for; asked for are z, E, dE/dw, w"),
    ],
)
def test_a_name_that_is_none_is_said(
    answers: dict[str, str], only: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        assert_marked(parse_sheet(SHEET), answers, only=only)


VECTORS = """
[given]
x = [0.1, 0.2]
[parameters]
w = 0.7
[forward]
z = "w*x"
E = "sum(z)**2"
"""


@pytest.mark.parametrize(
    "answers",
    [
        {"z": ["0.07", 0.14]},
        {"z": np.array([0.07, 0.14], np.float32)},
        {"z": [Value(0.07), Value(np.float32(0.14))]},
        {"z": Value(np.array([0.07, 0.14]))},
        {"z[1]": np.float32(0.07), "z_2": 0.14},
    ],
    ids=["list", "float32", "Values", "a Value", "elements"],
)
def test_a_vector_is_answered_by_an_array_or_by_element(answers: dict[str, object]) -> None:
    assert assert_marked(parse_sheet(VECTORS), answers, only=["z"]) == 2
    assert assert_marked(parse_sheet(VECTORS), answers, only=["z[2]"]) == 1


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"z": ["0.07"]}, "sheet: z: numbers asked for 2, given 1"),
        ({"E": [1, 2]}, "sheet: E: numbers asked for 1, given 2"),
        ({"E": None}, "E = None is no number; give one, or its text"),
    ],
)
def test_what_is_no_number_or_too_few_is_said(answers: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        assert_marked(parse_sheet(VECTORS), answers)


def test_what_a_sheet_defines_is_answered_by_its_name() -> None:
    sheet = parse_sheet(SHEET.replace("[update]", '[define]\ndelta = "-dE/dz"\n[update]'))
    assert assert_marked(sheet, {"delta": "4"}, only=["delta"]) == 1
    with pytest.raises(MarksLostError):
        assert_marked(sheet, {"delta": "-4"}, only=["delta"])
