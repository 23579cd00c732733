"""Marks for Moodle: the grading worksheet of an assignment, with marks and comments filled in."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tinygrad_hw.formatting import FORMULA_SIGNS
from tinygrad_hw.worksheet.classroom.downloads import MOODLE
from tinygrad_hw.worksheet.classroom.results import Result
from tinygrad_hw.worksheet.courses.remark import lines_for_student
from tinygrad_hw.worksheet.courses.roster import (
    FilledTable,
    Person,
    Roster,
    RosterError,
    fill_in,
    match_sheets,
    read_decimal,
    read_roster,
)
from tinygrad_hw.worksheet.feedback.text import ANSWER
from tinygrad_hw.worksheet.marking.points import WEIGHTS, points, points_text

NEEDED = ("Identifier", "Grade", "Last modified (grade)")  # without which Moodle reads nothing
# Signs in a row, since each that is written as &#61; ends in a semicolon.
_FORMULA = re.compile(rf"(?:^|(?<=[;,|]))(?:\s*[{FORMULA_SIGNS}])+")


def moodle_worksheet(
    path: Path,
    results: Iterable[Result],
    weights: Mapping[str, float] = WEIGHTS,
    hints: int = ANSWER,
) -> FilledTable:
    """Fill marks and comments into a grading worksheet that was downloaded from Moodle.

    Points are scaled to the "Maximum grade". Where the worksheet has a column of "Feedback
    comments", the feedback of the sheet is put there. Nothing else changes, but that a worksheet
    which Excel has saved with semicolons gets its commas back: Moodle reads no other.

    Parameters
    ----------
    path
        The downloaded worksheet.
    results
        The marked sheets.
    weights
        See ``points``.
    hints
        How much the comments give away; see ``feedback_lines``.

    Raises
    ------
    RosterError
        If the file is no grading worksheet of Moodle.
    """
    roster = read_roster(path)
    roster.delimiter = ","
    columns = _columns(roster)
    comments, may_change = columns.get("feedback comments"), columns.get("grade can be changed")
    most = columns.get("maximum grade")

    def comment(person: Person, own: Sequence[Result]) -> str:
        if may_change is not None and person.row[may_change].strip() == "No":
            return f"the grade of {person.name} cannot be changed, Moodle says"
        if comments is not None:
            lines: list[str] = []
            for result in own:
                if result.marks:
                    total = points_text(*points(result.marks, weights))
                    lines += [""] * bool(lines)
                    lines += lines_for_student(result.marks, hints, total, result.changes)
            person.row[comments] = comment_html(lines)
        return ""

    students = [row for row in roster.rows[1:] if any(map(str.strip, row))]
    people = [_person(roster.header, columns, row) for row in students]
    matching = match_sheets(people, results, path, MOODLE)
    return fill_in(
        roster,
        matching,
        weights,
        columns["grade"],
        lambda row: None if most is None else read_decimal(row[most]),
        comment,
    )


def _columns(roster: Roster) -> dict[str, int]:
    """Return the places of the columns, by their names in small letters."""
    columns = {name.strip().lower(): place for place, name in enumerate(roster.header)}
    missing = [name for name in NEEDED if name.lower() not in columns]
    if missing:
        raise RosterError(
            f"{roster.path}: is no grading worksheet of Moodle in English: it has no column "
            f"{missing[0]!r}; switch Moodle to English, then Download grading worksheet"
        )
    if "scale" in columns and "maximum grade" not in columns:
        raise RosterError(
            f"{roster.path}: its grades are words of a scale; have the assignment graded in points"
        )
    return columns


def _person(header: list[str], columns: Mapping[str, int], row: list[str]) -> Person:
    """Return the person of a row: all columns before the status are names and numbers."""
    last = min(columns["grade"], columns.get("status", len(header)))
    labels = [cell.strip() for cell in row[:last] if cell.strip()]
    identifier = row[columns["identifier"]].strip()
    if identifier in labels:  # "Participant 1234": last, so that a name comes first if there is one
        labels.remove(identifier)
    number = re.search(r"\d+$", identifier)
    return Person(row, number[0] if number else "", (*labels, identifier))


def comment_html(lines: Iterable[str]) -> str:
    """Return lines of text as HTML on one line, of which no spreadsheet takes a part for a formula.

    Nor has it a quotation mark or a backslash, which end a cell sooner for PHP than for others.

    >>> comment_html(["-1 < 0", "  a; =1+1"])
    '&#45;1 &lt; 0<br>a; &#61;1+1'
    """
    text = "<br>".join(html.escape(line.strip()) for line in lines)
    text = " ".join(text.removesuffix("<br>").replace("\\", "&#92;").split())
    return _FORMULA.sub(
        lambda found: re.sub(r"\S", lambda sign: f"&#{ord(sign[0])};", found[0]), text
    )
