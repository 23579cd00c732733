"""Layers on images (n, rows, columns, channels): convolution and pooling, by windows.

With the windows below each other in one matrix, a convolution is one matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.nn import initializers, regularizers
from tinygrad_hw.nn.layers.activations import Activated
from tinygrad_hw.nn.layers.base import Layer, Shape
from tinygrad_hw.nn.layers.core import positive

Pair = tuple[int, int]


def _pair(layer: str, name: str, numbers: Any) -> Pair:
    """Return two whole numbers, of rows and columns, from two or one."""
    pair = (numbers, numbers) if isinstance(numbers, int) else tuple(numbers)
    if len(pair) != 2:
        raise ValueError(f"{layer} got {name}={numbers!r}; give one number or two")
    positive(layer, **{name: pair[0]})
    positive(layer, **{name: pair[1]})
    return pair


class Windows(NamedTuple):
    """Windows on images: their size, how far they move, and whether images are padded."""

    size: Pair
    strides: Pair
    padding: str

    @classmethod
    def of(cls, layer: str, size: Pair, strides: Pair, padding: Any, data_format: Any) -> Windows:
        """Return windows; refuse what there is not."""
        padding = str(padding).lower()
        if padding not in ("valid", "same"):
            raise ValueError(f'{layer} got padding={padding!r}; give "valid" or "same"')
        if data_format not in (None, "channels_last"):
            raise ValueError(f'{layer} got data_format={data_format!r}; there is "channels_last"')
        return cls(size, strides, padding)

    def output(self, name: str, shape: Shape) -> tuple[int | None, int | None]:
        """Return how many windows there are along the rows and the columns of a batch's shape."""
        if len(shape) != 4:
            raise ValueError(
                f"{name} got inputs of shape {shape}; it needs (n, rows, columns, channels)"
            )
        counts: list[int | None] = []
        for n, size, stride in zip(shape[1:3], self.size, self.strides, strict=True):
            if n is None:
                counts.append(None)
                continue
            count = -(-n // stride) if self.padding == "same" else (n - size) // stride + 1
            if count < 1:
                raise ValueError(f"{name} got inputs of shape {shape}, smaller than {self.size}")
            counts.append(count)
        return counts[0], counts[1]

    def pad(self, x: Any, value: float) -> Any:
        """Return the images with what "same" adds around them: after rather than before."""
        if self.padding == "valid":
            return x
        widths = [(0, 0)]
        for n, size, stride in zip(x.shape[1:3], self.size, self.strides, strict=True):
            more = max((-(-n // stride) - 1) * stride + size - n, 0)
            widths.append((more // 2, more - more // 2))
        if not any(any(pair) for pair in widths):
            return x
        return np.pad(x, [*widths, (0, 0)], constant_values=value)


class Conv2D(Activated):
    """Layer of filters: each output is a weighted sum over a window of the images.

    Parameters
    ----------
    filters
        Number of output channels.
    kernel_size, strides
        Rows and columns of a window, and how far it moves; one number for both, or two.
    padding
        "valid": windows lie within the images; "same": images get zeros around them, so that with
        strides of 1 the outputs are as large.
    activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer
        As those of Dense. The kernel has the shape (rows, columns, channels, filters).

    There is no ``dilation_rate`` and no ``groups`` but 1, and "channels_last" alone.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **options: Any,
    ) -> None:
        positive("Conv2D", filters=filters)
        super().__init__(activation, **options)
        self.dilation_rate = _pair("Conv2D", "dilation_rate", dilation_rate)
        if self.dilation_rate != (1, 1) or groups != 1:
            raise ValueError("Conv2D has no dilation_rate and no groups but 1: leave them away")
        self.filters, self.groups, self.data_format = filters, groups, data_format
        self.kernel_size = _pair("Conv2D", "kernel_size", kernel_size)
        self.strides = _pair("Conv2D", "strides", strides)
        self.windows = Windows.of("Conv2D", self.kernel_size, self.strides, padding, data_format)
        self.padding, self.use_bias = self.windows.padding, use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    def build(self, input_shape: Shape) -> None:
        """Draw the kernel and the bias."""
        counts = self.windows.output(self.name, input_shape)
        self.products_per_example = math.prod([n or 1 for n in counts])
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(
                f"{self.name} got inputs of shape {input_shape}: no number of channels"
            )
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.filters),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                (self.filters,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                name="bias",
            )

    def logits(self, inputs: Any) -> Any:
        """Return the weighted sums over all windows."""
        n, rows, columns, _ = self.compute_output_shape(inputs.shape)
        patches = ops.windows(self.windows.pad(inputs, 0.0), *self.windows[:2])
        width = self.kernel.size // self.filters
        sums = ops.matmul(
            ops.reshape(patches, (n * rows * columns, width)),
            ops.reshape(self.kernel, (width, self.filters)),
        )
        sums = ops.reshape(sums, (n, rows, columns, self.filters))
        return sums + self.bias if self.use_bias else sums

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """Return (n, rows, columns, filters)."""
        return (input_shape[0], *self.windows.output(self.name, input_shape), self.filters)


class _Pooling2D(Layer):
    """Base class of pooling: one number for each window of each channel."""

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        kind = type(self).__name__
        self.pool_size = _pair(kind, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else _pair(kind, "strides", strides)
        self.windows = Windows.of(kind, self.pool_size, self.strides, padding, data_format)
        self.padding, self.data_format = self.windows.padding, data_format

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """Return (n, rows, columns, channels)."""
        return (input_shape[0], *self.windows.output(self.name, input_shape), input_shape[3])


class MaxPooling2D(_Pooling2D):
    """Layer of the largest number in each window; equal ones share the gradient.

    Parameters
    ----------
    pool_size, strides
        Rows and columns of a window, and how far it moves: by default its own size.
    padding
        As that of Conv2D; what is added is never the largest.
    """

    def call(self, inputs: Any) -> Any:
        """Return the maxima."""
        x, steps = _before_pooling(inputs)
        maxima = ops.max_pool(self.windows.pad(x, -math.inf), *self.windows[:2])
        for operation, others in steps:
            maxima = operation(maxima, *others)
        return maxima


def _before_pooling(x: Any) -> tuple[Any, list[tuple[Any, tuple[Any, ...]]]]:
    """Return images as they were before their biases and relu, and these steps.

    They keep the order of a channel's pixels: so they are as well done to the maxima, which are
    fewer.
    """
    steps: list[tuple[Any, tuple[Any, ...]]] = []
    while True:
        operation = getattr(x, "operation", None)
        is_bias = operation is ops.add and [v.shape for v in x.inputs] == [x.shape, x.shape[-1:]]
        if not (is_bias or operation is ops.relu):
            return x, steps
        steps.insert(0, (operation, x.inputs[1:]))
        x = x.inputs[0]


class AveragePooling2D(_Pooling2D):
    """Layer of the mean of each window; what "same" adds does not count.

    The parameters are those of ``MaxPooling2D``; as in Keras, ``pool_size`` has no default.
    """

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **options)

    def call(self, inputs: Any) -> Any:
        """Return the means."""
        if self.padding == "valid":
            return np.mean(ops.windows(inputs, *self.windows[:2]), axis=(3, 4))
        ones = np.ones((1, *inputs.shape[1:3], 1), self.dtype)
        sums, counts = [
            np.sum(ops.windows(self.windows.pad(x, 0.0), *self.windows[:2]), axis=(3, 4))
            for x in (inputs, ones)
        ]
        return sums / counts


class GlobalAveragePooling2D(Layer):
    """Layer of each channel's mean over the whole image: (n, rows, columns, c) to (n, c)."""

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        if data_format not in (None, "channels_last"):
            raise ValueError(
                f'GlobalAveragePooling2D got data_format={data_format!r}; there is "channels_last"'
            )
        self.data_format, self.keepdims = data_format, keepdims

    def call(self, inputs: Any) -> Any:
        """Return the means."""
        return np.mean(inputs, axis=(1, 2), keepdims=self.keepdims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (n, channels), or (n, 1, 1, channels)."""
        n, _, _, channels = input_shape
        return (n, 1, 1, channels) if self.keepdims else (n, channels)
