"""Layer: base class of all layers, with Keras's names."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.data import refuse_other_rules, shape_of
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.engine.core.trace import current, setting
from tinygrad_hw.engine.transforms.pytree import leaves_of
from tinygrad_hw.nn import initializers, regularizers
from tinygrad_hw.nn.layers.process import (
    Call,
    calling,
    current_call,
    generator,
    refuse_own_name,
    rehearsing,
    unique_name,
)
from tinygrad_hw.nn.layers.symbolic import (
    Node,
    Symbol,
    map_inputs,
    map_shapes,
    symbols_of,
)

Shape = tuple[int | None, ...]
"""Shape of a batch, as in Keras: None stands for the number of examples."""


class Weight(NamedTuple):
    """A weight of a layer, whether it is to be trained, and its regularizer."""

    value: Value
    trainable: bool
    regularizer: Callable[[Any], Any] | None


class Layer:
    """Base class of layers. Arguments, attributes and methods are Keras's.

    A subclass makes its weights in ``build`` or ``__init__``, with ``add_weight``, and computes in
    ``call``, with the engine's or NumPy's functions. Layers that it has as attributes, also in
    lists and dicts, are a part of it.

    Parameters
    ----------
    activity_regularizer
        A function of the outputs. Its result, divided by the number of examples, is added to the
        loss.
    trainable
        Whether training changes the weights.
    dtype
        The dtype of the weights; None is float32.
    name
        By default the class's name with a number, unique in this process.
    input_shape, input_dim
        Shape of one input, for the first layer of a model.
    """

    accepts_integers: ClassVar[bool] = False  # as inputs; the other layers get floats
    is_random: ClassVar[bool] = False  # whether it draws arrays in training
    products_per_example: int = 1  # with each of its matrices: one in each window, say
    _takes_training: ClassVar[bool] = False
    _shapes_of_build: ClassVar[tuple[str, ...]] = ("input_shape",)
    _weights: list[Weight]
    _inbound_nodes: list[Node]  # its calls with Symbols
    version: int  # grows when an attribute is set

    def __init_subclass__(cls, **options: Any) -> None:
        """Look once for an argument ``training`` of ``call``, and for the shapes of ``build``."""
        super().__init_subclass__(**options)
        cls._takes_training = "training" in inspect.signature(cls.call).parameters
        cls._shapes_of_build = tuple(inspect.signature(cls.build).parameters)[1:]

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Create the layer with what ``__setattr__`` and ``add_weight`` need."""
        layer = super().__new__(cls)
        vars(layer)["version"] = 0
        vars(layer)["_weights"] = []
        vars(layer)["_inbound_nodes"] = []
        return layer

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes to copy and to pickle: a graph that the layer is in stays."""
        return vars(self) | {"_inbound_nodes": []}

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        name: str | None = None,
        input_shape: Sequence[int | None] | None = None,
        input_dim: int | None = None,
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise ValueError(f"{type(self).__name__} got name={name!r}; give a string")
        self.name = name or unique_name(type(self).__name__)
        self.dtype = np.dtype(dtype or np.float32)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.trainable = trainable
        self.built = False
        self.built_shapes: tuple[Any, ...] = ()
        shape = (input_dim,) if input_dim is not None else input_shape
        self.given_input_shape: Shape | None = None if shape is None else tuple(shape)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and count it: captured programs may depend on it."""
        if isinstance(value, Layer):
            refuse_own_name(type(self), name)
        object.__setattr__(self, name, value)
        vars(self)["version"] += 1

    # --- For subclasses ---------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights, from the shape of a batch (None in front), or a list of shapes."""

    def call(self, *inputs: Any, **options: Any) -> Any:
        """Return the outputs of a batch."""
        raise NotImplementedError(f"{type(self).__name__} has no call(inputs); write one")

    def compute_output_shape(self, *input_shapes: Any) -> Any:
        """Return the shape of the outputs: by default by a call with ones, two examples."""
        symbols = [
            None if shape is None else map_shapes(lambda s: Symbol(s, self.dtype), shape)
            for shape in input_shapes
        ]
        if len(symbols) == 1:
            spec = self._spec_by_call((symbols[0],), {})
        else:
            told = self._shapes_of_build[: len(symbols)]  # the last may have defaults
            names = [name.removesuffix("_shape") for name in told]
            spec = self._spec_by_call((), dict(zip(names, symbols, strict=True)))
        return map_inputs(lambda symbol: symbol.shape, spec)

    def compute_output_spec(self, *inputs: Any, **options: Any) -> Any:
        """Return the Symbol of the outputs, or a list of them, for Symbols as inputs."""
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return self._spec_by_call(inputs, options)
        shape = self.compute_output_shape(*self._shapes(inputs, options))
        return map_shapes(lambda s: Symbol(s, self.dtype), shape)

    def _spec_by_call(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        with rehearsing(training=False), np.errstate(all="ignore"):
            shapes = Node(self, inputs, options, ()).shapes_of(self)
        return map_shapes(lambda s: Symbol(s, self.dtype), shapes)

    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        name: str | None = None,
    ) -> Value:
        """Return a new weight, a Value.

        Parameters
        ----------
        shape
            Its shape; None is that of a number.
        initializer
            A name or a function of shape and dtype; None is "glorot_uniform", or "zeros" where
            a weight has fewer than two dimensions.
        trainable
            Whether it is differentiated and trained.
        regularizer
            A function of the weight whose result is added to the loss.
        """
        shape = tuple(shape or ())
        default = "glorot_uniform" if len(shape) > 1 else "zeros"
        draw = initializers.get(default if initializer is None else initializer)
        data = draw(shape, dtype or self.dtype, generator=generator())
        with current().trace.set_up():
            is_constant = not (trainable and self.trainable)
            weight = Value(data, f"{self.name}/{name or 'weight'}", constant=is_constant)
        self._weights.append(Weight(weight, trainable, regularizers.get(regularizer)))
        return weight

    def add_loss(self, loss: Any) -> None:
        """Add a number, computed in ``call``, to the loss of the model in training."""
        shared = current_call()
        if shared is not None:
            shared.losses.append(loss)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        """Return an array for inputs of a shape, drawn anew; for layers that are random."""
        raise NotImplementedError(f"{type(self).__name__} is random and has no draw(); write one")

    def drawn_for(self, shape: tuple[int, ...]) -> Any:
        """Return the array of a random layer for inputs of a shape, in ``call``.

        A model's step is a captured function, in which nothing may be drawn: it gets the arrays.
        """
        shared = current_call()
        if shared is not None and shared.arrays is not None:
            return next(shared.arrays)
        if shared is not None and shared.is_rehearsal:
            shared.drawn.append((self, shape))
            return np.ones(shape, self.dtype)
        return self.draw(shape, generator())

    # --- Calling ----------------------------------------------------------------------------------

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Return the outputs of a batch as Values; build the layer at the first call.

        With a ``Symbol`` (see ``Input``), or a list with one, return the Symbol of the outputs.
        """
        if symbols_of(*inputs, *options.values()):
            return self._symbolic_call(inputs, options)
        training = options.pop("training", None)
        if not self.built:
            self.build_once(*self._shapes(inputs, options))
        shared = current_call()
        if self._takes_training:
            inherited = shared is not None and shared.training
            options["training"] = inherited if training is None else bool(training)
        if training is None or (shared is not None and shared.training == training):
            return self._outputs(*inputs, **options)
        told = Call(training) if shared is None else copy.copy(shared)
        told.training = training
        with calling(told):  # so layers inside are told, too
            return self._outputs(*inputs, **options)

    def _outputs(self, *inputs: Any, **options: Any) -> Any:
        outputs = self.call(*inputs, **options)
        if self.activity_regularizer is not None:
            self.add_activity_loss(outputs)
        return outputs

    def add_activity_loss(self, outputs: Any) -> None:
        """Add what the ``activity_regularizer`` gives for the outputs, for each example."""
        if self.activity_regularizer is not None:
            self.add_loss(self.activity_regularizer(outputs) / float(outputs.shape[0]))

    def _symbolic_call(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        self.build_once(*self._shapes(inputs, options))
        outputs = self.compute_output_spec(*inputs, **options)
        self._inbound_nodes.append(Node(self, inputs, options, outputs))
        return outputs

    def _shapes(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
        """Return the shapes that ``build`` takes: of the first input, or of those that it names."""
        if len(self._shapes_of_build) == 1 and inputs:
            return (map_inputs(_shape_of_batch, inputs[0]),)
        told = {name: x for name, x in options.items() if name != "training"}
        given = inspect.signature(self.call).bind(*inputs, **told).arguments
        if len(self._shapes_of_build) == 1:
            return (map_inputs(_shape_of_batch, next(iter(given.values()))),)
        named = [given.get(name.removesuffix("_shape")) for name in self._shapes_of_build]
        return tuple([None if x is None else map_inputs(_shape_of_batch, x) for x in named])

    def build_once(self, *input_shapes: Any) -> None:
        """Build the layer, unless it has been built; remember the shape of its inputs."""
        if self.built:
            return
        with setting(recording=True), current().trace.set_up():
            self.build(*input_shapes)
        self.built_shapes = input_shapes
        self.built = True

    @property
    def input(self) -> Any:
        """Return the Symbol that the layer was called with first, or a list of them."""
        symbols = self._first_node("input").inputs
        return symbols[0] if len(symbols) == 1 else symbols

    @property
    def output(self) -> Any:
        """Return the Symbol that the layer gave when it was called with one first."""
        return self._first_node("output").outputs

    def _first_node(self, wanted: str) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(f"{self.name} has no {wanted}: it was called with no Input")
        return self._inbound_nodes[0]

    @property
    def output_shape(self) -> Any:
        """Return the shape of the outputs: of the last call with Symbols, or for those of build."""
        if not self.built:
            raise AttributeError(f"{self.name} is not built: it has no output_shape yet")
        if self._inbound_nodes:
            return map_inputs(lambda symbol: symbol.shape, self._inbound_nodes[-1].outputs)
        return self.compute_output_shape(*self.built_shapes)

    # --- Weights ----------------------------------------------------------------------------------

    @property
    def trainable(self) -> bool:
        """Return whether training changes the weights; setting it sets that of all layers in it."""
        return self._trainable

    @trainable.setter
    def trainable(self, new: bool) -> None:
        self._trainable = bool(new)
        for weight in self._weights:
            weight.value.constant = not (new and weight.trainable)
        for layer in self.sublayers():
            layer.trainable = new

    def sublayers(self) -> list[Layer]:
        """Return the layers that are attributes of this one, also in lists and dicts."""
        found: dict[Layer, None] = {}
        for name, attribute in vars(self).copy().items():  # another thread may set some meanwhile
            if isinstance(attribute, Layer | list | tuple | dict) and name != "_parts":
                for leaf in leaves_of(attribute):
                    if isinstance(leaf, Layer):
                        found[leaf] = None
        return list(found)

    def flat_layers(self) -> list[Layer]:
        """Return this layer and all layers in it, each once."""
        found: dict[Layer, None] = {self: None}
        for layer in self.sublayers():
            found |= dict.fromkeys(layer.flat_layers())
        return list(found)

    def _all_weights(self) -> list[Weight]:
        return [weight for layer in self.flat_layers() for weight in layer._weights]

    @property
    def weights(self) -> list[Value]:
        """Return all weights: this layer's, then those of the layers in it."""
        return [weight.value for weight in self._all_weights()]

    @property
    def trainable_weights(self) -> list[Value]:
        """Return the weights that training changes."""
        return [value for value in self.weights if not value.constant]

    @property
    def non_trainable_weights(self) -> list[Value]:
        """Return the weights that training leaves, or that ``call`` changes, such as averages."""
        return [value for value in self.weights if value.constant]

    @property
    def losses(self) -> list[Any]:
        """Return what the regularizers of the weights add to the loss, each a number."""
        found = [w for w in self._all_weights() if w.regularizer and not w.value.constant]
        return [weight.regularizer(weight.value) for weight in found if weight.regularizer]

    def count_params(self) -> int:
        """Return the number of elements of all weights."""
        if not self.built:
            raise ValueError(
                f"{self.name} is not built: it has no weights yet; call it, or build()"
            )
        return sum(value.size for value in self.weights)

    def get_weights(self) -> list[npt.NDArray[Any]]:
        """Return copies of all weights' arrays, in order."""
        return [np.array(value.raw) for value in self.weights]

    def set_weights(self, weights: Sequence[npt.ArrayLike]) -> None:
        """Set all weights to arrays shaped like those of ``get_weights``."""
        values = self.weights
        if [np.shape(w) for w in weights] != [v.shape for v in values]:
            raise ValueError(
                f"expected arrays of shapes {[v.shape for v in values]}, "
                f"got {[np.shape(w) for w in weights]}"
            )
        refuse_other_rules(weights)
        for value, array in zip(values, weights, strict=True):
            current().trace.store(value, array)

    # --- Settings ---------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, those that are attributes, by name."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        config = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype.name}
        return config | {name: getattr(self, name) for name in names if hasattr(self, name)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a new layer with these arguments, not built."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _shape_of_batch(x: Any) -> Any:
    """Return the shape of a Symbol, or of a batch, with None in front."""
    return x.shape if isinstance(x, Symbol) else (None, *shape_of(raw(x))[1:])
