"""JavaScript: a program of numbers for a page that recomputes it in a browser.

The arithmetic is the program's. An operation of the table that is more than arithmetic (a sigmoid,
a softplus) is recorded by running its own function on Variables, so it is not written twice.
"""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.core.trace import setting
from tinygrad_hw.program.emit.identifiers import Identifiers, identifier
from tinygrad_hw.program.emit.primitives import PRIMITIVES
from tinygrad_hw.program.record.recorder import Recorder
from tinygrad_hw.program.record.tracer import CaptureError, Tracer
from tinygrad_hw.program.schedule import Interface, Schedule
from tinygrad_hw.program.variable import Variable

HELPERS = {
    "erfc": """function erfc(x) {
  // Twice the tail of the bell curve: a series of positive terms, or a continued fraction.
  const z = Math.abs(x);
  let tail;
  if (z < 2.5) {
    let term = z, sum = z;
    for (let n = 1; n < 100; n++) { term *= 2 * z * z / (2 * n + 1); sum += term; }
    tail = 1 - 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum;
  } else {
    let fraction = z;
    for (let n = 120; n > 0; n--) { fraction = z + n / 2 / fraction; }
    tail = Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction;
  }
  return x < 0 ? 2 - tail : tail;
}
""",
    "mod": """function mod(x, y) {
  const remainder = x % y;
  return remainder !== 0 && (remainder < 0) !== (y < 0) ? remainder + y : remainder;
}
""",
    "rint": """function rint(x) {
  const rounded = Math.round(x); // half a unit goes up here, in NumPy to the even number
  return Math.abs(x % 1) === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}
""",
    "sign": "function sign(x) { return x > 0 ? 1 : x < 0 ? -1 : x; }\n",
    "logaddexp": """function logaddexp(x, y) {
  if (x === y) { return x + Math.LN2; } // infinities too
  return Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)));
}
""",
}
# Patterns by name, since a sigmoid's erfc is not NumPy's, and a cast is Python's float.
_BY_NAME: dict[str, str] = {
    **{f.__name__: p.javascript for p in PRIMITIVES for f in p[:2] if f and p.javascript},
    "float": "+({0})",
    "erfc": "erfc({0})",
}


def javascript(
    schedule: Schedule, interface: Interface, outputs: list[tuple[str, Any]], results: list[Any]
) -> str:
    """Write a program of numbers as a function of one object, by name, that returns another.

    Parameters
    ----------
    schedule, interface
        The program.
    outputs
        The Variables returned by name, beside all those that have a label.
    results
        The Variables returned as the list ``results``.

    Raises
    ------
    CaptureError
        If there is an array in it, or an operation that JavaScript has no words for.
    """
    return _JavaScriptWriter(schedule, interface, outputs, results).text()


