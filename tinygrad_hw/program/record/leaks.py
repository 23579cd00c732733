"""Find what a captured function keeps of a run elsewhere than in its result."""

from __future__ import annotations

import gc
import sys
from collections import Counter, deque
from traceback import walk_stack, walk_tb
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from tinygrad_hw.program.record.recorder import Recorder
from tinygrad_hw.program.record.tracer import Tracer
from tinygrad_hw.program.variable import Variable

_LASTING = (ModuleType, type)
_FEW = 10  # objects are searched for faster one by one than by looking into all others
_MANY = 10_000  # objects behind the frames of an exception
_NOT_FOLLOWED = (FrameType, CodeType, ModuleType, type, Recorder, Variable)


def leak_message(
    recorder: Recorder,
    function: Any,
    call: Any,
    references: int,
    error: BaseException | None = None,
) -> str | None:
    """Return what keeps a stand-in of a run that has ended, as a message; None if nothing does.

    Parameters
    ----------
    references
        How many references to the recorder there are more than before the run: each stand-in has
        one.
    error
        The exception that the run has ended with; its frames may keep what they like.
    """
    if error is not None:
        leaked = _held_by_others(recorder, references, _frames_of(error))
    else:
        leaked = _stand_ins(recorder) if references > 0 else []
    kept = _kept(leaked, {id(function), id(call)})
    if not kept:
        return None
    first, holders = min(kept, key=lambda found: found[0].variable.number)
    kinds = dict.fromkeys(f"a {type(x).__name__}" for x in holders)
    return (
        f"{getattr(function, '__name__', 'the function')} keeps what {first.variable.site} has "
        f"computed, in {' and '.join(kinds) or 'something'}, where it would stay what it is in "
        "this run; return it instead"
    )


def _kept(leaked: list[Tracer], roots: set[int]) -> list[tuple[Tracer, list[Any]]]:
    """Return the stand-ins that are kept by more than ended frames and garbage, and what by.

    What refers to them is searched for, level by level, until something is found that outlasts the
    call: a module, a class, one of the ``roots``, or what nothing refers to, a variable of a
    function that runs. Frames that have ended are kept by tracebacks; garbage refers to itself.
    """
    roots = roots.union(id(frame) for frame, _ in walk_stack(sys._getframe(2).f_back))
    held: dict[int, set[int]] = {}  # what each object of the levels above holds, by id
    lasting: list[int] = []
    levels: list[list[Any]] = [leaked]
    seen = {id(x) for x in leaked}
    while levels[-1] and not lasting:
        wanted = {id(x) for x in levels[-1]}
        holders: list[Any] = []
        for x in _referrers(levels[-1]):
            below = wanted.intersection(map(id, gc.get_referents(x)))
            if below and not any([x is level for level in levels]):
                holders.append(x)
                held.setdefault(id(x), set()).update(below)
        lasting += wanted.difference(*[held[id(x)] for x in holders])
        lasting += [id(x) for x in holders if isinstance(x, _LASTING) or id(x) in roots]
        holders = [x for x in holders if not isinstance(x, FrameType) and id(x) not in seen]
        seen.update(map(id, holders))
        levels.append(holders)
    kept = _all_below(lasting, held)
    return [
        (x, [y for y in levels[1] if id(y) in kept and id(x) in held[id(y)]])
        for x in leaked
        if id(x) in kept
    ]


def _referrers(objects: list[Any]) -> list[Any]:
    """Return what may refer to one of the objects."""
    if len(objects) > _FEW:
        return gc.get_objects()
    found: list[Any] = []
    for x in objects:  # at once, the arguments of that call would be among the referrers
        found += gc.get_referrers(x)
    return found


def _all_below(tops: list[int], held: dict[int, set[int]]) -> set[int]:
    """Return the ids of some objects, and of all that they lead to."""
    found = set[int]()
    while tops:
        number = tops.pop()
        if number not in found:
            found.add(number)
            tops += held.get(number, ())
    return found


def _frames_of(error: BaseException) -> list[FrameType]:
    """Return the frames that an exception keeps, and those that it was raised in place of."""
    errors: list[BaseException] = [error]
    for each in errors:  # which grows meanwhile
        for before in (each.__cause__, each.__context__):
            if before is not None and not any([before is known for known in errors]):
                errors.append(before)
    frames = [frame for each in errors for frame, _ in walk_tb(each.__traceback__)]
    return list({id(frame): frame for frame in frames}.values())


def _stand_ins(recorder: Recorder) -> list[Tracer]:
    """Return all stand-ins of a run, by looking at all objects that there are."""
    return [x for x in gc.get_referrers(recorder) if isinstance(x, Tracer)]


def _held_by_others(recorder: Recorder, references: int, frames: list[FrameType]) -> list[Tracer]:
    """Return the stand-ins that others may refer to than frames that have ended.

    Of the references that an object has, those from the frames and from objects behind them are
    subtracted. Where none is left, nobody else has any: the search for others, which looks at all
    objects there are, is not needed.
    """
    behind = _objects_behind(frames)
    leaked = [x for x in behind if isinstance(x, Tracer) and x.recorder is recorder]
    counted = sum([y is recorder for x in (*frames, *behind) for y in gc.get_referents(x)])
    if counted != references:
        leaked = _stand_ins(recorder)
    held, found = _references([*frames, *behind, leaked], behind)
    one = [object()]
    [of_this_search] = [sys.getrefcount(x) for x in one]
    others = [id(x) for x in behind if sys.getrefcount(x) - of_this_search > found[id(x)]]
    others += [id(x) for x in leaked if id(x) not in found]
    kept = _all_below(others, held)
    return [x for x in leaked if id(x) in kept]


def _references(holders: list[Any], objects: list[Any]) -> tuple[dict[int, set[int]], Counter[int]]:
    """Return which of the objects each holder refers to, and how many references each has, by id.

    A function of its own: its variables would be references, too.
    """
    held: dict[int, set[int]] = {}
    references = Counter({id(x): 0 for x in objects})
    for x in holders:
        for y in gc.get_referents(x):
            if id(y) in references:
                references[id(y)] += 1
                held.setdefault(id(x), set()).add(id(y))
    return held, references


def _objects_behind(frames: list[FrameType]) -> list[Any]:
    """Return what frames lead to, nearest first; not through the globals of modules."""
    found: dict[int, Any] = {}
    waiting = deque[Any](frames)
    while waiting and len(found) < _MANY:
        x = waiting.popleft()
        below = gc.get_referents(x)
        if isinstance(x, FunctionType):
            below = [x.__closure__, x.__defaults__, x.__kwdefaults__, x.__dict__]
        for y in below:
            if id(y) not in found and not isinstance(y, _NOT_FOLLOWED):
                found[id(y)] = y
                waiting.append(y)
    return list(found.values())
