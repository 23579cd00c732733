"""Models in ONNX Runtime: the same outputs, for any number of examples."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from tinygrad_hw.engine import ops
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn import Sequential, layers
from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.nn.layers import Dense, Dropout, Flatten, Input, Layer
from tinygrad_hw.nn.models import Model

RANDOM = np.random.default_rng(0)
FLAT, IMAGES = (6,), (7, 8, 3)
EVERY_LAYER = [
    (FLAT, "Dense", {"units": 4, "activation": "tanh"}),
    (FLAT, "Dense", {"units": 3, "use_bias": False, "dtype": "float64"}),
    ((5,), "Embedding", {"input_dim": 7, "output_dim": 3}),
    (IMAGES, "Flatten", {}),
    (FLAT, "Reshape", {"target_shape": (2, -1)}),
    (IMAGES, "Rescaling", {"scale": 0.1, "offset": -0.3}),
    (IMAGES, "Rescaling", {"scale": [0.1, 2.0, 1.0], "offset": [[1.0, 0.0, -1.0]]}),
    (FLAT, "Activation", {"activation": "softplus"}),
    (FLAT, "ReLU", {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2}),
    (FLAT, "LeakyReLU", {}),
    (IMAGES, "Softmax", {"axis": 1}),
    (FLAT, "Dropout", {"rate": 0.5}),
    (FLAT, "GaussianNoise", {"stddev": 0.5}),
    (FLAT, "BatchNormalization", {}),
    (IMAGES, "BatchNormalization", {"axis": 1, "center": False}),
    (IMAGES, "LayerNormalization", {"axis": [1, 2]}),
    (IMAGES, "Conv2D", {"filters": 4, "kernel_size": 3, "activation": "relu"}),
    (IMAGES, "Conv2D", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}),
    (IMAGES, "MaxPooling2D", {}),
    (IMAGES, "MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}),
    (IMAGES, "AveragePooling2D", {"pool_size": 2}),
    (IMAGES, "AveragePooling2D", {"pool_size": 3, "padding": "same"}),
    (IMAGES, "GlobalAveragePooling2D", {}),
]
MERGING = [
    *[(name, {}) for name in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")],
    ("Concatenate", {"axis": 1}),
    ("Dot", {"axes": 1, "normalize": True}),
]


def run(model, tmp_path):
    """Return the function that the file of a model is in ONNX Runtime."""
    path = tmp_path / "m.onnx"
    model.to_onnx(path)
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [x.name for x in (*session.get_inputs(), *session.get_outputs())] == [
        "inputs",
        "outputs",
    ]
    assert [x.shape[0] for x in (*session.get_inputs(), *session.get_outputs())] == ["batch"] * 2
    return lambda x: session.run(None, {"inputs": x})[0]


def assert_alike(model, tmp_path, examples):
    computed = run(model, tmp_path)
    for n in (1, 2, len(examples)):
        found, wanted = computed(examples[:n]), model.predict(examples[:n], verbose=0)
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("shape", "name", "settings"), EVERY_LAYER)
def test_every_layer(tmp_path, shape, name, settings):
    model = Sequential([Input(shape), getattr(layers, name)(**settings), Dense(2)], seed=0)
    model.compile("sgd", "mse")
    if name == "Embedding":
        x = RANDOM.integers(0, 7, (9, *shape))
    else:
        x = RANDOM.normal(size=(9, *shape)).astype(np.float32)
    target = RANDOM.normal(size=(9, *model.output_shape[1:]))
    model.fit(x, target, epochs=2, verbose=0)  # so that averages and biases are no zeros
    assert_alike(model, tmp_path, x)


@pytest.mark.parametrize(("name", "settings"), MERGING)
def test_every_layer_that_merges(tmp_path, name, settings):
    x = Input((6,))
    parts = [Dense(4, "tanh")(x), Dense(4)(x)]
    merged = getattr(layers, name)(**settings)(parts)
    assert_alike(Model(x, merged), tmp_path, RANDOM.normal(size=(9, 6)).astype(np.float32))


@pytest.mark.parametrize("options", [{}, {"use_causal_mask": True}])
def test_attention(tmp_path, options):
    x = Input((5, 6))
    attended = layers.MultiHeadAttention(2, 3, dropout=0.3)(x, x, **options)
    examples = RANDOM.normal(size=(9, 5, 6)).astype(np.float32)
    assert_alike(Model(x, attended), tmp_path, examples)


def test_operators_and_functions_of_numpy(tmp_path):
    x = Input((5, 6))
    hidden = Dense(6)(x)
    outputs = np.mean(np.tanh(x * 2.0 + hidden) / (1.0 + np.exp(-hidden)), axis=1) - hidden[:, 0]
    examples = RANDOM.normal(size=(9, 5, 6)).astype(np.float32)
    assert_alike(Model(x, outputs), tmp_path, examples)


def test_every_layer_is_there():
    known = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    tested = {name for _, name, _ in EVERY_LAYER} | {name for name, _ in MERGING}
    assert known - {"InputLayer", "Layer", "MultiHeadAttention", "Operation", "Symbol"} == tested


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(tmp_path, name):
    model = Sequential([Input(FLAT), Dense(4, name)], seed=0)
    assert_alike(model, tmp_path, 3 * RANDOM.normal(size=(9, *FLAT)).astype(np.float32))


def test_a_network_of_images(tmp_path):
    made = [
        layers.Rescaling(1 / 255),
        layers.Conv2D(4, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.BatchNormalization(),
        Flatten(),
        Dropout(0.5),
        Dense(5, activation="softmax"),  # as many as the fewest examples could be
    ]
    model = Sequential([Input((12, 11, 1)), *made], seed=0)
    images = RANDOM.integers(0, 256, (9, 12, 11, 1)).astype(np.float32)
    assert_alike(model, tmp_path, images)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(images, np.arange(9) % 5, verbose=0)
    assert_alike(model, tmp_path, images)


class Own(Layer):
    """A layer of the user's, told what to compute."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.concatenate([x, np.ones((x.shape[0], 2), np.float32)], axis=1),
        lambda x: ops.broadcast_to(ops.reshape(x, (x.shape[0], 1, 6)), (x.shape[0], 3, 6)),
        lambda x: ops.reshape(x, (3, x.shape[0] * 2)).T,
        lambda x: ops.reshape(x, (-1,))[x.shape[0] :],
    ],
    ids=["joined", "repeated", "folded", "cut"],
)
def test_layers_of_the_users_own(tmp_path, function):
    model = Sequential([Input(FLAT), Own(function)])
    x = RANDOM.normal(size=(9, *FLAT)).astype(np.float32)
    model.to_onnx(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    for n in (1, 4, 9):
        (found,) = session.run(None, {"inputs": x[:n]})
        np.testing.assert_allclose(found, model.predict_on_batch(x[:n]), rtol=1e-6)


def looped(x):
    return x * 2.0 if np.sum(x) > 0 else x


def by_number(x):
    return x / float(x.shape[0])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (looped, "mine cannot be written as ONNX: a layer has branches that depend on its inputs"),
        (by_number, "mine cannot be written as ONNX for any number of examples: a constant of the"),
        (lambda x: x + RANDOM.normal(size=6), "mine cannot be written as ONNX"),
        (np.linalg.pinv, "mine cannot be written as ONNX: .* cannot be exported to ONNX"),
    ],
    ids=["branch", "number of examples", "random", "no operator"],
)
def test_what_cannot_be_written_is_refused(tmp_path, function, message):
    model = Sequential([Input(FLAT), Own(function)], name="mine")
    with pytest.raises(InputError, match=f"^{message}"):
        model.to_onnx(tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_several_inputs(tmp_path):
    words = Input((3,), dtype="int32", name="words")
    numbers = Input((4,), name="some numbers")
    read = Flatten()(layers.Embedding(7, 2)(words))
    model = Model([words, numbers], Dense(2)(layers.concatenate([numbers, read])), seed=0)
    model.to_onnx(tmp_path / "m.onnx")
    onnx.checker.check_model(tmp_path / "m.onnx", full_check=True)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    described = [(x.name, x.type, x.shape) for x in session.get_inputs()]
    assert described == [
        ("words", "tensor(int32)", ["batch", 3]),
        ("some_numbers", "tensor(float)", ["batch", 4]),
    ]
    x = [RANDOM.integers(0, 7, (9, 3)).astype(np.int32), RANDOM.normal(size=(9, 4))]
    x[1] = x[1].astype(np.float32)
    for n in (1, 9):
        (found,) = session.run(None, {"words": x[0][:n], "some_numbers": x[1][:n]})
        wanted = model.predict([part[:n] for part in x], verbose=0)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


class Net(Model):
    """A model of the user's own."""

    def __init__(self):
        super().__init__(seed=0)
        self.inner, self.last = Dense(5, "tanh"), Dense(2)

    def call(self, inputs):
        return self.last(self.inner(inputs) + self.inner(-inputs))


def test_a_model_of_the_users_own(tmp_path):
    model = Net()
    with pytest.raises(InputError, match="is not built: it has no weights yet; call it on a batch"):
        model.to_onnx(tmp_path / "m.onnx")
    x = RANDOM.normal(size=(9, 4)).astype(np.float32)
    model(x)
    assert_alike(model, tmp_path, x)


def test_the_file_is_refused_or_replaced(tmp_path, monkeypatch):
    model = Sequential([Input(FLAT), Dense(1)])
    path = tmp_path / "m.onnx"
    path.write_text("something of mine")
    with pytest.raises(InputError, match="is there already; give another name, or overwrite=True"):
        model.to_onnx(path, overwrite=False)
    with pytest.raises(InputError, match=r'm\.safetensors should end in "\.onnx"'):
        model.to_onnx("m.safetensors")
    free = Sequential([Input((None, 3)), Dense(1)], name="free")
    message = r"^free cannot be written as ONNX: its inputs have the shape \(None, None, 3\); only"
    with pytest.raises(InputError, match=message):
        free.to_onnx(path)
    assert path.read_text() == "something of mine"
    assert_alike(model, tmp_path, RANDOM.normal(size=(9, *FLAT)).astype(np.float32))
    assert [x.name for x in tmp_path.iterdir()] == ["m.onnx"]
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if it were not installed
    with pytest.raises(InputError, match=r"onnx is not installed.*'tinygrad_hw\[onnx\]'"):
        model.to_onnx(path)
