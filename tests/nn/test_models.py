import sys
import threading
from itertools import chain
from xml.etree import ElementTree

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tinygrad_hw.data import load
from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.nn import SGD, Adam, Callback, Dense, Flatten, Model, Sequential
from tinygrad_hw.program.replay import Replay

BINARY, SPARSE = "binary_crossentropy", "sparse_categorical_crossentropy"
UNITS = {BINARY: 1, SPARSE: 3}
LAST = {BINARY: "sigmoid", SPARSE: "softmax"}


def network(loss, optimizer=None, hidden="relu", seed=0, inputs=4):
    """A small one: inputs-6-1 or inputs-6-3, compiled."""
    model = Sequential(
        [Dense(6, hidden, input_shape=(inputs,)), Dense(UNITS[loss], LAST[loss])], seed=seed
    )
    model.compile(optimizer or Adam(0.01), loss, metrics=["accuracy"])
    return model


def homework(units, last, seed=0, **settings):
    return Sequential(
        [Flatten(input_shape=(28, 28)), Dense(128, "relu", **settings), Dense(units, last)],
        seed=seed,
    )


def examples(loss, n=21, inputs=4):
    numbers = np.random.default_rng(5)
    return numbers.normal(size=(n, inputs)), numbers.integers(0, max(UNITS[loss], 2), n)


# --- The same network once more, in float64 and in NumPy alone ------------------------------------

