"""The marks of a class: one broken file never stops the rest."""

import csv
import io
import random
import re
from pathlib import Path
from types import ModuleType

import pytest

from tinygrad_hw.worksheet import class_lines, handed_in, mark_all, marks_table, parse_sheet
from tinygrad_hw.worksheet.classroom.results import Result
from tinygrad_hw.worksheet.classroom.summary import COLUMNS, slips_of


def marked(folder: Path) -> list[Result]:
    return list(mark_all(handed_in([folder]).submissions))


@pytest.fixture
def folder(tmp_path: Path, students: ModuleType) -> Path:
    text, _ = students.honest(random.Random(1), sizes="2-2-1", leave_out=0)
    (tmp_path / "b.toml").write_text(text.replace('"simulated"', '"Number 7"'), "utf-8")
    slipped, _ = students.planted(random.Random(3), kind="gradient_added", sizes="2-2-1")
    (tmp_path / "c.toml").write_text(slipped.replace('"simulated"', '"=1+1"'), "utf-8")
    (tmp_path / "a.toml").write_text("[given", "utf-8")
    (tmp_path / "d.toml").write_bytes(b'title = "\xe9"')
    (tmp_path / "notes.txt").write_text("not a sheet")
    return tmp_path


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(marks_table(marked(folder)))))


def test_a_line_for_each_file_by_name(folder: Path) -> None:
    assert [row["file"] for row in rows(folder)] == ["a.toml", "b.toml", "c.toml", "d.toml"]
    assert tuple(rows(folder)[0]) == COLUMNS


def test_a_broken_file_is_told_of_and_the_rest_goes_on(folder: Path) -> None:
    a, b, _, d = rows(folder)
    assert "a.toml: is not TOML" in a["error"]
    assert "d.toml, line 1: byte 9 is not UTF-8" in d["error"]
    assert a["points"] == a["wrong"] == ""
    assert (b["student"], b["percent"], b["wrong"], b["error"]) == ("Number 7", "100.0", "0", "")
    assert b["points"] == b["of"]


def test_slips_are_counted_and_a_label_is_no_formula(folder: Path) -> None:
    c = rows(folder)[2]
    assert c["slips"] == "ascent 1"
    assert c["wrong"] == "1"
    assert c["student"] == "'=1+1"  # else a spreadsheet would compute it


@pytest.mark.parametrize("name", ["=1+1.toml", "a;=1+1.toml", "a\n=1+1.toml", 'a;"=1+1".toml'])
def test_a_file_name_is_no_formula(tmp_path: Path, name: str) -> None:
    """Nor is what the error says of it, also where a spreadsheet splits the file at semicolons."""
    (tmp_path / name).write_text("=")
    table = marks_table(marked(tmp_path))
    assert len(table.splitlines()) == 2
    for cells in (table.splitlines()[1].split(";"), table.splitlines()[1].split(",")):
        assert not [cell for cell in cells if re.match(r"[\s\"]*[=+\-@]", cell)]


def test_the_class_is_summed_up(folder: Path) -> None:
    results = marked(folder)
    assert slips_of(results) == {"ascent": 1}
    lines = list(class_lines(results))
    assert lines[0] == "2 of 4 sheets marked"
    assert lines[1].startswith("Points: mean ")
    assert "  ascent: on 1 sheet, 1 in all" in lines
    assert lines[-3] == "Not marked"


def test_a_file_name_cannot_move_the_cursor_of_a_terminal(folder: Path) -> None:
    sheet = (folder / "b.toml").read_text()
    for name in ("one\x1b[2J.toml", "two\n\r.toml", "three\x1b.pdf", "four\x1b.toml"):
        (folder / name).write_text(sheet if name[0] != "f" else "=")
    found = handed_in([folder])
    handed_out = parse_sheet(sheet.replace("x1 = ", "x1 = 1"))
    results = list(mark_all(found.submissions, [handed_out]))
    lines = list(class_lines(results, passed_over=found.passed_over))
    assert sum("one" in line for line in lines) > 1
    assert all(line.isprintable() for line in lines)
