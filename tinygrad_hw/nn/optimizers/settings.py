"""Settings of an optimizer: numbers that may change between steps, and choices that may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.nn.optimizers.schedules import LearningRateSchedule


class Choice:
    """Attribute that decides how steps are computed: set once, for captured programs are so made.

    Raises
    ------
    TypeError
        When it is set to something else.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        return vars(optimizer)[self.name] if optimizer is not None else self

    def __set__(self, optimizer: Any, given: Any) -> None:
        held, kind = vars(optimizer).setdefault(self.name, given), type(optimizer).__name__
        if held is not given and (isinstance(held, Value) or held != given):
            held = "a number" if isinstance(held, Value) else repr(held)
            raise TypeError(
                f"{self.name} of this {kind} is {held} for good, since it decides how steps are "
                f"computed; make a new {kind}({self.name}={given!r})"
            )


class Setting(Choice):
    """Number that may be changed between steps; a captured program reads it in every run.

    Parameters
    ----------
    is_choice
        Return whether what is given is not a number to compute with, but a choice: a None, say.
    """

    def __init__(self, is_choice: Callable[[Any], bool] = lambda given: False) -> None:
        self.is_choice = is_choice

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        held = super().__get__(optimizer, owner)
        if isinstance(held, LearningRateSchedule):
            step = read_data(vars(optimizer)["_iterations"])
            return self._number(held(step), f"{type(held).__name__}(step)")
        return read_data(held)

    def __set__(self, optimizer: Any, given: Any) -> None:
        held = vars(optimizer).get(self.name, self)
        if self.is_choice(given) or not isinstance(held, Value | Setting):
            super().__set__(optimizer, given)
        elif held is self:
            number = self._number(given, self.name)
            vars(optimizer)[self.name] = Value(number, self.name, constant=True)
        else:
            current().trace.store(held, self._number(given, self.name))

    @staticmethod
    def _number(given: Any, name: str) -> Any:
        """Return a float, or the number that a captured program computes in its place."""
        try:
            number = ops.astype(None if isinstance(given, str) else read_data(given), float)
        except (TypeError, ValueError):
            number = None
        if number is not None and not shape_of(number):
            return number
        raise TypeError(f"{name} should be a number, got {given!r:.60}")


def is_none(given: Any) -> bool:
    """Return whether a setting is left away."""
    return given is None


def is_schedule(given: Any) -> bool:
    """Return whether a setting is a schedule."""
    return isinstance(given, LearningRateSchedule)


def is_zero(given: Any) -> bool:
    """Return whether a setting is the number 0."""
    return isinstance(given, int | float) and given == 0


def check_range(
    optimizer: Any,
    name: str,
    lowest: float = -np.inf,
    highest: float = np.inf,
    above: float = -np.inf,
) -> None:
    """Refuse a setting that lies outside of a range."""
    number = getattr(optimizer, name)
    if not (lowest <= number <= highest and number > above):
        wanted = f"above {above}" if above > -np.inf else f"from {lowest} to {highest}"
        raise ValueError(f"{name} should be {wanted}, got {number}")
