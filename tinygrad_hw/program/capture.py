"""``capture(step)``: record one run of a function, and replay the recording from then on."""

from __future__ import annotations

import copy
import functools
import sys
import threading
import types
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.engine.transforms.pytree import leaves_of, unflatten
from tinygrad_hw.program.emit.identifiers import identifier
from tinygrad_hw.program.emit.javascript import javascript
from tinygrad_hw.program.emit.runtime import Changed, NotFinite
from tinygrad_hw.program.guards import signature
from tinygrad_hw.program.program import Program
from tinygrad_hw.program.recorder import NotReady, Recorder
from tinygrad_hw.program.recording import Result
from tinygrad_hw.program.variable import BoundValue, CaptureError, Variable

VARIANTS = 16  # the most programs for a signature, one for each path through the branches
SIGNATURES = 64  # the most signatures (kinds of arguments), each with programs of its own


def capture(function: Callable[..., Any] | None = None, *, jit: bool | None = None) -> Any:
    """Return a function that is recorded in its first call and replayed from then on.

    Parameters
    ----------
    function
        A computation on numbers, arrays and Values. It may call ``backward()`` and change
        parameters with an optimizer of ``nn``. If it is None, a decorator is returned.
    jit
        True compiles runs of pointwise operations with numba, False does not, None does so if numba
        is installed.

    Returns
    -------
    Captured
        A callable with the function's arguments. Its results are numbers, arrays and Values without
        a history.

    Raises
    ------
    CaptureError
        When called, if the function turns a computed Value into a plain number (by ``float()``,
        say), or does something else that no program can repeat.
    InputError
        When called, if ``jit`` is True and numba is not installed.

    Notes
    -----
    While it is recorded, the function gets stand-ins for numbers and arrays, whose type is neither
    float nor ndarray. See ``guards`` for the data that are guarded and those that are frozen. A
    gradient that an optimizer has gathered is a view of a buffer that the next run writes into.
    """
    if function is None:
        return functools.partial(capture, jit=jit)
    return Captured(function, jit)


