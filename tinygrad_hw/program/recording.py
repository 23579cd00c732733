"""Recording: one run of a function under a recorder, with its arguments and its results."""

from __future__ import annotations

import gc
import inspect
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.trace import current, setting
from tinygrad_hw.engine.transforms.pytree import leaves_of, unflatten
from tinygrad_hw.engine.value import Value
from tinygrad_hw.program.guards import Environment
from tinygrad_hw.program.recorder import Recorder
from tinygrad_hw.program.variable import CaptureError, Variable

_LOCK = threading.RLock()  # while a run lasts, its Values hold stand-ins for their data


class Result(NamedTuple):
    """One leaf of the function's result.

    Attributes
    ----------
    variable
        Its Variable; None if the leaf is the same in every run.
    returned
        The leaf as the recorded run returned it.
    as_value, label
        Whether the leaf is a Value, and its label.
    """

    variable: Variable | None
    returned: Any
    as_value: bool
    label: str | None

    def to_caller(self, computed: Any) -> Any:
        """Return the leaf for the caller, from the data that a replay computed."""
        data = owned_copy(self.returned) if self.variable is None else computed
        if not self.as_value:
            return data
        value = Value.leaf(data, constant=True)
        value.label = self.label
        return value


def record(
    recorder: Recorder, function: Callable[..., Any], call: Any, environment: Environment
) -> tuple[list[Result], list[Variable | None], Any]:
    """Run a function once under a recorder.

    Returns
    -------
    The leaves of the function's result; for each leaf of the arguments its input, or None; and the
    containers of the result, without leaves.
    """
    with _LOCK:
        return _record(recorder, function, call, environment)


def _record(
    recorder: Recorder, function: Callable[..., Any], call: Any, environment: Environment
) -> tuple[list[Result], list[Variable | None], Any]:
    random_states = _random_state(), environment.random_states()
    leaves: list[Variable | None] = []
    with _recording_with(recorder):
        try:
            for node in environment.values:
                recorder.bind(node)
            stand_ins = [_stand_in(recorder, x, leaves) for x in leaves_of(call)]
            _name_arguments(function, call, leaves)
            arguments, options = unflatten(call, stand_ins)
            returned = function(*arguments, **options)
            results = [_result(recorder, x) for x in leaves_of(returned)]
        finally:
            recorder.restore()
    if environment.leaked_tracer():
        raise CaptureError(
            f"{getattr(function, '__name__', 'the function')} keeps a number in an attribute, a "
            "global or a closure, where it would stay what it is in this run; return it"
        )
    if (_random_state(), environment.random_states()) != random_states:
        raise CaptureError(
            f"{getattr(function, '__name__', 'the function')} draws random numbers, which would be "
            "the same in every run; draw them outside and pass them as an argument"
        )
    return results, leaves, unflatten(returned, [None] * len(results))


def _recording_with(recorder: Recorder) -> Any:
    """Return a context that records its block; raise CaptureError inside another recording."""
    if isinstance(current().trace, Recorder):
        raise CaptureError("a captured function calls another one: capture the outer one alone")
    return setting(trace=recorder, recording=True)


@contextmanager
def collector_off() -> Iterator[None]:
    """Turn off Python's garbage collector, which would visit every instruction repeatedly."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _stand_in(recorder: Recorder, argument: Any, leaves: list[Variable | None]) -> Any:
    """Return the stand-in for an argument, and append its input to ``leaves``."""
    leaf = None
    if isinstance(argument, Node):
        recorder.bind(argument)
        raw: Any = argument.raw
        is_input = isinstance(raw, Variable) and raw.function is None
        leaf = raw if is_input and not any(raw is known for known in leaves) else None
        leaves.append(leaf)
        return argument
    if type(argument) is float or isinstance(argument, np.ndarray | np.floating):
        leaf = Variable(recorder, argument)
    leaves.append(leaf)
    return argument if leaf is None else leaf


def _name_arguments(function: Callable[..., Any], call: Any, leaves: list[Variable | None]) -> None:
    """Name the inputs after the function's parameters, in any order of options."""
    arguments, options = unflatten(call, leaves)
    try:
        bound = inspect.signature(function).bind(*arguments, **options)
    except (TypeError, ValueError):  # no signature, or wrong arguments: calling it will say so
        return
    for item in bound.arguments.items():
        for name, leaf in _named_leaves(*item):
            if leaf is not None and not leaf.names:
                leaf.names.append(name)


def _named_leaves(name: str, argument: Any) -> Iterator[tuple[str, Any]]:
    """Yield each leaf of an argument with a name: its key in a dict, its number in a list."""
    if isinstance(argument, dict):
        for key, part in argument.items():
            yield from _named_leaves(str(key), part)
    elif isinstance(argument, tuple | list):
        for i, part in enumerate(argument, start=1):
            yield from _named_leaves(f"{name}_{i}", part)
    else:
        yield name, argument


def _result(recorder: Recorder, x: Any) -> Result:
    """Return the Result for a leaf; raise CaptureError for an object that may hide others."""
    if not isinstance(x, Node):
        parts = x if isinstance(x, set | frozenset) else getattr(x, "__dict__", {}).values()
        if isinstance(x, Iterator) or any(isinstance(part, Node | Variable) for part in parts):
            raise CaptureError(
                f"a captured function returns a {type(x).__name__}; return what it computes alone, "
                "or in tuples, lists and dicts"
            )
        return Result(x if isinstance(x, Variable) else None, x, False, None)
    data: Any = x.raw
    if x.operation is None and not recorder.is_registered(x):
        return Result(None, x, False, None)  # the function returns a Value that it got
    recorder.add_label(x)
    return Result(data if isinstance(data, Variable) else None, data, True, x.label)


def owned_copy(data: Any) -> Any:
    """Return a copy of an array, for the caller to change; a number as it is."""
    return data.copy() if isinstance(data, np.ndarray) else data


def _random_state() -> Any:
    state: Any = np.random.get_state()
    return state[1].tobytes(), state[2:], random.getstate()
