"""``import tinygrad_hw as tf`` gives ``tf.keras``, with Keras's modules, when it is asked for."""

import importlib
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_hw as tf
from tinygrad_hw.data import load
from tinygrad_hw.nn import utils

MODULES = (
    "activations callbacks datasets initializers layers losses metrics models optimizers "
    "regularizers utils"
).split()


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_kerass(name):
    assert getattr(tf.keras, name) is importlib.import_module(f"tinygrad_hw.nn.{name}")


def test_it_is_imported_when_it_is_used_and_no_extra_with_it():
    code = (
        "import sys, tinygrad_hw as tf; before = 'tinygrad_hw.nn' in sys.modules; tf.keras;"
        "print(before, *{name.partition('.')[0] for name in sys.modules}, *sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, *loaded = run.stdout.split()
    assert (before, "tinygrad_hw.nn.wrappers" in loaded) == ("False", True)
    extras = {"onnx", "keras", "sklearn", "safetensors", "pandas", "PIL", "joblib", "distributed"}
    assert not extras & set(loaded)


def test_mnist_is_the_packages_own_and_may_be_changed():
    (x, y), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
    assert (x.shape, x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert {a.dtype for a in (x, y, x_test, y_test)} == {np.dtype(np.uint8)}
    y[0] = 9
    assert load().y_train[0] == 5
    with pytest.raises(ValueError, match=r"reads the package's own MNIST, got path='a\.npz'"):
        tf.keras.datasets.mnist.load_data("a.npz")


def test_to_categorical():
    np.testing.assert_array_equal(utils.to_categorical([[0], [2]]), [[1, 0, 0], [0, 0, 1]])
    assert utils.to_categorical([1], num_classes=4).shape == (1, 4)
    with pytest.raises(ValueError, match="got class 2 and num_classes=2"):
        utils.to_categorical([2], 2)
    with pytest.raises(ValueError, match="no classes"):
        utils.to_categorical([0.5])


def test_a_seed_of_the_process_makes_models_repeatable():
    def weights():
        return tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=(4,))]).get_weights()[0]

    utils.set_random_seed(3)
    first, second = weights(), weights()
    utils.set_random_seed(3)
    np.testing.assert_array_equal(weights(), first)
    assert not np.array_equal(first, second)


def test_a_cleared_session_numbers_from_the_start():
    names = [tf.keras.layers.Dense(1).name for _ in range(2)]
    utils.clear_session()
    assert [*names, tf.keras.layers.Dense(1).name] == ["dense", "dense_1", "dense"]