class _JavaScriptWriter:
    """Writer of a program of numbers as JavaScript: see ``javascript``."""

    def __init__(
        self,
        schedule: Schedule,
        interface: Interface,
        outputs: list[tuple[str, Any]],
        results: list[Any],
    ) -> None:
        self.schedule, self.interface = schedule, interface
        self.outputs, self.results = outputs, results
        self.names: dict[Any, str] = {}
        self._identifiers = Identifiers({interface.name, "given", *HELPERS})
        self.helpers: dict[str, str] = {}
        self.body: list[str] = []

    def text(self) -> str:
        """Return the helpers, then the function."""
        arguments = ", ".join(self._name(variable) for variable in self.interface.inputs)
        guards = dict(self.interface.guards)
        for condition, truth in self.interface.guards:
            if condition.function is None:
                self._guard(condition, truth)
        for variable in self.schedule.instructions:
            if not isinstance(variable, Variable) or variable.shape:
                raise CaptureError("a program with arrays has no JavaScript; only one of numbers")
            self._instruction(variable)
            if variable in guards:
                self._guard(variable, guards[variable])
        known = {self._name(v): self._name(v) for v in self.names if v.names}
        for variable in list(self.names):  # dE_db, where it is dE_dz too
            for label in variable.names[1:]:
                known.setdefault(identifier(label), self._name(variable))
        for taken in ("", "results"):
            known.pop(taken, None)
        known.update({name: self._operand(output) for name, output in self.outputs})
        returned = [n if n == v else f"{n}: {v}" for n, v in known.items()]
        results = ["null" if x is None else self._operand(x) for x in self.results]
        end = ["return {", *_wrapped(returned), "  results: [", *_wrapped(results), "  ],", "};"]
        lines = [f"  {line}" for line in [*self.body, *end]]
        head = f"function {self.interface.name}({{ {arguments} }}) {{"
        return "".join(self.helpers.values()) + "\n".join([head, *lines, "}"]) + "\n"

    def _guard(self, condition: Variable, truth: bool) -> None:
        """Write a guard; nan is true, as in Python."""
        other = f"{self._name(condition)} {'==' if truth else '!='} 0"
        self.body.append(f'if ({other}) {{ throw new Error("another branch of the program"); }}')

    def _instruction(self, variable: Variable) -> None:
        function = variable.function
        if function is ops.astype:  # JavaScript has one kind of number
            operand = self._operand(variable.operands[0])
            self.body.append(f"const {self._name(variable)} = +({operand});")
            return
        if isinstance(function, Operation):
            result = self._inline(function, variable)
            self.body.append(f"const {self._name(variable)} = {self._operand(result)};")
            return
        name = getattr(function, "__name__", "")
        name = "erfc" if name.startswith("erfc") else name
        pattern = _BY_NAME.get(name)
        if pattern is None:
            raise CaptureError(f"{name or function} has no word in JavaScript here")
        self.helpers |= {
            helper: text for helper, text in HELPERS.items() if f"{helper}(" in pattern
        }
        operands = [self._operand(x) for x in variable.operands]
        self.body.append(f"const {self._name(variable)} = {pattern.format(*operands)};")

    def _inline(self, operation: Operation, variable: Variable) -> Any:
        """Write the instructions of an operation's own function."""
        recorder = Recorder()
        stand_ins = [
            recorder.constant(x.value)
            if isinstance(x, Variable) and x.constant
            else recorder.input(1.0 if isinstance(x, Variable) else float(x))
            for x in variable.operands
        ]
        for stand_in, operand in zip(stand_ins, variable.operands, strict=True):
            self.names[stand_in.variable] = self._operand(operand)
        with setting(trace=recorder):
            computed = operation.compute(*stand_ins, **variable.options)
        result = computed.variable if isinstance(computed, Tracer) else computed
        # A user's own operation may have branches: x if x > 0 else …
        guards = dict(recorder.branches)
        instructions: list[Variable] = []
        inputs = {stand_in.variable for stand_in in stand_ins}
        seen = set(inputs)

        def visit(x: Any) -> None:
            if isinstance(x, Variable) and x not in seen and not x.constant:
                seen.add(x)
                for operand in x.operands:
                    visit(operand)
                instructions.append(x)

        for condition, truth in guards.items():
            visit(condition)
            if condition in inputs:
                self._guard(condition, truth)
        visit(result)
        for instruction in instructions:
            self._instruction(instruction)
            if instruction in guards:
                self._guard(instruction, guards[instruction])
        return result

    def _name(self, variable: Variable) -> str:
        if variable not in self.names:
            self.names[variable] = self._identifiers.choose(variable.names)
        return self.names[variable]

    def _operand(self, operand: Any) -> str:
        if isinstance(operand, Variable) and not operand.constant:
            return self._name(operand)
        value = operand.value if isinstance(operand, Variable) else operand
        if isinstance(value, bool | np.bool_):
            return "true" if value else "false"
        number = float(value)
        if math.isnan(number):
            return "NaN"
        if math.isinf(number):
            return "Infinity" if number > 0 else "(-Infinity)"
        return repr(number) if number >= 0 else f"({number!r})"


def _wrapped(parts: list[str]) -> list[str]:
    """Return parts with commas after them, wrapped."""
    text = " ".join(f"{part}," for part in parts)
    return textwrap.wrap(text, 92, initial_indent="    ", subsequent_indent="    ")
