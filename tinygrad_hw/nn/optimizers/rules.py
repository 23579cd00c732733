"""The optimizers' rules. Names, formulas, arguments and defaults are Keras's.

Every optimizer takes, after its own arguments, those of ``Optimizer``, in the same order. In the
formulas p is a parameter, g its gradient, and t counts its steps from 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.nn.optimizers.base import Optimizer, pointwise
from tinygrad_hw.nn.optimizers.schedules import LearningRateSchedule
from tinygrad_hw.nn.optimizers.settings import Choice, Setting, check_range, is_zero

Rate = float | LearningRateSchedule
New = tuple[Any, ...]


class SGD(Optimizer):
    """Gradient descent: p ← p - rate · g; with momentum p ← p + v, v ← momentum · v - rate · g.

    With ``nesterov`` (Nesterov, 1983) p ← p + momentum · v - rate · g, with the new v.
    """

    states = ("velocity",)
    momentum, nesterov = Setting(), Choice()

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *more: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *more, **options)
        self.momentum, self.nesterov = momentum, nesterov
        check_range(self, "momentum", 0.0, 1.0)

    @pointwise
    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> New:
        """Return the new parameter and states by the formula of the class."""
        step = gradient * self.learning_rate
        velocity = without_subnormals(states[0] * self.momentum - step)
        if self.nesterov:
            return parameter + (velocity * self.momentum - step), velocity
        return parameter + velocity, velocity


class RMSprop(Optimizer):
    """RMSprop (Hinton, 2012): p ← p - rate · g / sqrt(s + epsilon), s the running mean of g².

    With momentum p ← p - v, v ← momentum · v + the step above. If ``centered``, the root is of s
    minus the square of the running mean of g. A momentum of 0 needs no state, and stays 0.
    """

    rho, epsilon, momentum, centered = Setting(), Setting(), Setting(is_zero), Choice()

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *more: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *more, **options)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        named = {"square": True, "mean": centered, "velocity": momentum != 0}
        self.states = tuple(name for name, is_needed in named.items() if is_needed)

    @pointwise
    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> New:
        """Return the new parameter and states by the formula of the class."""
        old = dict(zip(self.states, states, strict=True))
        rest = 1.0 - self.rho
        new = {"square": old["square"] * self.rho + gradient * gradient * rest}
        variance = new["square"]
        if "mean" in old:
            new["mean"] = old["mean"] * self.rho + gradient * rest
            variance = variance - new["mean"] * new["mean"]
        step = gradient * self.learning_rate / (variance + self.epsilon) ** 0.5
        if "velocity" in old:
            step = new["velocity"] = old["velocity"] * self.momentum + step
        return parameter - step, *map(without_subnormals, new.values())


class Adagrad(Optimizer):
    """Adagrad (Duchi et al., 2011): p ← p - rate · g / sqrt(s + epsilon).

    s is the sum of g² over all steps and ``initial_accumulator_value``; the state is without it.
    """

    states = ("squares",)
    initial_accumulator_value, epsilon = Setting(), Setting()

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        *more: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *more, **options)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon
        check_range(self, "initial_accumulator_value", lowest=0.0)

    @pointwise
    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> New:
        """Return the new parameter and states by the formula of the class."""
        squares = states[0] + gradient * gradient
        root = (squares + (self.initial_accumulator_value + self.epsilon)) ** 0.5
        return parameter - gradient * self.learning_rate / root, squares


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), in Keras's form: epsilon beside the uncorrected root.

    p ← p - a · m / (sqrt(v) + epsilon), a = rate · sqrt(1 - β₂ᵗ) / (1 - β₁ᵗ), where m and v are the
    running means of g and g². The states are m / (1 - β₁) and v / (1 - β₂), which saves an array
    multiplication for each mean in every step; the factors move into two scalars. With ``amsgrad``
    (Reddi et al., 2018), v is the largest that it has been.
    """

    states: tuple[str, ...] = ("first", "second")
    beta_1, beta_2, epsilon, amsgrad = Setting(), Setting(), Setting(), Choice()

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *more: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *more, **options)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad
        if amsgrad:
            self.states = (*self.states, "largest")

    @pointwise
    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> New:
        """Return the new parameter and states by the formula of the class."""
        first, second = _sums(self, gradient, *states[:2])
        largest = [ops.maximum(x, second) for x in states[2:]]
        root = (1.0 - self.beta_2) ** 0.5
        corrected = (1.0 - self.beta_2**steps) ** 0.5 / (1.0 - self.beta_1**steps)
        rate = self.learning_rate * corrected * (1.0 - self.beta_1) / root
        (second_used,) = largest or [second]
        step = first * (rate / (second_used**0.5 + self.epsilon / root))
        return parameter - step, first, second, *largest


