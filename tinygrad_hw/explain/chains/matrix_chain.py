"""The derivative of a scalar by an array, as equations between matrices, with their shapes.

    ∂E/∂W1 = Xᵀ · ∂E/∂z1        (784×128) = (784×32)(32×128)

Each equation leads from one named array to the next. Read literally, each is true: where a
derivative has no formula, a named operation stands for it with its operands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_hw.explain.chains.chain import independent
from tinygrad_hw.explain.notation.display import Displayed
from tinygrad_hw.explain.notation.notation import Notation, Row
from tinygrad_hw.formatting import number
from tinygrad_hw.symbolic import Formula, Partial


@dataclass(frozen=True, slots=True)
class Equation:
    """The equation of one gradient, in terms of those above it.

    Attributes
    ----------
    partial
        The gradient: the left side.
    terms
        The terms of the sum on the right side: one for each use of the array, and none where the
        root does not depend on it.
    shapes
        The shapes of both sides as text: ``(784×128) = (784×32)(32×128)``.
    where
        The definitions of the automatic names that occur here first: ``t1 = X · W1``.
    result
        The value of a gradient that is a number, in the last equation; else None.
    """

    partial: Partial
    terms: tuple[Formula, ...]
    shapes: str
    where: tuple[tuple[str, Formula], ...] = ()
    result: float | None = None

    def rows(self, notation: Notation) -> Iterator[Row]:
        """Yield the names that are new, the equation, and the shapes of both sides."""
        for name, meaning in self.where:
            yield Row(notation.name(name), "=", notation.formula(meaning))
        left = notation.formula(self.partial)
        if not self.terms:
            names = self.partial.numerator, self.partial.denominator
            yield Row(left, "=", independent(notation, *names))
        for i, term in enumerate(self.terms):
            yield Row("" if i else left, "+" if i else "=", notation.formula(term))
        if self.result is not None:
            yield Row("", "=", notation.number(number(self.result)))
        yield Row("", "", notation.words(self.shapes))


@dataclass(frozen=True, slots=True)
class MatrixChain(Displayed):
    """The equations from a scalar down to an array; ``value`` is the gradient, an array.

    It prints as text, and in a notebook shows itself typeset.
    """

    root: str
    target: str
    equations: tuple[Equation, ...]
    value: Any = field(compare=False)

    @property
    def size(self) -> str:
        """The largest element of the gradient, printed."""
        return number(float(np.max(np.abs(self.value), initial=0.0)))

    @property
    def remarks(self) -> list[str]:
        """The size in words; none where the gradient is a number, which is shown."""
        if not np.shape(self.value):
            return []
        return [f"The largest element of it is {self.size} in magnitude."]

    def rows(self, notation: Notation) -> Iterator[Row]:
        """Yield the lines of all equations."""
        of_arrays = type(notation)(elementwise=True)
        for equation in self.equations:
            yield from equation.rows(of_arrays)
