"""Writer of a program as JavaScript: a function of one object, by name, that returns another."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.operation import Operation
from tinygrad_hw.engine.numpy_api import NUMPY
from tinygrad_hw.program.emit.identifiers import Identifiers, identifier
from tinygrad_hw.program.emit.javascript.arrays import ArrayWriter
from tinygrad_hw.program.emit.javascript.elementwise import (
    expression,
    is_elementwise,
    is_fusable,
    name_of,
    number,
)
from tinygrad_hw.program.emit.javascript.kernels import fused
from tinygrad_hw.program.emit.javascript.layout import ARRAYS, Kernel, View, dense, typed_array
from tinygrad_hw.program.emit.javascript.library import HELPERS
from tinygrad_hw.program.emit.javascript.parts import result_variable, way_up, whole_arrays
from tinygrad_hw.program.instructions import Fusion, Instruction, base_of, members_of
from tinygrad_hw.program.record.explored import explore, instructions_of
from tinygrad_hw.program.record.tracer import CaptureError
from tinygrad_hw.program.schedule import Schedule, fuse
from tinygrad_hw.program.variable import Variable

LARGEST = 1_000_000  # elements of an array that is written out


def javascript(schedule: Schedule) -> str:
    """Write a program as a function of one object, by name, that returns another.

    Raises
    ------
    CaptureError
        If there is an instruction in it that JavaScript has no words for.
    """
    return _Writer(schedule).text()


class _Writer(ArrayWriter):
    """Writer of a program as JavaScript: see ``javascript``."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.schedule, self.interface = schedule, schedule.interface
        found = [x for one in schedule.instructions for x in members_of(one)]
        self.instructions = sorted(found, key=lambda x: x.number)  # loops may have reordered them
        self.names: dict[Variable, str] = {}
        reserved = {
            self.interface.name,
            "results",
            "panel",
            "ArrayBuffer",
            *ARRAYS.values(),
            *HELPERS,
        }
        self._identifiers = Identifiers(reserved)
        self.constants: dict[Any, tuple[str, str]] = {}  # by their bytes: name and text
        self.kernels: dict[str, str] = {}  # name by text
        self.body: list[str] = []
        self.kinds: list[str] = []  # comments on arrays
        self.inputs: dict[Variable, None] = {}
        self._inside: list[Any] = []  # functions that are being spelled out
        values = schedule.recording.values
        self.gradients = {v.gradient: v.data for v in schedule.accumulating}
        self.wholes = whole_arrays([v.data for v in values if v.is_view])

    # --- The whole --------------------------------------------------------------------------------

    def text(self) -> str:
        """Return the library's functions, the constants, the kernels, then the function."""
        recording = self.schedule.recording
        results = [result_variable(x, recording) for x in recording.results]
        named = [x for x in self.instructions if x.names]
        effects = self._effects()
        ends = [x for x in [*results, *(x for _, _, x in effects)] if isinstance(x, Variable)]
        arguments = self._arguments(ends)
        self._write_body([*ends, *named])
        end = self._write_return(named, effects, results)
        head = f"function {self.interface.name}({{ {', '.join(arguments)} }}) {{"
        library = [HELPERS[name] for name in HELPERS if name in self.helpers]
        kernels = [f"function {name}{text}" for text, name in self.kernels.items()]
        constants = [text for _, text in self.constants.values()]
        comments = [f"// {line}\n" for line in dict.fromkeys(self.kinds)]
        lines = [head, *(f"  {line}" for line in [*self.body, *end]), "}\n"]
        return "".join([*library, *constants, *kernels, *comments]) + "\n".join(lines)

    def _effects(self) -> list[tuple[Variable, str, Any]]:
        """Return what the program changes: a Value's Variable, what of it, and what that becomes.

        An array that is made of several Values' data is theirs, and none of its own.
        """
        gradients = [(v.data, "gradient_of_", v.new_gradient) for v in self.schedule.gradients]
        changed = [v for v in self.schedule.recording.values if v.is_changed]
        return gradients + [(v.data, "new_", v.new) for v in changed if v.data not in self.wholes]

    def _write_body(self, wanted: list[Variable]) -> None:
        """Write all instructions, and the guards of the branches that were taken."""
        truths = dict(self.interface.guards)
        for condition, truth in truths.items():
            if condition.function is None:
                self._guard(condition, truth)
        for instruction in fuse(self.instructions, is_fusable, [*wanted, *truths]):
            try:
                self._instruction(instruction)
            except CaptureError as error:
                sites = [str(x.site) for x in members_of(instruction) if x.site]
                raise CaptureError(f"{error} ({', '.join(dict.fromkeys(sites))})") from None
            for member in members_of(instruction):
                if member in truths:
                    self._guard(member, truths[member])

    def _write_return(self, named: list[Variable], effects: Any, results: list[Any]) -> list[str]:
        """Return the lines that return all that has a label, what is changed, and the results."""
        numbers = [x for x in self.inputs if not x.shape]
        made = [x for x in [*self.names, *named] if x.function and x not in self.inputs]
        known = {self._name(x): x for x in [*numbers, *made] if x.names}
        for variable in list(self.names):  # dE_db, where it is dE_dz too
            for label in variable.names[1:]:
                known.setdefault(identifier(label), variable)
        for taken in ("", "results"):
            known.pop(taken, None)
        known |= _numbered("result", [x for x in self.interface.outputs if not x.names])
        known |= {f"{what}{self._name(value)}": x for value, what, x in effects if x is not None}
        returned = [(name, self._returned(name, x)) for name, x in known.items()]
        pairs = [n if n == text else f"{n}: {text}" for n, text in returned]
        listed = ["null" if x is None else self._returned("", x) for x in results]
        return ["return {", *_wrapped(pairs, 2), "  results: [", *_wrapped(listed, 4), "  ],", "};"]

    def _arguments(self, ends: list[Variable]) -> list[str]:
        """Name the inputs, write the checks of arrays, and return the parameters' texts."""
        wholes = self.wholes
        inside = {x for pieces in wholes.values() for piece in pieces for x in way_up(piece)}
        used: dict[Variable, None] = dict.fromkeys(self.interface.inputs)
        needs = [x for v in self.instructions if v not in inside for x in v.needs]
        for x in [*needs, *ends, *[condition for condition, _ in self.interface.guards]]:
            base = x if x in inside else base_of(x)
            if base in wholes:
                used.update(dict.fromkeys(wholes[base]))
            elif base in inside or (base.function is None and not base.constant):
                used[base] = None
        texts = []
        self.inputs = used
        for variable in used:
            value = self.gradients.get(variable)
            if value is not None:
                self.names[variable] = self._identifiers.choose(
                    [f"gradient_of_{self._name(value)}"]
                )
            elif variable.shape and not variable.names:  # read from elsewhere
                self.names[variable] = self._identifiers.choose(["array"])
            name = self._name(variable)
            if not variable.shape:
                texts.append(f"{name} = 0" if value is not None else name)
                continue
            kind, shape = typed_array(variable.dtype), ", ".join(map(str, variable.shape))
            zeros = f"{name} = new {kind}({variable.size})"
            texts.append(zeros if value is not None else name)
            self.helpers.add("given")
            self.body.append(f'{name} = given({name}, "{name}", [{shape}], {kind});')
            self.kinds.append(_kind(name, variable))
            self.views[variable] = dense(name, variable.dtype, variable.shape)
        return texts

    def _returned(self, name: str, x: Any) -> str:
        """Return a result as text; an array as one of its own, row by row."""
        if isinstance(x, str):
            return json.dumps(x)
        view = self.operand(x)
        if not isinstance(view, View):
            return view
        if name and isinstance(x, Variable):
            self.kinds.append(f"returns {_kind(name, x)}")
        view = view if view.is_dense else self.copied(view)
        is_own = not isinstance(x, Variable) or base_of(x).function is None
        return f"{view.buffer}.slice()" if is_own else view.buffer

    def _guard(self, condition: Variable, truth: bool) -> None:
        """Write a guard; nan is true, as in Python."""
        text = self.operand(condition)
        text = f"{text.buffer}[{text.offset}]" if isinstance(text, View) else text
        other = f"{text} {'==' if truth else '!='} 0"
        self.body.append(f'if ({other}) {{ throw new Error("another branch of the program"); }}')

    # --- One instruction --------------------------------------------------------------------------

    def _instruction(self, instruction: Instruction) -> None:
        if isinstance(instruction, Fusion):
            self._loop(instruction.members, instruction.outputs)
            return
        [variable] = members_of(instruction)
        if variable in self.views or self.is_moving(variable):
            return  # moved elements: written where they are needed, if they have to be copied
        if variable.shape and is_elementwise(variable):
            self._loop([variable], [variable])
        elif is_elementwise(variable) and not any(map(_has_shape, variable.operands)):
            operands = [self._number(x) for x in variable.operands]
            text, called = expression(variable, operands, self.is_guarded(variable))
            self.helpers |= called
            self.body.append(f"const {self._name(variable)} = {text};")
        elif write := self.writer_of(variable):
            write(variable)
        else:
            self._spelled_out(variable)

    def _loop(self, members: Sequence[Variable], outputs: Sequence[Variable]) -> None:
        """Write elementwise instructions of one shape as one loop."""
        made = {x: self.new_array(x, x.dtype, x.shape) for x in outputs}
        kernel = fused(members, made, self.operand, self.is_guarded, self.helpers)
        self.views |= made
        self.run(kernel)

    def _spelled_out(self, variable: Variable) -> None:
        """Write the instructions of an operation's own function."""
        function: Any = variable.function
        call = function.compute if isinstance(function, Operation) else NUMPY.get(function)
        what = function.name if isinstance(function, Operation) else name_of(function) or function
        if isinstance(owner := getattr(function, "__self__", None), np.ufunc):
            what = f"{owner.__name__}.{what}"
        if call is None or function in self._inside:  # which calls itself, as a matrix's inverse
            raise CaptureError(f"{what} has no word in JavaScript here")
        self._inside.append(function)
        if variable.shape:
            self.views[variable] = self._on_arrays(call, variable, what)
        else:
            name = self._name(variable)
            self._paths(call, variable, (), f"const {name} = ", name)
        self._inside.pop()

    def _on_arrays(self, call: Callable[..., Any], variable: Variable, what: Any) -> View:
        """Write what an operation's own function does to arrays."""
        try:
            result, asked, given = explore(call, variable.operands, variable.options)
        except (ValueError, IndexError, TypeError) as error:  # it is no function of shapes alone
            raise CaptureError(f"{what} has no word in JavaScript here: {error}") from None
        if asked or not isinstance(result, Variable) or result.shape != variable.shape:
            raise CaptureError(f"{what} of arrays has no word in JavaScript here")
        self._given(given)
        for instruction in instructions_of([result], given):
            self._instruction(instruction)
        view = self.operand(result)
        assert isinstance(view, View)
        return view

    def _paths(
        self,
        call: Callable[..., Any],
        variable: Variable,
        answers: tuple[bool, ...],
        begin: str,
        target: str,
    ) -> None:
        """Write a number's computation, with each branch of it in brackets of its own."""
        result, asked, given = explore(call, variable.operands, variable.options, answers)
        self._given(given)
        done = len(answers)
        new = asked[done:]
        if not new:
            for instruction in instructions_of([result], {*given, *self.names}):
                self._instruction(instruction)
            self.body.append(f"{begin}{self._number(result)};")
            return
        condition = new[0]
        for instruction in instructions_of([condition], {*given, *self.names}):
            self._instruction(instruction)
        if begin.startswith("const"):
            self.body.append(f"let {target};")
        before, parts = self.body, []
        for answer in (True, False):
            self.body = []
            self._paths(call, variable, (*answers, answer), f"{target} = ", target)
            parts.append([f"  {line}" for line in self.body])
        self.body = before
        self.body += [
            f"if ({self._number(condition)} != 0) {{",
            *parts[0],
            "} else {",
            *parts[1],
            "}",
        ]

    def _given(self, given: Mapping[Variable, Variable]) -> None:
        """Let stand-ins have the names of what they stand for."""
        for own, outer in given.items():
            found = self.operand(outer)
            if isinstance(found, View):
                self.views[own] = found
            else:
                self.names[own] = found

    # --- Names and operands -----------------------------------------------------------------------

    def is_guarded(self, variable: Variable) -> bool:
        """Return whether 0 · inf is 0 in an instruction's products."""
        return variable.guarded

    def operand(self, x: Any) -> View | str:
        """Return the view of an array, the text of a number."""
        if isinstance(x, np.ndarray):
            return self.constant(x)
        if not isinstance(x, Variable):
            return number(x)
        if x.constant:
            return self.operand(x.value)
        if not x.shape and x not in self.names and self.is_moving(x):
            source = self.operand(x.operands[0])
            if isinstance(source, str):  # a number is reshaped to a number
                return source
            view = self.moved(x)
            self.body.append(f"const {self._name(x)} = {view.buffer}[{view.offset}];")
        if not x.shape:
            return self._name(x)
        if x not in self.views:
            self.views[x] = self._joined(x) if x in self.wholes else self.moved(x)
        return self.views[x]

    def _joined(self, whole: Variable) -> View:
        """Write an array that is made of the data of several Values."""
        view = self.new_array(whole, whole.dtype, whole.shape)
        start = 0
        for piece in self.wholes[whole]:
            self.body.append(f"{view.buffer}.set({self._name(piece)}, {start});")
            start += piece.size
        return view

    def _number(self, x: Any) -> str:
        text = self.operand(x)
        if isinstance(text, View):
            raise CaptureError("an array stands where a number is expected")
        return text

    def _name(self, variable: Variable) -> str:
        if variable not in self.names:
            self.names[variable] = self._identifiers.choose(variable.names)
        return self.names[variable]

    def new_array(self, variable: Variable | None, dtype: Any, shape: Any) -> View:
        """Write a new typed array of zeros."""
        name = self._identifiers.choose([]) if variable is None else self._name(variable)
        view = dense(name, np.dtype(dtype), tuple(shape))
        self.body.append(f"const {name} = new {typed_array(dtype)}({view.size});")
        return view

    def run(self, kernel: Kernel, result: Variable | None = None) -> None:
        """Write a call of a kernel, whose value is a number's if one is given."""
        text = kernel.text
        if text not in self.kernels:
            self.kernels[text] = self._identifiers.choose(["loop"])
        call = f"{self.kernels[text]}({', '.join(kernel.arguments)})"
        if result is not None and result.dtype == np.float32:
            call = f"Math.fround({call})"
        self.body.append(f"const {self._name(result)} = {call};" if result else f"{call};")

    def constant(self, array: Any) -> View:
        """Return the view of an array that is the same in every run."""
        if array.size > LARGEST:
            raise CaptureError(
                f"{array.size} numbers would be written out in JavaScript; "
                "pass a constant as an argument, move elements by slices"
            )
        flat = np.ascontiguousarray(array).ravel()
        is_uniform = flat.size > 1 and (flat == flat[0]).all()
        flat = flat[:1] if is_uniform else flat
        kind = typed_array(np.int32 if array.dtype.kind in "iu" else array.dtype)
        key = kind, flat.tobytes()
        if key not in self.constants:
            name = self._identifiers.choose(["constant"])
            numbers = "\n".join(_wrapped([number(x) for x in flat.tolist()], 4))
            text = f"const {name} = new {kind}([\n{numbers}\n]);\n"
            self.constants[key] = name, text
        view = dense(self.constants[key][0], array.dtype, (1,) if is_uniform else array.shape)
        return view.stretched(array.shape) if is_uniform else view


def _numbered(name: str, outputs: list[Variable]) -> dict[str, Variable]:
    """Name outputs ``result``, or ``result_1`` and so on if there are several."""
    names = [name] if len(outputs) == 1 else [f"{name}_{i + 1}" for i in range(len(outputs))]
    return dict(zip(names, outputs, strict=True))


def _has_shape(x: Any) -> bool:
    return bool(getattr(x, "shape", ()))


def _kind(name: str, variable: Variable) -> str:
    """Return a comment: an array's shape and dtype."""
    return f"{name}: {' × '.join(map(str, variable.shape))} {variable.dtype.name}"


def _wrapped(parts: list[str], indent: int) -> list[str]:
    """Return parts with commas after them, wrapped and indented."""
    lines = textwrap.wrap(" ".join(f"{part}," for part in parts), 92 - indent)
    return [" " * indent + line for line in lines]
