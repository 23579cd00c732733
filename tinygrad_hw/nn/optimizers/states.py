"""States of parameters: the arrays of an optimizer's rule, and how many steps have been taken."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.nn.flat_parameters import EndToEnd, FlatParameters, fill_a_buffer, may_move


class States:
    """The states of some parameters, end to end, and how many steps each has taken.

    Attributes
    ----------
    layout
        The parameters, and which part of each array is whose.
    arrays
        The rule's states.
    steps
        The number of steps, if all have taken as many; else -1.
    steps_of_each
        For each parameter the number of steps, where they have not all taken as many.
    flat
        The buffer with the data of just these parameters, if there is one.
    decaying
        1 for each element that weight decay is for, else 0, if it is not for all.
    """

    def __init__(
        self,
        parameters: Sequence[Value],
        names: Sequence[str],
        is_decaying: Callable[[Value], bool] | None = None,
    ) -> None:
        self.layout = EndToEnd(parameters)
        self.dtype = np.result_type(np.float32, parameters[0].dtype)
        shape = self.layout.shape
        zero: Any = np.zeros(shape, self.dtype) if shape else 0.0
        self.arrays = [Value(zero, name, constant=True) for name in names]
        self.steps = Value(0.0, "steps", constant=True)
        self.steps_of_each = [Value(0.0, "steps", constant=True) for _ in parameters]
        self.flat: FlatParameters | None = None
        self.decaying: Value | None = None
        if is_decaying is not None:
            ones = [float(is_decaying(p)) for p in parameters]
            parts = [
                np.full(p.shape, x, self.dtype) if p.shape else x
                for p, x in zip(parameters, ones, strict=True)
            ]
            self.decaying = Value(self.layout.join(parts), "decaying", constant=True)
        self._has_begun = False

    @property
    def variables(self) -> list[Value]:
        """Return all Values that a step may change."""
        return [*self.arrays, self.steps, *self.steps_of_each]

    def begin(self) -> None:
        """Give the parameters' data a buffer, if they may move, before the first step."""
        values = self.layout.values
        if self._has_begun:
            return
        if len(values) > 1 and (fill_a_buffer(values) or may_move(values)):
            with current().trace.set_up():
                self.flat = FlatParameters(values)
        self._has_begun = True

    def leaves(self, group: EndToEnd) -> EndToEnd:
        """Return the Values that hold the data of some of the parameters: a buffer, or they."""
        if group is self.layout and self.flat is not None and self.flat.is_whole():
            return EndToEnd([self.flat.buffer])
        return group

    def steps_taken(self, parameter: Value) -> Any:
        """Return the number of steps of one of the parameters."""
        pairs = zip(self.layout.values, self.steps_of_each, strict=True)
        (number,) = [read_data(number) for p, number in pairs if p is parameter]
        steps = read_data(self.steps)
        return ops.where(steps < 0, number, steps)

    def of_kind(self, data: Any) -> Any:
        """Return an array in the dtype of the states; a number as it is."""
        is_other = shape_of(data) and data.dtype != self.dtype
        return ops.astype(data, self.dtype) if is_other else data

    def count(
        self, chosen: Collection[Value]
    ) -> tuple[list[tuple[EndToEnd, Any]], dict[Value, Any]]:
        """Count a step of some of the parameters.

        Returns
        -------
        The parameters in groups of as many steps, each with this number; and what changes.
        """
        values, steps = self.layout.values, read_data(self.steps)
        everyone = len(values) == 1 or all([p in chosen for p in values])
        if everyone and (len(values) == 1 or steps >= 0):
            return [(self.layout, steps + 1.0)], {self.steps: steps + 1.0}
        groups: list[tuple[list[Value], Any]] = []
        numbers = [steps if steps >= 0 else read_data(number) for number in self.steps_of_each]
        for i, p in enumerate(values):
            if p not in chosen:
                continue
            numbers[i] = numbers[i] + 1.0
            for group, number in groups:
                if number == numbers[i]:
                    group.append(p)
                    break
            else:
                groups.append(([p], numbers[i]))
        changes = {self.steps: -1.0, **dict(zip(self.steps_of_each, numbers, strict=True))}
        is_all = everyone and len(groups) == 1
        return [(self.layout if is_all else EndToEnd(g), number) for g, number in groups], changes
