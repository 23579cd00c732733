"""The functions of functions that HIPS autograd has beside ``grad``, under its names.

    >>> from tinygrad_hw import elementwise_grad
    >>> elementwise_grad(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])

Each is a few lines over a recorded call. ``argnum`` is the argument to differentiate by, or several
of them; where it is several, derivatives and directions are tuples, as with ``grad``.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.transforms.grad import (
    Argnums,
    Function,
    RecordedCall,
    grad,
    hvp,
    jacobian,
)
from tinygrad_hw.engine.transforms.pytree import leaves_of, unflatten


def make_vjp(function: Function, argnum: Argnums = 0) -> Function:
    """Return a function that computes the pair (pull_back, value) at its arguments.

    ``pull_back(v)`` is vᵀJ, for a v in the structure of the value; it may be called many times.
    """

    def evaluate(*args: Any, **options: Any) -> tuple[Function, Any]:
        call = RecordedCall(function, args, options, argnum)
        return call.vector_times_jacobian, call.value()

    return evaluate


def make_jvp(function: Function, argnum: Argnums = 0) -> Function:
    """Return a function that computes ``push_forward`` at its arguments.

    ``push_forward(v)`` is the pair (value, J · v), by forward mode, for a v in the structure of the
    argument. The function itself is called once, for however many v.
    """

    def evaluate(*args: Any, **options: Any) -> Function:
        call = RecordedCall(function, args, options, argnum)
        return lambda vector: (call.value(), call.jacobian_times_vector(vector))

    return evaluate


def elementwise_grad(function: Function, argnum: Argnums = 0) -> Function:
    """Return a function that computes the gradient of the sum of all results.

    For a function that acts on each element alone, as NumPy's do, that is its derivative at each.
    """

    def evaluate(*args: Any, **options: Any) -> Any:
        pull_back, value = make_vjp(function, argnum)(*args, **options)
        return pull_back(_ones_like(value))

    return evaluate


def deriv(function: Function, argnum: Argnums = 0) -> Function:
    """Return a function that computes the derivative by a number, by forward mode.

    The result may have any shape. By an array it is the derivative as all elements grow alike.
    """

    def evaluate(*args: Any, **options: Any) -> Any:
        call = RecordedCall(function, args, options, argnum)
        return call.jacobian_times_vector(call.by_argument(_ones_like(call.inputs)))

    return evaluate


def grad_and_aux(function: Function, argnum: Argnums = 0) -> Function:
    """Return a function that computes (gradient, aux) of a function that returns (scalar, aux)."""

    def evaluate(*args: Any, **options: Any) -> tuple[Any, Any]:
        pull_back, (value, aux) = make_vjp(function, argnum)(*args, **options)
        if shape_of(value) != ():
            raise ValueError(f"grad_and_aux needs a scalar first, got shape {shape_of(value)}")
        zeros = unflatten(aux, [np.zeros(shape_of(x)) for x in leaves_of(aux)])
        return pull_back((1.0, zeros)), aux

    return evaluate


def grad_named(function: Function, argname: str) -> Function:
    """Return a function that computes the gradient by the argument of that name."""
    names = list(inspect.signature(function).parameters)
    if argname not in names:
        raise ValueError(f"no argument is named {argname!r}; there are {', '.join(names)}")
    return grad(function, names.index(argname))


def multigrad_dict(function: Function) -> Function:
    """Return a function that computes the gradients by all arguments, as a dict by their names."""
    signature = inspect.signature(function)

    def of_arguments(arguments: dict[str, Any]) -> Any:
        call = inspect.BoundArguments(signature, arguments)
        return function(*call.args, **call.kwargs)

    def evaluate(*args: Any, **options: Any) -> dict[str, Any]:
        call = signature.bind(*args, **options)
        call.apply_defaults()
        gradients: dict[str, Any] = grad(of_arguments)(dict(call.arguments))
        return gradients

    return evaluate


def make_hvp(function: Function, argnum: Argnums = 0) -> Function:
    """Return a function that computes (multiply, gradient) of a scalar function at its arguments.

    ``multiply(v)`` is the Hessian times v, for however many v.
    """
    return make_vjp(grad(function, argnum), argnum)


def hessian_tensor_product(function: Function, argnum: Argnums = 0) -> Function:
    """Return a function of (``*args``, v) that computes the Hessian of a scalar function times v.

    It is forward mode over reverse mode, as ``hvp`` is; v has the structure of the argument.
    """
    gradient = grad(function, argnum)

    def evaluate(*args: Any, **options: Any) -> Any:
        return make_jvp(gradient, argnum)(*args[:-1], **options)(args[-1])[1]

    return evaluate


def tensor_jacobian_product(function: Function, argnum: Argnums = 0) -> Function:
    """Return a function of (``*args``, v) that computes v times the Jacobian.

    v is summed over with the first dimensions of the result, as many as it has.
    """

    def product(*args: Any, **options: Any) -> Any:
        *inputs, v = args
        return numpy_api.tensordot(v, function(*inputs, **options), len(shape_of(v)))

    return jacobian(product, argnum)


hessian_vector_product = hessian_tensor_product
vector_jacobian_product = tensor_jacobian_product


def _half_squares(x: Any) -> Any:
    return 0.5 * ops.sum(ops.square(x))


def make_ggnvp(function: Function, outer: Function = _half_squares, argnum: int = 0) -> Function:
    """Return a function that computes ``multiply`` of the generalized Gauss-Newton matrix.

    ``multiply(v)`` is Jᵀ H J v, of the function's Jacobian J and the Hessian H of a scalar function
    ``outer`` at the function's value; by default of half the sum of squares.
    """

    def evaluate(*args: Any, **options: Any) -> Function:
        call = RecordedCall(function, args, options, argnum)
        value = (call.value(),)

        def multiply(vector: Any) -> Any:
            moved = (call.jacobian_times_vector(vector),)
            return call.vector_times_jacobian(*hvp(outer, value, moved))

        return multiply

    return evaluate


def _ones_like(tree: Any) -> Any:
    return unflatten(tree, [np.ones(shape_of(x)) for x in leaves_of(tree)])
