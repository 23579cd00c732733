"""Layers that make one tensor of several: they are called with a list of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinygrad_hw.nn.layers.base import Layer, Shape

EPSILON = 1e-7  # Keras's: a shorter vector is divided by it when it is normalized


class Merging(Layer):
    """Base class of layers that make one tensor of a list of them."""

    exactly: ClassVar[int | None] = None  # number of inputs

    def merge(self, inputs: Sequence[Any]) -> Any:
        """Return what is made of the inputs, whose shapes fit each other."""
        raise NotImplementedError

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape | None:
        """Return the shape of the outputs without the batch; None if the inputs do not fit."""
        raise NotImplementedError

    def call(self, inputs: Any) -> Any:
        """Return what is made of the inputs."""
        if not isinstance(inputs, list | tuple):
            raise ValueError(f"{self.name} takes a list of inputs, got one of {np.shape(inputs)}")
        self.compute_output_shape([x.shape for x in inputs])
        return self.merge(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs, from a list of those of the inputs."""
        wanted = "at least one" if self.exactly is None else self.exactly
        if not isinstance(input_shape, list) or len(input_shape) != (
            self.exactly or max(len(input_shape), 1)
        ):
            raise ValueError(f"{self.name} takes a list of {wanted} inputs, got {input_shape}")
        sizes = {shape[0] for shape in input_shape} - {None}
        merged = self.merged_shape(input_shape) if len(sizes) < 2 else None
        if merged is None:
            raise ValueError(f"{self.name} got inputs of shapes {input_shape}, which do not fit")
        return (next(iter(sizes), None), *merged)


class Elementwise(Merging):
    """Base class of layers that combine examples element by element, from left to right.

    They are broadcast, as NumPy does; what has fewer dimensions gets them behind the first.
    """

    function: ClassVar[Any]  # of two operands

    def merge(self, inputs: Sequence[Any]) -> Any:
        """Return the combination."""
        ndim = max([x.ndim for x in inputs])
        equal = [
            x if x.ndim == ndim else x.reshape((x.shape[0], *[1] * (ndim - x.ndim), *x.shape[1:]))
            for x in inputs
        ]
        return functools.reduce(type(self).function, equal)

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape | None:
        """Return the shape that the inputs are broadcast to."""
        ndim = max([len(shape) for shape in shapes]) - 1
        columns = zip(*[(1,) * (ndim + 1 - len(s)) + s[1:] for s in shapes], strict=True)
        merged: list[int | None] = []
        for column in columns:
            lengths = set(column) - {1}
            if len(lengths - {None}) > 1:
                return None
            merged.append(None if None in lengths else next(iter(lengths), 1))
        return tuple(merged)


class Add(Elementwise):
    """Layer that adds its inputs."""

    function = np.add


class Subtract(Elementwise):
    """Layer that subtracts the second of two inputs from the first."""

    exactly = 2
    function = np.subtract


class Multiply(Elementwise):
    """Layer that multiplies its inputs, element by element."""

    function = np.multiply


class Maximum(Elementwise):
    """Layer that returns the largest of its inputs, element by element."""

    function = np.maximum


class Minimum(Elementwise):
    """Layer that returns the smallest of its inputs, element by element."""

    function = np.minimum


class Average(Add):
    """Layer that returns the mean of its inputs, element by element."""

    def merge(self, inputs: Sequence[Any]) -> Any:
        """Return the mean."""
        return super().merge(inputs) / float(len(inputs))


class Concatenate(Merging):
    """Layer that puts its inputs one after another along an axis, which is not that of the batch.

    Keras takes ``axis=0`` too.
    """

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        if axis == 0:
            raise ValueError("Concatenate got axis=0, that of the examples; give another axis")
        self.axis = axis

    def merge(self, inputs: Sequence[Any]) -> Any:
        """Return the inputs in a row."""
        return np.concatenate(list(inputs), axis=self.axis)

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape | None:
        """Return the shape of the row."""
        ndim = len(shapes[0])
        axis = self.axis + ndim if self.axis < 0 else self.axis
        if any(len(shape) != ndim for shape in shapes) or not 0 < axis < ndim:
            return None
        merged: list[int | None] = []
        for i, column in enumerate(zip(*shapes, strict=True)):
            lengths = {n for n in column if n is not None}
            if i == axis:
                merged.append(None if None in column else sum([n or 0 for n in column]))
            elif len(lengths) > 1:
                return None
            else:
                merged.append(next(iter(lengths), None))
        return tuple(merged[1:])


