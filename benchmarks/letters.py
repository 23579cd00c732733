"""A transformer in scalars: 16 wide, 4 heads, 1 block, a word of 8 letters, forward and backward.

It is a program as one writes it for scalar engines: about 60,000 nodes a step, made by Python's
operators. The peer is a Value with four slots and nothing else, ``Lean``.
"""

import gc
import math
import random
from itertools import pairwise
from typing import Any

from measuring import Result, median_time, timed

WIDE, HEADS, LETTERS, ALPHABET, DECAY = 16, 4, 8, 27, 1e-3
HEAD = WIDE // HEADS


class Lean:
    """A number, its gradient, its operands, and the derivative by each operand."""

    __slots__ = ("data", "grad", "locals", "operands")

    def __init__(self, data: float, operands: tuple = (), locals: tuple = ()) -> None:
        self.data = data
        self.grad = 0.0
        self.operands = operands
        self.locals = locals

    def __add__(self, other: Any) -> "Lean":
        other = other if isinstance(other, Lean) else Lean(other)
        return Lean(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> "Lean":
        other = other if isinstance(other, Lean) else Lean(other)
        return Lean(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, power: float) -> "Lean":
        return Lean(self.data**power, (self,), (power * self.data ** (power - 1),))

    def exp(self) -> "Lean":
        """Return e to the number."""
        out = math.exp(self.data)
        return Lean(out, (self,), (out,))

    def log(self) -> "Lean":
        """Return the natural logarithm."""
        return Lean(math.log(self.data), (self,), (1 / self.data,))

    def relu(self) -> "Lean":
        """Return the number, or 0 where it is negative."""
        return Lean(max(0.0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self) -> "Lean":
        return self * -1

    def __radd__(self, other: Any) -> "Lean":
        return self + other

    def __sub__(self, other: Any) -> "Lean":
        return self + (-other)

    def __rsub__(self, other: Any) -> "Lean":
        return other + (-self)

    def __rmul__(self, other: Any) -> "Lean":
        return self * other

    def __truediv__(self, other: Any) -> "Lean":
        return self * other**-1

    def __rtruediv__(self, other: Any) -> "Lean":
        return other * self**-1

    def backward(self) -> None:
        """Add d self / d node to the gradient of every node."""
        order: list[Lean] = []
        seen = set()

        def visit(node: Lean) -> None:
            if node not in seen:
                seen.add(node)
                for operand in node.operands:
                    visit(operand)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for operand, local in zip(node.operands, node.locals):  # noqa: B905 - it takes time
                operand.grad += local * node.grad


# --- The model, in whoever's Values ---------------------------------------------------------------

Matrix = list[list[Any]]
SHAPES = {
    "letters": (ALPHABET, WIDE),
    "places": (LETTERS, WIDE),
    **{name: (WIDE, WIDE) for name in ("query", "key", "value", "mix")},
    "widen": (4 * WIDE, WIDE),
    "narrow": (WIDE, 4 * WIDE),
    "scores": (ALPHABET, WIDE),
}


def weights(Value: Any) -> dict[str, Matrix]:
    """Return the matrices of the model, small normal numbers, the same for every Value."""
    draw = random.Random(27)
    return {
        name: [[Value(draw.gauss(0.0, 0.2)) for _ in range(columns)] for _ in range(rows)]
        for name, (rows, columns) in SHAPES.items()
    }


def linear(matrix: Matrix, x: list[Any]) -> list[Any]:
    """Return matrix · x."""
    return [sum(w * x_i for w, x_i in zip(row, x, strict=True)) for row in matrix]


def scaled(x: list[Any]) -> list[Any]:
    """Return x over the root of its mean square."""
    scale = (sum(x_i * x_i for x_i in x) / len(x) + 1e-5) ** -0.5
    return [x_i * scale for x_i in x]


def probabilities(scores: list[Any]) -> list[Any]:
    """Return the softmax of scores."""
    top = max(score.data for score in scores)
    powers = [(score - top).exp() for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def attended(query: list[Any], keys: Matrix, values: Matrix) -> list[Any]:
    """Return for each head the values seen so far, weighted by how well their keys match."""
    result = []
    for start in range(0, WIDE, HEAD):
        head = slice(start, start + HEAD)
        matches = [
            sum(q * k for q, k in zip(query[head], key[head], strict=True)) * HEAD**-0.5
            for key in keys
        ]
        shares = probabilities(matches)
        columns = zip(*[value[head] for value in values], strict=True)
        result += [sum(s * v for s, v in zip(shares, column, strict=True)) for column in columns]
    return result


def loss_of(model: dict[str, Matrix], word: list[int]) -> Any:
    """Return the mean cross-entropy of each letter of a word, given those before it."""
    keys: Matrix = []
    values: Matrix = []
    losses = []
    for place, (letter, following) in enumerate(pairwise(word)):
        pairs = zip(model["letters"][letter], model["places"][place], strict=True)
        x = scaled([a + b for a, b in pairs])
        inner = scaled(x)
        keys.append(linear(model["key"], inner))
        values.append(linear(model["value"], inner))
        seen = attended(linear(model["query"], inner), keys, values)
        x = [a + b for a, b in zip(x, linear(model["mix"], seen), strict=True)]
        hidden = [h.relu() for h in linear(model["widen"], scaled(x))]
        x = [a + b for a, b in zip(x, linear(model["narrow"], hidden), strict=True)]
        losses.append(-probabilities(linear(model["scores"], x))[following].log())
    return sum(losses) * (1 / len(losses))


# --- Measured -------------------------------------------------------------------------------------

WORD = [0, 5, 12, 9, 26, 1, 2, 5, 0]  # 8 letters and the end


def lean(threads: int, collector: bool) -> Result:
    """The lean Value, with Python's garbage collector as it comes or off."""
    return _measured(Lean, collector)


def ours(threads: int, collector: bool) -> Result:
    """Our Value, eager."""
    from tinygrad_hw import Value

    return _measured(Value, collector)


def _measured(Value: Any, collector: bool) -> Result:
    model = weights(Value)
    parameters = [w for matrix in model.values() for row in matrix for w in row]
    if not collector:
        gc.collect()
        gc.disable()

    def step() -> float:
        for w in parameters:
            w.grad = 0.0
        loss = loss_of(model, WORD)
        loss.backward()
        return float(loss.data)

    first, loss = timed(step)
    seconds = median_time(step, at_least=7)
    return Result(seconds, first, [loss, *[float(w.grad) for w in parameters]])
