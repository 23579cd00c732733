"""Sheets of hand work: reading, solving, making, filling in and marking them."""

from tinygrad_hw.worksheet.exercises.fresh_sheet import blanks, exercise, key
from tinygrad_hw.worksheet.marking.mark_sheet import mark
from tinygrad_hw.worksheet.marking.points import WEIGHTS
from tinygrad_hw.worksheet.sheet.from_function import sheet_from
from tinygrad_hw.worksheet.sheet.model import parse_sheet, read_sheet
from tinygrad_hw.worksheet.sheet.writer import sheet_text
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.slip import Slip

__all__ = [
    "CATALOGUE",
    "WEIGHTS",
    "Slip",
    "blanks",
    "exercise",
    "key",
    "mark",
    "parse_sheet",
    "read_sheet",
    "sheet_from",
    "sheet_text",
]