HIDDEN = {
    "relu": lambda z: np.where(z > 0, z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "tanh": np.tanh,
    "linear": lambda z: z,
}


def probabilities(weights, x, hidden="relu"):
    """Of every class, (n, classes): for one unit with a sigmoid they are 1 - a and a."""
    kernel, bias, last_kernel, last_bias = (np.asarray(w, np.float64) for w in weights)
    z = HIDDEN[hidden](x @ kernel + bias) @ last_kernel + last_bias
    if z.shape[1] == 1:
        z = np.hstack([np.zeros_like(z), z])
    p = np.exp(z)
    return p / p.sum(axis=1, keepdims=True)


def mean_loss(weights, x, y, hidden="relu"):
    return -np.log(probabilities(weights, x, hidden)[np.arange(len(y)), y]).mean()


def accuracy(weights, x, y):
    return np.mean(probabilities(weights, x).argmax(axis=1) == y)


def gradients(weights, x, y):
    """Backpropagation by hand, for ReLU."""
    kernel, bias, last_kernel, _ = weights
    hidden = HIDDEN["relu"](x @ kernel + bias)
    p = probabilities(weights, x)
    p[np.arange(len(y)), y] -= 1
    upstream = p[:, -last_kernel.shape[1] :] / len(y)
    back = (upstream @ last_kernel.T) * (hidden > 0)
    return [x.T @ back, back.sum(axis=0), hidden.T @ upstream, upstream.sum(axis=0)]


@pytest.mark.parametrize("loss", UNITS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradient_of_a_network_is_its_slope(loss, hidden):
    """Central differences of the network in NumPy: nothing of the engine is in them."""
    model = network(loss, SGD(0.0), hidden)
    x, y = examples(loss)
    weights = [w + 0.1 for w in model.get_weights()]
    model.set_weights(weights)
    found, *_ = model.train_step(x.astype(np.float32), model.objective.check(y))
    assert found == pytest.approx(mean_loss(weights, x, y, hidden), rel=1e-5)
    weights = [np.asarray(w, np.float64) for w in weights]
    for weight, parameter in zip(weights, model.parameters(), strict=True):
        slopes = np.empty(weight.shape)
        for index in np.ndindex(weight.shape):
            sides, middle = [], weight[index]
            for h in (1e-5, -1e-5):
                weight[index] = middle + h
                sides.append(mean_loss(weights, x, y, hidden))
            weight[index] = middle
            slopes[index] = (sides[0] - sides[1]) / 2e-5
        np.testing.assert_allclose(parameter.grad, slopes, rtol=1e-4, atol=1e-6)


def adam(weights, rate=0.01):
    m, v = [0 * w for w in weights], [0 * w for w in weights]
    t = 0
    while True:
        t += 1
        g = yield
        m[:] = [0.9 * a + 0.1 * b for a, b in zip(m, g, strict=True)]
        v[:] = [0.999 * a + 0.001 * b**2 for a, b in zip(v, g, strict=True)]
        a = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        for w, first, second in zip(weights, m, v, strict=True):
            w[...] -= a * first / (np.sqrt(second) + 1e-7)


def descent(weights, rate=0.01):
    while True:
        g = yield
        for w, step in zip(weights, g, strict=True):
            w[...] -= rate * step


@pytest.mark.parametrize("loss", UNITS)
@pytest.mark.parametrize(
    ("optimizer", "by_hand", "tolerance"), [(Adam, adam, 1e-4), (SGD, descent, 1e-5)]
)
def test_training_is_what_one_would_write_in_numpy(loss, optimizer, by_hand, tolerance):
    """Thirty steps on all examples at once, so that their order does not matter."""
    model = network(loss, optimizer(0.01))
    x, y = examples(loss)
    weights = [w.astype(np.float64) for w in model.get_weights()]
    losses, update = [], by_hand(weights)
    next(update)
    for _ in range(30):
        losses.append(mean_loss(weights, x, y))
        update.send(gradients(weights, x, y))
    history = model.fit(x, y, batch_size=len(x), epochs=30, verbose=0).history
    np.testing.assert_allclose(history["loss"], losses, rtol=tolerance)
    for found, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# --- Shapes, counts, summary ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "last", "total"), [(1, "sigmoid", 100_609), (10, "softmax", 101_770)]
)
class TestHomeworksNetworks:
    def test_parameters(self, units, last, total):
        model = homework(units, last)
        assert model.count_params() == total
        assert [w.shape for w in model.get_weights()] == [
            (784, 128),
            (128,),
            (128, units),
            (units,),
        ]
        assert sum(w.size for w in model.get_weights()) == total

    def test_summary(self, units, last, total, capsys):
        model = homework(units, last)
        model.summary()
        out = capsys.readouterr().out
        title, header, *rows, whole, trainable, fixed = out.splitlines()
        shown = ElementTree.fromstring(f"<div>{model._repr_html_()}</div>")  # in a notebook
        cells = [" ".join(row.itertext()) for row in shown.iter("tr")]
        assert cells == [" ".join(row.split()) for row in (header, *rows)]
        assert [title] == [caption.text for caption in shown.iter("caption")]
        assert [whole, trainable, fixed] == [p.text for p in shown.iter("p")]
        assert title == 'Model: "sequential"'
        assert [" ".join(row.split()) for row in (header, *rows)] == [
            "Layer (type) Output Shape Param #",
            "flatten (Flatten) (None, 784) 0",
            "dense (Dense) (None, 128) 100,480",
            f"dense_1 (Dense) (None, {units}) {total - 100_480:,}",
        ]
        assert len({len(row) for row in (header, *rows)}) == 1
        assert whole == f"Total params: {total:,}"
        assert trainable == f"Trainable params: {total:,}"
        assert fixed == "Non-trainable params: 0"

    def test_output_shapes(self, units, last, total):
        model = homework(units, last)
        assert [x.output_shape for x in model.layers] == [(None, 784), (None, 128), (None, units)]
        assert (model.input_shape, model.output_shape) == ((None, 28, 28), (None, units))
        assert model.predict(np.zeros((3, 28, 28))).shape == (3, units)
        assert model(Value(np.zeros((3, 28, 28)))).shape == (3, units)


def test_summary_goes_where_it_is_told():
    lines = []
    Sequential([Dense(2, input_shape=(3,)), Dense(2), Dense(2)]).summary(print_fn=lines.append)
    assert len(lines) == 8
    assert [line.split()[0] for line in lines[2:5]] == ["dense", "dense_1", "dense_2"]


class TestBatches:
    def test_of_the_homework(self):
        """Keras prints 302/302 and 1500/1500."""
        data = load()
        counts = [self.batches(data.only(3, 6).y_train), self.batches(data.y_train)]
        assert counts == [302, 1500]

    def batches(self, labels):
        class Enough(Exception):  # noqa: N818
            pass

        class Look(Callback):
            def on_train_begin(self, logs=None):
                seen.append(self.params["steps"])
                raise Enough

        seen = []
        model = network(SPARSE, inputs=1)
        with pytest.raises(Enough):
            model.fit(
                np.zeros((len(labels), 1)),
                labels % 3,
                validation_split=0.2,
                batch_size=32,
                callbacks=[Look()],
                verbose=0,
            )
        return seen[0]


# --- fit ------------------------------------------------------------------------------------------


def numbered(n):
    """Examples that can be told apart: the i-th is i."""
    return np.arange(n, dtype=np.float32).reshape(n, 1), np.arange(n) % 2


def batches_of(model, n, monkeypatch, **settings):
    """What each step was given, as lists of the examples' numbers; labels are checked here."""
    steps = []
    step = model.train_step

    def watch(x, targets, weights=None):
        np.testing.assert_array_equal(x.ravel() % 2, targets.ravel())
        steps.append(x.ravel().astype(int).tolist())
        return step(x, targets)

    monkeypatch.setattr(model, "train_step", watch)
    model.fit(*numbered(n), verbose=0, **settings)
    return steps


class TestFit:
    @pytest.mark.parametrize(
        ("n", "split", "trained"),
        [(10, 0.2, 8), (10, 0.25, 7), (10, 0.0, 10), (11, 0.2, 8), (7, 0.9, 0), (1000, 1e-6, 999)],
    )
    def test_validation_split_takes_the_last_part_rounded_as_keras_does(
        self, n, split, trained, monkeypatch
    ):
        model = network(BINARY, SGD(0.0), inputs=1)
        if not trained:
            with pytest.raises(ValueError, match="nothing is left to train on"):
                model.fit(*numbered(n), validation_split=split, verbose=0)
            return
        steps = batches_of(model, n, monkeypatch, validation_split=split, batch_size=3)
        assert sorted(chain.from_iterable(steps)) == list(range(trained))

    @pytest.mark.parametrize("setting", [{"batch_size": 0}, {"batch_size": -3}, {"epochs": -1}])
    def test_a_batch_without_examples_and_epochs_below_0_are_refused(self, setting):
        model = network(BINARY, SGD(0.0), inputs=1)
        with pytest.raises(ValueError, match=r"fit got batch_size=.*; a batch has at least one"):
            model.fit(*numbered(4), verbose=0, **setting)

    def test_validation_metrics_are_those_of_the_last_part(self):
        """A network that says 1 above 15.5, and labels that are 1 only in the last quarter."""
        model = Sequential([Dense(1, "sigmoid", input_shape=(1,))])
        model.compile(SGD(0.0), BINARY, metrics=["accuracy"])
        model.set_weights([[[1.0]], [-15.5]])
        x, y = numbered(20)[0], np.arange(20) >= 15
        logs = model.fit(x, y, validation_split=0.25, verbose=0).history
        assert logs["accuracy"] == [1.0]
        assert logs["val_accuracy"] == [4 / 5]
        z = np.arange(15, 20) - 15.5
        assert logs["val_loss"] == pytest.approx([np.log(1 + np.exp(-z)).mean()], rel=1e-6)

    def test_shuffles_anew_every_epoch_and_uses_each_example_once(self, monkeypatch):
        model = network(BINARY, SGD(0.0), inputs=1)
        steps = batches_of(model, 20, monkeypatch, batch_size=8, epochs=3)
        assert [len(batch) for batch in steps] == [8, 8, 4] * 3
        epochs = [list(chain.from_iterable(steps[i : i + 3])) for i in (0, 3, 6)]
        assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
        assert len({tuple(epoch) for epoch in [*epochs, range(20)]}) == 4

    @pytest.mark.parametrize("batch_size", [1, 8, 21, 100])
    @pytest.mark.parametrize("loss", UNITS)
    def test_epoch_metrics_are_means_over_samples(self, loss, batch_size):
        """Not over batches: the last one has 5 of 21 examples. The weights stand still."""
        model = network(loss, SGD(0.0))
        x, y = examples(loss)
        weights = model.get_weights()
        history = model.fit(
            np.vstack([x, -x[:9]]),
            np.hstack([y, y[:9]]),
            batch_size=batch_size,
            epochs=2,
            validation_split=0.3,
            verbose=0,
        ).history
        expected = {
            "loss": mean_loss(weights, x, y),
            "accuracy": accuracy(weights, x, y),
            "val_loss": mean_loss(weights, -x[:9], y[:9]),
            "val_accuracy": accuracy(weights, -x[:9], y[:9]),
        }
        assert history == {name: [pytest.approx(v, rel=1e-5)] * 2 for name, v in expected.items()}

    def test_training_metrics_are_from_before_each_step(self):
        """Keras's way: an epoch's loss is a mean over weights that were changing."""
        model, x = network(BINARY, SGD(1.0)), np.ones((2, 4))
        first = model.evaluate(x[:1], [1], verbose=0, return_dict=True)["loss"]
        logs = model.fit(x, [1, 1], batch_size=1, verbose=0).history
        second = 2 * logs["loss"][0] - first
        assert first > second > model.evaluate(x[:1], [1], verbose=0, return_dict=True)["loss"]

    @pytest.mark.parametrize(
        ("settings", "keys"),
        [
            ({}, {"loss", "accuracy"}),
            ({"validation_split": 0.5}, {"loss", "accuracy", "val_loss", "val_accuracy"}),
        ],
    )
    def test_history_has_keras_keys_and_a_number_an_epoch(self, settings, keys):
        history = network(SPARSE).fit(*examples(SPARSE), epochs=3, verbose=0, **settings).history
        assert history.keys() == keys
        assert all(len(numbers) == 3 for numbers in history.values())
        assert all(type(number) is float for numbers in history.values() for number in numbers)

    def test_without_metrics_there_are_losses_alone(self):
        model = network(BINARY)
        model.compile(Adam(), BINARY, metrics=[])
        history = model.fit(*examples(BINARY), validation_split=0.5, verbose=0).history
        assert history.keys() == {"loss", "val_loss"}
        assert model.evaluate(*examples(BINARY), verbose=0, return_dict=True).keys() == {"loss"}

    def test_no_epochs_change_nothing(self):
        model = network(BINARY)
        before = model.flat.data.copy()
        assert model.fit(*examples(BINARY), epochs=0, verbose=0).history == {}
        np.testing.assert_array_equal(model.flat.data, before)

    def test_a_second_fit_goes_on_where_the_first_stopped(self):
        """Optimizer and order of examples included: twice one epoch is two epochs, bit for bit."""
        twice, once = network(SPARSE), network(SPARSE)
        for _ in range(2):
            twice.fit(*examples(SPARSE), batch_size=4, verbose=0)
        once.fit(*examples(SPARSE), batch_size=4, epochs=2, verbose=0)
        np.testing.assert_array_equal(twice.flat.data, once.flat.data)

    def test_leaves_what_it_was_given(self):
        x, y = (array.copy() for array in examples(SPARSE))
        x.flags.writeable = y.flags.writeable = False
        network(SPARSE).fit(x, y, verbose=0)
        np.testing.assert_array_equal(x, examples(SPARSE)[0])

    @pytest.mark.parametrize(
        ("n", "settings"),
        [
            (0, {}),
            (5, {"validation_split": 1.0}),
            (5, {"validation_split": 0.9}),
            (5, {"validation_split": 1.5}),
            (5, {"validation_split": -0.1}),
        ],
    )
    def test_refuses_to_train_on_nothing(self, n, settings):
        model = network(SPARSE)
        before = model.flat.data.copy()
        with pytest.raises(ValueError, match=rf"fit got {n} examples, .* nothing is left"):
            model.fit(np.zeros((n, 4)), np.zeros(n, int), verbose=0, **settings)
        np.testing.assert_array_equal(model.flat.data, before)


class TestSeeds:
    def trained(self, seed):
        model = network(SPARSE, seed=seed)
        model.fit(*examples(SPARSE), batch_size=4, epochs=3, validation_split=0.2, verbose=0)
        return model.flat.data

    def test_the_same_gives_the_same_weights_bit_for_bit(self):
        np.testing.assert_array_equal(self.trained(3), self.trained(3))

    def test_another_gives_others(self):
        assert not np.isclose(self.trained(3), self.trained(4)).any()

    def test_none_gives_fresh_ones(self):
        assert not np.array_equal(self.trained(None), self.trained(None))

    def test_numpys_own_generator_is_neither_used_nor_changed(self):
        np.random.seed(0)
        first = self.trained(3)
        drawn = np.random.random()
        np.random.seed(0)
        assert drawn == np.random.random()
        np.testing.assert_array_equal(first, self.trained(3))

    def test_order_depends_on_the_seed_and_not_on_the_weights(self, monkeypatch):
        def order(seed, kernel):
            model = Sequential(
                [Dense(1, "sigmoid", kernel_initializer=kernel, input_shape=(1,))], seed=seed
            )
            model.compile(SGD(0.0), BINARY)
            return batches_of(model, 20, monkeypatch, batch_size=8)

        assert order(1, "he_normal") == order(1, "random_normal")
        assert order(1, "he_normal") != order(2, "he_normal")

    def test_weights_of_the_homeworks_size_do_not_depend_on_blas_threads(self):
        x = np.random.default_rng(0).random((256, 28, 28), np.float32)

        def trained(threads):
            model = homework(10, "softmax", seed=1)
            model.compile(Adam(), SPARSE)
            with threadpool_limits(threads, user_api="blas"):
                model.fit(x, np.arange(256) % 10, batch_size=128, validation_split=0.1, verbose=0)
            return model.flat.data

        np.testing.assert_array_equal(trained(1), trained(2))


def blas_threads():
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


class TestBlasThreads:
    @pytest.fixture(autouse=True)
    def two(self):
        with threadpool_limits(2, user_api="blas"):
            assert blas_threads() == {2}
            yield

    def test_are_one_while_training_and_put_back(self):
        seen = []

        class Look(Callback):
            def on_epoch_end(self, epoch, logs=None):
                seen.append(blas_threads())

        model, (x, y) = network(SPARSE), examples(SPARSE)
        model.fit(x, y, validation_split=0.2, callbacks=[Look()], verbose=0)
        assert seen == [{1}]
        assert blas_threads() == {2}

    @pytest.mark.parametrize("error", [SystemExit, ZeroDivisionError])
    def test_are_put_back_when_training_fails(self, error):
        class Fails(Callback):
            def on_train_batch_end(self, batch, logs=None):
                raise error

        with pytest.raises(error):
            network(SPARSE).fit(*examples(SPARSE), callbacks=[Fails()], verbose=0)
        assert blas_threads() == {2}

    def test_are_shared_out_among_parts_of_many_examples(self, monkeypatch):
        """So what is predicted does not depend on their number."""
        numbers = np.random.default_rng(0)
        x, y = numbers.random((2100, 28, 28), np.float32), numbers.integers(0, 10, 2100)
        model = homework(10, "softmax")
        model.compile(
            Adam(), SPARSE, metrics=["accuracy"], jit_compile=False
        )  # whose first call is NumPy's
        model.fit(x[:64], y[:64], verbose=0)
        seen, map_threads = [], Replay.map_threads

        def noted(program, given, threads):
            seen.append((threads, blas_threads()))
            return map_threads(program, given, threads)

        monkeypatch.setattr(Replay, "map_threads", noted)

        def found(threads):
            with threadpool_limits(threads, user_api="blas"):
                return (
                    model.predict(x),
                    model.predict_classes(x),
                    model.evaluate(x, y, verbose=0, return_dict=True),
                )

        (outputs, classes, logs), (*twice, logs_of_two) = found(1), found(2)
        assert seen == [(2, {1})] * 3
        assert blas_threads() == {2}
        np.testing.assert_array_equal(outputs, twice[0])
        np.testing.assert_array_equal(classes, twice[1])
        assert logs == logs_of_two

    def test_are_put_back_when_evaluation_fails(self):
        x, y = examples(SPARSE)
        with pytest.raises(ValueError, match="labels"):
            network(SPARSE).evaluate(x, y + 3, verbose=0, return_dict=True)
        assert blas_threads() == {2}


# --- evaluate, predict, predict_classes -----------------------------------------------------------


@pytest.mark.parametrize("loss", UNITS)
@pytest.mark.parametrize("n", [1, 999, 1000, 1001, 2500])
class TestPredicting:
    def test_predict_is_numpys(self, loss, n):
        model, (x, _) = network(loss), examples(loss, n)
        expected = probabilities(model.get_weights(), x)[:, -UNITS[loss] :]
        found = model.predict(x)
        assert found.shape == (n, UNITS[loss])
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)

    def test_predict_classes_is_numpys(self, loss, n):
        model, (x, _) = network(loss), examples(loss, n)
        p = probabilities(model.get_weights(), x)
        clear = np.diff(np.sort(p, axis=1)[:, -2:], axis=1)[:, 0] > 1e-5
        found = model.predict_classes(x)
        assert (found.shape, found.dtype.kind) == ((n,), "i")
        assert clear.mean() > 0.99
        np.testing.assert_array_equal(found[clear], p.argmax(axis=1)[clear])

    def test_evaluate_is_numpys(self, loss, n):
        model, (x, y) = network(loss), examples(loss, n)
        found = model.evaluate(x, y, verbose=0, return_dict=True)
        weights = model.get_weights()
        assert found == {
            "loss": pytest.approx(mean_loss(weights, x, y), rel=1e-5),
            "accuracy": pytest.approx(accuracy(weights, x, y), abs=1e-12),
        }


