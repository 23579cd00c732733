"""Points: every number counts, by where it stands and how it was judged."""

import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import mark, parse_sheet, read_sheet
from tinygrad_hw.worksheet.marking.points import (
    WEIGHTS,
    WeightError,
    points,
    points_text,
    read_weights,
)

NEURON = """
[given]
x = 2
y = 1
[parameters]
w = 0.5
b = -0.3
[forward]
z = "w*x + b"
a = "sigmoid(z)"
E = "(y - a)**2 / 2"
[update]
loss = "E"
rate = 0.5
[answers.forward]
z = "0.7"
a = "0.6628"
E = ""
[answers.updated]
w = "9.9"
"""  # z is exact, a has two digits swapped, E is missing, and no slip makes 9.9


def test_a_number_earns_its_part_s_weight_times_its_verdict_s_share() -> None:
    marks = mark(parse_sheet(NEURON))
    assert [item.verdict for item in marks.items] == ["exact", "wrong", "missing", "wrong"]
    assert points(marks) == (1.5, 4.0)  # 1 + 0.5 for a slip that is known + 0 + 0
    assert points(marks, read_weights("slip=0")) == (1.0, 4.0)
    assert points(marks, read_weights("forward=2, updated=4")) == (3.0, 10.0)
    assert points(marks, read_weights("missing=1,wrong=0.25,slip=0.25")) == (2.5, 4.0)


def test_a_right_number_that_lacks_figures_earns_what_the_teacher_says() -> None:
    short = NEURON.replace("[answers.forward]", "[rounding]\nfigures = 4\n[answers.forward]", 1)
    marks = mark(parse_sheet(short.replace("0.6628", "0.67").replace("9.9", "")))
    assert [item.note for item in marks.items] == ["", "figures", "", ""]  # 0.7 is 0.7000
    assert marks.items[1].explanation == "a = 0.67 shows 2 of 4 figures asked for."
    assert points(marks) == (1.5, 4.0)
    assert points(marks, read_weights("figures=0.8")) == (1.8, 4.0)
    assert points(marks, read_weights("figures=0.8,exact=0.5")) == (0.9, 4.0)


def test_a_sheet_without_a_slip_earns_everything() -> None:
    marks = mark(read_sheet(sheet_path("q1b")))
    assert points(marks) == (52, 52)
    assert points(marks, read_weights("repeated=1")) == (91, 91)


def test_weights_that_are_not_named_stay_as_they_are() -> None:
    assert read_weights("") == WEIGHTS
    assert read_weights(" factor = 0.5 ,") == {**WEIGHTS, "factor": 0.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("factors=1", "'factors=1' sets no weight; write one of forward, factor"),
        ("factor", "'factor' is no weight; give a number from 0 to 1000"),
        ("factor=-1", "'factor=-1' is no weight"),
        ("factor=nan", "'factor=nan' is no weight"),
        ("factor=1e9", "'factor=1e9' is no weight"),
        ("factor=x", "'factor=x' is no weight"),
        ("slip=2", "'slip=2' is no weight; give a number from 0 to 1"),
    ],
)
def test_weights_that_make_no_sense_are_refused(text: str, message: str) -> None:
    with pytest.raises(WeightError, match=message):
        read_weights(text)


def test_points_are_written_without_needless_digits() -> None:
    assert points_text(99.5, 104) == "99.5 of 104"
    assert points_text(1 / 3, 1234567.25) == "0.33 of 1234567.25"
