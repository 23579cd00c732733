"""What a Keras user calls: gradients beside parameters, names, configurations."""

import copy
import json
import pickle

import numpy as np
import pytest

from tinygrad_hw import capture
from tinygrad_hw.engine import Value
from tinygrad_hw.nn import optimizers
from tinygrad_hw.nn.optimizers import OPTIMIZERS, SGD, Adam, Optimizer

KINDS = [*OPTIMIZERS.values()]


@pytest.mark.parametrize(
    "move",
    [
        lambda optimizer, g, w: optimizer.apply_gradients(zip(g, w, strict=True)),
        lambda optimizer, g, w: optimizer.apply(g, w),
        lambda optimizer, g, w: optimizer.apply(grads=tuple(g), trainable_variables=iter(w)),
        lambda optimizer, g, w: optimizer.apply([Value(x) for x in g], w),
    ],
    ids=["pairs", "apply", "by name", "Values"],
)
@pytest.mark.parametrize("wrap", [lambda f: f, capture], ids=["plain", "captured"])
def test_gradients_come_beside_their_parameters(move, wrap):
    w = [Value(np.ones(2)), Value(np.ones((1, 2)))]
    other = [Value(np.ones(2)), Value(np.ones((1, 2)))]
    optimizer, usual = SGD(0.5, momentum=0.5), SGD(0.5, momentum=0.5)
    step = wrap(lambda a, b: move(optimizer, [a, b], w))
    for k in range(5):
        a, b = np.array([1.0, k]), np.array([[k, 2.0]])
        step(a, b)
        other[0].grad, other[1].grad = a, b
        usual.apply(other)
        for found, expected in zip(w, other, strict=True):
            np.testing.assert_array_equal(found.data, expected.data)
    assert optimizer.iterations == 5
    assert w[0].grad is None


def test_gradients_may_be_lists_and_integers():
    w, b = Value(np.ones((1, 2))), Value(1.0)
    SGD(0.5).apply([[[1, 2]], 4], [w, b])
    np.testing.assert_array_equal(w.data, [[0.5, 0.0]])
    assert b.data == -1.0


def test_a_parameter_beside_no_gradient_stays_and_is_named():
    w, b, optimizer = Value(np.ones(2), "w"), Value(1.0, "b"), SGD(0.5)
    with pytest.warns(UserWarning, match=r"the loss does not depend on w \(2,\): no gradient, and"):
        assert optimizer.apply_gradients([(None, w), (2.0, b)]) == 1
    assert (w.data.tolist(), b.data) == ([1.0, 1.0], 0.0)


def test_nothing_to_do_is_no_step():
    optimizer = Adam()
    optimizer.apply([])
    assert optimizer.apply_gradients([]) == 0


@pytest.mark.parametrize(
    ("gradients", "parameters", "error", "message"),
    [
        ([np.ones(3)], "w", ValueError, r"w of shape \(2,\) got a gradient of shape \(3,\)"),
        ([1.0], "w", ValueError, r"w of shape \(2,\) got a gradient of shape \(\)"),
        ([np.ones(2)] * 2, "w", ValueError, r"got 2 gradients for 1 parameters"),
        ([np.ones(2)] * 2, "ww", ValueError, r"a parameter is given twice, with a gradient each"),
        ([np.ones(2)], None, TypeError, r"expected parameters, got ndarray; gradients come with"),
    ],
    ids=["a shape", "a number", "too many", "twice", "no parameters"],
)
def test_gradients_that_do_not_fit_are_refused_and_nothing_is_changed(
    gradients, parameters, error, message
):
    w = Value(np.ones(2), "w")
    with pytest.raises(error, match=message):
        SGD().apply(gradients, parameters and [w for _ in parameters])
    np.testing.assert_array_equal(w.data, 1.0)


# --- Names and configurations ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_get_finds_an_optimizer_by_its_name_in_any_letters(kind):
    for name in (kind.__name__, kind.__name__.lower(), kind.__name__.upper()):
        made = optimizers.get(name)
        assert type(made) is kind
        assert made.get_config() == kind().get_config()
    assert optimizers.get(made) is made


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        (
            "adadelta",
            r"unknown class_name 'adadelta'; known are sgd, rmsprop, adagrad, adam, adamw",
        ),
        ({"class_name": "Ftrl", "config": {}}, r"unknown class_name 'Ftrl'; known are sgd"),
        ({}, r"unknown class_name None; known are sgd"),
        (None, r"expected an optimizer or a name of one, got None"),
        (0.1, r"expected an optimizer or a name of one, got 0.1"),
        (Adam, r"got <class 'tinygrad_hw.nn.optimizers.rules.Adam'>; make one with \(\)"),
    ],
    ids=["a name", "a dict", "no name", "None", "a number", "a class"],
)
def test_what_is_no_optimizer_is_refused(identifier, message):
    with pytest.raises(ValueError, match=message):
        optimizers.get(identifier)


