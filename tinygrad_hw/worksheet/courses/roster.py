"""The table of students that a course system gives out, and which sheet is whose."""

from __future__ import annotations

import codecs
import csv
import io
import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygrad_hw.errors import InputError
from tinygrad_hw.formatting import printable, shorten
from tinygrad_hw.worksheet.classroom.downloads import GRADESCOPE, MOODLE
from tinygrad_hw.worksheet.classroom.results import Result
from tinygrad_hw.worksheet.courses.together import work_of, worth_of_problems

LARGEST = 20_000_000  # bytes; a table of 10,000 students with their feedback
DECIMALS = 2  # as many as Canvas and Moodle keep and show


class RosterError(InputError):
    """The error of a file that is not the table of students that it should be."""


@dataclass(slots=True)
class Roster:
    """A table as it was read; written again, all that was not filled in is what it was.

    Attributes
    ----------
    path
        The file, for messages.
    rows
        Its cells; the first row is the header. A short row is as long as the header.
    delimiter, has_byte_order_mark, line_end
        How to write it: as it was, but a table of tabs or in UTF-16, which no course system reads,
        becomes one of commas in UTF-8.
    """

    path: Path
    rows: list[list[str]]
    delimiter: str
    has_byte_order_mark: bool
    line_end: str

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        return self.rows[0]

    def to_bytes(self) -> bytes:
        """Write the table, with its byte order mark, delimiter and line ends."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter, lineterminator=self.line_end).writerows(
            self.rows
        )
        return text.getvalue().encode("utf-8-sig" if self.has_byte_order_mark else "utf-8")

    def number(self, x: float) -> str:
        """Write a number with the decimal sign that goes with the delimiter."""
        text = f"{x:.{DECIMALS}f}"
        return text.replace(".", ",") if self.delimiter == ";" else text


def read_roster(path: Path) -> Roster:
    """Read a table of students: CSV in UTF-8 or Excel's UTF-16, of commas, semicolons or tabs.

    Raises
    ------
    RosterError
        If it cannot be read, is too large, or is not a table.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise RosterError(f"{path}: {error.strerror or error}; give the exported table") from None
    if len(content) > LARGEST:
        raise RosterError(f"{path}: is larger than {LARGEST:,} bytes; give a table of students")
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise RosterError(
            f"{path}: byte {error.start + 1} is not {'UTF-16' if is_utf_16 else 'UTF-8'}; give the "
            "file as it was exported, or save it in Excel as CSV UTF-8"
        ) from None
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = list(filter(None, reader))
    except csv.Error as error:
        raise RosterError(f"{path}, line {reader.line_num}: is not CSV: {error}") from None
    if not rows:
        raise RosterError(f"{path}: is empty; give the exported table")
    rows = [row + [""] * (len(rows[0]) - len(row)) for row in rows]
    line_end = "\r\n" if first_line.endswith("\r") else "\n"
    has_byte_order_mark = is_utf_16 or content.startswith(codecs.BOM_UTF8)
    return Roster(path, rows, delimiter.replace("\t", ","), has_byte_order_mark, line_end)


# --- Which sheet is whose -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """A student of a table.

    Attributes
    ----------
    row
        The student's row, to be filled in.
    number
        The number under which the course system knows them.
    labels
        What a sheet may call them: their name, their login, their number at the university.
    """

    row: list[str]
    number: str
    labels: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first label, for messages."""
        return shorten(printable(self.labels[0])) if self.labels else f"no. {self.number}"


@dataclass(frozen=True, slots=True)
class Matching:
    """Which results are whose.

    Attributes
    ----------
    found
        Each person who has handed in something, with its results.
    others
        Those who have not.
    problems
        A line for each sheet that is nobody's, or may be that of several.
    """

    found: list[tuple[Person, list[Result]]]
    others: list[Person]
    problems: list[str]


def match_sheets(
    people: Sequence[Person], results: Iterable[Result], roster: Path, system: str
) -> Matching:
    """Find the person of each sheet.

    The number in the name of a file that the same course system has named comes first; with Moodle,
    beside a name that may be that student's, since groups have numbers, too. Then come the number
    of the student with Gradescope, the ``student`` of the sheet, and the name of the file.
    Capitals, commas and the order of a name's words do not matter, so that "Noether, Emmy" is "Emmy
    Noether".

    Parameters
    ----------
    people
        The students of the table.
    results
        The results of the sheets.
    roster
        The table's file, for messages.
    system
        The course system whose table it is, as ``Owner`` has it.
    """
    by_number = {person.number: person for person in people if person.number}
    by_label: dict[tuple[str, ...], dict[int, Person]] = {}
    for person in people:
        for words in filter(None, map(_words, person.labels)):
            by_label.setdefault(words, {})[id(person)] = person
    sheets: dict[int, list[Result]] = {}
    problems = []
    for result in results:
        owner = result.submission.owner
        is_known = owner.system == system and owner.identifier in by_number
        whose = [by_number[owner.identifier]] if is_known else []
        if whose and system == MOODLE and not _may_be_called(whose[0], owner.name):
            problems.append(
                f"{result.submission.where}: is of {owner.name:.60}, and its number "
                f"{owner.identifier} is that of {whose[0].name}; "
                "rename it to a login of its student"
            )
            continue
        for label in () if whose else _labels(result):
            whose = whose or list(by_label.get(_words(label), {}).values())
        if len(whose) == 1:
            sheets.setdefault(id(whose[0]), []).append(result)
            continue
        whom = f"{len(whose)} students" if whose else "no student"
        problems.append(
            f"{result.submission.where}: {result.student or result.submission.stem:.60} is {whom} "
            f"of {roster.name}; write a login or a number of it as student"
        )
    found = [(person, sheets[id(person)]) for person in people if id(person) in sheets]
    return Matching(found, [person for person in people if id(person) not in sheets], problems)


