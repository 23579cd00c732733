import numpy as np
import pytest

from tinygrad_hw.engine import Value
from tinygrad_hw.nn import SGD, Adam, Dense, Flatten, Rescaling, Sequential
from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.nn.layers import (
    Activation,
    Embedding,
    Input,
    Layer,
    LeakyReLU,
    ReLU,
    Reshape,
    Softmax,
)

FORMULAS = {
    "linear": lambda z: z,
    "relu": lambda z: (z + np.abs(z)) / 2,
    "sigmoid": lambda z: (1 + np.tanh(z / 2)) / 2,
    "softmax": lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "tanh": np.tanh,
}


class TestDense:
    def test_gives_x_times_kernel_plus_bias(self):
        model = Sequential([Dense(2, input_shape=(3,))])
        kernel, bias = [[1.0, 2], [3, 4], [5, 6]], [10.0, 20]
        model.set_weights([kernel, bias])
        np.testing.assert_array_equal(model.predict([[1.0, 0, 2], [0, 1, 0]]), [[21, 34], [13, 24]])

    @pytest.mark.parametrize("name", FORMULAS)
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
                r"unknown initializer 'he'; known are constant, glorot_normal, glorot_uniform, ",
            ),
            ({"units": 0}, r"Dense got units=0; a layer needs at least 1"),
            ({"units": -3}, r"Dense got units=-3; a layer needs at least 1"),
        ],
    )
    def test_refuses_what_it_does_not_know(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            Dense(**{"units": 3} | arguments)

    def test_needs_a_last_dimension(self):
        for shape in ((), (None,)):
            with pytest.raises(ValueError, match=r"dense.* got inputs of shape"):
                Sequential([Dense(3, input_shape=shape)])

    def test_computes_on_the_last_dimension_of_larger_inputs(self):
        model = Sequential([Dense(2, input_shape=(4, 3))], seed=0)
        x = np.arange(24.0).reshape(2, 4, 3)
        kernel, bias = model.get_weights()
        assert model.output_shape == (None, 4, 2)
        np.testing.assert_allclose(model.predict(x), x @ kernel + bias, rtol=1e-6)


class TestRescaling:
    def test_it_takes_numbers(self):
        x = np.array([[1.0, 10.0], [2.0, 20.0]])
        out = Rescaling([1, 2], offset=[0.5, 0.25])(x)
        np.testing.assert_array_equal(out.data, [[1.5, 20.25], [2.5, 40.25]])
        for scale in ("2", [1.0, None], {}):
            with pytest.raises(ValueError, match=r"Rescaling got scale=.*; give a number, or sev"):
                Rescaling(scale)
        with pytest.raises(ValueError, match="Rescaling got offset=None; give a number"):
            Rescaling(1.0, offset=None)

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
        assert model.output_shape == (None, np.prod(shape))

    def test_passes_gradients_back_in_the_inputs_shape(self):
        x = Value(np.ones((2, 3, 4)))
        (Flatten()(x) * np.arange(12.0)).sum().backward()
        np.testing.assert_array_equal(x.grad, [np.arange(12.0).reshape(3, 4)] * 2)

    def test_takes_an_empty_batch(self):
        assert Flatten()(np.empty((0, 28, 28))).shape == (0, 784)


class TestActivationLayers:
    @pytest.mark.parametrize(
        ("layer", "expected"),
        [
            (ReLU(), [0, 0, 0, 0.5, 3]),
            (ReLU(max_value=2), [0, 0, 0, 0.5, 2]),
            (ReLU(negative_slope=0.1, threshold=1.0), [-0.4, -0.15, -0.1, -0.05, 3]),
            (LeakyReLU(), [-0.9, -0.15, 0, 0.5, 3]),
            (LeakyReLU(0.5), [-1.5, -0.25, 0, 0.5, 3]),
            (Activation("tanh"), np.tanh([-3, -0.5, 0, 0.5, 3])),
            (Activation(np.sin), np.sin([-3, -0.5, 0, 0.5, 3])),
        ],
    )
    def test_give_the_formulas_values(self, layer, expected):
        x = np.array([[-3.0, -0.5, 0.0, 0.5, 3.0]], np.float32)
        np.testing.assert_allclose(layer(x).data, [expected], rtol=1e-6)
        assert layer.compute_output_shape((None, 5)) == (None, 5)

    def test_softmax_along_an_axis(self):
        x = np.random.default_rng(0).normal(size=(2, 3, 4))
        for axis in (1, -1):
            e = np.exp(x)
            np.testing.assert_allclose(Softmax(axis)(x).data, e / e.sum(axis, keepdims=True))

    @pytest.mark.parametrize("make", [lambda: ReLU(max_value=-1), lambda: LeakyReLU(-0.1)])
    def test_refuse_negative_numbers(self, make):
        with pytest.raises(ValueError, match="should be at least 0"):
            make()


class TestReshape:
    def test_fills_in_a_minus_one(self):
        model = Sequential([Reshape((2, -1), input_shape=(6,))])
        assert model.output_shape == (None, 2, 3)
        np.testing.assert_array_equal(model.predict([np.arange(6)]), [[[0, 1, 2], [3, 4, 5]]])

    def test_refuses_what_does_not_fit(self):
        with pytest.raises(ValueError, match=r"6 numbers; they do not fill target_shape=\(4,\)"):
            Sequential([Reshape((4,), input_shape=(6,))])


class TestEmbedding:
    def test_looks_up_rows_and_adds_gradients_of_repeated_ones(self):
        layer = Embedding(4, 3, "ones")
        out = layer(np.array([[1, 3, 1]]))
        assert out.shape == (1, 3, 3)
        out.sum().backward()
        np.testing.assert_array_equal(layer.embeddings.grad, [[0] * 3, [2] * 3, [0] * 3, [1] * 3])

    def test_trains_in_a_model_on_whole_numbers(self):
        words = np.random.default_rng(0).integers(0, 5, (40, 2))
        model = Sequential([Input((2,)), Embedding(5, 4, "glorot_uniform"), Flatten()], seed=0)
        model.add(Dense(2, "softmax"))
        model.compile(Adam(0.1), "sparse_categorical_crossentropy", metrics=["acc"])
        history = model.fit(words, (words[:, 0] > 2).astype(int), epochs=15, verbose=0).history
        assert history["acc"][-1] == 1.0

    def test_whole_numbers_may_come_as_floats(self):
        """As from a data frame, or from Input((2,)), whose dtype is float32."""
        model = Sequential([Embedding(5, 4)], seed=0)
        for seed in range(6):
            words = np.random.default_rng(seed).integers(0, 5, (7, 2))
            rows = model.predict(words.astype(float))
            np.testing.assert_array_equal(rows, model.get_weights()[0][words])


class Scale(Layer):
    """A layer as Keras's guide has it: a weight for each column."""

    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, inputs, training=False):
        return inputs * self.scale * (2.0 if training else 1.0)


