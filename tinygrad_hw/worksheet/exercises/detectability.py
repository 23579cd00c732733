"""Whether the slips of the catalogue can be seen on a sheet, at the precision that it asks for.

Where two inputs are equal, to take one for the other shows nowhere; a factor of 0.9999 can be left
out of a product of three digits. Who sets an exercise wants neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tinygrad_hw.symbolic import compute, names_in
from tinygrad_hw.worksheet.marking.judge import Judge
from tinygrad_hw.worksheet.marking.mark_sheet import judge_updates
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber, round_number
from tinygrad_hw.worksheet.sheet.model import Sheet
from tinygrad_hw.worksheet.sheet.parts import place
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.slip import Slip
from tinygrad_hw.worksheet.solution.solve import solve

IDLE = ("factor-dropped", "factor-twice")  # of a factor that is 1 by its formula, dz/db
EXACTLY = 1e-12  # relative
QUICK = [slip for slip in CATALOGUE if not slip.alternatives]  # to look for, in all updates
SLOW = [slip for slip in CATALOGUE if slip.alternatives]


def unseen_slips(key: Sheet) -> Iterator[str]:
    """Name the slips that would go unseen, where every other answer is right.

    Parameters
    ----------
    key
        A sheet with its answers, and with a ``[rounding]``.
    """
    judges = []
    with np.errstate(all="ignore"):
        for judge in judge_updates(solve(key)):  # each takes long to come
            judges.append(judge)
            yield from _unseen(judge, QUICK)
        for judge in judges:
            yield from _unseen(judge, SLOW)


def _unseen(judge: Judge, slips: Iterable[Slip]) -> Iterator[str]:
    for slip in slips:
        for case, _ in judge.cases:
            if slip.may_hide_in_rounding or case.part not in slip.parts:
                continue
            if any(_hides(w, case) for w in _results_of(slip, case)):
                yield f"{slip.id} at {place(case)}"


def _results_of(slip: Slip, case: Case) -> Iterator[WrittenNumber]:
    """Yield what a slip makes of a number, rounded as the sheet asks."""
    if slip.undo:  # digits that are swapped back are swapped
        yield from slip.undo(case.written)
    rounding = case.work.sheet.rounding
    if not slip.alternatives or not rounding:
        return
    for alternative in slip.alternatives(case):
        inputs = {**case.inputs, **alternative.extra_inputs}
        exactly = {name: inputs[name].unrounded for name in names_in(alternative.formula)}
        value, right = compute(alternative.formula, exactly), case.expected.unrounded
        same = abs(value - right) <= EXACTLY * abs(right)
        if not (same and slip.id in IDLE):
            yield round_number(value, *rounding)


def _hides(written: WrittenNumber, case: Case) -> bool:
    return written.is_reachable_from(case.expected.honest)
