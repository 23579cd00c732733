"""Run a function once under a recorder."""

from __future__ import annotations

import gc
import inspect
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.engine.core.trace import PLAIN, Modes, current, setting
from tinygrad_hw.engine.transforms.pytree import leaves_of, unflatten
from tinygrad_hw.program.emit.identifiers import Identifiers
from tinygrad_hw.program.guards.calls import CalledFunctions
from tinygrad_hw.program.interrupts import interrupts_deferred
from tinygrad_hw.program.record.leaks import leak_message
from tinygrad_hw.program.record.recorder import Recorder
from tinygrad_hw.program.record.tracer import CaptureError, Tracer, concrete
from tinygrad_hw.program.record.twin import Twin
from tinygrad_hw.program.recording import BoundValue, Recording, Result, owned_copy
from tinygrad_hw.program.variable import Variable

LOOKS, LOOK_SECONDS = 5, 0.002
"""How often, and how long between, a leak is looked at again.

A profiler in another thread holds frames of this one for a moment, and may let go of them while a
search goes on.
"""


class Outcome(NamedTuple):
    """What a recorded run gives its caller.

    Attributes
    ----------
    returned
        The function's result, with plain data.
    codes
        The code of the functions that it called; None where that is not known.
    changes
        For each Value that the run used: the Value, its new data, and its new gradient; ``KEEP``
        for what stays as it is.
    """

    returned: Any
    codes: set[CodeType] | None
    changes: list[tuple[Node, Any, Any]]

    def commit(self) -> None:
        """Give the Values their new data and gradients."""
        with interrupts_deferred():
            for node, data, gradient in self.changes:
                if data is not KEEP:
                    if node.saved:  # a graph holds the array
                        node.raw, node.saved = owned_copy(data), False
                    else:
                        PLAIN.store(node, data)
                if gradient is not KEEP:
                    node._grad = gradient


_CONTAINERS = (tuple, list, dict)
KEEP = object()  # stands for data and gradients that a run does not change


def record(
    function: Callable[..., Any],
    call: Any,
    *,
    note_calls: bool = False,
    without_gradients: bool = False,
    **how: Any,
) -> tuple[Recording, Outcome]:
    """Run a function once under a recorder; change nothing yet.

    Parameters
    ----------
    function, call
        The user's function, and its positional and keyword arguments as a pair.
    note_calls
        Whether to note which functions it calls, which makes a recording take thrice as long.
    without_gradients, how
        As in ``Recorder``.

    Raises
    ------
    CaptureError
        If the function does something that no program can repeat, or keeps a stand-in. An
        exception of the function's own is raised as it is, after its changes of Values.
    """
    if isinstance(current().trace, Recorder):
        raise CaptureError("a captured function calls another one: capture the outer one alone")
    recorder = Recorder(without_gradients=without_gradients, **how)
    references = sys.getrefcount(recorder)
    context = copy_context()  # in which a recorder cannot be left on, whatever interrupts it
    with _collector_off():  # millions of objects, none of them garbage
        try:
            changes: list[Any] = []  # before an exception
            found = context.run(_run, recorder, function, call, note_calls, changes)
        except CaptureError:
            raise
        except Exception as error:
            recorder.release()
            more = sys.getrefcount(recorder) - references
            leak = leak_message(recorder, function, call, more, error)
            if leak:
                raise CaptureError(leak) from error
            Outcome(None, None, changes).commit()
            raise
        finally:
            for variable, value in context.items():  # what the function has set
                if value is not variable.get(None) and not isinstance(value, Modes):
                    variable.set(value)
        recorder.release()
        more = sys.getrefcount(recorder) - references  # not within the call, which has one, too
        leak = leak_message(recorder, function, call, more)
        for _ in range(LOOKS if leak else 0):
            if sys.getrefcount(recorder) <= references:
                return found
            time.sleep(LOOK_SECONDS)
        if leak:
            raise CaptureError(leak)
    return found


