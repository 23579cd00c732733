"""The MNIST data set, or another one laid out like it, as four arrays."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_hw.data import idx, npz
from tinygrad_hw.data.source import data_error, printable, reason_text

SHIPPED = Path(__file__).with_name("mnist")
"""The directory of the four files that come with the package."""

PUBLISHED_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""MD5 sums of the unpacked files, as published with the data set."""

_NDIMS = {"x_train": 3, "y_train": 1, "x_test": 3, "y_test": 1}
_IDX_NAMES = dict(zip(_NDIMS, PUBLISHED_MD5, strict=True))
_HIGHEST_LABEL = 9


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Dataset:
    """Images and their labels, for training and for testing.

    Attributes
    ----------
    x_train, x_test : NDArray[np.uint8]
        Images, of shapes (n, rows, cols) and (m, rows, cols); read-only when they come from `load`.
    y_train, y_test : NDArray[np.uint8]
        Labels, of shapes (n,) and (m,); read-only when they come from `load`.
    """

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.uint8]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.uint8]

    def __repr__(self) -> str:
        _, rows, cols = self.x_train.shape
        return (
            f"<Dataset of {len(self.x_train)} training and {len(self.x_test)} test images, "
            f"{rows} × {cols}>"
        )

    def only(self, first: int, second: int) -> "Dataset":
        """Return the images of two classes, with labels 0 and 1.

        Parameters
        ----------
        first, second
            The labels of the two classes. The homework asks for 3 and 6.

        Returns
        -------
        Dataset
            New arrays in the order of this data set, with label 0 for `first`, 1 for `second`.

        Raises
        ------
        DataError
            If the two labels are equal, or the training or test part lacks one of the classes.
        """
        if first == second:
            raise data_error(
                "the data set",
                f"only({first}, {second}) names one class twice",
                "two classes",
                "give two different labels",
            )
        for part, labels in (("training", self.y_train), ("test", self.y_test)):
            for label in (first, second):
                if not np.any(labels == label):
                    raise data_error(
                        "the data set",
                        f"its {part} part has no image of class {label}",
                        f"one of {', '.join(map(str, np.unique(labels)))}",
                        "choose among these",
                    )
        train = (self.y_train == first) | (self.y_train == second)
        test = (self.y_test == first) | (self.y_test == second)
        return Dataset(
            self.x_train[train],
            (self.y_train[train] == second).astype(np.uint8),
            self.x_test[test],
            (self.y_test[test] == second).astype(np.uint8),
        )


