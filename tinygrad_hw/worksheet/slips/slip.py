"""What a slip is: one record of the catalogue.

A slip says what went wrong in one of three ways:

- ``undo``: what it does to the digits. Given a written number, it yields what may have been meant.
- ``alternatives``: what it does to the working. Given the case, it yields formulas that may have
  been computed in place of the right one.
- ``evidence``: what shows it in the numbers beside. Given the case, it yields that in words.

It explains a number if what it yields gives the number by the same intervals that honest work is
measured with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tinygrad_hw.symbolic import Formula
from tinygrad_hw.worksheet.rounding.admissible import Admissible
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber
from tinygrad_hw.worksheet.sheet.parts import PARTS
from tinygrad_hw.worksheet.slips.case import Case


@dataclass(frozen=True, slots=True)
class Alternative:
    """What may have been computed in place of the right formula.

    Attributes
    ----------
    formula
        The formula; its names are the case's inputs and ``extra_inputs``.
    detail
        What is wrong with it, in words.
    extra_inputs
        The numbers that it uses beside the case's inputs.
    """

    formula: Formula
    detail: str
    extra_inputs: Mapping[str, Admissible] = field(default_factory=dict)


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
        What happened, in full. ``{name}``, ``{printed}``, ``{meant}`` and ``{detail}`` are put in.
    parts
        The parts of a sheet where it can happen; its functions are called for no other.
    undo, alternatives, evidence
        What it does to digits; what it does to the working; what shows it in the numbers beside.
    overrules_rounding
        The parts where it is believed even if rounding could just explain the number too.
    combines
        Whether it is tried together with a second slip where no single one fits.
    may_hide_in_rounding
        Whether it may change a number by no more than honest rounding does.
    final
        Whether no other slip is named beside it, since the number shows too little.
    """

    id: str
    hint: str
    explanation: str
    parts: tuple[str, ...] = PARTS
    undo: Callable[[WrittenNumber], Iterator[WrittenNumber]] | None = None
    alternatives: Callable[[Case], Iterator[Alternative]] | None = None
    evidence: Callable[[Case], Iterator[str]] | None = None
    overrules_rounding: tuple[str, ...] = ()
    combines: bool = False
    may_hide_in_rounding: bool = False
    final: bool = False
