"""One training step of a convolutional network on images of digits, from the same weights."""

from typing import Any

import numpy as np
import numpy.typing as npt
from measuring import Result, checked_steps
from steps import EPSILON, LOSS, RATE, Arrays

BATCH, CLASSES, SIDE = 64, 10, 5  # rows and columns that are left for the dense layer
FIRST, SECOND = 32, 64


def examples() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Images and their classes."""
    generator = np.random.default_rng(0)
    x = generator.random((BATCH, 28, 28, 1), dtype=np.float32)
    return x, generator.integers(0, CLASSES, BATCH)


def weights() -> Arrays:
    """Kernel and bias of every layer, in order."""
    generator = np.random.default_rng(1)
    arrays = []
    for shape in ((3, 3, 1, FIRST), (3, 3, FIRST, SECOND), (SIDE * SIDE * SECOND, CLASSES)):
        kernel = generator.standard_normal(shape, dtype=np.float32)
        fan_in = np.prod(shape[:-1])
        arrays += [kernel * np.float32(fan_in**-0.5), np.zeros(shape[-1], np.float32)]
    return arrays


def ours(threads: int, jit: bool) -> Result:
    """``Sequential.train_on_batch``."""
    from tinygrad_hw.nn import Adam, Dense, Flatten, Input, Sequential
    from tinygrad_hw.nn.layers import Conv2D, MaxPooling2D

    model = Sequential(
        [
            Input((28, 28, 1)),
            Conv2D(FIRST, 3, activation="relu"),
            MaxPooling2D(),
            Conv2D(SECOND, 3, activation="relu"),
            MaxPooling2D(),
            Flatten(),
            Dense(CLASSES, activation="softmax"),
        ]
    )
    model.set_weights(weights())
    model.compile(Adam(RATE), loss=LOSS, jit_compile=jit)
    x, y = examples()
    return checked_steps(lambda: model.train_on_batch(x, y))


def pytorch(threads: int, channels_last: bool = False, compiled: bool = False) -> Result:
    """PyTorch with its fused Adam: channels first or last, as it is or compiled."""
    import torch

    torch.set_num_threads(threads)
    memory = torch.channels_last if channels_last else torch.contiguous_format
    model = _torch_model().to(memory_format=memory)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, eps=EPSILON, fused=True)
    loss_of = torch.nn.CrossEntropyLoss()
    images, labels = examples()
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(memory_format=memory)
    y = torch.from_numpy(labels)
    forward = torch.compile(model) if compiled else model

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(forward(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return checked_steps(step)


def _torch_model() -> Any:
    import torch

    first, first_bias, second, second_bias, dense, bias = weights()
    by_channel = dense.reshape(SIDE, SIDE, SECOND, CLASSES).transpose(3, 2, 0, 1)
    layers = [
        torch.nn.Conv2d(1, FIRST, 3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(FIRST, SECOND, 3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(len(dense), CLASSES),
    ]
    kernels = [first.transpose(3, 2, 0, 1), second.transpose(3, 2, 0, 1)]
    kernels.append(by_channel.reshape(CLASSES, -1))
    for i, kernel, b in zip((0, 3, 7), kernels, (first_bias, second_bias, bias), strict=True):
        layers[i].weight.data = torch.from_numpy(np.ascontiguousarray(kernel))
        layers[i].bias.data = torch.from_numpy(b)
    return torch.nn.Sequential(*layers)
