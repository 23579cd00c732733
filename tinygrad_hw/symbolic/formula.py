"""A formula as a tree: names, numbers, and operations on them.

Sums and products have any number of operands, and a difference is a sum with a factor of -1: to
leave out a term or a factor is to leave out an operand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.operation import Operation


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation on formulas."""

    operation: Operation
    operands: tuple[Formula, ...]


class Partial(str):
    """The derivative of one name by another, where it stands in a formula itself."""

    __slots__ = ("denominator", "numerator")
    numerator: str
    denominator: str

    def __new__(cls, numerator: str, denominator: str) -> Partial:
        """Create a partial."""
        self = super().__new__(cls, f"d{numerator}/d{denominator}")
        self.numerator, self.denominator = numerator, denominator
        return self


class Literal(str):
    """Text that stands in a formula as it is written: a matrix of ones, or ``axis=1``.

    Attributes
    ----------
    shape
        Of the array that it stands for.
    uses
        The name that occurs in it, if there is one.
    """

    __slots__ = ("shape", "uses")
    shape: tuple[int, ...]
    uses: str

    def __new__(cls, text: str, shape: tuple[int, ...] = (), uses: str = "") -> Literal:
        """Create a literal."""
        self = super().__new__(cls, text)
        self.shape, self.uses = shape, uses
        return self


EXTREMES = (ops.maximum, ops.minimum)

Formula = str | float | Apply  # a name, a number, an operation


def is_call_of(formula: Formula, operation: Operation) -> bool:
    """Return whether the outermost operation of a formula is this one."""
    return isinstance(formula, Apply) and formula.operation is operation


def operands_of(formula: Formula) -> tuple[Formula, ...]:
    """Return the operands of the outermost operation; none for a name or a number."""
    return formula.operands if isinstance(formula, Apply) else ()


def leaves(formula: Formula, operation: Operation) -> tuple[Formula, ...]:
    """Return the operands of an operation on results of the same: those of max(max(a, b), c)."""
    if not is_call_of(formula, operation):
        return (formula,)
    return tuple(leaf for operand in operands_of(formula) for leaf in leaves(operand, operation))


def is_negative(formula: Formula) -> bool:
    """Return whether a formula is written with a minus sign that its negative has not."""
    if is_call_of(formula, ops.mul):
        return isinstance(operands_of(formula)[0], float) and is_negative(operands_of(formula)[0])
    if is_call_of(formula, ops.add):
        return all(map(is_negative, operands_of(formula)))
    return isinstance(formula, float) and formula < 0


def walk(formula: Formula) -> Iterator[Formula]:
    """Yield every part of a formula, as often as it occurs; the whole first."""
    pending = [formula]
    while pending:
        part = pending.pop()
        yield part
        pending += operands_of(part)


def names_in(formula: Formula) -> Counter[str]:
    """Count how often each name occurs in a formula."""
    return Counter(part for part in reversed(list(walk(formula))) if isinstance(part, str))


@lru_cache(maxsize=4096)
def node_count(formula: Formula) -> int:
    """Count the names, numbers and operations of a formula."""
    return sum(1 for _ in walk(formula))