def _labels(result: Result) -> Iterator[str]:
    owner = result.submission.owner
    if owner.system == GRADESCOPE:
        yield owner.identifier
    yield result.student
    yield result.submission.stem


def _may_be_called(person: Person, name: str) -> bool:
    """Return whether a name in a download, which lacks commas and spaces, has one of the person's.

    Only a name that has nothing of theirs is not theirs; a table for blind marking has no names.
    """
    words = [
        word
        for label in person.labels
        if "@" not in label and person.number not in (found := _words(label))
        for word in found
    ]
    long = [word for word in words if len(word) > 2] or words
    return not (name and words) or any(word in _folded(name) for word in long)


def _words(label: str) -> tuple[str, ...]:
    """Return the words of a label, in an order of their own: runs of letters, marks and numbers."""
    text = _folded(label)
    spaced = (char if unicodedata.category(char)[0] in "LMN" else " " for char in text)
    return tuple(sorted("".join(spaced).split()))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


# --- What was filled in ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FilledTable:
    """A table of students with marks.

    Attributes
    ----------
    content
        The file, to be given back to the course system.
    filled, replaced, incomplete
        The names of those who have a mark now, of those of them who had another before, and of
        those who lack a sheet of one of the class's problems.
    left
        The names of those whose row is as it was.
    problems
        A line for each sheet whose marks are not in the table.
    """

    content: bytes
    filled: tuple[str, ...]
    replaced: tuple[str, ...]
    incomplete: tuple[str, ...]
    left: tuple[str, ...]
    problems: tuple[str, ...]

    def lines(self, path: Path) -> Iterator[str]:
        """Yield what was filled in as lines of text; ``path`` is where the table is written."""
        total = len(self.filled) + len(self.left)
        yield f"{path}: marks of {len(self.filled)} of {total} students"
        if self.replaced:
            yield f"  another mark before: {'; '.join(self.replaced)}"
        if self.incomplete:
            yield f"  a sheet is missing, and earns nothing: {'; '.join(self.incomplete)}"
        if self.left:
            yield f"  left as they were: {'; '.join(self.left)}"
        if self.problems:
            yield "Not in the table"
            yield from (f"  {problem}" for problem in self.problems)


def fill_in(
    roster: Roster,
    matching: Matching,
    weights: Mapping[str, float],
    cell: int,
    best: Callable[[list[str]], float | None],
    extra: Callable[[Person, Sequence[Result]], str] | None = None,
) -> FilledTable:
    """Fill the marks into the rows of a table.

    Where the class has several problems, a student's sheets count together.

    Parameters
    ----------
    roster, matching
        The table, and whose sheet is whose.
    weights
        See ``points``.
    cell
        The column of the marks.
    best
        Gives the best mark from a row: the points are scaled to it. None leaves them as they are.
    extra
        Fills in more of a row; what it returns, if anything, is the reason to leave the row alone.
    """
    filled, replaced, incomplete, problems = [], [], [], list(matching.problems)
    left = [person.name for person in matching.others]
    worth = worth_of_problems([own for _, own in matching.found], weights)
    for person, own in matching.found:
        work = work_of(own, person.name, worth, weights)
        problem = work.problem
        if not problem and extra and (reason := extra(person, work.results)):
            problem = f"{', '.join(result.submission.where for result in work.results)}: {reason}"
        if problem:
            problems.append(problem)
            left.append(person.name)
            continue
        most = best(person.row)
        mark = roster.number(work.earned if most is None else most * work.earned / work.possible)
        before = person.row[cell].strip()
        if before and read_decimal(before) != read_decimal(mark):
            replaced.append(person.name)
        if work.missing:
            incomplete.append(person.name)
        person.row[cell] = mark
        filled.append(person.name)
    return FilledTable(
        roster.to_bytes(),
        tuple(filled),
        tuple(replaced),
        tuple(incomplete),
        tuple(left),
        tuple(problems),
    )


def read_decimal(text: str) -> float | None:
    """Read a number with a decimal point or comma, and with others between thousands.

    Returns
    -------
    float
        The number, or None for any other text. As Canvas reads it, the last sign is the decimal
        one: "1.000,50" is a thousand and a half, and "1,000" is one.
    """
    whole, sign, decimals = text.strip().replace(",", ".").rpartition(".")
    try:
        number = float(whole.replace(".", "") + sign + decimals)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
