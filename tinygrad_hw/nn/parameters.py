"""All parameters of a model in one buffer, and all their gradients in another.

An optimiser then works on two long arrays, whatever the layers are. Each layer's Value looks at its
part of the buffer through a view.
"""

import warnings
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import Value

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
        self._views: list[Float32s] = []
        self._gradient_views: list[Float32s] = []
        self._kept: dict[int, Float32s] = {}  # parameters that this step must not move
        self._said = False
        stops = np.cumsum(sizes)
        for value, stop in zip(self.values, stops, strict=True):
            part = slice(int(stop) - value.size, int(stop))
            self._views.append(self.data[part].reshape(value.shape))
            self._gradient_views.append(self.gradients[part].reshape(value.shape))
        self.set([value.raw for value in self.values])

    def set(self, arrays: Iterable[npt.ArrayLike]) -> None:
        """Write arrays of the parameters' shapes into the buffer."""
        self._kept.clear()
        for view, array in zip(self._views, arrays, strict=True):
            view[...] = array
        self.end_step()

    def begin_step(self) -> None:
        """Forget the gradients, and let the graph of a training step use the buffer as it is.

        A parameter that was given new data meanwhile brings them into the buffer.
        """
        self._kept.clear()
        for value, view in zip(self.values, self._views, strict=True):
            value.grad = None
            if value.raw is not view:
                view[...] = value.raw
                value.raw = view
            value.kept = True

    def end_step(self) -> None:
        """Let every other graph take copies: it may outlive the buffer's present numbers."""
        for i, data in self._kept.items():
            self._views[i][...] = data
        self._kept.clear()
        for value, view in zip(self.values, self._views, strict=True):
            value.raw = view
            value.kept = False

    def gather_gradients(self) -> Float32s:
        """Bring the gradients of a backward pass together; each ``grad`` becomes a view.

        A parameter that the loss does not depend on has none. It keeps its data in this step,
        whatever an optimiser's momentum says; a warning tells so, once.
        """
        for i, (value, view) in enumerate(zip(self.values, self._gradient_views, strict=True)):
            if value.grad is None:
                view.fill(0)
                self._kept[i] = self._views[i].copy()
            else:
                np.copyto(view, value.grad)
                value.grad = view
        if self._kept and not self._said:
            self._said = True
            names = [f"{self.values[i].label or ''} {self.values[i].shape}" for i in self._kept]
            warnings.warn(
                f"the loss does not depend on {', '.join(names)}: no gradient, and not trained",
                stacklevel=4,
            )
        return self.gradients
