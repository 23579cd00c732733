"""What a slip is: one record, and the case that it is held against.

A slip says what went wrong in one of three ways:

- ``undo``: what it does to the digits. Given a written number, it yields what may have been meant.
- ``imagine``: what it does to the working. Given the case, it yields formulas that may have been
  computed in place of the right one.
- ``betrayed``: what shows it beside the number itself; it yields what it was betrayed by.

It explains a number if what it yields gives the number by the same intervals that honest work is
measured with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tinygrad_hw.symbolic import Formula
from tinygrad_hw.worksheet.rounding.admissible import Admissible
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber

if TYPE_CHECKING:
    from tinygrad_hw.worksheet.marking.judge import Step

FORWARD, FACTOR, PARTIAL, UPDATED, TABLE = PARTS = (
    "forward",
    "factor",
    "partial",
    "updated",
    "table",
)


@dataclass(frozen=True)
class Case:
    """One written number, and what there is to explain it with.

    Attributes
    ----------
    part, name, of
        Which number it is, as in the report.
    expected
        What it should have been, in this student's work.
    formula, inputs
        How it is worked out, and from what. Factors are named "dE/da4" there.
    step
        The work that it stands in.
    written, printed
        The number, and as it stands in the sheet.
    path
        For a factor: in which of the partial's paths it stands.
    copied
        For an entry of the table: what was worked out beside the partial, if that was right.
    """

    part: str
    name: str
    of: str | None
    expected: Admissible
    formula: Formula
    inputs: Mapping[str, Admissible]
    step: Step
    written: WrittenNumber = field(default_factory=lambda: WrittenNumber(0, 0))
    printed: str = ""
    path: int = 0
    copied: WrittenNumber | None = None

    @property
    def top(self) -> str:
        """What is differentiated: E of dE/da4."""
        return self.name.split("/")[0][1:]

    @property
    def bottom(self) -> str:
        """What it is differentiated by: a4 of dE/da4."""
        return self.name.split("/")[1][1:]

    @property
    def slope(self) -> str:
        """The partial that a parameter is updated by: dE/dw of w."""
        return f"d{self.step.loss}/d{self.name}"


@dataclass(frozen=True, slots=True)
class Imagined:
    """What may have been computed in place of the right formula, and in words what is wrong."""

    formula: Formula
    detail: str
    more: Mapping[str, Admissible] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slip:
    """One way to go wrong.

    Attributes
    ----------
    id
        Its name in reports.
    hint
        A nudge that gives nothing away.
    explanation
        The whole story. ``{name}``, ``{printed}``, ``{meant}`` and ``{detail}`` are put in.
    parts
        Where it can happen; its functions are asked of nothing else.
    undo, imagine, betrayed
        What it does to digits; what it does to the working; what shows it beside the number.
    convicts
        Parts where it is believed even if rounding could just explain the number too.
    combines
        Whether it is tried together with a second slip where no single one fits.
    faint
        Whether it may change a number by no more than honest rounding does.
    ends_it
        Whether there is nothing left in the number to tell more from.
    """

    id: str
    hint: str
    explanation: str
    parts: tuple[str, ...] = PARTS
    undo: Callable[[WrittenNumber], Iterator[WrittenNumber]] | None = None
    imagine: Callable[[Case], Iterator[Imagined]] | None = None
    betrayed: Callable[[Case], Iterator[str]] | None = None
    convicts: tuple[str, ...] = ()
    combines: bool = False
    faint: bool = False
    ends_it: bool = False