def _run(
    recorder: Recorder,
    function: Callable[..., Any],
    call: Any,
    note_calls: bool,
    changes_before_error: list[Any],
) -> tuple[Recording, Outcome]:
    random_states = _random_state()
    with setting(trace=recorder, recording=True):
        leaves: list[Variable | None] = []
        stand_ins = [_stand_in(recorder, x, leaves) for x in leaves_of(call)]
        _name_arguments(function, call, leaves)
        arguments, options = given = unflatten(call, stand_ins)
        try:
            called = CalledFunctions()
            with called if note_calls else nullcontext():
                returned = function(*arguments, **options)
        except Exception as error:
            if recorder.refused is not None:
                raise recorder.refused from None
            error.args = concrete(error.args)
            vars(error).update(concrete(vars(error)))
            changes_before_error += [_change(twin) for twin in recorder.twins.values()]
            _write_back(given, unflatten(call, stand_ins), call)
            raise
        if recorder.refused is not None:  # the function has caught it, and gone on otherwise
            raise recorder.refused
        if _write_back(given, unflatten(call, stand_ins), call):
            recorder.obstacle = "it changes a list or a dict that it is given"
        results = [_result(recorder, x) for x in leaves_of(returned)]
        recorder.obstacle = recorder.obstacle or recorder.gathers.obstacle()
    if _random_state() != random_states:
        recorder.obstacle = (
            "it draws random numbers; draw them outside and pass them as an argument"
        )
    arguments = enumerate(leaves_of(call))
    positions = {id(x): i for i, x in reversed(list(arguments)) if isinstance(x, Node)}
    recording = Recording(
        Identifiers({"finite", "Changed", "NotFinite"}).choose(
            [getattr(function, "__name__", ""), "program"]
        ),
        tuple(leaves),
        tuple([_bound_value(recorder, twin, positions) for twin in recorder.twins.values()]),
        tuple(recorder.array_inputs),
        tuple(results),
        unflatten(returned, [None] * len(results)),
        tuple(dict(recorder.branches).items()),
        tuple(recorder.data_dependent),
        recorder.guarded,
        recorder.guarded_forward,
        tuple(recorder.gathers.given),
        recorder.only_this_run,
        recorder.obstacle,
    )
    to_caller = [
        x.returned
        if isinstance(x.returned, Node)
        else x.to_caller(None if x.variable is None else owned_copy(concrete(_data(leaf))))
        for x, leaf in zip(results, leaves_of(returned), strict=True)
    ]
    changes = [_change(twin) for twin in recorder.twins.values()]
    return recording, Outcome(unflatten(returned, to_caller), called.codes, changes)


def _data(leaf: Any) -> Any:
    return leaf.raw if isinstance(leaf, Node) else leaf


def _bound_value(recorder: Recorder, twin: Twin, positions: dict[int, int]) -> BoundValue:
    gradient = twin.new_gradient
    if gradient is not None and not isinstance(gradient, Tracer):
        gradient = recorder.constant(gradient)
    return BoundValue(
        twin.node,
        twin.leaf.constant,
        positions.get(id(twin.node)),
        twin.raw,
        twin.data.variable,
        twin.gradient.variable if twin.gradient is not None else None,
        twin.new.variable,
        gradient.variable if gradient is not None else None,
        twin.gradient_read,
        twin.gradient_cleared,
    )


def _change(twin: Twin) -> tuple[Node, Any, Any]:
    """Return a Value with its new data and gradient, each KEEP where it is unchanged."""
    data, gradient = twin.new, twin.new_gradient
    # A view of an array changes with the array, so only what is stored into it by itself counts.
    is_kept = data is twin.data or getattr(twin.node.raw, "base", None) is not None
    new = KEEP if is_kept else concrete(data)
    if gradient is twin.gradient and not (gradient is None and twin.grad is not None):
        return twin.node, new, KEEP
    return twin.node, new, owned_copy(concrete(gradient))


