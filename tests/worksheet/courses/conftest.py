"""Marked sheets of a small class."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tinygrad_hw.worksheet import Result, Submission, mark, parse_sheet
from tinygrad_hw.worksheet.classroom.downloads import owner_of

TEXT = """\
title = "One neuron"
student = "{student}"
[given]
x = 2
problem = {problem}
[parameters]
w = 0.5
[forward]
z = "w*x"
E = "(z - 3)**2"
[update]
loss = "E"
rate = 0.1
[answers.forward]
z = "1"
E = "{loss}"
[answers.partials."dE/dw"]
value = "-8"
[answers.updated]
w = "1.3"
"""

Hand = Callable[..., Result]


@pytest.fixture
def hand_in() -> Hand:
    """Mark a sheet of four numbers, of which the loss, 4, is as it is written.

    Sheets with other numbers for ``problem`` are of other problems.
    """

    def marked(file: str, student: str = "", loss: str = "4", problem: int = 1) -> Result:
        text = TEXT.format(student=student, loss=loss, problem=problem)
        submission = Submission(file, file, Path(file), owner_of(file.split("/"), {}), None)
        return Result(submission, mark(parse_sheet(text, file)))

    return marked
