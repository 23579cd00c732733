"""The diagnosis: the slips of the catalogue that explain a number in the student's work."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from tinygrad_hw.engine import ops
from tinygrad_hw.symbolic import Formula, is_call_of, names_in, operands_of, substitute
from tinygrad_hw.worksheet.rounding.admissible import (
    Admissible,
    evaluate,
    may_give,
    working_by_habit,
    working_in_steps,
)
from tinygrad_hw.worksheet.rounding.enclosure import cost_of
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber
from tinygrad_hw.worksheet.sheet.parts import FACTOR, TABLE
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.slip import Alternative, Slip
from tinygrad_hw.worksheet.slips.student_work import Inputs
from tinygrad_hw.worksheet.slips.working_slips import names_by_factor
from tinygrad_hw.worksheet.solution.dependencies import PRIME, without_marks


class BudgetExhaustedError(Exception):
    """The error of a formula that would cost more than is left of the budget."""


class Budget:
    """The bound of the search for a sheet's slips, since a sheet may come from anybody.

    Its unit is a part of a formula, a few microseconds. Nine ordinary slips cost 3,000; one in each
    of the twelve gradients of a 2-2-2 network, of which only the values are written, 270,000.
    """

    def __init__(self, left: int = 500_000) -> None:
        self.left = left

    def spend(self, formula: Formula) -> None:
        """Subtract the cost of trying a formula; raise if less than that is left."""
        self.left -= cost_of(formula)
        if self.left < 0:
            raise BudgetExhaustedError


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A slip that explains a number, or two slips together.

    Attributes
    ----------
    slips
        The slip, or both slips.
    text, detail
        The full explanation; the detail in it that the slip's function gave.
    explains_every_digit
        Whether the slip gives the number to its last digit, and not only within rounding.
    made_by_slip
        The number that the slip gives, if it is a slip of the working.
    rules
        The rules that the slip gets wrong, if any: see ``Alternative``.
    """

    slips: tuple[Slip, ...]
    text: str
    explains_every_digit: bool
    detail: str = ""
    made_by_slip: Admissible | None = None
    rules: tuple[str, ...] = ()


def diagnose(case: Case, budget: Budget, catalogue: Sequence[Slip] = CATALOGUE) -> list[Diagnosis]:
    """Find the slips that explain a wrong number, each once, in the order of the catalogue.

    If any slips give the number to its last digit, they are returned alone; else those that could
    give it within rounding; else pairs of slips.
    """
    found = _within_budget(_single_slips(case, budget, catalogue))
    final = [diagnosis for diagnosis in found if diagnosis.slips[0].final]
    if final and not case.written.digits:  # 0 may be what a slip makes: a weight that is 0
        found = [x for x in found if x.made_by_slip and x.made_by_slip.unrounded == 0]
    if final and (case.written.digits or not found):
        return final[:1]
    sharp = [diagnosis for diagnosis in found if diagnosis.explains_every_digit]
    if not found:
        sharp = _within_budget(_pairs(case, budget, catalogue))
    return _each_slip_once(sharp or found)


def diagnose_despite_rounding(
    case: Case, budget: Budget, catalogue: Sequence[Slip], table_only: bool
) -> list[Diagnosis]:
    """Find the slips that give a number to its last digit where rounding might explain it too.

    All slips of the working are tried, and slips of the digits that overrule rounding. With
    ``table_only``, where intermediate results may be rounded as well, slips are tried on entries of
    the table alone, and only such as overrule rounding.
    """
    if table_only and case.part != TABLE:
        return []
    credible = [
        slip
        for slip in catalogue
        if case.part in slip.overrules_rounding or (slip.alternatives and not table_only)
    ]
    found = _within_budget(_single_slips(case, budget, credible))
    return _each_slip_once([diagnosis for diagnosis in found if diagnosis.explains_every_digit])


def _within_budget(diagnoses: Iterator[Diagnosis]) -> list[Diagnosis]:
    """Return the diagnoses that are found before the budget is exhausted."""
    found: list[Diagnosis] = []
    with suppress(BudgetExhaustedError):
        for diagnosis in diagnoses:
            found.append(diagnosis)
    return found


def _each_slip_once(diagnoses: list[Diagnosis]) -> list[Diagnosis]:
    first: dict[frozenset[str], Diagnosis] = {}
    for diagnosis in diagnoses:
        ids = frozenset(slip.id for slip in diagnosis.slips)
        known = first.setdefault(ids, diagnosis)
        rules = dict.fromkeys((*known.rules, *diagnosis.rules))
        first[ids] = replace(known, rules=tuple(rules))
    return list(first.values())


def _single_slips(
    case: Case, budget: Budget, catalogue: Sequence[Slip], sharp_only: bool = False
) -> Iterator[Diagnosis]:
    """Try each slip by itself; of a sum over paths, also those in one of its factors.

    With ``sharp_only``, slips of the working count only where they give the number to its last
    digit, which is found out sooner.
    """
    for slip in catalogue:
        if not set(case.kinds) & set(slip.parts):
            continue
        if slip.undo:
            yield from _try_meanings(slip, case, slip.undo(case.written))
        if slip.evidence:
            for detail in slip.evidence(case):
                shows_any = not slip.final or case.written.digits > 0
                yield Diagnosis((slip,), _text(slip, case, detail=detail), shows_any, detail)
        if slip.alternatives:
            for alternative in slip.alternatives(case):
                yield from _try_alternative(slip, case, alternative, budget, sharp_only)
    if case.is_sum_over_paths:
        for slip, alternative in _slips_in_factors(case, budget, catalogue):
            yield from _try_alternative(slip, case, alternative, budget, sharp_only)


