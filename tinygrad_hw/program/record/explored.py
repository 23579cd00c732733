"""Explored: what a function of the engine's does to numbers and arrays, on every path through it.

A recorded instruction may be an operation as a whole: a sigmoid of a Python number, NumPy's mean of
an array. It is spelled out by recording its own function on stand-ins. The numbers that they hold
do not matter: where the function asks for the truth of a condition, both answers are recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.trace import setting
from tinygrad_hw.program.record.recorder import Recorder
from tinygrad_hw.program.record.tracer import CaptureError, Tracer
from tinygrad_hw.program.variable import Kind, Variable, variables

MOST_BRANCHES = 6  # in a row; each doubles the text


class Explorer(Recorder):
    """Recorder that answers the first questions for a truth as it is told, the others with yes."""

    def __init__(self, answers: tuple[bool, ...]) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[Variable] = []

    def branch(self, condition: Tracer) -> bool:
        """Return the next answer; the same one to the same question."""
        variable = condition.variable
        if variable.constant:
            return bool(variable.value)
        if variable not in self.asked:
            if len(self.asked) == MOST_BRANCHES:
                raise CaptureError("an operation with so many branches cannot be exported")
            self.asked.append(variable)
        number = self.asked.index(variable)
        return self.answers[number] if number < len(self.answers) else True


def explore(
    function: Callable[..., Any], operands: Any, options: Any, answers: tuple[bool, ...] = ()
) -> tuple[Any, list[Variable], dict[Variable, Variable]]:
    """Record a function on stand-ins for its operands.

    Parameters
    ----------
    function
        A function of numbers and arrays.
    operands, options
        What it is called with; the Variables in them get stand-ins.
    answers
        The truths of the conditions that it asks for, in order; True for those after them.

    Returns
    -------
    The result; the conditions that it asked for; and for each stand-in what it stands for.
    """
    recorder = Explorer(answers)
    stand_ins: dict[Variable, Tracer] = {}

    def stand_in(tree: Any) -> Any:
        if isinstance(tree, Variable):
            if tree.constant:
                return recorder.constant(tree.value)
            if tree not in stand_ins:
                stand_ins[tree] = recorder.input(_sample(tree.kind))
            return stand_ins[tree]
        if isinstance(tree, tuple | list):
            return type(tree)([stand_in(part) for part in tree])
        return tree

    arguments = stand_in(tuple(operands))
    named = {name: stand_in(option) for name, option in options.items()}
    with setting(trace=recorder), np.errstate(all="ignore"):
        result = function(*arguments, **named)
    result = result.variable if isinstance(result, Tracer) else result
    return result, recorder.asked, {own.variable: x for x, own in stand_ins.items()}


def _sample(kind: Kind) -> Any:
    """Return a number or array of a kind; whole numbers are 0, which every index may be."""
    if kind.python is not None:
        return kind.python(0.5)
    return np.full(kind.shape, kind.dtype.kind == "f", kind.dtype)[()]


def instructions_of(ends: list[Any], given: Any) -> list[Variable]:
    """Return the instructions that compute the ends from what is given, in order."""
    found: dict[Variable, None] = {}

    def visit(x: Variable) -> None:
        if x in found or x in given or x.constant:
            return
        for operand in x.needs:
            visit(operand)
        found[x] = None

    for end in variables(ends):
        visit(end)
    return list(found)
