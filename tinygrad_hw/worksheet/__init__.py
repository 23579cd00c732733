"""Sheets of hand work: reading, solving, making and filling them in."""

from tinygrad_hw.worksheet.exercises import blanks, exercise, key
from tinygrad_hw.worksheet.recording import sheet_from
from tinygrad_hw.worksheet.sheet import parse_sheet, read_sheet
from tinygrad_hw.worksheet.writer import sheet_text

__all__ = [
    "blanks",
    "exercise",
    "key",
    "parse_sheet",
    "read_sheet",
    "sheet_from",
    "sheet_text",
]