@pytest.mark.parametrize("kind", KINDS)
def test_an_optimizer_is_made_anew_from_json(kind):
    made = kind(0.25, clipnorm=2.0, use_ema=True, ema_overwrite_frequency=3, name="mine")
    written = json.loads(json.dumps(optimizers.serialize(made)))
    assert written["class_name"] == kind.__name__
    again = optimizers.get(written)
    assert type(again) is kind
    assert again.get_config() == made.get_config() == written["config"]
    assert again.get_config()["ema_overwrite_frequency"] == 3


class Scaled(SGD):
    """An optimizer of the user's own, with an argument more."""

    def __init__(self, learning_rate=0.01, scale=2.0, *more, **options):
        super().__init__(learning_rate, 0.5, *more, **options)
        self.scale = scale

    def rule(self, parameter, gradient, steps, *states):
        return super().rule(parameter, gradient * self.scale, steps, *states)


def test_an_optimizer_of_ones_own_takes_what_all_take_and_is_made_anew():
    made = Scaled(0.25, 3.0, weight_decay=0.5)
    config = made.get_config()
    assert (config["scale"], config["weight_decay"], config["momentum"]) == (3.0, 0.5, 0.5)
    del config["momentum"]
    again = optimizers.deserialize({"class_name": "Scaled", "config": config}, {"Scaled": Scaled})
    w = Value(np.ones(2))
    w.grad = np.ones(2)
    again.apply([w])
    np.testing.assert_array_equal(w.data, 1.0 - 0.25 * 0.5 - 0.25 * 3.0)
    message = r"\{'class_name': 'Wrong', 'config': \{\}\} is of no optimizer"
    with pytest.raises(ValueError, match=message):
        optimizers.deserialize({"class_name": "Wrong", "config": {}}, {"Wrong": Made})


class Made:
    @classmethod
    def from_config(cls, config):
        return cls()


def test_an_optimizer_without_a_rule_is_none():
    class Ruleless(Optimizer):
        pass

    with pytest.raises(TypeError, match=r"abstract .*rule"):
        Ruleless(0.1)


# --- States ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_goes_on_where_the_optimizer_is(kind, duplicate):
    options = {"use_ema": True, "ema_overwrite_frequency": 2, "weight_decay": 0.1, "clipnorm": 1.0}
    w, b, optimizer = Value(np.ones(3), "w"), Value(np.ones(2), "b"), kind(0.05, **options)
    optimizer.exclude_from_weight_decay([b])
    rng = np.random.default_rng(0)

    def move(optimizer, parameters, gradients):
        for p, g in zip(parameters, gradients, strict=True):
            p.grad = g
        optimizer.apply(parameters)

    for _ in range(3):
        move(optimizer, [w, b], [rng.normal(size=3), rng.normal(size=2)])
    twin, parameters = duplicate((optimizer, [w, b]))
    for _ in range(3):
        gradients = [rng.normal(size=3), rng.normal(size=2)]
        move(optimizer, [w, b], gradients)
        move(twin, parameters, gradients)
    np.testing.assert_array_equal(parameters[0].data, w.data)
    np.testing.assert_array_equal(parameters[1].data, b.data)
    assert twin.iterations == optimizer.iterations == 6
    assert twin.get_config() == optimizer.get_config()


@pytest.mark.parametrize("kind", KINDS)
def test_a_reset_optimizer_is_a_new_one(kind):
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(8, 3))
    w, used = Value(np.ones(3)), kind(0.05, use_ema=True)
    for g in gradients[:4]:
        used.apply([g], [w])
    used.reset()
    assert used.iterations == 0
    v, new = Value(np.array(w.data)), kind(0.05, use_ema=True)
    for g in gradients[4:]:
        used.apply([g], [w])
        new.apply([g], [v])
    np.testing.assert_array_equal(w.data, v.data)
    for optimizer, p in ((used, w), (new, v)):
        optimizer.finalize_variable_values([p])
    np.testing.assert_array_equal(w.data, v.data)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in (SGD, Adam)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mean_that_fades_ends_at_zero(kind, dtype):
    """It never stays among the subnormal numbers, with which processors are so slow."""
    fading = {"RMSprop": {"rho": 0.5, "momentum": 0.5, "centered": True}, "Adagrad": {}}
    betas = {"beta_1": 0.5} | ({"beta_2": 0.5} if kind.__name__ == "Lion" else {})
    optimizer = kind(0.1, **fading.get(kind.__name__, betas))
    w, tiny = Value(np.zeros(600, dtype)), np.finfo(dtype).tiny
    for step in range(1200):
        optimizer.apply([np.linspace(-1, 1, 600, dtype=dtype) * (step == 0)], [w])
    growing = ("second", "squares")
    means = [x for x in optimizer.variables if x.shape and x.label not in growing]
    for mean in means:
        assert not np.any((mean.data != 0) & (np.abs(mean.data) < tiny)), mean.label
        assert not mean.data.any(), mean.label
    assert len(means) == {"RMSprop": 3, "Adagrad": 0}.get(kind.__name__, 1)
    assert w.data.any()
