"""Networks of any layers, read from the text that ``Model.to_json`` writes."""

from __future__ import annotations

import os
from pathlib import Path

from tinygrad_hw.data.source import data_error, open_file
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.datasets import Examples
from tinygrad_hw.nn.models import Model, model_from_json
from tinygrad_hw.runs.settings import Settings, SettingsError, made_optimizer

LIMIT = 1_000_000  # bytes of an architecture


def read_architecture(path: Path, settings: Settings, examples: Examples) -> Model:
    """Return a compiled model of the layers in a file, built for the examples, with new weights.

    Its layers get the numbers as they are in the data: bytes 0 to 255 of images. Of the settings
    only the optimizer and its rate are used.

    Raises
    ------
    InputError
        If the file is no architecture, or its model does not fit the data.
    """
    settings.check()
    with open_file(path) as file:
        if os.fstat(file.fileno()).st_size > LIMIT:
            raise data_error(path, "is larger", f"at most {LIMIT:,} bytes", "give a text of layers")
        content = file.read()
    shape = (None, *examples.shape)
    try:
        model: Model = model_from_json(content.decode())
        if not model.built:
            model.build_once(shape)
    except InputError as error:
        raise SettingsError(f"{path}: {error}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SettingsError(
            f"{path}: its layers cannot be made for examples of shape {examples.shape} ({reason}); "
            "give what model.to_json() wrote"
        ) from None
    if not isinstance(model.input_shape, tuple):
        raise SettingsError(f"{path} takes several inputs at once; give a model of one")
    if model.input_shape != shape:
        raise SettingsError(
            f"{path} takes examples of shape {tuple(model.input_shape[1:])}, those of "
            f"{examples.source} have {examples.shape}"
        )
    classes, outputs = len(examples.class_names), tuple(model.output_shape[1:])
    last = model.last_activation()
    is_binary = outputs == (1,) and last == "sigmoid" and classes == 2
    if not is_binary and (outputs != (classes,) or last != "softmax"):
        one = " or one unit with sigmoid" * (classes == 2)
        raise SettingsError(
            f"{path} ends with {last} outputs of shape {outputs}; for the {classes} classes of "
            f"{examples.source} end with {classes} units with softmax{one}"
        )
    model.compile(
        made_optimizer(settings.optimizer, settings.learning_rate),
        loss="binary_crossentropy" if is_binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
