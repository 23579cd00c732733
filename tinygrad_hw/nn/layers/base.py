"""Layer: base class of all layers, with Keras's names; and what a call of layers has in common."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import Value, no_grad
from tinygrad_hw.engine.core.data import refuse_other_rules, shape_of
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.engine.core.trace import Trace, current, setting
from tinygrad_hw.engine.transforms.pytree import leaves_of
from tinygrad_hw.nn import initializers, regularizers
from tinygrad_hw.nn.layers.process import generator, unique_name
from tinygrad_hw.nn.layers.symbolic import Symbol, map_inputs, symbols_of

Shape = tuple[int | None, ...]
"""Shape of a batch, as in Keras: None stands for the number of examples."""


class Weight(NamedTuple):
    """A weight of a layer, whether it is to be trained, and its regularizer."""

    value: Value
    trainable: bool
    regularizer: Callable[[Any], Any] | None


class Call:
    """What layers share while a model is called.

    Attributes
    ----------
    training
        Whether the model is training, for layers that are not told.
    arrays
        The arrays for random layers, in the order of their calls; None: each layer draws its own.
    losses
        What layers add to the loss.
    drawn
        The random layers that were called, each with the shape of its inputs.
    """

    def __init__(self, training: bool, arrays: Sequence[Any] | None = None) -> None:
        self.training = training
        self.arrays = None if arrays is None else iter(arrays)
        self.losses: list[Any] = []
        self.drawn: list[tuple[Layer, tuple[int, ...]]] = []
        self.is_rehearsal = False


_call: ContextVar[Call | None] = ContextVar("call", default=None)


@contextmanager
def calling(call: Call) -> Iterator[Call]:
    """Let layers that are called in a ``with`` block share a ``Call``."""
    token = _call.set(call)
    try:
        yield call
    finally:
        _call.reset(token)


class _Rehearsal(Trace):
    """Trace in which no Value is changed."""

    def store(self, leaf: Any, data: Any) -> None:
        """Change nothing."""


@contextmanager
def rehearsing(training: bool) -> Iterator[Call]:
    """Call layers to see what they would do: nothing is recorded, and no state changes."""
    with no_grad(), setting(trace=_Rehearsal()), calling(Call(training)) as call:
        call.is_rehearsal = True
        yield call


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
    _takes_training: ClassVar[bool] = False
    _weights: list[Weight]
    version: int  # grows when an attribute is set

    def __init_subclass__(cls, **options: Any) -> None:
        """Look once whether ``call`` has an argument ``training``."""
        super().__init_subclass__(**options)
        cls._takes_training = "training" in inspect.signature(cls.call).parameters

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Create the layer with what ``__setattr__`` and ``add_weight`` need."""
        layer = super().__new__(cls)
        vars(layer)["version"] = 0
        vars(layer)["_weights"] = []
        return layer

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
        self.built_shape: Any = None
        shape = (input_dim,) if input_dim is not None else input_shape
        self.given_input_shape: Shape | None = None if shape is None else tuple(shape)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and count it: captured programs may depend on it."""
        object.__setattr__(self, name, value)
        vars(self)["version"] += 1

    # --- For subclasses ---------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights, from the shape of a batch (None in front), or a list of shapes."""

    def call(self, *inputs: Any, **options: Any) -> Any:
        """Return the outputs of a batch."""
        raise NotImplementedError(f"{type(self).__name__} has no call(inputs); write one")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs: by default by a call with ones, two examples."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        examples = [np.ones([2 if n is None else n for n in s], self.dtype) for s in shapes]
        with rehearsing(training=False), np.errstate(all="ignore"):
            out = self(examples if isinstance(input_shape, list) else examples[0])
        return map_inputs(lambda x: (None, *x.shape[1:]), out)

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
        shared = _call.get()
        if shared is not None:
            shared.losses.append(loss)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        """Return an array for inputs of a shape, drawn anew; for layers that are random."""
        raise NotImplementedError(f"{type(self).__name__} is random and has no draw(); write one")

    def drawn_for(self, shape: tuple[int, ...]) -> Any:
        """Return the array of a random layer for inputs of a shape, in ``call``.

        A model's step is a captured function, in which nothing may be drawn: it gets the arrays.
        """
        shared = _call.get()
        if shared is not None and shared.arrays is not None:
            return next(shared.arrays)
        if shared is not None and shared.is_rehearsal:
            shared.drawn.append((self, shape))
            return np.ones(shape, self.dtype)
        return self.draw(shape, generator())

    # --- Calling ----------------------------------------------------------------------------------

    def __call__(self, inputs: Any, *more: Any, **options: Any) -> Any:
        """Return the outputs of a batch as Values; build the layer at the first call.

        With a ``Symbol`` (see ``Input``), or a list with one, return the Symbol of the outputs.
        """
        if symbols_of(inputs):
            return self._symbolic_call(inputs, *more, **options)
        if not self.built:
            self.build_once(map_inputs(lambda x: (None, *shape_of(raw(x))[1:]), inputs))
        shared, training = _call.get(), options.pop("training", None)
        if self._takes_training:
            inherited = shared is not None and shared.training
            options["training"] = inherited if training is None else bool(training)
        if training is None or (shared is not None and shared.training == training):
            return self._outputs(inputs, *more, **options)
        told = Call(training) if shared is None else copy.copy(shared)
        told.training = training
        with calling(told):  # so layers inside are told, too
            return self._outputs(inputs, *more, **options)

    def _outputs(self, inputs: Any, *more: Any, **options: Any) -> Any:
        outputs = self.call(inputs, *more, **options)
        if self.activity_regularizer is not None:
            self.add_loss(self.activity_regularizer(outputs) / float(outputs.shape[0]))
        return outputs

    def _symbolic_call(self, inputs: Any, *more: Any, **options: Any) -> Symbol:
        if more:
            raise ValueError(f"{self.name} got {1 + len(more)} inputs; give them in one list")
        shape = map_inputs(lambda x: x.shape, inputs)
        self.build_once(shape)
        return Symbol(self.compute_output_shape(shape), self.dtype, self, inputs, options)

    def build_once(self, input_shape: Any) -> None:
        """Build the layer, unless it has been built; remember the shape of its inputs."""
        if self.built:
            return
        with setting(recording=True), current().trace.set_up():
            self.build(input_shape)
        self.built_shape = input_shape
        self.built = True

    @property
    def output_shape(self) -> Any:
        """Return the shape of the outputs, for inputs of the shape that the layer was built for."""
        if not self.built:
            raise AttributeError(f"{self.name} is not built: it has no output_shape yet")
        return self.compute_output_shape(self.built_shape)

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
