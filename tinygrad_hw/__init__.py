"""tinygrad_hw: automatic differentiation that solves, explains, draws and trains a homework."""

from typing import Any

from tinygrad_hw.engine import (
    Value,
    anomaly,
    backward_steps,
    check_grads,
    deriv,
    elementwise_grad,
    flatten,
    grad,
    grad_and_aux,
    grad_named,
    gradcheck,
    group,
    hessian,
    hessian_tensor_product,
    hessian_vector_product,
    hvp,
    jacobian,
    jvp,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_vjp,
    multigrad_dict,
    no_grad,
    tensor_jacobian_product,
    value_and_grad,
    vector_jacobian_product,
    vjp,
)
from tinygrad_hw.program import capture

__version__ = "0.1.0"
__all__ = [
    "Value",
    "anomaly",
    "backward_steps",
    "capture",
    "check_grads",
    "deriv",
    "elementwise_grad",
    "flatten",
    "grad",
    "grad_and_aux",
    "grad_named",
    "gradcheck",
    "group",
    "hessian",
    "hessian_tensor_product",
    "hessian_vector_product",
    "hvp",
    "jacobian",
    "jvp",
    "keras",
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_vjp",
    "multigrad_dict",
    "no_grad",
    "page",
    "steps",
    "tensor_jacobian_product",
    "value_and_grad",
    "vector_jacobian_product",
    "vjp",
]


def __getattr__(name: str) -> Any:
    """Import ``keras``, ``page`` and ``steps``, and their rooms with them, when they are used.

    ``keras`` is ``tinygrad_hw.nn``: with ``import tinygrad_hw as tf`` there is ``tf.keras``.
    """
    if name == "keras":
        from tinygrad_hw import nn

        return nn
    if name == "page":
        from tinygrad_hw.explain import write_page

        return write_page
    if name == "steps":
        from tinygrad_hw.explain import steps

        return steps
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _mimebundle(value: Value, **_: Any) -> dict[str, str]:
    """Show a Value in a notebook cell: its picture, where there is one, and its text."""
    from tinygrad_hw.explain import value_bundle

    return value_bundle(value)


# Attached here because the engine knows nothing of pictures.
Value._repr_mimebundle_ = _mimebundle  # type: ignore[attr-defined]
