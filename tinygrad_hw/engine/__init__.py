"""Automatic differentiation on NumPy: Values, operations on them, and their derivatives.

``core`` is the engine itself. Read its files in this order: ``trace`` (how operations are carried
out), ``data`` and ``node`` (the recorded graph), ``operation`` (the record of an operation, its
calls), ``ops`` (the table: every operation with its derivative) with ``numerics`` and
``compile_rule`` beside it, ``chain_rule`` (a rule applied at one node, backward and forward),
``graph`` (the order of the nodes), ``backward`` (the backward pass).

Above the core: ``value`` (the user's numbers and arrays), ``numpy_api`` (NumPy's functions),
``composite`` (operations written with others), ``linearized`` (functions of whole matrices),
``docstrings``, ``transforms`` (grad and its family, the gradient check, copies of graphs),
``anomaly`` (stop where a nan is made).
"""

import numpy as np

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.engine.anomaly import anomaly
from tinygrad_hw.engine.composite import Composite
from tinygrad_hw.engine.core.backward import backward
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Linear, Multilinear, Pointwise
from tinygrad_hw.engine.core.trace import group, no_grad
from tinygrad_hw.engine.linearized import Linearized
from tinygrad_hw.engine.transforms.backward_steps import BackwardEdge, backward_steps
from tinygrad_hw.engine.transforms.flatten import flatten
from tinygrad_hw.engine.transforms.grad import (
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from tinygrad_hw.engine.transforms.gradient_check import GradientError, check_grads, gradcheck
from tinygrad_hw.engine.transforms.hips import (
    deriv,
    elementwise_grad,
    grad_and_aux,
    grad_named,
    hessian_tensor_product,
    hessian_vector_product,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_vjp,
    multigrad_dict,
    tensor_jacobian_product,
    vector_jacobian_product,
)
from tinygrad_hw.engine.value import Value

# Linux's C library gives freed memory back to the system, and gets it again page by page for the
# next array: a third of the time of a small transformer. Once an array as large as this has been
# freed (nothing is written to it), the library keeps memory for the arrays to come.
np.empty(4_000_000)

__all__ = [
    "ANY_NUMBER",
    "BackwardEdge",
    "Composite",
    "GradientError",
    "Linear",
    "Linearized",
    "Multilinear",
    "Pointwise",
    "Value",
    "anomaly",
    "backward",
    "backward_steps",
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
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_vjp",
    "multigrad_dict",
    "no_grad",
    "numpy_api",
    "ops",
    "tensor_jacobian_product",
    "value_and_grad",
    "vector_jacobian_product",
    "vjp",
]
