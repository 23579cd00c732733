"""All parameters of a model in one buffer, and all their gradients in another.

An optimiser then works on two long arrays, whatever the layers are. Each layer's Value looks at its
part of the buffer through a view.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.node import TO_GRAPH, TO_USER

Float32s = npt.NDArray[np.float32]


class FlatParameters:
    """Values moved into one contiguous float32 buffer, in order.

    Attributes
    ----------
    values
        The parameters. Their data are views of ``data`` from now on.
    data, gradients
        The two buffers, of shape (number of parameters,).
    """

    def __init__(self, values: Iterable[Value]) -> None:
        self.values = list(values)
        sizes = [value.size for value in self.values]
        self.data: Float32s = np.empty(sum(sizes), np.float32)
        self.gradients: Float32s = np.zeros(sum(sizes), np.float32)
        self._views, self._gradient_views = [], []
        stops = np.cumsum(sizes)
        for value, stop in zip(self.values, stops, strict=True):
            part = slice(int(stop) - value.size, int(stop))
            self._views.append(self.data[part].reshape(value.shape))
            self._gradient_views.append(self.gradients[part].reshape(value.shape))
        self.set([value.raw for value in self.values])

    def set(self, arrays: Iterable[npt.ArrayLike]) -> None:
        """Write arrays of the parameters' shapes into the buffer."""
        for view, array in zip(self._views, arrays, strict=True):
            view[...] = array
        self.end_step()

    def begin_step(self) -> None:
        """Forget the gradients, and let the graph of a training step use the buffer as it is.

        A parameter that was given new data meanwhile brings them into the buffer.
        """
        for value, view in zip(self.values, self._views, strict=True):
            value.grad = None
            if value.raw is not view:
                view[...] = value.raw
                value.raw = view
            value.lent = TO_GRAPH

    def end_step(self) -> None:
        """Let every other graph take copies: it may outlive the buffer's present numbers."""
        for value, view in zip(self.values, self._views, strict=True):
            value.raw = view
            value.lent = TO_USER

    def gather_gradients(self) -> Float32s:
        """Bring the gradients of a backward pass together; each ``grad`` becomes a view."""
        for value, view in zip(self.values, self._gradient_views, strict=True):
            if value.grad is None:
                view.fill(0)
            else:
                np.copyto(view, value.grad)
            value.grad = view
        return self.gradients