class Dot(Merging):
    """Layer of the dot products of two inputs along an axis of each, example by example.

    The other axes stay: those of the first input, then those of the second.

    Parameters
    ----------
    axes
        The axis, or that of each input; 0 is the batch's, and refused.
    normalize
        Whether vectors are divided by their length, which makes the products cosines.
    """

    exactly = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **options: Any) -> None:
        super().__init__(**options)
        both = [axes, axes] if isinstance(axes, int) else list(axes)
        if len(both) != 2 or 0 in both:
            raise ValueError(f"Dot got axes={axes}; give an axis, or two, other than the batch's 0")
        self.axes, self.normalize = axes, normalize

    def _axes_of(self, ndims: Sequence[int]) -> list[int]:
        both = [self.axes, self.axes] if isinstance(self.axes, int) else self.axes
        return [a + n if a < 0 else a for a, n in zip(both, ndims, strict=True)]

    def merge(self, inputs: Sequence[Any]) -> Any:
        """Return the products; of two vectors, in a column."""
        axes = self._axes_of([x.ndim for x in inputs])
        if self.normalize:
            inputs = [_normalized(x, axis) for x, axis in zip(inputs, axes, strict=True)]
        letters = iter("abcdefghijklmnopqrstuvw")
        terms = [["x", *[next(letters) for _ in x.shape[1:]]] for x in inputs]
        for term, axis in zip(terms, axes, strict=True):
            term[axis] = "z"
        kept = [letter for term in terms for letter in term[1:] if letter != "z"]
        first, second = ["".join(term) for term in terms]
        out = np.einsum(f"{first},{second}->x{''.join(kept)}", *inputs)
        return out if kept else out.reshape((out.shape[0], 1))

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape | None:
        """Return the shape of the products."""
        axes = self._axes_of([len(shape) for shape in shapes])
        pairs = list(zip(shapes, axes, strict=True))
        if any(not 0 < axis < len(shape) for shape, axis in pairs):
            return None
        if len({shape[axis] for shape, axis in pairs} - {None}) > 1:
            return None
        kept = [n for shape, axis in pairs for i, n in enumerate(shape) if i not in (0, axis)]
        return tuple(kept or [1])


def _normalized(x: Any, axis: int) -> Any:
    return x / np.maximum(np.linalg.norm(x, axis=axis, keepdims=True), EPSILON)


def add(inputs: Any, **options: Any) -> Any:
    """Return ``Add()(inputs)``."""
    return Add(**options)(inputs)


def subtract(inputs: Any, **options: Any) -> Any:
    """Return ``Subtract()(inputs)``."""
    return Subtract(**options)(inputs)


def multiply(inputs: Any, **options: Any) -> Any:
    """Return ``Multiply()(inputs)``."""
    return Multiply(**options)(inputs)


def maximum(inputs: Any, **options: Any) -> Any:
    """Return ``Maximum()(inputs)``."""
    return Maximum(**options)(inputs)


def minimum(inputs: Any, **options: Any) -> Any:
    """Return ``Minimum()(inputs)``."""
    return Minimum(**options)(inputs)


def average(inputs: Any, **options: Any) -> Any:
    """Return ``Average()(inputs)``."""
    return Average(**options)(inputs)


def concatenate(inputs: Any, axis: int = -1, **options: Any) -> Any:
    """Return ``Concatenate(axis)(inputs)``."""
    return Concatenate(axis, **options)(inputs)


def dot(inputs: Any, axes: int | Sequence[int] = -1, **options: Any) -> Any:
    """Return ``Dot(axes)(inputs)``."""
    return Dot(axes, **options)(inputs)
