"""``capture(step)``: run a function once, take down what it computes, and run that from then on."""

from __future__ import annotations

import copy
import functools
import gc
import inspect
import random
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import numpy as np

from tinygrad_hw.engine.modes import state
from tinygrad_hw.engine.node import Node, raw
from tinygrad_hw.engine.tree import leaves_of, rebuilt
from tinygrad_hw.engine.value import Value
from tinygrad_hw.program.emit_js import javascript
from tinygrad_hw.program.emit_numba import is_fusable, wanted
from tinygrad_hw.program.emit_numpy import BatchText, Changed, NotFinite, PythonText, all_finite
from tinygrad_hw.program.guards import Surroundings, signature
from tinygrad_hw.program.linear import Fused, needed, root, straighten
from tinygrad_hw.program.names import Names, identifier
from tinygrad_hw.program.trace import (
    BACKWARD,
    CaptureError,
    Entered,
    NotReady,
    Tape,
    Variable,
    tracing,
)

VARIANTS = 16  # programs for arguments of one kind, one for each way through the branches
KINDS = 64  # of arguments, each with programs of its own


def capture(function: Callable[..., Any] | None = None, *, jit: bool | None = None) -> Any:
    """Turn a function into a program that is recorded once and replayed from then on.

    Parameters
    ----------
    function
        What to capture: a computation on numbers, arrays and Values. It may call ``backward()`` and
        change parameters with an optimiser of ``nn``. Without it, ``capture`` is a decorator.
    jit
        True compiles runs of pointwise operations with numba, False does not, None does where numba
        is installed.

    Returns
    -------
    Captured
        Called as the function is. Its results are numbers, arrays and Values without a history.

    Raises
    ------
    CaptureError
        When called, if the function takes a number out of what it computes, or does something else
        that no program can repeat.
    """
    if function is None:
        return functools.partial(capture, jit=jit)
    return Captured(function, jit)


class Captured:
    """A function with the programs that were made of it.

    Attributes
    ----------
    captures
        How often the function has been run to make a program.
    """

    def __init__(self, function: Callable[..., Any], jit: bool | None = None) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.jit = jit
        self.captures = 0
        self._given_up = False
        self._batches: dict[Any, Program] = {}
        self._programs: dict[Any, list[Program]] = {}
        self._last: Program | None = None

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run the program for these arguments; make it first where there is none."""
        if state.tape is not None or state.nested or state.anomaly or not state.recording:
            return self.function(*arguments, **options)
        given = (arguments, options) if options else (arguments,)
        key = signature(given)
        programs = self._programs.setdefault(key, [])
        for program in programs:
            if not program.holds(given):
                continue
            try:
                result = program.run(given)
            except Changed:
                continue
            except NotFinite:
                return self.function(*arguments, **options)
            except (ArithmeticError, ValueError, IndexError):  # Python's numbers have no inf or nan
                return self.function(*arguments, **options)
            self._last = program
            return result
        return self._capture(key, programs, given)

    def _capture(self, key: Any, programs: list[Program], given: Any) -> Any:
        if len(programs) >= VARIANTS or len(self._programs) > KINDS:
            if not self._given_up:
                self._given_up = True
                warnings.warn(
                    f"{self.name} was captured {self.captures} times, and something was new each "
                    "time (an integer, a closure, a branch?); it is run uncaptured from now on",
                    stacklevel=3,
                )
            return self.function(*given[0], **(given[1] if len(given) > 1 else {}))
        had_gradients = {
            id(e.node) for program in programs for e in program.entered if e.node.grad is not None
        }
        tape = Tape(had_gradients)
        try:
            program = Program(self.function, tape, given, self.jit)
        except NotReady:
            return self.function(*given[0], **(given[1] if len(given) > 1 else {}))
        self.captures += 1
        programs.append(program)
        self._last = program
        return program.deliver_first(given)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method: the instance is the first argument."""
        return self if instance is None else types.MethodType(self, instance)

    def __deepcopy__(self, memo: dict[int, Any]) -> Captured:
        """A copy captures anew, what its own function finds around it."""
        return Captured(copy.deepcopy(self.function, memo), self.jit)

    @property
    def program(self) -> Program:
        """The program that ran last."""
        if self._last is None:
            raise ValueError(f"{self.name} has no program yet; call it once")
        return self._last

    @property
    def source(self) -> str:
        """The program that ran last, as Python: what is run, line by line."""
        return self.program.source

    @property
    def javascript(self) -> str:
        """The program that ran last as a JavaScript function, if it has numbers only.

        The function takes an object with the arguments and the data of the Values by name; it
        returns one with the results, the gradients, and every variable that has a name.
        """
        given = self.program.given
        if given is None:
            raise CaptureError("a program with arrays has no JavaScript; only one of numbers")
        program = Program(self.function, Tape(careful=True, fresh=True), given, jit=False)
        outputs = [
            *_numbered("result", [x for x in program.outputs if not x.names]),
            *[(f"gradient_of_{_name(e)}", e.new_gradient) for e in program.with_gradient],
            *[(f"new_{_name(e)}", e.new) for e in program.changed_numbers],
        ]
        return javascript(program.name, program.line, program.inputs, outputs, program.branches)

    def batch(self, *arguments: Any) -> Any:
        """Run a program of numbers for many points in one call.

        Parameters
        ----------
        arguments
            As the function's, where each number may be an array of them, shape (points,).

        Returns
        -------
        What the function returns, with an array of shape (points,) for each number. To the gradient
        of every Value is added the sum over the points, as if the function had been called for each
        and had not set it to None; equal within rounding, since the order of sums is another.

        Raises
        ------
        ValueError
            If no argument is an array, or their lengths differ, or the function changes Values.
        """
        points = {len(x) for x in leaves_of(arguments) if isinstance(x, np.ndarray) and x.ndim == 1}
        if len(points) != 1 or any(np.ndim(x) > 1 for x in leaves_of(arguments)):
            shapes = [np.shape(x) for x in leaves_of(arguments)]
            raise ValueError(f"batch needs arrays of one length for numbers, got shapes {shapes}")
        return self._batch(arguments, points.pop())

    def _batch(self, arguments: Any, points: int) -> Any:
        first = rebuilt(arguments, [_first_point(x) for x in leaves_of(arguments)])
        key = signature(first), tuple([isinstance(x, np.ndarray) for x in leaves_of(arguments)])
        batched = self._batches.get(key)
        if batched is None or not batched.surroundings.hold():
            batched = Program(self.function, Tape(fresh=True), (first,), jit=False)
            if batched.changed_numbers or batched.line.written:
                raise ValueError(f"{self.name} changes Values: take the update out of batch()")
            batched.load_batch()
            self._batches[key] = batched
        try:
            return batched.run_batch(arguments, points)
        except (Changed, NotFinite):  # points that take different ways
            each = [
                self(*rebuilt(arguments, [x[i] if np.ndim(x) else x for x in leaves_of(arguments)]))
                for i in range(points)
            ]
            columns = zip(*map(leaves_of, each), strict=True)
            return rebuilt(each[0], [np.array([_number(x) for x in c]) for c in columns])

    def __repr__(self) -> str:
        return f"<captured {self.name}>"


