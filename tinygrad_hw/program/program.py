"""Program: a recording, and what is made of it on the way to a replay."""

from __future__ import annotations

from dataclasses import dataclass

from tinygrad_hw.program.emit import numba
from tinygrad_hw.program.emit.numpy import Listing, emit
from tinygrad_hw.program.recording import Recording
from tinygrad_hw.program.replay import Replay
from tinygrad_hw.program.schedule import Schedule, schedule


@dataclass(frozen=True, eq=False)
class Program:
    """A recording, and what is made of it on the way to a replay.

    Attributes
    ----------
    recording
        One run of the function, as it was.
    schedule
        Its instructions in the order in which they run, with their memory.
    listing
        The text in Python.
    replay
        The text, loaded.
    """

    recording: Recording
    schedule: Schedule
    listing: Listing
    replay: Replay

    @classmethod
    def of(cls, recording: Recording, jit: bool | None = None) -> Program:
        """Return the program of a recording; compile as ``capture`` says."""
        scheduled = schedule(recording, numba if numba.is_wanted(jit) else None)
        listing = emit(scheduled)
        return cls(recording, scheduled, listing, Replay(scheduled, listing))

    @property
    def source(self) -> str:
        """Return the program as Python, line by line as it runs."""
        return self.listing.text
