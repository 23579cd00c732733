"""Batches: of arrays, in order or shuffled, or of a generator or another iterable."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine.core.data import as_array

Batch = tuple[Any, Any, Any]
"""Inputs (an array, or a list of them), targets or None, weights of examples or None."""


def is_stream(x: Any) -> bool:
    """Return whether batches come one by one: from a generator, a data set, a loader."""
    if x is None or isinstance(x, list | tuple | dict | str | np.ndarray):
        return False
    if hasattr(x, "__array__") or hasattr(x, "__array_interface__"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or hasattr(x, "__getitem__")


def examples_in(x: Any) -> int:
    """Return the number of examples of inputs: of an array, or of each in a list."""
    return len(x[0] if isinstance(x, list) else x)


def rows_of(x: Any, rows: slice) -> Any:
    """Return some rows of inputs: of an array, or of each in a list."""
    return [part[rows] for part in x] if isinstance(x, list) else x[rows]


class Arrays:
    """Examples in arrays, to be cut into batches.

    Parameters
    ----------
    x, y, weights
        As the model takes them; y and weights may be None.
    size
        Number of examples of a batch; the last may have fewer.
    order
        Returns the order of the examples for one pass; None: as they are.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        weights: Any,
        size: int,
        order: Callable[[int], npt.NDArray[Any]] | None = None,
    ) -> None:
        self.x, self.y, self.weights, self.size, self.order = x, y, weights, size, order
        self.examples = examples_in(x)

    def __len__(self) -> int:
        """Return the number of batches."""
        return math.ceil(self.examples / self.size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of one pass. Shuffled inputs are copied into one array, used again."""
        order = self.order(self.examples) if self.order else None
        parts = self.x if isinstance(self.x, list) else [self.x]
        size = min(self.size, self.examples)
        spaces = [] if order is None else [np.empty((size, *x.shape[1:]), x.dtype) for x in parts]
        for start in range(0, self.examples, self.size):
            end = start + self.size
            rows: Any = slice(start, end) if order is None else order[start:end]
            if order is None:
                x = rows_of(self.x, rows)
            else:
                taken = [
                    np.take(part, rows, axis=0, out=space[: len(rows)], mode="clip")
                    for part, space in zip(parts, spaces, strict=True)
                ]
                x = taken if isinstance(self.x, list) else taken[0]
            y = None if self.y is None else self.y[rows]
            yield x, y, None if self.weights is None else self.weights[rows]


class Stream:
    """Batches that come from elsewhere, each ``x``, ``(x, y)`` or ``(x, y, weights)``.

    Parameters
    ----------
    source
        An iterator, an iterable, or an object with ``__len__`` and ``__getitem__``; where it has
        ``on_epoch_end``, that is called after each pass.
    convert
        Turns a batch into what the model takes.
    """

    def __init__(self, source: Any, convert: Callable[..., Batch]) -> None:
        self.source, self.convert = source, convert

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of one pass."""
        if hasattr(self.source, "__iter__") or hasattr(self.source, "__next__"):
            batches = iter(self.source)
        else:
            batches = (self.source[i] for i in range(len(self.source)))
        for batch in batches:
            parts = tuple(batch) if isinstance(batch, tuple | list) else (batch,)
            if not 1 <= len(parts) <= 3:
                raise ValueError(
                    f"a batch is x, (x, y) or (x, y, sample_weight); got a tuple of {len(parts)}"
                )
            yield self.convert(*parts)
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()


class Passes:
    """Passes over batches: whole ones, or of a number of steps, each going on where one ended."""

    def __init__(self, batches: Any, steps: int | None) -> None:
        self._batches = batches
        self._steps = steps
        self._current: Iterator[Batch] | None = None
        sized: Any = batches if isinstance(batches, Arrays) else getattr(batches, "source", None)
        self.steps = steps if steps is not None or not hasattr(sized, "__len__") else len(sized)

    def next(self) -> Iterator[Batch]:
        """Yield the batches of the next pass."""
        if self._steps is None:
            yield from self._batches
            return
        for step in range(self._steps):
            batch = self._batch()
            if batch is None:
                warnings.warn(
                    f"the data ended after {step} of {self._steps} steps; give a generator that "
                    "goes on, or fewer steps",
                    stacklevel=2,
                )
                return
            yield batch

    def _batch(self) -> Batch | None:
        for _ in range(2):
            if self._current is None:
                self._current = iter(self._batches)
            batch: Batch | None = next(self._current, None)
            if batch is not None:
                return batch
            self._current = None
        return None


def parts_of(data: Any) -> Iterator[Any]:
    """Return x, y and weights of ``validation_data``; a stream of batches is x."""
    if is_stream(data):
        return iter((data, None, None))
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ValueError("validation_data should be (x, y) or (x, y, sample_weight), or batches")
    return iter((*data, None)[:3])


def weights_of_classes(y: Any, class_weight: Mapping[int, float]) -> npt.NDArray[np.float32]:
    """Return the weight of each example: that of its class, or 1 for a class without one."""
    labels = as_array(y)
    if labels.ndim > 1:
        labels = labels.argmax(axis=-1) if labels.shape[-1] > 1 else labels.reshape(len(labels))
    return np.array([class_weight.get(int(label), 1.0) for label in labels], np.float32)
