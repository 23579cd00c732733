import copy
import json
import pickle
from math import erf, sqrt

import numpy as np
import pytest

from tinygrad_hw.nn import Dense, Sequential, initializers
from tinygrad_hw.nn.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)

SHAPE = (784, 128)
SIZE = 784 * 128


def phi(z):
    return 0.5 * (1 + np.vectorize(erf)(z / sqrt(2)))


def truncated(z):
    """The normal distribution cut off at two standard deviations."""
    return np.clip((phi(z) - phi(-2.0)) / (phi(2.0) - phi(-2.0)), 0, 1)


# Variance of a normal distribution cut off at ±2, from the textbook: 1 - 4·φ(2) / (2Φ(2) - 1).
CUT_STDDEV = sqrt(1 - 4 * np.exp(-2.0) / sqrt(2 * np.pi) / erf(2 / sqrt(2)))

# The initializer, the variance asked for, and the distribution's own function.
CASES = {
    "glorot_uniform": (GlorotUniform, 2 / 912, lambda w: (w / sqrt(6 / 912) + 1) / 2),
    "glorot_normal": (GlorotNormal, 2 / 912, lambda w: truncated(w / sqrt(2 / 912) * CUT_STDDEV)),
    "he_uniform": (HeUniform, 2 / 784, lambda w: (w / sqrt(6 / 784) + 1) / 2),
    "he_normal": (HeNormal, 2 / 784, lambda w: truncated(w / sqrt(2 / 784) * CUT_STDDEV)),
    "lecun_uniform": (LecunUniform, 1 / 784, lambda w: (w / sqrt(3 / 784) + 1) / 2),
    "lecun_normal": (LecunNormal, 1 / 784, lambda w: truncated(w / sqrt(1 / 784) * CUT_STDDEV)),
    "random_normal": (RandomNormal, 0.05**2, lambda w: phi(w / 0.05)),
    "random_uniform": (RandomUniform, 0.1**2 / 12, lambda w: (w / 0.05 + 1) / 2),
    "truncated_normal": (TruncatedNormal, (0.05 * CUT_STDDEV) ** 2, lambda w: truncated(w / 0.05)),
    "variance_scaling": (
        lambda seed=None: VarianceScaling(3.0, "fan_out", "untruncated_normal", seed),
        3 / 128,
        lambda w: phi(w / sqrt(3 / 128)),
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    kind, variance, distribution = CASES[request.param]
    return kind(seed=1)(SHAPE).ravel(), variance, distribution


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
    largest = np.abs(kind(seed=2)(SHAPE)).max()
    assert 0.995 * limit < largest <= limit * (1 + 1e-6)


def test_random_normal_is_not_truncated():
    beyond = np.abs(RandomNormal(seed=3)(SHAPE)) > 2 * 0.05
    assert beyond.mean() == pytest.approx(0.0455, abs=0.003)


def test_random_normal_has_the_mean_and_deviation_given_whatever_the_shape():
    wide = RandomNormal(mean=3.0, stddev=0.1, seed=3)((1, 4000))
    assert wide.mean() == pytest.approx(3, abs=4 * 0.1 / sqrt(4000))
    assert wide.std() == pytest.approx(0.1, rel=0.05)


def test_he_looks_at_the_fan_in_and_glorot_at_both_fans():
    tall, flat = (2000, 10), (10, 2000)
    assert HeNormal(1)(tall).std() == pytest.approx(sqrt(2 / 2000), rel=0.03)
    assert HeNormal(1)(flat).std() == pytest.approx(sqrt(2 / 10), rel=0.03)
    for kind in (GlorotNormal, GlorotUniform):
        for shape in (tall, flat):
            assert kind(1)(shape).std() == pytest.approx(sqrt(2 / 2010), rel=0.03)


@pytest.mark.parametrize("kind", [*(case[0] for case in CASES.values()), Orthogonal])
class TestSeeds:
    @pytest.mark.parametrize("seed", [0, 5])
    def test_one_of_its_own_gives_the_same_weights_anywhere(self, kind, seed):
        initializer = kind(seed=seed)
        first, second = (
            initializer((6, 4), generator=np.random.default_rng(model)) for model in (0, 1)
        )
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, kind(seed=seed)((6, 4)))
        assert not np.array_equal(first, kind(seed=6)((6, 4)))

    def test_one_of_its_own_leaves_the_models_generator_alone(self, kind):
        generator = np.random.default_rng(0)
        kind(seed=5)((6, 4), generator=generator)
        assert generator.random() == np.random.default_rng(0).random()

    def test_without_one_the_models_generator_decides(self, kind):
        once, again, other = (
            kind()((6, 4), generator=np.random.default_rng(seed)) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(once, again)
        assert not np.array_equal(once, other)

    def test_without_one_two_draws_differ(self, kind):
        generator, initializer = np.random.default_rng(1), kind()
        first, second = [initializer((6, 4), generator=generator) for _ in range(2)]
        assert not np.array_equal(first, second)

    def test_draws_float32_of_the_shape_asked_for(self, kind):
        drawn = kind(seed=1)((6, 4))
        assert (drawn.shape, drawn.dtype) == ((6, 4), np.float32)


def test_keras_defaults():
    assert vars(RandomNormal()) == {"mean": 0.0, "stddev": 0.05, "seed": None}
    assert type(Dense(3).kernel_initializer) is GlorotUniform


@pytest.mark.parametrize("name", [name for name in CASES if name != "variance_scaling"])
def test_a_name_an_instance_and_any_function_serve_a_layer(name):
    kind = CASES[name][0]

    def kernel(initializer):
        model = Sequential(
            [Dense(4, "relu", kernel_initializer=initializer, input_shape=(6,))], seed=9
        )
        return model.get_weights()[0]

    np.testing.assert_array_equal(kernel(name), kernel(kind()))
    np.testing.assert_array_equal(kernel(kind(seed=5)), kind(seed=5)((6, 4)))
    np.testing.assert_array_equal(
        kernel(lambda shape, dtype: np.full(shape, 0.5, dtype)), np.full((6, 4), 0.5)
    )


OBJECTS = [
    *(HeNormal(seed=2), GlorotNormal(), RandomNormal(0.0, 0.1, seed=3), Constant(0.5), Zeros()),
    *(VarianceScaling(2.0, "fan_avg", "uniform", seed=1), Orthogonal(2.0), Ones(), Identity(3.0)),
    *(TruncatedNormal(1.0, 0.1), RandomUniform(0, 1), HeUniform(), GlorotUniform(4)),
    *(LecunNormal(5), LecunUniform()),
]


@pytest.mark.parametrize("initializer", OBJECTS, ids=repr)
def test_repr_and_configuration_show_how_to_make_it_again(initializer):
    config = json.loads(json.dumps(initializers.serialize(initializer)))
    for again in (
        eval(repr(initializer)),
        initializers.get(config),
        initializers.deserialize(config),
        type(initializer).from_config(initializer.get_config()),
        copy.deepcopy(initializer),
        pickle.loads(pickle.dumps(initializer)),
    ):
        assert type(again) is type(initializer)
        assert vars(again) == vars(initializer)


def test_every_one_has_its_names():
    known = {type(x) for x in OBJECTS}
    for kind in known:
        assert type(initializers.get(kind)) is type(initializers.get(kind.__name__)) is kind
    names = {"normal": RandomNormal, "uniform": RandomUniform, "one": Ones, "zero": Zeros}
    for name, kind in {**names, "he_normal": HeNormal, "lecun_uniform": LecunUniform}.items():
        assert type(initializers.get(name)) is kind


class TestShapes:
    @pytest.mark.parametrize("shape", [(), (5,), (2, 3), (3, 4, 5), (3, 3, 2, 7), (0, 4)])
    def test_any_number_of_dimensions(self, shape):
        for initializer in OBJECTS:
            if len(shape) == 2 or not isinstance(initializer, Identity | Orthogonal):
                assert initializer(shape).shape == initializer(list(shape)).shape == shape
                for dtype in (np.float16, np.float32, np.float64):
                    assert initializer(shape, dtype).dtype == dtype

    @pytest.mark.parametrize(
        ("kind", "variance"),
        [
            (GlorotNormal, 2 / (9 * 20 + 9 * 60)),
            (HeNormal, 2 / (9 * 20)),
            (LecunUniform, 1 / (9 * 20)),
            (lambda seed: VarianceScaling(mode="fan_out", seed=seed), 1 / (9 * 60)),
        ],
    )
    def test_a_kernels_fans_are_those_of_its_window(self, kind, variance):
        drawn = kind(seed=1)((3, 3, 20, 60))
        assert np.var(drawn, dtype=np.float64) == pytest.approx(variance, rel=4 * sqrt(2 / 10800))

    def test_a_vectors_fans_are_its_length(self):
        assert GlorotUniform(1)((4000,)).std() == pytest.approx(sqrt(2 / 8000), rel=0.05)


class TestConstants:
    def test_the_same_everywhere(self):
        np.testing.assert_array_equal(Zeros()((2, 3)), np.zeros((2, 3)))
        np.testing.assert_array_equal(Ones()((2, 3)), np.ones((2, 3)))
        np.testing.assert_array_equal(Constant(0.25)((2, 3)), np.full((2, 3), 0.25))
        np.testing.assert_array_equal(Constant([1, 2, 3])((2, 3)), [[1, 2, 3]] * 2)
        np.testing.assert_array_equal(Identity(2)((2, 3)), [[2, 0, 0], [0, 2, 0]])

    def test_may_be_written_into(self):
        for initializer in (Zeros(), Ones(), Constant(3), Identity()):
            initializer((2, 2), np.float64)[0, 0] = 7


class TestOrthogonal:
    @pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (2, 3, 4), (3, 3, 2, 30)])
    def test_rows_or_columns_are_orthogonal(self, shape):
        drawn = Orthogonal(gain=2.0, seed=0)(shape, np.float64).reshape(-1, shape[-1])
        product = drawn @ drawn.T if drawn.shape[0] < drawn.shape[1] else drawn.T @ drawn
        np.testing.assert_allclose(product, 4 * np.eye(min(drawn.shape)), atol=1e-12)

    def test_all_directions_are_equally_likely(self):
        """Without the signs of R the first number of a matrix would be negative nearly always."""
        generator = np.random.default_rng(0)
        positive = [Orthogonal()((3, 3), generator=generator)[0, 0] > 0 for _ in range(400)]
        assert np.mean(positive) == pytest.approx(0.5, abs=4 * 0.5 / sqrt(400))


