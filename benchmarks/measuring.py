"""How one process measures: what it gives back, and how a time is taken."""

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKED_STEPS = 5


@dataclass
class Result:
    """What one process found.

    Attributes
    ----------
    value
        Seconds, or megabytes for the memory row.
    first
        Seconds that the first call took: what capturing or compiling costs.
    check
        Numbers that every side of a row must agree on: else a fast wrong program would win.
    curve
        Value by size, for a figure; ``value`` is then nothing.
    stopped
        Why a curve ends before the others do.
    """

    value: float = 0.0
    first: float = 0.0
    check: list[float] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)
    stopped: str = ""


def median_time(call: Callable[[], object], seconds: float = 1.0, at_least: int = 5) -> float:
    """Median time of a call in seconds, over so many seconds of calls, after a warm-up.

    The median, because another process taking the core for a moment makes single calls slow and
    never makes one fast.
    """
    warm = time.perf_counter() + seconds / 4
    call()
    while time.perf_counter() < warm:
        call()
    times: list[float] = []
    while sum(times) < seconds or len(times) < at_least:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def checked_steps(step: Callable[[], Any]) -> Result:
    """Time a training step; its first losses say whether all sides compute the same."""
    first, loss = timed(step)
    check = [loss, *(float(step()) for _ in range(CHECKED_STEPS - 1))]
    return Result(median_time(step), first, check)


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of one call, and the number that it returned."""
    start = time.perf_counter()
    number = float(call())
    return time.perf_counter() - start, number


def peak_megabytes() -> float:
    """Highest resident memory of this process so far.

    On Linux from /proc: ``getrusage`` also counts the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(li for li in status.read_text().splitlines() if li.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
