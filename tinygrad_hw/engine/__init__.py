"""Numbers and derivatives, on NumPy and nothing else.

Read in this order: ``modes`` (the settings), ``node`` (what is recorded), ``operation`` (what an
operation is and how it records), ``ops`` (the table: every operation with its derivative) with
``compute`` and ``composites`` beside it, ``chainrule`` (a rule applied, backward and forward, at
one node), ``graph`` (the order of the nodes), ``autodiff`` (the backward pass), ``value`` (what you
compute with), ``derivatives`` (grad and its family), ``gradcheck`` (do we believe it?).
"""

from tinygrad_hw.engine.anomaly import anomaly
from tinygrad_hw.engine.core.backward import BackwardEdge, backward, backward_steps
from tinygrad_hw.engine.core.operation import ANY_NUMBER, Composite, Linear, Multilinear, Pointwise
from tinygrad_hw.engine.core.state import group, no_grad
from tinygrad_hw.engine.transforms.grad import (
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from tinygrad_hw.engine.transforms.gradient_check import GradientError, gradcheck
from tinygrad_hw.engine.value import Value

__all__ = [
    "ANY_NUMBER",
    "BackwardEdge",
    "Composite",
    "GradientError",
    "Linear",
    "Multilinear",
    "Pointwise",
    "Value",
    "anomaly",
    "backward",
    "backward_steps",
    "grad",
    "gradcheck",
    "group",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "no_grad",
    "value_and_grad",
    "vjp",
]
