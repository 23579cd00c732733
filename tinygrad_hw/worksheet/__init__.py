"""Sheets of hand work: reading, solving, making, filling in and marking them."""

from tinygrad_hw.worksheet.exercises import blanks, exercise, key
from tinygrad_hw.worksheet.marking import mark
from tinygrad_hw.worksheet.recording import sheet_from
from tinygrad_hw.worksheet.sheet import parse_sheet, read_sheet
from tinygrad_hw.worksheet.writer import sheet_text

__all__ = [
    "blanks",
    "exercise",
    "key",
    "mark",
    "parse_sheet",
    "read_sheet",
    "sheet_from",
    "sheet_text",
]
