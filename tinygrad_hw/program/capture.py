"""``capture(step)``: record a function, and replay the recording where it is known to be right."""

from __future__ import annotations

import copy
import functools
import inspect
import os
import sys
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine.call_site import package_depth
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.engine.transforms.pytree import leaves_of, unflatten
from tinygrad_hw.program.emit.javascript import javascript
from tinygrad_hw.program.emit.runtime import Changed, NotFinite
from tinygrad_hw.program.guards import Environment, signature
from tinygrad_hw.program.program import Program
from tinygrad_hw.program.record.run import record
from tinygrad_hw.program.record.tracer import CaptureError
from tinygrad_hw.program.recording import Comparer, Recording
from tinygrad_hw.program.variants import PLAINLY, Variant, Variants, is_run_as_it_is

SIGNATURES = 64  # the most signatures (kinds of arguments), each with programs of its own
_FUNCTIONS: weakref.WeakSet[Captured] = weakref.WeakSet()


def capture(
    function: Callable[..., Any] | None = None, *, jit: bool | None = None, pure: bool = False
) -> Any:
    """Return a function that is recorded, and replayed where the recording is known to be right.

    For each kind of arguments, the first call runs the function as it is. The second and the third
    run it and record what it computes. If the two recordings are equal, later calls replay them;
    every call whose number is a power of two (4, 8, 16, …) is recorded again and compared.

    What may be stale: a replay computes with arguments and Values as they are, and with what the
    function read otherwise as it was. Most changes of that are seen before the next call; one that
    is not is seen at the next power of two, so after n calls at most n are answered from the
    earlier world. A recording that differs is right itself; a warning names the constant or
    instruction that differs, with its file and line, and the function is captured anew, or run as
    it is from then on if every recording differs.

    Parameters
    ----------
    function
        A computation on numbers, arrays and Values. It may call ``backward()`` and change
        parameters with an optimizer of ``nn``. If it is None, a decorator is returned.
    jit
        True compiles runs of pointwise operations with numba, False does not, None does so if numba
        is installed.
    pure
        True for a function that reads nothing but its arguments and Values: nothing else is
        compared before a call, and no call after the third is recorded.

    Returns
    -------
    Captured
        A callable with the function's arguments. Its results are numbers, arrays and Values without
        a history.

    Raises
    ------
    CaptureError
        When it is recorded, if the function turns a computed Value into a plain number (by
        ``float()``, say), keeps one elsewhere than in its result, or does something else that no
        program can repeat. Values are then as they were before the call.
    InputError
        When it is recorded, if ``jit`` is True and numba is not installed.

    Notes
    -----
    While it is recorded, the function gets stand-ins for numbers and arrays, whose type is neither
    float nor ndarray. A gradient that an optimizer has gathered is a view of a buffer that the next
    run writes into.
    """
    if function is None:
        return functools.partial(capture, jit=jit, pure=pure)
    return Captured(function, jit, pure)


