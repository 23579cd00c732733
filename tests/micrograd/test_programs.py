"""Programs as people write them for micrograd and microgpt, on our Values and on the lean ones."""

import math
import random
from itertools import pairwise

import numpy as np
import pytest
from lean_value import LeanValue

from tinygrad_hw import Value as PlainValue
from tinygrad_hw.micrograd import MLP, Neuron, Value

LETTERS = "abcdeg ."


# --- A transformer in scalars ---------------------------------------------------------------------


def matrix(kind, generator, rows, columns):
    return [[kind(generator.gauss(0, 0.3)) for _ in range(columns)] for _ in range(rows)]


def apply(weights, x):
    return [sum(w * xi for w, xi in zip(row, x, strict=True)) for row in weights]


def softmax(logits):
    highest = max(logit.data for logit in logits)
    exps = [(logit - highest).exp() for logit in logits]
    total = sum(exps)
    return [e / total for e in exps]


def normalized(x):
    mean_square = sum(xi * xi for xi in x) / len(x)
    return [xi * (mean_square + 1e-5) ** -0.5 for xi in x]


class Transformer:
    """One block of attention and relu, 6 wide, two heads: the next letter from those before it."""

    width, heads = 6, 2

    def __init__(self, kind, seed):
        generator = random.Random(seed)
        n, letters = self.width, len(LETTERS)
        shapes = {"tokens": (letters, n), "places": (8, n), "out": (letters, n)}
        shapes |= {"query": (n, n), "key": (n, n), "value": (n, n), "mix": (n, n)}
        shapes |= {"wide": (2 * n, n), "narrow": (n, 2 * n)}
        self.w = {name: matrix(kind, generator, *shape) for name, shape in shapes.items()}
        self.parameters = [p for rows in self.w.values() for row in rows for p in row]

    def loss(self, text):
        keys, values, losses = [], [], []
        for place, (letter, following) in enumerate(pairwise(text)):
            token, position = self.w["tokens"][LETTERS.index(letter)], self.w["places"][place]
            x = normalized([t + p for t, p in zip(token, position, strict=True)])
            query = apply(self.w["query"], x)
            keys.append(apply(self.w["key"], x))
            values.append(apply(self.w["value"], x))
            seen = []
            for head in range(self.heads):
                part = slice(head * self.width // self.heads, (head + 1) * self.width // self.heads)
                scores = [
                    sum(q * k for q, k in zip(query[part], key[part], strict=True)) / 3**0.5
                    for key in keys
                ]
                weights = softmax(scores)
                seen += [
                    sum(weight * column for weight, column in zip(weights, columns, strict=True))
                    for columns in zip(*(value[part] for value in values), strict=True)
                ]
            x = [a + b for a, b in zip(apply(self.w["mix"], seen), x, strict=True)]
            hidden = [h.relu() for h in apply(self.w["wide"], normalized(x))]
            x = [a + b for a, b in zip(apply(self.w["narrow"], hidden), x, strict=True)]
            right = softmax(apply(self.w["out"], x))[LETTERS.index(following)]
            losses.append(-right.log())
        return (1 / len(losses)) * sum(losses)


def trained_by_adam(kind, steps):
    """Losses of each step; then every parameter."""
    model, losses = Transformer(kind, seed=3), []
    first, second = [0.0] * len(model.parameters), [0.0] * len(model.parameters)
    for k in range(steps):
        loss = model.loss(["a bad cab.", "egg bed.", "a cage."][k % 3][:6])
        loss.backward()
        losses.append(loss.data)
        for i, p in enumerate(model.parameters):
            first[i] = 0.85 * first[i] + 0.15 * p.grad
            second[i] = 0.99 * second[i] + 0.01 * p.grad**2
            step = first[i] / (1 - 0.85 ** (k + 1))
            p.data -= 0.02 * step / ((second[i] / (1 - 0.99 ** (k + 1))) ** 0.5 + 1e-8)
            p.grad = 0
    return losses, [p.data for p in model.parameters]


def test_a_transformer_in_scalars_has_the_lean_engines_losses():
    losses, weights = trained_by_adam(Value, 9)
    expected_losses, expected_weights = trained_by_adam(LeanValue, 9)
    assert losses == pytest.approx(expected_losses, rel=1e-12)
    assert weights == pytest.approx(expected_weights, rel=1e-9, abs=1e-11)
    assert losses[-1] < losses[0]


# --- Two moons ------------------------------------------------------------------------------------


def moons(n):
    """Return points on two half circles, as NumPy's numbers, and their labels of -1 and 1."""
    generator = np.random.default_rng(5)
    angle = generator.uniform(0, np.pi, n)
    labels = np.where(np.arange(n) % 2, 1, -1)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x[labels > 0] = [1, 0.5] - x[labels > 0]
    return x + generator.normal(0, 0.1, x.shape), labels


class LeanNetwork:
    """micrograd's network of products and sums, on lean Values."""

    def __init__(self, inputs, sizes):
        self.layers = [
            [
                ([LeanValue(random.uniform(-1, 1)) for _ in range(n)], LeanValue(0.0))
                for _ in range(size)
            ]
            for n, size in zip([inputs, *sizes[:-1]], sizes, strict=True)
        ]

    def __call__(self, x):
        for i, layer in enumerate(self.layers):
            z = [sum((w * xi for w, xi in zip(ws, x, strict=True)), b) for ws, b in layer]
            x = z if i == len(self.layers) - 1 else [zi.relu() for zi in z]
        return x[0]

    def parameters(self):
        return [p for layer in self.layers for ws, b in layer for p in (*ws, b)]


def train_on_moons(kind, network):
    x, labels = moons(24)
    random.seed(1337)
    model = network(2, [8, 6, 1])
    told = []
    for k in range(12):
        scores = [model(list(map(kind, row))) for row in x]
        losses = [
            (1 + -label * score).relu()
            for label, score in zip(labels.tolist(), scores, strict=True)
        ]
        decay = 1e-4 * sum(p * p for p in model.parameters())
        loss = sum(losses) * (1.0 / len(losses)) + decay
        told.append(loss.data)
        for p in model.parameters():
            p.grad = 0
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 12) * p.grad
    return told


