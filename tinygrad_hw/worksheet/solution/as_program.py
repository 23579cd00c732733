"""A sheet as a program: its forward pass, its partials and its updates, one line per operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_hw.engine import Value
from tinygrad_hw.program import Captured, capture
from tinygrad_hw.worksheet.sheet.model import Sheet


def sheet_program(sheet: Sheet) -> Captured:
    """Capture one step of a sheet's gradient descent.

    Returns
    -------
    Captured
        A function of two dicts by name, the given numbers and the parameters as Values. It returns
        two dicts, the forward values and the updated parameters. It has run once, on the sheet's
        numbers.

    Raises
    ------
    SheetError
        If a value of the sheet is not finite, or its loss depends on no parameter.
    """
    sheet.loss_of(sheet.evaluate())  # raises a SheetError with the place

    def step(given: dict[str, Any], parameters: dict[str, Value]) -> Any:
        values = {name: Value(x, name, constant=True) for name, x in given.items()} | parameters
        for name, expression in sheet.forward.items():
            values[name] = expression.evaluate(values)
            values[name].label = name
        values[sheet.loss].backward()
        updated = {}
        for name, value in parameters.items():
            if value.grad is not None and sheet.rate is not None:
                updated[name] = value.detach() - sheet.rate * Value(value.grad)
                updated[name].label = f"new_{name}"
        return {name: values[name] for name in sheet.forward}, updated

    step.__name__ = "sheet"
    program: Captured = capture(step, jit=False)
    with np.errstate(all="ignore"):
        program.record(sheet.given, {name: Value(x, name) for name, x in sheet.parameters.items()})
    return program
