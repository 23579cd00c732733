"""The command line: one verb, one function.

Whatever a user can get wrong ends in one line on stderr and exit status 2, never in a traceback.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias

from tinygrad_hw import __version__
from tinygrad_hw.errors import InputError
from tinygrad_hw.homework import SHEETS, sheet_path

INTERRUPTED, TERMINATED = 130, 143  # what a shell reports for a program that Ctrl-C or kill ended


SHEET_HELP = f"a TOML file, or {' or '.join(SHEETS)} for the homework's own sheets"
Verbs: TypeAlias = "argparse._SubParsersAction[_Parser]"


class UsageError(InputError):
    """Arguments that make no sense together."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    try:
        parsed = _parser().parse_args(arguments)
        return int(parsed.verb(parsed) or 0)
    except KeyboardInterrupt:
        print("\ntinygrad-hw: stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, say; files that are given are read with more care
        print(f"tinygrad-hw: cannot write: {error.strerror or error}", file=sys.stderr)
        return 2
    except InputError as error:
        print(f"tinygrad-hw: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="tinygrad-hw",
        description="Solve, draw and train a backpropagation homework.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True, parser_class=_Parser)
    homework = verbs.add_parser("homework", help="do the whole homework and write a report")
    homework.add_argument(
        "--out", type=Path, default=Path("report"), metavar="DIR", help="where to write (report)"
    )
    homework.add_argument("--digits", default="3,6", metavar="A,B", help="for Question 2 (3,6)")
    homework.add_argument(
        "--data", type=Path, metavar="PATH", help="a folder of IDX files, or an mnist.npz"
    )
    homework.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="at most N epochs each (20; for the initialisers 30)",
    )
    homework.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the random start (0)"
    )
    homework.set_defaults(verb=_homework)

    _add_explaining(verbs)
    _add_marking(verbs)

    gradcheck = verbs.add_parser("gradcheck", help="check the derivative of a function of yours")
    gradcheck.add_argument("function", metavar="FILE.py:function", help="the file is run")
    gradcheck.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an argument, such as x=0.5 or x=[1,2]; else its default, else a random number",
    )
    gradcheck.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the random numbers (0)"
    )
    gradcheck.set_defaults(verb=_gradcheck)
    return parser


def _add_explaining(verbs: Verbs) -> None:
    """What shows a sheet's numbers and where they come from."""
    solve = verbs.add_parser("solve", help="print values, partials and updates of a sheet")
    solve.add_argument("sheet", metavar="SHEET", help=SHEET_HELP)
    solve.add_argument("--json", action="store_true", help="numbers at full precision, as JSON")
    solve.set_defaults(verb=_solve)

    draw = verbs.add_parser("draw", help="draw a sheet's graph with values and gradients")
    _shows_graph(draw, _draw)
    draw.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help=".svg .dot .png .pdf"
    )

    step = verbs.add_parser("step", help="walk through a sheet's steps, forward and backward")
    _shows_graph(step, _step)

    page = verbs.add_parser("page", help="write a page to step through, offline")
    page.add_argument("sheet", metavar="SHEET", help=SHEET_HELP)
    page.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="where to write (the sheet's name, .html)"
    )
    page.set_defaults(verb=_page)

    program = verbs.add_parser("program", help="print a sheet as a program, one line an operation")
    program.add_argument("sheet", metavar="SHEET", help=SHEET_HELP)
    program.add_argument(
        "--js", action="store_true", help="as JavaScript, for a page that recomputes it"
    )
    program.set_defaults(verb=_program)


