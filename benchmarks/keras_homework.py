"""The homework's six trainings as their author would write them in Keras: the peer of ours.

    KERAS_BACKEND=jax python benchmarks/keras_homework.py

Data and networks are the homework's: MNIST, 784-128-1 on the digits 3 and 6 and 784-128-10 on all
ten, batches of 32, Adam at 0.001, a fifth of the images held out.
"""

from typing import Any

import keras
import numpy as np
from keras import callbacks, initializers, layers, optimizers

from tinygrad_hw.data import load

INITIALIZERS = [
    initializers.GlorotNormal(seed=1),
    initializers.HeNormal(seed=2),
    initializers.RandomNormal(stddev=0.1, seed=3),
    initializers.GlorotUniform(seed=4),
]


def mnist() -> tuple[Any, Any, Any, Any]:
    """Training and test images from 0 to 1, and their labels."""
    data = load()
    images, test_images = (x.astype("float32") / 255 for x in (data.x_train, data.x_test))
    return images, data.y_train, test_images, data.y_test


def two_digits(images: Any, labels: Any, first: int = 3, second: int = 6) -> tuple[Any, Any]:
    """Only the images of two digits; the second is class 1."""
    kept = np.isin(labels, (first, second))
    return images[kept], (labels[kept] == second).astype("float32")


def network(units: int, activation: str, initializer: Any, loss: str) -> Any:
    """One hidden layer of 128."""
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(128, activation="relu", kernel_initializer=initializer),
            layers.Dense(units, activation=activation),
        ]
    )
    model.compile(optimizers.Adam(0.001), loss=loss, metrics=["accuracy"])
    return model


def train(
    model: Any, images: Any, labels: Any, test: tuple[Any, Any], epochs: int, stopping: bool
) -> None:
    """Train, evaluate, predict."""
    early = callbacks.EarlyStopping("val_loss", patience=10, restore_best_weights=True)
    model.fit(
        images,
        labels,
        batch_size=32,
        epochs=epochs,
        validation_split=0.2,
        callbacks=[early] if stopping else [],
        verbose=2,
    )
    print(model.evaluate(*test, verbose=0))
    print(model.predict(test[0], verbose=0).shape)


def binary(images: Any, labels: Any, test: tuple[Any, Any]) -> None:
    """Train Question 2 with its early stopping, then once with each initializer."""
    loss = "binary_crossentropy"
    train(network(1, "sigmoid", "glorot_uniform", loss), images, labels, test, 20, stopping=True)
    for initializer in INITIALIZERS:
        train(network(1, "sigmoid", initializer, loss), images, labels, test, 30, stopping=False)


def ten_classes(images: Any, labels: Any, test: tuple[Any, Any], epochs: int = 20) -> None:
    """Train Question 3."""
    model = network(10, "softmax", "glorot_uniform", "sparse_categorical_crossentropy")
    train(model, images, labels, test, epochs, stopping=True)


def main() -> None:
    """Train one network after the other."""
    images, labels, *test = mnist()
    binary(*two_digits(images, labels), two_digits(*test))
    ten_classes(images, labels, tuple(test))


if __name__ == "__main__":
    main()
