"""Learning rates that depend on the step. Names, formulas and defaults are Keras's.

A schedule is a function of data: a captured program computes it in every step.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tinygrad_hw.nn.optimizers.configuration import config_of


class LearningRateSchedule(ABC):
    """Base class of schedules: ``schedule(step)`` is the learning rate of a step, from step 0 on.

    The step is a float. While a step is captured it is a stand-in for one: compute with operators
    and NumPy's functions, and choose by ``np.where``, or by an ``if``, which has the step recorded
    anew for each of its branches. ``float(step)`` or a function of ``math`` is refused.
    """

    @abstractmethod
    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule, from the attributes of their names."""
        return config_of(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return a schedule with these arguments."""
        return cls(**config)


def _refuse_no_steps(name: str, steps: Any) -> None:
    if not steps > 0:
        raise ValueError(f"{name} should be above 0, got {steps}")


@dataclass(frozen=True)
class ExponentialDecay(LearningRateSchedule):
    """Exponential decay: rate₀ · decay_rate^(step / decay_steps).

    With ``staircase`` the exponent is rounded down.
    """

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False
    name: str = "ExponentialDecay"

    def __post_init__(self) -> None:
        _refuse_no_steps("decay_steps", self.decay_steps)

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""
        periods = step / self.decay_steps
        periods = np.floor(periods) if self.staircase else periods
        return self.initial_learning_rate * float(self.decay_rate) ** periods


@dataclass(frozen=True)
class InverseTimeDecay(LearningRateSchedule):
    """Inverse time decay: rate₀ / (1 + decay_rate · step / decay_steps).

    With ``staircase`` the quotient of steps is rounded down.
    """

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False
    name: str = "InverseTimeDecay"

    def __post_init__(self) -> None:
        _refuse_no_steps("decay_steps", self.decay_steps)

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""
        periods = step / self.decay_steps
        periods = np.floor(periods) if self.staircase else periods
        return self.initial_learning_rate / (1.0 + self.decay_rate * periods)


@dataclass(frozen=True)
class PolynomialDecay(LearningRateSchedule):
    """Polynomial decay: (rate₀ - end) · (1 - step / decay_steps)^power + end, then the end rate.

    With ``cycle`` it does not end: decay_steps becomes its first multiple that is not below the
    step.
    """

    initial_learning_rate: float
    decay_steps: float
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str = "PolynomialDecay"

    def __post_init__(self) -> None:
        _refuse_no_steps("decay_steps", self.decay_steps)

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""
        if self.cycle:
            done = step / (self.decay_steps * np.maximum(np.ceil(step / self.decay_steps), 1.0))
        else:
            done = np.minimum(step / self.decay_steps, 1.0)
        start, end = self.initial_learning_rate, self.end_learning_rate
        return (start - end) * (1.0 - done) ** self.power + end


@dataclass(frozen=True)
class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate down to ``alpha`` times it (Loshchilov & Hutter, 2016).

    With a ``warmup_target``, the rate first rises to it along a line, over ``warmup_steps`` (Goyal
    et al., 2017), and then decays from the target.
    """

    initial_learning_rate: float
    decay_steps: float
    alpha: float = 0.0
    name: str = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: float = 0

    def __post_init__(self) -> None:
        _refuse_no_steps("decay_steps", self.decay_steps)

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""
        start, top, warmup = self.initial_learning_rate, self.warmup_target, self.warmup_steps
        if top is None:
            top, warmup = start, 0
        done = np.minimum((step - warmup) / self.decay_steps, 1.0)
        cosine = 0.5 * (1.0 + np.cos(np.pi * done))
        decayed = top * ((1.0 - self.alpha) * cosine + self.alpha)
        if warmup <= 0:
            return decayed
        return np.where(step < warmup, start + (top - start) * (step / warmup), decayed)


@dataclass(frozen=True)
class PiecewiseConstantDecay(LearningRateSchedule):
    """Constant rates: ``values[i]`` up to and with step ``boundaries[i]``, then the last value."""

    boundaries: Sequence[float]
    values: Sequence[float]
    name: str = "PiecewiseConstant"

    def __post_init__(self) -> None:
        for name in ("boundaries", "values"):  # nobody may change a list that a program knows
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.boundaries) != len(self.values) - 1:
            raise ValueError(
                f"PiecewiseConstantDecay got {len(self.boundaries)} boundaries and "
                f"{len(self.values)} values; there should be one value more"
            )
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise ValueError(f"boundaries should rise, got {self.boundaries}")

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""
        rate: Any = self.values[-1]
        for boundary, value in reversed([*zip(self.boundaries, self.values[:-1], strict=True)]):
            rate = np.where(step <= boundary, value, rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule, with lists."""
        return dataclasses.asdict(self) | {
            "boundaries": [*self.boundaries],
            "values": [*self.values],
        }


SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    kind.__name__: kind
    for kind in (
        CosineDecay,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
}
