"""Reading of examples: of a folder or a file of any of the kinds that are known, or of MNIST."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.data import has_idx_files, load, npz
from tinygrad_hw.data.source import data_error
from tinygrad_hw.nn.datasets.examples import Examples, Part, of_parts
from tinygrad_hw.nn.datasets.images import read_folder
from tinygrad_hw.nn.datasets.table import read_table

HIGHEST_BYTE = 255
PARTS_OF_NPZ = (("x_train", "y_train", "x_test", "y_test"), ("x", "y"))


def read_examples(path: str | os.PathLike[str] | None = None, label: str | None = None) -> Examples:
    """Return the examples of a file or a folder, to train on.

    Parameters
    ----------
    path
        None for the package's MNIST; a folder with IDX files under MNIST's names, packed or not; a
        folder with a folder of images for each class, or with two such folders, ``train`` and
        ``test``; a file ``*.npz`` with arrays x and y, or x_train, y_train, x_test and y_test; a
        file ``*.csv``. Nothing of them is trusted.
    label
        The column of classes in a CSV file; by default "label", "class" or "target".

    Raises
    ------
    DataError
        If something is wrong with the data. The message is one line that names the place.
    """
    train, test, names = read_parts(path, label)
    return of_parts(train, test, names, "MNIST" if path is None else str(path))


def read_parts(
    path: str | os.PathLike[str] | None,
    label: str | None = None,
    needs_labels: bool = True,
    features: Sequence[str] | None = None,
) -> tuple[Part, Part | None, tuple[str, ...] | None]:
    """Return the training part, the test part if there is one, and the columns of a table.

    Parameters
    ----------
    path, label
        As those of ``read_examples``. The one column of a table that is none of the features is
        that of the classes, too.
    needs_labels
        False if arrays and tables may lack labels.
    features
        The names of the columns of a table's numbers, where they are known.
    """
    place = None if path is None else Path(path)
    is_table = place is not None and place.suffix.lower() == ".csv" and not place.is_dir()
    if label is not None and not is_table:
        raise data_error(path or "MNIST", "has no columns", "a .csv with --label", "leave it out")
    if place is None or has_idx_files(place):
        data = load(place, HIGHEST_BYTE)
        name = "MNIST" if place is None else str(place)
        train = Part(data.x_train, data.y_train, f"{name}, training")
        return train, Part(data.x_test, data.y_test, f"{name}, test"), None
    if place.is_dir():
        return *read_folder(place), None
    if is_table:
        part, names = read_table(place, label, needs_labels, features)
        return part, None, names
    if place.suffix.lower() == ".npz":
        return *_read_npz(place, needs_labels), None
    raise data_error(
        place,
        "is no file of a known kind" if place.exists() else "is not there",
        "a folder, a .npz or a .csv",
        "give another path",
    )


def _read_npz(path: Path, needs_labels: bool) -> tuple[Part, Part | None]:
    present = npz.names(path)
    wanted: tuple[str, ...] = ("x", "y") if "x" in present else PARTS_OF_NPZ[0]
    if not needs_labels and wanted == ("x", "y") and "y" not in present:
        wanted = ("x",)
    arrays = npz.read(path, dict.fromkeys(wanted), floats=True)
    parts = []
    for i in range(0, len(wanted), 2):
        name, *labels = wanted[i : i + 2]
        y = _labels(f"{path}, {labels[0]}", arrays[labels[0]]) if labels else None
        parts.append(Part(_inputs(f"{path}, {name}", arrays[name]), y, f"{path}, {name}"))
    return parts[0], parts[1] if len(parts) > 1 else None


def _inputs(source: str, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if x.ndim < 2:
        raise data_error(
            source,
            f"has the shape {x.shape}",
            "an example along the first axis, its numbers along the others",
            "reshape it and save it again",
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and so refused
        return x if x.dtype == np.uint8 else x.astype(np.float32)


def _labels(source: str, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise data_error(
            source,
            f"has the shape {y.shape}",
            "a label for each example, (n,) or (n, 1)",
            "of one-hot rows take y.argmax(axis=1)",
        )
    whole = np.isfinite(y) & (y == np.floor(y))
    if not whole.all():
        entry = int(np.argmin(whole))
        raise data_error(
            source, f"entry {entry} is {y[entry]}", "a whole number for each class", "recode it"
        )
    return y if y.dtype.kind in "iu" else y.astype(np.int64)
