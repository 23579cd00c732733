"""micrograd's networks."""

import random

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from tinygrad_hw.explain import svg
from tinygrad_hw.micrograd import MLP, Layer, Module, Neuron, Value


@pytest.fixture(autouse=True)
def _seeded():
    random.seed(1337)


def moons(n=40):
    """Two half circles, one in the other's arm: n points and labels -1 and 1."""
    noise = np.random.default_rng(0).normal(0, 0.05, (n, 2))
    angle = np.linspace(0, np.pi, n // 2)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    return np.concatenate([upper, lower]) + noise, np.repeat([-1, 1], n // 2)


def loss_and_accuracy(model, X, y):
    """Hinge loss with a little weight decay, in scalars, as micrograd's demonstration has it."""
    scores = [model(list(map(Value, row))) for row in X]
    losses = [(1 + -label * score).relu() for label, score in zip(y, scores, strict=True)]
    decay = 1e-4 * sum(p * p for p in model.parameters())
    right = [(label > 0) == (score.data > 0) for label, score in zip(y, scores, strict=True)]
    return sum(losses) * (1.0 / len(losses)) + decay, np.mean(right)


def weights_of(model):
    """Matrix and bias of each layer, as arrays."""
    return [
        (
            np.array([[w.data for w in neuron.w] for neuron in layer.neurons]),
            np.array([neuron.b.data for neuron in layer.neurons]),
        )
        for layer in model.layers
    ]


def hinge(weights, X, y):
    """The same loss in arrays, for autograd."""
    out = X
    for W, b in weights[:-1]:
        out = anp.maximum(out @ W.T + b, 0)
    W, b = weights[-1]
    score = (out @ W.T + b)[:, 0]
    decay = sum(anp.sum(W**2) + anp.sum(b**2) for W, b in weights)
    return anp.mean(anp.maximum(1 - y * score, 0)) + 1e-4 * decay


def test_loss_and_gradients_are_autograds():
    model, (X, y) = MLP(2, [5, 4, 1]), moons(20)
    loss, _ = loss_and_accuracy(model, X, y)
    loss.backward()
    weights = weights_of(model)
    assert loss.data == pytest.approx(hinge(weights, X, y), rel=1e-12)
    expected = autograd.grad(hinge)(weights, X, y)
    for layer, (W, b) in zip(model.layers, expected, strict=True):
        found = [[w.grad for w in neuron.w] for neuron in layer.neurons]
        np.testing.assert_allclose(found, W, rtol=1e-10, atol=1e-14)
        found = [neuron.b.grad for neuron in layer.neurons]
        np.testing.assert_allclose(found, b, rtol=1e-10, atol=1e-14)


def test_two_moons_are_learnt():
    model, (X, y) = MLP(2, [8, 8, 1]), moons()
    for k in range(60):
        loss, _ = loss_and_accuracy(model, X, y)
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.015 * k) * p.grad
    assert loss_and_accuracy(model, X, y)[1] == 1.0


def test_parameters_are_all_there_and_forget_their_gradients():
    model = MLP(2, [16, 16, 1])
    assert len(model.parameters()) == len(set(map(id, model.parameters()))) == 337
    assert all(p.grad == 0 for p in model.parameters())
    model([1.0, -2.0]).backward()
    assert any(p.grad != 0 for p in model.parameters())
    model.zero_grad()
    assert all(p.grad == 0 for p in model.parameters())
    assert Module().parameters() == []


def test_text_tells_the_neurons():
    assert repr(MLP(3, [2, 1])) == (
        "MLP of [Layer of [ReLUNeuron(3), ReLUNeuron(3)], Layer of [LinearNeuron(2)]]"
    )


def test_hidden_layers_have_relu_and_the_last_has_not():
    model = MLP(1, [1, 1])
    for p in model.parameters():
        p.data = -1.0
    assert model([2.0]).data == -1.0  # relu(-3) is 0, then the bias alone
    assert Neuron(2, nonlin=False)([0.0, 0.0]).data == 0.0


def test_results_are_a_list_and_a_single_one_is_alone():
    assert len(Layer(2, 3)([1.0, 2.0])) == 3
    assert isinstance(Layer(2, 1)([1.0, 2.0]), Value)
    assert len(MLP(2, [3, 2])([1.0, 2.0])) == 2


def test_inputs_may_be_an_array():
    model = MLP(2, [3, 1])
    assert model(np.array([1.0, -2.0])).data == model([1.0, -2.0]).data
    one = MLP(1, [1])
    assert one(2.0).data == one([2.0]).data


def test_wrong_number_of_inputs_is_said():
    with pytest.raises(ValueError, match=r"ReLUNeuron\(2\) got 3 inputs; give 2"):
        MLP(2, [2, 1])([1.0, 2.0, 3.0])


def test_neuron_can_be_drawn():
    neuron = Neuron(2)
    for value, name in zip(neuron.parameters(), ("w1", "w2", "b"), strict=True):
        value.label = name
    out = neuron([Value(1.0, label="x1"), Value(-2.0, label="x2")])
    out.backward()
    picture = svg(out, unfolded=True)
    assert all(name in picture for name in ("w1", "w2", "x1", "x2", "relu"))
