from math import erf, sqrt

import numpy as np
import pytest

from tinygrad_hw.nn import (
    Dense,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    RandomNormal,
    Sequential,
)
from tinygrad_hw.nn.initializers import INITIALIZERS

SHAPE = (784, 128)
SIZE = 784 * 128


def phi(z):
    return 0.5 * (1 + np.vectorize(erf)(z / sqrt(2)))


def truncated(z):
    """The normal distribution cut off at two standard deviations."""
    return np.clip((phi(z) - phi(-2.0)) / (phi(2.0) - phi(-2.0)), 0, 1)


# Variance of a normal distribution cut off at ±2, from the textbook: 1 - 4·φ(2) / (2Φ(2) - 1).
CUT_STDDEV = sqrt(1 - 4 * np.exp(-2.0) / sqrt(2 * np.pi) / erf(2 / sqrt(2)))

# initializer, variance asked for, and the distribution's own function
CASES = {
    "glorot_uniform": (GlorotUniform, 2 / 912, lambda w: (w / sqrt(6 / 912) + 1) / 2),
    "glorot_normal": (GlorotNormal, 2 / 912, lambda w: truncated(w / sqrt(2 / 912) * CUT_STDDEV)),
    "he_normal": (HeNormal, 2 / 784, lambda w: truncated(w / sqrt(2 / 784) * CUT_STDDEV)),
    "random_normal": (RandomNormal, 0.05**2, lambda w: phi(w / 0.05)),
}


@pytest.fixture(params=CASES)
def case(request):
    kind, variance, distribution = CASES[request.param]
    return kind(seed=1)(SHAPE, None).ravel(), variance, distribution


def test_mean_is_zero_and_variance_is_the_one_asked_for(case):
    drawn, variance, _ = case
    # Four standard errors; that of a normal's variance, √(2/n), is the largest of them all.
    assert abs(np.mean(drawn, dtype=np.float64)) < 4 * sqrt(variance / SIZE)
    assert np.var(drawn, dtype=np.float64) == pytest.approx(variance, rel=4 * sqrt(2 / SIZE))


def test_follows_its_distribution_from_end_to_end(case):
    """Kolmogorov and Smirnov, at 1 in 1000: tells a plain normal from a truncated one at once."""
    drawn, _, distribution = case
    expected = distribution(np.sort(drawn).astype(np.float64))
    steps = np.arange(SIZE + 1) / SIZE
    distance = max(np.max(steps[1:] - expected), np.max(expected - steps[:-1]))
    assert distance < 1.95 / sqrt(SIZE)


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        (GlorotUniform, sqrt(6 / 912)),
        (GlorotNormal, 2 * sqrt(2 / 912) / CUT_STDDEV),
        (HeNormal, 2 * sqrt(2 / 784) / CUT_STDDEV),
    ],
)
def test_bounded_ones_reach_their_bound_and_not_beyond(kind, limit):
    largest = np.abs(kind(seed=2)(SHAPE, None)).max()
    assert 0.995 * limit < largest <= limit * (1 + 1e-6)


def test_random_normal_is_not_truncated():
    beyond = np.abs(RandomNormal(seed=3)(SHAPE, None)) > 2 * 0.05
    assert beyond.mean() == pytest.approx(0.0455, abs=0.003)


def test_random_normal_has_the_mean_and_deviation_given_whatever_the_shape():
    wide = RandomNormal(mean=3.0, stddev=0.1, seed=3)((1, 4000), None)
    assert wide.mean() == pytest.approx(3, abs=4 * 0.1 / sqrt(4000))
    assert wide.std() == pytest.approx(0.1, rel=0.05)


def test_he_looks_at_the_fan_in_and_glorot_at_both_fans():
    tall, flat = (2000, 10), (10, 2000)
    assert HeNormal(1)(tall, None).std() == pytest.approx(sqrt(2 / 2000), rel=0.03)
    assert HeNormal(1)(flat, None).std() == pytest.approx(sqrt(2 / 10), rel=0.03)
    for kind in (GlorotNormal, GlorotUniform):
        for shape in (tall, flat):
            assert kind(1)(shape, None).std() == pytest.approx(sqrt(2 / 2010), rel=0.03)


@pytest.mark.parametrize("kind", [case[0] for case in CASES.values()])
class TestSeeds:
    @pytest.mark.parametrize("seed", [0, 5])
    def test_one_of_its_own_gives_the_same_weights_anywhere(self, kind, seed):
        initializer = kind(seed=seed)
        first, second = (initializer((6, 4), np.random.default_rng(model)) for model in (0, 1))
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, kind(seed=seed)((6, 4), None))
        assert not np.array_equal(first, kind(seed=6)((6, 4), None))

    def test_one_of_its_own_leaves_the_models_generator_alone(self, kind):
        generator = np.random.default_rng(0)
        kind(seed=5)((6, 4), generator)
        assert generator.random() == np.random.default_rng(0).random()

    def test_without_one_the_models_generator_decides(self, kind):
        once, again, other = (kind()((6, 4), np.random.default_rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(once, again)
        assert not np.array_equal(once, other)

    def test_without_one_two_draws_differ(self, kind):
        generator, initializer = np.random.default_rng(1), kind()
        assert not np.array_equal(initializer((6, 4), generator), initializer((6, 4), generator))

    def test_draws_float32_of_the_shape_asked_for(self, kind):
        drawn = kind(seed=1)((6, 4), None)
        assert (drawn.shape, drawn.dtype) == ((6, 4), np.float32)


def test_the_homeworks_four_are_known_by_keras_names():
    assert {name: type(known) for name, known in INITIALIZERS.items()} == {
        name: kind for name, (kind, *_) in CASES.items()
    }


def test_keras_defaults():
    assert vars(RandomNormal()) == {"mean": 0.0, "stddev": 0.05, "seed": None}
    assert type(Dense(3).kernel_initializer) is GlorotUniform


@pytest.mark.parametrize("name", CASES)
def test_a_name_an_instance_and_any_function_serve_a_layer(name):
    kind = CASES[name][0]

    def kernel(initializer):
        model = Sequential(
            [Dense(4, "relu", kernel_initializer=initializer, input_shape=(6,))], seed=9
        )
        return model.get_weights()[0]

    np.testing.assert_array_equal(kernel(name), kernel(kind()))
    np.testing.assert_array_equal(kernel(kind(seed=5)), kind(seed=5)((6, 4), None))
    np.testing.assert_array_equal(
        kernel(lambda shape, dtype: np.full(shape, 0.5, dtype)), np.full((6, 4), 0.5)
    )


def test_repr_shows_how_to_make_it_again():
    for initializer in (HeNormal(seed=2), GlorotNormal(), RandomNormal(0.0, 0.1, seed=3)):
        assert vars(eval(repr(initializer))) == vars(initializer)
