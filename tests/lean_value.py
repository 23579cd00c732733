"""The leanest scalar engine that there is, as a peer: data, a gradient, edges; and nothing shared.

Each result keeps its operands with the derivative by each, worked out on the way forward; backward
multiplies and adds them up, from the last result to the first. Subtraction, division and negation
are made of sums, products and powers.
"""

import math


class LeanValue:
    """A number with the edges (operand, local derivative) that lead to what it was made of."""

    def __init__(self, data, edges=()):
        self.data, self.edges, self.grad = data, edges, 0.0

    def __add__(self, other):
        other = lean(other)
        return LeanValue(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        other = lean(other)
        return LeanValue(self.data * other.data, ((self, other.data), (other, self.data)))

    def __pow__(self, exponent):
        slope = exponent * self.data ** (exponent - 1)
        return LeanValue(self.data**exponent, ((self, slope),))

    def relu(self):
        return LeanValue(max(self.data, 0.0), ((self, float(self.data > 0)),))

    def exp(self):
        result = math.exp(self.data)
        return LeanValue(result, ((self, result),))

    def log(self):
        return LeanValue(math.log(self.data), ((self, 1 / self.data),))

    def tanh(self):
        result = math.tanh(self.data)
        return LeanValue(result, ((self, 1 - result**2),))

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -lean(other)

    def __truediv__(self, other):
        return self * lean(other) ** -1

    def __rsub__(self, other):
        return lean(other) - self

    def __rtruediv__(self, other):
        return lean(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def backward(self):
        """Add d self / d x to the gradient of every x that self was made of."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            value, is_done = stack.pop()
            if is_done:
                order.append(value)
            elif id(value) not in seen:
                seen.add(id(value))
                stack.append((value, True))
                stack += [(operand, False) for operand, _ in value.edges]
        self.grad = 1.0
        for value in reversed(order):
            for operand, slope in value.edges:
                operand.grad += slope * value.grad


def lean(x):
    """Return a Value as it is, a number as a new one."""
    return x if isinstance(x, LeanValue) else LeanValue(float(x))
