"""The model of a sheet: its numbers, its formulas, and the answers that were written on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.errors import InputError
from tinygrad_hw.symbolic.arrays import Shape
from tinygrad_hw.symbolic.expression import Expression
from tinygrad_hw.symbolic.formula import Formula, is_call_of, names_in, operands_of
from tinygrad_hw.worksheet.sheet.messages import abbreviate, position
from tinygrad_hw.worksheet.sheet.parts import ASK_KEYS, PARTS


class SheetError(InputError):
    """An error in a sheet, told in one line."""


@dataclass(frozen=True, slots=True)
class PartialAnswer:
    """The answer to one partial derivative.

    ``paths`` has for each path the factors' names and numbers; ``struck`` the results that the
    writer crossed out. Numbers are strings, since their digits count. Without any of them, it is a
    partial that was not answered.
    """

    paths: tuple[dict[str, str], ...] = ()
    value: str | None = None
    struck: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to one update: a name that is absent was not asked for, "" was not answered.

    ``revealed`` has what the sheet's page has shown before the answers were saved, such as "z1" and
    "dE/dz1"; it stands with the first update.
    """

    forward: dict[str, str] = field(default_factory=dict)
    partials: dict[str, PartialAnswer] = field(default_factory=dict)
    updated: dict[str, str] = field(default_factory=dict)
    table: dict[str, str] = field(default_factory=dict)
    revealed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """What a sheet asks for, and what each answer is worth.

    Attributes
    ----------
    forward, factors, partials, updated, table
        For each part of the sheet: True where all of it is asked for, or the names that are. A list
        of factors has names such as "da/dz".
    points
        Points by the keys above, for each answer of that part, or by the name of one answer; a name
        counts before its part.
    """

    forward: bool | tuple[str, ...] = True
    factors: bool | tuple[str, ...] = True
    partials: bool | tuple[str, ...] = True
    updated: bool | tuple[str, ...] = True
    table: bool | tuple[str, ...] = True
    points: dict[str, float] = field(default_factory=dict)

    def asks_for(self, part: str, name: str) -> bool:
        """Return whether a number is asked for, by its part, one of ``PARTS``, and its name."""
        asked: bool | tuple[str, ...] = getattr(self, ASK_KEYS[PARTS.index(part)])
        return asked if isinstance(asked, bool) else name in asked

    def points_for(self, part: str, name: str) -> float | None:
        """Return the points for a right answer; None where the sheet does not say."""
        by_part = self.points.get(ASK_KEYS[PARTS.index(part)])
        return self.points.get(name, by_part) if self.asks_for(part, name) else 0.0


@dataclass(frozen=True, slots=True)
class Definition:
    """A value that a sheet defines by its partials.

    Attributes
    ----------
    source, formula
        As it was written; as a tree of the sheet's names and partials, such as "dE/dz".
    """

    source: str
    formula: Formula

    @property
    def partials(self) -> tuple[str, ...]:
        """The names of the partials in it."""
        return tuple(name for name in names_in(self.formula) if "/" in name)

    @property
    def partial(self) -> str | None:
        """The one partial that it equals, but for the sign; None for any other formula."""
        parts = operands_of(self.formula) or (self.formula,)
        *sign, last = parts
        is_signed = is_call_of(self.formula, ops.mul) and sign == [-1.0]
        is_partial = isinstance(last, str) and "/" in last and (not sign or is_signed)
        return str(last) if is_partial else None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that has been read and found in order.

    Attributes
    ----------
    given, parameters
        Numbers by name. Parameters are differentiated, given numbers are not.
    forward
        Expressions by name, in order; each uses only names above it.
    loss, rate
        Name of the value to differentiate; the learning rate itself, None where no update is asked
        for.
    rounding
        ("figures" or "decimals", number) as the sheet asks for, or None.
    answers
        Those to the first step, and the closing table after the last.
    where, lines
        Where the sheet came from and its text, for messages; two sheets may differ in them and be
        equal.
    steps, later_answers
        How many updates are asked for, one after the other; the answers to the second and each
        later one, which have no table.
    ask
        What is asked for and what it is worth; None where the sheet does not say.
    momentum
        The share of the change before that each update after the first adds to its own.
    examples
        The given numbers that change from step to step, for each step in turn, then from the first
        again; ``given`` has those of the first.
    define
        Names for values of the sheet's partials, asked for and answered with the forward ones.
    shapes
        The shapes of the names that were vectors and matrices where the sheet was read; what they
        expand to is the same sheet.
    """

    title: str
    student: str
    given: dict[str, float]
    parameters: dict[str, float]
    forward: dict[str, Expression]
    loss: str
    rate: float | None
    rounding: tuple[str, int] | None
    answers: Answers
    where: str = field(compare=False)
    lines: list[str] = field(compare=False)
    steps: int = 1
    later_answers: tuple[Answers, ...] = ()
    ask: Ask | None = None
    momentum: float = 0.0
    examples: tuple[dict[str, float], ...] = ()
    define: dict[str, Definition] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict, compare=False)

    @property
    def sources(self) -> dict[str, str]:
        """The formulas as they were written, by name; those of ``[define]`` after the others."""
        return {name: x.source for name, x in (self.forward | self.define).items()}

    @property
    def answers_by_step(self) -> tuple[Answers, ...]:
        """The answers to each update in turn."""
        return (self.answers, *self.later_answers)

    @property
    def has_answers(self) -> bool:
        """Whether there is a place for any answer, filled in or blank."""
        return any(x.forward or x.partials or x.updated or x.table for x in self.answers_by_step)

    def example(self, step: int) -> dict[str, float]:
        """Return the given numbers of a step, counted from 1, that the steps do not share."""
        return self.examples[(step - 1) % len(self.examples)] if self.examples else {}

    def error(self, reason: str, section: str = "", key: str = "") -> SheetError:
        """Return an error that names the position of an entry."""
        return SheetError(f"{position(self.where, self.lines, section, key)}: {reason}")

    def evaluate(self) -> dict[str, Value]:
        """Run the forward computation, recording; every name becomes a labelled Value.

        Raises
        ------
        SheetError
            If a value is not finite.
        """
        values = {name: Value(x, name, constant=True) for name, x in self.given.items()}
        values |= {name: Value(x, name) for name, x in self.parameters.items()}
        for name, expression in self.forward.items():
            with np.errstate(all="ignore"):
                result = expression.evaluate(values)
            if not math.isfinite(result.data):
                raise self.error(
                    f"{name} = {abbreviate(expression.source)} is {result.data}: a division by "
                    "zero, a root or log of a negative number, or a number out of range",
                    "forward",
                    name,
                )
            result.label = name
            values[name] = result
        return values

    def loss_of(self, values: Mapping[str, Value]) -> Value:
        """Return the loss among the values that ``evaluate`` gave.

        Raises
        ------
        SheetError
            If it depends on no parameter, so that there is nothing to differentiate.
        """
        loss = values[self.loss]
        if loss.constant:
            raise SheetError(f"{self.where}: {self.loss} does not depend on any parameter")
        return loss
