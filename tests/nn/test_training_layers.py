"""Layers that are different in training, or change in it: random ones and normalizations."""

import numpy as np
import pytest

from tinygrad_hw.nn import SGD, Dense, Input, Layer, Sequential
from tinygrad_hw.nn.layers import BatchNormalization, Dropout, GaussianNoise, LayerNormalization

X = np.random.default_rng(0).normal(2.0, 3.0, size=(64, 5)).astype(np.float32)
Y = (X[:, 0] > 2).astype(int)


def trained(*layers, eager=False, seed=3, **fit):
    model = Sequential([Input((5,)), *layers, Dense(2, "softmax")], seed=seed)
    model.compile(SGD(0.1), "sparse_categorical_crossentropy", run_eagerly=eager)
    model.fit(X, Y, **{"epochs": 4, "batch_size": 16, "verbose": 0} | fit)
    return model


class TestDropout:
    def test_drops_its_fraction_and_keeps_the_mean(self):
        out = Dropout(0.25, seed=1)(np.ones((400, 50), np.float32), training=True)
        assert set(np.unique(out)) == {0.0, np.float32(4 / 3)}
        assert np.mean(out == 0) == pytest.approx(0.25, abs=0.01)
        assert out.mean() == pytest.approx(1.0, abs=0.02)

    def test_passes_inputs_on_when_not_in_training(self):
        assert Dropout(0.5)(X) is X
        np.testing.assert_array_equal(GaussianNoise(0.5)(X), X)

    def test_drops_along_an_axis_together(self):
        out = Dropout(0.5, noise_shape=(None, 1), seed=0)(np.ones((9, 4)), training=True)
        assert all(len(set(row)) == 1 for row in out.tolist())

    def test_each_step_of_a_model_drops_others(self):
        """A captured step gets new factors each time, of each layer, and of the last batch, too."""
        seen = []

        class Look(Dropout):
            def draw(self, shape, generator):
                seen.append(super().draw(shape, generator))
                return seen[-1]

        trained(Look(0.5), Dense(4, "relu"), Look(0.3), batch_size=24, epochs=3)
        assert [x.shape for x in seen] == [(n, k) for n in (24, 24, 16) * 3 for k in (5, 4)]
        assert len({x.tobytes() for x in seen}) == len(seen)

    @pytest.mark.parametrize("make", [lambda: Dropout(0.4), lambda: GaussianNoise(0.3)])
    def test_captured_steps_are_those_of_eager_ones(self, make):
        for a, b in zip(
            trained(make()).get_weights(), trained(make(), eager=True).get_weights(), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)

    def test_the_same_seed_gives_the_same_training(self):
        first, again, other = (
            trained(Dropout(0.4)),
            trained(Dropout(0.4)),
            trained(Dropout(0.4), seed=4),
        )
        np.testing.assert_array_equal(first.get_weights()[0], again.get_weights()[0])
        assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])

    def test_within_a_layer_of_ones_own(self):
        class Block(Layer):
            def __init__(self):
                super().__init__()
                self.dense, self.drop = Dense(4, "relu"), Dropout(0.5)

            def call(self, inputs):
                return self.drop(self.dense(inputs))

        inside, outside = trained(Block()), trained(Dense(4, "relu"), Dropout(0.5))
        for a, b in zip(inside.get_weights(), outside.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(inside.predict(X, verbose=0), inside.predict(X, verbose=0))

    def test_a_model_is_told_of_training_and_tells_its_layers(self):
        model = Sequential([Input((5,)), Dropout(0.5, seed=0), Sequential([Dropout(0.5, seed=1)])])
        assert np.mean(np.asarray(model(X, training=True)) == 0) == pytest.approx(0.75, abs=0.05)
        np.testing.assert_array_equal(np.asarray(model(X)), X)

    @pytest.mark.parametrize("make", [lambda: Dropout(1.5), lambda: GaussianNoise(-1)])
    def test_refuses_what_is_no_fraction(self, make):
        with pytest.raises(ValueError, match="0 to 1"):
            make()


class TestGaussianNoise:
    def test_has_its_deviation(self):
        noise = GaussianNoise(0.5, seed=0)(np.zeros((300, 100), np.float32), training=True)
        assert noise.mean() == pytest.approx(0, abs=0.02)
        assert noise.std() == pytest.approx(0.5, rel=0.02)


class TestBatchNormalization:
    def test_in_training_by_the_batch_and_else_by_averages(self):
        layer = BatchNormalization(momentum=0.9, epsilon=1e-5)
        out = layer(X, training=True).data
        mean, variance = X.mean(0), X.var(0)
        np.testing.assert_allclose(out, (X - mean) / np.sqrt(variance + 1e-5), rtol=1e-4, atol=1e-5)
        averages = [0.1 * mean, 0.9 + 0.1 * variance]
        for weight, expected in zip(layer.non_trainable_weights, averages, strict=True):
            np.testing.assert_allclose(weight.data, expected, rtol=1e-5)
        expected = (X - averages[0]) / np.sqrt(averages[1] + 1e-5)
        np.testing.assert_allclose(layer(X).data, expected, rtol=1e-4, atol=1e-5)

    def test_averages_move_in_captured_steps_as_in_eager_ones(self):
        models = [trained(BatchNormalization(), Dense(4, "tanh"), eager=e) for e in (False, True)]
        for a, b in zip(*[m.get_weights() for m in models], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
        layer = models[0].layers[0]
        assert [w.label.split("/")[1] for w in layer.weights] == [
            *("gamma", "beta", "moving_mean", "moving_variance")
        ]
        assert (layer.count_params(), len(layer.trainable_weights)) == (20, 2)
        assert layer.moving_mean.data.any()

    def test_on_images_and_another_axis(self):
        x = np.random.default_rng(1).normal(size=(6, 3, 4, 4))
        out = BatchNormalization(axis=1, epsilon=0.0, dtype="float64")(x, training=True).data
        np.testing.assert_allclose(out.mean((0, 2, 3)), 0, atol=1e-12)
        np.testing.assert_allclose(out.std((0, 2, 3)), 1)

    def test_frozen_it_uses_and_keeps_its_averages(self):
        layer = BatchNormalization(trainable=False)
        np.testing.assert_array_equal(layer(X, training=True).data, layer(X).data)
        assert not layer.moving_mean.data.any()


class TestLayerNormalization:
    @pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
    def test_gives_each_example_a_mean_of_0_and_a_variance_of_1(self, axis):
        x = np.random.default_rng(1).normal(3, 2, size=(4, 5, 6))
        layer = LayerNormalization(axis, epsilon=0.0, dtype="float64")
        out = layer(x).data
        np.testing.assert_allclose(out.mean(axis), 0, atol=1e-12)
        np.testing.assert_allclose(out.std(axis), 1)
        axes = (axis,) if isinstance(axis, int) else axis
        assert layer.gamma.shape == tuple(x.shape[i] for i in axes)

    def test_trains(self):
        for a, b in zip(
            trained(LayerNormalization()).get_weights(),
            trained(LayerNormalization(), eager=True).get_weights(),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
