"""Captured programs: recorded computations as straight-line code, to read, replay and export.

Read in this order:

- ``capture``: the user's entry, and the choice of a program for each call.
- ``variable``, ``simplify``, ``recorder``: the stand-ins for data, the normal form of calls, and
  the recorder of calls.
- ``guards``: the assumptions of a program about the data around its function.
- ``recording``: one run of a function under a recorder.
- ``instructions``, ``buffers``, ``schedule``: the calls that are needed, their memory, their order.
- ``emit``: a schedule as NumPy, as compiled loops, for many points, as JavaScript.
- ``program``: the program put together from these, and its replay.
"""

from tinygrad_hw.program.capture import Captured, capture
from tinygrad_hw.program.record.tracer import CaptureError

__all__ = ["CaptureError", "Captured", "capture"]
