"""Numbers and derivatives, on NumPy and nothing else.

Read in this order: ``node`` (what is recorded), ``operation`` (what an operation is and how it
records), ``ops`` (the table: every operation with its derivative), ``value`` (what you compute
with), ``graph`` (the order), ``autodiff`` (the chain rule), ``gradcheck`` (do we believe it?).
"""

from tinygrad_hw.engine.autodiff import Step, backward, backward_steps
from tinygrad_hw.engine.gradcheck import GradientError, gradcheck
from tinygrad_hw.engine.modes import group, no_grad
from tinygrad_hw.engine.value import Value

__all__ = [
    "GradientError",
    "Step",
    "Value",
    "backward",
    "backward_steps",
    "gradcheck",
    "group",
    "no_grad",
]
