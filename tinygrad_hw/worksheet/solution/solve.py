"""Solve a sheet: every forward value, every partial as a chain, every updated parameter."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.explain import DIRECT, Chain, explain_all, sum_without_dust
from tinygrad_hw.formatting import bracketed, number, updated_number
from tinygrad_hw.symbolic import (
    Apply,
    Formula,
    compute,
    read_formula,
)
from tinygrad_hw.worksheet.sheet.model import Sheet, SheetError
from tinygrad_hw.worksheet.sheet.parts import split_partial

LARGEST_DUST = 1e-12  # what is larger is no rounding of numbers as sheets have


@dataclass(frozen=True, slots=True)
class Solution:
    """The solution of a sheet's first step at full precision, with those of its later steps.

    Attributes
    ----------
    sheet
        The sheet of this step.
    values
        The recorded graph: every name's Value.
    forward
        The value of every name in [forward], then of those in [define].
    partials
        The derivative of the loss by every parameter, by names such as "dE/dw7"; and any other
        that is asked for or answered, such as "da/dz".
    updated
        Every parameter after one step of gradient descent; none where no update is asked for.
    chains
        The chain of every parameter by its name, and of the total derivatives that those use.
    other_chains
        The chains of the other partials, by their names.
    previous_parameters
        Those that the update before started from; at the first, the parameters themselves.
    later_steps
        The solutions of the second and each later step, whose sheets have the updated parameters.
    """

    sheet: Sheet
    values: dict[str, Value]
    forward: dict[str, float]
    partials: dict[str, float]
    updated: dict[str, float]
    chains: dict[str, Chain]
    other_chains: dict[str, Chain] = field(default_factory=dict)
    previous_parameters: dict[str, float] = field(default_factory=dict)
    later_steps: tuple[Solution, ...] = ()

    @property
    def steps(self) -> tuple[Solution, ...]:
        """The solution of every step, this one first."""
        return (self, *self.later_steps)

    @property
    def final(self) -> dict[str, float]:
        """Every parameter after the last step: the entries of the closing table."""
        return self.steps[-1].updated

    def chain(self, partial: str) -> Chain:
        """Return the chain of a partial by its name."""
        return self.other_chains.get(partial) or self.chains[split_partial(partial)[1]]

    def as_json(self) -> dict[str, Any]:
        """Return forward values, partials and updated values, ready for ``json.dumps``.

        Where there are several steps, these are the first step's, and "steps" lists those of each.
        """
        each = [
            {"forward": step.forward, "partials": step.partials, "updated": step.updated}
            for step in self.steps
        ]
        return each[0] | {"steps": each} if self.later_steps else dict(each[0])


def solve(sheet: Sheet) -> Solution:
    """Evaluate and differentiate a sheet, for as many steps as it asks for.

    Raises
    ------
    SheetError
        If a value or a derivative is not finite, or the loss does not depend on any parameter.
    """
    first = last = _solve_step(sheet, sheet.parameters)
    later = []
    for k, answers in enumerate(sheet.later_answers, start=2):
        step_sheet = dataclasses.replace(
            sheet,
            given=sheet.given | sheet.example(k),
            parameters=last.updated,
            answers=answers,
            steps=1,
            later_answers=(),
        )
        try:
            last = _solve_step(step_sheet, last.sheet.parameters)
        except SheetError as error:
            raise SheetError(f"{error}, in step {k}") from None
        later.append(last)
    return dataclasses.replace(first, later_steps=tuple(later))


def _solve_step(sheet: Sheet, previous: Mapping[str, float]) -> Solution:
    values = sheet.evaluate()
    loss = sheet.loss_of(values)
    with np.errstate(all="ignore"):  # what is not finite is refused below, by name
        chains = explain_all(loss, [values[name] for name in sheet.parameters])
    partials, updated = {}, {}
    for name, old in sheet.parameters.items():
        slope = chains[name].value + 0.0  # a product with a zero may be -0.0
        partials[f"d{sheet.loss}/d{name}"] = slope
        new = old - (sheet.rate or 0.0) * slope + sheet.momentum * (old - previous[name])
        if not math.isfinite(new):
            raise SheetError(f"{sheet.where}: d{sheet.loss}/d{name} is {slope}; it has no update")
        if sheet.rate is not None:
            updated[name] = new
    others = _other_chains(sheet, partials)
    for name, chain in others.items():
        partials[name] = chain.value + 0.0
        if not math.isfinite(partials[name]):
            raise SheetError(f"{sheet.where}: {name} is {partials[name]}; it cannot be asked for")
    forward = _forward_values(sheet, values)
    known = {name: float(value.data) for name, value in values.items()} | partials
    for name, definition in sheet.define.items():
        forward[name] = compute(definition.formula, known)
        if not math.isfinite(forward[name]):
            raise sheet.error(f"{name} is {forward[name]}", "define", name)
    return Solution(sheet, values, forward, partials, updated, chains, others, dict(previous))


def _forward_values(sheet: Sheet, values: Mapping[str, Value]) -> dict[str, float]:
    """Return the forward values; 0 for one that is 0 but for the rounding of what is added up."""
    known = {name: float(value.data) for name, value in values.items()}
    for name, expression in sheet.forward.items():
        if 0 < abs(known[name]) < LARGEST_DUST:
            known[name] = _without_dust(read_formula(expression.source), known)
    return {name: known[name] for name in sheet.forward}


def _without_dust(formula: Formula, known: Mapping[str, float]) -> float:
    """Compute a formula; 0 for each sum in it of which only rounding is left."""
    if not isinstance(formula, Apply):
        return compute(formula, known)
    parts = [_without_dust(part, known) for part in formula.operands]
    if formula.operation is ops.add:
        return sum_without_dust(parts)
    return compute(Apply(formula.operation, tuple(parts)), known)


def _other_chains(sheet: Sheet, known: Collection[str]) -> dict[str, Chain]:
    """Return the chains of the partials that are asked for or answered and not known."""
    asked = sheet.ask.partials if sheet.ask and isinstance(sheet.ask.partials, tuple) else ()
    defined = [name for definition in sheet.define.values() for name in definition.partials]
    wanted = dict.fromkeys((*asked, *sheet.answers.partials, *defined))
    others = [name for name in wanted if name not in known]
    if not others:
        return {}
    bottoms: dict[str, list[str]] = {}
    for name in others:
        top, bottom = split_partial(name)
        bottoms.setdefault(top, []).append(bottom)
    values = _with_free(sheet, set().union(*bottoms.values())).evaluate()
    found = {}
    for top, names in bottoms.items():
        if values[top].constant:  # it depends on none of them
            found[top] = {name: Chain(top, name, (), 0.0) for name in names}
            continue
        with np.errstate(all="ignore"):
            found[top] = explain_all(values[top], [values[name] for name in names])
    return {name: found[top][bottom] for name in others for top, bottom in [split_partial(name)]}


def _with_free(sheet: Sheet, names: Collection[str]) -> Sheet:
    """Return a sheet in which there is a derivative by each name: no constant is among them.

    A given number becomes a parameter, as do those that a name is made from if no parameter is
    among them; a name that is made from numbers alone becomes a parameter itself.
    """
    sources: dict[str, set[str]] = {}
    for name, expression in sheet.forward.items():
        sources[name] = set().union(*(sources.get(used, {used}) for used in expression.names))
    free: set[str] = set()
    for name in names:
        made_from = sources.get(name, {name})
        free |= set() if made_from & sheet.parameters.keys() else made_from or {name}
    numbers = {name: float(sheet.evaluate()[name].data) for name in free & sheet.forward.keys()}
    return dataclasses.replace(
        sheet,
        given={name: x for name, x in sheet.given.items() if name not in free},
        parameters={name: x for name, x in sheet.given.items() if name in free}
        | numbers
        | sheet.parameters,
        forward={name: x for name, x in sheet.forward.items() if name not in numbers},
    )


def solution_lines(solution: Solution) -> Iterator[str]:
    """Yield a solution as lines of text; each step under a heading, if there are several."""
    if solution.sheet.title:
        yield solution.sheet.title
        yield ""
    for k, step in enumerate(solution.steps, start=1):
        if solution.later_steps:
            yield from ([""] if k > 1 else [])
            yield f"Step {k} of {len(solution.steps)}"
            yield ""
        if example := solution.sheet.example(k):
            yield f"Given {', '.join(f'{name} = {number(x)}' for name, x in example.items())}"
            yield ""
        yield from _step_lines(step)


def _step_lines(solution: Solution) -> Iterator[str]:
    sheet = solution.sheet
    yield "Forward"
    for name, value in solution.forward.items():
        if name in sheet.forward:
            yield f"  {name} = {sheet.forward[name].source} = {number(value)}"
    yield ""
    yield "Partials (multiplied with all digits; four figures are shown)"
    chains = (*solution.other_chains.values(), *solution.chains.values())
    for chain in chains:
        yield from ("  " + line for line in chain.lines)
    if any(chain.has_direct_paths for chain in chains):
        yield f"  {DIRECT}"
    if sheet.define:
        yield ""
        yield "Defined"
    for name, definition in sheet.define.items():
        yield f"  {name} = {definition.source} = {number(solution.forward[name])}"
    if sheet.rate is None:
        return
    rate, momentum = bracketed(sheet.rate), bracketed(sheet.momentum)
    again = f" + {momentum} × (old - old before)" if sheet.momentum else ""
    yield ""
    yield f"Updated (new = old - {rate} × d{sheet.loss}/d…{again})"
    for name, new in solution.updated.items():
        old, slope = sheet.parameters[name], solution.partials[f"d{sheet.loss}/d{name}"]
        before = solution.previous_parameters[name]
        change = f" + {momentum} × {bracketed(old - before)}" if sheet.momentum else ""
        yield (
            f"  {name} = {number(old)} - {rate} × {bracketed(slope)}{change}"
            f" = {updated_number(old, new)}"
        )