def test_two_moons_have_the_lean_engines_losses():
    losses = train_on_moons(Value, MLP)
    assert losses == pytest.approx(train_on_moons(LeanValue, LeanNetwork), rel=1e-12)
    assert losses[-1] < losses[0] / 2


def test_labels_may_be_numpys_numbers():
    x, labels = moons(4)
    score = MLP(2, [3, 1])([PlainValue(x[0, 0]), x[0, 1]])
    loss = (1 + -labels[0] * score).relu() + np.float64(2.0) * score
    assert type(loss) is Value
    assert loss.data == pytest.approx(max(1 - labels[0] * score.data, 0) + 2 * score.data)


# --- A tracer of graphs ---------------------------------------------------------------------------


def traced(root):
    """Return the boxes and the arrows of a drawing, as micrograd's users draw theirs."""
    boxes, arrows, seen = [], 0, set()

    def visit(node):
        nonlocal arrows
        if node in seen:
            return
        seen.add(node)
        text = "%s | data %.4f | grad %.4f" % (node._op, node.data, node.grad)  # noqa: UP031
        boxes.append(text.strip())
        for child in node._prev:
            arrows += 1
            visit(child)

    visit(root)
    return sorted(boxes), arrows


def test_a_graph_can_be_traced_before_and_after_backward():
    x, w = Value(1.5), Value(-2.0)
    y = ((x * w).tanh() - w**2) / 4
    before, arrows = traced(y)
    assert (len(before), arrows) == (8, 8)
    assert all(box.endswith("grad 0.0000") for box in before)
    y.backward()
    after, _ = traced(y)
    slope = (1 - math.tanh(-3.0) ** 2) / 4
    assert f"| data 1.5000 | grad {-2 * slope:.4f}" in after
    assert f"| data -2.0000 | grad {1.5 * slope + 1:.4f}" in after
    quotient = (math.tanh(-3.0) - 4) / 4
    assert f"| data 4.0000 | grad {-quotient / 4:.4f}" in after
    assert {"**2 | data 4.0000 | grad -0.2500", "tanh | data -0.9951 | grad 0.2500"} < set(after)


def test_a_neuron_is_one_sum_and_its_activation():
    random.seed(1)
    neuron, x = Neuron(2), [Value(1.0), Value(-2.0)]
    y = neuron(x)
    y.backward()
    assert y._op == "ReLU"
    (total,) = y._prev
    assert total._prev == {*neuron.parameters(), *x}
    is_on = float(total.data > 0)
    assert [p.grad for p in neuron.parameters()] == [1.0 * is_on, -2.0 * is_on, is_on]
