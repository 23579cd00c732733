"""A program as Python: one line an operation, on arrays with ``out=``, on Python's numbers plainly.

The text is what a reader is shown, and it is what runs.
"""

from __future__ import annotations

import math
import operator
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_hw.engine.core import numerics, ops
from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.program.emit.numba import Loop, compiled
from tinygrad_hw.program.names import Names
from tinygrad_hw.program.recorder import AFTER, BACKWARD, FORWARD
from tinygrad_hw.program.schedule import (
    Fused,
    Line,
    Place,
    is_concatenation,
    is_view,
    operands_of,
    phase_of,
    root,
)
from tinygrad_hw.program.simplify import IN_PYTHON
from tinygrad_hw.program.variable import Variable

INFIX = {
    **{operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/"},
    **{operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">="},
    **{operator.eq: "==", operator.ne: "!=", operator.floordiv: "//"},
    **{operator.mod: "%", operator.and_: "&", operator.or_: "|", operator.matmul: "@"},
}
PREFIX = {operator.neg: "-", operator.pos: "+", np.logical_not: "not "}
WIDTH = 92  # of a line of the source, without its indentation
LONG = 1000  # instructions; in a longer program of numbers, sums of products are written as such
TERMS = 40  # of such a sum on one line
HEADINGS = {FORWARD: "forward", BACKWARD: "backward", AFTER: "update"}


class Changed(Exception):  # noqa: N818 - not an error: the program asks to be captured again
    """A guard inside a program does not hold."""


class NotFinite(Exception):  # noqa: N818 - not an error: the program asks for the engine itself
    """A gradient is inf or nan, so 0 · inf may be in it."""


def all_finite(*gradients: Any) -> bool:
    """Whether every number is; a sum that is says it at once, since an inf or a nan stays in it."""
    total: Any = 0.0
    for gradient in gradients:
        total += np.vdot(gradient, gradient) if isinstance(gradient, np.ndarray) else gradient
    if total - total == 0.0:
        return True
    return all(bool(np.isfinite(gradient).all()) for gradient in gradients)


class PythonText:
    """Writes a Line down as Python.

    Parameters
    ----------
    name
        Of the function.
    line
        What to write down.
    inputs
        What the function is given in every run, in order.
    results
        What it returns, in order: what the user's function returned, then the gradients, then the
        numbers that Values become.
    guards
        Conditions, with the truth that they must have.
    finite
        Gradients that must be finite.
    returned
        How many of the results are those of the user's function, which gets copies.
    """

    on_numbers = True  # what is a number in the recorded run is one in every run

    def __init__(
        self,
        name: str,
        line: Line,
        inputs: list[Variable],
        results: list[Any],
        guards: list[tuple[Variable, bool]],
        finite: list[Variable],
        returned: int,
    ) -> None:
        self.line, self.inputs, self.results = line, inputs, results
        self.guards, self.finite, self.returned = guards, finite, returned
        self.namespace: dict[str, Any] = {
            "np": np,
            "finite": all_finite,
            "Changed": Changed,
            "NotFinite": NotFinite,
        }
        self.names: dict[Any, str] = {}
        self._giver = Names({*self.namespace, name})
        self.function_name = name
        self.arrays: dict[str, Variable] = {}  # names of the arrays that Values are
        self.loops: dict[str, str] = {}  # compiled ones, with their text from the brackets on
        self.buffers: list[str] = []
        self.body: list[str] = []
        self._place_names: dict[int, list[tuple[str, bool]]] = {}
        for old, _ in line.written:
            self.arrays[self.name_of(old)] = old
        for variable in inputs:
            self.name_of(variable)
        self._inline = self._used_once() if len(line.steps) > LONG else set()
        self._saved: dict[int, str] = {}
        self._terms: dict[Any, int] = {}
        self._inlined: dict[Any, str] = {}
        self._write_body()

    @property
    def source(self) -> str:
        """The whole text, the compiled loops before it."""
        loops = [f"@njit\ndef {name}{body}\n\n\n" for name, body in self.loops.items()]
        return "".join(loops) + self.text_to_run

    @property
    def text_to_run(self) -> str:
        """The buffers and the function; the loops are in its namespace."""
        comments = [
            f"# {name}: {kind_text(v.value)}, the Values' own" for name, v in self.arrays.items()
        ] + [
            f"# {name}: {kind_text(x)}, the same in every run"
            for name, x in self.namespace.items()
            if isinstance(x, np.ndarray)
        ]
        head = _wrapped(f"def {self.function_name}(", [self.name_of(v) for v in self.inputs], "):")
        head = head.replace("\n    ", "\n")
        body = self.body or ["pass"]
        lines = [
            *comments,
            *self.buffers,
            "",
            head,
            *(f"    {line}" if line else "" for line in body),
        ]
        return "\n".join(lines).lstrip("\n") + "\n"

    def _used_once(self) -> set[Any]:
        """Products and sums without a name that only a sum needs."""
        uses: dict[Any, int] = {}
        in_sum: set[Any] = set()
        for step in self.line.steps:
            is_sum = isinstance(step, Variable) and step.function is operator.add
            for operand in operands_of(step):
                uses[operand] = uses.get(operand, 0) + 1
                is_first = is_sum and step.operands[0] is operand  # (a + b) + c, never a + (b + c)
                if is_first or (is_sum and operand.function is operator.mul):
                    in_sum.add(operand)
        for output in (*self.results, *self.finite, *(condition for condition, _ in self.guards)):
            uses[output] = 2
        return {
            x
            for x in in_sum
            if uses[x] == 1 and not x.names and x.function in (operator.mul, operator.add)
        }

    # --- Names and operands -----------------------------------------------------------------------

    def _operand(self, operand: Any, variable: Variable) -> str:
        """An operand of an instruction; a number of the result's dtype may be one of Python's."""
        value = operand.value if isinstance(operand, Variable) and operand.constant else operand
        kind = getattr(variable.value, "dtype", None)
        if isinstance(value, np.floating) and value.dtype == kind and np.isfinite(value):
            others = [x for x in variable.operands if x is not operand]
            if any(getattr(getattr(x, "value", x), "dtype", None) == kind for x in others):
                return repr(float(value))
        return self.text(operand)

    def name_of(self, variable: Variable) -> str:
        """What the text calls it."""
        if variable not in self.names:
            labels = variable.names
            if (
                not labels
                and is_view(variable)
                and variable.function in (np.transpose, np.swapaxes)
            ):
                labels = [f"{self.name_of(variable.operands[0])}_T"]
            self.names[variable] = self._giver.give(labels)
        return self.names[variable]

    def text(self, operand: Any) -> str:
        """An operand in Python."""
        if isinstance(operand, Variable):
            if operand.constant:
                return self.text(operand.value)
            return self._inlined.pop(operand, None) or self.name_of(operand)
        if isinstance(operand, tuple):
            parts = [self.text(part) for part in operand]
            return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
        if isinstance(operand, list):
            return f"[{', '.join([self.text(part) for part in operand])}]"
        if isinstance(operand, slice):
            parts = [operand.start, operand.stop, operand.step]
            return f"slice({', '.join([self.text(part) for part in parts])})"
        if operand is None or operand is ... or type(operand) in (bool, int, str):
            return "..." if operand is ... else repr(operand)
        if type(operand) is float and math.isfinite(operand):
            return repr(operand)
        if isinstance(operand, type):
            return self._global(operand, [operand.__name__])
        return self._global(operand, ["c"] if not callable(operand) else [operand.__name__])

    def _global(self, given: Any, labels: list[str]) -> str:
        """A name for something that the text cannot spell: an array, a function."""
        for name, known in self.namespace.items():
            if known is given:
                return name
        name = self._giver.give(labels)
        self.namespace[name] = given
        return name

    # --- The body ---------------------------------------------------------------------------------

    def _write_body(self) -> None:
        phase = None
        guards = self._guards_of_steps()
        for i, step in enumerate(self.line.steps):
            if i == self.line.checked:
                self._check_finite()
                self._save()
            now = phase_of(step)
            if now != phase and HEADINGS.get(now):
                phase = now
                self.body += [*([""] if self.body else []), f"# {HEADINGS[now]}"]
            if isinstance(step, Fused):
                self._loop(step)
                continue
            self._statement(step)
            self._other_names(step)
            if step in guards:
                self._guard(step, guards[step])
        if self.line.checked == len(self.line.steps):
            self._check_finite()
            self._save()
        self._commit()
        results = [self._saved.get(i) or self._result(i, x) for i, x in enumerate(self.results)]
        self.body.append(_wrapped("return (", results, "," * (len(results) == 1) + ")"))

    def _result(self, i: int, result: Any) -> str:
        """A result that the caller may keep and change: what lives in a buffer is copied."""
        text = self.text(result)
        if not isinstance(result.value, np.ndarray):
            return text
        source = root(result)
        place = self.line.places.get(source)
        side_by_side = place is not None and place.whole is not None
        is_new = place is None and source.function is not None and result is source
        is_new &= not any(result is x for x in self.results[:i])
        return text if is_new or (side_by_side and i >= self.returned) else f"{text}.copy()"

    def _other_names(self, variable: Variable) -> None:
        """A partial that is another one too: ``dE_db = dE_dz``, since dz_db is 1."""
        if variable.shape or len(self.line.steps) > LONG:
            return
        for label in dict.fromkeys(variable.names[1:]):
            if label.startswith("d") and label != variable.names[0]:
                self.body.append(f"{self._giver.give([label])} = {self.name_of(variable)}")

    def _guards_of_steps(self) -> dict[Any, bool]:
        """The guards, those of inputs written down already."""
        for condition, truth in self.guards:
            if condition.function is None:
                self._guard(condition, truth)
        return dict(self.guards)

    def _guard(self, condition: Variable, truth: bool) -> None:
        wanted = f"not {self.text(condition)}" if truth else self.text(condition)
        self.body += [f"if {wanted}:", "    raise Changed"]

    def _check_finite(self) -> None:
        if self.finite:
            gradients = self._without_parts(self.finite)
            self.body += [_wrapped("if not finite(", gradients, "):"), "    raise NotFinite"]

    def _save(self) -> None:
        """Copy what the user's function returns of an array that will now be changed."""
        changed = {old for old, _ in self.line.written}
        for i, result in enumerate(self.results[: self.returned]):
            if isinstance(result, Variable) and root(result) in changed:
                self._saved[i] = self._giver.give([])
                self.body.append(f"{self._saved[i]} = {self.text(result)}.copy()")

    def _without_parts(self, gradients: list[Variable]) -> list[str]:
        """Names of the gradients; of those side by side in one buffer only the buffer's."""
        names: list[str] = []
        for gradient in gradients:
            place = self.line.places.get(root(gradient))
            whole = self._whole(place.whole) if place and place.whole else self.text(gradient)
            if whole not in names:
                names.append(whole)
        return names

    def _whole(self, place: Place) -> str:
        return next(self.name_of(v) for v, p in self.line.places.items() if p is place)

    def _commit(self) -> None:
        """Bring into the Values' arrays what has not been computed there."""
        late = [
            (old, new)
            for old, new in self.line.written
            if self.line.places.get(new) is not self.line.places[old] and new is not old
        ]
        arrays = {old for old, _ in self.line.written}
        taken = {}
        for old, new in late:
            if root(new) in arrays and len(late) > 1:  # it may be overwritten before its turn
                taken[old] = self._giver.give([])
                self.body.append(f"{taken[old]} = {self.text(new)}.copy()")
        for old, new in late:
            self.body.append(f"np.copyto({self.name_of(old)}, {taken.get(old) or self.text(new)})")

    def _statement(self, variable: Variable) -> None:
        if is_view(variable):
            line = f"{self.name_of(variable)} = {self._view(variable)}"
            (self.buffers if self.line.fixed(variable) else self.body).append(line)
            return
        place = self.line.places.get(variable)
        if variable in self._inline:
            terms = sum(self._terms.get(x, 1) for x in variable.operands)
            if variable.function is operator.mul or terms < TERMS:
                self._terms[variable] = terms
                self._inlined[variable] = self.expression(variable)
                return
        if place is None:
            self.body.append(
                self._remark(f"{self.name_of(variable)} = {self.expression(variable)}", variable)
            )
            if variable in self.line.shaped:
                wanted = f"{self.name_of(variable)}.shape != {variable.shape}"
                self.body += [f"if {wanted}:", "    raise Changed"]
            return
        self._make(variable, place)
        out = self.name_of(variable)
        operands = [self._operand(x, variable) for x in variable.operands]
        function = variable.function
        if is_concatenation(variable):
            start = 0
            for operand, text in zip(variable.operands, operands, strict=True):
                if (variable, start) not in self.line.made_inside:
                    self.body.append(f"np.copyto({out}[{start}:{start + operand.size}], {text})")
                start += operand.size
        elif function is np.where:
            self.body.append(f"np.copyto({out}, {operands[2]})")
            self.body.append(
                self._remark(f"np.copyto({out}, {operands[1]}, where={operands[0]})", variable)
            )
        elif function in (ops.broadcast_to, ops.astype):
            unsafe = "" if function is ops.broadcast_to else ', casting="unsafe"'
            self.body.append(self._remark(f"np.copyto({out}, {operands[0]}{unsafe})", variable))
        else:
            given = [*operands, *self._options(variable.options), f"out={out}"]
            self.body.append(
                self._remark(f"{self._called(function)}({', '.join(given)})", variable)
            )

    def _loop(self, step: Fused) -> None:
        """A call of a compiled loop."""
        for out in step.outputs:
            self._make(out, self.line.places[out])
        loop = Loop(step.members, step.outputs, self._memory)
        kernel = compiled(loop.body, [x.value for x in loop.arguments])
        name = self._global(kernel, ["loop"])
        self.loops[name] = loop.body
        given = ", ".join([self.text(x) for x in loop.arguments])
        makes = ", ".join(dict.fromkeys(self.name_of(out) for out in step.outputs))
        self.body.append(f"{name}({given})  # makes {makes} {step.members[0].shape}")

    def _memory(self, operand: Any) -> Any:
        """What is the same for two operands that are one array in memory."""
        place = self.line.places.get(operand) if isinstance(operand, Variable) else None
        return id(operand) if place is None else id(place)

    def _make(self, variable: Variable, place: Place) -> None:
        """Name the place of a result, and make it where it is not there yet.

        A result without a name of the student's takes that of its place; but not one of the
        student's, which stands for other numbers.
        """
        known = self._place_names.setdefault(id(place), [])
        if not variable.names and variable not in self.names:
            neutral = next((n for n, is_label in known if not is_label), None)
            if neutral:
                self.names[variable] = neutral
                return
        name = self.name_of(variable)
        first = known[0][0] if known else self.names.get(place.array)
        if variable is place.array or (place.array is not None and is_concatenation(variable)):
            self.names[variable] = self.names[place.array]
            return
        known.append((name, bool(variable.names)))
        if first:
            self.buffers.append(f"{name} = {first}  # where {first} is needed no more")
        elif place.whole is not None:
            whole = next(v for v, p in self.line.places.items() if p is place.whole)
            if whole not in self.names:
                self._make(whole, place.whole)
            part = f"{self.name_of(whole)}[{place.start}:{place.start + variable.size}]"
            shape = "" if variable.ndim == 1 else f".reshape{variable.shape}"
            self.buffers.append(f"{name} = {part}{shape}")
        else:
            order = "" if variable.value.flags.c_contiguous else ', order="F"'
            kind = self._dtype(variable.value.dtype)
            self.buffers.append(f"{name} = np.empty({variable.shape}, {kind}{order})")

    @staticmethod
    def _dtype(dtype: Any) -> str:
        return "bool" if dtype.kind == "b" else f"np.{dtype.name}"

    # --- Instructions as expressions --------------------------------------------------------------

    def expression(self, variable: Variable) -> str:
        """The instruction as an expression that makes its result anew."""
        function = variable.function
        operands = [self._operand(x, variable) for x in variable.operands]
        if isinstance(function, Operation):
            return self._operation(function, variable, operands)
        if not variable.shape and function is not np.power:
            function = IN_PYTHON.get(function, function)
        if function in INFIX and len(operands) == 2:
            return f"{operands[0]} {INFIX[function]} {operands[1]}"
        if function in PREFIX and self.on_numbers and not variable.shape:
            return f"{PREFIX[function]}{operands[0]}"
        if function is operator.getitem:
            return f"{operands[0]}[{self._index(variable.operands[1])}]"
        if function is np.where and self.on_numbers and not variable.shape:
            return f"{operands[1]} if {operands[0]} else {operands[2]}"
        if function is operator.pow:
            power = _constant(variable.operands[1])
            is_strong = isinstance(variable.value, np.generic)
            if is_strong or (power is not None and power == int(power)):  # never a complex number
                return f"{operands[0]} ** {operands[1]}"
            function = math.pow if self.on_numbers else np.power
        if self.on_numbers and all(
            type(getattr(x, "value", x)) in (float, int, bool) for x in variable.operands
        ):
            function = numerics.ON_FLOATS.get(function, function)
        call = (
            f"{self._called(function)}({', '.join([*operands, *self._options(variable.options)])})"
        )
        if isinstance(variable.value, np.generic) and self.on_numbers:
            call += "[()]"  # the number itself, and not a view of where it stands
        is_numpy = isinstance(function, np.ufunc) and self.on_numbers
        return f"float({call})" if is_numpy and type(variable.value) is float else call

    def _operation(self, operation: Operation, variable: Variable, operands: list[str]) -> str:
        is_plain = type(variable.value) is float and self.on_numbers
        if operation is ops.affine and is_plain:
            half = len(operands) // 2
            products = [
                f"{w} * {x}" for w, x in zip(operands[:half], operands[half:-1], strict=True)
            ]
            return " + ".join([operands[-1], *products])
        if operation is ops.getitem:
            return f"{operands[0]}[{self._index(variable.options['index'])}]"
        function = operation.on_floats if is_plain and operation.on_floats else operation.compute
        name = self._global(function, [operation.name])
        call = f"{name}({', '.join([*operands, *self._options(variable.options)])})"
        return (
            call
            if function is operation.on_floats or not is_plain
            else self._as_float(function, call)
        )

    @staticmethod
    def _as_float(function: Callable[..., Any], call: str) -> str:
        """Most of our own functions give Python's numbers for Python's numbers; NumPy's do not."""
        return call if function in _PURE else f"float({call})"

    def _called(self, function: Any) -> str:
        owner = getattr(function, "__self__", None)
        known = owner.__name__ if isinstance(owner, np.ufunc) else ""
        if known and getattr(np, known, None) is owner:
            return f"np.{known}.{function.__name__}"
        name = getattr(function, "__name__", "")
        if getattr(np, name, None) is function:
            return f"np.{name}"
        return self._global(function, ["power" if function is math.pow else name])

    def _options(self, options: dict[str, Any]) -> list[str]:
        return [f"{name}={self.text(value)}" for name, value in options.items()]

    def _index(self, index: Any) -> str:
        parts = index if isinstance(index, tuple) else (index,)
        return ", ".join([self._part(part) for part in parts]) + "," * (
            isinstance(index, tuple) and len(parts) == 1
        )

    def _part(self, part: Any) -> str:
        if isinstance(part, slice):
            ends = ["" if end is None else self.text(end) for end in (part.start, part.stop)]
            return ":".join(ends) + ("" if part.step is None else f":{self.text(part.step)}")
        return self.text(part)

    def _view(self, variable: Variable) -> str:
        function = variable.function
        source = self.text(variable.operands[0])
        if function is np.reshape:
            given = [
                *map(repr, variable.shape),
                *[f"order={o!r}" for o in variable.options.values() if o != "C"],
            ]
            return f"{source}.reshape({', '.join(given)})"
        if function is np.transpose and variable.ndim == 2 and not variable.options:
            return f"{source}.T"
        if function is np.swapaxes and variable.ndim == 2:
            return f"{source}.T"
        return self.expression(variable)

    def _remark(self, line: str, variable: Variable) -> str:
        """A line with the shapes that it does not show, and the operation that it is a part of."""
        if not variable.shape and not any(getattr(x, "shape", ()) for x in variable.operands):
            if variable.origin in (None, getattr(variable.function, "name", None)):
                return line
            return line if type(variable.value) is float else f"{line}  # {variable.origin}"
        remark = str(variable.shape) if variable.shape else "a number"
        if variable.function is np.matmul:
            remark += " = " + " @ ".join(str(x.shape) for x in variable.operands)
        name = getattr(variable.function, "__name__", "")
        if variable.origin and variable.origin not in (
            name,
            getattr(variable.function, "name", ""),
        ):
            remark += f", of {variable.origin}" if not _is_arithmetic(variable.origin) else ""
        return f"{line}  # {remark}"


_PURE = {
    numerics.stable_sigmoid,
    numerics.stable_softplus,
    numerics.gaussian_cdf,
    numerics.weighted_sum,
}


def _wrapped(begin: str, parts: list[str], end: str) -> str:
    """A call, over several lines where it is too long for one."""
    line = f"{begin}{', '.join(parts)}{end}"
    if len(line) <= WIDTH:
        return line
    lines = textwrap.wrap(", ".join(parts), WIDTH - 4, break_long_words=False)
    return "\n".join([begin, *(f"        {line}" for line in lines), f"    {end}"])


def _constant(operand: Any) -> Any:
    """A number that is the same in every run, or None."""
    value = operand.value if isinstance(operand, Variable) and operand.constant else operand
    return value if isinstance(value, float) and math.isfinite(value) else None


def _is_arithmetic(name: str) -> bool:
    return name in ("add", "sub", "mul", "div", "neg", "matmul", "sum", "relu", "square")


def kind_text(value: Any) -> str:
    """``float32 (784, 128)``, or ``a number``."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype.name} {value.shape}"
    return "a number"
