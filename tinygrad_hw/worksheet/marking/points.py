"""Points for a marked sheet, by the part and the verdict of each number."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from tinygrad_hw.errors import InputError
from tinygrad_hw.formatting import VERDICTS
from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.sheet.parts import FACTOR, PARTIAL, PARTS, TABLE, UPDATED

SLIP = "slip"  # a wrong number that a slip of the catalogue explains to its last digit
AGAIN = "again"  # a number that is wrong by a rule that was got wrong before
FIGURES = "figures"  # a right number that shows fewer of them than the sheet asks for
REPEATED = "repeated"  # a factor that another chain has already, a copy in the table
WEIGHTS: Mapping[str, float] = {
    **dict.fromkeys(PARTS, 1.0),
    **dict.fromkeys(VERDICTS, 1.0),
    "wrong": 0.0,
    SLIP: 0.5,
    "missing": 0.0,
    AGAIN: 1.0,
    REPEATED: 0.0,
    FIGURES: 0.5,
}
"""The points for a number by its part, and the share of them that it earns by its verdict.

A repeated number is worth the share ``REPEATED`` of its points. A right one with fewer figures than
the sheet asks for earns the share ``FIGURES`` of what its verdict earns.
"""


class WeightError(InputError):
    """The error of a weight with an unknown name, or with a value out of range."""


def read_weights(text: str) -> dict[str, float]:
    """Read weights such as ``factor=0.5,follows=0.8``; the others are those of ``WEIGHTS``.

    Raises
    ------
    WeightError
        If a name is not in ``WEIGHTS``, or a weight is not a number in its range.
    """
    weights = dict(WEIGHTS)
    for entry in filter(None, (entry.strip() for entry in text.split(","))):
        name, _, number = (part.strip() for part in entry.partition("="))
        if name not in weights:
            known = ", ".join(WEIGHTS)
            raise WeightError(f"{entry[:40]!r} sets no weight; write one of {known}, as factor=0.5")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        most = 1000 if name in PARTS else 1
        if not 0 <= weight <= most:
            raise WeightError(f"{entry[:40]!r} is no weight; give a number from 0 to {most}")
        weights[name] = weight
    return weights


def points(marks: Marks, weights: Mapping[str, float] = WEIGHTS) -> tuple[float, float]:
    """Return the points that a sheet earned, and those that it could have earned.

    What the sheet's ``[ask]`` says a number is worth counts before the weight of its part.
    """
    items = [*points_by_item(marks, weights)]
    return sum(earned for _, earned, _ in items), sum(worth for _, _, worth in items)


def points_by_item(
    marks: Marks, weights: Mapping[str, float] = WEIGHTS
) -> Iterator[tuple[MarkedNumber, float, float]]:
    """Yield each item with the points that it earned, and those that it could have earned.

    Of several items for one quantity, the first that is answered is worth the whole.
    """
    ask = marks.sheet.ask
    whole: dict[tuple[str, int, str, str], MarkedNumber] = {}
    for item in sorted(marks.items, key=lambda item: (item.verdict == "missing", _is_copy(item))):
        whole.setdefault(_quantity(item), item)
    for item in marks.items:
        stated = ask.points_for(item.part, item.name) if ask else None
        worth = weights[item.part] if stated is None else stated
        is_first = whole[_quantity(item)] is item
        worth = worth if is_first else worth * weights[REPEATED]
        share = weights[_credit(item)] * (weights[FIGURES] if item.note == FIGURES else 1)
        yield item, worth * share, worth


def _is_copy(item: MarkedNumber) -> bool:
    """Return whether a number is the copy where the same quantity has a place of its own."""
    return item.part in (FACTOR, TABLE)


def _quantity(item: MarkedNumber) -> tuple[str, int, str, str]:
    """Return what a number is the value of: a factor may be a partial, too.

    With its value, since a factor is the local derivative where there is one, and a partial not.
    """
    kind = {FACTOR: PARTIAL, TABLE: UPDATED}.get(item.part, item.part)
    return kind, item.step, item.name, f"{item.exact:.9g}"


def _credit(item: MarkedNumber) -> str:
    """Return the name of the share that a number earns: its verdict, "slip" or "again"."""
    if item.note == AGAIN:
        return AGAIN
    is_known = item.verdict == "wrong" and item.slip_explains_every_digit
    return SLIP if is_known or item.note == "turned" else item.verdict


def points_text(earned: float, possible: float) -> str:
    """Write points as "95.5 of 104"."""
    return f"{round(earned, 2):.10g} of {round(possible, 2):.10g}"
