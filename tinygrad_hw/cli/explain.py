"""The verbs that explain a sheet's numbers: solve, draw, step, page and program."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from tinygrad_hw.cli.arguments import Parser, Verb, Verbs, add_force, add_sheet, sheet_file
from tinygrad_hw.cli.terminal import (
    accept_any_bytes,
    ask,
    encodable,
    exit_when_terminated,
    print_line,
)

# How every drawing begins, by which an earlier one is known: see ``files.Output``.
DRAWING_OPENING = re.compile(  # SVG and DOT; nothing in a PNG or PDF says who drew it
    rb'<svg width="\d+pt" height="\d+pt"\n viewBox="[-\d. ]+" [^>]*'
    rb' role="img" style="max-width: 100%; height: auto">\n<title>'
    rb'|digraph \{\n\tgraph \[bgcolor="#ffffff" [^\n]*layout=nop2 outputorder=nodesfirst pad=0.1'
)


def add_explaining(verbs: Verbs) -> None:
    """Add the verbs and their arguments to the parser."""
    parser = verbs.add_parser("solve", help="print values, partials and updates of a sheet")
    add_sheet(parser)
    parser.add_argument("--json", action="store_true", help="numbers at full precision, as JSON")
    parser.set_defaults(verb=_solve)

    parser = verbs.add_parser("draw", help="draw a sheet's graph with values and gradients")
    _add_graph(parser, _draw)
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE", help=".svg .dot .png .pdf"
    )
    add_force(parser)

    parser = verbs.add_parser("step", help="walk through a sheet's steps, forward and backward")
    _add_graph(parser, _step)

    parser = verbs.add_parser("page", help="write a page to step through, offline")
    add_sheet(parser)
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="where to write (the sheet's name, .html)"
    )
    add_force(parser)
    parser.set_defaults(verb=_page)

    parser = verbs.add_parser("program", help="print a sheet as a program, one line an operation")
    add_sheet(parser)
    parser.add_argument(
        "--js", action="store_true", help="as JavaScript, for a page that recomputes it"
    )
    parser.set_defaults(verb=_program)


def _add_graph(parser: Parser, verb: Verb) -> None:
    add_sheet(parser)
    parser.add_argument("--scalar", action="store_true", help="every operation, not only neurons")
    parser.set_defaults(verb=verb)


def _solve(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.worksheet import read_sheet, solution_lines, solve

    solution = solve(read_sheet(sheet_file(arguments.sheet)))
    if arguments.json:
        print(json.dumps(solution.as_json(), indent=2, ensure_ascii=True))
        return
    for line in solution_lines(solution):
        print_line(line)


def _draw(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.explain import picture_bytes
    from tinygrad_hw.files import Output, refuse_to_destroy, write_files
    from tinygrad_hw.worksheet import read_sheet

    path, out = sheet_file(arguments.sheet), arguments.out
    sheet = read_sheet(path)
    loss = sheet.evaluate()[sheet.loss]
    content = picture_bytes(loss, out, unfolded=arguments.scalar)
    refuse_to_destroy([Output(out, content, DRAWING_OPENING)], reads=[path], force=arguments.force)
    write_files({out: content}, make_folders=False)
    print_line(f"Picture: {out}")


def _step(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.explain import steps, walk
    from tinygrad_hw.worksheet import read_sheet

    sheet = read_sheet(sheet_file(arguments.sheet))
    frames = steps(sheet.evaluate()[sheet.loss], unfolded=arguments.scalar)
    accept_any_bytes()
    exit_when_terminated()
    walk(frames, ask, print_line, encodable)


def _page(arguments: argparse.Namespace) -> None:
    from tinygrad_hw.files import Output, write_outputs
    from tinygrad_hw.worksheet import SHEET_PAGE_OPENING, read_sheet, sheet_page

    path = sheet_file(arguments.sheet)
    out = arguments.out or Path(f"{path.stem}.html")
    page = Output(out, sheet_page(read_sheet(path)).encode(), SHEET_PAGE_OPENING)
    write_outputs([page], reads=[path], force=arguments.force)
    print_line(f"Page: {out}")


def _program(arguments: argparse.Namespace) -> None:
    import numpy as np

    from tinygrad_hw.worksheet import read_sheet, sheet_program

    program = sheet_program(read_sheet(sheet_file(arguments.sheet)))
    with np.errstate(all="ignore"):  # a sheet may compute what is not finite on its way
        print(program.javascript if arguments.js else program.source, end="")
