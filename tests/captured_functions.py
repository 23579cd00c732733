"""Captured functions beside the same ones run as they are.

The first call of a captured function runs it, calls 2, 3, 4 and 8 record it, the others replay: it
takes seven calls to see each, and three replays.
"""

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

import numpy as np

from tinygrad_hw.engine import Value
from tinygrad_hw.program import capture

CALLS = 7
RECORDINGS = 3  # of so many calls: the second, the third and the fourth


def captured(function: Callable[..., Any]) -> Any:
    return capture(function, jit=False)


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def in_turn(calls: Any) -> Iterator[Any]:
    """Yield as many calls as it takes to see replays: the same ones again and again."""
    return islice(cycle(calls), CALLS)


def number(x: Any) -> Any:
    return x.raw if isinstance(x, Value) else x


def same(found: Any, wanted: Any) -> bool:
    """Whether two are the same to the last bit; one nan is like another."""
    if isinstance(wanted, tuple | list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    found, wanted = number(found), number(wanted)
    if found is None or wanted is None:
        return found is wanted
    a, b = np.asarray(found), np.asarray(wanted)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    there = ~np.isnan(b)
    return np.array_equal(a, b, equal_nan=True) and bool(
        (np.signbit(a) == np.signbit(b))[there].all()
    )


def assert_same(found: Any, wanted: Any) -> None:
    assert same(found, wanted), (found, wanted)


def assert_replayed_as_it_is(
    function: Callable[..., Any], *calls: tuple[Any, ...], jit: bool | None = False
) -> Any:
    """Call a captured function until it has been replayed, each time beside the function itself.

    ``calls`` are the arguments of each call, which are gone through in turn. Returns the captured
    function.
    """
    c = capture(function, jit=jit)
    for arguments in in_turn(calls):
        assert_same(c(*arguments), function(*arguments))
    assert c.captures == RECORDINGS
    return c
