"""Models train, predict and evaluate with captured functions as without."""

import copy
import pickle

import numpy as np
import pytest
from captured_functions import assert_same

from tinygrad_hw import nn
from tinygrad_hw.engine import Value, no_grad

pytestmark = pytest.mark.usefixtures("something_is_replayed")

IMAGES = np.random.default_rng(0).random((50, 3, 4), np.float32)
CLASSES = np.arange(50) * 7 % 3


def classifier(optimizer, jit=False, seed=3):
    layers = [nn.Flatten(input_shape=(3, 4)), nn.Dense(7, "relu"), nn.Dense(3, "softmax")]
    model = nn.Sequential(layers, seed=seed)
    model.compile(
        optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit
    )
    return model


def trained_by_hand(optimizer, epochs, batch, seed=3):
    """The same steps with the engine alone, nothing captured."""
    model = classifier(optimizer, seed=seed)
    order = np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[1])
    for _ in range(epochs):
        shuffled = order.permutation(len(IMAGES))
        for start in range(0, len(IMAGES), batch):
            rows_of = shuffled[start : start + batch]
            for p in model.parameters():
                p.grad = None
            logits = model.logits(Value(IMAGES[rows_of], constant=True))
            loss = model.objective.loss_of(model.objective.check(CLASSES[rows_of]), logits)
            loss.backward()
            optimizer.apply(model.parameters())
    return model


@pytest.mark.parametrize("optimizer", [nn.Adam, lambda: nn.SGD(0.3, momentum=0.9)])
def test_fit_gives_the_weights_of_the_same_steps_uncaptured(optimizer):
    model = classifier(optimizer())
    model.fit(IMAGES, CLASSES, batch_size=16, epochs=3, verbose=0)
    again = classifier(optimizer())
    again.fit(IMAGES, CLASSES, batch_size=16, epochs=3, verbose=0)
    expected = trained_by_hand(optimizer(), epochs=3, batch=16)
    for found, same_seed, wanted in zip(
        model.get_weights(), again.get_weights(), expected.get_weights(), strict=True
    ):
        assert_same(found, wanted)
        assert_same(same_seed, found)


def test_predict_and_evaluate_see_the_weights_of_the_day():
    model = classifier(nn.Adam(0.05))
    for _ in range(5):
        model.fit(IMAGES, CLASSES, batch_size=16, verbose=0)
        with no_grad():
            wanted = model(Value(IMAGES)).data
        np.testing.assert_array_equal(model.predict(IMAGES), wanted)
        found = model.evaluate(IMAGES, CLASSES, verbose=0, return_dict=True)
        loss = -np.log(np.float64(wanted)[np.arange(50), CLASSES]).mean()
        assert found["loss"] == pytest.approx(loss, rel=1e-5)
        model.set_weights([w * 1.5 for w in model.get_weights()])
        with no_grad():
            wanted = model(Value(IMAGES)).data
        np.testing.assert_array_equal(model.predict(IMAGES), wanted)
        np.testing.assert_array_equal(model.predict(IMAGES[:7]), wanted[:7])


def test_a_models_gradients_after_fit_are_those_of_the_last_batch():
    model = classifier(nn.SGD(0.0))
    model.fit(IMAGES, CLASSES, batch_size=50, epochs=6, verbose=0)
    expected = classifier(nn.SGD(0.0))
    loss = expected.objective.loss_of(
        expected.objective.check(CLASSES), expected.logits(Value(IMAGES))
    )
    loss.backward()
    for p, q in zip(model.parameters(), expected.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-4, atol=1e-7)


def test_a_layer_exchanged_after_a_prediction_is_seen():
    model = classifier(nn.Adam())
    for activation in ("relu", "tanh", "sigmoid"):
        model.layers[1].activation = activation
        with no_grad():
            wanted = model(Value(IMAGES)).data
        for _ in range(5):
            np.testing.assert_array_equal(model.predict(IMAGES), wanted)


def test_a_deep_copy_of_a_trained_model_goes_its_own_way():
    model = classifier(nn.SGD(0.3))
    model.fit(IMAGES, CLASSES, verbose=0)
    before = model.predict(IMAGES)
    for _ in range(4):
        model.predict(IMAGES)
    other = copy.deepcopy(model)
    other.set_weights([w * 2 for w in other.get_weights()])
    with no_grad():
        wanted = other(Value(IMAGES)).data
    assert not np.array_equal(wanted, before)
    for _ in range(5):
        np.testing.assert_array_equal(other.predict(IMAGES), wanted)
        np.testing.assert_array_equal(model.predict(IMAGES), before)


def test_a_message_has_the_numbers_of_the_run():
    model = nn.Sequential([nn.Dense(2, "softmax", input_shape=(3,))], seed=0)
    model.compile(nn.Adam(), "sparse_categorical_crossentropy")
    x, labels = np.ones((2, 3), np.float32), np.array([0, 1])
    for _ in range(6):  # when it is run, when it is recorded, and at a replay
        with pytest.raises(ValueError, match="got labels 0 to 5 for 2 classes; number the classes"):
            model.train_step(x, np.add(labels, [0, 4]))
        model.train_step(x, labels)


@pytest.mark.parametrize("jit", [False, "auto"])
def test_memory_that_is_not_written_yet_is_not_looked_at(monkeypatch, jit):
    """An array of gradients of which one part is copied into it late, after the look for nan."""
    empty = np.empty

    def full_of_inf(*arguments, **options):
        array = empty(*arguments, **options)
        if array.dtype.kind == "f":
            array.fill(np.inf)
        return array

    monkeypatch.setattr(np, "empty", full_of_inf)
    words = np.random.default_rng(0).integers(0, 7, (32, 4))
    made = [nn.layers.Embedding(7, 3), nn.layers.Flatten(), nn.layers.Dense(7, "softmax")]
    model = nn.Sequential(made, seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=jit)
    model.fit(words, words[:, 2], batch_size=8, epochs=3, verbose=0)
    assert np.isfinite(model.predict(words)).all()


@pytest.mark.parametrize("units", [3, 300])
def test_a_pickled_training_goes_on_with_its_momentum(units):
    """NumPy leaves arrays of more than 1000 bytes in the pickle: with a base, as views have."""
    x, y = np.random.default_rng(0).normal(size=(16, 4)), np.arange(16) % 3
    model = nn.Sequential([nn.Dense(units, "tanh"), nn.Dense(3, "softmax")], seed=0)
    optimizer = nn.SGD(0.1, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(x, y, epochs=2, verbose=0)
    other = pickle.loads(pickle.dumps(model))
    for _ in range(5):
        for each in (model, other):
            each.fit(x, y, batch_size=16, verbose=0, shuffle=False)
        pairs = zip(model.optimizer.variables, other.optimizer.variables, strict=True)
        for one, same in [*pairs, *zip(model.weights, other.weights, strict=True)]:
            np.testing.assert_array_equal(same.raw, one.raw)
