"""What a notebook shows of sheets, solutions and marks: a table for each, and text beside it."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import exercise, key, mark, parse_sheet, read_sheet, sheet_text, solve


def tables(thing: Any) -> tuple[str, list[tuple[str, list[list[str]]]]]:
    """The text, and each table as its caption and its rows."""
    bundle = thing._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/plain", "text/html"}
    assert "object at 0x" not in bundle["text/plain"]
    root = ElementTree.fromstring(f"<div>{bundle['text/html']}</div>")
    found = [
        (
            "".join(next(table.iter("caption")).itertext()),
            [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")],
        )
        for table in root.iter("table")
    ]
    return bundle["text/plain"], found


def test_a_sheet_is_a_table_of_its_numbers_and_formulas() -> None:
    sheet = read_sheet(sheet_path("q1a"))
    text, [(caption, [head, *rows])] = tables(sheet)
    assert parse_sheet(text, "q1a").parameters == sheet.parameters
    assert (caption, head) == (sheet.title, ["Name", "", "Value"])
    assert rows[0] == ["x1", "given", "6"]
    assert ["w7", "parameter", "1"] in rows
    assert ["a4", "formula", "sigmoid(z4)"] in rows
    assert len(rows) == len(sheet.given) + len(sheet.parameters) + len(sheet.forward)


def test_text_is_aligned_to_the_left_and_numbers_as_notebooks_have_them() -> None:
    """A notebook aligns every cell to the right, which makes sentences hard to read."""
    sheet = read_sheet(sheet_path("q1a"))
    for thing, left in ((sheet, ["Name", "Value"]), (mark(sheet), ["Number", "Mark", "Why"])):
        html = thing._repr_mimebundle_()["text/html"]
        assert re.findall(r'<th scope="col" style="text-align: left">(\w+)<', html) == left
        for row in re.findall("<tr>.*?</tr>", html):
            assert [*re.findall("text-align: left", row)] == ["text-align: left"] * 3
    assert "✗\N{NO-BREAK SPACE}wrong" in mark(sheet)._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("steps", [1, 2])
def test_a_solution_is_a_table_forward_and_one_backward_for_each_step(steps: int) -> None:
    sheet = exercise("2-2-1", seed=1, steps=steps)
    _, found = tables(solve(sheet))
    assert len(found) == 2 * steps
    old = sheet.parameters
    for forward, backward in zip(found[::2], found[1::2], strict=True):
        values = sheet.given | old
        for name, formula, value in forward[1][1:]:  # in plain floats, by Python's own eval
            named = {"sigmoid": lambda z: 1 / (1 + math.exp(-z))} | values
            values[name] = eval(formula.replace("^", "**"), {}, named)
            assert float(value) == pytest.approx(values[name], rel=1e-3)
        assert [row[0] for row in backward[1][1:]] == list(old)
        for _, before, slope, new in backward[1][1:]:
            assert float(new) == pytest.approx(
                float(before) - sheet.rate * float(slope), rel=2e-3, abs=1e-4
            )
        old = {name: float(new) for name, _, _, new in backward[1][1:]}


def test_a_solution_without_an_update_has_no_column_for_it() -> None:
    solution = solve(dataclasses.replace(exercise("2-2-1", seed=1), rate=None))
    _, [_, (_, [head, *rows])] = tables(solution)
    assert head == ["Name", "Value", "dE/d…"]
    assert {len(row) for row in rows} == {3}


def test_marks_are_a_table_with_a_row_for_each_number() -> None:
    marks = mark(read_sheet(sheet_path("q1a")))
    text, [(caption, [head, *rows])] = tables(marks)
    assert head == ["Number", "Written", "Right", "Mark", "Why"]
    assert [row[1] for row in rows] == [item.printed for item in marks.items]
    assert [row[3].split()[-1] for row in rows] == [item.verdict for item in marks.items]
    assert text.splitlines()[-1] in caption
    assert "92 of 104 right" in caption


def test_names_are_only_text() -> None:
    sheet = key(exercise("2-2-1", seed=2))
    hostile = dataclasses.replace(sheet, title="<script>alert(1)</script>", student="<b>&")
    for thing in (hostile, solve(hostile), mark(hostile)):
        text, _ = tables(thing)  # which would not be read with markup in it
        assert text
    assert sheet_text(hostile) == tables(hostile)[0]
