"""Networks of single numbers, with micrograd's names: every weight and every neuron is a Value.

They are small enough to draw and to step through. A neuron is one node, ``w1·x1 + w2·x2 + … + b``,
and its activation another. For speed use layers of arrays: see ``Sequential``.
"""

import random
from collections.abc import Sequence
from typing import Any

from tinygrad_hw import engine
from tinygrad_hw.engine import group, ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import Node
from tinygrad_hw.micrograd.engine import Value


class Module:
    """Base class of a neuron, a layer and a network: an object with parameters."""

    def parameters(self) -> Sequence[engine.Value]:
        """Return every Value to train, in order."""
        return []

    def zero_grad(self) -> None:
        """Forget all gradients, so that the next ``backward()`` does not add to them."""
        for parameter in self.parameters():
            parameter.grad = parameter.no_gradient


class Neuron(Module):
    """Neuron with weights uniform in ±1, a bias of 0, and relu unless ``nonlin`` is False."""

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0.0)
        self.nonlin = nonlin
        self.name = "neuron"

    def __call__(self, x: Sequence[Any]) -> Any:
        """Return relu of the weighted sum of the inputs, one for each weight."""
        if len(x) != len(self.w):
            raise ValueError(f"{self!r} got {len(x)} inputs; give {len(self.w)}")
        with group(self.name):  # one box in a drawing
            z = ops.affine(*self.w, *x, self.b)
            return ops.relu(z) if self.nonlin else z

    def parameters(self) -> list[Value]:
        """Return the weights, then the bias."""
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


class Layer(Module):
    """Layer of neurons that have the same inputs."""

    def __init__(self, nin: int, nout: int, nonlin: bool = True) -> None:
        self.neurons = [Neuron(nin, nonlin) for _ in range(nout)]

    def __call__(self, x: Sequence[Any]) -> Any:
        """Return a list of the neurons' results; for a single neuron, its result alone."""
        results = [neuron(x) for neuron in self.neurons]
        return results[0] if len(results) == 1 else results

    def parameters(self) -> list[Value]:
        """Return the parameters of all neurons, in order."""
        return [parameter for neuron in self.neurons for parameter in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(repr, self.neurons))}]"


class MLP(Module):
    """Multilayer perceptron: ``MLP(2, [16, 1])`` has 2 inputs, 16 relu neurons, a linear one."""

    def __init__(self, nin: int, nouts: Sequence[int]) -> None:
        sizes = [nin, *nouts]
        self.layers = [
            Layer(sizes[i], sizes[i + 1], nonlin=i < len(nouts) - 1) for i in range(len(nouts))
        ]
        for i, layer in enumerate(self.layers, 1):
            for j, neuron in enumerate(layer.neurons, 1):
                neuron.name = f"layer {i}, neuron {j}"

    def __call__(self, x: Any) -> Any:
        """Return the outputs of the last layer."""
        numbers = x if isinstance(x, Sequence) or shape_of(x) else [x]
        # One Value for each input, which all neurons share: a drawing has it once.
        x = [number if isinstance(number, Node) else Value(number) for number in numbers]
        for layer in self.layers:
            x = layer(x if isinstance(x, Sequence) else [x])
        return x

    def parameters(self) -> list[Value]:
        """Return the parameters of all layers, in order."""
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"
