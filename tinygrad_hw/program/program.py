"""Program: a recording, and what is made of it on the way to a replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinygrad_hw.program.emit import numba
from tinygrad_hw.program.emit.numpy import Listing, emit
from tinygrad_hw.program.emit.onnx import onnx_model
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

    def onnx(
        self, *, gradients: bool = False, updates: bool = False, values_as_inputs: bool = False
    ) -> Any:
        """Return the program as a model for ONNX Runtime; write it to a file with ``onnx.save``.

        Its inputs are the function's arguments, by name; its outputs are what the function returns,
        by label, key or number. The data of Values, such as the weights of a trained network, are
        in it as they are now, by their labels. It is of opset 18; for float64 it wants ONNX Runtime
        1.26 or later.

        Parameters
        ----------
        gradients
            Whether the gradients that the program computes are outputs too, as ``gradient_of_w``.
        updates
            Whether the new data of Values are outputs too, as ``new_w``; the model changes nothing.
        values_as_inputs
            Whether a run may pass other data for the Values.

        Returns
        -------
        onnx.ModelProto

        Raises
        ------
        CaptureError
            If ONNX has no spelling for an operation.
        InputError
            If the package ``onnx`` is not installed, or there are no gradients or no updates.

        Notes
        -----
        The model has the shapes of the recorded call, and takes the branches that this took, which
        its ``doc_string`` names: ONNX has no function to fall back to.
        """
        return onnx_model(
            self.recording,
            gradients=gradients,
            updates=updates,
            values_as_inputs=values_as_inputs,
        )