class AdamW(Adam):
    """Adam with weight decay that is not part of the gradient (Loshchilov and Hutter, 2019)."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *more: Any,
        **options: Any,
    ) -> None:
        if weight_decay is None:
            raise ValueError("AdamW needs a number as weight_decay; Adam has none")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, *more, **options
        )


_STEPS = np.arange(1.0, 1001.0)
_WEIGHTS = 1.0 - 0.5 * 0.96**_STEPS  # of β₁ in these steps; 1 to the last digit from then on


class Nadam(Optimizer):
    """Adam with Nesterov's momentum (Dozat, 2016).

    p ← p - rate · m̂ / (sqrt(v / (1 - β₂ᵗ)) + epsilon), where m and v are the running means of g and
    g², and m̂ = u₊ · m / (1 - Π · u₊) + (1 - u) · g / (1 - Π). u = β₁ · (1 - 0.96ᵗ / 2) and u₊ are
    the momentum of this step and of the next, and Π is the product of those up to this step. The
    states are as in Adam.
    """

    states: tuple[str, ...] = ("first", "second")
    beta_1, beta_2, epsilon = Setting(), Setting(), Setting()

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *more: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *more, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    @pointwise
    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> New:
        """Return the new parameter and states by the formula of the class."""
        first, second = _sums(self, gradient, *states)
        now, then = [self.beta_1 * (1.0 - 0.5 * 0.96**t) for t in (steps, steps + 1.0)]
        product = self.beta_1**steps * _product_of_weights(steps)
        root = ((1.0 - self.beta_2) / (1.0 - self.beta_2**steps)) ** 0.5
        of_mean = self.learning_rate * then * (1.0 - self.beta_1) / (1.0 - product * then) / root
        of_gradient = self.learning_rate * (1.0 - now) / (1.0 - product) / root
        step = (first * of_mean + gradient * of_gradient) / (second**0.5 + self.epsilon / root)
        return parameter - step, first, second


class Lion(Optimizer):
    """Lion (Chen et al., 2023): p ← p - rate · sign(β₁ · m + (1 - β₁) · g).

    Then m ← β₂ · m + (1 - β₂) · g.
    """

    states = ("mean",)
    beta_1, beta_2 = Setting(), Setting()

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        *more: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *more, **options)
        self.beta_1, self.beta_2 = beta_1, beta_2
        check_range(self, "beta_1", highest=1.0, above=0.0)

    @pointwise
    def rule(self, parameter: Any, gradient: Any, steps: Any, *states: Any) -> New:
        """Return the new parameter and states by the formula of the class."""
        direction = ops.sign(states[0] * self.beta_1 + gradient * (1.0 - self.beta_1))
        mean = states[0] * self.beta_2 + gradient * (1.0 - self.beta_2)
        return parameter - direction * self.learning_rate, without_subnormals(mean)


def _sums(optimizer: Any, gradient: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """Return m / (1 - β₁) and v / (1 - β₂), where m and v are the running means of g and g²."""
    first = without_subnormals(first * optimizer.beta_1 + gradient)
    return first, second * optimizer.beta_2 + gradient * gradient


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


def _product_of_weights(steps: Any) -> Any:
    """Return the product of Nadam's weights of β₁ up to a step."""
    return ops.astype(np.prod(np.where(steps >= _STEPS, _WEIGHTS, 1.0)), float)
