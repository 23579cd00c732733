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
_FEW = 20  # objects are searched for faster by Python than by the loop below


def refuse_leak(recorder: Recorder, references: int, function: Any, call: Any) -> None:
    """Raise CaptureError if a stand-in of a run that has ended is kept somewhere.

    ``references`` are those to the recorder before the run: each stand-in holds another one.
    """
    gc.collect()
    if sys.getrefcount(recorder) <= references + 1:  # this function's own
        return
    objects = gc.get_objects()  # taken first, so that nothing made below is among them
    leaked = [x for x in gc.get_referrers(recorder) if isinstance(x, Tracer)]
    kept = _kept(leaked, objects, {id(function), id(call)})
    if not kept:
        return
    first, holders = min(kept, key=lambda found: found[0].variable.number)
    kinds = dict.fromkeys(f"a {type(x).__name__}" for x in holders)
    raise CaptureError(
        f"{getattr(function, '__name__', 'the function')} keeps what {first.variable.site} has "
        f"computed, in {' and '.join(kinds) or 'something'}, where it would stay what it is in "
        "this run; return it instead"
    )


def _kept(
    leaked: list[Tracer], objects: list[Any], roots: set[int]
) -> list[tuple[Tracer, list[Any]]]:
    """Return the stand-ins that are kept by more than frames that have ended, and what by.

    The traceback of an exception keeps such frames. ``objects`` are searched, level by level, for
    what refers to the stand-ins, until something is found that outlasts the call: a module, a
    class, one of the ``roots``, or what nothing refers to, a variable of a function that runs.
    """
    roots = roots.union(id(frame) for frame, _ in walk_stack(sys._getframe(2).f_back))
    held: dict[int, set[int]] = {}  # what each object of the levels above holds, by id
    lasting: list[int] = []
    holders_of_leaked: list[Any] = []
    level: list[Any] = leaked
    known = {id(x) for x in objects}
    seen = {id(x) for x in level}
    while level and not lasting:
        wanted = {id(x) for x in level}
        holders = []
        for x in gc.get_referrers(*level) if len(level) < _FEW else objects:
            below = wanted.intersection(map(id, gc.get_referents(x)))
            if below and id(x) in known:
                holders.append(x)
                held.setdefault(id(x), set()).update(below)
        lasting += wanted.difference(*[held[id(x)] for x in holders])
        lasting += [id(x) for x in holders if isinstance(x, _LASTING) or id(x) in roots]
        holders_of_leaked = holders_of_leaked or holders
        level = [x for x in holders if not isinstance(x, FrameType) and id(x) not in seen]
        seen.update(map(id, level))
    kept = set[int]()
    while lasting:
        number = lasting.pop()
        if number not in kept:
            kept.add(number)
            lasting += held.get(number, ())
    return [
        (x, [y for y in holders_of_leaked if id(y) in kept and id(x) in held[id(y)]])
        for x in leaked
        if id(x) in kept
    ]
