"""Symbol: what ``Input`` returns, and each layer that is called with one: a tensor to come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tinygrad_hw.engine.transforms.pytree import leaves_of


class Symbol(NDArrayOperatorsMixin):
    """Tensor without data: shapes are worked out with it; Keras's ``KerasTensor``.

    Python's operators, but == and !=, and NumPy's functions make a layer of what they compute.

    Attributes
    ----------
    shape
        Shape of a batch; None stands for the number of examples.
    dtype
        Dtype of the data to come.
    node, index
        The call of a layer that computes it, and its place among the outputs of that call.
    """

    node: Node
    index: int
    operation: ClassVar[Callable[[str], Any]]  # returns the layer of a NumPy function

    def __init__(self, shape: tuple[int | None, ...], dtype: Any = None) -> None:
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype or np.float32)

    @property
    def name(self) -> str:
        """Return the name of the layer that computes it."""
        return str(self.node.layer.name) if hasattr(self, "node") else "symbol"

    @property
    def ndim(self) -> int:
        """Return the number of dimensions, that of the examples included."""
        return len(self.shape)

    __eq__, __ne__, __hash__ = object.__eq__, object.__ne__, object.__hash__  # by identity

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Return the Symbol of an operator, or of a call such as ``np.exp(x)``."""
        if method != "__call__":
            raise TypeError(f"{self!r} has no np.{function.__name__}.{method}; call np.sum or so")
        if options.get("out") == (inputs[0],):  # x += y makes x another Symbol
            del options["out"]
        return Symbol.operation(name_of_function(function))(*inputs, **options)

    def __array_function__(self, function: Any, _: Any, inputs: Any, options: Any) -> Any:
        """Return the Symbol of a call such as ``np.mean(x, axis=1)``."""
        return Symbol.operation(name_of_function(function))(*inputs, **options)

    def __getitem__(self, index: Any) -> Any:
        """Return the Symbol of a part: the index is of whole numbers, slices, None and ``...``."""
        parts = index if isinstance(index, tuple) else (index,)
        known = {"index": [_plain_index(self, part) for part in parts]}
        return Symbol.operation("getitem")(self, **known)

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no data to go through; take parts, such as x[:, 0]")

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no data: it is neither true nor false")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to be an array: there are no data."""
        raise TypeError(
            f"{self!r} has no data: it stands for the inputs to come; call a layer with it, or "
            "give it to Sequential([...]) or Model(inputs, outputs)"
        )

    def __repr__(self) -> str:
        return f"<Symbol shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def name_of_function(function: Any) -> str:
    """Return the name of a NumPy function as one writes it behind "np."."""
    module = str(getattr(function, "__module__", None) or "").removeprefix("numpy").lstrip(".")
    return f"{module}.{function.__name__}" if module else str(function.__name__)


def _plain_index(symbol: Symbol, part: Any) -> Any:
    """Return a part of an index as plain data, fit for files."""
    if part is None or (isinstance(part, int | np.integer) and not isinstance(part, bool)):
        return None if part is None else int(part)
    if isinstance(part, slice):
        return {"slice": [part.start, part.stop, part.step]}
    if part is Ellipsis:
        return "..."
    raise TypeError(f"{symbol!r} takes whole numbers, slices, None and ... as index, got {part!r}")


class Node:
    """Call of a layer with Symbols, as in Keras.

    Attributes
    ----------
    layer
        The layer that is called; an ``InputLayer`` is called with nothing.
    arguments, options
        What it is called with: Symbols, or lists of them, among other arguments.
    outputs
        The Symbol that it returns, or a list of them.
    """

    def __init__(
        self, layer: Any, arguments: tuple[Any, ...], options: dict[str, Any], outputs: Any
    ) -> None:
        self.layer, self.arguments, self.options = layer, arguments, options
        self.outputs = outputs
        for i, symbol in enumerate(leaves_of(outputs)):
            symbol.node, symbol.index = self, i

    @property
    def inputs(self) -> list[Symbol]:
        """Return the Symbols that the layer is called with."""
        return symbols_of(*self.arguments, *self.options.values())

    def call(self, replace: Callable[[Symbol], Any], method: Callable[..., Any]) -> Any:
        """Return what a method of the layer gives for something else in the place of Symbols."""
        return method(
            *[map_symbols(replace, x) for x in self.arguments],
            **{name: map_symbols(replace, x) for name, x in self.options.items()},
        )

    def shapes_of(self, method: Callable[..., Any]) -> Any:
        """Return the shapes of what a method gives for ones: two examples, and None in front.

        Where the inputs have further lengths of None, those that follow from them are None.
        """

        def shapes(free: int) -> Any:
            def ones(symbol: Symbol) -> Any:
                return np.ones([free if n is None else n for n in symbol.shape], symbol.dtype)

            return map_inputs(lambda x: tuple(x.shape), self.call(ones, method))

        found, is_free = shapes(2), any([None in x.shape[1:] for x in self.inputs])
        other = shapes(3) if is_free else found
        if not isinstance(found, list):
            return _common(found, other)
        return [_common(*pair) for pair in zip(found, other, strict=True)]


def _common(shape: Any, other: Any) -> tuple[int | None, ...]:
    """Return a shape with None in front, and where another differs."""
    rest = zip(shape[1:], other[1:], strict=True)
    return (None, *[n if n == m else None for n, m in rest])


def symbols_of(*arguments: Any) -> list[Symbol]:
    """Return the Symbols among the arguments of a layer, each of which may be a list of them."""
    found: list[Symbol] = []
    for argument in arguments:
        parts = argument if isinstance(argument, list | tuple) else [argument]
        found += [part for part in parts if isinstance(part, Symbol)]
    return found


def map_symbols(function: Callable[[Symbol], Any], argument: Any) -> Any:
    """Return an argument of a layer with a function's results in the place of its Symbols."""
    return map_inputs(lambda x: function(x) if isinstance(x, Symbol) else x, argument)


def map_inputs(function: Callable[[Any], Any], inputs: Any) -> Any:
    """Return a function's results of the inputs of a layer: of one, or of each in a list."""
    if isinstance(inputs, list | tuple):
        return [function(part) for part in inputs]
    return function(inputs)


def map_shapes(function: Callable[[Any], Any], shapes: Any) -> Any:
    """Return a function's results of shapes: of one, a tuple, or of each in a list."""
    return [function(s) for s in shapes] if isinstance(shapes, list) else function(shapes)