class Twice(Layer):
    """Layers in a layer, one of them in a list."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first, self.others = Dense(3, "tanh"), [Scale()]

    def call(self, inputs):
        return self.others[0](self.first(inputs))


class TestOwnLayers:
    def test_have_their_own_weights_and_then_those_inside(self):
        layer = Twice()
        assert (layer.built, layer.weights) == (False, [])
        assert layer.compute_output_shape((None, 5)) == (None, 3)
        assert [w.shape for w in layer.weights] == [(5, 3), (3,), (3,)]
        assert layer.count_params() == 21

    def test_layers_inside_are_told_of_training(self):
        layer, x = Twice(), np.ones((1, 2))
        np.testing.assert_array_equal(layer(x).data, layer.others[0](layer.first(x)).data)
        np.testing.assert_array_equal(Scale()(x, training=True).data, 2 * x)

    def test_train_in_a_model_as_their_parts_would(self):
        x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
        y = (x[:, 0] > 0).astype(int)
        models = [
            Sequential([Input((4,)), *layers, Dense(2, "softmax")], seed=1)
            for layers in ([Twice()], [Dense(3, "tanh"), Scale()])
        ]
        for model in models:
            model.compile(SGD(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
            model.fit(x, y, epochs=20, verbose=0)
        for found, expected in zip(*[m.get_weights() for m in models], strict=True):
            np.testing.assert_array_equal(found, expected)
        assert models[0].evaluate(x, y, verbose=0)[1] > 0.8

    def test_without_call_say_so(self):
        with pytest.raises(NotImplementedError, match=r"Layer has no call\(inputs\); write one"):
            Layer()(np.ones((2, 2)))


class TestLayer:
    def test_names_are_unique_in_a_process_as_kerass(self):
        names = [layer.name for layer in (Dense(1), LeakyReLU(), ReLU(), Dense(1), Twice())]
        assert names == ["dense", "leaky_re_lu", "re_lu", "dense_1", "twice"]
        assert Dense(1, name="last").name == "last"

    def test_trainable_may_be_changed_and_goes_to_the_layers_inside(self):
        layer = Twice()
        layer(np.ones((1, 2)))
        layer.trainable = False
        assert (layer.trainable_weights, len(layer.non_trainable_weights)) == ([], 3)
        layer.trainable = True
        assert (len(layer.trainable_weights), layer.non_trainable_weights) == (3, [])

    def test_a_frozen_layer_stays_while_the_others_train(self):
        model = Sequential([Dense(3, input_shape=(2,)), Dense(2, "softmax", trainable=True)])
        model.compile(SGD(0.5), "sparse_categorical_crossentropy")
        x, y = np.eye(2), [0, 1]
        model.fit(x, y, verbose=0)
        model.layers[0].trainable = False
        before = model.get_weights()
        model.fit(x, y, epochs=5, verbose=0)
        same = [np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True)]
        assert same == [True, True, False, False]

    def test_an_equal_layer_is_made_of_its_configuration(self):
        layer = Dense(3, "relu", use_bias=False, name="one", kernel_initializer="he_normal")
        config = layer.get_config()
        other = Dense.from_config(config)
        assert (other.name, other.units, other.use_bias) == ("one", 3, False)
        assert other.activation is ACTIVATIONS["relu"]
        assert other.get_config() == config

    def test_without_a_bias(self):
        model = Sequential([Dense(3, use_bias=False, input_shape=(2,))])
        assert [w.shape for w in model.weights] == [(2, 3)]

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Dense(3, kernel_regularizer=3), "regularizer should be a name, an object"),
            (lambda: Dense(3, name=3), "Dense got name=3; give a string"),
            (lambda: Dense(3).count_params(), "dense is not built: it has no weights yet"),
            (Input, "Input needs shape="),
        ],
    )
    def test_errors(self, make, message):
        with pytest.raises(ValueError, match=message):
            make()
