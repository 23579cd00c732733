"""The parts of a sheet that hold answers, and how one of its numbers is referred to."""

from __future__ import annotations

from typing import Protocol

FORWARD, FACTOR, PARTIAL, UPDATED, TABLE = PARTS = (
    "forward",
    "factor",
    "partial",
    "updated",
    "table",
)


class NumberOfSheet(Protocol):
    """Something that is about one number of a sheet."""

    @property
    def part(self) -> str:
        """The part that it stands in, one of ``PARTS``."""

    @property
    def name(self) -> str:
        """Its name, such as "a4" or "dE/da4"."""

    @property
    def of(self) -> str | None:
        """For a factor, the partial that it belongs to."""


def place(number: NumberOfSheet) -> str:
    """Say which number of a sheet it is, such as "the new w1"."""
    if number.part == FACTOR:
        return f"{number.name} in {number.of}"
    names = {UPDATED: f"the new {number.name}", TABLE: f"{number.name} in the table"}
    return names.get(number.part, number.name)
