"""Activations by Keras's names, as functions of the logits, on arrays and Values."""

from collections.abc import Callable
from typing import Any

from tinygrad_hw.engine import numpy_api, ops

Function = Callable[[Any], Any]

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al., 2017

sigmoid, softmax, softplus, tanh = ops.sigmoid, numpy_api.softmax, ops.softplus, ops.tanh
log_softmax, exponential, silu = numpy_api.log_softmax, ops.exp, ops.silu


def linear(x: Any) -> Any:
    """Return x."""
    return x


# --- Rectifiers -----------------------------------------------------------------------------------


def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Any:
    """Return max(x, 0), with Keras's variations.

    Parameters
    ----------
    x
        The logits.
    negative_slope
        Below the threshold it is negative_slope · (x - threshold).
    max_value
        Upper limit; None is none.
    threshold
        Up to it, x counts as below.
    """
    if threshold or negative_slope:
        y = ops.where(x > threshold, x, (x - threshold) * negative_slope)
    else:
        y = ops.relu(x)
    return y if max_value is None else ops.minimum(y, float(max_value))


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Return x where it is positive, negative_slope · x elsewhere."""
    return ops.leaky_relu(x, negative_slope)


def relu6(x: Any) -> Any:
    """Return x, clipped to 0 and 6."""
    return ops.minimum(ops.relu(x), 6.0)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return x where it is positive, alpha · (exp(x) - 1) elsewhere."""
    return ops.elu(x, float(alpha))


def celu(x: Any, alpha: float = 1.0) -> Any:
    """Return x where it is positive, alpha · (exp(x / alpha) - 1) elsewhere."""
    return ops.elu(x / float(alpha)) * float(alpha)


def selu(x: Any) -> Any:
    """Return 1.0507 · x where it is positive, 1.7581 · (exp(x) - 1) elsewhere."""
    return SELU_SCALE * ops.elu(x, SELU_ALPHA)


def gelu(x: Any, approximate: bool = False) -> Any:
    """Return x · Φ(x), with the normal distribution Φ, or with an approximation by tanh."""
    if not approximate:
        return ops.gelu(x)
    return 0.5 * x * (1.0 + ops.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


def mish(x: Any) -> Any:
    """Return x · tanh(softplus(x))."""
    return x * ops.tanh(ops.softplus(x))


def squareplus(x: Any, b: float = 4) -> Any:
    """Return (x + sqrt(x² + b)) / 2."""
    return (x + ops.sqrt(ops.square(x) + float(b))) / 2.0


def hard_silu(x: Any) -> Any:
    """Return x · hard_sigmoid(x)."""
    return x * hard_sigmoid(x)


# --- Between two bounds ---------------------------------------------------------------------------


def hard_sigmoid(x: Any) -> Any:
    """Return x / 6 + 1/2, clipped to 0 and 1."""
    return relu6(x + 3.0) / 6.0


def log_sigmoid(x: Any) -> Any:
    """Return log(sigmoid(x)), without overflow."""
    return -ops.softplus(-x)


def softsign(x: Any) -> Any:
    """Return x / (1 + abs(x))."""
    return x / (1.0 + ops.abs(x))


def hard_tanh(x: Any) -> Any:
    """Return x, clipped to -1 and 1."""
    return numpy_api.clip(x, -1.0, 1.0)


# --- Shrinkage ------------------------------------------------------------------------------------


def tanh_shrink(x: Any) -> Any:
    """Return x - tanh(x)."""
    return x - ops.tanh(x)


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Return x moved towards 0 by the threshold, and 0 within."""
    return x - numpy_api.clip(x, -float(threshold), float(threshold))


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Return x, and 0 from -threshold to threshold."""
    return ops.where((x > threshold) | (x < -threshold), x, 0.0)


# --- By name --------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, Function] = {
    "linear": linear,
    "relu": relu,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "softplus": softplus,
    "tanh": tanh,
    "celu": celu,
    "elu": elu,
    "exponential": exponential,
    "gelu": gelu,
    "hard_shrink": hard_shrink,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "hard_tanh": hard_tanh,
    "leaky_relu": leaky_relu,
    "log_sigmoid": log_sigmoid,
    "log_softmax": log_softmax,
    "mish": mish,
    "relu6": relu6,
    "selu": selu,
    "silu": silu,
    "soft_shrink": soft_shrink,
    "softsign": softsign,
    "squareplus": squareplus,
    "swish": silu,
    "tanh_shrink": tanh_shrink,
}


def get(identifier: Any) -> Function:
    """Return the activation for a name, or a function as it is; None is ``linear``.

    Raises
    ------
    ValueError
        For an unknown name, and for what cannot be called.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str):
        if identifier not in ACTIVATIONS:
            raise ValueError(
                f"unknown activation {identifier!r}; known are {', '.join(ACTIVATIONS)}"
            )
        return ACTIVATIONS[identifier]
    if not callable(identifier):
        raise ValueError(f"activation should be a name or a function, got {identifier!r}")
    function: Function = identifier
    return function


def serialize(activation: Function) -> str:
    """Return the name of an activation.

    Raises
    ------
    ValueError
        For a function of one's own.
    """
    for name, known in ACTIVATIONS.items():
        if known is activation:
            return name
    raise ValueError(f"{activation!r} is no activation of this package: it has no name to write")


deserialize = get
