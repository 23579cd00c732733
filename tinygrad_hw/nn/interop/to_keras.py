"""Our models made in Keras: by the plain data that files have, and the weights."""

from __future__ import annotations

import functools
from typing import Any

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.registry import arguments_of
from tinygrad_hw.nn.storage.configuration import as_plain

OPERATIONS = (  # NumPy's functions that have the same names and arguments in keras.ops
    *("add", "subtract", "multiply", "divide", "power", "negative", "absolute", "square"),
    *("sqrt", "exp", "log", "sin", "cos", "tanh", "maximum", "minimum", "matmul"),
    *("sum", "mean", "max", "min", "var", "std"),
)


def import_keras() -> Any:
    """Return the package ``keras``; say how to install it where it is missing."""
    try:
        import keras
    except ImportError as error:
        raise InputError(
            f"keras is not installed, or it lacks its backend ({error}), and a model is to be made "
            "in it: pip install 'tinygrad_hw[keras]', and set KERAS_BACKEND=jax"
        ) from None
    return keras


def keras_of(model: Any, compile: bool = True) -> Any:
    """Return the model that a model is in Keras: see ``Model.to_keras``."""
    keras = import_keras()
    name = model.name
    made = _theirs(keras, _plain(model, name), name, model)
    if model.built:
        made.set_weights(model.get_weights())
    if compile and getattr(model, "optimizer", None) is not None:
        arguments = model.get_compile_config()
        arguments.pop("jit_compile")  # ours is about numba
        plain = {key: _plain(x, f"{name}, {key}") for key, x in arguments.items()}
        made.compile(**{key: _theirs(keras, x, key) for key, x in plain.items()})
    return made


def _plain(thing: Any, where: str) -> Any:
    try:
        return as_plain(thing, where)
    except InputError as error:
        raise InputError(f"{where} cannot be made in Keras: {error}") from None


def _theirs(keras: Any, data: Any, where: str, model: Any = None) -> Any:
    """Return what plain data are in Keras; ``model`` is that with which a Sequential is built."""
    if isinstance(data, list):
        return [_theirs(keras, each, where) for each in data]
    if not isinstance(data, dict):
        return data
    if "room" not in data:
        return {key: _theirs(keras, each, where) for key, each in data.items()}
    room, name = data["room"], str(data.get("class_name", data.get("function")))
    if room is None:
        raise InputError(f"{where} cannot be made in Keras: {name} is a function or class of yours")
    if room == "activations":
        return name
    if name == "Operation":
        return _operation(keras, data["config"]["function"], where)
    kind = functools.reduce(getattr, room.split("."), keras)
    kind = getattr(kind, name, None)
    if kind is None:
        raise InputError(f"{where} cannot be made in Keras: there is no {name} in keras.{room}")
    if "function" in data:
        return kind
    config = {key: _theirs(keras, x, f"{where}, {key}") for key, x in data["config"].items()}
    if (room, name) == ("models", "Sequential"):
        return _sequential(keras, model, **config)
    if (room, name) == ("models", "Model") and "nodes" in config:
        return _functional(keras, **config)
    if name == "InputLayer":
        config.pop("trainable")
    accepted = arguments_of(kind)
    unknown = [key for key, x in config.items() if key not in accepted and x is not None]
    if unknown:
        raise InputError(f"{where} cannot be made in Keras: its {name} has no {unknown[0]}=")
    return kind(**{key: x for key, x in config.items() if key in accepted})


def _operation(keras: Any, function: str, where: str) -> Any:
    """Return the function of ``keras.ops`` for a NumPy function of ours."""
    if function not in OPERATIONS:
        raise InputError(
            f"{where} cannot be made in Keras: {function} is none of {', '.join(OPERATIONS)}"
        )
    return getattr(keras.ops, function)


def _sequential(keras: Any, model: Any, layers: list[Any], name: str, trainable: bool) -> Any:
    inputs = []
    if model is not None and model.built:
        first = type(layers[0]).__name__ if layers else ""
        dtype = "int32" if first == "Embedding" else None
        inputs = [keras.Input(model.input_shape[1:], dtype=dtype)]
    made = keras.Sequential([*inputs, *layers], name=name)
    if not trainable:
        made.trainable = False
    return made


def _functional(
    keras: Any,
    layers: list[Any],
    inputs: list[int],
    nodes: list[Any],
    outputs: Any,
    name: str,
    trainable: bool,
) -> Any:
    """Return a functional model: its layers, called as ``Graph.get_config`` says."""
    starts = [layers[i].output for i in inputs]
    known = [[start] for start in starts]

    def found(argument: Any) -> Any:
        if isinstance(argument, list):
            return [found(part) for part in argument]
        if isinstance(argument, dict):
            return known[argument["node"]][argument["output"]]
        return argument

    for node in nodes:
        options = {key: found(x) for key, x in node["options"].items()}
        results = layers[node["layer"]](*found(node["arguments"]), **options)
        known.append([*results] if isinstance(results, list | tuple) else [results])
    made = keras.Model(starts if len(starts) > 1 else starts[0], found(outputs), name=name)
    if not trainable:
        made.trainable = False
    return made