class Captured:
    """A function with the programs that were recorded of it.

    Attributes
    ----------
    function
        The function itself.
    """

    def __init__(
        self, function: Callable[..., Any], jit: bool | None = None, pure: bool = False
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.jit, self.pure = jit, pure
        self._lock = threading.RLock()
        self._told = False
        self._is_async = inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(
            function
        )
        self._comparer = Comparer()
        self._variants: dict[Any, Variants] = {}  # by the signature of the arguments
        self._batches: dict[Any, Variants] = {}
        self._last: Program | Recording | None = None
        _FUNCTIONS.add(self)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run the function: record it, or replay a program of it."""
        if _is_suspended():
            return self.function(*arguments, **options)
        if self._is_async:
            self._tell(f"it is a coroutine or a generator, which ends later; {PLAINLY}")
            return self.function(*arguments, **options)
        with self._lock:  # a program's buffers are for one thread at a time
            return self._run((arguments, options))

    def _run(self, call: Any) -> Any:
        key = signature(call)
        variants = self._variants.get(key)
        if variants is None:
            if len(self._variants) >= SIGNATURES:
                self._tell(f"it was called with {SIGNATURES} kinds of arguments; {PLAINLY}")
                return self.function(*call[0], **call[1])
            variants = self._variants[key] = self._new_variants()
        result = variants.run(call)
        self._last = variants.last or self._last
        return result

    def _new_variants(self) -> Variants:
        return Variants(self.function, self._comparer, self._tell, self.jit, self.pure)

    def _tell(self, text: str, always: bool = False) -> None:
        if always or not self._told:
            self._told = True
            warnings.warn(f"captured {self.name}: {text}", stacklevel=package_depth() + 1)

    def record(self, *arguments: Any, **options: Any) -> Program:
        """Run the function once, record it, and return the program, to read or to export.

        The run counts as a call, but its result is not returned; calls later on compare and replay
        as if this one had not been. CaptureError is raised if no program can repeat it.
        """
        with self._lock:
            recording, outcome = record(self.function, (arguments, options))
            self._refuse_obstacle(recording)
            outcome.commit()
            program = Program.of(recording, self.jit)
            self._last = program
            return program

    def _refuse_obstacle(self, recording: Recording) -> None:
        if recording.obstacle:
            raise CaptureError(f"{self.name} has no program: {recording.obstacle}")

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
            program = self._common_program(calls)
            first: list[Any] = []
            while program is None and calls:  # there may be one after the third call
                first, calls = [*first, self(*calls[0])], calls[1:]
                program = self._common_program(calls)
            if program is not None and threads > 1:
                self._last = program
                try:
                    return first + program.replay.map_threads(
                        [[*leaves_of(x)] for x in calls], threads
                    )
                except (Changed, NotFinite, ArithmeticError, ValueError, IndexError):
                    pass  # a call needs more than this program; nothing has been changed
            return first + [self(*arguments) for arguments in calls]

    def _common_program(self, calls: Sequence[tuple[Any, ...]]) -> Program | None:
        """Return a program for all these calls that may run on several threads at once, or None."""
        signatures = {signature((arguments, {})) for arguments in calls}
        variants = self._variants.get(signatures.pop()) if len(signatures) == 1 else None
        if variants is None or _is_suspended():
            return None
        for variant in variants.known:
            program = variant.program
            if program is None or not variant.holds([*leaves_of(calls[0])]):
                continue
            is_free = all(value.position is None for value in program.recording.values)
            if is_free and not program.replay.changes_values:
                return program
        return None

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Bind to an instance, as a method: it is the first argument."""
        return self if instance is None else types.MethodType(self, instance)

    def __deepcopy__(self, memo: dict[int, Any]) -> Captured:
        """Return a copy without programs, around a copy of the function."""
        return Captured(copy.deepcopy(self.function, memo), self.jit, self.pure)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Pickle the function, without programs; by name where that is a decorated one's."""
        name = getattr(self, "__qualname__", "")
        by_name = getattr(sys.modules.get(self.__module__), name, None) is self
        return name if by_name else (Captured, (self.function, self.jit, self.pure))

    @property
    def captures(self) -> int:
        """Return how often the function has been recorded."""
        return sum(variants.captures for variants in self._variants.values())

    @property
    def program(self) -> Program:
        """Return the program that ran or was recorded last."""
        if isinstance(self._last, Recording):
            self._last = Program.of(self._last, self.jit)
        if self._last is None:
            raise ValueError(
                f"{self.name} has no program yet: the first call runs the function as it is, the "
                "second records it; call it again, or use record()"
            )
        return self._last

    @property
    def source(self) -> str:
        """Return the program that ran last as Python, line by line as it runs."""
        return self.program.source

    @property
    def javascript(self) -> str:
        """Return the program that ran or was recorded last as a JavaScript function.

        The function takes one object, by name: the arguments, and the data of the Values by their
        labels (a list's leaves are ``x_1``, ``x_2``; a large array that the function finds is
        ``array``; a name that is taken gets ``_2``). A number is a number. An array is a typed
        array or a list, row by row, or lists in lists, of the shape that is in a comment above the
        function, which is checked.

        It returns an object: ``result`` (or ``result_1``, …) for what has no label, every labeled
        number and array, ``gradient_of_w`` for each new gradient, ``new_w`` for new data, such as
        an optimizer's; and the list ``results``, with the leaves of the Python function's result.
        Arrays are typed arrays, row by row; two names of one array may share it. Nothing that is
        given is written into. A gradient that the function adds to is the argument
        ``gradient_of_w``, zero if it is not given.

        float64, float32, bool and whole numbers are ``Float64Array``, ``Float32Array``,
        ``Uint8Array`` and ``Int8Array`` to ``Uint32Array``; of 64 bits ``Float64Array``, which is
        exact up to 2**53. Sums are computed in float64. There are words for elementwise functions,
        ``np.where`` and conversions; reshaping, transposing, slicing, padding, repeating and
        joining; sum, product, mean, variance, extremes, any and all along axes, argmax, cumsum,
        sort and argsort; products of matrices and einsum; indices that are computed, and their
        gradients. Shapes that depend on data have none.

        Raises
        ------
        CaptureError
            If JavaScript has no words for an instruction; the message names it.
        """
        return javascript(self.program.schedule)

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
        """Replay for all points; the first and the last are recorded, and compared."""
        ends = [_point(arguments, i) for i in (0, points - 1)]
        key = (
            signature((ends[0], {})),
            tuple([isinstance(x, np.ndarray) for x in leaves_of(arguments)]),
        )
        batches = self._batches.setdefault(key, self._new_variants())
        batches.calls += 1
        is_power_of_two = batches.calls & (batches.calls - 1) == 0
        known = [x for x in batches.known if x.holds([*leaves_of(ends[0])], gradients=False)]
        if not known or (is_power_of_two and not self.pure):
            known = batches.known = self._batch_variants(ends)
        try:
            if known[0].program is not None:
                return known[0].program.replay.run_batch(arguments, points)
        except (Changed, NotFinite):  # points that take different branches
            pass
        leaves = list(leaves_of(arguments))
        cleared = {
            value.node if value.position is None else leaves[value.position]
            for variant in known
            for value in variant.recording.values
            if value.gradient_cleared
        }
        return self._run_each([_point(arguments, i) for i in range(points)], cleared)

    def _run_each(self, calls: list[Any], cleared: set[Any]) -> Any:
        """Run the function for each point, and add up the gradients that it sets to None."""
        sums = {node: node.grad for node in cleared}
        results = []
        for call in calls:
            results.append(self.function(*call))
            for node, total in sums.items():
                sums[node] = node.grad if total is None else total + (node.grad or 0.0)
        for node, total in sums.items():
            node.grad = total
        columns = zip(*map(leaves_of, results), strict=True)
        return unflatten(results[0], [np.array([float(raw(x)) for x in c]) for c in columns])

    def _batch_variants(self, points: list[Any]) -> list[Variant]:
        """Return the variants of two points, with a program if they are equal."""
        found: list[Variant] = []
        for point in points:
            recording, outcome = record(
                self.function, (point, {}), note_calls=not found, without_gradients=True
            )
            self._refuse_obstacle(recording)
            if any(value.is_changed for value in recording.values):
                raise ValueError(f"{self.name} changes Values: take the update out of batch()")
            environment = Environment(self.function, (point, {}), outcome.codes)
            fingerprint = self._comparer.fingerprint(recording, environment.arrays)
            found.append(Variant(recording, fingerprint, environment))
        first, last = found
        is_same = first.fingerprint == last.fingerprint and first.is_current()
        if not is_same or (first.environment and first.environment.obstacle):
            return found
        first.program = Program.of(first.recording, False)
        return [first]

    def __repr__(self) -> str:
        return f"<captured {self.name}>"


def _is_suspended() -> bool:
    """Return whether a mode is on in which the function itself must run."""
    return not current().lean or current().nested or is_run_as_it_is.get()


def _renew_locks() -> None:
    """Replace locks in a forked process: the thread that held one is not in it."""
    for function in list(_FUNCTIONS):
        function._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def _point(arguments: Any, i: int) -> Any:
    """Return the arguments of one point: the i-th element of each array."""
    leaves = [float(x[i]) if np.ndim(x) else x for x in leaves_of(arguments)]
    return unflatten(arguments, leaves)
