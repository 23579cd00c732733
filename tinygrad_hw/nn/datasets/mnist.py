"""MNIST: 70,000 images of digits, 28 by 28 pixels."""

from typing import Any

import numpy as np
import numpy.typing as npt

Pair = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


def load_data(path: Any = "mnist.npz") -> tuple[Pair, Pair]:
    """Return ``(x_train, y_train), (x_test, y_test)``: pixels 0 to 255 and digits, as bytes.

    Parameters
    ----------
    path
        Keras's name for its copy of the data; here they come with the package.
    """
    if path != "mnist.npz":
        raise ValueError(
            f"load_data reads the package's own MNIST, got path={path!r}; for other files "
            "there is tinygrad_hw.data.load(folder)"
        )
    from tinygrad_hw.data import load

    data = load()
    train, test = (data.x_train, data.y_train), (data.x_test, data.y_test)
    return (train[0].copy(), train[1].copy()), (test[0].copy(), test[1].copy())
