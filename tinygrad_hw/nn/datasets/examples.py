"""Examples and their classes: what networks are trained on, wherever it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.data.source import data_error, printable

MOST_CLASSES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Examples in order, with the labels that were read.

    Attributes
    ----------
    x
        Inputs of shape (n, ...): bytes, or other real numbers.
    labels
        Labels of shape (n,): integers or texts; None where there are none.
    source
        The file, and the part of it, for messages.
    """

    x: npt.NDArray[Any]
    labels: npt.NDArray[Any] | None
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Examples of several classes.

    Attributes
    ----------
    x, y
        Inputs of shape (n, ...), and the number of each one's class, from 0, of shape (n,).
    x_test, y_test
        The same of a part that is not trained on; None where the data have none.
    class_names
        The labels of the classes as texts, by number.
    feature_names
        The names of a table's columns; None for other data.
    source
        The name of the file or folder.
    """

    x: npt.NDArray[Any]
    y: npt.NDArray[np.int64]
    x_test: npt.NDArray[Any] | None
    y_test: npt.NDArray[np.int64] | None
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] | None
    source: str

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.x.shape[1:])

    @property
    def description(self) -> dict[str, Any]:
        """What a model needs to know of its data, as plain data: see ``Model.trained_on``.

        "class_names"; "feature_names" of a table, else None; "bytes", whether inputs are bytes 0 to
        255; "background", 0 or 255 where nearly all images of bytes have a border as dark or as
        light, else None.
        """
        names = self.feature_names
        return {
            "class_names": list(self.class_names),
            "feature_names": None if names is None else list(names),
            "bytes": self.x.dtype == np.uint8,
            "background": background(self.x),
        }

    @property
    def digest(self) -> str:
        """Twelve digits that other data do not have."""
        digest = hashlib.sha256(repr((self.class_names, self.feature_names)).encode())
        for array in (self.x, self.y, self.x_test, self.y_test):
            if array is not None:
                digest.update(repr((array.dtype.str, array.shape)).encode())
                digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return digest.hexdigest()[:12]


def background(images: npt.NDArray[Any]) -> int | None:
    """Return 0 or 255 if images of bytes, (n, rows, columns, …), have a border so dark or light.

    That is so if at least nine tenths of the pixels at the border are within an eighth of it.
    """
    if images.dtype != np.uint8 or images.ndim < 3:
        return None
    edges = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    border = np.concatenate([edge.reshape(-1) for edge in edges])
    for level, near in ((0, border < 32), (255, border >= 224)):
        if near.mean() >= 0.9:
            return level
    return None


def of_parts(
    train: Part, test: Part | None, feature_names: Sequence[str] | None, source: str
) -> Examples:
    """Return the examples of a training part, and of a test part where there is one.

    Raises
    ------
    DataError
        If a part is empty or has something that is no number, if shapes or numbers differ, if
        there is one class alone, or if the test part has a class that the training part lacks.
    """
    for part in (train, test):
        if part is not None:
            check_part(part)
    classes = np.unique(_labels_of(train))
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise data_error(
            train.source,
            f"has {len(classes)} class{'es' * (len(classes) != 1)} in {len(train.x)} examples",
            f"2 to {MOST_CLASSES}",
            "give data with labels of several classes",
        )
    if test is not None and test.x.shape[1:] != train.x.shape[1:]:
        raise data_error(
            test.source,
            f"has examples of shape {test.x.shape[1:]}",
            f"{train.x.shape[1:]}, as in {train.source}",
            "take both from the same set",
        )
    return Examples(
        train.x,
        class_numbers(train, classes),
        None if test is None else test.x,
        None if test is None else class_numbers(test, classes),
        tuple(map(str, classes)),
        None if feature_names is None else tuple(feature_names),
        source,
    )


def check_part(part: Part) -> None:
    """Raise a DataError if a part is empty, lacks labels of some, or has what is no number."""
    if part.x.size == 0:
        raise data_error(
            part.source,
            f"holds nothing, its shape is {part.x.shape}",
            "at least one example of one number",
            "give data with examples",
        )
    if part.labels is not None and part.labels.shape != part.x.shape[:1]:
        raise data_error(
            part.source,
            f"has {len(part.labels)} labels for {len(part.x)} examples",
            "a label for each",
            "take both from the same set",
        )
    if part.x.dtype.kind == "f" and not np.isfinite(part.x).all():
        place = np.unravel_index(int(np.argmin(np.isfinite(part.x))), part.x.shape)
        raise data_error(
            part.source,
            f"example {int(place[0])} has {part.x[place]} at {tuple(map(int, place[1:]))}",
            "finite numbers",
            "leave such examples out, or fill them in",
        )


def class_numbers(part: Part, classes: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the number of each example's class among sorted labels; refuse other labels."""
    labels = _labels_of(part)
    numbers = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    wrong = classes[numbers] != labels
    if wrong.any():
        example = int(np.argmax(wrong))
        shown = ", ".join(map(str, classes[:12])) + ", …" * (len(classes) > 12)
        raise data_error(
            part.source,
            f"example {example} has the label {str(labels[example])!r:.60}",
            f"one of {printable(shown)[:300]}",
            "give data with the same classes",
        )
    return numbers.astype(np.int64)


def _labels_of(part: Part) -> npt.NDArray[Any]:
    if part.labels is None:
        raise data_error(part.source, "has no labels", "a label for each example", "add them")
    return part.labels
