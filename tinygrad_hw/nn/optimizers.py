"""Optimizers. Names, formulas and defaults are Keras's.

An optimizer's rule is a function of data that returns new data, so a captured program records it
like any computation. All arrays are updated as one (see ``FlatParameters``). States are Values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.nn.flat_parameters import FlatParameters


class Setting:
    """Number that may be changed between steps; a captured program reads it in every run."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        return read_data(vars(optimizer)[self.name]) if optimizer is not None else self

    def __set__(self, optimizer: Any, number: float) -> None:
        if self.name not in vars(optimizer):
            vars(optimizer)[self.name] = Value(float(number), self.name, constant=True)
        else:
            current().trace.store(vars(optimizer)[self.name], float(number))


class Optimizer(ABC):
    """Base class of SGD and Adam: one rule updates each parameter and its states."""

    states: tuple[str, ...] = ()  # names of the rule's arrays, shaped like a parameter

    def __init__(self) -> None:
        self._flats: dict[tuple[Value, ...], FlatParameters] = {}
        self._states: dict[Value, list[Value]] = {}  # by parameter: steps taken, then states

    def reset(self) -> None:
        """Set the states of all parameters to zero."""
        for states in self._states.values():
            for value in states:
                value.raw = np.zeros_like(value.raw) if value.shape else 0.0

    def build(self, parameters: Sequence[Value]) -> None:
        """Create the states of these parameters, as the first ``apply`` would."""
        arrays = tuple([p for p in parameters if p.shape])
        if arrays:
            self._flats[arrays] = FlatParameters.of(arrays)
            self._make_state(self._flats[arrays].buffer)
        for p in parameters:
            if not p.shape:
                self._make_state(p)

    def apply(self, parameters: Sequence[Value]) -> None:
        """Change each parameter by one step along its ``grad``.

        Arrays are moved into one flat buffer of their common dtype, unless a model has done so.
        A parameter without a gradient stays unchanged; for an array a warning says so, once.
        """
        arrays = tuple([p for p in parameters if p.shape])
        if arrays:
            flat = self._flats[arrays] = FlatParameters.of(arrays)  # keeps it alive
            gradient = flat.gather_gradients()
            flat.update(self._updated(flat.buffer, gradient))
        for p in parameters:
            if not p.shape and p.grad is not None:
                current().trace.store(p, self._updated(p, p.grad))

    def _updated(self, parameter: Value, gradient: Any) -> Any:
        """Return new data for a parameter; update its states."""
        data = read_data(parameter)
        self._make_state(parameter)
        count, *states = self._states[parameter]
        current().trace.store(count, read_data(count) + 1.0)
        new, *new_states = self.rule(data, gradient, read_data(count), *map(read_data, states))
        if any(new_state is old.raw for new_state in new_states for old in states):
            new_states = [x * 1 for x in new_states]  # copies: a new state is an old state's array
        for old, new_state in zip(states, new_states, strict=True):
            current().trace.store(old, new_state)
        return new

    def _make_state(self, parameter: Value) -> None:
        if parameter in self._states:
            return
        zero: Any = np.zeros(parameter.shape, parameter.dtype) if parameter.shape else 0.0
        with current().trace.set_up():
            states = [Value(zero, name, constant=True) for name in self.states]
            self._states[parameter] = [Value(0.0, "steps", constant=True), *states]

    @abstractmethod
    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> tuple[Any, ...]:
        """Return the new parameter, then the new states; ``steps`` counts from 1."""


class SGD(Optimizer):
    """Gradient descent: p ← p - rate · g; with momentum p ← p + v, v ← momentum · v - rate · g."""

    states = ("velocity",)
    learning_rate, momentum = Setting(), Setting()

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.momentum = momentum

    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> tuple[Any, ...]:
        """Return the new parameter and states by the formula of the class."""
        velocity = without_subnormals(states[0] * self.momentum - gradient * self.learning_rate)
        return parameter + velocity, velocity


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), in Keras's form: epsilon beside the uncorrected root.

    p ← p - a · m / (sqrt(v) + epsilon), a = rate · sqrt(1 - β₂ᵗ) / (1 - β₁ᵗ), where m and v are the
    running means of g and g². The states are m / (1 - β₁) and v / (1 - β₂), which saves an array
    multiplication for each mean in every step; the factors move into two scalars.
    """

    states = ("first", "second")
    learning_rate, beta_1, beta_2, epsilon = Setting(), Setting(), Setting(), Setting()

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> tuple[Any, ...]:
        """Return the new parameter and states by the formula of the class."""
        first = without_subnormals(states[0] * self.beta_1 + gradient)
        second = states[1] * self.beta_2 + gradient * gradient
        root = (1.0 - self.beta_2) ** 0.5
        corrected = (1.0 - self.beta_2**steps) ** 0.5 / (1.0 - self.beta_1**steps)
        rate = self.learning_rate * corrected * (1.0 - self.beta_1) / root
        step = first * (rate / (second**0.5 + self.epsilon / root))
        return parameter - step, first, second


def without_subnormals(mean: Any) -> Any:
    """Return a running mean with 0 for what is closer to 0 than the smallest normal number.

    Where a gradient stays 0 (a dead unit, a pixel that is always black), its mean decays to
    subnormal numbers and never leaves them, and processors compute with those up to a hundred times
    more slowly. The sum below has room for multiples of the smallest normal number alone.
    """
    limits = np.finfo(getattr(mean, "dtype", float))
    if limits.bits < 32:  # so few digits that the sum would round other numbers, too
        return mean
    offset = float(2 * limits.tiny / limits.eps)
    return mean + offset - offset