class Result(NamedTuple):
    """One leaf of what the function returns: computed, or the same in every run."""

    variable: Variable | None
    given: Any
    as_value: bool
    label: str | None

    def made(self, computed: Any) -> Any:
        """What the caller gets."""
        data = _own(self.given) if self.variable is None else computed
        if not self.as_value:
            return data
        value = Value.leaf(data, constant=True)
        value.label = self.label
        return value


class Bound:
    """An array that the program has in its hands from run to run, since Values are it or see it."""

    def __init__(self, array: Any, variable: Variable, leaf: Entered | None) -> None:
        self.array = array
        self.variable = variable
        self.leaf = leaf  # the Value whose data it is; None where Values only have views of it

    def settle(self) -> bool:
        """Take over what the Value holds now; whether it is another array."""
        node = self.leaf.node if self.leaf else None
        if node is None or (node.raw is self.array and not node.kept):
            return False
        self.array = np.array(node.raw, self.array.dtype)
        node.raw, node.kept = self.array, False
        return True


class Program:
    """One recorded run, ready to be replayed.

    Attributes
    ----------
    source
        The program as Python, which is what runs.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        tape: Tape,
        given: Any,
        jit: bool | None,
    ) -> None:
        name = getattr(function, "__name__", "")
        self.name = Names({"finite", "Changed", "NotFinite"}).give([name, "program"])
        self.tape = tape
        with _collector_off():  # millions of objects, none of them garbage
            self._make(function, given, jit)

    def _make(self, function: Callable[..., Any], given: Any, jit: bool | None) -> None:
        tape = self.tape
        self.surroundings = Surroundings(function, given)
        self.results, self.leaves, self.tree = _recorded(tape, function, given, self.surroundings)
        has_arrays = any(leaf is not None and leaf.shape for leaf in self.leaves)
        self.given = None if has_arrays else given  # to record it again, for another language
        self.entered = list(tape.entered.values())
        nodes = [(i, x) for i, x in enumerate(leaves_of(given)) if isinstance(x, Node)]
        self.place = {id(x): i for i, x in reversed(nodes)}
        found = {id(x) for x in self.surroundings.values}
        self.pinned = [
            (i, x) for i, x in nodes if id(x) in found
        ]  # given, and found around as well
        self.outside = {id(e.node) for e in self.entered} - {id(x) for _, x in nodes}
        self.compiles = wanted(jit)
        self._sort_out()
        self.text = PythonText(
            self.name,
            self.line,
            self.inputs,
            [*self.outputs, *self.new_gradients, *self.new_numbers],
            self.branches,
            self.finite,
            returned=len(self.outputs),
        )
        self.source = self.text.source
        self._code = compile(self.text.text_to_run, f"<program of {self.name}>", "exec")
        self._load()

    def _sort_out(self) -> None:
        """Tell inputs, results, gradients and changed data of Values apart."""
        entered = self.entered
        self.outputs = [x.variable for x in self.results if x.variable is not None]
        changed = [e for e in entered if isinstance(e.new, Variable) and e.new is not e.variable]
        whole = {e.variable: e for e in entered if e.variable.function is None}
        arrays = [(e.variable, e.new) for e in changed if e.is_array and e.variable in whole]
        self.changed_numbers = [e for e in changed if not e.is_array]
        self.new_numbers = [e.new for e in self.changed_numbers]
        self.with_gradient = [e for e in entered if e.is_differentiated]
        self.new_gradients = [e.new_gradient for e in self.with_gradient]
        self.cleared = [
            e for e in entered if e.new_gradient is None and (e.forgotten or e.grad is not None)
        ]
        self.branches = list(dict(self.tape.branches).items())
        kept = [*self.outputs, *self.new_gradients]
        self.finite = self._ends_of_backward(
            [*kept, *self.new_numbers, *(new for _, new in arrays)]
        )
        checked = [*kept, *self.new_numbers, *(condition for condition, _ in self.branches)]
        checked += self.finite
        self.line = straighten(checked, arrays, kept, is_fusable if self.compiles else None)
        used = needed([*checked, *(new for _, new in arrays)])
        written = {old for old, _ in arrays}
        self.bound = [
            Bound(array, variable, whole.get(variable))
            for array, variable in self.tape.arrays
            if variable in written or (variable in used and variable not in whole)
        ]
        in_hand = {bound.variable for bound in self.bound}
        self.read = [
            e
            for e in entered
            if e.variable in used and e.variable in whole and e.variable not in in_hand
            if id(e.node) not in self.place
        ]
        self.views = [e for e in entered if e.variable not in whole and e.is_array]
        self.accumulating = [e for e in entered if e.gradient in used]
        found = {id(x) for x in self.surroundings.values}
        self.fresh = [
            e
            for e in entered
            if e.gradient is None and e.grad is None and not e.forgotten
            if e.is_differentiated or (id(e.node) in found and e.new_gradient is None)
        ]
        self.inputs = [
            *(leaf for leaf in self.leaves if leaf is not None),
            *(e.variable for e in self.read),
            *(e.gradient for e in self.accumulating if e.gradient is not None),
        ]

    def _ends_of_backward(self, ends: list[Variable]) -> list[Variable]:
        """What leaves the backward passes: where 0 · inf would be seen as a nan.

        That it is 0 holds for finite local derivatives without looking at each. Should one become
        infinite, then something here is not finite, and the engine itself is asked.
        """
        if not self.tape.assumes_finite:
            return []
        found = dict.fromkeys(x for x in ends if x.phase == BACKWARD or self.tape.assumes_forward)
        for variable in needed(ends):
            if variable.phase != BACKWARD:
                found.update(dict.fromkeys(x for x in variable.needs if x.phase == BACKWARD))
        floats = [x for x in found if np.result_type(x.value).kind == "f" and not x.constant]
        return sorted(floats, key=lambda x: x.number)

    def _load(self) -> None:
        """Make the buffers and the function, on the arrays that the Values hold now."""
        namespace = dict(self.text.namespace)
        for bound in self.bound:
            namespace[self.text.name_of(bound.variable)] = bound.array
        exec(self._code, namespace)  # our own text: labels in it have been made safe
        self.replay = namespace[self.name]

    def load_batch(self) -> None:
        """Make the function that takes an array for each number."""
        self.batch_text = BatchText(
            self.name,
            self.line,
            self.inputs,
            [*self.outputs, *self.new_gradients],
            self.branches,
            [],
            returned=len(self.outputs),
        )
        namespace = dict(self.batch_text.namespace)
        exec(compile(self.batch_text.source, f"<batch of {self.name}>", "exec"), namespace)
        self._replay_batch = namespace[self.name]

    def run_batch(self, arguments: Any, points: int) -> Any:
        """Replay for many points at once: see ``Captured.batch``."""
        given = [
            np.asarray(x, np.float64) if isinstance(x, np.ndarray) else raw(x)
            for x, leaf in zip(leaves_of(arguments), self.leaves, strict=True)
            if leaf is not None
        ]
        computed = self._replay_batch(points, *given, *(e.node.raw for e in self.read))
        results, sums = computed[: len(self.outputs)], computed[len(self.outputs) :]
        if not all_finite(*sums):
            raise NotFinite
        for e, gradient in zip(self.with_gradient, sums, strict=True):
            before = e.node.grad
            e.node.grad = gradient if before is None else before + gradient
        parts = iter(results)
        leaves = [
            np.array(np.broadcast_to(raw(x.given) if x.variable is None else next(parts), points))
            for x in self.results
        ]
        return rebuilt(self.tree, leaves)

    def holds(self, given: Any) -> bool:
        """Whether everything is as it was when the program was captured."""
        if not self.surroundings.hold():
            return False
        if self.place and not self._same_aliases(list(leaves_of(given))):
            return False
        for e in self.read:
            data, before = e.node.raw, e.raw
            if type(data) is not type(before) or e.node.constant is not e.constant:
                return False
            if isinstance(data, np.ndarray) and not _alike(data, before):
                return False
        if any([self._node(e, given).grad is not None for e in self.fresh]):
            return False
        return all([self._node(e, given).grad is not None for e in self.accumulating])

    def _same_aliases(self, leaves: list[Any]) -> bool:
        """Whether the Values that are given are distinct, and others than those found around."""
        nodes = [x for x in leaves if isinstance(x, Node)]
        if any([leaves[i] is not x for i, x in self.pinned]):
            return False
        pinned = {id(x) for _, x in self.pinned}
        return not any([id(x) in self.outside and id(x) not in pinned for x in nodes])

    def run(self, given: Any) -> Any:
        """Replay."""
        for e in self.views:
            if e.node.raw is not e.raw:  # new data since: they go where the program reads
                np.copyto(cast(Any, e.raw), cast(Any, e.node.raw))
                e.node.raw = e.raw
        if any([bound.settle() for bound in self.bound]):
            self._load()
        arguments = [
            x.raw if isinstance(x, Node) else x
            for x, leaf in zip(leaves_of(given), self.leaves, strict=True)
            if leaf is not None
        ]
        arguments += [e.node.raw for e in self.read]
        arguments += [self._node(e, given).grad for e in self.accumulating]
        return self._deliver(given, self.replay(*arguments))

    def deliver_first(self, given: Any) -> Any:
        """What the recorded run itself computed, delivered as that of a replay will be."""
        for bound in self.bound:
            bound.settle()
        arrays = {bound.variable: bound.array for bound in self.bound}
        for old, new in [(arrays[old], new.value) for old, new in self.line.written]:
            np.copyto(old, new)
        self._load()
        values = [_own(variable.value) for variable in (*self.outputs, *self.new_numbers)]
        gradients = [self._in_its_place(variable) for variable in self.new_gradients]
        values[len(self.outputs) : len(self.outputs)] = gradients
        self._release()
        return self._deliver(given, values)

    def _release(self) -> None:
        """Let go of the recorded run's graph and arrays: the program has its own."""
        self.tape.release()
        for step in self.line.steps:
            for variable in step.members if isinstance(step, Fused) else [step]:
                variable.value = None

    def _in_its_place(self, gradient: Variable) -> Any:
        """A gradient of the recorded run, in the buffer where those of a replay will be."""
        place = self.line.places.get(root(gradient))
        if place is None or place.whole is None:
            return _own(gradient.value)
        buffer = self.replay.__globals__[self.text.name_of(gradient)]
        np.copyto(buffer, gradient.value)
        return buffer

    def _deliver(self, given: Any, computed: Any) -> Any:
        """Hand out results, set gradients, change the Values that are numbers."""
        parts = iter(computed)
        leaves = [
            self._same_value(x.given, given)
            if isinstance(x.given, Node)
            else x.made(None if x.variable is None else next(parts))
            for x in self.results
        ]
        for e in self.with_gradient:
            self._node(e, given).grad = next(parts)
        for e in self.cleared:
            self._node(e, given).grad = None
        for e in self.changed_numbers:
            self._node(e, given).raw = next(parts)
        return rebuilt(self.tree, leaves)

    def _node(self, e: Entered, given: Any) -> Node:
        return self._same_value(e.node, given)

    def _same_value(self, node: Node, given: Any) -> Node:
        """The Value that is meant: in this run's arguments, another one than when captured."""
        if id(node) not in self.place:
            return node
        now: Node = list(leaves_of(given))[self.place[id(node)]]
        return now


