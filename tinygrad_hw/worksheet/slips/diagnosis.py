"""The diagnosis: which slips of the catalogue explain a number in the student's work."""

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
from tinygrad_hw.worksheet.sheet.parts import FACTOR, PARTIAL, TABLE
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.slip import Alternative, Slip
from tinygrad_hw.worksheet.slips.working_slips import repeated_factors
from tinygrad_hw.worksheet.solution.dependencies import PRIME


class BudgetExhaustedError(Exception):
    """There is nothing left to try formulas with."""


class Budget:
    """The work left for explaining a sheet's wrong numbers: a bound, since anybody may send one.

    Counted in parts of formulas. Nine ordinary slips take 3,000.
    """

    def __init__(self, left: int = 60_000) -> None:
        self.left = left

    def spend(self, formula: Formula) -> None:
        """Subtract the work of trying a formula; raise where that is more than is left."""
        self.left -= cost_of(formula)
        if self.left < 0:
            raise BudgetExhaustedError


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A slip that explains a number, or two slips together.

    Attributes
    ----------
    slips
        The slip, or both.
    text, detail
        What happened, in full; the detail that the slip gave.
    explains_every_digit
        Whether it gives the number to its last digit, and not only within rounding.
    made_by_slip
        The number that the slip gives, where it is one of the working.
    """

    slips: tuple[Slip, ...]
    text: str
    explains_every_digit: bool
    detail: str = ""
    made_by_slip: Admissible | None = None


def diagnose(case: Case, budget: Budget, catalogue: Sequence[Slip] = CATALOGUE) -> list[Diagnosis]:
    """Find the slips that explain a wrong number; the likeliest first, each slip once.

    Slips that give the number to its last digit come alone, if there are any; else those that could
    give it within rounding; else pairs of slips. What comes first is first in the catalogue.
    """
    found = _within_budget(_single_slips(case, budget, catalogue))
    if final := next((diagnosis for diagnosis in found if diagnosis.slips[0].final), None):
        return [final]
    sharp = [diagnosis for diagnosis in found if diagnosis.explains_every_digit]
    if not found:
        sharp = _within_budget(_pairs(case, budget, catalogue))
    return _each_slip_once(sharp or found)


def diagnose_despite_rounding(
    case: Case, budget: Budget, catalogue: Sequence[Slip], table_only: bool
) -> list[Diagnosis]:
    """Find the slips that give a number to its last digit where rounding might explain it too.

    Any slip of the working is believed then, and those of the digits whose record says so. With
    ``table_only``, where intermediate results may be rounded as well, only entries of the table are
    looked at, and only slips whose record says so.
    """
    if table_only and case.part != TABLE:
        return []
    believed = [
        slip
        for slip in catalogue
        if case.part in slip.overrules_rounding or (slip.alternatives and not table_only)
    ]
    found = _within_budget(_single_slips(case, budget, believed))
    return _each_slip_once([diagnosis for diagnosis in found if diagnosis.explains_every_digit])


def _within_budget(diagnoses: Iterator[Diagnosis]) -> list[Diagnosis]:
    """Collect what is found before the budget is exhausted."""
    found: list[Diagnosis] = []
    with suppress(BudgetExhaustedError):
        for diagnosis in diagnoses:
            found.append(diagnosis)
    return found


def _each_slip_once(diagnoses: list[Diagnosis]) -> list[Diagnosis]:
    first: dict[frozenset[str], Diagnosis] = {}
    for diagnosis in diagnoses:
        first.setdefault(frozenset(slip.id for slip in diagnosis.slips), diagnosis)
    return list(first.values())


def _single_slips(case: Case, budget: Budget, catalogue: Sequence[Slip]) -> Iterator[Diagnosis]:
    """Try each slip by itself; of a partial, also those in one of its factors."""
    for slip in catalogue:
        if case.part not in slip.parts:
            continue
        if slip.undo:
            yield from _try_meanings(slip, case, slip.undo(case.written))
        if slip.evidence:
            for detail in slip.evidence(case):
                yield Diagnosis((slip,), _text(slip, case, detail=detail), True, detail)
        if slip.alternatives:
            for alternative in slip.alternatives(case):
                yield from _try_alternative(slip, case, alternative, budget)
    if case.part == PARTIAL:
        for slip, alternative in _slips_in_factors(case, budget, catalogue):
            yield from _try_alternative(slip, case, alternative, budget)


def _try_meanings(slip: Slip, case: Case, meanings: Iterable[WrittenNumber]) -> Iterator[Diagnosis]:
    for meant in meanings:
        is_zero = meant.digits == 0 and case.exact != 0
        if is_zero or replace(case, written=meant).shows_no_digit:
            continue
        sharp = case.expected.matches_a_habit(meant) and case.work.is_within_rounding(meant)
        if sharp or case.expected.can_give(meant):
            yield Diagnosis((slip,), _text(slip, case, meant=meant), sharp)


def _slips_in_factors(
    case: Case, budget: Budget, catalogue: Sequence[Slip]
) -> Iterator[tuple[Slip, Alternative]]:
    """Yield what slips in one of its factors make of a partial."""
    formula, inputs = case.sum_over_paths()
    for names in chain(([name] for name in names_in(formula)), repeated_factors(formula)):
        budget.spend(formula)
        if (factor := case.case_of_factor(names[0])) is None:
            continue
        for slip in catalogue:
            if not slip.alternatives or FACTOR not in slip.parts:
                continue
            for alternative in slip.alternatives(factor):
                extra_inputs = {**inputs, **factor.inputs, **alternative.extra_inputs}
                whole = substitute(formula, dict.fromkeys(names, alternative.formula))
                detail = f"{alternative.detail} in {factor.name}"
                yield slip, Alternative(whole, detail, extra_inputs)


def _try_alternative(
    slip: Slip, case: Case, alternative: Alternative, budget: Budget
) -> Iterator[Diagnosis]:
    budget.spend(alternative.formula)
    value = evaluate(alternative.formula, {**case.inputs, **alternative.extra_inputs})
    if not math.isfinite(value.own_tight.magnitude):  # it would explain anything
        return
    sharp = value.matches_a_habit(case.written)
    if sharp or value.can_give(case.written):
        text = _text(slip, case, detail=alternative.detail)
        yield Diagnosis((slip,), text, sharp, alternative.detail, value)


def _pairs(case: Case, budget: Budget, catalogue: Sequence[Slip]) -> Iterator[Diagnosis]:
    """Try each slip of digits on top of each slip of working, and on top of each other."""
    for first in catalogue:
        if not first.combines or not first.undo:
            continue
        others = [
            slip for slip in catalogue if slip.alternatives or (slip.combines and slip != first)
        ]
        for meant in first.undo(case.written):
            undone = replace(case, written=meant)
            for diagnosis in _single_slips(undone, budget, others):
                if diagnosis.explains_every_digit:
                    both = f"Two slips. {_text(first, case, meant=meant)} And {diagnosis.text}"
                    yield Diagnosis((*diagnosis.slips, first), both, explains_every_digit=True)


def _text(slip: Slip, case: Case, meant: WrittenNumber | None = None, detail: str = "") -> str:
    text = slip.explanation.format(name=case.name, printed=case.printed, meant=meant, detail=detail)
    return text.replace(PRIME, "")
