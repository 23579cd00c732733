"""The habit of rounding every step of the scratch work, found in the numbers of a whole sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.rounding.admissible import working_in_steps
from tinygrad_hw.worksheet.rounding.scratch_work import WAYS, StepRounding
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.slips.case import Case

FOR_EACH_AGAINST = 3  # numbers that only this habit gives, for each that only another gives
MANY = 20  # right numbers, none of which speaks against the habit, beside one that speaks for it


def find_step_rounding(
    sheet: Sheet, cases: Sequence[tuple[Case, MarkedNumber]]
) -> StepRounding | None:
    """Find the rounding of every step that explains numbers which are wrong or lack figures.

    A slip may give such a number by chance. So the whole sheet is asked: a number that shows
    another way of working, such as one with all digits, speaks against the habit.

    Parameters
    ----------
    cases
        All written numbers with their marks.
    """
    wrong, short, right = [], [], []
    for case, marked in cases:
        if marked.verdict == "wrong":
            wrong.append(case)
        elif marked.note == "figures" and sheet.rounding:  # or zeros at the end were left out
            full = case.written.padded(*sheet.rounding)
            if not case.expected.matches_a_habit(full):
                short.append(replace(case, written=full))
        elif marked.verdict in ("exact", "rounded"):
            right.append(case)
    best, most = None, 0
    for rounding in _roundings(sheet, cases):
        odd = wrong + short if rounding.asked == sheet.rounding else wrong
        explained = sum(_gives(rounding, case) for case in odd)
        if explained <= most:
            continue
        for_it, against = explained, 0
        for case in right:
            usual = rounding.gives(case.expected.by_habit, case.written)
            if usual != _gives(rounding, case):
                for_it, against = for_it + (not usual), against + usual
        is_shown = for_it > 1 or len(right) >= MANY
        if is_shown and for_it >= FOR_EACH_AGAINST * against:
            best, most = rounding, explained
    return best


def _gives(rounding: StepRounding, case: Case) -> bool:
    return rounding.gives(working_in_steps(case.formula, case.inputs, rounding), case.written)


def _roundings(sheet: Sheet, cases: Sequence[tuple[Case, MarkedNumber]]) -> Iterator[StepRounding]:
    """Yield the roundings that the student may have used: what is asked for, or is most usual."""
    numbers = [case.written for case, _ in cases if case.written.digits]
    figures = Counter(number.figures for number in numbers)
    decimals = Counter(-number.place for number in numbers)
    usual = [("figures", figures), ("decimals", decimals)]
    kinds = [(kind, counts.most_common(1)[0][0]) for kind, counts in usual if counts]
    for kind, count in dict.fromkeys([*([sheet.rounding] if sheet.rounding else []), *kinds]):
        if count > 0:
            for way in WAYS:
                yield StepRounding(kind, count, way)
