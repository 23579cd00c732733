"""Every rule and every setting against the published rules, over drawn sequences of gradients."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_rules import Published

from tinygrad_hw import capture
from tinygrad_hw.engine import Value
from tinygrad_hw.nn import optimizers
from tinygrad_hw.nn.flat_parameters import FlatParameters

KINDS = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"nesterov": True}],
    "RMSprop": [{}, {"momentum": 0.8, "rho": 0.7}, {"centered": True}, {"epsilon": 1e-2}],
    "Adagrad": [{}, {"initial_accumulator_value": 0.0, "epsilon": 1e-3}],
    "Adam": [{}, {"amsgrad": True, "beta_2": 0.5}, {"epsilon": 1e-2, "beta_1": 0.5}],
    "AdamW": [{}, {"weight_decay": 0.1, "amsgrad": True}],
    "Nadam": [{}, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}],
    "Lion": [{}, {"beta_1": 0.5, "beta_2": 0.9}],
}
KINDS["RMSprop"].append({"momentum": 0.5, "centered": True, "rho": 0.5})
CASES = [(kind, case) for kind, cases in KINDS.items() for case in cases]
BASE = [
    {"weight_decay": 0.05},
    {"clipnorm": 0.5},
    {"clipvalue": 0.1},
    {"global_clipnorm": 0.5},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
    {"weight_decay": 0.1, "global_clipnorm": 0.3, "use_ema": True, "ema_overwrite_frequency": 2},
]
PLAIN, CAPTURED = (lambda f: f), (lambda f: capture(f, jit=False))
wraps = pytest.mark.parametrize("wrap", [PLAIN, CAPTURED], ids=["plain", "captured"])


def start(dtype=np.float64, flat=False):
    rng = np.random.default_rng(5)
    data = {"a/kernel": rng.normal(size=(3, 2)), "a/bias": rng.normal(size=2), "s": rng.normal()}
    data["b/kernel"] = rng.normal(size=(2, 2))
    parameters = {
        name: Value(x.astype(dtype) if np.ndim(x) else float(x), name) for name, x in data.items()
    }
    data = {name: np.array(p.raw, np.float64) for name, p in parameters.items()}
    if flat:
        FlatParameters(p for p in parameters.values() if p.shape)
    return parameters, data


def follow(optimizer, reference, wrap, steps, dtype=np.float64, flat=False, present=None, seed=0):
    """Take steps with both; yield parameters, and what the published rule makes of them."""
    parameters, data = start(dtype, flat)
    rng = np.random.default_rng(seed)
    update = wrap(lambda: optimizer.apply(parameters.values()))
    only = wrap(lambda some: optimizer.apply([parameters[name] for name in some]))
    for t in range(steps):
        drawn = {
            name: rng.normal(size=x.shape) * 10.0 ** rng.integers(-2, 2) for name, x in data.items()
        }
        for name, p in parameters.items():
            p.grad = drawn[name].astype(dtype) if p.shape else float(drawn[name])
            drawn[name] = np.array(p.grad, np.float64)
        names = sorted(present[t]) if present else list(data)
        update() if present is None else only(names)
        data = reference.step(data, {name: drawn[name] for name in data if name in names})
        yield parameters, data


def assert_close(parameters, data, dtype):
    close = 1e-11 if dtype == np.float64 else 3e-5
    for name, p in parameters.items():
        np.testing.assert_allclose(p.raw, data[name], close, close, err_msg=name)
        assert p.dtype == (dtype if p.shape else np.float64)


@wraps
@pytest.mark.parametrize("flat", [False, True], ids=["apart", "flat"])
@pytest.mark.parametrize(("kind", "case"), CASES, ids=str)
def test_rules_are_the_published_ones(kind, case, flat, wrap):
    optimizer = getattr(optimizers, kind)(0.05, **case)
    for each in follow(optimizer, Published(kind, 0.05, **case), wrap, 12, flat=flat):
        assert_close(*each, np.float64)


@wraps
@pytest.mark.parametrize(("kind", "case"), CASES, ids=str)
def test_rules_are_the_published_ones_in_float32(kind, case, wrap):
    optimizer = getattr(optimizers, kind)(0.01, **case)
    steps = follow(optimizer, Published(kind, 0.01, **case), wrap, 12, np.float32, flat=True)
    for parameters, data in steps:
        assert_close(parameters, data, np.float32)
    arrays = [x for x in optimizer.variables if x.shape]
    assert {x.dtype for x in arrays} == {np.dtype(np.float32)}


@wraps
@pytest.mark.parametrize("flat", [False, True], ids=["apart", "flat"])
@pytest.mark.parametrize("base", BASE, ids=str)
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_what_all_optimizers_share(kind, base, flat, wrap):
    reference = Published(kind, 0.05, **base)
    optimizer = getattr(optimizers, kind)(0.05, **base)
    for parameters, data in follow(optimizer, reference, wrap, 9, flat=flat):
        assert_close(parameters, data, np.float64)
    optimizer.finalize_variable_values(parameters.values())
    assert_close(parameters, reference.averages or data, np.float64)


@settings(deadline=None, derandomize=True, database=None, max_examples=40)
@given(st.data())
def test_drawn_settings_and_parameters(data):
    """Any optimizer with any of the shared settings; each step moves some of the parameters."""
    kind, case = data.draw(st.sampled_from(CASES))
    base = data.draw(st.sampled_from(BASE))
    options = case | base
    names = [*start()[1]]
    present = data.draw(
        st.lists(st.frozensets(st.sampled_from(names), min_size=1), min_size=1, max_size=9)
    )
    optimizer = getattr(optimizers, kind)(0.05, **options)
    reference, wrap = (
        Published(kind, 0.05, **options),
        data.draw(st.sampled_from([PLAIN, CAPTURED])),
    )
    flat, seed = data.draw(st.booleans()), data.draw(st.integers(0, 9))
    for each in follow(
        optimizer, reference, wrap, len(present), flat=flat, present=present, seed=seed
    ):
        assert_close(*each, np.float64)
    assert optimizer.iterations == len(present)


@wraps
@pytest.mark.parametrize("flat", [False, True], ids=["apart", "flat"])
def test_weight_decay_spares_what_is_excluded(flat, wrap):
    optimizer = optimizers.SGD(0.1, momentum=0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias", "^s$"])
    decaying = lambda name: name.endswith("kernel")  # noqa: E731
    reference = Published("SGD", 0.1, decaying, momentum=0.5, weight_decay=0.5)
    for each in follow(optimizer, reference, wrap, 6, flat=flat):
        assert_close(*each, np.float64)


def test_weight_decay_spares_a_list_and_goes_by_the_last_part_of_a_label():
    dense, other = Value(np.ones(2), "bias_layer/kernel"), Value(np.ones(2), "b/kernel")
    optimizer = optimizers.AdamW(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([other], ["bias"])
    dense.grad = other.grad = np.zeros(2)
    optimizer.apply([dense, other])
    np.testing.assert_array_equal(dense.data, 0.75)
    np.testing.assert_array_equal(other.data, 1.0)
    with pytest.raises(ValueError, match=r"comes before the first step, and before compile: adamw"):
        optimizer.exclude_from_weight_decay([dense])


def test_a_gradient_whose_norm_is_within_the_limit_is_left_as_it_is():
    for option in ("clipnorm", "global_clipnorm", "clipvalue"):
        w = Value(np.array([0.0, 0.0]))
        w.grad = np.array([3.0, -4.0])
        optimizers.SGD(1.0, **{option: 5.0}).apply([w])
        np.testing.assert_array_equal(w.data, [-3.0, 4.0])


@pytest.mark.parametrize("option", ["clipnorm", "global_clipnorm"])
def test_no_gradient_at_all_has_a_norm_of_zero(option):
    w, s = Value(np.ones(2)), Value(1.0)
    w.grad, s.grad = np.zeros(2), 0.0
    optimizers.SGD(1.0, **{option: 5.0}).apply([w, s])
    assert w.data.tolist() == [1.0, 1.0]
    assert s.data == 1.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_norm_does_not_overflow_in_the_dtype_of_half_precision(dtype):
    w = Value(np.zeros(4, dtype))
    w.grad = np.full(4, 300.0, dtype)  # of which the square is no float16
    optimizers.SGD(1.0, clipnorm=1.0).apply([w])
    np.testing.assert_allclose(w.data, -0.5)


def test_averages_are_given_to_parameters_at_the_end_and_to_no_others():
    w, unused, foreign = Value(np.ones(1)), Value(np.ones(1)), Value(np.ones(1))
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    optimizer.build([w, unused])
    for _ in range(2):
        w.grad = np.ones(1)
        optimizer.apply([w])
    optimizer.finalize_variable_values([w, unused, foreign])
    assert (w.data, unused.data, foreign.data) == (-0.5, 1.0, 1.0)
    without = optimizers.SGD(1.0)
    without.apply([w])
    without.finalize_variable_values([w])
    assert w.data == -1.5


# --- Arguments ------------------------------------------------------------------------------------

SHARED = [
    *("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum"),
    *("ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "name"),
]
OWN = {  # from Keras's documentation
    "SGD": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "RMSprop": {
        "learning_rate": 0.001,
        "rho": 0.9,
        "momentum": 0.0,
        "epsilon": 1e-7,
        "centered": False,
    },
    "Adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "Adam": {
        "learning_rate": 0.001,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "amsgrad": False,
    },
    "AdamW": {
        "learning_rate": 0.001,
        "weight_decay": 0.004,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "amsgrad": False,
    },
    "Nadam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "Lion": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
}


@pytest.mark.parametrize("kind", OWN)
def test_arguments_and_defaults_are_keras(kind):
    made = getattr(optimizers, kind)
    arguments = inspect.signature(made).parameters
    assert [*arguments] == [*OWN[kind], *(name for name in SHARED if name not in OWN[kind])]
    defaults = dict.fromkeys(SHARED) | {"use_ema": False, "ema_momentum": 0.99} | OWN[kind]
    assert {name: p.default for name, p in arguments.items()} == defaults
    assert made().get_config() == defaults | {"name": kind.lower()}
    more = [0.5] if kind == "AdamW" else [0.25, 0.5]  # weight_decay, clipnorm
    by_position = made(*OWN[kind].values(), *more)
    assert by_position.clipnorm == 0.5
    assert by_position.weight_decay == (0.004 if kind == "AdamW" else 0.25)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss_scale_factor": 2.0}, r"loss_scale_factor=2.0 is Keras's; there is none here"),
        ({"gradient_accumulation_steps": 4}, r"gradient_accumulation_steps=4 is Keras's; there is"),
        ({"clipnorm": 1.0, "clipvalue": 2.0}, r"give one of clipnorm and clipvalue: gradients are"),
        ({"clipnorm": 0.0}, r"clipnorm should be above 0.0, got 0.0"),
        ({"clipvalue": -1.0}, r"clipvalue should be above 0.0, got -1.0"),
        ({"global_clipnorm": np.nan}, r"global_clipnorm should be above 0.0, got nan"),
        ({"ema_momentum": 1.5}, r"ema_momentum should be from 0.0 to 1.0, got 1.5"),
        ({"ema_overwrite_frequency": 0}, r"ema_overwrite_frequency should be 1, 2, ... or None"),
        ({"ema_overwrite_frequency": 2.5}, r"ema_overwrite_frequency should be 1, 2, ... or None"),
        ({"momentum": 1.5}, r"momentum should be from 0.0 to 1.0, got 1.5"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        optimizers.SGD(0.1, **arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.AdamW(weight_decay=None), r"AdamW needs a number as weight_decay"),
        (lambda: optimizers.Lion(beta_1=0.0), r"beta_1 should be above 0.0, got 0.0"),
        (lambda: optimizers.Adagrad(initial_accumulator_value=-1.0), r"should be from 0.0 to inf"),
    ],
    ids=["AdamW", "Lion", "Adagrad"],
)
def test_settings_of_one_optimizer_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.SGD("fast"), r"learning_rate should be a number, got 'fast'"),
        (lambda: optimizers.SGD(None), r"learning_rate should be a number, got None"),
        (lambda: optimizers.SGD(lambda: 0.1), r"learning_rate should be a number, got <function"),
        (lambda: optimizers.SGD([0.1, 0.2]), r"learning_rate should be a number, got \[0.1, 0.2\]"),
        (lambda: optimizers.Adam(beta_1=None), r"beta_1 should be a number, got None"),
        (lambda: optimizers.SGD(lr=0.1), r"unexpected keyword argument 'lr'"),
    ],
    ids=["a word", "None", "a function", "a list", "another number", "an unknown argument"],
)
def test_what_is_no_number_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize(
    ("optimizer", "name", "new", "message"),
    [
        (optimizers.SGD(), "nesterov", True, r"nesterov of this SGD is False for good, since it"),
        (optimizers.SGD(), "weight_decay", 0.1, r"weight_decay of this SGD is None for good"),
        (
            optimizers.SGD(clipnorm=1),
            "clipnorm",
            None,
            r"clipnorm of this SGD is a number for good",
        ),
        (optimizers.RMSprop(), "momentum", 0.5, r"make a new RMSprop\(momentum=0.5\)"),
        (
            optimizers.RMSprop(momentum=0),
            "momentum",
            0.5,
            r"momentum of this RMSprop is 0 for good",
        ),
        (optimizers.Adam(), "amsgrad", True, r"amsgrad of this Adam is False for good, since it"),
    ],
)
def test_what_decides_how_steps_are_computed_is_not_changed_later(optimizer, name, new, message):
    old = getattr(optimizer, name)
    with pytest.raises(TypeError, match=message):
        setattr(optimizer, name, new)
    assert getattr(optimizer, name) == old
    setattr(optimizer, name, old)


@wraps
def test_every_number_may_be_changed_between_steps(wrap):
    changes = {"weight_decay": 0.5, "clipnorm": 0.1, "ema_momentum": 0.5, "momentum": 0.25}
    optimizer = optimizers.SGD(0.1, 0.9, False, 0.1, 1.0, use_ema=True)
    reference = Published(
        "SGD", 0.1, momentum=0.9, weight_decay=0.1, clipnorm=1.0, use_ema=True, ema_momentum=0.99
    )
    for t, each in enumerate(follow(optimizer, reference, wrap, 12)):
        assert_close(*each, np.float64)
        if t == 6:
            for name, number in changes.items():
                setattr(optimizer, name, number)
            reference.base |= {"weight_decay": 0.5, "clipnorm": 0.1}
            reference.ema_momentum, reference.settings["momentum"] = 0.5, 0.25
    optimizer.finalize_variable_values([*each[0].values()])
    assert_close(each[0], reference.averages, np.float64)
