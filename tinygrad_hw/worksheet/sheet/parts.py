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
ASK_KEYS = ("forward", "factors", "partials", "updated", "table")  # of [ask], in the order of PARTS


class NumberOfSheet(Protocol):
    """An object about one number of a sheet."""

    @property
    def part(self) -> str:
        """Return its part of the sheet, one of ``PARTS``."""

    @property
    def name(self) -> str:
        """Return its name, such as "a4" or "dE/da4"."""

    @property
    def of(self) -> str | None:
        """Return the partial that a factor belongs to, None for other parts."""


def split_partial(name: str) -> tuple[str, str]:
    """Split the name dP/dQ into P and Q."""
    top, _, bottom = name.removeprefix("d").partition("/d")
    return top, bottom


def place(number: NumberOfSheet) -> str:
    """Return how a number of a sheet is referred to, such as "the new w1"."""
    if number.part == FACTOR:
        return f"{number.name} in {number.of}"
    names = {UPDATED: f"the new {number.name}", TABLE: f"{number.name} in the table"}
    return names.get(number.part, number.name)
