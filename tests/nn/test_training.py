"""fit, evaluate, predict and the methods of one batch, as Keras has them."""

import numpy as np
import pytest

from tinygrad_hw.nn import SGD, Adam, Callback, Dense, EarlyStopping, Flatten, Sequential
from tinygrad_hw.nn.layers import Input

SPARSE, BINARY, CATEGORICAL = (
    "sparse_categorical_crossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
)
NUMBERS = np.random.default_rng(0)
X = NUMBERS.normal(size=(40, 4)).astype(np.float32)
CLASSES = NUMBERS.integers(0, 3, 40)
LABELS = (NUMBERS.random((40, 3)) > 0.5).astype(int)


def classifier(**options):
    model = Sequential([Input((4,)), Dense(5, "tanh"), Dense(3, "softmax")], seed=1)
    model.compile(**{"optimizer": SGD(0.1), "loss": SPARSE, "metrics": ["accuracy"]} | options)
    return model


def labeler(**options):
    model = Sequential([Input((4,)), Dense(3, "sigmoid")], seed=1)
    model.compile(**{"optimizer": SGD(0.1), "loss": BINARY, "metrics": ["accuracy"]} | options)
    return model


def same_weights(*models):
    first, *others = [model.get_weights() for model in models]
    for other in others:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


class TestReturns:
    def test_evaluate_returns_the_loss_and_then_the_metrics(self):
        loss, accuracy = classifier().evaluate(X, CLASSES, verbose=0)
        model = classifier()
        p = np.float64(model.predict(X, verbose=0))
        assert loss == pytest.approx(-np.log(p[np.arange(40), CLASSES]).mean(), rel=1e-5)
        assert accuracy == pytest.approx(np.mean(p.argmax(1) == CLASSES))

    def test_without_metrics_it_is_a_number(self):
        assert type(classifier(metrics=None).evaluate(X, CLASSES, verbose=0)) is float

    def test_or_a_dict(self):
        logs = classifier(metrics=["acc"]).evaluate(X, CLASSES, verbose=0, return_dict=True)
        assert list(logs) == ["loss", "acc"]

    def test_evaluate_and_predict_say_what_keras_says(self, capsys):
        """62/62 and 313/313 in the homework; here 40 examples are 2 batches."""
        classifier().evaluate(X, CLASSES)
        assert capsys.readouterr().out.startswith("2/2 - loss: ")
        classifier().predict(X)
        assert capsys.readouterr().out == "2/2\n"

    def test_one_batch(self):
        model, other = classifier(), classifier()
        for _ in range(5):
            before = model.evaluate(X, CLASSES, verbose=0)
            assert model.train_on_batch(X, CLASSES) == pytest.approx(before, rel=1e-6)
            assert model.test_on_batch(X, CLASSES) == pytest.approx(
                model.evaluate(X, CLASSES, verbose=0)
            )
        other.fit(X, CLASSES, batch_size=40, epochs=5, verbose=0)
        same_weights(model, other)
        np.testing.assert_array_equal(model.predict_on_batch(X), model.predict(X, verbose=0))
        assert list(model.train_on_batch(X, CLASSES, return_dict=True)) == ["loss", "accuracy"]


class TestTargets:
    @pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float32, bool])
    @pytest.mark.parametrize("shape", [(40,), (40, 1)])
    def test_labels_of_any_dtype_in_a_column_or_not(self, dtype, shape):
        y = (CLASSES > 0).astype(dtype).reshape(shape)
        for make in (classifier, lambda: single(BINARY)):
            model, other = make(), make()
            model.fit(X, y, epochs=2, verbose=0)
            other.fit(X, (CLASSES > 0).astype(int), epochs=2, verbose=0)
            same_weights(model, other)
            found = [m.evaluate(X, y, verbose=0) for m in (model, other)]
            assert found[0] == found[1]

    def test_one_hot_rows(self):
        one_hot, sparse = classifier(loss=CATEGORICAL), classifier()
        one_hot.fit(X, np.eye(3)[CLASSES], epochs=3, verbose=0)
        sparse.fit(X, CLASSES, epochs=3, verbose=0)
        same_weights(one_hot, sparse)
        found = one_hot.evaluate(X, np.eye(3)[CLASSES], verbose=0)
        assert found == pytest.approx(sparse.evaluate(X, CLASSES, verbose=0), rel=1e-5)

    def test_regression(self):
        """The homework's squared error: a line is found."""
        x = np.linspace(-1, 1, 50)[:, None]
        for loss in ("mse", "mean_squared_error"):
            model = Sequential([Dense(1, input_shape=(1,))], seed=0)
            model.compile(SGD(0.5), loss=loss)
            model.fit(x, 3 * x[:, 0] - 1, batch_size=50, epochs=60, verbose=0)
            np.testing.assert_allclose([w.item() for w in model.get_weights()], [3, -1], rtol=1e-3)

    def test_a_function_as_loss_and_as_metric(self):
        def absolute(y, p):
            return abs(p - y).mean(axis=-1)

        model = Sequential([Dense(1, input_shape=(4,))], seed=0)
        model.compile(SGD(0.1), loss=absolute, metrics=[absolute])
        history = model.fit(X, X[:, :1], epochs=6, batch_size=10, verbose=0).history
        assert history["loss"] == pytest.approx(history["absolute"], rel=1e-5)
        error = np.abs(model.predict(X, verbose=0) - X[:, :1]).mean()
        assert model.evaluate(X, X[:, :1], verbose=0) == pytest.approx([error, error], rel=1e-5)
        assert error < history["loss"][0]


