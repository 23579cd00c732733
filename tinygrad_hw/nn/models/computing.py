"""The computations of a model as captured functions: a step, an evaluation, a prediction."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import Value, no_grad
from tinygrad_hw.engine.core.data import as_array
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.engine.transforms.pytree import leaves_of
from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.nn.flat_parameters import FlatParameters
from tinygrad_hw.nn.layers import Layer
from tinygrad_hw.nn.layers.activations import Activated
from tinygrad_hw.nn.layers.process import Call, calling, rehearsing
from tinygrad_hw.nn.models.batches import Batch, examples_in, weights_of_classes
from tinygrad_hw.nn.models.objective import Objective
from tinygrad_hw.program import capture


class Computing(Layer):
    """A layer that computes with captured functions, once it is built.

    Attributes
    ----------
    flat
        The trainable weights, end to end in one array.
    objective
        The loss and the metrics; made when the model is compiled and its outputs are known.
    optimizer
        The optimizer that the model is compiled with.
    """

    flat: FlatParameters
    objective: Objective
    optimizer: Any
    input_shape: Any
    random_generator: np.random.Generator
    order_generator: np.random.Generator
    _compiled: tuple[Any, Any, Any] | None = None  # loss, metrics, weighted metrics
    _jit: bool | None = None
    _eager = False

    def require_compiled(self) -> None:
        """Raise ValueError if the model has not been compiled."""
        if self._compiled is None:
            raise ValueError("compile(optimizer, loss) the model first")

    @property
    def last_layer(self) -> Layer | None:
        """Return the layer whose outputs are the model's, if it is known."""
        return None

    @property
    def has_logits(self) -> bool:
        """Return whether the outputs are the last layer's activation of ``logits``."""
        return isinstance(self.last_layer, Activated) and self.last_layer.has_logits

    def logits(self, inputs: Any) -> Any:
        """Return the logits of a batch: the outputs without the last activation."""
        if not self.has_logits:
            return self(inputs)
        last: Any = self.last_layer
        return last.logits_of_model(*self.operands_of_last(inputs))

    def operands_of_last(self, inputs: Any) -> Sequence[Any]:
        """Return what the last layer is called with, for a batch."""
        raise NotImplementedError(f"{self.name} has no known last layer")

    def last_activation(self) -> str:
        """Return the name of the last activation; "linear" if there is none, or it has none."""
        function = getattr(self.last_layer, "activation", None)
        return next((name for name, known in ACTIVATIONS.items() if known is function), "linear")

    # --- Captured functions -----------------------------------------------------------------------

    def reset_programs(self) -> None:
        """Capture the model's functions anew; ours read nothing but Values and the settings."""
        self._parts = [layer for layer in self.flat_layers() if layer is not self]
        self._captured_settings = self._settings()
        objective = vars(self).get("objective")
        optimizer = vars(self).get("optimizer")
        schedule = getattr(optimizer, "schedule", None)
        used = (self, *self._parts, optimizer, schedule, objective)
        is_pure = all([is_ours(part) for part in used])
        captured: Any = functools.partial(capture, jit=self._jit, pure=is_pure)
        if self._eager:
            captured = _uncaptured
        self.captured_outputs = captured(self._outputs_of_batch)
        self.captured_train_step = captured(self.train_function)
        self.captured_evaluation = captured(self._evaluation)
        self._drawn: dict[Any, list[tuple[Any, tuple[int, ...]]]] = {}

    def _settings(self) -> list[Any]:
        """Return the settings that captured programs depend on, besides the weights."""
        own = vars(self)
        return [[x.version for x in self._parts], own.get("optimizer"), own.get("objective")]

    def sync(self) -> None:
        """Keep weights in the model's dtype; drop programs if a setting has changed."""
        if not self.flat.is_whole():  # weights were given new data
            for p in self.flat.values:
                if p.dtype != self.flat.data.dtype:
                    p.data = np.asarray(p.raw, self.flat.data.dtype)
        if self._captured_settings != self._settings():
            self.reset_programs()

    def zero_grad(self) -> None:
        """Forget all gradients, so that the next ``backward()`` does not add to them."""
        for weight in self.weights:
            weight.grad = weight.no_gradient

    def train_function(
        self, x: Any, y: Any, weights: Any = None, arrays: Sequence[Any] | None = None
    ) -> Any:
        """Take a training step; return the loss, the metrics' sums, and outputs if one needs them.

        ``arrays`` are those that random layers multiply by or add, in the order of their calls.
        """
        objective = self.objective
        self.zero_grad()
        with calling(Call(True, arrays)) as call:
            z = (self.logits if objective.on_logits else self)(_leaf(x))
        loss = objective.loss_of(y, z, weights)
        for more in (*call.losses, *self.losses):
            loss = loss + more
        z.label, loss.label = "logits" if objective.on_logits else "outputs", "loss"
        loss.backward()
        self.optimizer.apply(self.flat.values)
        return [loss.raw, *objective.sums_of(y, z, weights), *self._extra(z)]

    def train_step(self, x: Any, y: Any, weights: Any = None) -> Any:
        """Take a training step on arrays as the model takes them: see ``train_function``."""
        self.sync()
        arrays = self._draw(x)
        if weights is None and arrays is None:
            return self.captured_train_step(x, y)
        return self.captured_train_step(x, y, weights, arrays)

    def test_step(self, x: Any, y: Any, weights: Any = None) -> Any:
        """Return what a training step returns, without training."""
        self.sync()
        if weights is None:
            return self.captured_evaluation(x, y)
        return self.captured_evaluation(x, y, weights)

    def _evaluation(self, x: Any, y: Any, weights: Any = None) -> Any:
        objective = self.objective
        with no_grad(), calling(Call(False)) as call:
            z = (self.logits if objective.on_logits else self)(_leaf(x))
            loss = objective.loss_of(y, raw(z), weights)
            for more in (*call.losses, *self.losses):
                loss = loss + more
        return [raw(loss), *objective.sums_of(y, z, weights), *self._extra(z)]

    def _extra(self, z: Any) -> list[Any]:
        """Return the outputs in a list if a metric needs them."""
        objective = self.objective
        if not objective.needs_outputs:
            return []
        with no_grad():
            last: Any = self.last_layer
            return [raw(last.activation(z) if objective.on_logits else z)]

    def _outputs_of_batch(self, x: Any) -> Any:
        with no_grad(), calling(Call(False)):
            return raw(self(_leaf(x)))

    def _draw(self, x: Any) -> list[Any] | None:
        """Return the arrays that random layers need for a batch, drawn now; None if there are none.

        Which they are is seen in a rehearsal, once for each shape: a layer may be called several
        times, or within another.
        """
        if not any([layer.is_random for layer in self._parts]):
            return None
        shapes = tuple([part.shape for part in (x if isinstance(x, list) else [x])])
        if shapes not in self._drawn:
            with rehearsing(training=True) as call:
                self(_leaf(x))
            self._drawn[shapes] = call.drawn
        return [layer.draw(shape, self.random_generator) for layer, shape in self._drawn[shapes]]

    # --- Inputs -----------------------------------------------------------------------------------

    def standardized(self, x: Any) -> Any:
        """Return inputs as an array of the model's dtype; build the model if it is not built yet.

        Of a model with several inputs, return a list of arrays, from such a list or from a dict by
        the inputs' names.

        Raises
        ------
        ValueError
            If their shapes are not the model's.
        """
        if not self.built or not isinstance(self.input_shape, list):
            inputs = as_array(x)
            self.build_once((None, *inputs.shape[1:]))
            return self._as_wanted(inputs, self.input_shape, 0)
        names, shapes = self.input_names, self.input_shape
        if isinstance(x, Mapping) and x.keys() == set(names):
            x = [x[name] for name in names]
        if not isinstance(x, list | tuple) or len(x) != len(shapes):
            raise ValueError(
                f"{self.name} takes {len(shapes)} inputs, in a list or in a dict by the names "
                f"{', '.join(names)}; got {described_inputs(x)}"
            )
        pairs = enumerate(zip(x, shapes, strict=True))
        arrays = [self._as_wanted(as_array(part), shape, i) for i, (part, shape) in pairs]
        if len({len(part) for part in arrays}) > 1:
            raise ValueError(f"{self.name} got inputs of {[len(part) for part in arrays]} examples")
        return arrays

    def _as_wanted(self, inputs: npt.NDArray[Any], shape: Any, place: int) -> npt.NDArray[Any]:
        wanted = tuple(shape[1:])
        if inputs.ndim != len(shape) or any(
            [n not in (None, given) for n, given in zip(wanted, inputs.shape[1:], strict=True)]
        ):
            raise ValueError(
                f"expected examples of shape (n, {', '.join(map(str, wanted))}), got {inputs.shape}"
            )
        return np.asarray(inputs, self.dtype_of_inputs(inputs.dtype, place))

    @property
    def input_names(self) -> list[str]:
        """Return the names of the inputs, where the model has an ``Input`` of each."""
        raise NotImplementedError(f"{self.name} has no Inputs with names")

    def dtype_of_inputs(self, given: np.dtype[Any], place: int = 0) -> np.dtype[Any]:
        """Return the dtype that the layers take inputs of a dtype in."""
        first = self._parts[0] if self._parts else self
        return given if first.accepts_integers and given.kind in "iu" else self.dtype

    def converter(self, class_weight: Mapping[int, float] | None) -> Callable[..., Batch]:
        """Return the function that converts each batch of a stream: see ``converted``."""

        def convert(x: Any, y: Any = None, weights: Any = None) -> Batch:
            return self.converted(self.standardized(x), y, weights, class_weight)

        return convert

    def converted(
        self, x: Any, y: Any, weights: Any, class_weight: Mapping[int, float] | None = None
    ) -> Batch:
        """Return inputs, targets and weights as the steps take them; refuse what does not fit."""
        x = self.standardized(x)
        n = examples_in(x)
        if y is None and self.objective.loss is not None:
            raise ValueError("expected targets y beside the examples")
        if y is not None and np.shape(y)[:1] != (n,):
            raise ValueError(f"got {n} examples but labels of shape {np.shape(y)}")
        if class_weight is not None:
            if weights is not None:
                raise ValueError("give class_weight or sample_weight, not both")
            weights = weights_of_classes(y, class_weight)
        elif weights is not None:
            weights = as_array(weights).astype(np.float32, copy=False)
            if weights.shape[:1] != (n,):
                raise ValueError(f"got {n} examples but sample_weight of shape {weights.shape}")
        return x, np.zeros(n, np.float32) if y is None else self.objective.check(y), weights


