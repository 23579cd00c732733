"""Sheets of hand work: reading, solving, making, filling in and marking them.

The folders, lowest first; each may use those before it: ``sheet`` (the TOML file), ``solution``
(what is right), ``rounding`` (what honest rounding admits), ``slips`` (how numbers come to be
wrong), ``marking`` (verdicts and points), ``exercises`` (fresh sheets, blanks, keys), ``feedback``
(what students and teachers read).
"""

from tinygrad_hw.worksheet.exercises.answer_key import key
from tinygrad_hw.worksheet.exercises.blanks import blanks
from tinygrad_hw.worksheet.exercises.fresh_sheet import exercise
from tinygrad_hw.worksheet.marking.mark_sheet import Marks, as_json, mark
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.marking.points import (
    WEIGHTS,
    WeightError,
    points,
    points_text,
    read_weights,
)
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber, read_number, round_number
from tinygrad_hw.worksheet.sheet.from_function import sheet_from
from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer, Sheet, SheetError
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, PARTS, TABLE, UPDATED
from tinygrad_hw.worksheet.sheet.reader import parse_sheet, read_sheet
from tinygrad_hw.worksheet.sheet.writer import sheet_text
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.slip import Alternative, Slip
from tinygrad_hw.worksheet.solution.as_program import sheet_program
from tinygrad_hw.worksheet.solution.solve import Solution, solution_lines, solve

__all__ = [
    "CATALOGUE",
    "FACTOR",
    "FORWARD",
    "PARTIAL",
    "PARTS",
    "TABLE",
    "UPDATED",
    "WEIGHTS",
    "Alternative",
    "Answers",
    "Case",
    "MarkedNumber",
    "Marks",
    "PartialAnswer",
    "Sheet",
    "SheetError",
    "Slip",
    "Solution",
    "WeightError",
    "WrittenNumber",
    "as_json",
    "blanks",
    "exercise",
    "key",
    "mark",
    "parse_sheet",
    "points",
    "points_text",
    "read_number",
    "read_sheet",
    "read_weights",
    "round_number",
    "sheet_from",
    "sheet_program",
    "sheet_text",
    "solution_lines",
    "solve",
]
