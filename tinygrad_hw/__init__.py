"""tinygrad_hw: automatic differentiation that solves, explains, draws and trains a homework."""

from tinygrad_hw.engine import Value, backward_steps, gradcheck, group, no_grad

__version__ = "0.1.0"
__all__ = ["Value", "backward_steps", "gradcheck", "group", "no_grad"]
