"""Runtime: the functions and exceptions that emitted programs use."""

from __future__ import annotations

from typing import Any

import numpy as np


class Changed(Exception):  # noqa: N818 - not an error: the program asks to be captured again
    """Signal that a guard inside a program does not hold."""


class NotFinite(Exception):  # noqa: N818 - not an error: the program asks for the engine itself
    """Signal that a gradient is inf or nan, so that 0 · inf may be in it."""


def all_finite(*gradients: Any) -> bool:
    """Return whether every number is finite, which follows if the sum of squares is."""
    total: Any = 0.0
    for gradient in gradients:
        total += np.vdot(gradient, gradient) if isinstance(gradient, np.ndarray) else gradient
    if total - total == 0.0:
        return True
    return all(bool(np.isfinite(gradient).all()) for gradient in gradients)


def sign(x: Any, out: Any = None) -> Any:
    """Return ``np.sign(x)``: into an array by comparisons, since np.sign has a branch for each."""
    if out is None or not x.size:
        return np.sign(x, out=out)
    undefined = np.isnan(x) if np.isnan(np.min(x)) else None  # looked for first: out may be x
    np.subtract((x > 0).view(np.int8), (x < 0).view(np.int8), out=out)
    if undefined is not None:
        out[undefined] = np.nan
    return out


def add_at(x: Any, places: Any, shape: tuple[int, ...]) -> Any:
    """Return zeros with x added at places of the flat array; one that is named twice gets both."""
    out = np.zeros(shape, np.result_type(x))
    if places.size:
        np.add.at(out.reshape(-1), places, np.reshape(x, -1))
    return out


def total(gradient: Any, points: int) -> float:
    """Return a gradient summed over all points; what is the same for all counts once for each."""
    return float(np.add.reduce(gradient) if np.ndim(gradient) else gradient * points)


def total_product(x: Any, y: Any, points: int) -> float:
    """Return the sum over all points of a product."""
    if np.ndim(x) and np.ndim(y):
        return float(x @ y)
    same, other = (y, x) if np.ndim(x) else (x, y)
    return float(same * total(other, points))


def side_by_side(points: int, *inputs: Any) -> Any:
    """Stack inputs: a row for each input, a column for each point."""
    rows = np.empty((len(inputs), points))
    for row, values in zip(rows, inputs, strict=True):
        row[...] = values
    return rows
