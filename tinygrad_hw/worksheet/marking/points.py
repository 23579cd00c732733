"""Points for a marked sheet, by the part and the verdict of each number."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tinygrad_hw.errors import InputError
from tinygrad_hw.formatting import VERDICTS
from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.sheet.parts import PARTS

SLIP = "slip"  # a wrong number that a slip of the catalogue explains to its last digit
WEIGHTS: Mapping[str, float] = {
    **dict.fromkeys(PARTS, 1.0),
    **dict.fromkeys(VERDICTS, 1.0),
    "wrong": 0.0,
    SLIP: 0.5,
    "missing": 0.0,
}
"""The points for a number by its part, and the share of them that it earns by its verdict."""


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
    """Return the points that a sheet earned, and those that it could have earned."""
    possible = sum(weights[item.part] for item in marks.items)
    return sum(weights[item.part] * weights[_credit(item)] for item in marks.items), possible


def _credit(item: MarkedNumber) -> str:
    """Return the name of the share that a number earns: its verdict, or "slip"."""
    return SLIP if item.verdict == "wrong" and item.slip_explains_every_digit else item.verdict


def points_text(earned: float, possible: float) -> str:
    """Write points as "95.5 of 104"."""
    return f"{round(earned, 2):.10g} of {round(possible, 2):.10g}"
