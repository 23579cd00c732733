import numpy as np
import pytest

from tinygrad_hw.engine import Value
from tinygrad_hw.nn import Adam, Dense, Flatten, Rescaling, Sequential
from tinygrad_hw.nn.activations import ACTIVATIONS

Z = np.array([-1000.0, -3.0, -0.5, 0.0, 0.5, 3.0, 1000.0])
FORMULAS = {
    "linear": lambda z: z,
    "relu": lambda z: (z + np.abs(z)) / 2,
    "sigmoid": lambda z: (1 + np.tanh(z / 2)) / 2,
    "softmax": lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
    "softplus": lambda z: np.where(
        np.abs(z) > 40, np.maximum(z, 0), np.log(1 + np.exp(z * (np.abs(z) < 40)))
    ),
    "tanh": np.tanh,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_are_the_textbooks_and_keep_the_dtype(name, dtype):
    z = Z.astype(dtype).reshape(1, -1)
    expected = FORMULAS[name](Z).reshape(1, -1)
    for given, data in ((z, lambda out: out), (Value(z), lambda out: out.data)):
        out = data(ACTIVATIONS[name](given))
        np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-12)
        assert out.dtype == dtype


class TestDense:
    def test_gives_x_times_kernel_plus_bias(self):
        model = Sequential([Dense(2, input_shape=(3,))])
        kernel, bias = [[1.0, 2], [3, 4], [5, 6]], [10.0, 20]
        model.set_weights([kernel, bias])
        np.testing.assert_array_equal(model.predict([[1.0, 0, 2], [0, 1, 0]]), [[21, 34], [13, 24]])

    @pytest.mark.parametrize("name", ACTIVATIONS)
    def test_applies_its_activation_inside_and_at_the_end(self, name):
        def predicted(layers):
            model = Sequential(layers)
            model.set_weights([np.eye(2), [0, 0]] * len(layers))
            return model.predict([[-1.0, 2.0]])[0]

        expected = FORMULAS[name](np.array([-1.0, 2.0]))
        last = Dense(2, name, input_shape=(2,))
        inner = [Dense(2, name, input_shape=(2,)), Dense(2)]
        np.testing.assert_allclose(predicted([last]), expected, rtol=1e-6)
        np.testing.assert_allclose(predicted(inner), expected, rtol=1e-6)

    def test_bias_starts_at_zero_and_both_have_names(self):
        model = Sequential([Dense(3, input_shape=(4,)), Dense(2)])
        assert [p.label for p in model.parameters()] == [
            "dense/kernel",
            "dense/bias",
            "dense_1/kernel",
            "dense_1/bias",
        ]
        assert [p.shape for p in model.parameters()] == [(4, 3), (3,), (3, 2), (2,)]
        assert not model.get_weights()[1].any()
        assert not model.get_weights()[3].any()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"activation": "rleu"}, r"unknown activation 'rleu'; known are linear, relu, "),
            (
                {"kernel_initializer": "he"},
                r"unknown kernel_initializer 'he'; known are glorot_normal, glorot_uniform, ",
            ),
            ({"units": 0}, r"Dense got units=0; a layer needs at least 1"),
            ({"units": -3}, r"Dense got units=-3; a layer needs at least 1"),
        ],
    )
    def test_refuses_what_it_does_not_know(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            Dense(**{"units": 3} | arguments)

    def test_wants_flat_inputs(self):
        with pytest.raises(ValueError, match=r"shape \(28, 28\); put a Flatten\(\) before it"):
            Sequential([Dense(3, input_shape=(28, 28))])

    def test_wants_flat_inputs_as_a_later_layer_too(self):
        class Reshape(Flatten):
            def build(self, shape, generator):
                return (2, 2)

        with pytest.raises(ValueError, match=r"shape \(2, 2\); put a Flatten\(\) before it"):
            Sequential([Reshape(input_shape=(4,)), Dense(3)])


class TestRescaling:
    def test_whole_numbers_become_float32s_of_the_scale(self):
        pixels = np.array([[0, 51, 255]], np.uint8)
        out = Rescaling(1 / 255, input_shape=(3,))(Value.leaf(pixels, constant=True)).data
        np.testing.assert_allclose(out, [[0.0, 0.2, 1.0]], rtol=1e-7)
        assert out.dtype == np.float32

    def test_a_model_trains_on_images_as_on_their_float32s(self):
        pixels = np.random.default_rng(0).integers(0, 256, (40, 6)).astype(np.uint8)
        labels = np.arange(40) % 3
        weights = []
        for first, x in [
            ([Rescaling(1 / 255, input_shape=(6,))], pixels),
            ([Flatten(input_shape=(6,))], pixels.astype(np.float32) * np.float32(1 / 255)),
        ]:
            model = Sequential([*first, Dense(4, "tanh"), Dense(3, "softmax")], seed=1)
            model.compile(Adam(0.1), "sparse_categorical_crossentropy", jit_compile=False)
            model.fit(x, labels, batch_size=16, epochs=3, validation_split=0.2, verbose=0)
            weights.append([*model.get_weights(), model.predict(x)])
        for found, expected in zip(*weights, strict=True):
            np.testing.assert_array_equal(found, expected)


class TestFlatten:
    @pytest.mark.parametrize("shape", [(28, 28), (2, 3, 4), (5,)])
    def test_keeps_rows_and_order(self, shape):
        x = np.arange(3 * np.prod(shape), dtype=np.float32).reshape(3, *shape)
        model = Sequential([Flatten(input_shape=shape)])
        np.testing.assert_array_equal(model.predict(x), [row.ravel() for row in x])
        assert model.output_shapes == [(np.prod(shape),)]

    def test_passes_gradients_back_in_the_inputs_shape(self):
        x = Value(np.ones((2, 3, 4)))
        (Flatten()(x) * np.arange(12.0)).sum().backward()
        np.testing.assert_array_equal(x.grad, [np.arange(12.0).reshape(3, 4)] * 2)

    def test_takes_an_empty_batch(self):
        assert Flatten()(np.empty((0, 28, 28))).shape == (0, 784)
