"""A recorded computation as a straight-line program: to read, to replay, to run elsewhere."""

from tinygrad_hw.program.capture import Captured, capture
from tinygrad_hw.program.trace import CaptureError

__all__ = ["CaptureError", "Captured", "capture"]
