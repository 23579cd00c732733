"""Find what a captured function keeps of a run elsewhere than in its result."""

from __future__ import annotations

import gc
import sys
from traceback import walk_stack
from types import FrameType, ModuleType
from typing import Any

from tinygrad_hw.program.record.recorder import Recorder
from tinygrad_hw.program.record.tracer import CaptureError, Tracer

_LASTING = (ModuleType, type)
_FEW = 10  # objects are searched for faster one by one than by looking into all others


def refuse_leak(recorder: Recorder, function: Any, call: Any) -> None:
    """Raise CaptureError if a stand-in of a run that has ended is kept somewhere."""
    leaked = [x for x in gc.get_referrers(recorder) if isinstance(x, Tracer)]
    kept = _kept(leaked, {id(function), id(call)})
    if not kept:
        return
    first, holders = min(kept, key=lambda found: found[0].variable.number)
    kinds = dict.fromkeys(f"a {type(x).__name__}" for x in holders)
    raise CaptureError(
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
    kept = set[int]()
    while lasting:
        number = lasting.pop()
        if number not in kept:
            kept.add(number)
            lasting += held.get(number, ())
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