def _recorded(
    tape: Tape, function: Callable[..., Any], given: Any, around: Surroundings
) -> tuple[list[Result], list[Variable | None], Any]:
    """Run the function once, with everything taken down."""
    before = _random_state(), around.random_states()
    leaves: list[Variable | None] = []
    with tracing(tape):
        try:
            for node in around.values:
                tape.enter(node)
            stand_ins = [_stand_in(tape, x, leaves) for x in leaves_of(given)]
            _name_arguments(function, given, leaves)
            arguments, *options = rebuilt(given, stand_ins)
            tree = function(*arguments, **(options[0] if options else {}))
            results = [_result(tape, x) for x in leaves_of(tree)]
        finally:
            tape.leave()
    if (_random_state(), around.random_states()) != before:
        raise CaptureError(
            f"{getattr(function, '__name__', 'the function')} draws random numbers, which would be "
            "the same in every run; draw them outside and pass them as an argument"
        )
    return results, leaves, rebuilt(tree, [None] * len(results))


@contextmanager
def _collector_off() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _stand_in(tape: Tape, given: Any, leaves: list[Variable | None]) -> Any:
    """What the function is given in place of an argument, while it is recorded."""
    leaf = None
    if isinstance(given, Node):
        tape.enter(given)
        raw: Any = given.raw
        is_input = isinstance(raw, Variable) and raw.function is None
        leaf = raw if is_input and not any(raw is known for known in leaves) else None
        leaves.append(leaf)
        return given
    if type(given) is float or isinstance(given, np.ndarray | np.floating):
        leaf = Variable(tape, given)
    leaves.append(leaf)
    return given if leaf is None else leaf