class TestSeveralSigmoids:
    """Accuracy is that of each label."""

    @pytest.mark.parametrize("batch_size", [1, 7, 40])
    def test_accuracy_is_per_label(self, batch_size):
        model = labeler(optimizer=SGD(0.0))
        expected = np.mean((model.predict(X, verbose=0) > 0.5) == LABELS)
        history = model.fit(X, LABELS, batch_size=batch_size, verbose=0).history
        assert history["accuracy"] == [pytest.approx(expected)]
        assert model.evaluate(X, LABELS, verbose=0)[1] == pytest.approx(expected)
        first = np.mean((model.predict(X[:1], verbose=0) > 0.5) == LABELS[:1])
        assert model.evaluate(X[:1], LABELS[:1], verbose=0)[1] == pytest.approx(first)

    def test_learns(self):
        model, y = labeler(optimizer=Adam(0.3)), (X[:, :3] > 0).astype(int)
        model.fit(X, y, batch_size=10, epochs=80, verbose=0)
        predicted = model.predict(X, verbose=0) > 0.5
        np.testing.assert_array_equal(model.predict_classes(X), predicted)
        assert model.evaluate(X, y, verbose=0)[1] == pytest.approx(np.mean(predicted == y))
        assert np.mean(predicted == y) > 0.95


def single(loss):
    model = Sequential([Input((4,)), Dense(1, "sigmoid")], seed=1)
    model.compile(SGD(0.1), loss, metrics=["accuracy"])
    return model


class TestValidation:
    def test_data_are_those_of_a_split(self):
        given, split = classifier(), classifier()
        a = given.fit(X[:30], CLASSES[:30], validation_data=(X[30:], CLASSES[30:]), verbose=0)
        b = split.fit(X, CLASSES, validation_split=0.25, verbose=0)
        assert a.history == b.history
        assert list(a.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]

    def test_with_weights(self):
        weights = NUMBERS.random(40)
        model = classifier(optimizer=SGD(0.0), metrics=None)
        data = (X, CLASSES, weights)
        found = model.fit(X, CLASSES, validation_data=data, verbose=0).history["val_loss"]
        p = np.float64(model.predict(X, verbose=0))[np.arange(40), CLASSES]
        assert found == [pytest.approx(-(weights * np.log(p)).mean(), rel=1e-5)]

    def test_every_so_many_epochs(self):
        def epochs(frequency):
            model = classifier()
            options = {"validation_split": 0.5, "epochs": 5, "verbose": 0}
            history = model.fit(X, CLASSES, validation_freq=frequency, **options).history
            return len(history["loss"]), len(history["val_loss"])

        assert epochs(2) == (5, 2)
        assert epochs([1, 2, 5]) == (5, 3)

    def test_of_so_many_steps(self):
        model = classifier(optimizer=SGD(0.0))
        found = model.fit(
            X,
            CLASSES,
            validation_data=(X, CLASSES),
            validation_steps=2,
            validation_batch_size=5,
            verbose=0,
        ).history
        assert found["val_loss"] == [
            pytest.approx(model.evaluate(X[:10], CLASSES[:10], verbose=0)[0])
        ]


