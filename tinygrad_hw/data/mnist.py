"""The MNIST data set, or another one laid out like it, as four arrays."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_hw.data import idx, npz
from tinygrad_hw.data.source import printable, problem, reason

SHIPPED = Path(__file__).with_name("mnist")
"""The directory of the four files that come with the package."""

PUBLISHED_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""The sums of the unpacked files, as published with the data set."""

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
        """Return the images of two classes, for telling one from the other.

        Parameters
        ----------
        first, second
            The labels of the two classes. The homework asks for 3 and 6.

        Returns
        -------
        Dataset
            Fresh arrays, in the same order as here, with labels 0 for `first` and 1 for `second`.

        Raises
        ------
        DataError
            If the two are the same, or if training or test part has no image of one of them.
        """
        if first == second:
            raise problem(
                "the data set",
                f"only({first}, {second}) names one class twice",
                "two classes",
                "give two different labels",
            )
        for part, labels in (("training", self.y_train), ("test", self.y_test)):
            for label in (first, second):
                if not np.any(labels == label):
                    raise problem(
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


def load(path: str | os.PathLike[str] | None = None) -> Dataset:
    """Load MNIST, or a data set laid out like it.

    Parameters
    ----------
    path
        None for the set that comes with the package, which is compared with its published MD5 sums.
        A directory for the four IDX files in it, under MNIST's names, packed with gzip or not;
        where a file is there twice, the unpacked one is read.
        A file ``*.npz`` for the arrays x_train, y_train, x_test and y_test, as Keras ships them.
        Files are not trusted: no pickle is read, and no size is believed before it is checked.

    Returns
    -------
    Dataset
        Images of bytes 0 to 255, not normalised, of shapes (n, rows, cols) and (m, rows, cols), and
        labels 0 to 9 of shapes (n,) and (m,), all of dtype uint8 and read-only.

    Raises
    ------
    DataError
        If a file is missing, cannot be read, is damaged, holds something else, or has more than
        1 GiB; or if the arrays do not fit together. The message is one line.
    """
    if path is None:
        return _load_directory(SHIPPED, PUBLISHED_MD5)
    path = Path(path)
    if path.suffix.lower() == ".npz" and not os.path.isdir(path):
        return _load_npz(path)
    return _load_directory(path, {})


def _load_directory(directory: Path, md5: Mapping[str, str]) -> Dataset:
    try:
        present = set(os.listdir(directory))
    except (OSError, ValueError) as error:  # ValueError: a name that no directory can have
        raise problem(
            directory,
            f"cannot be listed ({reason(error)})",
            "a directory with the four IDX files, or a file *.npz",
            "check its name and its permissions",
        ) from error
    paths = {part: _find(directory, present, name) for part, name in _IDX_NAMES.items()}
    arrays = {
        part: idx.read(path, _NDIMS[part], md5.get(_IDX_NAMES[part]))
        for part, path in paths.items()
    }
    for part in ("y_train", "y_test"):
        _check_labels(paths[part], arrays[part], first_byte=idx.header_bytes(1))
    return _fit(paths, arrays)


def _find(directory: Path, present: set[str], name: str) -> Path:
    """Return the path of one of the four files, under whichever spelling it is there."""
    dotted = name.replace("-idx", ".idx")
    spellings = [name, f"{name}.gz", dotted, f"{dotted}.gz"]
    paths = [directory / spelling for spelling in spellings if spelling in present]
    if not paths:
        raise problem(
            directory,
            f"lacks {name}",
            f"it there as {', '.join(spellings[:-1])} or {spellings[-1]}",
            "copy or fetch it there",
        )
    # Some archives unpack to a directory called like the file, beside the file.
    return next((path for path in paths if os.path.isfile(path)), paths[0])


def _load_npz(path: Path) -> Dataset:
    sources = {part: f"{path}, {part}" for part in _NDIMS}
    arrays = npz.read(path, _NDIMS)
    for part in ("x_train", "x_test"):
        if arrays[part].dtype != np.uint8:
            raise problem(
                sources[part],
                f"has dtype {arrays[part].dtype}",
                "uint8",
                "convert it with .astype('uint8') and save it again",
            )
    for part in ("y_train", "y_test"):
        _check_labels(sources[part], arrays[part])
    return _fit(sources, {part: _bytes(array) for part, array in arrays.items()})


def _bytes(array: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """Return `array` as read-only bytes, copied only if it has another dtype."""
    narrow = array.astype(np.uint8, copy=False)
    narrow.flags.writeable = False
    return narrow


def _check_labels(
    source: str | os.PathLike[str],
    labels: NDArray[np.integer[Any]],
    first_byte: int | None = None,
) -> None:
    """Refuse labels above 9 or below 0; `first_byte` is where an IDX file has its first label."""
    outside = (labels < 0) | (labels > _HIGHEST_LABEL)
    if outside.any():
        entry = int(np.argmax(outside))
        byte = "" if first_byte is None else f" (byte {first_byte + entry}, unpacked)"
        raise problem(
            source,
            f"label {labels[entry]} in entry {entry}{byte}",
            f"labels 0 to {_HIGHEST_LABEL}",
            "recode the classes, or leave out those above",
        )


def _fit(
    sources: Mapping[str, str | os.PathLike[str]], arrays: Mapping[str, NDArray[np.uint8]]
) -> Dataset:
    """Return the arrays as a data set, if they fit together; `sources` names where each is from."""
    for images, labels in (("x_train", "y_train"), ("x_test", "y_test")):
        if arrays[images].size == 0:
            raise problem(
                sources[images],
                f"holds no pixels, its shape is {arrays[images].shape}",
                "at least one image of one pixel",
                "fetch the file again",
            )
        if len(arrays[images]) != len(arrays[labels]):
            raise problem(
                sources[labels],
                f"has {len(arrays[labels])} labels",
                f"{len(arrays[images])}, one for each image in {printable(sources[images])}",
                "take both files from the same set",
            )
    train, test = arrays["x_train"].shape[1:], arrays["x_test"].shape[1:]
    if train != test:
        raise problem(
            sources["x_test"],
            f"has images of {test[0]} × {test[1]}",
            f"{train[0]} × {train[1]}, as in {printable(sources['x_train'])}",
            "take both files from the same set",
        )
    return Dataset(**arrays)
