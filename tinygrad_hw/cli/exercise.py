"""The verbs that make sheets, show them and fill them in: exercise, sheet, blank and fill."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tinygrad_hw.cli.arguments import (
    UsageError,
    Verbs,
    add_dask,
    add_force,
    add_seed,
    add_sheet,
    check_seed,
    sheet_file,
)
from tinygrad_hw.cli.course_systems import add_questions, check_questions, question_outputs
from tinygrad_hw.cli.terminal import accept_any_bytes, ask, print_line
from tinygrad_hw.homework import SHEETS

if TYPE_CHECKING:
    from tinygrad_hw.files import Output
    from tinygrad_hw.worksheet import Sheet

FOR_THE_STUDENT = """\
# Write your numbers between the quotation marks, as in a1 = "0.6225".
# Or be asked for them, one by one: tinygrad-hw fill FILE

"""
FOR_THE_TEACHER = """\
# The answers, worked out with all digits and rounded at the end.

"""


def add_exercise_and_fill(verbs: Verbs) -> None:
    """Add the verbs and their arguments to the parser."""
    parser = verbs.add_parser("exercise", help="make a fresh sheet, with blanks to fill in")
    parser.add_argument(
        "--net", required=True, metavar="2-3-1", help="units of each layer, inputs first"
    )
    add_seed(parser, "another seed, another sheet (0)")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="where to write; else it is printed"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="where to write the answers")
    parser.add_argument(
        "--figures", type=int, default=4, metavar="N", help="figures to ask for (4)"
    )
    parser.add_argument("--steps", type=int, default=1, metavar="N", help="updates in a row (1)")
    parser.add_argument(
        "--count",
        type=int,
        metavar="N",
        help="so many different sheets, seed by seed; --out and --key are then folders",
    )
    add_questions(parser)
    add_dask(parser)
    add_force(parser)
    parser.set_defaults(verb=_exercise)

    parser = verbs.add_parser("sheet", help="print a sheet, vectors and matrices as numbers")
    add_sheet(parser)
    parser.set_defaults(verb=_sheet)

    parser = verbs.add_parser("blank", help="make the sheet to hand out of one of your own")
    add_sheet(parser)
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="where to write; else it is printed"
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="where to write the answers")
    add_questions(parser)
    add_force(parser)
    parser.set_defaults(verb=_blank)

    parser = verbs.add_parser("fill", help="be asked for a sheet's answers one by one")
    parser.add_argument(
        "sheet", metavar="FILE", type=Path, help="a TOML file; its blanks are filled"
    )
    parser.set_defaults(verb=_fill)


def _exercise(arguments: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

    from tinygrad_hw.files import Output, refuse_to_destroy, write_outputs
    from tinygrad_hw.workers import in_order, side_by_side
    from tinygrad_hw.worksheet import parse_sheet

    _check_numbers(arguments)
    out, keys, count = arguments.out, arguments.key, arguments.count
    outputs: list[Output] = []
    sheets: list[Sheet] = []
    console = Console(stderr=True)
    kind = arguments.net, arguments.figures, arguments.steps
    seeds = range(arguments.seed, arguments.seed + (count or 1))
    pairs = in_order(side_by_side(_sheet_and_key, kind, seeds, 1, arguments.dask))
    # A spinner and the time: one sheet of several updates takes long, too.
    columns = (SpinnerColumn(), *Progress.get_default_columns(), TimeElapsedColumn())
    title = "Making a sheet" if count is None else "Making sheets"
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        for text, key_text in progress.track(pairs, len(seeds), description=title):
            sheets.append(parse_sheet(text))
            number = f"{len(sheets):0{max(3, len(str(count)))}}"
            files = []
            if out is not None:
                path = out if count is None else out / f"sheet-{number}.toml"
                files.append(Output(path, text.encode()))
            if keys is not None:
                path = keys if count is None else keys / f"key-{number}.toml"
                files.append(Output(path, key_text.encode()))
            refuse_to_destroy(files, force=arguments.force)  # now, and not after the last sheet
            outputs += files
    questions = question_outputs(arguments, sheets)
    write_outputs([*outputs, *questions], force=arguments.force)
    if out is None:
        made = ""
    elif count is None:
        made = f"Sheet: {out}" + (f", its key: {keys}" if keys else "")
    else:
        made = f"{count} sheet{'s' * (count > 1)} in {out}"
        made += f", their keys in {keys}" if keys else ""
    _tell(made, text, keys, questions)


def _sheet_and_key(kind: tuple[str, int, int], seed: int) -> tuple[str, str]:
    """Return the texts of a fresh sheet and of its key."""
    from tinygrad_hw.worksheet import exercise, key, sheet_text

    net, figures, steps = kind
    sheet = exercise(net, seed, figures, steps=steps)
    return FOR_THE_STUDENT + sheet_text(sheet), FOR_THE_TEACHER + sheet_text(key(sheet))


def _sheet(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.worksheet import read_sheet, sheet_text

    path = sheet_file(arguments.sheet)
    sheet = read_sheet(path)
    is_shipped = path != Path(arguments.sheet)
    print(path.read_text("utf-8") if is_shipped else sheet_text(sheet), end="")


def _blank(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.files import Output, write_outputs
    from tinygrad_hw.worksheet import blanks, key, read_sheet, sheet_text

    out, key_file = arguments.out, arguments.key
    if None not in (out, key_file) and _is_same_file(out, key_file):
        raise UsageError("--out and --key are the same file; give another for the key")
    check_questions(arguments)
    path = sheet_file(arguments.sheet)
    sheet = dataclasses.replace(blanks(read_sheet(path)), student="")
    text = FOR_THE_STUDENT + sheet_text(sheet)
    outputs = [] if out is None else [Output(out, text.encode())]
    if key_file is not None:
        outputs.append(Output(key_file, (FOR_THE_TEACHER + sheet_text(key(sheet))).encode()))
    questions = question_outputs(arguments, [sheet])
    write_outputs([*outputs, *questions], reads=[path], force=arguments.force)
    made = "" if out is None else f"Sheet: {out}" + (f", its key: {key_file}" if key_file else "")
    _tell(made, text, key_file, questions)


def _tell(made: str, text: str, keys: Path | None, questions: Sequence[Output]) -> None:
    """Print what was made; a sheet that was written nowhere is printed itself."""
    if questions:
        files = [output.path for output in questions]
        written = ", ".join(map(str, files if made or not keys else [keys, *files]))
        made += f"; {written}" if made else f"Written: {written}"
    if made:
        print_line(made)
    else:
        print(text, end="")


def _check_numbers(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.worksheet import MAX_STEPS

    out, keys, count = arguments.out, arguments.key, arguments.count
    for option, number, most in [
        ("--figures", arguments.figures, 12),
        ("--steps", arguments.steps, MAX_STEPS),
        ("--count", 1 if count is None else count, 10_000),
    ]:
        if not 1 <= number <= most:
            raise UsageError(f"{option} is {number}; give 1 to {most:,}")
    check_seed(arguments.seed)
    if count is None and arguments.dask:
        raise UsageError("--dask is given without --count; one sheet is made here")
    is_written = check_questions(arguments) or out is not None
    if count is not None and not is_written:
        raise UsageError("--count is given without a folder; give one with --out")
    if count is None and None not in (out, keys) and _is_same_file(out, keys):
        raise UsageError("--out and --key are the same file; give another for the key")


def _is_same_file(one: Path, other: Path) -> bool:
    if os.path.exists(one) and os.path.exists(other):
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)


def _fill(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.worksheet import fill, read_number

    if arguments.sheet.name in SHEETS and not arguments.sheet.exists():
        raise UsageError(f"{arguments.sheet} is shipped, and stays as it is; give a file of yours")
    accept_any_bytes()
    fill(arguments.sheet, ask, print_line, read_number)
