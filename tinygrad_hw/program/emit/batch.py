"""Batch: a program of numbers as Python on arrays, for all points in one call."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.program.emit.numpy import Listing, PythonWriter
from tinygrad_hw.program.emit.runtime import side_by_side, total, total_product
from tinygrad_hw.program.instructions import operands_of
from tinygrad_hw.program.schedule import Schedule
from tinygrad_hw.program.variable import Variable


def emit_batch(schedule: Schedule) -> Listing:
    """Return a program of numbers as Python on arrays, with an element for each point."""
    return BatchWriter(schedule).listing()


class BatchWriter(PythonWriter):
    """Writer of a program of numbers as one on arrays, with an element for each point.

    Results have an element for each point; gradients are summed over the points. The function's
    first parameter is the number of points.
    """

    on_numbers = False

    def _write_body(self) -> None:
        self.namespace.update(total=total, total_product=total_product, side_by_side=side_by_side)
        self._uses: dict[Any, int] = {}
        for instruction in self.schedule.instructions:
            for operand in operands_of(instruction):
                self._uses[operand] = self._uses.get(operand, 0) + 1
        self._stacked: dict[Any, str] = {}
        needed = {*self._uses, *self.interface.outputs, *dict(self.interface.guards)}
        self._folded = {
            x for x in self.interface.effects if self._is_product(x) and x not in needed
        }
        guards = self._write_input_guards()
        for instruction in self.schedule.instructions:
            if not isinstance(instruction, Variable) or instruction in self._folded:
                continue
            self.body.append(f"{self.name_of(instruction)} = {self.expression(instruction)}")
            if instruction in guards:
                self._guard(instruction, guards[instruction])
        results = [self.text(x) for x in self.interface.outputs]
        sums = [self._sum(x) for x in self.interface.effects]
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
        """Return an expression; the weighted sums of a layer share their stacked inputs."""
        if variable.function is not ops.affine:
            expression = super().expression(variable)
            is_single = variable.dtype == np.float32  # beside points, which are float64
            return f"np.float32({expression})" if is_single else expression
        half = len(variable.operands) // 2
        weights = ", ".join(map(self.text, variable.operands[:half]))
        inputs = tuple(map(self.text, variable.operands[half:-1]))
        if inputs not in self._stacked:
            self._stacked[inputs] = self._identifiers.choose([])
            call = f"side_by_side(points, {', '.join(inputs)})"
            self.body.append(f"{self._stacked[inputs]} = {call}")
        product = f"np.array([{weights}]) @ {self._stacked[inputs]}"
        return f"{self.text(variable.operands[-1])} + {product}"

    @property
    def text_to_run(self) -> str:
        """Return the program as text."""
        arguments = ", ".join(["points", *(self.name_of(v) for v in self.interface.inputs)])
        lines = [f"def {self.interface.name}({arguments}):", *(f"    {line}" for line in self.body)]
        return "\n".join(lines) + "\n"
