"""Optimizers. Names, formulas and defaults are Keras's.

An optimizer's rule is written as operations on data, once, and gives new data; so a captured
program has it too. Many arrays are one to it (see ``FlatParameters``), and its state is in Values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.core.state import state
from tinygrad_hw.nn.flat_parameters import FlatParameters, store


class Setting:
    """A number that may be changed between steps; a captured program reads it anew each time."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        return read_data(vars(optimizer)[self.name]) if optimizer is not None else self

    def __set__(self, optimizer: Any, number: float) -> None:
        if self.name not in vars(optimizer):
            vars(optimizer)[self.name] = Value(float(number), self.name, constant=True)
        else:
            store(vars(optimizer)[self.name], float(number))


class Optimizer(ABC):
    """The base of SGD and Adam: parameters, each with its state, are changed by one rule."""

    states: tuple[str, ...] = ()  # names of what the rule keeps, shaped like a parameter

    def __init__(self) -> None:
        self._flats: dict[tuple[Value, ...], FlatParameters] = {}
        self._states: dict[Value, list[Value]] = {}  # of a parameter: its steps, then its states

    def reset(self) -> None:
        """Forget the past, of all parameters."""
        for states in self._states.values():
            for kept in states:
                kept.raw = np.zeros_like(kept.raw) if kept.shape else 0.0

    def build(self, parameters: Sequence[Value]) -> None:
        """Make the state for these parameters, as the first ``apply`` would."""
        arrays = tuple([p for p in parameters if p.shape])
        if arrays:
            self._flats[arrays] = FlatParameters.of(arrays)
            self._make_state(self._flats[arrays].buffer)
        for p in parameters:
            if not p.shape:
                self._make_state(p)

    def apply(self, parameters: Sequence[Value]) -> None:
        """Change each parameter by one step along its ``grad``.

        Arrays are brought into one flat buffer of their common dtype, unless a model has done so.
        A parameter that has no gradient stays as it is; for an array a warning says so, once.
        """
        for p in parameters:
            read_data(p)  # its ``grad`` too is what it is in this run
        arrays = tuple([p for p in parameters if p.shape])
        if arrays:
            flat = self._flats[arrays] = FlatParameters.of(arrays)  # kept, to be found again
            gradient = flat.gather_gradients()
            flat.move(self._changed(flat.buffer, gradient))
        for p in parameters:
            if not p.shape and p.grad is not None:
                p.raw = self._changed(p, p.grad)

    def _changed(self, parameter: Value, gradient: Any) -> Any:
        """Return new data for a parameter; update its state."""
        data = read_data(parameter)
        self._make_state(parameter)
        count, *states = self._states[parameter]
        store(count, read_data(count) + 1.0)
        new, *news = self.rule(data, gradient, read_data(count), *map(read_data, states))
        if any(new_state is kept.raw for new_state in news for kept in states):
            news = [new_state * 1 for new_state in news]  # one becomes what another was
        for kept, new_state in zip(states, news, strict=True):
            store(kept, new_state)
        return new

    def _make_state(self, parameter: Value) -> None:
        if parameter in self._states:
            return
        if state.recorder is not None:  # what is made in a captured run is the same in every run
            raise state.recorder.not_ready()
        zero: Any = np.zeros(parameter.shape, parameter.dtype) if parameter.shape else 0.0
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
        velocity = states[0] * self.momentum - gradient * self.learning_rate
        return parameter + velocity, velocity


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), in Keras's form: epsilon beside the uncorrected root.

    p ← p - a · m / (sqrt(v) + epsilon), a = rate · sqrt(1 - β₂ᵗ) / (1 - β₁ᵗ), where m and v are the
    running means of g and g². The sums kept here are m / (1 - β₁) and v / (1 - β₂): so each running
    mean costs one multiplication fewer a step, and the factors move into two scalars.
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
        first = states[0] * self.beta_1 + gradient
        second = states[1] * self.beta_2 + gradient * gradient
        root = (1.0 - self.beta_2) ** 0.5
        corrected = (1.0 - self.beta_2**steps) ** 0.5 / (1.0 - self.beta_1**steps)
        rate = self.learning_rate * corrected * (1.0 - self.beta_1) / root
        # Not first / (...) * rate: where no gradient comes any more, first fades to subnormal
        # numbers, which processors take many times longer to divide, but not to multiply.
        step = first * (rate / (second**0.5 + self.epsilon / root))
        return parameter - step, first, second
