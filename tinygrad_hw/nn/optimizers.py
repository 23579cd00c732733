"""Optimizers. Names, formulas and defaults are Keras's.

An optimizer's rule is a function of data that returns new data, so a captured program records it
like any computation. States are Values. Parameters that have taken as many steps come to the rule
end to end, in one long array (see ``FlatParameters``).
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from tinygrad_hw.engine import Value, ops
from tinygrad_hw.engine.call_site import package_depth
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.nn.flat_parameters import (
    EndToEnd,
    FlatParameters,
    buffer_of,
    fill_a_buffer,
    in_buffers,
    is_lent,
    may_move,
)
from tinygrad_hw.program.interrupts import interrupts_deferred


class Setting:
    """Number that may be changed between steps; a captured program reads it in every run."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        return read_data(vars(optimizer)[self.name]) if optimizer is not None else self

    def __set__(self, optimizer: Any, number: Any) -> None:
        data = ops.astype(read_data(number), float)
        if self.name not in vars(optimizer):
            vars(optimizer)[self.name] = Value(data, self.name, constant=True)
        else:
            current().trace.store(vars(optimizer)[self.name], data)


Rule = TypeVar("Rule", bound=Callable[..., Any])


def pointwise(rule: Rule) -> Rule:
    """Mark a rule that computes each element by itself: parameters may come to it end to end."""
    rule.pointwise = True  # type: ignore[attr-defined]
    return rule


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
    """

    def __init__(self, parameters: Sequence[Value], names: Sequence[str]) -> None:
        self.layout = EndToEnd(parameters)
        self.dtype = np.result_type(np.float32, parameters[0].dtype)
        shape = self.layout.shape
        zero: Any = np.zeros(shape, self.dtype) if shape else 0.0
        self.arrays = [Value(zero, name, constant=True) for name in names]
        self.steps = Value(0.0, "steps", constant=True)
        self.steps_of_each = [Value(0.0, "steps", constant=True) for _ in parameters]
        self.flat: FlatParameters | None = None
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


class Optimizer(ABC):
    """Base class of SGD and Adam: one rule updates each parameter and its states.

    The states of a parameter, and the number of its steps, are its own: whichever list it comes in,
    in whichever order, with whatever data. A copy of an optimizer has the states of copied
    parameters: copy or pickle it together with the parameters.
    """

    states: tuple[str, ...] = ()  # names of the rule's arrays, shaped like a parameter

    def __init__(self) -> None:
        self._states: dict[Value, States] = {}  # by parameter
        self._untrained: set[Value] = set()  # parameters of which a warning has said so

    @property
    def variables(self) -> list[Value]:
        """Return the Values that hold the states and the numbers of steps."""
        return [
            leaf for states in dict.fromkeys(self._states.values()) for leaf in states.variables
        ]

    def reset(self) -> None:
        """Set the states of all parameters, and the numbers of their steps, to zero."""
        _store({x: np.zeros(x.shape, x.dtype) if x.shape else 0.0 for x in self.variables})

    def build(self, parameters: Iterable[Value]) -> None:
        """Create the states of these parameters, as the first ``apply`` would."""
        self._states_of(_leaves(parameters))

    def apply(self, parameters: Iterable[Value]) -> None:
        """Change each parameter by one step along its ``grad``.

        A parameter without a gradient stays as it is, with its states and its number of steps; a
        warning says so, once, unless it is a constant. One that is given twice takes one step.

        Raises
        ------
        ValueError
            For a Value that was computed.
        """
        found = {p: p.grad for p in _leaves(parameters)}
        gradients = {p: gradient for p, gradient in found.items() if gradient is not None}
        self._warn([p for p in found if p not in gradients and not p.constant])
        is_pointwise = getattr(self.rule, "pointwise", False)
        new: dict[Value, Any] = {}
        moved: dict[Value, Any] = {}
        for states in self._states_of(gradients):
            states.begin()
            groups, changes = states.count(gradients)
            new |= changes
            if not is_pointwise:
                groups = [(EndToEnd([p]), n) for group, n in groups for p in group.values]
            for group, steps in groups:
                gradient = group.join([states.of_kind(gradients[p]) for p in group.values])
                olds = [new[x] if x in new else read_data(x) for x in states.arrays]
                taken = [states.layout.take(old, group) for old in olds]
                leaves = states.leaves(group)
                old = leaves.join([states.of_kind(read_data(x)) for x in leaves.values])
                data, *results = self.rule(old, gradient, steps, *taken)
                if any([result is old for result in results for old in taken]):
                    results = [x * 1 for x in results]  # copies: one may be another state's array
                for leaf, old, result in zip(states.arrays, olds, results, strict=True):
                    new[leaf] = states.layout.put(old, group, result)
                moved |= leaves.split(data)
        _store(new | in_buffers(moved))

    def _warn(self, untrained: list[Value]) -> None:
        """Say once of each parameter that it has no gradient."""
        untrained = [p for p in untrained if p not in self._untrained]
        if untrained:
            self._untrained.update(untrained)
            names = ", ".join([f"{p.label or 'a parameter'} {p.shape}" for p in untrained])
            warnings.warn(
                f"the loss does not depend on {names}: no gradient, and not trained",
                stacklevel=package_depth() + 1,
            )

    def _states_of(self, parameters: Iterable[Value]) -> list[States]:
        """Return the states of these parameters; make those that there are not yet."""
        unknown: dict[Any, list[Value]] = {}
        for p in parameters:
            if p not in self._states:
                place = buffer_of(p)
                alone = not p.shape or (place is None and is_lent(p))
                unknown.setdefault(id(p) if alone else (p.dtype, id(place)), []).append(p)
        for together in unknown.values():
            with current().trace.set_up():
                self._states |= dict.fromkeys(together, States(together, self.states))
        return list(dict.fromkeys([self._states[p] for p in parameters]))

    @abstractmethod
    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> tuple[Any, ...]:
        """Return the new parameter, then the new states; ``steps`` counts from 1.

        A rule marked ``@pointwise`` gets several parameters in one array, end to end.
        """


def _leaves(parameters: Iterable[Value]) -> list[Value]:
    """Return the parameters, each once; refuse what an optimizer cannot change."""
    leaves = list(dict.fromkeys(parameters))
    for p in leaves:
        if p.operation is not None:
            raise ValueError(
                f"{p.label or 'a parameter'} was computed, by {p.operation.name}: an optimizer "
                "changes leaves; give it the Values that it was computed from"
            )
    return leaves


def _store(new: Mapping[Value, Any]) -> None:
    """Write new data into Values: into all of them, or into none if Ctrl-C comes first."""
    checked = []
    for leaf, data in new.items():
        shape = leaf.shape
        if shape_of(data) != shape:
            raise ValueError(
                f"the rule of an optimizer gave new data of shape {shape_of(data)} for "
                f"{leaf.label or 'a parameter'} of shape {shape}; return arrays like its own"
            )
        is_other = shape and data.dtype != leaf.dtype
        checked.append((leaf, ops.astype(data, leaf.dtype) if is_other else data))
    store = current().trace.store
    with interrupts_deferred():
        for leaf, data in checked:
            store(leaf, data)


class SGD(Optimizer):
    """Gradient descent: p ← p - rate · g; with momentum p ← p + v, v ← momentum · v - rate · g."""

    states = ("velocity",)
    learning_rate, momentum = Setting(), Setting()

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.momentum = momentum

    @pointwise
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

    @pointwise
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
