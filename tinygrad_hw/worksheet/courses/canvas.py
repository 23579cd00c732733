"""Marks for Canvas: its gradebook export, with the marks filled in.

How the columns are read is Canvas's own way, as its ``GradebookImporter`` has it: the student's
columns end with "Section"; a row of "Points Possible" says what each assignment is worth.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tinygrad_hw.worksheet.classroom.downloads import CANVAS
from tinygrad_hw.worksheet.classroom.results import Result
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
from tinygrad_hw.worksheet.marking.points import WEIGHTS

_WITH_ID = re.compile(r"(?P<title>.*) \(\d+\)", re.DOTALL)
_NO_STUDENT = re.compile(r"\s*(Muted|Manual Posting.*)?\s*", re.IGNORECASE | re.DOTALL)
_NO_LABEL = ("ID", "Section", "Root Account")


def canvas_gradebook(
    path: Path,
    results: Iterable[Result],
    weights: Mapping[str, float] = WEIGHTS,
    assignment: str = "",
) -> FilledTable:
    """Fill marks into a gradebook that was exported from Canvas.

    Only the cells of one assignment change, and of those only the cells of students whose sheet was
    marked. Points are scaled to the "Points Possible" of the assignment.

    Parameters
    ----------
    path
        The exported gradebook.
    results
        The marked sheets.
    weights
        See ``points``.
    assignment
        The title of the assignment, or a part of it that no other has; needed where the gradebook
        has several.

    Raises
    ------
    RosterError
        If the file is no gradebook of Canvas, or which assignment is meant is not clear.
    """
    roster = read_roster(path)
    first = _first_assignment_column(roster)
    students: list[list[str]] = []
    worth = [""] * len(roster.header)
    for row in roster.rows[1:]:
        if "Points Possible" in row[0] and not students:  # below, it is the name of a student
            worth = row
        elif not all(map(_NO_STUDENT.fullmatch, row)):
            students.append(row)
    column = _assignment_column(roster, first, worth, assignment)
    number = roster.header.index("ID")
    people = [
        Person(row, row[number].strip(), _labels(roster.header[:first], row)) for row in students
    ]
    matching = match_sheets(people, results, path, CANVAS)
    best = read_decimal(worth[column])
    if best is None and worth[column].strip():
        raise RosterError(
            f"{path}: {roster.header[column]} has {worth[column]!r:.40} points possible, which is "
            "no number; export it again"
        )

    def not_assigned(person: Person, _: object) -> str:
        if person.row[column].strip() == "N/A":
            return f"{roster.header[column]} is not assigned to {person.name}, Canvas says"
        return ""

    return fill_in(roster, matching, weights, column, lambda _: best or None, not_assigned)


def _first_assignment_column(roster: Roster) -> int:
    header = roster.header
    if header[0] not in ("Student", "LastName") or "ID" not in header or "Section" not in header:
        raise RosterError(
            f"{roster.path}: is no gradebook of Canvas, which has the columns Student, ID and "
            "Section; export it under Grades, Export"
        )
    return header.index("Section") + 1


def _labels(header: list[str], row: list[str]) -> tuple[str, ...]:
    """Return what a student may be called: the name first, then logins and numbers."""
    labels = [row[place] for place, column in enumerate(header) if column not in _NO_LABEL]
    if header[0] == "LastName":
        labels[:2] = [f"{labels[0]}, {labels[1]}"]
    number = row[header.index("ID")]
    return tuple(label for label in (*labels, number) if label.strip())


def _assignment_column(roster: Roster, first: int, worth: list[str], wanted: str) -> int:
    """Find the column of the assignment that is meant."""
    titles = {
        column: match["title"]
        for column, name in enumerate(roster.header)
        if column >= first
        and (match := _WITH_ID.fullmatch(name))
        and "read only" not in worth[column].lower()
    }
    name = wanted.strip().casefold()
    exact = [
        column
        for column, title in titles.items()
        if name in (title.casefold(), roster.header[column].casefold())
    ]
    columns = exact or [column for column, title in titles.items() if name in title.casefold()]
    if len(columns) == 1:
        return columns[0]
    found = ", ".join(repr(title) for title in titles.values()) or "none"
    what = (
        f"{len(columns)} assignments called {wanted!r}" if wanted else f"{len(titles)} assignments"
    )
    raise RosterError(f"{roster.path}: has {what}; give --assignment as one of {found:.500}")
