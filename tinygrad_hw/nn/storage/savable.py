"""What a model has of Keras's methods for files."""

from __future__ import annotations

import os

from tinygrad_hw.nn.storage.state import load_weights, save_weights


class Savable:
    """Base class of what can be saved in files."""

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Save the weights in a file that ends in ".safetensors", other than in Keras.

        It is written beside its place first, and then replaces what is there at once.

        Parameters
        ----------
        filepath
            The file; its folder is made where it is missing.
        overwrite
            False to refuse a file that is there. (Keras asks.)

        Raises
        ------
        InputError
            For another ending, a file that is there, a place that cannot be written to, or a model
            that is not built.
        """
        save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Set the weights to those of a file of ``save_weights``, or of ``save``.

        Raises
        ------
        InputError
            For a file that is not there, not ours, cut off or changed, and for one with other
            weights; the model is as it was then.
        """
        load_weights(self, filepath)