def _try_meanings(slip: Slip, case: Case, meanings: Iterable[WrittenNumber]) -> Iterator[Diagnosis]:
    for meant in meanings:
        is_zero = meant.digits == 0 and case.exact != 0
        if is_zero or replace(case, written=meant).shows_no_digit:
            continue
        sharp = (
            case.expected.matches_a_habit(meant)
            and not case.shows_little
            and case.work.is_within_rounding(meant)
        )
        if sharp or case.expected.can_give(meant):
            yield Diagnosis((slip,), _text(slip, case, meant=meant), sharp)


def _slips_in_factors(
    case: Case, budget: Budget, catalogue: Sequence[Slip]
) -> Iterator[tuple[Slip, Alternative]]:
    """Yield a partial's formulas with one rule wrong in several factors, then with a slip in one.

    The several are all that have the rule, or those of them that are not on every path: in the sum
    over the outputs of a network, the factors that belong to one output.
    """
    formula, inputs = case.sum_over_paths()
    groups = names_by_factor(formula)
    found: list[tuple[Slip, str, Alternative]] = []  # with the name of the factor
    by_rule: dict[tuple[Slip, str], dict[str, Alternative]] = {}
    for name in groups:
        budget.spend(formula)
        if (factor := case.case_of_factor(name)) is None:
            continue
        for slip in catalogue:
            if not slip.alternatives or FACTOR not in slip.parts:
                continue
            for alternative in slip.alternatives(factor):
                where = "" if name in alternative.detail else f" in {name}"
                extra = {**inputs, **factor.inputs, **alternative.extra_inputs}
                wrong = replace(
                    alternative, detail=f"{alternative.detail}{where}", extra_inputs=extra
                )
                found.append((slip, name, wrong))
                if wrong.rule:
                    by_rule.setdefault((slip, wrong.rule), {}).setdefault(name, wrong)
    everywhere = _on_every_path(formula)
    for (slip, _), wrong_in in by_rule.items():
        for names in dict.fromkeys(
            (tuple(wrong_in), tuple(name for name in wrong_in if name not in everywhere))
        ):
            if len(names) > 1:
                yield slip, _in_several({name: wrong_in[name] for name in names}, formula, groups)
    for slip, name, wrong in found:
        for places in dict.fromkeys([*((place,) for place in groups[name]), tuple(groups[name])]):
            changed = substitute(formula, dict.fromkeys(places, wrong.formula))
            yield slip, replace(wrong, formula=changed)


def _in_several(
    wrong: Mapping[str, Alternative], formula: Formula, groups: Mapping[str, Sequence[str]]
) -> Alternative:
    """Return a partial's formula with the same rule wrong in several factors."""
    first, *others = wrong
    changed: dict[Formula, Formula] = {
        place: wrong[name].formula for name in wrong for place in groups[name]
    }
    detail = f"{wrong[first].detail}, and so in {', '.join(others)}"
    if all(alternative.formula == 1.0 for alternative in wrong.values()):
        detail = f"without the factors {', '.join(wrong)}"
    extra = {k: x for alternative in wrong.values() for k, x in alternative.extra_inputs.items()}
    return Alternative(substitute(formula, changed), detail, extra, wrong[first].rule)


def _on_every_path(formula: Formula) -> set[str]:
    """Return the factors that stand in every term of a sum over paths."""
    terms = operands_of(formula) if is_call_of(formula, ops.add) else (formula,)
    return set.intersection(*({name.strip(PRIME) for name in names_in(term)} for term in terms))


def _try_alternative(
    slip: Slip, case: Case, alternative: Alternative, budget: Budget, sharp_only: bool
) -> Iterator[Diagnosis]:
    budget.spend(alternative.formula)
    inputs = {**case.inputs, **alternative.extra_inputs}
    steps = case.work.step_rounding
    if not _gives_every_digit(alternative.formula, inputs, case) and (
        sharp_only or not may_give(alternative.formula, inputs, case.written)
    ):
        return
    value = evaluate(alternative.formula, inputs, step_rounding=steps)
    if not math.isfinite(value.own_tight.magnitude):  # such a value would explain any number
        return
    sharp = value.matches_a_habit(case.written)
    if case.shows_little:  # it can only be what needs no rounding, such as a weight of 0.5
        sharp = value.own_tight.short_decimal == case.written.value
    if sharp or value.can_give(case.written):
        text = _text(slip, case, detail=alternative.detail)
        # To copy is no rule, and one digit shows none.
        is_rule = alternative.rule and case.original is None and (sharp or not case.shows_little)
        rules = (f"{slip.id}: {alternative.rule}",) if is_rule else ()
        yield Diagnosis((slip,), text, sharp, alternative.detail, value, rules)


def _gives_every_digit(formula: Formula, inputs: Inputs, case: Case) -> bool:
    """Return whether a habit of rounding gives the written number; without its intervals."""
    numbers = working_by_habit(formula, inputs)
    if steps := case.work.step_rounding:
        numbers += working_in_steps(formula, inputs, steps)
    return any(map(case.written.is_honest_for, numbers))


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
            for diagnosis in _single_slips(undone, budget, others, sharp_only=True):
                if diagnosis.explains_every_digit:
                    both = f"Two slips. {_text(first, case, meant=meant)} And {diagnosis.text}"
                    yield Diagnosis((*diagnosis.slips, first), both, explains_every_digit=True)


def _text(slip: Slip, case: Case, meant: WrittenNumber | None = None, detail: str = "") -> str:
    text = slip.explanation.format(name=case.name, printed=case.printed, meant=meant, detail=detail)
    return without_marks(text)