def has_idx_files(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a directory with one of the four IDX files in it."""
    try:
        present = set(os.listdir(path))
    except (OSError, ValueError):
        return False
    return any(present & set(_spellings(name)) for name in PUBLISHED_MD5)


def load(
    path: str | os.PathLike[str] | None = None, highest_label: int = _HIGHEST_LABEL
) -> Dataset:
    """Load MNIST, or a data set laid out like it.

    Parameters
    ----------
    path
        None for the data set of the package, which is compared with its published MD5 sums.
        A directory with the four IDX files under MNIST's names, packed with gzip or not; if a file
        is there in both forms, the unpacked one is read.
        A file ``*.npz`` with the arrays x_train, y_train, x_test and y_test, as Keras ships them.
        Files are not trusted: no pickle is read, and sizes are checked before memory is allocated.
    highest_label
        The highest label that data may have; those of more classes are refused.

    Returns
    -------
    Dataset
        Images of bytes 0 to 255, not normalized, of shapes (n, rows, cols) and (m, rows, cols), and
        labels from 0 of shapes (n,) and (m,), all of dtype uint8 and read-only.

    Raises
    ------
    DataError
        If a file is missing, cannot be read, is damaged, is of another kind, or has more than
        1 GiB; or if images and labels do not match. The message is one line.
    """
    if path is None:
        return _load_directory(SHIPPED, PUBLISHED_MD5)
    path = Path(path)
    if path.suffix.lower() == ".npz" and not os.path.isdir(path):
        return _load_npz(path, highest_label)
    return _load_directory(path, {}, highest_label)


def _load_directory(
    directory: Path, md5: Mapping[str, str], highest_label: int = _HIGHEST_LABEL
) -> Dataset:
    """Load the four IDX files of a directory; `md5` has the sums to check, by file name."""
    try:
        present = set(os.listdir(directory))
    except (OSError, ValueError) as error:  # ValueError: a name that no directory can have
        raise data_error(
            directory,
            f"cannot be listed ({reason_text(error)})",
            "a directory with the four IDX files, or a file *.npz",
            "check its name and its permissions",
        ) from error
    paths = {part: _find_file(directory, present, name) for part, name in _IDX_NAMES.items()}
    arrays = {
        part: idx.read(path, _NDIMS[part], md5.get(_IDX_NAMES[part]))
        for part, path in paths.items()
    }
    for part in ("y_train", "y_test"):
        _check_labels(paths[part], arrays[part], highest_label, first_byte=idx.header_bytes(1))
    return _checked_dataset(paths, arrays)


def _find_file(directory: Path, present: set[str], name: str) -> Path:
    """Return the path of one of the four files, under the first of its spellings in `present`."""
    spellings = _spellings(name)
    paths = [directory / spelling for spelling in spellings if spelling in present]
    if not paths:
        raise data_error(
            directory,
            f"lacks {name}",
            f"it there as {', '.join(spellings[:-1])} or {spellings[-1]}",
            "copy or fetch it there",
        )
    # Some archives unpack to a directory with the file's name, beside the file.
    return next((path for path in paths if os.path.isfile(path)), paths[0])


def _spellings(name: str) -> list[str]:
    """Return the names that an IDX file goes by."""
    dotted = name.replace("-idx", ".idx")
    return [name, f"{name}.gz", dotted, f"{dotted}.gz"]


def _load_npz(path: Path, highest_label: int) -> Dataset:
    """Load the four arrays of a file ``*.npz``."""
    sources = {part: f"{path}, {part}" for part in _NDIMS}
    arrays = npz.read(path, _NDIMS)
    for part in ("x_train", "x_test"):
        if arrays[part].dtype != np.uint8:
            raise data_error(
                sources[part],
                f"has dtype {arrays[part].dtype}",
                "uint8",
                "convert it with .astype('uint8') and save it again",
            )
    for part in ("y_train", "y_test"):
        _check_labels(sources[part], arrays[part], highest_label)
    return _checked_dataset(sources, {part: _as_bytes(array) for part, array in arrays.items()})


def _as_bytes(array: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """Return `array` as read-only bytes, copied only if it has another dtype."""
    narrow = array.astype(np.uint8, copy=False)
    narrow.flags.writeable = False
    return narrow


def _check_labels(
    source: str | os.PathLike[str],
    labels: NDArray[np.integer[Any]],
    highest: int,
    first_byte: int | None = None,
) -> None:
    """Raise DataError for a label outside 0 to `highest`; `first_byte` is an IDX file's offset."""
    outside = (labels < 0) | (labels > highest)
    if outside.any():
        entry = int(np.argmax(outside))
        byte = "" if first_byte is None else f" (byte {first_byte + entry}, unpacked)"
        raise data_error(
            source,
            f"label {labels[entry]} in entry {entry}{byte}",
            f"labels 0 to {highest}",
            "recode the classes, or leave out those above",
        )


def _checked_dataset(
    sources: Mapping[str, str | os.PathLike[str]], arrays: Mapping[str, NDArray[np.uint8]]
) -> Dataset:
    """Return a data set, after checking that shapes match; `sources` names each array's file."""
    for images, labels in (("x_train", "y_train"), ("x_test", "y_test")):
        if arrays[images].size == 0:
            raise data_error(
                sources[images],
                f"holds no pixels, its shape is {arrays[images].shape}",
                "at least one image of one pixel",
                "fetch the file again",
            )
        if len(arrays[images]) != len(arrays[labels]):
            raise data_error(
                sources[labels],
                f"has {len(arrays[labels])} labels",
                f"{len(arrays[images])}, one for each image in {printable(sources[images])}",
                "take both files from the same set",
            )
    train, test = arrays["x_train"].shape[1:], arrays["x_test"].shape[1:]
    if train != test:
        raise data_error(
            sources["x_test"],
            f"has images of {test[0]} × {test[1]}",
            f"{train[0]} × {train[1]}, as in {printable(sources['x_train'])}",
            "take both files from the same set",
        )
    return Dataset(**arrays)
