"""The options that write for a course system: marks by check, questions by exercise."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinygrad_hw.cli.arguments import Parser, UsageError

if TYPE_CHECKING:
    from tinygrad_hw.files import Output
    from tinygrad_hw.worksheet import FilledTable, Result, Sheet


def add_course_systems(parser: Parser) -> None:
    """Add the options to the parser of check."""
    parser.add_argument(
        "--canvas",
        type=Path,
        metavar="FILE",
        help="fill the marks of a folder into a gradebook exported from Canvas, as FILE-marked.csv",
    )
    parser.add_argument(
        "--assignment",
        default="",
        metavar="TITLE",
        help="which assignment of the gradebook, if it has several",
    )
    parser.add_argument(
        "--gradescope",
        nargs="?",
        const="results.json",
        metavar="FILE",
        help="write the marks of one sheet as an autograder of Gradescope does (results.json)",
    )
    parser.add_argument(
        "--moodle",
        type=Path,
        metavar="FILE",
        help="fill marks and comments into a grading worksheet of Moodle, as FILE-marked.csv",
    )


def refuse_course_systems(arguments: argparse.Namespace, path: Path) -> None:
    """Refuse the options that are for a folder of sheets, where there is one sheet."""
    for option in ("canvas", "moodle"):
        if getattr(arguments, option):
            raise UsageError(f"--{option} is for a folder of sheets; {path} is not one")


def gradescope_output(arguments: argparse.Namespace, results: Mapping[str, Any]) -> Output:
    """Return the file of a sheet's results for Gradescope."""
    from tinygrad_hw.files import Output
    from tinygrad_hw.worksheet import GRADESCOPE_OPENING

    text = json.dumps(results, indent=2) + "\n"
    return Output(Path(arguments.gradescope), text.encode(), GRADESCOPE_OPENING)


def fill_tables(
    arguments: argparse.Namespace, results: Sequence[Result], weights: Mapping[str, float]
) -> dict[Path, FilledTable]:
    """Fill the tables that were asked for; return each with the file to write it to.

    That file is in this folder and never the table that was given.
    """
    from tinygrad_hw.worksheet import canvas_gradebook, moodle_worksheet

    tables = {}
    if arguments.assignment and not arguments.canvas:
        raise UsageError("--assignment is given without --canvas, whose gradebook it is of")
    if arguments.canvas:
        tables[_marked(arguments.canvas)] = canvas_gradebook(
            arguments.canvas, results, weights, arguments.assignment
        )
    if arguments.moodle:
        tables[_marked(arguments.moodle)] = moodle_worksheet(
            arguments.moodle, results, weights, arguments.hints
        )
    return tables


def add_questions(parser: Parser) -> None:
    """Add the options to the parser of a verb that makes sheets to hand out."""
    parser.add_argument(
        "--handout",
        type=Path,
        metavar="FILE",
        help="write a page to print, without solutions: .html, .tex, or .pdf where Chromium or "
        "pdflatex is",
    )
    parser.add_argument(
        "--moodle-xml",
        type=Path,
        metavar="FILE",
        help="write the questions for Moodle's question bank, with honest answers as tolerances",
    )
    parser.add_argument(
        "--canvas-quiz", type=Path, metavar="FILE", help="the same as quizzes for Canvas (.zip)"
    )
    parser.add_argument(
        "--qti",
        type=Path,
        metavar="FILE",
        help="the same as a package in QTI 2.1, which Canvas reads wrongly (.zip)",
    )


ENDINGS = {
    "handout": (".html", ".tex", ".pdf"),
    "moodle_xml": (".xml",),
    "canvas_quiz": (".zip",),
    "qti": (".zip",),
}


def check_questions(arguments: argparse.Namespace) -> bool:
    """Return whether questions are asked for; refuse now what could not be written later.

    Raises
    ------
    UsageError
        If the name of a file would make it something else.
    PdfError
        If there is nothing to print a PDF with.
    """
    for option, endings in ENDINGS.items():
        path = getattr(arguments, option)
        if path and path.suffix.lower() not in endings:
            raise UsageError(
                f"--{option.replace('_', '-')} is {path}; give a name that ends in "
                f"{', '.join(endings[:-1])}{' or ' * (len(endings) > 1)}{endings[-1]}"
            )
    if _is_pdf(arguments.handout):
        from tinygrad_hw.worksheet import find_printer

        find_printer()
    return any(getattr(arguments, option) for option in ENDINGS)


def question_outputs(arguments: argparse.Namespace, sheets: Sequence[Sheet]) -> list[Output]:
    """Return the files of questions that were asked for."""
    from tinygrad_hw.files import Output
    from tinygrad_hw.worksheet import (
        canvas_quiz,
        handout_page,
        latex_of,
        moodle_quiz,
        pdf_of,
        qti_package,
    )

    outputs = []
    if arguments.handout:
        page = handout_page(sheets)
        if _is_pdf(arguments.handout):
            content = pdf_of(page)
        else:
            is_latex = arguments.handout.suffix.lower() == ".tex"
            content = (latex_of(page) if is_latex else page).encode()
        outputs.append(Output(arguments.handout, content))
    if arguments.moodle_xml:
        outputs.append(Output(arguments.moodle_xml, moodle_quiz(sheets).encode()))
    if arguments.canvas_quiz:
        outputs.append(Output(arguments.canvas_quiz, canvas_quiz(sheets)))
    if arguments.qti:
        outputs.append(Output(arguments.qti, qti_package(sheets)))
    return outputs


def _is_pdf(path: Path | None) -> bool:
    return path is not None and path.suffix.lower() == ".pdf"


def _marked(path: Path) -> Path:
    return Path(f"{path.stem}-marked.csv")
