"""One run of a function with everything taken down: what it was given, and what it returned."""

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
from tinygrad_hw.engine.transforms.pytree import leaves_of, rebuilt
from tinygrad_hw.engine.value import Value
from tinygrad_hw.program.guards import Environment
from tinygrad_hw.program.recorder import Recorder, recording_with
from tinygrad_hw.program.variable import CaptureError, Variable

_RECORDING = threading.RLock()  # the Values of a run stand for their data as long as it lasts


class Result(NamedTuple):
    """One leaf of what the function returns: computed, or the same in every run."""

    variable: Variable | None
    given: Any
    as_value: bool
    label: str | None

    def to_caller(self, computed: Any) -> Any:
        """What the caller gets."""
        data = own(self.given) if self.variable is None else computed
        if not self.as_value:
            return data
        value = Value.leaf(data, constant=True)
        value.label = self.label
        return value


def record(
    recorder: Recorder, function: Callable[..., Any], given: Any, environment: Environment
) -> tuple[list[Result], list[Variable | None], Any]:
    """Run the function once, with everything taken down."""
    with _RECORDING:
        return _record(recorder, function, given, environment)


def _record(
    recorder: Recorder, function: Callable[..., Any], given: Any, environment: Environment
) -> tuple[list[Result], list[Variable | None], Any]:
    before = _random_state(), environment.random_states()
    leaves: list[Variable | None] = []
    with recording_with(recorder):
        try:
            for node in environment.values:
                recorder.bind(node)
            stand_ins = [_stand_in(recorder, x, leaves) for x in leaves_of(given)]
            _name_arguments(function, given, leaves)
            arguments, options = rebuilt(given, stand_ins)
            tree = function(*arguments, **options)
            results = [_result(recorder, x) for x in leaves_of(tree)]
        finally:
            recorder.restore()
    if environment.leaked_tracer():
        raise CaptureError(
            f"{getattr(function, '__name__', 'the function')} keeps a number in an attribute, a "
            "global or a closure, where it would stay what it is in this run; return it"
        )
    if (_random_state(), environment.random_states()) != before:
        raise CaptureError(
            f"{getattr(function, '__name__', 'the function')} draws random numbers, which would be "
            "the same in every run; draw them outside and pass them as an argument"
        )
    return results, leaves, rebuilt(tree, [None] * len(results))


@contextmanager
def collector_off() -> Iterator[None]:
    """Hold Python's collector back, which would look at every instruction again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _stand_in(recorder: Recorder, given: Any, leaves: list[Variable | None]) -> Any:
    """What the function is given in place of an argument, while it is recorded."""
    leaf = None
    if isinstance(given, Node):
        recorder.bind(given)
        raw: Any = given.raw
        is_input = isinstance(raw, Variable) and raw.function is None
        leaf = raw if is_input and not any(raw is known for known in leaves) else None
        leaves.append(leaf)
        return given
    if type(given) is float or isinstance(given, np.ndarray | np.floating):
        leaf = Variable(recorder, given)
    leaves.append(leaf)
    return given if leaf is None else leaf


def _name_arguments(
    function: Callable[..., Any], given: Any, leaves: list[Variable | None]
) -> None:
    """Call the inputs what the function calls its parameters."""
    arguments, options = rebuilt(given, leaves)  # an option may be given before those left of it
    try:
        bound = inspect.signature(function).bind(*arguments, **options)
    except (TypeError, ValueError):  # it has no signature, or does not take these: it will say so
        return
    for item in bound.arguments.items():
        for name, leaf in _named_leaves(*item):
            if leaf is not None and not leaf.names:
                leaf.names.append(name)


def _named_leaves(name: str, argument: Any) -> Iterator[tuple[str, Any]]:
    """Give each leaf of an argument with a name: its key in a dict, its number in a list."""
    if isinstance(argument, dict):
        for key, part in argument.items():
            yield from _named_leaves(str(key), part)
    elif isinstance(argument, tuple | list):
        for i, part in enumerate(argument, start=1):
            yield from _named_leaves(f"{name}_{i}", part)
    else:
        yield name, argument


def _result(recorder: Recorder, x: Any) -> Result:
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
        return Result(None, x, False, None)  # the function hands a Value through
    recorder.add_label(x)
    return Result(data if isinstance(data, Variable) else None, data, True, x.label)


def own(data: Any) -> Any:
    """A copy of an array, which is then the caller's; anything else as it is."""
    return data.copy() if isinstance(data, np.ndarray) else data


def _random_state() -> Any:
    state: Any = np.random.get_state()
    return state[1].tobytes(), state[2:], random.getstate()
