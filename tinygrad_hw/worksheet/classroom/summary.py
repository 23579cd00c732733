"""The marks of a class in a table, and a summary of them in lines."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import mean, median

from tinygrad_hw.formatting import VERDICTS, printable, spreadsheet_cell
from tinygrad_hw.worksheet.classroom.alike import alike_lines
from tinygrad_hw.worksheet.classroom.results import Result
from tinygrad_hw.worksheet.marking.points import WEIGHTS, points

COLUMNS = (
    "file",
    "student",
    "points",
    "of",
    "percent",
    *VERDICTS,
    "slips",
    "title",
    "changes",
    "error",
)

# How every table of marks begins, by which an earlier one is known: see ``files.Output``.
MARKS_TABLE_OPENING = re.compile(rb"\xef\xbb\xbffile,student,points,of,percent,")


def marks_table(results: Iterable[Result], weights: Mapping[str, float] = WEIGHTS) -> str:
    """Write the marks as CSV, a line for each file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        writer.writerow(map(spreadsheet_cell, _row(result, weights)))
    return text.getvalue()


def _row(result: Result, weights: Mapping[str, float]) -> Iterator[str]:
    yield result.submission.name
    yield result.student
    if result.marks is None:
        yield from [""] * (len(COLUMNS) - 4)
        yield "; ".join(result.changes)
        yield result.error
        return
    marks = result.marks
    earned, possible = points(marks, weights)
    yield f"{earned:.10g}"
    yield f"{possible:.10g}"
    yield f"{100 * earned / possible:.1f}" if possible else ""
    yield from (str(marks.summary[verdict]) for verdict in VERDICTS)
    yield "; ".join(f"{slip} {times}" for slip, times in slips_of([result]).items())
    yield marks.sheet.title
    yield "; ".join(result.changes)
    yield "; ".join(marks.unreadable)


def slips_of(results: Sequence[Result]) -> dict[str, int]:
    """Count the likeliest slips of all wrong numbers, the commonest first."""
    count: Counter[str] = Counter()
    for result in results:
        for item in result.marks.items if result.marks else ():
            if item.verdict == "wrong":
                count[item.slip or "unexplained"] += 1
    return dict(count.most_common())


def class_lines(
    results: Sequence[Result],
    weights: Mapping[str, float] = WEIGHTS,
    passed_over: Sequence[str] = (),
) -> Iterator[str]:
    """Yield a summary of a class as lines of text: its size, its points, its commonest slips.

    Parameters
    ----------
    passed_over
        The names of what was handed in and is no sheet.
    """
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
    for heading, lines in (
        (
            "Not as it was handed out",
            [
                f"{printable(r.submission.name)}: {'; '.join(r.changes)}"
                for r in results
                if r.changes
            ],
        ),
        (
            "No number, and counted as missing",
            [reason for marks in marked for reason in marks.unreadable],
        ),
        ("Alike, for whatever reason", list(alike_lines(results))),
        ("Not marked", [result.error for result in broken]),
        ("Passed over: no .toml file", passed_over),
    ):
        if lines:
            yield ""
            yield heading
            yield from (f"  {line}" for line in lines)