class TestWeights:
    def test_of_examples_multiply_their_losses(self):
        weights = NUMBERS.random(40).astype(np.float32)
        model = classifier(metrics=["accuracy"], weighted_metrics=["acc"])
        logs = model.evaluate(X, CLASSES, sample_weight=weights, verbose=0, return_dict=True)
        p = np.float64(model.predict(X, verbose=0))
        right = p.argmax(1) == CLASSES
        surprise = -np.log(p[np.arange(40), CLASSES])
        assert logs == {
            "loss": pytest.approx((weights * surprise).mean(), rel=1e-5),
            "accuracy": pytest.approx(right.mean()),
            "acc": pytest.approx((weights * right).sum() / weights.sum(), rel=1e-5),
        }

    def test_of_two_train_as_if_an_example_came_twice(self):
        once, twice = classifier(), classifier()
        for _ in range(4):
            once.train_on_batch(X[:3], CLASSES[:3], sample_weight=[2.0, 1.0, 0.0])
            rows = [0, 0, 1]
            twice.train_on_batch(X[rows], CLASSES[rows])
        same_weights(once, twice)

    def test_of_classes_are_those_of_their_examples(self):
        by_class, by_example = classifier(), classifier()
        table = {0: 2.0, 2: 0.5}
        weights = np.array([table.get(c, 1.0) for c in CLASSES.tolist()])
        by_class.fit(X, CLASSES, class_weight=table, epochs=2, verbose=0)
        by_example.fit(X, CLASSES, sample_weight=weights, epochs=2, verbose=0)
        same_weights(by_class, by_example)
        hot = classifier(loss=CATEGORICAL)
        hot.fit(X, np.eye(3)[CLASSES], class_weight=table, epochs=2, verbose=0)
        same_weights(by_class, hot)


class Loader:
    """Batches as a data loader has them: sized, indexed, told of the end of a pass."""

    def __init__(self):
        self.ends = 0

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return X[10 * i : 10 * i + 10], CLASSES[10 * i : 10 * i + 10]

    def on_epoch_end(self):
        self.ends += 1


class TestStreams:
    def test_a_generator_gives_what_arrays_give(self):
        def batches():
            while True:
                for i in range(0, 40, 10):
                    yield X[i : i + 10], CLASSES[i : i + 10]

        by_arrays, by_batches, by_loader = classifier(), classifier(), classifier()
        options = {"epochs": 3, "verbose": 0}
        a = by_arrays.fit(X, CLASSES, batch_size=10, shuffle=False, **options).history
        b = by_batches.fit(batches(), steps_per_epoch=4, **options).history
        loader = Loader()
        c = by_loader.fit(loader, **options).history
        assert a == b == c
        assert loader.ends == 3
        same_weights(by_arrays, by_batches, by_loader)
        expected = by_arrays.evaluate(X, CLASSES, verbose=0)
        assert by_arrays.evaluate(batches(), steps=4, verbose=0) == pytest.approx(expected)
        assert by_arrays.evaluate(Loader(), verbose=0) == pytest.approx(expected)
        whole = by_arrays.predict(X, verbose=0)
        parts = by_arrays.predict((x for x in (X[:10], X[10:])), verbose=0)
        np.testing.assert_allclose(parts, whole, rtol=1e-6)
        np.testing.assert_allclose(
            by_arrays.predict(batches(), steps=4, verbose=0), whole, rtol=1e-6
        )

    def test_one_that_ends_too_soon_is_told(self):
        model = classifier()
        with pytest.warns(UserWarning, match="the data ended after 2 of 3 steps"):
            model.fit(iter([(X, CLASSES)] * 5), steps_per_epoch=3, epochs=2, verbose=0)
        assert len(model.history.history["loss"]) == 2

    def test_steps_of_arrays_go_on_where_the_last_epoch_ended(self):
        seen = []

        class Model(Sequential):
            def train_step(self, x, y, weights=None):
                seen.append(x[:, 0].astype(int).tolist())
                return super().train_step(x, y, weights)

        model = Model([Input((1,)), Dense(2, "softmax")])
        model.compile(SGD(0.0), SPARSE)
        x = np.arange(6)[:, None]
        model.fit(x, x[:, 0] % 2, 2, 2, 0, shuffle=False, steps_per_epoch=2)
        assert seen == [[0, 1], [2, 3], [4, 5], [0, 1]]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"y": CLASSES}, "fit got y beside batches"),
            ({"validation_split": 0.5}, "validation_split needs arrays"),
        ],
    )
    def test_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            classifier().fit(iter([(X, CLASSES)]), **options)


