"""Optimisers. Names, formulas and defaults are Keras's; they work on flat float32 buffers."""

import math

import numpy as np

from tinygrad_hw.nn.parameters import Float32s


class SGD:
    """Gradient descent: p ← p - rate · g; with momentum p ← p + v, v ← momentum · v - rate · g."""

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0) -> None:
        self.learning_rate = learning_rate
        self.momentum = momentum

    def start(self, size: int) -> None:
        """Forget the past; prepare for so many parameters."""
        self._velocity = np.zeros(size, np.float32)

    def update(self, parameters: Float32s, gradients: Float32s) -> None:
        """Change the parameters in place by one step."""
        self._velocity *= np.float32(self.momentum)
        self._velocity -= np.float32(self.learning_rate) * gradients
        parameters += self._velocity


class Adam:
    """Adam (Kingma and Ba, 2015), in Keras's form: epsilon beside the uncorrected root.

    p ← p - a · m / (sqrt(v) + epsilon), a = rate · sqrt(1 - β₂ᵗ) / (1 - β₁ᵗ), where m and v are the
    running means of g and g². The sums kept here are m / (1 - β₁) and v / (1 - β₂): so each running
    mean costs one multiplication fewer a step, and the factors move into two scalars.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def start(self, size: int) -> None:
        """Forget the past; prepare for so many parameters."""
        self._steps = 0
        self._first = np.zeros(size, np.float32)
        self._second = np.zeros(size, np.float32)
        self._scratch = np.empty(size, np.float32)

    def update(self, parameters: Float32s, gradients: Float32s) -> None:
        """Change the parameters in place by one step."""
        self._steps += 1
        scratch = self._scratch
        self._first *= np.float32(self.beta_1)
        self._first += gradients
        self._second *= np.float32(self.beta_2)
        self._second += np.square(gradients, out=scratch)
        root = math.sqrt(1 - self.beta_2)
        corrected = math.sqrt(1 - self.beta_2**self._steps) / (1 - self.beta_1**self._steps)
        rate = self.learning_rate * corrected * (1 - self.beta_1) / root
        np.sqrt(self._second, out=scratch)
        scratch += np.float32(self.epsilon / root)
        np.divide(self._first, scratch, out=scratch)
        scratch *= np.float32(rate)
        parameters -= scratch