def _add_marking(verbs: Verbs) -> None:
    """What makes sheets, fills them in, and marks them."""
    check = verbs.add_parser("check", help="mark a sheet of hand work, or a folder of them")
    check.add_argument("sheet", metavar="SHEET|DIR", help=SHEET_HELP)
    check.add_argument("--json", action="store_true", help="every verdict, as JSON")
    check.add_argument(
        "--html", nargs="?", const="", metavar="FILE", help="write a page to hand back"
    )
    check.add_argument("--csv", type=Path, metavar="FILE", help="write the marks of a folder")
    check.add_argument(
        "--hints",
        type=int,
        default=3,
        choices=(1, 2, 3),
        help="give away a nudge, a place, or the answer (3)",
    )
    check.add_argument(
        "--weights",
        default="",
        metavar="NAME=W,…",
        help="points by part and share of them by verdict, as factor=0.5,follows=0.8; a wrong "
        "number that a slip explains to its last digit gets slip=0.5, all others of theirs 1 or 0",
    )
    check.set_defaults(verb=_check)

    exercise = verbs.add_parser("exercise", help="make a fresh sheet, with blanks to fill in")
    exercise.add_argument(
        "--net", required=True, metavar="2-3-1", help="units of each layer, inputs first"
    )
    exercise.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another seed, another sheet (0)"
    )
    exercise.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="where to write; else it is printed"
    )
    exercise.add_argument("--key", type=Path, metavar="FILE", help="where to write the answers")
    exercise.add_argument(
        "--figures", type=int, default=4, metavar="N", help="figures to ask for (4)"
    )
    exercise.add_argument("--steps", type=int, default=1, metavar="N", help="updates in a row (1)")
    exercise.add_argument(
        "--count",
        type=int,
        metavar="N",
        help="so many different sheets, seed by seed; --out and --key are then folders",
    )
    exercise.add_argument("--force", action="store_true", help="replace files that are there")
    exercise.set_defaults(verb=_exercise)

    fill = verbs.add_parser("fill", help="be asked for a sheet's answers one by one")
    fill.add_argument("sheet", metavar="FILE", type=Path, help="a TOML file; its blanks are filled")
    fill.set_defaults(verb=_fill)


def _shows_graph(parser: _Parser, verb: Callable[[argparse.Namespace], None]) -> None:
    parser.add_argument("sheet", metavar="SHEET", help=SHEET_HELP)
    parser.add_argument("--scalar", action="store_true", help="every operation, not only neurons")
    parser.set_defaults(verb=verb)


