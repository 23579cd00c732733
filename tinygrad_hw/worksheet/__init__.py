"""Sheets of hand work: reading, solving, making, filling in and marking them.

The folders, lowest first; each may use those before it: ``sheet`` (the TOML file), ``solution``
(what is right), ``rounding`` (what honest rounding admits), ``slips`` (how numbers come to be
wrong), ``marking`` (verdicts and points), ``exercises`` (fresh sheets, blanks, keys), ``feedback``
(what students read), ``classroom`` (what was handed in, and a class's marks), ``courses`` (marks
for course systems), ``quizzes`` (questions for them, and paper).
"""

from tinygrad_hw.worksheet.classroom.handed_in import HandedIn, handed_in
from tinygrad_hw.worksheet.classroom.handed_out import Compared, compare
from tinygrad_hw.worksheet.classroom.page_paths import MARKED, page_paths
from tinygrad_hw.worksheet.classroom.results import Result, mark_all
from tinygrad_hw.worksheet.classroom.submission import Submission
from tinygrad_hw.worksheet.classroom.summary import MARKS_TABLE_OPENING, class_lines, marks_table
from tinygrad_hw.worksheet.courses.assertion import MarksLostError, assert_marked
from tinygrad_hw.worksheet.courses.canvas import canvas_gradebook
from tinygrad_hw.worksheet.courses.gradescope import (
    GRADESCOPE_OPENING,
    gradescope_refusal,
    gradescope_results,
)
from tinygrad_hw.worksheet.courses.moodle import moodle_worksheet
from tinygrad_hw.worksheet.courses.roster import FilledTable, RosterError
from tinygrad_hw.worksheet.exercises.answer_key import key
from tinygrad_hw.worksheet.exercises.fill_in import fill
from tinygrad_hw.worksheet.exercises.fresh_sheet import ExerciseError, exercise
from tinygrad_hw.worksheet.feedback.html_page import MARKED_PAGE_OPENING, marked_page
from tinygrad_hw.worksheet.feedback.interactive_page import SHEET_PAGE_OPENING, sheet_page
from tinygrad_hw.worksheet.feedback.notebook import marks_bundle as _marks_bundle
from tinygrad_hw.worksheet.feedback.notebook import sheet_bundle as _sheet_bundle
from tinygrad_hw.worksheet.feedback.notebook import solution_bundle as _solution_bundle
from tinygrad_hw.worksheet.feedback.text import feedback_lines
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, as_json, mark
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.marking.points import (
    WEIGHTS,
    WeightError,
    points,
    points_text,
    read_weights,
)
from tinygrad_hw.worksheet.quizzes.canvas_quiz import canvas_quiz
from tinygrad_hw.worksheet.quizzes.handout import handout_page
from tinygrad_hw.worksheet.quizzes.latex import latex_of
from tinygrad_hw.worksheet.quizzes.moodle_xml import moodle_quiz
from tinygrad_hw.worksheet.quizzes.pdf import PdfError, find_printer, pdf_of
from tinygrad_hw.worksheet.quizzes.qti import qti_package
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber, read_number, round_number
from tinygrad_hw.worksheet.sheet.from_function import sheet_from
from tinygrad_hw.worksheet.sheet.model import Answers, Ask, PartialAnswer, Sheet, SheetError
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, PARTS, TABLE, UPDATED
from tinygrad_hw.worksheet.sheet.reader import MAX_STEPS, parse_sheet, read_sheet
from tinygrad_hw.worksheet.sheet.writer import sheet_text
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.slip import Alternative, Slip
from tinygrad_hw.worksheet.solution.as_program import sheet_program
from tinygrad_hw.worksheet.solution.blanks import blanks
from tinygrad_hw.worksheet.solution.solve import Solution, solution_lines, solve

__all__ = [
    "CATALOGUE",
    "FACTOR",
    "FORWARD",
    "GRADESCOPE_OPENING",
    "MARKED",
    "MARKED_PAGE_OPENING",
    "MARKS_TABLE_OPENING",
    "MAX_STEPS",
    "PARTIAL",
    "PARTS",
    "SHEET_PAGE_OPENING",
    "TABLE",
    "UPDATED",
    "WEIGHTS",
    "Alternative",
    "Answers",
    "Ask",
    "Case",
    "Compared",
    "ExerciseError",
    "FilledTable",
    "HandedIn",
    "MarkedNumber",
    "Marks",
    "MarksLostError",
    "PartialAnswer",
    "PdfError",
    "Result",
    "RosterError",
    "Sheet",
    "SheetError",
    "Slip",
    "Solution",
    "Submission",
    "WeightError",
    "WrittenNumber",
    "as_json",
    "assert_marked",
    "blanks",
    "canvas_gradebook",
    "canvas_quiz",
    "class_lines",
    "compare",
    "exercise",
    "feedback_lines",
    "fill",
    "find_printer",
    "gradescope_refusal",
    "gradescope_results",
    "handed_in",
    "handout_page",
    "key",
    "latex_of",
    "mark",
    "mark_all",
    "marked_page",
    "marks_table",
    "moodle_quiz",
    "moodle_worksheet",
    "page_paths",
    "parse_sheet",
    "pdf_of",
    "points",
    "points_text",
    "qti_package",
    "read_number",
    "read_sheet",
    "read_weights",
    "round_number",
    "sheet_from",
    "sheet_page",
    "sheet_program",
    "sheet_text",
    "solution_lines",
    "solve",
]

# Attached here, since sheets, solutions and marks stand below what is shown of them.
Sheet._repr_mimebundle_ = lambda self, **_: _sheet_bundle(self)  # type: ignore[attr-defined]
Solution._repr_mimebundle_ = lambda self, **_: _solution_bundle(self)  # type: ignore[attr-defined]
Marks._repr_mimebundle_ = lambda self, **_: _marks_bundle(self)  # type: ignore[attr-defined]