def _name_arguments(
    function: Callable[..., Any], given: Any, leaves: list[Variable | None]
) -> None:
    """Call the inputs what the function calls its parameters."""
    try:
        bound = inspect.signature(function).bind(*given[0], **(given[1] if len(given) > 1 else {}))
    except (TypeError, ValueError):  # it has no signature, or does not take these: it will say so
        return
    names = [name for item in bound.arguments.items() for name in _names_of(*item)]
    for name, leaf in zip(names, leaves, strict=False):
        if leaf is not None and not leaf.names:
            leaf.names.append(name)


def _names_of(name: str, argument: Any) -> Iterator[str]:
    """A name for each leaf of an argument: its key in a dict, its number in a list."""
    if isinstance(argument, dict):
        for key, part in argument.items():
            yield from _names_of(str(key), part)
    elif isinstance(argument, tuple | list):
        for i, part in enumerate(argument, start=1):
            yield from _names_of(f"{name}_{i}", part)
    else:
        yield name


def _result(tape: Tape, x: Any) -> Result:
    if not isinstance(x, Node):
        parts = x if isinstance(x, set | frozenset) else getattr(x, "__dict__", {}).values()
        if isinstance(x, Iterator) or any(isinstance(part, Node | Variable) for part in parts):
            raise CaptureError(
                f"a captured function returns a {type(x).__name__}; return what it computes alone, "
                "or in tuples, lists and dicts"
            )
        return Result(x if isinstance(x, Variable) else None, x, False, None)
    data: Any = x.raw
    if x.operation is None and not tape.is_made_inside(x):
        return Result(None, x, False, None)  # the function hands a Value through
    tape.name(x)
    return Result(data if isinstance(data, Variable) else None, data, True, x.label)


def _alike(data: Any, before: Any) -> bool:
    return bool(
        data.shape == before.shape
        and data.dtype == before.dtype
        and data.flags.c_contiguous == before.flags.c_contiguous
    )


def _first_point(x: Any) -> Any:
    return float(x[0]) if isinstance(x, np.ndarray) and x.ndim else x


def _number(x: Any) -> float:
    return float(raw(x))


def _name(e: Entered) -> str:
    return identifier(e.node.label or "") or f"value_{e.variable.number}"


def _numbered(name: str, outputs: list[Variable]) -> list[tuple[str, Variable]]:
    """``result``, or ``result_1`` and so on where there are several."""
    names = [name] if len(outputs) == 1 else [f"{name}_{i + 1}" for i in range(len(outputs))]
    return list(zip(names, outputs, strict=True))


def _own(data: Any) -> Any:
    return data.copy() if isinstance(data, np.ndarray) else data


def _random_state() -> Any:
    state: Any = np.random.get_state()
    return state[1].tobytes(), state[2], random.getstate()
