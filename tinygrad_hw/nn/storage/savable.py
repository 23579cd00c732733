"""What a model has for files and for other libraries."""

from __future__ import annotations

import json
import os
from typing import Any

from tinygrad_hw.nn.interop.onnx import write_onnx
from tinygrad_hw.nn.interop.to_keras import keras_of
from tinygrad_hw.nn.storage.state import load_weights, save_weights
from tinygrad_hw.nn.storage.whole_model import architecture, save_model


class Savable:
    """Base class of what can be saved in files, and made in other libraries."""

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Save the whole model in a file that ends in ".safetensors", other than in Keras.

        That is: the layers and what the model was compiled with, the weights, the optimizer's
        states, the random generators and the last History. ``nn.models.load_model`` reads it.

        Parameters
        ----------
        filepath
            The file. It is written beside its place first, and then replaces what is there at once;
            its folder is made where it is missing.
        overwrite
            False to refuse a file that is there. (Keras asks.)

        Raises
        ------
        InputError
            For another ending, a file that is there, a place that cannot be written to, a model
            that is not built, and for what has no name: a lambda as an activation or a loss.
        """
        save_model(self, filepath, overwrite)

    def to_json(self, **options: Any) -> str:
        """Return the layers as a text, without weights; ``nn.models.model_from_json`` reads it.

        ``options`` are those of ``json.dumps``. The text is not that of Keras.
        """
        return json.dumps(architecture(self), **options)

    def to_onnx(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the inference of the model in a file that ends in ".onnx", for any batch size.

        Its input is called "inputs", or several by the names of each ``Input``, and its output
        "outputs"; the first axis of each is "batch". Layers that differ in training are as in
        ``predict``. Inputs have the model's dtype, but those of a first layer that is an Embedding
        and of an ``Input`` of whole numbers have theirs. The model is of opset 18.

        Parameters
        ----------
        filepath
            The file. It is written beside its place first, and then replaces what is there at once;
            its folder is made where it is missing.
        overwrite
            False to refuse a file that is there.

        Raises
        ------
        InputError
            If the package ``onnx`` is not installed; for another ending, a file that is there, a
            place that cannot be written to, a model that is not built, and for what cannot be
            written: a layer with branches, or operations that ONNX lacks.
        """
        write_onnx(self, filepath, overwrite)

    def to_keras(self, compile: bool = True) -> Any:
        """Return the model that this one is in Keras: the same layers, weights and outputs.

        ``nn.from_keras`` is the way back. Layers with a ``seed`` draw other numbers there.

        Parameters
        ----------
        compile
            Whether to compile it as this one is: with the same loss, metrics and optimizer. The
            states of the optimizer begin anew.

        Raises
        ------
        InputError
            If Keras is not installed, and for layers and functions of the user's.
        """
        return keras_of(self, compile)

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