class TestFit:
    def test_arguments_are_in_kerass_order(self):
        model = classifier()
        history = model.fit(X, CLASSES, 8, 3, 0, [EarlyStopping("val_loss", patience=9)], 0.25)
        assert len(history.history["val_loss"]) == 3

    def test_batch_size_none_is_32(self):
        class Count(Callback):
            def on_train_batch_end(self, batch, logs=None):
                seen.append(batch)

        seen = []
        classifier().fit(X, CLASSES, batch_size=None, callbacks=[Count()], verbose=0)
        assert seen == [0, 1]

    def test_without_shuffling_the_order_is_that_of_the_data(self):
        model, other = classifier(), classifier()
        model.fit(X, CLASSES, batch_size=10, shuffle=False, verbose=0)
        for i in range(0, 40, 10):
            other.train_on_batch(X[i : i + 10], CLASSES[i : i + 10])
        same_weights(model, other)

    def test_epochs_are_counted_from_the_first(self):
        class Look(Callback):
            def on_epoch_begin(self, epoch, logs=None):
                seen.append(epoch)

        seen = []
        model = classifier()
        model.fit(X, CLASSES, epochs=5, initial_epoch=3, callbacks=[Look()], verbose=0)
        assert seen == [3, 4]

    def test_ctrl_c_ends_it_with_the_best_weights(self):
        class Interrupt(Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 3:
                    raise KeyboardInterrupt

        model = classifier(optimizer=SGD(5.0))
        best = EarlyStopping("loss", patience=9, restore_best_weights=True)
        history = model.fit(X, CLASSES, epochs=9, callbacks=[best, Interrupt()], verbose=0)
        assert history is model.history
        assert len(history.history["loss"]) == 3
        other = classifier(optimizer=SGD(5.0))
        other.fit(X, CLASSES, epochs=best.best_epoch + 1, verbose=0)
        same_weights(model, other)

    def test_a_bar_shows_the_numbers_of_each_epoch(self, capsys):
        classifier().fit(X, CLASSES, epochs=2, verbose=2)
        lines = capsys.readouterr().out.splitlines()
        assert [line[:16] for line in lines] == ["Epoch 1/2 - loss", "Epoch 2/2 - loss"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"y": None}, "expected targets y beside the examples"),
            ({"validation_data": X}, r"validation_data should be \(x, y\)"),
            ({"sample_weight": [1.0]}, r"got 40 examples but sample_weight of shape \(1,\)"),
            (
                {"sample_weight": np.ones(40), "class_weight": {0: 1}},
                "class_weight or sample_weight",
            ),
        ],
    )
    def test_refused(self, options, message):
        with pytest.raises(ValueError, match=message):
            classifier().fit(**{"x": X, "y": CLASSES, "verbose": 0} | options)


class TestEvaluate:
    @pytest.mark.parametrize("batch_size", [None, 1, 7, 100])
    def test_does_not_depend_on_the_batches(self, batch_size):
        model = classifier()
        found = model.evaluate(X, CLASSES, batch_size, verbose=0)
        assert found == pytest.approx(model.evaluate(X, CLASSES, 40, 0), rel=1e-6)
        outputs = model.predict(X, batch_size, verbose=0)
        np.testing.assert_allclose(outputs, model.predict(X, 40, 0), rtol=1e-5)

    def test_callbacks_see_each_batch(self):
        class Look(Callback):
            def on_test_batch_end(self, batch, logs=None):
                seen.append((batch, sorted(logs)))

            def on_predict_batch_begin(self, batch, logs=None):
                seen.append(batch)

        seen = []
        model = classifier()
        model.evaluate(X, CLASSES, callbacks=[Look()], verbose=0)
        model.predict(X, batch_size=20, callbacks=[Look()], verbose=0)
        assert seen == [(0, ["accuracy", "loss"]), (1, ["accuracy", "loss"]), 0, 1]

    def test_steps_are_the_first_batches(self):
        model = classifier()
        found = model.evaluate(X, CLASSES, batch_size=8, steps=2, verbose=0)
        assert found == pytest.approx(model.evaluate(X[:16], CLASSES[:16], verbose=0))
        assert model.predict(X, batch_size=8, steps=2, verbose=0).shape == (16, 3)


class TestCompile:
    def test_by_names(self):
        for optimizer in ("adam", "sgd", Adam()):
            model = classifier(optimizer=optimizer, metrics=["acc"])
            assert model.metrics_names == ["loss", "acc"]
            model.fit(X, CLASSES, verbose=0)

    def test_eagerly_is_the_same(self):
        captured, eager = classifier(), classifier(run_eagerly=True)
        for model in (captured, eager):
            model.fit(X, CLASSES, epochs=2, batch_size=10, verbose=0)
        same_weights(captured, eager)

    def test_before_or_after_the_model_is_built(self):
        model = Sequential([Flatten(), Dense(3, "softmax")])
        model.compile("adam", SPARSE, metrics=["accuracy"])
        model.fit(X.reshape(40, 2, 2), CLASSES, verbose=0)
        assert model.output_shape == (None, 3)

    def test_regularizers_are_in_the_loss(self):
        def squares(w):
            return 0.5 * (w * w).sum()

        model = Sequential([Dense(1, input_shape=(4,), kernel_regularizer=squares)], seed=0)
        model.compile(SGD(0.1), "mse")
        kernel, _ = model.get_weights()
        error = model.predict(X, verbose=0) - X[:, :1]
        penalty = 0.5 * np.square(kernel).sum()
        loss = model.evaluate(X, X[:, :1], verbose=0)
        assert loss == pytest.approx(np.square(error).mean() + penalty, rel=1e-5)
        assert model.train_on_batch(X, X[:, :1]) == pytest.approx(loss, rel=1e-5)
        expected = kernel - 0.1 * (2 * X.T @ error / 40 + kernel)
        np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-4, atol=1e-6)