@contextmanager
def _collector_off() -> Iterator[None]:
    """Turn off Python's garbage collector, which would visit every instruction repeatedly."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _write_back(now: Any, before: Any, original: Any) -> bool:
    """Give the caller's lists and dicts what the function has made of theirs; return if it has."""
    if not isinstance(before, _CONTAINERS):
        return False
    keys: Any = list(before) if isinstance(before, dict) else range(len(before))
    is_same = list(now) == keys if isinstance(before, dict) else len(now) == len(before)
    if is_same and all(now[k] is before[k] or isinstance(before[k], _CONTAINERS) for k in keys):
        return any([_write_back(now[k], before[k], original[k]) for k in keys])
    if isinstance(before, dict):
        original.clear()
        original.update(concrete(now))
    else:
        original[:] = concrete(now)
    return True


def _stand_in(recorder: Recorder, argument: Any, leaves: list[Variable | None]) -> Any:
    """Return the stand-in for an argument, and append its input to ``leaves``."""
    if isinstance(argument, Node):
        data: Any = recorder.twin(argument).raw
        leaf = data.variable if isinstance(data, Tracer) else None
        is_input = leaf is not None and leaf.function is None
        leaves.append(leaf if is_input and not any(leaf is known for known in leaves) else None)
        return argument
    if type(argument) is float or isinstance(argument, np.ndarray | np.floating):
        tracer = recorder.input(argument)
        if isinstance(argument, np.ndarray):
            recorder.given.append((argument, tracer))
        leaves.append(tracer.variable)
        return tracer
    leaves.append(None)
    return argument


def _name_arguments(function: Callable[..., Any], call: Any, leaves: list[Variable | None]) -> None:
    """Name the inputs after the function's parameters, in any order of options."""
    arguments, options = unflatten(call, leaves)
    try:
        bound = inspect.signature(function).bind(*arguments, **options)
    except (TypeError, ValueError):  # no signature, or wrong arguments: calling it will say so
        return
    for name, given in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        is_one = kind is inspect.Parameter.VAR_POSITIONAL and len(given) == 1
        for label, leaf in named_leaves(name, given[0] if is_one else given):
            if leaf is not None and not leaf.names:
                leaf.names.append(label)


def named_leaves(name: str, argument: Any) -> Iterator[tuple[str, Any]]:
    """Yield each leaf of an argument with a name: its key in a dict, its number in a list."""
    if isinstance(argument, dict):
        for key, part in argument.items():
            yield from named_leaves(str(key), part)
    elif isinstance(argument, tuple | list):
        for i, part in enumerate(argument, start=1):
            yield from named_leaves(f"{name}_{i}", part)
    else:
        yield name, argument


def _result(recorder: Recorder, x: Any) -> Result:
    """Return the Result for a leaf; raise CaptureError for an object that may hide others."""
    x = recorder.gathers.recognized(x)
    if not isinstance(x, Node):
        parts = x if isinstance(x, set | frozenset) else getattr(x, "__dict__", {}).values()
        if isinstance(x, Iterator) or any(isinstance(part, Node | Tracer) for part in parts):
            raise CaptureError(
                f"a captured function returns a {type(x).__name__}; return what it computes alone, "
                "or in tuples, lists and dicts"
            )
        if not isinstance(x, Tracer):
            return Result(None, x)
        return Result(x.variable, zero_dimensional=x.is_0d)
    if id(x) in recorder.twins or (x.operation is None and not isinstance(x.raw, Tracer)):
        return Result(None, x)  # the function returns a Value that it got
    recorder.add_label(x)
    data: Any = x.raw
    if isinstance(data, Tracer):
        return Result(data.variable, None, True, x.label)
    return Result(None, data, True, x.label)


def _random_state() -> Any:
    state: Any = np.random.get_state()
    return state[1].tobytes(), state[2:], random.getstate()
