"""Which slips explain a number: all of the catalogue, tried against the student's own work."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain

from tinygrad_hw.symbolic import Formula, names_in, substitute
from tinygrad_hw.worksheet.rounding.admissible import Admissible, evaluate
from tinygrad_hw.worksheet.rounding.enclosure import cost_of
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE, shared
from tinygrad_hw.worksheet.slips.slip import FACTOR, PARTIAL, TABLE, Case, Imagined, Slip
from tinygrad_hw.worksheet.solution.dependencies import PRIME


class OutOfEffortError(Exception):
    """There is nothing left to try with."""


class Effort:
    """How much more is tried to explain what is wrong; no stranger's sheet may take for ever.

    Counted in parts of formulas. Nine ordinary slips take 3,000.
    """

    def __init__(self, left: int = 60_000) -> None:
        self.left = left

    def spend(self, formula: Formula) -> None:
        """Use up what it takes to try a formula; where that is more than is left, raise."""
        self.left -= cost_of(formula)
        if self.left < 0:
            raise OutOfEffortError


@dataclass(frozen=True, slots=True)
class Fit:
    """A slip that explains a number, or two slips together."""

    slips: tuple[Slip, ...]
    text: str
    sharp: bool
    detail: str = ""
    imagined: Admissible | None = None


def diagnose(case: Case, catalogue: Sequence[Slip] = CATALOGUE) -> list[Fit]:
    """Find the slips that explain a wrong number; the likeliest first, each slip once.

    Slips that give the number to its last digit come alone, if there are any; else those that could
    give it within rounding; else pairs of slips. What comes first is first in the catalogue.
    """
    fits = _found(_single(case, catalogue))
    if last := next((fit for fit in fits if fit.slips[0].ends_it), None):
        return [last]
    sharp = [fit for fit in fits if fit.sharp]
    if not fits:
        sharp = _found(_pairs(case, catalogue))
    return _each_once(sharp or fits)


def convicts(case: Case, catalogue: Sequence[Slip], strictly: bool) -> list[Fit]:
    """Find the slips that give a number to its last digit where rounding might explain it too.

    Any slip of the working is believed then, and those of the digits that are special enough; but
    where what is not written may be rounded as well (``strictly``), only what stands in the table.
    """
    if strictly and case.part != TABLE:
        return []
    special = [
        slip for slip in catalogue if case.part in slip.convicts or (slip.imagine and not strictly)
    ]
    return _each_once([fit for fit in _found(_single(case, special)) if fit.sharp])


def _found(fits: Iterator[Fit]) -> list[Fit]:
    """Collect what is found before the effort is used up."""
    found: list[Fit] = []
    with suppress(OutOfEffortError):
        for fit in fits:
            found.append(fit)
    return found


def _each_once(fits: list[Fit]) -> list[Fit]:
    first: dict[frozenset[str], Fit] = {}
    for fit in fits:
        first.setdefault(frozenset(slip.id for slip in fit.slips), fit)
    return list(first.values())


def _single(case: Case, catalogue: Sequence[Slip]) -> Iterator[Fit]:
    for slip in catalogue:
        if case.part not in slip.parts:
            continue
        if slip.undo:
            yield from _undone(slip, case, slip.undo(case.written))
        if slip.betrayed:
            for detail in slip.betrayed(case):
                yield Fit((slip,), _text(slip, case, detail=detail), True, detail)
        if slip.imagine:
            for imagined in slip.imagine(case):
                yield from _imagined(slip, case, imagined)
    if case.part == PARTIAL:
        for slip, imagined in _in_factors(case, catalogue):
            yield from _imagined(slip, case, imagined)


def _undone(slip: Slip, case: Case, meanings: Iterable[WrittenNumber]) -> Iterator[Fit]:
    for meant in meanings:
        nothing = meant.digits == 0 and case.step.exact(case) != 0
        if nothing or case.step.shows_nothing(replace(case, written=meant)):
            continue
        sharp = case.expected.matches_a_habit(meant) and case.step.has_allowed_precision(meant)
        if sharp or case.expected.can_give(meant):
            yield Fit((slip,), _text(slip, case, meant=meant), sharp)


def _in_factors(case: Case, catalogue: Sequence[Slip]) -> Iterator[tuple[Slip, Imagined]]:
    """What slips in one of its factors make of a partial."""
    formula, inputs = case.step.expanded(case)
    for names in chain(([name] for name in names_in(formula)), shared(formula)):
        name = names[0]
        case.step.effort.spend(formula)
        if (factor := case.step.factor_case(name, case)) is None:
            continue
        for slip in catalogue:
            for imagined in slip.imagine(factor) if slip.imagine and FACTOR in slip.parts else ():
                more = {**inputs, **factor.inputs, **imagined.more}
                whole = substitute(formula, dict.fromkeys(names, imagined.formula))
                yield slip, Imagined(whole, f"{imagined.detail} in {factor.name}", more)


def _imagined(slip: Slip, case: Case, imagined: Imagined) -> Iterator[Fit]:
    case.step.effort.spend(imagined.formula)
    value = evaluate(imagined.formula, {**case.inputs, **imagined.more})
    if not math.isfinite(value.own_tight.magnitude):  # it would explain anything
        return
    sharp = value.matches_a_habit(case.written)
    if sharp or value.can_give(case.written):
        text = _text(slip, case, detail=imagined.detail)
        yield Fit((slip,), text, sharp, imagined.detail, value)


def _pairs(case: Case, catalogue: Sequence[Slip]) -> Iterator[Fit]:
    """Try each slip of digits on top of each slip of working, and on top of each other."""
    for first in catalogue:
        if not first.combines or not first.undo:
            continue
        others = [slip for slip in catalogue if slip.imagine or (slip.combines and slip != first)]
        for meant in first.undo(case.written):
            second = replace(case, written=meant)
            for fit in _single(second, others):
                if fit.sharp:
                    both = f"Two slips. {_text(first, case, meant=meant)} And {fit.text}"
                    yield Fit((*fit.slips, first), both, sharp=True)


def _text(slip: Slip, case: Case, meant: WrittenNumber | None = None, detail: str = "") -> str:
    text = slip.explanation.format(name=case.name, printed=case.printed, meant=meant, detail=detail)
    return text.replace(PRIME, "")