@pytest.mark.parametrize("loss", UNITS)
class TestNothing:
    def test_is_predicted_for_nothing(self, loss):
        model = network(loss)
        outputs, classes = model.predict(np.empty((0, 4))), model.predict_classes(np.empty((0, 4)))
        assert (outputs.shape, outputs.dtype) == ((0, UNITS[loss]), np.float32)
        assert (classes.shape, classes.dtype.kind) == ((0,), "i")

    def test_has_no_mean_loss(self, loss):
        """Not one of zero, which would look like a perfect fit."""
        with pytest.raises(ValueError, match="example"):
            network(loss).evaluate(np.empty((0, 4)), np.empty(0, int))


def test_predicting_and_evaluating_record_nothing(monkeypatch):
    model, (x, y) = network(BINARY), examples(BINARY)
    model.compile(loss=BINARY, run_eagerly=True)
    histories, last = [], model.layers[-1]
    logits = last.logits
    monkeypatch.setattr(last, "logits", lambda x: histories.append(logits(x)) or histories[-1])
    model.predict(x), model.predict_classes(x), model.evaluate(x, y, verbose=0, return_dict=True)
    assert [(node.inputs, node.constant) for node in histories] == [((), True)] * 3


def test_one_column_of_labels_serves_two_classes():
    model, (x, y) = network(BINARY), examples(BINARY)
    assert model.evaluate(x, y[:, None], verbose=0, return_dict=True) == model.evaluate(
        x, y, verbose=0, return_dict=True
    )


