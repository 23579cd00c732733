"""Captured programs: recorded computations as straight-line code, to read, replay and export.

A run becomes plain data in stages, each of which prints as what it is: ``Recording``, ``Schedule``,
``Listing``, ``Replay``. Read in this order:

- ``capture``, ``variants``: the user's entry; which calls run the function as it is, which are
  recorded and compared, and which are replayed.
- ``record``: the run of a function under a recorder, with stand-ins for numbers and arrays, and
  private twins of Values.
- ``variable``, ``instructions``, ``recording``: what was computed, as plain data; the comparison.
- ``guards``: what must be as it was before a replay.
- ``schedule``, ``buffers``: the order of the instructions, and their memory.
- ``emit``: a schedule as NumPy, as compiled loops, for many points, as JavaScript, as ONNX.
- ``program``, ``replay``, ``interrupts``: the text, loaded, with its memory; one call of it.
"""

from tinygrad_hw.program.capture import Captured, capture
from tinygrad_hw.program.record.tracer import CaptureError

__all__ = ["CaptureError", "Captured", "capture"]