def _solve(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.worksheet.sheet.model import read_sheet
    from tinygrad_hw.worksheet.solution.solve import solution_lines, solve

    solution = solve(read_sheet(_sheet(arguments.sheet)))
    if arguments.json:
        print(json.dumps(solution.as_json(), indent=2, ensure_ascii=True))
        return
    for line in solution_lines(solution):
        _print(line)


def _draw(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.explain.graph.draw import save
    from tinygrad_hw.worksheet.sheet.model import read_sheet

    sheet = read_sheet(_sheet(arguments.sheet))
    loss = sheet.evaluate()[sheet.loss]
    save(loss, arguments.out, unfolded=arguments.scalar)
    _print(f"Picture: {arguments.out}")


def _step(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.explain.stepper.frames import steps
    from tinygrad_hw.explain.stepper.terminal import walk
    from tinygrad_hw.worksheet.sheet.model import read_sheet

    sheet = read_sheet(_sheet(arguments.sheet))
    told = steps(sheet.evaluate()[sheet.loss], unfolded=arguments.scalar)
    if isinstance(sys.stdin, io.TextIOWrapper):  # and not closed, or a test's
        sys.stdin.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that the screen is put back
    walk(told, _ask, _print, _shown)


def _page(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.files import write_files
    from tinygrad_hw.worksheet.feedback.interactive_page import sheet_page
    from tinygrad_hw.worksheet.sheet.model import read_sheet

    sheet = _sheet(arguments.sheet)
    out = arguments.out or Path(f"{sheet.stem}.html")
    write_files({out: sheet_page(read_sheet(sheet)).encode()})
    _print(f"Page: {out}")


def _program(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.worksheet.sheet.model import read_sheet
    from tinygrad_hw.worksheet.solution.as_program import sheet_program

    program = sheet_program(read_sheet(_sheet(arguments.sheet)))
    print(program.javascript if arguments.js else program.source, end="")


def _check(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.worksheet.marking.points import read_weights

    weights = read_weights(arguments.weights)
    path = _sheet(arguments.sheet)
    if os.path.isdir(path):  # False too for a name that cannot be one
        if arguments.json:
            raise UsageError(f"{path}: is a folder; --json is for one sheet, --csv for a folder")
        _check_folder(path, arguments, weights)
    elif arguments.csv:
        raise UsageError(f"--csv is for a folder of sheets; {path} is not one")
    else:
        _check_sheet(path, arguments, weights)


def _check_sheet(path: Path, arguments: argparse.Namespace, weights: Mapping[str, float]) -> None:
    from tinygrad_hw.files import write_files
    from tinygrad_hw.worksheet.feedback.html_page import page
    from tinygrad_hw.worksheet.feedback.text import feedback_lines
    from tinygrad_hw.worksheet.marking.mark import as_json, mark
    from tinygrad_hw.worksheet.marking.points import points, points_text
    from tinygrad_hw.worksheet.sheet.model import read_sheet

    marks = mark(read_sheet(path))
    said = points_text(*points(marks, weights))
    if arguments.html is not None:
        out = Path(arguments.html or f"{path.stem}.html")
        write_files({out: page(marks, arguments.hints, said).encode()})
    if arguments.json:
        print(json.dumps(as_json(marks), indent=2, ensure_ascii=True))
        return
    for line in feedback_lines(marks, arguments.hints, said):
        _print_wrapped(line)
    if arguments.html is not None:
        _print(f"Page: {out}")


def _check_folder(
    folder: Path, arguments: argparse.Namespace, weights: Mapping[str, float]
) -> None:
    from rich.console import Console
    from rich.progress import track

    from tinygrad_hw.files import write_files
    from tinygrad_hw.worksheet.feedback.classroom import class_lines, mark_all, sheets_in, table
    from tinygrad_hw.worksheet.feedback.html_page import page
    from tinygrad_hw.worksheet.marking.points import points, points_text

    files = sheets_in(folder)
    console = Console(stderr=True)
    results = list(
        track(
            mark_all(files),
            "Marking",
            total=len(files),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
    )
    written = {}
    if arguments.csv:
        written[arguments.csv] = table(results, weights).encode("utf-8-sig")
    if arguments.html is not None:
        pages = Path(arguments.html) if arguments.html else folder
        for result in results:
            if result.marks:
                said = points_text(*points(result.marks, weights))
                text = page(result.marks, arguments.hints, said)
                written[pages / f"{result.file.stem}.html"] = text.encode()
    write_files(written)
    for line in class_lines(results, weights):
        _print_wrapped(line)
    if arguments.html is not None:
        _print(f"Pages: {pages}")


def _exercise(arguments: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.progress import track

    from tinygrad_hw.files import Output, write_outputs
    from tinygrad_hw.worksheet.exercises.fresh_sheet import exercise, key
    from tinygrad_hw.worksheet.sheet.model import MOST_STEPS
    from tinygrad_hw.worksheet.sheet.writer import sheet_text

    out, keys, count = arguments.out, arguments.key, arguments.count
    for option, given, most in [
        ("--figures", arguments.figures, 12),
        ("--steps", arguments.steps, MOST_STEPS),
        ("--count", 1 if count is None else count, 10_000),
    ]:
        if not 1 <= given <= most:
            raise UsageError(f"{option} is {given}; give 1 to {most:,}")
    if arguments.seed < 0:
        raise UsageError(f"--seed is {arguments.seed}; give 0 or more")
    if count is not None and out is None:
        raise UsageError("--count is given without a folder; give one with --out")
    if keys is not None and count is None and keys == out:
        raise UsageError("--out and --key are the same file; give another for the key")

    files = {}
    console = Console(stderr=True)
    for i in track(
        range(count or 1),
        "Making sheets",
        console=console,
        transient=True,
        disable=count is None or not console.is_terminal,
    ):
        seed = arguments.seed + i
        sheet = exercise(arguments.net, seed, arguments.figures, steps=arguments.steps)
        text = FOR_THE_STUDENT + sheet_text(sheet)
        number = f"{i + 1:0{max(3, len(str(count)))}}"
        if out is not None:
            files[out if count is None else out / f"sheet-{number}.toml"] = text.encode()
        if keys is not None:
            solved = FOR_THE_TEACHER + sheet_text(key(sheet))
            files[keys if count is None else keys / f"key-{number}.toml"] = solved.encode()
    write_outputs([Output(*item) for item in files.items()], force=arguments.force)
    if out is None:
        print(text, end="")
    elif count is None:
        _print(f"Sheet: {out}" + (f", its key: {keys}" if keys else ""))
    else:
        _print(
            f"{count} sheet{'s' * (count > 1)} in {out}"
            + (f", their keys in {keys}" if keys else "")
        )


FOR_THE_STUDENT = """\
# Write your numbers between the quotation marks, as in a1 = "0.6225".
# Or be asked for them, one by one: tinygrad-hw fill FILE

"""
FOR_THE_TEACHER = """\
# The answers, worked out with all digits and rounded at the end.

"""


def _fill(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.worksheet.exercises.fill_in import fill
    from tinygrad_hw.worksheet.rounding.written_number import read_number

    if arguments.sheet.name in SHEETS and not arguments.sheet.exists():
        raise UsageError(f"{arguments.sheet} is shipped, and stays as it is; give a file of yours")
    if isinstance(sys.stdin, io.TextIOWrapper):  # and not closed, or a test's
        sys.stdin.reconfigure(errors="replace")
    fill(arguments.sheet, _ask, _print, read_number)


def _homework(arguments: argparse.Namespace) -> None:
    if arguments.epochs is not None and arguments.epochs < 1:
        raise UsageError(f"--epochs is {arguments.epochs}; give at least 1")
    if arguments.seed < 0:
        raise UsageError(f"--seed is {arguments.seed}; give 0 or more")
    digits = _digits(arguments.digits)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # so that things are put away
    from tinygrad_hw.homework.run import run

    run(
        out=arguments.out,
        digits=digits,
        data=arguments.data,
        epochs=arguments.epochs,
        seed=arguments.seed,
    )


def _gradcheck(arguments: argparse.Namespace) -> int:
    from tinygrad_hw.cli.gradcheck import check_lines
    from tinygrad_hw.engine import GradientError

    if arguments.seed < 0:
        raise UsageError(f"--seed is {arguments.seed}; give 0 or more")
    try:
        for line in check_lines(arguments.function, arguments.at, arguments.seed):
            _print(line)
    except GradientError as error:
        _print(f"WRONG, or a kink or jump at this point: {error}")
        return 1
    return 0


def _digits(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip() in set("0123456789") for part in parts):
        raise UsageError(f"--digits is {text!r}; give two digits, such as 3,6")
    first, second = map(int, parts)
    if first == second:
        raise UsageError(f"--digits is {text!r}; give two different digits, such as 3,6")
    return first, second


def _sheet(name: str) -> Path:
    """Take a file of that name before a shipped sheet."""
    return sheet_path(name) if name in SHEETS and not Path(name).exists() else Path(name)


def _print(line: str) -> None:
    """Print, in plainer signs where the terminal cannot show the right ones."""
    print(_shown(line))


def _print_wrapped(line: str) -> None:
    """Print on a terminal in lines that fit it, indented as the first one is; else as it is."""
    if sys.stdout is None or not sys.stdout.isatty():
        _print(line)
        return
    indent = " " * (len(line) - len(line.lstrip()))
    width = max(40, shutil.get_terminal_size().columns)
    lines = textwrap.wrap(line, width, subsequent_indent=indent + "  ", break_on_hyphens=False)
    for wrapped in lines or [""]:
        _print(wrapped)


def _ask(prompt: str) -> str:
    """Print a prompt and read a line; what comes through a pipe is printed, as a terminal would."""
    if sys.stdin is None or sys.stdout is None:
        raise EOFError
    typed = input(_shown(prompt))
    if not sys.stdin.isatty():
        _print(typed)
    return typed


def _shown(line: str) -> str:
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"  # no stdout at all: >&-
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        from tinygrad_hw.explain.notation.text import PLAIN_SIGNS

        line = line.translate(PLAIN_SIGNS).encode(encoding, "replace").decode(encoding)
    return line
