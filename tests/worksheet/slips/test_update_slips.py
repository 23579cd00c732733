"""Slips of the update, worked out by hand: of w², from 1, at the rate 0.1 with the momentum 0.5."""

import pytest

from tinygrad_hw.worksheet.marking.mark_sheet import mark
from tinygrad_hw.worksheet.sheet.reader import parse_sheet

TWO_STEPS = """
[parameters]
w = 1
[forward]
E = "w**2"
[update]
loss = "E"
rate = 0.1
momentum = 0.5
steps = 2
[answers.partials."dE/dw"]
value = "2"
[answers.updated]
w = "0.8"
[answers.step2.partials."dE/dw"]
value = "1.6"
[answers.step2.updated]
w = "%s"
"""  # 0.8 - 0.1 · 1.6 + 0.5 · (0.8 - 1) is 0.54


def test_the_right_one() -> None:
    assert mark(parse_sheet(TWO_STEPS % "0.54")).summary["exact"] == 4


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("0.64", "the momentum is not in it"),
        ("0.74", "the change before was subtracted, not added"),
        ("0.63", "the change before was multiplied by the rate, too"),
    ],
)
def test_a_momentum_that_is_confused(written: str, says: str) -> None:
    item = mark(parse_sheet(TWO_STEPS % written)).items[-1]
    assert (item.verdict, item.slip) == ("wrong", "momentum-forgotten")
    assert says in item.explanation


@pytest.mark.parametrize(
    ("written", "slip", "says"),
    [
        ("2", "change-alone", "dE/dw itself"),
        ("0.2", "change-alone", "only the change"),
        ("-1", "rate-forgotten", "not multiplied by the rate."),
        ("3", "rate-forgotten", "not multiplied by the rate, and added"),
        ("0.6", "other-rate", "the rate 0.2 in place of 0.1"),
        ("0.9", "other-rate", "the rate 0.05 in place of 0.1"),
        ("0.98", "zero", "the change is 1 place too far to the right"),
    ],
)
def test_a_first_update_that_is_confused(written: str, slip: str, says: str) -> None:
    text = (TWO_STEPS % "").replace('w = "0.8"', f'w = "{written}"')
    (item,) = (x for x in mark(parse_sheet(text)).items if x.part == "updated" and x.step == 1)
    assert item.verdict == "wrong"
    assert slip in item.candidates
    assert says in item.explanation
