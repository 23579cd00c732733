"""A recorded computation as a straight-line program: to read, to replay, to run elsewhere.

Read in this order: ``capture`` (what a user calls), ``variable``, ``simplify`` and ``recorder``
(how a run is recorded), ``guards`` (what it depends on beside its arguments), ``recording`` (one
run), ``schedule`` (which instructions, in which order, in which memory), ``emit`` (the program as
Python, as compiled loops, for many points, as JavaScript), ``program`` (all of it together,
replayed).
"""

from tinygrad_hw.program.capture import Captured, capture
from tinygrad_hw.program.variable import CaptureError

__all__ = ["CaptureError", "Captured", "capture"]
