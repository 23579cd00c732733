"""The ten-class network on MNIST: ``fit`` itself, inference, and the memory of a whole training."""

import contextlib
import dataclasses
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import steps
from measuring import Result, median_time, peak_megabytes

TRAINED, EPOCHS_FOR_MEMORY = 48_000, 2
STEPS_AN_EPOCH = TRAINED // steps.TEN_CLASSES.batch
PARTS = (500, 1000, 10_000)

Images = npt.NDArray[np.float32]


class Terminal(io.StringIO):
    """Takes what is printed, and has a progress bar believe that somebody is watching."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def our_fit(threads: int, jit: bool) -> Result:
    """``Sequential.fit``."""
    from tinygrad_hw.nn import Adam

    model = steps.our_model(steps.TEN_CLASSES)
    model.compile(Adam(steps.RATE), loss=steps.LOSS, metrics=["accuracy"], jit_compile=jit)
    return _fit(model)


def keras_fit(threads: int) -> Result:
    """Keras's ``fit``, on JAX."""
    return _fit(steps.keras_model(steps.TEN_CLASSES))


def our_bare_steps(threads: int, jit: bool) -> Result:
    """``Sequential.train_on_batch`` on one batch, as often as in an epoch.

    So what interrupts some of the steps counts as it does in ``fit``; a median of single steps
    would leave it out.
    """
    step = steps.train_step(steps.TEN_CLASSES, threads, jit)

    def epoch() -> None:
        for _ in range(STEPS_AN_EPOCH):
            step()

    return Result(median_time(epoch, seconds=2, at_least=3) / STEPS_AN_EPOCH)


def _fit(model: Any) -> Result:
    """Seconds a step in whole epochs, metrics and progress included."""
    from tinygrad_hw.data import load

    data = load()
    x = np.divide(data.x_train[:TRAINED].reshape(TRAINED, -1), np.float32(255))
    y = data.y_train[:TRAINED].astype(np.int64)
    with contextlib.redirect_stdout(Terminal()):
        epoch = median_time(lambda: model.fit(x, y, batch_size=32, epochs=1), seconds=2, at_least=3)
    return Result(epoch / STEPS_AN_EPOCH)


def our_inference(threads: int, jit: bool) -> Result:
    """``Sequential.predict``."""
    from tinygrad_hw.nn import Adam

    model = steps.our_model(steps.TEN_CLASSES)
    model.compile(Adam(steps.RATE), loss=steps.LOSS, jit_compile=jit)
    images = _test_images()
    return _inference(lambda: model.predict(images, verbose=0))


def torch_inference(threads: int) -> Result:
    """PyTorch in inference mode, in the parts that suit it best."""
    import torch

    model = torch.nn.Sequential(
        steps.torch_model(steps.TEN_CLASSES, threads), torch.nn.Softmax(dim=1)
    )
    images = torch.from_numpy(_test_images())

    def in_parts(rows: int) -> Callable[[], Any]:
        def predict() -> Any:
            with torch.inference_mode():
                return torch.cat([model(part) for part in images.split(rows)]).numpy()

        return predict

    return _best(in_parts)


def jax_inference(threads: int) -> Result:
    """JAX, jitted, in the parts that suit it best."""
    import jax

    weights = list(map(jax.device_put, steps.TEN_CLASSES.weights()))
    compiled = jax.jit(lambda x: jax.nn.softmax(steps.jax_logits(weights, x)))
    images = _test_images()

    def in_parts(rows: int) -> Callable[[], Any]:
        parts = [jax.device_put(images[i : i + rows]) for i in range(0, len(images), rows)]
        return lambda: np.concatenate([compiled(part) for part in parts])

    return _best(in_parts)


def keras_inference(threads: int) -> Result:
    """Keras's ``predict`` on JAX, in the parts that suit it best."""
    model = steps.keras_model(steps.TEN_CLASSES)
    images = _test_images()
    return _best(lambda rows: lambda: model.predict(images, batch_size=rows, verbose=0))


def _best(in_parts: Callable[[int], Callable[[], Any]]) -> Result:
    return min((_inference(in_parts(rows)) for rows in PARTS), key=lambda result: result.value)


def _inference(predict: Callable[[], Any]) -> Result:
    outputs = predict()[:3]
    return Result(median_time(predict), check=[float(p) for p in outputs.ravel()])


def _test_images() -> Images:
    from tinygrad_hw.data import load

    images = load().x_test
    return np.divide(images.reshape(len(images), -1), np.float32(255))


def our_memory(threads: int) -> Result:
    """Peak of the homework's ten-class training, from reading the files to the evaluation."""
    from tinygrad_hw.data import load
    from tinygrad_hw.homework.experiments import TEN, train

    short = dataclasses.replace(TEN, epochs=EPOCHS_FOR_MEMORY)
    train(short, load(), seed=0, listener=lambda *event: None)
    return Result(peak_megabytes())


def keras_memory(threads: int) -> Result:
    """The same with Keras on JAX."""
    import keras_homework

    images, labels, *test = keras_homework.mnist()
    with contextlib.redirect_stdout(io.StringIO()):
        keras_homework.ten_classes(images, labels, tuple(test), EPOCHS_FOR_MEMORY)
    return Result(peak_megabytes())