class Captured:
    """A function with the programs that were recorded of it.

    Attributes
    ----------
    captures
        The number of times that the function has been recorded.
    """

    def __init__(self, function: Callable[..., Any], jit: bool | None = None) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.jit = jit
        self.captures = 0
        self._lock = threading.RLock()
        self._given_up = False
        self._batches: dict[Any, Program] = {}
        self._programs: dict[Any, list[Program]] = {}
        self._last: Program | None = None

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run the program for these arguments; record it first if there is none."""
        if _is_suspended():
            return self.function(*arguments, **options)
        with self._lock:  # a program's buffers are for one thread at a time
            return self._run((arguments, options))

    def map_threads(self, calls: Sequence[tuple[Any, ...]], threads: int) -> list[Any]:
        """Return the results of several calls, in order, computed on several threads.

        Parameters
        ----------
        calls
            The arguments of each call: numbers and arrays.
        threads
            Number of threads. The calls run one after another if their arguments are not all of one
            kind, if the function changes Values, or if the calls take different branches.
        """
        with self._lock:
            program, first = self._common_program(calls), []
            if program is None:  # but there may be one after the first call
                first, calls = [self(*arguments) for arguments in calls[:1]], calls[1:]
                program = self._common_program(calls)
            if program is not None and threads > 1:
                self._last = program
                try:
                    return first + program.map_threads([(x, {}) for x in calls], threads)
                except (Changed, NotFinite, ArithmeticError, ValueError, IndexError):
                    pass  # a call needs more than this program; nothing has been changed
            return first + [self(*arguments) for arguments in calls]

    def _common_program(self, calls: Sequence[tuple[Any, ...]]) -> Program | None:
        """Return a program for all these calls that may run on several threads at once, or None."""
        signatures = {signature((arguments, {})) for arguments in calls}
        if len(signatures) != 1 or _is_suspended():
            return None
        for program in self._programs.get(signatures.pop(), []):
            if program.is_valid_for((calls[0], {})) and not (
                program.changes_values or program.argument_index
            ):
                return program
        return None

    def _run(self, call: Any) -> Any:
        arguments, options = call
        key = signature(call)
        programs = self._programs.get(key, [])
        for program in programs:
            if not program.is_valid_for(call):
                continue
            if program.schedule.updates and "raise" in np.geterr().values():
                return self.function(*arguments, **options)  # an error could stop an update halfway
            try:
                result = program.run(call)
            except Changed:
                continue
            except NotFinite:
                return self.function(*arguments, **options)
            except (ArithmeticError, ValueError, IndexError):  # Python raises for inf or nan
                return self.function(*arguments, **options)
            self._last = program
            return result
        return self._capture(key, programs, call)

    def _capture(self, key: Any, programs: list[Program], call: Any) -> Any:
        if len(programs) >= VARIANTS or len(self._programs) > SIGNATURES:
            if not self._given_up:
                self._given_up = True
                warnings.warn(
                    f"{self.name} was captured {self.captures} times, and something was new each "
                    "time (an integer, a closure, a branch?); it is run uncaptured from now on",
                    stacklevel=3,
                )
            return self.function(*call[0], **call[1])
        had_gradients = {
            id(bound.node)
            for program in programs
            for bound in program.bound_values
            if bound.node.grad is not None
        }
        recorder = Recorder(had_gradients)
        try:
            program = Program(self.function, recorder, call, self.jit)
        except NotReady:
            return self.function(*call[0], **call[1])
        self.captures += 1
        self._programs.setdefault(key, []).append(program)
        self._last = program
        return program.deliver_recorded_run(call)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Bind to an instance, as a method: it is the first argument."""
        return self if instance is None else types.MethodType(self, instance)

    def __deepcopy__(self, memo: dict[int, Any]) -> Captured:
        """Return a copy without programs, around a copy of the function."""
        return Captured(copy.deepcopy(self.function, memo), self.jit)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle the function, without programs; by name where that is a decorated one's."""
        name = getattr(self, "__qualname__", "")
        by_name = getattr(sys.modules.get(self.__module__), name, None) is self
        return name if by_name else (Captured, (self.function, self.jit))

    @property
    def program(self) -> Program:
        """Return the program that ran last."""
        if self._last is None:
            raise ValueError(f"{self.name} has no program yet; call it once")
        return self._last

    @property
    def source(self) -> str:
        """Return the program that ran last as Python, line by line as it runs."""
        return self.program.source

    @property
    def javascript(self) -> str:
        """Return the program that ran last as a JavaScript function, if it has numbers only.

        The function takes an object with the arguments and the data of the Values by name; it
        returns an object with the results, the gradients and every named variable; its list
        ``results`` has the leaves of the Python function's result. For this the function is
        recorded once more, on the numbers that it was captured with.
        """
        call = self.program.first_call
        if call is None:
            raise CaptureError("a program with arrays has no JavaScript; only one of numbers")
        program = Program(
            self.function, Recorder(assume_finite=False, without_gradients=True), call, jit=False
        )
        outputs = [
            *_numbered("result", [x for x in program.outputs if not x.names]),
            *[
                (f"gradient_of_{_name_of(bound)}", bound.new_gradient)
                for bound in program.with_gradient
            ],
            *[(f"new_{_name_of(bound)}", bound.new) for bound in program.changed_numbers],
        ]
        results = [_result_variable(x, program) for x in program.results]
        return javascript(program.schedule, program.interface, outputs, results)

    def batch(self, *arguments: Any) -> Any:
        """Run a program of numbers for many points in one call.

        Parameters
        ----------
        arguments
            The function's arguments; each number may be an array of numbers, shape (points,).

        Returns
        -------
        The function's result, with an array of shape (points,) for each number. The gradient of
        every Value grows by the sum over the points, as if the function had been called for each
        point and had not set gradients to None; equal within rounding, since sums are reordered.

        Raises
        ------
        ValueError
            If no argument is an array, or their lengths differ, or the function changes Values.
        """
        if any(isinstance(x, np.ndarray) and not x.size for x in leaves_of(arguments)):
            raise ValueError("batch got no points")
        points = {len(x) for x in leaves_of(arguments) if isinstance(x, np.ndarray) and x.ndim == 1}
        if len(points) != 1 or any(np.ndim(x) > 1 for x in leaves_of(arguments)):
            shapes = [np.shape(x) for x in leaves_of(arguments)]
            raise ValueError(f"batch needs arrays of one length for numbers, got shapes {shapes}")
        with self._lock:
            return self._batch(arguments, points.pop())

    def _batch(self, arguments: Any, points: int) -> Any:
        first = unflatten(arguments, [_first_point(x) for x in leaves_of(arguments)])
        key = signature(first), tuple([isinstance(x, np.ndarray) for x in leaves_of(arguments)])
        batched = self._batches.get(key)
        if batched is None or not batched.is_valid_for((first, {}), gradients=False):
            batched = Program(
                self.function, Recorder(without_gradients=True), (first, {}), jit=False
            )
            if batched.changed_numbers or batched.schedule.updates:
                raise ValueError(f"{self.name} changes Values: take the update out of batch()")
            batched.load_batch()
            self._batches[key] = batched
        try:
            return batched.run_batch(arguments, points)
        except (Changed, NotFinite):  # points that take different branches
            results = [
                self(
                    *unflatten(arguments, [x[i] if np.ndim(x) else x for x in leaves_of(arguments)])
                )
                for i in range(points)
            ]
            columns = zip(*map(leaves_of, results), strict=True)
            return unflatten(results[0], [np.array([float(raw(x)) for x in c]) for c in columns])

    def __repr__(self) -> str:
        return f"<captured {self.name}>"


def _is_suspended() -> bool:
    """Return whether a mode is on in which the function itself must run."""
    return not current().lean or current().nested


def _first_point(x: Any) -> Any:
    return float(x[0]) if isinstance(x, np.ndarray) and x.ndim else x


def _name_of(bound: BoundValue) -> str:
    return identifier(bound.node.label or "") or f"value_{bound.variable.number}"


def _result_variable(result: Result, program: Program) -> Any:
    """Return a result's Variable; for a Value that is returned as it came, its stand-in."""
    if result.variable is not None:
        return result.variable
    bound = program.recorder.bound_values.get(id(result.returned))
    return result.returned if bound is None else bound.variable


def _numbered(name: str, outputs: list[Variable]) -> list[tuple[str, Variable]]:
    """Name outputs ``result``, or ``result_1`` and so on if there are several."""
    names = [name] if len(outputs) == 1 else [f"{name}_{i + 1}" for i in range(len(outputs))]
    return list(zip(names, outputs, strict=True))
