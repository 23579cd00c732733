"""How one number of a sheet is referred to."""

from typing import NamedTuple

import pytest

from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, PARTS, TABLE, UPDATED, place


class Number(NamedTuple):
    """A number's place, and nothing else."""

    part: str
    name: str
    of: str | None = None


PLACES = {
    Number(FORWARD, "z1"): "z1",
    Number(FACTOR, "dE/da", "dE/dw"): "dE/da in dE/dw",
    Number(PARTIAL, "dE/dw"): "dE/dw",
    Number(UPDATED, "w"): "the new w",
    Number(TABLE, "w"): "w in the table",
}


def test_every_part_is_here() -> None:
    assert tuple(number.part for number in PLACES) == PARTS


@pytest.mark.parametrize(("number", "text"), PLACES.items(), ids=PARTS)
def test_a_place_is_said_in_words(number: Number, text: str) -> None:
    assert place(number) == text
