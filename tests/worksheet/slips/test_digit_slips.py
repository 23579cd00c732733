"""What each slip of the digits takes a written number to be meant as."""

from collections.abc import Callable, Iterator

import pytest

from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber, read_number
from tinygrad_hw.worksheet.slips.digit_slips import (
    change_digit,
    change_sign,
    change_zeros,
    move_point,
    transpose_digits,
)

Undo = Callable[[WrittenNumber], Iterator[WrittenNumber]]


def meanings(undo: Undo, text: str) -> list[str]:
    return [str(meant) for meant in undo(read_number(text))]


@pytest.mark.parametrize(
    ("undo", "text", "meant"),
    [
        (change_sign, "0.25", ["-0.25"]),
        (move_point, "1.5", ["15", "0.15", "1.5e2", "0.015", "1.5e3", "0.0015"]),
        (move_point, "2e-4", ["0.002", "2e-5", "0.02", "2e-6", "0.2", "2e-7", "2e4"]),
        (change_zeros, "1.05", ["1.5", "1.005", "1.005"]),
        (transpose_digits, "-9.5345", ["-5.9345", "-9.3545", "-9.5435", "-9.5354"]),
        (transpose_digits, "0.031", ["0.301", "0.013"]),
        (transpose_digits, "7", []),
    ],
)
def test_what_may_have_been_meant(undo: Undo, text: str, meant: list[str]) -> None:
    assert sorted(meanings(undo, text)) == sorted(meant)


def test_one_digit_is_changed_to_any_other() -> None:
    meant = meanings(change_digit, "42")
    assert len(meant) == len(set(meant)) == 18
    assert {"92", "2", "40"} <= set(meant)
    assert "42" not in meant


@pytest.mark.parametrize("undo", [change_sign, transpose_digits])
def test_a_slip_that_is_its_own_inverse_leads_back(undo: Undo) -> None:
    for meant in undo(read_number("-0.3147")):
        assert "-0.3147" in [str(back) for back in undo(meant)]
