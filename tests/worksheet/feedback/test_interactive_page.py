"""The page of a sheet: the fields that its form has, and what they are called."""

from __future__ import annotations

import html
import re

from tinygrad_hw.worksheet import parse_sheet
from tinygrad_hw.worksheet.feedback.interactive_page import sheet_page

TWO_PATHS = """
[given]
x = 2
[parameters]
w = 0.5
[forward]
p = "w*x"
q = "w**2"
E = "p*q"
[update]
loss = "E"
rate = 0.1
"""


def fields(page: str) -> list[str]:
    """What a screen reader says of each field of the form, in their order."""
    form = page[page.index("<form") : page.index("</form>")]
    return [html.unescape(name) for name in re.findall(r'<input [^>]*aria-label="([^"]*)"', form)]


def test_factors_of_several_paths_are_told_apart_and_the_sum_has_a_field() -> None:
    assert fields(sheet_page(parse_sheet(TWO_PATHS))) == [
        "Forward: p",
        "Forward: q",
        "Forward: E",
        "dE/dw, path 1 of 2: dE/dp",
        "dE/dw, path 1 of 2: dp/dw",
        "dE/dw, path 2 of 2: dE/dq",
        "dE/dw, path 2 of 2: dq/dw",
        "dE/dw, the sum: dE/dw",
        "Updated: w",
        "New values: w",
    ]


def test_one_path_and_its_value_are_one_group() -> None:
    sheet = TWO_PATHS.replace('E = "p*q"', 'E = "p**2"').replace('q = "w**2"\n', "")
    assert fields(sheet_page(parse_sheet(sheet)))[2:5] == [
        "dE/dw: dE/dp",
        "dE/dw: dp/dw",
        "dE/dw: dE/dw",
    ]


def test_a_partial_without_factors_has_its_value_alone() -> None:
    asked = TWO_PATHS + '[answers.partials."dE/dw"]\nvalue = ""\n'
    assert fields(sheet_page(parse_sheet(asked))) == ["dE/dw: dE/dw"]