def is_ours(thing: Any) -> bool:
    """Return whether an object is data, or of this package with all functions that it has."""
    if isinstance(thing, np.ndarray | np.generic | np.random.Generator | Value):
        return True
    module = str(getattr(thing, "__module__", None) or type(thing).__module__)
    if isinstance(thing, list | tuple | dict):
        return all([is_ours(part) for part in leaves_of(thing)])
    if module == "builtins":
        return True
    if not module.startswith("tinygrad_hw."):
        return False
    if isinstance(thing, Layer | Objective) or hasattr(thing, "get_config"):
        own = vars(thing).copy()  # another thread may set some meanwhile
        return all([is_ours(own[k]) for k in own if callable(own[k]) or k in _HAVE_FUNCTIONS])
    return True


_HAVE_FUNCTIONS = ("loss", "metrics")


def _uncaptured(function: Any) -> Any:
    return function


def described_inputs(x: Any) -> str:
    """Return what was given as inputs, in short."""
    if isinstance(x, Mapping):
        return f"a dict of {', '.join(map(str, x))}"
    return f"a list of {len(x)}" if isinstance(x, list | tuple) else f"one of {type(x).__name__}"


def _leaf(x: Any) -> Any:
    """Return a batch as a Value, without a copy: nothing writes into the array meanwhile."""
    if isinstance(x, list):
        return [_leaf(part) for part in x]
    view = x.view() if isinstance(x, np.ndarray) else x  # results may be it, and read-only
    return Value.leaf(view, constant=True, saved=True)