class TestOnesOwn:
    def test_a_class_has_call(self):
        class Ramp(Initializer):
            def __init__(self, start):
                self.start = start

            def __call__(self, shape, dtype=None):
                return np.arange(np.prod(shape), dtype=dtype).reshape(shape) + self.start

        ramp = Ramp(start=2)
        model = Sequential([Dense(2, "relu", kernel_initializer=ramp, input_shape=(3,))])
        np.testing.assert_array_equal(model.get_weights()[0], [[2, 3], [4, 5], [6, 7]])
        assert initializers.serialize(initializers.get(ramp)) == {
            "class_name": "Ramp",
            "config": {"start": 2},
        }

    def test_a_function_cannot_be_written_as_data(self):
        with pytest.raises(ValueError, match="is a function, which cannot be written as data"):
            initializers.serialize(initializers.get(lambda shape, dtype: np.ones(shape)))

    REFUSED = (
        (lambda: initializers.get("he"), "unknown initializer 'he'; known are constant, glorot_"),
        (
            lambda: initializers.get(3),
            "initializer should be a name, an object of Initializer or a",
        ),
        (lambda: VarianceScaling(scale=0), "VarianceScaling got scale=0, mode='fan_in'"),
        (lambda: VarianceScaling(mode="fan"), "mode='fan'.*give .* a mode of fan_in, fan_out, fan"),
        (lambda: VarianceScaling(distribution="t"), "distribution='t'.*of truncated_normal"),
        (lambda: Orthogonal()((3,)), r"Orthogonal makes matrices, got shape \(3,\)"),
        (lambda: Identity()((3,)), r"Identity makes matrices, got shape \(3,\)"),
        (lambda: Zeros()((3,), int), "weights are floating numbers; got dtype int64"),
        (
            lambda: initializers.get(lambda shape, dtype: np.ones(2))((3,)),
            r"the initializer <lambda> returned weights of shape \(2,\) for \(3,\); return an",
        ),
    )

    @pytest.mark.parametrize(("call", "words"), REFUSED)
    def test_refusals(self, call, words):
        with pytest.raises(ValueError, match=words):
            call()
