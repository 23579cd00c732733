"""A recorded computation as a straight-line program: to read, to replay, to run elsewhere.

Read in this order:

- ``capture``: what a user calls, and which program a call runs.
- ``variable``, ``simplify``, ``recorder``: the stand-ins for data, the form that calls are brought
  into, and what writes them down.
- ``guards``: what a program assumes about the world around its function.
- ``recording``: one run of a function under a recorder.
- ``instructions``, ``buffers``, ``schedule``: what is computed, in which order, in which memory.
- ``emit``: a schedule as NumPy, as compiled loops, for many points, as JavaScript.
- ``program``: all of it together, replayed.
"""

from tinygrad_hw.program.capture import Captured, capture
from tinygrad_hw.program.variable import CaptureError

__all__ = ["CaptureError", "Captured", "capture"]
