"""A recorded computation as a straight-line program: to read, to replay, to run elsewhere.

Read in this order: ``capture`` (what a user calls), ``variable`` and ``tape`` (how a run is taken
down), ``guards`` (what it depends on beside its arguments), ``recording`` (one run), ``linear``
(which instructions, in which order, in which memory), ``emit_numpy`` (the program as Python),
``emit_batch`` (the same for many points), ``emit_numba`` (compiled loops), ``emit_js``
(JavaScript), ``program`` (all of it together, replayed).
"""

from tinygrad_hw.program.capture import Captured, capture
from tinygrad_hw.program.variable import CaptureError

__all__ = ["CaptureError", "Captured", "capture"]
