"""Solve a sheet: every forward value, every partial as a chain, every updated parameter."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinygrad_hw.engine import Value
from tinygrad_hw.explain.chain import Chain, chains
from tinygrad_hw.explain.text import bracketed, chain_lines, number, updated
from tinygrad_hw.worksheet.sheet import Sheet, SheetError


@dataclass(frozen=True, slots=True)
class Solution:
    """What a sheet asks for, at full precision.

    Attributes
    ----------
    forward
        Value of every name in [forward].
    partials
        Derivative of the loss by every parameter, by names such as "dE/dw7".
    updated
        Every parameter after one step of gradient descent.
    chains
        The chain of every parameter by its name, and of the totals that those refer to.
    values
        The recorded graph: every name's Value.
    """

    sheet: Sheet
    values: dict[str, Value]
    forward: dict[str, float]
    partials: dict[str, float]
    updated: dict[str, float]
    chains: dict[str, Chain]

    def as_json(self) -> dict[str, dict[str, float]]:
        """Forward values, partials and updated values, ready for ``json.dumps``."""
        return {"forward": self.forward, "partials": self.partials, "updated": self.updated}


def solve(sheet: Sheet) -> Solution:
    """Evaluate and differentiate a sheet.

    Raises
    ------
    SheetError
        If a value or a derivative is not finite, or the loss does not depend on any parameter.
    """
    values = sheet.evaluate()
    loss = values[sheet.loss]
    if loss.constant:
        raise SheetError(f"{sheet.where}: {sheet.loss} does not depend on any parameter")
    with np.errstate(all="ignore"):  # what is not finite is refused below, by name
        explained = chains(loss, [values[name] for name in sheet.parameters])
    partials, new = {}, {}
    for name, old in sheet.parameters.items():
        slope = explained[name].value + 0.0  # a product with a zero may be -0.0
        partials[f"d{sheet.loss}/d{name}"] = slope
        new[name] = old - sheet.rate * slope
        if not math.isfinite(new[name]):
            raise SheetError(f"{sheet.where}: d{sheet.loss}/d{name} is {slope}; it has no update")
    forward = {name: float(values[name].data) for name in sheet.forward}
    return Solution(sheet, values, forward, partials, new, explained)


def solution_lines(solution: Solution) -> Iterator[str]:
    """Write a solution down as lines of text."""
    sheet = solution.sheet
    if sheet.title:
        yield sheet.title
        yield ""
    yield "Forward"
    for name, value in solution.forward.items():
        yield f"  {name} = {sheet.forward[name].source} = {number(value)}"
    yield ""
    yield "Partials (multiplied with all digits; four figures are shown)"
    for chain in solution.chains.values():
        yield from ("  " + line for line in chain_lines(chain))
    yield ""
    yield f"Updated (new = old - {bracketed(sheet.rate)} × d{sheet.loss}/d…)"
    for name, new in solution.updated.items():
        old, slope = sheet.parameters[name], solution.partials[f"d{sheet.loss}/d{name}"]
        yield (
            f"  {name} = {number(old)} - {bracketed(sheet.rate)} × {bracketed(slope)}"
            f" = {updated(old, new)}"
        )
