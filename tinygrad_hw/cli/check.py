"""The verb that marks: check, for one sheet and for what a class has handed in."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tinygrad_hw.cli.arguments import (
    SHEET_HELP,
    UsageError,
    Verbs,
    add_dask,
    add_force,
    sheet_file,
)
from tinygrad_hw.cli.course_systems import (
    add_course_systems,
    fill_tables,
    gradescope_output,
    refuse_course_systems,
)
from tinygrad_hw.cli.terminal import print_line, print_wrapped
from tinygrad_hw.errors import InputError

if TYPE_CHECKING:  # imported where they are used: for the speed of other verbs
    from tinygrad_hw.worksheet import Sheet

SOMETHING_LEFT = 1  # the exit status where a sheet or an answer could not be marked


def add_check(verbs: Verbs) -> None:
    """Add the verb and its arguments to the parser."""
    parser = verbs.add_parser("check", help="mark a sheet of hand work, or a class's")
    parser.add_argument(
        "sheets",
        nargs="+",
        metavar="SHEET|DIR|ZIP",
        help=f"{SHEET_HELP}; or all sheets of folders and zip archives, at any depth",
    )
    parser.add_argument(
        "--against",
        metavar="KEY|SHEET|DIR",
        help="the sheet that was handed out, or its key (a folder, where there are many): what "
        "was changed is told, and what was deleted counts as missing",
    )
    parser.add_argument("--json", action="store_true", help="every verdict, as JSON")
    parser.add_argument(
        "--html",
        nargs="?",
        const="",
        metavar="FILE|DIR",
        help="write a page to hand back for each sheet (beside it, its name with -marked)",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the marks of a class")
    parser.add_argument(
        "--hints",
        type=int,
        default=3,
        choices=(1, 2, 3),
        help="give away a nudge, a place, or the answer (3)",
    )
    parser.add_argument(
        "--weights",
        default="",
        metavar="NAME=W,…",
        help="points by part and share of them by verdict, as factor=0.5,follows=0.8; a wrong "
        "number that a slip explains to its last digit gets slip=0.5, all others of theirs 1 or 0",
    )
    add_course_systems(parser)
    add_dask(parser)
    add_force(parser)
    parser.set_defaults(verb=_check)


def _check(arguments: argparse.Namespace) -> int:
    from tinygrad_hw.worksheet import read_weights

    weights = read_weights(arguments.weights)
    paths = [sheet_file(name) for name in arguments.sheets]
    if _are_several(paths) and arguments.gradescope:
        paths = [_only_sheet(paths, arguments)]
    if _are_several(paths):
        if arguments.json:
            several = "several sheets" if len(paths) > 1 else f"{paths[0]}"
            raise UsageError(f"{several}: --json is for one sheet; use --csv for a class")
        return _check_class(paths, arguments, weights)
    for option in ("csv", "dask"):
        if getattr(arguments, option):
            raise UsageError(f"--{option} is for a folder of sheets; {paths[0]} is not one")
    refuse_course_systems(arguments, paths[0])
    return _check_sheet(paths[0], arguments, weights)


def _are_several(paths: Sequence[Path]) -> bool:
    return len(paths) > 1 or os.path.isdir(paths[0]) or paths[0].suffix.lower() == ".zip"


def _only_sheet(paths: Sequence[Path], arguments: argparse.Namespace) -> Path:
    """Return the one sheet among what a student has handed in on Gradescope."""
    from tinygrad_hw.worksheet import handed_in

    try:
        sheets = [submission.place for submission in handed_in(paths).submissions]
        if len(sheets) > 1 or not sheets[0].is_file():
            names = ", ".join(path.name for path in sheets[:5]) + ", …" * (len(sheets) > 5)
            raise UsageError(f"{names}: Gradescope marks one sheet; hand in one .toml file")
    except InputError as error:
        _tell_on_gradescope(arguments, error, paths)
        raise
    return sheets[0]


def _tell_on_gradescope(
    arguments: argparse.Namespace, error: InputError, reads: Sequence[Path]
) -> None:
    """Write why there are no marks: a student who waits there reads that."""
    from tinygrad_hw.files import write_outputs
    from tinygrad_hw.worksheet import gradescope_refusal

    refusal = gradescope_output(arguments, gradescope_refusal(str(error)))
    write_outputs([refusal], reads=reads, force=arguments.force)


def _handed_out(name: str | None) -> tuple[list[Sheet], list[Path]]:
    """Return the sheets to compare with, and the files that they are read from."""
    from tinygrad_hw.worksheet import handed_in, parse_sheet

    if name is None:
        return [], []
    found = handed_in([sheet_file(name)])
    sheets = []
    for submission in found.submissions:
        if submission.text is None:
            raise UsageError(submission.error)
        sheets.append(parse_sheet(submission.text, submission.where))
    return sheets, found.files


def _check_sheet(path: Path, arguments: argparse.Namespace, weights: Mapping[str, float]) -> int:
    from tinygrad_hw.files import Output, write_outputs
    from tinygrad_hw.worksheet import (
        MARKED,
        MARKED_PAGE_OPENING,
        as_json,
        compare,
        feedback_lines,
        gradescope_results,
        mark,
        marked_page,
        points,
        points_text,
        read_sheet,
    )

    handed_out, files = _handed_out(arguments.against)
    changes: tuple[str, ...] = ()
    try:
        sheet = read_sheet(path)
        if handed_out:
            compared = compare(sheet, handed_out)
            sheet, changes = compared.sheet, compared.changes
        marks = mark(sheet)
    except InputError as error:
        if arguments.gradescope:
            _tell_on_gradescope(arguments, error, [path, *files])
        raise
    total = points_text(*points(marks, weights))
    outputs = []
    if arguments.html is not None:
        out = Path(arguments.html or f"{path.stem}{MARKED}")
        html = marked_page(marks, arguments.hints, total, changes).encode()
        outputs.append(Output(out, html, MARKED_PAGE_OPENING))
    if arguments.gradescope:
        results = gradescope_results(marks, weights, arguments.hints, changes)
        outputs.append(gradescope_output(arguments, results))
    write_outputs(outputs, reads=[path, *files], force=arguments.force)
    if arguments.json:
        content = as_json(marks) | ({"changes": changes} if handed_out else {})
        print(json.dumps(content, indent=2, ensure_ascii=True))
        return SOMETHING_LEFT if marks.unreadable else 0
    for line in feedback_lines(marks, arguments.hints, total, changes):
        print_wrapped(line)
    if arguments.html is not None:
        print_line(f"Page: {out}")
    if arguments.gradescope:
        print_line(f"Results: {arguments.gradescope}")
    return SOMETHING_LEFT if marks.unreadable else 0


def _check_class(
    paths: Sequence[Path], arguments: argparse.Namespace, weights: Mapping[str, float]
) -> int:
    from rich.console import Console
    from rich.progress import track

    from tinygrad_hw.files import Output, write_outputs
    from tinygrad_hw.worksheet import (
        MARKED_PAGE_OPENING,
        MARKS_TABLE_OPENING,
        class_lines,
        handed_in,
        mark_all,
        marked_page,
        marks_table,
        page_paths,
        points,
        points_text,
    )

    found = handed_in(paths, outputs=[MARKED_PAGE_OPENING, MARKS_TABLE_OPENING])
    handed_out, files = _handed_out(arguments.against)
    console = Console(stderr=True)
    results = list(
        track(
            mark_all(found.submissions, handed_out, arguments.dask),
            "Marking",
            total=len(found.submissions),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
    )
    tables = fill_tables(arguments, results, weights)
    outputs = [Output(path, table.content) for path, table in tables.items()]
    if arguments.csv:
        text = marks_table(results, weights).encode("utf-8-sig")
        outputs.append(Output(arguments.csv, text, MARKS_TABLE_OPENING))
    if arguments.html is not None:
        folder = Path(arguments.html) if arguments.html else None
        marked = [(result, result.marks) for result in results if result.marks]
        paths_of = page_paths([result.submission for result, _ in marked], folder)
        for path, (result, marks) in zip(paths_of, marked, strict=True):
            total = points_text(*points(marks, weights))
            html = marked_page(marks, arguments.hints, total, result.changes).encode()
            outputs.append(Output(path, html, MARKED_PAGE_OPENING))
    reads = [*found.files, *files, *filter(None, (arguments.canvas, arguments.moodle))]
    write_outputs(outputs, reads=reads, force=arguments.force)
    for line in class_lines(results, weights, found.passed_over):
        print_wrapped(line)
    for path, table in tables.items():
        print_line("")
        for line in table.lines(path):
            print_wrapped(line)
    if arguments.csv:
        print_line(f"Marks: {arguments.csv}")
    if arguments.html is not None and any(result.marks for result in results):
        print_line(f"Pages: {arguments.html or 'beside the sheets'}")
    whole = all(result.marks and not result.marks.unreadable for result in results)
    whole &= not any(table.problems for table in tables.values())
    return 0 if whole else SOMETHING_LEFT
