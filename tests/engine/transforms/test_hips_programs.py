"""Small models as one writes them for HIPS autograd, run by both: only the imports differ.

Each is an objective over NumPy's names, given as a module ``m``, and the parameters to start from.
HIPS autograd knows nothing of ours, so equal numbers along a whole descent are right ones.
"""

import itertools

import autograd
import autograd.misc
import autograd.numpy as hips
import numpy as np
import pytest

import tinygrad_hw
from tinygrad_hw import capture, check_grads, grad, hessian_vector_product

random = np.random.default_rng(20)
POINTS = random.normal(size=(12, 3))
LABELS = (POINTS @ [1.0, -2.0, 0.5] + 0.3 * random.normal(size=12) > 0) * 1.0
CLASSES = np.eye(3)[random.integers(3, size=12)]
TIMES = np.linspace(-2.0, 2.0, 9)
LETTERS = np.eye(4)[[0, 1, 2, 1, 3, 3, 0, 2]]
NOISE = random.normal(size=(20, 2))


def layers(*sizes):
    """Weights and biases, as a list of pairs."""
    random = np.random.default_rng(sizes)
    return [
        (random.normal(size=(n, k)) / np.sqrt(n), 0.1 * random.normal(size=k))
        for n, k in itertools.pairwise(sizes)
    ]


def network(m, parameters, inputs):
    for weights, bias in parameters:
        outputs = m.dot(inputs, weights) + bias
        inputs = m.tanh(outputs)
    return outputs


