"""A model's inference as an ONNX file, for any number of examples."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_hw.engine import Value, no_grad
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.errors import InputError
from tinygrad_hw.files import OutputError, write_files
from tinygrad_hw.nn.interop.free_batch import with_free_batch
from tinygrad_hw.nn.layers import Embedding, InputLayer
from tinygrad_hw.nn.layers.process import Call, calling
from tinygrad_hw.nn.layers.symbolic import map_inputs
from tinygrad_hw.program import CaptureError, capture

ENDING = ".onnx"


def write_onnx(model: Any, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the inference of a model: see ``Model.to_onnx``."""
    place = Path(filepath)
    if place.suffix != ENDING:
        raise InputError(f'{filepath} should end in "{ENDING}"')
    if not overwrite and place.exists():
        raise OutputError(f"{filepath} is there already; give another name, or overwrite=True")
    write_files({place: onnx_of(model).SerializeToString()})


def onnx_of(model: Any) -> Any:
    """Return the inference of a model as an ``onnx.ModelProto``.

    A program has the shapes of one call. So it is recorded for three numbers of examples, and
    where these programs differ, they say how a number depends on that of the examples.
    """
    if not model.built:
        raise InputError(
            f"{model.name} is not built: it has no weights yet; call it on a batch first"
        )
    several = isinstance(model.input_shape, list)
    names = model.input_names if several else ["inputs"]

    def predict(**inputs: Any) -> Any:
        leaves = [Value.leaf(x, constant=True, saved=True) for x in inputs.values()]
        with no_grad(), calling(Call(False)):
            return {"outputs": map_inputs(raw, model(leaves if several else leaves[0]))}

    captured = capture(predict, jit=False)
    sizes = list(islice(_sizes(model), 3))
    found = []
    for n in sizes:
        try:
            with np.errstate(all="ignore"):
                program = captured.record(**dict(zip(names, _examples(model, n), strict=True)))
            if program.recording.branches:
                raise CaptureError("a layer has branches that depend on its inputs")
            found.append(program.onnx())
        except CaptureError as error:
            raise InputError(f"{model.name} cannot be written as ONNX: {error}") from None
    return with_free_batch(found, sizes, model.name)


def _shapes(model: Any) -> list[Any]:
    """Return the shapes of the inputs."""
    return model.input_shape if isinstance(model.input_shape, list) else [model.input_shape]


def _sizes(model: Any) -> Iterator[int]:
    """Yield numbers of examples that are the length of no axis of weights, inputs and outputs."""
    shapes = [*[w.shape for w in model.weights], *_shapes(model), model.output_shape]
    taken = {n for shape in shapes for n in shape}
    return (n for n in count(5, 2) if n not in taken)


def _examples(model: Any, n: int) -> list[Any]:
    """Return examples of each input, as the model takes them."""
    shapes = _shapes(model)
    for shape in shapes:
        if None in shape[1:]:
            raise InputError(
                f"{model.name} cannot be written as ONNX: its inputs have the shape {shape}; only "
                "the number of examples may be free"
            )
    layers = [x for x in model.flat_layers() if not isinstance(x, InputLayer)]
    first = next((x for x in layers if not x.sublayers()), None)
    dtype = np.int64 if len(shapes) == 1 and isinstance(first, Embedding) else model.dtype
    given = [np.ones((n, *shape[1:]), dtype) for shape in shapes]
    made = model.standardized(given if len(shapes) > 1 else given[0])
    return made if isinstance(made, list) else [made]