class TestInterrupted:
    """The traceback may be kept, as notebooks and Python's prompt do: no state may hang on it."""

    @pytest.fixture
    def model(self, monkeypatch):
        def interrupt(*_):
            raise KeyboardInterrupt

        model = network(BINARY)
        model.layers[-1].activation = interrupt
        monkeypatch.setattr(model.objective.loss, "on_logits", interrupt)
        return model

    @pytest.mark.parametrize("method", ["predict", "predict_classes", "evaluate"])
    def test_leaves_recording_and_threads_as_they_were(self, model, method):
        x, y = examples(BINARY)
        with threadpool_limits(2, user_api="blas"):
            with pytest.raises(KeyboardInterrupt) as kept:
                getattr(model, method)(*[x, y][: 2 if method == "evaluate" else 1])
            after = current().recording, blas_threads()
        assert after == (True, {2})
        assert kept.tb is not None


# --- Errors ---------------------------------------------------------------------------------------


def uncompiled(last="sigmoid"):
    return Sequential([Dense(1, last, input_shape=(4,))], seed=0)


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"loss": "mze"}, "unknown loss 'mze'; known are .*mean_squared_error"),
            ({"loss": BINARY, "metrics": ["accuracy", "auk"]}, "unknown metric 'auk'; known"),
            ({"loss": BINARY, "metrics": {"out": "acc"}}, "metrics should be a list"),
            ({"loss": BINARY, "optimizer": "adams"}, "unknown .*'adams'; known are .*adam"),
            ({"loss": BINARY, "jit_compile": "yes"}, "True, False or \"auto\", got 'yes'"),
        ],
    )
    def test_what_compile_does_not_know(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            uncompiled().compile(**arguments)

    @pytest.mark.parametrize(("loss", "last"), [(BINARY, "softmax"), (BINARY, "linear")])
    def test_a_loss_after_another_activation_is_computed_from_the_outputs(self, loss, last):
        """Clipped to 1e-7 from 0 and from 1, as Keras does."""
        model, x = uncompiled(last), np.random.default_rng(0).normal(size=(9, 4))
        model.compile(Adam(), loss)
        low, high = np.float32([1e-7, 1 - 1e-7])
        p = np.float64(np.clip(model.predict(x, verbose=0)[:, 0], low, high))
        y = np.arange(9) % 2
        expected = -np.where(y, np.log(p), np.log(1 - p)).mean()
        assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("after_a_failed_compile", [False, True])
    @pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
    def test_not_compiled(self, method, after_a_failed_compile):
        model = uncompiled()
        if after_a_failed_compile:
            with pytest.raises(ValueError, match="unknown loss"):
                model.compile(Adam(), "mze")
        with pytest.raises(ValueError, match=r"compile\(optimizer, loss\) the model first"):
            getattr(model, method)(np.zeros((2, 4)), [0, 1])

    @pytest.mark.parametrize("shape", [(5, 784), (28, 28), (5, 28, 27), (5, 28, 28, 1), (5,), ()])
    @pytest.mark.parametrize("method", ["predict", "predict_classes", "evaluate", "fit"])
    def test_wrong_input_shape(self, shape, method):
        model = homework(1, "sigmoid")
        model.compile(Adam(), BINARY)
        arguments = [np.zeros(shape)] + [np.zeros(5)] * (method in {"evaluate", "fit"})
        with pytest.raises(ValueError, match=r"expected examples of shape \(n, 28, 28\), got \("):
            getattr(model, method)(*arguments)

    @pytest.mark.parametrize("loss", UNITS)
    @pytest.mark.parametrize("labels", [[0, 1], [], 1])
    def test_labels_of_another_length(self, loss, labels):
        for method in (network(loss).fit, network(loss).evaluate):
            with pytest.raises(ValueError, match="got 3 examples but labels of shape"):
                method(np.zeros((3, 4)), labels)

    @pytest.mark.parametrize("labels", [[0, 1, 3], [-1, 0, 1], [3, 6, 3]])
    def test_labels_out_of_range(self, labels):
        for method in (network(SPARSE).fit, network(SPARSE).evaluate):
            with pytest.raises(ValueError, match="for 3 classes; number the classes 0 to 2"):
                method(np.zeros((3, 4)), labels)

    @pytest.mark.parametrize("labels", [[3, 6, 3], [-1, 1, 1], [0, 1, 2]])
    def test_labels_that_are_not_zero_to_one_for_two_classes(self, labels):
        """The homework's step of making 3 and 6 into 0 and 1, forgotten."""
        for method in (network(BINARY).fit, network(BINARY).evaluate):
            with pytest.raises(ValueError, match="0"):
                method(np.zeros((3, 4)), labels)

    @pytest.mark.parametrize("loss", UNITS)
    def test_a_row_of_labels_for_each_example(self, loss):
        with pytest.raises(ValueError, match="give one"):
            network(loss).fit(np.zeros((3, 4)), np.zeros((3, 2), int), verbose=0)

    def test_an_input_shape_may_be_a_list_as_in_keras(self):
        model = Sequential([Flatten(input_shape=[2, 2]), Dense(3)])
        assert model.predict(np.zeros((5, 2, 2))).shape == (5, 3)


# --- MNIST ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("two", "units", "last", "loss", "n", "least"),
    [(True, 1, "sigmoid", BINARY, 3000, 0.985), (False, 10, "softmax", SPARSE, 6000, 0.88)],
)
def test_learns_to_read_digits_from_a_slice_of_mnist(two, units, last, loss, n, least):
    data = load().only(3, 6) if two else load()
    model = homework(units, last)
    model.compile(Adam(), loss, metrics=["accuracy"])
    x = data.x_train[:n].astype(np.float32) / 255
    history = model.fit(x, data.y_train[:n], epochs=2, validation_split=0.2, verbose=0).history
    tests = data.x_test[:1000].astype(np.float32) / 255, data.y_test[:1000]
    found = model.evaluate(*tests, verbose=0, return_dict=True)["accuracy"]
    assert found >= least
    assert found == np.mean(model.predict_classes(tests[0]) == tests[1])
    assert history["loss"][1] < history["loss"][0] / 1.5


