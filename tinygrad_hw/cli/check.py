"""The verb that marks: check, for one sheet and for a folder of them."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path

from tinygrad_hw.cli.arguments import UsageError, Verbs, add_dask, add_force, add_sheet, sheet_file
from tinygrad_hw.cli.course_systems import add_course_systems, fill_tables, refuse_course_systems
from tinygrad_hw.cli.terminal import print_line, print_wrapped


def add_check(verbs: Verbs) -> None:
    """Add the verb and its arguments to the parser."""
    parser = verbs.add_parser("check", help="mark a sheet of hand work, or a folder of them")
    add_sheet(parser, "SHEET|DIR")
    parser.add_argument("--json", action="store_true", help="every verdict, as JSON")
    parser.add_argument(
        "--html", nargs="?", const="", metavar="FILE", help="write a page to hand back"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the marks of a folder")
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


SOMETHING_LEFT = 1  # the exit status where a sheet or an answer could not be marked


def _check(arguments: argparse.Namespace) -> int:
    from tinygrad_hw.worksheet import read_weights

    weights = read_weights(arguments.weights)
    path = sheet_file(arguments.sheet)
    if os.path.isdir(path):  # False too for a name that cannot be one
        if arguments.json:
            raise UsageError(f"{path}: is a folder; --json is for one sheet, --csv for a folder")
        return _check_folder(path, arguments, weights)
    if arguments.csv:
        raise UsageError(f"--csv is for a folder of sheets; {path} is not one")
    if arguments.dask:
        raise UsageError(f"--dask is for a folder of sheets; {path} is not one")
    refuse_course_systems(arguments, path)
    return _check_sheet(path, arguments, weights)


def _check_sheet(path: Path, arguments: argparse.Namespace, weights: Mapping[str, float]) -> int:
    from tinygrad_hw.files import Output, write_outputs
    from tinygrad_hw.worksheet import (
        MARKED_PAGE_OPENING,
        as_json,
        feedback_lines,
        mark,
        marked_page,
        points,
        points_text,
        read_sheet,
    )

    marks = mark(read_sheet(path))
    total = points_text(*points(marks, weights))
    if arguments.html is not None:
        out = Path(arguments.html or f"{path.stem}.html")
        html = Output(out, marked_page(marks, arguments.hints, total).encode(), MARKED_PAGE_OPENING)
        write_outputs([html], reads=[path], force=arguments.force)
    if arguments.json:
        print(json.dumps(as_json(marks), indent=2, ensure_ascii=True))
        return SOMETHING_LEFT if marks.unreadable else 0
    for line in feedback_lines(marks, arguments.hints, total):
        print_wrapped(line)
    if arguments.html is not None:
        print_line(f"Page: {out}")
    return SOMETHING_LEFT if marks.unreadable else 0


def _check_folder(folder: Path, arguments: argparse.Namespace, weights: Mapping[str, float]) -> int:
    from rich.console import Console
    from rich.progress import track

    from tinygrad_hw.files import Output, write_outputs
    from tinygrad_hw.worksheet import (
        MARKED_PAGE_OPENING,
        MARKS_TABLE_OPENING,
        class_lines,
        mark_all,
        marked_page,
        marks_table,
        points,
        points_text,
        sheets_in,
    )

    files = sheets_in(folder)
    console = Console(stderr=True)
    results = list(
        track(
            mark_all(files, arguments.dask),
            "Marking",
            total=len(files),
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
        pages = Path(arguments.html) if arguments.html else folder
        for result in results:
            if result.marks:
                total = points_text(*points(result.marks, weights))
                html = marked_page(result.marks, arguments.hints, total).encode()
                outputs.append(
                    Output(pages / f"{result.file.stem}.html", html, MARKED_PAGE_OPENING)
                )
    reads = [*files, *filter(None, (arguments.canvas, arguments.moodle))]
    write_outputs(outputs, reads=reads, force=arguments.force)
    for line in class_lines(results, weights):
        print_wrapped(line)
    for path, table in tables.items():
        print_line("")
        for line in table.lines(path):
            print_wrapped(line)
    if arguments.html is not None:
        print_line(f"Pages: {pages}")
    whole = all(result.marks and not result.marks.unreadable for result in results)
    whole &= not any(table.problems for table in tables.values())
    return 0 if whole else SOMETHING_LEFT
