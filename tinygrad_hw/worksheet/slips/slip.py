"""The record of a slip in the catalogue.

A slip has at least one of three functions:

- ``undo`` undoes it in the digits: from a written number it yields those that may have been meant.
- ``alternatives`` makes it in the working: for a case it yields formulas that may have been
  computed in place of the right one.
- ``evidence`` looks for it in the numbers beside: for a case it yields its findings in words.

A slip explains a number if one of these formulas, or the right one and a number that was meant, fit
by the same intervals as honest work.
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
    """A formula that may have been computed in place of the right one.

    Attributes
    ----------
    formula
        The formula; its names are the case's inputs and ``extra_inputs``.
    detail
        The mistake in words.
    extra_inputs
        The numbers that the formula uses beside the case's inputs.
    rule
        The rule that was got wrong, in words that say nothing of the place: who does so in many
        places made one slip. "" for a mistake of the moment.
    """

    formula: Formula
    detail: str
    extra_inputs: Mapping[str, Admissible] = field(default_factory=dict)
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Slip:
    """One way to go wrong.

    Attributes
    ----------
    id
        The slip's name in reports.
    hint
        A nudge that does not give the slip away.
    explanation
        The full explanation, with places for ``{name}``, ``{printed}``, ``{meant}``, ``{detail}``.
    parts
        The parts of a sheet where the slip can happen; its functions are called for no others.
    undo, alternatives, evidence
        The functions that look for the slip; see the module.
    overrules_rounding
        The parts where the slip is named even if rounding could just explain the number, too.
    combines
        Whether the slip is tried together with a second one where no single slip fits.
    may_hide_in_rounding
        Whether the slip may change a number by no more than honest rounding does.
    final
        Whether no other slip is named beside this one, since the number shows too little.
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
