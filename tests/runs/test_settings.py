"""Settings make the networks that they describe; those of one seed see the same batches."""

from dataclasses import replace

import numpy as np
import pytest

from tinygrad_hw.nn import activations
from tinygrad_hw.nn.datasets.examples import Examples
from tinygrad_hw.runs import Settings, SettingsError, completed, grid, train, values_of
from tinygrad_hw.runs.settings import network
from tinygrad_hw.runs.training import split

RANDOM = np.random.default_rng(0)


def examples(shape=(4,), classes=3, n=40):
    y = np.arange(n) % classes
    noise = np.random.default_rng(n).normal(size=(n, *shape))
    x = (noise + 3 * y.reshape(-1, *[1] * len(shape))).astype(np.float32)
    names = tuple(f"c{i}" for i in range(classes))
    features = tuple(f"f{i}" for i in range(shape[0])) if len(shape) == 1 else None
    return Examples(x, y, None, None, names, features, "mine")


TABLE = examples()


def test_layers_are_those_of_the_text():
    model = network(Settings("4-7-5-3", activation="tanh"), TABLE)
    assert [w.shape for w in model.get_weights()] == [(4, 7), (7,), (7, 5), (5,), (5, 3), (3,)]
    assert model.layers[1].activation is activations.get("tanh")
    assert model.last_activation() == "softmax"
    assert network(Settings("4-1"), examples(classes=2)).last_activation() == "sigmoid"
    assert completed(Settings(), TABLE).layers == "4-128-3"
    assert completed(Settings(), examples((3, 5), 2)).layers == "15-128-1"


def test_a_table_is_standardized_by_column():
    x = TABLE.x * [1, 10, 100, 1000] + [0, 5, -5, 2000]
    data = replace_x(TABLE, x.astype(np.float32))
    scaled = network(Settings(), data).layers[0](data.x)
    np.testing.assert_allclose(np.asarray(scaled).mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.asarray(scaled).std(axis=0), 1, atol=1e-4)


def replace_x(data, x):
    return Examples(x, data.y, None, None, data.class_names, data.feature_names, data.source)


def test_bytes_are_divided_by_255():
    x = RANDOM.integers(0, 256, (40, 2, 3), dtype=np.uint8)
    data = Examples(x, TABLE.y, None, None, TABLE.class_names, None, "mine")
    scaled = network(Settings(), data).layers[0](x)
    np.testing.assert_allclose(np.asarray(scaled), x / 255, rtol=1e-6)


def test_initializers_are_of_the_hidden_layers_and_may_have_an_argument():
    settings = Settings("4-30-3", initializer="Constant(value=0.25)", seed=1)
    kernel, _, last, _ = network(settings, TABLE).get_weights()
    assert (kernel == 0.25).all()
    np.testing.assert_array_equal(
        last, network(replace(settings, initializer="Zeros"), TABLE).get_weights()[2]
    )


def test_runs_of_a_seed_see_the_same_batches():
    orders = []
    for initializer in ("HeNormal", "Zeros"):
        model = network(Settings(initializer=initializer, seed=4), TABLE)
        orders.append(model.order_generator.permutation(32).tolist())
    assert orders[0] == orders[1]
    first, second = (split(40, Settings(seed=seed)) for seed in (4, 5))
    assert sorted([*first[0], *first[1]]) == list(range(40))
    assert len(first[1]) == 8
    assert list(first[1]) != list(second[1])


def test_training_finds_the_classes_and_says_what_it_was_measured_on():
    model, outcome = train(Settings(epochs=30, learning_rate=0.05), examples(n=90))
    assert (outcome.measured_on, outcome.examples) == ("validation", 18)
    assert outcome.accuracy > 0.9
    assert not outcome.interrupted
    assert outcome.best_epoch <= outcome.epochs
    assert model.trained_on["class_names"] == ["c0", "c1", "c2"]
    whole = train(Settings(epochs=1, validation_split=0), TABLE)[1]
    assert (whole.measured_on, whole.examples) == ("training", 40)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (Settings("4"), "--layers is '4'; give the units of each layer, inputs first, as 784-128"),
        (Settings("4-0-3"), "--layers is '4-0-3'"),
        (Settings("9999999-9999999-3"), "parameters; the most is 100,000,000"),
        (Settings("5-3"), "the examples of mine have 4 numbers: begin with 4"),
        (Settings("4-2"), "mine has 3 classes: end with 3"),
        (Settings(initializer="He"), "--initializer is 'He': unknown initializer 'He'; known are"),
        (Settings(initializer="a(b"), "write a name, or a name and an argument"),
        (Settings(initializer="Constant(x=1)"), "--initializer is 'Constant(x=1)'"),
        (Settings(optimizer="best"), "--optimizer is 'best'; give one of sgd, rmsprop"),
        (Settings(activation="step"), "--activation: "),
        (Settings(batch=0), "--batch is 0; give 1 to 1,000,000"),
        (Settings(epochs=0), "--epochs is 0; give 1 to 100,000"),
        (Settings(patience=-1), "--patience is -1; give 0 or more"),
        (Settings(learning_rate=0.0), "--lr is 0.0; give a number greater than 0"),
        (Settings(learning_rate=float("nan")), "--lr is nan"),
        (Settings(validation_split=1), "--validation-split is 1; give 0 or more, and less than 1"),
        (Settings(seed=-1), "--seed is -1; give 0 or more"),
    ],
)
def test_what_is_wrong_is_one_line(settings, reason):
    with pytest.raises(SettingsError) as raised:
        network(settings, TABLE)
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_split_that_leaves_nothing_is_refused():
    with pytest.raises(SettingsError, match="there are 2 examples: one part would be empty"):
        train(Settings(validation_split=0.1), examples(classes=2, n=2))


def test_a_grid_has_every_combination_with_every_seed():
    runs = grid(Settings(epochs=3), {"initializer": ["a", "b"], "seed": [0, 1], "batch": [8, 9]})
    assert len(set(runs)) == 8
    assert [run.seed for run in runs] == [0] * 4 + [1] * 4  # whole seeds first: pairs
    assert {run.epochs for run in runs} == {3}


def test_values():
    assert values_of("seed", "0:3", int) == [0, 1, 2]
    assert values_of("seed", "4", int) == [4]
    assert values_of("lr", "0.1, 1e-3", float) == [0.1, 0.001]
    for text in ("3:3", "0:9999999", "a", "1.5", ""):
        with pytest.raises(SettingsError, match="--seed is "):
            values_of("seed", text, int)
    with pytest.raises(SettingsError, match=r"--lr has 0\.1 twice; give it once"):
        grid(Settings(), {"learning_rate": [0.1, 0.1]})
    with pytest.raises(SettingsError, match="the grid has 20,000 runs; the most is 10,000"):
        grid(Settings(), {"seed": list(range(10_000)), "batch": [1, 2]})