def logsumexp(m, x, axis, keepdims=False):
    top = m.max(x, axis=axis, keepdims=True)
    total = m.log(m.sum(m.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else m.squeeze(total, axis=axis)


def log_normal(m, x, mean, scale):
    return -0.5 * ((x - mean) / scale) ** 2 - m.log(scale) - 0.5 * m.log(2 * m.pi)


def logistic_regression(m):
    def objective(weights):
        right = 0.5 * (m.tanh(m.dot(POINTS, weights) / 2.0) + 1)
        return -m.sum(m.log(right * LABELS + (1 - right) * (1 - LABELS)))

    return objective, np.zeros(3)


def classifier(m):
    def objective(parameters):
        scores = network(m, parameters, POINTS)
        likelihood = m.sum((scores - logsumexp(m, scores, 1, keepdims=True)) * CLASSES)
        return 0.01 * sum([m.sum(w**2) + m.sum(b**2) for w, b in parameters]) - likelihood

    return objective, layers(3, 5, 3)


def curved_valley(m):
    def objective(x):
        return m.sum(10.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2) / 100

    return objective, np.array([-0.8, 0.4, 1.3, -0.2])


def sine_by_its_series(m):
    def sine(x):
        total = term = x
        n = 1
        while m.max(m.abs(term)) > 1e-12:  # how often depends on x
            term = -term * x * x / ((n + 1) * (n + 2))
            total = total + term
            n += 2
        return total

    return lambda x: m.sum(sine(x) * m.sin(2 * x)), np.array([0.3, -1.1, 2.0])


def variational_gaussian(m):
    def log_density(z):
        return log_normal(m, z[:, 1], 0.0, 1.35) + log_normal(m, z[:, 0], 0.0, m.exp(z[:, 1]))

    def objective(parameters):
        mean, log_scale = parameters["mean"], parameters["log scale"]
        samples = NOISE * m.exp(log_scale) + mean
        return -m.sum(log_scale) - m.mean(log_density(samples))

    return objective, {"mean": -np.ones(2), "log scale": -np.ones(2)}


def mixture_of_gaussians(m):
    def objective(parameters):
        weights = parameters["weights"] - logsumexp(m, parameters["weights"], 0)
        parts = [
            weights[k] + m.sum(log_normal(m, POINTS, mean, m.exp(scale)), axis=1)
            for k, (mean, scale) in enumerate(parameters["parts"])
        ]
        return -m.sum(logsumexp(m, m.stack(parts), 0)) / 10

    parts = [(np.array([k, 0.5, -k]), np.zeros(3)) for k in (-0.5, 0.3)]
    return objective, {"weights": np.array([0.1, -0.2]), "parts": parts}


def recurrent_net(m):
    def objective(parameters):
        (change, bias), (predict, offset) = parameters
        hidden, total = 0.1 * np.ones((1, 3)), 0.0
        for now, following in itertools.pairwise(LETTERS):
            both = m.concatenate([hidden, now[None, :], np.ones((1, 1))], axis=1)
            hidden = m.tanh(m.dot(both, change) + bias)
            scores = m.dot(hidden, predict) + offset
            total = total + m.sum((scores - logsumexp(m, scores, 1, True)) * following)
        return -total

    return objective, [*layers(8, 3), *layers(3, 4)]


def differential_equation(m):
    """A network for y' along a trajectory, by Runge and Kutta's fourth-order rule."""

    def objective(parameters):
        y, h, error = m.ones((1, 2)), 0.2, 0.0
        for t in range(6):
            a = network(m, parameters, y)
            b = network(m, parameters, y + h / 2 * a)
            c = network(m, parameters, y + h / 2 * b)
            d = network(m, parameters, y + h * c)
            y = y + h / 6 * (a + 2 * b + 2 * c + d)
            error = error + m.mean(m.abs(y - [[np.cos(t * h), np.sin(t * h)]]))
        return error

    return objective, layers(2, 4, 2)


def dye_in_a_flow(m):
    """A field carried around a ring by a velocity that is to be found, with some diffusion."""
    dye, wanted = np.exp(-(TIMES**2)), np.exp(-((TIMES - 0.7) ** 2))

    def objective(velocity):
        field = dye
        for _ in range(5):
            upwind = m.where(velocity > 0, field - m.roll(field, 1), m.roll(field, -1) - field)
            spread = m.roll(field, 1) - 2 * field + m.roll(field, -1)
            field = field - 0.3 * velocity * upwind + 0.05 * spread
        return m.mean((field - wanted) ** 2)

    return objective, 0.5 * np.sin(TIMES) + 0.1


def smoke(m):
    """A field in a velocity to be found, looked up between the cells where it came from."""
    field = np.exp(-(TIMES**2))

    def objective(velocity):
        moved = field + 0 * velocity  # of what is looked up in, a captured program must know
        for _ in range(3):
            source = m.arange(9) - velocity
            left = m.mod(m.floor(source).astype(int), 9)
            share = source - m.floor(source)
            moved = (1 - share) * moved[left] + share * moved[m.mod(left + 1, 9)]
        return m.mean((moved - np.roll(field, 2)) ** 2)

    return objective, 0.5 * np.sin(TIMES) + 0.3


def gaussian_process(m):
    """The likelihood of a curve by a smooth covariance: its scale, its length and the noise."""
    curve = np.cos(2 * TIMES) + 0.1 * np.sin(17 * TIMES)

    def objective(parameters):
        scale, length, noise = [m.exp(parameters[name]) for name in ("scale", "length", "noise")]
        distances = (m.expand_dims(TIMES / length, 1) - m.expand_dims(TIMES / length, 0)) ** 2
        covariance = scale * m.exp(-0.5 * distances) + noise * np.eye(len(TIMES))
        deviation = curve - parameters["mean"]
        fit = m.dot(deviation, m.linalg.solve(covariance, deviation))
        return 0.05 * (fit + m.linalg.slogdet(covariance)[1])

    return objective, {"mean": 0.2, "scale": 0.1, "length": -0.3, "noise": -2.0}


MODELS = [
    logistic_regression, classifier, curved_valley, sine_by_its_series, variational_gaussian,
    mixture_of_gaussians, recurrent_net, differential_equation, dye_in_a_flow,
    smoke, gaussian_process,
]  # fmt: skip
of_every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def descent(model, m, grad, flatten):
    """The parameters and the gradient, as vectors, along a descent with momentum."""
    objective, start = model(m)
    x, unflatten = flatten(start)
    gradient, velocity = grad(objective), np.zeros(len(x))
    for _ in range(8):
        slope = flatten(gradient(unflatten(x)))[0]
        yield x, slope
        velocity = 0.9 * velocity - 0.1 * slope
        x = x + 0.1 * velocity


@of_every_model
def test_a_descent_is_that_of_hips_autograd(model):
    theirs = descent(model, hips, autograd.grad, autograd.misc.flatten)
    ours = descent(model, np, grad, tinygrad_hw.flatten)
    for (x, slope), (their_x, their_slope) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(slope, their_slope, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(x, their_x, rtol=1e-10, atol=1e-12)
    assert np.all(np.isfinite(slope))
    assert np.any(slope != 0)


@of_every_model
def test_a_hessian_vector_product_is_that_of_hips_autograd(model):
    objective, start = model(np)
    x, unflatten = tinygrad_hw.flatten(start)
    v = np.random.default_rng(3).normal(size=len(x))
    product = hessian_vector_product(lambda x: objective(unflatten(x)))(x, v)

    x, unflatten_theirs = autograd.misc.flatten(start)
    theirs, _ = model(hips)
    expected = autograd.hessian_vector_product(lambda x: theirs(unflatten_theirs(x)))(x, v)
    np.testing.assert_allclose(product, expected, rtol=1e-9, atol=1e-11)


@of_every_model
def test_derivatives_are_the_slopes_of_the_objective(model):
    objective, start = model(np)
    check_grads(objective, order=1)(start)


@of_every_model
def test_a_captured_gradient_is_the_gradient(model):
    objective, start = model(np)
    x, unflatten = tinygrad_hw.flatten(start)
    gradient = grad(lambda x: objective(unflatten(x)))
    captured = capture(gradient)
    for point in (x, x + 0.01, 0.9 * x):
        np.testing.assert_allclose(captured(point), gradient(point), rtol=1e-12, atol=1e-14)
