"""What a sheet asks, in words: all that a student needs is there, and nothing of the answers."""

from __future__ import annotations

import re

from tinygrad_hw.worksheet import parse_sheet
from tinygrad_hw.worksheet.feedback.interactive_page import sheet_page
from tinygrad_hw.worksheet.feedback.statement import problem

ONE = """
[given]
x = 2
[parameters]
w = 0.5
b = -0.25
[forward]
z = "w*x + b"
E = "(1 - z)**2"
[define]
delta = "-dE/dz"
[update]
loss = "E"
rate = 0.1
[rounding]
decimals = 3
"""
SEVERAL = """
title = "Two examples"
[parameters]
w = 3
[[examples]]
x = 2
[[examples]]
x = 5
[forward]
E = "(w*x - 1)**2"
[update]
loss = "E"
rate = 0.1
steps = 2
momentum = 0.9
"""


def lines(sheet: str) -> list[str]:
    """The paragraphs and the items of a list, without their tags."""
    found = re.findall(r"<(?:p|li)>(.*?)</(?:p|li)>", problem(parse_sheet(sheet)))
    return [re.sub("<[^>]*>", "", line).replace("\u00a0", " ") for line in found]


def test_it_says_what_is_given_how_to_compute_and_how_to_round() -> None:
    assert lines(ONE) == [
        "Given: x = 2, learning rate 0.1.",
        "Parameters: w = 0.5, b = −0.25.",
        "z = w · x + b",
        "E = (1 − z)2",
        "δ = −dE/dz",
        "new w = w − 0.1 · dE/dw, and so for every parameter.",
        "Work with and give 3 decimals.",
    ]


def test_each_step_has_its_example_and_momentum_its_rule() -> None:
    assert lines(SEVERAL) == [
        "Given: learning rate 0.1, momentum 0.9.",
        "Parameters: w = 3.",
        "Step 1: x = 2.",
        "Step 2: x = 5.",
        "E = (w · x − 1)2",
        "new w = w − 0.1 · dE/dw + 0.9 · (w − w before) from the second step on.",
        "Work with and give 4 significant figures.",
    ]


def test_without_an_update_none_is_told() -> None:
    text = re.sub(r"\[update\].*?(?=\[rounding)", "", ONE, flags=re.S)
    assert not any("new" in line or "rate" in line for line in lines(text))


def test_the_page_states_the_problem_and_which_step_is_drawn() -> None:
    page = sheet_page(parse_sheet(SEVERAL))
    assert problem(parse_sheet(SEVERAL)) in page
    assert "<h1>Two examples · step 1 of 2</h1>" in page
    assert "step 1 of" not in sheet_page(parse_sheet(ONE))