def test_predicting_beside_training_changes_nothing_and_stops_neither():
    """In another thread, from before the first step on: a program of each is recorded meanwhile."""
    x, y = examples(SPARSE)

    def trained(beside):
        model = network(SPARSE, SGD(0.1))
        done, outputs, errors = threading.Event(), [], []

        def predict():
            try:
                while not done.is_set():
                    outputs.append(model.predict(x))
                    model.evaluate(x, y, verbose=0, return_dict=True)
            except BaseException as error:
                errors.append(error)

        others = [threading.Thread(target=predict) for _ in range(2 * beside)]
        with threadpool_limits(2, user_api="blas"):
            for other in others:
                other.start()
            model.fit(x, y, batch_size=8, epochs=12, verbose=0)
            done.set()
            for other in others:
                other.join()
            assert blas_threads() == {2}
        assert errors == []
        assert all(np.isfinite(one).all() for one in outputs)
        return model.get_weights()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for found, wanted in zip(trained(beside=True), trained(beside=False), strict=True):
            np.testing.assert_array_equal(found, wanted)
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("flat", "model"),
        ("objective", "model"),
        ("logits", "model"),
        ("fit", "model"),
        ("weights", "layer"),
        ("draw", "layer"),
        ("version", "layer"),
    ],
)
def test_a_layer_by_a_name_that_models_have_is_refused(name, owner):
    """It would take the place of what training uses, and the error would come from there."""

    class Named(Model):
        def __init__(self):
            super().__init__()
            setattr(self, name, Dense(2))

    with pytest.raises(AttributeError, match=f"cannot call a layer {name}: every {owner} has an"):
        Named()
