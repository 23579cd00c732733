"""A program of numbers as Python on arrays of them: all points in one call."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import ops
from tinygrad_hw.program.emit.numpy import PythonText
from tinygrad_hw.program.schedule import Fused, operands_of
from tinygrad_hw.program.variable import Variable


class BatchText(PythonText):
    """Writes a program of numbers down for arrays of them, one element a point.

    Results have an element for each point, gradients are summed over the points. The function is
    given the number of points first.
    """

    on_numbers = False

    def _write_body(self) -> None:
        self.namespace.update(total=total, total_product=total_product, side_by_side=side_by_side)
        self._uses: dict[Any, int] = {}
        for step in self.line.steps:
            for operand in operands_of(step):
                self._uses[operand] = self._uses.get(operand, 0) + 1
        self._stacked: dict[Any, str] = {}
        self._folded = {
            x for x in self.results[self.returned :] if self._is_product(x) and x not in self._uses
        }
        guards = self._guards_of_steps()
        for step in self.line.steps:
            if step in self._folded or isinstance(step, Fused):  # of numbers there are no loops
                continue
            self.body.append(f"{self.name_of(step)} = {self.expression(step)}")
            if step in guards:
                self._guard(step, guards[step])
        results = [self.text(x) for x in self.results[: self.returned]]
        sums = [self._sum(x) for x in self.results[self.returned :]]
        self.body.append(f"return ({', '.join([*results, *sums])},)")

    def _guard(self, condition: Variable, truth: bool) -> None:
        wanted = "not np.all" if truth else "np.any"
        self.body += [f"if {wanted}({self.text(condition)}):", "    raise Changed"]

    @staticmethod
    def _is_product(x: Any) -> bool:
        return isinstance(x, Variable) and x.function in (operator.mul, np.multiply)

    def _sum(self, x: Any) -> str:
        if x in self._folded:
            return f"total_product({', '.join(map(self.text, x.operands))}, points)"
        return f"total({self.text(x)}, points)"

    def expression(self, variable: Variable) -> str:
        """As on numbers; the weighted sums of a layer share one product of matrices' work."""
        if variable.function is not ops.affine:
            return super().expression(variable)
        half = len(variable.operands) // 2
        weights = ", ".join(map(self.text, variable.operands[:half]))
        inputs = tuple(map(self.text, variable.operands[half:-1]))
        if inputs not in self._stacked:
            self._stacked[inputs] = self._giver.give([])
            call = f"side_by_side(points, {', '.join(inputs)})"
            self.body.append(f"{self._stacked[inputs]} = {call}")
        product = f"np.array([{weights}]) @ {self._stacked[inputs]}"
        return f"{self.text(variable.operands[-1])} + {product}"

    @property
    def source(self) -> str:
        """The whole text."""
        arguments = ", ".join(["points", *(self.name_of(v) for v in self.inputs)])
        lines = [f"def {self.function_name}({arguments}):", *(f"    {line}" for line in self.body)]
        return "\n".join(lines) + "\n"


def total(gradient: Any, points: int) -> float:
    """A gradient summed over all points; one that is the same for all counts for each."""
    is_array = isinstance(gradient, np.ndarray)
    return float(np.add.reduce(gradient) if is_array else gradient * points)


def total_product(x: Any, y: Any, points: int) -> float:
    """The sum over all points of a product."""
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return float(x @ y)
    return float(total(x, points) * y if isinstance(x, np.ndarray) else total(y, points) * x)


def side_by_side(points: int, *inputs: Any) -> Any:
    """A row for each input, a column for each point."""
    rows = np.empty((len(inputs), points))
    for row, given in zip(rows, inputs, strict=True):
        row[...] = given
    return rows
