"""Models of Keras made here: by their configurations, as Keras writes them, and their weights."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_hw.engine.transforms.pytree import leaves_of
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn import layers, models
from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.nn.interop.to_keras import OPERATIONS
from tinygrad_hw.nn.registry import arguments_of, snake_case
from tinygrad_hw.nn.storage.configuration import public

_DTYPES = ("float16", "float32", "float64")
_WITHOUT_EFFECT = {"name", "dtype", "data_format", "renorm_momentum"}  # where a class has it not


def from_keras(model: Any, compile: bool = True) -> Any:
    """Return the model that a model of Keras is: the same layers, weights and outputs.

    So a network that was trained there can be explained, exported and trained on here. Keras is not
    imported for it.

    Parameters
    ----------
    model
        A ``keras.Sequential``, built or not, or a ``keras.Model(inputs, outputs)`` of one output.
    compile
        Whether to compile it as it is there: with the same loss, metrics and optimizer. The states
        of the optimizer begin anew.

    Raises
    ------
    InputError
        For another model, and for what there is not here: a layer, an argument of one, a function
        of the user's.
    """
    made = _model(model)
    if model.built:
        if not made.built:
            made.build_once((None, *model.input_shape[1:]))
        made.set_weights([np.asarray(array) for array in model.get_weights()])
    elif model.get_weights():
        raise InputError(
            f"{model.name} is not built, but a layer of it is; call it on a batch first"
        )
    if compile and getattr(model, "compiled", False):
        try:
            made.compile(**_compiling(model))
        except (InputError, ValueError, TypeError) as error:
            raise InputError(
                f"{model.name} cannot be compiled here: {error}; with compile=False it need not be"
            ) from None
    return made


def _model(model: Any) -> Any:
    """Return our model for one of Keras's, without its weights."""
    kind = type(model)
    if _is_kerass(kind) and kind.__name__ == "Sequential":
        made = [_layer(layer) for layer in model.layers]
        return models.Sequential(made, trainable=model.trainable, name=model.name)
    if _is_kerass(kind) and kind.__name__ == "Functional":
        return _functional(model)
    raise InputError(
        f"from_keras takes a Sequential or functional model of Keras, got {kind.__name__}"
    )


def _functional(model: Any) -> Any:
    """Return a functional model: its layers, called as Keras's configuration says."""
    config = model.get_config()
    starts, ends = [_places(config[f"{end}_layers"]) for end in ("input", "output")]
    if len(ends) != 1:
        raise InputError(f"{model.name} has {len(ends)} outputs; a model here has one")
    made = {layer.name: _layer(layer) for layer in model.operations}
    symbols = {start: made[start[0]].output for start in starts}
    waiting = [
        (layer["name"], i, call)
        for layer in config["layers"]
        for i, call in enumerate(layer["inbound_nodes"])
    ]
    if not all(isinstance(call, Mapping) for _, _, call in waiting):
        raise InputError(f"{model.name} is of Keras 2; load it with Keras 3")
    while waiting:
        later = []
        for name, i, call in waiting:
            try:
                arguments = _symbols(call["args"], symbols)
                options = {key: _symbols(x, symbols) for key, x in call["kwargs"].items()}
            except LookupError:  # it stands before a call whose outputs it takes
                later.append((name, i, call))
                continue
            given = {key: x for key, x in options.items() if x is not None}
            results = leaves_of(made[name](*arguments, **given))
            symbols |= {(name, i, k): symbol for k, symbol in enumerate(results)}
        if len(later) == len(waiting):
            raise InputError(
                f"{model.name} has a layer, {name}, that takes what is not in the model"
            )
        waiting = later
    inputs = [symbols[start] for start in starts]
    return models.Model(inputs, symbols[ends[0]], trainable=model.trainable, name=model.name)


def _places(given: Any) -> list[tuple[str, int, int]]:
    """Return what inputs or outputs are of: a layer's name, which call, and which output of it."""
    parts = given.values() if isinstance(given, Mapping) else given
    if isinstance(given, Mapping) or not isinstance(given[0], str):
        return [place for part in parts for place in _places(part)]
    name, call, output = given
    return [(name, call, output)]


def _symbols(argument: Any, known: Mapping[Any, Any]) -> Any:
    """Return an argument of a call with our Symbols in it; LookupError if one is not known yet."""
    if isinstance(argument, list | tuple):
        return [_symbols(part, known) for part in argument]
    if isinstance(argument, Mapping) and argument.get("class_name") == "__keras_tensor__":
        return known[tuple(argument["config"]["keras_history"])]
    return _ours(argument, "an argument of a call")


