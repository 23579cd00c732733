"""Arrays and plain data in one safetensors file, written whole and checked when read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.errors import InputError
from tinygrad_hw.files import OutputError, write_files

Tensors = dict[str, npt.NDArray[Any]]

ENDING = ".safetensors"
_MARK, _DIGEST = "tinygrad_hw", "sha256"  # keys of the file's metadata


def import_safetensors() -> Any:
    """Return the package ``safetensors``; say how to install it where it is missing."""
    try:
        import safetensors
        import safetensors.numpy
    except ImportError:
        raise InputError(
            "safetensors is not installed, and is needed to save and load models: "
            "pip install 'tinygrad_hw[save]'"
        ) from None
    return safetensors


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, npt.ArrayLike],
    data: Mapping[str, Any],
    overwrite: bool = True,
) -> None:
    """Write arrays, and data that is fit for JSON; the file is replaced at once, or not at all.

    Raises
    ------
    InputError
        For a name that does not end in ".safetensors", a file that is there and may not be
        overwritten, or a place that cannot be written to.
    """
    place = Path(path)
    if place.suffix != ENDING:
        raise InputError(f'{path} should end in "{ENDING}", the format that models are saved in')
    if not overwrite and place.exists():
        raise OutputError(f"{path} is there already; give another name, or overwrite=True")
    arrays = {name: np.asarray(x, order="C") for name, x in tensors.items()}
    text = json.dumps(data)
    metadata = {_MARK: text, _DIGEST: _digest(text, arrays)}
    write_files({place: import_safetensors().numpy.save(arrays, metadata)})


def read_tensors(path: str | os.PathLike[str]) -> tuple[Tensors, dict[str, Any]]:
    """Return the arrays and the data of a file that ``write_tensors`` wrote.

    Nothing of a file is run, and its arrays take no more memory than the file.

    Raises
    ------
    InputError
        If there is no such file, or it is another's, or cut off, or has been changed.
    """
    safetensors = import_safetensors()
    if not os.path.isfile(path):
        raise InputError(f"there is no file {path}; give one that was saved")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (safetensors.SafetensorError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is no safetensors file, or a part of it is missing ({error}); "
            "give one that was saved here"
        ) from None
    text = metadata.get(_MARK)
    if text is None:
        raise InputError(f"{path} was not saved by this package; give a file that was")
    if metadata.get(_DIGEST) != _digest(text, tensors):
        raise InputError(f"{path} has been changed or damaged since it was saved; save it again")
    data = json.loads(text)
    if not isinstance(data, dict):
        raise InputError(f"{path} does not say what it holds; save it again")
    return tensors, data


def _digest(text: str, tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return the SHA-256 of all that a file holds."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.asarray(array, order="C").reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
