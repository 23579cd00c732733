"""Names and labels as text."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_hw.formatting import (
    display_width,
    natural_sort_key,
    printable,
    shorten,
    spreadsheet_cell,
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("w7", "w7"),
        ("  two\n lines\t", "two lines"),
        ("e\u0301", "é"),  # a letter and its accent are one character
        ("a\x1b[31m", "a\N{REPLACEMENT CHARACTER}[31m"),
        ("\u202eright to left", "\N{REPLACEMENT CHARACTER}right to left"),
    ],
)
def test_a_label_is_one_line_of_printable_characters(text: str, line: str) -> None:
    assert printable(text) == line


def test_a_long_name_loses_its_middle() -> None:
    assert shorten("a" * 32) == "a" * 32
    assert shorten("a" * 20 + "b" * 20) == "a" * 18 + "…" + "b" * 13


def test_numbers_in_names_are_sorted_as_numbers() -> None:
    names = ["w10", "b", "w2", "w", "x1y10", "x1y9"]
    assert sorted(names, key=natural_sort_key) == ["b", "w", "w2", "w10", "x1y9", "x1y10"]


def test_the_width_of_a_text_is_counted_in_columns() -> None:
    assert [display_width(text) for text in ("w7", "权重", "x\u0304")] == [2, 4, 1]


PIECES = [
    "=1+1",
    "-1",
    "@x",
    "+2",
    "＝3",
    "＋",
    "－",
    "＠",
    "a",
    " ",
    ";",
    ",",
    "|",
    "\t",
    '"',
    "'",
    "\n",
    "\r",
    "\u2028",
    "\x0b",
]


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.sampled_from(";,\t|"))
def test_no_part_of_a_cell_is_a_formula_at_whatever_it_is_split(text: str, separator: str) -> None:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(["name", spreadsheet_cell(text)])
    for line in file.getvalue().splitlines():
        for cell in [*line.split(separator), *next(csv.reader([line], delimiter=separator))]:
            assert not re.match(r"[\s\"]*[=+\-@＝＋－＠]", cell), (text, cell)


def test_a_cell_is_no_longer_than_excel_s() -> None:
    assert spreadsheet_cell("a" * 99_999) == "a" * 32_767
