"""Mark a class: a folder of sheets, a table of marks, and the commonest slips."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from tinygrad_hw.errors import InputError
from tinygrad_hw.formatting import VERDICTS, spreadsheet_cell
from tinygrad_hw.workers import in_order, side_by_side
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, mark
from tinygrad_hw.worksheet.marking.points import WEIGHTS, points
from tinygrad_hw.worksheet.sheet.model import SheetError
from tinygrad_hw.worksheet.sheet.reader import parse_sheet, read_text

COLUMNS = ("file", "student", "points", "of", "percent", *VERDICTS, "slips", "title", "error")

# How every table of marks begins, by which an earlier one is known: see ``files.Output``.
MARKS_TABLE_OPENING = re.compile(rb"\xef\xbb\xbffile,student,points,of,percent,")


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one file: its marks, or the error for which there are none."""

    file: Path
    marks: Marks | None
    error: str = ""


def sheets_in(folder: Path) -> list[Path]:
    """Return the sheets of a folder: its TOML files, sorted by name.

    Raises
    ------
    SheetError
        If there are none, or the folder cannot be read.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".toml")
    except OSError as error:
        raise SheetError(f"{folder}: {error.strerror or error}") from None
    if not files:
        raise SheetError(f"{folder}: there is no .toml file in this folder")
    return files


def mark_all(files: Iterable[Path], dask: str | None = None) -> Iterator[Result]:
    """Mark files in order; a file that cannot be marked has its error as the result.

    Parameters
    ----------
    files
        The files. They are read here, all of them first.
    dask
        The address of a Dask scheduler, whose cluster marks them then.
    """
    yield from in_order(side_by_side(_marked, None, list(map(_read, files)), 1, dask))


def _read(file: Path) -> tuple[Path, str | None, str]:
    """Return a file, its text, and the error if it has none."""
    try:
        return file, read_text(file), ""
    except InputError as error:
        return file, None, str(error)


def _marked(_: None, content: tuple[Path, str | None, str]) -> Result:
    file, text, problem = content
    if text is None:
        return Result(file, None, problem)
    try:
        return Result(file, mark(parse_sheet(text, str(file))))
    except InputError as error:
        return Result(file, None, str(error))


def marks_table(results: Iterable[Result], weights: Mapping[str, float] = WEIGHTS) -> str:
    """Write the marks as CSV, a line for each file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        writer.writerow(map(spreadsheet_cell, _row(result, weights)))
    return text.getvalue()


def _row(result: Result, weights: Mapping[str, float]) -> Iterator[str]:
    yield result.file.name
    if result.marks is None:
        yield from [""] * (len(COLUMNS) - 2)
        yield result.error
        return
    marks = result.marks
    earned, possible = points(marks, weights)
    yield marks.sheet.student
    yield f"{earned:.10g}"
    yield f"{possible:.10g}"
    yield f"{100 * earned / possible:.1f}" if possible else ""
    yield from (str(marks.summary[verdict]) for verdict in VERDICTS)
    yield "; ".join(f"{slip} {times}" for slip, times in slips_of([result]).items())
    yield marks.sheet.title
    yield "; ".join(marks.unreadable)


def slips_of(results: Sequence[Result]) -> dict[str, int]:
    """Count the likeliest slips of all wrong numbers, the commonest first."""
    count: Counter[str] = Counter()
    for result in results:
        for item in result.marks.items if result.marks else ():
            if item.verdict == "wrong":
                count[item.slip or "unexplained"] += 1
    return dict(count.most_common())


def class_lines(results: Sequence[Result], weights: Mapping[str, float] = WEIGHTS) -> Iterator[str]:
    """Yield a summary of a class as lines of text: its size, its points, its commonest slips."""
    marked = [result.marks for result in results if result.marks]
    broken = [result for result in results if not result.marks]
    yield f"{len(marked)} of {len(results)} sheets marked"
    if marked:
        earned = [points(marks, weights) for marks in marked]
        percents = [100 * got / possible for got, possible in earned if possible]
        if percents:
            yield (
                f"Points: mean {mean(percents):.1f} %, median {median(percents):.1f} %, "
                f"from {min(percents):.1f} to {max(percents):.1f} %"
            )
    slips = slips_of(results)
    if slips:
        yield ""
        yield "Commonest slips"
        for slip, times in slips.items():
            sheets = sum(slip in slips_of([result]) for result in results)
            yield f"  {slip}: on {sheets} sheet{'s' * (sheets > 1)}, {times} in all"
    unreadable = [reason for marks in marked for reason in marks.unreadable]
    if unreadable:
        yield ""
        yield "No number, and counted as missing"
        yield from (f"  {reason}" for reason in unreadable)
    if broken:
        yield ""
        yield "Not marked"
        yield from (f"  {result.error}" for result in broken)