def _layer(layer: Any) -> Any:
    """Return our layer for one of Keras's, not built."""
    kind = type(layer)
    if _is_kerass(kind) and kind.__name__ in ("Sequential", "Functional"):
        return _model(layer)
    name = f"{layer.name} ({kind.__name__})"
    ours = public("layers", kind.__name__)
    is_layer = kind.__module__.startswith("keras.src.layers.")
    if not is_layer and _is_kerass(kind):
        return _operation(layer, name)
    if not is_layer or not isinstance(ours, type):
        known = ", ".join(
            sorted(x for x in layers.__all__ if isinstance(public("layers", x), type))
        )
        raise InputError(f"{name} is a layer that there is not here; there are {known}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of functions without a name, which are refused
        config = dict(layer.get_config())
    # The objects say more than a configuration, which may leave a part away, or take a user's
    # function for Keras's of the same name.
    told = [key for key in config if key.endswith(("_initializer", "_regularizer"))]
    own = {key: getattr(layer, key, None) for key in (*told, "activation", "activity_regularizer")}
    config |= {key: value for key, value in own.items() if value is not None}
    return _object("layers", kind.__name__, config, name)


def _operation(operation: Any, where: str) -> Any:
    """Return our layer for what Keras has in a graph for ``x + y``, ``keras.ops.mean(x)``, ..."""
    kind, config = type(operation).__name__, dict(operation.get_config())
    function = snake_case(kind).removeprefix("true_")  # Keras divides by both names
    if type(operation).__module__ == "keras.src.ops.numpy" and function in OPERATIONS:
        name = config.pop("name")
        return functools.partial(layers.Operation(function, name=name), **config)
    if kind in ("ReLU", "Softmax"):
        return _object("layers", kind, config, where)
    if function in ACTIVATIONS and config.keys() == {"name"}:
        return layers.Activation(function, name=config["name"])
    raise InputError(
        f"{where} is an operation that there is not here; there are {', '.join(OPERATIONS)}, and "
        "activations"
    )


def _compiling(model: Any) -> dict[str, Any]:
    """Return the arguments of ``compile``."""
    given = dict(model.get_compile_config())
    # The objects themselves, where Keras keeps them: some tell their configuration in part.
    given |= getattr(getattr(model, "_compile_config", None), "config", {})
    if given.get("loss_weights") is not None:
        raise InputError(f"there is no loss_weights={given['loss_weights']!r}")
    loss = given.get("loss")
    if isinstance(loss, list) and len(loss) == 1:
        given["loss"] = loss[0]
    names = ("optimizer", "loss", "metrics", "weighted_metrics", "run_eagerly")
    return {name: _ours(given.get(name), name) for name in names}


def _ours(thing: Any, where: str) -> Any:
    """Return what a part of a configuration is here.

    Parameters
    ----------
    thing
        Plain data, an object of Keras's, or what it is serialized as.
    where
        What it belongs to, for messages.
    """
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, np.generic):
        return thing.item()
    if isinstance(thing, list | tuple):
        return [_ours(each, where) for each in thing]
    if isinstance(thing, Mapping) and "class_name" in thing:
        name, config = thing["class_name"], thing["config"]
        if name == "__numpy__":
            return config["value"]
        room = str(thing.get("module", "")).removeprefix("keras.")
        if not isinstance(config, Mapping) or not str(thing.get("module")).startswith("keras"):
            known = config if isinstance(config, str) else name.strip("_")
            raise InputError(f"{where} is a function or a class of yours: {known}")
        return _object(room, name, config, where)
    if isinstance(thing, Mapping):
        return {name: _ours(each, f"{where}, {name}") for name, each in thing.items()}
    kind = type(thing)
    if _is_kerass(kind) and hasattr(thing, "get_config"):
        inside = kind.__module__.split(".")[2:]
        room = "optimizers.schedules" if "schedules" in inside else inside[0]
        arguments = inspect.signature(kind).parameters
        kept = {key: x for key, x in vars(thing).items() if key in arguments}
        config = kept | thing.get_config() | getattr(thing, "_fn_kwargs", {})
        return _object(room, kind.__name__, config, where)
    if callable(thing) and _is_kerass(thing):
        return thing.__name__
    name = getattr(thing, "__name__", kind.__name__)
    raise InputError(f"{where} is a function or a class of yours: {name}")


def _object(room: str, name: str, config: Mapping[str, Any], where: str) -> Any:
    """Return the object of our class of the same name, by those arguments that it has."""
    if name == "DTypePolicy":
        if config["name"] not in _DTYPES:
            raise InputError(f"{where} is {config['name']!r}; there are {', '.join(_DTYPES)}")
        return config["name"]
    ours = public(room, name)
    if not isinstance(ours, type):
        raise InputError(f"{where} is {name} of keras.{room}, which there is not here")
    accepted = arguments_of(ours)
    taken = {}
    for key, value in config.items():
        if key in accepted:
            taken[key] = _ours(value, f"{where}, {key}")
        elif not (value is None or value is False or key in _WITHOUT_EFFECT):
            raise InputError(f"{where} has {key}={value!r:.60}, which there is not here")
    try:
        return ours(**taken)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} cannot be made here: {error}") from None


def _is_kerass(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).partition(".")[0] == "keras"
